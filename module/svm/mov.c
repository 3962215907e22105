// SPDX-License-Identifier: GPL-2.0
/*
 * A plain MOV that met a device, without the emulator.
 *
 * The processor has walked the guest's tables, checked segment and rights, and says which
 * guest-physical address it was: what is left is which register, and how wide. That depends on the
 * instruction's bytes alone, so it is remembered by them. What is not so simple, or does not fit
 * together, is the emulator's.
 */
#include <linux/mm.h>

#include "../core.h"
#include "svm_vcpu.h"

/* The instruction's first bytes, as a word. Return: how many there are. */
static unsigned int first_bytes(struct vcpu *vcpu, u64 *word)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct vmcb *vmcb = sv->vmcb;
	unsigned int nbytes = 0;

	if (svm_has(SVM_FEATURE_DECODEASSISTS)) {
		nbytes = min_t(u8, vmcb->insn_len, X86_INSN_MAX);
		memcpy(word, vmcb->insn_bytes, sizeof(*word));
		return nbytes;
	}
	sv->insn_nbytes = 0;
	preempt_disable();	/* as in the window */
	if (!svm_fetch_insn(vcpu)) {
		nbytes = sv->insn_nbytes;
		memcpy(word, sv->insn_bytes, sizeof(*word));
	}
	preempt_enable();
	return nbytes;
}

static struct mov_line *line_of(struct svm_vcpu *sv, u64 word)
{
	/* Opcode and ModRM are among the first three bytes. */
	return &sv->movs[(word ^ word >> 8 ^ word >> 11 ^ word >> 19) % MOV_LINES];
}

/* Find out what the instruction is; one that is no plain MOV has a length of 0. */
static void learn(struct mov_line *line, u64 word, unsigned int nbytes)
{
	struct x86_insn insn;

	*line = (struct mov_line){ };
	if (x86_decode(&insn, (const u8 *)&word, min_t(unsigned int, nbytes, sizeof(word)),
		       X86_MODE_64) != X86_DECODE_OK)
		return;
	line->mask = GENMASK_ULL(8 * insn.len - 1, 0);
	line->bytes = word & line->mask;
	if (!x86_plain_mov(&insn, &line->mov))
		line->mov.len = 0;
}

bool svm_device_mov(struct vcpu *vcpu, struct x86_mov *mov)
{
	struct svm_vcpu *sv = vcpu->svm;
	u64 gpa = vcpu->fault.gpa, info = vcpu->fault.error_code, word = 0;
	struct mov_line *line;
	unsigned int nbytes;

	if (svm_mode(vcpu) != X86_MODE_64 || (info & (SVM_NPF_FINAL | PF_ERR_I)) != SVM_NPF_FINAL)
		return false;
	nbytes = first_bytes(vcpu, &word);
	line = line_of(sv, word);
	if (!line->mask || (word & line->mask) != line->bytes)
		learn(line, word, nbytes);
	*mov = line->mov;
	if (!mov->len || mov->len > nbytes)
		return false;
	/* In one page, and where the instruction says. */
	return !(gpa & (mov->bytes - 1)) &&
	       !((gpa ^ x86_mov_linear(mov, vcpu->regs, sv->vmcb->rip)) & ~PAGE_MASK) &&
	       mov->store == !!(info & PF_ERR_W);
}

void svm_mov_done(struct vcpu *vcpu, const struct x86_mov *mov)
{
	vcpu->svm->vmcb->rip += mov->len;
	svm_insn_done(vcpu);
}
