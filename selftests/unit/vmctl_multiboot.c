// SPDX-License-Identifier: GPL-2.0
// needs: userspace/loader.c userspace/loader_memory.c userspace/places.c userspace/enter.c
// needs: userspace/file_kind.c userspace/bzimage.c userspace/pvh.c userspace/multiboot.c
// needs: userspace/multiboot2.c userspace/multiboot_image.c userspace/elf_image.c
// needs: userspace/elf_program.c userspace/image.c userspace/progress.c userspace/options.c
/*
 * Multiboot kernels of version 1, by ELF and by addresses: images with each byte known, what is in
 * memory compared with the specification, and each damage refused with its reason.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "loader_test.h"
#include "elf_maker.h"

#define HEADER		1024	/* in the file */
#define CODE		4096
#define CODE_BYTES	8000
#define LOAD		(3 * MIB)

struct header {
	uint32_t magic, flags, checksum;
	uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

struct module_entry {
	uint32_t start, end, string, reserved;
};

static struct header *header(void)
{
	return (struct header *)(file + HEADER);
}

static void seal(void)
{
	header()->checksum = -header()->magic - header()->flags;
}

/* At 3 MiB with addresses, in a file that is nothing else. */
static void make_flat(void)
{
	fill_file(CODE + CODE_BYTES);
	*header() = (struct header) {
		.magic = 0x1badb002, .flags = 0x10003,
		.header_addr = LOAD + HEADER - 512, .load_addr = LOAD, .entry_addr = LOAD + 0x1234,
	};
	seal();
}

static void make_elf_kernel(bool is_64)
{
	fill_file(CODE + CODE_BYTES);
	make_elf(is_64, MIB + 16);
	add_segment(CODE, CODE_BYTES, 10000, MIB, MIB);
	*header() = (struct header) { .magic = 0x1badb002, .flags = 3 };
	seal();
}

/* The information, as the kernel finds it. */
static uint32_t info(unsigned int offset)
{
	uint32_t value;

	memcpy(&value, at(page.gpr.rbx + offset), sizeof(value));
	return value;
}

static bool is_entered(uint64_t entry)
{
	return is_protected(entry) && page.gpr.rax == 0x2badb002 && !(page.gpr.rbx & 3);
}

static void test_elf(void)
{
	make_elf_kernel(false);
	ksft_test_result(load(16 * MIB) && was_said(NULL) && is_entered(MIB + 16) &&
			 !memcmp(at(MIB), file + CODE, CODE_BYTES) &&
			 is_zero(MIB + CODE_BYTES, 10000 - CODE_BYTES), "a 32-bit ELF kernel\n");
	header_32()->e_entry = segment_32(0)->p_vaddr = 0xc0000000;
	ksft_test_result(load(16 * MIB) && is_entered(MIB), "of the higher half\n");
	make_elf_kernel(true);
	ksft_test_result(load(16 * MIB) && is_entered(MIB + 16), "a 64-bit ELF kernel\n");
	memmove(file + 8192 - 12, header(), 12);
	memset(header(), 0, 12);
	ksft_test_result(load(16 * MIB) && is_entered(MIB + 16), "its header ends at 8 KiB\n");
	memmove(file + 8192 - 8, file + 8192 - 12, 12);
	memset(file + 8192 - 12, 0, 4);
	ksft_test_result(load(16 * MIB) && page.cr.efer, "a header that is behind is none\n");
}

static void test_addresses(void)
{
	make_flat();
	ksft_test_result(load(16 * MIB) && is_entered(LOAD + 0x1234) &&
			 !memcmp(at(LOAD), file + 512, file_bytes - 512) &&
			 ram.host[LOAD + file_bytes - 512] == 0xa5,
			 "addresses, up to the file's end\n");
	header()->load_end_addr = LOAD + 5000;
	header()->bss_end_addr = LOAD + 9000;
	ksft_test_result(load(16 * MIB) && !memcmp(at(LOAD), file + 512, 5000) &&
			 is_zero(LOAD + 5000, 4000) && ram.host[LOAD + 9000] == 0xa5,
			 "up to an end, and zeroes behind it\n");
	make_elf_kernel(false);
	header()->flags |= 0x10000;
	seal();
	header()->header_addr = header()->load_addr = header()->entry_addr = LOAD;
	ksft_test_result(load(16 * MIB) && is_entered(LOAD), "addresses count before ELF\n");
	/* Without room for them it is no header, and the file no kernel. */
	make_flat();
	file_bytes = HEADER + 31;
	ksft_test_result(refused(16 * MIB, "not known here"), "a header that is cut\n");
}

static void test_memory(void)
{
	uint32_t map;

	make_flat();
	ksft_test_result(load(16 * MIB) && (info(0) & 0x41) == 0x41 && info(4) == 640 &&
			 info(8) == 15 * 1024, "lower and upper memory\n");
	map = info(48);
	ksft_test_result(info(44) == 3 * 24 && !memcmp(at(map), (uint32_t[]) {
				20, 0, 0, 0xa0000, 0, 1, 20, 0xe0000, 0, 0x20000, 0, 2,
				20, MIB, 0, 15 * MIB, 0, 1 }, 3 * 24), "memory map\n");
	ksft_test_result(load(3074 * MIB) && info(8) == 3071 * 1024 && info(44) == 4 * 24 &&
			 !memcmp(at(info(48) + 72), (uint32_t[]) { 20, 0, 1, 2 * MIB, 0, 1 }, 24),
			 "memory above 4 GiB\n");
}

/* What a BIOS would have left, where the kernel is not. */
static void test_bios_data(void)
{
	make_elf_kernel(false);
	ksft_test_result(load(16 * MIB) && *(uint8_t *)at(0x413) == 0x80 &&
			 *(uint8_t *)at(0x414) == 2 && *(uint8_t *)at(0x412) == 0xa5 &&
			 *(uint8_t *)at(0x415) == 0xa5, "640 KiB, as a BIOS says it\n");
	add_segment(CODE, 100, 100, 0x400, 0x400);
	ksft_test_result(load(16 * MIB) && !memcmp(at(0x400), file + CODE, 100),
			 "unless the kernel is there\n");
}

static void test_strings(void)
{
	make_flat();
	cmdline = "one two";
	ksft_test_result(load(16 * MIB) && (info(0) & 0x204) == 0x204 &&
			 !strcmp(at(info(16)), "one two") && !strcmp(at(info(64)), "vmctl"),
			 "command line and loader's name\n");
	cmdline = "";
	ksft_test_result(load(16 * MIB) && (info(0) & 4) && !*(char *)at(info(16)),
			 "an empty command line\n");
	ksft_test_result((info(0) & ~0x124du) == 0 && (info(0) & 0x1000) && info(88) == 0xb8000 &&
			 !info(92) && info(96) == 160 && info(100) == 80 && info(104) == 25 &&
			 (info(108) & 0xffff) == 0x0210, "a text screen, and nothing else\n");
}

static void test_modules(void)
{
	const struct module_entry *m;

	make_flat();
	ksft_test_result(load(16 * MIB) && (info(0) & 8) && !info(20), "no modules\n");
	add_module(file, 5000, "first");
	add_module(file + 1, 4096, "");
	ksft_test_result(load(16 * MIB) && info(20) == 2, "two modules\n");
	m = at(info(24));
	ksft_test_result(m[0].start == LOAD + 3 * 4096 && m[0].end == m[0].start + 5000 &&
			 !memcmp(at(m[0].start), file, 5000) && !strcmp(at(m[0].string), "first") &&
			 !m[0].reserved, "the first is behind the kernel, on a page\n");
	ksft_test_result(m[1].start == LOAD + 5 * 4096 && m[1].end == m[1].start + 4096 &&
			 !memcmp(at(m[1].start), file + 1, 4096) && !*(char *)at(m[1].string),
			 "the second behind it\n");
	ksft_test_result(load(LOAD + 6 * 4096) && refused(LOAD + 6 * 4096 - 1, "too large"),
			 "as far as there is room\n");
	no_modules();
	for (unsigned int i = 0; i < BOOT_MODULES_MAX; i++)
		add_module("x", 1, "y");
	ksft_test_result(load(16 * MIB) && info(20) == BOOT_MODULES_MAX, "32 modules\n");
	no_modules();
}

#define REFUSED(damage, mem, words) do {						\
	make_flat();									\
	damage;										\
	seal();										\
	ksft_test_result(refused(mem, words), #damage ": " words "\n");			\
} while (0)

static void test_refused(void)
{
	REFUSED(header()->flags |= 8, 16 * MIB, "demands what multiboot does not define");
	REFUSED(header()->flags &= 0xffff, 16 * MIB, "no ELF file");
	REFUSED(header()->load_addr = header()->header_addr + 1, 16 * MIB, "not in the file");
	REFUSED(header()->load_addr = header()->header_addr - HEADER - 1, 16 * MIB,
		"not in the file");
	REFUSED(header()->load_end_addr = LOAD, 16 * MIB, "load_end_addr");
	REFUSED(header()->load_end_addr = LOAD + file_bytes - 511, 16 * MIB, "truncated");
	REFUSED(header()->bss_end_addr = LOAD + file_bytes - 513, 16 * MIB, "bss_end_addr");
	REFUSED(header()->bss_end_addr = -1u, 16 * MIB, "memory for it ends");
	REFUSED(header()->bss_end_addr = 16 * MIB + 1, 16 * MIB, "use --mem 17M");
	REFUSED(header()->entry_addr = LOAD - 1, 16 * MIB, "where it has nothing");
	REFUSED(header()->entry_addr = LOAD + file_bytes - 512, 16 * MIB, "where it has nothing");
	REFUSED(header()->load_addr = header()->entry_addr = 0x9f000;
		header()->header_addr = 0x9f000 + HEADER, 16 * MIB, "VGA window");
	make_flat();
	header()->checksum++;
	ksft_test_result(refused(16 * MIB, "not known here"), "a wrong checksum\n");
	make_elf_kernel(false);
	file_bytes--;
	ksft_test_result(refused(16 * MIB, "truncated"), "a truncated ELF kernel\n");
	make_elf_kernel(true);
	header_64()->e_entry = 1ull << 32;
	ksft_test_result(refused(16 * MIB, "where it has nothing"), "an entry above 4 GiB\n");
	make_elf_kernel(true);
	file[EI_CLASS] = 3;
	ksft_test_result(refused(16 * MIB, "no ELF file"), "ELF of no class\n");
}

int main(void)
{
	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(39);
	test_elf();
	test_addresses();
	test_memory();
	test_bios_data();
	test_strings();
	test_modules();
	test_refused();
	ksft_finished();
}
