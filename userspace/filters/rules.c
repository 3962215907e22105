// SPDX-License-Identifier: GPL-2.0
/*
 * Three lists of system calls, each a part of the one before: the process's, a vCPU's, a worker's.
 * Filters add up, so a thread has all that its process has and its own, which leaves arguments to
 * the process's: the kernel asks both each time.  The process of a network has another one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "svmm.h"
#include "rules.h"

#define NO_SUCH_CALL	38	/* ENOSYS: the C library then takes clone() */

static const int of_workers[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
	SCMP_SYS(pwrite64), SCMP_SYS(preadv), SCMP_SYS(pwritev), SCMP_SYS(preadv2),
	SCMP_SYS(pwritev2), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(fallocate),
	SCMP_SYS(io_uring_enter),	/* of rings that can do no more than the calls here */
	SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(close),
	SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(recvfrom),
	SCMP_SYS(futex), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigaction), SCMP_SYS(sched_yield), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(restart_syscall),
	SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(getrandom),
	SCMP_SYS(rseq), SCMP_SYS(set_robust_list), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(membarrier),
};

/* The process's filter looks at their arguments. */
static const int of_workers_in_part[] = {
	SCMP_SYS(fcntl), SCMP_SYS(ioctl), SCMP_SYS(mmap), SCMP_SYS(mprotect),
	SCMP_SYS(prlimit64), SCMP_SYS(tgkill),
};

static const int of_vcpus_in_part[] = {
	SCMP_SYS(kill), SCMP_SYS(clone), SCMP_SYS(setpriority), SCMP_SYS(getpriority),
};

/* Devices are the vCPUs', too: they start workers, set timers, and reach vhost. */
static const int of_vcpus[] = {
	SCMP_SYS(eventfd2), SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_gettime),
	SCMP_SYS(sigaltstack), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
};

/* The event loop, and a machine that is built after a reset */
static const int of_process[] = {
	SCMP_SYS(timerfd_create), SCMP_SYS(signalfd4), SCMP_SYS(ftruncate),
	SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(wait4), SCMP_SYS(uname),
	SCMP_SYS(getrusage), SCMP_SYS(fadvise64), SCMP_SYS(sysinfo), SCMP_SYS(rt_sigpending),
	SCMP_SYS(statx),
};

static const int of_files[] = {
	SCMP_SYS(openat), SCMP_SYS(readlink), SCMP_SYS(getdents64), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(access), SCMP_SYS(faccessat2), SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),
};

/* Sockets that are open, and new ones */
static const int of_sockets[] = {
	SCMP_SYS(accept4), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
	SCMP_SYS(getsockname), SCMP_SYS(getpeername),
};

/* What libslirp and the C library below it do; of their sockets and files see allow_network(). */
static const int of_network[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(poll),
	SCMP_SYS(ppoll), SCMP_SYS(close), SCMP_SYS(fcntl), SCMP_SYS(connect), SCMP_SYS(bind),
	SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(sendto), SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(fstat), SCMP_SYS(newfstatat),
	SCMP_SYS(lseek), SCMP_SYS(futex), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	SCMP_SYS(brk), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(getpid),
	SCMP_SYS(gettid),
};

static const unsigned int ioctls_of_network[] = { TCGETS, FIONREAD, FIONBIO };

/* What else fcntl() can do, has others signalled. */
static const int fcntls[] = {
	F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_OFD_SETLK,
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
static int refuse_files(scmp_filter_ctx ctx)
{
	return ADD(ctx, SCMP_ACT_ERRNO(ENOENT), of_files);
}

/* Calls that are allowed with some arguments only. */

static int allow_fcntl(scmp_filter_ctx ctx)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < sizeof(fcntls) / sizeof(fcntls[0]); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				       SCMP_A1_32(SCMP_CMP_EQ, fcntls[i]));
	return err;
}

static int allow_ioctls(scmp_filter_ctx ctx, const unsigned int *requests, unsigned int nr)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < nr; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1_32(SCMP_CMP_EQ, requests[i]));
	return err;
}

/* No memory becomes code. */
static int allow_memory(scmp_filter_ctx ctx)
{
	int err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				   SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				       SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return err;
}

static int allow_kinds(scmp_filter_ctx ctx)
{
	int err = allow_ioctls(ctx, ioctls, sizeof(ioctls) / sizeof(ioctls[0]));

	for (unsigned int i = 0; !err && i < sizeof(ioctl_types) / sizeof(ioctl_types[0]); i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1_32(SCMP_CMP_MASKED_EQ, 0xff00,
						  ioctl_types[i] << 8));
	return err;
}

/* Of limits: to read one's own. */
static int allow_limits(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
				SCMP_A0_32(SCMP_CMP_EQ, 0), SCMP_A2_64(SCMP_CMP_EQ, 0));
}

/* Each thread its own. */
static int allow_priorities(scmp_filter_ctx ctx)
{
	int err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(setpriority), 2,
				   SCMP_A0_32(SCMP_CMP_EQ, PRIO_PROCESS),
				   SCMP_A1_32(SCMP_CMP_EQ, 0));

	if (err)
		return err;
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(getpriority), 1,
				SCMP_A0_32(SCMP_CMP_EQ, PRIO_PROCESS));
}

/* Threads of this process: a vCPU is kicked, abort() is a signal. */
static int allow_own_signals(scmp_filter_ctx ctx, const uint32_t *values)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0_32(SCMP_CMP_EQ, values[FILTER_PID]));
}

/* A server that does not do as it is told ends, with its group. */
static int allow_kill(scmp_filter_ctx ctx, const uint32_t *values, bool servers)
{
	int err = 0;

	for (unsigned int i = FILTER_SERVERS; !err && servers && i < FILTER_VALUES; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(kill), 2,
				       SCMP_A0_32(SCMP_CMP_EQ, values[i]),
				       SCMP_A1_32(SCMP_CMP_EQ, SIGKILL));
	return err;
}

static int allow_parts(scmp_filter_ctx ctx, const uint32_t *values)
{
	int err = allow_fcntl(ctx);

	if (!err)
		err = allow_kinds(ctx);
	if (!err)
		err = allow_memory(ctx);
	if (!err)
		err = allow_limits(ctx);
	if (!err)
		err = allow_own_signals(ctx, values);
	return err;
}

/* Threads are started, processes are not; what clone3() would do, is not to be seen by a filter. */
static int allow_threads(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

static int refuse_clone3(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(NO_SUCH_CALL), SCMP_SYS(clone3), 0);
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

static int allow_process(scmp_filter_ctx ctx, const uint32_t *values, bool servers)
{
	int err = ALLOW(ctx, of_workers);

	if (!err)
		err = ALLOW(ctx, of_vcpus);
	if (!err)
		err = ALLOW(ctx, of_process);
	if (!err)
		err = ALLOW(ctx, of_sockets);
	if (!err)
		err = refuse_files(ctx);
	if (!err)
		err = allow_parts(ctx, values);
	if (!err)
		err = allow_kill(ctx, values, servers);
	if (!err)
		err = allow_priorities(ctx);
	if (!err)
		err = allow_threads(ctx);
	if (!err)
		err = refuse_clone3(ctx);
	if (!err)
		err = allow_names(ctx);
	if (!err)
		err = allow_filters(ctx);
	return err;
}

static int allow_worker(scmp_filter_ctx ctx)
{
	int err = ALLOW(ctx, of_workers);

	if (!err)
		err = ALLOW(ctx, of_workers_in_part);
	if (!err)
		err = refuse_files(ctx);
	return err;
}

/* The worker that it starts loads its own. */
static int allow_vcpu(scmp_filter_ctx ctx)
{
	int err = allow_worker(ctx);

	if (!err)
		err = ALLOW(ctx, of_vcpus);
	if (!err)
		err = ALLOW(ctx, of_vcpus_in_part);
	if (!err)
		err = refuse_clone3(ctx);
	if (!err)
		err = allow_filters(ctx);
	return err;
}

/* Sockets of IPv4, signals for itself, and files to read, if @files. */
static int allow_network(scmp_filter_ctx ctx, const uint32_t *values, bool files)
{
	int err = ALLOW(ctx, of_network);

	if (!err)
		err = ALLOW(ctx, of_sockets);
	if (!err)
		err = allow_ioctls(ctx, ioctls_of_network,
				   sizeof(ioctls_of_network) / sizeof(ioctls_of_network[0]));
	if (!err)
		err = allow_memory(ctx);
	if (!err)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0_32(SCMP_CMP_EQ, AF_INET));
	if (!err)
		err = allow_own_signals(ctx, values);
	if (!err)
		err = seccomp_rule_add(ctx, files ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOENT),
				       SCMP_SYS(openat), 1,
				       SCMP_A2_32(SCMP_CMP_MASKED_EQ,
						  O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
	return err;
}

int filter_rules(scmp_filter_ctx ctx, enum filter_kind kind, const uint32_t *values)
{
	switch (kind) {
	case FILTER_PROCESS:
	case FILTER_PROCESS_SERVERS:
		return allow_process(ctx, values, kind == FILTER_PROCESS_SERVERS);
	case FILTER_VCPU:
		return allow_vcpu(ctx);
	case FILTER_WORKER:
		return allow_worker(ctx);
	case FILTER_NETWORK:
	case FILTER_NETWORK_FILES:
		return allow_network(ctx, values, kind == FILTER_NETWORK_FILES);
	case FILTER_KINDS:
		break;
	}
	return -EINVAL;
}
