// SPDX-License-Identifier: GPL-2.0
/*
 * Option parsing of `vmctl run`.  Each value is checked where it is parsed, so
 * that the message can name the option; nothing here touches the system.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "console.h"
#include "message.h"

#define MIN_MEM		(1ULL << 20)
#define MAX_MEM		(1ULL << 46)
#define PAGE_BYTES	4096
#define DEFAULT_MEM	(256ULL << 20)
#define DEFAULT_APPEND	"console=ttyS0"

static const char help[] =
"usage: vmctl run --kernel FILE [OPTION ...]\n"
"Run a virtual machine; its serial port is this terminal.\n"
"\n"
"  --kernel FILE     Linux kernel to boot, a 64-bit bzImage (/boot/vmlinuz-*)\n"
"  --initrd FILE     initial RAM disk\n"
"  --append STRING   kernel command line; default: " DEFAULT_APPEND "\n"
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
"                    which flags are taken away or added; --cpu help lists all\n"
"  --name NAME       name of the VM, unique among yours; default: KERNEL-PID\n"
"  --console WHERE   stdio (default), none, pty, or file:PATH\n"
"  --no-reboot       end when the guest reboots, instead of starting it again\n"
"  --exit-port PORT  I/O port; a guest's write there ends the VM, see below\n"
"  --counters        at the end, say what each virtual CPU did beside its exits\n"
"  --flat FILE       instead of a kernel: a bare program, loaded at 1000h and\n"
"                    started in real mode at 0000:1000, without firmware\n"
"  --help            show this\n"
"\n"
"In a terminal, Ctrl-A X ends the VM and Ctrl-A Ctrl-A sends one Ctrl-A; all\n"
"else, Ctrl-C too, goes to the guest.\n"
"\n"
"Exit status: 0 the guest powered off, 1 an error of vmctl or the host, 2 wrong\n"
"usage, 3 the guest crashed, 64 + (V & 63) the guest wrote V to --exit-port,\n"
"128 + N ended by signal N.\n";

static int usage_error(const char *text)
{
	if (text)
		message("%s", text);
	message("try: vmctl run --help");
	return STATUS_USAGE;
}

static int bad_value(const char *option, const char *value, const char *wanted)
{
	message("%s %s: %s", option, *value ? value : "\"\"", wanted);
	return usage_error(NULL);
}

/* A whole number at the start of @s; @end is behind it. */
static bool parse_number(const char *s, int base, unsigned long long *value, char **end)
{
	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	*value = strtoull(s, end, base);
	return !errno;
}

static bool parse_size(const char *s, uint64_t *bytes)
{
	unsigned long long n;
	unsigned int shift;
	char *end;

	if (!parse_number(s, 10, &n, &end))
		return false;
	switch (*end) {
	case 'k':
	case 'K':
		shift = 10;
		break;
	case 'm':
	case 'M':
	case '\0':
		shift = 20;
		break;
	case 'g':
	case 'G':
		shift = 30;
		break;
	default:
		return false;
	}
	if (*end && end[1])
		return false;
	if (n > MAX_MEM >> shift)
		n = MAX_MEM >> shift;	/* more than any host has, which is said later */
	*bytes = n << shift;
	return *bytes >= MIN_MEM && !(*bytes % PAGE_BYTES);
}

static bool parse_page(const char *s, unsigned long *bytes)
{
	static const struct {
		const char *name;
		unsigned long bytes;
	} pages[] = { { "4K", RAM_PAGE_4K }, { "2M", 2UL << 20 }, { "1G", 1UL << 30 } };

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		if (!strcasecmp(s, pages[i].name)) {
			*bytes = pages[i].bytes;
			return true;
		}
	}
	return false;
}

static bool parse_up_to(const char *s, int base, unsigned long max, unsigned long *value)
{
	unsigned long long n;
	char *end;

	if (!parse_number(s, base, &n, &end) || *end || n > max)
		return false;
	*value = n;
	return true;
}

static bool name_char(char c)
{
	return isalnum((unsigned char)c) || strchr("._-", c);
}

static bool parse_name(const char *s, char name[SVMM_NAME_MAX])
{
	size_t len = strlen(s);

	if (!len || len >= SVMM_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!name_char(s[i]))
			return false;
	}
	strcpy(name, s);
	return true;
}

/* The kernel's file name, as much as fits, and the process ID: unique and telling. */
static void default_name(const char *path, char name[SVMM_NAME_MAX])
{
	const char *base = strrchr(path, '/');
	char suffix[16];
	size_t len, room;

	base = base ? base + 1 : path;
	len = snprintf(suffix, sizeof(suffix), "-%d", getpid());
	room = SVMM_NAME_MAX - 1 - len;
	if (strlen(base) < room)
		room = strlen(base);
	for (size_t i = 0; i < room; i++)
		name[i] = name_char(base[i]) ? base[i] : '_';
	strcpy(name + room, suffix);
}

static int parse_option(int option, const char *value, struct run_options *o)
{
	unsigned long n;
	char why[160];

	switch (option) {
	case 'k':
		o->kernel = value;
		break;
	case 'i':
		o->initrd = value;
		break;
	case 'a':
		o->append = value;
		break;
	case 'f':
		o->flat = value;
		break;
	case 'm':
		if (!parse_size(value, &o->mem_bytes))
			return bad_value("--mem", value,
					 "not a size; give a whole number with K, M or G, 1M or more");
		break;
	case 'M':
		if (!*value)
			return bad_value("--mem-path", value, "give a file, a directory or memfd");
		o->backing.path = value;
		break;
	case 'P':
		if (!parse_page(value, &o->backing.page))
			return bad_value("--mem-pages", value, "use 4K, 2M or 1G");
		break;
	case 'F':
		o->backing.prefault = true;
		break;
	case 'G':
		o->backing.merge = true;
		break;
	case 'c':
		if (!topology_parse(value, &o->topology, why, sizeof(why)))
			return bad_value("--cpus", value, why);
		break;
	case 'p':
		if (!strcmp(value, "help")) {
			cpu_print_help();
			return STATUS_OK;
		}
		if (!cpu_parse(value, &o->cpu, why, sizeof(why)))
			return bad_value("--cpu", value, why);
		break;
	case 'n':
		if (!parse_name(value, o->name))
			return bad_value("--name", value,
					 "not a name; use 1 to 31 characters out of A-Z a-z 0-9 . _ -");
		break;
	case 'C':
		if (!console_valid(value))
			return bad_value("--console", value, "use stdio, none, pty or file:PATH");
		o->console = value;
		break;
	case 'r':
		o->no_reboot = true;
		break;
	case 'e':
		if (!parse_up_to(value, 0, 0xffff, &n))
			return bad_value("--exit-port", value, "not a port; use 0 to 0xffff");
		o->exit_port = n;
		break;
	case 's':
		o->counters = true;
		break;
	case 'h':
		fputs(help, stdout);
		return STATUS_OK;
	default:
		return usage_error(NULL);
	}
	return CLI_GO_ON;
}

static int check_together(const struct run_options *o)
{
	if (o->flat && (o->kernel || o->initrd || o->append))
		return usage_error("--flat goes without --kernel, --initrd and --append");
	if (!o->flat && !o->kernel)
		return usage_error("nothing to run; give a kernel with --kernel FILE");
	if (o->backing.path && o->backing.page && strcmp(o->backing.path, RAM_MEMFD))
		return usage_error("--mem-pages: the pages of a file are its file system's");
	if (o->backing.merge && (o->backing.path || o->backing.page > RAM_PAGE_4K))
		return usage_error("--mem-merge: only private memory by small pages is merged");
	return CLI_GO_ON;
}

int cli_parse_run(int argc, char **argv, struct run_options *o)
{
	static const struct option options[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ "initrd", required_argument, NULL, 'i' },
		{ "append", required_argument, NULL, 'a' },
		{ "mem", required_argument, NULL, 'm' },
		{ "mem-path", required_argument, NULL, 'M' },
		{ "mem-pages", required_argument, NULL, 'P' },
		{ "mem-prefault", no_argument, NULL, 'F' },
		{ "mem-merge", no_argument, NULL, 'G' },
		{ "cpus", required_argument, NULL, 'c' },
		{ "cpu", required_argument, NULL, 'p' },
		{ "name", required_argument, NULL, 'n' },
		{ "console", required_argument, NULL, 'C' },
		{ "no-reboot", no_argument, NULL, 'r' },
		{ "exit-port", required_argument, NULL, 'e' },
		{ "counters", no_argument, NULL, 's' },
		{ "flat", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int option, status;

	*o = (struct run_options) {
		.console = "stdio",
		.mem_bytes = DEFAULT_MEM,
		.topology = { .sockets = 1, .cores = 1, .threads = 1 },
		.exit_port = -1,
	};
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		status = parse_option(option, optarg, o);
		if (status != CLI_GO_ON)
			return status;
	}
	if (optind < argc)
		return bad_value("run", argv[optind], "not an option");
	status = check_together(o);
	if (status != CLI_GO_ON)
		return status;
	if (!o->append)
		o->append = DEFAULT_APPEND;
	if (!o->name[0])
		default_name(o->flat ? o->flat : o->kernel, o->name);
	return CLI_GO_ON;
}
