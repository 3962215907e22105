// SPDX-License-Identifier: GPL-2.0
// needs: userspace/firmware.c userspace/firmware_vars.c userspace/option_rom.c userspace/acpi.c
// needs: userspace/image.c userspace/devices/fw_cfg.c userspace/devices/flash.c userspace/subopt.c
// needs: userspace/topology.c userspace/progress.c userspace/options.c userspace/acpi_linker.c
/*
 * --firmware with UEFI: which files are taken for it, its variables in each way that they can be
 * given, and every way in which that can be wrong; where ROM and flash are in the guest, and what
 * it is told otherwise than a BIOS. What the guest writes is in the file at once, and there next
 * time.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../userspace/acpi.h"
#include "../../userspace/devices/fw_cfg.h"
#include "../../userspace/firmware.h"
#include "../../userspace/machine.h"
#include "said.h"
#include "tap.h"

#define MIB		(1u << 20)
#define RAM_BYTES	(128 * MIB)
#define VARS_BYTES	0x84000u		/* OVMF's, of its 4 MiB */
#define CODE_BYTES	(4 * MIB - VARS_BYTES)
#define VARS_GPA	0xffc00000u
#define SIZE		32			/* of a firmware volume, in its header */
#define MAGIC		40
#define VAR		0x1234			/* a byte that the guest writes */

/* ---- the machine ------------------------------------------------------------------------- */

static struct machine m;
static struct io_range ports[2], mmio[4];
static unsigned int nr_ports, nr_mmio, nr_maps;
static struct {
	uint64_t gpa, bytes;
} slot;

int machine_add_ports(struct machine *to, const struct io_range *range)
{
	ports[nr_ports++ % 2] = *range;
	return 0;
}

int machine_add_mmio(struct machine *to, const struct io_range *range)
{
	mmio[nr_mmio++ % 4] = *range;
	return 0;
}

int machine_map_readonly(struct machine *in, unsigned int n, uint64_t gpa, uint64_t bytes,
			 void *host)
{
	if (n != MACHINE_MAP_FLASH || gpa != VARS_GPA || bytes != VARS_BYTES)
		abort();
	nr_maps++;
	return 0;
}

void machine_unmap(struct machine *in, unsigned int n)
{
	nr_maps--;
}

void *machine_memory(struct machine *of, uint64_t gpa, uint64_t bytes)
{
	return NULL;
}

int svmm_set_slot(int vm, uint32_t id, uint32_t flags, uint64_t gpa, uint64_t bytes,
		  const void *addr)
{
	slot.gpa = gpa;
	slot.bytes = bytes;
	return 0;
}

const char *svmm_explain(unsigned long request, int error)
{
	return "no more slots";
}

unsigned int plug_boot_order(const struct plug_config *config, char *text, size_t room)
{
	return 0;
}

/* ---- files ------------------------------------------------------------------------------- */

static uint8_t image[4 * MIB];

/* A volume of @bytes, which says that it has @length. */
static void make(const char *path, uint32_t bytes, uint64_t length)
{
	FILE *f = fopen(path, "w");

	memset(image, 0xff, sizeof(image));
	memcpy(image + SIZE, &length, sizeof(length));
	memcpy(image + MAGIC, "_FVH", 4);
	image[bytes - 16] = 0xe9;
	if (!f || fwrite(image, 1, bytes, f) != bytes || fclose(f))
		ksft_exit_fail_msg("cannot write %s\n", path);
}

static long size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : st.st_size;
}

static int byte_of(const char *path, long offset)
{
	FILE *f = fopen(path, "r");
	int byte;

	if (!f || fseek(f, offset, SEEK_SET))
		abort();
	byte = fgetc(f);
	fclose(f);
	return byte;
}

/* Without devices that have ROMs. */
static int open_it(struct firmware *f, const struct firmware_choice *choice)
{
	return firmware_open(f, choice, false, NULL, 0);
}

static bool refused(const char *vars, const char *template, const char *words)
{
	const struct firmware_choice choice = { "./code", vars, template };
	struct firmware f = { 0 };

	return open_it(&f, &choice) && !f.rom && !f.vars.store.data && was_said(words);
}

static void test_parse(void)
{
	struct firmware_choice c = { 0 };
	char why[160];
	bool ok;

	ok = firmware_parse("ovmf", &c, why, sizeof(why)) && !strcmp(c.name, "ovmf") && !c.vars &&
	     !c.template;
	free((char *)c.name);
	ok &= firmware_parse("a/b,template=t,vars=v", &c, why, sizeof(why)) &&
	      !strcmp(c.name, "a/b") && !strcmp(c.vars, "v") && !strcmp(c.template, "t");
	free((char *)c.name);
	ksft_test_result(ok, "what is behind commas is taken\n");
	ok = !firmware_parse("ovmf,vars", &c, why, sizeof(why)) && strstr(why, "vars is the file");
	ok &= !firmware_parse("ovmf,template=", &c, why, sizeof(why)) &&
	      strstr(why, "template is the file");
	ok &= !firmware_parse("ovmf,var=x", &c, why, sizeof(why)) &&
	      strstr(why, "keys are vars and template");
	ok &= !firmware_parse(",vars=x", &c, why, sizeof(why)) && strstr(why, "give seabios, ovmf");
	ksft_test_result(ok, "and refused if it is nothing\n");
}

/* No volume at its start, but a jump at its end. */
static void make_bios(const char *path, uint32_t bytes)
{
	FILE *f = fopen(path, "w");

	memset(image, 0, bytes);
	image[bytes - 16] = 0xea;
	if (!f || fwrite(image, 1, bytes, f) != bytes || fclose(f))
		ksft_exit_fail_msg("cannot write %s\n", path);
}

static void test_code(void)
{
	bool ok;

	make("code", CODE_BYTES - 1, CODE_BYTES);
	ok = refused(NULL, "template", "a multiple of 4K, up to 16M");
	make("code", CODE_BYTES, CODE_BYTES);
	truncate("code", 4 * MIB - 2 * VARS_BYTES);
	ok &= refused(NULL, "template", "does not end with a PC's reset vector");
	ksft_test_result(ok, "UEFI that is truncated is refused\n");
	make("code", CODE_BYTES, CODE_BYTES);
	ok = refused(NULL, NULL, "it is UEFI without its variables; say vars=FILE");
	make("code", 2 * MIB, 2 * MIB);
	ok &= refused("vars", NULL, "this one has them in itself");
	make_bios("code", MIB);
	ok &= refused("vars", NULL, "this one is a BIOS");
	ok &= refused(NULL, "template", "this one is a BIOS");
	ksft_test_result(ok && size_of("vars") < 0,
			 "variables are said of what has them elsewhere, and only of that\n");
	make("code", CODE_BYTES, CODE_BYTES);
}

static void poke(const char *path, long offset, int byte)
{
	FILE *f = fopen(path, "r+");

	if (!f || fseek(f, offset, SEEK_SET) || fputc(byte, f) != byte || fclose(f))
		abort();
}

static void test_bad_vars(void)
{
	bool ok;

	ok = refused("vars", NULL, "cannot open the firmware's variables vars: No such file or "
		     "directory; say template=FILE");
	ok &= refused("vars", "none", "cannot open the template of the firmware's variables none");
	ok &= refused("vars", NULL, "there are no firmware's variables in vars; say template");
	ksft_test_result(ok && !size_of("vars"), "without a template there have to be some\n");
	make("vars", VARS_BYTES - 4096, VARS_BYTES);
	ok = refused("vars", "template",
		     "vars have 536576 bytes, and this firmware's have 540672");
	make("vars", VARS_BYTES + 1, VARS_BYTES);
	ok &= refused("vars", "template", "vars have 540673 bytes");
	make("odd", 2 * VARS_BYTES, 2 * VARS_BYTES);
	ok &= refused(NULL, "odd", "odd have 1081344 bytes");
	ksft_test_result(ok, "variables of another size are refused\n");
	make("vars", VARS_BYTES, VARS_BYTES + 4096);
	ok = refused("vars", "template", "vars are something else: they begin with no firmware "
		     "volume of 540672 bytes");
	make("odd", VARS_BYTES, VARS_BYTES - 1);
	ok &= refused(NULL, "odd", "odd are something else");
	make("vars", VARS_BYTES, VARS_BYTES);
	poke("vars", MAGIC, 'X');
	ok &= refused("vars", NULL, "vars are something else");
	ksft_test_result(ok, "what is none is refused\n");
	mkdir("directory", 0700);
	ok = refused("directory", "template", "directory: Is a directory");
	mkfifo("fifo", 0600);
	ok &= refused("fifo", "template", "fifo are not a regular file");
	ok &= refused("/dev/zero", "template", "/dev/zero are not a regular file");
	ok &= refused("no/where", "template", "no/where: No such file or directory");
	make("vars", VARS_BYTES, VARS_BYTES);
	chmod("vars", 0444);
	if (geteuid())
		ok &= refused("vars", "template", "cannot open the firmware's variables vars: "
			      "Permission denied");
	ksft_test_result(ok, "what is no file of the user's is refused\n");
	unlink("vars");
}

/* A file that cannot grow, as on a full disk. */
static void test_full(void)
{
	struct rlimit limit = { 8192, RLIM_INFINITY };
	bool ok;

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	ok = refused("vars", "template", "cannot write the firmware's variables vars: ");
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	ksft_test_result(ok && !size_of("vars"), "what cannot be made is empty, and no half\n");
}

/* ---- the guest --------------------------------------------------------------------------- */

static uint8_t read_flash(uint64_t offset)
{
	return mmio[1].read(mmio[1].opaque, offset, 1);
}

static void write_flash(uint64_t offset, uint8_t command, uint8_t value)
{
	mmio[1].write(mmio[1].opaque, offset, 1, command);
	mmio[1].write(mmio[1].opaque, offset, 1, value);
	mmio[1].write(mmio[1].opaque, offset, 1, 0xff);
}

static void choose(uint16_t key)
{
	ports[0].write(ports[0].opaque, 0, 2, key);
}

static uint8_t next(void)
{
	return ports[0].read(ports[0].opaque, 1, 1);
}

/* How many bytes the file has, which is chosen then; -1: there is none. */
static long choose_file(const char *name)
{
	uint8_t entry[64];

	choose(0x19);
	for (unsigned int i = 0; i < 4; i++)
		entry[i] = next();
	for (unsigned int nr = entry[3]; nr; nr--) {
		for (unsigned int i = 0; i < sizeof(entry); i++)
			entry[i] = next();
		if (strcmp((char *)entry + 8, name))
			continue;
		choose(entry[4] << 8 | entry[5]);
		return entry[2] << 8 | entry[3];
	}
	return -1;
}

static bool file_is(const char *name, const uint8_t *want, long bytes)
{
	bool ok = choose_file(name) == bytes;

	for (long i = 0; ok && i < bytes; i++)
		ok = next() == want[i];
	return ok;
}

/* Is there an SSDT of that name among the tables? */
static bool has_table(const char *oem_id)
{
	long bytes = choose_file("etc/acpi/tables");
	uint8_t *tables = malloc(bytes > 0 ? bytes : 1);
	bool found;

	for (long i = 0; i < bytes; i++)
		tables[i] = next();
	found = bytes > 0 && memmem(tables, bytes, oem_id, strlen(oem_id));
	free(tables);
	return found;
}

static void power_on(void)
{
	nr_ports = 0;
	nr_mmio = 0;
	m.fw_cfg = fw_cfg_new(&m);
	m.flash = NULL;
}

static void power_off(void)
{
	fw_cfg_free(m.fw_cfg);
	if (m.flash)
		flash_free(m.flash);
}

static bool load(const struct firmware *f)
{
	const struct topology t = { .sockets = 1, .cores = 1, .threads = 1 };
	const struct acpi_choice acpi = { .topology = &t, .pci = true };

	return !firmware_load(f, &m, &acpi, NULL);
}

static void test_guest(struct firmware *f)
{
	static const uint8_t states[] = { 0x80, 0, 0, 0x83, 0x84, 0x85 };
	const uint8_t map[20] = { [11] = RAM_BYTES >> 24, [16] = 1 };
	bool ok;

	power_on();
	ok = load(f) && was_said(NULL) && m.flash && nr_maps == 1;
	ksft_test_result(ok && slot.gpa == VARS_GPA + VARS_BYTES && slot.bytes == CODE_BYTES &&
			 mmio[0].start == slot.gpa && mmio[1].start == VARS_GPA &&
			 mmio[1].size == VARS_BYTES,
			 "the ROM ends at 4 GiB, the flash before it\n");
	ok = file_is("etc/e820", map, sizeof(map)) &&
	     file_is("etc/system-states", states, sizeof(states));
	ksft_test_result(ok, "it is told of RAM alone, and how to sleep\n");
	ok = has_table("VMCTLPCI") && has_table("VMCTLLOW");
	m.ram.low_bytes = 2048ull * MIB + 4096;
	fw_cfg_free(m.fw_cfg);
	m.fw_cfg = fw_cfg_new(&m);
	flash_free(m.flash);
	nr_ports = 0;
	nr_mmio = 0;
	ok &= load(f) && has_table("VMCTLPCI") && !has_table("VMCTLLOW");
	m.ram.low_bytes = RAM_BYTES;
	ksft_test_result(ok, "the PCI bus has what lies below 3 GiB if RAM has not\n");
	m.ram.bytes = 127 * MIB;
	ok = !load(f) && was_said("UEFI needs --mem 128M or more");
	m.ram.bytes = RAM_BYTES;
	ksft_test_result(ok, "it has to have some memory\n");
	power_off();
}

static void test_vars(void)
{
	const struct firmware_choice choice = { "./code", "vars", "template" };
	struct firmware f;
	struct rlimit limit = { 4096, RLIM_INFINITY };
	bool ok;

	ok = !open_it(&f, &choice) && was_said(NULL) && f.uefi &&
	     size_of("vars") == VARS_BYTES && byte_of("vars", VAR) == 0xff &&
	     byte_of("vars", MAGIC) == '_';
	ksft_test_result(ok, "variables are made of the template\n");
	ok = refused("vars", "template", "another VM has the firmware's variables vars");
	ksft_test_result(ok, "no other VM has them\n");
	test_guest(&f);
	power_on();
	ok = load(&f);
	write_flash(VAR, 0x40, 0x5a);
	ok &= read_flash(VAR) == 0x5a && byte_of("vars", VAR) == 0x5a;
	write_flash(VAR, 0x20, 0xd0);
	ok &= read_flash(VAR) == 0xff && byte_of("vars", VAR) == 0xff;
	write_flash(VAR, 0x40, 0xa5);
	ksft_test_result(ok, "what the guest writes is in the file at once\n");
	setrlimit(RLIMIT_FSIZE, &limit);
	write_flash(VAR + 1, 0x40, 0);
	write_flash(VAR + 2, 0x20, 0xd0);
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	ok = was_said("the guest's change of vars is lost: File too large (reported once)") &&
	     read_flash(VAR) == 0xa5 && read_flash(VAR + 1) == 0xff &&
	     byte_of("vars", VAR) == 0xa5;
	mmio[1].write(mmio[1].opaque, VAR, 1, 0x70);
	ok &= read_flash(VAR) == 0xb0;
	ksft_test_result(ok, "if it cannot be, the guest hears that\n");
	power_off();
	power_on();
	ok = load(&f) && read_flash(VAR) == 0xa5;
	ksft_test_result(ok, "the next machine has it, and reads it\n");
	power_off();
	firmware_close(&f);
	ok = !open_it(&f, &choice) && f.vars.store.data[VAR] == 0xa5;
	firmware_close(&f);
	ksft_test_result(ok, "and the next VM\n");
}

static void test_forgotten(void)
{
	const struct firmware_choice choice = { "./code", NULL, "template" };
	struct firmware one, two;
	bool ok;

	ok = !open_it(&one, &choice) && !open_it(&two, &choice) && was_said(NULL);
	power_on();
	ok &= load(&one);
	write_flash(VAR, 0x40, 0);
	ok &= one.vars.store.data[VAR] == 0 && two.vars.store.data[VAR] == 0xff &&
	      byte_of("template", VAR) == 0xff;
	power_off();
	firmware_close(&one);
	firmware_close(&two);
	ksft_test_result(ok, "without a file each VM has its own, while it runs\n");
}

static void test_whole(void)
{
	const struct firmware_choice choice = { .name = "./code" };
	struct firmware f;
	bool ok;

	make("code", 2 * MIB, VARS_BYTES);
	power_on();
	ok = !open_it(&f, &choice) && f.uefi && load(&f) && !m.flash && nr_mmio == 1;
	power_off();
	firmware_close(&f);
	ksft_test_result(ok, "UEFI with its variables in the ROM has no flash\n");
}

int main(void)
{
	char dir[] = "/tmp/vmctl_firmware_uefi.XXXXXX", command[64];

	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	ksft_print_header();
	ksft_set_plan(21);
	m.ram.host = calloc(1, 2 * MIB);
	m.ram.bytes = RAM_BYTES;
	m.ram.low_bytes = RAM_BYTES;
	make("template", VARS_BYTES, VARS_BYTES);
	test_parse();
	test_code();
	test_bad_vars();
	test_full();
	test_vars();
	test_forgotten();
	test_whole();
	free(m.ram.host);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	if (chdir("/") || system(command))
		return 1;
	ksft_finished();
}
