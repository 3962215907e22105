/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of a guest kernel's functions, from a System.map, a copy of its /proc/kallsyms, a vmlinux.
 * These files may be the guest's owner's: names become printable ASCII, and their number and
 * lengths are bounded.
 */
#ifndef VMCTL_SYMBOLS_H
#define VMCTL_SYMBOLS_H

#include <stdint.h>

struct symbols;

/**
 * symbols_read - read a file with symbols
 * @path: of the file; all but a vmlinux may be a pipe
 * @offset: added to each address: what KASLR has moved the guest's kernel by
 *
 * Return: NULL after a message.
 */
struct symbols *symbols_read(const char *path, uint64_t offset);
void symbols_free(struct symbols *s);

/**
 * symbols_name - the function that an address is in
 * @s: from symbols_read(), or NULL
 * @address: in the guest
 *
 * A function ends at its size or with its section, where the file says them; else at the next
 * symbol, of whatever kind, and after 256 KiB at the latest. Of several names of one address a
 * global one is taken before a weak and a local one, and then the first in order of bytes.
 *
 * Return: its name, which lives as long as @s, or NULL.
 */
const char *symbols_name(const struct symbols *s, uint64_t address);

#endif
