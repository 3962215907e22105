// SPDX-License-Identifier: GPL-2.0
// needs: userspace/control.c userspace/control_protocol.c userspace/json.c
// libs: -ljson-c
/*
 * The control socket between clients of all kinds and a handler, a console and a run directory that
 * are played here: what is malformed is answered with its place, and nobody who is slow, greedy,
 * rude or gone makes the VM's process grow, wait or spin.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../userspace/console.h"
#include "../../userspace/control.h"
#include "../../userspace/json.h"
#include "../../userspace/run_dir.h"
#include "tap.h"

#define MAX_CLIENTS	32
#define BUFFER		(4 << 20)

/* ---- requests --------------------------------------------------------------------------- */

static void good(const char *text, enum control_command command, uint64_t value)
{
	struct control_request q = { 0 };
	char why[320] = "";
	bool ok = control_parse(text, strlen(text), 1, &q, why, sizeof(why)) &&
		  q.command == command;

	if (command == CONTROL_STOP)
		ok = ok && q.value[CONTROL_TIMEOUT] == value;
	if (command == CONTROL_SET)
		ok = ok && q.value[q.given & 1 << CONTROL_BALLOON ? CONTROL_BALLOON :
								CONTROL_CPU_SHARES] == value;
	if (command == CONTROL_ATTACH)
		ok = ok && !strcmp(q.text[CONTROL_KIND], "disk") &&
		     strlen(q.text[CONTROL_OPTION]) == value;
	if (command == CONTROL_REGS || command == CONTROL_WALK)
		ok = ok && q.value[CONTROL_VCPU] == value;
	if (command == CONTROL_DETACH)
		ok = ok && !strcmp(q.text[CONTROL_ID], "net0");
	if (!ok)
		ksft_print_msg("%s\n", why);
	ksft_test_result(ok, "good: %.80s\n", text);
}

/* An option of so many bytes. */
static const char *attach_text(unsigned int bytes)
{
	static char text[2048];
	int n = sprintf(text, "{\"command\":\"attach\",\"kind\":\"disk\",\"option\":\"");

	memset(text + n, 'x', bytes);
	strcpy(text + n + bytes, "\"}");
	return text;
}

static void bad_bytes(const char *text, size_t len, const char *wanted, const char *name)
{
	struct control_request q;
	char why[320] = "";
	bool ok = !control_parse(text, len, 7, &q, why, sizeof(why)) && !strcmp(why, wanted);

	if (!ok)
		ksft_print_msg("'%s'\n", why);
	ksft_test_result(ok, "bad: %s\n", name);
}

static void bad(const char *text, const char *wanted)
{
	bad_bytes(text, strlen(text), wanted, wanted);
}

#define TEN	"0123456789"
#define COMMANDS "pause, resume, stop, reset, nmi, wait, inspect, set, console, attach, detach, " \
		 "key, regs, code, walk, dump, screen, screenshot"

static void test_requests(void)
{
	good("{\"command\":\"pause\"}", CONTROL_PAUSE, 0);
	good(" { \"command\" : \"resume\" } \r", CONTROL_RESUME, 0);
	good("{\"command\":\"stop\"}", CONTROL_STOP, 30);
	good("{\"timeout\":0,\"command\":\"stop\"}", CONTROL_STOP, 0);
	good("{\"command\":\"stop\",\"timeout\":86400}", CONTROL_STOP, 86400);
	good("{\"command\":\"reset\"}", CONTROL_RESET, 0);
	good("{\"command\":\"nmi\"}", CONTROL_NMI, 0);
	good("{\"command\":\"wait\"}", CONTROL_WAIT, 0);
	good("{\"command\":\"inspect\"}", CONTROL_INSPECT, 0);
	good("{\"command\":\"console\"}", CONTROL_CONSOLE, 0);
	good("{\"command\":\"screen\"}", CONTROL_SCREEN, 0);
	good("{\"command\":\"screenshot\"}", CONTROL_SCREENSHOT, 0);
	bad("{\"command\":\"screen\",\"id\":\"x\"}",
	    "screen: unknown key \"id\"; it takes none");
	good("{\"command\":\"set\",\"cpu-shares\":15}", CONTROL_SET, 15);
	good("{\"command\":\"set\",\"balloon\":0}", CONTROL_SET, 0);
	good("{\"balloon\":17592186044416,\"command\":\"set\"}", CONTROL_SET, 1ull << 44);
	good("{\"command\":\"\\u0070ause\"}", CONTROL_PAUSE, 0);

	good("{\"command\":\"detach\",\"id\":\"net0\"}", CONTROL_DETACH, 0);
	good(attach_text(1), CONTROL_ATTACH, 1);
	good(attach_text(1023), CONTROL_ATTACH, 1023);
	bad(attach_text(1024), "attach: \"option\": give 1 to 1023 bytes of text");
	bad(attach_text(0), "attach: \"option\": give 1 to 1023 bytes of text");
	bad("{\"command\":\"attach\",\"kind\":\"disk\"}", "attach: \"option\" is missing");
	bad("{\"command\":\"attach\",\"kind\":1}",
	    "attach: \"kind\": give 1 to 1023 bytes of text");
	bad("{\"command\":\"attach\",\"id\":\"x\"}",
	    "attach: unknown key \"id\"; it takes \"kind\" and \"option\"");
	bad("{\"command\":\"detach\",\"id\":\"net\\u00000\"}",
	    "detach: \"id\": give 1 to 1023 bytes of text");

	good("{\"command\":\"regs\"}", CONTROL_REGS, 0);
	good("{\"command\":\"regs\",\"vcpu\":63}", CONTROL_REGS, 63);
	good("{\"command\":\"code\"}", CONTROL_CODE, 0);
	good("{\"command\":\"code\",\"address\":\"ffffffff81000000\"}", CONTROL_CODE, 0);
	good("{\"command\":\"walk\",\"address\":\"0\",\"vcpu\":1}", CONTROL_WALK, 1);
	good("{\"command\":\"dump\"}", CONTROL_DUMP, 0);
	bad("{\"command\":\"regs\",\"vcpu\":64}",
	    "regs: \"vcpu\": 64; give a whole number, 0 to 63");
	bad("{\"command\":\"walk\"}", "walk: \"address\" is missing");
	bad("{\"command\":\"code\",\"address\":4096}",
	    "code: \"address\": give 1 to 1023 bytes of text");
	bad("{\"command\":\"dump\",\"vcpu\":0}", "dump: unknown key \"vcpu\"; it takes none");

	bad("", "line 7, column 1: it ends before its object does");
	bad("{", "line 7, column 2: it ends before its object does");
	bad("pause", "line 7, column 1: unexpected character");
	bad("{\"command\":\"pause\"} {", "line 7, column 21: unexpected character");
	bad("[\"pause\"]", "line 7, column 10: not an object, {...}");
	bad("{\"command\":\"pause\",}", "line 7, column 20: unexpected character");
	bad("{\"a\":{\"a\":{\"a\":{\"a\":1}}}}", "line 7, column 21: nesting too deep");
	bad("{\"command\":\"\xc3\"}", "line 7, column 14: invalid utf-8 string");
	bad_bytes("{\"command\":\"pause\"\0}", 20, "line 7, column 19: a byte that is 0",
		  "a byte that is 0");

	bad("{}", "no \"command\"");
	bad("{\"command\":1}", "\"command\": a number; give the name of a command");
	bad("{\"command\":null}", "\"command\": null; give the name of a command");
	bad("{\"command\":\"pause\\u0000\"}",
	    "\"command\": a string; give the name of a command");
	bad("{\"command\":\"Pause\"}", "unknown command \"Pause\"; there are " COMMANDS);
	bad("{\"command\":\"\"}", "unknown command \"\"; there are " COMMANDS);
	bad("{\"command\":\"\\u001b[2J\"}",
	    "unknown command \"\\u001b[2J\"; there are " COMMANDS);
	/* Cut, and not within a character. */
	bad("{\"command\":\"" TEN TEN TEN TEN TEN TEN TEN "0123456\xc3\xbc\xc3\xbc\"}",
	    "unknown command \"" TEN TEN TEN TEN TEN TEN TEN "0123456; there are " COMMANDS);

	bad("{\"command\":\"pause\",\"x\":1}", "pause: unknown key \"x\"; it takes none");
	bad("{\"command\":\"stop\",\"time\":1}",
	    "stop: unknown key \"time\"; it takes \"timeout\"");
	bad("{\"command\":\"stop\",\"timeout\":-1}",
	    "stop: \"timeout\": -1; give a whole number, 0 to 86400");
	bad("{\"command\":\"stop\",\"timeout\":86401}",
	    "stop: \"timeout\": 86401; give a whole number, 0 to 86400");
	bad("{\"command\":\"stop\",\"timeout\":99999999999999999999}",
	    "stop: \"timeout\": 18446744073709551615; give a whole number, 0 to 86400");
	bad("{\"command\":\"stop\",\"timeout\":\"1\"}",
	    "stop: \"timeout\": a string; give a whole number, 0 to 86400");
	bad("{\"command\":\"stop\",\"timeout\":1.5}",
	    "stop: \"timeout\": a fraction; give a whole number, 0 to 86400");
	bad("{\"command\":\"set\"}", "set: \"cpu-shares\" or \"balloon\" is missing");
	bad("{\"command\":\"set\",\"timeout\":1}",
	    "set: unknown key \"timeout\"; it takes \"cpu-shares\" or \"balloon\"");
	bad("{\"command\":\"set\",\"cpu-shares\":15,\"balloon\":17592186044417}",
	    "set: \"balloon\": 17592186044417; give a whole number, 0 to 17592186044416");
	bad("{\"command\":\"set\",\"cpu-shares\":14}",
	    "set: \"cpu-shares\": 14; give a whole number, 15 to 88818");
	bad("{\"command\":\"set\",\"cpu-shares\":[15]}",
	    "set: \"cpu-shares\": an array; give a whole number, 15 to 88818");
}

/* ---- the machine, the console, the run directory ---------------------------------------- */

static struct {
	int fd;
	void (*ready)(void *opaque, uint32_t events);
	void *opaque;
} watched = { .fd = -1 };

int machine_watch_fd(struct machine *m, int fd, uint32_t events,
		     void (*ready)(void *opaque, uint32_t events), void *opaque)
{
	watched.fd = events ? fd : -1;
	watched.ready = ready;
	watched.opaque = opaque;
	return 0;
}

/* The event loop, until it has nothing to do for @ms; returns how often it had. */
static unsigned int loop(int ms)
{
	struct pollfd p = { .fd = watched.fd, .events = POLLIN };
	unsigned int wakeups = 0;

	while (watched.fd >= 0 && poll(&p, 1, ms) == 1 && wakeups < 100000) {
		watched.ready(watched.opaque, EPOLLIN);
		wakeups++;
	}
	return wakeups;
}

static struct ring ring;
static void (*console_changed)(void *opaque);
static void *console_opaque;
static char fed[8192];
static unsigned int nr_fed, room_to_feed;

const struct ring *console_ring(const struct console *c)
{
	return &ring;
}

void console_watch(struct console *c, void (*changed)(void *opaque), void *opaque)
{
	console_changed = changed;
	console_opaque = opaque;
}

unsigned int console_feed(struct console *c, const void *data, unsigned int bytes)
{
	if (bytes > room_to_feed)
		bytes = room_to_feed;
	memcpy(fed + nr_fed, data, bytes);
	nr_fed += bytes;
	room_to_feed -= bytes;
	return bytes;
}

static void print_bytes(const char *data, unsigned int bytes)
{
	ring_write(&ring, data, bytes);
	if (console_changed)
		console_changed(console_opaque);
}

#define TEMPLATE "/tmp/vmctl_control.XXXXXX"
static char dir[sizeof(TEMPLATE)];
static struct sockaddr_un address;
static int listen_error;
static bool removed;

int run_dir_open(uid_t uid, bool create, char *why, size_t room)
{
	return open(dir, O_RDONLY | O_DIRECTORY);
}

int run_dir_listen(int dir_fd, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (listen_error) {
		close(fd);
		return listen_error;
	}
	address.sun_family = AF_UNIX;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s.sock", dir, name);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 64))
		ksft_exit_fail_msg("no socket\n");
	return fd;
}

int run_dir_keep(int dir_fd, const char *name, struct keeper *keeper)
{
	keeper->life_fd = dup(dir_fd);
	return 0;
}

void keeper_end(struct keeper *keeper)
{
	close(keeper->life_fd);
	removed = !unlink(address.sun_path) || removed;
}

/* ---- the handler ------------------------------------------------------------------------ */

static unsigned int handled, deadlines;
static char handled_last[32];

static enum control_answer handle(void *opaque, const struct control_request *q,
				  struct json_object *reply, char *why, size_t room)
{
	handled++;
	if (q->command == CONTROL_ATTACH) {
		json_add_number(reply, "n", handled);
		json_add_number(reply, "fds", q->fds->nr);
		return CONTROL_DONE;
	}
	snprintf(handled_last, sizeof(handled_last), "%d", q->command);
	switch (q->command) {
	case CONTROL_WAIT:
	case CONTROL_STOP:
		return CONTROL_AT_END;
	case CONTROL_CONSOLE:
		return CONTROL_VIEW;
	case CONTROL_NMI:
		snprintf(why, room, "no \"NMI\" today");
		return CONTROL_FAILED;
	default:
		json_add_number(reply, "n", handled);
		return CONTROL_DONE;
	}
}

static void deadline(void *opaque)
{
	deadlines++;
}

static struct control *control;

static void begin(void)
{
	const struct control_handler handler = { .run = handle, .deadline = deadline };
	char why[320];

	strcpy(dir, TEMPLATE);
	if (!mkdtemp(dir))
		ksft_exit_fail_msg("no directory\n");
	memset(&ring, 0, sizeof(ring));
	nr_fed = 0;
	room_to_feed = sizeof(fed);
	handled = 0;
	deadlines = 0;
	removed = false;
	control = control_open("unit", &handler, NULL, why, sizeof(why));
	if (!control || control_attach(control, NULL))
		ksft_exit_fail_msg("no control: %s\n", why);
}

static void finish(void)
{
	control_detach(control, NULL);
	control_end(control, "power-off", 0);
	rmdir(dir);
}

/* ---- clients ---------------------------------------------------------------------------- */

static char heard[BUFFER + 1];
static unsigned int nr_heard;

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		ksft_exit_fail_msg("no connection: %s\n", strerror(errno));
	return fd;
}

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		ksft_print_msg("not all was sent\n");
}

/* All that has come for @fd; false: it is closed. */
static bool hear(int fd)
{
	ssize_t n;

	nr_heard = 0;
	while ((n = read(fd, heard + nr_heard, BUFFER - nr_heard)) > 0) {
		nr_heard += n;
		loop(0);
	}
	heard[nr_heard] = '\0';
	return n < 0 && errno == EAGAIN;
}

/* @fd says @text and hears @answer, and stays connected. */
static bool exchange(int fd, const char *text, const char *answer)
{
	bool open;

	say(fd, text);
	loop(0);
	open = hear(fd);
	if (!open || strcmp(heard, answer))
		ksft_print_msg("%s'%s'\n", open ? "" : "closed: ", heard);
	return open && !strcmp(heard, answer);
}

#define PAUSE	"{\"command\":\"pause\"}\n"
#define WAIT	"{\"command\":\"wait\"}\n"
#define CONSOLE	"{\"command\":\"console\"}\n"
#define OK(n)	"{\"ok\":true,\"n\":" #n "}\n"
#define END	"{\"ok\":true,\"end\":\"power-off\",\"status\":0}\n"

static void test_lines(void)
{
	bool ok;
	int fd;

	begin();
	fd = dial();
	ksft_test_result(exchange(fd, PAUSE, OK(1)), "a request, an answer\n");
	ksft_test_result(exchange(fd, PAUSE PAUSE, OK(2) OK(3)), "two at once\n");
	ok = exchange(fd, "{\"comm", "");
	ksft_test_result(exchange(fd, "and\":\"pause\"}\n", OK(4)) && ok, "one in pieces\n");
	ksft_test_result(exchange(fd, "{\"command\":\"nmi\"}\n",
				  "{\"ok\":false,\"error\":\"no \\\"NMI\\\" today\"}\n"),
			 "a refusal\n");
	ksft_test_result(exchange(fd, "\nword\n" PAUSE,
				  "{\"ok\":false,\"error\":\"line 6, column 1: it ends before its "
				  "object does\"}\n"
				  "{\"ok\":false,\"error\":\"line 7, column 1: unexpected "
				  "character\"}\n" OK(6)),
			 "malformed lines have numbers, and it goes on behind them\n");
	close(fd);
	loop(0);

	fd = dial();
	say(fd, "{\"command\":\"pause\"}");
	loop(0);
	ok = hear(fd) && !nr_heard;
	shutdown(fd, SHUT_WR);
	loop(0);
	ksft_test_result(ok && !hear(fd) && !strcmp(heard, OK(7)),
			 "the last line may do without its end\n");
	close(fd);

	fd = dial();
	say(fd, PAUSE);
	close(fd);
	loop(0);
	ksft_test_result(handled == 8, "who goes at once has still said it\n");
	finish();
}

#define ATTACH	"{\"command\":\"attach\",\"kind\":\"disk\",\"option\":\"x\"}\n"
#define FDS(n, f) "{\"ok\":true,\"n\":" #n ",\"fds\":" #f "}\n"

static void say_with_fds(int fd, const char *text, unsigned int nr)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(64 * sizeof(int))];
	} with = { 0 };
	struct iovec iov = { (char *)text, strlen(text) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &with, .msg_controllen = CMSG_SPACE(nr * sizeof(int)),
	};

	with.header.cmsg_level = SOL_SOCKET;
	with.header.cmsg_type = SCM_RIGHTS;
	with.header.cmsg_len = CMSG_LEN(nr * sizeof(int));
	memset(CMSG_DATA(&with.header), 0, nr * sizeof(int));	/* of standard input */
	if (sendmsg(fd, &msg, 0) != (ssize_t)strlen(text))
		ksft_print_msg("not all was sent\n");
	loop(0);
}

static unsigned int fds_in_use(void)
{
	unsigned int nr = 0;

	for (int fd = 0; fd < 1024; fd++)
		nr += fcntl(fd, F_GETFD) >= 0;
	return nr;
}

/* Open files belong to the request that they come with, and none stays. */
static void test_fds(void)
{
	unsigned int before;
	bool ok;
	int fd;

	begin();
	fd = dial();
	ok = exchange(fd, PAUSE, OK(1));
	before = fds_in_use();
	say_with_fds(fd, ATTACH, 2);
	ok &= hear(fd) && !strcmp(heard, FDS(2, 2)) && fds_in_use() == before;
	ok &= exchange(fd, ATTACH, FDS(3, 0));
	say_with_fds(fd, "{\"command\":", 1);
	ok &= fds_in_use() == before + 1;
	say_with_fds(fd, "\"attach\",\"kind\":\"disk\",\"option\":\"x\"}\n", 1);
	ok &= hear(fd) && !strcmp(heard, FDS(4, 2)) && fds_in_use() == before;
	ksft_test_result(ok, "open files go with a request\n");

	say_with_fds(fd, ATTACH, 64);
	ok = hear(fd) && !strcmp(heard, FDS(5, 8)) && fds_in_use() == before;
	for (unsigned int i = 0; i < 20; i++)
		say_with_fds(fd, " ", 3);
	ok &= fds_in_use() == before + 8;
	say_with_fds(fd, PAUSE, 1);
	ok &= hear(fd) && !strcmp(heard, OK(6)) && fds_in_use() == before;
	say_with_fds(fd, "x", 4);
	close(fd);
	while (loop(0))
		;
	ok &= fds_in_use() == before - 2;
	ksft_test_result(ok, "no more of them than eight, and none is left\n");
	finish();
}

static void test_long_line(void)
{
	char line[5000];
	int fd;

	begin();
	memset(line, ' ', sizeof(line));
	memcpy(line, PAUSE, strlen(PAUSE) - 1);
	line[4095] = '\n';
	line[4096] = '\0';
	fd = dial();
	ksft_test_result(exchange(fd, line, OK(1)), "a line of 4095 bytes\n");
	line[4095] = ' ';
	say(fd, line);
	loop(0);
	ksft_test_result(!hear(fd) && handled == 1 && strstr(heard, "longer than 4095 bytes"),
			 "one that is longer ends the connection\n");
	close(fd);
	finish();
}

static void test_many_clients(void)
{
	int fd[MAX_CLIENTS], more;
	unsigned int served = 0, n, viewers;
	bool refused;

	begin();
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		fd[i] = dial();
		loop(0);
	}
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		say(fd[i], PAUSE);
		loop(0);
		served += hear(fd[i]) && nr_heard;
	}
	more = dial();
	loop(0);
	refused = !hear(more) && strstr(heard, "too many clients");
	n = control_clients(control, &viewers);
	ksft_test_result(served == MAX_CLIENTS && refused && n == MAX_CLIENTS && !viewers,
			 "%u clients, and not one more\n", served);
	close(more);
	close(fd[7]);
	loop(0);
	fd[7] = dial();
	ksft_test_result(exchange(fd[7], PAUSE, OK(33)), "who leaves makes room\n");
	for (unsigned int i = 0; i < MAX_CLIENTS; i++)
		close(fd[i]);
	loop(0);
	ksft_test_result(!control_clients(control, &viewers) && !loop(20),
			 "all have gone, and nothing spins\n");
	finish();
}

/* A client that asks and asks, and never reads. */
static void test_greedy(void)
{
	unsigned int asked = 0, then, answers = 0, idle;
	int fd, other;
	bool ok;

	begin();
	fd = dial();
	other = dial();
	for (unsigned int i = 0; i < 200000; i++) {
		if (write(fd, PAUSE, strlen(PAUSE)) == (ssize_t)strlen(PAUSE))
			asked++;
		else
			break;
		if (!(i % 100))
			loop(0);
	}
	loop(0);
	then = handled;
	idle = loop(20);
	ok = !idle && then < asked;
	say(other, PAUSE);
	loop(0);
	ok = hear(other) && nr_heard && handled == then + 1 && ok;
	ksft_test_result(ok, "of %u requests %u are done until somebody reads, others are served\n",
			 asked, then);
	/* Partial writes are the client's own affair: it has sent whole lines only. */
	for (unsigned int i = 0; i < 10000 && answers < asked; i++) {
		loop(0);
		hear(fd);
		for (char *s = heard; (s = strchr(s, '\n')); s++)
			answers++;
	}
	ksft_test_result(answers == asked && handled == asked + 1,
			 "who reads at last has all %u answers\n", answers);
	close(fd);
	close(other);
	loop(0);
	finish();
}

static void test_end(void)
{
	int waiter, half, gone, asker;
	bool ok;

	begin();
	waiter = dial();
	half = dial();
	gone = dial();
	asker = dial();
	ok = exchange(waiter, WAIT, "") && exchange(gone, WAIT, "");
	say(half, WAIT);
	shutdown(half, SHUT_WR);
	loop(0);
	ok = hear(half) && !nr_heard && !loop(20) && ok;
	close(gone);
	loop(0);
	ok = exchange(asker, PAUSE, OK(4)) && ok;
	/* A waiter that says more is not heard any more, and does not make it spin. */
	say(waiter, PAUSE);
	ok = !loop(20) && handled == 4 && ok;
	finish();
	ok = !hear(waiter) && !strcmp(heard, END) && ok;
	ok = !hear(half) && !strcmp(heard, END) && ok;
	ok = !hear(asker) && !nr_heard && ok;
	ksft_test_result(ok && removed, "those who wait hear of the end\n");
	close(waiter);
	close(half);
	close(asker);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

static void test_deadline(void)
{
	uint64_t begun = now_ms();

	begin();
	control_set_deadline(control, 100);
	control_set_deadline(control, 1);
	control_set_deadline(control, 100);
	loop(20);
	ksft_test_result(!deadlines, "a deadline is not there at once\n");
	while (!deadlines && now_ms() < begun + 50000)
		loop(100);
	ksft_test_result(deadlines == 1 && now_ms() - begun >= 1000, "the earliest counts\n");
	finish();
}

/* ---- viewers ---------------------------------------------------------------------------- */

static char noise[200000];

/* A viewer that has heard "ok" and what was printed before. */
static int dial_viewer(void)
{
	int fd = dial();

	say(fd, CONSOLE);
	loop(0);
	if (!hear(fd) || strncmp(heard, "{\"ok\":true}\n", 12))
		ksft_print_msg("no viewer: '%.100s'\n", heard);
	return fd;
}

static void test_viewers(void)
{
	unsigned int n, viewers;
	int a, b;
	bool ok;

	begin();
	ksft_test_result(!console_changed, "without a viewer nothing is heard of output\n");
	print_bytes("before\n", 7);
	a = dial_viewer();
	ok = !strcmp(heard + 12, "before\n");
	b = dial_viewer();
	ksft_test_result(ok && !strcmp(heard + 12, "before\n"), "viewers see what was before\n");
	print_bytes("now\n", 4);
	ok = hear(a) && !strcmp(heard, "now\n");
	ksft_test_result(hear(b) && !strcmp(heard, "now\n") && ok, "and what comes, all of them\n");
	n = control_clients(control, &viewers);
	ksft_test_result(n == 2 && viewers == 2 && !loop(20), "there are two, at rest\n");

	say(a, "one");
	say(b, "two");
	loop(0);
	ksft_test_result(nr_fed == 6 && (!memcmp(fed, "onetwo", 6) || !memcmp(fed, "twoone", 6)),
			 "what they say goes to the guest\n");
	shutdown(a, SHUT_WR);
	loop(0);
	print_bytes("still\n", 6);
	ksft_test_result(hear(a) && !strcmp(heard, "still\n") && !loop(20),
			 "who says no more sees on\n");
	close(a);
	loop(0);
	ksft_test_result(hear(b) && exchange(b, "x", "") && nr_fed == 7 &&
			 control_clients(control, &viewers) == 1, "who has gone is gone\n");
	close(b);
	loop(0);
	print_bytes("alone\n", 6);
	ksft_test_result(!console_changed, "nor when all have gone\n");
	finish();
}

static void test_input_room(void)
{
	int fd;

	begin();
	room_to_feed = 10;
	fd = dial_viewer();
	for (unsigned int i = 0; i < 7; i++)
		say(fd, "0123456789abcdef");
	loop(0);
	ksft_test_result(nr_fed == 10 && !loop(20), "input waits for room\n");
	room_to_feed = 50;
	console_changed(console_opaque);
	room_to_feed = 52;
	console_changed(console_opaque);
	loop(0);
	ksft_test_result(nr_fed == 112 && !memcmp(fed + 96, "0123456789abcdef", 16),
			 "and comes when there is\n");
	close(fd);
	finish();
}

/* Where the backlog is longer than what is kept: from a whole line on. */
static void test_backlog(void)
{
	unsigned int cut = RING_BYTES - 100;
	const char *rest;
	int fd;

	begin();
	print_bytes(noise, 150);
	print_bytes("\nline\n", 6);
	print_bytes(noise, cut);
	fd = dial_viewer();
	rest = heard + 12;
	ksft_test_result(!strncmp(rest, "line\n", 5) && nr_heard == 12 + 5 + cut &&
			 !memcmp(rest + 5, noise, cut), "the backlog begins with a whole line\n");
	close(fd);
	finish();
}

/* @fd has heard all output but what notes say is lost; in order. */
static bool accounts_for(const char *text, uint64_t from, uint64_t to, unsigned int *notes)
{
	static const char note[] = "\r\n[vmctl: ";
	static const char rest[] = " bytes of output are lost: they came faster than they were "
				   "read]\r\n";
	char *end;

	for (*notes = 0; *text; ) {
		if (!strncmp(text, note, strlen(note))) {
			from += strtoull(text + strlen(note), &end, 10);
			if (strncmp(end, rest, strlen(rest)))
				return false;
			text = end + strlen(rest);
			(*notes)++;
		} else if (*text++ != noise[from++ % sizeof(noise)]) {
			return false;
		}
	}
	return from == to;
}

static void print_noise(uint64_t bytes)
{
	for (uint64_t n; bytes; bytes -= n) {
		uint64_t at = ring.end % sizeof(noise);

		n = sizeof(noise) - at < 1000 ? sizeof(noise) - at : 1000;
		n = n < bytes ? n : bytes;
		print_bytes(noise + at, n);
	}
}

static void test_slow_viewer(void)
{
	unsigned int notes, fast_notes, fast_bytes = 0;
	bool fast_ok = true, slow_ok;
	int slow, fast;

	begin();
	slow = dial_viewer();
	fast = dial_viewer();
	for (unsigned int i = 0; i < 100; i++) {
		uint64_t from = ring.end;

		print_noise(10000);
		loop(0);
		hear(fast);
		fast_bytes += nr_heard;
		fast_ok = fast_ok && accounts_for(heard, from, ring.end, &fast_notes) &&
			  !fast_notes;
	}
	ksft_test_result(fast_ok && fast_bytes == 1000000 && !loop(20),
			 "who reads has all, beside one who does not\n");
	hear(slow);
	loop(0);
	slow_ok = accounts_for(heard, 0, ring.end, &notes);
	ksft_test_result(slow_ok && notes == 1 && nr_heard > RING_BYTES && nr_heard < 300000,
			 "who does not is told what is lost: %u of 1000000 bytes, %u notes\n",
			 nr_heard, notes);
	print_noise(50);
	ksft_test_result(hear(slow) && nr_heard == 50, "and goes on\n");
	close(slow);
	close(fast);
	finish();
}

/* One that will not take anything more, but stays. */
static void test_rude_viewer(void)
{
	unsigned int viewers;
	int fd;

	begin();
	fd = dial_viewer();
	shutdown(fd, SHUT_RD);
	print_noise(100);
	ksft_test_result(loop(20) < 5 && !control_clients(control, &viewers),
			 "who takes nothing is let go\n");
	close(fd);

	fd = dial();
	shutdown(fd, SHUT_RD);
	say(fd, PAUSE);
	ksft_test_result(loop(20) < 5 && !control_clients(control, &viewers),
			 "nor has who asks and takes no answer\n");
	close(fd);
	finish();
}

static void test_last_words(void)
{
	int stuck, slow, waiter;
	uint64_t begun;
	bool ok;

	begin();
	stuck = dial_viewer();
	waiter = dial();
	ok = exchange(waiter, WAIT, "");
	print_noise(300000);
	slow = dial_viewer();
	print_noise(10000);
	loop(0);
	begun = now_ms();
	finish();
	ksft_test_result(now_ms() - begun >= 1000, "the end waits a second for who is slow\n");
	ok = !hear(waiter) && !strcmp(heard, END) && ok;
	ksft_test_result(ok, "and others hear of it at once\n");
	ksft_test_result(!hear(slow) && nr_heard == 10000, "a viewer has the last words\n");
	close(stuck);
	close(slow);
	close(waiter);
}

/* ---- who may ---------------------------------------------------------------------------- */

static void test_strangers(void)
{
	int fds[2], status = 1;
	pid_t child;

	if (geteuid()) {
		ksft_test_result_skip("not root: no other user to be\n");
		return;
	}
	begin();
	if (chmod(dir, 0755) || chmod(address.sun_path, 0666) || pipe(fds))
		ksft_exit_fail_msg("no modes\n");
	child = fork();
	if (!child) {
		int fd;

		if (setuid(65534))
			_exit(2);
		fd = dial();
		say(fd, PAUSE);
		if (write(fds[1], "", 1) != 1)
			_exit(3);
		for (unsigned int i = 0; i < 1000 && hear(fd); i++)
			usleep(10000);
		_exit(strstr(heard, "another user's") ? 0 : 4);
	}
	if (read(fds[0], heard, 1) != 1)
		ksft_print_msg("no child\n");
	loop(0);
	waitpid(child, &status, 0);
	ksft_test_result(!status && !handled, "another user is refused: %d\n", status >> 8);
	close(fds[0]);
	close(fds[1]);
	finish();
}

static void test_cannot(void)
{
	const struct control_handler handler = { .run = handle };
	char why[320];
	bool ok;

	strcpy(dir, TEMPLATE);
	if (!mkdtemp(dir))
		ksft_exit_fail_msg("no directory\n");
	listen_error = -EEXIST;
	errno = 0;
	ok = !control_open("unit", &handler, NULL, why, sizeof(why)) && errno == EEXIST &&
	     strstr(why, "running VM of that name");
	listen_error = -EBUSY;
	ok = !control_open("unit", &handler, NULL, why, sizeof(why)) && errno == EBUSY &&
	     strstr(why, "locked") && ok;
	listen_error = -EACCES;
	ok = !control_open("unit", &handler, NULL, why, sizeof(why)) && errno == EACCES &&
	     !strcmp(why, "Permission denied") && ok;
	listen_error = 0;
	rmdir(dir);
	ksft_test_result(ok, "why there is no socket\n");
}

int main(void)
{
	setlinebuf(stdout);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = ' ' + i % 89;
	ksft_print_header();
	ksft_set_plan(105);
	test_requests();
	test_lines();
	test_fds();
	test_long_line();
	test_many_clients();
	test_greedy();
	test_end();
	test_deadline();
	test_viewers();
	test_input_room();
	test_backlog();
	test_slow_viewer();
	test_rude_viewer();
	test_last_words();
	test_strangers();
	test_cannot();
	ksft_finished();
}
