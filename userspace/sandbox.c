// SPDX-License-Identifier: GPL-2.0
/*
 * Three lists of system calls, each a part of the one before: the process's, a vCPU's, a worker's.
 * Filters add up, so a thread has all that its process has and its own.
 *
 * Who gets hold of vmctl can still do what the VM can: use its memory, its disks, its console.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsvmm.h"
#include "message.h"
#include "sandbox.h"

#define INHERITED_MAX	1024
#define NO_SUCH_CALL	38	/* ENOSYS: the C library then takes clone() */
#define ROOT		"/tmp"	/* where an empty file system is put, which becomes the root */

static struct sandbox_needs needs;	/* of the process */
static bool active;
static bool inherited[INHERITED_MAX];

/* System calls */

static const int of_workers[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
	SCMP_SYS(pwrite64), SCMP_SYS(preadv), SCMP_SYS(pwritev), SCMP_SYS(preadv2),
	SCMP_SYS(pwritev2), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(fallocate),
	SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(close), SCMP_SYS(fcntl),
	SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(recvfrom),
	SCMP_SYS(futex), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction), SCMP_SYS(sched_yield), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(restart_syscall),
	SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(tgkill), SCMP_SYS(getrandom),
	SCMP_SYS(rseq), SCMP_SYS(set_robust_list), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(membarrier),
};

/* Devices are the vCPUs', too: they start workers, set timers, and reach vhost. */
static const int of_vcpus[] = {
	SCMP_SYS(eventfd2), SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_gettime),
	SCMP_SYS(sigaltstack), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
};

/* The event loop, and a machine that is built after a reset */
static const int of_process[] = {
	SCMP_SYS(timerfd_create), SCMP_SYS(signalfd4), SCMP_SYS(memfd_create),
	SCMP_SYS(ftruncate), SCMP_SYS(unlinkat),
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(setpriority), SCMP_SYS(getpriority),
	SCMP_SYS(wait4), SCMP_SYS(kill), SCMP_SYS(uname), SCMP_SYS(getrusage),
	SCMP_SYS(prlimit64), SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(fadvise64),
	SCMP_SYS(sysinfo), SCMP_SYS(statx),
};

static const int of_files[] = {
	SCMP_SYS(openat), SCMP_SYS(readlink), SCMP_SYS(getdents64), SCMP_SYS(unlink),
	SCMP_SYS(access), SCMP_SYS(faccessat2),
};

/* Sockets that are open, and new ones */
static const int of_sockets[] = {
	SCMP_SYS(accept4), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
	SCMP_SYS(getsockname), SCMP_SYS(getpeername),
};

static const int of_network[] = {
	SCMP_SYS(socket), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept),
};

static const unsigned int ioctls[] = {
	TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ, FIONREAD, FIONBIO, TUNSETOFFLOAD,
	TUNSETTXFILTER, TUNSETQUEUE, TUNGETIFF, TUNGETVNETHDRSZ, BLKGETSIZE64, BLKSSZGET,
};

/* Kinds of which any is allowed: those of the module, of vhost. */
static const unsigned int ioctl_types[] = { SVMM_IOC, VHOST_VIRTIO };

static int add(scmp_filter_ctx ctx, uint32_t action, const int *calls, unsigned int nr)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < nr; i++)
		err = seccomp_rule_add(ctx, action, calls[i], 0);
	return err;
}

#define ADD(ctx, action, calls) add(ctx, action, calls, sizeof(calls) / sizeof((calls)[0]))
#define ALLOW(ctx, calls) ADD(ctx, SCMP_ACT_ALLOW, calls)

/* The C library looks for files of its own, and does without: they are not there. */
static int add_files(scmp_filter_ctx ctx)
{
	return ADD(ctx, needs.files ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOENT), of_files);
}

/* Calls that are allowed with some arguments only. */
static int allow_parts(scmp_filter_ctx ctx)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < sizeof(ioctls) / sizeof(ioctls[0]); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1_32(SCMP_CMP_EQ, ioctls[i]));
	for (unsigned int i = 0; !err && i < sizeof(ioctl_types) / sizeof(ioctl_types[0]); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xff00,
						  ioctl_types[i] << 8));
	/* No memory becomes code. */
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				       SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				       SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return err;
}

/* Threads are started, processes are not; what clone3() would do, is not to be seen by a filter. */
static int allow_threads(scmp_filter_ctx ctx)
{
	int err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				   SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(NO_SUCH_CALL), SCMP_SYS(clone3), 0);
	return err;
}

/* prctl() is for the names of threads alone. */
static int allow_names(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				SCMP_A0_32(SCMP_CMP_EQ, PR_SET_NAME));
}

/* A thread's own filter is loaded by a process that has one. */
static int allow_filters(scmp_filter_ctx ctx)
{
	int err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(seccomp), 0);

	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				       SCMP_A0_32(SCMP_CMP_EQ, PR_SET_NO_NEW_PRIVS));
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				       SCMP_A0_32(SCMP_CMP_EQ, PR_SET_SECCOMP));
	return err;
}

static int load_process_filter(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	int err;

	if (!ctx)
		return -ENOMEM;
	err = ALLOW(ctx, of_workers);
	if (!err)
		err = ALLOW(ctx, of_vcpus);
	if (!err)
		err = ALLOW(ctx, of_process);
	if (!err)
		err = ALLOW(ctx, of_sockets);
	if (!err)
		err = add_files(ctx);
	if (!err && needs.network)
		err = ALLOW(ctx, of_network);
	if (!err)
		err = allow_parts(ctx);
	if (!err)
		err = allow_threads(ctx);
	if (!err)
		err = allow_names(ctx);
	if (!err)
		err = allow_filters(ctx);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err;
}

static void load_thread_filter(bool vcpu)
{
	scmp_filter_ctx ctx = active ? seccomp_init(SCMP_ACT_TRAP) : NULL;
	int err;

	if (!ctx)
		return;
	err = ALLOW(ctx, of_workers);
	if (!err && vcpu)
		err = ALLOW(ctx, of_vcpus);
	if (!err)
		err = ADD(ctx, SCMP_ACT_ERRNO(ENOENT), of_files);
	if (!err)
		err = allow_parts(ctx);
	if (!err && vcpu)
		err = allow_threads(ctx);
	/* The worker that it starts makes its own. */
	if (!err && vcpu)
		err = allow_filters(ctx);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	if (err)
		message("a thread has the sandbox of its process alone: %s", strerror(-err));
}

void sandbox_enter_vcpu(void)
{
	load_thread_filter(true);
}

void sandbox_enter_worker(void)
{
	load_thread_filter(false);
}

/* What is not on the list: an attack, or a mistake in the list. */
static void forbidden(int sig, siginfo_t *info, void *context)
{
	char text[128];

	(void)sig;
	(void)context;
	snprintf(text, sizeof(text),
		 "vmctl: the sandbox ends it at system call %d; if the guest is not "
		 "to blame, report it, and use --no-sandbox\n", info->si_syscall);
	message_at_once(text);
	_exit(1);
}

/* Files, namespaces and privileges */

void sandbox_remember_fds(void)
{
	for (int fd = STDERR_FILENO + 1; fd < INHERITED_MAX; fd++)
		inherited[fd] = fcntl(fd, F_GETFD) >= 0;
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
}

void sandbox_forget_fds(void)
{
	memset(inherited, 0, sizeof(inherited));
}

static void close_inherited(void)
{
	for (int fd = STDERR_FILENO + 1; fd < INHERITED_MAX; fd++) {
		if (inherited[fd])
			close(fd);
	}
}

/* An own, empty root: where it is not permitted, the host's stays, which the filter guards. */
static void leave_files(void)
{
	if (unshare(CLONE_NEWNS))
		return;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
		  "size=4k") ||
	    chdir(ROOT))
		return;
	/* An initial RAM disk cannot be pivoted away from. */
	if (!syscall(SYS_pivot_root, ".", "."))
		umount2(".", MNT_DETACH);
	else if (chroot("."))
		return;
	if (chdir("/"))
		return;
}

static int drop_privileges(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	for (int cap = 0; !prctl(PR_CAPBSET_DROP, cap); cap++)
		;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return syscall(SYS_capset, &header, none);
}

int sandbox_enter(const struct sandbox_needs *its_needs)
{
	const struct sigaction trap = { .sa_sigaction = forbidden, .sa_flags = SA_SIGINFO };
	int err;

	needs = *its_needs;
	close_inherited();
	/* Who has no privileges has namespaces within a user's, if the host lets him. */
	if (geteuid())
		unshare(CLONE_NEWUSER);
	if (!needs.network)
		unshare(CLONE_NEWNET);
	unshare(CLONE_NEWIPC | CLONE_NEWUTS);
	if (!needs.files)
		leave_files();
	if (drop_privileges()) {
		message("cannot drop privileges: %s", strerror(errno));
		return -1;
	}
	sigaction(SIGSYS, &trap, NULL);
	err = load_process_filter();
	if (err) {
		message("cannot filter system calls: %s; --no-sandbox does without",
			strerror(-err));
		return -1;
	}
	active = true;
	return 0;
}
