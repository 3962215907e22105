// SPDX-License-Identifier: GPL-2.0
// needs: userspace/sandbox.c userspace/sandbox_filter.c out/userspace/filters.c
// needs: userspace/message.c userspace/terminal.c
// libs: -pthread
/*
 * The sandbox, from within: each try is a process of its own that enters it, does one thing and
 * exits with 77 if that went as a VMM needs it. What is forbidden ends the process before.
 *
 * Without sanitizers' own system calls it would be another program, so that a try does little else.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../userspace/sandbox.h"
#include "tap.h"

#define WENT_WELL	77
#define ENDED		1

static struct sandbox_needs needs;
static int inherited = -1;
static pid_t parent;	/* of those who try: another process */
static bool no_namespaces;

/* Instead of the C library's: a host that permits none. */
int unshare(int flags)
{
	errno = EPERM;
	return no_namespaces ? -1 : syscall(SYS_unshare, flags);
}

static void *nothing(void *arg)
{
	return arg;
}

static void *vcpu(void *arg)
{
	sandbox_enter_vcpu();
	((void (*)(void))arg)();
	return NULL;
}

static void *worker(void *arg)
{
	sandbox_enter_worker();
	((void (*)(void))arg)();
	return NULL;
}

/* Tries; each leaves by leave(). */

static void leave(bool well)
{
	syscall(SYS_exit_group, well ? WENT_WELL : 0);
}

static void try_thread(void)
{
	pthread_t thread;

	leave(!pthread_create(&thread, NULL, nothing, NULL) && !pthread_join(thread, NULL));
}

static void try_eventfd(void)
{
	int fd = eventfd(0, 0);

	leave(fd >= 0 && !eventfd_write(fd, 1));
}

static void try_memory(void)
{
	leave(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	      MAP_FAILED);
}

static void try_open_fails(void)
{
	leave(open("/etc/passwd", O_RDONLY) < 0 && errno == ENOENT);
}

static void try_unlink_fails(void)
{
	leave(unlinkat(STDIN_FILENO, "x", 0) < 0 && errno == ENOENT);
}

static void try_inherited(void)
{
	leave(fcntl(inherited, F_GETFD) < 0);
}

static void try_capabilities(void)
{
	/* Not even root's: of its own nice value it may only make more. */
	leave(setpriority(PRIO_PROCESS, 0, -20) < 0 && errno == EACCES);
}

/* What reaches others */

static void try_priority(void)
{
	setpriority(PRIO_USER, 0, 1);
	leave(true);
}

static void try_other_priority(void)
{
	setpriority(PRIO_PROCESS, parent, 1);
	leave(true);
}

static void try_own_priority(void)
{
	leave(!setpriority(PRIO_PROCESS, 0, 19));
}

static void try_kill(void)
{
	kill(parent, 0);
	leave(true);
}

static void try_kill_itself(void)
{
	kill(getpid(), SIGCONT);
	leave(true);
}

static void try_kill_server(void)
{
	leave(!kill(-needs.servers[0], SIGKILL));
}

static void try_signal_server(void)
{
	kill(-needs.servers[0], SIGTERM);
	leave(true);
}

static void try_stop_itself(void)
{
	kill(getpid(), SIGTSTP);
	leave(true);
}

static void try_tgkill(void)
{
	syscall(SYS_tgkill, parent, parent, 0);
	leave(true);
}

static void try_own_thread(void)
{
	leave(!syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), 0));
}

static void try_own_limit(void)
{
	struct rlimit limit;

	leave(!prlimit(0, RLIMIT_NOFILE, NULL, &limit));
}

static void try_limit(void)
{
	struct rlimit limit = { 0 };

	prlimit(parent, RLIMIT_NOFILE, NULL, &limit);
	leave(true);
}

static void try_new_limit(void)
{
	const struct rlimit limit = { 64, 64 };

	prlimit(0, RLIMIT_NOFILE, &limit, NULL);
	leave(true);
}

static void try_flags(void)
{
	leave(fcntl(STDIN_FILENO, F_GETFL) >= 0);
}

/* Whose input comes, gets SIGIO, or another signal. */
static void try_owner(void)
{
	fcntl(STDIN_FILENO, F_SETOWN, parent);
	leave(true);
}

static void try_disk(void)
{
	ioctl(STDIN_FILENO, 0x1277 /* BLKDISCARD */, NULL);
	leave(true);
}

static void try_exec(void)
{
	execl("/bin/true", "true", NULL);
	leave(true);
}

static void try_fork(void)
{
	leave(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0);
}

static void try_socket(void)
{
	leave(socket(AF_INET, SOCK_STREAM, 0) >= 0);
}

/* What they could be asked for, no filter would see. */
static void try_ring(void)
{
	syscall(SYS_io_uring_setup, 1, NULL);
	leave(true);
}

static void try_ring_change(void)
{
	syscall(SYS_io_uring_register, -1, 0, NULL, 0);
	leave(true);
}

static void try_ring_use(void)
{
	leave(syscall(SYS_io_uring_enter, -1, 0, 0, 0, NULL, 0) < 0 && errno == EBADF);
}

static void try_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	leave(true);
}

static void try_protect(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(p, 4096, PROT_READ | PROT_EXEC);
	leave(true);
}

static void try_ptrace(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	leave(true);
}

static void try_terminal_input(void)
{
	ioctl(0, TIOCSTI, "x");
	leave(true);
}

static void try_mount(void)
{
	unshare(CLONE_NEWNS);
	leave(true);
}

static void try_memfd(void)
{
	leave(memfd_create("x", 0) >= 0);
}

static int outcome(void (*try)(void), void *(*in)(void *))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		pthread_t thread;

		close(STDERR_FILENO);
		open("/dev/null", O_WRONLY);
		sandbox_remember_fds();
		if (sandbox_enter(&needs))
			leave(false);
		if (!in)
			try();
		else if (!pthread_create(&thread, NULL, in, try))
			pthread_join(thread, NULL);
		leave(false);
	}
	waitpid(pid, &status, 0);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	/* The address sanitizer asks for a signal stack in between, which a worker may not have. */
	return WTERMSIG(status) == SIGSYS ? ENDED : -1;
}

struct try {
	const char *what;
	void (*try)(void);
};

/* Of the process, and of those of its threads that have less. */
static const struct try good[] = {
	{ "memory", try_memory },
	{ "no file", try_open_fails },
	{ "no name to remove", try_unlink_fails },
	{ "what was inherited is closed", try_inherited },
	{ "a thread of its own is kicked", try_own_thread },
	{ "its limits are read", try_own_limit },
	{ "flags of a file", try_flags },
	{ "requests of a ring", try_ring_use },
};

static const struct try bad[] = {
	{ "a program", try_exec },
	{ "a process", try_fork },
	{ "a socket", try_socket },
	{ "a file in memory", try_memfd },
	{ "a ring", try_ring },
	{ "a ring's change", try_ring_change },
	{ "memory that is code", try_code },
	{ "memory that becomes code", try_protect },
	{ "ptrace", try_ptrace },
	{ "input for the terminal", try_terminal_input },
	{ "an ioctl of a disk", try_disk },
	{ "a namespace", try_mount },
	{ "a priority of others", try_priority },
	{ "a priority of another process", try_other_priority },
	{ "a signal for another process", try_kill },
	{ "any signal for itself", try_kill_itself },
	{ "a stop of itself", try_stop_itself },
	{ "any signal for a server", try_signal_server },
	{ "a signal for another's thread", try_tgkill },
	{ "another's limits", try_limit },
	{ "new limits", try_new_limit },
	{ "signals by fcntl", try_owner },
};

static void run(const char *who, void *(*in)(void *))
{
	for (unsigned int i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ksft_test_result(outcome(good[i].try, in) == WENT_WELL, "%s: %s\n", who,
				 good[i].what);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ksft_test_result(outcome(bad[i].try, in) == ENDED, "%s: %s: forbidden\n", who,
				 bad[i].what);
}

/* A process of a group of its own, as server_start() has them. */
static pid_t server(void)
{
	pid_t pid = fork();

	if (!pid) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	setpgid(pid, pid);
	return pid;
}

static void test_servers(void)
{
	int status;

	ksft_test_result(outcome(try_kill_server, vcpu) == WENT_WELL &&
			 waitpid(needs.servers[0], &status, 0) == needs.servers[0] &&
			 WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
			 "a vCPU kills a server\n");
	ksft_test_result(outcome(try_kill_server, worker) == ENDED, "a worker kills none\n");
}

/* What it says in here, into @said. */
static void say(char *said, size_t room)
{
	int pipe_fds[2];
	ssize_t n;
	pid_t pid;

	if (pipe(pipe_fds))
		ksft_exit_fail_msg("no pipe\n");
	pid = fork();
	if (!pid) {
		dup2(pipe_fds[1], STDERR_FILENO);
		leave(!sandbox_enter(&needs));
	}
	close(pipe_fds[1]);
	n = read(pipe_fds[0], said, room - 1);
	said[n > 0 ? n : 0] = '\0';
	close(pipe_fds[0]);
	waitpid(pid, NULL, 0);
}

static void test_namespaces(void)
{
	char said[512];

	no_namespaces = true;
	say(said, sizeof(said));
	ksft_test_result(strstr(said, "without an empty root, a network of its own, IPC of its"),
			 "namespaces that are not to be had are told\n");
	no_namespaces = false;
}

int main(void)
{
	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(3 * (sizeof(good) + sizeof(bad)) / sizeof(good[0]) + 9);
	inherited = open("/dev/null", O_RDONLY);
	parent = getpid();
	signal(SIGTSTP, SIG_IGN);
	needs.servers[0] = server();
	needs.nr_servers = 1;
	run("process", NULL);
	run("vCPU", vcpu);
	run("worker", worker);
	ksft_test_result(outcome(try_thread, NULL) == WENT_WELL, "a thread\n");
	ksft_test_result(outcome(try_eventfd, NULL) == WENT_WELL, "an eventfd\n");
	ksft_test_result(outcome(try_own_priority, vcpu) == WENT_WELL, "a vCPU's priority\n");
	ksft_test_result(outcome(try_thread, vcpu) == WENT_WELL, "a vCPU starts a thread\n");
	ksft_test_result(outcome(try_eventfd, worker) == ENDED, "a worker makes no eventfd\n");
	test_servers();
	test_namespaces();
	ksft_test_result(outcome(try_capabilities, NULL) == WENT_WELL, "no privilege\n");
	ksft_finished();
}
