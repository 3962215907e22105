// SPDX-License-Identifier: GPL-2.0
/*
 * It knows commands, not tables: acpi.c says where pointers and checksums are.
 *
 * The file of the tables begins with the RSDP, as acpi_image() writes it, and so offsets in it are
 * what the pointers say.  That RSDP nobody finds; the one that counts is a file of its own, because
 * it has to be below 1 MiB.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acpi_linker.h"
#include "devices/fw_cfg.h"

#define PACKED	__attribute__((packed))
#define TABLES	"etc/acpi/tables"
#define RSDP	"etc/acpi/rsdp"
#define NAME_BYTES	(FW_CFG_NAME_MAX + 1)

enum { ALLOCATE = 1, ADD_POINTER, ADD_CHECKSUM };
enum { ZONE_HIGH = 1, ZONE_FSEG };

struct PACKED command {
	uint32_t what;
	union {
		struct PACKED {
			char file[NAME_BYTES];
			uint32_t align;
			uint8_t zone;
		} allocate;
		/* In @file at @offset are @bytes: an offset in @to, whose address is added. */
		struct PACKED {
			char file[NAME_BYTES], to[NAME_BYTES];
			uint32_t offset;
			uint8_t bytes;
		} pointer;
		struct PACKED {
			char file[NAME_BYTES];
			uint32_t offset, start, bytes;
		} checksum;
		uint8_t room[124];
	};
};

struct script {
	unsigned int nr;
	struct command commands[2 + 4 + ACPI_TABLES_MAX + 3];
};

static struct command *next(struct script *s, uint32_t what)
{
	struct command *c = &s->commands[s->nr++];

	c->what = what;
	return c;
}

static void allocate(struct script *s, const char *file, uint32_t align, uint8_t zone)
{
	struct command *c = next(s, ALLOCATE);

	strcpy(c->allocate.file, file);
	c->allocate.align = align;
	c->allocate.zone = zone;
}

/* The RSDP's are in the file that counts. */
static const char *file_of(uint32_t at)
{
	return at < ACPI_RSDP_BYTES ? RSDP : TABLES;
}

static void write_script(struct script *s, const struct acpi_links *links)
{
	struct command *c;

	allocate(s, RSDP, 16, ZONE_FSEG);
	allocate(s, TABLES, ACPI_ALIGN, ZONE_HIGH);
	for (unsigned int i = 0; i < links->nr_pointers; i++) {
		c = next(s, ADD_POINTER);
		strcpy(c->pointer.file, file_of(links->pointer[i].at));
		strcpy(c->pointer.to, TABLES);
		c->pointer.offset = links->pointer[i].at;
		c->pointer.bytes = links->pointer[i].bytes;
	}
	for (unsigned int i = 0; i < links->nr_checksums; i++) {
		c = next(s, ADD_CHECKSUM);
		strcpy(c->checksum.file, file_of(links->checksum[i].at));
		c->checksum.offset = links->checksum[i].at;
		c->checksum.start = links->checksum[i].start;
		c->checksum.bytes = links->checksum[i].bytes;
	}
}

int acpi_link(struct fw_cfg *fw_cfg, const struct acpi_choice *is)
{
	struct script s = { 0 };
	struct acpi_links links;
	uint8_t *tables = calloc(1, ACPI_ROOM);
	uint32_t bytes;
	int err;

	if (!tables)
		return -ENOMEM;
	bytes = acpi_image(tables, is, &links);
	write_script(&s, &links);
	err = fw_cfg_add_file(fw_cfg, RSDP, tables, ACPI_RSDP_BYTES);
	if (!err)
		err = fw_cfg_add_file(fw_cfg, TABLES, tables, bytes);
	if (!err)
		err = fw_cfg_add_file(fw_cfg, "etc/table-loader", s.commands,
				      s.nr * sizeof(s.commands[0]));
	free(tables);
	return err;
}
