/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command line of `vmctl run`, checked as far as it can be without looking
 * at any file or at the host.
 */
#ifndef VMCTL_CLI_H
#define VMCTL_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu.h"
#include "libsvmm.h"
#include "ram.h"
#include "topology.h"

#define STATUS_OK	0
#define STATUS_ERROR	1	/* vmctl's or the host's */
#define STATUS_USAGE	2
#define STATUS_CRASHED	3	/* the guest */
#define STATUS_EXIT_PORT 64
#define STATUS_SIGNAL	128

struct run_options {
	const char *kernel, *initrd, *append;
	const char *flat;
	const char *console;
	char name[SVMM_NAME_MAX];
	uint64_t mem_bytes;
	struct ram_backing backing;
	struct topology topology;
	struct cpu_choice cpu;
	int exit_port;		/* -1: none */
	bool no_reboot;
	bool counters;
};

#define CLI_GO_ON	(-1)

/* Return: CLI_GO_ON, or the status to exit with. */
int cli_parse_run(int argc, char **argv, struct run_options *options);

#endif
