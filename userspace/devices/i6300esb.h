/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_DEVICES_I6300ESB_H
#define VMCTL_DEVICES_I6300ESB_H

#include <stdbool.h>

struct i6300esb;
struct pci_bus;

/**
 * i6300esb_new - the watchdog of Intel's 6300ESB
 * @bus: where it is plugged in
 * @expired: called, from the event loop, when it is not served in time
 * @opaque: handed to it
 * @has_expired: whether it was so before; the guest can ask and clear it, and a reset does not
 *
 * Return: the device, or NULL with errno set.
 */
struct i6300esb *i6300esb_new(struct pci_bus *bus, void (*expired)(void *opaque), void *opaque,
			      bool *has_expired);
void i6300esb_free(struct i6300esb *esb);

#endif
