// SPDX-License-Identifier: GPL-2.0
/*
 * Where operands are and whether the guest may touch them: registers, effective addresses,
 * segmentation, and the step from a linear address to the memory callbacks. It must not know
 * what an instruction does with its operands.
 */
#include "internal.h"

enum x86_mode emu_mode(const struct emu *e)
{
	const struct emu_seg *cs = &e->seg[X86_SEG_CS];

	/* Real and virtual-8086 mode follow CS.D too: in unreal mode it can be 1. */
	if (e->efer & X86_EFER_BIT_LMA && cs->attrib & SEG_L)
		return X86_MODE_64;
	if (e->rflags & X86_FLAG_VM)
		return X86_MODE_16;
	return cs->attrib & SEG_DB ? X86_MODE_32 : X86_MODE_16;
}

u64 emu_fetch_linear(const struct emu *e, unsigned int offset)
{
	switch (emu_mode(e)) {
	case X86_MODE_64:
		return e->rip + offset;
	default:
		return (u32)(e->seg[X86_SEG_CS].base + (u32)(e->rip + offset));
	}
}

void emu_advance_rip(struct emu *e, unsigned int len)
{
	e->rflags &= ~X86_FLAG_RF;
	e->rip += len;
	/*
	 * Past the end of the address space: EIP wraps at 4 GiB. IP does not wrap at 64 KiB: the
	 * fetch there is beyond CS.limit and faults, as it does on hardware.
	 */
	if (emu_mode(e) != X86_MODE_64)
		e->rip = (u32)e->rip;
}

int emu_page_fault(struct emu *e, u64 address, u32 error_code)
{
	e->exception = (struct emu_exception){
		.vector = X86_VEC_PF,
		.has_error = true,
		.error_code = error_code,
		.address = address,
	};
	return EMU_EXCEPTION;
}

/* ---- registers -------------------------------------------------------------------------- */

/* Without REX, byte registers 4..7 are AH, CH, DH, BH. */
static bool is_high_byte(const struct emu *e, unsigned int reg, unsigned int bytes)
{
	return bytes == 1 && !e->insn.rex && reg >= 4;
}

u64 reg_read(const struct emu *e, unsigned int reg, unsigned int bytes)
{
	if (is_high_byte(e, reg, bytes))
		return (e->regs[reg - 4] >> 8) & 0xff;
	return e->regs[reg] & size_mask(bytes);
}

/* 32-bit writes clear the upper half, narrower ones keep the rest (APM vol. 1, 3.1.2). */
void reg_write(struct emu *e, unsigned int reg, unsigned int bytes, u64 val)
{
	u64 mask = size_mask(bytes);

	if (is_high_byte(e, reg, bytes)) {
		e->regs[reg - 4] &= ~0xff00ULL;
		e->regs[reg - 4] |= (val & 0xff) << 8;
		return;
	}
	if (bytes == 4)
		e->regs[reg] = (u32)val;
	else
		e->regs[reg] = (e->regs[reg] & ~mask) | (val & mask);
}

/* A count or index register moves on, in the width of the address size. */
void addr_reg_write(struct emu *e, unsigned int reg, u64 val)
{
	u64 mask = size_mask(e->insn.adsize);

	if (e->insn.adsize == 4)
		e->regs[reg] = (u32)val;
	else
		e->regs[reg] = (e->regs[reg] & ~mask) | (val & mask);
}

/* ---- addresses -------------------------------------------------------------------------- */

/* 16-bit addressing (APM vol. 3, table 1-11): two registers, -1 is none. */
static u64 effective_address_16(const struct emu *e, unsigned int *seg)
{
	static const s8 base[] = { X86_RBX, X86_RBX, X86_RBP, X86_RBP, X86_RSI, X86_RDI, X86_RBP,
				   X86_RBX };
	static const s8 index[] = { X86_RSI, X86_RDI, X86_RSI, X86_RDI, -1, -1, -1, -1 };
	const struct x86_insn *insn = &e->insn;
	unsigned int rm = insn->modrm & 7;
	u64 ea = insn->disp;

	*seg = X86_SEG_DS;
	if (rm != 6 || insn->mod) {
		ea += e->regs[base[rm]];
		if (base[rm] == X86_RBP)
			*seg = X86_SEG_SS;
	}
	if (index[rm] >= 0)
		ea += e->regs[index[rm]];
	return (u16)ea;
}

static u64 effective_address_sib(const struct emu *e, unsigned int *seg)
{
	const struct x86_insn *insn = &e->insn;
	unsigned int base = (insn->sib & 7) | (insn->rex & 1) << 3;
	unsigned int index = (insn->sib >> 3 & 7) | (insn->rex & 2) << 2;
	u64 ea = insn->disp;

	if ((base & 7) != 5 || insn->mod) {
		ea += e->regs[base];
		if (base == X86_RSP || base == X86_RBP)
			*seg = X86_SEG_SS;
	}
	if (index != X86_RSP)
		ea += e->regs[index] << (insn->sib >> 6);
	return ea;
}

/* The ModRM memory operand's offset, truncated to the address size, and its segment. */
u64 effective_address(const struct emu *e, unsigned int *seg)
{
	const struct x86_insn *insn = &e->insn;
	u64 ea;

	*seg = X86_SEG_DS;
	if (insn->adsize == 2) {
		ea = effective_address_16(e, seg);
	} else if (insn->has_sib) {
		ea = effective_address_sib(e, seg);
	} else if (!insn->mod && (insn->modrm & 7) == 5) {
		ea = insn->disp;
		if (insn->mode == X86_MODE_64)
			ea += e->rip + insn->len;
	} else {
		ea = e->regs[insn->rm] + insn->disp;
		if (insn->rm == X86_RBP)
			*seg = X86_SEG_SS;
	}
	if (insn->seg != X86_SEG_NONE)
		*seg = insn->seg;
	return ea & size_mask(insn->adsize);
}

/* The segment of a string source or of moffs: DS unless overridden. */
unsigned int data_segment(const struct emu *e)
{
	return e->insn.seg != X86_SEG_NONE ? e->insn.seg : X86_SEG_DS;
}

/* How wide the stack pointer is (APM vol. 2, 4.7.3). */
unsigned int stack_addr_bytes(const struct emu *e)
{
	if (e->insn.mode == X86_MODE_64)
		return 8;
	return e->seg[X86_SEG_SS].attrib & SEG_DB ? 4 : 2;
}

/* May a legacy-mode segment be used so? APM vol. 2, 4.7 and 4.8. */
static bool segment_allows(const struct emu *e, const struct emu_seg *s, u64 offset,
			   unsigned int bytes, unsigned int access)
{
	bool protected = e->cr0 & X86_CR0_BIT_PE && !(e->rflags & X86_FLAG_VM);
	u64 last = offset + bytes - 1;

	/* In real and virtual-8086 mode only the limit counts. */
	if (protected) {
		if (!(s->attrib & SEG_P))	/* a null selector was loaded */
			return false;
		if (s->attrib & SEG_TYPE_CODE) {
			if (access & GUEST_WRITE || !(s->attrib & SEG_TYPE_WRITE))
				return false;
		} else if (access & GUEST_WRITE && !(s->attrib & SEG_TYPE_WRITE)) {
			return false;
		}
		if (!(s->attrib & SEG_TYPE_CODE) && s->attrib & SEG_TYPE_DOWN)
			return offset > s->limit &&
			       last <= (s->attrib & SEG_DB ? 0xffffffff : 0xffff);
	}
	return last <= s->limit;
}

/* Of 16 bytes, too, and to 16 if there are more: where vendors differ, this is AMD's way. */
static bool misaligned(const struct emu *e, u64 linear, unsigned int bytes)
{
	return e->cpl == 3 && e->cr0 & X86_CR0_BIT_AM && e->rflags & X86_FLAG_AC &&
	       linear & (min(bytes, 16U) - 1);
}

static u64 linear_of(const struct emu *e, unsigned int seg, u64 offset)
{
	if (emu_mode(e) != X86_MODE_64)
		return (u32)(e->seg[seg].base + offset);
	return seg == X86_SEG_FS || seg == X86_SEG_GS ? e->seg[seg].base + offset : offset;
}

int emu_linear(struct emu *e, unsigned int seg, u64 offset, unsigned int bytes,
	       unsigned int access, u64 *linear)
{
	bool ok;

	*linear = linear_of(e, seg, offset);
	if (emu_mode(e) == X86_MODE_64)
		ok = is_canonical(*linear, e->cr4) && is_canonical(*linear + bytes - 1, e->cr4);
	else
		ok = segment_allows(e, &e->seg[seg], offset, bytes, access);
	if (!ok)
		return emu_raise(e, seg == X86_SEG_SS ? X86_VEC_SS : X86_VEC_GP, true);
	if (misaligned(e, *linear, bytes))
		return emu_raise(e, X86_VEC_AC, true);
	return EMU_OK;
}

int emu_operand_linear(struct emu *e, unsigned int bytes, unsigned int access, u64 *linear)
{
	unsigned int seg;
	u64 ea = effective_address(e, &seg);

	if (!bytes) {
		*linear = linear_of(e, seg, ea);
		return EMU_OK;
	}
	return emu_linear(e, seg, ea, bytes, access, linear);
}

/* ---- memory ----------------------------------------------------------------------------- */

int mem_read(struct emu *e, u64 linear, unsigned int bytes, unsigned int access, u64 *val)
{
	u8 buf[8] = { 0 };
	unsigned int i;
	int ret;

	if (e->cpl == 3)
		access |= GUEST_USER;
	ret = e->ops->read(e, linear, buf, bytes, access);
	if (ret)
		return ret;
	*val = 0;
	for (i = 0; i < bytes; i++)
		*val |= (u64)buf[i] << (8 * i);
	return EMU_OK;
}

int mem_write(struct emu *e, u64 linear, unsigned int bytes, u64 val)
{
	unsigned int i;
	u8 buf[8];

	for (i = 0; i < 8; i++)
		buf[i] = val >> (8 * i);
	return e->ops->write(e, linear, buf, bytes,
			     GUEST_WRITE | (e->cpl == 3 ? GUEST_USER : 0));
}

/* ---- the ModRM operand ------------------------------------------------------------------- */

int rm_locate(struct emu *e, unsigned int bytes, unsigned int access, struct operand *op)
{
	op->bytes = bytes;
	op->mem = e->insn.mod != 3;
	op->reg = e->insn.rm;
	op->linear = 0;
	return op->mem ? emu_operand_linear(e, bytes, access, &op->linear) : EMU_OK;
}

int rm_load(struct emu *e, const struct operand *op, unsigned int access, u64 *val)
{
	if (op->mem)
		return mem_read(e, op->linear, op->bytes, access, val);
	*val = reg_read(e, op->reg, op->bytes);
	return EMU_OK;
}

int rm_fetch(struct emu *e, unsigned int bytes, unsigned int access, struct operand *op, u64 *val)
{
	int ret = rm_locate(e, bytes, access, op);

	return ret ? ret : rm_load(e, op, access, val);
}

int rm_store(struct emu *e, const struct operand *op, u64 val)
{
	if (op->mem)
		return mem_write(e, op->linear, op->bytes, val);
	reg_write(e, op->reg, op->bytes, val);
	return EMU_OK;
}

/* The write half of a read-modify-write that must be atomic if LOCK says so. */
int rm_update(struct emu *e, const struct operand *op, u64 old, u64 val)
{
	if (!op->mem || !e->insn.lock)
		return rm_store(e, op, val);
	return e->ops->replace(e, op->linear, old, val & size_mask(op->bytes), op->bytes,
			       GUEST_WRITE | (e->cpl == 3 ? GUEST_USER : 0));
}

int emu_read_rm(struct emu *e, unsigned int bytes, u64 *val)
{
	struct operand op;

	return rm_fetch(e, bytes, GUEST_READ, &op, val);
}

int emu_write_rm(struct emu *e, unsigned int bytes, u64 val)
{
	struct operand op;
	int ret = rm_locate(e, bytes, GUEST_WRITE, &op);

	return ret ? ret : rm_store(e, &op, val);
}
