// SPDX-License-Identifier: GPL-2.0
/*
 * Three lists of system calls, each a part of the one before: the process's, a vCPU's, a worker's.
 * Filters add up, so a thread has all that its process has and its own.  The process of a network
 * has another one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filter.h"
#include "libsvmm.h"
#include "message.h"
#include "sandbox.h"
#include "sandbox_filter.h"

#define NO_SUCH_CALL	38	/* ENOSYS: the C library then takes clone() */

static struct sandbox_needs needs;	/* of the process */
static bool active;

static const int of_workers[] = {
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv,
	SYS_pwritev, SYS_preadv2, SYS_pwritev2, SYS_fsync, SYS_fdatasync, SYS_fallocate,
	SYS_io_uring_enter,	/* of rings that can do no more than the calls here */
	SYS_poll, SYS_ppoll, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait,
	SYS_close, SYS_sendmsg, SYS_recvmsg, SYS_sendto, SYS_recvfrom, SYS_futex, SYS_munmap,
	SYS_mremap, SYS_madvise, SYS_brk, SYS_exit, SYS_exit_group, SYS_rt_sigprocmask,
	SYS_rt_sigreturn, SYS_rt_sigaction, SYS_sched_yield, SYS_clock_gettime,
	SYS_clock_nanosleep, SYS_nanosleep, SYS_restart_syscall, SYS_gettid, SYS_getpid,
	SYS_getrandom, SYS_rseq, SYS_set_robust_list, SYS_sched_getaffinity, SYS_membarrier,
};

/* Devices are the vCPUs', too: they start workers, set timers, and reach vhost. */
static const int of_vcpus[] = {
	SYS_eventfd2, SYS_timerfd_settime, SYS_timerfd_gettime, SYS_sigaltstack, SYS_lseek,
	SYS_fstat, SYS_newfstatat,
};

/* The event loop, and a machine that is built after a reset */
static const int of_process[] = {
	SYS_timerfd_create, SYS_signalfd4, SYS_ftruncate, SYS_getuid, SYS_geteuid, SYS_wait4,
	SYS_uname, SYS_getrusage, SYS_fadvise64, SYS_sysinfo, SYS_rt_sigpending, SYS_statx,
};

static const int of_files[] = {
	SYS_openat, SYS_readlink, SYS_getdents64, SYS_unlink, SYS_unlinkat, SYS_access,
	SYS_faccessat2, SYS_statfs, SYS_fstatfs,
};

/* Sockets that are open, and new ones */
static const int of_sockets[] = {
	SYS_accept4, SYS_getsockopt, SYS_setsockopt, SYS_shutdown, SYS_getsockname,
	SYS_getpeername,
};

/* What libslirp and the C library below it do; of their sockets and files see filter_network(). */
static const int of_network[] = {
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_poll, SYS_ppoll, SYS_close, SYS_fcntl,
	SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_sendto, SYS_recvfrom, SYS_sendmsg,
	SYS_recvmsg, SYS_fstat, SYS_newfstatat, SYS_lseek, SYS_futex, SYS_munmap, SYS_mremap,
	SYS_madvise, SYS_brk, SYS_exit, SYS_exit_group, SYS_rt_sigaction, SYS_rt_sigprocmask,
	SYS_rt_sigreturn, SYS_restart_syscall, SYS_clock_gettime, SYS_gettimeofday, SYS_getrandom,
	SYS_getpid, SYS_gettid,
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

static void add(struct filter *f, uint32_t action, const int *calls, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		filter_add(f, action, calls[i]);
}

#define ADD(f, action, calls) add(f, action, calls, sizeof(calls) / sizeof((calls)[0]))
#define ALLOW(f, calls) ADD(f, FILTER_ALLOW, calls)

/* The C library looks for files of its own, and does without: they are not there. */
static void add_files(struct filter *f)
{
	ADD(f, needs.files ? FILTER_ALLOW : FILTER_ERROR(ENOENT), of_files);
}

/* Calls that are allowed with some arguments only. */

static void allow_if(struct filter *f, long call, unsigned int arg, uint32_t value)
{
	filter_add_arg(f, FILTER_ALLOW, call, arg, ~0u, value);
}

static void allow_fcntl(struct filter *f)
{
	for (unsigned int i = 0; i < sizeof(fcntls) / sizeof(fcntls[0]); i++)
		allow_if(f, SYS_fcntl, 1, fcntls[i]);
}

static void allow_ioctls(struct filter *f, const unsigned int *requests, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		allow_if(f, SYS_ioctl, 1, requests[i]);
}

/* No memory becomes code. */
static void allow_memory(struct filter *f)
{
	filter_add_arg(f, FILTER_ALLOW, SYS_mmap, 2, PROT_EXEC, 0);
	filter_add_arg(f, FILTER_ALLOW, SYS_mprotect, 2, PROT_EXEC, 0);
}

/* A vCPU's and a worker's, too; SVMM_RUN is the first that is looked for. */
static void allow_kinds(struct filter *f)
{
	for (unsigned int i = 0; i < sizeof(ioctl_types) / sizeof(ioctl_types[0]); i++)
		filter_add_arg(f, FILTER_ALLOW, SYS_ioctl, 1, 0xff00, ioctl_types[i] << 8);
	allow_ioctls(f, ioctls, sizeof(ioctls) / sizeof(ioctls[0]));
}

/* Of limits: to read one's own, which is to set none. */
static void allow_limits(struct filter *f)
{
	static const struct filter_test tests[] = {
		{ .arg = 0, .mask = ~0u },
		{ .arg = 2, .mask = ~0u },
		{ .arg = 2 | FILTER_UPPER, .mask = ~0u },
	};

	filter_add_tests(f, FILTER_ALLOW, SYS_prlimit64, tests, 3);
}

/* The process's, of threads and processes, not of groups and users; a vCPU's is not known yet. */
static void allow_priorities(struct filter *f)
{
	allow_if(f, SYS_setpriority, 0, PRIO_PROCESS);
	allow_if(f, SYS_getpriority, 0, PRIO_PROCESS);
}

/* Threads of this process: a vCPU is kicked, abort() is a signal. */
static void allow_own_signals(struct filter *f)
{
	allow_if(f, SYS_tgkill, 0, getpid());
}

static void allow_signal(struct filter *f, pid_t pid, int sig)
{
	const struct filter_test tests[] = {
		{ .arg = 0, .mask = ~0u, .value = pid },
		{ .arg = 1, .mask = ~0u, .value = sig },
	};

	filter_add_tests(f, FILTER_ALLOW, SYS_kill, tests, 2);
}

/* A watchdog pauses the VM; a server that does not do as it is told ends, with its group. */
static void allow_kill(struct filter *f)
{
	allow_signal(f, getpid(), SIGTSTP);
	for (unsigned int i = 0; i < needs.nr_servers; i++)
		allow_signal(f, -needs.servers[i], SIGKILL);
}

static void allow_parts(struct filter *f)
{
	allow_fcntl(f);
	allow_kinds(f);
	allow_memory(f);
	allow_limits(f);
	allow_own_signals(f);
}

/* Threads are started, processes are not; what clone3() would do, is not to be seen by a filter. */
static void allow_threads(struct filter *f)
{
	filter_add_arg(f, FILTER_ALLOW, SYS_clone, 0, CLONE_THREAD, CLONE_THREAD);
	filter_add(f, FILTER_ERROR(NO_SUCH_CALL), SYS_clone3);
}

/* A thread's own filter is loaded by a process that has one. */
static void allow_filters(struct filter *f)
{
	filter_add(f, FILTER_ALLOW, SYS_seccomp);
	allow_if(f, SYS_prctl, 0, PR_SET_NO_NEW_PRIVS);
}

int filter_process(const struct sandbox_needs *its_needs)
{
	struct filter f = { 0 };
	int err;

	needs = *its_needs;
	ALLOW(&f, of_workers);
	ALLOW(&f, of_vcpus);
	ALLOW(&f, of_process);
	ALLOW(&f, of_sockets);
	add_files(&f);
	allow_parts(&f);
	allow_kill(&f);
	allow_priorities(&f);
	allow_threads(&f);
	allow_filters(&f);
	allow_if(&f, SYS_prctl, 0, PR_SET_NAME);
	err = filter_load(&f);
	active = !err;
	return err;
}

/* Sockets of IPv4, signals for itself, and files to read, if @files. */
int filter_network(bool files)
{
	struct filter f = { 0 };

	ALLOW(&f, of_network);
	ALLOW(&f, of_sockets);
	allow_ioctls(&f, ioctls_of_network,
		     sizeof(ioctls_of_network) / sizeof(ioctls_of_network[0]));
	allow_memory(&f);
	allow_if(&f, SYS_socket, 0, AF_INET);
	allow_own_signals(&f);
	filter_add_arg(&f, files ? FILTER_ALLOW : FILTER_ERROR(ENOENT), SYS_openat, 2,
		       O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
	return filter_load(&f);
}

static void load_thread_filter(bool vcpu)
{
	struct filter f = { 0 };
	int err;

	if (!active)
		return;
	ALLOW(&f, of_workers);
	ADD(&f, FILTER_ERROR(ENOENT), of_files);
	allow_parts(&f);
	if (vcpu) {
		ALLOW(&f, of_vcpus);
		allow_kill(&f);
		allow_threads(&f);
		/* The worker that it starts makes its own. */
		allow_filters(&f);
	}
	err = filter_load(&f);
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
