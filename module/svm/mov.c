// SPDX-License-Identifier: GPL-2.0
/*
 * A plain MOV that met a device, without the emulator.
 *
 * The processor has walked the guest's tables, checked segment and rights, and says which
 * guest-physical address it was: what is left is which register, and how wide. That depends on the
 * instruction's bytes alone, so it is remembered by them. What is not so simple, or does not fit
 * together, is the emulator's.
 */
#include <linux/hash.h>
#include <linux/mm.h>

#include "fetch.h"

/* The instruction's first bytes, as a word. Return: how many there are. */
static __always_inline unsigned int first_bytes(struct vcpu *vcpu, struct svm_vcpu *sv, u64 *word)
{
	struct vmcb *vmcb = sv->vmcb;
	const struct fetch_line *line;
	unsigned int nbytes = 0;

	if (svm_has(SVM_FEATURE_DECODEASSISTS)) {
		nbytes = min_t(u8, vmcb->insn_len, X86_INSN_MAX);
		memcpy(word, vmcb->insn_bytes, sizeof(*word));
		return nbytes;
	}
	preempt_disable();	/* as in the window */
	if (likely(fetch_look_up(vcpu, sv, &line))) {
		nbytes = line->len;
		*word = line->path.word[0].value;
	} else if (!svm_fetch_insn(vcpu)) {
		nbytes = sv->insn_nbytes;
		memcpy(word, sv->insn_bytes, sizeof(*word));
	}
	preempt_enable();
	return nbytes;
}

static __always_inline struct mov_line *line_of(struct svm_vcpu *sv, u64 word)
{
	/* Opcode and ModRM are among the first three bytes. */
	return &sv->movs[hash_32(word << 8, ilog2(MOV_LINES))];
}

/* Find out what the instruction is; one that is no plain MOV has a length of 0. */
static noinline void learn(struct mov_line *line, u64 word, unsigned int nbytes)
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

void svm_mov_done(struct vcpu *vcpu, const struct x86_mov *mov)
{
	vcpu->svm->vmcb->rip += mov->len;
	svm_insn_done(vcpu);
}

const struct x86_mov *svm_device_mov(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	u64 gpa = vcpu->fault.gpa, info = vcpu->fault.error_code, word = 0;
	const struct x86_mov *mov;
	struct mov_line *line;
	unsigned int nbytes;

	if (svm_mode(vcpu) != X86_MODE_64 || (info & (SVM_NPF_FINAL | PF_ERR_I)) != SVM_NPF_FINAL)
		return NULL;
	/* User space may have changed everything since the exit. */
	sv->insn_nbytes = 0;
	nbytes = first_bytes(vcpu, sv, &word);
	line = line_of(sv, word);
	OPTIMIZER_HIDE_VAR(line);	/* its address is calculated once */
	if (unlikely(!line->mask) || unlikely((word & line->mask) != line->bytes))
		learn(line, word, nbytes);
	mov = &line->mov;
	if (unlikely(!mov->len) || unlikely(mov->len > nbytes))
		return NULL;
	/* In one page, and where the instruction says. */
	if (gpa & (mov->bytes - 1) ||
	    (gpa ^ x86_mov_linear(mov, vcpu->regs, sv->vmcb->rip)) & ~PAGE_MASK ||
	    mov->store != !!(info & PF_ERR_W))
		return NULL;
	/* A store is posted; a load waits for its data. */
	if (mov->store)
		svm_mov_done(vcpu, mov);
	return mov;
}
