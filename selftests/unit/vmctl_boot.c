// SPDX-License-Identifier: GPL-2.0
// needs: userspace/loader.c userspace/loader_memory.c userspace/places.c userspace/enter.c
// needs: userspace/file_kind.c userspace/bzimage.c userspace/pvh.c userspace/multiboot.c
// needs: userspace/multiboot2.c userspace/multiboot_image.c userspace/elf_image.c
// needs: userspace/elf_program.c userspace/flat.c userspace/image.c userspace/progress.c
// needs: userspace/options.c
/*
 * What vmctl puts into guest memory before it runs. A bzImage made here has each byte known, so
 * the test can look where the boot protocol (Documentation/arch/x86/boot.rst) says it has to be;
 * then one field after the other is damaged, and each damage must be refused with its reason. Bare
 * programs likewise, and files that are no kernel.
 */
#include <asm/bootparam.h>
#include <stdio.h>
#include <string.h>

#include "loader_test.h"

#define SETUP_SECTS	3
#define SETUP_BYTES	((SETUP_SECTS + 1) * 512)
#define CODE_BYTES	(64 << 10)
#define PREFERRED	(2 * MIB)
#define INIT_SIZE	(4 * MIB)
#define HEADER_END	0x268	/* the kernel says where its header ends */

/* ---- a kernel ---------------------------------------------------------------------------- */

static struct setup_header *hdr(void)
{
	return (struct setup_header *)(file + 0x1f1);
}

static void make_kernel(void)
{
	fill_file(SETUP_BYTES + CODE_BYTES);
	memset(hdr(), 0, sizeof(*hdr()));
	hdr()->setup_sects = SETUP_SECTS;
	hdr()->syssize = CODE_BYTES / 16;
	hdr()->boot_flag = 0xaa55;
	hdr()->jump = (HEADER_END - 0x202) << 8 | 0xeb;
	hdr()->header = 0x53726448;
	hdr()->version = 0x020f;
	hdr()->loadflags = LOADED_HIGH;
	hdr()->code32_start = 0x100000;
	hdr()->initrd_addr_max = 0x7fffffff;
	hdr()->relocatable_kernel = 1;
	hdr()->kernel_alignment = 2 * MIB;
	hdr()->xloadflags = XLF_KERNEL_64;
	hdr()->cmdline_size = 100;
	hdr()->pref_address = PREFERRED;
	hdr()->init_size = INIT_SIZE;
}

static const struct boot_params *zero_page(void)
{
	return (const struct boot_params *)(ram.host + page.gpr.rsi);
}

static void test_loaded(void)
{
	const struct boot_params *bp;
	uint64_t *gdt, *table;
	bool ok;

	make_kernel();
	cmdline = "console=ttyS0";
	ok = load(16 * MIB);
	cmdline = "";
	bp = zero_page();
	ksft_test_result(ok && was_said(NULL), "a good kernel is loaded\n");
	ksft_test_result(!memcmp(ram.host + PREFERRED, file + SETUP_BYTES, CODE_BYTES) &&
			 ram.host[PREFERRED + CODE_BYTES] == 0xa5 &&
			 page.gpr.rip == PREFERRED + 0x200, "it is where it prefers to be\n");
	ksft_test_result(!memcmp(&bp->hdr.header, &hdr()->header, 14) &&
			 bp->hdr.type_of_loader == 0xff && bp->hdr.init_size == INIT_SIZE &&
			 bp->acpi_rsdp_addr == RSDP && !bp->hdr.ramdisk_size &&
			 !bp->screen_info.orig_video_lines, "the zero page has the header\n");
	ksft_test_result(!strcmp((char *)ram.host + bp->hdr.cmd_line_ptr, "console=ttyS0"),
			 "the zero page names the command line\n");

	with_screen = true;
	ok = load(16 * MIB);
	bp = zero_page();
	ksft_test_result(ok && bp->screen_info.orig_video_isVGA == 0x22 &&
			 bp->screen_info.orig_video_mode == 3 &&
			 bp->screen_info.orig_video_cols == 80 &&
			 bp->screen_info.orig_video_lines == 25 && bp->hdr.init_size == INIT_SIZE,
			 "and the screen, if there is one\n");
	with_screen = false;

	/* Bytes behind the end that the header states are not the header's. */
	hdr()->jump = (offsetof(struct boot_params, hdr.init_size) - 0x202) << 8 | 0xeb;
	ok = load(16 * MIB);
	ksft_test_result(ok && zero_page()->hdr.pref_address == PREFERRED &&
			 !zero_page()->hdr.init_size, "the header ends where it says\n");

	gdt = (uint64_t *)(ram.host + page.seg.gdt.base);
	ksft_test_result(page.seg.cs.selector == 0x10 && page.seg.ds.selector == 0x18 &&
			 gdt[2] == 0x00af9b000000ffff && gdt[3] == 0x00cf93000000ffff &&
			 page.seg.gdt.limit == 0x1f && page.seg.cs.attrib == 0xa9b &&
			 !(page.gpr.rflags & 0x200), "GDT and segments as boot.rst asks\n");

	table = (uint64_t *)(ram.host + page.cr.cr3);
	ok = (table[0] & 0xfff) == 3 && !table[1];
	table = (uint64_t *)(ram.host + (table[0] & ~0xfffull));
	ok &= (table[0] & 0xfff) == 3 && !table[1];
	table = (uint64_t *)(ram.host + (table[0] & ~0xfffull));
	for (uint64_t i = 0; i < 512; i++)
		ok &= table[i] == (i << 21 | 0x83);
	ksft_test_result(ok && (page.cr.efer & 0x500) == 0x500 && page.cr.cr4 == 0x20 &&
			 (page.cr.cr0 & 0x80000001) == 0x80000001,
			 "long mode, the first GiB mapped to itself\n");
	ksft_test_result(page.dirty == (SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR |
					SVMM_STATE_MSR) && page.msr.mtrr_def_type == 0x806,
			 "the registers are handed over\n");
}

static bool e820(unsigned int i, uint64_t start, uint64_t end, unsigned int type)
{
	const struct boot_e820_entry *e = &zero_page()->e820_table[i];

	return e->addr == start && e->size == end - start && e->type == type;
}

static void test_memory_map(void)
{
	make_kernel();
	ksft_test_result(load(16 * MIB) && zero_page()->e820_entries == 3 &&
			 e820(0, 0, 0xa0000, 1) && e820(1, 0xe0000, 0x100000, 2) &&
			 e820(2, MIB, 16 * MIB, 1), "memory map of 16 MiB\n");
	ksft_test_result(load(3072 * MIB) && zero_page()->e820_entries == 3 &&
			 e820(2, MIB, 3072 * MIB, 1), "memory map of 3 GiB\n");
	ksft_test_result(load(3074 * MIB) && zero_page()->e820_entries == 4 &&
			 e820(2, MIB, 3072 * MIB, 1) && e820(3, 4096 * MIB, 4098 * MIB, 1),
			 "what does not fit below 3 GiB lies above 4 GiB\n");
}

/* With an initial RAM disk of @bytes. */
static bool load_initrd(const void *data, size_t bytes)
{
	bool ok;

	add_module(data, bytes, "");
	ok = load(16 * MIB);
	no_modules();
	return ok;
}

static void test_initrd(void)
{
	static uint8_t data[3 * 4096 + 5];
	const struct boot_params *bp;
	bool ok;

	memset(data, 0x5a, sizeof(data));
	make_kernel();
	ok = load_initrd(data, sizeof(data));
	bp = zero_page();
	ksft_test_result(ok && bp->hdr.ramdisk_size == sizeof(data) &&
			 bp->hdr.ramdisk_image == 16 * MIB - 4 * 4096 &&
			 !memcmp(at(bp->hdr.ramdisk_image), data, sizeof(data)),
			 "the initrd lies at the end of memory, on a page\n");
	hdr()->initrd_addr_max = 10 * MIB - 1;
	ok = load_initrd(data, sizeof(data));
	ksft_test_result(ok && zero_page()->hdr.ramdisk_image == 10 * MIB - 4 * 4096,
			 "but not beyond initrd_addr_max\n");
	hdr()->initrd_addr_max = PREFERRED + INIT_SIZE + sizeof(data) - 2;
	ksft_test_result(!load_initrd(data, sizeof(data)) && was_said("too large"),
			 "one byte too large\n");
	hdr()->initrd_addr_max = PREFERRED;
	ksft_test_result(!load_initrd(data, sizeof(data)) && was_said("too large"),
			 "no room at all\n");
	hdr()->initrd_addr_max = 0x7fffffff;
	ksft_test_result(!load_initrd(data, 0) && was_said("empty"), "empty\n");
	add_module(data, 1, "");
	ksft_test_result(!load_initrd(data, 1) && was_said("no modules"), "two of them\n");
	add_module(data, 1, "args");
	ksft_test_result(refused(16 * MIB, "no modules"), "one with a command line\n");
	no_modules();
}

/* ---- other kernels ------------------------------------------------------------------------ */

static void test_entry_32(void)
{
	make_kernel();
	hdr()->xloadflags = 0;
	ksft_test_result(load(16 * MIB) && is_protected(PREFERRED) && !page.gpr.rbp &&
			 !page.gpr.rdi && !page.gpr.rbx && page.seg.cs.selector == 0x10 &&
			 page.seg.ds.selector == 0x18 &&
			 zero_page()->hdr.code32_start == PREFERRED &&
			 !memcmp(at(PREFERRED), file + SETUP_BYTES, CODE_BYTES),
			 "a kernel without a 64-bit entry starts in protected mode\n");
	hdr()->version = 0x20b;
	hdr()->xloadflags = XLF_KERNEL_64;
	ksft_test_result(load(16 * MIB) && is_protected(PREFERRED),
			 "as does one of before there were flags\n");
	make_kernel();
	hdr()->relocatable_kernel = 0;
	ksft_test_result(load(16 * MIB) && page.gpr.rip == MIB + 0x200 &&
			 !memcmp(at(MIB), file + SETUP_BYTES, CODE_BYTES) &&
			 zero_page()->hdr.code32_start == MIB,
			 "one that cannot be relocated goes to 1 MiB\n");
	ksft_test_result(refused(PREFERRED + INIT_SIZE - 4096, "--mem 6M"),
			 "though it takes memory where it will run\n");
}

/* Fields that a version of the protocol does not have are something else in its kernels. */
static void test_old(void)
{
	make_kernel();
	hdr()->version = 0x205;
	hdr()->kernel_alignment = 4 * MIB;
	hdr()->pref_address = hdr()->init_size = hdr()->cmdline_size = -1;
	ksft_test_result(load(16 * MIB) && is_protected(4 * MIB), "2.05 is aligned as it says\n");
	hdr()->relocatable_kernel = 0;
	ksft_test_result(load(2 * MIB) && is_protected(MIB), "or is at 1 MiB\n");
	hdr()->relocatable_kernel = 1;
	hdr()->kernel_alignment = 3;
	ksft_test_result(refused(16 * MIB, "damaged"), "a wrong alignment\n");
	make_kernel();
	hdr()->version = 0x203;
	hdr()->syssize = 1;
	ksft_test_result(load(16 * MIB) && is_protected(MIB) &&
			 !memcmp(at(MIB), file + SETUP_BYTES, CODE_BYTES),
			 "2.03 is as long as its file\n");
	file_bytes = SETUP_BYTES;
	ksft_test_result(refused(16 * MIB, "truncated"), "which may have no code\n");
	make_kernel();
	hdr()->version = 0x202;
	hdr()->initrd_addr_max = 0;
	ksft_test_result(load_initrd("disk", 4) &&
			 zero_page()->hdr.ramdisk_image == 16 * MIB - 4096,
			 "2.02 has initrds, too\n");
}

static bool refused_line(uint64_t mem, const char *line, const char *why)
{
	bool ok;

	cmdline = line;
	ok = refused(mem, why);
	cmdline = "";
	return ok;
}

#define REFUSED(damage, mem, line, why) do {						\
	make_kernel();									\
	damage;										\
	ksft_test_result(refused_line(mem, line, why), #damage ": " why "\n");		\
} while (0)

static void test_refused(void)
{
	char line[300];

	REFUSED(hdr()->version = 0x201, 16 * MIB, "", "too old");
	REFUSED(hdr()->loadflags = 0, 16 * MIB, "", "zImage");
	REFUSED(hdr()->code32_start = 0, 16 * MIB, "", "real-mode code only");
	REFUSED(file_bytes -= 16, 16 * MIB, "", "truncated");
	REFUSED(hdr()->syssize = 0, 16 * MIB, "", "truncated");
	REFUSED(hdr()->syssize = ~0u, 16 * MIB, "", "truncated");
	REFUSED(hdr()->pref_address = 0, 16 * MIB, "", "damaged");
	REFUSED(hdr()->pref_address = -4096ull, 16 * MIB, "", "damaged");
	REFUSED(hdr()->pref_address = 3071 * MIB, 16 * MIB, "", "damaged");
	REFUSED(hdr()->pref_address++, 16 * MIB, "", "damaged");
	REFUSED(hdr()->init_size = CODE_BYTES - 1, 16 * MIB, "", "damaged");
	REFUSED(hdr()->init_size = ~0u, 16 * MIB, "", "damaged");
	REFUSED((void)0, PREFERRED + INIT_SIZE - 4096, "", "--mem 6M");
	REFUSED((void)0, MIB, "", "--mem 6M");

	memset(line, 'x', sizeof(line));
	line[101] = '\0';
	REFUSED((void)0, 16 * MIB, line, "at most 100");
	line[100] = '\0';
	make_kernel();
	file_bytes -= 15;
	ksft_test_result(load(16 * MIB) && ram.host[PREFERRED + CODE_BYTES - 15] == 0xa5 &&
			 !memcmp(at(PREFERRED), file + SETUP_BYTES, CODE_BYTES - 15),
			 "a size that is rounded up\n");
	make_kernel();
	cmdline = line;
	ksft_test_result(load(PREFERRED + INIT_SIZE), "what just fits is taken\n");
	memset(line, 'x', 256);
	line[256] = '\0';
	REFUSED(hdr()->version = 0x205, 16 * MIB, line, "at most 255");

	make_kernel();
	hdr()->setup_sects = 0;		/* means 4: the code is one sector shorter */
	hdr()->syssize -= 512 / 16;
	ksft_test_result(load(16 * MIB) &&
			 !memcmp(at(PREFERRED), file + 5 * 512, CODE_BYTES - 512),
			 "no setup_sects means four\n");
}

/* A kernel above 1 GiB must be mapped. */
static void test_high(void)
{
	const uint64_t *table;
	bool ok;

	make_kernel();
	hdr()->pref_address = 1022 * MIB;
	ok = load(2048 * MIB);
	table = at(page.cr.cr3 + 4096);
	ksft_test_result(ok && (table[0] & 0xfff) == 3 && (table[1] & 0xfff) == 3 && !table[2] &&
			 ((uint64_t *)at(table[1] & ~0xfffull))[1] == (1026 * MIB | 0x83),
			 "what lies higher than 1 GiB is mapped, too\n");
}

/* ---- what is no kernel -------------------------------------------------------------------- */

/* Some bytes at some place of a file of @bytes. */
static bool is_kind(size_t bytes, size_t offset, const char *magic, size_t n, const char *words)
{
	memset(file, 1, sizeof(file));
	memcpy(file + offset, magic, n);
	file_bytes = bytes;
	return refused(16 * MIB, words);
}

#define KIND(offset, magic, words)							\
	ksft_test_result(is_kind(40000, offset, magic, sizeof(magic) - 1, words) &&	\
			 is_kind((offset) + sizeof(magic) - 1, offset, magic,		\
				 sizeof(magic) - 1, words) &&				\
			 is_kind((offset) + sizeof(magic) - 2, offset, magic,		\
				 sizeof(magic) - 2, "FILE is "), words "\n")

static void test_kinds(void)
{
	make_kernel();
	file_bytes = 0x1f1 + sizeof(struct setup_header) - 1;
	ksft_test_result(refused(16 * MIB, "FILE is a boot sector"), "half a bzImage\n");
	file_bytes = 0;
	ksft_test_result(refused(16 * MIB, "FILE is empty; a kernel is a bzImage (/boot/"),
			 "an empty file\n");
	KIND(0, "\x1f\x8b", "gzip");
	KIND(0, "\xfd" "7zXZ", "xz");
	KIND(0, "\x28\xb5\x2f\xfd", "zstd");
	KIND(56, "ARM\x64", "arm64");
	KIND(0, "MZ", "EFI");
	KIND(0, "#!", "script");
	KIND(32769, "CD001", "ISO image");
	KIND(0, "\x27\x05\x19\x56", "uImage");
	KIND(0, "070701", "--initrd");
	KIND(0, "QFI\xfb", "qcow2");
	KIND(510, "\x55\xaa", "boot sector");
	memcpy(file, "\x7f" "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\xb7", 20);
	file_bytes = 64;
	ksft_test_result(refused(16 * MIB, "arm64"), "ELF of another processor\n");
	file_bytes = 20;
	ksft_test_result(refused(16 * MIB, "beginning of an ELF"), "ELF, cut\n");
	memset(file, 'x', 100);
	file_bytes = 100;
	ksft_test_result(refused(16 * MIB, "is text"), "text\n");
	file[50] = 0;
	ksft_test_result(refused(16 * MIB, "not known here"), "something else\n");
}

/* ---- bare programs ------------------------------------------------------------------------ */

static bool flat(size_t bytes, uint64_t mem, uint64_t to, uint64_t entry, enum flat_mode mode)
{
	const struct flat_options o = { .load = to, .entry = entry, .mode = mode };
	struct image program;
	int ret;

	fill_file(bytes);
	program = image_of(file, bytes, "program");
	new_machine(mem);
	said.lines = 0;
	ret = boot_flat(&ram, &page, &program, &o);
	image_close(&program);
	return !ret;
}

static bool flat_refused(size_t bytes, uint64_t to, uint64_t entry, enum flat_mode mode,
			 const char *words)
{
	return !flat(bytes, MIB, to, entry, mode) && was_said(words);
}

static bool is_real(uint16_t selector, uint16_t ip, uint16_t sp)
{
	return page.gpr.rip == ip && page.gpr.rsp == sp && page.seg.cs.selector == selector &&
	       page.seg.cs.base == selector * 16u && page.seg.cs.limit == 0xffff &&
	       !page.seg.ss.base && page.seg.ss.limit == 0xffff && page.cr.cr0 == 0x10 &&
	       page.dirty == (SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR);
}

static void test_flat_real(void)
{
	ksft_test_result(flat(100, MIB, 0x1000, 0x1000, FLAT_REAL) && is_real(0, 0x1000, 0x1000) &&
			 !memcmp(at(0x1000), file, 100) && ram.host[0x1064] == 0xa5,
			 "a bare program starts at 0000:1000\n");
	ksft_test_result(flat(0x20000, MIB, 0x1000, 0x12345, FLAT_REAL) &&
			 is_real(0x1000, 0x2345, 0x1000), "or in its middle\n");
	ksft_test_result(flat(0x10000, MIB, 0xf0000, 0xffff0, FLAT_REAL) &&
			 is_real(0xf000, 0xfff0, 0), "or at the end of a ROM\n");
	ksft_test_result(flat(0x3f000, MIB, 0x61000, 0x61000, FLAT_REAL) &&
			 !flat(0x3f001, MIB, 0x61000, 0x61000, FLAT_REAL) && was_said("VGA window"),
			 "up to 640 KiB, and no further\n");
	ksft_test_result(flat_refused(0, 0x1000, 0x1000, FLAT_REAL, "empty"), "empty\n");
	ksft_test_result(flat_refused(2, MIB - 1, MIB - 1, FLAT_REAL, "--mem 2M"), "too high\n");
	ksft_test_result(flat_refused(2, -1, -1, FLAT_REAL, "memory for it ends at 0xc0000000"),
			 "far too high\n");
	ksft_test_result(flat_refused(2, 0x1000, 0x1002, FLAT_REAL, "is not in the program") &&
			 flat_refused(2, 0x1000, 0xfff, FLAT_REAL, "is not in the program"),
			 "an entry elsewhere\n");
	ksft_test_result(!flat(2, 2 * MIB, MIB, MIB, FLAT_REAL) && was_said("ends at 1 MiB"),
			 "an entry that real mode cannot reach\n");
}

static void test_flat_other(void)
{
	const uint64_t *table;
	bool ok = true;

	ksft_test_result(flat(100, 2 * MIB, MIB, MIB + 5, FLAT_PROTECTED) &&
			 (page.msr.mtrr_def_type = 0x806, page.dirty |= SVMM_STATE_MSR) &&
			 is_protected(MIB + 5) && page.gpr.rsp == MIB, "protected mode\n");
	ksft_test_result(flat(0x20000, MIB, 0x80000, 0x80000, FLAT_LONG) &&
			 page.gpr.rip == 0x80000 && page.gpr.rsp == 0x80000 &&
			 page.seg.cs.attrib == 0xa9b && (page.cr.efer & 0x500) == 0x500 &&
			 page.cr.cr4 == 0x20 && (page.cr.cr0 & 0x80000001) == 0x80000001 &&
			 page.cr.cr3 + 7 * 4096 <= 0x80000 && !memcmp(at(0x80000), file, 0x20000),
			 "long mode, with its tables beside the program\n");
	table = at(page.cr.cr3);
	ok &= (table[0] & 0xfff) == 3 && !table[1];
	table = at(table[0] & ~0xfffull);
	ok &= !table[4];
	for (uint64_t i = 0; i < 2048; i++)
		ok &= ((uint64_t *)at(table[i / 512] & ~0xfffull))[i % 512] == (i << 21 | 0x83);
	ksft_test_result(ok, "the first 4 GiB mapped to themselves\n");
	file_bytes = 0;
	ksft_test_result(flat(0x40000, 2 * MIB, 0x500, 0x500, FLAT_LONG) &&
			 page.cr.cr3 >= 0x40500 && page.cr.cr3 <= 0x9f000,
			 "nor below it\n");
}

int main(void)
{
	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(79);
	test_loaded();
	test_memory_map();
	test_initrd();
	test_entry_32();
	test_old();
	test_refused();
	test_high();
	test_kinds();
	test_flat_real();
	test_flat_other();
	ksft_finished();
}
