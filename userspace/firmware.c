// SPDX-License-Identifier: GPL-2.0
/*
 * Where firmware is in the host and in the guest, and what it is told by fw_cfg.  It knows no
 * device from inside.
 *
 * A PC shows its ROM's end below 1 MiB as well, where firmware soon wants RAM.  Here that is RAM
 * from the start, with a copy in it; the next machine has a new one, so that a reset finds what
 * power-on found.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "acpi_linker.h"
#include "boot.h"
#include "devices/fw_cfg.h"
#include "firmware.h"
#include "machine.h"
#include "message.h"
#include "pci.h"

#define ROM_END		0x100000000ULL
#define ROM_UNIT	(64u << 10)
#define ROM_MOST	(16u << 20)
#define SHADOW_BYTES	(RAM_1M - RAM_BIOS_START)
#define RESET_VECTOR	16			/* bytes before the end */
#define SERIAL_PORT	0x3f8

#define E820_RAM	1
#define E820_RESERVED	2
#define BOOT_ORDER_BYTES 2048

/* Names, and which package of Debian has the file. */
static const struct {
	const char *name, *path, *package;
} known[] = {
	{ "seabios", "/usr/share/seabios/bios-256k.bin", "seabios" },
};

static const char *find_path(const char *name)
{
	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, name))
			continue;
		if (!access(known[i].path, F_OK))
			return known[i].path;
		message("--firmware %s: there is no %s; install the package %s (Debian's name "
			"for it), or give the file of a ROM", name, known[i].path,
			known[i].package);
		return NULL;
	}
	if (strchr(name, '/') || !access(name, F_OK))
		return name;
	message("--firmware %s: neither a file nor a name; use seabios, or the file of a ROM",
		name);
	return NULL;
}

static bool size_is_right(const struct image *image)
{
	if (image->bytes && !(image->bytes % ROM_UNIT) && image->bytes <= ROM_MOST)
		return true;
	message("the firmware %s has %llu bytes; a ROM has a multiple of 64K, up to 16M: it is "
		"truncated, or something else", image->path, (unsigned long long)image->bytes);
	return false;
}

/* Execution begins with a jump, maybe behind a NOP or two. */
static bool begins(const struct image *image, const uint8_t *rom)
{
	const uint8_t *at = rom + image->bytes - RESET_VECTOR;

	while (*at == 0x90 && at < rom + image->bytes - 1)
		at++;
	if (*at == 0xea || *at == 0xe9 || *at == 0xeb)
		return true;
	message("the firmware %s does not end with a PC's reset vector, which is a jump 16 bytes "
		"before the end; it is truncated, or something else", image->path);
	return false;
}

int firmware_open(struct firmware *f, const char *name)
{
	const char *path = find_path(name);
	struct image image;

	if (!path || image_open(&image, path, "firmware"))
		return -1;
	if (!size_is_right(&image))
		goto close;
	f->bytes = image.bytes;
	f->rom = mmap(NULL, f->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->rom == MAP_FAILED) {
		message("cannot have memory for the firmware: %s", strerror(errno));
		f->rom = NULL;
		goto close;
	}
	if (image_read(&image, 0, f->bytes, f->rom) || !begins(&image, f->rom))
		goto unmap;
	image_close(&image);
	return 0;
unmap:
	firmware_close(f);
close:
	image_close(&image);
	return -1;
}

void firmware_close(struct firmware *f)
{
	if (f->rom)
		munmap(f->rom, f->bytes);
	f->rom = NULL;
}

/* The memory */

/* Writes come here, and are dropped; what is read is memory. */
static uint64_t rom_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	(void)opaque;
	(void)offset;
	(void)bytes;
	return UINT64_MAX;
}

static void rom_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	(void)opaque;
	(void)offset;
	(void)bytes;
	(void)value;
}

static int place(const struct firmware *f, struct machine *m)
{
	uint64_t shadow = f->bytes < SHADOW_BYTES ? f->bytes : SHADOW_BYTES;
	const struct io_range range = {
		"rom", ROM_END - f->bytes, f->bytes, rom_read, rom_write, NULL,
	};
	int err = svmm_set_slot(m->vm_fd, MACHINE_SLOT(MACHINE_MAP_ROM), SVMM_MEM_READONLY,
				range.start, range.size, f->rom);

	if (!err)
		err = machine_add_mmio(m, &range);
	if (err) {
		message("cannot give the VM its firmware: %s",
			svmm_explain(SVMM_SET_MEMORY_SLOT, err));
		return -1;
	}
	memcpy(m->ram.host + RAM_1M - shadow, (const uint8_t *)f->rom + f->bytes - shadow, shadow);
	return 0;
}

/* What it is told */

struct __attribute__((packed)) e820_entry {
	uint64_t start, bytes;
	uint32_t type;
};

/* It knows itself what it takes of it, and what of a PC is no RAM. */
static int tell_memory(struct fw_cfg *fw_cfg, const struct ram *ram)
{
	const struct e820_entry map[] = {
		{ 0, ram->low_bytes, E820_RAM },
		{ PCI_ECAM_BASE, PCI_ECAM_BYTES, E820_RESERVED },
		{ RAM_HIGH_START, ram->high_bytes, E820_RAM },
	};

	return fw_cfg_add_file(fw_cfg, "etc/e820", map,
			       (ram->high_bytes ? 3 : 2) * sizeof(map[0]));
}

static int tell_cpus(struct fw_cfg *fw_cfg, const struct topology *t)
{
	unsigned int nr = topology_cpus(t);
	const uint16_t cpus = nr, ids = topology_apic_id(t, nr - 1) + 1;
	int err = fw_cfg_add_item(fw_cfg, FW_CFG_NR_CPUS, &cpus, sizeof(cpus));

	return err ? err : fw_cfg_add_item(fw_cfg, FW_CFG_MAX_CPUS, &ids, sizeof(ids));
}

static int tell_boot_order(struct fw_cfg *fw_cfg, const struct plug_config *plugs)
{
	char order[BOOT_ORDER_BYTES];
	unsigned int bytes = plug_boot_order(plugs, order, sizeof(order));

	/* With the zero at its end. */
	return bytes ? fw_cfg_add_file(fw_cfg, "bootorder", order, bytes + 1) : 0;
}

/* There is no screen, so the serial port is that. */
static int tell_wiring(struct fw_cfg *fw_cfg)
{
	const uint16_t port = SERIAL_PORT;
	const uint8_t yes = 1;
	int err = fw_cfg_add_file(fw_cfg, "etc/sercon-port", &port, sizeof(port));

	/* IRQ 0 is pin 2. */
	return err ? err : fw_cfg_add_file(fw_cfg, "etc/irq0-override", &yes, sizeof(yes));
}

int firmware_load(const struct firmware *f, struct machine *m, const struct acpi_choice *acpi,
		  const struct plug_config *plugs)
{
	int err;

	if (place(f, m))
		return -1;
	err = tell_memory(m->fw_cfg, &m->ram);
	if (!err)
		err = tell_cpus(m->fw_cfg, acpi->topology);
	if (!err)
		err = tell_wiring(m->fw_cfg);
	if (!err)
		err = tell_boot_order(m->fw_cfg, plugs);
	if (!err)
		err = acpi_link(m->fw_cfg, acpi);
	if (err)
		message("cannot tell the firmware what there is: %s", strerror(-err));
	return err ? -1 : 0;
}
