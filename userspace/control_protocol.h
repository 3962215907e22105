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
	CONTROL_ATTACH,
	CONTROL_DETACH,
	CONTROL_KEY,
	CONTROL_REGS,
	CONTROL_CODE,
	CONTROL_WALK,
	CONTROL_DUMP,
	CONTROL_SCREEN,
	CONTROL_SCREENSHOT,
};

#define CONTROL_TEXT_BYTES	1024	/* with its NUL */
#define CONTROL_FDS_MAX		8u	/* open files that come with a line */

/* What a command takes: texts. */
enum control_text {
	CONTROL_KIND,		/* "disk" or "net" */
	CONTROL_OPTION,		/* what that option is given */
	CONTROL_ID,
	CONTROL_KEYS,		/* strokes with a space between: keys.h */
	CONTROL_ADDRESS,	/* guest-linear, hexadecimal */
	NR_CONTROL_TEXTS,
};

/**
 * struct control_fds - open files from a client
 * @nr: how many; whoever takes them sets it to 0
 * @fd: they
 */
struct control_fds {
	unsigned int nr;
	int fd[CONTROL_FDS_MAX];
};

/* What a command can take: whole numbers. */
enum control_key {
	CONTROL_TIMEOUT,	/* seconds */
	CONTROL_CPU_SHARES,
	CONTROL_BALLOON,	/* bytes */
	CONTROL_VCPU,
	NR_CONTROL_KEYS,
};

/**
 * struct control_request - a request that makes sense
 * @command: what to do
 * @given: bit n: key n was there
 * @value: of each key that the command takes: what was given, or its default
 * @text: of each that it takes
 * @fds: that came with it; not control_parse()'s
 */
struct control_request {
	enum control_command command;
	unsigned int given;
	uint64_t value[NR_CONTROL_KEYS];
	char text[NR_CONTROL_TEXTS][CONTROL_TEXT_BYTES];
	struct control_fds *fds;
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
