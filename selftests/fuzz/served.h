/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The driver of a device that the event loop serves, by libFuzzer: rings and buffers all over
 * a small memory, which changes at any time, notifications, resets. It knows no device.
 *
 * An input is a list of operations, each a byte and what it takes.
 */
#ifndef SELFTESTS_FUZZ_SERVED_H
#define SELFTESTS_FUZZ_SERVED_H

#define DATA_BYTES	(256u << 10)

#include "../unit/served_fake.h"

static struct {
	const uint8_t *at, *end;
} input;

static inline uint8_t next_byte(void)
{
	return input.at < input.end ? *input.at++ : 0;
}

static inline uint16_t next_word(void)
{
	uint16_t low = next_byte();

	return low | next_byte() << 8;
}

/* Some bytes of the input to anywhere, rings included: what another CPU of the guest may do. */
static inline void write_memory(void)
{
	uint32_t offset = next_word() * 16u;

	for (unsigned int n = 1 + next_byte() % 32; n; n--)
		guest.host[offset++ % guest.bytes] = next_byte();
}

static inline void add_buffer(unsigned int queues)
{
	unsigned int n = next_byte() % queues;
	struct driver_part parts[4];
	unsigned int nr = 1 + next_byte() % 4, nr_out = next_byte() % (nr + 1);

	for (unsigned int i = 0; i < nr; i++) {
		parts[i].gpa = DATA + next_word() * 8u % DATA_BYTES;
		parts[i].bytes = next_word();
		parts[i].writable = i >= nr_out;
	}
	if (vdev.enabled[n] && vdev.drivers[n].free >= nr)
		driver_add(&vdev.drivers[n], parts, nr, &vdev);
	while (vdev.enabled[n] && vdev_used(n) >= 0)
		;
}

/* @device: an operation that is the device's own, with the number that the input has for it. */
static inline void fuzz(const uint8_t *data, size_t size, void (*device)(unsigned int op))
{
	input.at = data;
	input.end = data + size;
	vdev_start(next_byte(), next_word());
	while (input.at < input.end) {
		unsigned int op = next_byte();

		switch (op % 8) {
		case 0:
		case 1:
			add_buffer(vdev.model.nr_queues);
			break;
		case 2:
			write_memory();
			break;
		case 3:
			vdev_kick(next_byte() % vdev.model.nr_queues);
			break;
		case 4:
			loop_once();
			break;
		case 5:
			vdev_reset();
			vdev_start(next_byte(), next_word());
			break;
		default:
			device(op / 8);
		}
	}
	loop_once();
}

#endif
