// SPDX-License-Identifier: GPL-2.0
// needs: userspace/server.c
// libs: -Wl,--wrap=getppid,--wrap=nanosleep,--wrap=mkdtemp
/*
 * Programs that serve a machine: what they are born with, that nobody else reaches them, and that
 * they end with vmctl, however that ends. The programs are shells and this one itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../userspace/server.h"
#include "devices_fake.h"
#include "said.h"

#define END_MS	60000

static bool orphan;		/* vmctl ends before its child has asked for a signal */
static bool quick;		/* the time that is waited passes at once */

static char dir[64];		/* where a socket had a name */

char *__real_mkdtemp(char *path);
char *__wrap_mkdtemp(char *path);
pid_t __real_getppid(void);
pid_t __wrap_getppid(void);
int __real_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

char *__wrap_mkdtemp(char *path)
{
	char *made = __real_mkdtemp(path);

	snprintf(dir, sizeof(dir), "%s", path);
	return made;
}

pid_t __wrap_getppid(void)
{
	return orphan ? 1 : __real_getppid();
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	return quick ? 0 : __real_nanosleep(time, left);
}

static int start_shell(const char *script, pid_t *pid)
{
	const char * const argv[] = { "sh", "-c", script, NULL };

	return server_start(argv, pid);
}

/* 1000 and more: it died of a signal. */
static int exit_status(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Its socket and no other, systemd's words for it, a process group, no signal blocked. */
static void test_born_with(void)
{
	static const char script[] =
		"[ \"$LISTEN_PID\" = $$ ] && [ \"$LISTEN_FDS\" = 1 ] || exit 2\n"
		"[ \"$(cut -d' ' -f5 /proc/$$/stat)\" = $$ ] || exit 3\n"
		"case $(readlink /proc/$$/fd/3) in socket:*) ;; *) exit 4 ;; esac\n"
		"n=0\n"
		"for fd in /proc/$$/fd/*; do\n"
		"	case $(readlink $fd) in socket:*) n=$((n + 1)) ;; esac\n"
		"done\n"
		"[ $n = 1 ] || exit 5\n"
		"exit 77";
	/* Not by a shell, which has its own mind about that. */
	static const char * const unblocked[] = {
		"grep", "-q", "^SigBlk:[[:space:]]*0*$", "/proc/self/status", NULL
	};
	sigset_t set, old;
	pid_t pid, grep;
	int fd, other;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	fd = start_shell(script, &pid);
	other = server_start(unblocked, &grep);
	sigprocmask(SIG_SETMASK, &old, NULL);
	CHECK(fd >= 0 && other >= 0);
	CHECK_EQ(exit_status(pid), 77);
	CHECK_EQ(exit_status(grep), 0);
	close(fd);
	close(other);
}

/* The name of its socket is gone before anybody can know it. */
static void test_no_name(void)
{
	pid_t pid;
	int fd = start_shell("exec sleep 60", &pid);

	CHECK(fd >= 0);
	CHECK(*dir && access(dir, F_OK) < 0 && errno == ENOENT);
	kill(pid, SIGTERM);
	CHECK_EQ(exit_status(pid), 1000 + SIGTERM);
	close(fd);
}

/* That it cannot be had, shows in the connection. */
static void test_no_program(void)
{
	static const char * const argv[] = { "/nowhere/program", NULL };
	struct pollfd p;
	pid_t pid;

	p = (struct pollfd) { .fd = server_start(argv, &pid), .events = POLLIN };
	CHECK(p.fd >= 0);
	CHECK_EQ(exit_status(pid), 127);
	CHECK(poll(&p, 1, END_MS) == 1 && p.revents & POLLHUP);
	close(p.fd);
	orphan = true;
	p.fd = start_shell("exec sleep 60", &pid);
	orphan = false;
	CHECK_EQ(exit_status(pid), 1);
	close(p.fd);
}

/* A vmctl of its own, which is killed; its server writes to @fd when it is told to end. */
static void play_vmctl(int fd)
{
	char script[100];
	pid_t pid;

	snprintf(script, sizeof(script),
		 "trap 'echo end >&%d; exit' TERM; echo up >&%d; while :; do sleep 0.1; done",
		 fd, fd);
	fcntl(fd, F_SETFD, 0);
	if (start_shell(script, &pid) < 0)
		_exit(1);
	for (;;)
		pause();
}

static bool comes(int fd, const char *word)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[16] = "";

	return poll(&p, 1, END_MS) == 1 && read(fd, text, sizeof(text) - 1) >= 0 &&
	       !strcmp(text, word);
}

static void test_killed(void)
{
	int fds[2];
	pid_t vmctl;

	CHECK(!pipe2(fds, O_CLOEXEC));
	vmctl = fork();
	if (!vmctl)
		play_vmctl(fds[1]);
	close(fds[1]);
	CHECK(comes(fds[0], "up\n"));
	kill(vmctl, SIGKILL);
	CHECK_EQ(exit_status(vmctl), 1000 + SIGKILL);
	CHECK(comes(fds[0], "end\n"));
	CHECK(comes(fds[0], ""));
	close(fds[0]);
}

static void test_reap(void)
{
	pid_t pid;
	int fd = start_shell("sleep 5", &pid);

	CHECK(!server_reap(pid, 0) && !server_reap(pid, 20));
	server_kill(pid);
	CHECK(server_reap(pid, 3000));
	CHECK(waitpid(pid, NULL, 0) < 0 && errno == ECHILD);
	CHECK(server_reap(pid, 0));
	close(fd);
}

static void test_wait(void)
{
	pid_t pid;
	int fd = start_shell("exit 0", &pid);

	server_wait(pid, "sh", "nothing");
	CHECK(was_said(NULL));
	CHECK(waitpid(pid, NULL, 0) < 0 && errno == ECHILD);
	close(fd);
	quick = true;
	fd = start_shell("sleep 1", &pid);
	server_wait(pid, "sh", "an image");
	quick = false;
	CHECK(strstr(said.last, "waiting for sh (process ") && strstr(said.last, "with an image"));
	said.lines = 0;
	CHECK(waitpid(pid, NULL, 0) < 0 && errno == ECHILD);
	close(fd);
}

/* One that nobody waits for: it has its time, and is killed with what it has started. */
static void test_has_ended(void)
{
	struct server_end end = { .program = "sh", .what = "an image", .seconds = 1 };
	const struct timespec ms = { .tv_nsec = 1000000 };
	int fd = start_shell("trap '' TERM HUP; sleep 60 & wait; sleep 60", &end.pid);
	unsigned int asked = 0;
	pid_t pid = end.pid;

	CHECK(fd >= 0);
	CHECK(!server_has_ended(&end));
	CHECK(was_said(NULL));
	for (; !server_has_ended(&end); asked++)
		nanosleep(&ms, NULL);
	CHECK(asked > 10);
	CHECK(was_said("sh (process ") && !end.pid);
	CHECK(waitpid(pid, NULL, 0) < 0 && errno == ECHILD);
	/* Of the group, too: init, or who is in its place, has it then. */
	while (!kill(-pid, 0))
		nanosleep(&ms, NULL);
	CHECK(server_has_ended(&end));
	close(fd);

	end = (struct server_end) { .program = "sh", .what = "nothing", .seconds = 60 };
	fd = start_shell("exit 0", &end.pid);
	while (!server_has_ended(&end))
		nanosleep(&ms, NULL);
	CHECK(was_said(NULL));
	close(fd);
}

static const struct test tests[] = {
	{ "what a server is born with", test_born_with },
	{ "its socket has no name", test_no_name },
	{ "a program that cannot be had", test_no_program },
	{ "vmctl is killed", test_killed },
	{ "its end is taken notice of", test_reap },
	{ "its end is waited for", test_wait },
	{ "its end is not waited for", test_has_ended },
};

int main(void)
{
	return RUN_TESTS(tests);
}
