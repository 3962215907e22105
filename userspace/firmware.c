// SPDX-License-Identifier: GPL-2.0
/*
 * Where firmware is in the host and in the guest, and what it is told by fw_cfg.  It knows no
 * device from inside.
 *
 * What is UEFI is told by how the image begins.  Its variables are a flash chip, which ends where
 * the ROM begins: together they have a size that is a power of two, which is how it finds them.
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
#include "devices/flash.h"
#include "devices/fw_cfg.h"
#include "firmware.h"
#include "machine.h"
#include "message.h"
#include "pci.h"
#include "subopt.h"

#define ROM_END		0x100000000ULL
#define ROM_UNIT	(64u << 10)
#define ROM_MOST	(16u << 20)
#define UEFI_UNIT	(4u << 10)
#define UEFI_MIN_MEM	(128ULL << 20)
#define VOLUME_MAGIC	40			/* of a firmware volume (UEFI PI 1.7, 3.2.1) */
#define SHADOW_BYTES	(RAM_1M - RAM_BIOS_START)
#define RESET_VECTOR	16			/* bytes before the end */
#define SERIAL_PORT	0x3f8

#define E820_RAM	1
#define E820_RESERVED	2
#define BOOT_ORDER_BYTES 2048
#define SLEEP_IS_THERE	0x80

/* Names, and which package of Debian has the files; of UEFI its variables as they are at first. */
static const struct known {
	const char *name, *path, *package, *template;
} known[] = {
	{ "seabios", "/usr/share/seabios/bios-256k.bin", "seabios", NULL },
	{ "ovmf", "/usr/share/OVMF/OVMF_CODE_4M.fd", "ovmf", "/usr/share/OVMF/OVMF_VARS_4M.fd" },
};

enum { VARS, TEMPLATE };
static char * const keys[] = { [VARS] = "vars", [TEMPLATE] = "template", NULL };

static bool parse_key(void *opaque, int key, char *value, const char **wanted)
{
	struct firmware_choice *choice = opaque;

	switch (key) {
	case VARS:
		*wanted = "vars is the file of UEFI's variables";
		choice->vars = value;
		return value && *value;
	case TEMPLATE:
		*wanted = "template is the file of which UEFI's variables are made";
		choice->template = value;
		return value && *value;
	}
	*wanted = "keys are vars and template";
	return false;
}

bool firmware_parse(const char *text, struct firmware_choice *choice, char *why, size_t bytes)
{
	static const struct subopt_rules rules = {
		.keys = keys,
		.set = parse_key,
		.first = "give seabios, ovmf or the file of a ROM",
	};

	*choice = (struct firmware_choice) { 0 };
	choice->name = subopt_parse(text, &rules, choice, why, bytes);
	return choice->name;
}

static const struct known *find_known(const char *name)
{
	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(known[i].name, name))
			return &known[i];
	}
	return NULL;
}

static const char *find_path(const char *name)
{
	const struct known *k = find_known(name);

	if (k && !access(k->path, F_OK))
		return k->path;
	if (k) {
		message("--firmware %s: there is no %s; install the package %s (Debian's name "
			"for it), or give the file of a ROM", name, k->path, k->package);
		return NULL;
	}
	if (strchr(name, '/') || !access(name, F_OK))
		return name;
	message("--firmware %s: neither a file nor a name; use seabios, ovmf, or the file of a ROM",
		name);
	return NULL;
}

static bool size_is_right(const struct image *image, bool uefi)
{
	unsigned int unit = uefi ? UEFI_UNIT : ROM_UNIT;

	if (image->bytes && !(image->bytes % unit) && image->bytes <= ROM_MOST)
		return true;
	message("the firmware %s has %llu bytes; a ROM has a multiple of %uK, up to 16M: it is "
		"truncated, or something else", image->path, (unsigned long long)image->bytes,
		unit >> 10);
	return false;
}

/* An image of UEFI begins with a firmware volume. */
static bool is_uefi(const struct image *image)
{
	static const char magic[4] = "_FVH";
	char found[sizeof(magic)];

	return image->bytes >= VOLUME_MAGIC + sizeof(found) &&
	       !image_read(image, VOLUME_MAGIC, sizeof(found), found) &&
	       !memcmp(found, magic, sizeof(magic));
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

/* How many bytes of variables are in front of a ROM; 0: they are in it, or there are none. */
static uint64_t vars_bytes(const struct firmware *f)
{
	uint64_t all = UEFI_UNIT;

	while (all < f->bytes)
		all <<= 1;
	return f->uefi ? all - f->bytes : 0;
}

/* Return: 0, or -1 after a message. */
static int open_vars(struct firmware *f, const struct firmware_choice *choice)
{
	const struct known *k = find_known(choice->name);
	const char *template = choice->template ? choice->template : k ? k->template : NULL;
	uint64_t bytes = vars_bytes(f);

	f->vars = (struct firmware_vars) { .fd = -1 };
	if (!bytes && (choice->vars || choice->template)) {
		message("--firmware %s: vars and template are for UEFI whose variables are a file "
			"of their own; this one %s", choice->name,
			f->uefi ? "has them in itself" : "is a BIOS");
		return -1;
	}
	if (bytes && !choice->vars && !template) {
		message("--firmware %s: it is UEFI without its variables; say vars=FILE, which is "
			"kept, or template=FILE, which is what they are each time", choice->name);
		return -1;
	}
	return bytes ? vars_open(&f->vars, choice->vars, template, bytes) : 0;
}

static int open_rom(struct firmware *f, const struct firmware_choice *choice)
{
	const char *path = find_path(choice->name);
	struct image image;

	if (!path || image_open(&image, path, "firmware"))
		return -1;
	f->uefi = is_uefi(&image);
	if (!size_is_right(&image, f->uefi))
		goto close;
	f->bytes = image.bytes;
	f->rom = mmap(NULL, f->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->rom == MAP_FAILED) {
		message("cannot have memory for the firmware: %s", strerror(errno));
		f->rom = NULL;
		goto close;
	}
	if (image_read(&image, 0, f->bytes, f->rom) || !begins(&image, f->rom) ||
	    open_vars(f, choice))
		goto unmap;
	image_close(&image);
	return 0;
unmap:
	munmap(f->rom, f->bytes);
	f->rom = NULL;
close:
	image_close(&image);
	return -1;
}

int firmware_open(struct firmware *f, const struct firmware_choice *choice, bool vga,
		  const struct net_options *nets, unsigned int nr_nets)
{
	f->options = (struct option_roms) { };
	if (open_rom(f, choice))
		return -1;
	/* UEFI has drivers of its own. */
	if (f->uefi || !option_roms_open(&f->options, vga, nets, nr_nets))
		return 0;
	firmware_close(f);
	return -1;
}

void firmware_close(struct firmware *f)
{
	if (!f->rom)
		return;
	vars_close(&f->vars);
	munmap(f->rom, f->bytes);
	f->rom = NULL;
	option_roms_close(&f->options);
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

static int place_rom(const struct firmware *f, struct machine *m)
{
	const struct io_range range = {
		"rom", ROM_END - f->bytes, f->bytes, rom_read, rom_write, NULL,
	};
	int err = svmm_set_slot(m->vm_fd, MACHINE_SLOT(MACHINE_MAP_ROM), SVMM_MEM_READONLY,
				range.start, range.size, f->rom);

	if (!err)
		err = machine_add_mmio(m, &range);
	if (err)
		message("cannot give the VM its firmware: %s",
			svmm_explain(SVMM_SET_MEMORY_SLOT, err));
	return err ? -1 : 0;
}

static int place_vars(const struct firmware *f, struct machine *m)
{
	const struct flash_store *store = &f->vars.store;

	if (!store->data)
		return 0;
	m->flash = flash_new(m, ROM_END - f->bytes - store->bytes, store);
	if (!m->flash)
		message("cannot give the VM its firmware's variables: %s", strerror(errno));
	return m->flash ? 0 : -1;
}

static int place(const struct firmware *f, struct machine *m)
{
	uint64_t shadow = f->bytes < SHADOW_BYTES ? f->bytes : SHADOW_BYTES;

	if (place_rom(f, m) || place_vars(f, m))
		return -1;
	memcpy(m->ram.host + RAM_1M - shadow, (const uint8_t *)f->rom + f->bytes - shadow, shadow);
	return 0;
}

/* What it is told */

struct __attribute__((packed)) e820_entry {
	uint64_t start, bytes;
	uint32_t type;
};

/*
 * It knows itself what it takes of it, and what of a PC is no RAM.  UEFI would have ECAM both
 * reserved and in the window of the PCI bus, which it takes for a mistake; ACPI has it anyway.
 */
static int tell_memory(struct fw_cfg *fw_cfg, const struct ram *ram, bool uefi)
{
	struct e820_entry map[3] = { { 0, ram->low_bytes, E820_RAM } };
	unsigned int nr = 1;

	if (!uefi)
		map[nr++] = (struct e820_entry) { PCI_ECAM_BASE, PCI_ECAM_BYTES, E820_RESERVED };
	if (ram->high_bytes)
		map[nr++] = (struct e820_entry) { RAM_HIGH_START, ram->high_bytes, E820_RAM };
	return fw_cfg_add_file(fw_cfg, "etc/e820", map, nr * sizeof(map[0]));
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

/* The serial port is a screen, beside a VGA or alone. */
static int tell_wiring(struct fw_cfg *fw_cfg)
{
	const uint16_t port = SERIAL_PORT;
	const uint8_t yes = 1;
	int err = fw_cfg_add_file(fw_cfg, "etc/sercon-port", &port, sizeof(port));

	/* IRQ 0 is pin 2. */
	return err ? err : fw_cfg_add_file(fw_cfg, "etc/irq0-override", &yes, sizeof(yes));
}

/* UEFI prepares itself for waking up from S3 if it hears that there is S3: how each is entered. */
static int tell_sleep(struct fw_cfg *fw_cfg)
{
	const uint8_t states[6] = {
		SLEEP_IS_THERE, 0, 0, SLEEP_IS_THERE | ACPI_SLP_TYP_S3,
		SLEEP_IS_THERE | ACPI_SLP_TYP_S4, SLEEP_IS_THERE | ACPI_SLP_TYP_S5,
	};

	return fw_cfg_add_file(fw_cfg, "etc/system-states", states, sizeof(states));
}

static int tell(const struct firmware *f, struct machine *m, const struct acpi_choice *acpi,
		const struct plug_config *plugs)
{
	struct acpi_choice is = *acpi;
	int err = tell_memory(m->fw_cfg, &m->ram, f->uefi);

	is.pci_low = f->uefi && m->ram.low_bytes <= PCI_LOW_BASE;
	if (!err)
		err = tell_cpus(m->fw_cfg, acpi->topology);
	if (!err)
		err = tell_wiring(m->fw_cfg);
	if (!err)
		err = tell_boot_order(m->fw_cfg, plugs);
	if (!err)
		err = option_roms_tell(&f->options, m->fw_cfg);
	if (!err && f->uefi)
		err = tell_sleep(m->fw_cfg);
	return err ? err : acpi_link(m->fw_cfg, &is);
}

int firmware_load(const struct firmware *f, struct machine *m, const struct acpi_choice *acpi,
		  const struct plug_config *plugs)
{
	int err;

	if (f->uefi && m->ram.bytes < UEFI_MIN_MEM) {
		message("--firmware: UEFI needs --mem 128M or more");
		return -1;
	}
	if (place(f, m))
		return -1;
	err = tell(f, m, acpi, plugs);
	if (err)
		message("cannot tell the firmware what there is: %s", strerror(-err));
	return err ? -1 : 0;
}
