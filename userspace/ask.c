// SPDX-License-Identifier: GPL-2.0
/*
 * It must not trust the answer more than its user's: whoever has the socket may be a VM's process
 * that its guest has taken over.  The answer is bounded, and so is the time that it may take.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ask.h"
#include "control_protocol.h"
#include "json.h"
#include "message.h"
#include "netlink.h"
#include "options.h"
#include "run_dir.h"

#define ANSWER_MAX	(1 << 20)
#define ANSWER_DEPTH	16
#define WHY_BYTES	256

struct json_object *ask_for(const char *command)
{
	struct json_object *request = json_object_new_object();

	json_add_text(request, "command", command);
	return request;
}

/* A socket in the directory of @uid's VMs, or -errno with words in @why. */
static int connect_at(uid_t uid, const char *name, char *why)
{
	int dir = run_dir_open(uid, false, why, WHY_BYTES), fd;

	if (dir < 0)
		return -ENOENT;
	fd = run_dir_connect(dir, name);
	close(dir);
	if (fd < 0)
		strcpy(why, fd == -ENOENT ? "it has no control socket there" : strerror(-fd));
	return fd;
}

/* Whether the VM's own user is at the other end. */
static bool is_users(int fd, uid_t uid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.uid == uid;
}

int ask_connect(const char *name)
{
	char why[WHY_BYTES];
	struct vm_info *vm;
	int fd = connect_at(geteuid(), name, why);

	if (fd >= 0)
		return fd;
	/* The kernel knows whether there is such a VM at all, and whose it is. */
	vm = malloc(sizeof(*vm));
	if (!vm || !vm_find(name, vm)) {
		if (!vm)
			message("out of memory");
		free(vm);
		return -1;
	}
	if (vm->uid != geteuid())
		fd = connect_at(vm->uid, name, why);
	if (fd >= 0 && !is_users(fd, vm->uid)) {
		close(fd);
		fd = -EPERM;
		strcpy(why, "another user has its control socket");
	}
	if (fd < 0)
		message("%s: cannot reach the VM's process (%u): %s", name, vm->pid, why);
	free(vm);
	return fd < 0 ? -1 : fd;
}

/* Return: whether @fd has one of @events before @end. */
static bool ready(int fd, short events, double end)
{
	struct pollfd p = { .fd = fd, .events = events };
	double left;
	int n;

	do {
		left = end - now_seconds();
		n = poll(&p, 1, end < 0 ? -1 : left > 0 ? left * 1000 + 1 : 0);
	} while (n < 0 && errno == EINTR);
	return n == 1;
}

/* With @nr open files, CONTROL_FDS_MAX at most.  As send(). */
static ssize_t send_with(int fd, const char *data, size_t bytes, const int *fds, unsigned int nr)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(CONTROL_FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (char *)data, bytes };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (nr) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(nr * sizeof(*fds));
		memcpy(CMSG_DATA(&control.header), fds, nr * sizeof(*fds));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(nr * sizeof(*fds));
	}
	return sendmsg(fd, &msg, MSG_NOSIGNAL);
}

/* Return: 0 or -errno. */
static int send_all(int fd, const char *data, size_t bytes, const int *fds, unsigned int nr,
		    double end)
{
	ssize_t n;

	while (bytes) {
		if (!ready(fd, POLLOUT, end))
			return -ETIMEDOUT;
		n = send_with(fd, data, bytes, fds, nr);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			bytes -= n;
			nr = 0;
		}
	}
	return 0;
}

/* A line, as @len bytes without its end.  Return: 0 or -errno; -ECONNRESET: it ended before. */
static int read_line(int fd, char *line, size_t *len, double end)
{
	char *at = line, *newline;
	ssize_t n;

	while (at < line + ANSWER_MAX) {
		if (!ready(fd, POLLIN, end))
			return -ETIMEDOUT;
		/* First a look: what is behind the line stays. */
		n = recv(fd, at, line + ANSWER_MAX - at, MSG_PEEK);
		if (!n)
			return -ECONNRESET;
		newline = n > 0 ? memchr(at, '\n', n) : NULL;
		if (n > 0)
			n = recv(fd, at, newline ? newline + 1 - at : n, 0);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (newline && n > 0) {
			*len = newline - line;
			return 0;
		}
		at += n > 0 ? n : 0;
	}
	return -EMSGSIZE;
}

static void failed(const char *name, int error)
{
	if (error == -ETIMEDOUT)
		message("%s: the VM's process does not answer; is it stopped? vmctl list shows its "
			"number, and kill -9 ends it", name);
	else if (error == -ECONNRESET || error == -EPIPE)
		message("%s: the VM's process has ended without an answer; was it killed?", name);
	else
		message("%s: %s", name, strerror(-error));
}

/* An answer that says "ok", or NULL after a message. */
static struct json_object *understand(const char *name, const char *line, size_t len)
{
	struct json_object *answer, *value;
	char why[WHY_BYTES];

	answer = json_parse(line, len, 1, ANSWER_DEPTH, why, sizeof(why));
	if (!answer) {
		message("%s: the VM's process gave no proper answer: %s", name, why);
		return NULL;
	}
	if (json_object_object_get_ex(answer, "ok", &value) && json_object_get_boolean(value))
		return answer;
	if (json_object_object_get_ex(answer, "error", &value))
		message("%s: %s", name, json_object_get_string(value));
	else
		message("%s: the VM's process says no, and not why", name);
	json_object_put(answer);
	return NULL;
}

struct json_object *ask(int fd, const char *name, struct json_object *request, int seconds)
{
	return ask_with(fd, name, request, NULL, 0, seconds);
}

struct json_object *ask_with(int fd, const char *name, struct json_object *request, const int *fds,
			     unsigned int nr, int seconds)
{
	const char *text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_NOSLASHESCAPE);
	double end = seconds == ASK_FOREVER ? -1 : now_seconds() + seconds;
	struct json_object *answer = NULL;
	char *line = malloc(ANSWER_MAX);
	size_t len = 0;
	int error = line ? 0 : -ENOMEM;

	if (!error)
		error = send_all(fd, text, strlen(text), fds, nr, end);
	if (!error)
		error = send_all(fd, "\n", 1, NULL, 0, end);
	if (!error)
		error = read_line(fd, line, &len, end);
	if (error)
		failed(name, error);
	else
		answer = understand(name, line, len);
	free(line);
	json_object_put(request);
	return answer;
}
