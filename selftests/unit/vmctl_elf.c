// SPDX-License-Identifier: GPL-2.0
// needs: userspace/loader.c userspace/loader_memory.c userspace/places.c userspace/enter.c
// needs: userspace/file_kind.c userspace/bzimage.c userspace/pvh.c userspace/multiboot.c
// needs: userspace/multiboot2.c userspace/multiboot_image.c userspace/elf_image.c
// needs: userspace/elf_program.c userspace/image.c userspace/progress.c userspace/options.c
/*
 * ELF kernels: those with a PVH entry, and test programs. Files of both classes are made here; what
 * is in memory is compared with what Xen's pvh.pandoc and the manual say, and each damage must be
 * refused with its reason.
 */
#include <stdio.h>
#include <string.h>

#include "loader_test.h"
#include "elf_maker.h"

#define CODE		4096	/* in the file */
#define CODE_BYTES	8000
#define NOTES		2048
#define FILE_BYTES	(CODE + CODE_BYTES)
#define HIGH_HALF	0xffffffff80000000ull

/* A program at 1 MiB that is entered at 1 MiB + 16. */
static void make_program(bool is_64)
{
	fill_file(FILE_BYTES);
	make_elf(is_64, MIB + 16);
	add_segment(CODE, 6000, 10000, MIB, MIB);
	add_segment(CODE + 6000, 2000, 2000, 2 * MIB, 2 * MIB);
}

/* The program's parts are where they belong, and what is not in the file is zero. */
static bool is_loaded(void)
{
	return !memcmp(at(MIB), file + CODE, 6000) && is_zero(MIB + 6000, 4000) &&
	       ram.host[MIB + 10000] == 0xa5 && !memcmp(at(2 * MIB), file + CODE + 6000, 2000) &&
	       ram.host[2 * MIB + 2000] == 0xa5;
}

static size_t notes_end;

static void put_note(const char *name, uint32_t type, const void *value, size_t bytes,
		     unsigned int align)
{
	const Elf32_Nhdr n = { .n_namesz = strlen(name) + 1, .n_descsz = bytes, .n_type = type };

	memcpy(file + notes_end, &n, sizeof(n));
	strcpy((char *)file + notes_end + sizeof(n), name);
	notes_end += (sizeof(n) + n.n_namesz + align - 1) & -align;
	memcpy(file + notes_end, value, bytes);
	notes_end += (bytes + align - 1) & -align;
}

static void add_notes(unsigned int align)
{
	const Elf64_Phdr p = {
		.p_type = PT_NOTE, .p_offset = NOTES, .p_filesz = notes_end - NOTES,
		.p_align = align,
	};

	add_phdr(&p);
}

/* ---- test programs ------------------------------------------------------------------------ */

static void test_program(void)
{
	const uint64_t *table;

	make_program(true);
	ksft_test_result(load(16 * MIB) && was_said(NULL) && is_loaded() &&
			 page.gpr.rip == MIB + 16 && page.seg.cs.attrib == 0xa9b &&
			 (page.cr.efer & 0x500) == 0x500 &&
			 (page.cr.cr0 & 0x80000001) == 0x80000001,
			 "a 64-bit program starts in long mode\n");
	table = at(page.cr.cr3);
	table = at(table[0] & ~0xfffull);
	ksft_test_result((table[3] & 0xfff) == 3 && !table[4] &&
			 ((uint64_t *)at(table[3] & ~0xfffull))[511] == (0xffe00000 | 0x83),
			 "with the first 4 GiB mapped\n");
	ksft_test_result(page.gpr.rsp == page.cr.cr3 && page.cr.cr3 + 7 * 4096 == 0xa0000 &&
			 page.seg.gdt.base == 0x9f000, "and a stack below GDT and page tables\n");
	make_program(false);
	ksft_test_result(load(16 * MIB) && is_loaded() && is_protected(MIB + 16) &&
			 page.gpr.rsp > 0x4500 && page.gpr.rsp <= 0xa0000,
			 "a 32-bit program starts in protected mode\n");

	make_program(true);
	header_64()->e_entry = segment_64(0)->p_vaddr = HIGH_HALF;
	ksft_test_result(load(16 * MIB) && page.gpr.rip == MIB, "a virtual entry is translated\n");
	header_64()->e_entry = MIB + 9999;
	ksft_test_result(load(16 * MIB) && page.gpr.rip == MIB + 9999, "a physical one is not\n");

	/* Where the loader puts its own things otherwise. */
	fill_file(FILE_BYTES);
	make_elf(true, 0x99000);
	add_segment(CODE, CODE_BYTES, 0x7000, 0x99000, 0x99000);
	ksft_test_result(load(16 * MIB) && !memcmp(at(0x99000), file + CODE, CODE_BYTES) &&
			 is_zero(0x99000 + CODE_BYTES, 0x7000 - CODE_BYTES) &&
			 page.cr.cr3 + 6 * 4096 <= 0x99000 && page.gpr.rsp <= 0x99000,
			 "page tables and stack are where the program is not\n");
	add_segment(CODE, 0, 0x99000, 0, 0);
	ksft_test_result(load(16 * MIB) && page.cr.cr3 >= MIB && page.gpr.rsp > MIB,
			 "above 1 MiB if there is no room below\n");
	ksft_test_result(refused(MIB, "no memory is left"), "if there is any\n");
}

#define REFUSED(is_64, damage, mem, words) do {						\
	make_program(is_64);								\
	damage;										\
	ksft_test_result(refused(mem, words), #damage ": " words "\n");			\
} while (0)

static void test_program_refused(void)
{
	const Elf64_Phdr interp = { .p_type = PT_INTERP };

	REFUSED(true, header_64()->e_type = ET_REL, 16 * MIB, "link it");
	REFUSED(true, header_64()->e_type = ET_CORE, 16 * MIB, "core dump");
	REFUSED(true, header_64()->e_type = 77, 16 * MIB, "unknown type");
	REFUSED(true, header_64()->e_type = ET_DYN, 16 * MIB, "position-independent");
	REFUSED(true, add_phdr(&interp), 16 * MIB, "program for an operating system");
	REFUSED(true, header_64()->e_phentsize--, 16 * MIB, "damaged");
	REFUSED(false, header_32()->e_phentsize = sizeof(Elf64_Phdr), 16 * MIB, "damaged");
	REFUSED(true, header_64()->e_phnum = 0, 16 * MIB, "no program headers");
	REFUSED(true, header_64()->e_phnum = 65, 16 * MIB, "more than 64");
	REFUSED(true, header_64()->e_phoff = FILE_BYTES - 111, 16 * MIB, "truncated");
	REFUSED(true, header_64()->e_phoff = -8ull, 16 * MIB, "truncated");
	REFUSED(false, header_32()->e_phoff = -8u, 16 * MIB, "truncated");
	REFUSED(true, file_bytes = 63, 16 * MIB, "truncated");
	REFUSED(true, file_bytes--, 16 * MIB, "truncated");
	REFUSED(false, file_bytes--, 16 * MIB, "truncated");
	REFUSED(true, segment_64(0)->p_offset = -1ull, 16 * MIB, "truncated");
	REFUSED(true, segment_64(0)->p_filesz = 10001, 16 * MIB, "impossible size");
	REFUSED(true, segment_64(0)->p_paddr = -9999ull, 16 * MIB, "impossible size");
	REFUSED(true, segment_64(0)->p_paddr = -10001ull, 16 * MIB, "memory for it ends");
	REFUSED(true, segment_64(1)->p_paddr = 16 * MIB - 1999, 16 * MIB, "use --mem 17M");
	REFUSED(false, segment_32(1)->p_paddr = -2000u, 16 * MIB, "memory for it ends");
	REFUSED(true, segment_64(1)->p_paddr = MIB + 9999, 16 * MIB, "a segment is at 0x100000");
	REFUSED(true, segment_64(1)->p_paddr = 0x9ffff, 16 * MIB, "VGA window");
	REFUSED(true, segment_64(1)->p_paddr = 0xfffff, 16 * MIB, "ACPI tables");
	REFUSED(true, header_64()->e_entry = MIB - 1, 16 * MIB, "where it has nothing");
	REFUSED(true, header_64()->e_entry = MIB + 10000, 16 * MIB, "where it has nothing");
	REFUSED(true, segment_64(0)->p_type = segment_64(1)->p_type = PT_NULL, 16 * MIB,
		"nothing to load");
	make_program(true);
	notes_end = NOTES;
	put_note("GNU", 1, "operating system", 16, 4);
	add_notes(4);
	ksft_test_result(refused(16 * MIB, "program for an operating system"), "one of libc's\n");
	add_module("x", 1, "");
	REFUSED(true, (void)0, 16 * MIB, "takes no modules");
	no_modules();
}

/* ---- PVH ---------------------------------------------------------------------------------- */

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};

struct module_entry {
	uint64_t paddr, size, cmdline, reserved;
};

struct memmap_entry {
	uint64_t addr, size;
	uint32_t type, reserved;
};

/* The program, with an entry point for PVH behind notes that are none. */
static void make_pvh(bool is_64, uint64_t entry, size_t entry_bytes, unsigned int align)
{
	make_program(is_64);
	notes_end = NOTES;
	put_note("GNU", 18, "GNU's 18", 8, align);
	put_note("GNU", 3, "another one", 11, align);
	put_note("Xen", 6, "linux", 6, align);
	put_note("Xen", 18, &entry, entry_bytes, align);
	put_note("Xen", 5, "behind", 7, align);
	add_notes(align);
}

static const struct start_info *start_info(void)
{
	return at(page.gpr.rbx);
}

static bool memmap(unsigned int i, uint64_t start, uint64_t end, uint32_t type)
{
	const struct memmap_entry *e = (struct memmap_entry *)at(start_info()->memmap) + i;

	return e->addr == start && e->size == end - start && e->type == type && !e->reserved;
}

static void test_pvh(void)
{
	const struct start_info *info;

	make_pvh(true, MIB + 0x20, 8, 4);
	cmdline = "console=ttyS0";
	ksft_test_result(load(16 * MIB) && was_said(NULL) && is_loaded() &&
			 is_protected(MIB + 0x20), "a 64-bit kernel starts at its PVH entry\n");
	info = start_info();
	ksft_test_result(info->magic == 0x336ec578 && info->version == 1 && !info->flags &&
			 !info->nr_modules && !info->modlist && info->rsdp == RSDP &&
			 !info->reserved && !strcmp(at(info->cmdline), cmdline),
			 "start info: command line, RSDP, no modules\n");
	ksft_test_result(info->memmap_entries == 3 && memmap(0, 0, 0xa0000, 1) &&
			 memmap(1, 0xe0000, MIB, 2) && memmap(2, MIB, 16 * MIB, 1),
			 "memory map\n");
	ksft_test_result(load(3074 * MIB) && start_info()->memmap_entries == 4 &&
			 memmap(2, MIB, 3072 * MIB, 1) && memmap(3, 4096 * MIB, 4098 * MIB, 1),
			 "memory map of more than 3 GiB\n");
	cmdline = "";
	make_pvh(false, MIB + 0x20, 4, 4);
	ksft_test_result(load(16 * MIB) && is_loaded() && is_protected(MIB + 0x20),
			 "a 32-bit kernel, too\n");
	make_pvh(true, MIB + 0x20, 4, 8);
	ksft_test_result(load(16 * MIB) && is_protected(MIB + 0x20), "notes aligned by 8\n");
}

static void test_pvh_modules(void)
{
	static uint8_t data[MIB];
	const size_t bytes = 3 * 4096 + 5;
	const struct module_entry *m;

	memset(data, 0x5a, bytes);
	make_pvh(true, MIB + 0x20, 8, 4);
	add_module(data, bytes, "");
	add_module("second", 6, "its args");
	ksft_test_result(load(16 * MIB) && start_info()->nr_modules == 2, "two modules\n");
	m = at(start_info()->modlist);
	ksft_test_result(m[0].paddr == 16 * MIB - 4 * 4096 && m[0].size == bytes &&
			 !m[0].cmdline && !memcmp(at(m[0].paddr), data, bytes),
			 "the first lies at the end of memory, on a page\n");
	ksft_test_result(m[1].paddr == 16 * MIB - 5 * 4096 && m[1].size == 6 &&
			 !memcmp(at(m[1].paddr), "second", 6) &&
			 !strcmp(at(m[1].cmdline), "its args"), "the second below, with its own\n");
	no_modules();
	add_module(data, MIB - 3 * 4096, "");
	ksft_test_result(load(2 * MIB + 2000), "what just fits\n");
	no_modules();
	add_module(data, MIB - 3 * 4096 + 1, "");
	ksft_test_result(refused(2 * MIB + 2000, "too large"), "one byte too many\n");
	no_modules();
	segment_64(0)->p_memsz = MIB;		/* all of 1 to 2 MiB; there is room below */
	add_module(data, 100, "");
	ksft_test_result(refused(2 * MIB + 2000, "too large"), "none below 1 MiB\n");
	no_modules();
	add_segment(CODE, 0, 0xa0000, 0, 0);
	ksft_test_result(refused(2 * MIB + 2000, "no memory is left for what the kernel is told"),
			 "none for the start info\n");
	header_64()->e_phnum--;
	add_module(data, 0, "");
	segment_64(0)->p_memsz = 10000;
	ksft_test_result(refused(16 * MIB, "empty"), "an empty one\n");
	no_modules();
}

static void test_pvh_hostile(void)
{
	const Elf32_Nhdr endless = { .n_namesz = -16u, .n_descsz = 4, .n_type = 18 };
	uint64_t entry = MIB - 1;

	make_pvh(true, MIB + 10000, 8, 4);
	ksft_test_result(refused(16 * MIB, "where it has nothing"), "an entry between parts\n");
	make_pvh(true, 2 * MIB + 1999, 8, 4);
	ksft_test_result(load(16 * MIB) && is_protected(2 * MIB + 1999), "one in the last byte\n");
	make_pvh(true, entry, 8, 4);
	ksft_test_result(refused(16 * MIB, "where it has nothing"), "an entry below\n");
	make_pvh(true, 2 * MIB + 2000, 8, 4);
	ksft_test_result(refused(16 * MIB, "where it has nothing"), "an entry above\n");
	make_pvh(true, MIB, 2, 4);
	ksft_test_result(load(16 * MIB) && page.gpr.rip == MIB + 16 && page.cr.efer,
			 "an entry of two bytes is none\n");
	make_pvh(true, MIB, 8, 4);
	segment_64(2)->p_offset = -8ull;
	ksft_test_result(load(16 * MIB) && page.cr.efer, "nor one outside the file\n");
	make_pvh(true, MIB, 8, 4);
	segment_64(2)->p_filesz -= 13 + 12 + 4;	/* ends in the value */
	ksft_test_result(load(16 * MIB) && page.cr.efer, "nor one that is cut\n");
	make_program(true);
	notes_end = NOTES;
	memcpy(file + NOTES, &endless, sizeof(endless));
	notes_end += 64;
	add_notes(4);
	ksft_test_result(load(16 * MIB) && page.cr.efer, "nor one of an endless name\n");
	make_pvh(true, MIB, 8, 4);
	file_bytes--;
	ksft_test_result(refused(16 * MIB, "truncated"), "a truncated kernel\n");
}

int main(void)
{
	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(61);
	test_program();
	test_program_refused();
	test_pvh();
	test_pvh_modules();
	test_pvh_hostile();
	ksft_finished();
}
