/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Makes ELF files of either class in loader_test.h's file: a header, program headers behind it, and
 * what they are about wherever a test puts it. It checks nothing. Included behind loader_test.h.
 */
#ifndef SELFTESTS_UNIT_ELF_MAKER_H
#define SELFTESTS_UNIT_ELF_MAKER_H

#include <elf.h>
#include <string.h>

static bool elf_64;

static inline Elf64_Ehdr *header_64(void)
{
	return (Elf64_Ehdr *)file;
}

static inline Elf32_Ehdr *header_32(void)
{
	return (Elf32_Ehdr *)file;
}

/* A header without program headers, which lie behind it. */
static inline void make_elf(bool is_64, uint64_t entry)
{
	elf_64 = is_64;
	memset(file, 0, 4096);
	memcpy(file, ELFMAG, SELFMAG);
	file[EI_CLASS] = is_64 ? ELFCLASS64 : ELFCLASS32;
	file[EI_DATA] = ELFDATA2LSB;
	file[EI_VERSION] = EV_CURRENT;
	if (is_64) {
		header_64()->e_type = ET_EXEC;
		header_64()->e_machine = EM_X86_64;
		header_64()->e_entry = entry;
		header_64()->e_phoff = sizeof(Elf64_Ehdr);
		header_64()->e_phentsize = sizeof(Elf64_Phdr);
	} else {
		header_32()->e_type = ET_EXEC;
		header_32()->e_machine = EM_386;
		header_32()->e_entry = entry;
		header_32()->e_phoff = sizeof(Elf32_Ehdr);
		header_32()->e_phentsize = sizeof(Elf32_Phdr);
	}
}

static inline Elf64_Phdr *segment_64(unsigned int n)
{
	return (Elf64_Phdr *)(file + header_64()->e_phoff) + n;
}

static inline Elf32_Phdr *segment_32(unsigned int n)
{
	return (Elf32_Phdr *)(file + header_32()->e_phoff) + n;
}

static inline void add_phdr(const Elf64_Phdr *p)
{
	if (elf_64) {
		*segment_64(header_64()->e_phnum++) = *p;
		return;
	}
	*segment_32(header_32()->e_phnum++) = (Elf32_Phdr) {
		.p_type = p->p_type, .p_offset = p->p_offset, .p_vaddr = p->p_vaddr,
		.p_paddr = p->p_paddr, .p_filesz = p->p_filesz, .p_memsz = p->p_memsz,
		.p_align = p->p_align,
	};
}

/* @bytes at @offset of the file, and zeroes up to @memory bytes, at @gpa. */
static inline void add_segment(uint64_t offset, uint64_t bytes, uint64_t memory, uint64_t gpa,
			       uint64_t va)
{
	const Elf64_Phdr p = {
		.p_type = PT_LOAD, .p_offset = offset, .p_filesz = bytes, .p_memsz = memory,
		.p_paddr = gpa, .p_vaddr = va,
	};

	add_phdr(&p);
}

#endif
