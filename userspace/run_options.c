// SPDX-License-Identifier: GPL-2.0
/*
 * The table of `vmctl run`'s options, and what their texts mean.  Nothing here touches the system,
 * or knows where a text is from, other than to say so when it is wrong.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "console.h"
#include "message.h"
#include "run_options.h"

#define MIN_MEM		(1ULL << 20)
#define MAX_MEM		(1ULL << 46)
#define PAGE_BYTES	4096
#define FIRMWARE_MIN_MEM (4ULL << 20)
#define DEFAULT_MEM	(256ULL << 20)
#define CONSOLES	"use stdio, none, pty, unix:PATH or file:PATH"

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

/* Always false: @text is what is wrong. */
static bool wrong(char *why, size_t room, const char *text)
{
	snprintf(why, room, "%s", text);
	return false;
}

static bool set_mem(const char *value, struct run_options *o, char *why, size_t room)
{
	return parse_size(value, &o->mem_bytes) ||
	       wrong(why, room, "not a size; give a whole number with K, M or G, 1M or more");
}

static bool set_mem_path(const char *value, struct run_options *o, char *why, size_t room)
{
	o->backing.path = value;
	return *value || wrong(why, room, "give a file, a directory or memfd");
}

static bool set_mem_pages(const char *value, struct run_options *o, char *why, size_t room)
{
	return parse_page(value, &o->backing.page) || wrong(why, room, "use 4K, 2M or 1G");
}

static bool set_cpus(const char *value, struct run_options *o, char *why, size_t room)
{
	return topology_parse(value, &o->topology, why, room);
}

static bool set_cpu(const char *value, struct run_options *o, char *why, size_t room)
{
	return cpu_parse(value, &o->cpu, why, room);
}

static bool set_name(const char *value, struct run_options *o, char *why, size_t room)
{
	return parse_name(value, o->name) ||
	       wrong(why, room, "not a name; use 1 to 31 characters out of A-Z a-z 0-9 . _ -");
}

static bool set_console(const char *value, struct run_options *o, char *why, size_t room)
{
	o->console = value;
	return console_valid(value) || wrong(why, room, CONSOLES);
}

static bool set_virtio_console(const char *value, struct run_options *o, char *why, size_t room)
{
	o->virtio_console = value;
	return console_valid(value) || wrong(why, room, CONSOLES);
}

static bool set_debug_port(const char *value, struct run_options *o, char *why, size_t room)
{
	o->debug_port = value;
	return console_valid(value) || wrong(why, room, CONSOLES);
}

static bool set_exit_port(const char *value, struct run_options *o, char *why, size_t room)
{
	unsigned long port;

	if (!parse_up_to(value, 0, 0xffff, &port))
		return wrong(why, room, "not a port; use 0 to 0xffff");
	o->exit_port = port;
	return true;
}

static bool add_disk(const char *value, struct run_options *o, char *why, size_t room)
{
	if (o->nr_disks == DISKS_MAX)
		return wrong(why, room, "a VM has at most 16 disks");
	return disk_parse(value, &o->disks[o->nr_disks], why, room) && ++o->nr_disks;
}

static bool add_net(const char *value, struct run_options *o, char *why, size_t room)
{
	if (o->nr_nets == NETS_MAX)
		return wrong(why, room, "a VM has at most 8 network cards");
	return net_parse(value, &o->nets[o->nr_nets], why, room) && ++o->nr_nets;
}

static bool add_share(const char *value, struct run_options *o, char *why, size_t room)
{
	if (o->nr_shares == SHARES_MAX)
		return wrong(why, room, "a VM has at most 4 shared directories");
	if (!share_parse(value, &o->shares[o->nr_shares], why, room))
		return false;
	for (unsigned int i = 0; i < o->nr_shares; i++) {
		if (!strcmp(o->shares[i].model.tag, o->shares[o->nr_shares].model.tag))
			return wrong(why, room, "another one has this tag; say tag=NAME");
	}
	o->nr_shares++;
	return true;
}

static bool add_serial_port(const char *value, struct run_options *o, char *why, size_t room)
{
	if (o->nr_ports == SERIAL_PORTS_MAX)
		return wrong(why, room, "a VM has at most 16 named ports");
	if (!serial_port_parse(value, &o->ports[o->nr_ports], why, room))
		return false;
	for (unsigned int i = 0; i < o->nr_ports; i++) {
		if (!strcmp(o->ports[i].name, o->ports[o->nr_ports].name))
			return wrong(why, room, "there is a port of this name already");
	}
	o->nr_ports++;
	return true;
}

static bool set_vsock(const char *value, struct run_options *o, char *why, size_t room)
{
	return vsock_parse(value, &o->cid, why, room);
}

static bool set_rng(const char *value, struct run_options *o, char *why, size_t room)
{
	return rng_parse(value, &o->rng, why, room);
}

static bool set_balloon(const char *value, struct run_options *o, char *why, size_t room)
{
	return balloon_parse(value, &o->balloon, why, room);
}

static bool set_watchdog(const char *value, struct run_options *o, char *why, size_t room)
{
	return watchdog_parse(value, &o->watchdog, why, room);
}

static bool add_module(const char *value, struct run_options *o, char *why, size_t room)
{
	if (o->nr_modules == BOOT_MODULES_MAX)
		return wrong(why, room, "a kernel has at most 32 modules");
	if (!*value || *value == ' ')
		return wrong(why, room, "give a file, and behind a space what the kernel is told");
	o->modules[o->nr_modules++] = (struct run_file) {
		.text = value, .name_bytes = strcspn(value, " "),
	};
	return true;
}

static bool set_firmware(const char *value, struct run_options *o, char *why, size_t room)
{
	return firmware_parse(value, &o->firmware, why, room);
}

static bool parse_address(const char *s, uint64_t *address)
{
	unsigned long value;

	if (!parse_up_to(s, 0, ULONG_MAX, &value))
		return false;
	*address = value;
	return true;
}

/* What is behind the last @ and no address belongs to the name. */
static bool set_flat(const char *value, struct run_options *o, char *why, size_t room)
{
	const char *at = strrchr(value, '@');

	(void)why;
	(void)room;
	o->flat = (struct run_file) { .text = value, .name_bytes = strlen(value) };
	o->flat_options.load = BOOT_FLAT;
	if (at && parse_address(at + 1, &o->flat_options.load))
		o->flat.name_bytes = at - value;
	return true;
}

static bool set_entry(const char *value, struct run_options *o, char *why, size_t room)
{
	o->has_entry = true;
	return parse_address(value, &o->flat_options.entry) ||
	       wrong(why, room, "not an address; give a number like 0x7c00");
}

static bool set_mode(const char *value, struct run_options *o, char *why, size_t room)
{
	static const char * const modes[] = {
		[FLAT_REAL] = "real", [FLAT_PROTECTED] = "protected", [FLAT_LONG] = "long",
	};

	o->has_mode = true;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!strcmp(value, modes[i])) {
			o->flat_options.mode = i;
			return true;
		}
	}
	return wrong(why, room, "use real, protected or long");
}

static bool set_gdb(const char *value, struct run_options *o, char *why, size_t room)
{
	unsigned long port;

	o->gdb = value;
	if (!strncmp(value, "unix:", 5) && value[5])
		return true;
	return (!strncmp(value, "tcp:", 4) && parse_up_to(value + 4, 10, 65535, &port) && port) ||
	       wrong(why, room, "use tcp:PORT, 1 to 65535, or unix:PATH");
}

#define AT(member)	.offset = offsetof(struct run_options, member)

const struct run_option run_option_table[] = {
	{ "kernel", OPTION_TEXT, AT(kernel) },
	{ "initrd", OPTION_TEXT, AT(initrd) },
	{ "module", OPTION_TEXT, .repeatable = true, .parse = add_module },
	{ "append", OPTION_TEXT, AT(append) },
	{ "mem", OPTION_NUMBER, .parse = set_mem },
	{ "mem-path", OPTION_TEXT, .parse = set_mem_path },
	{ "mem-pages", OPTION_TEXT, .parse = set_mem_pages },
	{ "mem-prefault", OPTION_FLAG, AT(backing.prefault) },
	{ "mem-merge", OPTION_FLAG, AT(backing.merge) },
	{ "cpus", OPTION_NUMBER, .parse = set_cpus },
	{ "cpu", OPTION_TEXT, .parse = set_cpu },
	{ "disk", OPTION_TEXT, .repeatable = true, .parse = add_disk },
	{ "net", OPTION_TEXT, .repeatable = true, .parse = add_net },
	{ "share", OPTION_TEXT, .repeatable = true, .parse = add_share },
	{ "vsock", OPTION_NUMBER, .parse = set_vsock },
	{ "virtio-console", OPTION_TEXT, .parse = set_virtio_console },
	{ "serial-port", OPTION_TEXT, .repeatable = true, .parse = add_serial_port },
	{ "rng", OPTION_MAYBE_TEXT, .parse = set_rng },
	{ "balloon", OPTION_MAYBE_TEXT, .parse = set_balloon },
	{ "watchdog", OPTION_TEXT, .parse = set_watchdog },
	{ "pvpanic", OPTION_FLAG, AT(pvpanic) },
	{ "keyboard", OPTION_FLAG, AT(keyboard) },
	{ "hpet", OPTION_FLAG, AT(hpet) },
	{ "vga", OPTION_FLAG, AT(vga) },
	{ "name", OPTION_TEXT, .parse = set_name },
	{ "console", OPTION_TEXT, .parse = set_console },
	{ "no-reboot", OPTION_FLAG, AT(no_reboot) },
	{ "no-sandbox", OPTION_FLAG, AT(no_sandbox) },
	{ "exit-port", OPTION_NUMBER, .parse = set_exit_port },
	{ "counters", OPTION_FLAG, AT(counters) },
	{ "gdb", OPTION_TEXT, .parse = set_gdb },
	{ "gdb-wait", OPTION_FLAG, AT(gdb_wait) },
	{ "last-exits", OPTION_FLAG, AT(last_exits) },
	{ "flat", OPTION_TEXT, .parse = set_flat },
	{ "entry", OPTION_NUMBER, .parse = set_entry },
	{ "mode", OPTION_TEXT, .parse = set_mode },
	{ "firmware", OPTION_TEXT, .parse = set_firmware },
	{ "debug-port", OPTION_TEXT, .parse = set_debug_port },
};

const unsigned int nr_run_options = sizeof(run_option_table) / sizeof(run_option_table[0]);

/* Settings to options */

/* Where it was said, and then what is wrong. */
static void bad_value(const struct run_setting *set, const char *why)
{
	const char *value = set->value && *set->value ? set->value : "\"\"";

	if (set->file)
		message("%s: \"%s\": %s: %s", set->file, set->option->name, value, why);
	else
		message("--%s %s: %s", set->option->name, value, why);
}

static bool apply(const struct run_setting *set, struct run_options *o)
{
	void *at = (char *)o + set->option->offset;
	char why[160];

	if (set->option->parse && !set->option->parse(set->value, o, why, sizeof(why))) {
		bad_value(set, why);
		return false;
	}
	if (set->option->type == OPTION_FLAG)
		*(bool *)at = true;
	else if (!set->option->parse)
		*(const char **)at = set->value;
	return true;
}

static bool is_stdio(const char *console)
{
	return console && !strcmp(console, "stdio");
}

/* At most one of them is vmctl's own standard input and output. */
static bool choose_consoles(struct run_options *o)
{
	unsigned int stdios = is_stdio(o->virtio_console) + is_stdio(o->debug_port);

	if (!o->console)
		o->console = o->detach || stdios ? "none" : "stdio";
	return stdios + is_stdio(o->console) <= 1;
}

/* What is to run.  Return: what is wrong with it, or NULL. */
static const char *check_program(const struct run_options *o)
{
	const char *firmware = o->firmware.name;

	if (firmware && (o->flat.text || o->kernel || o->initrd || o->append || o->nr_modules))
		return "--firmware goes without --kernel, --initrd, --module, --append and --flat: "
		       "what it starts is on a --disk";
	if (firmware && o->mem_bytes < FIRMWARE_MIN_MEM)
		return "--firmware: it needs --mem 4M or more";
	if (o->flat.text && (o->kernel || o->initrd || o->append || o->nr_modules))
		return "--flat goes without --kernel, --initrd, --module and --append";
	if (!o->flat.text && (o->has_entry || o->has_mode))
		return "--entry, --mode: they are for --flat; a kernel says itself how it starts";
	if (o->initrd && o->nr_modules == BOOT_MODULES_MAX)
		return "--initrd, --module: a kernel has at most 32 of them";
	if (!firmware && !o->flat.text && !o->kernel)
		return "nothing to run; give a kernel with --kernel FILE, or a disk with "
		       "--firmware seabios --disk FILE";
	return NULL;
}

static bool check_together(struct run_options *o)
{
	const char *bad = check_program(o);

	/* Who serves a directory has to reach the guest's memory, too. */
	if (o->nr_shares && !o->backing.path)
		o->backing.path = RAM_MEMFD;
	if (bad)
		;
	else if (o->backing.path && o->backing.page && strcmp(o->backing.path, RAM_MEMFD))
		bad = "--mem-pages: the pages of a file are its file system's";
	else if (o->backing.merge && o->nr_shares)
		bad = "--mem-merge: memory that is shared, as --share needs it, is not merged";
	else if (o->backing.merge && (o->backing.path || o->backing.page > RAM_PAGE_4K))
		bad = "--mem-merge: only private memory by small pages is merged";
	else if (o->balloon.wanted && o->balloon.model.bytes >= o->mem_bytes)
		bad = "--balloon: its size is all of --mem; leave the guest something";
	else if (o->detach && (is_stdio(o->console) || is_stdio(o->virtio_console) ||
			       is_stdio(o->debug_port)))
		bad = "--detach: there is no stdio then; vmctl console NAME has the console";
	else if (o->gdb_wait && !o->gdb)
		bad = "--gdb-wait: there is nothing to wait for without --gdb";
	else if (!choose_consoles(o))
		bad = "--console, --virtio-console, --debug-port: only one of them can be stdio";
	if (bad)
		message("%s", bad);
	return !bad;
}

bool run_options_set(struct run_options *o, struct run_settings *settings, bool detach)
{
	*o = (struct run_options) {
		.mem_bytes = DEFAULT_MEM,
		.topology = { .sockets = 1, .cores = 1, .threads = 1 },
		.exit_port = -1,
		.detach = detach,
		.settings = *settings,
	};
	*settings = (struct run_settings) { 0 };
	for (unsigned int i = 0; i < o->settings.nr; i++) {
		if (!apply(&o->settings.set[i], o))
			return false;
	}
	if (!check_together(o))
		return false;
	if (!o->has_entry)
		o->flat_options.entry = o->flat_options.load;
	if (!o->append)
		o->append = o->virtio_console ? HVC_APPEND : DEFAULT_APPEND;
	return true;
}

/* The file name, as much as fits, and the process ID: unique and telling. */
void run_options_set_name(struct run_options *o)
{
	const char *path = o->flat.text ? o->flat.text :
			   o->firmware.name ? o->firmware.name : o->kernel;
	const char *base, *end;
	char suffix[16];
	size_t len, room;

	if (o->name[0])
		return;
	end = path + (o->flat.text ? o->flat.name_bytes : strlen(path));
	base = memrchr(path, '/', end - path);
	base = base ? base + 1 : path;
	len = snprintf(suffix, sizeof(suffix), "-%d", getpid());
	room = SVMM_NAME_MAX - 1 - len;
	if ((size_t)(end - base) < room)
		room = end - base;
	for (size_t i = 0; i < room; i++)
		o->name[i] = name_char(base[i]) ? base[i] : '_';
	strcpy(o->name + room, suffix);
}
