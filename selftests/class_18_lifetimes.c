// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 18: use after free when fds close.  Eight threads open, duplicate, close and use the
 * three kinds of fd, and map, scribble on and unmap vCPUs' pages, in random order and on each
 * other's; their children have all of that by fork() and try it from another address space.  A call
 * may fail or not; the host has nothing to say, and at the end there is no VM and no user of the
 * module any more.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 * timeout: 60
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define PERIOD_MS	(8000 * vmt_slowdown())
#define THREADS		8
#define FDS		24
#define PAGES		8
#define NAMES		16		/* of VMs; one that lives has its name for itself */
#define CHILD_CALLS	16

enum op {
	OPEN, VM, VCPU, DUP, CLOSE, MAP, UNMAP, SCRIBBLE, RUN, SLOT, DIRTY_LOG, GET_STATE,
	SET_STATE, CPUID, IRQFD, IOEVENTFD, MSI, NMI, DEBUG, STATS, FORK, NR_OPS
};

static const char *const names[NR_OPS] = {
	"open", "SVMM_CREATE_VM", "SVMM_CREATE_VCPU", "dup", "close", "mmap", "munmap", "scribble",
	"SVMM_RUN", "SVMM_SET_MEMORY_SLOT", "SVMM_DIRTY_LOG", "SVMM_GET_STATE", "SVMM_SET_STATE",
	"SVMM_SET_CPUID", "SVMM_IRQFD", "SVMM_IOEVENTFD", "SVMM_SIGNAL_MSI", "SVMM_NMI",
	"SVMM_SET_DEBUG", "SVMM_GET_STATS", "fork",
};

static size_t page_bytes;
static struct svmm_cpuid *cpuid;
static uint8_t *memory;
static atomic_int fds[FDS];		/* numbers; -1: none */
static struct svmm_vcpu_page *pages[PAGES];	/* by atomic exchanges only */
static atomic_ulong done[NR_OPS];	/* that succeeded */
static atomic_bool stop;

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed * 0x2545f4914f6cdd1d >> 16;
}

/* Whoever takes a number out of its place closes it, so that nobody closes a stranger's. */
static int put_fd(uint64_t *seed, int fd)
{
	int old = atomic_exchange(&fds[next(seed) % FDS], fd);

	return old >= 0 ? close(old) : 0;
}

static int keep(uint64_t *seed, int fd)
{
	if (fd >= 0)
		put_fd(seed, fd);
	return fd;
}

static int create_vm(int svmm, unsigned int n)
{
	char name[32];

	snprintf(name, sizeof(name), "lifetimes-%u", n % NAMES);
	return svmm_create_vm(svmm, name);
}

/* Pages likewise: who has taken them out is alone with them. */
static struct svmm_vcpu_page *swap_pages(uint64_t *seed, struct svmm_vcpu_page *page)
{
	return __atomic_exchange_n(&pages[next(seed) % PAGES], page, __ATOMIC_SEQ_CST);
}

static int map(uint64_t *seed, int vcpu)
{
	struct svmm_vcpu_page *page;
	int err = svmm_map_vcpu(vcpu, page_bytes, &page);

	if (err)
		return err;
	page = swap_pages(seed, page);
	if (page)
		munmap(page, page_bytes);
	return 0;
}

static int scribble(uint64_t *seed, bool and_unmap)
{
	struct svmm_vcpu_page *page = swap_pages(seed, NULL);

	if (!page)
		return -ENOENT;
	if (and_unmap)
		return munmap(page, page_bytes);
	page->want = next(seed);
	page->dirty = next(seed) % 4 ? 0 : next(seed);
	page->immediate_exit = next(seed) % 2;
	page->mp.state = next(seed) % 4;
	((uint8_t *)page)[next(seed) % page_bytes] = next(seed);
	page = swap_pages(seed, page);
	if (page)
		munmap(page, page_bytes);
	return 0;
}

static int with_eventfd(uint64_t *seed, int vm, bool irq)
{
	uint32_t remove = next(seed) % 2;
	uint64_t port = 0x100 + next(seed) % 4;
	int fd = eventfd(0, EFD_NONBLOCK), ret;

	if (irq)
		ret = svmm_irqfd(vm, 0, 0xfee00000, 0x30, fd);
	else
		ret = svmm_ioeventfd(vm, SVMM_IOEVENTFD_PIO, port, 2, 0, fd);
	if (!ret && irq)
		eventfd_write(fd, 1);
	if (!ret && remove)
		ret = irq ? svmm_irqfd(vm, SVMM_IRQFD_REMOVE, 0, 0, fd) :
			    svmm_ioeventfd(vm, SVMM_IOEVENTFD_PIO | SVMM_IOEVENTFD_REMOVE, port,
					   2, 0, fd);
	close(fd);
	return ret;
}

static int set_slot(int vm, uint64_t r)
{
	return svmm_set_slot(vm, r % 3, r & 8 ? SVMM_MEM_LOG_DIRTY : 0, 0,
			     r & 16 ? 0 : PAGE_SIZE, memory);
}

static int set_debug(uint64_t *seed, int vcpu)
{
	const struct svmm_debug debug = { .flags = next(seed) % 16 };

	return svmm_set_debug(vcpu, &debug);
}

static int use(uint64_t *seed, enum op op, int fd)
{
	uint64_t bits[1] = {}, r = next(seed);
	struct svmm_vcpu_stats stats;

	switch (op) {
	case OPEN: return keep(seed, svmm_open());
	case VM: return keep(seed, create_vm(fd, r));
	case VCPU: return keep(seed, svmm_create_vcpu(fd, r % 4));
	case DUP: return keep(seed, dup(fd));
	case CLOSE: return put_fd(seed, -1);
	case MAP: return map(seed, fd);
	case UNMAP: return scribble(seed, true);
	case SCRIBBLE: return scribble(seed, false);
	case RUN: return svmm_run(fd);
	case SLOT: return set_slot(fd, r);
	case DIRTY_LOG: return svmm_dirty_log(fd, r % 3, 0, 0, 1, bits);
	case GET_STATE: return svmm_get_state(fd, SVMM_STATE_ALL);
	case SET_STATE: return svmm_set_state(fd);
	case CPUID: return svmm_set_cpuid(fd, cpuid);
	case IRQFD: return with_eventfd(seed, fd, true);
	case IOEVENTFD: return with_eventfd(seed, fd, false);
	case MSI: return svmm_signal_msi(fd, 0xfee00000, 0x31);
	case NMI: return svmm_nmi(fd);
	case DEBUG: return set_debug(seed, fd);
	case STATS: return svmm_get_stats(fd, &stats);
	default: return -EINVAL;
	}
}

/* Another address space: what it opens is its own, and of the rest it has nothing. */
static int child(uint64_t seed)
{
	const struct itimerval often = { { 0, 20000 }, { 0, 20000 } };
	pid_t pid = fork();
	int status;

	if (!pid) {
		/* Their pages it does not have. */
		for (int i = 0; i < PAGES; i++)
			pages[i] = NULL;
		setitimer(ITIMER_REAL, &often, NULL);
		for (int i = 0; i < CHILD_CALLS; i++)
			use(&seed, next(&seed) % FORK, fds[next(&seed) % FDS]);
		_exit(0);
	}
	if (pid < 0)
		return -errno;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? -EIO : 0;
}

static void *one(void *arg)
{
	uint64_t seed = 0x9e3779b97f4a7c15 * ((long)arg + 1);

	while (!stop) {
		enum op op = next(&seed) % 256 ? next(&seed) % FORK : FORK;
		int ret = op == FORK ? child(next(&seed) | 1) :
				       use(&seed, op, fds[next(&seed) % FDS]);

		if (ret >= 0)
			done[op]++;
	}
	return NULL;
}

static void nothing(int signal)
{
}

static long users(void)
{
	FILE *f = fopen("/sys/module/svmm/refcnt", "r");
	long n = -1;

	if (f) {
		if (fscanf(f, "%ld", &n) != 1)
			n = -1;
		fclose(f);
	}
	return n;
}

static bool names_are_free(void)
{
	int svmm = svmm_open();
	bool all = svmm >= 0;

	for (unsigned int n = 0; n < NAMES && all; n++) {
		int vm = create_vm(svmm, n);

		all = vm >= 0;
		if (all)
			close(vm);
	}
	close(svmm);
	return all;
}

/* The last reference may be dropped behind close(), by a grace period. */
static bool all_gone(long before)
{
	for (unsigned int i = 0; i < 100 * vmt_slowdown(); i++) {
		if (users() == before && names_are_free())
			return true;
		usleep(50000);
	}
	return false;
}

TEST(class_18_lifetimes)
{
	/* Without SA_RESTART: it ends a RUN that waits. */
	const struct sigaction action = { .sa_handler = nothing };
	pthread_t threads[THREADS];
	long before = users();
	struct svmm_caps caps;
	int svmm;

	vmt_deadline(30 + PERIOD_MS / 1000);
	ASSERT_LE(0, before);
	svmm = svmm_open();
	ASSERT_LE(0, svmm);
	ASSERT_EQ(0, svmm_get_caps(svmm, &caps));
	ASSERT_EQ(0, svmm_get_supported_cpuid(svmm, &cpuid));
	close(svmm);
	page_bytes = caps.vcpu_mmap_bytes;
	memory = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, memory);
	for (int i = 0; i < FDS; i++)
		fds[i] = -1;
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	for (long i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, one, (void *)i));
	for (unsigned int ms = 0; ms < PERIOD_MS; ms += 10) {
		usleep(10000);
		for (int i = 0; i < THREADS; i++)
			pthread_kill(threads[i], SIGUSR1);
	}
	stop = true;
	for (int i = 0; i < THREADS; i++) {
		pthread_kill(threads[i], SIGUSR1);
		while (pthread_tryjoin_np(threads[i], NULL)) {
			usleep(10000);
			pthread_kill(threads[i], SIGUSR1);
		}
	}
	for (int i = 0; i < FDS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	for (int i = 0; i < PAGES; i++) {
		if (pages[i])
			munmap(pages[i], page_bytes);
	}
	for (int i = 0; i < NR_OPS; i++) {
		EXPECT_NE(0, done[i]) {
			TH_LOG("%s never succeeded", names[i]);
		}
		printf("# %s: %lu\n", names[i], done[i]);
	}
	fflush(stdout);
	EXPECT_TRUE(all_gone(before)) {
		TH_LOG("%ld users of the module, %ld before; names are%s free", users(), before,
		       names_are_free() ? "" : " not");
	}
}

TEST_HARNESS_MAIN
