// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic as the CPU does it: results and the six arithmetic flags (APM vol. 3, appendix F).
 * Pure functions of their arguments; they know nothing of operands. The trick: carry and borrow
 * out of the top bit are recovered from the operands and the result with bit logic, so 8 and
 * 64-bit operations are the same code, and nothing wider than 64 bits is needed.
 *
 * Flags that the APM leaves undefined are set as a logical instruction or are left alone.
 */
#include "internal.h"

static u64 flag_if(bool cond, u64 flag)
{
	return cond ? flag : 0;
}

/* PF, ZF and SF follow from the result alone; PF from its low byte (APM vol. 1, 3.1.4). */
static u64 flags_of_result(u64 r, unsigned int bytes)
{
	unsigned int parity = r & 0xff;

	parity ^= parity >> 4;
	parity ^= parity >> 2;
	parity ^= parity >> 1;
	return flag_if(!(parity & 1), X86_FLAG_PF) |
	       flag_if(!(r & size_mask(bytes)), X86_FLAG_ZF) |
	       flag_if(r >> (8 * bytes - 1) & 1, X86_FLAG_SF);
}

static u64 add(u64 a, u64 b, u64 carry, unsigned int bytes, u64 *rflags)
{
	unsigned int msb = 8 * bytes - 1;
	u64 r = a + b + carry;
	u64 out = (a & b) | ((a | b) & ~r);

	*rflags = (*rflags & ~X86_FLAGS_ARITH) | flags_of_result(r, bytes) |
		  flag_if(out >> msb & 1, X86_FLAG_CF) |
		  flag_if((a ^ r) & (b ^ r) & BIT_ULL(msb), X86_FLAG_OF) |
		  ((a ^ b ^ r) & X86_FLAG_AF);
	return r & size_mask(bytes);
}

static u64 sub(u64 a, u64 b, u64 borrow, unsigned int bytes, u64 *rflags)
{
	unsigned int msb = 8 * bytes - 1;
	u64 r = a - b - borrow;
	u64 out = (~a & b) | (~(a ^ b) & r);

	*rflags = (*rflags & ~X86_FLAGS_ARITH) | flags_of_result(r, bytes) |
		  flag_if(out >> msb & 1, X86_FLAG_CF) |
		  flag_if((a ^ b) & (a ^ r) & BIT_ULL(msb), X86_FLAG_OF) |
		  ((a ^ b ^ r) & X86_FLAG_AF);
	return r & size_mask(bytes);
}

static u64 logic(u64 r, unsigned int bytes, u64 *rflags)
{
	*rflags = (*rflags & ~X86_FLAGS_ARITH) | flags_of_result(r, bytes);
	return r & size_mask(bytes);
}

/* ALU_CMP returns the difference like ALU_SUB: the caller does not store it. */
u64 alu(enum alu_op op, u64 a, u64 b, unsigned int bytes, u64 *rflags)
{
	u64 carry = *rflags & X86_FLAG_CF;

	switch (op) {
	case ALU_ADD:
		return add(a, b, 0, bytes, rflags);
	case ALU_ADC:
		return add(a, b, carry, bytes, rflags);
	case ALU_SUB:
	case ALU_CMP:
		return sub(a, b, 0, bytes, rflags);
	case ALU_SBB:
		return sub(a, b, carry, bytes, rflags);
	case ALU_AND:
		return logic(a & b, bytes, rflags);
	case ALU_OR:
		return logic(a | b, bytes, rflags);
	case ALU_XOR:
		break;
	}
	return logic(a ^ b, bytes, rflags);
}

/* One bit of a shift or rotate, to the left if @op is even; CF in and out through @cf. */
static u64 shift_one(enum shift_op op, u64 a, unsigned int msb, bool *cf)
{
	bool top = a >> msb & 1, low = a & 1, in = false;

	if (op == SHIFT_ROL || op == SHIFT_SAR)
		in = top;
	else if (op == SHIFT_ROR)
		in = low;
	else if (op == SHIFT_RCL || op == SHIFT_RCR)
		in = *cf;
	*cf = op & 1 ? low : top;
	if (op & 1)
		return (a & size_mask((msb + 1) / 8)) >> 1 | (u64)in << msb;
	return a << 1 | in;
}

/*
 * Bit by bit, at most 63 times. The count is masked to 5 or 6 bits; a count of 0 leaves the flags
 * alone. Rotates change CF and OF only. OF is defined for single-bit counts; the last step's is
 * taken for longer ones, which is what the rotated result shows.
 */
u64 alu_shift(enum shift_op op, u64 a, unsigned int count, unsigned int bytes, u64 *rflags)
{
	unsigned int msb = 8 * bytes - 1;
	bool cf = *rflags & X86_FLAG_CF, rotate = op <= SHIFT_RCR, of;
	u64 first_msb = 0;

	count &= bytes == 8 ? 63 : 31;
	if (!count)
		return a & size_mask(bytes);
	for (; count; count--) {
		first_msb = a >> msb & 1;
		a = shift_one(op, a, msb, &cf);
	}
	a &= size_mask(bytes);
	of = (a >> msb & 1) != first_msb;
	*rflags &= ~(rotate ? X86_FLAG_CF | X86_FLAG_OF : X86_FLAGS_ARITH);
	*rflags |= flag_if(cf, X86_FLAG_CF) | flag_if(of, X86_FLAG_OF);
	if (!rotate)
		*rflags |= flags_of_result(a, bytes);
	return a;
}

/* The condition codes of Jcc, SETcc, CMOVcc (APM vol. 3, table 1-15); odd ones are negated. */
bool condition(unsigned int cc, u64 rflags)
{
	static const u64 any_of[] = { X86_FLAG_OF, X86_FLAG_CF, X86_FLAG_ZF,
				      X86_FLAG_CF | X86_FLAG_ZF, X86_FLAG_SF, X86_FLAG_PF, 0,
				      X86_FLAG_ZF };
	bool less = !(rflags & X86_FLAG_SF) != !(rflags & X86_FLAG_OF);
	bool res = rflags & any_of[cc >> 1 & 7] || (less && (cc & 12) == 12);

	return res != (cc & 1);
}
