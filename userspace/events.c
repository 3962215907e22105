// SPDX-License-Identifier: GPL-2.0
/*
 * `vmctl events`: what happens to VMs, a line each, as it happens.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "events.h"
#include "json.h"
#include "message.h"
#include "netlink.h"
#include "options.h"

static const char help[] =
"usage: vmctl events [--json] [NAME]\n"
"Follow what happens to virtual machines: created, running, paused, crashed, destroyed;\n"
"a virtual CPU that is halted for longer than the module's parameter halt_event_ms;\n"
"another hypervisor in the way. Root sees everybody's, others their own. Ctrl-C ends it.\n"
"\n"
"  --json   an object on a line for each event; {\"event\":\"lost\"} where some were lost\n";

static const char *event_name(uint32_t what)
{
	static const char * const name[] = {
		[SVMM_EVENT_CREATED] = "created",
		[SVMM_EVENT_RUNNING] = "running",
		[SVMM_EVENT_PAUSED] = "paused",
		[SVMM_EVENT_CRASHED] = "crashed",
		[SVMM_EVENT_DESTROYED] = "destroyed",
		[SVMM_EVENT_VCPU_HALTED] = "vcpu-halted",
		[SVMM_EVENT_SVME_CONFLICT] = "svme-conflict",
	};

	return what < sizeof(name) / sizeof(name[0]) ? name[what] : "unknown";
}

static void print_line(const struct vm_event *e)
{
	const time_t second = e->time_ns / 1000000000;
	char clock[16], vcpu[20] = "";

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&second));
	if (e->vcpu >= 0)
		snprintf(vcpu, sizeof(vcpu), " vCPU %d", e->vcpu);
	printf("%s.%03u  %-*s %8u  %s%s%s%s\n", clock,
	       (unsigned int)(e->time_ns / 1000000 % 1000), SVMM_NAME_MAX - 1,
	       e->name[0] ? e->name : "(host)", e->pid, event_name(e->what), vcpu,
	       e->reason[0] ? ": " : "", e->reason);
}

static void print_json(const struct vm_event *e)
{
	struct json_object *o = json_object_new_object();

	json_add_number(o, "time_ns", e->time_ns);
	json_add_text(o, "event", event_name(e->what));
	if (e->name[0]) {
		json_add_text(o, "vm", e->name);
		json_add_number(o, "vm_id", e->vm_id);
		json_add_number(o, "pid", e->pid);
		json_add_number(o, "uid", e->uid);
	}
	if (e->vcpu >= 0)
		json_add_number(o, "vcpu", e->vcpu);
	if (e->reason[0])
		json_add_text(o, "reason", e->reason);
	json_print(o, false);
}

static void print_lost(bool json)
{
	struct json_object *o;

	message("events were lost: they came faster than they were read");
	if (json) {
		o = json_object_new_object();
		json_add_text(o, "event", "lost");
		json_print(o, false);
	}
}

/* Nobody reads it any more: false. */
static bool on_event(const struct vm_event *event, void *arg)
{
	const struct show_options *options = arg;

	if (!event)
		print_lost(options->json);
	else if (options->name && event->name[0] && strcmp(options->name, event->name))
		return true;
	else if (options->json)
		print_json(event);
	else
		print_line(event);
	return flush_stdout();
}

int events_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	int status = show_parse(argc, argv, SHOW_JSON, help, &options);

	if (status != CLI_GO_ON)
		return status;
	if (options.name && !vm_name_fits(options.name))
		return STATUS_ERROR;
	vm_watch(on_event, &options);
	return STATUS_ERROR;
}
