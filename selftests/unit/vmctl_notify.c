// SPDX-License-Identifier: GPL-2.0
// needs: userspace/notify.c userspace/message.c userspace/terminal.c
/*
 * The service manager is told once that the VM runs, at a socket with a name or an abstract one;
 * what is wrong with the socket is said, and is no reason not to run.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../userspace/notify.h"
#include "tap.h"

/* A manager's socket at @path of @bytes, which may begin with NUL. */
static int manager(const char *path, size_t bytes)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(address.sun_path, path, bytes);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address,
			   offsetof(struct sockaddr_un, sun_path) + bytes))
		ksft_exit_fail_msg("cannot bind a socket: %s\n", strerror(errno));
	return fd;
}

static bool heard(int fd)
{
	char text[64];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);

	return n == 7 && !memcmp(text, "READY=1", 7) && recv(fd, text, 1, MSG_DONTWAIT) < 0;
}

static bool silent(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void tells(int theirs, const char *path, const char *what)
{
	int fd;

	setenv("NOTIFY_SOCKET", path, 1);
	fd = notify_open();
	ksft_test_result(fd >= 0 && silent(theirs), "%s: nothing before it is ready\n", what);
	ksft_test_result(!getenv("NOTIFY_SOCKET"), "%s: nor by anything that vmctl starts\n", what);
	notify_ready(fd);
	ksft_test_result(heard(theirs), "%s: then that it is\n", what);
	close(theirs);
}

/* Return: whether vmctl goes on without, and has said why in @words. */
static bool refused(const char *path, const char *words)
{
	FILE *said = tmpfile();
	int saved = dup(STDERR_FILENO);
	char text[512];
	ssize_t n;
	int fd;

	if (!said || saved < 0)
		ksft_exit_fail_msg("no file\n");
	dup2(fileno(said), STDERR_FILENO);
	setenv("NOTIFY_SOCKET", path, 1);
	fd = notify_open();
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(fileno(said), text, sizeof(text) - 1, 0);
	text[n < 0 ? 0 : n] = '\0';
	fclose(said);
	return fd < 0 && !getenv("NOTIFY_SOCKET") && strstr(text, "NOTIFY_SOCKET=") &&
	       strstr(text, words);
}

int main(void)
{
	char dir[] = "/tmp/notify.XXXXXX", path[64], name[sizeof(path) + 1], longest[200];
	int fd, ours;

	ksft_print_header();
	ksft_set_plan(12);
	if (!mkdtemp(dir))
		ksft_exit_fail_msg("no directory\n");
	snprintf(path, sizeof(path), "%s/socket", dir);
	unsetenv("NOTIFY_SOCKET");
	ksft_test_result(notify_open() < 0, "no manager: nobody is told\n");

	tells(manager(path, strlen(path) + 1), path, "a name");
	ksft_test_result(refused(path, strerror(ECONNREFUSED)), "a manager that is gone\n");
	unlink(path);
	ksft_test_result(refused(path, strerror(ENOENT)), "one that never was\n");
	snprintf(name, sizeof(name), "@%s", path);
	name[0] = '\0';
	fd = manager(name, strlen(path) + 1);
	name[0] = '@';
	tells(fd, name, "an abstract name");

	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	ksft_test_result(refused(longest, strerror(EINVAL)), "a name too long\n");
	ksft_test_result(refused("vsock:2:1", strerror(EINVAL)), "another kind of socket\n");

	setenv("NOTIFY_SOCKET", path, 1);
	fd = manager(path, strlen(path) + 1);
	ours = notify_open();
	close(fd);
	notify_ready(ours);
	ksft_test_result_pass("a manager that ends in between is no signal\n");
	unlink(path);
	rmdir(dir);
	ksft_finished();
}
