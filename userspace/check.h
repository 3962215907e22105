/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_CHECK_H
#define VMCTL_CHECK_H

#include <stddef.h>

/* `vmctl check`: print what was looked at.  Return: the exit status. */
int check_host(void);

/**
 * check_obstacle - why this machine cannot run guests
 * @text: set to the first obstacle and its remedy, or to "" if there is none
 * @bytes: room in @text
 */
void check_obstacle(char *text, size_t bytes);

#endif
