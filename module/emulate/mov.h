/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A plain MOV between memory and a register in 64-bit code, which is what drivers use for their
 * devices: all of it that does not depend on registers is found out once. Pure C; what it does not
 * take is the emulator's (emulate.c).
 */
#ifndef SVMM_EMULATE_MOV_H
#define SVMM_EMULATE_MOV_H

#include "emulate.h"

#define X86_MOV_NONE	0xff	/* no such register */
#define X86_MOV_RIP	0xfe	/* as a base: the next instruction's address */

/**
 * struct x86_mov - a plain MOV, MOVZX or MOVSX with a memory operand
 * @len: of the instruction
 * @bytes: of memory: 1, 2, 4 or 8
 * @to: of the register that a load writes: likewise
 * @reg: enum x86_gpr that is loaded or stored; X86_MOV_NONE: @imm is stored
 * @base: enum x86_gpr, X86_MOV_RIP or X86_MOV_NONE
 * @index: enum x86_gpr or X86_MOV_NONE
 * @shift: of the index
 * @store: to memory
 * @sign: a load extends the sign
 * @disp: of the address
 * @imm: in its lower @bytes, or with its sign extended
 */
struct x86_mov {
	u8 len;
	u8 bytes;
	u8 to;
	u8 reg;
	u8 base;
	u8 index;
	u8 shift;
	bool store;
	bool sign;
	s32 disp;
	s32 imm;
};

/**
 * x86_plain_mov() - is that one?
 * @insn: a decoded instruction
 * @mov: filled in
 *
 * No prefixes but REX, 66 and those that 64-bit code ignores; no high byte registers; the segment's
 * base is 0, as that of DS and SS is in 64-bit code.
 */
bool x86_plain_mov(const struct x86_insn *insn, struct x86_mov *mov);

/* The operand's address. @rip: of the instruction. */
static inline u64 x86_mov_linear(const struct x86_mov *mov, const u64 *regs, u64 rip)
{
	u64 linear = mov->disp;

	if (mov->base == X86_MOV_RIP)
		linear += rip + mov->len;
	else if (mov->base != X86_MOV_NONE)
		linear += regs[mov->base];
	if (mov->index != X86_MOV_NONE)
		linear += regs[mov->index] << mov->shift;
	return linear;
}

/* What a store writes, in its lower @bytes; the others are 0. */
static inline u64 x86_mov_stored(const struct x86_mov *mov, const u64 *regs)
{
	u64 value = mov->reg == X86_MOV_NONE ? (u64)(s64)mov->imm : regs[mov->reg];

	return value & (~0ULL >> (64 - 8 * mov->bytes));
}

/* What the register holds after a load of @data, which has no more than its @bytes. */
u64 x86_mov_narrow_loaded(const struct x86_mov *mov, u64 old, u64 data);

static inline u64 x86_mov_loaded(const struct x86_mov *mov, u64 old, u64 data)
{
	/* All that is wider than 2 bytes leaves nothing of the register. */
	return mov->bytes >= 4 && !mov->sign ? data : x86_mov_narrow_loaded(mov, old, data);
}

#endif
