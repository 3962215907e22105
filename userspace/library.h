/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Libraries that are loaded when they are needed, because they bring many others along.
 */
#ifndef VMCTL_LIBRARY_H
#define VMCTL_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct library_function - one that is used
 * @name: of it
 * @at: the pointer to it
 */
struct library_function {
	const char *name;
	void *at;
};

/*
 * Load @file and fill in @nr pointers, as often as one likes.  Return: whether it has them all;
 * else @why it does not.
 */
bool library_load(const char *file, const struct library_function *functions, unsigned int nr,
		  char *why, size_t bytes);

#endif
