// SPDX-License-Identifier: GPL-2.0
// needs: userspace/console.c userspace/socket.c userspace/keeper.c userspace/terminal.c
// needs: userspace/message.c
/*
 * A console on a Unix socket, with real clients: who is there and who is not, bytes both ways,
 * clients that come, go, do not read and do not stop; the socket's name, its mode, and what a vmctl
 * that is gone has left. And a named port's file that fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../userspace/console.h"
#include "../../userspace/socket.h"
#include "event_loop.h"
#include "tap.h"

/* ---- the guest's end ----------------------------------------------------------------------- */

static struct console *console;
static char received[8192];
static unsigned int nr_received, room, writable_calls, connected_calls;

static unsigned int receive(void *opaque, const void *data, unsigned int bytes)
{
	if (bytes > room)
		bytes = room;
	memcpy(received + nr_received, data, bytes);
	nr_received += bytes;
	room -= bytes;
	return bytes;
}

static void writable(void *opaque)
{
	writable_calls++;
}

static void connected(void *opaque)
{
	connected_calls++;
}

unsigned int uart_receive(struct uart *uart, const void *data, unsigned int bytes)
{
	abort();
}

void uart_console_writable(struct uart *uart)
{
	abort();
}

static const struct console_end end = { receive, writable, connected };

/* The end reads again: @bytes. */
static void give_room(unsigned int bytes)
{
	room = bytes;
	console_input_room(console);
}

/* ---- the host ------------------------------------------------------------------------------ */

static char dir[32] = "/tmp/consoleXXXXXX", path[64], spec[80];
static char big[4u << 20], got[sizeof(big)];

static void attach(void)
{
	memset(&machine, 0, sizeof(machine));
	machine.epoll_fd = epoll_create1(0);
	if (console_attach_end(console, M, &end, NULL))
		ksft_exit_fail_msg("cannot attach\n");
}

static void open_it(void)
{
	nr_received = 0;
	writable_calls = 0;
	connected_calls = 0;
	room = sizeof(received);
	console = console_open(spec, "a test");
	if (!console)
		ksft_exit_fail_msg("no console\n");
	attach();
}

static void close_it(void)
{
	console_detach(console);
	console_close(console);
	close(machine.epoll_fd);
}

static int call(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(addr.sun_path, path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool hear(int fd, const char *text)
{
	char buffer[256] = "";
	ssize_t n = read(fd, buffer, sizeof(buffer));

	return n == (ssize_t)strlen(text) && !memcmp(buffer, text, n);
}

static bool is_over(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 0;
}

static void say(const char *text)
{
	if (console_write(console, text, strlen(text)) != (int)strlen(text))
		ksft_print_msg("not all was taken\n");
	console_push(console);
}

static bool heard(const char *text)
{
	bool same = nr_received == strlen(text) && !memcmp(received, text, nr_received);

	nr_received = 0;
	return same;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void test_both_ways(void)
{
	bool before, there, out, in, gone, again;
	int fd;

	open_it();
	say("nobody hears this");
	before = !console_connected(console) && !connected_calls;
	fd = call();
	loop(5);
	there = console_connected(console) && connected_calls == 1;
	say("hello");
	out = hear(fd, "hello");
	in = write(fd, "how are you", 11) == 11;
	loop(5);
	in = in && heard("how are you");
	close(fd);
	loop(5);
	gone = !console_connected(console) && connected_calls == 2;
	say("nobody hears this");
	fd = call();
	loop(5);
	say("again");
	again = connected_calls == 3 && hear(fd, "again");
	close(fd);
	close_it();
	ksft_test_result(before && there, "socket: who is there\n");
	ksft_test_result(out && in, "socket: bytes both ways\n");
	ksft_test_result(gone, "socket: a client that goes\n");
	ksft_test_result(again, "socket: the next one hears nothing of before\n");
}

/* One at a time; the second has its turn when the first is gone. */
static void test_two_clients(void)
{
	int one, two;
	bool ok;

	open_it();
	one = call();
	two = call();
	loop(5);
	say("a");
	ok = hear(one, "a") && !hear(two, "a");
	close(one);
	loop(5);
	say("b");
	ok = ok && hear(two, "b") && connected_calls == 3;
	close(two);
	close_it();
	ksft_test_result(ok, "socket: one client at a time\n");
}

static void test_slow_reader(void)
{
	unsigned int sent = 0, nr_got = 0;
	bool stopped;
	int fd;
	ssize_t n;

	for (unsigned int i = 0; i < sizeof(big); i++)
		big[i] = i * 31 + i / 1000;
	open_it();
	fd = call();
	loop(5);
	while ((n = console_write(console, big + sent, sizeof(big) - sent)) > 0)
		sent += n;
	loop(5);
	stopped = sent < sizeof(big) && !writable_calls;
	while (nr_got < sizeof(big)) {
		n = read(fd, got + nr_got, sizeof(got) - nr_got);
		if (n > 0)
			nr_got += n;
		loop(1);
		while (sent < sizeof(big) &&
		       (n = console_write(console, big + sent, sizeof(big) - sent)) > 0)
			sent += n;
		console_push(console);
	}
	close(fd);
	close_it();
	ksft_test_result(stopped && writable_calls, "socket: who does not read is waited for\n");
	ksft_test_result(!memcmp(big, got, sizeof(big)), "socket: and loses nothing\n");
}

/* A client that does not read, and goes: the guest goes on. */
static void test_deserter(void)
{
	unsigned int sent = 0;
	bool waits;
	int fd, n;

	open_it();
	fd = call();
	loop(5);
	while ((n = console_write(console, big + sent, sizeof(big) - sent)) > 0)
		sent += n;
	loop(5);
	waits = !writable_calls;
	close(fd);
	loop(5);
	ksft_test_result(waits && writable_calls && !console_connected(console),
			 "socket: a reader that goes away is not waited for\n");
	fd = call();
	loop(5);
	say("new");
	ksft_test_result(hear(fd, "new"), "socket: and its bytes are not the next one's\n");
	close(fd);
	close_it();
}

/* The guest does not read: neither does vmctl, beyond its buffer; nothing is lost. */
static void test_slow_guest(void)
{
	unsigned int taken = 0, total = 0;
	bool bounded;
	int fd;
	ssize_t n;

	open_it();
	room = 0;
	fd = call();
	for (int i = 0; i < 50; i++) {
		n = write(fd, big, sizeof(big) / 8);
		if (n > 0)
			total += n;
		loop(1);
	}
	bounded = total < 1 << 20;
	for (int i = 0; taken < total && i < 1000; i++) {
		give_room(sizeof(received));
		loop(1);
		taken += nr_received;
		nr_received = 0;
	}
	close(fd);
	close_it();
	ksft_test_result(bounded, "socket: a guest that does not read stops the client\n");
	ksft_test_result(taken == total, "socket: and gets all in the end (%u of %u)\n", taken,
			 total);
}

/* What the last client said and the guest has not read yet is not the next one's. */
static void test_leftover_input(void)
{
	bool ok;
	int fd;

	open_it();
	room = 0;
	fd = call();
	ok = write(fd, "old", 3) == 3;
	loop(5);
	close(fd);
	loop(5);
	fd = call();
	loop(5);
	ok = ok && write(fd, "new", 3) == 3;
	give_room(100);
	loop(5);
	ksft_test_result(ok && heard("new"), "socket: input of a client that is gone\n");
	close(fd);
	close_it();
}

/* A guest that reads nothing does not keep one away whom the last client has made room for. */
static void test_gone_unheard(void)
{
	unsigned int sent = 0, taken = 0;
	bool gone;
	ssize_t n;
	int fd;

	open_it();
	room = 0;
	fd = call();
	loop(5);
	while (sent < 10000 && (n = write(fd, big, 1000)) > 0)
		sent += n;
	loop(5);
	close(fd);
	loop(5);
	gone = !console_connected(console);
	for (int i = 0; taken < sent && i < 100; i++) {
		give_room(500);
		loop(1);
		taken += nr_received;
		nr_received = 0;
	}
	ksft_test_result(gone && sent == 10000 && taken == sent,
			 "socket: a client that has said all is gone, and heard (%u)\n", taken);

	room = 0;
	fd = call();
	loop(5);
	n = write(fd, big, 10000);
	loop(5);
	close(fd);
	loop(5);
	fd = call();
	loop(5);
	gone = n == 10000 && console_connected(console) && write(fd, "new", 3) == 3;
	give_room(100);
	loop(5);
	ksft_test_result(gone && heard("new"), "socket: the next one need not wait for that\n");
	close(fd);
	close_it();
}

static unsigned int nr_accepts;
static int accept_error;

/* Instead of the C library's. */
int accept4(int fd, struct sockaddr *addr, socklen_t *length, int flags)
{
	nr_accepts++;
	errno = accept_error;
	return accept_error ? -1 : syscall(SYS_accept4, fd, addr, length, flags);
}

/* No descriptor is left: the loop has not more to do, and who waits gets in later. */
static void test_no_descriptor(void)
{
	bool rests, waits;
	int fd;

	open_it();
	nr_accepts = 0;
	accept_error = EMFILE;
	fd = call();
	loop(200);
	rests = nr_accepts >= 1 && nr_accepts <= 3;
	accept_error = 0;
	waits = !console_connected(console);
	loop(1500);
	say("in");
	ksft_test_result(rests && waits && console_connected(console) && hear(fd, "in"),
			 "socket: no descriptor for a client, for a while (%u tries)\n",
			 nr_accepts);
	close(fd);
	close_it();
}

/* A reset of the guest is none of the client's business. */
static void test_reset(void)
{
	bool ok;
	int fd;

	open_it();
	fd = call();
	loop(5);
	console_detach(console);
	ok = write(fd, "early", 5) == 5;
	close(machine.epoll_fd);
	attach();
	loop(5);
	ok = ok && heard("early") && console_connected(console);
	say("still here");
	ok = ok && hear(fd, "still here");
	console_detach(console);
	console_close(console);
	close(machine.epoll_fd);
	ksft_test_result(ok && is_over(fd), "socket: over a reset, up to the end\n");
	close(fd);
}

static void test_name(void)
{
	struct socket_name dead;
	struct console *second;
	struct stat st;
	bool ok, left;
	int fd;

	open_it();
	ok = !lstat(path, &st) && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600;
	second = console_open(spec, "a second");
	ksft_test_result(ok && !second, "socket: only its owner's, and of one vmctl\n");
	close_it();
	ksft_test_result(lstat(path, &st) == -1, "socket: its name goes with it\n");

	socket_listen(&dead, path, "one that dies");
	close(dead.fd);				/* and its keeper, too: they leave the name */
	kill(dead.keeper.pid, SIGKILL);
	keeper_end(&dead.keeper);
	left = !lstat(path, &st);
	open_it();
	fd = call();
	ksft_test_result(left && fd >= 0, "socket: a left-over one is replaced\n");
	close(fd);
	close_it();

	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	second = console_open(spec, "a file");
	ksft_test_result(!second && !lstat(path, &st) && S_ISREG(st.st_mode),
			 "socket: a file in its place stays\n");
	unlink(path);
	memset(big, 'x', 200);
	memcpy(big, "unix:", 5);
	big[200] = '\0';
	ksft_test_result(!console_open(big, "too long"), "socket: a path that is too long\n");
}

static bool holds_directory(void)
{
	struct stat st;

	for (int fd = 0; fd < 256; fd++) {
		if (!fstat(fd, &st) && S_ISDIR(st.st_mode))
			return true;
	}
	return false;
}

/* The name goes also with a vmctl that cannot do it, and nobody else's goes. */
static void test_keeper(void)
{
	struct socket_name s;
	struct stat st;
	bool there;
	pid_t pid;

	pid = fork();
	if (!pid) {
		socket_listen(&s, path, "one that is killed");
		for (;;)
			pause();
	}
	for (int i = 0; i < 500 && lstat(path, &st); i++)
		usleep(10000);
	/* Its keeper is there when it waits for the guest. */
	usleep(300000);
	there = !lstat(path, &st);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 500 && !lstat(path, &st); i++)
		usleep(10000);
	ksft_test_result(there && lstat(path, &st), "socket: its name goes with a killed vmctl\n");

	open_it();
	ksft_test_result(!holds_directory(), "socket: vmctl holds no directory\n");
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	close_it();
	ksft_test_result(!lstat(path, &st), "socket: what has its name now stays\n");
	unlink(path);
}

/* A named port that cannot write: the machine goes on without. */
static void test_not_vital(void)
{
	bool ok;

	console = console_open("file:/dev/full", "a port");
	if (!console)
		ksft_exit_fail_msg("no console\n");
	console_not_vital(console);
	connected_calls = 0;
	attach();
	ok = console_connected(console);
	say("lost");
	loop(5);
	ok = ok && !console_connected(console) && connected_calls == 1 && !machine.stops;
	say("lost, too");
	close_it();
	ksft_test_result(ok, "a port whose file is full\n");
}

int main(void)
{
	setbuf(stdout, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/socket", dir);
	snprintf(spec, sizeof(spec), "unix:%s", path);
	ksft_print_header();
	ksft_set_plan(25);
	test_both_ways();
	test_two_clients();
	test_slow_reader();
	test_deserter();
	test_slow_guest();
	test_leftover_input();
	test_gone_unheard();
	test_no_descriptor();
	test_reset();
	test_name();
	test_keeper();
	test_not_vital();
	rmdir(dir);
	ksft_finished();
}
