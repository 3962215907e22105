// SPDX-License-Identifier: GPL-2.0
/*
 * A campaign: its workers execute programs and share what they have found; they are more than there
 * are CPUs, since closing a VM waits for grace periods. The process that started them watches the
 * kernel's log and their progress. A failure is what a target says, a worker that does not get on
 * or dies, or a complaint in the log (scripts/host/trouble).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "campaign.h"
#include "kcov.h"

#define WORKERS		33		/* at most, and one for programs that are tried again */
#define KEPT		4096		/* programs that reached something new */
#define EDGES		(1 << 18)
#define TEXT		(1 << 21)	/* bytes that a module's code lies in, at most */
#define STUCK_S		20		/* for one program */
#define DEATH_S		1		/* for SIGKILL */
#define TRIES		400		/* to make a program shorter */
#define LAST		4		/* programs of a worker that are remembered */

struct worker {
	pid_t pid;
	atomic_uint begun_s;			/* its program; CLOCK_MONOTONIC */
	atomic_uint programs;
	struct program last[LAST];		/* of which the newest is number programs */
	char wrong[256];			/* what is, with that */
};

/* Of the campaign, in memory that all its processes share. */
static struct {
	struct worker worker[WORKERS];
	atomic_ulong programs, commands, kept, new_edges, blocks;
	atomic_uchar edge[EDGES], block[TEXT / 8];
	struct program program[KEPT];
} *all;

static const struct target *target;
static struct worker *self;
static regex_t trouble[64];
static unsigned int nr_trouble;
static int log_fd = -1;
static char complaint[1024];

static unsigned int seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static unsigned int slowdown(void)
{
	const char *s = getenv("SLOWDOWN");

	return s && atoi(s) > 0 ? atoi(s) : 1;
}

void campaign_count(unsigned int commands)
{
	atomic_fetch_add(&all->commands, commands);
}

const char *campaign_wrong(const char *format, ...)
{
	static char words[sizeof(self->wrong)];
	va_list ap;

	va_start(ap, format);
	vsnprintf(words, sizeof(words), format, ap);
	va_end(ap);
	return words;
}

/* The kernel's log */

static void log_open(void)
{
	FILE *f = fopen("scripts/host/trouble", "r");
	char line[256];

	while (f && nr_trouble < 64 && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (*line && !regcomp(&trouble[nr_trouble], line, REG_EXTENDED | REG_NOSUB))
			nr_trouble++;
	}
	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (!nr_trouble || log_fd < 0) {
		fprintf(stderr, "scripts/host/trouble or /dev/kmsg: %s\n", strerror(errno));
		exit(2);
	}
	fclose(f);
	lseek(log_fd, 0, SEEK_END);
}

/* Its complaints since the last time; the first stays in @complaint. */
static bool log_complains(void)
{
	char record[8192];
	bool bad = false;
	ssize_t n;

	while ((n = read(log_fd, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		record[n > 0 ? n : 0] = 0;
		for (unsigned int i = 0; i < nr_trouble && !bad; i++) {
			bad = !regexec(&trouble[i], record, 0, NULL, 0);
			if (bad)
				snprintf(complaint, sizeof(complaint), "the kernel's log: %.900s",
					 strchr(record, ';') ? strchr(record, ';') + 1 : record);
		}
	}
	return bad;
}

/* Making programs */

static uint64_t next(uint64_t *seed)
{
	return campaign_mix((*seed)++);
}

static void random_command(uint64_t *seed, uint8_t *command)
{
	for (unsigned int i = 0; i < COMMAND_BYTES; i += 8) {
		uint64_t r = next(seed);

		memcpy(command + i, &r, 8);
	}
}

static void mutate(uint64_t *seed, struct program *p)
{
	unsigned int at = p->nr ? next(seed) % p->nr : 0, to = p->nr ? next(seed) % p->nr : 0;
	const struct program *other;

	switch (next(seed) % 7) {
	case 0:		/* a byte */
		p->command[at][next(seed) % COMMAND_BYTES] = next(seed);
		break;
	case 1:		/* a command's bytes but its first */
		random_command(seed, p->command[to]);
		memcpy(p->command[to], p->command[at], 1);
		break;
	case 2:		/* a command */
		random_command(seed, p->command[at]);
		break;
	case 3:		/* one more */
		if (p->nr == COMMANDS_MAX)
			break;
		memmove(p->command[at + 1], p->command[at], (p->nr++ - at) * COMMAND_BYTES);
		random_command(seed, p->command[at]);
		break;
	case 4:		/* one less */
		if (p->nr > 1)
			memmove(p->command[at], p->command[at + 1],
				(--p->nr - at) * COMMAND_BYTES);
		break;
	case 5:		/* one in another's place */
		memcpy(p->command[to], p->command[at], COMMAND_BYTES);
		break;
	case 6:		/* the end of another program */
		if (!all->kept)
			break;
		other = &all->program[next(seed) % (all->kept < KEPT ? all->kept : KEPT)];
		for (; at < other->nr && at < COMMANDS_MAX; at++)
			memcpy(p->command[at], other->command[at], COMMAND_BYTES);
		if (p->nr < at)
			p->nr = at;
	}
}

static void make(uint64_t *seed, struct program *p)
{
	unsigned long kept = all->kept < KEPT ? all->kept : KEPT;

	if (kept && next(seed) % 4) {
		*p = all->program[next(seed) % kept];
		if (p->nr > COMMANDS_MAX)	/* another worker was writing it */
			p->nr = COMMANDS_MAX;
		for (unsigned int i = next(seed) % 6 + 1; i; i--)
			mutate(seed, p);
		return;
	}
	p->nr = next(seed) % COMMANDS_MAX + 1;
	for (unsigned int i = 0; i < p->nr; i++)
		random_command(seed, p->command[i]);
}

/* Workers */

/* Keep a program that took a new way from one basic block to another. */
static void learn(uint64_t *seed, const struct program *p)
{
	const uint64_t *block = NULL;
	unsigned long n = kcov_blocks(&block), found = 0;
	uint64_t before = 0;

	for (unsigned long i = 0; i < n; i++) {
		uint64_t where = block[i] & (TEXT - 1);
		uint8_t bit = 1 << where % 8;

		if (!atomic_exchange(&all->edge[campaign_mix(block[i] ^ before) % EDGES], 1))
			found++;
		if (!(all->block[where / 8] & bit) &&
		    !(atomic_fetch_or(&all->block[where / 8], bit) & bit))
			atomic_fetch_add(&all->blocks, 1);
		before = block[i] << 1;
	}
	if (!found)
		return;
	atomic_fetch_add(&all->new_edges, found);
	n = atomic_fetch_add(&all->kept, 1);
	all->program[n < KEPT ? n : next(seed) % KEPT] = *p;
}

static void execute(const struct program *p)
{
	const char *wrong;

	self->last[(self->programs + 1) % LAST] = *p;
	self->begun_s = seconds();
	self->programs++;
	wrong = target->execute(p);
	if (!wrong)
		return;
	snprintf(self->wrong, sizeof(self->wrong), "%s", wrong);
	_exit(1);
}

static void begin(struct worker *w, unsigned int cpu)
{
	cpu_set_t cpus, one;

	self = w;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	cpu %= CPU_COUNT(&cpus);
	for (int c = 0; c < CPU_SETSIZE; c++) {
		if (CPU_ISSET(c, &cpus) && !cpu--) {
			CPU_ZERO(&one);
			CPU_SET(c, &one);
			sched_setaffinity(0, sizeof(one), &one);
		}
	}
	w->wrong[0] = 0;
	target->begin();
}

static void work(struct worker *w, unsigned int n, uint64_t seed)
{
	pid_t pid;

	w->begun_s = seconds();
	pid = fork();
	if (pid) {
		w->pid = pid > 0 ? pid : 0;
		return;
	}
	begin(w, n);
	kcov_start();
	for (;;) {
		struct program p;

		make(&seed, &p);
		kcov_clear();
		execute(&p);
		learn(&seed, &p);
		atomic_fetch_add(&all->programs, 1);
	}
}

/* Dead within a second, or the process is not to be killed, and says so. */
static bool end(struct worker *w)
{
	if (!w->pid)
		return true;
	kill(w->pid, SIGKILL);
	for (unsigned int i = 0; i < 100 * DEATH_S * slowdown(); i++) {
		if (waitpid(w->pid, NULL, WNOHANG)) {
			w->pid = 0;
			return true;
		}
		usleep(10000);
	}
	return false;
}

/* Failures */

/* What is wrong with a worker; NULL: nothing. */
static const char *look(struct worker *w)
{
	int status;

	if (!w->pid)
		return NULL;
	if (waitpid(w->pid, &status, WNOHANG) == w->pid) {
		w->pid = 0;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return NULL;
		if (!w->wrong[0])
			snprintf(w->wrong, sizeof(w->wrong), "the process has ended: %s %d",
				 WIFSIGNALED(status) ? "signal" : "status",
				 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		return w->wrong;
	}
	if (seconds() - w->begun_s < STUCK_S * slowdown())
		return NULL;
	return end(w) ? "a program does not end" : "a process cannot be killed";
}

/* Does it fail, executed alone? */
static bool fails(const struct program *p)
{
	struct worker *w = &all->worker[0];
	const char *wrong;
	pid_t pid;

	w->begun_s = seconds();
	pid = fork();
	if (!pid) {
		begin(w, 0);
		execute(p);
		_exit(0);
	}
	w->pid = pid > 0 ? pid : 0;
	do {
		usleep(2000);
		wrong = look(w);
	} while (!wrong && w->pid);
	return log_complains() || wrong;
}

/* Leave commands out, as long as what is left fails. */
static void shorten(struct program *p)
{
	unsigned int tries = 0;

	for (unsigned int n = p->nr / 2; n && tries < TRIES; n /= 2) {
		for (unsigned int at = 0; at + n <= p->nr && p->nr > n && tries < TRIES; tries++) {
			struct program less = *p;

			memmove(less.command[at], less.command[at + n],
				(p->nr - at - n) * COMMAND_BYTES);
			less.nr -= n;
			if (fails(&less))
				*p = less;
			else
				at += n;
		}
	}
}

static void print(const struct program *p)
{
	char text[400];

	for (unsigned int i = 0; i < p->nr; i++) {
		target->describe(p->command[i], text, sizeof(text));
		for (unsigned int b = 0; b < COMMAND_BYTES; b++)
			printf("%02x", p->command[i][b]);
		printf("  # %s\n", text);
	}
	fflush(stdout);
}

/* Of the programs that ran when it happened, and shortly before, the one that does it alone. */
static void report(const char *wrong)
{
	struct program p;
	bool found = false;

	printf("# failed: %s\n", wrong);
	fflush(stdout);
	for (unsigned int i = 0; i < WORKERS; i++)
		end(&all->worker[i]);
	log_complains();
	for (unsigned int back = 0; back < LAST && !found; back++) {
		for (unsigned int i = 1; i < WORKERS && !found; i++) {
			const struct worker *w = &all->worker[i];

			if (w->programs < back + 1)
				continue;
			p = w->last[(w->programs - back) % LAST];
			found = fails(&p);
		}
	}
	if (found) {
		unsigned int before = p.nr;

		shorten(&p);
		printf("# a program that fails alone, %u commands of %u; for --replay:\n", p.nr,
		       before);
		print(&p);
		return;
	}
	puts("# no program fails alone; those that ran then:");
	for (unsigned int i = 1; i < WORKERS; i++) {
		const struct worker *w = &all->worker[i];

		if (w->programs) {
			printf("# of worker %u:\n", i);
			print(&w->last[w->programs % LAST]);
		}
	}
}

/* The campaign */

static bool read_program(const char *path, struct program *p)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "r") : stdin;
	char line[1024];

	if (!f)
		return false;
	for (p->nr = 0; p->nr < COMMANDS_MAX && fgets(line, sizeof(line), f);) {
		unsigned int n, byte;

		for (n = 0; n < COMMAND_BYTES && sscanf(line + 2 * n, "%2x", &byte) == 1; n++)
			p->command[p->nr][n] = byte;
		p->nr += n == COMMAND_BYTES;
	}
	fclose(f);
	return p->nr;
}

static int replay(const char *path)
{
	struct program p;

	if (!read_program(path, &p)) {
		fprintf(stderr, "%s: no program\n", path);
		return 2;
	}
	if (!fails(&p)) {
		puts("# it does not fail");
		return 0;
	}
	printf("# it fails: %s\n", all->worker[0].wrong[0] ? all->worker[0].wrong : complaint);
	shorten(&p);
	print(&p);
	return 1;
}

static void progress(unsigned int begun)
{
	printf("# %u s: %lu programs, %lu commands; %lu programs kept, %lu edges, %lu blocks\n",
	       seconds() - begun, all->programs, all->commands, all->kept, all->new_edges,
	       all->blocks);
	fflush(stdout);
}

static int usage(void)
{
	fprintf(stderr, "usage: fuzz-%s [--seconds N] [--commands N] [--seed N] [--workers N]\n"
			"       fuzz-%s --replay FILE\n", target->name, target->name);
	return 2;
}

int campaign(const struct target *what, int argc, char **argv)
{
	unsigned long most_s = 60, most = ~0UL, seed = 1, workers = 16;
	const char *wrong = NULL, *file = NULL;
	unsigned int begun = seconds(), said = begun;

	target = what;
	for (int i = 1; i < argc; i += 2) {
		const struct {
			const char *name;
			unsigned long *value;
		} option[] = {
			{ "--seconds", &most_s }, { "--commands", &most }, { "--seed", &seed },
			{ "--workers", &workers },
		};
		bool known = false;

		if (i + 1 == argc)
			return usage();
		if (!strcmp(argv[i], "--replay")) {
			file = argv[i + 1];
			known = true;
		}
		for (unsigned int o = 0; o < sizeof(option) / sizeof(option[0]); o++) {
			if (!strcmp(argv[i], option[o].name)) {
				*option[o].value = strtoul(argv[i + 1], NULL, 0);
				known = true;
			}
		}
		if (!known)
			return usage();
	}
	if (!workers || workers >= WORKERS)
		return usage();
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED) {
		perror("mmap");
		return 2;
	}
	log_open();
	if (file)
		return replay(file);

	/* Worker 0 is for programs that are tried again. */
	for (unsigned int i = 1; i <= workers; i++)
		work(&all->worker[i], i - 1, campaign_mix(seed) + ((uint64_t)i << 56));
	while (!wrong && seconds() - begun < most_s && all->commands < most) {
		struct pollfd fd = { .fd = log_fd, .events = POLLIN };

		poll(&fd, 1, 100);
		if (log_complains())
			wrong = complaint;
		for (unsigned int i = 1; i <= workers && !wrong; i++)
			wrong = look(&all->worker[i]);
		if (seconds() - said >= 60) {
			progress(begun);
			said = seconds();
		}
	}
	if (wrong) {
		progress(begun);
		report(wrong);
		return 1;
	}
	for (unsigned int i = 1; i <= workers; i++) {
		if (!end(&all->worker[i]))
			wrong = "a process cannot be killed";
	}
	progress(begun);
	if (log_complains())
		wrong = complaint;
	if (wrong)
		report(wrong);
	return !!wrong;
}
