// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "message.h"
#include "uring.h"

#define NR(array)	(sizeof(array) / sizeof((array)[0]))

/* All that is allowed. */
static const uint8_t ops[] = {
	IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC, IORING_OP_FALLOCATE,
	IORING_OP_POLL_ADD, IORING_OP_POLL_REMOVE,
};

static struct io_uring spares[URING_SPARES];
static bool taken[URING_SPARES];
static unsigned int nr_spares;
static bool kept;		/* there are those, and no others any more */
static int kept_error;

/* A ring that is not used yet, and can be restricted if the kernel is not too old. */
static int init(struct io_uring *ring, unsigned int entries)
{
	int err = io_uring_queue_init(entries, ring, IORING_SETUP_R_DISABLED |
						     IORING_SETUP_COOP_TASKRUN);

	if (err == -EINVAL)	/* before Linux 5.19 */
		err = io_uring_queue_init(entries, ring, IORING_SETUP_R_DISABLED);
	if (err == -EINVAL)	/* before Linux 5.10 */
		err = io_uring_queue_init(entries, ring, 0);
	return err;
}

/* liburing 2.3 declares functions for what is needed here, and has forgotten to export them. */
static int change(const struct io_uring *ring, unsigned int what, const void *arg, unsigned int nr)
{
	return syscall(SYS_io_uring_register, ring->ring_fd, what, arg, nr) < 0 ? -errno : 0;
}

static int restrict_ring(const struct io_uring *ring)
{
	struct io_uring_restriction list[NR(ops)] = { 0 };

	for (unsigned int i = 0; i < NR(ops); i++) {
		list[i].opcode = IORING_RESTRICTION_SQE_OP;
		list[i].sqe_op = ops[i];
	}
	return change(ring, IORING_REGISTER_RESTRICTIONS, list, NR(ops));
}

static int open_new(struct io_uring *ring, unsigned int entries)
{
	static bool said;
	int err = init(ring, entries);

	if (err)
		return err;
	err = restrict_ring(ring);
	if (err && !said) {
		said = true;
		message("the host's io_uring cannot be restricted (%s): who breaks out of the "
			"guest can open files by it", strerror(-err));
	}
	if (!(ring->flags & IORING_SETUP_R_DISABLED))
		return 0;
	err = change(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
	if (err)
		io_uring_queue_exit(ring);
	return err;
}

void uring_keep_spares(unsigned int entries)
{
	while (!kept_error && nr_spares < URING_SPARES) {
		kept_error = open_new(&spares[nr_spares], entries);
		if (!kept_error)
			nr_spares++;
	}
	kept = true;
}

int uring_open(struct io_uring *ring, unsigned int entries)
{
	if (!kept)
		return open_new(ring, entries);
	for (unsigned int i = 0; i < nr_spares; i++) {
		if (!taken[i]) {
			taken[i] = true;
			*ring = spares[i];
			return 0;
		}
	}
	return kept_error ? kept_error : -ENOSPC;
}

/* A spare one is as its last user has left it: nothing is under way. */
void uring_close(struct io_uring *ring)
{
	for (unsigned int i = 0; i < nr_spares; i++) {
		if (spares[i].ring_fd == ring->ring_fd) {
			spares[i] = *ring;
			taken[i] = false;
			return;
		}
	}
	io_uring_queue_exit(ring);
}
