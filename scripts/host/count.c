// SPDX-License-Identifier: GPL-2.0
/*
 * count COMMAND ...: the instructions that this machine executes while a command runs. It is
 * killed after DEADLINE_S seconds of the counting clock: 10,000 million instructions with idle.
 *
 * For the emulated host in counting mode only, where the TSC advances by one per instruction, and
 * also jumps over idle time. The trick is how to take idle time out exactly: /proc/timer_list has
 * what the CPU's tick_sched has slept in nanoseconds, ended at each interrupt's entry, and both
 * clocks are the same TSC, so that their ratio turns one into the other.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define DEADLINE_S	10

static pid_t pid;

static void too_late(int sig)
{
	(void)sig;
	kill(pid, SIGKILL);
}

struct sample {
	uint64_t tsc, raw_ns, idle_ns;
};

static void die(const char *what)
{
	perror(what);
	exit(125);
}

static uint64_t idle_ns(void)
{
	FILE *f = fopen("/proc/timer_list", "r");
	unsigned long long ns, sum = 0;
	char line[256];
	int found = 0;

	if (!f)
		die("/proc/timer_list");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " .idle_sleeptime : %llu nsecs", &ns) == 1 ||
		    sscanf(line, " .iowait_sleeptime : %llu nsecs", &ns) == 1) {
			sum += ns;
			found++;
		}
	}
	fclose(f);
	if (found != 2) {
		fprintf(stderr, "count: needs a host with one CPU\n");
		exit(125);
	}
	return sum;
}

static uint64_t raw_ns(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC_RAW, &ts))
		die("clock_gettime");
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

int main(int argc, char **argv)
{
	struct sample from, to;
	uint64_t ticks, idle;
	double ratio;
	int status;

	if (argc < 2) {
		fprintf(stderr, "usage: count COMMAND ...\n");
		return 125;
	}
	from.idle_ns = idle_ns();
	from.raw_ns = raw_ns();
	from.tsc = __rdtsc();
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	signal(SIGALRM, too_late);	/* restarts the wait */
	alarm(DEADLINE_S);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	to.tsc = __rdtsc();
	to.raw_ns = raw_ns();
	to.idle_ns = idle_ns();

	ticks = to.tsc - from.tsc;
	ratio = (double)ticks / (to.raw_ns - from.raw_ns);
	idle = (to.idle_ns - from.idle_ns) * ratio;
	fprintf(stderr, "count: %llu instructions, %llu idle ticks left out, %.6f ticks/ns\n",
		(unsigned long long)(ticks - idle), (unsigned long long)idle, ratio);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
