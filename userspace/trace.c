// SPDX-License-Identifier: GPL-2.0
/*
 * `vmctl trace`: lines of the kernel's trace of one VM, which tracing.h reads, as they are or as
 * JSON.
 */
#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "message.h"
#include "netlink.h"
#include "options.h"
#include "trace.h"
#include "tracing.h"

static const char help[] =
"usage: vmctl trace [--json] NAME\n"
"Print what a VM's virtual CPUs leave the guest for, and what becomes of it, as it happens: the\n"
"module's tracepoints, decoded. As root; Ctrl-C ends it, and so does the end of the VM's process.\n"
"\n"
"  --json   an object on a line for each\n";

static void print_json(const struct trace_line *line)
{
	struct json_object *o = json_object_new_object();
	char time[32];

	/* As many digits as the kernel has given. */
	snprintf(time, sizeof(time), "%.6f", line->time);
	json_object_object_add(o, "time_s", json_object_new_double_s(line->time, time));
	json_add_number(o, "cpu", line->cpu);
	if (line->vcpu >= 0)
		json_add_number(o, "vcpu", line->vcpu);
	json_add_text(o, "event", line->event);
	json_add_text(o, "fields", line->text);
	json_print(o, false);
}

static void print_text(const struct trace_line *line)
{
	char vcpu[16] = "";

	if (line->vcpu >= 0)
		snprintf(vcpu, sizeof(vcpu), "vCPU %d", line->vcpu);
	printf("%14.6f  %-8s %-14s %s\n", line->time, vcpu, line->event, line->text);
}

/* A reader that has seen enough, and Ctrl-C while it does not read, are no errors. */
static int output_status(int error)
{
	__fpurge(stdout);
	if (error == EPIPE || error == EINTR)
		return STATUS_OK;
	message("cannot write to stdout: %s", strerror(error));
	return STATUS_ERROR;
}

/* Return: the exit status. */
static int follow(struct tracing *t, const struct show_options *options)
{
	enum tracing_result result;
	struct trace_line line;

	do {
		result = tracing_next(t, 0, &line);
		/* Nothing is left to print: now is the time to show it, and to wait. */
		if (result == TRACING_OVER)
			result = fflush(stdout) ? TRACING_OVER : tracing_next(t, INFINITY, &line);
		if (result == TRACING_LINE)
			(options->json ? print_json : print_text)(&line);
		if (ferror(stdout))
			return output_status(errno);
	} while (result == TRACING_LINE);
	if (result == TRACING_ENDED)
		message("%s: its process has ended", options->name);
	return result == TRACING_FAILED ? STATUS_ERROR : STATUS_OK;
}

int trace_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	static struct vm_info vm;
	struct tracing *t;
	int status = show_parse(argc, argv, SHOW_JSON | SHOW_ONE_VM, help, &options);

	if (status != CLI_GO_ON)
		return status;
	if (!vm_find(options.name, &vm))
		return STATUS_ERROR;
	t = tracing_open(vm.pid, NULL, NULL);
	if (!t)
		return STATUS_ERROR;
	status = follow(t, &options);
	if (tracing_lost(t))
		message("%lu events were lost: they came faster than they were read",
			tracing_lost(t));
	tracing_close(t);
	return status;
}
