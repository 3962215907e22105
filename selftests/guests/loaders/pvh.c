// SPDX-License-Identifier: GPL-2.0
// flags: -m32
/*
 * A kernel with an entry point for PVH: says what its struct hvm_start_info has.
 */
#include "report.h"
#include "start.h"

asm("	.section .note.Xen, \"a\", @note\n"
    "	.long	4, 4, 18\n"
    "	.asciz	\"Xen\"\n"
    "	.long	start\n"
    "	.text\n");

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

#define AT(gpa)	((const void *)(uintptr_t)(gpa))

void main(unsigned int eax, unsigned int ebx)
{
	const struct start_info *info = AT(ebx);
	const struct memmap_entry *map = AT(info->memmap);
	const struct module_entry *m = AT(info->modlist);

	(void)eax;
	begin();
	say_number("magic", info->magic);
	say_number("version", info->version);
	say_text("cmdline", AT(info->cmdline));
	for (uint32_t i = 0; i < info->memmap_entries; i++)
		say_memory(map[i].addr, map[i].size, map[i].type);
	for (uint32_t i = 0; i < info->nr_modules; i++)
		say_module(m[i].paddr, m[i].size, m[i].cmdline ? AT(m[i].cmdline) : "");
	say_rsdp(AT(info->rsdp));
	end();
}
