/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_TERMINAL_H
#define VMCTL_TERMINAL_H

/* Make the terminal @fd raw until terminal_restore(), or the end of the process. */
void terminal_raw(int fd);
void terminal_restore(void);

#endif
