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

#include "fetch.h"

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

void svm_fetch_forget(struct svm_vcpu *sv)
{
	int i;

	for (i = 0; i < FETCH_LINES; i++)
		sv->fetched[i].rip = SVM_NOWHERE;
}

static void keep(struct svm_vcpu *sv, const struct fetch_line *line)
{
	unsigned int to = fetch_line_of(line->rip);

	if (sv->fetched[to].rip != line->rip)
		sv->fetched[fetch_second_line(to)] = sv->fetched[to];
	sv->fetched[to] = *line;
}

/* Keep the way to the instruction at @gpa, if that is in one word. */
static void remember(struct svm_vcpu *sv, struct fetch_line *line, struct guest_path_notes *notes,
		     u64 gpa)
{
	struct guest_word end;
	struct x86_insn insn;

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
	keep(sv, line);
}

static int fetch_by_walk(struct vcpu *vcpu)
{
	struct guest_path_notes notes = { .vm = vcpu->vm, .nofault = true };
	struct guest_path_notes second = notes;
	struct svm_vcpu *sv = vcpu->svm;
	const struct vmcb *vmcb = sv->vmcb;
	struct fetch_line line = {
		.rip = vmcb->rip,
		.cr3 = vmcb_get_cr3(vmcb),
		.cs_base = vmcb->_seg[VMCB_CS].base,
		.cs_attrib = vmcb->_seg[VMCB_CS].attrib,
		.mode = svm_mode(vcpu),
	};
	u64 linear = line.rip, gpa, gpa_of_next;
	int n, more;

	if (line.mode != X86_MODE_64)
		linear = (u32)(linear + line.cs_base);
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

/* A line of another instruction in the same page, or NULL. */
static const struct fetch_line *neighbour(const struct svm_vcpu *sv)
{
	const struct vmcb *vmcb = sv->vmcb;
	const struct fetch_line *line;

	for (line = sv->fetched; line < sv->fetched + FETCH_LINES; line++) {
		if (!((line->rip ^ vmcb->rip) >> PAGE_SHIFT) && line->mode == X86_MODE_64 &&
		    line->cr3 == vmcb_get_cr3(vmcb) &&
		    line->cs_attrib == vmcb->_seg[VMCB_CS].attrib)
			return line;
	}
	return NULL;
}

/* Its way is that of the instruction.  False: walk. */
static bool fetch_beside(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	const struct fetch_line *known;
	u64 rip = sv->vmcb->rip, bytes;
	struct fetch_line line;
	struct x86_insn insn;

	if (offset_in_page(rip) > PAGE_SIZE - sizeof(bytes))
		return false;
	known = neighbour(sv);
	if (!known)
		return false;
	line = *known;
	guest_path_move_end(&line.path, rip - line.rip);
	line.rip = rip;
	if (!guest_path_read(vcpu->vm, &line.path, &bytes) ||
	    x86_decode(&insn, (u8 *)&bytes, sizeof(bytes), X86_MODE_64) != X86_DECODE_OK)
		return false;
	line.path.word[0].value = bytes;
	line.mask = GENMASK_ULL(8 * insn.len - 1, 0);
	line.len = insn.len;
	keep(sv, &line);
	memcpy(sv->insn_bytes, &bytes, sizeof(bytes));
	sv->insn_nbytes = insn.len;
	return true;
}

int svm_first_len(struct vcpu *vcpu)
{
	return fetch_beside(vcpu) ? vcpu->svm->insn_nbytes : svm_decoded_len(vcpu);
}

int svm_insn_len(struct vcpu *vcpu)
{
	return fetch_insn_len(vcpu, vcpu->svm);
}

int svm_fetch_insn(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	const struct fetch_line *line;

	if (sv->insn_nbytes)
		return 0;
	if (!fetch_look_up(vcpu, sv, &line))
		return fetch_beside(vcpu) ? 0 : fetch_by_walk(vcpu);
	memcpy(sv->insn_bytes, &line->path.word[0].value, sizeof(u64));
	sv->insn_nbytes = line->len;
	return 0;
}
