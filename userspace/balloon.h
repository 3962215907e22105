/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --balloon: what the user says of memory that the guest can give back.
 */
#ifndef VMCTL_BALLOON_H
#define VMCTL_BALLOON_H

#include <stdbool.h>
#include <stddef.h>

#include "devices/virtio_balloon.h"

struct balloon_choice {
	bool wanted;
	struct balloon_options model;
};

extern const char balloon_help[];

/*
 * [size=SIZE][,reporting=on|off][,oom=deflate|keep], or NULL.  Return: whether it is right; else
 * @why it is not.
 */
bool balloon_parse(const char *text, struct balloon_choice *balloon, char *why, size_t bytes);

#endif
