/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command line of `vmctl run`, checked as far as it can be without looking at the host; and the
 * statuses that vmctl exits with.
 */
#ifndef VMCTL_CLI_H
#define VMCTL_CLI_H

#include "run_options.h"

#define STATUS_OK	0
#define STATUS_ERROR	1	/* vmctl's or the host's */
#define STATUS_USAGE	2
#define STATUS_CRASHED	3	/* the guest */
#define STATUS_EXIT_PORT 64
#define STATUS_SIGNAL	128

#define CLI_GO_ON	(-1)

/**
 * cli_parse_run - the options of `vmctl run`
 * @argc: of main(), from the command's name on
 * @argv: likewise
 * @options: filled in; run_settings_free() its settings, whatever is returned
 *
 * Return: CLI_GO_ON, or the status to exit with.
 */
int cli_parse_run(int argc, char **argv, struct run_options *options);

#endif
