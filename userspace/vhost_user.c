// SPDX-License-Identifier: GPL-2.0
/*
 * The front end of vhost-user.
 *
 * Messages are few, when a driver starts and when it ends; what it does in between never comes
 * here.  It knows rings and memory, not what the rings carry.
 */
#include <errno.h>
#include <linux/vhost_types.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "event_fd.h"
#include "message.h"
#include "server.h"
#include "vhost_user.h"
#include "virtio.h"

enum {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
};

#define F_PROTOCOL_FEATURES	30		/* of the features */
#define PROTOCOL_REPLY_ACK	3

#define FLAG_VERSION		1u
#define FLAG_REPLY		(1u << 2)
#define FLAG_NEED_REPLY		(1u << 3)

#define FDS_MAX			MACHINE_REGIONS_MAX

/*
 * @user is where rings are looked for.  To be where the memory is in us is usual, but nothing needs
 * it; guest-physical addresses are the same for each machine, and a table may be set while rings of
 * the machine before are remembered.
 */
struct region {
	uint64_t gpa, bytes, user, offset;
};

struct message {
	uint32_t request, flags, bytes;
	union {
		uint64_t number;
		struct vhost_vring_state state;
		struct vhost_vring_addr addr;
		struct {
			uint32_t nr, padding;
			struct region region[MACHINE_REGIONS_MAX];
		} memory;
	};
} __attribute__((packed));

#define HEADER_BYTES	12u
#define MS_PER_S	1000
#define END_SECONDS	2	/* until one that was killed has ended */
#define REAP_MS		100u	/* from its last file closed to its end */

/* Messages */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * MS_PER_S + ts.tv_nsec / 1000000;
}

static void have_seconds(struct vhost_user *u, int seconds)
{
	u->deadline_ms = now_ms() + seconds * MS_PER_S;
}

/* @events: 0 waits for the end of the connection.  Return: 0, or -ETIMEDOUT at the deadline. */
static int wait_for(const struct vhost_user *u, short events)
{
	struct pollfd p = { .fd = u->fd, .events = events };
	int64_t left;

	while ((left = u->deadline_ms - now_ms()) > 0) {
		if (poll(&p, 1, left) > 0)
			return 0;
	}
	return -ETIMEDOUT;
}

/* Not now, but perhaps soon. */
static bool can_wait(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static int put(const struct vhost_user *u, const struct message *message, const int *fds,
	       unsigned int nr_fds)
{
	union {
		struct cmsghdr header;
		uint8_t room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec iov = {
		.iov_base = (void *)message, .iov_len = HEADER_BYTES + message->bytes
	};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;
	int err;

	if (nr_fds) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, nr_fds * sizeof(int));
	}
	do {
		err = wait_for(u, POLLOUT);
		if (err)
			return err;
		n = sendmsg(u->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && can_wait());
	if (n < 0)
		return -errno;
	return (size_t)n == iov.iov_len ? 0 : -EIO;
}

static int get_bytes(const struct vhost_user *u, void *to, size_t bytes)
{
	ssize_t n;
	int err;

	for (size_t done = 0; done < bytes; done += n) {
		err = wait_for(u, POLLIN);
		if (err)
			return err;
		n = recv(u->fd, (uint8_t *)to + done, bytes - done, MSG_DONTWAIT);
		if (!n)
			return -ECONNRESET;
		if (n < 0 && !can_wait())
			return -errno;
		if (n < 0)
			n = 0;
	}
	return 0;
}

/* The answer to @request, of @bytes. */
static int get(const struct vhost_user *u, uint32_t request, struct message *answer,
	       uint32_t bytes)
{
	int err = get_bytes(u, answer, HEADER_BYTES);

	if (err)
		return err;
	if (answer->request != request || answer->bytes != bytes || !(answer->flags & FLAG_REPLY))
		return -EPROTO;
	return get_bytes(u, &answer->number, bytes);
}

static int tell_with(const struct vhost_user *u, struct message *message, const int *fds,
		     unsigned int nr_fds)
{
	struct message answer;
	int err;

	message->flags = FLAG_VERSION | (u->acknowledges ? FLAG_NEED_REPLY : 0);
	err = put(u, message, fds, nr_fds);
	if (err || !u->acknowledges)
		return err;
	err = get(u, message->request, &answer, sizeof(answer.number));
	return err ? err : answer.number ? -EREMOTEIO : 0;
}

static int tell(const struct vhost_user *u, uint32_t request, uint64_t number)
{
	struct message m = { .request = request, .bytes = sizeof(number), .number = number };

	return tell_with(u, &m, NULL, 0);
}

static int tell_ring(const struct vhost_user *u, uint32_t request, unsigned int n,
		     unsigned int value)
{
	struct message m = {
		.request = request,
		.bytes = sizeof(m.state),
		.state = { .index = n, .num = value },
	};

	return tell_with(u, &m, NULL, 0);
}

/* Of kick and call: the ring's number, and bit 8 for no fd. */
static int tell_fd(const struct vhost_user *u, uint32_t request, unsigned int n, int fd)
{
	struct message m = {
		.request = request,
		.bytes = sizeof(m.number),
		.number = n | (fd < 0 ? 1u << 8 : 0),
	};

	return tell_with(u, &m, &fd, fd >= 0);
}

static int ask(const struct vhost_user *u, uint32_t request, uint64_t *number)
{
	struct message m = { .request = request, .flags = FLAG_VERSION };
	int err = put(u, &m, NULL, 0);

	if (!err)
		err = get(u, request, &m, sizeof(m.number));
	if (!err)
		*number = m.number;
	return err;
}

/* Starting */

static int set_memory(const struct vhost_user *u)
{
	struct machine_region regions[MACHINE_REGIONS_MAX];
	struct message m = { .request = SET_MEM_TABLE };
	int fds[FDS_MAX], fd = machine_memory_fd(u->m);

	if (fd < 0)
		return -ENOTSUP;
	m.memory.nr = machine_memory_regions(u->m, regions);
	m.bytes = offsetof(struct message, memory.region[m.memory.nr]) - HEADER_BYTES;
	for (unsigned int i = 0; i < m.memory.nr; i++) {
		m.memory.region[i] = (struct region) {
			.gpa = regions[i].gpa,
			.bytes = regions[i].bytes,
			.user = regions[i].gpa,
			/* One file has it all, from guest-physical 0 on. */
			.offset = (uint8_t *)regions[i].host - (uint8_t *)regions[0].host,
		};
		fds[i] = fd;
	}
	return tell_with(u, &m, fds, m.memory.nr);
}

static int set_addresses(const struct vhost_user *u, unsigned int n, const struct virtq *q)
{
	struct message m = {
		.request = SET_VRING_ADDR,
		.bytes = sizeof(m.addr),
		.addr = {
			.index = n,
			.desc_user_addr = q->desc,
			.avail_user_addr = q->driver,
			.used_user_addr = q->device,
		},
	};

	return tell_with(u, &m, NULL, 0);
}

static int start_ring(struct vhost_user *u, unsigned int n)
{
	const struct virtq *q = virtio_queue(u->vd, n);
	int call_fd = virtio_call_fd(u->vd, n), err;

	if (!q)
		return 0;
	if (call_fd < 0) {
		u->call_queue = n;
		call_fd = u->call_fd;
	}
	err = tell_ring(u, SET_VRING_NUM, n, q->size);
	if (!err)
		err = tell_ring(u, SET_VRING_BASE, n, 0);
	if (!err)
		err = set_addresses(u, n, q);
	if (!err)
		err = tell_fd(u, SET_VRING_CALL, n, call_fd);
	if (!err)
		err = tell_fd(u, SET_VRING_KICK, n, virtio_kick_fd(u->vd, n));
	if (!err)
		err = tell_ring(u, SET_VRING_ENABLE, n, 1);
	return err;
}

/* Of any ring without an eventfd of its own: the driver looks at all of them. */
static void called(void *opaque, uint32_t events)
{
	struct vhost_user *u = opaque;

	(void)events;
	if (event_fd_take(u->call_fd))
		virtio_interrupt(u->vd, u->call_queue);
}

static void unwatch(struct vhost_user *u)
{
	machine_watch_fd(u->m, u->fd, 0, NULL, NULL);
	machine_watch_fd(u->m, u->call_fd, 0, NULL, NULL);
}

/*
 * It does not do as it is told, and has the guest's memory: it must be gone before a driver uses
 * its rings' pages for something else.  The kernel closes its socket behind its memory.
 */
static void end(struct vhost_user *u)
{
	u->gone = true;
	u->queues = 0;
	server_kill(u->pid);
	have_seconds(u, END_SECONDS);
	if (!wait_for(u, 0))
		return;
	message("a process that serves a device, %d, cannot be killed, and could write to the "
		"guest's memory; look what it waits for", u->pid);
	machine_request_stop(u->m, MACHINE_ERROR, 0);
}

/* Where that was a vCPU's business, it is left until somebody asks. */
static void reap(struct vhost_user *u, unsigned int ms)
{
	if (!u->reaped)
		u->reaped = server_reap(u->pid, ms);
}

bool vhost_user_ended(struct vhost_user *u)
{
	struct pollfd p = { .fd = u->fd };

	if (!u->gone && poll(&p, 1, 0) <= 0)
		return false;
	if (!u->gone && !u->queues) {
		server_kill(u->pid);	/* it may only have closed its socket */
		u->gone = true;
	}
	if (u->gone)
		reap(u, 0);
	return true;
}

static void spoke(void *opaque, uint32_t events)
{
	struct vhost_user *u = opaque;

	(void)events;
	unwatch(u);
	end(u);
	reap(u, REAP_MS);
	virtio_broken(u->vd, "the process that serves it has ended");
}

int vhost_user_start(struct vhost_user *u, struct machine *m, struct virtio_device *vd,
		     unsigned int queues)
{
	int err;

	if (u->gone)
		return -ENOTCONN;
	u->m = m;
	u->vd = vd;
	have_seconds(u, VHOST_USER_SECONDS);
	err = tell(u, SET_FEATURES, virtio_features(vd) | 1ull << F_PROTOCOL_FEATURES);
	if (!err)
		err = set_memory(u);
	for (u->queues = 0; !err && u->queues < queues; u->queues++)
		err = start_ring(u, u->queues);
	if (!err)
		err = machine_watch_fd(m, u->call_fd, EPOLLIN, called, u);
	if (!err)
		err = machine_watch_fd(m, u->fd, EPOLLIN | EPOLLRDHUP, spoke, u);
	if (err == -EREMOTEIO || err == -ENOTSUP) {
		vhost_user_stop(u);
	} else if (err) {
		unwatch(u);
		end(u);
	}
	return err;
}

/* A ring has stopped when it has said how far it was. */
static int stop_ring(struct vhost_user *u, unsigned int n)
{
	struct message m = {
		.request = GET_VRING_BASE,
		.flags = FLAG_VERSION,
		.bytes = sizeof(m.state),
		.state = { .index = n },
	};

	int err;

	if (!virtio_queue(u->vd, n))
		return 0;
	err = put(u, &m, NULL, 0);
	return err ? err : get(u, GET_VRING_BASE, &m, sizeof(m.state));
}

void vhost_user_stop(struct vhost_user *u)
{
	int err = 0;

	if (u->gone)
		return;
	unwatch(u);
	have_seconds(u, VHOST_USER_SECONDS);
	while (!err && u->queues)
		err = stop_ring(u, --u->queues);
	if (!err)
		return;
	message("the process %d that serves a device does not stop (%s): it is killed", u->pid,
		strerror(-err));
	end(u);
}

/* Life */

static int greet(struct vhost_user *u)
{
	struct message owner = { .request = SET_OWNER, .flags = FLAG_VERSION };
	uint64_t protocol;
	int err = ask(u, GET_FEATURES, &u->features);

	if (!err)
		err = put(u, &owner, NULL, 0);
	if (!err && !(u->features >> F_PROTOCOL_FEATURES & 1))
		err = -EPROTO;
	if (!err)
		err = ask(u, GET_PROTOCOL_FEATURES, &protocol);
	if (!err)
		err = tell(u, SET_PROTOCOL_FEATURES, protocol & 1ull << PROTOCOL_REPLY_ACK);
	if (!err)
		u->acknowledges = protocol >> PROTOCOL_REPLY_ACK & 1;
	return err;
}

int vhost_user_open(struct vhost_user *u, int fd, pid_t pid)
{
	int err;

	*u = (struct vhost_user) { .fd = fd, .pid = pid };
	have_seconds(u, VHOST_USER_OPEN_SECONDS);
	u->call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	err = u->call_fd < 0 ? -errno : greet(u);
	if (err) {
		server_kill(pid);
		vhost_user_close(u);
	}
	return err;
}

void vhost_user_close(struct vhost_user *u)
{
	if (u->call_fd >= 0)
		close(u->call_fd);
	close(u->fd);
	u->fd = -1;
}
