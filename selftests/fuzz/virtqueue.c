// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on virtqueues: any bytes in guest memory, which change at any time, and any operations
 * of a device. What must hold is what a device relies on: parts that are in memory, sums that are
 * right, no more in flight than the ring has, nothing written but to the used ring, and a queue
 * that is broken stays so. From the project's root:
 *
 *	clang -std=gnu11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined \
 *		-o out/fuzz-virtqueue selftests/fuzz/virtqueue.c userspace/virtqueue*.c
 *	out/fuzz-virtqueue -max_len=1024 -max_total_time=600
 */
#define GUEST_GPA	0x1000ull	/* addresses that a fuzzer finds */

#include "../unit/guest_memory.h"
#include "../../userspace/virtqueue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY_BYTES	4096u
#define IMAGE_BYTES	512u		/* of an input: how memory begins */
#define DRIVER_AT	0x100u
#define DEVICE_AT	0x180u
#define SIZE_MAX_HERE	8u
#define MAX		12u		/* parts */

/* What the rest of an input says, from the first byte on. */
static struct {
	const uint8_t *at, *end;
} input;

static uint8_t next_byte(void)
{
	return input.at < input.end ? *input.at++ : 0;
}

/* Up to 16 bytes of the input to anywhere. */
static void write_memory(void)
{
	unsigned int offset = next_byte() | next_byte() << 8;

	for (unsigned int n = 1 + next_byte() % 16; n; n--)
		guest.host[offset++ % MEMORY_BYTES] = next_byte();
}

static unsigned int hook_in;		/* look-ups of addresses until the driver writes, or 0 */

static void hook(uint64_t gpa, uint64_t bytes)
{
	(void)gpa;
	(void)bytes;
	if (hook_in && !--hook_in)
		write_memory();
}

static struct virtq vq;
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
	size_t image;

	if (size < 2)
		return 0;
	image = size - 2 < IMAGE_BYTES ? size - 2 : IMAGE_BYTES;
	guest_init(MEMORY_BYTES);
	guest.hook = hook;
	hook_in = 0;
	memcpy(guest.host, data + 2, image);
	input.at = data + 2 + image;
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
	/* an input of only an image is worth some pops */
	for (unsigned int i = 0; i < 8 || input.at < input.end; i++) {
		switch (next_byte() % 16) {
		case 0 ... 7:
			pop();
			break;
		case 8 ... 10:
			write_memory();
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
