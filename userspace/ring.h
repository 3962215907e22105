/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The last bytes of an endless output, each with its number since the beginning.
 *
 * A reader is a number, that of the byte that it wants next: there can be any number of readers,
 * none of them holds the writer up, and each can tell what it has missed.
 */
#ifndef VMCTL_RING_H
#define VMCTL_RING_H

#include <stdint.h>
#include <string.h>

#define RING_BYTES	65536u

struct ring {
	uint64_t end;			/* how many bytes were ever written */
	uint8_t data[RING_BYTES];
};

/* The number of the oldest byte that is still there. */
static inline uint64_t ring_start(const struct ring *r)
{
	return r->end > RING_BYTES ? r->end - RING_BYTES : 0;
}

/* @bytes are RING_BYTES at most. */
static inline void ring_write(struct ring *r, const void *data, unsigned int bytes)
{
	unsigned int at = r->end % RING_BYTES;
	unsigned int first = bytes < RING_BYTES - at ? bytes : RING_BYTES - at;

	memcpy(r->data + at, data, first);
	memcpy(r->data, (const uint8_t *)data + first, bytes - first);
	r->end += bytes;
}

/* Where byte number @at, which is there, and some behind it are; returns how many. */
static inline unsigned int ring_read(const struct ring *r, uint64_t at, const uint8_t **data)
{
	uint64_t left = r->end - at;
	unsigned int place = at % RING_BYTES, in_a_row = RING_BYTES - place;

	*data = r->data + place;
	return left < in_a_row ? left : in_a_row;
}

#endif
