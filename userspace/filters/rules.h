/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which system calls who may do, said to libseccomp: a part of vmctl's build, and not of vmctl.
 */
#ifndef VMCTL_FILTERS_RULES_H
#define VMCTL_FILTERS_RULES_H

#include <seccomp.h>
#include <stdint.h>

#include "../filters.h"

/**
 * filter_rules - add all rules of a kind of filter
 * @ctx: an empty filter, whose default is to trap
 * @values: FILTER_VALUES of them, as in a system call's arguments
 *
 * Return: 0 or -errno.
 */
int filter_rules(scmp_filter_ctx ctx, enum filter_kind kind, const uint32_t *values);

/**
 * filter_program - the kernel's program of a kind of filter
 * @values: likewise
 * @insns: room for FILTER_INSNS_MAX
 *
 * Return: the number of instructions, or -errno; -E2BIG, if there are too many.
 */
int filter_program(enum filter_kind kind, const uint32_t *values, struct sock_filter *insns);

#endif
