// SPDX-License-Identifier: GPL-2.0
/*
 * `vmctl mem`.  The module says which memory it is, what of it is mapped into the guest and what
 * the guest has written; /proc/PID/smaps says what the host holds of it.
 */
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "mem.h"
#include "message.h"
#include "netlink.h"

#define PAGE_BYTES	4096
#define MAX_INTERVAL_S	3600.0

static const char help[] =
"usage: vmctl mem [--interval SECONDS] NAME\n"
"Show a VM's memory: what it is made of, how much of it the host holds, in memory\n"
"and in swap, by pages of which sizes it is mapped into the guest, and how much\n"
"of it the guest writes within an interval (1 second; 0: do not measure).\n";

/* What the host has of some memory, in bytes. */
struct resident {
	uint64_t rss, swap, huge;
	uint64_t page;			/* size of the mapping's pages */
	char what[256];			/* file name; empty: anonymous */
};

/* "K", "M" or "G" with one decimal, where that is less than exact. */
static const char *size(uint64_t bytes, char text[16])
{
	static const char unit[] = "KMGT";
	double n = bytes / 1024.0;
	unsigned int i = 0;

	for (; n >= 1024 && i < 3; i++)
		n /= 1024;
	snprintf(text, 16, n == (uint64_t)n ? "%.0f%c" : "%.1f%c", n, unit[i]);
	return text;
}

static bool in_slots(const struct vm_info *vm, uint64_t start, uint64_t end)
{
	for (unsigned int i = 0; i < vm->nr_slots; i++) {
		const struct vm_slot *s = &vm->slots[i];

		if (start < s->user_addr + s->bytes && s->user_addr < end)
			return true;
	}
	return false;
}

/* One number of smaps, "Rss:   12 kB". */
static void smaps_number(const char *line, struct resident *r)
{
	char key[32];
	unsigned long kb;

	if (sscanf(line, "%31[A-Za-z_]: %lu kB", key, &kb) != 2)
		return;
	if (!strcmp(key, "KernelPageSize"))
		r->page = kb << 10;
	else if (!strcmp(key, "Rss") || !strcmp(key, "Shared_Hugetlb") ||
		 !strcmp(key, "Private_Hugetlb"))
		r->rss += kb << 10;
	else if (!strcmp(key, "Swap"))
		r->swap += kb << 10;
	if (!strcmp(key, "AnonHugePages") || !strcmp(key, "ShmemPmdMapped") ||
	    !strcmp(key, "FilePmdMapped") || !strcmp(key, "Shared_Hugetlb") ||
	    !strcmp(key, "Private_Hugetlb"))
		r->huge += kb << 10;
}

/* False after a message. */
static bool read_resident(const struct vm_info *vm, struct resident *r)
{
	char path[64], line[4200], name[256];
	unsigned long start, end;
	bool ours = false;
	FILE *f;

	memset(r, 0, sizeof(*r));
	snprintf(path, sizeof(path), "/proc/%u/smaps", vm->pid);
	f = fopen(path, "re");
	if (!f) {
		message("%s: %s; what the host has of the memory cannot be told", path,
			strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), f)) {
		name[0] = '\0';
		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %255[^\n]", &start, &end, name) >= 2) {
			ours = in_slots(vm, start, end);
			if (ours && name[0] == '/')
				strcpy(r->what, name);
		} else if (ours) {
			smaps_number(line, r);
		}
	}
	fclose(f);
	return true;
}

static void print_resident(const struct resident *r)
{
	char a[16], b[16];

	printf("backing    %s, pages of %s\n", r->what[0] ? r->what : "anonymous memory",
	       size(r->page, a));
	printf("resident   %s, of it %s in huge pages\n", size(r->rss, a), size(r->huge, b));
	printf("swapped    %s\n", size(r->swap, a));
}

static void print_mapped(const struct vm_info *vm)
{
	uint64_t bytes = 0;
	char a[16], b[16];

	for (int i = 0; i < 3; i++)
		bytes += vm->leaves[i] << (12 + 9 * i);
	printf("mapped     %s: %lu pages of 4K, %lu of 2M, %lu of 1G; page tables of %s\n",
	       size(bytes, a), vm->leaves[0], vm->leaves[1], vm->leaves[2],
	       size(vm->tables * PAGE_BYTES, b));
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* What was written in an interval is known from two questions; the second one's rest is shown. */
static bool measure(const char *name, double interval, struct vm_info *vm, double *took)
{
	double began;

	if (!interval)
		return vm_memory(name, false, vm);
	if (!vm_memory(name, true, vm))
		return false;
	began = seconds();
	usleep(interval * 1e6);
	if (!vm_memory(name, true, vm))
		return false;
	*took = seconds() - began;
	return true;
}

static int show(const char *name, double interval)
{
	struct vm_info *vm = malloc(sizeof(*vm));
	int status = STATUS_ERROR;
	uint64_t bytes = 0;
	struct resident r;
	double took = 0;
	char text[16];

	if (!vm) {
		message("out of memory");
		return STATUS_ERROR;
	}
	if (measure(name, interval, vm, &took)) {
		for (unsigned int i = 0; i < vm->nr_slots; i++)
			bytes += vm->slots[i].bytes;
		printf("memory     %s in %u slot%s\n", size(bytes, text), vm->nr_slots,
		       vm->nr_slots == 1 ? "" : "s");
		status = STATUS_OK;
		if (read_resident(vm, &r))
			print_resident(&r);
		else
			status = STATUS_ERROR;
		print_mapped(vm);
		if (interval)
			printf("written    %s in %.1f s\n", size(vm->dirty, text), took);
	}
	free(vm);
	return status;
}

static int usage_error(const char *text)
{
	if (text)
		message("%s", text);
	message("try: vmctl mem --help");
	return STATUS_USAGE;
}

int mem_command(int argc, char **argv)
{
	static const struct option options[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	double interval = 1;
	int option;
	char *end;

	argv[0] = (char *)"vmctl";	/* getopt starts its messages with it */
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'i':
			interval = strtod(optarg, &end);
			if (end == optarg || *end || !(interval >= 0 && interval <= MAX_INTERVAL_S))
				return usage_error("--interval: give seconds, 0 to 3600");
			break;
		case 'h':
			fputs(help, stdout);
			return STATUS_OK;
		default:
			return usage_error(NULL);
		}
	}
	if (optind == argc)
		return usage_error("mem: of which VM? vmctl list shows their names");
	if (optind + 1 < argc)
		return usage_error("mem: of one VM at a time");
	return show(argv[optind], interval);
}
