// SPDX-License-Identifier: GPL-2.0
// needs: userspace/console.c userspace/socket.c userspace/keeper.c userspace/terminal.c
// needs: userspace/message.c
// libs: -lutil
/*
 * vmctl's console between real pipes, ptys and files and a UART that is played here, together
 * with the event loop: nothing is lost, nothing is late, nothing blocks, Ctrl-A works.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../../userspace/console.h"
#include "event_loop.h"
#include "tap.h"

/* ---- the UART --------------------------------------------------------------------------- */

static struct console *console;
static char received[8192];
static unsigned int nr_received, fifo_room, writable_calls;
static const char *to_send;
static unsigned int left_to_send;

static bool swallow;		/* all, for ever: a guest that always has buffers */

unsigned int uart_receive(struct uart *uart, const void *data, unsigned int bytes)
{
	if (swallow)
		return bytes;
	if (bytes > fifo_room)
		bytes = fifo_room;
	memcpy(received + nr_received, data, bytes);
	nr_received += bytes;
	fifo_room -= bytes;
	return bytes;
}

/* The guest empties a FIFO of @bytes. */
static void guest_reads(unsigned int bytes)
{
	bool was_full = !fifo_room;

	fifo_room = bytes;
	if (was_full)
		console_input_room(console);
}

static void send_more(void)
{
	unsigned int n;

	while (left_to_send) {
		n = console_write(console, to_send, left_to_send > 16 ? 16 : left_to_send);
		if (!n)
			return;
		to_send += n;
		left_to_send -= n;
	}
}

void uart_console_writable(struct uart *uart)
{
	writable_calls++;
	send_more();
}

static void send_bytes(const char *data, unsigned int bytes)
{
	to_send = data;
	left_to_send = bytes;
	send_more();
}

/* ---- helpers ---------------------------------------------------------------------------- */

static int in_pipe[2], out_pipe[2], real_stdin, real_stdout;
static char big[200000], got[sizeof(big) + 1];
static unsigned int nr_got;

static void open_console(const char *spec)
{
	memset(&machine, 0, sizeof(machine));
	machine.epoll_fd = epoll_create1(0);
	nr_received = 0;
	nr_got = 0;
	writable_calls = 0;
	fifo_room = 16;
	console = console_open(spec, "the console");
	if (!console || console_attach(console, M, NULL))
		ksft_exit_fail_msg("no console\n");
}

static int close_console(void)
{
	int ret;

	console_detach(console);
	ret = console_drain(console, in_pipe[0]);
	console_close(console);
	close(machine.epoll_fd);
	return ret;
}

/* stdin and stdout become pipes, and come back. */
static void redirect(void)
{
	fflush(stdout);
	real_stdin = dup(STDIN_FILENO);
	real_stdout = dup(STDOUT_FILENO);
	if (pipe(in_pipe) || pipe(out_pipe))
		ksft_exit_fail_msg("no pipes\n");
	dup2(in_pipe[0], STDIN_FILENO);
	dup2(out_pipe[1], STDOUT_FILENO);
	close(out_pipe[1]);
}

static void restore(void)
{
	dup2(real_stdin, STDIN_FILENO);
	dup2(real_stdout, STDOUT_FILENO);
	close(real_stdin);
	close(real_stdout);
	close(in_pipe[0]);
	close(in_pipe[1]);
	close(out_pipe[0]);
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

static void read_some(int fd)
{
	ssize_t n = read(fd, got + nr_got, sizeof(got) - 1 - nr_got);

	if (n > 0)
		nr_got += n;
	got[nr_got] = '\0';
}

/* ---- tests ------------------------------------------------------------------------------ */

static void test_output(void)
{
	bool early, soon;

	redirect();
	open_console("stdio");
	send_bytes("guest says hello\r\n", 18);
	early = readable(out_pipe[0]);
	loop(20);
	soon = readable(out_pipe[0]);
	read_some(out_pipe[0]);
	close_console();
	restore();
	ksft_test_result(!early && soon && !strcmp(got, "guest says hello\r\n"),
			 "output is gathered, and not for long\n");
}

static void test_drain(void)
{
	redirect();
	open_console("stdio");
	send_bytes("last words", 10);
	close_console();
	read_some(out_pipe[0]);
	restore();
	ksft_test_result(!strcmp(got, "last words"), "what is left is written at the end\n");
}

static void test_backpressure(void)
{
	unsigned int held, idle, calls;

	redirect();
	open_console("stdio");
	send_bytes(big, sizeof(big));
	loop(30);
	held = left_to_send;
	idle = loop(50);
	while (nr_got < sizeof(big)) {
		read_some(out_pipe[0]);
		loop(3);
	}
	calls = writable_calls;
	close_console();
	restore();
	ksft_test_result(held > 0 && !left_to_send && calls && !memcmp(got, big, sizeof(big)),
			 "a full pipe stops the UART, and loses nothing\n");
	ksft_test_result(!idle, "waiting for it costs nothing: %u wake-ups\n", idle);
}

static void test_reader_gone(void)
{
	int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
	int drained;

	redirect();
	open_console("stdio");
	close(out_pipe[0]);
	dup2(null, STDERR_FILENO);
	send_bytes("to nobody", 9);
	loop(20);
	send_bytes("again", 5);
	loop(20);
	dup2(saved, STDERR_FILENO);
	drained = close_console();
	out_pipe[0] = -1;
	restore();
	close(saved);
	close(null);
	ksft_test_result(machine.stops == 1 && machine.why == MACHINE_ERROR && drained,
			 "a reader that is gone ends the VM with an error\n");
}

static void test_input(void)
{
	unsigned int first, idle;

	redirect();
	open_console("stdio");
	if (write(in_pipe[1], big, 3000) != 3000)
		ksft_exit_fail_msg("pipe\n");
	loop(20);
	first = nr_received;
	idle = loop(30);
	while (nr_received < 3000 && first == 16) {
		guest_reads(16);
		loop(2);
	}
	close_console();
	restore();
	ksft_test_result(first == 16 && nr_received == 3000 && !memcmp(received, big, 3000),
			 "input waits until the FIFO has room, and none is lost\n");
	ksft_test_result(!idle, "waiting for it costs nothing: %u wake-ups\n", idle);
}

static void test_escape_in_pipe(void)
{
	redirect();
	open_console("stdio");
	if (write(in_pipe[1], "\1x\1\1", 4) != 4)
		ksft_exit_fail_msg("pipe\n");
	loop(20);
	close_console();
	restore();
	ksft_test_result(!machine.stops && nr_received == 4 && !memcmp(received, "\1x\1\1", 4),
			 "Ctrl-A is nothing special in a pipe\n");
}

static void test_end_of_input(void)
{
	unsigned int wakeups;

	redirect();
	open_console("stdio");
	if (write(in_pipe[1], "bye", 3) != 3)
		ksft_exit_fail_msg("pipe\n");
	close(in_pipe[1]);
	in_pipe[1] = -1;
	loop(20);
	wakeups = loop(30);
	close_console();
	restore();
	ksft_test_result(nr_received == 3 && !wakeups && !machine.stops,
			 "the end of the input is no end of the VM: %u wake-ups\n", wakeups);
}

static void file_input(const char *path, unsigned int bytes, unsigned int fifo, const char *what)
{
	unsigned int wakeups, rounds = 0;
	int fd = open(path, O_RDONLY);

	redirect();
	dup2(fd, STDIN_FILENO);
	open_console("stdio");
	fifo_room = fifo;
	while (nr_received < bytes && rounds++ < 2000) {
		loop(1);
		guest_reads(fifo);
	}
	loop(10);
	wakeups = loop(30);
	close_console();
	restore();
	close(fd);
	ksft_test_result(nr_received == bytes && !memcmp(received, big, bytes) && !wakeups,
			 "%s as input: %u of %u bytes, %u wake-ups\n", what, nr_received, bytes,
			 wakeups);
}

/* Each turn ends, however much there is. */
static void test_endless_input(void)
{
	int fd = open("/dev/zero", O_RDONLY);
	unsigned int turns = 0;

	redirect();
	dup2(fd, STDIN_FILENO);
	open_console("stdio");
	swallow = true;
	alarm(20);
	for (unsigned int i = 0; i < 10; i++, turns++)
		machine.timer.fire(machine.timer.opaque);
	alarm(0);
	swallow = false;
	close_console();
	restore();
	close(fd);
	ksft_test_result(turns == 10, "an endless file as input: others have their turn\n");
}

static void test_file_input(void)
{
	char path[] = "/tmp/vmctl_console.XXXXXX";
	int fd = mkstemp(path);

	if (write(fd, big, 3000) != 3000)
		ksft_exit_fail_msg("no file\n");
	close(fd);
	file_input(path, 3000, 16, "a file");
	file_input(path, 3000, 5000, "a file that just fits");
	file_input("/dev/null", 0, 16, "/dev/null");
	unlink(path);
}

static void test_file_output(void)
{
	char path[] = "/tmp/vmctl_console.XXXXXX", spec[64];
	struct stat st;

	close(mkstemp(path));
	snprintf(spec, sizeof(spec), "file:%s", path);
	open_console(spec);
	send_bytes(big, sizeof(big));
	loop(20);
	close_console();
	ksft_test_result(!stat(path, &st) && st.st_size == sizeof(big),
			 "a file takes all output\n");
	unlink(path);
}

static void test_none(void)
{
	unsigned int wakeups;

	open_console("none");
	send_bytes(big, sizeof(big));
	wakeups = loop(20);
	ksft_test_result(!left_to_send && !wakeups && !close_console(),
			 "without a console output costs nothing\n");
}

static void test_terminal(void)
{
	struct termios before, raw, after;
	int master, slave;
	bool sent, ended;

	if (openpty(&master, &slave, NULL, NULL, NULL))
		ksft_exit_fail_msg("no pty\n");
	tcgetattr(slave, &before);
	redirect();
	dup2(slave, STDIN_FILENO);
	dup2(slave, STDOUT_FILENO);
	open_console("stdio");
	tcgetattr(slave, &raw);
	if (write(master, "a\3\1\1\1qb", 7) != 7)
		ksft_exit_fail_msg("pty\n");
	loop(20);
	sent = nr_received == 4 && !memcmp(received, "a\3\1b", 4) && !machine.stops;

	/* The FIFO is full and a lot was typed: Ctrl-A X still ends it. */
	fifo_room = 0;
	for (unsigned int i = 0; i < 40; i++) {
		if (write(master, big, 100) != 100)
			ksft_exit_fail_msg("pty\n");
		loop(2);
	}
	if (write(master, "\1X", 2) != 2)
		ksft_exit_fail_msg("pty\n");
	loop(20);
	ended = machine.stops == 1 && machine.why == MACHINE_POWEROFF;
	send_bytes("done", 4);
	close_console();
	read_some(master);
	tcgetattr(slave, &after);
	restore();
	close(slave);
	close(master);
	ksft_test_result(!(raw.c_lflag & (ICANON | ECHO | ISIG)) && !(raw.c_oflag & OPOST),
			 "the terminal is raw meanwhile\n");
	ksft_test_result(!memcmp(&before, &after, sizeof(before)), "and restored\n");
	ksft_test_result(sent, "Ctrl-C, and Ctrl-A twice, go to the guest\n");
	ksft_test_result(ended, "Ctrl-A X ends the VM even if the guest does not read\n");
	ksft_test_result(!strcmp(got, "done"), "the terminal gets the output\n");
}

static void test_pty(void)
{
	int saved = dup(STDERR_FILENO), message_pipe[2], fd;
	unsigned int idle, left;
	char text[256], *path;
	ssize_t n;

	if (pipe(message_pipe))
		ksft_exit_fail_msg("no pipe\n");
	dup2(message_pipe[1], STDERR_FILENO);
	open_console("pty");
	dup2(saved, STDERR_FILENO);
	n = read(message_pipe[0], text, sizeof(text) - 1);
	text[n > 0 ? n - 1 : 0] = '\0';
	path = strstr(text, "/dev/pts/");

	send_bytes(big, sizeof(big));
	loop(20);
	left = left_to_send;
	idle = loop(30);
	fd = open(path ? path : "", O_RDWR | O_NOCTTY);
	send_bytes("now", 3);
	loop(20);
	if (write(fd, "in", 2) != 2)
		ksft_print_msg("no write\n");
	loop(20);
	if (readable(fd))
		read_some(fd);
	close(fd);
	loop(20);
	idle += loop(30);
	close_console();
	close(saved);
	close(message_pipe[0]);
	close(message_pipe[1]);
	ksft_test_result(!left && !idle, "nobody at the pty: output is dropped, %u wake-ups\n",
			 idle);
	ksft_test_result(!strcmp(got, "now") && nr_received == 2 && !memcmp(received, "in", 2),
			 "somebody at the pty: both directions\n");
}

/* ---- viewers ---------------------------------------------------------------------------- */

static unsigned int changes;

static void changed(void *opaque)
{
	changes++;
}

/* What the ring has from @at on, in @got. */
static void read_ring(uint64_t at)
{
	const struct ring *ring = console_ring(console);
	const uint8_t *data;
	unsigned int n;

	for (nr_got = 0; (n = ring_read(ring, at, &data)); at += n, nr_got += n)
		memcpy(got + nr_got, data, n);
	got[nr_got] = '\0';
}

static void test_ring(void)
{
	const struct ring *ring;
	unsigned int wakeups, first;
	uint64_t when;
	bool whole, last;

	open_console("none");
	ring = console_ring(console);
	console_watch(console, changed, NULL);
	changes = 0;
	send_bytes("one\n", 4);
	when = machine.timer.deadline_ns;
	send_bytes("two\n", 4);
	first = changes;
	whole = machine.timer.deadline_ns == when;	/* or who never stops is never heard */
	wakeups = loop(20);
	read_ring(0);
	whole = !strcmp(got, "one\ntwo\n") && ring_start(ring) == 0 && whole;
	ksft_test_result(whole && !first && changes == 1 && wakeups == 1,
			 "output is told of once, gathered: %u wake-ups\n", wakeups);

	/* Odd pieces, three times around. */
	for (unsigned int at = 0; at < sizeof(big); at += 16)
		send_bytes(big + at, sizeof(big) - at < 16 ? sizeof(big) - at : 16);
	read_ring(ring_start(ring));
	last = ring->end == 8 + sizeof(big) && nr_got == RING_BYTES &&
	       !memcmp(got, big + sizeof(big) - RING_BYTES, RING_BYTES);
	console_watch(console, NULL, NULL);
	loop(20);
	wakeups = loop(20);
	ksft_test_result(last && !wakeups, "the last 64 KiB are there, whoever reads them\n");
	close_console();
}

/* A viewer hears of what stdout takes, and of no more. */
static void test_ring_backpressure(void)
{
	uint64_t held;

	redirect();
	open_console("stdio");
	send_bytes(big, sizeof(big));
	loop(20);
	held = console_ring(console)->end;
	while (nr_got < sizeof(big)) {
		read_some(out_pipe[0]);
		loop(3);
	}
	restore();
	ksft_test_result(held < sizeof(big) && console_ring(console)->end == sizeof(big),
			 "a full stdout holds the guest up, viewers or not\n");
	console_detach(console);
	console_close(console);
	close(machine.epoll_fd);
}

static void test_feed(void)
{
	unsigned int took, more, n = 0;

	open_console("none");
	console_watch(console, changed, NULL);
	took = console_feed(console, big, 3000);
	more = console_feed(console, big + took, 3000 - took);
	changes = 0;
	loop(20);
	ksft_test_result(took == 1024 && more == 16 && nr_received == 16 && !changes,
			 "input beyond what there is room for stays with the viewer\n");
	for (took += more; nr_received < 3000 && n < 1000; n++) {
		changes = 0;
		guest_reads(16);
		loop(1);
		if (changes)
			took += console_feed(console, big + took, 3000 - took);
	}
	ksft_test_result(nr_received == 3000 && !memcmp(received, big, 3000),
			 "who is told when there is room\n");
	close_console();
}

/* Own input and a viewer's: a full buffer must not make the loop spin. */
static void test_feed_beside_stdin(void)
{
	unsigned int idle;

	redirect();
	open_console("stdio");
	fifo_room = 0;
	console_feed(console, big, 2000);
	if (write(in_pipe[1], big, 100) != 100)
		ksft_exit_fail_msg("pipe\n");
	loop(20);
	idle = loop(30);
	close_console();
	restore();
	ksft_test_result(!idle, "stdin waits behind a viewer: %u wake-ups\n", idle);
}

static void test_flush(void)
{
	open_console("none");
	console_watch(console, changed, NULL);
	changes = 0;
	send_bytes("now", 3);
	console_flush(console);
	ksft_test_result(changes == 1, "a flush does not wait for more\n");
	close_console();
}

int main(void)
{
	setlinebuf(stdout);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = ' ' + i % 89;
	ksft_print_header();
	alarm(30);
	ksft_set_plan(29);
	test_output();
	test_drain();
	test_backpressure();
	test_reader_gone();
	test_input();
	test_escape_in_pipe();
	test_end_of_input();
	test_file_input();
	test_endless_input();
	test_file_output();
	test_none();
	test_terminal();
	test_pty();
	test_ring();
	test_ring_backpressure();
	test_feed();
	test_feed_beside_stdin();
	test_flush();
	ksft_finished();
}
