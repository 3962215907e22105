// SPDX-License-Identifier: GPL-2.0
/*
 * Moves between memory and vector registers, legacy, VEX and EVEX encoded, and those of MMX. It
 * owns what they require and what they leave in the register; it must not know where the guest's
 * FPU state comes from. The trick: all of them put some bytes at some offset into a register that
 * is otherwise zero, or another register's, or take them from there, so a table says it all.
 */
#include "internal.h"

/* The mandatory prefix, as VEX numbers it. */
#define NP	BIT(0)
#define P66	BIT(1)
#define PF3	BIT(2)
#define PF2	BIT(3)

#define STORE	BIT(0)
#define ALIGNED	BIT(1)	/* to its width, or #GP */
#define MERGE	BIT(2)	/* a load that leaves the rest of the register, or of another */
#define HIGH	BIT(3)	/* the upper half of 16 bytes */
#define LANE	BIT(4)	/* an immediate says which part of the register */
#define BY_W	BIT(5)	/* 4 bytes, 8 with W */
#define ANY_L	BIT(6)	/* the vector length is ignored */
#define WIDE	BIT(7)	/* 256 bits or more only */
#define LEGACY	BIT(8)	/* no VEX */
#define VEX	BIT(9)	/* VEX or EVEX only */
#define EVEX	BIT(10)	/* EVEX only */
#define MMX	BIT(11)	/* without a prefix it is MMX's, with 8 bytes or BY_W */

struct simd_move {
	u8 map;		/* 1: 0F, 2: 0F 38, 3: 0F 3A */
	u8 opcode;
	u8 prefixes;
	u8 bytes;	/* in memory; 0: the vector length */
	u16 flags;
};

static const struct simd_move moves[] = {
	{ 1, 0x10, NP | P66, 0, 0 },			/* MOVUPS, MOVUPD */
	{ 1, 0x11, NP | P66, 0, STORE },
	{ 1, 0x10, PF3, 4, ANY_L },			/* MOVSS */
	{ 1, 0x11, PF3, 4, ANY_L | STORE },
	{ 1, 0x10, PF2, 8, ANY_L },			/* MOVSD */
	{ 1, 0x11, PF2, 8, ANY_L | STORE },
	{ 1, 0x12, NP | P66, 8, MERGE },		/* MOVLPS, MOVLPD */
	{ 1, 0x13, NP | P66, 8, STORE },
	{ 1, 0x16, NP | P66, 8, MERGE | HIGH },		/* MOVHPS, MOVHPD */
	{ 1, 0x17, NP | P66, 8, HIGH | STORE },
	{ 1, 0x28, NP | P66, 0, ALIGNED },		/* MOVAPS, MOVAPD */
	{ 1, 0x29, NP | P66, 0, ALIGNED | STORE },
	{ 1, 0x2b, NP | P66, 0, ALIGNED | STORE },	/* MOVNTPS, MOVNTPD */
	{ 1, 0x2b, PF3, 4, LEGACY | STORE },		/* MOVNTSS */
	{ 1, 0x2b, PF2, 8, LEGACY | STORE },		/* MOVNTSD */
	{ 1, 0x6e, NP | P66, 0, BY_W | MMX },		/* MOVD, MOVQ */
	{ 1, 0x7e, NP | P66, 0, BY_W | MMX | STORE },
	{ 1, 0x7e, PF3, 8, 0 },				/* MOVQ */
	{ 1, 0xd6, P66, 8, STORE },
	{ 1, 0x6f, NP | P66, 0, ALIGNED | MMX },	/* MOVQ; MOVDQA */
	{ 1, 0x7f, NP | P66, 0, ALIGNED | MMX | STORE },
	{ 1, 0x6f, PF3, 0, 0 },				/* MOVDQU */
	{ 1, 0x7f, PF3, 0, STORE },
	{ 1, 0x6f, PF2, 0, EVEX },			/* VMOVDQU8, VMOVDQU16 */
	{ 1, 0x7f, PF2, 0, EVEX | STORE },
	{ 1, 0xc4, P66, 2, MERGE | LANE },		/* PINSRW */
	{ 1, 0xe7, NP | P66, 0, ALIGNED | MMX | STORE },	/* MOVNTQ; MOVNTDQ */
	{ 1, 0xf0, PF2, 0, 0 },				/* LDDQU */
	{ 2, 0x2a, P66, 0, ALIGNED },			/* MOVNTDQA */
	{ 3, 0x14, P66, 1, LANE | STORE },		/* PEXTRB, PEXTRW, PEXTRD, PEXTRQ */
	{ 3, 0x15, P66, 2, LANE | STORE },
	{ 3, 0x16, P66, 0, LANE | BY_W | STORE },
	{ 3, 0x17, P66, 4, LANE | STORE },		/* EXTRACTPS */
	{ 3, 0x20, P66, 1, MERGE | LANE },		/* PINSRB, PINSRD, PINSRQ */
	{ 3, 0x22, P66, 0, MERGE | LANE | BY_W },
	{ 3, 0x18, P66, 16, MERGE | LANE | WIDE | VEX },	/* VINSERTF128 */
	{ 3, 0x19, P66, 16, LANE | WIDE | VEX | STORE },	/* VEXTRACTF128 */
	{ 3, 0x38, P66, 16, MERGE | LANE | WIDE | VEX },	/* VINSERTI128 */
	{ 3, 0x39, P66, 16, LANE | WIDE | VEX | STORE },	/* VEXTRACTI128 */
};

/* F2 and F3 win over 66. */
static unsigned int simd_prefix(const struct x86_insn *insn)
{
	if (insn->rep)
		return insn->rep == 0xf3 ? PF3 : PF2;
	return insn->opsize_prefix ? P66 : NP;
}

static const struct simd_move *find_move(const struct x86_insn *insn)
{
	unsigned int prefix = simd_prefix(insn), i;
	unsigned int no = insn->map == X86_MAP_EVEX ? LEGACY :
			  insn->map == X86_MAP_VEX ? LEGACY | EVEX : VEX | EVEX;
	u8 map = insn->vex_map;

	if (!map)
		map = insn->map == X86_MAP_0F ? 1 : insn->map == X86_MAP_0F38 ? 2 : 3;
	/* in registers these are other instructions; masks are for those who compute */
	if (insn->mod == 3 || insn->evex & 0x97 || insn->vex_l > 2)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(moves); i++) {
		const struct simd_move *m = &moves[i];

		if (m->opcode == insn->opcode && m->map == map && m->prefixes & prefix &&
		    !(m->flags & no))
			return m;
	}
	return NULL;
}

/* ---- registers --------------------------------------------------------------------------- */

/* Where bits 128 * @part and up of a register are; NULL: it has none. */
static u8 *vector_part(const struct emu_fpu *f, unsigned int reg, unsigned int part)
{
	if (reg >= 16)
		return f->zmm_16 + 64 * (reg - 16) + 16 * part;
	if (!part)
		return f->fxsave + EMU_FXSAVE_XMM + 16 * reg;
	if (part == 1)
		return f->ymm_hi ? f->ymm_hi + 16 * reg : NULL;
	return f->zmm_hi ? f->zmm_hi + 32 * reg + 16 * (part - 2) : NULL;
}

static void vector_read(const struct emu_fpu *f, unsigned int reg, unsigned int parts, u8 *v)
{
	unsigned int i;

	for (i = 0; i < parts; i++)
		memcpy(v + 16 * i, vector_part(f, reg, i), 16);
}

/*
 * An MMX register is the mantissa of a register of the x87, by its number, while the image has
 * them by their place in the stack. Each MMX instruction sets the stack's top to 0 and all tags
 * to valid (APM vol. 1, 5.5.2), and a write sets sign and exponent to ones.
 */
static u8 *mmx_register(const struct emu_fpu *f, unsigned int reg)
{
	u8 stack[8][16];
	unsigned int top = f->fxsave[3] >> 3 & 7, i;

	memcpy(stack, f->fxsave + 32, sizeof(stack));
	for (i = 0; i < 8; i++)
		memcpy(f->fxsave + 32 + 16 * ((i + top) & 7), stack[i], 16);
	f->fxsave[3] &= ~0x38;
	f->fxsave[4] = 0xff;
	return f->fxsave + 32 + 16 * reg;
}

/* ---- instructions ------------------------------------------------------------------------ */

/* What has to be enabled (APM vol. 4, 1.2; for VEX nobody looks at CR0.EM). */
static int simd_allowed(struct emu *e, const struct emu_fpu *f, bool mmx)
{
	const struct x86_insn *insn = &e->insn;
	u64 xcr0 = insn->map == X86_MAP_EVEX ? 0xe6 : 6;
	bool ud;

	if (insn->vex_map)
		ud = !(e->cr0 & X86_CR0_BIT_PE) || e->rflags & X86_FLAG_VM ||
		     !(e->cr4 & X86_CR4_BIT_OSXSAVE) || (f->xcr0 & xcr0) != xcr0 || !f->ymm_hi ||
		     (insn->map == X86_MAP_EVEX && !f->zmm_16);
	else
		ud = e->cr0 & X86_CR0_BIT_EM || (!mmx && !(e->cr4 & X86_CR4_BIT_OSFXSR));
	if (ud)
		return emu_raise(e, X86_VEC_UD, false);
	return e->cr0 & X86_CR0_BIT_TS ? emu_raise(e, X86_VEC_NM, false) : EMU_OK;
}

/* VEX: no vector length, and no second source, that the instruction has no use for. */
static bool encoding_defined(const struct x86_insn *insn, const struct simd_move *m)
{
	if (insn->vex_v && !(m->flags & MERGE))
		return false;
	if (m->flags & WIDE)
		return insn->vex_l;
	return !insn->vex_l || m->flags & ANY_L || !(m->bytes || m->flags & BY_W);
}

static int mmx_move(struct emu *e, const struct emu_fpu *f, u64 linear, unsigned int bytes,
		    bool store)
{
	unsigned int reg = e->insn.reg & 7;
	u64 val;
	int ret;

	if (store) {
		unsigned int top = f->fxsave[3] >> 3;

		memcpy(&val, f->fxsave + 32 + 16 * ((reg - top) & 7), 8);
		ret = mem_write(e, linear, bytes, val);
		if (!ret)
			mmx_register(f, reg);
		return ret;
	}
	ret = mem_read(e, linear, bytes, GUEST_READ, &val);
	if (!ret) {
		u8 *p = mmx_register(f, reg);

		memcpy(p, &val, 8);
		memset(p + 8, 0xff, 2);
	}
	return ret;
}

static int vector_move(struct emu *e, const struct emu_fpu *f, const struct simd_move *m,
		       u64 linear, unsigned int bytes)
{
	const struct x86_insn *insn = &e->insn;
	unsigned int width = 16 << insn->vex_l, reg = insn->reg | insn->evex_r, at = 0, i;
	unsigned int user = e->cpl == 3 ? GUEST_USER : 0;
	u8 v[64] = { 0 }, mem[64], *part;
	int ret;

	if (m->flags & LANE)
		at = bytes * (insn->imm & (width / bytes - 1));
	else if (m->flags & HIGH)
		at = 8;
	if (m->flags & STORE) {
		vector_read(f, reg, width / 16, v);
		return e->ops->write(e, linear, v + at, bytes, GUEST_WRITE | user);
	}
	ret = e->ops->read(e, linear, mem, bytes, GUEST_READ | user);
	if (ret)
		return ret;
	if (m->flags & MERGE)
		vector_read(f, insn->vex_map ? insn->vex_v : reg, width / 16, v);
	memcpy(v + at, mem, bytes);
	/* VEX and EVEX clear what is above, the legacy encodings leave it */
	for (i = 0; i < (insn->vex_map ? 4 : 1); i++) {
		part = vector_part(f, reg, i);
		if (part)
			memcpy(part, v + 16 * i, 16);
	}
	return EMU_OK;
}

int emulate_simd(struct emu *e)
{
	const struct simd_move *m = find_move(&e->insn);
	struct x86_insn *insn = &e->insn;
	unsigned int bytes, access;
	struct emu_fpu f;
	u64 linear;
	bool mmx;
	int ret;

	if (!m || !e->ops->fpu)
		return EMU_FAIL;
	mmx = m->flags & MMX && simd_prefix(insn) == NP;
	if (!encoding_defined(insn, m) || (mmx && insn->vex_map))
		return emu_raise(e, X86_VEC_UD, false);
	e->ops->fpu(e, &f);
	ret = simd_allowed(e, &f, mmx);
	if (ret)
		return ret;

	bytes = m->bytes;
	if (m->flags & BY_W)
		bytes = insn->rex & 8 ? 8 : 4;
	else if (mmx)
		bytes = 8;
	else if (!bytes)
		bytes = 16 << insn->vex_l;
	/* EVEX counts a displacement of one byte in what is moved (compressed displacement) */
	if (insn->map == X86_MAP_EVEX && insn->disp_len == 1)
		insn->disp *= bytes;
	emu_operand_linear(e, 0, 0, &linear);
	/* whether or not EFLAGS.AC is set */
	if (m->flags & ALIGNED && !mmx && linear & (bytes - 1))
		return emu_raise(e, X86_VEC_GP, true);
	access = m->flags & STORE ? GUEST_WRITE : GUEST_READ;
	ret = emu_operand_linear(e, bytes, access, &linear);
	if (ret)
		return ret;
	return mmx ? mmx_move(e, &f, linear, bytes, m->flags & STORE) :
		     vector_move(e, &f, m, linear, bytes);
}
