// SPDX-License-Identifier: GPL-2.0
// needs: userspace/sandbox.c userspace/message.c userspace/terminal.c
// libs: -pthread -lseccomp
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

static void try_open(void)
{
	leave(open("/etc/passwd", O_RDONLY) >= 0);
}

static void try_open_fails(void)
{
	leave(open("/etc/passwd", O_RDONLY) < 0 && errno == ENOENT);
}

static void try_inherited(void)
{
	leave(fcntl(inherited, F_GETFD) < 0);
}

static void try_raise_privileges(void)
{
	/* No capability: not even root's. */
	leave(setpriority(PRIO_PROCESS, 0, -20) < 0);
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

static void try_vcpu_memfd(void)
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
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void)
{
	static const struct { const char *what; void (*try)(void); int outcome; } tries[] = {
		{ "a thread", try_thread, WENT_WELL },
		{ "an eventfd", try_eventfd, WENT_WELL },
		{ "memory", try_memory, WENT_WELL },
		{ "no file", try_open_fails, WENT_WELL },
		{ "what was inherited is closed", try_inherited, WENT_WELL },
		{ "no privilege", try_raise_privileges, WENT_WELL },
		{ "a program", try_exec, ENDED },
		{ "a process", try_fork, ENDED },
		{ "a socket", try_socket, ENDED },
		{ "a ring", try_ring, ENDED },
		{ "a ring's change", try_ring_change, ENDED },
		{ "requests of a ring", try_ring_use, WENT_WELL },
		{ "memory that is code", try_code, ENDED },
		{ "memory that becomes code", try_protect, ENDED },
		{ "ptrace", try_ptrace, ENDED },
		{ "input for the terminal", try_terminal_input, ENDED },
		{ "a namespace", try_mount, ENDED },
	};
	unsigned int nr = sizeof(tries) / sizeof(tries[0]);

	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(nr + 6);
	inherited = open("/dev/null", O_RDONLY);
	for (unsigned int i = 0; i < nr; i++)
		ksft_test_result(outcome(tries[i].try, NULL) == tries[i].outcome, "%s%s\n",
				 tries[i].what, tries[i].outcome == ENDED ? ": forbidden" : "");
	ksft_test_result(outcome(try_thread, vcpu) == WENT_WELL, "a vCPU starts a thread\n");
	ksft_test_result(outcome(try_vcpu_memfd, vcpu) == ENDED, "a vCPU makes no file\n");
	/* Where the address sanitizer asks for a signal stack in between, by the signal itself. */
	ksft_test_result(outcome(try_eventfd, worker) != WENT_WELL, "a worker makes no eventfd\n");
	ksft_test_result(outcome(try_memory, worker) == WENT_WELL, "a worker has memory\n");
	needs.files = true;
	needs.network = true;
	ksft_test_result(outcome(try_open, NULL) == WENT_WELL, "files for who needs them\n");
	ksft_test_result(outcome(try_socket, NULL) == WENT_WELL, "sockets for who needs them\n");
	ksft_finished();
}
