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
#define CONTROL_SHARES_MAX	88761

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

/**
 * struct control_request - a request that makes sense
 * @command: what to do
 * @timeout: of CONTROL_STOP, in seconds
 * @cpu_shares: of CONTROL_SET
 */
struct control_request {
	enum control_command command;
	uint32_t timeout;
	uint32_t cpu_shares;
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
