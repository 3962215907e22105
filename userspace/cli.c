// SPDX-License-Identifier: GPL-2.0
/*
 * The command line of `vmctl run`: getopt's view of the table in run_options.c, and the help.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "device_help.h"
#include "json.h"
#include "message.h"

static const char help[] =
"usage: vmctl run --kernel FILE [OPTION ...]\n"
"       vmctl run --firmware seabios --disk FILE [OPTION ...]\n"
"       vmctl run --config FILE [OPTION ...]\n"
"Run a virtual machine; its serial port is this terminal.\n"
"\n"
"  --kernel FILE     kernel to boot: Linux (/boot/vmlinuz-*, or vmlinux), multiboot or\n"
"                    multiboot2, an ELF kernel with a PVH entry, or an ELF program\n"
"  --initrd FILE     initial RAM disk; for kernels that have modules the first one\n"
"  --module \"FILE ARGS\"\n"
"                    module for the kernel, with what it is told of it; may be repeated\n"
"  --append STRING   kernel command line; default: " DEFAULT_APPEND ",\n"
"                    with --virtio-console " HVC_APPEND "\n"
"  --mem SIZE        memory, with suffix K, M (the default) or G; default: 256M\n"
"  --mem-path PATH   it is this file, and shared with whoever maps it; in a\n"
"                    directory, hugetlbfs for one: a file without a name; memfd:\n"
"                    one of no file system\n"
"  --mem-pages SIZE  its pages: 4K, 2M or 1G, the latter two from the host's pool;\n"
"                    default: 2M where the host has them to spare\n"
"  --mem-prefault    get all of it before the guest starts\n"
"  --mem-merge       let the host merge equal pages (KSM)\n"
"  --cpus N          number of virtual CPUs, 1 to 64; default: 1\n"
"  --cpus sockets=S,cores=C,threads=T\n"
"                    their topology; what is missing is 1. Plain N: N cores\n"
"  --cpu [BASE,][+FLAG|-FLAG,...]\n"
"                    what they are: BASE is host (the default) or a model, from\n"
"                    which flags are taken away or added; --cpu help lists all\n";

static const char help_end[] =
"  --name NAME       name of the VM, unique among yours; default: KERNEL-PID\n"
"  --console WHERE   the serial port: stdio (default, if it is not --virtio-console),\n"
"                    none, pty, unix:PATH (a socket to connect to), or file:PATH\n"
"  --device help     list the devices that can be added\n"
"  --no-reboot       end when the guest reboots, instead of starting it again\n"
"  --no-sandbox      keep vmctl's privileges, files and system calls while the guest\n"
"                    runs; for debugging\n"
"  --exit-port PORT  I/O port; a guest's write there ends the VM, see below\n"
"  --gdb WHERE       let a GDB debug the guest: tcp:PORT, of this host alone, or\n"
"                    unix:PATH; in GDB: target remote :PORT, or target remote PATH\n"
"  --gdb-wait        the guest does not begin before a GDB lets it\n"
"  --last-exits      if the guest crashes, show the last 32 exits of its virtual CPU,\n"
"                    and its code as instructions; each exit costs a little more;\n"
"                    --gdb has that, too\n"
"  --counters        at the end, say what each virtual CPU did beside its exits\n"
"  --flat FILE[@ADDR]\n"
"                    instead of a kernel: a bare program, loaded at ADDR (0x1000)\n"
"                    and started there in real mode, without firmware\n"
"  --entry ADDR      where it starts\n"
"  --mode MODE       how: real, protected (32-bit), or long (64-bit)\n"
"  --firmware NAME[,vars=FILE][,template=FILE]\n"
"                    instead of a kernel: seabios or ovmf (UEFI), of Debian's packages\n"
"                    of these names, or the file of a ROM; it starts what is on a\n"
"                    --disk. vars: of UEFI its variables, made if they are not there;\n"
"                    without, they are forgotten at the end. template: what they are\n"
"                    made of, for a ROM that is a file\n"
"  --debug-port WHERE\n"
"                    what firmware tells of itself, at port 0x402; WHERE as for --console\n"
"  --detach          leave the VM alone once it runs, and print its name; what it\n"
"                    prints is kept for vmctl console; --console is none then\n"
"  --config FILE     options from a JSON object in FILE, as --print-config writes it;\n"
"                    what is on the command line counts instead\n"
"  --print-config    write that object, of all options given, and run nothing\n"
"  --help            show this\n"
"\n"
"In a terminal, Ctrl-A X ends the VM and Ctrl-A Ctrl-A sends one Ctrl-A; all\n"
"else, Ctrl-C too, goes to the guest.\n"
"\n"
"Exit status: 0 the guest powered off, 1 an error of vmctl or the host, 2 wrong\n"
"usage, 3 the guest crashed, 64 + (V & 63) the guest wrote V to --exit-port,\n"
"128 + N ended by signal N.\n";

static int usage_error(void)
{
	message("try: vmctl run --help");
	return STATUS_USAGE;
}

/* Options that are about the others, or about vmctl. */
enum {
	HELP = 'h',
	CONFIG = 256,
	DEVICE,
	PRINT_CONFIG,
	DETACH,
	FROM_TABLE	/* and the place in the table */
};

static const struct option own_options[] = {
	{ "detach", no_argument, NULL, DETACH },
	{ "config", required_argument, NULL, CONFIG },
	{ "device", required_argument, NULL, DEVICE },
	{ "print-config", no_argument, NULL, PRINT_CONFIG },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 }
};

/* What the command line says. */
struct line {
	struct run_settings settings;
	const char *config;
	bool print_config, detach;
};

static const int has_arg[] = {
	[OPTION_TEXT] = required_argument,
	[OPTION_NUMBER] = required_argument,
	[OPTION_FLAG] = no_argument,
	[OPTION_MAYBE_TEXT] = optional_argument,
};

/* getopt's table; free() it. */
static struct option *known_options(void)
{
	struct option *known = calloc(nr_run_options + sizeof(own_options) / sizeof(*known),
				      sizeof(*known));
	unsigned int i;

	if (!known) {
		message("out of memory");
		return NULL;
	}
	for (i = 0; i < nr_run_options; i++) {
		known[i].name = run_option_table[i].name;
		known[i].has_arg = has_arg[run_option_table[i].type];
		known[i].val = FROM_TABLE + i;
	}
	memcpy(known + i, own_options, sizeof(own_options));
	return known;
}

static int take_setting(const struct run_option *o, struct line *line)
{
	if (optarg && !strcmp(o->name, "cpu") && !strcmp(optarg, "help")) {
		cpu_print_help();
		return STATUS_OK;
	}
	return run_settings_add(&line->settings, o, optarg, NULL) ? CLI_GO_ON : STATUS_ERROR;
}

static int take(int option, struct line *line)
{
	switch (option) {
	case HELP:
		fputs(help, stdout);
		device_help_options();
		fputs(help_end, stdout);
		return STATUS_OK;
	case DEVICE:
		if (!strcmp(optarg, "help")) {
			device_help();
			return STATUS_OK;
		}
		message("--device %s: each device has its own option; --device help lists them",
			optarg);
		return usage_error();
	case CONFIG:
		line->config = optarg;
		return CLI_GO_ON;
	case DETACH:
		line->detach = true;
		return CLI_GO_ON;
	case PRINT_CONFIG:
		line->print_config = true;
		return CLI_GO_ON;
	}
	if (option >= FROM_TABLE)
		return take_setting(&run_option_table[option - FROM_TABLE], line);
	return usage_error();
}

static int read_line(int argc, char **argv, struct line *line)
{
	struct option *known = known_options();
	int option, status = known ? CLI_GO_ON : STATUS_ERROR;

	while (status == CLI_GO_ON && (option = getopt_long(argc, argv, "h", known, NULL)) != -1)
		status = take(option, line);
	free(known);
	if (status == CLI_GO_ON && optind < argc) {
		message("run %s: not an option", argv[optind]);
		return usage_error();
	}
	return status;
}

/* The file's settings, and instead of them the command line's. */
static int merge(struct line *line, struct run_options *o)
{
	struct run_settings all = { 0 };
	int status = line->config ? config_read(line->config, &all) : CLI_GO_ON;

	if (status == CLI_GO_ON && !run_settings_override(&all, &line->settings))
		status = STATUS_ERROR;
	if (status == CLI_GO_ON && !run_options_set(o, &all, line->detach))
		status = usage_error();
	run_settings_free(&all);
	return status;
}

int cli_parse_run(int argc, char **argv, struct run_options *o)
{
	struct line line = { 0 };
	int status = read_line(argc, argv, &line);

	*o = (struct run_options) { 0 };
	if (status == CLI_GO_ON)
		status = merge(&line, o);
	if (status == CLI_GO_ON && line.print_config) {
		json_print(config_object(&o->settings), true);
		status = STATUS_OK;
	}
	run_settings_free(&line.settings);
	return status;
}
