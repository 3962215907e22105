/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --cpu: what the guest's processor is called and can do.
 */
#ifndef VMCTL_CPU_H
#define VMCTL_CPU_H

#include <stdbool.h>
#include <stddef.h>

#include "cpu_models.h"
#include "libsvmm.h"

/**
 * struct cpu_choice - what the user asked for
 * @model: the base; NULL: all that the host has
 * @flag: by number in cpu_flags: 1 asked for, -1 unwanted, 0 as the base has it
 */
struct cpu_choice {
	const struct cpu_model *model;
	signed char flag[CPU_MAX_FLAGS];
};

/**
 * cpu_parse - "[BASE,][+FLAG|-FLAG,...]"
 * @text: what the user wrote
 * @choice: set
 * @why: on failure a sentence about what is wrong
 * @bytes: its room
 *
 * Return: whether every name in it is known.
 */
bool cpu_parse(const char *text, struct cpu_choice *choice, char *why, size_t bytes);

/* All models and flags, for --cpu help, on stdout. */
void cpu_print_help(void);

/**
 * cpu_apply - reduce the table that any guest can have to the one asked for
 * @table: with room for SVMM_MAX_CPUID entries
 * @choice: what the user asked for
 * @threads: the guest's cores have several threads, which takes topoext to say
 *
 * Says in a message which flags of a model the guest goes without.
 *
 * Return: 0, or -1 after a message that names what this host lacks.
 */
int cpu_apply(struct svmm_cpuid *table, const struct cpu_choice *choice, bool threads);

/* caches.c: 8000_001Dh, if the table has none, from 8000_0005h and 8000_0006h. */
void cpu_add_caches(struct svmm_cpuid *table);

#endif
