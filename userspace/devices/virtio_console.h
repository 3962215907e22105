/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_DEVICES_VIRTIO_CONSOLE_H
#define VMCTL_DEVICES_VIRTIO_CONSOLE_H

#define VIRTIO_CONSOLE_PORTS_MAX	17u	/* the console, and those that have names */
#define VIRTIO_CONSOLE_NAME_MAX		64u

struct console;
struct pci_bus;
struct virtio_console;

/**
 * struct virtio_console_port - a port that has a name
 * @name: 1 to VIRTIO_CONSOLE_NAME_MAX characters; must be there for as long as the device
 * @host: its end in the host; not attached
 */
struct virtio_console_port {
	const char *name;
	struct console *host;
};

/**
 * virtio_console_new - a device with serial ports, of which one can be the guest's console
 * @bus: where it is plugged in
 * @console: the end of hvc0 in the host, not attached; NULL: there is none
 * @ports: the other ports
 * @nr: how many, at most VIRTIO_CONSOLE_PORTS_MAX - 1
 *
 * The ends are attached until the device is freed, and must be there for longer.
 *
 * Return: the device, or NULL with errno set.
 */
struct virtio_console *virtio_console_new(struct pci_bus *bus, struct console *console,
					  const struct virtio_console_port *ports,
					  unsigned int nr);
void virtio_console_free(struct virtio_console *vc);

#endif
