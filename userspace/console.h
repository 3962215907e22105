/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The console: the other end of the guest's serial port.  It outlives the
 * machine, because a reset of the guest does not clear the user's screen.
 * console_write() and console_input_room(), for the UART, are in device.h.
 */
#ifndef VMCTL_CONSOLE_H
#define VMCTL_CONSOLE_H

#include "device.h"

/**
 * console_open - open what --console names
 * @spec: "stdio", "none", "pty" or "file:PATH"
 *
 * Return: the console, or NULL after a message.
 */
struct console *console_open(const char *spec);

/* Connect it to a machine that does not run yet.  Return: 0, or -1 after a message. */
int console_attach(struct console *c, struct machine *m, struct uart *uart);
/* The machine has stopped; output that was not written yet stays in the console. */
void console_detach(struct console *c);

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
