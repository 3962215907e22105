// SPDX-License-Identifier: GPL-2.0
// flags: -m32
/*
 * A multiboot kernel: says what its information has. ADDRESSES: its header has addresses.
 */
#include "report.h"
#include "start.h"

#ifdef ADDRESSES
asm("	.section .header, \"a\"\n"
    "header:\n"
    "	.long	0x1badb002, 0x10003, -0x1badb002 - 0x10003\n"
    "	.long	header, header, file_end, bss_end, start\n"
    "	.text\n");
#else
asm("	.section .header, \"a\"\n"
    "	.long	0x1badb002, 7, -0x1badb002 - 7\n"
    "	.long	0, 0, 0, 0, 0, 1, 80, 25, 0\n"
    "	.text\n");
#endif

struct info {
	uint32_t flags, lower, upper, boot_device, cmdline, nr_modules, modules;
	uint32_t symbols[4];
	uint32_t map_bytes, map;
	uint32_t drives[2], config_table, loader, apm, vbe[4];
	uint64_t screen;
	uint32_t pitch, width, height;
	uint8_t bpp, type;
};

struct module_entry {
	uint32_t start, end, args, reserved;
};

/* Its size comes before it, and does not count itself. */
struct map_entry {
	uint32_t size;
	uint64_t start, bytes;
	uint32_t type;
} __attribute__((packed));

#define AT(gpa)	((const void *)(uintptr_t)(gpa))

void main(unsigned int eax, unsigned int ebx)
{
	const struct info *info = AT(ebx);
	const struct module_entry *m = AT(info->modules);
	const struct map_entry *e;

	begin();
	say_number("magic", eax);
	say_number("flags", info->flags);
	say_number("lower", info->lower);
	say_number("upper", info->upper);
	say_text("cmdline", AT(info->cmdline));
	say_text("loader", AT(info->loader));
	for (uint32_t i = 0; i < info->map_bytes; i += e->size + 4) {
		e = AT(info->map + i);
		say_memory(e->start, e->bytes, e->type);
	}
	for (uint32_t i = 0; i < info->nr_modules; i++)
		say_module(m[i].start, m[i].end - m[i].start, AT(m[i].args));
	say_number("screen", info->screen);
	say_number("width", info->width);
	say_number("type", info->type);
	end();
}
