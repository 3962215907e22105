// SPDX-License-Identifier: GPL-2.0
/*
 * `vmctl stat`: a line for each vCPU.
 */
#include <stdio.h>
#include <string.h>

#include "accounts.h"
#include "cli.h"
#include "message.h"
#include "json.h"
#include "options.h"
#include "stat.h"
#include "../uapi/svmm_netlink.h"

#define NAME_WIDTH	24

static const char help[] =
"usage: vmctl stat [--interval SECONDS] [--json] [NAME]\n"
"Show what each virtual CPU is at, how often it left its guest, and the shares of\n"
"its time: in the guest; between guest and host, there and back; in the kernel's\n"
"and in user space's handling of exits; halted; stopped by user space; and waiting\n"
"for a CPU. Of all your VMs (as root: of all), or one.\n"
"\n"
"  --interval SECONDS   within that time from now, up to 3600, with fractions;\n"
"                       0, the default: since each virtual CPU first ran\n"
"  --json               an array of objects; it may be empty\n";

/* Of the column of names: room for the longest one, and no less than usual. */
static int name_width(const struct accounts *accounts)
{
	size_t width = NAME_WIDTH;

	for (unsigned int i = 0; i < accounts->nr; i++)
		if (strlen(accounts->vcpu[i].name) > width)
			width = strlen(accounts->vcpu[i].name);
	return width;
}

static void print_table(const struct accounts *accounts)
{
	const int width = name_width(accounts);

	printf("%-*s %4s %-8s %12s %10s %6s %6s %6s %6s %6s %6s %6s\n", width, "VM", "VCPU",
	       "STATE", "EXITS", "PER-SEC", "GUEST%", "SWTCH%", "KERN%", "USER%", "HALT%", "STOP%",
	       "WAIT%");
	for (unsigned int i = 0; i < accounts->nr; i++) {
		const struct vcpu_accounts *vcpu = &accounts->vcpu[i];
		struct vcpu_times l = accounts_times(vcpu);
		double per = l.wall ? 100 / l.wall : 0;

		printf("%-*s %4u %-8s %12lu %10.0f %6.1f %6.1f %6.1f %6.1f %6.1f %6.1f %6.1f\n",
		       width, vcpu->name, vcpu->id, vcpu_state_name(vcpu->state), l.exits,
		       l.wall ? l.exits * 1e9 / l.wall : 0, l.phase[SVMM_PHASE_GUEST] * per,
		       l.phase[SVMM_PHASE_SWITCH] * per, l.phase[SVMM_PHASE_KERNEL] * per,
		       l.phase[SVMM_PHASE_USER] * per, l.halted * per, l.stopped * per,
		       l.preempted * per);
	}
}

static void print_json(const struct accounts *accounts)
{
	struct json_object *all = json_object_new_array(), *o;

	for (unsigned int i = 0; i < accounts->nr; i++) {
		const struct vcpu_accounts *vcpu = &accounts->vcpu[i];
		struct vcpu_times l = accounts_times(vcpu);

		o = json_object_new_object();
		json_add_text(o, "vm", vcpu->name);
		json_add_number(o, "vm_id", vcpu->vm_id);
		json_add_number(o, "pid", vcpu->pid);
		json_add_number(o, "vcpu", vcpu->id);
		json_add_text(o, "state", vcpu_state_name(vcpu->state));
		json_add_number(o, "exits", l.exits);
		json_add_number(o, "exits_to_user", vcpu->stats.to_user);
		json_add_number(o, "wall_ns", l.wall);
		json_add_number(o, "guest_ns", l.phase[SVMM_PHASE_GUEST]);
		json_add_number(o, "switch_ns", l.phase[SVMM_PHASE_SWITCH]);
		json_add_number(o, "kernel_ns", l.phase[SVMM_PHASE_KERNEL]);
		json_add_number(o, "user_ns", l.phase[SVMM_PHASE_USER]);
		json_add_number(o, "halted_ns", l.halted);
		json_add_number(o, "stopped_ns", l.stopped);
		json_add_number(o, "preempted_ns", l.preempted);
		json_object_array_add(all, o);
	}
	json_print(all, true);
}

int stat_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	struct accounts accounts;
	int status = show_parse(argc, argv, SHOW_INTERVAL | SHOW_JSON, help, &options);

	if (status != CLI_GO_ON)
		return status;
	status = STATUS_ERROR;
	if (accounts_read(options.name, false, options.interval, &accounts)) {
		if (options.json)
			print_json(&accounts);
		else if (accounts.nr)
			print_table(&accounts);
		else if (options.name)
			message("%s has no virtual CPU yet", options.name);
		else
			message("no VM runs, or none that you may see");
		status = STATUS_OK;
	}
	accounts_free(&accounts);
	return status;
}
