// SPDX-License-Identifier: GPL-2.0
/*
 * The instruction at RIP, for a processor that does not bring it along.
 *
 * It is read through the guest's page tables, on a way that is remembered page by page
 * (guest_path.h), and that is read once more each time.  What is read there is looked for among the
 * instructions that are known by their bytes.  So nothing is believed of an address: the guest may
 * rewrite tables and code as it likes.  Permissions do not matter: the processor has fetched from
 * there.
 *
 * In the window only memory that is present can be read: -EAGAIN says that it is not.
 */
#include "fetch.h"

void svm_fetch_forget(struct svm_vcpu *sv)
{
	int i;

	for (i = 0; i < FETCH_PAGES; i++)
		sv->pages[i].nr = FETCH_NO_PAGE;
}

void svm_fetch_init(struct svm_vcpu *sv)
{
	int i;

	for (i = 0; i < INSN_LINES; i++)
		sv->insns[i].bytes = 1;		/* with a mask of 0: never */
	svm_fetch_forget(sv);
}

static bool walk(struct vcpu *vcpu, struct guest_path_notes *notes, u64 linear, u64 *gpa)
{
	unsigned int access = GUEST_FETCH | (svm_get_cpl(vcpu) == 3 ? GUEST_USER : 0);
	struct walk_result res;
	struct walk_cfg cfg;

	svm_get_walk_cfg(vcpu, &cfg);
	if (guest_path_walk(notes, &cfg, linear, access, &res) != WALK_OK)
		return false;
	*gpa = res.gpa;
	return true;
}

/* The way to a page, at its place.  NULL: it cannot be kept. */
static const struct fetch_page *find_page(struct vcpu *vcpu, u64 linear, unsigned long place)
{
	struct guest_path_notes notes = { .vm = vcpu->vm, .nofault = true };
	struct svm_vcpu *sv = vcpu->svm;
	struct fetch_page *page = &sv->pages[place];
	u64 cr3 = vmcb_get_cr3(sv->vmcb);
	struct guest_word first;
	u64 gpa;

	if (!walk(vcpu, &notes, linear, &gpa) ||
	    vm_read_word(vcpu->vm, gpa & PAGE_MASK, true, &first) ||
	    !guest_path_end(&notes, &first))
		return NULL;
	if (page->nr != FETCH_NO_PAGE && !fetch_page_is(page, linear, cr3))
		sv->pages[place ^ 1] = *page;
	page->nr = linear >> PAGE_SHIFT;
	page->cr3 = cr3;
	page->path = notes.path;
	return page;
}

/* What is at @linear, up to its page's end.  Return: how many bytes, 0 if they are not at hand. */
static unsigned int bytes_at(struct vcpu *vcpu, u64 linear, u64 *bytes)
{
	unsigned int offset = offset_in_page(linear);
	unsigned int from = min_t(unsigned int, offset, FETCH_LAST);
	struct svm_vcpu *sv = vcpu->svm;
	u64 cr3 = vmcb_get_cr3(sv->vmcb);
	unsigned long place = fetch_place(linear, cr3);
	const struct fetch_page *page;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		page = &sv->pages[place ^ i];
		if (fetch_page_is(page, linear, cr3) &&
		    guest_path_read(vcpu->vm, &page->path, from, bytes))
			break;
	}
	if (i == 2) {
		page = find_page(vcpu, linear, place);
		if (!page || !guest_path_read(vcpu->vm, &page->path, from, bytes))
			return 0;
	}
	*bytes >>= 8 * (offset - from);
	return FETCH_BYTES - (offset - from);
}

const struct insn_line *svm_line_of(struct svm_vcpu *sv, u64 bytes, unsigned int nbytes,
				    enum x86_mode mode)
{
	struct insn_line *first = insn_line_at(sv, bytes, 2);
	struct insn_line *second = insn_line_at(sv, bytes, 3);
	struct insn_line *line = insn_line_is(first, bytes, mode) ? first : second;
	struct x86_insn insn;

	/* What is behind @nbytes may look like the end of a longer one. */
	if (insn_line_is(line, bytes, mode))
		return line->mov.len <= nbytes ? line : NULL;
	nbytes = min_t(unsigned int, nbytes, FETCH_BYTES);
	if (x86_decode(&insn, (const u8 *)&bytes, nbytes, mode) != X86_DECODE_OK)
		return NULL;
	/* One of another mode is from the guest's start. */
	line = first->mask && first->mode == mode ? second : first;
	line->is_mov = x86_plain_mov(&insn, &line->mov);
	line->mov.len = insn.len;
	line->mask = GENMASK_ULL(8 * insn.len - 1, 0);
	line->bytes = bytes & line->mask;
	line->mode = mode;
	return line;
}

const struct insn_line *svm_new_line(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	enum x86_mode mode = svm_mode(vcpu);
	u64 linear = fetch_linear(sv->vmcb, mode), bytes, next;
	unsigned int nbytes = bytes_at(vcpu, linear, &bytes);
	const struct insn_line *line;

	if (!nbytes)
		return NULL;
	line = svm_line_of(sv, bytes, nbytes, mode);
	if (line || nbytes == FETCH_BYTES)
		return line;
	/* It may reach into the next page. */
	linear += nbytes;
	if (!bytes_at(vcpu, mode == X86_MODE_64 ? linear : (u32)linear, &next))
		return NULL;
	return svm_line_of(sv, bytes | next << 8 * nbytes, FETCH_BYTES, mode);
}

/* Read up to the end of the page.  Return: the bytes, or -EAGAIN. */
static int read_page(struct vcpu *vcpu, u64 linear, u8 *bytes, unsigned int room)
{
	unsigned int n = min_t(unsigned int, room, PAGE_SIZE - offset_in_page(linear));
	struct guest_path_notes notes = { .vm = vcpu->vm, .nofault = true };
	u64 gpa;

	if (!walk(vcpu, &notes, linear, &gpa) ||
	    vm_read_guest_nofault(vcpu->vm, gpa, bytes, n))
		return -EAGAIN;
	return n;
}

/* What no line is for.  Return: 0 or -EAGAIN. */
static int fetch_whole(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	u64 linear = fetch_linear(sv->vmcb, svm_mode(vcpu));
	int n, more;

	n = read_page(vcpu, linear, sv->insn_bytes, X86_INSN_MAX);
	if (n < 0)
		return n;
	if (n < X86_INSN_MAX) {
		/* The next page counts only if the instruction reaches into it. */
		more = read_page(vcpu, linear + n, sv->insn_bytes + n, X86_INSN_MAX - n);
		if (more > 0)
			n += more;
	}
	sv->insn_nbytes = n;
	return 0;
}

int svm_fetch_insn(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	const struct insn_line *line;

	if (sv->insn_nbytes)
		return 0;
	line = fetch_line(vcpu, sv);
	if (unlikely(!line))
		return fetch_whole(vcpu);
	memcpy(sv->insn_bytes, &line->bytes, sizeof(line->bytes));
	sv->insn_nbytes = line->mov.len;
	return 0;
}

int svm_new_len(struct vcpu *vcpu)
{
	const struct insn_line *line = svm_new_line(vcpu);
	int ret;

	if (line)
		return line->mov.len;
	ret = fetch_whole(vcpu);
	return ret ?: svm_decoded_len(vcpu);
}

int svm_insn_len(struct vcpu *vcpu)
{
	return fetch_insn_len(vcpu, vcpu->svm);
}
