// SPDX-License-Identifier: GPL-2.0
// needs: userspace/message.c userspace/terminal.c
// libs: -pthread
/*
 * What a guest can have vmctl say: some lines at once, then few, from however many threads, and
 * with the number of those that were left out. The clock is played.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../userspace/message.h"
#include "tap.h"

#define THREADS	4

static long long seconds = 1000;
/* Instead of the C library's. */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
	if (clock != CLOCK_MONOTONIC)
		abort();
	*ts = (struct timespec) { .tv_sec = seconds };
	return 0;
}

static void *flood(void *arg)
{
	unsigned int *said = arg;

	for (int i = 0; i < 10000; i++)
		*said += message_guest();
	return NULL;
}

/* How many lines are said of 40000 tries at one moment. */
static unsigned int tries(void)
{
	unsigned int said[THREADS] = { 0 }, all = 0;
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, flood, &said[i]))
			ksft_exit_fail_msg("no thread\n");
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		all += said[i];
	}
	return all;
}

/* What vmctl has written since it was asked. */
static const char *written(void)
{
	static char text[65536];
	ssize_t n = pread(STDERR_FILENO, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	if (ftruncate(STDERR_FILENO, 0) || lseek(STDERR_FILENO, 0, SEEK_SET))
		abort();
	return text;
}

int main(void)
{
	char path[] = "/tmp/vmctl-message-XXXXXX";
	unsigned int n;
	int fd;

	setlinebuf(stdout);
	fd = mkstemp(path);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		return 1;
	unlink(path);
	ksft_print_header();
	ksft_set_plan(7);
	n = tries();
	ksft_test_result(n == 20, "some lines at once: %u\n", n);
	n = tries();
	ksft_test_result(!n && !*written(), "and then none\n");
	seconds += 10;
	n = tries();
	ksft_test_result(n == 1 && strstr(written(), "vmctl: the guest had vmctl say 79980 lines"),
			 "one later, with the number of the others\n");
	seconds += 24 * 3600;
	n = tries();
	ksft_test_result(n == 20 && strstr(written(), "say 39999 lines more"),
			 "after a day some again, and no more: %u\n", n);
	for (n = 0; n < 1000; n++) {
		seconds += 10;
		if (!message_guest())
			break;
	}
	ksft_test_result(n == 1000, "who has something to say now and then is heard\n");
	written();
	message("%s", "a\033[2J\nb");
	ksft_test_result(!strcmp(written(), "vmctl: a?[2J?b\n"), "a line is one line, and plain\n");
	message_more("%s", "a\033[2J\nb\n");
	ksft_test_result(!strcmp(written(), "a?[2J\nb\n"), "lines are plain, too\n");
	ksft_finished();
}
