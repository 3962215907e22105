// SPDX-License-Identifier: GPL-2.0
/*
 * `vmctl mem`.  The module says which memory it is, what of it is mapped into the guest and what
 * the guest has written; /proc/PID/smaps says what the host holds of it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "json.h"
#include "mem.h"
#include "message.h"
#include "netlink.h"
#include "options.h"

#define PAGE_BYTES	4096
#define BACKING_MAX	4096

static const char help[] =
"usage: vmctl mem [--interval SECONDS] [--json] NAME\n"
"Show a VM's memory: what it is made of, how much of it the host holds, in memory\n"
"and in swap, by pages of which sizes it is mapped into the guest, and how much\n"
"of it the guest writes within an interval.\n"
"\n"
"  --interval SECONDS   up to 3600, with fractions; default: 1; 0: do not measure\n"
"  --json               an object; what is not known is left out\n";

/* What the host has of some memory, in bytes. */
struct resident {
	uint64_t rss, swap, huge;
	uint64_t page;			/* size of the mapping's pages */
	char what[BACKING_MAX];		/* file name, printable; empty: anonymous */
};

static bool in_slots(const struct vm_info *vm, uint64_t start, uint64_t end)
{
	for (unsigned int i = 0; i < vm->nr_slots; i++) {
		const struct vm_slot *s = &vm->slots[i];

		if (s->user_addr && start < s->user_addr + s->bytes && s->user_addr < end)
			return true;
	}
	return false;
}

/* Where the memory is, is not for everybody to know. */
static bool addresses_known(const struct vm_info *vm)
{
	for (unsigned int i = 0; i < vm->nr_slots; i++)
		if (!vm->slots[i].user_addr)
			return false;
	return true;
}

/* The VM's owner has chosen the name: it must not get at root's terminal, nor spoil JSON. */
static void set_backing(struct resident *r, const char *name)
{
	snprintf(r->what, sizeof(r->what), "%s", name);
	for (char *c = r->what; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
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
	char path[64], *line = NULL;
	unsigned long start, end;
	bool ours = false;
	size_t room = 0;
	int name;
	FILE *f;

	memset(r, 0, sizeof(*r));
	if (!addresses_known(vm)) {
		message("%s: only its owner and CAP_SYS_PTRACE are told where its memory is; what "
			"the host has of it cannot be told", vm->name);
		return false;
	}
	snprintf(path, sizeof(path), "/proc/%u/smaps", vm->pid);
	f = fopen(path, "re");
	if (!f) {
		message("%s: %s; what the host has of the memory cannot be told", path,
			strerror(errno));
		return false;
	}
	/* Lines as long as they are: the rest of one would be taken for the next. */
	while (getline(&line, &room, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		name = 0;
		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &start, &end, &name) == 2) {
			ours = in_slots(vm, start, end);
			if (ours && line[name] == '/')
				set_backing(r, line + name);
		} else if (ours) {
			smaps_number(line, r);
		}
	}
	free(line);
	fclose(f);
	return true;
}

static void print_resident(const struct resident *r)
{
	char a[16], b[16];

	printf("backing    %s, pages of %s\n", r->what[0] ? r->what : "anonymous memory",
	       show_bytes(r->page, a));
	printf("resident   %s, of it %s in huge pages\n", show_bytes(r->rss, a),
	       show_bytes(r->huge, b));
	printf("swapped    %s\n", show_bytes(r->swap, a));
}

static void print_mapped(const struct vm_info *vm)
{
	uint64_t bytes = 0;
	char a[16], b[16];

	for (int i = 0; i < 3; i++)
		bytes += vm->leaves[i] << (12 + 9 * i);
	printf("mapped     %s: %lu pages of 4K, %lu of 2M, %lu of 1G; page tables of %s\n",
	       show_bytes(bytes, a), vm->leaves[0], vm->leaves[1], vm->leaves[2],
	       show_bytes(vm->tables * PAGE_BYTES, b));
}

/* What was written in an interval is known from two questions; the second one's rest is shown. */
static bool measure(const char *name, double interval, struct vm_info *vm, double *took)
{
	double began;

	if (!interval)
		return vm_memory(name, false, vm);
	if (!vm_memory(name, true, vm))
		return false;
	began = now_seconds();
	usleep(interval * 1e6);
	if (!vm_memory(name, true, vm))
		return false;
	*took = now_seconds() - began;
	return true;
}

static void print_json(const struct vm_info *vm, const struct resident *r, double took)
{
	struct json_object *o = json_object_new_object();

	json_add_text(o, "vm", vm->name);
	json_add_number(o, "pid", vm->pid);
	json_add_number(o, "memory_bytes", vm->memory);
	json_add_number(o, "slots", vm->nr_slots);
	if (r) {
		json_add_text(o, "backing", r->what[0] ? r->what : "anonymous");
		json_add_number(o, "backing_page_bytes", r->page);
		json_add_number(o, "resident_bytes", r->rss);
		json_add_number(o, "huge_bytes", r->huge);
		json_add_number(o, "swapped_bytes", r->swap);
	}
	json_add_number(o, "npt_4k_pages", vm->leaves[0]);
	json_add_number(o, "npt_2m_pages", vm->leaves[1]);
	json_add_number(o, "npt_1g_pages", vm->leaves[2]);
	json_add_number(o, "npt_table_bytes", vm->tables * PAGE_BYTES);
	if (took) {
		json_add_number(o, "written_bytes", vm->dirty);
		json_add_number(o, "interval_ns", took * 1e9);
	}
	json_print(o, true);
}

static void print_text(const struct vm_info *vm, const struct resident *r, double took)
{
	char text[16];

	printf("memory     %s in %u slot%s\n", show_bytes(vm->memory, text), vm->nr_slots,
	       vm->nr_slots == 1 ? "" : "s");
	if (r)
		print_resident(r);
	print_mapped(vm);
	if (took)
		printf("written    %s in %.1f s\n", show_bytes(vm->dirty, text), took);
}

static int show(const struct show_options *options)
{
	struct vm_info *vm = malloc(sizeof(*vm));
	int status = STATUS_ERROR;
	struct resident r;
	double took = 0;

	if (!vm) {
		message("out of memory");
		return STATUS_ERROR;
	}
	if (measure(options->name, options->interval, vm, &took)) {
		if (read_resident(vm, &r))
			status = STATUS_OK;
		(options->json ? print_json : print_text)(vm, status ? NULL : &r, took);
	}
	free(vm);
	return status;
}

int mem_command(int argc, char **argv)
{
	struct show_options options = { .interval = 1 };
	int status = show_parse(argc, argv, SHOW_INTERVAL | SHOW_JSON | SHOW_ONE_VM, help,
				&options);

	return status == CLI_GO_ON ? show(&options) : status;
}
