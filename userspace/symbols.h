/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of a guest kernel's functions, from a System.map, a copy of its /proc/kallsyms, a vmlinux.
 */
#ifndef VMCTL_SYMBOLS_H
#define VMCTL_SYMBOLS_H

#include <stdint.h>

struct symbols;

/**
 * symbols_read - read a file with symbols
 * @path: of the file
 * @offset: added to each address: what KASLR has moved the guest's kernel by
 *
 * Return: NULL after a message.
 */
struct symbols *symbols_read(const char *path, uint64_t offset);
void symbols_free(struct symbols *s);

/* The function that an address is in, or NULL.  @s may be NULL. */
const char *symbols_name(const struct symbols *s, uint64_t address);

#endif
