/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The filters of system calls as programs for the kernel.  libseccomp makes them of filters/rules.c
 * when vmctl is built, into filters.c there; what runs a VM has nothing to do but to load them.
 */
#ifndef VMCTL_FILTERS_H
#define VMCTL_FILTERS_H

#include <linux/filter.h>

#include "sandbox.h"

/* Who can have to kill servers, has another program then. */
enum filter_kind {
	FILTER_PROCESS, FILTER_PROCESS_SERVERS, FILTER_VCPU, FILTER_WORKER, FILTER_NETWORK,
	FILTER_NETWORK_FILES, FILTER_KINDS
};

/* What is known only when a program is loaded: the process's ID, and those of servers, negated. */
enum filter_value {
	FILTER_PID, FILTER_SERVERS, FILTER_VALUES = FILTER_SERVERS + SANDBOX_SERVERS_MAX
};

/**
 * struct filter_place - an instruction that compares with a value
 * @insn: its number; as it is in the program it compares with something else
 * @value: an enum filter_value, or FILTER_SERVERS plus a server's number
 */
struct filter_place {
	unsigned short insn, value;
};

/**
 * struct filter - a program
 * @nr_insns: at most FILTER_INSNS_MAX
 * @places: all that is to be filled in
 */
struct filter {
	const struct sock_filter *insns;
	const struct filter_place *places;
	unsigned short nr_insns, nr_places;
};

#define FILTER_INSNS_MAX	1024

extern const struct filter filters[FILTER_KINDS];

#endif
