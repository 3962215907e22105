/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The requests that a VM's control socket takes (docs/control.md), and what may be in them.  It
 * knows neither sockets nor machines.
 */
#ifndef VMCTL_CONTROL_PROTOCOL_H
#define VMCTL_CONTROL_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_LINE_MAX	4096	/* bytes of a request, with its newline */
#define CONTROL_SHARES_MIN	15	/* what nice 19 and -20 are worth */
#define CONTROL_SHARES_MAX	88818
#define CONTROL_BALLOON_MAX	(1ull << 44)	/* what its driver can count */

enum control_command {
	CONTROL_PAUSE,
	CONTROL_RESUME,
	CONTROL_STOP,
	CONTROL_RESET,
	CONTROL_NMI,
	CONTROL_WAIT,
	CONTROL_INSPECT,
	CONTROL_SET,
	CONTROL_CONSOLE,
};

/* What a command can take: whole numbers. */
enum control_key {
	CONTROL_TIMEOUT,	/* seconds */
	CONTROL_CPU_SHARES,
	CONTROL_BALLOON,	/* bytes */
	NR_CONTROL_KEYS,
};

/**
 * struct control_request - a request that makes sense
 * @command: what to do
 * @given: bit n: key n was there
 * @value: of each key that the command takes: what was given, or its default
 */
struct control_request {
	enum control_command command;
	unsigned int given;
	uint64_t value[NR_CONTROL_KEYS];
};

/**
 * control_parse - a line of a client's
 * @text: the line, without its newline
 * @len: of it, in bytes
 * @line: its number on this connection, from 1
 * @request: filled in
 * @why: on failure what is wrong, with the place where that is known
 * @room: its room
 *
 * Return: whether it is a request.
 */
bool control_parse(const char *text, size_t len, unsigned int line,
		   struct control_request *request, char *why, size_t room);

#endif
