// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on virtqueues: any bytes in guest memory, which change at any time, and any operations
 * of a device. What must hold is what a device relies on: parts that are in memory, sums that are
 * right, no more in flight than the ring has, nothing written but to the used ring, and a queue
 * that is broken stays so.
 *
 * needs: userspace/virtqueue.c userspace/virtqueue_packed.c userspace/virtqueue_split.c
 * needs: userspace/iov.c
 * max-len: 512
 */
#define GUEST_GPA	0x1000ull	/* addresses that a fuzzer finds */

#include "../unit/guest_memory.h"
#include "../../userspace/iov.h"
#include "../../userspace/virtqueue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY_BYTES	4096u
#define DRIVER_AT	0x100u
#define DEVICE_AT	0x180u
#define TABLE_AT	0x400u
#define SIZE_MAX_HERE	8u
#define MAX		12u		/* parts */

static struct virtq vq;

/* What is left of an input. */
static struct {
	const uint8_t *at, *end;
} input;

static uint8_t next_byte(void)
{
	return input.at < input.end ? *input.at++ : 0;
}

/* Up to 16 bytes of the input, to where the rings and tables are. */
static void write_memory(void)
{
	unsigned int offset = next_byte() | (next_byte() & 7) << 8;

	for (unsigned int n = 1 + next_byte() % 16; n; n--)
		guest.host[offset++] = next_byte();
}

static void store(unsigned int offset, uint64_t value, unsigned int bytes)
{
	memcpy(guest.host + offset, &value, bytes);
}

/* What bytes at random too rarely are: a descriptor of the ring, or of a table, that is sane. */
static void write_descriptor(void)
{
	static const uint16_t owner[] = { 0x80, 0x8000, 0, 0x8080 };
	unsigned int i = next_byte() % 16, what = next_byte();
	unsigned int at = i < SIZE_MAX_HERE ? 16 * i : TABLE_AT + 16 * (i - SIZE_MAX_HERE);
	unsigned int flags = what & (i < SIZE_MAX_HERE || what & 0x40 ? 7 : 3);

	store(at, GUEST_GPA + (flags & 4 ? TABLE_AT : 8 * next_byte()), 8);
	store(at + 8, flags & 4 ? 16 * (1 + next_byte() % 8) : 1 + next_byte(), 4);
	if (vq.packed)
		flags |= owner[what >> 3 & 3];
	store(at + (vq.packed ? 14 : 12), flags, 2);
	store(at + (vq.packed ? 12 : 14), next_byte() % (SIZE_MAX_HERE + 1), 2);
	if (!vq.packed)		/* a few buffers more */
		store(DRIVER_AT + 2, vq.next_avail + (what >> 3 & 3), 2);
}

static void write_something(void)
{
	if (next_byte() & 1)
		write_memory();
	else
		write_descriptor();
}

static unsigned int hook_in;		/* look-ups of addresses until the driver writes, or 0 */

static void hook(uint64_t gpa, uint64_t bytes)
{
	(void)gpa;
	(void)bytes;
	if (hook_in && !--hook_in)
		write_something();
}

static struct {
	struct virtq_chain chain;
	struct iovec iov[MAX];
} held[SIZE_MAX_HERE];
static unsigned int nr_held;

static void check_chain(const struct virtq_chain *c)
{
	uint64_t out = 0, in = 0;

	if (c->nr_out + c->nr_in < 1 || c->nr_out + c->nr_in > MAX || !c->count ||
	    c->count > vq.size || (!vq.packed && (c->id >= vq.size || c->count != 1)))
		abort();
	for (unsigned int i = 0; i < c->nr_out + c->nr_in; i++) {
		uint8_t *from = c->iov[i].iov_base;
		size_t n = c->iov[i].iov_len;

		if (!n || n > MEMORY_BYTES || from < guest.host ||
		    from + n > guest.host + MEMORY_BYTES)
			abort();
		*(i < c->nr_out ? &out : &in) += n;
	}
	if (out != c->out_bytes || in != c->in_bytes)
		abort();
}

/* In and out of a buffer from anywhere on; sanitizers see where to. */
static void copy(const struct virtq_chain *c)
{
	uint32_t skip = next_byte(), bytes = next_byte(), n;
	uint8_t buffer[255];

	n = iov_to_buffer(c->iov, c->nr_out, skip, buffer, bytes);
	if (n != (skip >= c->out_bytes ? 0 : bytes < c->out_bytes - skip ? bytes :
		  c->out_bytes - skip))
		abort();
	iov_from_buffer(c->iov + c->nr_out, c->nr_in, skip, buffer, n);
}

static void start(void)
{
	nr_held = 0;
	if ((virtq_start(&vq) < 0) != !!vq.broken)
		abort();
}

static void pop(void)
{
	const char *was_broken = vq.broken;
	unsigned int max = 1 + next_byte() % MAX;
	struct virtq_chain chain;
	struct iovec iov[MAX];
	int ret = virtq_pop(&vq, &chain, iov, max);

	if ((ret < 0) != !!vq.broken || (was_broken && vq.broken != was_broken))
		abort();
	if (ret <= 0)
		return;
	if (chain.iov != iov || chain.nr_out + chain.nr_in > max || nr_held == vq.size)
		abort();
	check_chain(&chain);
	copy(&chain);
	if (next_byte() & 1) {
		virtq_unpop(&vq, &chain);
		return;
	}
	memcpy(held[nr_held].iov, iov, sizeof(iov));
	held[nr_held].chain = chain;
	held[nr_held].chain.iov = held[nr_held].iov;
	nr_held++;
}

static void push(void)
{
	unsigned int i = next_byte();

	if (!nr_held)
		return;
	i %= nr_held;
	virtq_push(&vq, &held[i].chain, next_byte());
	held[i] = held[--nr_held];
}

/* An operation of the device; what it may write is the device area, and packed, the ring. */
static void operate(unsigned int op)
{
	static uint8_t before[MEMORY_BYTES];
	uint8_t *now = guest.host;
	unsigned int device_bytes = vq.packed ? 4 : 6 + 8 * vq.size;
	unsigned int ring_bytes = vq.packed ? 16 * vq.size : 0;
	bool broken = vq.broken;

	memcpy(before, now, MEMORY_BYTES);
	if (op == 0)
		push();
	else if (op == 1)
		virtq_must_interrupt(&vq);
	else if (op == 2)
		virtq_notify_on(&vq);
	else
		virtq_notify_off(&vq);
	if (broken && memcmp(before, now, MEMORY_BYTES))
		abort();
	if (memcmp(before + ring_bytes, now + ring_bytes, DEVICE_AT - ring_bytes) ||
	    memcmp(before + DEVICE_AT + device_bytes, now + DEVICE_AT + device_bytes,
		   MEMORY_BYTES - DEVICE_AT - device_bytes))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	guest_init(MEMORY_BYTES);
	guest.hook = hook;
	hook_in = 0;
	input.at = data + 2;
	input.end = data + size;
	vq = (struct virtq){
		.size = data[0] & 1 ? SIZE_MAX_HERE : 1 + data[1] % SIZE_MAX_HERE,
		.packed = data[0] & 2,
		.event_idx = data[0] & 4,
		.indirect = data[0] & 8,
		.desc = GUEST_GPA,
		.driver = GUEST_GPA + DRIVER_AT,
		.device = GUEST_GPA + DEVICE_AT,
	};
	/* not where it belongs: over another area, or half of it outside */
	if (data[0] & 16)
		vq.driver = GUEST_GPA + (data[1] << 4);
	start();
	while (input.at < input.end) {
		switch (next_byte() % 16) {
		case 0 ... 5:
			pop();
			break;
		case 6 ... 10:
			write_something();
			break;
		case 11:
			hook_in = 1 + next_byte() % 4;
			break;
		case 12:
			start();
			break;
		default:
			operate(next_byte() % 4);
			break;
		}
	}
	return 0;
}
