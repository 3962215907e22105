// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator for instructions that touch memory which is not RAM: decode, load, compute, store,
 * on a copy of the guest's registers. It owns what each instruction does; it must not know how
 * memory is reached, nor what is behind it. The trick: nothing but the copy changes before the
 * single store at the end, so any callback may stop the instruction and have it start over.
 */
#include "internal.h"

static unsigned int operand_bytes(const struct x86_insn *insn)
{
	return insn->opcode & 1 ? insn->opsize : 1;
}

/* ---- loads and stores -------------------------------------------------------------------- */

static int load_rm(struct emu *e, unsigned int bytes)
{
	u64 val;
	int ret = emu_read_rm(e, bytes, &val);

	if (!ret)
		reg_write(e, e->insn.reg, bytes, val);
	return ret;
}

/* MOVZX, MOVSX, MOVSXD: @from bytes of memory to the operand size. */
static int load_extended(struct emu *e, unsigned int from, bool sign)
{
	u64 val;
	int ret = emu_read_rm(e, from, &val);

	if (!ret)
		reg_write(e, e->insn.reg, e->insn.opsize, sign ? sign_extend(val, from) : val);
	return ret;
}

/* A0..A3: MOV between rAX and an absolute offset. */
static int mov_moffs(struct emu *e)
{
	unsigned int bytes = operand_bytes(&e->insn);
	bool store = e->insn.opcode & 2;
	u64 linear, val;
	int ret;

	ret = emu_linear(e, data_segment(e), e->insn.disp, bytes,
			 store ? GUEST_WRITE : GUEST_READ, &linear);
	if (ret)
		return ret;
	if (store)
		return mem_write(e, linear, bytes, e->regs[X86_RAX]);
	ret = mem_read(e, linear, bytes, GUEST_READ, &val);
	if (!ret)
		reg_write(e, X86_RAX, bytes, val);
	return ret;
}

/* MOV from Sreg: memory gets 16 bits whatever the operand size (APM vol. 3, MOV). */
static int store_sreg(struct emu *e)
{
	u16 selector = e->seg[e->insn.modrm >> 3 & 7].selector;

	return emu_write_rm(e, e->insn.mod == 3 ? e->insn.opsize : 2, selector);
}

static int load_sreg(struct emu *e)
{
	u64 selector;
	int ret = emu_read_rm(e, 2, &selector);

	return ret ? ret : load_segment(e, e->insn.modrm >> 3 & 7, selector);
}

/* CLFLUSH, CLFLUSHOPT, CLWB: checked as a load of a byte; there is no cache to flush. */
static int flush_line(struct emu *e)
{
	unsigned int ext = e->insn.modrm >> 3 & 7;
	u64 linear;

	if (e->insn.mod == 3 || e->insn.rep || ext != (e->insn.opsize_prefix ? ext | 6 : 7))
		return EMU_FAIL;
	return emu_operand_linear(e, 1, GUEST_READ, &linear);
}

static u64 swap_bytes(u64 val, unsigned int bytes)
{
	u64 r = 0;

	for (; bytes; bytes--, val >>= 8)
		r = r << 8 | (val & 0xff);
	return r;
}

/* 0F 38 F0 and F1; with F2 they are CRC32. */
static int movbe(struct emu *e)
{
	unsigned int bytes = e->insn.opsize;
	u64 val;
	int ret;

	if (e->insn.rep || e->insn.mod == 3)
		return EMU_FAIL;
	if (e->insn.opcode & 1)
		return emu_write_rm(e, bytes, swap_bytes(reg_read(e, e->insn.reg, bytes), bytes));
	ret = emu_read_rm(e, bytes, &val);
	if (!ret)
		reg_write(e, e->insn.reg, bytes, swap_bytes(val, bytes));
	return ret;
}

static int movnti(struct emu *e)
{
	unsigned int bytes = e->insn.rex & 8 ? 8 : 4;	/* in 16-bit code, too */

	if (e->insn.opsize_prefix || e->insn.rep)
		return emu_raise(e, X86_VEC_UD, false);
	return emu_write_rm(e, bytes, reg_read(e, e->insn.reg, bytes));
}

static int cmov(struct emu *e)
{
	unsigned int bytes = e->insn.opsize;
	u64 val;
	int ret = emu_read_rm(e, bytes, &val);	/* read, and faulting, in any case */

	if (ret)
		return ret;
	if (!condition(e->insn.opcode, e->rflags))
		val = reg_read(e, e->insn.reg, bytes);	/* still clears the upper half */
	reg_write(e, e->insn.reg, bytes, val);
	return EMU_OK;
}

/* ---- arithmetic -------------------------------------------------------------------------- */

/* op r/m, @src */
static int alu_to_rm(struct emu *e, enum alu_op kind, unsigned int bytes, u64 src)
{
	unsigned int access = kind == ALU_CMP ? GUEST_READ : GUEST_WRITE;
	struct operand op;
	u64 old, val;
	int ret;

	ret = rm_fetch(e, bytes, access, &op, &old);
	if (ret)
		return ret;
	val = alu(kind, old, src & size_mask(bytes), bytes, &e->rflags);
	return kind == ALU_CMP ? EMU_OK : rm_update(e, &op, old, val);
}

/* op reg, r/m */
static int alu_to_reg(struct emu *e, enum alu_op kind, unsigned int bytes)
{
	u64 a = reg_read(e, e->insn.reg, bytes), b, val;
	int ret = emu_read_rm(e, bytes, &b);

	if (ret)
		return ret;
	val = alu(kind, a, b, bytes, &e->rflags);
	if (kind != ALU_CMP)
		reg_write(e, e->insn.reg, bytes, val);
	return EMU_OK;
}

/* The first six opcodes of rows 00..38; 4 and 5 do not touch memory. */
static int alu_row(struct emu *e)
{
	enum alu_op kind = e->insn.opcode >> 3 & 7;
	unsigned int bytes = operand_bytes(&e->insn);

	switch (e->insn.opcode & 7) {
	case 0:
	case 1:
		return alu_to_rm(e, kind, bytes, reg_read(e, e->insn.reg, bytes));
	case 2:
	case 3:
		return alu_to_reg(e, kind, bytes);
	}
	return EMU_FAIL;
}

/* TEST r/m, @src: an AND that stores nothing. */
static int test_rm(struct emu *e, unsigned int bytes, u64 src)
{
	u64 val;
	int ret = emu_read_rm(e, bytes, &val);

	if (!ret)
		alu(ALU_AND, val, src & size_mask(bytes), bytes, &e->rflags);
	return ret;
}

enum unary_op { UNARY_NOT, UNARY_NEG, UNARY_INC, UNARY_DEC };

static int unary(struct emu *e, enum unary_op kind)
{
	unsigned int bytes = operand_bytes(&e->insn);
	struct operand op;
	u64 old, val = 0, carry = e->rflags & X86_FLAG_CF;
	int ret;

	ret = rm_fetch(e, bytes, GUEST_WRITE, &op, &old);
	if (ret)
		return ret;
	switch (kind) {
	case UNARY_NOT:
		val = ~old;
		break;
	case UNARY_NEG:
		val = alu(ALU_SUB, 0, old, bytes, &e->rflags);
		break;
	case UNARY_INC:		/* these leave CF alone */
	case UNARY_DEC:
		val = alu(kind == UNARY_INC ? ALU_ADD : ALU_SUB, old, 1, bytes, &e->rflags);
		e->rflags = (e->rflags & ~X86_FLAG_CF) | carry;
	}
	return rm_update(e, &op, old, val);
}

static int group3(struct emu *e)
{
	switch (e->insn.modrm >> 3 & 7) {
	case 0:
	case 1:
		return test_rm(e, operand_bytes(&e->insn), e->insn.imm);
	case 2:
		return unary(e, UNARY_NOT);
	case 3:
		return unary(e, UNARY_NEG);
	}
	return EMU_FAIL;	/* MUL, IMUL, DIV, IDIV */
}

static int shift(struct emu *e, unsigned int count)
{
	unsigned int bytes = operand_bytes(&e->insn);
	struct operand op;
	u64 old, val;
	int ret;

	ret = rm_fetch(e, bytes, GUEST_WRITE, &op, &old);
	if (ret)
		return ret;
	val = alu_shift(e->insn.modrm >> 3 & 7, old, count & 0xff, bytes, &e->rflags);
	return rm_update(e, &op, old, val);
}

/* ---- bit strings ------------------------------------------------------------------------- */

/* In the order of the reg field of 0F BA /4../7 and of bits 4:3 of the opcodes A3, AB, B3, BB. */
enum bit_op { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

/*
 * A register bit offset is signed and reaches beyond the operand: its high part moves the address
 * in units of the operand size (APM vol. 3, BT). An immediate one does not.
 */
static int bit_locate(struct emu *e, bool from_reg, unsigned int access, struct operand *op,
		      unsigned int *bit)
{
	unsigned int bytes = e->insn.opsize, seg;
	s64 offset;
	u64 ea;

	if (!from_reg || e->insn.mod == 3) {
		*bit = (from_reg ? e->regs[e->insn.reg] : (u64)e->insn.imm) & (8 * bytes - 1);
		return rm_locate(e, bytes, access, op);
	}
	offset = sign_extend(e->regs[e->insn.reg], bytes);
	*bit = offset & (8 * bytes - 1);
	ea = effective_address(e, &seg);
	ea += (u64)((offset - (s64)*bit) / 8);
	ea &= size_mask(e->insn.adsize);
	*op = (struct operand){ .mem = true, .bytes = bytes };
	return emu_linear(e, seg, ea, bytes, access, &op->linear);
}

static int bit_test(struct emu *e, enum bit_op kind, bool from_reg)
{
	unsigned int access = kind == BIT_TEST ? GUEST_READ : GUEST_WRITE, bit;
	struct operand op;
	u64 old, val;
	int ret;

	ret = bit_locate(e, from_reg, access, &op, &bit);
	if (!ret)
		ret = rm_load(e, &op, access, &old);
	if (ret)
		return ret;
	val = old & ~BIT_ULL(bit);
	if (kind == BIT_SET || (kind == BIT_COMPLEMENT && !(old >> bit & 1)))
		val |= BIT_ULL(bit);
	e->rflags &= ~X86_FLAG_CF;
	e->rflags |= old >> bit & 1 ? X86_FLAG_CF : 0;
	return kind == BIT_TEST ? EMU_OK : rm_update(e, &op, old, val);
}

/* ---- exchanges --------------------------------------------------------------------------- */

static int exec_xchg(struct emu *e)
{
	unsigned int bytes = operand_bytes(&e->insn);
	u64 src = reg_read(e, e->insn.reg, bytes), old;
	struct operand op;
	int ret;

	e->insn.lock = true;	/* implied (APM vol. 3, XCHG) */
	ret = rm_fetch(e, bytes, GUEST_WRITE, &op, &old);
	if (!ret)
		ret = rm_update(e, &op, old, src);
	if (!ret)
		reg_write(e, e->insn.reg, bytes, old);
	return ret;
}

static int exec_xadd(struct emu *e)
{
	unsigned int bytes = operand_bytes(&e->insn);
	u64 src = reg_read(e, e->insn.reg, bytes), old, sum;
	struct operand op;
	int ret;

	ret = rm_fetch(e, bytes, GUEST_WRITE, &op, &old);
	if (ret)
		return ret;
	sum = alu(ALU_ADD, old, src, bytes, &e->rflags);
	/* the register first: if both operands are the same one, the sum stays */
	reg_write(e, e->insn.reg, bytes, old);
	return rm_update(e, &op, old, sum);
}

/* Memory is written in either case, with its old value if the comparison failed. */
static int exec_cmpxchg(struct emu *e)
{
	unsigned int bytes = operand_bytes(&e->insn);
	u64 acc = e->regs[X86_RAX] & size_mask(bytes), old;
	struct operand op;
	bool equal;
	int ret;

	/* vendors differ in the upper half of a register that is not exchanged */
	if (e->insn.mod == 3)
		return EMU_FAIL;
	ret = rm_fetch(e, bytes, GUEST_WRITE, &op, &old);
	if (ret)
		return ret;
	alu(ALU_CMP, acc, old, bytes, &e->rflags);
	equal = acc == old;
	ret = rm_update(e, &op, old, equal ? reg_read(e, e->insn.reg, bytes) : old);
	if (!ret && !equal)
		reg_write(e, X86_RAX, bytes, old);
	return ret;
}

static int exec_cmpxchg8b(struct emu *e)
{
	struct operand op;
	bool equal;
	u64 old;
	int ret;

	if ((e->insn.modrm >> 3 & 7) != 1 || e->insn.rex & 8)
		return EMU_FAIL;	/* CMPXCHG16B, RDRAND, ... */
	ret = rm_fetch(e, 8, GUEST_WRITE, &op, &old);
	if (ret)
		return ret;
	equal = old == (e->regs[X86_RDX] << 32 | (u32)e->regs[X86_RAX]);
	ret = rm_update(e, &op, old, !equal ? old :
			e->regs[X86_RCX] << 32 | (u32)e->regs[X86_RBX]);
	if (ret)
		return ret;
	e->rflags &= ~X86_FLAG_ZF;
	if (equal) {
		e->rflags |= X86_FLAG_ZF;
	} else {
		reg_write(e, X86_RAX, 4, old);
		reg_write(e, X86_RDX, 4, old >> 32);
	}
	return EMU_OK;
}

/* ---- the stack --------------------------------------------------------------------------- */

static void stack_pointer_write(struct emu *e, u64 val)
{
	reg_write(e, X86_RSP, stack_addr_bytes(e), val);
}

static int push(struct emu *e, u64 val)
{
	unsigned int bytes = e->insn.opsize;
	u64 rsp, linear;
	int ret;

	rsp = (e->regs[X86_RSP] - bytes) & size_mask(stack_addr_bytes(e));
	ret = emu_linear(e, X86_SEG_SS, rsp, bytes, GUEST_WRITE, &linear);
	if (!ret)
		ret = mem_write(e, linear, bytes, val);
	if (!ret)
		stack_pointer_write(e, rsp);
	return ret;
}

static int push_rm(struct emu *e)
{
	u64 val;
	int ret = emu_read_rm(e, e->insn.opsize, &val);

	return ret ? ret : push(e, val);
}

/* Near CALL and JMP by a pointer in memory. */
static int branch_rm(struct emu *e, bool call)
{
	u64 target;
	int ret = emu_read_rm(e, e->insn.opsize, &target);

	if (ret)
		return ret;
	if (e->insn.mode == X86_MODE_64 ? !is_canonical(target, e->cr4) :
					  target > e->seg[X86_SEG_CS].limit)
		return emu_raise(e, X86_VEC_GP, true);
	if (call)
		ret = push(e, e->rip + e->insn.len);
	/* from there the length is added */
	e->rip = target - e->insn.len;
	return ret;
}

/* A destination that is based on rSP uses its incremented value (APM vol. 3, POP). */
static int pop_rm(struct emu *e)
{
	unsigned int bytes = e->insn.opsize;
	u64 val, rsp = e->regs[X86_RSP] & size_mask(stack_addr_bytes(e)), linear;
	int ret;

	ret = emu_linear(e, X86_SEG_SS, rsp, bytes, GUEST_READ, &linear);
	if (!ret)
		ret = mem_read(e, linear, bytes, GUEST_READ, &val);
	if (ret)
		return ret;
	stack_pointer_write(e, rsp + bytes);
	return emu_write_rm(e, bytes, val);
}

/* ---- dispatch ---------------------------------------------------------------------------- */

static int emulate_1byte(struct emu *e)
{
	struct x86_insn *insn = &e->insn;
	unsigned int bytes = operand_bytes(insn), ext = insn->modrm >> 3 & 7;

	switch (insn->opcode) {
	case 0x00 ... 0x3f:
		return alu_row(e);
	case 0x63:		/* MOVSXD; ARPL outside 64-bit mode */
		if (insn->mode != X86_MODE_64)
			return EMU_FAIL;
		return load_extended(e, 4, true);	/* so AMD's with 16-bit operands */
	case 0x80 ... 0x83:
		return alu_to_rm(e, ext, bytes, insn->imm);
	case 0x84 ... 0x85:
		return test_rm(e, bytes, reg_read(e, insn->reg, bytes));
	case 0x86 ... 0x87:
		return exec_xchg(e);
	case 0x88 ... 0x89:
		return emu_write_rm(e, bytes, reg_read(e, insn->reg, bytes));
	case 0x8a ... 0x8b:
		return load_rm(e, bytes);
	case 0x8c:
		return store_sreg(e);
	case 0x8e:
		return load_sreg(e);
	case 0x8f:
		return pop_rm(e);
	case 0xa0 ... 0xa3:
		return mov_moffs(e);
	case 0xa4 ... 0xa7:
	case 0xaa ... 0xaf:
		return emulate_string(e);
	case 0xc0 ... 0xc1:
		return shift(e, insn->imm);
	case 0xc4 ... 0xc5:	/* LES, LDS */
		return load_far_pointer(e, insn->opcode & 1 ? X86_SEG_DS : X86_SEG_ES);
	case 0xc6 ... 0xc7:
		return emu_write_rm(e, bytes, insn->imm);
	case 0xd0 ... 0xd1:
		return shift(e, 1);
	case 0xd2 ... 0xd3:
		return shift(e, e->regs[X86_RCX]);
	case 0xf6 ... 0xf7:
		return group3(e);
	case 0xfe ... 0xff:
		switch (ext) {
		case 0:
		case 1:
			return unary(e, ext ? UNARY_DEC : UNARY_INC);
		case 2:
		case 4:
			return branch_rm(e, ext == 2);
		case 6:
			return push_rm(e);
		}
	}
	return EMU_FAIL;
}

static int emulate_0f(struct emu *e)
{
	struct x86_insn *insn = &e->insn;

	switch (insn->opcode) {
	case 0x40 ... 0x4f:
		return cmov(e);
	case 0x90 ... 0x9f:
		return emu_write_rm(e, 1, condition(insn->opcode, e->rflags));
	case 0xa3:
	case 0xab:
	case 0xb3:
	case 0xbb:
		return bit_test(e, insn->opcode >> 3 & 3, true);
	case 0xae:
		return flush_line(e);
	case 0xb2:		/* LSS, LFS, LGS */
	case 0xb4 ... 0xb5:
		return load_far_pointer(e, insn->opcode == 0xb2 ? X86_SEG_SS : insn->opcode & 7);
	case 0xba:
		return bit_test(e, insn->modrm >> 3 & 3, false);
	case 0xb0 ... 0xb1:
		return exec_cmpxchg(e);
	case 0xb6 ... 0xb7:
	case 0xbe ... 0xbf:
		return load_extended(e, insn->opcode & 1 ? 2 : 1, insn->opcode & 8);
	case 0xc0 ... 0xc1:
		return exec_xadd(e);
	case 0xc3:
		return movnti(e);
	case 0xc7:
		return exec_cmpxchg8b(e);
	}
	return emulate_simd(e);
}

enum emu_result x86_emulate(struct emu *e)
{
	struct x86_insn *insn = &e->insn;
	int ret;

	e->rep_again = false;
	e->loaded_seg = X86_SEG_NONE;
	switch (x86_decode(insn, e->bytes, e->nbytes, emu_mode(e))) {
	case X86_DECODE_OK:
		break;
	case X86_DECODE_TRUNCATED:
		return EMU_TRUNCATED;
	case X86_DECODE_TOO_LONG:
		return emu_raise(e, X86_VEC_GP, true);
	default:
		return emu_raise(e, X86_VEC_UD, false);
	}

	switch (insn->map) {
	case X86_MAP_1BYTE:
		ret = emulate_1byte(e);
		break;
	case X86_MAP_0F:
		ret = emulate_0f(e);
		break;
	case X86_MAP_0F38:
		ret = (insn->opcode & 0xfe) == 0xf0 ? movbe(e) : emulate_simd(e);
		break;
	case X86_MAP_0F3A:
	case X86_MAP_VEX:
	case X86_MAP_EVEX:
		ret = emulate_simd(e);
		break;
	default:
		ret = EMU_FAIL;
	}
	if (ret == EMU_OK && !e->rep_again)
		emu_advance_rip(e, insn->len);
	return ret;
}
