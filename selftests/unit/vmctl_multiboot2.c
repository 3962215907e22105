// SPDX-License-Identifier: GPL-2.0
// needs: userspace/loader.c userspace/loader_memory.c userspace/places.c userspace/enter.c
// needs: userspace/file_kind.c userspace/bzimage.c userspace/pvh.c userspace/multiboot.c
// needs: userspace/multiboot2.c userspace/multiboot_image.c userspace/elf_image.c
// needs: userspace/elf_program.c userspace/image.c userspace/progress.c userspace/options.c
/*
 * Multiboot kernels of version 2: headers of one tag after the other, what is in memory compared
 * with the specification, and each damage refused with its reason.
 */
#include <stdio.h>
#include <string.h>

#include "loader_test.h"
#include "elf_maker.h"

#define HEADER		1024	/* in the file */
#define CODE		4096
#define CODE_BYTES	8000

static uint32_t *header(void)
{
	return (uint32_t *)(file + HEADER);
}

static size_t header_bytes;

static void seal(void)
{
	header()[0] = 0xe85250d6;
	header()[2] = header_bytes;
	header()[3] = -header()[0] - header()[1] - header()[2];
}

static void add_tag(uint16_t type, uint16_t flags, const void *value, size_t bytes)
{
	uint8_t *to = file + HEADER + header_bytes;
	const uint32_t size = 8 + bytes;

	memcpy(to, &type, sizeof(type));
	memcpy(to + 2, &flags, sizeof(flags));
	memcpy(to + 4, &size, sizeof(size));
	if (bytes)
		memcpy(to + 8, value, bytes);
	header_bytes += (size + 7) & -8;
	seal();
}

#define ADD_TAG(type, flags, ...) do {							\
	const uint32_t value[] = { __VA_ARGS__ };					\
	add_tag(type, flags, value, sizeof(value));					\
} while (0)

static void begin(void)
{
	memset(header(), 0, 1024);
	header_bytes = 16;
	seal();
}

static void end(void)
{
	add_tag(0, 0, NULL, 0);
}

/* At 1 MiB, without tags. */
static void make_elf_kernel(bool is_64)
{
	fill_file(CODE + CODE_BYTES);
	make_elf(is_64, MIB + 16);
	add_segment(CODE, CODE_BYTES, 10000, MIB, MIB);
	begin();
}

/* What the kernel is handed: the first tag of a type, or NULL. */
static const uint32_t *info(uint32_t type)
{
	const uint32_t *total = at(page.gpr.rbx), *tag = total + 2;

	while (tag < total + total[0] / 4) {
		if (tag[0] == type)
			return tag;
		if (tag[1] < 8)
			break;
		tag += ((tag[1] + 7) & -8) / 4;
	}
	return NULL;
}

static bool is_entered(uint64_t entry)
{
	const uint32_t *total = at(page.gpr.rbx);

	return is_protected(entry) && page.gpr.rax == 0x36d76289 && !(page.gpr.rbx & 7) &&
	       !(total[0] & 7) && !total[1] && info(0) && info(0)[1] == 8 &&
	       (const uint32_t *)info(0) + 2 == total + total[0] / 4;
}

static void test_loaded(void)
{
	make_elf_kernel(false);
	end();
	ksft_test_result(load(16 * MIB) && was_said(NULL) && is_entered(MIB + 16) &&
			 !memcmp(at(MIB), file + CODE, CODE_BYTES) &&
			 is_zero(MIB + CODE_BYTES, 10000 - CODE_BYTES), "a 32-bit ELF kernel\n");
	make_elf_kernel(true);
	ksft_test_result(load(16 * MIB) && is_entered(MIB + 16),
			 "a 64-bit one, without an end tag\n");
	ADD_TAG(3, 0, MIB + 100);
	ksft_test_result(load(16 * MIB) && is_entered(MIB + 100), "its entry tag counts more\n");

	fill_file(CODE + CODE_BYTES);
	begin();
	ADD_TAG(2, 0, 3 * MIB + HEADER, 3 * MIB, 3 * MIB + 5000, 3 * MIB + 9000);
	ADD_TAG(3, 0, 3 * MIB + 4999);
	end();
	ksft_test_result(load(16 * MIB) && is_entered(3 * MIB + 4999) &&
			 !memcmp(at(3 * MIB), file, 5000) && is_zero(3 * MIB + 5000, 4000) &&
			 ram.host[3 * MIB + 9000] == 0xa5, "addresses\n");
	header()[5] = 24;	/* the size of the tag that is in header()[4] */
	header()[7] = -1u;	/* load_addr */
	header()[8] = header()[9] = 0;
	ksft_test_result(load(16 * MIB) && !memcmp(at(3 * MIB), file, file_bytes) &&
			 ram.host[3 * MIB + file_bytes] == 0xa5, "addresses of all the file\n");
}

static void test_info(void)
{
	const uint32_t *m;

	make_elf_kernel(true);
	ADD_TAG(1, 0, 1, 2, 3, 4, 6, 8, 15, 21);
	ADD_TAG(4, 0, 3);		/* text will do */
	ADD_TAG(5, 0, 1024, 768, 32);
	add_tag(6, 0, NULL, 0);
	add_tag(7, 0, NULL, 0);
	ADD_TAG(8, 0, 1);
	ADD_TAG(9, 0, 1);
	ADD_TAG(77, 1, 1, 2, 3);	/* unknown, and optional */
	ADD_TAG(1, 1, 99);
	end();
	cmdline = "one two";
	ksft_test_result(load(16 * MIB) && was_said(NULL) && is_entered(MIB + 16),
			 "all demands that can be met\n");
	ksft_test_result(info(1) && info(1)[1] == 16 && !strcmp((char *)(info(1) + 2), cmdline) &&
			 info(2) && info(2)[1] == 14 && !strcmp((char *)(info(2) + 2), "vmctl"),
			 "command line and loader's name\n");
	cmdline = "";
	m = info(6);
	ksft_test_result(info(4) && info(4)[1] == 16 && info(4)[2] == 640 &&
			 info(4)[3] == 15 * 1024 && m && m[1] == 16 + 3 * 24 && m[2] == 24 &&
			 !m[3] && !memcmp(m + 4, (uint32_t[]) {
				0, 0, 0xa0000, 0, 1, 0, 0xe0000, 0, 0x20000, 0, 2, 0,
				MIB, 0, 15 * MIB, 0, 1, 0 }, 3 * 24), "memory map\n");
	ksft_test_result(info(8) && info(8)[1] == 32 && info(8)[2] == 0xb8000 && !info(8)[3] &&
			 info(8)[4] == 160 && info(8)[5] == 80 && info(8)[6] == 25 &&
			 info(8)[7] == 0x0210, "a text screen\n");
	ksft_test_result(info(15) && info(15)[1] == 8 + RSDP_BYTES &&
			 !memcmp(info(15) + 2, at(RSDP), RSDP_BYTES), "RSDP\n");
	ksft_test_result(!info(3) && !info(21), "no modules, and no load base\n");
	ksft_test_result(load(3074 * MIB) && info(6)[1] == 16 + 4 * 24 &&
			 !memcmp(info(6) + 22, (uint32_t[]) { 0, 1, 2 * MIB, 0, 1, 0 }, 24),
			 "memory above 4 GiB\n");
}

static void test_modules(void)
{
	const uint32_t *m;

	make_elf_kernel(false);
	end();
	add_module(file, 5000, "first one");
	add_module(file + 1, 4096, "");
	ksft_test_result(load(16 * MIB) && is_entered(MIB + 16), "two modules\n");
	m = info(3);
	ksft_test_result(m && m[1] == 16 + 10 && m[2] == MIB + 3 * 4096 && m[3] == m[2] + 5000 &&
			 !memcmp(at(m[2]), file, 5000) && !strcmp((char *)(m + 4), "first one"),
			 "the first is behind the kernel, on a page\n");
	m += (m[1] + 7) / 8 * 2;
	ksft_test_result(m[0] == 3 && m[1] == 17 && m[2] == MIB + 5 * 4096 &&
			 m[3] == m[2] + 4096 && !memcmp(at(m[2]), file + 1, 4096) &&
			 !*(char *)(m + 4), "the second behind it\n");
	no_modules();
}

static bool is_moved(uint64_t to)
{
	return load(16 * MIB) && was_said(NULL) && is_entered(to + 16) &&
	       !memcmp(at(to), file + CODE, CODE_BYTES) && is_zero(to + CODE_BYTES, 2000) &&
	       info(21) && info(21)[1] == 12 && info(21)[2] == to;
}

#define RELOCATABLE(...) do {								\
	make_elf_kernel(true);								\
	ADD_TAG(10, 0, __VA_ARGS__);							\
	end();										\
} while (0)

static void test_relocatable(void)
{
	RELOCATABLE(0, -1u, 0x1000, 0);
	ksft_test_result(is_moved(MIB), "a relocatable kernel stays if it may\n");
	RELOCATABLE(0, -1u, 0x200000, 0);
	ksft_test_result(is_moved(2 * MIB), "unless it is not aligned\n");
	RELOCATABLE(MIB + 1, -1u, 0x1000, 0);
	ksft_test_result(is_moved(MIB + 0x1000), "or too low\n");
	RELOCATABLE(0, MIB + 9999, 0x1000, 0);
	ksft_test_result(is_moved(0x1000), "or too high\n");
	RELOCATABLE(3 * MIB, -1u, 0x1000, 1);
	ksft_test_result(is_moved(3 * MIB), "it can prefer the lowest place\n");
	RELOCATABLE(0, -1u, 0x1000, 2);
	ksft_test_result(is_moved(16 * MIB - 3 * 4096), "or the highest\n");
	RELOCATABLE(0, 9 * MIB, 0, 2);
	ksft_test_result(is_moved(9 * MIB - 10000), "up to its limit, aligned or not\n");
	RELOCATABLE(15 * MIB, 15 * MIB + 9999, 1, 0);
	ksft_test_result(refused(16 * MIB, "can be loaded between"), "nowhere\n");
	RELOCATABLE(0, -1u, 3, 0);
	ksft_test_result(refused(16 * MIB, "an alignment of 3"), "a wrong alignment\n");
	make_elf_kernel(true);
	header_64()->e_type = ET_DYN;
	header_64()->e_entry = 16;
	segment_64(0)->p_paddr = segment_64(0)->p_vaddr = 0;
	ADD_TAG(10, 0, MIB, -1u, 0x1000, 0);
	end();
	ksft_test_result(is_moved(MIB), "position-independent, linked to 0\n");
}

#define REFUSED(damage, words) do {							\
	make_elf_kernel(true);								\
	damage;										\
	ksft_test_result(refused(16 * MIB, words), #damage ": " words "\n");		\
} while (0)

static void test_refused(void)
{
	REFUSED(ADD_TAG(77, 0, 1), "a tag of type 77");
	REFUSED(ADD_TAG(1, 0, 1, 9), "information of type 9");
	REFUSED(ADD_TAG(1, 0, 99), "information of type 99");
	REFUSED(ADD_TAG(1, 0, -1u), "information of type");
	REFUSED(ADD_TAG(4, 0, 1), "a screen that is not text");
	REFUSED(ADD_TAG(2, 0, MIB, MIB, 0, 0), "no entry address");
	REFUSED(ADD_TAG(2, 0, MIB, MIB, 0), "too short is a tag of type 2");
	REFUSED(ADD_TAG(3, 0), "too short is a tag of type 3");
	REFUSED(ADD_TAG(4, 0), "too short is a tag of type 4");
	REFUSED(ADD_TAG(10, 0, 1, 2, 3), "too short is a tag of type 10");
	REFUSED(ADD_TAG(6, 0, 0); header()[5] = 7, "of a wrong size is a tag of type 6");
	REFUSED(ADD_TAG(6, 0, 0); header()[5] = 17, "of a wrong size is a tag of type 6");
	REFUSED(ADD_TAG(6, 0, 0); header()[5] = -1u, "of a wrong size is a tag of type 6");
	REFUSED(header()[1] = 4; seal(), "architecture 4");
	REFUSED(header_bytes = 15; seal(), "size is 15");
	REFUSED(header_bytes = file_bytes - HEADER + 1; seal(), "32 KiB");
	REFUSED(header_bytes = -16u; seal(), "32 KiB");
	REFUSED(header_64()->e_entry = MIB - 1, "where it has nothing");
	REFUSED(ADD_TAG(3, 0, MIB + 10000), "where it has nothing");
	REFUSED(file_bytes--, "truncated");
	REFUSED(header_64()->e_phnum = 0, "no program headers");
	make_elf_kernel(true);
	header()[3]++;
	ksft_test_result(load(16 * MIB) && page.cr.efer, "a wrong checksum: another ELF file\n");
	make_elf_kernel(true);
	memmove(header() + 1, header(), 16);
	ksft_test_result(load(16 * MIB) && page.cr.efer, "so it is if the header is not aligned\n");
}

int main(void)
{
	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(48);
	test_loaded();
	test_info();
	test_modules();
	test_relocatable();
	test_refused();
	ksft_finished();
}
