/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A console: the host's end of a serial port of the guest.  It outlives the
 * machine, because a reset of the guest does not clear the user's screen.
 * What device models do with one, console_write() and the like, is in device.h.
 */
#ifndef VMCTL_CONSOLE_H
#define VMCTL_CONSOLE_H

#include "device.h"
#include "ring.h"

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

/**
 * console_watch - hear of output, and of room for input
 * @c: the console
 * @changed: called in the event loop a moment after output came, or input went; NULL: no more
 * @viewers: passed on
 */
void console_watch(struct console *c, void (*changed)(void *viewers), void *viewers);
/* All output, of which the last RING_BYTES are there. */
const struct ring *console_ring(const struct console *c);
/* Input from elsewhere, in the event loop.  Return: how many of @bytes there was room for. */
unsigned int console_feed(struct console *c, const void *data, unsigned int bytes);
/* In the event loop: write now, and tell, what waits to become more. */
void console_flush(struct console *c);

/* Whether @spec is one that console_open() knows. */
bool console_valid(const char *spec);

#endif
