// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/virtio_net.h>
#include <string.h>

#include "net_fd.h"

int net_fd_send(int fd, const struct iovec *iov, unsigned int nr)
{
	ssize_t n;

	do
		n = writev(fd, iov, nr);
	while (n < 0 && errno == EINTR);
	/* A frame that the other side does not like, or while it is down, is lost. */
	return n < 0 && errno == EAGAIN ? -1 : 0;
}

uint32_t net_fd_receive(int fd, const struct iovec *iov, unsigned int nr)
{
	ssize_t n;

	do
		n = readv(fd, iov, nr);
	while (n < 0 && errno == EINTR);
	return n < (ssize_t)sizeof(struct virtio_net_hdr_v1) ? 0 : n;
}

bool net_fd_wait(int fd, struct pollfd wake[NET_WAKES], unsigned int what)
{
	struct pollfd fds[NET_WAKES + 1];
	struct pollfd *own = &fds[NET_WAKES];

	if (what & NET_LOOK)
		return true;
	memcpy(fds, wake, NET_WAKES * sizeof(fds[0]));
	*own = (struct pollfd) {
		.fd = what ? fd : -1,
		.events = (what & NET_RECEIVE ? POLLIN : 0) | (what & NET_SEND ? POLLOUT : 0),
	};
	if (poll(fds, NET_WAKES + 1, -1) < 0)
		return true;
	memcpy(wake, fds, NET_WAKES * sizeof(fds[0]));
	return !(own->revents & (POLLERR | POLLHUP | POLLNVAL));
}
