/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_TERMINAL_H
#define VMCTL_TERMINAL_H

#include <stdbool.h>

/* Make the terminal @fd raw until terminal_restore(), or the end of the process. */
void terminal_raw(int fd);
void terminal_restore(void);

/* A line on it needs a carriage return then. */
bool terminal_is_raw(void);

#endif
