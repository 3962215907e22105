/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An independent opinion on what bytes mean: compares the decoder with Zydis, and owns the list of
 * differences that are meant to be, each with its reason. Without Zydis there is no opinion.
 */
#ifndef SELFTESTS_UNIT_DECODE_ORACLE_H
#define SELFTESTS_UNIT_DECODE_ORACLE_H

#include <stdio.h>

#include "../../module/emulate/emulate.h"

#if __has_include(<Zydis/Zydis.h>)
#include <Zydis/Zydis.h>
#define HAVE_ZYDIS 1
#else
#define HAVE_ZYDIS 0
#endif

static const char * const mode_names[] = { "16", "32", "64" };

static void dump(const char *what, const u8 *bytes, enum x86_mode mode)
{
	unsigned int i;

	printf("# %s, mode %s:", what, mode_names[mode]);
	for (i = 0; i < X86_INSN_MAX; i++)
		printf(" %02x", bytes[i]);
	printf("\n");
}

#if HAVE_ZYDIS
static ZydisDecoder decoders[3];
static unsigned long compared, valid;

static void zydis_init(void)
{
	static const ZydisMachineMode modes[] = {
		ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_MACHINE_MODE_LEGACY_32,
		ZYDIS_MACHINE_MODE_LONG_64
	};
	static const ZydisStackWidth widths[] = {
		ZYDIS_STACK_WIDTH_16, ZYDIS_STACK_WIDTH_32, ZYDIS_STACK_WIDTH_64
	};
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ZydisDecoderInit(&decoders[i], modes[i], widths[i]);
		ZydisDecoderEnableMode(&decoders[i], ZYDIS_DECODER_MODE_AMD_BRANCHES, ZYAN_TRUE);
		ZydisDecoderEnableMode(&decoders[i], ZYDIS_DECODER_MODE_WBNOINVD, ZYAN_TRUE);
		/* on an AMD CPU these encodings are long NOPs */
		ZydisDecoderEnableMode(&decoders[i], ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
	}
}

static int z_map(const struct x86_insn *insn)
{
	switch (insn->map) {
	case X86_MAP_1BYTE: return ZYDIS_OPCODE_MAP_DEFAULT;
	case X86_MAP_0F: return ZYDIS_OPCODE_MAP_0F;
	case X86_MAP_0F38: return ZYDIS_OPCODE_MAP_0F38;
	case X86_MAP_0F3A: return ZYDIS_OPCODE_MAP_0F3A;
	case X86_MAP_3DNOW: return ZYDIS_OPCODE_MAP_0F0F;
	case X86_MAP_XOP: return ZYDIS_OPCODE_MAP_XOP8 + insn->vex_map - 8;
	case X86_MAP_EVEX:
		if (insn->vex_map >= 5)
			return ZYDIS_OPCODE_MAP_MAP5 + insn->vex_map - 5;
		fallthrough;
	case X86_MAP_VEX: return ZYDIS_OPCODE_MAP_DEFAULT + insn->vex_map;
	}
	return -1;
}

/* What VEX and its kin say of registers and vector length; their bits are inverted. */
static bool same_vex(const struct x86_insn *insn, const ZydisDecodedInstruction *z)
{
	unsigned int w, rxb, v, length, high = 0;

	switch (z->encoding) {
	case ZYDIS_INSTRUCTION_ENCODING_VEX:
		w = z->raw.vex.W;
		rxb = z->raw.vex.R << 2 | z->raw.vex.X << 1 | z->raw.vex.B;
		v = z->raw.vex.vvvv;
		length = z->raw.vex.L;
		break;
	case ZYDIS_INSTRUCTION_ENCODING_XOP:
		w = z->raw.xop.W;
		rxb = z->raw.xop.R << 2 | z->raw.xop.X << 1 | z->raw.xop.B;
		v = z->raw.xop.vvvv;
		length = z->raw.xop.L;
		break;
	case ZYDIS_INSTRUCTION_ENCODING_EVEX:
		w = z->raw.evex.W;
		rxb = z->raw.evex.R << 2 | z->raw.evex.X << 1 | z->raw.evex.B;
		v = z->raw.evex.V2 << 4 | z->raw.evex.vvvv;
		length = z->raw.evex.L2 << 1 | z->raw.evex.L;
		high = (z->raw.evex.R2 ^ 1) << 4;
		if (insn->evex != (z->raw.evex.z << 7 | length << 5 | z->raw.evex.b << 4 |
				   z->raw.evex.V2 << 3 | z->raw.evex.aaa))
			return false;
		break;
	default:
		return !insn->vex_l && !insn->vex_v && !insn->evex;
	}
	if (insn->mode != X86_MODE_64)
		return !insn->rex && insn->vex_l == length && insn->vex_v == (~v & 7);
	v = ~v & (insn->map == X86_MAP_EVEX ? 31 : 15);
	return insn->rex == (0x40 | w << 3 | (~rxb & 7)) && insn->vex_l == length &&
	       insn->vex_v == v && insn->evex_r == high;
}

static bool same(const struct x86_insn *insn, const ZydisDecodedInstruction *z)
{
	unsigned int imm = 0, i;

	for (i = 0; i < 2; i++)
		imm += z->raw.imm[i].size / 8;
	if (insn->len != z->length || z_map(insn) != (int)z->opcode_map ||
	    insn->opcode != z->opcode)
		return false;
	if (insn->has_modrm != !!(z->attributes & ZYDIS_ATTRIB_HAS_MODRM) ||
	    insn->has_sib != !!(z->attributes & ZYDIS_ATTRIB_HAS_SIB))
		return false;
	if (insn->has_modrm && insn->mod != z->raw.modrm.mod && z->raw.modrm.mod != 3)
		return false;
	if (insn->disp_len != z->raw.disp.size / 8 || insn->imm_len != imm)
		return false;
	if (insn->disp_len && insn->disp_len < 8 && insn->map != X86_MAP_EVEX &&
	    insn->has_modrm && insn->disp != z->raw.disp.value)
		return false;
	if (insn->lock != !!(z->attributes & ZYDIS_ATTRIB_HAS_LOCK))
		return false;
	if (insn->adsize * 8 != z->address_width)
		return false;
	return same_vex(insn, z);
}

/*
 * Opcodes of which Zydis knows that no CPU defines this combination of prefix, ModRM and opcode,
 * while the decoder gives a length: SIMD, x87 and the feature-dependent groups, where it does not
 * judge (see x86_decode()). Everywhere else the two must agree that something is undefined.
 */
static bool unjudged(const struct x86_insn *insn)
{
	switch (insn->map) {
	case X86_MAP_1BYTE:
		return (insn->opcode & 0xf8) == 0xd8;	/* x87 */
	case X86_MAP_0F:
		switch (insn->opcode) {
		case 0x01:			/* VMX, SVM, SNP, CET, ...: one list per vendor */
		case 0x12 ... 0x17:
		case 0x28 ... 0x2f:
		case 0x50 ... 0x77:
		case 0x7c ... 0x7f:
		case 0xae:			/* fences, FSGSBASE, XSAVE, CET */
		case 0xc2 ... 0xc7:		/* C3: MOVNTI with 66; C7: RDRAND, VMX, XSAVES */
		case 0xd0 ... 0xfe:
			return true;
		}
		return false;
	}
	return true;
}

/* All differences that are meant to be. */
static bool excused(const struct x86_insn *insn, int ret, const ZydisDecodedInstruction *z,
		    bool z_ok)
{
	if (!z_ok) {
		/* Zydis does not know AltMovCr8 outside 64-bit mode; the APM allows it there. */
		if (insn->lock && insn->map == X86_MAP_0F && (insn->opcode & 0xfd) == 0x20)
			return true;
		return !ret && unjudged(insn);
	}
	/* Xeon Phi's MVEX and mask jumps: never on an AMD CPU */
	if (z->encoding == ZYDIS_INSTRUCTION_ENCODING_MVEX)
		return true;
	switch (z->mnemonic) {
	case ZYDIS_MNEMONIC_JKZD:
	case ZYDIS_MNEMONIC_JKNZD:
		return true;
	case ZYDIS_MNEMONIC_UD0:		/* defined to be undefined */
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
	case ZYDIS_MNEMONIC_GETSEC:		/* Intel's TXT, VMX, TSX */
	case ZYDIS_MNEMONIC_VMREAD:
	case ZYDIS_MNEMONIC_VMWRITE:
	case ZYDIS_MNEMONIC_XBEGIN:
	case ZYDIS_MNEMONIC_XABORT:
		return ret == X86_DECODE_UNDEFINED;
	case ZYDIS_MNEMONIC_ENCLS:		/* SGX has an address size of its own */
	case ZYDIS_MNEMONIC_ENCLU:
	case ZYDIS_MNEMONIC_ENCLV:
		return !ret && insn->len == z->length;
	default:
		break;
	}
	/* VIA's PadLock */
	return ret == X86_DECODE_UNDEFINED && insn->map == X86_MAP_0F &&
	       (insn->opcode == 0xa6 || insn->opcode == 0xa7);
}

/* False if they differ; @buf has 15 bytes. */
static bool compare(const u8 *buf, enum x86_mode mode)
{
	ZydisDecodedInstruction z;
	struct x86_insn insn;
	bool z_ok;
	int ret;

	z_ok = ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoders[mode], NULL, buf, 15, &z));
	ret = x86_decode(&insn, buf, 15, mode);
	compared++;
	valid += z_ok;
	if (z_ok == !ret && (ret || same(&insn, &z)))
		return true;
	if (excused(&insn, ret, &z, z_ok))
		return true;
	dump("differs", buf, mode);
	if (z_ok)
		printf("# Zydis: len %u map %d opcode %02x disp %u imm %u+%u ad %u %s\n", z.length,
		       z.opcode_map, z.opcode, z.raw.disp.size, z.raw.imm[0].size,
		       z.raw.imm[1].size, z.address_width, ZydisMnemonicGetString(z.mnemonic));
	else
		printf("# Zydis: invalid\n");
	printf("# here: ret %d len %u map %d opcode %02x disp %u imm %u ad %u\n", ret, insn.len,
	       insn.map, insn.opcode, insn.disp_len, insn.imm_len, insn.adsize);
	return false;
}
#endif /* HAVE_ZYDIS */

#endif /* SELFTESTS_UNIT_DECODE_ORACLE_H */
