/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the emulator share with each other and with nobody else: operands, memory,
 * arithmetic.
 */
#ifndef SVMM_EMULATE_INTERNAL_H
#define SVMM_EMULATE_INTERNAL_H

#include "emulate.h"

#define X86_FLAG_CF	BIT(0)
#define X86_FLAG_PF	BIT(2)
#define X86_FLAG_AF	BIT(4)
#define X86_FLAG_ZF	BIT(6)
#define X86_FLAG_SF	BIT(7)
#define X86_FLAG_DF	BIT(10)
#define X86_FLAG_OF	BIT(11)
#define X86_FLAG_RF	BIT(16)
#define X86_FLAG_VM	BIT(17)
#define X86_FLAG_AC	BIT(18)
#define X86_FLAGS_ARITH	(X86_FLAG_CF | X86_FLAG_PF | X86_FLAG_AF | X86_FLAG_ZF | \
			 X86_FLAG_SF | X86_FLAG_OF)

#define X86_CR0_BIT_PE	BIT(0)
#define X86_CR0_BIT_EM	BIT(2)
#define X86_CR0_BIT_TS	BIT(3)
#define X86_CR0_BIT_WP	BIT(16)
#define X86_CR0_BIT_AM	BIT(18)
#define X86_CR0_BIT_PG	BIT(31)
#define X86_CR4_BIT_PSE		BIT(4)
#define X86_CR4_BIT_PAE		BIT(5)
#define X86_CR4_BIT_OSFXSR	BIT(9)
#define X86_CR4_BIT_LA57	BIT(12)
#define X86_CR4_BIT_OSXSAVE	BIT(18)
#define X86_CR4_BIT_SMEP	BIT(20)
#define X86_CR4_BIT_SMAP	BIT(21)
#define X86_CR4_BIT_PKE		BIT(22)
#define X86_EFER_BIT_LMA	BIT(10)
#define X86_EFER_BIT_NXE	BIT(11)

#define SEG_TYPE_ACCESSED	BIT(0)
#define SEG_TYPE_WRITE	BIT(1)	/* data: writable; code: readable */
#define SEG_TYPE_DOWN	BIT(2)	/* data: expand-down; code: conforming */
#define SEG_TYPE_CODE	BIT(3)
#define SEG_S		BIT(4)
#define SEG_P		BIT(7)
#define SEG_L		BIT(9)
#define SEG_DB		BIT(10)
#define SEG_G		BIT(11)

/* All ones in the low @bytes (1, 2, 4, 8). */
static inline u64 size_mask(unsigned int bytes)
{
	return ~0ULL >> (64 - 8 * bytes);
}

static inline u64 sign_extend(u64 val, unsigned int bytes)
{
	unsigned int shift = 64 - 8 * bytes;

	return (u64)((s64)(val << shift) >> shift);
}

static inline bool is_canonical(u64 linear, u64 cr4)
{
	unsigned int shift = cr4 & X86_CR4_BIT_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(linear << shift) >> shift) == linear;
}

static inline int emu_raise(struct emu *e, u8 vector, bool has_error)
{
	e->exception = (struct emu_exception){ .vector = vector, .has_error = has_error };
	return EMU_EXCEPTION;
}

/* The ModRM operand, once it is known where it is. */
struct operand {
	bool mem;
	u8 bytes;
	u8 reg;		/* if !mem */
	u64 linear;	/* if mem */
};

u64 reg_read(const struct emu *e, unsigned int reg, unsigned int bytes);
void reg_write(struct emu *e, unsigned int reg, unsigned int bytes, u64 val);
void addr_reg_write(struct emu *e, unsigned int reg, u64 val);
u64 effective_address(const struct emu *e, unsigned int *seg);
unsigned int data_segment(const struct emu *e);
unsigned int stack_addr_bytes(const struct emu *e);

int mem_read(struct emu *e, u64 linear, unsigned int bytes, unsigned int access, u64 *val);
int mem_write(struct emu *e, u64 linear, unsigned int bytes, u64 val);

int rm_locate(struct emu *e, unsigned int bytes, unsigned int access, struct operand *op);
int rm_load(struct emu *e, const struct operand *op, unsigned int access, u64 *val);
int rm_fetch(struct emu *e, unsigned int bytes, unsigned int access, struct operand *op, u64 *val);
int rm_store(struct emu *e, const struct operand *op, u64 val);
int rm_update(struct emu *e, const struct operand *op, u64 old, u64 val);

enum alu_op { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
enum shift_op { SHIFT_ROL, SHIFT_ROR, SHIFT_RCL, SHIFT_RCR, SHIFT_SHL, SHIFT_SHR, SHIFT_SAL,
		SHIFT_SAR };

u64 alu(enum alu_op op, u64 a, u64 b, unsigned int bytes, u64 *rflags);
u64 alu_shift(enum shift_op op, u64 a, unsigned int count, unsigned int bytes, u64 *rflags);
bool condition(unsigned int cc, u64 rflags);

int load_segment(struct emu *e, unsigned int reg, u16 selector);
int load_far_pointer(struct emu *e, unsigned int reg);
int emulate_string(struct emu *e);
int emulate_simd(struct emu *e);

#endif /* SVMM_EMULATE_INTERNAL_H */
