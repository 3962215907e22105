/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest's memory and registers as an ELF core for gdb, with what crash(8) wants of one.
 */
#ifndef VMCTL_DUMP_H
#define VMCTL_DUMP_H

struct machine;

/**
 * dump_core - write a core
 * @m: which stands still
 * @fd: an empty regular file; it gets holes where memory is zero
 *
 * Each region of RAM is a PT_LOAD at its guest-physical address.  Of a guest in long mode, what the
 * first vCPU's tables map in the upper half of the address space is there as well, so that the
 * addresses of a kernel lead somewhere.  Each vCPU has its NT_PRSTATUS, and the note named QEMU by
 * which crash(8) finds out where a kernel was relocated to.
 *
 * Return: 0 or -errno.
 */
int dump_core(struct machine *m, int fd);

#endif
