// SPDX-License-Identifier: GPL-2.0
/*
 * Loads of data segment registers: from memory that is a device, or with a far pointer. It owns
 * the rules for descriptors (APM vol. 2, 4.8 to 4.10); it must not know where tables come from.
 * The trick: descriptors are read as any memory, and the accessed bit is the single store.
 */
#include "internal.h"

#define DESC_ACCESSED	BIT_ULL(40)

/* #GP, #SS, #NP: the error code is the selector. */
static int bad_selector(struct emu *e, u8 vector, u16 selector)
{
	emu_raise(e, vector, true);
	e->exception.error_code = selector & 0xfffc;
	return EMU_EXCEPTION;
}

/* What its attributes, as in struct emu_seg, and privileges say: may @reg have it? */
static bool descriptor_fits(const struct emu *e, unsigned int reg, u16 selector, u16 attrib)
{
	unsigned int rpl = selector & 3, dpl = attrib >> 5 & 3;
	bool code = attrib & SEG_TYPE_CODE, flag = attrib & SEG_TYPE_WRITE;

	if (!(attrib & SEG_S))
		return false;
	if (reg == X86_SEG_SS)
		return !code && flag && rpl == e->cpl && dpl == e->cpl;
	if (code && !flag)	/* not readable */
		return false;
	return (code && attrib & SEG_TYPE_DOWN) || (rpl <= dpl && e->cpl <= dpl);
}

static int load_descriptor(struct emu *e, unsigned int reg, u16 selector, struct emu_seg *s)
{
	const struct emu_seg *table = selector & 4 ? &e->ldtr : &e->gdtr;
	u64 linear = table->base + (selector & ~7), desc;
	int ret;

	if (emu_mode(e) != X86_MODE_64)
		linear = (u32)linear;
	if ((selector | 7u) > table->limit || (selector & 4 && !(table->attrib & SEG_P)))
		return bad_selector(e, X86_VEC_GP, selector);
	ret = mem_read(e, linear, 8, GUEST_IMPLICIT, &desc);
	if (ret)
		return ret;
	s->attrib = (desc >> 40 & 0xff) | (desc >> 44 & 0xf00);
	s->base = (desc >> 16 & 0xffffff) | (desc >> 32 & 0xff000000);
	s->limit = (desc & 0xffff) | (desc >> 32 & 0xf0000);
	if (s->attrib & SEG_G)
		s->limit = s->limit << 12 | 0xfff;
	if (!descriptor_fits(e, reg, selector, s->attrib))
		return bad_selector(e, X86_VEC_GP, selector);
	if (!(s->attrib & SEG_P))
		return bad_selector(e, reg == X86_SEG_SS ? X86_VEC_SS : X86_VEC_NP, selector);
	if (desc & DESC_ACCESSED)
		return EMU_OK;
	s->attrib |= SEG_TYPE_ACCESSED;
	return e->ops->replace(e, linear, desc, desc | DESC_ACCESSED, 8,
			       GUEST_WRITE | GUEST_IMPLICIT);
}

int load_segment(struct emu *e, unsigned int reg, u16 selector)
{
	struct emu_seg s = { .selector = selector };
	int ret = EMU_OK;

	if (!(e->cr0 & X86_CR0_BIT_PE) || e->rflags & X86_FLAG_VM) {
		s.attrib = e->seg[reg].attrib;
		s.limit = e->seg[reg].limit;
		s.base = selector << 4;
	} else if (selector & 0xfffc) {
		ret = load_descriptor(e, reg, selector, &s);
	} else if (reg == X86_SEG_SS) {
		/* null only for 64-bit kernels; its DPL goes on to be the CPL */
		if (e->insn.mode != X86_MODE_64 || e->cpl == 3)
			return bad_selector(e, X86_VEC_GP, 0);
		s.attrib = e->cpl << 5;
	}
	if (ret)
		return ret;
	e->seg[reg] = s;
	e->loaded_seg = reg;
	return EMU_OK;
}

/* LDS, LES, LSS, LFS, LGS: an offset, on AMD's of 32 bits at most, and a selector behind it. */
int load_far_pointer(struct emu *e, unsigned int reg)
{
	unsigned int bytes = min_t(u8, e->insn.opsize, 4), seg;
	u64 ea = effective_address(e, &seg), linear, offset, selector;
	int ret;

	ret = emu_linear(e, seg, ea, bytes, GUEST_READ, &linear);
	if (!ret)
		ret = mem_read(e, linear, bytes, GUEST_READ, &offset);
	if (!ret)
		ret = emu_linear(e, seg, (ea + bytes) & size_mask(e->insn.adsize), 2, GUEST_READ,
				 &linear);
	if (!ret)
		ret = mem_read(e, linear, 2, GUEST_READ, &selector);
	if (!ret)
		ret = load_segment(e, reg, selector);
	if (!ret)
		reg_write(e, e->insn.reg, bytes, offset);
	return ret;
}
