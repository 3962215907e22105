// SPDX-License-Identifier: GPL-2.0
/*
 * The instruction at RIP, for a processor that does not bring it along.
 *
 * It is read through the guest's page tables, on a path that is remembered (guest_path.h) with the
 * instruction's own bytes at its end: as long as all of it is as it was, so is the length.
 * Permissions do not matter: the processor has just fetched from there.
 *
 * In the window only memory that is present can be read: -EAGAIN says that it is not.
 */
#include <linux/mm.h>

#include "../memory.h"
#include "svm_vcpu.h"

/* Read up to the end of the page. Return: the bytes, or -EAGAIN. */
static int fetch_page(struct vcpu *vcpu, struct guest_path_notes *notes, u64 linear,
		      u8 *bytes, unsigned int room, u64 *gpa)
{
	unsigned int access = GUEST_FETCH | (svm_get_cpl(vcpu) == 3 ? GUEST_USER : 0);
	unsigned int n = min_t(unsigned int, room, PAGE_SIZE - offset_in_page(linear));
	struct walk_result res;
	struct walk_cfg cfg;

	svm_get_walk_cfg(vcpu, &cfg);
	if (guest_path_walk(notes, &cfg, linear, access, &res) != WALK_OK)
		return -EAGAIN;
	if (vm_read_guest_nofault(vcpu->vm, res.gpa, bytes, n))
		return -EAGAIN;
	*gpa = res.gpa;
	return n;
}

/* What a walk depends on, beside memory. */
static void set_key(struct fetch_line *line, struct vcpu *vcpu, u64 linear, enum x86_mode mode)
{
	const struct vmcb *vmcb = vcpu->svm->vmcb;

	line->linear = linear;
	line->cr0 = vmcb_get_cr0(vmcb);
	line->cr3 = vmcb_get_cr3(vmcb);
	line->cr4 = vmcb_get_cr4(vmcb);
	line->efer = vmcb_get_efer(vmcb);
	line->mode = mode;
}

static __always_inline bool has_key(const struct fetch_line *line, struct vcpu *vcpu, u64 linear,
				    enum x86_mode mode)
{
	const struct vmcb *vmcb = vcpu->svm->vmcb;

	return likely(line->linear == linear) && likely(line->cr3 == vmcb_get_cr3(vmcb)) &&
	       line->cr0 == (u32)vmcb_get_cr0(vmcb) && line->cr4 == (u32)vmcb_get_cr4(vmcb) &&
	       line->efer == (u32)vmcb_get_efer(vmcb) && line->mode == mode;
}

/*
 * The line that @linear goes to.  Instructions that exit are few, close together or at the same
 * place in several pages.  Who has to give way to another one goes to the second line.
 */
static __always_inline unsigned int line_of(u64 linear)
{
	return (linear ^ linear >> 4 ^ linear >> 12) % FETCH_LINES;
}

static __always_inline unsigned int second_line(unsigned int line)
{
	return line ^ 1;
}

void svm_fetch_forget(struct svm_vcpu *sv)
{
	int i;

	for (i = 0; i < FETCH_LINES; i++)
		sv->fetched[i].linear = SVM_NOWHERE;
}

/* Keep the way to the instruction at @gpa, if that is in one word. */
static void remember(struct svm_vcpu *sv, struct fetch_line *line, struct guest_path_notes *notes,
		     u64 gpa)
{
	struct guest_word end;
	struct x86_insn insn;
	unsigned int to;

	if (x86_decode(&insn, sv->insn_bytes, sv->insn_nbytes, line->mode) != X86_DECODE_OK ||
	    insn.len > sizeof(end.value))
		return;
	/* Not if the page ends before the word does, or another vCPU is at it. */
	if (vm_read_word(notes->vm, gpa, true, &end) ||
	    memcmp(&end.value, sv->insn_bytes, insn.len) || !guest_path_end(notes, &end))
		return;
	line->path = notes->path;
	line->mask = GENMASK_ULL(8 * insn.len - 1, 0);
	line->len = insn.len;
	to = line_of(line->linear);
	if (sv->fetched[to].linear != line->linear)
		sv->fetched[second_line(to)] = sv->fetched[to];
	sv->fetched[to] = *line;
}

/* Where the instruction is, as a segment has it. */
static __always_inline u64 insn_linear(struct svm_vcpu *sv, enum x86_mode mode)
{
	u64 rip = sv->vmcb->rip;

	return likely(mode == X86_MODE_64) ? rip : (u32)(rip + sv->vmcb->_seg[VMCB_CS].base);
}

/* The line of the instruction at RIP if it holds, or NULL. */
static __always_inline const struct fetch_line *look_up(struct vcpu *vcpu, enum x86_mode mode)
{
	struct svm_vcpu *sv = vcpu->svm;
	u64 linear = insn_linear(sv, mode);
	unsigned int n = line_of(linear);
	const struct fetch_line *line = &sv->fetched[n];

	if (unlikely(!has_key(line, vcpu, linear, mode))) {
		line = &sv->fetched[second_line(n)];
		if (!has_key(line, vcpu, linear, mode))
			return NULL;
	}
	return likely(guest_path_holds(vcpu->vm, &line->path, line->mask)) ? line : NULL;
}

unsigned int svm_fetched_len(struct vcpu *vcpu)
{
	const struct fetch_line *line = look_up(vcpu, svm_mode(vcpu));

	return likely(line) ? line->len : 0;
}

static int fetch_by_walk(struct vcpu *vcpu, enum x86_mode mode)
{
	struct guest_path_notes notes = { .vm = vcpu->vm, .nofault = true };
	struct guest_path_notes second = notes;
	struct svm_vcpu *sv = vcpu->svm;
	u64 linear = insn_linear(sv, mode), gpa, gpa_of_next;
	struct fetch_line line;
	int n, more;

	set_key(&line, vcpu, linear, mode);
	n = fetch_page(vcpu, &notes, linear, sv->insn_bytes, X86_INSN_MAX, &gpa);
	if (n < 0)
		return n;
	sv->insn_nbytes = n;
	if (n < X86_INSN_MAX) {
		/* The next page counts only if the instruction reaches into it. */
		more = fetch_page(vcpu, &second, linear + n, sv->insn_bytes + n,
				  X86_INSN_MAX - n, &gpa_of_next);
		if (more > 0)
			sv->insn_nbytes += more;
	}
	remember(sv, &line, &notes, gpa);
	return 0;
}

int svm_fetch_insn(struct vcpu *vcpu)
{
	enum x86_mode mode = svm_mode(vcpu);
	struct svm_vcpu *sv = vcpu->svm;
	const struct fetch_line *line;

	if (sv->insn_nbytes)
		return 0;
	line = look_up(vcpu, mode);
	if (!line)
		return fetch_by_walk(vcpu, mode);
	memcpy(sv->insn_bytes, &line->path.word[0].value, sizeof(u64));
	sv->insn_nbytes = line->len;
	return 0;
}
