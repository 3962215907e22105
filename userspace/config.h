/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configuration file of `vmctl run`: a JSON object whose keys are the names of options.
 */
#ifndef VMCTL_CONFIG_H
#define VMCTL_CONFIG_H

struct json_object;
struct run_settings;

/**
 * config_read - the settings of a file
 * @path: of the file; also stays in the settings, for messages
 * @settings: the file's are added
 *
 * Return: CLI_GO_ON, or after a message the status to exit with.
 */
int config_read(const char *path, struct run_settings *settings);

/* The object that config_read() would make these settings of. */
struct json_object *config_object(const struct run_settings *settings);

#endif
