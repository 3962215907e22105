// SPDX-License-Identifier: GPL-2.0
/*
 * Plain MOVs: which instructions they are, and what a load leaves in its register.
 */
#include "internal.h"
#include "mov.h"

/* The register or immediate, and how wide it is. */
static bool find_form(const struct x86_insn *insn, struct x86_mov *mov)
{
	bool two_bytes = insn->map == X86_MAP_0F;
	u8 bytes = insn->opcode & 1 ? insn->opsize : 1;

	mov->reg = insn->reg;
	mov->bytes = bytes;
	mov->to = bytes;
	mov->sign = false;
	mov->store = false;
	switch (two_bytes << 8 | insn->opcode) {
	case 0x88:	/* MOV r/m, reg */
	case 0x89:
		mov->store = true;
		break;
	case 0x8a:	/* MOV reg, r/m */
	case 0x8b:
		break;
	case 0xc6:	/* MOV r/m, imm; the group has no other one in memory */
	case 0xc7:
		if (insn->modrm & 0x38)
			return false;
		mov->store = true;
		mov->reg = X86_MOV_NONE;
		return true;
	case 0x1b6:	/* MOVZX, MOVSX */
	case 0x1b7:
	case 0x1be:
	case 0x1bf:
		mov->bytes = insn->opcode & 1 ? 2 : 1;
		mov->to = insn->opsize;
		mov->sign = insn->opcode & 8;
		return true;	/* the register is no byte register */
	default:
		return false;
	}
	/* AH to BH */
	return bytes > 1 || insn->rex || insn->reg < 4;
}

static void find_address(const struct x86_insn *insn, struct x86_mov *mov)
{
	mov->base = insn->rm;
	mov->index = X86_MOV_NONE;
	mov->shift = 0;
	if (insn->has_sib) {
		mov->base = (insn->sib & 7) | (insn->rex & 1) << 3;
		mov->index = (insn->sib >> 3 & 7) | (insn->rex & 2) << 2;
		mov->shift = insn->sib >> 6;
		if (mov->index == X86_RSP)
			mov->index = X86_MOV_NONE;
		if ((insn->sib & 7) == 5 && !insn->mod)
			mov->base = X86_MOV_NONE;
	} else if ((insn->modrm & 7) == 5 && !insn->mod) {
		mov->base = X86_MOV_RIP;
	}
	mov->disp = insn->disp;
	mov->imm = insn->imm;
}

bool x86_plain_mov(const struct x86_insn *insn, struct x86_mov *mov)
{
	if (insn->mode != X86_MODE_64 || insn->map > X86_MAP_0F || !insn->has_modrm ||
	    insn->mod == 3 || insn->lock || insn->rep || insn->seg != X86_SEG_NONE ||
	    insn->adsize != 8 || !find_form(insn, mov))
		return false;
	mov->len = insn->len;
	find_address(insn, mov);
	return true;
}

u64 x86_mov_narrow_loaded(const struct x86_mov *mov, u64 old, u64 data)
{
	data &= size_mask(mov->bytes);
	if (mov->sign)
		data = sign_extend(data, mov->bytes);
	/* 32 bits clear the upper half; 8 and 16 leave the rest. */
	if (mov->to < 4)
		return (old & ~size_mask(mov->to)) | (data & size_mask(mov->to));
	return data & size_mask(mov->to);
}
