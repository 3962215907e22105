/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Libraries of which vmctl calls functions as if it were linked with them, and which are loaded
 * when the first one is called.  Who starts a VM needs none of them, and loading one takes a
 * process a hundred thousand instructions and more.
 *
 * lazy/functions has the tables and the functions' first halves: it makes them when vmctl is built,
 * of what vmctl calls and the libraries have.
 */
#ifndef VMCTL_LAZY_H
#define VMCTL_LAZY_H

/**
 * struct lazy_library - one of them
 * @file: its name for dlopen()
 * @end: behind its last function; it has those from the end of the library before it
 */
struct lazy_library {
	char file[60];
	unsigned int end;
};

extern const struct lazy_library lazy_libraries[];
extern const char lazy_names[][60];
/* Of each function its address, or NULL: the library is not loaded. */
extern void *lazy_functions[];

/* Load the library that has function @n.  Return: the function; there is no failure. */
void *lazy_bind(unsigned int n);

#endif
