/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Eventfds of which another process has a copy.  It can make them block, and fill or empty their
 * counter at any moment; who uses these functions does not wait for it.
 */
#ifndef VMCTL_EVENT_FD_H
#define VMCTL_EVENT_FD_H

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

/* Take what was signalled.  Return: whether anything was. */
static inline bool event_fd_take(int fd)
{
	uint64_t count;
	const struct iovec iov = { .iov_base = &count, .iov_len = sizeof(count) };

	return preadv2(fd, &iov, 1, -1, RWF_NOWAIT) == sizeof(count);
}

/*
 * Signal it; one that is full is signalled.  For a write there is no RWF_NOWAIT: the other process
 * would have to fill the counter between the last two calls, after it has undone the first.
 */
static inline void event_fd_signal(int fd)
{
	const uint64_t one = 1;
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (poll(&p, 1, 0) == 1 && write(fd, &one, sizeof(one)) < 0)
		return;
}

#endif
