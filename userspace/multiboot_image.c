// SPDX-License-Identifier: GPL-2.0
/*
 * Loading of multiboot kernels of both versions, by the addresses in their header or by ELF.  What
 * a header looks like it does not know.
 */
#include <string.h>

#include "message.h"
#include "multiboot.h"

#define BIOS_BASE_MEMORY	0x413

static int bad_header(const struct multiboot_image *m, const char *what)
{
	message("%s has a multiboot header with %s; the file is damaged", m->image->path, what);
	return -1;
}

int multiboot_by_addresses(struct multiboot_image *m, const struct multiboot_addresses *a)
{
	uint64_t load = a->load, end;

	/* From the file's start. */
	if (a->load == UINT32_MAX) {
		if (a->header < a->header_offset)
			return bad_header(m, "a header below its own file");
		load = a->header - a->header_offset;
	}
	/* Also if it is above the header. */
	if (a->header - load > a->header_offset)
		return bad_header(m, "a load address that is not in the file");
	m->gpa = load;
	m->offset = a->header_offset - (a->header - load);
	end = a->load_end ? a->load_end : load + (m->image->bytes - m->offset);
	if (end <= load)
		return bad_header(m, "a load_end_addr that is below load_addr");
	m->file_bytes = end - load;
	if (m->file_bytes > m->image->bytes - m->offset) {
		message("%s is truncated: it has %llu bytes of %llu; copy it again", m->image->path,
			(unsigned long long)m->image->bytes,
			(unsigned long long)(m->offset + m->file_bytes));
		return -1;
	}
	if (a->bss_end && a->bss_end < end)
		return bad_header(m, "a bss_end_addr that is below load_end_addr");
	m->bytes = (a->bss_end ? a->bss_end : end) - load;
	m->by_elf = false;
	return 0;
}

int multiboot_by_elf(struct multiboot_image *m, const struct loader_head *head)
{
	char why[160] = "has a multiboot header without addresses and is no ELF file for x86; "
			"the file is damaged";

	if (!elf_recognise(head) || !elf_read(&m->elf, head, why, sizeof(why))) {
		message("%s %s", m->image->path, why);
		return -1;
	}
	m->by_elf = true;
	elf_physical(&m->elf, m->elf.entry, &m->entry);
	return 0;
}

int multiboot_load(const struct multiboot_image *m, struct places *places, uint64_t shift)
{
	uint8_t *to;

	if (m->by_elf)
		return elf_load(&m->elf, places, shift);
	if (places_take(places, m->gpa + shift, m->bytes, "the kernel", m->image->path))
		return -1;
	to = places->ram->host + m->gpa + shift;
	if (image_read(m->image, m->offset, m->file_bytes, to))
		return -1;
	memset(to + m->file_bytes, 0, m->bytes - m->file_bytes);
	return 0;
}

int multiboot_check_entry(const struct multiboot_image *m)
{
	if (m->by_elf ? elf_has(&m->elf, m->entry) :
			m->entry >= m->gpa && m->entry - m->gpa < m->bytes)
		return 0;
	message("%s starts at %#llx, where it has nothing; the file is damaged", m->image->path,
		(unsigned long long)m->entry);
	return -1;
}

void multiboot_bounds(const struct multiboot_image *m, uint64_t *start, uint64_t *end)
{
	if (m->by_elf) {
		elf_bounds(&m->elf, start, end);
		return;
	}
	*start = m->gpa;
	*end = m->gpa + m->bytes;
}

/* Kernels of PCs ask the BIOS's data, Xen for one, how many KiB there are below 640. */
static void set_base_memory(struct places *places)
{
	const uint16_t kib = RAM_VGA_START >> 10;

	if (places_free(places, BIOS_BASE_MEMORY, sizeof(kib)))
		memcpy(places->ram->host + BIOS_BASE_MEMORY, &kib, sizeof(kib));
}

int multiboot_enter(const struct boot *boot, struct places *places, uint64_t entry, uint32_t magic,
		    uint64_t info)
{
	uint64_t gdt = places_tables(places, ENTER_GDT_BYTES, "a GDT");

	if (gdt == PLACES_NONE)
		return -1;
	set_base_memory(places);
	enter_protected(boot->ram, boot->page, gdt, entry);
	boot->page->gpr.rax = magic;
	boot->page->gpr.rbx = info;
	return 0;
}
