/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a conformance guest has to say what its processor and its machine do: lines of a name and a
 * value on the first serial port. It runs by itself from 0000:1000 in real mode, in vmctl as under
 * plain emulation, and must not tell one from the other.
 *
 * A guest's first lines say `mode: 64` or `mode: 32`; main() begins there, at ring 0, all memory
 * below 4 GiB mapped to itself (64) or without paging (32), interrupts off, the 8259s masked.
 */
#ifndef CONFORM_H
#define CONFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned long word;	/* 4 or 8 bytes */

/* Selectors of the table in start.S */
#define SEL_CODE32	0x08
#define SEL_DATA	0x10
#define SEL_CODE64	0x18
#define SEL_CODE16	0x20
#define SEL_DATA16	0x28
#define SEL_USER_CODE	0x33	/* as wide as the guest */
#define SEL_USER_DATA	0x3b
#define SEL_TSS		0x40	/* two entries' room */
#define SEL_SPARE	0x50	/* from here on a guest may have its own */
#define NR_SPARE	16

#define CR0_PE		0x1u
#define CR0_MP		0x2u
#define CR0_EM		0x4u
#define CR0_TS		0x8u
#define CR0_NE		0x20u
#define CR0_WP		0x10000u
#define CR0_AM		0x40000u
#define CR0_PG		0x80000000u
#define FLAG_TF		0x100u
#define FLAG_IF		0x200u
#define FLAG_NT		0x4000u
#define FLAG_RF		0x10000u
#define FLAG_VM		0x20000u
#define FLAG_AC		0x40000u

#define MEMORY		0x400000ul	/* from here to 8 MiB there is nothing but RAM */

/* What stubs in start.S push, from the stack pointer up. */
struct frame {
#ifdef __x86_64__
	word r15, r14, r13, r12, r11, r10, r9, r8;
#endif
	word di, si, bp, bx, dx, cx, ax;
	word vector, error;
	word ip, cs, flags;
	word sp, ss;		/* 64: always; 32: if it came from another ring */
};

struct tss {
#ifdef __x86_64__
	uint32_t reserved0;
	uint64_t sp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, io_map;
} __attribute__((packed));
#else
	uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
	uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi;
	uint32_t es, cs, ss, ds, fs, gs, ldtr;
	uint16_t trap, io_map;
};
#endif

#define USED		__attribute__((used))	/* by assembly alone */

#define NO_FAULT	0x100u

/* The last fault that TRY() caught. */
struct fault {
	word vector;		/* or NO_FAULT */
	word error;		/* 0 without error code */
	word cr2;		/* of a page fault */
	word at;		/* where, from the instruction tried on */
	word flags;
};

extern struct fault fault;

extern uint64_t gdt[];
extern struct tss tss;
extern uint8_t stack_top[];	/* of rings 1 to 3 */

int main(void);

/* "NAME VALUE", in hexadecimal. */
void report(const char *name, uint64_t value);
/* "NAME fault VECTOR error CODE at OFFSET", or "NAME no fault": what fault says. */
void report_fault(const char *name);
/* The processor or the machine has not got it: the whole line. */
void report_absent(const char *name);
void quit(unsigned int status) __attribute__((noreturn));

/* A handler of its own for a vector; it sees and may change what IRET goes back to. NULL: none. */
void on_vector(unsigned int vector, void (*handler)(struct frame *frame));
/* Where vector @n's gate is: DPL, type, ... */
uint64_t *gate(unsigned int n);

/* A descriptor for gdt[]; @type as in its bits 47:40, @flags its bits 55:52. */
uint64_t descriptor(uint32_t base, uint32_t limit, uint8_t type, uint8_t flags);
/* Run @code at ring 3 until it makes INT 80h; a fault there ends it too, and is in fault. */
word in_ring3(void (*code)(void));

/* Have interrupts on for 20 ms by the 8254's channel 2, in which what devices want comes. */
void let_come(void);

/* An instruction that may fault. Return: the vector, or NO_FAULT. */
#define TRY(insn, ...) ({							\
	fault.vector = NO_FAULT;						\
	asm volatile("1: " insn "\n2:\n"					\
		     ".pushsection .extable, \"a\"\n"				\
		     WORD " 1b, 2b\n"						\
		     ".popsection" : __VA_ARGS__);				\
	fault.vector;								\
})
/* It, and a line about it. */
#define REPORT_TRY(name, insn, ...) do {					\
	TRY(insn, __VA_ARGS__);							\
	report_fault(name);							\
} while (0)

#ifdef __x86_64__
#define WORD	".quad"
#define AX	"rax"
#else
#define WORD	".long"
#define AX	"eax"
#endif

static inline void outb(uint8_t value, uint16_t port)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint32_t read32(uint32_t at)
{
	return *(volatile uint32_t *)(word)at;
}

static inline void write32(uint32_t at, uint32_t value)
{
	*(volatile uint32_t *)(word)at = value;
}

static inline word read_cr0(void)
{
	word value;

	asm volatile("mov %%cr0, %0" : "=r"(value));
	return value;
}

static inline void write_cr0(word value)
{
	asm volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

static inline word read_cr3(void)
{
	word value;

	asm volatile("mov %%cr3, %0" : "=r"(value));
	return value;
}

static inline void write_cr3(word value)
{
	asm volatile("mov %0, %%cr3" : : "r"(value) : "memory");
}

static inline word read_cr4(void)
{
	word value;

	asm volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

static inline void write_cr4(word value)
{
	asm volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline word read_flags(void)
{
	word value;

	asm volatile("pushf; pop %0" : "=r"(value));
	return value;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
		     : "memory");
}

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static inline word try_wrmsr(uint32_t msr, uint64_t value)
{
	return TRY("wrmsr", : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
		   : "memory");
}

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid c;

	asm volatile("cpuid" : "=a"(c.eax), "=b"(c.ebx), "=c"(c.ecx), "=d"(c.edx)
		     : "a"(leaf), "c"(subleaf));
	return c;
}

#endif
