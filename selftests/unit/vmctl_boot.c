// SPDX-License-Identifier: GPL-2.0
// needs: userspace/bzimage.c userspace/flat.c userspace/image.c userspace/ram.c
// needs: userspace/message.c userspace/terminal.c userspace/progress.c userspace/options.c
/*
 * What vmctl puts into guest memory before it runs. A bzImage made here has each byte known, so
 * the test can look where the boot protocol (Documentation/arch/x86/boot.rst) says it has to be;
 * then one field after the other is damaged, and each damage must be refused with its reason.
 */
#include <asm/bootparam.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../userspace/boot.h"
#include "tap.h"

#define MIB		(1ull << 20)
#define SETUP_SECTS	3
#define SETUP_BYTES	((SETUP_SECTS + 1) * 512)
#define CODE_BYTES	(64 << 10)
#define PREFERRED	(2 * MIB)
#define INIT_SIZE	(4 * MIB)
#define HEADER_END	0x268	/* the kernel says where its header ends */
#define RSDP		0xe0000

/* ---- what boot files need of the rest -------------------------------------------------- */

static const struct ram_backing anonymous;
static const struct ram_file no_file = { .fd = -1, .page = RAM_PAGE_4K };

int svmm_prefault(int vm, uint32_t flags, uint64_t *gpa, uint64_t *bytes)
{
	return 0;
}

int svmm_set_slot(int vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t bytes,
		  const void *addr)
{
	return 0;
}

const char *svmm_explain(unsigned long request, int error)
{
	return "";
}

/* ---- a kernel --------------------------------------------------------------------------- */

static uint8_t file[SETUP_BYTES + CODE_BYTES];
static size_t file_bytes;
#define TEMPLATE "/tmp/vmctl_boot.XXXXXX"
static char path[sizeof(TEMPLATE)] = TEMPLATE, initrd[sizeof(TEMPLATE)] = TEMPLATE;

static struct setup_header *hdr(void)
{
	return (struct setup_header *)(file + 0x1f1);
}

static void make_kernel(void)
{
	for (size_t i = 0; i < sizeof(file); i++)
		file[i] = i * 7 + i / 509;
	file_bytes = sizeof(file);
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
	hdr()->xloadflags = XLF_KERNEL_64;
	hdr()->cmdline_size = 100;
	hdr()->pref_address = PREFERRED;
	hdr()->init_size = INIT_SIZE;
}

static void write_file(const char *to, const void *data, size_t bytes)
{
	FILE *f = fopen(to, "w");

	if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f))
		ksft_exit_fail_msg("cannot write %s\n", to);
}

/* ---- loading it, and what it said ------------------------------------------------------- */

static struct ram ram;
static struct svmm_vcpu_page page;
static char said[1024];

static int load_linux(const char *with_initrd, const char *cmdline)
{
	struct image kernel, disk;
	int ret = -1;

	if (image_open(&kernel, path, "kernel"))
		return -1;
	if (!with_initrd) {
		ret = boot_linux(&ram, &page, &kernel, NULL, cmdline, RSDP);
	} else if (!image_open(&disk, with_initrd, "initrd")) {
		ret = boot_linux(&ram, &page, &kernel, &disk, cmdline, RSDP);
		image_close(&disk);
	}
	image_close(&kernel);
	return ret;
}

static bool load(uint64_t mem, const char *with_initrd, const char *cmdline)
{
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO), ret = -1;
	size_t n;

	write_file(path, file, file_bytes);
	ram_free(&ram);
	memset(&page, 0, sizeof(page));
	dup2(fileno(f), STDERR_FILENO);
	if (!ram_alloc(&ram, mem, &anonymous, &no_file))
		ret = load_linux(with_initrd, cmdline);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = '\0';
	fclose(f);
	return !ret;
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
	ok = load(16 * MIB, NULL, "console=ttyS0");
	bp = zero_page();
	ksft_test_result(ok && !said[0], "a good kernel is loaded: %s\n", said);
	ksft_test_result(!memcmp(ram.host + PREFERRED, file + SETUP_BYTES, CODE_BYTES) &&
			 !ram.host[PREFERRED + CODE_BYTES] &&
			 page.gpr.rip == PREFERRED + 0x200, "it is where it prefers to be\n");
	ksft_test_result(!memcmp(&bp->hdr.header, &hdr()->header, 14) &&
			 bp->hdr.type_of_loader == 0xff && bp->hdr.init_size == INIT_SIZE &&
			 bp->acpi_rsdp_addr == RSDP && !bp->hdr.ramdisk_size &&
			 !bp->screen_info.orig_video_lines, "the zero page has the header\n");
	ksft_test_result(!strcmp((char *)ram.host + bp->hdr.cmd_line_ptr, "console=ttyS0"),
			 "the zero page names the command line\n");

	boot_linux_screen(&ram);
	ksft_test_result(bp->screen_info.orig_video_isVGA == 0x22 &&
			 bp->screen_info.orig_video_mode == 3 &&
			 bp->screen_info.orig_video_cols == 80 &&
			 bp->screen_info.orig_video_lines == 25 && bp->hdr.init_size == INIT_SIZE,
			 "and the screen, if there is one\n");

	/* Bytes behind the end that the header states are not the header's. */
	hdr()->jump = (offsetof(struct boot_params, hdr.init_size) - 0x202) << 8 | 0xeb;
	ok = load(16 * MIB, NULL, "");
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
	ksft_test_result(load(16 * MIB, NULL, "") && zero_page()->e820_entries == 3 &&
			 e820(0, 0, 0xa0000, 1) && e820(1, 0xe0000, 0x100000, 2) &&
			 e820(2, MIB, 16 * MIB, 1), "memory map of 16 MiB\n");
	ksft_test_result(load(3072 * MIB, NULL, "") && zero_page()->e820_entries == 3 &&
			 e820(2, MIB, 3072 * MIB, 1), "memory map of 3 GiB\n");
	ksft_test_result(load(3074 * MIB, NULL, "") && zero_page()->e820_entries == 4 &&
			 e820(2, MIB, 3072 * MIB, 1) && e820(3, 4096 * MIB, 4098 * MIB, 1),
			 "what does not fit below 3 GiB lies above 4 GiB\n");
}

static void test_initrd(void)
{
	static uint8_t data[3 * 4096 + 5];
	const struct boot_params *bp;
	bool ok;

	memset(data, 0x5a, sizeof(data));
	write_file(initrd, data, sizeof(data));
	make_kernel();
	ok = load(16 * MIB, initrd, "");
	bp = zero_page();
	ksft_test_result(ok && bp->hdr.ramdisk_size == sizeof(data) &&
			 bp->hdr.ramdisk_image == 16 * MIB - 4 * 4096 &&
			 !memcmp(ram.host + bp->hdr.ramdisk_image, data, sizeof(data)),
			 "the initrd lies at the end of memory, on a page\n");
	hdr()->initrd_addr_max = 10 * MIB - 1;
	ok = load(16 * MIB, initrd, "");
	ksft_test_result(ok && zero_page()->hdr.ramdisk_image == 10 * MIB - 4 * 4096,
			 "but not beyond initrd_addr_max\n");
	hdr()->initrd_addr_max = PREFERRED + INIT_SIZE + sizeof(data) - 2;
	ksft_test_result(!load(16 * MIB, initrd, "") && strstr(said, "too large"),
			 "one byte too large: %s", said);
	hdr()->initrd_addr_max = PREFERRED;
	ksft_test_result(!load(16 * MIB, initrd, "") && strstr(said, "too large"),
			 "no room at all: %s", said);
	hdr()->initrd_addr_max = 0x7fffffff;
	write_file(initrd, data, 0);
	ksft_test_result(!load(16 * MIB, initrd, "") && strstr(said, "empty"), "empty: %s", said);
	ksft_test_result(!load(16 * MIB, "/nonexistent", "") && strstr(said, "/nonexistent"),
			 "missing: %s", said);
}

#define REFUSED(damage, mem, cmdline, why) do {					\
	make_kernel();								\
	damage;									\
	ksft_test_result(!load(mem, NULL, cmdline) && strstr(said, why) &&	\
			 strchr(said, '\n') == said + strlen(said) - 1,		\
			 #damage ": %s", said);					\
} while (0)

static void test_refused(void)
{
	char line[128];

	REFUSED(file_bytes = 0, 16 * MIB, "", "not a bzImage");
	REFUSED(file_bytes = 0x1f1 + sizeof(struct setup_header) - 1, 16 * MIB, "",
		"not a bzImage");
	REFUSED(hdr()->header++, 16 * MIB, "", "not a bzImage");
	REFUSED(hdr()->boot_flag = 0, 16 * MIB, "", "not a bzImage");
	REFUSED(hdr()->version = 0x20b, 16 * MIB, "", "too old");
	REFUSED(hdr()->loadflags = 0, 16 * MIB, "", "too old");
	REFUSED(hdr()->xloadflags = 0, 16 * MIB, "", "32-bit");
	REFUSED(file_bytes--, 16 * MIB, "", "truncated");
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
	ksft_test_result(load(PREFERRED + INIT_SIZE, NULL, line),
			 "what just fits is taken: %s\n", said);

	hdr()->setup_sects = 0;		/* means 4: the code is one sector shorter */
	hdr()->syssize -= 512 / 16;
	ksft_test_result(load(16 * MIB, NULL, "") &&
			 !memcmp(ram.host + PREFERRED, file + 5 * 512, CODE_BYTES - 512),
			 "no setup_sects means four\n");
}

static bool load_flat(void)
{
	struct image program;
	int ret;

	if (image_open(&program, path, "program"))
		return false;
	ret = boot_flat(&ram, &page, &program);
	image_close(&program);
	return !ret;
}

static void test_flat(void)
{
	static uint8_t code[0xa0000];
	bool small, largest, large, empty;

	ram_free(&ram);
	memset(&page, 0, sizeof(page));
	memset(code, 0xf4, sizeof(code));
	if (ram_alloc(&ram, MIB, &anonymous, &no_file))
		ksft_exit_fail_msg("no memory\n");
	write_file(path, code, 100);
	small = load_flat() && ram.host[0x1063] == 0xf4 && !ram.host[0x1064];
	ksft_test_result(small && page.gpr.rip == 0x1000 && !page.seg.cs.base &&
			 !page.seg.cs.selector && page.seg.ss.limit == 0xffff &&
			 !(page.cr.cr0 & 1), "a bare program starts at 0000:1000\n");
	write_file(path, code, 0x9f000);
	largest = load_flat() && ram.host[0x9ffff] == 0xf4;
	write_file(path, code, 0x9f001);
	large = load_flat();
	write_file(path, code, 0);
	empty = load_flat();
	ksft_test_result(largest && !large && !empty, "its size is checked\n");
}

int main(void)
{
	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(40);
	if (close(mkstemp(path)) || close(mkstemp(initrd)))
		ksft_exit_fail_msg("no temporary files\n");
	test_loaded();
	test_memory_map();
	test_initrd();
	test_refused();
	test_flat();
	ram_free(&ram);
	unlink(path);
	unlink(initrd);
	ksft_finished();
}
