/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --watchdog: what happens when the guest does not serve its watchdog.
 */
#ifndef VMCTL_WATCHDOG_H
#define VMCTL_WATCHDOG_H

#include <stdbool.h>
#include <stddef.h>

struct pci_bus;
struct watchdog;

enum watchdog_action {
	WATCHDOG_ABSENT,	/* there is none */
	WATCHDOG_RESET,		/* the machine */
	WATCHDOG_POWEROFF,
	WATCHDOG_PAUSE,		/* until vmctl resume */
	WATCHDOG_NONE,
};

extern const char watchdog_help[];

/* The word for an action.  Return: whether it is right; else @why it is not. */
bool watchdog_parse(const char *text, enum watchdog_action *action, char *why, size_t bytes);

/**
 * watchdog_new - a watchdog that does something
 * @bus: where it is plugged in
 * @vm_name: for messages
 * @action: not WATCHDOG_ABSENT
 * @has_expired: what stays of it over a reset
 *
 * Return: the device, or NULL with errno set.
 */
struct watchdog *watchdog_new(struct pci_bus *bus, const char *vm_name,
			      enum watchdog_action action, bool *has_expired);
void watchdog_free(struct watchdog *w);

#endif
