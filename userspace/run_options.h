/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What `vmctl run` can be told about a VM: one table, from which the command line (cli.c) and the
 * configuration file (config.c) are read.  Both give settings, pairs of an option and a text; the
 * texts become a struct run_options here and nowhere else.
 */
#ifndef VMCTL_RUN_OPTIONS_H
#define VMCTL_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balloon.h"
#include "boot.h"
#include "cpu.h"
#include "disk.h"
#include "firmware.h"
#include "libsvmm.h"
#include "net.h"
#include "ram.h"
#include "rng.h"
#include "serial_port.h"
#include "share.h"
#include "topology.h"
#include "vsock.h"
#include "watchdog.h"

/**
 * struct run_setting - an option as somebody gave it
 * @option: which
 * @value: its text; NULL: it is a flag, or has none
 * @file: the configuration file that has it; NULL: the command line
 */
struct run_setting {
	const struct run_option *option;
	char *value;
	const char *file;
};

/* In the order in which they count.  Array and values are allocated, @file is somebody else's. */
struct run_settings {
	struct run_setting *set;
	unsigned int nr;
};

/**
 * struct run_file - a file's name with something behind it
 * @text: both, as they were given
 * @name_bytes: of the name
 */
struct run_file {
	const char *text;
	size_t name_bytes;
};

struct run_options {
	const char *kernel, *initrd, *append;
	struct run_file modules[BOOT_MODULES_MAX];	/* "FILE ARGS" */
	unsigned int nr_modules;
	struct run_file flat;		/* "FILE@ADDRESS"; @text is NULL: none */
	struct flat_options flat_options;
	bool has_entry, has_mode;
	struct firmware_choice firmware;
	const char *debug_port;		/* NULL: none */
	const char *console;
	const char *virtio_console;	/* NULL: none */
	char name[SVMM_NAME_MAX];
	uint64_t mem_bytes;
	struct ram_backing backing;
	struct topology topology;
	struct cpu_choice cpu;
	struct disk_options disks[DISKS_MAX];
	unsigned int nr_disks;
	struct net_options nets[NETS_MAX];
	unsigned int nr_nets;
	struct share_options shares[SHARES_MAX];
	unsigned int nr_shares;
	struct serial_port_options ports[SERIAL_PORTS_MAX];
	unsigned int nr_ports;
	struct rng_options rng;
	struct balloon_choice balloon;
	uint32_t cid;		/* 0: none */
	enum watchdog_action watchdog;
	bool pvpanic;
	bool keyboard;
	bool hpet;
	bool vga;
	int exit_port;		/* -1: none */
	bool no_reboot;
	bool no_sandbox;
	bool counters;
	const char *gdb;	/* where a debugger is served, or NULL */
	bool gdb_wait;
	bool last_exits;	/* to be told when the guest crashes */
	bool detach;		/* no option of the VM: it is on the command line only */
	struct run_settings settings;	/* of which all the above was made: the texts are there */
};

#define DEFAULT_APPEND	"console=ttyS0"
#define HVC_APPEND	"console=hvc0"	/* with a virtio console */

enum run_option_type {
	OPTION_TEXT,
	OPTION_NUMBER,	/* in a file a whole number, or a text as on the command line */
	OPTION_FLAG,	/* given or not; in a file true or false */
	OPTION_MAYBE_TEXT,	/* a flag, which can have a text behind "="; in a file either */
};

/**
 * struct run_option - one line of the table
 * @name: on the command line behind two dashes, in a file the key
 * @type: of its value
 * @repeatable: each one given counts, in a file an array of them; of another the last one
 * @parse: puts @value, which stays where it is or is NULL, into @o.  On failure false, with a
 *	sentence in @why about what is wrong and what to use
 * @offset: without @parse: of the const char *, or the bool of a flag, in struct run_options
 */
struct run_option {
	const char *name;
	enum run_option_type type;
	bool repeatable;
	bool (*parse)(const char *value, struct run_options *o, char *why, size_t room);
	size_t offset;
};

extern const struct run_option run_option_table[];
extern const unsigned int nr_run_options;

/* run_settings.c */

/* The option of that name, or NULL. */
const struct run_option *run_option_find(const char *name);

/* One more; an option that is not repeatable gives up what it had.  False: no memory. */
bool run_settings_add(struct run_settings *s, const struct run_option *option, const char *value,
		      const char *file);

/* Add @by's; of an option that it has, @s loses all that it had.  @by is empty then. */
bool run_settings_override(struct run_settings *s, struct run_settings *by);

void run_settings_free(struct run_settings *s);

/**
 * run_options_set - make options of settings
 * @o: filled in; what no setting is about has its default, but for the name
 * @settings: taken over, also on failure
 * @detach: whether the VM shall leave its caller
 *
 * Return: whether each value makes sense, and all of them together; if not, a message told.
 */
bool run_options_set(struct run_options *o, struct run_settings *settings, bool detach);

/* If there is no name: the kernel's or firmware's and this process's number. */
void run_options_set_name(struct run_options *o);

#endif
