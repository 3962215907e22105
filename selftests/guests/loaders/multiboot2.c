// SPDX-License-Identifier: GPL-2.0
// flags: -m32
/*
 * A multiboot2 kernel: says what tags it is handed.
 */
#include "report.h"
#include "start.h"

asm("	.section .header, \"a\"\n"
    "	.balign	8\n"
    "header:\n"
    "	.long	0xe85250d6, 0, header_end - header, -0xe85250d6 - (header_end - header)\n"
    "	.long	1, 28, 1, 2, 3, 6, 15, 0\n"	/* what it has to be told */
    "	.long	4, 12, 3, 0\n"			/* a text screen will do */
    "	.long	0x1004d, 12, 0, 0\n"		/* unknown, and optional */
    "	.long	0, 8\n"
    "header_end:\n"
    "	.text\n");

struct tag {
	uint32_t type, size;
	union {
		char text[1];
		struct {
			uint32_t start, end;
			char args[1];
		} module;
		struct {
			uint32_t lower, upper;
		} memory;
		struct {
			uint32_t entry_bytes, version;
			struct {
				uint64_t start, bytes;
				uint32_t type, reserved;
			} entries[1];
		} map;
		struct {
			uint64_t address;
			uint32_t pitch, width, height;
			uint8_t bpp, type;
		} screen;
		uint8_t rsdp[1];
	};
};

static void say_tag(const struct tag *t)
{
	switch (t->type) {
	case 1:
		say_text("cmdline", t->text);
		break;
	case 2:
		say_text("loader", t->text);
		break;
	case 3:
		say_module(t->module.start, t->module.end - t->module.start, t->module.args);
		break;
	case 4:
		say_number("lower", t->memory.lower);
		say_number("upper", t->memory.upper);
		break;
	case 6:
		for (uint32_t i = 0; i < (t->size - 16) / sizeof(t->map.entries[0]); i++)
			say_memory(t->map.entries[i].start, t->map.entries[i].bytes,
				   t->map.entries[i].type);
		break;
	case 8:
		say_number("screen", t->screen.address);
		say_number("width", t->screen.width);
		say_number("type", t->screen.type);
		break;
	case 15:
		say_rsdp(t->rsdp);
		break;
	default:
		say_number("tag", t->type);
	}
}

void main(unsigned int eax, unsigned int ebx)
{
	const uint32_t *total = (const uint32_t *)ebx;
	const struct tag *t = (const struct tag *)(total + 2);

	begin();
	say_number("magic", eax);
	while (t->type) {
		say_tag(t);
		t = (const struct tag *)((uintptr_t)t + ((t->size + 7) & -8u));
	}
	say_number("left", ebx + total[0] - (uintptr_t)t);
	end();
}
