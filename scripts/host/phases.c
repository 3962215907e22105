// SPDX-License-Identifier: GPL-2.0
/*
 * phases COPIES SECONDS COMMAND ...: COPIES of a command that obeys (scripts/guest/matrix, or a VM
 * that runs it), and the instructions that this machine executes for what all are told at once.
 *
 * A line of standard input is NAME SECONDS WORDS. It waits until every copy has said that it is
 * ready, tells all of them WORDS, waits until each has said "matrix: right", and prints on stderr
 * what count.h counts in between. At the end of its input it says "end" and waits for the copies to
 * end. What they print goes to stdout. SECONDS are of the counting clock: if they pass, all copies
 * are killed, and the status is 137. Another answer, or none, is status 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "count.h"

#define MOST	16
#define SAYS	"matrix: "

static struct copy {
	pid_t pid;
	int to;
	char line[1024];
	size_t length;
	int answered;
} copies[MOST];

static struct pollfd from[MOST];	/* fd -1: it has ended */
static unsigned int many;

static void end(int status)
{
	for (unsigned int i = 0; i < many; i++)
		kill(copies[i].pid, SIGKILL);
	for (unsigned int i = 0; i < many; i++)
		waitpid(copies[i].pid, NULL, 0);
	exit(status);
}

static void begin(unsigned int i, char **argv)
{
	int in[2], out[2];
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	copies[i].pid = pid;
	copies[i].to = in[1];
	from[i].fd = out[0];
	from[i].events = POLLIN;
	many = i + 1;
}

static void line_ended(struct copy *c, const char *wanted)
{
	const char *says = strstr(c->line, SAYS);

	if (says && !strncmp(says + strlen(SAYS), wanted, strlen(wanted))) {
		c->answered = 1;
	} else if (says) {
		fprintf(stderr, "phases: instead of \"%s\": %s\n", wanted, says);
		end(1);
	}
}

static void hear(unsigned int i, const char *wanted)
{
	struct copy *c = &copies[i];
	char data[4096];
	ssize_t n = read(from[i].fd, data, sizeof(data));

	if (n <= 0) {
		close(from[i].fd);
		from[i].fd = -1;
		return;
	}
	if (write(1, data, n) != n)
		die("stdout");
	for (ssize_t at = 0; at < n; at++) {
		if (data[at] != '\n' && data[at] != '\r') {
			if (c->length < sizeof(c->line) - 1)
				c->line[c->length++] = data[at];
			continue;
		}
		c->line[c->length] = 0;
		c->length = 0;
		line_ended(c, wanted);
	}
}

/* Until all have answered, or, if nothing is wanted, ended. */
static void hear_all(const char *wanted, unsigned int seconds)
{
	const uint64_t deadline = raw_ns() + seconds * 1000000000ULL;

	for (unsigned int i = 0; i < many; i++)
		copies[i].answered = 0;
	for (;;) {
		uint64_t now = raw_ns();
		unsigned int left = 0;

		for (unsigned int i = 0; i < many; i++) {
			if (from[i].fd < 0 && *wanted && !copies[i].answered) {
				fprintf(stderr, "phases: copy %u ended without \"%s\"\n", i,
					wanted);
				end(1);
			}
			left += *wanted ? !copies[i].answered : from[i].fd >= 0;
		}
		if (!left)
			return;
		if (now >= deadline) {
			fprintf(stderr, "phases: not all are \"%s\" after %u s\n", wanted, seconds);
			end(128 + SIGKILL);
		}
		if (poll(from, many, (deadline - now) / 1000000 + 1) < 0)
			die("poll");
		for (unsigned int i = 0; i < many; i++) {
			if (from[i].fd >= 0 && from[i].revents)
				hear(i, wanted);
		}
	}
}

static void tell_all(const char *words)
{
	for (unsigned int i = 0; i < many; i++) {
		if (dprintf(copies[i].to, "%s\n", words) < 0)
			die("to a copy");
	}
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc > 2 ? atoi(argv[2]) : 0;
	unsigned int copies_wanted = argc > 1 ? atoi(argv[1]) : 0;
	char line[512], name[64];
	int status, bad = 0, at;

	if (argc < 4 || !copies_wanted || copies_wanted > MOST || !seconds) {
		fprintf(stderr, "usage: phases COPIES SECONDS COMMAND ...\n");
		return 125;
	}
	signal(SIGPIPE, SIG_IGN);
	for (unsigned int i = 0; i < copies_wanted; i++)
		begin(i, argv + 3);
	hear_all("ready", seconds);
	while (fgets(line, sizeof(line), stdin)) {
		struct sample before;
		unsigned int limit;

		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "%62s %u %n", name, &limit, &at) < 2)
			die(line);
		count_from(&before);
		tell_all(line + at);
		hear_all("right", limit);
		strcat(name, " ");
		count_to(&before, name);
	}
	tell_all("end");
	hear_all("", seconds);
	for (unsigned int i = 0; i < many; i++) {
		if (waitpid(copies[i].pid, &status, 0) != copies[i].pid || status)
			bad = 1;
	}
	return bad;
}
