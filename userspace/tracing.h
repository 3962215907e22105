/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's tracepoints, as tracefs gives them: an instance of one's own, with the events of one
 * VM, so that no other user of tracing is disturbed, and gone with whoever made it.  The lines have
 * the names of tasks in them, which any task may choose: nothing of those is believed or shown.
 */
#ifndef VMCTL_TRACING_H
#define VMCTL_TRACING_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct tracing;

/* One event.  Texts belong to the line that was read, and end with the next. */
struct trace_line {
	double time;		/* seconds, of the host's CLOCK_MONOTONIC */
	unsigned int cpu;	/* of the host */
	int vcpu;		/* -1: of none */
	char *event;		/* without "svmm_" */
	char *text;		/* its fields, as module/trace.h prints them; printable ASCII */
};

enum tracing_result {
	TRACING_LINE,		/* there is one */
	TRACING_OVER,		/* the time is over, or a signal came */
	TRACING_ENDED,		/* so has the VM's process, and there are no more lines */
	TRACING_FAILED,		/* after a message */
};

/**
 * tracing_open - begin to trace a VM
 * @pid: the process that created it
 * @event: one event of system svmm, or NULL for all
 * @filter: of the event's fields, in tracefs' language; or NULL
 *
 * SIGINT, SIGTERM, SIGQUIT and, if it is not ignored, SIGHUP end tracing_next() from now on;
 * SIGPIPE is ignored.  Instances that tracers left behind are removed.
 *
 * Return: NULL after a message.
 */
struct tracing *tracing_open(uint32_t pid, const char *event, const char *filter);

/**
 * tracing_next - the next event
 * @t: from tracing_open()
 * @until: when to wait for it no longer, as now_seconds() tells time; 0: not to wait;
 *	INFINITY: never
 * @line: filled in, if there is one
 *
 * Return: TRACING_*
 */
enum tracing_result tracing_next(struct tracing *t, double until, struct trace_line *line);

/* How many events came faster than they were read. */
uint64_t tracing_lost(const struct tracing *t);
void tracing_close(struct tracing *t);

#endif
