/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What unit tests of loaders share: a machine's memory and registers, files that are made for one
 * case, and what was said about them. It knows no protocol. Included once.
 */
#ifndef SELFTESTS_UNIT_LOADER_TEST_H
#define SELFTESTS_UNIT_LOADER_TEST_H

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../userspace/boot.h"
#include "said.h"
#include "tap.h"

#define MIB		(1ull << 20)
#define RSDP		0xe0000
#define RSDP_BYTES	36

/* ---- the machine -------------------------------------------------------------------------- */

static struct ram ram;
static struct svmm_vcpu_page page;

/* Memory full of garbage, so that what has to be zero is seen to be made so. */
static inline void new_machine(uint64_t bytes)
{
	if (ram.host)
		munmap(ram.host, ram.bytes);
	ram = (struct ram) {
		.bytes = bytes, .fd = -1,
		.low_bytes = bytes < RAM_LOW_MAX ? bytes : RAM_LOW_MAX,
		.high_bytes = bytes < RAM_LOW_MAX ? 0 : bytes - RAM_LOW_MAX,
	};
	ram.host = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ram.host == MAP_FAILED)
		ksft_exit_fail_msg("no memory\n");
	memset(ram.host, 0xa5, bytes < 64 * MIB ? bytes : 64 * MIB);
	for (unsigned int i = 0; i < RSDP_BYTES; i++)
		ram.host[RSDP + i] = 'R' + i;
	memset(&page, 0, sizeof(page));
}

/* Return: the guest's bytes at @gpa. */
static inline void *at(uint64_t gpa)
{
	return ram.host + gpa;
}

static inline bool is_zero(uint64_t gpa, uint64_t bytes)
{
	for (uint64_t i = 0; i < bytes; i++) {
		if (ram.host[gpa + i])
			return false;
	}
	return true;
}

/* ---- files -------------------------------------------------------------------------------- */

#define FILE_MAX	(256u << 10)

static uint8_t file[FILE_MAX];	/* the kernel's */
static size_t file_bytes;

/* Something to load, each byte known. */
static inline void fill_file(size_t bytes)
{
	file_bytes = bytes;
	for (size_t i = 0; i < sizeof(file); i++)
		file[i] = i * 7 + i / 509;
}

/* A file without a name; image_close() it. */
static inline struct image image_of(const void *data, size_t bytes, const char *what)
{
	struct image image = { .path = "FILE", .what = what, .bytes = bytes };

	image.fd = memfd_create("image", 0);
	if (image.fd < 0 || pwrite(image.fd, data, bytes, 0) != (ssize_t)bytes)
		ksft_exit_fail_msg("no file\n");
	return image;
}

/* ---- loading ------------------------------------------------------------------------------ */

static struct boot_module modules[BOOT_MODULES_MAX];
static unsigned int nr_modules;
static const char *cmdline = "";

static inline void add_module(const void *data, size_t bytes, const char *args)
{
	modules[nr_modules++] = (struct boot_module) {
		.image = image_of(data, bytes, "module"), .args = args,
	};
}

static inline void no_modules(void)
{
	while (nr_modules)
		image_close(&modules[--nr_modules].image);
}

static bool with_screen;

/* The file, with modules and command line, into a machine of @mem bytes. */
static inline bool load(uint64_t mem)
{
	struct image kernel = image_of(file, file_bytes, "kernel");
	struct boot boot = {
		.ram = &ram, .page = &page, .kernel = &kernel, .modules = modules,
		.nr_modules = nr_modules, .cmdline = cmdline, .rsdp = RSDP, .screen = with_screen,
	};
	int ret;

	new_machine(mem);
	said.lines = 0;
	ret = boot_kernel(&boot);
	image_close(&kernel);
	return !ret;
}

/* It was not, for the reason with these words, which is one line. */
static inline bool refused(uint64_t mem, const char *words)
{
	bool loaded = load(mem);

	return !loaded && was_said(words);
}

/* The state that protocols with 32-bit entry have in common. */
static inline bool is_protected(uint64_t entry)
{
	const uint64_t *gdt = at(page.seg.gdt.base);

	return page.gpr.rip == entry && (page.cr.cr0 & 0x80000001) == 1 && !page.cr.cr4 &&
	       !page.cr.efer && !(page.gpr.rflags & 0x20200) &&
	       page.seg.cs.attrib == 0xc9b && page.seg.cs.limit == 0xffffffff &&
	       page.seg.ds.attrib == 0xc93 && page.seg.ss.limit == 0xffffffff &&
	       gdt[page.seg.cs.selector / 8] == 0x00cf9b000000ffff &&
	       gdt[page.seg.ss.selector / 8] == 0x00cf93000000ffff &&
	       page.seg.gdt.limit == 0x1f && page.seg.tr.limit == 0x67 &&
	       page.dirty == (SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR | SVMM_STATE_MSR) &&
	       page.msr.mtrr_def_type == 0x806;
}

#endif
