/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the control socket's requests do to a VM: a handler for control.h.
 */
#ifndef VMCTL_CONTROL_COMMANDS_H
#define VMCTL_CONTROL_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

#include "control.h"

struct gdb_server;
struct plug_config;
struct run_options;

/**
 * struct managed_vm - a VM, over all of its machines, as commands see it
 * @options: what it was made of
 * @plugs: what is on its bus, of this machine and of the next
 * @console: the one that viewers get
 * @control: where the commands come from, or NULL: there is no socket
 * @gdb: where debuggers come from, or NULL
 * @m: the machine that runs
 * @boots: how many there were, with that one
 * @begun_ns: CLOCK_MONOTONIC when the first one began
 * @nice: of the vCPUs' threads, for the next machine, too
 * @group_fd: sets that of the session where it is grouped by the scheduler, or is -1
 * @reset: somebody asked for a reset, which --no-reboot is not about
 * @killed: it did not power off in time
 */
struct managed_vm {
	const struct run_options *options;
	struct plug_config *plugs;
	struct console *console;
	struct control *control;
	struct gdb_server *gdb;
	struct machine *m;
	unsigned int boots;
	uint64_t begun_ns;
	int nice, group_fd;
	bool reset;
	bool killed;
};

/* Keep, for commands, what a sandbox takes away.  Leaves out what there is not. */
void control_prepare(struct managed_vm *vm);

/* For struct control_handler; @opaque is a struct managed_vm. */
enum control_answer control_command(void *opaque, const struct control_request *request,
				    struct json_object *reply, char *why, size_t room);
void control_kill(void *opaque);

/* The nice value that comes closest to so many shares, of which nice 0 has 1024; and back. */
int nice_of_shares(uint32_t shares);
uint32_t shares_of_nice(int nice);

#endif
