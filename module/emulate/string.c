// SPDX-License-Identifier: GPL-2.0
/*
 * String instructions: one round of MOVS, CMPS, STOS, LODS, SCAS for the emulator, and for INS
 * and OUTS the batch of elements that user space can transfer at once. It must not know how port
 * data moves. The trick in batching: what a segment allows is an interval, so if the first and
 * the last element of a page's worth are allowed, all of them are.
 */
#include "internal.h"

static u64 addr_reg(const struct emu *e, unsigned int reg)
{
	return e->regs[reg] & size_mask(e->insn.adsize);
}

static void step(struct emu *e, unsigned int reg, unsigned int bytes, u64 n)
{
	u64 delta = bytes * n;

	addr_reg_write(e, reg, e->regs[reg] + (e->rflags & X86_FLAG_DF ? -delta : delta));
}

static int read_source(struct emu *e, unsigned int bytes, u64 *val)
{
	u64 linear;
	int ret = emu_linear(e, data_segment(e), addr_reg(e, X86_RSI), bytes, GUEST_READ, &linear);

	return ret ? ret : mem_read(e, linear, bytes, GUEST_READ, val);
}

/* ES: cannot be overridden (APM vol. 3, 1.2.4). */
static int read_dest(struct emu *e, unsigned int bytes, u64 *val)
{
	u64 linear;
	int ret = emu_linear(e, X86_SEG_ES, addr_reg(e, X86_RDI), bytes, GUEST_READ, &linear);

	return ret ? ret : mem_read(e, linear, bytes, GUEST_READ, val);
}

static int write_dest(struct emu *e, unsigned int bytes, u64 val)
{
	u64 linear;
	int ret = emu_linear(e, X86_SEG_ES, addr_reg(e, X86_RDI), bytes, GUEST_WRITE, &linear);

	return ret ? ret : mem_write(e, linear, bytes, val);
}

/* Opcodes, without the bit for the width. */
enum string_op { MOVS = 0xa4, CMPS = 0xa6, STOS = 0xaa, LODS = 0xac, SCAS = 0xae };

/* One round. REP: rCX counts down, and CMPS and SCAS also stop by ZF (APM vol. 3, 1.2.6). */
int emulate_string(struct emu *e)
{
	const struct x86_insn *insn = &e->insn;
	unsigned int bytes = insn->opcode & 1 ? insn->opsize : 1, kind = insn->opcode & 0xfe;
	bool compares = kind == CMPS || kind == SCAS;
	bool source = kind == MOVS || kind == CMPS || kind == LODS;
	u64 a = e->regs[X86_RAX] & size_mask(bytes), b = 0, count = 0;
	int ret = EMU_OK;

	if (insn->rep) {
		count = addr_reg(e, X86_RCX);
		if (!count)
			return EMU_OK;
	}
	if (source)
		ret = read_source(e, bytes, &a);
	if (ret)
		return ret;
	if (kind == LODS)
		reg_write(e, X86_RAX, bytes, a);
	else
		ret = compares ? read_dest(e, bytes, &b) : write_dest(e, bytes, a);
	if (ret)
		return ret;

	if (compares)
		alu(ALU_CMP, a, b, bytes, &e->rflags);
	if (source)
		step(e, X86_RSI, bytes, 1);
	if (kind != LODS)
		step(e, X86_RDI, bytes, 1);
	if (insn->rep) {
		bool zf = e->rflags & X86_FLAG_ZF;

		addr_reg_write(e, X86_RCX, count - 1);
		e->rep_again = count > 1 && (!compares || zf == (insn->rep == 0xf3));
	}
	return EMU_OK;
}

/* ---- INS and OUTS ------------------------------------------------------------------------ */

/* Elements from @linear on, or downwards, that lie within one page. */
static u32 fit_in_page(u64 linear, unsigned int size, bool backward)
{
	u32 offset = linear & 0xfff;

	if (offset + size > 0x1000)
		return 1;
	return backward ? offset / size + 1 : (0x1000 - offset) / size;
}

int x86_string_io(struct emu *e, struct x86_strio *io)
{
	unsigned int seg, reg, access;
	u64 offset, last, last_linear;
	struct x86_insn *insn = &e->insn;
	int ret;

	memset(io, 0, sizeof(*io));
	ret = x86_decode(insn, e->bytes, e->nbytes, emu_mode(e));
	if (ret == X86_DECODE_TRUNCATED)
		return EMU_TRUNCATED;
	if (ret || insn->map != X86_MAP_1BYTE || (insn->opcode & 0xfc) != 0x6c)
		return EMU_FAIL;

	io->in = !(insn->opcode & 2);
	io->backward = e->rflags & X86_FLAG_DF;
	io->size = insn->opcode & 1 ? min_t(u8, insn->opsize, 4) : 1;
	io->port = e->regs[X86_RDX];
	io->count = insn->rep ? addr_reg(e, X86_RCX) : 1;
	if (!io->count)
		return EMU_OK;

	seg = io->in ? X86_SEG_ES : data_segment(e);
	reg = io->in ? X86_RDI : X86_RSI;
	access = io->in ? GUEST_WRITE : GUEST_READ;
	offset = addr_reg(e, reg);
	ret = emu_linear(e, seg, offset, io->size, access, &io->linear);
	if (ret)
		return ret;

	io->batch = min_t(u64, io->count, fit_in_page(io->linear, io->size, io->backward));
	if (io->batch > 1) {
		u64 span = (u64)(io->batch - 1) * io->size;

		last = offset + (io->backward ? -span : span);
		/* beyond the limit, or the offset wraps on the way: one at a time from here */
		if ((io->backward ? last > offset : last > size_mask(insn->adsize)) ||
		    emu_linear(e, seg, last, io->size, access, &last_linear))
			io->batch = 1;
	}
	return EMU_OK;
}

bool x86_string_io_advance(struct emu *e, const struct x86_strio *io, u64 n)
{
	u64 left = io->count - min(n, io->count);

	if (n)
		step(e, io->in ? X86_RDI : X86_RSI, io->size, io->count - left);
	if (e->insn.rep && n)
		addr_reg_write(e, X86_RCX, left);
	if (left)
		return false;
	emu_advance_rip(e, e->insn.len);
	return true;
}
