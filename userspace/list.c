// SPDX-License-Identifier: GPL-2.0
/*
 * `vmctl list`: what netlink.h tells of each VM, as a table or as JSON.
 */
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "cpu_models.h"
#include "json.h"
#include "list.h"
#include "message.h"
#include "netlink.h"
#include "options.h"
#include "run_dir.h"

static const char help[] =
"usage: vmctl list [--json]\n"
"List the virtual machines that run: root's view has everybody's, others see their own.\n"
"What killed ones have left of control sockets is removed.\n"
"\n"
"  --json   an array of objects; it may be empty\n";

#define PV_FEATURES_LEAF	0x40000001

struct listing {
	unsigned int n;
	struct json_object *json;	/* or NULL */
};

static const char *state_name(uint32_t state)
{
	static const char * const name[] = {
		[SVMM_VM_CREATED] = "created",
		[SVMM_VM_RUNNING] = "running",
		[SVMM_VM_PAUSED] = "paused",
		[SVMM_VM_CRASHED] = "crashed",
	};

	return state < sizeof(name) / sizeof(name[0]) ? name[state] : "?";
}

static void print_vm(const struct vm_info *vm, struct listing *l)
{
	const struct passwd *user = getpwuid(vm->uid);
	char text[16];

	if (!l->n++)
		printf("%-31s %8s %5s %8s  %-8s  %s\n", "NAME", "PID", "VCPUS", "MEMORY", "STATE",
		       "USER");
	printf("%-31s %8u %5u %8s  %-8s  ", vm->name, vm->pid, vm->vcpus,
	       show_bytes(vm->memory, text), state_name(vm->state));
	if (user)
		printf("%s\n", user->pw_name);
	else
		printf("%u\n", vm->uid);
}

static void add_vm(const struct vm_info *vm, struct listing *l)
{
	struct json_object *o = json_object_new_object(), *features = json_object_new_array();

	json_add_text(o, "vm", vm->name);
	json_add_number(o, "vm_id", vm->vm_id);
	json_add_number(o, "pid", vm->pid);
	json_add_number(o, "uid", vm->uid);
	json_add_number(o, "vcpus", vm->vcpus);
	json_add_number(o, "memory_bytes", vm->memory);
	json_add_text(o, "state", state_name(vm->state));
	for (unsigned int i = 0; i < cpu_nr_flags; i++)
		if (cpu_flags[i].function == PV_FEATURES_LEAF &&
		    (vm->pv_features & cpu_flags[i].mask) == cpu_flags[i].mask)
			json_object_array_add(features, json_object_new_string(cpu_flags[i].name));
	json_object_object_add(o, "pv_features", features);
	json_object_array_add(l->json, o);
}

static void on_vm(const struct vm_info *vm, void *arg)
{
	struct listing *l = arg;

	if (l->json)
		add_vm(vm, l);
	else
		print_vm(vm, l);
}

/* The list is the kernel's; a socket that nobody listens at belongs to nothing in it. */
static void clean_run_dir(void)
{
	char why[256];
	int dir = run_dir_open(geteuid(), false, why, sizeof(why));

	if (dir < 0)
		return;
	run_dir_clean(dir);
	close(dir);
}

int list_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	struct listing l = { 0 };
	int status = show_parse(argc, argv, SHOW_JSON | SHOW_ALL_VMS, help, &options);

	if (status != CLI_GO_ON)
		return status;
	clean_run_dir();
	if (options.json)
		l.json = json_object_new_array();
	if (!vm_list(on_vm, &l)) {
		json_object_put(l.json);
		return STATUS_ERROR;
	}
	if (l.json)
		json_print(l.json, true);
	else if (!l.n)
		message("no VM runs, or none that you may see");
	return STATUS_OK;
}
