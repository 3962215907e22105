// SPDX-License-Identifier: GPL-2.0
// needs: userspace/firmware.c userspace/firmware_vars.c userspace/acpi.c userspace/acpi_linker.c
// needs: userspace/image.c userspace/devices/fw_cfg.c userspace/devices/flash.c userspace/subopt.c
// needs: userspace/topology.c userspace/progress.c userspace/options.c userspace/option_rom.c
/*
 * What --firmware gives a guest: files that are no ROM, where a ROM is in memory, and what fw_cfg
 * has; UEFI is vmctl_firmware_uefi.c's. The script of the ACPI tables is carried out here as
 * firmware does it, with the tables at odd places, and what comes of it is looked through as an
 * operating system does it.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../userspace/acpi.h"
#include "../../userspace/devices/fw_cfg.h"
#include "../../userspace/firmware.h"
#include "../../userspace/machine.h"
#include "said.h"
#include "tap.h"

#define MIB		(1u << 20)
#define RAM_BYTES	(16 * MIB)
#define ROM_BYTES	(256u << 10)
#define DIRECTORY	0x19

/* ---- the machine ------------------------------------------------------------------------- */

static struct machine m;
static struct io_range ports[2], mmio;
static unsigned int nr_ports;
static struct {
	uint32_t flags;
	uint64_t gpa, bytes;
	const void *host;
} slot;
static int slot_error;

int machine_add_ports(struct machine *to, const struct io_range *range)
{
	ports[nr_ports++ % 2] = *range;
	return 0;
}

int machine_add_mmio(struct machine *to, const struct io_range *range)
{
	mmio = *range;
	return 0;
}

int machine_map_readonly(struct machine *in, unsigned int n, uint64_t gpa, uint64_t bytes,
			 void *host)
{
	return -ENOSPC;
}

void machine_unmap(struct machine *in, unsigned int n)
{
}

void *machine_memory(struct machine *of, uint64_t gpa, uint64_t bytes)
{
	return NULL;
}

int svmm_set_slot(int vm, uint32_t id, uint32_t flags, uint64_t gpa, uint64_t bytes,
		  const void *addr)
{
	slot.flags = flags;
	slot.gpa = gpa;
	slot.bytes = bytes;
	slot.host = addr;
	return id == MACHINE_SLOT(MACHINE_MAP_ROM) ? slot_error : -EINVAL;
}

const char *svmm_explain(unsigned long request, int error)
{
	return "no more slots";
}

static const char *boot_order;

unsigned int plug_boot_order(const struct plug_config *config, char *text, size_t room)
{
	return snprintf(text, room, "%s", boot_order);
}

/* ---- a ROM ------------------------------------------------------------------------------- */

#define TEMPLATE "/tmp/vmctl_firmware.XXXXXX"
static char path[sizeof(TEMPLATE)] = TEMPLATE;
static uint8_t rom[ROM_BYTES];

static void write_rom(size_t bytes)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(rom, 1, bytes, f) != bytes || fclose(f))
		ksft_exit_fail_msg("cannot write %s\n", path);
}

static void make_rom(void)
{
	for (unsigned int i = 0; i < ROM_BYTES; i++)
		rom[i] = i >> 8 ^ i;
	rom[ROM_BYTES - 16] = 0xea;
	rom[ROM_BYTES - 1] = 0x77;
}

static bool refused(const char *name, const char *words)
{
	const struct firmware_choice choice = { .name = name };
	struct firmware f = { 0 };

	return firmware_open(&f, &choice, false, NULL, 0) && !f.rom && was_said(words);
}

static void test_bad_images(void)
{
	const struct firmware_choice choice = { .name = path };
	uint8_t *vector = rom + ROM_BYTES - 16;
	struct firmware f;
	bool ok;

	make_rom();
	write_rom(0);
	ok = refused(path, "has 0 bytes; a ROM has a multiple of 64K");
	write_rom(ROM_BYTES - 1);
	ok &= refused(path, "has 262143 bytes; a ROM has a multiple of 64K");
	ksft_test_result(ok, "a ROM of an odd size is refused\n");
	write_rom(ROM_BYTES / 2);
	ok = refused(path, "does not end with a PC's reset vector");
	memset(vector, 0x90, 16);
	write_rom(ROM_BYTES);
	ok &= refused(path, "does not end with a PC's reset vector");
	ksft_test_result(ok, "one whose end is missing is refused\n");
	truncate(path, 17 * MIB);
	ok = refused(path, "up to 16M");
	ksft_test_result(ok, "one that is too large is refused\n");
	ok = refused("/nonexistent/rom", "cannot open the firmware /nonexistent/rom: No such file");
	ok &= refused("seabois", "neither a file nor a name; use seabios, ovmf, or");
	ok &= refused("/tmp", "is not a regular file");
	ok &= refused("", "neither a file nor a name");
	ksft_test_result(ok, "what is no file is refused\n");
	memset(vector, 0x90, 16);
	vector[2] = 0xe9;
	write_rom(ROM_BYTES);
	ok = !firmware_open(&f, &choice, false, NULL, 0) && was_said(NULL) &&
	     f.bytes == ROM_BYTES && !memcmp(f.rom, rom, ROM_BYTES);
	firmware_close(&f);
	ksft_test_result(ok && !f.rom, "one that begins behind NOPs is taken\n");
}

/* ---- what firmware does ------------------------------------------------------------------ */

static uint8_t next(void)
{
	return ports[0].read(ports[0].opaque, 1, 1);
}

static void choose(uint16_t key)
{
	ports[0].write(ports[0].opaque, 0, 2, key);
}

static void take(void *to, uint32_t bytes)
{
	for (uint8_t *p = to; bytes--;)
		*p++ = next();
}

/* Return: the file, to be freed, and its size; NULL: there is none. */
static void *file(const char *name, uint32_t *bytes)
{
	struct {
		uint32_t size;
		uint16_t key, reserved;
		char name[56];
	} entry;
	uint32_t nr;
	void *data;

	choose(DIRECTORY);
	take(&nr, sizeof(nr));
	for (nr = be32toh(nr); nr; nr--) {
		take(&entry, sizeof(entry));
		if (strcmp(entry.name, name))
			continue;
		*bytes = be32toh(entry.size);
		data = malloc(*bytes);
		choose(be16toh(entry.key));
		take(data, *bytes);
		return data;
	}
	return NULL;
}

static bool file_is(const char *name, const void *want, uint32_t bytes)
{
	uint32_t size = 0;
	void *data = file(name, &size);
	bool ok = want ? data && size == bytes && !memcmp(data, want, bytes) : !data;

	free(data);
	if (!ok)
		ksft_print_msg("%s is not so, %u bytes\n", name, size);
	return ok;
}

/* ---- ACPI -------------------------------------------------------------------------------- */

struct __attribute__((packed)) command {
	uint32_t what;
	char file[56];
	union {
		struct { uint32_t align; uint8_t zone; } allocate;
		struct __attribute__((packed)) { char to[56]; uint32_t at; uint8_t bytes; } pointer;
		struct { uint32_t at, start, bytes; } checksum;
		uint8_t room[68];
	};
};

/* Where it has put the files: memory of 32 bits, below 4 GiB. */
static struct place {
	char name[56];
	uint8_t *at;
	uint32_t bytes;
} places[2];
static unsigned int nr_places;
static uint8_t *low;
static uint32_t low_used;

static struct place *place(const char *name)
{
	for (unsigned int i = 0; i < nr_places; i++) {
		if (!strcmp(places[i].name, name))
			return &places[i];
	}
	printf("# the script names %s, which is nowhere\n", name);
	abort();
}

static void allocate(const struct command *c)
{
	struct place *p = &places[nr_places++];
	uint32_t align = c->allocate.align;
	void *data = file(c->file, &p->bytes);

	if (!data || !align || align & (align - 1) || c->allocate.zone < 1 || c->allocate.zone > 2)
		ksft_exit_fail_msg("%s cannot be allocated\n", c->file);
	strcpy(p->name, c->file);
	/* At an odd multiple of what it wants. */
	low_used = (low_used + 2 * align - 1) & ~(2 * align - 1);
	p->at = memcpy(low + low_used + align, data, p->bytes);
	low_used += align + p->bytes;
	free(data);
}

static void carry_out(const struct command *c)
{
	uint64_t value = 0;
	struct place *p;
	uint8_t sum = 0;

	switch (c->what) {
	case 1:
		allocate(c);
		break;
	case 2:
		p = place(c->file);
		if (!strcmp(c->file, "etc/acpi/rsdp") &&
		    (c->pointer.at != 24 || c->pointer.bytes != 8))
			ksft_exit_fail_msg("the XSDT's address has 8 bytes\n");
		memcpy(&value, p->at + c->pointer.at, c->pointer.bytes);
		if (value >= place(c->pointer.to)->bytes ||
		    c->pointer.at + c->pointer.bytes > p->bytes)
			ksft_exit_fail_msg("a pointer in %s leads nowhere\n", c->file);
		value += (uintptr_t)place(c->pointer.to)->at;
		memcpy(p->at + c->pointer.at, &value, c->pointer.bytes);
		break;
	case 3:
		p = place(c->file);
		for (uint32_t i = 0; i < c->checksum.bytes; i++)
			sum += p->at[c->checksum.start + i];
		/* SeaBIOS takes the sum off what is there, UEFI replaces it. */
		if (p->at[c->checksum.at])
			ksft_exit_fail_msg("a checksum in %s is not 0 before\n", c->file);
		p->at[c->checksum.at] = -sum;
		break;
	default:
		ksft_exit_fail_msg("command %u\n", c->what);
	}
}

static bool sums_up(const void *table, uint32_t bytes)
{
	const uint8_t *p = table;
	uint8_t sum = 0;

	while (bytes--)
		sum += *p++;
	return !sum;
}

static const uint8_t *at(uint64_t address)
{
	return (const uint8_t *)(uintptr_t)address;
}

static uint64_t get(const uint8_t *p, unsigned int bytes)
{
	uint64_t value = 0;

	memcpy(&value, p, bytes);
	return value;
}

/* Return: the signatures of all tables that are in order. */
static const char *walk(const uint8_t *rsdp)
{
	static char found[64];
	const uint8_t *xsdt = at(get(rsdp + 24, 8)), *table, *dsdt;
	uint32_t bytes = get(xsdt + 4, 4);

	found[0] = '\0';
	if (memcmp(rsdp, "RSD PTR ", 8) || !sums_up(rsdp, 20) || !sums_up(rsdp, 36) ||
	    memcmp(xsdt, "XSDT", 4) || !sums_up(xsdt, bytes))
		return "no XSDT";
	for (uint32_t i = 36; i < bytes; i += 8) {
		table = at(get(xsdt + i, 8));
		if (!sums_up(table, get(table + 4, 4)))
			return "a wrong sum";
		strncat(found, (const char *)table, 4);
		if (memcmp(table, "FACP", 4))
			continue;
		strncat(found, (const char *)at(get(table + 36, 4)), 4);
		strncat(found, (const char *)at(get(table + 40, 4)), 4);
		dsdt = at(get(table + 40, 4));
		if (get(table + 40, 4) != get(table + 140, 8) || get(table + 36, 4) % 64 ||
		    !sums_up(dsdt, get(dsdt + 4, 4)))
			return "a wrong FADT";
	}
	return found;
}

static void test_acpi(void)
{
	struct command *script;
	uint32_t bytes;

	low = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1,
		   0);
	script = file("etc/table-loader", &bytes);
	if (low == MAP_FAILED || !script || bytes % sizeof(*script))
		ksft_exit_fail_msg("no script\n");
	for (uint32_t i = 0; i < bytes / sizeof(*script); i++)
		carry_out(&script[i]);
	ksft_test_result(!strcmp(walk(place("etc/acpi/rsdp")->at), "FACPFACSDSDTAPICMCFGSSDTSSDT"),
			 "the ACPI tables are in order wherever they are put: %s\n",
			 walk(place("etc/acpi/rsdp")->at));
	munmap(low, MIB);
	free(script);
}

/* ---- tests ------------------------------------------------------------------------------ */

static void test_guest(void)
{
	const struct topology t = { .sockets = 3, .cores = 1, .threads = 1 };
	const struct acpi_choice acpi = { .topology = &t, .pci = true, .pvpanic = true };
	const struct firmware_choice choice = { .name = path };
	struct firmware f;
	uint32_t bytes;
	uint8_t *map;
	bool ok;

	make_rom();
	write_rom(ROM_BYTES);
	if (firmware_open(&f, &choice, false, NULL, 0))
		ksft_exit_fail_msg("%s\n", said.last);
	boot_order = "/pci@i0cf8/scsi@9/disk@0,0\n";
	ok = !firmware_load(&f, &m, &acpi, NULL) && was_said(NULL);
	ksft_test_result(ok && slot.gpa == 0x100000000 - ROM_BYTES && slot.bytes == ROM_BYTES &&
			 slot.flags == SVMM_MEM_READONLY && !memcmp(slot.host, rom, ROM_BYTES),
			 "the ROM ends at 4 GiB, and can be read\n");
	mmio.write(mmio.opaque, 0, 8, 1);
	ksft_test_result(mmio.start == slot.gpa && mmio.size == slot.bytes &&
			 !memcmp(slot.host, rom, ROM_BYTES), "but not written\n");
	ksft_test_result(!memcmp(m.ram.host + 0xe0000, rom + ROM_BYTES - 0x20000, 0x20000) &&
			 !m.ram.host[0xdffff] && !m.ram.host[0x100000],
			 "its last 128K are below 1 MiB, too\n");
	map = file("etc/e820", &bytes);
	ok = map && bytes == 60 && get(map, 8) == 0 && get(map + 8, 8) == RAM_BYTES &&
	     get(map + 16, 4) == 1 && get(map + 20, 8) == 0xe0000000 &&
	     get(map + 28, 8) == 0x100000 && get(map + 36, 4) == 2 &&
	     get(map + 40, 8) == 0x100000000 && get(map + 48, 8) == MIB && get(map + 56, 4) == 1;
	free(map);
	ksft_test_result(ok, "it is told of memory\n");
	choose(FW_CFG_NR_CPUS);
	ok = next() == 3 && !next();
	choose(FW_CFG_MAX_CPUS);
	ok &= next() == 3 && !next();
	ksft_test_result(ok, "of processors\n");
	ok = file_is("etc/sercon-port", "\xf8\x03", 2) && file_is("etc/irq0-override", "\1", 1) &&
	     file_is("bootorder", boot_order, strlen(boot_order) + 1) &&
	     file_is("etc/system-states", NULL, 0) && !m.flash;
	ksft_test_result(ok, "of the serial port, and what to boot\n");
	test_acpi();
	slot_error = -ENOSPC;
	ok = firmware_load(&f, &m, &acpi, NULL) &&
	     was_said("cannot give the VM its firmware: no more slots");
	ksft_test_result(ok, "a ROM that the VM cannot have is told\n");
	firmware_close(&f);
}

int main(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	ksft_print_header();
	ksft_set_plan(13);
	m.ram.host = calloc(1, RAM_BYTES + MIB);
	m.ram.bytes = RAM_BYTES + MIB;
	m.ram.low_bytes = RAM_BYTES;
	m.ram.high_bytes = MIB;
	m.fw_cfg = fw_cfg_new(&m);
	test_bad_images();
	test_guest();
	fw_cfg_free(m.fw_cfg);
	free(m.ram.host);
	unlink(path);
	ksft_finished();
}
