/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libFuzzer on a loader: any file, with modules or without, into memory of 1 to 4 MiB. What must
 * hold: it reads what is in the file and writes what is RAM and not the ACPI tables'; it gives up
 * with a message, or says nothing and starts the processor somewhere in RAM. Files are played here.
 * Included once, by one target for each loader.
 */
#ifndef SELFTESTS_FUZZ_LOADER_H
#define SELFTESTS_FUZZ_LOADER_H

#include <sanitizer/asan_interface.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/loader.h"
#include "../../userspace/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RAM_MAX_MIB	4u
#define MODULE_BYTES	5000u
#define RSDP		0xe0000u
#define BIOS_BYTE	0x5a

/* ---- what a loader needs ------------------------------------------------------------------- */

static unsigned int messages;

void message(const char *format, ...)
{
	char line[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	messages++;
}

/* The kernel is "file" 0, a module any other. */
static const uint8_t *kernel_bytes;
static const uint8_t module_bytes[MODULE_BYTES];

int image_read(const struct image *image, uint64_t offset, uint64_t bytes, void *to)
{
	const uint8_t *from = image->fd ? module_bytes : kernel_bytes;

	if (offset > image->bytes || bytes > image->bytes - offset)
		abort();
	if (bytes)
		memcpy(to, from + offset, bytes);
	return 0;
}

/* ---- the machine --------------------------------------------------------------------------- */

#define BIOS_BYTES	(RAM_1M - RAM_VGA_END)

static uint8_t bios[BIOS_BYTES];	/* what the area above the VGA window has to have */

/* In memory of just its size, once for each size; what is no RAM is poisoned. */
static const struct ram *ram_of(unsigned int mib)
{
	static struct ram rams[RAM_MAX_MIB + 1];
	struct ram *ram = &rams[mib];

	if (ram->host)
		return ram;
	*ram = (struct ram) { .bytes = mib << 20, .low_bytes = mib << 20, .fd = -1 };
	ram->host = aligned_alloc(4096, ram->bytes);
	if (!ram->host)
		abort();
	memset(bios, BIOS_BYTE, sizeof(bios));
	memcpy(ram->host + RAM_VGA_END, bios, sizeof(bios));
	__asan_poison_memory_region(ram->host + RAM_VGA_START, RAM_VGA_END - RAM_VGA_START);
	return ram;
}

static bool in_ram(const struct ram *ram, uint64_t gpa)
{
	return gpa < ram->bytes && (gpa < RAM_VGA_START || gpa >= RAM_1M);
}

/* ---- one input ----------------------------------------------------------------------------- */

/* Its first byte says how much memory and how many modules there are. */
static int fuzz_loader(const struct loader *loader, const uint8_t *data, size_t size)
{
	static const struct boot_module module = {
		.image = { .path = "MODULE", .what = "module", .fd = 1, .bytes = MODULE_BYTES },
		.args = "args",
	};
	const struct boot_module modules[3] = { module, module, module };
	struct image kernel = { .path = "KERNEL", .what = "kernel" };
	struct loader_head head = { .image = &kernel };
	struct svmm_vcpu_page page = { 0 };
	struct boot boot = {
		.page = &page, .kernel = &kernel, .modules = modules,
		.cmdline = "one two", .rsdp = RSDP,
	};
	int err;

	if (!size)
		return 0;
	boot.nr_modules = data[0] >> 2 & 3;
	kernel_bytes = data + 1;
	head.bytes = kernel_bytes;
	kernel.bytes = size - 1;
	head.nr = kernel.bytes < loader->head_bytes ? kernel.bytes : loader->head_bytes;
	messages = 0;
	if (!loader->recognise(&head)) {
		if (messages)
			abort();
		return 0;
	}
	boot.ram = ram_of(1 + data[0] % RAM_MAX_MIB);
	err = loader->load(&boot, &head);
	if (err ? messages != 1 : messages || !in_ram(boot.ram, page.gpr.rip) || !page.dirty)
		abort();
	if (memcmp(boot.ram->host + RAM_VGA_END, bios, sizeof(bios)))
		abort();
	return 0;
}

#endif
