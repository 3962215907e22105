/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the memory operand of a random instruction is, and what the APM says of its flags. The
 * trick: what is missing from the operand's address to some place in the buffer is added to one of
 * its registers, or to a displacement.
 *
 * Whoever includes this has some_selector(), put_operand() and STACK_TOP, the stack of who is tame.
 */
#ifndef SELFTESTS_UNIT_EMULATE_STEER_H
#define SELFTESTS_UNIT_EMULATE_STEER_H

#include "emulate_build.h"

/* An offset to aim at in @seg: mostly inside, sometimes at an edge. */
static u64 pick_target(const struct test *t, unsigned int seg)
{
	const struct emu_seg *s = &t->e.seg[seg];

	if (t->bits == 64) {
		u64 base = seg >= X86_SEG_FS ? s->base : 0;

		if (!tame && chance(3))
			return BUF + BUF_SIZE - below(20) - base;
		if (!tame && chance(2))		/* not canonical, or about to be */
			return (rng() & 1 ? 0x00007ffffffffff0 : 0x8000000000000000) + below(32);
		return BUF + 64 + below(BUF_SIZE - 128) - base;
	}
	if (tame)
		return BUF + 0x200 + below(0xf000) - s->base;
	if (s->attrib & SEG_TYPE_DOWN && !(s->attrib & SEG_TYPE_CODE))
		return chance(10) ? s->limit - 8 + below(16) :
				    s->limit + 1 + below(0xfff0 - s->limit);
	return chance(10) ? s->limit - 8 + below(12) : below(s->limit);
}

/* What the CPU is to find at @linear, if it is to be anything in particular. */
static void plant(const struct test *t, u64 linear)
{
	u64 val = t->e.rip + t->len;

	if (t->k->flags & K_BRANCH && !tame && chance(10))
		val = t->bits == 64 ? (rng() >> 2 | 1UL << 63) : 0x10000 - below(0xe000);
	if (t->k->flags & K_SEG)
		val = some_selector();
	if (t->k->flags & K_FAR)
		linear += min_t(u8, t->e.insn.opsize, 4);
	if (!(t->k->flags & (K_SEG | K_BRANCH)) || !in_buffer(linear, 8))
		return;
	put_operand(linear, val);
}

/*
 * Steer the memory operands into the buffer by adding what is missing to a register. False: this
 * one cannot be steered, or would go where a native run could do harm.
 */
static bool steer(struct test *t)
{
	struct emu *e = &t->e;
	struct x86_insn *insn = &e->insn;
	unsigned int seg, reg, i;
	u64 linear, ea;

	if (t->len > 15)
		return false;
	if (tame && t->bits != 64)
		e->regs[X86_RSP] = STACK_TOP;
	/* LOCK and the like may make it undefined: then nothing needs steering */
	if (x86_decode(insn, t->bytes, t->len, t->bits == 64 ? X86_MODE_64 : t->bits == 32 ?
		       X86_MODE_32 : X86_MODE_16))
		return true;
	if (insn->len != t->len)
		return false;
	if (t->encoding == EVEX && insn->disp_len == 1)
		insn->disp *= t->bytes_moved;

	if (t->k->flags & K_STR) {
		u64 mask = size_mask(insn->adsize);

		e->regs[X86_RCX] = chance(5) ? rng() & ~mask : (rng() & ~mask) | below(6);
		e->regs[X86_RSI] = pick_target(t, data_segment(e));
		e->regs[X86_RDI] = pick_target(t, X86_SEG_ES);
		if (chance(20))
			e->regs[X86_RSI] |= rng() & ~mask;
		if (chance(20))
			e->regs[X86_RDI] |= rng() & ~mask;
		/* With a 32-bit count of 0, Intel clears upper halves and AMD does not. */
		if (insn->adsize == 4 && !(u32)e->regs[X86_RCX]) {
			e->regs[X86_RCX] = 0;
			e->regs[X86_RSI] = (u32)e->regs[X86_RSI];
			e->regs[X86_RDI] = (u32)e->regs[X86_RDI];
		}
		return true;
	}
	if (t->k->flags & K_STACK) {
		e->regs[X86_RSP] = tame ? STACK_TOP : pick_target(t, X86_SEG_SS) & ~7ULL;
		if (t->bits == 64 && !tame && !in_buffer(e->regs[X86_RSP], 1))
			return false;
	}
	if (t->k->flags & K_MOFFS && tame && t->bits != 64)
		return insn->seg == X86_SEG_ES || insn->seg == X86_SEG_GS;
	if (t->k->flags & K_MOFFS || insn->mod == 3)
		return true;

	for (i = 0; i < 2; i++) {
		u64 delta;

		ea = effective_address(e, &seg);
		if (seg == X86_SEG_FS)
			return false;
		delta = pick_target(t, seg) - ea;
		/* half of the SSE operands are to be aligned */
		if (t->k->flags & K_SSE && (tame || rng() & 1))
			delta -= (t->e.seg[seg].base * (t->bits != 64 || seg == X86_SEG_GS) +
				  ea + delta) & (t->bytes_moved - 1);
		if (t->bits != 64)
			delta = (u32)delta;
		if (insn->adsize == 2) {
			static const u8 base[] = { 3, 3, 5, 5, 6, 7, 5, 3 };

			if ((insn->modrm & 7) == 6 && !insn->mod)
				break;
			reg = base[insn->modrm & 7];
		} else if (insn->has_sib) {
			reg = (insn->sib & 7) | (insn->rex & 1) << 3;
			if ((reg & 7) == 5 && !insn->mod)
				return false;
		} else if ((insn->modrm & 7) == 5 && !insn->mod) {
			/* absolute or RIP-relative: patch the displacement */
			s32 disp = insn->disp + delta;

			memcpy(t->bytes + insn->len - insn->imm_len - 4, &disp, 4);
			if (x86_decode(insn, t->bytes, t->len, insn->mode))
				return false;
			break;
		} else {
			reg = insn->rm;
		}
		/* PUSH and POP: the stack stays where it is; else faults may need it */
		if (reg == X86_RSP && (t->k->flags & K_STACK || (tame && t->bits != 64)))
			break;
		e->regs[reg] += delta;
		if (t->bits != 64)
			e->regs[reg] = (u32)e->regs[reg];
		else if (insn->adsize == 4)
			e->regs[reg] = (u32)e->regs[reg] | (rng() << 32);
		ea = effective_address(e, &seg);
		if (in_buffer(ea + (t->bits == 64 ? 0 : BUF), 1))
			break;
	}
	if (t->k->flags & K_BIT) {
		s64 offset = sign_extend(e->regs[insn->reg], insn->opsize);

		if (offset > 0x10000 || offset < -0x10000) {
			if (insn->reg == X86_RSP)
				return false;
			e->regs[insn->reg] = sign_extend(below(0x8000), 2);
		}
	}
	emu_operand_linear(e, 0, 0, &linear);
	plant(t, linear);
	if (tame)
		return in_buffer(linear, 1);
	if (is_canonical(linear, 0) && !in_buffer(linear - 0x4000, 1) &&
	    !in_buffer(linear + 0x4000, 1))
		return false;
	return true;
}

/* The flags that the APM leaves undefined after this instruction. */
static u64 undefined_flags(const struct test *t)
{
	const struct x86_insn *insn = &t->e.insn;
	unsigned int width = 8 * (insn->opcode & 1 ? insn->opsize : 1), count;
	u64 mask = 0;

	if (t->k->undefined != UNDEF_SHIFT)
		return t->k->undefined;
	count = insn->opcode < 0xd0 ? insn->imm & 0xff : insn->opcode < 0xd2 ? 1 :
		t->e.regs[X86_RCX] & 0xff;
	count &= width == 64 ? 63 : 31;
	if (!count)
		return 0;
	if (count != 1)
		mask |= X86_FLAG_OF;
	if ((insn->modrm >> 3 & 7) >= 4) {
		mask |= X86_FLAG_AF;
		if (count >= width)
			mask |= X86_FLAG_CF;
	}
	return mask;
}

#endif /* SELFTESTS_UNIT_EMULATE_STEER_H */
