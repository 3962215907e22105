// SPDX-License-Identifier: GPL-2.0
/*
 * `vmctl profile`.  The tracepoint of exits tells where the guest was.  An exit for an interrupt of
 * the host is a sample of time: a timer interrupts the VM's threads as often as asked for, and the
 * guest leaves for that.  The others are samples of what the guest leaves for.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../uapi/svmm_exits.h"
#include "cli.h"
#include "flame.h"
#include "json.h"
#include "message.h"
#include "netlink.h"
#include "options.h"
#include "profile.h"
#include "progress.h"
#include "svg.h"
#include "symbols.h"
#include "tracing.h"

#define MAX_SECONDS	3600.0
#define MAX_RATE	10000
#define DEFAULT_RATE	1000
#define TOP		20	/* lines of the table */
#define MAX_THREADS	256
#define LOOK_UP_S	0.1	/* to show how much of the time is over */

/* Where a 64-bit Linux has its modules, and what its BPF programs were made into. */
#define MODULES		0xffffffffc0000000UL
#define MODULES_END	0xffffffffff000000UL

static const char help[] =
"usage: vmctl profile [OPTION ...] NAME [-- SECONDS]\n"
"Show where a guest spends its time: a timer interrupts its virtual CPUs, and what they were at is\n"
"counted. For 10 seconds, unless told otherwise (0.1 to 3600). As root.\n"
"\n"
"  --exits         instead, where it leaves the guest; with --svg and --json by reasons, too\n"
"  --symbols FILE  names for the addresses: the guest's System.map, vmlinux, or a copy of its\n"
"                  /proc/kallsyms, which all but a vmlinux may come through a pipe\n"
"  --offset N      what KASLR has moved its kernel by (not needed with kallsyms, nor with the\n"
"                  guest's option nokaslr)\n"
"  --rate HZ       samples a second, 1 to 10000; default: 1000\n"
"  --svg FILE      a flame graph, too\n"
"  --json          print all of it as JSON\n";

struct profile {
	const char *name, *svg, *symbols_path;
	uint64_t offset;
	double seconds;
	unsigned int rate;
	bool exits, json;
	struct symbols *symbols;
	struct flame root;		/* vCPU, reason or mode, function */
	struct flame flat;		/* functions alone */
	int timers[MAX_THREADS];
	unsigned int nr_timers;
};

static void explain_timer(const struct profile *p, int error)
{
	if (error == EINVAL)
		message("--rate %u: the host allows fewer samples a second; see sysctl "
			"kernel.perf_event_max_sample_rate", p->rate);
	else if (error == EACCES || error == EPERM)
		message("perf_event_open: %s; it takes root, or CAP_PERFMON", strerror(error));
	else
		message("perf_event_open: %s", strerror(error));
}

/* The host interrupts each thread of the VM's process, while it runs.  False after a message. */
static bool start_timers(struct profile *p, uint32_t pid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_freq = p->rate,
		.freq = 1,
	};
	struct dirent *entry;
	char path[32];
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || p->nr_timers == MAX_THREADS)
			continue;
		fd = syscall(SYS_perf_event_open, &attr, atoi(entry->d_name), -1, -1,
			     PERF_FLAG_FD_CLOEXEC);
		if (fd < 0 && errno != ESRCH) {
			explain_timer(p, errno);
			closedir(dir);
			return false;
		}
		if (fd >= 0)
			p->timers[p->nr_timers++] = fd;
	}
	if (dir)
		closedir(dir);
	if (!p->nr_timers)
		message("%s: its process has ended", p->name);
	return p->nr_timers;
}

static void stop_timers(struct profile *p)
{
	while (p->nr_timers)
		close(p->timers[--p->nr_timers]);
}

/* What an address is shown as; @text has room for it. */
static const char *label(const struct profile *p, uint64_t rip, char text[32])
{
	const char *function = symbols_name(p->symbols, rip);

	if (function)
		return function;
	if (!(rip >> 63))
		return "[user space]";
	/* With symbols one wants functions; a module's addresses would be a line each. */
	if (p->symbols && rip >= MODULES && rip < MODULES_END)
		return "[module]";
	snprintf(text, 32, "%#lx", rip);
	return text;
}

/* False without memory. */
static bool count(struct profile *p, const struct trace_line *line)
{
	const char *function, *frames[3];
	char reason[32], vcpu[16], address[32];
	unsigned long rip;
	bool timer;

	if (sscanf(line->text, "reason %31s rip %lx", reason, &rip) != 2)
		return true;
	timer = !strcmp(reason, "INTR");
	if (timer == p->exits)
		return true;
	function = label(p, rip, address);
	snprintf(vcpu, sizeof(vcpu), "vCPU %d", line->vcpu);
	frames[0] = vcpu;
	frames[1] = timer ? rip >> 63 ? "kernel" : "user" : reason;
	frames[2] = function;
	return flame_add(&p->root, frames, 3) && flame_add(&p->flat, &function, 1);
}

static void print_table(const struct profile *p, uint64_t lost)
{
	uint64_t all = p->flat.samples;

	printf("%s: %lu %s in %.1f s\n\n", p->name, all, p->exits ? "exits" : "samples",
	       p->seconds);
	if (all)
		printf("%10s %7s  %s\n", p->exits ? "EXITS" : "SAMPLES", "SHARE", "FUNCTION");
	for (unsigned int i = 0; i < p->flat.nr_children && i < TOP; i++)
		printf("%10lu %6.2f%%  %s\n", p->flat.child[i].samples,
		       (double)p->flat.child[i].samples / all * 100, p->flat.child[i].name);
	if (p->flat.nr_children > TOP)
		printf("and %u more\n", p->flat.nr_children - TOP);
	if (lost)
		message("%lu exits were lost: they came faster than they were read", lost);
}

static struct json_object *json_frames(const struct flame *f)
{
	struct json_object *o = json_object_new_object(), *children;

	json_add_text(o, "name", f->name);
	json_add_number(o, "samples", f->samples);
	if (f->nr_children) {
		children = json_object_new_array();
		for (unsigned int i = 0; i < f->nr_children; i++)
			json_object_array_add(children, json_frames(&f->child[i]));
		json_object_object_add(o, "children", children);
	}
	return o;
}

static void print_json(const struct profile *p, uint64_t lost)
{
	struct json_object *o = json_frames(&p->root);

	json_add_number(o, "lost", lost);
	json_add_number(o, "duration_ns", p->seconds * 1e9);
	json_print(o, true);
}

static bool draw(const struct profile *p)
{
	char title[128];

	snprintf(title, sizeof(title), "%s: %s, %lu samples in %.1f s", p->name,
		 p->exits ? "where it leaves the guest" : "where the guest spends its time",
		 p->root.samples, p->seconds);
	return flame_draw(&p->root, p->svg, title);
}

/* Until the time is over, or the VM's process.  False after a message. */
static bool gather(struct profile *p, struct tracing *t)
{
	double begun = now_seconds(), ends = begun + p->seconds, now = begun, until;
	enum tracing_result result;
	struct progress progress;
	struct trace_line line;
	bool ok = true;

	progress_start(&progress, p->exits ? "taking exits" : "taking samples", p->seconds * 1e3);
	do {
		until = now + LOOK_UP_S < ends ? now + LOOK_UP_S : ends;
		result = tracing_next(t, until, &line);
		if (result == TRACING_LINE)
			ok = count(p, &line);
		now = now_seconds();
		progress_done(&progress, (now - begun) * 1e3);
		/* One that is over before its time was ended by a signal. */
	} while (ok && (result == TRACING_LINE ||
			(result == TRACING_OVER && now >= until && until < ends)));
	progress_end(&progress);
	if (!ok) {
		message("out of memory");
		return false;
	}
	p->seconds = now - begun;
	if (result == TRACING_ENDED)
		message("%s: its process has ended; this is what it did until then", p->name);
	return result != TRACING_FAILED;
}

/* Return: the exit status. */
static int sample(struct profile *p, uint32_t pid)
{
	struct tracing *t;
	char filter[32];
	uint64_t lost;
	bool ok;

	/* The kernel drops the others: there may be a million a second. */
	snprintf(filter, sizeof(filter), "exit_reason %s %d", p->exits ? "!=" : "==",
		 SVM_EXIT_INTR);
	t = tracing_open(pid, "svmm_exit", filter);
	if (!t)
		return STATUS_ERROR;
	ok = (p->exits || start_timers(p, pid)) && gather(p, t);
	stop_timers(p);
	lost = tracing_lost(t);
	tracing_close(t);
	if (!ok)
		return STATUS_ERROR;
	flame_sort(&p->root);
	flame_sort(&p->flat);
	(p->json ? print_json : print_table)(p, lost);
	return !p->svg || draw(p) ? STATUS_OK : STATUS_ERROR;
}

static int usage_error(void)
{
	message("try: vmctl profile --help");
	return STATUS_USAGE;
}

/* A number of the whole text, from @low to @high; or false. */
static bool number(const char *text, double low, double high, double *value)
{
	char *end;

	*value = strtod(text, &end);
	return end != text && !*end && *value >= low && *value <= high;
}

static int parse(int argc, char **argv, struct profile *p)
{
	static const struct option known[] = {
		{ "exits", no_argument, NULL, 'e' },
		{ "symbols", required_argument, NULL, 'y' },
		{ "offset", required_argument, NULL, 'o' },
		{ "rate", required_argument, NULL, 'r' },
		{ "svg", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	double value;
	int option;
	char *end;

	argv[0] = (char *)"vmctl";	/* getopt starts its messages with it */
	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (option) {
		case 'e':
			p->exits = true;
			break;
		case 'y':
			p->symbols_path = optarg;
			break;
		case 'o':
			errno = 0;
			p->offset = strtoull(optarg, &end, 0);
			if (end == optarg || *end || errno) {
				message("--offset: give a number, such as 0x1a000000");
				return usage_error();
			}
			break;
		case 'r':
			if (!number(optarg, 1, MAX_RATE, &value) || value != (int)value) {
				message("--rate: give samples a second, a whole number, 1 to %d",
					MAX_RATE);
				return usage_error();
			}
			p->rate = value;
			break;
		case 's':
			p->svg = optarg;
			break;
		case 'j':
			p->json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return usage_error();
		}
	}
	if (optind == argc) {
		message("profile: of which VM? vmctl list shows their names");
		return usage_error();
	}
	p->name = argv[optind++];
	if (optind < argc && !number(argv[optind++], 0.1, MAX_SECONDS, &p->seconds)) {
		message("profile: %s: give seconds, 0.1 to 3600", argv[optind - 1]);
		return usage_error();
	}
	if (optind < argc) {
		message("profile: %s: what is that? give one name, and seconds", argv[optind]);
		return usage_error();
	}
	if (p->exits && p->rate) {
		message("profile: --rate is the timer's, which --exits does not use");
		return usage_error();
	}
	if (p->offset && !p->symbols_path) {
		message("profile: --offset is of --symbols");
		return usage_error();
	}
	if (!p->rate)
		p->rate = DEFAULT_RATE;
	return CLI_GO_ON;
}

int profile_command(int argc, char **argv)
{
	struct profile p = { .seconds = 10 };
	static struct vm_info vm;
	int status = parse(argc, argv, &p);

	if (status != CLI_GO_ON)
		return status;
	if (p.symbols_path) {
		p.symbols = symbols_read(p.symbols_path, p.offset);
		if (!p.symbols)
			return STATUS_ERROR;
	}
	if (p.svg && !svg_possible(p.svg)) {
		symbols_free(p.symbols);
		return STATUS_ERROR;
	}
	p.root.name = (char *)p.name;
	progress_allow();
	status = vm_find(p.name, &vm) ? sample(&p, vm.pid) : STATUS_ERROR;
	flame_free(&p.root);
	flame_free(&p.flat);
	symbols_free(p.symbols);
	return status;
}
