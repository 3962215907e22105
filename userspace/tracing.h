/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's tracepoints, as tracefs gives them: an instance of one's own, with the events of one
 * VM, so that no other user of tracing is disturbed, and gone with whoever made it.
 */
#ifndef VMCTL_TRACING_H
#define VMCTL_TRACING_H

#include <stdbool.h>
#include <stdint.h>

struct tracing;

/* One event.  Texts belong to the line that was read, and end with the next. */
struct trace_line {
	double time;		/* seconds, of the host's trace clock */
	unsigned int cpu;	/* of the host */
	int vcpu;		/* -1: of none */
	char *event;		/* without "svmm_" */
	char *text;		/* its fields, as module/trace.h prints them */
};

/**
 * tracing_open - begin to trace a VM
 * @pid: the process that created it
 * @event: one event of system svmm, or NULL for all
 *
 * SIGINT, SIGTERM and SIGHUP end tracing_next() from now on, SIGPIPE is ignored.
 *
 * Return: NULL after a message.
 */
struct tracing *tracing_open(uint32_t pid, const char *event);

/**
 * tracing_next - the next event
 * @t: from tracing_open()
 * @seconds: how long to wait for it; below 0: for ever
 * @line: filled in
 *
 * Return: 1, or 0 if there is none: the time is over, or a signal came, or, after a message,
 * something is wrong.
 */
int tracing_next(struct tracing *t, double seconds, struct trace_line *line);

/* How many events came faster than they were read. */
uint64_t tracing_lost(const struct tracing *t);
void tracing_close(struct tracing *t);

#endif
