// SPDX-License-Identifier: GPL-2.0
/*
 * ELF files that are loaded as kernels (System V ABI, chapters 4 and 5).  Headers of the smaller
 * class are turned into those of the larger one where they are read, so there is one of each check.
 */
#include <elf.h>
#include <stdio.h>
#include <string.h>

#include "elf_image.h"
#include "message.h"

#define NOTES_BYTES_MAX	16384u	/* that are looked at of each part */

static bool wrong(char *why, size_t room, const char *text)
{
	snprintf(why, room, "%s", text);
	return false;
}

bool elf_recognise(const struct loader_head *head)
{
	Elf32_Ehdr e;		/* what both classes have at the same place */

	if (head->nr < sizeof(e))
		return false;
	memcpy(&e, head->bytes, sizeof(e));
	return !memcmp(e.e_ident, ELFMAG, SELFMAG) && e.e_ident[EI_DATA] == ELFDATA2LSB &&
	       ((e.e_ident[EI_CLASS] == ELFCLASS64 && e.e_machine == EM_X86_64) ||
		(e.e_ident[EI_CLASS] == ELFCLASS32 && e.e_machine == EM_386));
}

static Elf64_Ehdr widen_header(const Elf32_Ehdr *e)
{
	return (Elf64_Ehdr) {
		.e_type = e->e_type, .e_version = e->e_version, .e_entry = e->e_entry,
		.e_phoff = e->e_phoff, .e_phentsize = e->e_phentsize, .e_phnum = e->e_phnum,
	};
}

static Elf64_Phdr widen_segment(const Elf32_Phdr *p)
{
	return (Elf64_Phdr) {
		.p_type = p->p_type, .p_offset = p->p_offset, .p_vaddr = p->p_vaddr,
		.p_paddr = p->p_paddr, .p_filesz = p->p_filesz, .p_memsz = p->p_memsz,
		.p_align = p->p_align,
	};
}

static bool in_file(const struct elf_image *elf, uint64_t offset, uint64_t bytes)
{
	return offset <= elf->image->bytes && bytes <= elf->image->bytes - offset;
}

static bool read_header(struct elf_image *elf, const struct loader_head *head, Elf64_Ehdr *e,
			char *why, size_t room)
{
	Elf32_Ehdr small;

	elf->is_64 = head->bytes[EI_CLASS] == ELFCLASS64;
	if (elf->is_64) {
		if (head->nr < sizeof(*e))
			return wrong(why, room, "is truncated; copy it again");
		memcpy(e, head->bytes, sizeof(*e));
	} else {
		memcpy(&small, head->bytes, sizeof(small));
		*e = widen_header(&small);
	}
	if (e->e_type == ET_REL)
		return wrong(why, room, "is an object file; link it (ld)");
	if (e->e_type == ET_CORE)
		return wrong(why, room, "is a core dump");
	if (e->e_type != ET_EXEC && e->e_type != ET_DYN)
		return wrong(why, room, "is ELF of an unknown type; the file is damaged");
	if (e->e_phentsize != (elf->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return wrong(why, room, "has no program headers; the file is damaged");
	if (!e->e_phnum || e->e_phnum > ELF_SEGMENTS_MAX)
		return wrong(why, room, "has no program headers, or more than 64 of them");
	if (!in_file(elf, e->e_phoff, (uint64_t)e->e_phnum * e->e_phentsize))
		return wrong(why, room, "is truncated: its program headers are not all there; "
			     "copy it again");
	elf->is_linked = e->e_type == ET_EXEC;
	elf->entry = e->e_entry;
	return true;
}

static bool add_segment(struct elf_image *elf, const Elf64_Phdr *p, char *why, size_t room)
{
	if (!p->p_memsz && !p->p_filesz)
		return true;
	if (p->p_filesz > p->p_memsz || p->p_paddr > UINT64_MAX - p->p_memsz)
		return wrong(why, room, "has a segment of an impossible size; the file is damaged");
	if (!in_file(elf, p->p_offset, p->p_filesz)) {
		snprintf(why, room, "is truncated: it has %llu bytes, and a segment at %llu has "
			 "%llu; copy it again", (unsigned long long)elf->image->bytes,
			 (unsigned long long)p->p_offset, (unsigned long long)p->p_filesz);
		return false;
	}
	elf->segments[elf->nr_segments++] = (struct elf_segment) {
		.offset = p->p_offset, .file_bytes = p->p_filesz, .bytes = p->p_memsz,
		.gpa = p->p_paddr, .va = p->p_vaddr,
	};
	return true;
}

/* More than there is room for, or not in the file: no notes that anybody could want. */
static void add_notes(struct elf_image *elf, const Elf64_Phdr *p)
{
	if (elf->nr_notes < ELF_NOTES_MAX && in_file(elf, p->p_offset, p->p_filesz))
		elf->notes[elf->nr_notes++] = (struct elf_notes) {
			.offset = p->p_offset, .bytes = p->p_filesz,
			.align = p->p_align == 8 ? 8 : 4,
		};
}

static bool add(struct elf_image *elf, const Elf64_Phdr *p, char *why, size_t room)
{
	switch (p->p_type) {
	case PT_LOAD:
		return add_segment(elf, p, why, room);
	case PT_NOTE:
		add_notes(elf, p);
		break;
	case PT_INTERP:
		elf->has_interpreter = true;
		break;
	}
	return true;
}

bool elf_read(struct elf_image *elf, const struct loader_head *head, char *why, size_t room)
{
	Elf64_Phdr large[ELF_SEGMENTS_MAX], one;
	Elf32_Phdr small[ELF_SEGMENTS_MAX];
	Elf64_Ehdr e;

	*elf = (struct elf_image) { .image = head->image };
	if (!read_header(elf, head, &e, why, room))
		return false;
	if (image_read(elf->image, e.e_phoff, (uint64_t)e.e_phnum * e.e_phentsize,
		       elf->is_64 ? (void *)large : (void *)small))
		return wrong(why, room, "cannot be read");
	for (unsigned int i = 0; i < e.e_phnum; i++) {
		one = elf->is_64 ? large[i] : widen_segment(&small[i]);
		if (!add(elf, &one, why, room))
			return false;
	}
	return elf->nr_segments || wrong(why, room, "has nothing to load");
}

void elf_bounds(const struct elf_image *elf, uint64_t *start, uint64_t *end)
{
	*start = UINT64_MAX;
	*end = 0;
	for (unsigned int i = 0; i < elf->nr_segments; i++) {
		const struct elf_segment *s = &elf->segments[i];

		if (s->gpa < *start)
			*start = s->gpa;
		if (s->gpa + s->bytes > *end)
			*end = s->gpa + s->bytes;
	}
}

bool elf_has(const struct elf_image *elf, uint64_t gpa)
{
	for (unsigned int i = 0; i < elf->nr_segments; i++) {
		const struct elf_segment *s = &elf->segments[i];

		if (gpa >= s->gpa && gpa - s->gpa < s->bytes)
			return true;
	}
	return false;
}

static int load_segment(const struct elf_image *elf, struct places *places,
			const struct elf_segment *s, uint64_t gpa)
{
	uint8_t *to;

	if (places_take(places, gpa, s->bytes, "a segment", elf->image->path))
		return -1;
	to = places->ram->host + gpa;
	if (s->file_bytes && image_read(elf->image, s->offset, s->file_bytes, to))
		return -1;
	memset(to + s->file_bytes, 0, s->bytes - s->file_bytes);
	return 0;
}

int elf_load(const struct elf_image *elf, struct places *places, uint64_t shift)
{
	for (unsigned int i = 0; i < elf->nr_segments; i++) {
		if (load_segment(elf, places, &elf->segments[i], elf->segments[i].gpa + shift))
			return -1;
	}
	return 0;
}

static uint64_t align_up(uint64_t n, unsigned int align)
{
	return (n + align - 1) & -(uint64_t)align;
}

/* What is looked for, and whether it was found. */
struct search {
	const char *name;
	uint32_t type;
	void *value;
	size_t min, max;
	bool found;
};

/* One note at @at, of @left bytes.  Return: its length with padding, 0: look no further. */
static uint64_t look_at_note(struct search *s, const uint8_t *at, uint64_t left, unsigned int align)
{
	uint64_t value, total;
	Elf32_Nhdr n;		/* the same in both classes */

	if (left < sizeof(n))
		return 0;
	memcpy(&n, at, sizeof(n));
	value = align_up(sizeof(n) + n.n_namesz, align);
	total = align_up(value + n.n_descsz, align);
	if (value + n.n_descsz > left)
		return 0;
	if (n.n_type == s->type && n.n_namesz == strlen(s->name) + 1 &&
	    !memcmp(at + sizeof(n), s->name, n.n_namesz) &&
	    n.n_descsz >= s->min && n.n_descsz <= s->max) {
		memset(s->value, 0, s->max);
		memcpy(s->value, at + value, n.n_descsz);
		s->found = true;
		return 0;
	}
	return total;
}

bool elf_find_note(const struct elf_image *elf, const char *name, uint32_t type, void *value,
		   size_t min, size_t max)
{
	struct search s = { .name = name, .type = type, .value = value, .min = min, .max = max };
	uint8_t notes[NOTES_BYTES_MAX];
	uint64_t bytes, step;

	for (unsigned int i = 0; i < elf->nr_notes && !s.found; i++) {
		bytes = elf->notes[i].bytes;
		if (bytes > sizeof(notes))
			bytes = sizeof(notes);
		if (image_read(elf->image, elf->notes[i].offset, bytes, notes))
			return false;
		for (uint64_t at = 0; at < bytes; at += step) {
			step = look_at_note(&s, notes + at, bytes - at, elf->notes[i].align);
			if (!step)
				break;
		}
	}
	return s.found;
}

bool elf_physical(const struct elf_image *elf, uint64_t address, uint64_t *gpa)
{
	const struct elf_segment *s;

	for (s = elf->segments; s < elf->segments + elf->nr_segments; s++) {
		if (address >= s->va && address - s->va < s->bytes) {
			*gpa = s->gpa + (address - s->va);
			return true;
		}
	}
	*gpa = address;
	return elf_has(elf, address);
}
