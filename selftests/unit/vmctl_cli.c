// SPDX-License-Identifier: GPL-2.0
// needs: userspace/cli.c userspace/config.c userspace/json.c userspace/run_options.c
// needs: userspace/run_settings.c userspace/cpu.c userspace/cpu_models.c userspace/caches.c
// needs: userspace/topology.c
// libs: -ljson-c
/*
 * The command line of `vmctl run`, with the real table: each option does what it says, and survives
 * the way through a configuration file.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../userspace/cli.h"
#include "tap.h"

static char said[4096];

void message(const char *format, ...)
{
	size_t len = strlen(said);
	va_list args;

	va_start(args, format);
	vsnprintf(said + len, sizeof(said) - len, format, args);
	va_end(args);
	strcat(said, "|");
}

bool console_valid(const char *spec)
{
	return strcmp(spec, "screen");
}

/* ---- devices: their own tests know what is right ------------------------------------------ */

bool disk_parse(const char *text, struct disk_options *disk, char *why, size_t bytes)
{
	disk->path = text;
	return true;
}

bool firmware_parse(const char *text, struct firmware_choice *choice, char *why, size_t bytes)
{
	choice->name = text;
	return true;
}

bool net_parse(const char *text, struct net_options *net, char *why, size_t bytes)
{
	net->text = text;
	return true;
}

bool share_parse(const char *text, struct share_options *share, char *why, size_t bytes)
{
	share->path = text;
	return true;
}

bool serial_port_parse(const char *text, struct serial_port_options *port, char *why, size_t bytes)
{
	port->where = text;
	return true;
}

bool vsock_parse(const char *text, uint32_t *cid, char *why, size_t bytes)
{
	*cid = atoi(text);
	return true;
}

bool rng_parse(const char *text, struct rng_options *rng, char *why, size_t bytes)
{
	*rng = (struct rng_options) { .wanted = true };
	return true;
}

bool balloon_parse(const char *text, struct balloon_choice *balloon, char *why, size_t bytes)
{
	*balloon = (struct balloon_choice) { .wanted = true };
	return true;
}

bool watchdog_parse(const char *text, enum watchdog_action *action, char *why, size_t bytes)
{
	*action = WATCHDOG_RESET;
	return true;
}

static const char devices[] = "\n"
"  --disk\n  --net\n  --share\n  --vsock\n  --virtio-console\n  --serial-port\n"
"  --rng\n  --balloon\n  --watchdog\n  --pvpanic\n  --hpet\n  --keyboard\n  --vga\n";

void device_help_options(void)
{
	fputs(devices, stdout);
}

void device_help(void)
{
	puts("devices");
}

/* ---- helpers ---------------------------------------------------------------------------- */

#define TEMPLATE "/tmp/vmctl_cli.XXXXXX"
static char path[sizeof(TEMPLATE)] = TEMPLATE;
static struct run_options options;

/* Words that end with NULL, behind "vmctl". */
static int parse_words(char **words)
{
	char *argv[80] = { (char *)"vmctl" };
	int argc = 1;

	while (words[argc - 1]) {
		argv[argc] = words[argc - 1];
		argc++;
	}
	run_settings_free(&options.settings);
	said[0] = '\0';
	optind = 0;		/* glibc: begin anew */
	return cli_parse_run(argc, argv, &options);
}

#define parse(...) parse_words((char *[]) { __VA_ARGS__, NULL })

/* The same, with what it prints in the file. */
static int print_words(char **words)
{
	int saved, status;

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	if (!freopen(path, "w", stdout))
		ksft_exit_fail_msg("no file\n");
	status = parse_words(words);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	setlinebuf(stdout);
	return status;
}

#define print(...) print_words((char *[]) { __VA_ARGS__, NULL })

static bool file_has(const char *text)
{
	char all[65536];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(all, 1, sizeof(all) - 1, f) : 0;

	all[n] = '\0';
	fclose(f);
	return strstr(all, text);
}

/* ---- tests ------------------------------------------------------------------------------ */

static const struct sample {
	const char *option, *value;
} samples[] = {
	{ "kernel", "/boot/vmlinuz \"x\"" }, { "initrd", "initrd.img" }, { "append", "a=b quiet" },
	{ "mem", "1G" }, { "mem-path", "/dev/shm/x" }, { "mem-pages", "2M" },
	{ "mem-prefault" }, { "mem-merge" }, { "cpus", "4" }, { "cpu", "epyc,-avx" },
	{ "disk", "d,ro" }, { "net", "user" }, { "share", "/s" }, { "vsock", "3" },
	{ "virtio-console", "pty" }, { "serial-port", "a=pty" }, { "rng" }, { "balloon" },
	{ "watchdog", "reset" }, { "pvpanic" }, { "keyboard" }, { "hpet" }, { "vga" },
	{ "no-sandbox" },
	{ "name", "foo.1" }, { "console", "file:/tmp/x" }, { "no-reboot" },
	{ "exit-port", "0xf4" }, { "counters" }, { "flat", "guest.bin@64" }, { "last-exits" },
	{ "module", "m a=b c" }, { "entry", "0x1040" }, { "mode", "long" },
	{ "firmware", "ovmf,vars=/v" }, { "debug-port", "file:/tmp/x" },
	{ "gdb", "tcp:1234" }, { "gdb-wait" },
};

/* What goes with it, so that all makes sense. */
static void fill(const struct sample *s, char *words[8])
{
	unsigned int n = 0;
	char *option;

	if (asprintf(&option, "--%s", s->option) < 0)
		exit(1);
	words[n++] = option;
	if (s->value)
		words[n++] = (char *)s->value;
	if (!strcmp(s->option, "entry") || !strcmp(s->option, "mode")) {
		words[n++] = (char *)"--flat";
		words[n++] = (char *)"f";
	} else if (strcmp(s->option, "kernel") && strcmp(s->option, "flat") &&
		   strcmp(s->option, "firmware")) {
		words[n++] = (char *)"--kernel";
		words[n++] = (char *)"k";
	}
	if (!strcmp(s->option, "gdb-wait")) {
		words[n++] = (char *)"--gdb";
		words[n++] = (char *)"unix:/tmp/g";
	}
	words[n] = NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_devices(const struct run_options *a, const struct run_options *b)
{
	return same_text(a->disks[0].path, b->disks[0].path) && a->nr_disks == b->nr_disks &&
	       same_text(a->nets[0].text, b->nets[0].text) && a->nr_nets == b->nr_nets &&
	       same_text(a->shares[0].path, b->shares[0].path) && a->nr_shares == b->nr_shares &&
	       same_text(a->ports[0].where, b->ports[0].where) && a->nr_ports == b->nr_ports &&
	       same_text(a->virtio_console, b->virtio_console) && a->cid == b->cid &&
	       a->rng.wanted == b->rng.wanted && a->balloon.wanted == b->balloon.wanted &&
	       a->watchdog == b->watchdog && a->pvpanic == b->pvpanic && a->vga == b->vga &&
	       a->keyboard == b->keyboard && a->hpet == b->hpet &&
	       a->no_sandbox == b->no_sandbox && same_text(a->gdb, b->gdb) &&
	       a->gdb_wait == b->gdb_wait && a->last_exits == b->last_exits;
}

static bool same_file(const struct run_file *a, const struct run_file *b)
{
	return same_text(a->text, b->text) && a->name_bytes == b->name_bytes;
}

static bool same_files(const struct run_options *a, const struct run_options *b)
{
	return same_file(&a->flat, &b->flat) && same_file(&a->modules[0], &b->modules[0]) &&
	       a->nr_modules == b->nr_modules && a->flat_options.load == b->flat_options.load &&
	       a->flat_options.entry == b->flat_options.entry &&
	       a->flat_options.mode == b->flat_options.mode;
}

/* But for pointers and settings. */
static bool same(const struct run_options *a, const struct run_options *b)
{
	return same_text(a->kernel, b->kernel) && same_text(a->initrd, b->initrd) &&
	       same_text(a->append, b->append) && same_files(a, b) &&
	       same_text(a->firmware.name, b->firmware.name) &&
	       same_text(a->debug_port, b->debug_port) &&
	       same_text(a->console, b->console) && same_text(a->name, b->name) &&
	       same_text(a->backing.path, b->backing.path) && a->mem_bytes == b->mem_bytes &&
	       a->backing.page == b->backing.page && a->backing.prefault == b->backing.prefault &&
	       a->backing.merge == b->backing.merge &&
	       !memcmp(&a->topology, &b->topology, sizeof(a->topology)) &&
	       !memcmp(&a->cpu, &b->cpu, sizeof(a->cpu)) && a->exit_port == b->exit_port &&
	       a->no_reboot == b->no_reboot && a->counters == b->counters && same_devices(a, b);
}

static bool round_trip(const struct sample *s)
{
	struct run_options once, plain;
	char *words[8];
	unsigned int n;
	bool ok;

	ok = parse("--kernel", "k") == CLI_GO_ON;
	plain = options;
	options.settings = (struct run_settings) { 0 };
	fill(s, words);
	ok = parse_words(words) == CLI_GO_ON && ok && !same(&options, &plain);
	once = options;
	options.settings = (struct run_settings) { 0 };
	for (n = 0; words[n]; n++)
		;
	words[n++] = (char *)"--print-config";
	words[n] = NULL;
	ok = print_words(words) == STATUS_OK && ok;
	ok = parse("--config", path) == CLI_GO_ON && same(&options, &once) && ok;
	if (!ok)
		ksft_print_msg("--%s: %s\n", s->option, said);
	run_settings_free(&once.settings);
	run_settings_free(&plain.settings);
	free(words[0]);
	return ok;
}

static void test_table(void)
{
	unsigned int nr = sizeof(samples) / sizeof(samples[0]), ok = 0, known = 0;

	for (unsigned int i = 0; i < nr_run_options; i++) {
		for (unsigned int j = 0; j < nr; j++)
			known += !strcmp(samples[j].option, run_option_table[i].name);
	}
	ksft_test_result(known == nr_run_options, "each option has its sample\n");
	for (unsigned int i = 0; i < nr; i++)
		ok += round_trip(&samples[i]);
	ksft_test_result(ok == nr, "each changes something, and comes back from a file\n");
}

static void test_values(void)
{
	ksft_test_result(parse("--kernel", "a", "--kernel", "b") == CLI_GO_ON &&
			 !strcmp(options.kernel, "b"), "the last one counts\n");
	ksft_test_result(parse("--flat", "f") == CLI_GO_ON && options.mem_bytes == 256 << 20 &&
			 !strcmp(options.console, "stdio") && options.exit_port == -1 &&
			 !options.detach && !options.name[0], "defaults\n");
	run_options_set_name(&options);
	ksft_test_result(!strncmp(options.name, "f-", 2) && atoi(options.name + 2) == getpid(),
			 "a name: %s\n", options.name);
	ksft_test_result(parse("--flat", "/x/a b\377cdefghijklmnopqrstuvwxyzabcdefgh") ==
			 CLI_GO_ON && (run_options_set_name(&options), true) &&
			 !strncmp(options.name, "a_b_cdefgh", 10) &&
			 strlen(options.name) < SVMM_NAME_MAX, "one that fits: %s\n", options.name);
	ksft_test_result(parse("--flat", "f", "--name", "n") == CLI_GO_ON &&
			 (run_options_set_name(&options), !strcmp(options.name, "n")),
			 "a given one stays\n");
}

static bool is_flat(size_t name_bytes, uint64_t load, uint64_t entry, enum flat_mode mode)
{
	return options.flat.name_bytes == name_bytes && options.flat_options.load == load &&
	       options.flat_options.entry == entry && options.flat_options.mode == mode;
}

static void test_flat(void)
{
	ksft_test_result(parse("--flat", "f") == CLI_GO_ON &&
			 is_flat(1, 0x1000, 0x1000, FLAT_REAL), "a bare program\n");
	ksft_test_result(parse("--entry", "0x7c10", "--flat", "a@b@31744", "--mode", "protected") ==
			 CLI_GO_ON && is_flat(3, 0x7c00, 0x7c10, FLAT_PROTECTED),
			 "an address, and an entry\n");
	ksft_test_result((run_options_set_name(&options), !strncmp(options.name, "a_b-", 4)),
			 "whose address is no part of the name: %s\n", options.name);
	ksft_test_result(parse("--flat", "a@0x10g") == CLI_GO_ON &&
			 is_flat(7, 0x1000, 0x1000, FLAT_REAL), "no address, but a name\n");
	ksft_test_result(parse("--flat", "a", "--entry", "-1") == STATUS_USAGE &&
			 strstr(said, "not an address"), "no address\n");
	ksft_test_result(parse("--flat", "a", "--mode", "unreal") == STATUS_USAGE &&
			 strstr(said, "use real, protected or long"), "no mode\n");
	ksft_test_result(parse("--kernel", "a", "--mode", "real") == STATUS_USAGE &&
			 strstr(said, "they are for --flat"), "a mode of a kernel\n");
	ksft_test_result(parse("--flat", "a", "--module", "b") == STATUS_USAGE &&
			 strstr(said, "--flat goes without"), "a module of a bare program\n");
}

static void test_modules(void)
{
	char *words[2 * BOOT_MODULES_MAX + 8] = { (char *)"--kernel", (char *)"k" };
	unsigned int n = 2;

	ksft_test_result(parse("--kernel", "k", "--module", "first", "--module", "second a  b") ==
			 CLI_GO_ON && options.nr_modules == 2 &&
			 options.modules[0].name_bytes == 5 && options.modules[1].name_bytes == 6 &&
			 !strcmp(options.modules[1].text, "second a  b"), "modules\n");
	ksft_test_result(parse("--kernel", "k", "--module", " x") == STATUS_USAGE &&
			 strstr(said, "give a file"), "one without a file\n");
	for (unsigned int i = 0; i < BOOT_MODULES_MAX; i++) {
		words[n++] = (char *)"--module";
		words[n++] = (char *)"m";
	}
	ksft_test_result(parse_words(words) == CLI_GO_ON &&
			 options.nr_modules == BOOT_MODULES_MAX, "32 of them\n");
	words[n++] = (char *)"--initrd";
	words[n++] = (char *)"i";
	ksft_test_result(parse_words(words) == STATUS_USAGE && strstr(said, "at most 32"),
			 "and not an initrd, too\n");
	words[n - 2] = (char *)"--module";
	ksft_test_result(parse_words(words) == STATUS_USAGE && strstr(said, "at most 32"),
			 "nor another one\n");
}

static void test_detach(void)
{
	ksft_test_result(parse("--flat", "f", "--detach") == CLI_GO_ON && options.detach &&
			 !strcmp(options.console, "none"), "detached: no console\n");
	ksft_test_result(parse("--flat", "f", "--detach", "--console", "pty") == CLI_GO_ON &&
			 !strcmp(options.console, "pty"), "but one that is asked for\n");
	ksft_test_result(parse("--flat", "f", "--detach", "--console", "stdio") == STATUS_USAGE &&
			 strstr(said, "there is no stdio then"), "and not stdio\n");
	ksft_test_result(parse("--flat", "f", "--detach", "--virtio-console", "stdio") ==
			 STATUS_USAGE && strstr(said, "there is no stdio then"),
			 "nor for a virtio console\n");
	ksft_test_result(parse("--flat", "f", "--detach", "--virtio-console", "none") ==
			 CLI_GO_ON && !strcmp(options.console, "none"), "which can be none\n");
}

static void test_firmware(void)
{
	ksft_test_result(parse("--firmware", "/x/bios.bin") == CLI_GO_ON &&
			 (run_options_set_name(&options), !strncmp(options.name, "bios.bin-", 9)),
			 "firmware instead of a kernel, and its name: %s\n", options.name);
	ksft_test_result(parse("--firmware", "f", "--kernel", "k") == STATUS_USAGE &&
			 strstr(said, "--firmware goes without --kernel"), "but not with one\n");
	ksft_test_result(parse("--firmware", "f", "--mem", "3M") == STATUS_USAGE &&
			 strstr(said, "it needs --mem 4M or more"), "with enough memory\n");
	ksft_test_result(parse("--flat", "f", "--debug-port", "stdio") == CLI_GO_ON &&
			 !strcmp(options.console, "none"), "a debug port on stdio: no console\n");
	ksft_test_result(parse("--flat", "f", "--debug-port", "stdio", "--virtio-console",
			       "stdio") == STATUS_USAGE && strstr(said, "only one of them"),
			 "which only one can have\n");
	ksft_test_result(parse("--flat", "f", "--debug-port", "stdio", "--detach") ==
			 STATUS_USAGE && strstr(said, "there is no stdio then"),
			 "and none who is detached\n");
}

static void write_config(const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		ksft_exit_fail_msg("no file\n");
}

static void test_config(void)
{
	char wanted[300];

	write_config("{\"flat\": \"f\", \"mem\": 512, \"no-reboot\": true, \"name\": \"file\"}");
	ksft_test_result(parse("--name", "line", "--config", path, "--mem", "1G") == CLI_GO_ON &&
			 !strcmp(options.flat.text, "f") && options.mem_bytes == 1 << 30 &&
			 options.no_reboot && !strcmp(options.name, "line"),
			 "the command line counts instead, on either side of --config\n");
	ksft_test_result(parse("--config", path, "--kernel", "k") == STATUS_USAGE &&
			 strstr(said, "--flat goes without"), "all together has to make sense\n");
	write_config("{\"flat\": \"f\", \"exit-port\": 65536}");
	snprintf(wanted, sizeof(wanted),
		 "%s: \"exit-port\": 65536: not a port; use 0 to 0xffff|try: vmctl run --help|",
		 path);
	ksft_test_result(parse("--config", path) == STATUS_USAGE && !strcmp(said, wanted),
			 "a value that is wrong, and its file\n");
	ksft_test_result(parse("--config", path, "--exit-port", "1") == CLI_GO_ON &&
			 options.exit_port == 1, "unless it does not count\n");
	write_config("{\"detach\": true}");
	ksft_test_result(parse("--config", path) == STATUS_USAGE &&
			 strstr(said, "unknown key \"detach\""), "what is no option of the VM\n");
	ksft_test_result(parse("--config", "/nonexistent", "--flat", "f") == STATUS_ERROR,
			 "a file that is not there\n");
}

static void test_print(void)
{
	ksft_test_result(print("--flat", "f", "--mem", "0", "--print-config") == STATUS_USAGE &&
			 strstr(said, "--mem 0: not a size") && !file_has("{"),
			 "nothing is printed that makes no sense\n");
	ksft_test_result(print("--help") == STATUS_OK && file_has("--print-config") && !said[0],
			 "help\n");
	ksft_test_result(print("--cpu", "help") == STATUS_OK && file_has("epyc") && !said[0],
			 "help for --cpu\n");
}

static void test_help(void)
{
	unsigned int missing = 0;
	char text[64];

	print("--help");
	for (unsigned int i = 0; i < nr_run_options; i++) {
		snprintf(text, sizeof(text), "\n  --%s", run_option_table[i].name);
		if (!file_has(text)) {
			ksft_print_msg("no --%s\n", run_option_table[i].name);
			missing++;
		}
	}
	ksft_test_result(!missing, "help has each option\n");
}

int main(void)
{
	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(41);
	close(mkstemp(path));
	test_table();
	test_values();
	test_flat();
	test_modules();
	test_detach();
	test_firmware();
	test_config();
	test_print();
	test_help();
	run_settings_free(&options.settings);
	unlink(path);
	ksft_finished();
}
