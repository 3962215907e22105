/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the commands that show something have in common.
 */
#ifndef VMCTL_OPTIONS_H
#define VMCTL_OPTIONS_H

#include <stdbool.h>

struct show_options {
	double interval;	/* seconds; 0: since the beginning */
	bool json, keys;
	const char *name;	/* of the VM, or NULL */
};

/**
 * show_parse - the options of a command that shows something
 * @argc: of the command, whose name is argv[0]
 * @argv: likewise
 * @help: its help text
 * @options: filled in
 *
 * Return: CLI_GO_ON, or the exit status.
 */
int show_parse(int argc, char **argv, const char *help, struct show_options *options);

/* "12.3us": nanoseconds for people; 0 is "-".  @text is the result. */
const char *show_ns(double ns, char text[16]);

#endif
