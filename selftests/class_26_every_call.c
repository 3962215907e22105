// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 26: memory runs out, or a user page is gone, in the middle of any call. Each allocation
 * and each copy from and to user space on a call's way is failed once, one after the other. The
 * call says -ENOMEM or -EFAULT, or does without; called again it succeeds, so that the first try
 * has left nothing behind. What it has forgotten to free, debug/leaks finds.
 *
 * needs: selftests/lib/failures.c selftests/lib/memory.c selftests/lib/vmtest.c
 * needs: selftests/lib/start.c
 * libs: -lnl-genl-3 -lnl-3 -Wl,--no-warnings
 * timeout: 180
 */
#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/failures.h"
#include "lib/memory.h"
#include "../uapi/svmm_netlink.h"

#define MOST	1000		/* failures of one call, a bound for the loop */
#define TRIES	5		/* at a call, as below */
#define ROUNDS	4		/* of an operation of guests/varied.S */
#define NEVER	100000		/* operations between its interrupts */
#define DEVICE	0x50000000UL	/* where no memory is */
#define PORT	0x510

FIXTURE(call) {
	struct vmt v;			/* one vCPU, which has not run */
	uint8_t *mem;			/* HUGE_BYTES that are in no slot yet */
	const char *name;		/* of a VM that is not there yet */
	int event, made;		/* an eventfd; what the call returned */
	struct nl_sock *sock;
	int family;
	struct svmm_cpuid *cpuid;
};

/*
 * @before: what the call needs; @call: returns 0, an fd in self->made, or -errno.  Calls
 * that neither allocate nor copy more than a word, in which nothing can be failed, are not here.
 */
FIXTURE_VARIANT(call) {
	void (*before)(struct _test_data_call *self);
	int (*call)(struct _test_data_call *self);
	const char *guest;		/* an operation that vCPU 0 has at hand */
	int least;			/* so many failures it has to tell */
};

#define CALL(name, number, prepare)						\
	FIXTURE_VARIANT_ADD(call, name) { .call = name, .least = number, .before = prepare }

static void must(int ret, const char *what)
{
	if (ret < 0)
		vmt_die(NULL, "%s: %s", what, strerror(-ret));
}

static int made(struct _test_data_call *self, int fd)
{
	self->made = fd;
	return fd < 0 ? fd : 0;
}

/* Calls of the device */

static int open_device(struct _test_data_call *self)
{
	return made(self, svmm_open());
}

static int get_caps(struct _test_data_call *self)
{
	struct svmm_caps caps;

	return svmm_get_caps(self->v.svmm, &caps);
}

static int get_supported_cpuid(struct _test_data_call *self)
{
	self->cpuid->nr = SVMM_MAX_CPUID;
	return ioctl(self->v.svmm, SVMM_GET_SUPPORTED_CPUID, self->cpuid) ? -errno : 0;
}

static int create_vm(struct _test_data_call *self)
{
	return made(self, svmm_create_vm(self->v.svmm, self->name));
}

CALL(open_device, 1, NULL);
CALL(get_caps, 1, NULL);
CALL(get_supported_cpuid, 3, NULL);
CALL(create_vm, 4, NULL);

/* Calls of a VM */

static int slot(struct _test_data_call *self, uint32_t flags, uint64_t gpa, uint64_t bytes)
{
	return svmm_set_slot(self->v.vm, 1, flags, gpa, bytes, self->mem);
}

static int slot_create(struct _test_data_call *self)
{
	return slot(self, 0, GPA, HUGE_BYTES);
}

static int slot_create_logged(struct _test_data_call *self)
{
	return slot(self, SVMM_MEM_LOG_DIRTY, GPA, HUGE_BYTES);
}

static int slot_flags(struct _test_data_call *self)
{
	return slot(self, SVMM_MEM_READONLY, GPA, HUGE_BYTES);
}

static int slot_move(struct _test_data_call *self)
{
	return slot(self, 0, 2 * GPA, HUGE_BYTES);
}

static int slot_delete(struct _test_data_call *self)
{
	return slot(self, 0, 0, 0);
}

static void with_slot(struct _test_data_call *self)
{
	must(slot_create(self), "SET_MEMORY_SLOT");
}

static void with_logged_slot(struct _test_data_call *self)
{
	uint64_t gpa = GPA, bytes = HUGE_BYTES;

	must(slot_create_logged(self), "SET_MEMORY_SLOT");
	must(svmm_prefault(self->v.vm, SVMM_PREFAULT_WRITE, &gpa, &bytes), "PREFAULT");
}

static int dirty_log(struct _test_data_call *self)
{
	uint64_t bits[HUGE_BYTES / PAGE_SIZE / 64];

	return svmm_dirty_log(self->v.vm, 1, SVMM_DIRTY_CLEAR, 0, HUGE_BYTES / PAGE_SIZE, bits);
}

static int prefault(struct _test_data_call *self)
{
	uint64_t gpa = GPA, bytes = 16 * PAGE_SIZE;

	return svmm_prefault(self->v.vm, SVMM_PREFAULT_WRITE, &gpa, &bytes);
}

static int create_vcpu(struct _test_data_call *self)
{
	return made(self, svmm_create_vcpu(self->v.vm, 1));
}

static int signal_msi(struct _test_data_call *self)
{
	int ret = svmm_signal_msi(self->v.vm, 0xfee00000, 0x31);

	return ret < 0 ? ret : 0;
}

static void with_bare_vm(struct _test_data_call *self)
{
	must(create_vm(self), "CREATE_VM");
}

static int set_vm_state(struct _test_data_call *self)
{
	return svmm_set_vm_state(self->v.vm, SVMM_VM_PAUSED, "a test");
}

static int ioeventfd_add(struct _test_data_call *self)
{
	return svmm_ioeventfd(self->v.vm, SVMM_IOEVENTFD_PIO, PORT, 2, 0, self->event);
}

static void with_ioeventfd(struct _test_data_call *self)
{
	must(ioeventfd_add(self), "IOEVENTFD");
}

static int ioeventfd_remove(struct _test_data_call *self)
{
	return svmm_ioeventfd(self->v.vm, SVMM_IOEVENTFD_PIO | SVMM_IOEVENTFD_REMOVE, PORT, 2, 0,
			      self->event);
}

static int irqfd_add(struct _test_data_call *self)
{
	return svmm_irqfd(self->v.vm, 0, 0xfee00000, 0x41, self->event);
}

static void with_irqfd(struct _test_data_call *self)
{
	must(irqfd_add(self), "IRQFD");
}

static int irqfd_remove(struct _test_data_call *self)
{
	return svmm_irqfd(self->v.vm, SVMM_IRQFD_REMOVE, 0, 0, self->event);
}

static int debug_npt(struct _test_data_call *self)
{
	struct svmm_debug_npt npt = { .gpa = 0 };

	return svmm_debug_npt(self->v.vm, &npt);
}

CALL(slot_create, 2, NULL);
CALL(slot_create_logged, 3, NULL);
CALL(slot_flags, 2, with_slot);
CALL(slot_move, 2, with_slot);
CALL(slot_delete, 1, with_slot);
CALL(dirty_log, 3, with_logged_slot);
CALL(prefault, 5, with_slot);
CALL(create_vcpu, 8, NULL);
CALL(signal_msi, 1, NULL);
CALL(set_vm_state, 1, NULL);
CALL(ioeventfd_add, 2, NULL);
CALL(ioeventfd_remove, 1, with_ioeventfd);
CALL(irqfd_add, 2, NULL);
CALL(irqfd_remove, 1, with_irqfd);
CALL(debug_npt, 2, NULL);

/* Calls of a vCPU */

static int map_page(struct _test_data_call *self)
{
	struct svmm_vcpu_page *page;
	int ret = svmm_map_vcpu(self->v.vcpu, self->v.caps.vcpu_mmap_bytes, &page);

	if (!ret)
		munmap(page, self->v.caps.vcpu_mmap_bytes);
	return ret;
}

static int map_stats(struct _test_data_call *self)
{
	void *stats = mmap(NULL, self->v.caps.stats_bytes, PROT_READ, MAP_SHARED, self->v.vcpu,
			   self->v.caps.stats_offset);

	if (stats == MAP_FAILED)
		return -errno;
	munmap(stats, self->v.caps.stats_bytes);
	return 0;
}

static int get_state(struct _test_data_call *self)
{
	return svmm_get_state(self->v.vcpu, SVMM_STATE_ALL);
}

static void with_state(struct _test_data_call *self)
{
	must(get_state(self), "GET_STATE");
	self->v.page->dirty = SVMM_STATE_ALL;
}

static int set_state(struct _test_data_call *self)
{
	return svmm_set_state(self->v.vcpu);
}

static int set_cpuid(struct _test_data_call *self)
{
	return svmm_set_cpuid(self->v.vcpu, self->cpuid);
}

static int set_debug(struct _test_data_call *self)
{
	const struct svmm_debug debug = { .flags = SVMM_DEBUG_EXITS | SVMM_DEBUG_STEP };

	return svmm_set_debug(self->v.vcpu, &debug);
}

static void with_debug(struct _test_data_call *self)
{
	must(set_debug(self), "SET_DEBUG");
}

static int get_exits(struct _test_data_call *self)
{
	struct svmm_last_exits exits;

	return svmm_get_exits(self->v.vcpu, &exits);
}

static int set_sigmask(struct _test_data_call *self)
{
	const uint64_t mask = 1;

	return svmm_set_sigmask(self->v.vcpu, &mask);
}

static int get_stats(struct _test_data_call *self)
{
	static struct svmm_vcpu_stats stats;

	return svmm_get_stats(self->v.vcpu, &stats);
}

static int get_counters(struct _test_data_call *self)
{
	struct svmm_counters counters;

	return svmm_get_counters(self->v.vcpu, &counters);
}

static int debug_vmcb(struct _test_data_call *self)
{
	struct svmm_debug_vmcb vmcb;

	return svmm_debug_vmcb(self->v.vcpu, &vmcb);
}

CALL(map_page, 2, NULL);
CALL(map_stats, 1, NULL);
CALL(set_state, 1, with_state);
CALL(set_cpuid, 3, NULL);
CALL(set_debug, 1, NULL);
CALL(get_exits, 1, with_debug);
CALL(set_sigmask, 1, NULL);
CALL(get_stats, 2, NULL);
CALL(get_counters, 1, NULL);
CALL(debug_vmcb, 2, NULL);

/*
 * SVMM_RUN, up to the guest's end, on memory that it meets for the first time; what it has failed
 * at, it begins again.
 */
static int run(struct _test_data_call *self)
{
	struct svmm_vcpu_page *page = self->v.page;
	int ret;

	do {
		ret = svmm_run(self->v.vcpu);
		if (!ret && page->exit.reason == SVMM_EXIT_MEMORY_FAULT)
			return page->exit.memory_fault.error;
		if (!ret && page->exit.reason != SVMM_EXIT_IO &&
		    page->exit.reason != SVMM_EXIT_MMIO)
			vmt_die(&self->v, "exit %u", page->exit.reason);
	} while (ret == -EINTR ||
		 (!ret && (page->exit.reason != SVMM_EXIT_IO || page->exit.io.port != PORT_DONE)));
	return ret;
}

#define RUN(name)								\
	FIXTURE_VARIANT_ADD(call, run_##name) { .call = run, .guest = #name, .least = 5 }

RUN(self_ipi);
RUN(pio_in);
RUN(mmio_store4);

/* The netlink family's requests are dealt with in their sender's sendmsg(). */

static void with_socket(struct _test_data_call *self)
{
	self->sock = nl_socket_alloc();
	if (!self->sock || genl_connect(self->sock))
		vmt_die(NULL, "no netlink");
	self->family = genl_ctrl_resolve(self->sock, SVMM_GENL_NAME);
	must(self->family, "genl_ctrl_resolve");
}

static int ask(struct _test_data_call *self, int command, int flags)
{
	static uint8_t answer[128 << 10];
	struct nlmsghdr *head = (struct nlmsghdr *)answer;
	struct nl_msg *msg = nlmsg_alloc();
	int fd = nl_socket_get_fd(self->sock), ret;

	genlmsg_put(msg, NL_AUTO_PORT, 1, self->family, 0, NLM_F_REQUEST | flags, command,
		    SVMM_GENL_VERSION);
	if (command != SVMM_GENL_CMD_WATCH && !(flags & NLM_F_DUMP))
		nla_put_string(msg, SVMM_GENL_ATTR_NAME, self->name);
	while (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0)
		;
	ret = send(fd, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0);
	if (ret >= 0)
		ret = recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
	if (ret < 0)
		ret = -errno;
	else if (head->nlmsg_type == NLMSG_ERROR)
		ret = ((struct nlmsgerr *)nlmsg_data(head))->error;
	nlmsg_free(msg);
	return ret < 0 ? ret : 0;
}

static void with_vm(struct _test_data_call *self)
{
	with_bare_vm(self);
	with_socket(self);
}

static int get_vm(struct _test_data_call *self)
{
	return ask(self, SVMM_GENL_CMD_GET_VM, 0);
}

static int get_vms(struct _test_data_call *self)
{
	return ask(self, SVMM_GENL_CMD_GET_VM, NLM_F_DUMP);
}

static int get_mem(struct _test_data_call *self)
{
	return ask(self, SVMM_GENL_CMD_GET_MEM, 0);
}

static int get_all_stats(struct _test_data_call *self)
{
	return ask(self, SVMM_GENL_CMD_GET_STATS, NLM_F_DUMP);
}

static int watch(struct _test_data_call *self)
{
	return ask(self, SVMM_GENL_CMD_WATCH, NLM_F_ACK);
}

CALL(get_vm, 3, with_vm);
CALL(get_vms, 3, with_vm);
CALL(get_mem, 3, with_vm);
CALL(get_all_stats, 3, with_vm);
CALL(watch, 3, with_vm);

FIXTURE_SETUP(call)
{
}

FIXTURE_TEARDOWN(call)
{
}

static void set_up(struct _test_data_call *self, const char *guest)
{
	vmt_open(&self->v);
	self->made = -1;
	self->sock = NULL;
	self->name = "failing";
	self->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	must(svmm_get_supported_cpuid(self->v.svmm, &self->cpuid), "GET_SUPPORTED_CPUID");
	self->mem = mmap(NULL, HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
	if (!guest)
		return;
	vmt_load(&self->v, "varied");
	vmt_start(&self->v, guest);
	self->v.page->gpr.rdi = DEVICE;
	self->v.page->gpr.rsi = NEVER;
	self->v.page->gpr.rdx = ROUNDS;
}

static void tear_down(struct _test_data_call *self)
{
	if (self->sock)
		nl_socket_free(self->sock);
	if (self->made >= 0)
		close(self->made);
	close(self->event);
	free(self->cpuid);
	munmap(self->mem, HUGE_BYTES);
	vmt_close(&self->v);
}

/*
 * An allocation that finds its slab empty asks for a page first, whose failure nobody is told of,
 * and moves those behind it by one: so some may be missed in one try, and are met in another.
 */
TEST_F(call, fails_once)
{
	const char *why_not = failures_why_not();
	int nth = 1, told = 0, tries = 1, ret = 0;
	bool injected = true;

	if (why_not)
		SKIP(return, "%s", why_not);
	for (; nth < MOST && injected; nth++) {
		set_up(self, variant->guest);
		if (variant->before)
			variant->before(self);
		ASSERT_TRUE(fail_nth(nth));
		ret = variant->call(self);
		injected = has_failed();
		fail_nth(0);
		if (ret) {
			told++;
			ASSERT_TRUE(injected) TH_LOG("%s, but nothing failed", strerror(-ret));
			ASSERT_TRUE(ret == -ENOMEM || ret == -EFAULT ||
				    (self->sock && ret == -ENOBUFS))
				TH_LOG("failure %d: %s", nth, strerror(-ret));
			ret = variant->call(self);
			ASSERT_EQ(0, ret) TH_LOG("failure %d, again: %s", nth, strerror(-ret));
		}
		tear_down(self);
		if (!injected && told < variant->least && tries++ < TRIES) {
			nth = 0;
			told = 0;
			injected = true;
		}
	}
	TH_LOG("%d failures, %d of them told", nth - 2, told);
	EXPECT_FALSE(injected);
	EXPECT_LE(variant->least, told);
}

TEST_HARNESS_MAIN
