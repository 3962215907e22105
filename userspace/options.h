/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the commands that show something of VMs, or do something to one, have in common.
 */
#ifndef VMCTL_OPTIONS_H
#define VMCTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* What a command takes, beside --help and the name of one VM. */
#define SHOW_INTERVAL	1	/* --interval */
#define SHOW_JSON	2	/* --json */
#define SHOW_KEYS	4	/* --keys */
#define SHOW_ALL_VMS	8	/* and no name */
#define SHOW_ONE_VM	16	/* the name must be there */
#define SHOW_SVG	32	/* --svg FILE */
#define SHOW_TIMEOUT	64	/* --timeout SECONDS */
#define SHOW_VALUES	128	/* KEY=VALUE ... behind the name */
#define SHOW_VCPU	256	/* --vcpu N */
#define SHOW_WORDS	512	/* words behind the name, which the command judges */
#define SHOW_FILE	1024	/* one file behind the name: the first of the values */

struct show_options {
	double interval;	/* seconds; as it was, if none is given */
	bool json, keys;
	const char *svg;	/* file, or NULL */
	unsigned int timeout;	/* seconds; likewise */
	unsigned int vcpu;	/* likewise */
	const char *name;	/* of the VM, or NULL */
	char **values;		/* KEY=VALUE each, or words, behind the name; a NULL is their end */
};

/**
 * show_parse - the options of a command that shows something
 * @argc: of the command, whose name is argv[0]
 * @argv: likewise
 * @takes: SHOW_*
 * @help: its help text
 * @options: filled in; what is in it before, stays where nothing is said
 *
 * Return: CLI_GO_ON, or the exit status.
 */
int show_parse(int argc, char **argv, unsigned int takes, const char *help,
	       struct show_options *options);

/* CLOCK_MONOTONIC, in seconds. */
double now_seconds(void);

/* "12.3us": nanoseconds for people; 0 is "-".  @text is the result. */
const char *show_ns(double ns, char text[16]);
/* "128M", "1.5G". */
const char *show_bytes(uint64_t bytes, char text[16]);

#endif
