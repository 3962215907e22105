// SPDX-License-Identifier: GPL-2.0
/*
 * The instruction decoder: bytes in, lengths and fields out. It owns the opcode tables; it must
 * not know registers' contents, memory or what an instruction does. The trick: one byte per
 * opcode says all that the length depends on (ModRM, kind of immediate, operand size default),
 * so that one straight pass of prefixes, opcode, ModRM, displacement, immediate suits every
 * instruction of every map (APM vol. 3, chapter 1 and appendix A).
 */
#include "emulate.h"

/* The low nibble of an attribute is the kind of immediate. */
#define IMM_NONE	0x00
#define IMM_8		0x01
#define IMM_16		0x02
#define IMM_Z		0x03	/* 2 or 4 bytes: operand size, at most 4 */
#define IMM_V		0x04	/* 2, 4 or 8 bytes: operand size */
#define IMM_FAR		0x05	/* offset of operand size, then a selector */
#define IMM_MOFFS	0x06	/* address of address size */
#define IMM_ENTER	0x07	/* 16 bits, then 8 */
#define IMM_GRP3_8	0x08	/* IMM_8 for /0 and /1 only (TEST) */
#define IMM_GRP3_Z	0x09	/* IMM_Z likewise */
#define IMM_8_8		0x0a	/* two bytes (EXTRQ, INSERTQ) */
#define IMM_32		0x0b
#define IMM_UNDEF	0x0f	/* no such opcode */
#define IMM_KIND	0x0f

#define LK		0x10	/* takes LOCK with a memory destination */
#define D64		0x20	/* 64-bit operand size in 64-bit mode without REX.W */
#define N64		0x40	/* not in 64-bit mode */
#define M		0x80	/* ModRM follows */
#define UD		IMM_UNDEF

/* Prefixes and escapes have no entry of their own: they never reach the look-up. */
static const u8 map_1byte[256] = {
	[0x00 ... 0x01] = M | LK, [0x02 ... 0x03] = M, [0x04] = IMM_8, [0x05] = IMM_Z,
	[0x08 ... 0x09] = M | LK, [0x0a ... 0x0b] = M, [0x0c] = IMM_8, [0x0d] = IMM_Z,
	[0x10 ... 0x11] = M | LK, [0x12 ... 0x13] = M, [0x14] = IMM_8, [0x15] = IMM_Z,
	[0x18 ... 0x19] = M | LK, [0x1a ... 0x1b] = M, [0x1c] = IMM_8, [0x1d] = IMM_Z,
	[0x20 ... 0x21] = M | LK, [0x22 ... 0x23] = M, [0x24] = IMM_8, [0x25] = IMM_Z,
	[0x28 ... 0x29] = M | LK, [0x2a ... 0x2b] = M, [0x2c] = IMM_8, [0x2d] = IMM_Z,
	[0x30 ... 0x31] = M | LK, [0x32 ... 0x33] = M, [0x34] = IMM_8, [0x35] = IMM_Z,
	[0x38 ... 0x3b] = M, [0x3c] = IMM_8, [0x3d] = IMM_Z,
	[0x06 ... 0x07] = N64, [0x0e] = N64,
	[0x16 ... 0x17] = N64, [0x1e ... 0x1f] = N64,
	[0x27] = N64, [0x2f] = N64, [0x37] = N64, [0x3f] = N64,
	[0x50 ... 0x5f] = D64,
	[0x60 ... 0x61] = N64,
	[0x62] = M | N64,
	[0x63] = M,
	[0x68] = D64 | IMM_Z,
	[0x69] = M | IMM_Z,
	[0x6a] = D64 | IMM_8,
	[0x6b] = M | IMM_8,
	[0x70 ... 0x7f] = D64 | IMM_8,
	[0x80] = M | LK | IMM_8,
	[0x81] = M | LK | IMM_Z,
	[0x82] = M | LK | N64 | IMM_8,
	[0x83] = M | LK | IMM_8,
	[0x84 ... 0x85] = M,
	[0x86 ... 0x87] = M | LK,
	[0x88 ... 0x8e] = M,
	[0x8f] = M | D64,
	[0x9a] = N64 | IMM_FAR,
	[0x9c ... 0x9d] = D64,
	[0xa0 ... 0xa3] = IMM_MOFFS,
	[0xa8] = IMM_8,
	[0xa9] = IMM_Z,
	[0xb0 ... 0xb7] = IMM_8,
	[0xb8 ... 0xbf] = IMM_V,
	[0xc0 ... 0xc1] = M | IMM_8,
	[0xc2] = D64 | IMM_16,
	[0xc3] = D64,
	[0xc4 ... 0xc5] = M | N64,
	[0xc6] = M | IMM_8,
	[0xc7] = M | IMM_Z,
	[0xc8] = D64 | IMM_ENTER,
	[0xc9] = D64,
	[0xca] = IMM_16,
	[0xcd] = IMM_8,
	[0xce] = N64,
	[0xd0 ... 0xd3] = M,
	[0xd4 ... 0xd5] = N64 | IMM_8,
	[0xd6] = N64,
	[0xd8 ... 0xdf] = M,
	[0xe0 ... 0xe3] = D64 | IMM_8,
	[0xe4 ... 0xe7] = IMM_8,
	[0xe8 ... 0xe9] = D64 | IMM_Z,
	[0xea] = N64 | IMM_FAR,
	[0xeb] = D64 | IMM_8,
	[0xf6] = M | LK | IMM_GRP3_8,
	[0xf7] = M | LK | IMM_GRP3_Z,
	[0xfe ... 0xff] = M | LK,
};

static const u8 map_0f[256] = {
	[0x00 ... 0x03] = M,
	[0x04] = UD,
	[0x0a ... 0x0c] = UD,		/* 0B is UD2 */
	[0x0d] = M,
	[0x10 ... 0x1f] = M,
	[0x20 ... 0x23] = M,
	[0x24 ... 0x27] = UD,
	[0x28 ... 0x2f] = M,
	[0x36 ... 0x37] = UD,
	[0x39] = UD, [0x3b ... 0x3f] = UD,
	[0x40 ... 0x6f] = M,
	[0x70 ... 0x73] = M | IMM_8,
	[0x74 ... 0x76] = M,
	[0x78] = M | IMM_8_8,
	[0x79] = M,
	[0x7a ... 0x7b] = UD,
	[0x7c ... 0x7f] = M,
	[0x80 ... 0x8f] = D64 | IMM_Z,
	[0x90 ... 0x9f] = M,
	[0xa0 ... 0xa1] = D64,
	[0xa3] = M,
	[0xa4] = M | IMM_8,
	[0xa5] = M,
	[0xa6 ... 0xa7] = UD,
	[0xa8 ... 0xa9] = D64,
	[0xab] = M | LK,
	[0xac] = M | IMM_8,
	[0xad ... 0xaf] = M,
	[0xb0 ... 0xb1] = M | LK,
	[0xb2] = M,
	[0xb3] = M | LK,
	[0xb4 ... 0xb8] = M,
	[0xb9] = UD,			/* UD1 */
	[0xba] = M | LK | IMM_8,
	[0xbb] = M | LK,
	[0xbc ... 0xbf] = M,
	[0xc0 ... 0xc1] = M | LK,
	[0xc2] = M | IMM_8,
	[0xc3] = M,
	[0xc4 ... 0xc6] = M | IMM_8,
	[0xc7] = M | LK,
	[0xd0 ... 0xfe] = M,
	[0xff] = UD,			/* UD0 */
};

struct cursor {
	const u8 *bytes;
	unsigned int pos;
	unsigned int end;
};

/* Take @n bytes, little-endian. */
static int take(struct cursor *c, unsigned int n, u64 *val)
{
	unsigned int i;

	if (c->pos + n > X86_INSN_MAX)
		return X86_DECODE_TOO_LONG;
	if (c->pos + n > c->end)
		return X86_DECODE_TRUNCATED;
	*val = 0;
	for (i = 0; i < n; i++)
		*val |= (u64)c->bytes[c->pos + i] << (8 * i);
	c->pos += n;
	return X86_DECODE_OK;
}

static int take_u8(struct cursor *c, u8 *val)
{
	u64 v;
	int ret = take(c, 1, &v);

	if (!ret)
		*val = v;
	return ret;
}

static int take_signed(struct cursor *c, unsigned int n, s64 *val)
{
	u64 v;
	int ret = take(c, n, &v);

	if (!ret)
		*val = (s64)(v << (64 - 8 * n)) >> (64 - 8 * n);
	return ret;
}

/*
 * Legacy prefixes in any order and number, then REX. A REX that a legacy prefix follows does not
 * count. @opcode gets the byte after them.
 */
static int decode_prefixes(struct x86_insn *insn, struct cursor *c, u8 *opcode, bool *addr_prefix)
{
	int ret;

	for (;;) {
		ret = take_u8(c, opcode);
		if (ret)
			return ret;
		switch (*opcode) {
		case 0x66:
			insn->opsize_prefix = true;
			break;
		case 0x67:
			*addr_prefix = true;
			break;
		case 0xf0:
			insn->lock = true;
			break;
		case 0xf2:
		case 0xf3:
			insn->rep = *opcode;
			break;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
			/* ES, CS, SS, DS: ignored in 64-bit mode (APM vol. 3, 1.2.4) */
			if (insn->mode != X86_MODE_64)
				insn->seg = (*opcode >> 3) & 3;
			break;
		case 0x64:
		case 0x65:
			insn->seg = X86_SEG_FS + (*opcode & 1);
			break;
		default:
			if (insn->mode == X86_MODE_64 && (*opcode & 0xf0) == 0x40) {
				insn->rex = *opcode;
				continue;
			}
			return X86_DECODE_OK;
		}
		insn->rex = 0;
	}
}

/* ModRM, SIB and displacement (APM vol. 3, 1.4). */
static int decode_modrm(struct x86_insn *insn, struct cursor *c)
{
	int ret = take_u8(c, &insn->modrm);

	if (ret)
		return ret;
	insn->has_modrm = true;
	insn->mod = insn->modrm >> 6;
	insn->reg = ((insn->modrm >> 3) & 7) | (insn->rex & 4) << 1;
	insn->rm = (insn->modrm & 7) | (insn->rex & 1) << 3;

	/* MOV CRn, DRn: always the register form, whatever mod says */
	if (insn->mod == 3 ||
	    (insn->map == X86_MAP_0F && (insn->opcode & 0xfc) == 0x20))
		return X86_DECODE_OK;

	if (insn->adsize == 2) {
		if (insn->mod)
			insn->disp_len = insn->mod;
		else if ((insn->modrm & 7) == 6)
			insn->disp_len = 2;
	} else {
		u8 base = insn->modrm & 7;

		if (base == 4) {
			ret = take_u8(c, &insn->sib);
			if (ret)
				return ret;
			insn->has_sib = true;
			base = insn->sib & 7;
		}
		if (insn->mod)
			insn->disp_len = insn->mod == 1 ? 1 : 4;
		else if (base == 5)
			insn->disp_len = 4;
	}
	return insn->disp_len ? take_signed(c, insn->disp_len, &insn->disp) : X86_DECODE_OK;
}

static int decode_imm(struct x86_insn *insn, struct cursor *c, u8 kind)
{
	static const u8 first[16] = {
		[IMM_8] = 1, [IMM_16] = 2, [IMM_ENTER] = 2, [IMM_8_8] = 1, [IMM_32] = 4
	};
	static const u8 second[16] = { [IMM_FAR] = 2, [IMM_ENTER] = 1, [IMM_8_8] = 1 };
	unsigned int len, len2 = second[kind];
	u64 v;
	int ret;

	if (kind == IMM_NONE)
		return X86_DECODE_OK;
	if (kind == IMM_MOFFS) {
		insn->disp_len = insn->adsize;
		ret = take(c, insn->disp_len, &v);
		if (!ret)
			insn->disp = v;
		return ret;
	}
	if (kind == IMM_GRP3_8 || kind == IMM_GRP3_Z) {
		if (((insn->modrm >> 3) & 7) > 1)
			return X86_DECODE_OK;
		kind = kind == IMM_GRP3_8 ? IMM_8 : IMM_Z;
	}
	len = first[kind];
	if (kind == IMM_Z)
		len = min_t(u8, insn->opsize, 4);
	else if (kind == IMM_V || kind == IMM_FAR)
		len = insn->opsize;
	if (!len)
		return X86_DECODE_OK;

	ret = take_signed(c, len, &insn->imm);
	if (ret)
		return ret;
	if (len2) {
		ret = take(c, len2, &v);
		if (ret)
			return ret;
		insn->imm2 = v;
	}
	insn->imm_len = len + len2;
	return X86_DECODE_OK;
}

/* Does a group of the one-byte map define this ModRM? */
static bool modrm_defined_1byte(const struct x86_insn *insn)
{
	unsigned int ext = (insn->modrm >> 3) & 7;
	bool reg_form = insn->mod == 3;

	switch (insn->opcode) {
	case 0x62:			/* BOUND */
	case 0x8d:			/* LEA */
	case 0xc4:			/* LES, LDS */
	case 0xc5:
		return !reg_form;
	case 0x8c:			/* MOV from Sreg */
		return ext <= X86_SEG_GS;
	case 0x8e:			/* MOV to Sreg, not CS */
		return ext <= X86_SEG_GS && ext != X86_SEG_CS;
	case 0x8f:
	case 0xc6:
	case 0xc7:
		return ext == 0;
	case 0xfe:
		return ext <= 1;
	case 0xff:			/* /3 and /5 are far, through memory */
		return ext != 7 && !(reg_form && (ext == 3 || ext == 5));
	}
	return true;
}

/* Likewise for the 0F map; the SIMD opcodes are not judged. */
static bool modrm_defined_0f(const struct x86_insn *insn)
{
	unsigned int ext = (insn->modrm >> 3) & 7;
	bool reg_form = insn->mod == 3;

	switch (insn->opcode) {
	case 0x00:
		return ext <= 5;
	case 0x20:			/* CR0, 2, 3, 4, 8 */
	case 0x22:
		return (0x11d >> insn->reg) & 1;
	case 0x21:
	case 0x23:			/* DR0..7 */
		return insn->reg <= 7;
	case 0x78:			/* INSERTQ with F2, EXTRQ with 66: SSE4A */
	case 0x79:
		if (!reg_form)
			return false;
		return insn->rep ? insn->rep == 0xf2 :
				   insn->opsize_prefix && (insn->opcode == 0x79 || ext == 0);
	case 0xb2:			/* LSS, LFS, LGS */
	case 0xb4:
	case 0xb5:
	case 0xc3:			/* MOVNTI */
		return !reg_form;
	case 0xb8:			/* POPCNT */
		return insn->rep == 0xf3;
	case 0xba:
		return ext >= 4;
	case 0xc7:			/* CMPXCHG8B/16B; /0, /2: nothing */
		return ext != 0 && ext != 2 && !(ext == 1 && reg_form);
	}
	return true;
}

/* APM vol. 3, 1.2.5. The table's LK leaves out what depends on ModRM. */
static bool lock_allowed(const struct x86_insn *insn, u8 attr)
{
	unsigned int ext = (insn->modrm >> 3) & 7;

	/* AltMovCr8: LOCK makes CR0 CR8 (APM vol. 3, MOV CRn) */
	if (insn->map == X86_MAP_0F && (insn->opcode & 0xfd) == 0x20)
		return insn->reg == 0;
	if (!(attr & LK) || insn->mod == 3)
		return false;

	if (insn->map == X86_MAP_0F) {
		switch (insn->opcode) {
		case 0xba:		/* BTS, BTR, BTC, not BT */
			return ext >= 5;
		case 0xc7:
			return ext == 1;
		}
		return true;
	}
	switch (insn->opcode) {
	case 0x80 ... 0x83:		/* all but CMP */
		return ext != 7;
	case 0xf6 ... 0xf7:		/* NOT, NEG */
		return ext == 2 || ext == 3;
	case 0xfe ... 0xff:		/* INC, DEC */
		return ext <= 1;
	}
	return true;
}

/*
 * What VEX and XOP say in their last two bytes, EVEX in its second and third: W, and inverted the
 * second source; the vector length; the prefix that the legacy encoding would have.
 */
static void vex_fields(struct x86_insn *insn, u8 byte, unsigned int length)
{
	static const u8 rep[] = { 0, 0, 0xf3, 0xf2 };

	insn->vex_v = ~byte >> 3 & 15;
	insn->vex_l = length;
	insn->rep = rep[byte & 3];
	insn->opsize_prefix = (byte & 3) == 1;
	/* elsewhere there are 8 registers, and W is ignored where it would mean 64 bits */
	if (insn->mode == X86_MODE_64)
		insn->rex = 0x40 | (byte >> 4 & 8);
	else
		insn->vex_v &= 7;
}

/*
 * VEX, XOP and EVEX. @first is C4, C5, 8F or 62; its payload carries REX bits inverted, and the
 * opcode map, which says whether an immediate follows. A 66, F2, F3, LOCK or REX prefix in front
 * makes it undefined.
 */
static int decode_vex(struct x86_insn *insn, struct cursor *c, u8 first)
{
	u8 kind = IMM_NONE, rex = 0;
	u64 payload = 0;
	int ret;

	if (insn->opsize_prefix || insn->rep || insn->lock || insn->rex)
		return X86_DECODE_UNDEFINED;

	switch (first) {
	case 0xc5:
		insn->map = X86_MAP_VEX;
		ret = take(c, 1, &payload);
		insn->vex_map = 1;
		rex = ~payload >> 5 & 4;
		vex_fields(insn, payload & 0x7f, payload >> 2 & 1);
		break;
	case 0x62:
		insn->map = X86_MAP_EVEX;
		ret = take(c, 3, &payload);
		insn->vex_map = payload & 7;
		rex = ~payload >> 5 & 7;
		vex_fields(insn, payload >> 8, payload >> 21 & 3);
		insn->evex = payload >> 16;
		/* the fifth bits of the registers */
		if (insn->mode == X86_MODE_64) {
			insn->evex_r = ~payload & 0x10;
			insn->vex_v |= ~payload >> 15 & 0x10;
		}
		break;
	default:
		insn->map = first == 0xc4 ? X86_MAP_VEX : X86_MAP_XOP;
		ret = take(c, 2, &payload);
		insn->vex_map = payload & 0x1f;
		rex = ~payload >> 5 & 7;
		vex_fields(insn, payload >> 8, payload >> 10 & 1);
	}
	if (ret)
		return ret;
	if (insn->mode == X86_MODE_64)
		insn->rex |= rex;
	/* P0[3] is 0, P1[2] is 1 */
	if (first == 0x62 && (payload & 0x408) != 0x400)
		return X86_DECODE_UNDEFINED;

	ret = take_u8(c, &insn->opcode);
	if (ret)
		return ret;

	switch (insn->map << 8 | insn->vex_map) {
	case X86_MAP_VEX << 8 | 1:
	case X86_MAP_EVEX << 8 | 1:
		if (insn->map == X86_MAP_VEX && insn->opcode == 0x77) {
			insn->len = c->pos;	/* VZEROUPPER, VZEROALL: no ModRM */
			return X86_DECODE_OK;
		}
		switch (insn->opcode) {
		case 0x70 ... 0x73:
		case 0xc2:
		case 0xc4 ... 0xc6:
			kind = IMM_8;
		}
		break;
	case X86_MAP_VEX << 8 | 3:
	case X86_MAP_EVEX << 8 | 3:
	case X86_MAP_XOP << 8 | 8:
		kind = IMM_8;
		break;
	case X86_MAP_XOP << 8 | 10:
		kind = IMM_32;
		break;
	case X86_MAP_VEX << 8 | 2:
	case X86_MAP_EVEX << 8 | 2:
	case X86_MAP_EVEX << 8 | 5:
	case X86_MAP_EVEX << 8 | 6:
	case X86_MAP_XOP << 8 | 9:
		break;
	default:
		return X86_DECODE_UNDEFINED;
	}

	ret = decode_modrm(insn, c);
	if (!ret)
		ret = decode_imm(insn, c, kind);
	insn->len = c->pos;
	return ret;
}

/*
 * The bytes that are VEX, XOP or EVEX only if what follows cannot be the ModRM of the legacy
 * instruction: register forms of LES, LDS and BOUND, and POP with a reg field above 0.
 */
static int is_vex(const struct x86_insn *insn, const struct cursor *c, u8 opcode)
{
	if (opcode != 0xc4 && opcode != 0xc5 && opcode != 0x62 && opcode != 0x8f)
		return false;
	if (opcode != 0x8f && insn->mode == X86_MODE_64)
		return true;
	if (c->pos >= c->end)
		return false;	/* the missing ModRM will be noticed */
	if (opcode == 0x8f)
		return (c->bytes[c->pos] & 0x1f) >= 8;
	return c->bytes[c->pos] >= 0xc0;
}

/* Operand size (APM vol. 3, 1.2.2 and 1.2.7) and what deviates from the general rule. */
static u8 operand_size(const struct x86_insn *insn, u8 attr)
{
	if (insn->mode != X86_MODE_64)
		return (insn->mode == X86_MODE_32) != insn->opsize_prefix ? 4 : 2;
	if (insn->rex & 8)
		return 8;
	if (insn->opsize_prefix)
		return 2;
	return attr & D64 ? 8 : 4;
}

/* Opcode bytes after the prefixes: sets map, opcode; returns the attribute. */
static int decode_opcode(struct x86_insn *insn, struct cursor *c, u8 opcode, u8 *attr)
{
	int ret;

	insn->opcode = opcode;
	if (opcode != 0x0f) {
		insn->map = X86_MAP_1BYTE;
		*attr = map_1byte[opcode];
		return X86_DECODE_OK;
	}

	ret = take_u8(c, &insn->opcode);
	if (ret)
		return ret;
	switch (insn->opcode) {
	case 0x0f:
		insn->map = X86_MAP_3DNOW;
		*attr = M;
		return X86_DECODE_OK;
	case 0x38:
		insn->map = X86_MAP_0F38;
		*attr = M;
		return take_u8(c, &insn->opcode);
	case 0x3a:
		insn->map = X86_MAP_0F3A;
		*attr = M | IMM_8;
		return take_u8(c, &insn->opcode);
	}
	insn->map = X86_MAP_0F;
	*attr = map_0f[insn->opcode];
	return X86_DECODE_OK;
}

int x86_decode(struct x86_insn *insn, const u8 *bytes, unsigned int nbytes, enum x86_mode mode)
{
	struct cursor c = { .bytes = bytes, .end = min_t(unsigned int, nbytes, X86_INSN_MAX) };
	bool addr_prefix = false;
	u8 opcode, attr;
	int ret;

	memset(insn, 0, sizeof(*insn));
	insn->mode = mode;
	insn->seg = X86_SEG_NONE;

	ret = decode_prefixes(insn, &c, &opcode, &addr_prefix);
	if (ret)
		return ret;
	if (mode == X86_MODE_64)
		insn->adsize = addr_prefix ? 4 : 8;
	else
		insn->adsize = (mode == X86_MODE_32) != addr_prefix ? 4 : 2;

	if (is_vex(insn, &c, opcode))
		return decode_vex(insn, &c, opcode);

	ret = decode_opcode(insn, &c, opcode, &attr);
	if (ret)
		return ret;
	if ((attr & IMM_KIND) == IMM_UNDEF || (attr & N64 && mode == X86_MODE_64))
		return X86_DECODE_UNDEFINED;
	insn->opsize = operand_size(insn, attr);

	if (attr & M) {
		ret = decode_modrm(insn, &c);
		if (ret)
			return ret;
		if (insn->map == X86_MAP_1BYTE && !modrm_defined_1byte(insn))
			return X86_DECODE_UNDEFINED;
		if (insn->map == X86_MAP_0F && !modrm_defined_0f(insn))
			return X86_DECODE_UNDEFINED;
	}
	if (insn->lock && !lock_allowed(insn, attr))
		return X86_DECODE_UNDEFINED;

	/* The operand size of these follows rules of their own. */
	if (insn->map == X86_MAP_1BYTE && opcode == 0xff) {
		u8 ext = insn->reg & 7;

		if (ext == 2 || ext == 4 || ext == 6)	/* near CALL and JMP, PUSH */
			insn->opsize = operand_size(insn, D64);
	} else if (insn->map == X86_MAP_0F && (insn->opcode & 0xfc) == 0x20) {
		insn->opsize = mode == X86_MODE_64 ? 8 : 4;
	}

	if (insn->map == X86_MAP_3DNOW)
		ret = take_u8(&c, &insn->opcode);
	else
		ret = decode_imm(insn, &c, attr & IMM_KIND);
	insn->len = c.pos;
	return ret;
}
