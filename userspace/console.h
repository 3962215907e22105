/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A console: the host's end of a serial port of the guest.  It outlives the
 * machine, because a reset of the guest does not clear the user's screen.
 * What device models do with one, console_write() and the like, is in device.h.
 */
#ifndef VMCTL_CONSOLE_H
#define VMCTL_CONSOLE_H

#include "device.h"

/**
 * console_open - open what an option names
 * @spec: "stdio", "none", "pty", "file:PATH" or "unix:PATH", a socket that is listened on
 * @name: what it is called in messages, constant
 *
 * Return: the console, or NULL after a message.
 */
struct console *console_open(const char *spec, const char *name);

/* An output that fails is the end of the output, and not of the machine. */
void console_not_vital(struct console *c);

/* Connect it to a machine that does not run yet.  Return: 0, or -1 after a message. */
int console_attach(struct console *c, struct machine *m, struct uart *uart);

/**
 * console_drain - write the output that is left
 * @c: detached
 * @interrupt_fd: readable when the user has lost patience
 *
 * Return: 0, or -1 if output was lost at any time, of which a message told.
 */
int console_drain(struct console *c, int interrupt_fd);
void console_close(struct console *c);

/* Whether @spec is one that console_open() knows. */
bool console_valid(const char *spec);

#endif
