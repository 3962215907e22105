// SPDX-License-Identifier: GPL-2.0
// needs: userspace/sandbox.c userspace/sandbox_filter.c out/userspace/filters.c
// needs: userspace/message.c userspace/terminal.c
// libs: -pthread -lseccomp
/*
 * The sandbox of a network's process, from within: each try is a process of its own that enters it,
 * does one thing and exits with 77 if that went as libslirp needs it. What is forbidden ends the
 * process before.
 *
 * Without sanitizers' own system calls it would be another program, so that a try does little else.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../userspace/sandbox.h"
#include "tap.h"

#define WENT_WELL	77
#define STOPPED		1
#define SERVERS		"/etc/resolv.conf"
#define USER		12345		/* nobody in particular */

static int looked_at = -1;

static void *nothing(void *arg)
{
	return arg;
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

static void try_memory(void)
{
	leave(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	      MAP_FAILED);
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

static void try_no_other_file(void)
{
	leave(open("/etc/passwd", O_RDONLY) < 0 && (errno == ENOENT || errno == EACCES) &&
	      open("/proc/self/mem", O_RDONLY) < 0 && open("/dev/null", O_RDONLY) < 0);
}

static void try_servers(void)
{
	char text[16];
	int fd = open(SERVERS, O_RDONLY);

	leave(fd >= 0 && read(fd, text, sizeof(text)) > 0);
}

static void try_write(void)
{
	leave(open(SERVERS, O_WRONLY) >= 0);
}

static void try_create(void)
{
	leave(open("/file", O_RDONLY | O_CREAT, 0600) >= 0);
}

static void try_unix_socket(void)
{
	leave(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
}

static void try_signal(void)
{
	leave(!kill(getppid(), 0));
}

/* Wait to be looked at. */
static void try_wait(void)
{
	char byte = 0;

	if (write(looked_at, &byte, 1) == 1 && read(looked_at, &byte, 1) == 1)
		leave(true);
	leave(false);
}

static void enter(void)
{
	umask(077);			/* as careful people have it */
	close(STDERR_FILENO);
	open("/dev/null", O_WRONLY);
	sandbox_remember_fds();
	if (sandbox_enter_network())
		leave(false);
}

/* By the signal itself where the address sanitizer asks for a signal stack before it ends. */
static int status_of(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return STOPPED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static pid_t start_network(void (*try)(void), uid_t user)
{
	pid_t pid = fork();

	if (!pid) {
		/* As if the user had started it, its files in /proc are his. */
		if (user && (setresgid(user, user, user) || setresuid(user, user, user) ||
			     prctl(PR_SET_DUMPABLE, 1)))
			leave(false);
		enter();
		try();
		leave(false);
	}
	return pid;
}

/* The same on a host that permits no namespaces. */
static int without_namespaces(void (*try)(void))
{
	pid_t pid = fork();

	if (!pid) {
		scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

		if (!ctx || seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 0) ||
		    seccomp_load(ctx))
			leave(false);
		enter();
		try();
	}
	return status_of(pid);
}

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

/* Does /proc/PID/status say so? */
static bool has_line(pid_t pid, const char *wanted)
{
	char path[64], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		found |= !strncmp(line, wanted, strlen(wanted));
	if (f)
		fclose(f);
	if (!found)
		printf("# not in its status: %s\n", wanted);
	return found;
}

/* Is there nothing but @name at @where of its root? */
static bool has_only(pid_t pid, const char *where, const char *name)
{
	const struct dirent *e;
	bool only = true;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/root%s", pid, where);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		only &= *e->d_name == '.' || !strcmp(e->d_name, name);
	if (dir)
		closedir(dir);
	return dir && only;
}

/* From outside, as what @user starts: who it is, what it may, what it sees. */
static bool looks_right(uid_t user, const char *who)
{
	int fds[2];
	char byte;
	pid_t pid;
	bool right;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return false;
	looked_at = fds[1];
	pid = start_network(try_wait, user);
	close(fds[1]);
	right = read(fds[0], &byte, 1) == 1 && has_line(pid, who) &&
		has_line(pid, "CapEff:\t0000000000000000") &&
		has_line(pid, "CapPrm:\t0000000000000000") &&
		has_line(pid, "NoNewPrivs:\t1") && has_line(pid, "Seccomp:\t2") &&
		has_only(pid, "/", "etc") && has_only(pid, "/etc", "resolv.conf");
	if (write(fds[0], &byte, 1) != 1)
		right = false;
	close(fds[0]);
	return status_of(pid) == WENT_WELL && right;
}

struct try {
	const char *what;
	void (*try)(void);
	int outcome;
};

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static const struct try tries[] = {
	{ "memory", try_memory, WENT_WELL },
	{ "a socket", try_socket, WENT_WELL },
	{ "the host's name servers", try_servers, WENT_WELL },
	{ "no other file", try_no_other_file, WENT_WELL },
	{ "a file to write to", try_write, STOPPED },
	{ "a new file", try_create, STOPPED },
	{ "a socket of this machine", try_unix_socket, STOPPED },
	{ "a signal for others", try_signal, STOPPED },
	{ "a thread", try_thread, STOPPED },
	{ "a program", try_exec, STOPPED },
	{ "a process", try_fork, STOPPED },
	{ "memory that is code", try_code, STOPPED },
	{ "memory that becomes code", try_protect, STOPPED },
	{ "ptrace", try_ptrace, STOPPED },
	{ "input for the terminal", try_terminal_input, STOPPED },
	{ "a namespace", try_mount, STOPPED },
};

static const char *forbidden(const struct try *t)
{
	return t->outcome == STOPPED ? ": forbidden" : "";
}

/* Root's process, if this is root; and a user's, who has other means to get there. */
static void try_network(uid_t user)
{
	const char *whose = user ? "a user's" : "one's own";

	for (unsigned int i = 0; i < NR(tries); i++) {
		const struct try *t = &tries[i];

		ksft_test_result(status_of(start_network(t->try, user)) == t->outcome,
				 "%s network: %s%s\n", whose, t->what, forbidden(t));
	}
}

/* There are none in a chroot: what is behind them cannot be hidden then. */
static bool has_user_namespaces(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(!!unshare(CLONE_NEWUSER));
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

static void look_at(const char *whose, uid_t user, const char *who)
{
	if (has_user_namespaces())
		ksft_test_result(looks_right(user, who), "%s\n", whose);
	else
		ksft_test_result_skip("%s: there are no user namespaces here\n", whose);
}

int main(void)
{
	bool root = !geteuid();

	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(2 + (root ? 2 * NR(tries) + 2 : NR(tries)));
	try_network(0);
	ksft_test_result(without_namespaces(try_no_other_file) == WENT_WELL,
			 "no other file, without namespaces\n");
	ksft_test_result((without_namespaces(try_servers) == WENT_WELL) == has_landlock(),
			 "name servers without namespaces, %s Landlock\n",
			 has_landlock() ? "with" : "nor");
	if (root) {
		try_network(USER);
		look_at("root's network is nobody's", 0, "Uid:\t65534\t65534\t65534\t65534");
		look_at("a user's network has a root of its own", USER,
			"Uid:\t12345\t12345\t12345\t12345");
	}
	ksft_finished();
}
