/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The flags and models that --cpu knows, as data; cpu.c reads them.
 */
#ifndef VMCTL_CPU_MODELS_H
#define VMCTL_CPU_MODELS_H

#include <stdbool.h>
#include <stdint.h>

enum cpuid_register { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX };

enum cpu_flag_kind {
	CPU_FLAG_MODEL,		/* a model has it or not */
	CPU_FLAG_HOST,		/* no matter of the model: every guest gets what there is */
	CPU_FLAG_VMCTL,		/* a matter of the model; leaves that vmctl itself fills in */
};

/**
 * struct cpu_flag - a feature and its place in CPUID
 * @name: as /proc/cpuinfo has it, with - for _
 * @function: EAX
 * @index: ECX; 0 where it does not count
 * @reg: register
 * @mask: the bits; several if they only make sense together
 * @needs: name of a flag further up without which this one means nothing, or NULL
 * @kind: who decides
 */
struct cpu_flag {
	const char *name;
	uint32_t function, index;
	enum cpuid_register reg;
	uint32_t mask;
	const char *needs;
	enum cpu_flag_kind kind;
};

/**
 * struct cpu_model - a processor
 * @name: for --cpu
 * @brand: name string, 8000_0002h to 8000_0004h
 * @family: with the extended family added
 * @model: with the extended model in front
 * @stepping: stepping
 * @max_basic: last leaf below 4000_0000h
 * @max_ext: last leaf from 8000_0000h on
 * @required: flags that programs for this processor take for granted
 * @optional: flags that a guest can do without; it is said which
 */
struct cpu_model {
	const char *name;
	const char *brand;
	unsigned int family, model, stepping;
	uint32_t max_basic, max_ext;
	const char *required, *optional;
};

#define CPU_MAX_FLAGS 192

extern const struct cpu_flag cpu_flags[];
extern const unsigned int cpu_nr_flags;
extern const struct cpu_model cpu_models[];
extern const unsigned int cpu_nr_models;

#endif
