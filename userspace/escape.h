/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ctrl-A on a terminal that is a guest's console: the byte behind it is a command of vmctl, or
 * another Ctrl-A, which is the guest's.
 */
#ifndef VMCTL_ESCAPE_H
#define VMCTL_ESCAPE_H

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>

#define ESCAPE		0x01	/* Ctrl-A */

/**
 * escape_filter - is a byte that was typed for the guest?
 * @escaped: whether the one before was Ctrl-A; kept here between calls, false at first
 * @byte: what was typed
 * @command: set to the command, a lower-case letter or another byte, or to 0
 *
 * Return: true if it is, and then there is no command.
 */
static inline bool escape_filter(bool *escaped, uint8_t byte, int *command)
{
	bool was = *escaped;

	*escaped = !was && byte == ESCAPE;
	*command = was && byte != ESCAPE ? tolower(byte) : 0;
	return was ? byte == ESCAPE : byte != ESCAPE;
}

#endif
