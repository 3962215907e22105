/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A memory balloon, as its owner sees it.  All of it under the machine's lock.
 */
#ifndef VMCTL_DEVICES_VIRTIO_BALLOON_H
#define VMCTL_DEVICES_VIRTIO_BALLOON_H

#include <linux/virtio_balloon.h>
#include <stdbool.h>
#include <stdint.h>

struct pci_bus;
struct virtio_balloon;

/**
 * struct balloon_options - what the user can choose
 * @bytes: how large it shall be at first
 * @reporting: the guest may report pages that it does not use
 * @keep_on_oom: it may not take pages back on its own when it runs out of memory
 */
struct balloon_options {
	uint64_t bytes;
	bool reporting;
	bool keep_on_oom;
};

/**
 * struct balloon_stats - what is known of the guest's memory
 * @target: how large the balloon shall be, in bytes
 * @actual: how large the guest says it is, in bytes; 0 without a driver
 * @reported: bytes that were given back because the guest reported them as unused, since power-on
 * @taken_ns: when the guest gave the values, by machine_now_ns(); 0: it never has
 * @valid: bit n: there is @value[n]
 * @value: VIRTIO_BALLOON_S_*: bytes, or counts since the guest started; the guest's word
 */
struct balloon_stats {
	uint64_t target, actual, reported;
	uint64_t taken_ns;
	uint32_t valid;
	uint64_t value[VIRTIO_BALLOON_S_NR];
};

/* Return: the device, or NULL with errno set. */
struct virtio_balloon *virtio_balloon_new(struct pci_bus *bus,
					  const struct balloon_options *options);
void virtio_balloon_free(struct virtio_balloon *b);

/* Ask the guest for a balloon of @bytes, of which whole pages of 4 KiB count; it takes its time. */
void balloon_set_target(struct virtio_balloon *b, uint64_t bytes);

/* What is known now.  Nothing in it waits for the guest. */
void balloon_stats(const struct virtio_balloon *b, struct balloon_stats *stats);

/*
 * Ask the guest for new values: when it has answered, @taken_ns of balloon_stats() is another.
 * Return: whether there is a driver that could answer.
 */
bool balloon_refresh(struct virtio_balloon *b);

#endif
