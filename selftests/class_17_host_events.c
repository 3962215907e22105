// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 17: everything that a host does to the memory of a process, one kind at a time, done to
 * all of a guest's memory while two vCPUs use and verify all of it. The host's own counters (or the
 * guest, who finds its pages gone) prove that it happened.
 *
 * needs: selftests/lib/memory.c selftests/lib/vmtest.c selftests/lib/start.c
 * hosts: opteron-6.12
 * timeout: 300
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/memory.h"

#define PERIOD_MS	(1000 * vmt_slowdown())	/* of each kind */
#define DEADLINE_S	60			/* a host that swaps may be slow */
#define MOST		64			/* pages that an event takes at once */
#define ROUNDS		2			/* at least, of both vCPUs */

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

static void *const reserved = (void *)0x100000000000;	/* where memory is moved for a while */

/* A counter of /proc/vmstat; 0 if this kernel has none of that name. */
static uint64_t vmstat(const char *name)
{
	FILE *f = fopen("/proc/vmstat", "re");
	unsigned long long n, found = 0;
	char word[80];

	while (f && fscanf(f, "%79s %llu", word, &n) == 2)
		if (!strcmp(word, name))
			found = n;
	if (f)
		fclose(f);
	return found;
}

static bool moved(const char *const *counters, const uint64_t *before)
{
	for (int i = 0; i < 2 && counters[i]; i++)
		if (vmstat(counters[i]) == before[i])
			return false;
	return true;
}

struct range {
	uint8_t *at;
	uint64_t bytes;
};

static struct range some(const struct memory_guest *g)
{
	uint64_t n = 1 + rand() % MOST, first = rand() % (g->bytes / PAGE_SIZE - n);

	return (struct range){ g->mem + first * PAGE_SIZE, n * PAGE_SIZE };
}

/*
 * The events. Each is called again and again with the guest running; what precedes the guest's
 * start is in the kind's prepare(), which says why it cannot be had on this host.
 */

/* The host does it all by itself. */
static void wait_for_it(struct __test_metadata *_metadata, struct memory_guest *g)
{
	usleep(20000);
}

/* A limit that the guest does not fit into: the host swaps what the guest is using. */
static const char *limit(struct memory_guest *g)
{
	char pid[32];

	if (system("modprobe zram 2>/dev/null && [ -e /sys/block/zram0 ] &&"
		   "echo 64M >/sys/block/zram0/disksize &&"
		   "mkswap /dev/zram0 >/dev/null && swapon /dev/zram0"))
		return "no swap device";
	if (system("cd /sys/fs/cgroup && echo +memory >cgroup.subtree_control &&"
		   "mkdir -p svmm-test && cd svmm-test && echo 6M >memory.max"))
		return "no memory cgroups";
	snprintf(pid, sizeof(pid), "%d", getpid());
	if (!write_file("/sys/fs/cgroup/svmm-test/cgroup.procs", pid))
		vmt_die(&g->v, "cannot enter the cgroup");
	return NULL;
}

static void unlimit(struct memory_guest *g)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", getpid());
	write_file("/sys/fs/cgroup/cgroup.procs", pid);
	if (system("rmdir /sys/fs/cgroup/svmm-test && swapoff /dev/zram0 &&"
		   "echo 1 >/sys/block/zram0/reset && rmmod zram"))
		vmt_die(&g->v, "the swap device stays");
}

static const char *merge_on(struct memory_guest *g)
{
	if (madvise(g->mem, g->bytes, MADV_MERGEABLE))
		return "no KSM";
	memset(g->mem, 0x5a, g->bytes);
	write_file("/sys/kernel/mm/ksm/sleep_millisecs", "1");
	write_file("/sys/kernel/mm/ksm/pages_to_scan", "2000");
	write_file("/sys/kernel/mm/ksm/run", "1");
	return NULL;
}

static void merge_off(struct memory_guest *g)
{
	write_file("/sys/kernel/mm/ksm/run", "2");
}

/* Guest memory with a hole behind each page, so that compaction has something to do. */
static const char *fragment(struct memory_guest *g)
{
	uint64_t more = 4 * g->bytes;
	uint8_t *p = mmap(NULL, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return "no memory";
	madvise(p, more, MADV_NOHUGEPAGE);
	for (uint64_t i = 0; i < g->bytes / PAGE_SIZE; i++) {
		g->mem[i * PAGE_SIZE] = 0;
		for (uint64_t j = 4 * i; j < 4 * i + 4; j++)
			p[j * PAGE_SIZE] = 1;
	}
	munmap(p, more);
	return NULL;
}

static void compact(struct __test_metadata *_metadata, struct memory_guest *g)
{
	ASSERT_TRUE(write_file("/proc/sys/vm/compact_memory", "1"));
}

static const char *huge_on(struct memory_guest *g)
{
	memset(g->mem, 0, g->bytes);
	if (madvise(g->mem, g->bytes, MADV_HUGEPAGE) ||
	    madvise(g->mem, HUGE_BYTES, MADV_COLLAPSE))
		return "no MADV_COLLAPSE";
	return NULL;
}

static void collapse_and_split(struct __test_metadata *_metadata, struct memory_guest *g)
{
	uint8_t *huge = g->mem + (rand() % (g->bytes / HUGE_BYTES)) * HUGE_BYTES;

	ASSERT_EQ(0, madvise(huge, HUGE_BYTES, MADV_HUGEPAGE));
	if (!madvise(huge, HUGE_BYTES, MADV_COLLAPSE))
		usleep(rand() % 3000);
	/* An area that ends in the middle of a huge page is made to have none there. */
	ASSERT_EQ(0, madvise(huge + HUGE_BYTES / 2, HUGE_BYTES / 2, MADV_NOHUGEPAGE));
}

static void dontneed(struct __test_metadata *_metadata, struct memory_guest *g)
{
	struct range r = some(g);

	ASSERT_EQ(0, madvise(r.at, r.bytes, MADV_DONTNEED));
}

/* Freed, unless the guest writes first: what it writes is kept. */
static void lazy_free(struct __test_metadata *_metadata, struct memory_guest *g)
{
	struct range r = some(g);

	ASSERT_EQ(0, madvise(r.at, r.bytes, MADV_FREE));
	if (rand() & 1)
		usleep(rand() % 2000);
	ASSERT_EQ(0, madvise(r.at, r.bytes, MADV_PAGEOUT));
}

static void unmap(struct __test_metadata *_metadata, struct memory_guest *g)
{
	struct range r = some(g);

	ASSERT_EQ(0, munmap(r.at, r.bytes));
	usleep(rand() % 1000);
	ASSERT_EQ(r.at, mmap(r.at, r.bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
}

/* The same page, elsewhere and back.  One: an area that came back may stay one of its own. */
static void move(struct __test_metadata *_metadata, struct memory_guest *g)
{
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	void *at = some(g).at;

	ASSERT_EQ(reserved, mremap(at, PAGE_SIZE, PAGE_SIZE, flags, reserved));
	usleep(rand() % 1000);
	ASSERT_EQ(at, mremap(reserved, PAGE_SIZE, PAGE_SIZE, flags, at));
}

static void protect(struct __test_metadata *_metadata, struct memory_guest *g)
{
	struct range r = some(g);

	ASSERT_EQ(0, mprotect(r.at, r.bytes, rand() & 1 ? PROT_READ : PROT_NONE));
	usleep(rand() % 1000);
	ASSERT_EQ(0, mprotect(r.at, r.bytes, PROT_READ | PROT_WRITE));
}

/* The child has the memory of that instant, to read and to write. */
static void fork_and_write(struct __test_metadata *_metadata, struct memory_guest *g)
{
	struct range r = some(g);
	int status;
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		static uint8_t copy[MOST * PAGE_SIZE];

		memcpy(copy, r.at, r.bytes);
		usleep(1000);
		if (memcmp(copy, r.at, r.bytes))
			_exit(1);
		memset(r.at, 0xff, r.bytes);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_EQ(0, status);
}

/* userfaultfd: a thread fills in missing pages; one page at a time is protected from writes */

static struct {
	int fd;
	pthread_t thread;
	volatile bool stop;
	volatile unsigned int missing, protected;
} uffd;

static void *serve(void *arg)
{
	struct pollfd p = { .fd = uffd.fd, .events = POLLIN };
	struct uffd_msg msg;

	while (!uffd.stop) {
		if (poll(&p, 1, 10) != 1 || read(uffd.fd, &msg, sizeof(msg)) != sizeof(msg) ||
		    msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		if (msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
			uffd.protected++;	/* whoever protected it lifts that */
		} else {
			struct uffdio_zeropage zero = {
				.range.start = msg.arg.pagefault.address & ~(PAGE_SIZE - 1),
				.range.len = PAGE_SIZE,
			};

			uffd.missing++;
			/*
			 * Who finds an entry empty while another CPU rewrites it goes to sleep for
			 * a page that is there: -EEXIST, and nobody is woken.
			 */
			if (ioctl(uffd.fd, UFFDIO_ZEROPAGE, &zero))
				ioctl(uffd.fd, UFFDIO_WAKE, &zero.range);
		}
	}
	return NULL;
}

static const char *uffd_on(struct memory_guest *g)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range.start = (unsigned long)g->mem, .range.len = g->bytes,
		.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP,
	};

	memset(&uffd, 0, sizeof(uffd));
	memset(g->mem, 0, g->bytes);
	uffd.fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd.fd < 0)
		return "no userfaultfd";
	if (ioctl(uffd.fd, UFFDIO_API, &api) || ioctl(uffd.fd, UFFDIO_REGISTER, &reg)) {
		close(uffd.fd);
		return "userfaultfd cannot protect pages here";
	}
	if (pthread_create(&uffd.thread, NULL, serve, NULL))
		vmt_die(&g->v, "no thread");
	return NULL;
}

static void uffd_off(struct memory_guest *g)
{
	uffd.stop = true;
	pthread_join(uffd.thread, NULL);
	close(uffd.fd);
}

static void user_faults(struct __test_metadata *_metadata, struct memory_guest *g)
{
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	unsigned int before = uffd.protected;
	struct range r = some(g);
	uint64_t *word, value;
	bool changed = false;

	ASSERT_EQ(0, madvise(r.at, r.bytes, MADV_DONTNEED));

	/* A page that is there: reading it is what makes sure. */
	word = (uint64_t *)some(g).at;
	wp.range.start = (unsigned long)word;
	wp.range.len = PAGE_SIZE;
	*(volatile uint64_t *)word;
	ASSERT_EQ(0, ioctl(uffd.fd, UFFDIO_WRITEPROTECT, &wp));
	value = *(volatile uint64_t *)word;
	/* Not for long each time, but until it has happened once. */
	for (int i = 0; i < (before ? 20 : 2000) && uffd.protected == before; i++) {
		usleep(500);
		changed |= *(volatile uint64_t *)word != value;
	}
	wp.mode = 0;
	ASSERT_EQ(0, ioctl(uffd.fd, UFFDIO_WRITEPROTECT, &wp));
	ASSERT_FALSE(changed);
}

FIXTURE(host) {
	struct memory_guest guest;
	struct vmt second;
	struct runner other;
};

FIXTURE_VARIANT(host) {
	const char *program;		/* of guests/memory.S */
	uint64_t number;
	const char *(*prepare)(struct memory_guest *g);
	void (*event)(struct __test_metadata *_metadata, struct memory_guest *g);
	void (*finish)(struct memory_guest *g);
	const char *counters[2];	/* of /proc/vmstat, which move */
	uint64_t half;			/* bytes of each vCPU; 0: 2 MiB */
	bool faults;			/* the guest meets pages that are not there */
	bool zeros;			/* the guest finds pages empty */
};

FIXTURE_VARIANT_ADD(host, swap) {
	.program = "stress",
	.prepare = limit,
	.event = wait_for_it,
	.finish = unlimit,
	.counters = { "pswpout", "pswpin" },
	.half = 4 << 20,	/* much enough that not every page is in use all the time */
};

FIXTURE_VARIANT_ADD(host, ksm) {
	.program = "calm",
	.number = 0x5a5a5a5a5a5a5a5a,
	.prepare = merge_on,
	.event = wait_for_it,
	.finish = merge_off,
	.counters = { "cow_ksm" },
};

FIXTURE_VARIANT_ADD(host, compaction) {
	.program = "stress",
	.prepare = fragment,
	.event = compact,
	.counters = { "pgmigrate_success", "compact_migrate_scanned" },
};

FIXTURE_VARIANT_ADD(host, huge_pages) {
	.program = "stress",
	.prepare = huge_on,
	.event = collapse_and_split,
	.counters = { "thp_collapse_alloc", "thp_split_pmd" },
};

FIXTURE_VARIANT_ADD(host, dontneed) {
	.program = "fickle",
	.event = dontneed,
	.zeros = true,
};

FIXTURE_VARIANT_ADD(host, lazy_free) {
	.program = "fickle",
	.event = lazy_free,
	.zeros = true,
	.counters = { "pglazyfree", "pglazyfreed" },
};

FIXTURE_VARIANT_ADD(host, munmap) {
	.program = "fickle",
	.event = unmap,
	.faults = true,
	.zeros = true,
};

FIXTURE_VARIANT_ADD(host, mremap) {
	.program = "stress",
	.event = move,
	.faults = true,
};

FIXTURE_VARIANT_ADD(host, mprotect) {
	.program = "stress",
	.event = protect,
	.faults = true,
};

FIXTURE_VARIANT_ADD(host, fork) {
	.program = "stress",
	.event = fork_and_write,
	.counters = { "pgfault" },
};

FIXTURE_VARIANT_ADD(host, userfaultfd) {
	.program = "fickle",
	.prepare = uffd_on,
	.event = user_faults,
	.finish = uffd_off,
	.zeros = true,
};

FIXTURE_SETUP(host)
{
	struct memory_guest *g = &self->guest;

	guest_open(g);
	vmt_deadline(DEADLINE_S);
	guest_give(g, 2 * (variant->half ?: HUGE_BYTES));
	vmt_open_vcpu(&self->second, &g->v, 1);
	self->second.page->mp.state = SVMM_MP_RUNNABLE;
	self->second.page->dirty |= SVMM_STATE_MP;
}

FIXTURE_TEARDOWN(host)
{
	vmt_close(&self->guest.v);
}

TEST_F(host, does)
{
	struct memory_guest *g = &self->guest;
	const char *why = variant->prepare ? variant->prepare(g) : NULL;
	uint64_t before[2] = {}, until = now_ms() + PERIOD_MS;
	uint64_t half = g->bytes / 2;
	unsigned int events = 0;

	if (why)
		SKIP(return, "%s", why);
	for (int i = 0; i < 2 && variant->counters[i]; i++)
		before[i] = vmstat(variant->counters[i]);

	srand(1);
	g->r.faults_allowed = variant->faults;
	self->other.faults_allowed = variant->faults;
	runner_start(&g->r, &g->v, 0, variant->program, GPA, half, variant->number);
	runner_start(&self->other, &self->second, 1, variant->program, GPA + half, half,
		     variant->number);
	while (!g->r.event && !self->other.event) {
		if (now_ms() >= until && *g->r.rounds + *self->other.rounds >= ROUNDS &&
		    moved(variant->counters, before) &&
		    g->r.faults + self->other.faults >= variant->faults)
			break;
		events++;
		variant->event(_metadata, g);
		usleep(rand() % 5000);
	}
	EXPECT_EQ(VMT_DONE, runner_stop(&g->r));
	EXPECT_EQ(VMT_DONE, runner_stop(&self->other));
	TH_LOG("%u events, %llu and %llu rounds, %llu nested page faults", events,
	       (unsigned long long)*g->r.rounds, (unsigned long long)*self->other.rounds,
	       (unsigned long long)(vmt_exits(&g->v, VMEXIT_NPF) +
				    vmt_exits(&self->second, VMEXIT_NPF)));
	TH_LOG("%u memory faults, %llu zeros", g->r.faults + self->other.faults,
	       (unsigned long long)(*g->r.seen + *self->other.seen));
	for (int i = 0; i < 2 && variant->counters[i]; i++) {
		uint64_t by = vmstat(variant->counters[i]) - before[i];

		TH_LOG("%s: %llu", variant->counters[i], (unsigned long long)by);
		EXPECT_LT(0, by);
	}
	if (variant->finish)
		variant->finish(g);
	if (variant->faults)
		EXPECT_LT(0, g->r.faults + self->other.faults);
	if (variant->zeros)
		EXPECT_LT(g->bytes / 0x200, *g->r.seen + *self->other.seen);
	if (variant->event == user_faults) {
		EXPECT_LT(0, uffd.missing);
		EXPECT_LT(0, uffd.protected);
	}
}

TEST_HARNESS_MAIN
