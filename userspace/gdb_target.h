/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A machine as GDB's target: its vCPUs are the threads, which all stop together.
 */
#ifndef VMCTL_GDB_TARGET_H
#define VMCTL_GDB_TARGET_H

#include "gdb.h"
#include "machine.h"

#define GDB_BREAKPOINTS_MAX	256u	/* in memory */
#define GDB_DEBUG_REGISTERS	4u

/* INT3 in the guest's memory. */
struct gdb_breakpoint {
	uint64_t address;	/* linear; where it was set */
	uint64_t gpa;
	uint8_t byte;		/* that was there */
};

/* In a debug register; 0 @bytes: none. */
struct gdb_watch {
	enum gdb_point kind;
	uint64_t address;
	unsigned int bytes;
};

/* What a vCPU has come to, and nobody was told of. */
struct gdb_stop {
	bool there;
	uint32_t vector;
	uint64_t dr6;
};

/**
 * struct gdb_vm - the target; all of it is guarded by the machine's lock
 * @session: that is told of stops
 * @m: the machine, or NULL: between two
 * @event_fd: by which vCPUs' threads tell the event loop of a stop
 */
struct gdb_vm {
	struct gdb *session;
	struct machine *m;
	int event_fd;
	struct debugger debugger;
	unsigned int nr_breakpoints;
	struct gdb_breakpoint breakpoints[GDB_BREAKPOINTS_MAX];
	struct gdb_watch watches[GDB_DEBUG_REGISTERS];
	struct gdb_stop stops[GDB_THREADS_MAX];
};

extern const struct gdb_target gdb_vm_target;

/* Somebody debugs from now on: all stand still. */
void gdb_vm_attach(struct gdb_vm *vm);
/* Nobody does any more: breakpoints go, the guest goes on. */
void gdb_vm_detach(struct gdb_vm *vm);
/* @event_fd is to be read: tell the session. */
void gdb_vm_stopped(struct gdb_vm *vm);

#endif
