// SPDX-License-Identifier: GPL-2.0
/*
 * The ABI's edges: every ioctl with bad flags, reserved members, sizes, wrong
 * kinds of fd and unknown numbers; names; mmap; lifetimes; use from another
 * address space. Memory slots are in abi_slots.c, state groups in abi_state.c.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

static int call(int fd, unsigned long request, const void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

FIXTURE(abi) {
	int svmm, vm, vcpu;
	struct svmm_caps caps;
	struct svmm_vcpu_page *page;
	void *mem;
};

FIXTURE_SETUP(abi)
{
	vmt_deadline(VMT_DEADLINE_S);
	self->svmm = svmm_open();
	ASSERT_LE(0, self->svmm);
	ASSERT_EQ(0, svmm_get_caps(self->svmm, &self->caps));
	self->vm = vmt_bare_vm(self->svmm);
	ASSERT_LE(0, self->vm);
	self->vcpu = svmm_create_vcpu(self->vm, 0);
	ASSERT_LE(0, self->vcpu);
	ASSERT_EQ(0, svmm_map_vcpu(self->vcpu, self->caps.vcpu_mmap_bytes, &self->page));
	self->mem = mmap(NULL, 16 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
}

FIXTURE_TEARDOWN(abi)
{
	close(self->vcpu);
	close(self->vm);
	close(self->svmm);
}

TEST_F(abi, caps)
{
	struct svmm_caps c;

	memset(&c, 0xff, sizeof(c));
	ASSERT_EQ(0, call(self->svmm, SVMM_GET_CAPS, &c));
	EXPECT_NE(0, c.features & SVMM_FEAT_NPT);
	EXPECT_NE(0, c.caps & SVMM_CAP_LAPIC);
	EXPECT_NE(0, c.caps & SVMM_CAP_READONLY_MEM);
	EXPECT_EQ(0, c.caps & ~1023ULL);
	EXPECT_EQ(0, c.features & ~255ULL);
	EXPECT_LE(1, c.max_vcpus);
	EXPECT_EQ(SVMM_MAX_SLOTS, c.max_slots);
	EXPECT_LE(2, c.nr_asids);
	EXPECT_EQ(0, c.vcpu_mmap_bytes % PAGE_SIZE);
	EXPECT_LE(36, c.phys_bits);
	EXPECT_GE(52, c.phys_bits);
	EXPECT_NE(0, c.tsc_khz);
	EXPECT_EQ(!!(c.caps & SVMM_CAP_XSAVE), c.xcr0 != 0);
	EXPECT_LE(512, c.xsave_bytes);
	for (int i = 0; i < 15; i++)
		EXPECT_EQ(0, c.reserved[i]);
	EXPECT_EQ(-EFAULT, call(self->svmm, SVMM_GET_CAPS, NULL));
}

/* The argument's size is a part of the number: another size is another ioctl. */
TEST_F(abi, unknown_ioctls)
{
	const int fd[] = { self->svmm, self->vm, self->vcpu };
	char buf[8192] = { 0 };

	for (int f = 0; f < 3; f++) {
		for (int nr = 0; nr < 256; nr++) {
			int known = f == 0 ? nr <= 2 : f == 1 ? nr >= 0x10 && nr <= 0x12 :
				    nr >= 0x20 && nr <= 0x28;

			known |= f == 1 && nr == 0x1a;

			EXPECT_EQ(-ENOTTY, call(fd[f], _IOC(3, SVMM_IOC, nr, 7), buf)) {
				TH_LOG("fd kind %d, number %#x, odd size", f, nr);
			}
			EXPECT_EQ(-ENOTTY, call(fd[f], _IOC(0, 0xbf, nr, 0), buf));
			if (known)
				continue;
			for (int dir = 0; dir < 4; dir++)
				EXPECT_EQ(-ENOTTY, call(fd[f], _IOC(dir, SVMM_IOC, nr, 0), buf));
		}
	}
	EXPECT_EQ(-ENOTTY, call(self->svmm, 0, buf));
	EXPECT_EQ(-ENOTTY, call(self->vcpu, ~0UL, buf));
}

/* Each ioctl on the two kinds of fd that it is not for. */
TEST_F(abi, wrong_kind_of_fd)
{
	static const unsigned long of_dev[] = {
		SVMM_GET_CAPS, SVMM_GET_SUPPORTED_CPUID, SVMM_CREATE_VM,
	};
	static const unsigned long of_vm[] = {
		SVMM_CREATE_VCPU, SVMM_SET_MEMORY_SLOT, SVMM_SIGNAL_MSI, SVMM_SET_VM_STATE,
		SVMM_IOEVENTFD, SVMM_IRQFD, SVMM_SHIFT_TIME,
	};
	static const unsigned long of_vcpu[] = {
		SVMM_RUN, SVMM_GET_STATE, SVMM_SET_STATE, SVMM_SET_CPUID, SVMM_SET_SIGMASK,
		SVMM_NMI, SVMM_SET_EXTINT, SVMM_GET_STATS, SVMM_DEBUG_VMCB,
	};
	char buf[8192] = { 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(of_dev); i++) {
		EXPECT_EQ(-ENOTTY, call(self->vm, of_dev[i], buf));
		EXPECT_EQ(-ENOTTY, call(self->vcpu, of_dev[i], buf));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(of_vm); i++) {
		EXPECT_EQ(-ENOTTY, call(self->svmm, of_vm[i], buf));
		EXPECT_EQ(-ENOTTY, call(self->vcpu, of_vm[i], buf));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(of_vcpu); i++) {
		EXPECT_EQ(-ENOTTY, call(self->svmm, of_vcpu[i], buf));
		EXPECT_EQ(-ENOTTY, call(self->vm, of_vcpu[i], buf));
	}
	EXPECT_EQ(-EBADF, svmm_run(-1));
}

static int create_named(int svmm, const void *name, size_t bytes)
{
	struct svmm_create_vm arg = { 0 };

	memcpy(arg.name, name, bytes);
	return call(svmm, SVMM_CREATE_VM, &arg);
}

TEST_F(abi, names)
{
	char longest[SVMM_NAME_MAX] = "abcdefghijklmnopqrstuvwxyz01234";
	char too_long[SVMM_NAME_MAX];
	int a, b;

	memset(too_long, 'a', sizeof(too_long));
	a = create_named(self->svmm, longest, 32);
	ASSERT_LE(0, a);
	EXPECT_EQ(-EEXIST, create_named(self->svmm, longest, 32));
	EXPECT_EQ(FD_CLOEXEC, fcntl(a, F_GETFD));
	close(a);
	/* free again once the fd is closed */
	a = create_named(self->svmm, longest, 32);
	ASSERT_LE(0, a);
	b = create_named(self->svmm, "A.b-c_9", 8);
	ASSERT_LE(0, b);
	close(a);
	close(b);

	EXPECT_EQ(-EINVAL, create_named(self->svmm, "", 1));
	EXPECT_EQ(-EINVAL, create_named(self->svmm, too_long, 32));
	EXPECT_EQ(-EINVAL, create_named(self->svmm, "a/b", 4));
	EXPECT_EQ(-EINVAL, create_named(self->svmm, "a b", 4));
	EXPECT_EQ(-EINVAL, create_named(self->svmm, "a\nb", 4));
	EXPECT_EQ(-EINVAL, create_named(self->svmm, "\xc3\xa4", 3));
	EXPECT_EQ(-EINVAL, create_named(self->svmm, "a%sb", 5));
	/* something behind the NUL */
	EXPECT_EQ(-EINVAL, create_named(self->svmm, "ab\0c", 5));
	EXPECT_EQ(-EINVAL, create_named(self->svmm, "\0abc", 5));
	EXPECT_EQ(-EFAULT, call(self->svmm, SVMM_CREATE_VM, NULL));
}

/* Another user may use a name that is taken. */
TEST_F(abi, names_are_per_user)
{
	int vm = create_named(self->svmm, "per-user", 9);
	int status;
	pid_t pid;

	ASSERT_LE(0, vm);
	pid = fork();
	if (!pid) {
		int svmm = svmm_open();

		if (svmm < 0 || setuid(65534))
			_exit(2);
		_exit(create_named(svmm, "per-user", 9) < 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(vm);
}

TEST_F(abi, create_vm_reserved)
{
	struct svmm_create_vm arg;

	for (int i = 0; i < 8; i++) {
		memset(&arg, 0, sizeof(arg));
		strcpy(arg.name, "reserved");
		((__u32 *)&arg)[i] = 1U << (i * 4);
		EXPECT_EQ(-EINVAL, call(self->svmm, SVMM_CREATE_VM, &arg));
	}
}

TEST_F(abi, create_vcpu)
{
	struct svmm_create_vcpu arg = { .id = 1, .flags = 1 };
	int fd;

	EXPECT_EQ(-EINVAL, call(self->vm, SVMM_CREATE_VCPU, &arg));
	EXPECT_EQ(-EEXIST, svmm_create_vcpu(self->vm, 0));
	EXPECT_EQ(-EINVAL, svmm_create_vcpu(self->vm, self->caps.max_vcpus));
	EXPECT_EQ(-EINVAL, svmm_create_vcpu(self->vm, ~0U));
	EXPECT_EQ(-EFAULT, call(self->vm, SVMM_CREATE_VCPU, NULL));
	fd = svmm_create_vcpu(self->vm, self->caps.max_vcpus - 1);
	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	/* an id is used up for the VM's life */
	close(fd);
	EXPECT_EQ(-EEXIST, svmm_create_vcpu(self->vm, self->caps.max_vcpus - 1));
}

TEST_F(abi, supported_cpuid)
{
	struct svmm_cpuid *t = calloc(1, sizeof(*t) + SVMM_MAX_CPUID * sizeof(t->entries[0]));
	unsigned int nr;

	ASSERT_NE(NULL, t);
	EXPECT_EQ(-E2BIG, call(self->svmm, SVMM_GET_SUPPORTED_CPUID, t));
	nr = t->nr;
	ASSERT_LT(10, nr);
	ASSERT_GE(SVMM_MAX_CPUID, nr);
	t->nr = nr - 1;
	EXPECT_EQ(-E2BIG, call(self->svmm, SVMM_GET_SUPPORTED_CPUID, t));
	EXPECT_EQ(nr, t->nr);
	EXPECT_EQ(0, t->entries[0].function | t->entries[0].eax | t->entries[0].ebx);
	t->nr = ~0U;
	memset(t->entries, 0xee, SVMM_MAX_CPUID * sizeof(t->entries[0]));
	ASSERT_EQ(0, call(self->svmm, SVMM_GET_SUPPORTED_CPUID, t));
	EXPECT_EQ(nr, t->nr);
	for (unsigned int i = 0; i < nr; i++) {
		EXPECT_EQ(0, t->entries[i].reserved);
		EXPECT_EQ(0, t->entries[i].flags & ~SVMM_CPUID_SUBLEAF);
	}
	/* not a byte behind the last entry */
	EXPECT_EQ(0xeeeeeeee, t->entries[nr].function);
	t->flags = 1;
	EXPECT_EQ(-EINVAL, call(self->svmm, SVMM_GET_SUPPORTED_CPUID, t));
	EXPECT_EQ(-EFAULT, call(self->svmm, SVMM_GET_SUPPORTED_CPUID, NULL));
	free(t);
}

TEST_F(abi, set_cpuid)
{
	struct svmm_cpuid *t;

	ASSERT_EQ(0, svmm_get_supported_cpuid(self->svmm, &t));
	t->flags = 1;
	EXPECT_EQ(-EINVAL, svmm_set_cpuid(self->vcpu, t));
	t->flags = 0;
	t->entries[0].reserved = 1;
	EXPECT_EQ(-EINVAL, svmm_set_cpuid(self->vcpu, t));
	t->entries[0].reserved = 0;
	t->entries[0].flags |= 2;
	EXPECT_EQ(-EINVAL, svmm_set_cpuid(self->vcpu, t));
	t->entries[0].flags &= ~2U;
	ASSERT_GT(SVMM_MAX_CPUID, t->nr);
	t->entries[t->nr] = t->entries[0];
	t->nr++;
	EXPECT_EQ(-EINVAL, svmm_set_cpuid(self->vcpu, t));	/* duplicate */
	t->nr = SVMM_MAX_CPUID + 1;
	EXPECT_EQ(-EINVAL, svmm_set_cpuid(self->vcpu, t));
	t->nr = ~0U;
	EXPECT_EQ(-EINVAL, svmm_set_cpuid(self->vcpu, t));
	EXPECT_EQ(-EFAULT, svmm_set_cpuid(self->vcpu, NULL));
	free(t);

	ASSERT_EQ(0, svmm_get_supported_cpuid(self->svmm, &t));
	EXPECT_EQ(0, svmm_set_cpuid(self->vcpu, t));
	EXPECT_EQ(0, svmm_set_cpuid(self->vcpu, t));
	self->page->immediate_exit = 1;
	EXPECT_EQ(-EINTR, svmm_run(self->vcpu));
	EXPECT_EQ(-EBUSY, svmm_set_cpuid(self->vcpu, t));
	free(t);
}

static int map(int fd, size_t bytes, int prot, int flags, off_t offset)
{
	void *p = mmap(NULL, bytes, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, bytes);
	return 0;
}

TEST_F(abi, mmap)
{
	size_t n = self->caps.vcpu_mmap_bytes;
	struct svmm_vcpu_page *p = self->page;
	void *again;

	EXPECT_EQ(0, map(self->vcpu, n, PROT_READ | PROT_WRITE, MAP_SHARED, 0));
	EXPECT_NE(0, map(self->vcpu, n, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0));
	EXPECT_NE(0, map(self->vcpu, n, PROT_READ, MAP_PRIVATE, 0));
	EXPECT_NE(0, map(self->vcpu, n + PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, 0));
	EXPECT_NE(0, map(self->vcpu, n, PROT_READ | PROT_WRITE, MAP_SHARED, PAGE_SIZE));
	EXPECT_NE(0, map(self->vcpu, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, n));
	EXPECT_NE(0, map(self->vcpu, PAGE_SIZE, PROT_READ, MAP_SHARED, 1LL << 40));
	EXPECT_NE(0, map(self->vcpu, n, PROT_READ | PROT_EXEC, MAP_SHARED, 0));
	EXPECT_NE(0, map(self->svmm, PAGE_SIZE, PROT_READ, MAP_SHARED, 0));
	EXPECT_NE(0, map(self->vm, PAGE_SIZE, PROT_READ, MAP_SHARED, 0));
	/* nor does a mapping become executable or larger later */
	EXPECT_NE(0, mprotect(p, n, PROT_READ | PROT_EXEC));
	again = mremap(p, n, n + PAGE_SIZE, MREMAP_MAYMOVE);
	EXPECT_EQ(MAP_FAILED, again);

	/* the areas behind the page are inside, and apart */
	EXPECT_LE(PAGE_SIZE, p->io_offset);
	EXPECT_LE(p->io_offset + PAGE_SIZE, n);
	EXPECT_LE(PAGE_SIZE, p->xsave_offset);
	EXPECT_EQ(0, p->xsave_offset % 64);
	EXPECT_LE(p->xsave_offset + self->caps.xsave_bytes, n);
	EXPECT_LE(PAGE_SIZE, p->lapic_offset);
	EXPECT_LE(p->lapic_offset + sizeof(struct svmm_lapic), n);
	EXPECT_NE(p->io_offset, p->xsave_offset);
	EXPECT_NE(p->io_offset, p->lapic_offset);
	EXPECT_NE(p->xsave_offset, p->lapic_offset);
}

TEST_F(abi, get_stats)
{
	static struct svmm_vcpu_stats s, zero;
	struct svmm_get_stats arg = { .stats = (uintptr_t)&s, .bytes = sizeof(s), .flags = 1 };

	EXPECT_EQ(-EINVAL, call(self->vcpu, SVMM_GET_STATS, &arg));
	arg.flags = 0;
	arg.bytes = sizeof(s) + 1;
	EXPECT_EQ(-EINVAL, call(self->vcpu, SVMM_GET_STATS, &arg));
	arg.bytes = 0;
	EXPECT_EQ(0, call(self->vcpu, SVMM_GET_STATS, &arg));
	EXPECT_EQ(0, memcmp(&s, &zero, sizeof(s)));
	arg.bytes = sizeof(s);
	ASSERT_EQ(0, call(self->vcpu, SVMM_GET_STATS, &arg));
	EXPECT_EQ(0, s.begun);			/* it has not run */
	EXPECT_EQ(1, s.nr_exits);
	EXPECT_EQ(SVMM_STATS_REST, s.exits[0].exit_code);
	s.nr_exits = 0;
	s.exits[0].exit_code = 0;
	for (int kind = 0; kind < SVMM_KEYS; kind++) {
		for (int i = 0; i < SVMM_STATS_KEYS; i++) {
			EXPECT_EQ(SVMM_STATS_REST, s.keys[kind][i].key);
			s.keys[kind][i].key = 0;
		}
	}
	EXPECT_EQ(0, memcmp(&s, &zero, sizeof(s)));
	arg.stats = 1;
	EXPECT_EQ(-EFAULT, call(self->vcpu, SVMM_GET_STATS, &arg));
	EXPECT_EQ(-EFAULT, call(self->vcpu, SVMM_GET_STATS, NULL));
}

/* What is told of a VM: states that there are, and a reason that is a phrase. */
TEST_F(abi, set_vm_state)
{
	struct svmm_vm_state_info arg = { .state = SVMM_VM_PAUSED };

	EXPECT_EQ(0, call(self->vm, SVMM_SET_VM_STATE, &arg));
	strcpy(arg.reason, "because");
	EXPECT_EQ(0, call(self->vm, SVMM_SET_VM_STATE, &arg));
	arg.reason[SVMM_REASON_MAX - 1] = 'x';		/* behind the end */
	EXPECT_EQ(-EINVAL, call(self->vm, SVMM_SET_VM_STATE, &arg));
	memset(arg.reason, 'x', sizeof(arg.reason));	/* no end */
	EXPECT_EQ(-EINVAL, call(self->vm, SVMM_SET_VM_STATE, &arg));
	memset(arg.reason, 0, sizeof(arg.reason));
	arg.reason[0] = '\n';
	EXPECT_EQ(-EINVAL, call(self->vm, SVMM_SET_VM_STATE, &arg));
	arg.reason[0] = 0xe4;
	EXPECT_EQ(-EINVAL, call(self->vm, SVMM_SET_VM_STATE, &arg));
	arg.reason[0] = 0;
	arg.reserved = 1;
	EXPECT_EQ(-EINVAL, call(self->vm, SVMM_SET_VM_STATE, &arg));
	arg.reserved = 0;
	arg.state = SVMM_VM_CREATED;
	EXPECT_EQ(-EINVAL, call(self->vm, SVMM_SET_VM_STATE, &arg));
	arg.state = SVMM_VM_CRASHED + 1;
	EXPECT_EQ(-EINVAL, call(self->vm, SVMM_SET_VM_STATE, &arg));
	EXPECT_EQ(-EFAULT, call(self->vm, SVMM_SET_VM_STATE, NULL));
}

/* The accounts can be read where they are, and not be written. */
TEST_F(abi, mmap_stats)
{
	const struct svmm_caps *caps = &self->caps;
	struct svmm_vcpu_stats *s;

	ASSERT_NE(0, caps->stats_offset);
	ASSERT_EQ(sizeof(*s), caps->stats_bytes);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, caps->stats_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
				   self->vcpu, caps->stats_offset));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, caps->stats_bytes, PROT_READ, MAP_PRIVATE,
				   self->vcpu, caps->stats_offset));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, caps->stats_bytes + PAGE_SIZE, PROT_READ, MAP_SHARED,
				   self->vcpu, caps->stats_offset));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				   self->vcpu, caps->stats_offset - PAGE_SIZE));
	EXPECT_EQ(EINVAL, errno);
	s = mmap(NULL, caps->stats_bytes, PROT_READ, MAP_SHARED, self->vcpu, caps->stats_offset);
	ASSERT_NE(MAP_FAILED, s);
	EXPECT_EQ(1, s->nr_exits);
	EXPECT_EQ(SVMM_STATS_REST, s->exits[0].exit_code);
	EXPECT_EQ(-1, mprotect(s, PAGE_SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	munmap(s, caps->stats_bytes);
}

TEST_F(abi, small_vcpu_ioctls)
{
	struct svmm_sigmask m = { .enable = 2 };
	__u32 v = 2;

	EXPECT_EQ(-EINVAL, call(self->vcpu, SVMM_SET_SIGMASK, &m));
	m = (struct svmm_sigmask){ .enable = 1, .reserved = 1 };
	EXPECT_EQ(-EINVAL, call(self->vcpu, SVMM_SET_SIGMASK, &m));
	m = (struct svmm_sigmask){ .enable = 1, .mask = ~0ULL };
	EXPECT_EQ(0, call(self->vcpu, SVMM_SET_SIGMASK, &m));
	EXPECT_EQ(0, svmm_set_sigmask(self->vcpu, NULL));
	EXPECT_EQ(-EFAULT, call(self->vcpu, SVMM_SET_SIGMASK, NULL));

	EXPECT_EQ(-EINVAL, call(self->vcpu, SVMM_SET_EXTINT, &v));
	EXPECT_EQ(0, svmm_set_extint(self->vcpu, 1));
	EXPECT_EQ(0, svmm_set_extint(self->vcpu, 0));
	EXPECT_EQ(-EFAULT, call(self->vcpu, SVMM_SET_EXTINT, NULL));
	EXPECT_EQ(0, svmm_nmi(self->vcpu));

	EXPECT_EQ(-EINVAL, svmm_get_state(self->vcpu, SVMM_STATE_ALL + 1));
	EXPECT_EQ(-EINVAL, svmm_get_state(self->vcpu, 1U << 31));
	EXPECT_EQ(0, svmm_get_state(self->vcpu, 0));
	EXPECT_EQ(-EFAULT, call(self->vcpu, SVMM_GET_STATE, NULL));
	self->page->dirty = SVMM_STATE_ALL + 1;
	EXPECT_EQ(-EINVAL, svmm_set_state(self->vcpu));
	EXPECT_EQ(-EINVAL, svmm_run(self->vcpu));
	self->page->dirty = 0;
	EXPECT_EQ(0, svmm_set_state(self->vcpu));
}

TEST_F(abi, signal_msi)
{
	struct svmm_msi m = { .address = 0xfee00000, .data = 0x30, .flags = 1 };

	EXPECT_EQ(-EINVAL, call(self->vm, SVMM_SIGNAL_MSI, &m));
	EXPECT_EQ(-EINVAL, svmm_signal_msi(self->vm, 0xfef00000, 0x30));
	EXPECT_EQ(-EINVAL, svmm_signal_msi(self->vm, 0xdee00000, 0x30));
	EXPECT_EQ(-EFAULT, call(self->vm, SVMM_SIGNAL_MSI, NULL));
}

TEST_F(abi, debug_vmcb_needs_privilege)
{
	static struct svmm_debug_vmcb d;
	int status;
	pid_t pid;

	memset(&d, 0xff, sizeof(d));
	ASSERT_EQ(0, svmm_debug_vmcb(self->vcpu, &d));
	EXPECT_EQ(0, d.reserved[0] | d.reserved[1]);
	pid = fork();
	if (!pid) {
		struct svmm_caps caps;
		int vm, vcpu;

		if (setuid(65534) || svmm_get_caps(self->svmm, &caps))
			_exit(2);
		vm = vmt_bare_vm(self->svmm);
		vcpu = svmm_create_vcpu(vm, 0);
		if (vcpu < 0)
			_exit(3);
		_exit(svmm_debug_vmcb(vcpu, &d) != -EPERM);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* A child has the fds, but not the memory that they are about. */
TEST_F(abi, foreign_address_space)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		struct svmm_cpuid *t;
		static struct svmm_vcpu_stats stats;
		int bad = 0;

		if (svmm_get_supported_cpuid(self->svmm, &t))
			_exit(100);
		bad |= (svmm_run(self->vcpu) != -EIO) << 0;
		bad |= (svmm_get_state(self->vcpu, SVMM_STATE_GPR) != -EIO) << 1;
		bad |= (svmm_set_state(self->vcpu) != -EIO) << 2;
		bad |= (svmm_create_vcpu(self->vm, 2) != -EIO) << 3;
		bad |= (svmm_set_slot(self->vm, 0, 0, 0, PAGE_SIZE, self->mem) != -EIO) << 4;
		bad |= (svmm_set_cpuid(self->vcpu, t) != -EIO) << 5;
		bad |= (svmm_nmi(self->vcpu) != -EIO) << 6;
		bad |= (svmm_get_stats(self->vcpu, &stats) != -EIO) << 7;
		if (bad)
			TH_LOG("calls that did not give EIO: %#x", bad);
		_exit(bad != 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* the parent's still work */
	self->page->immediate_exit = 1;
	EXPECT_EQ(-EINTR, svmm_run(self->vcpu));
}

/* Every order in which the three fds and the mapping can go. */
TEST_F(abi, lifetimes)
{
	for (int order = 0; order < 24; order++) {
		int left[4] = { 0, 1, 2, 3 }, o = order, fd[3];
		struct svmm_vcpu_page *page;

		fd[0] = svmm_open();
		fd[1] = vmt_bare_vm(fd[0]);
		fd[2] = svmm_create_vcpu(fd[1], 0);
		ASSERT_LE(0, fd[2]);
		ASSERT_EQ(0, svmm_set_slot(fd[1], 0, 0, 0, PAGE_SIZE, self->mem));
		ASSERT_EQ(0, svmm_map_vcpu(fd[2], self->caps.vcpu_mmap_bytes, &page));
		for (int n = 4; n; n--) {
			int i = o % n, what = left[i];

			o /= n;
			left[i] = left[n - 1];
			if (what == 3)
				munmap(page, self->caps.vcpu_mmap_bytes);
			else
				close(fd[what]);
			if (what == 1) {
				/* the vCPU keeps the VM alive */
				int ret = svmm_get_state(fd[2], SVMM_STATE_GPR);

				EXPECT_TRUE(ret == 0 || ret == -EBADF);
			}
		}
	}
}

/* The page outlives the fd, and writing to it harms nobody. */
TEST_F(abi, page_after_close)
{
	close(self->vcpu);
	close(self->vm);
	close(self->svmm);
	memset(self->page, 0xa5, self->caps.vcpu_mmap_bytes);
	EXPECT_EQ(0xa5, *(volatile unsigned char *)self->page);
	self->svmm = -1;
	self->vm = -1;
	self->vcpu = -1;
}

/* Everything that user space did not write is zero, not what the host left there. */
TEST_F(abi, class_20_nothing_uninitialised)
{
	size_t n = self->caps.vcpu_mmap_bytes, set = 0;
	const unsigned char *b = (void *)self->page;
	struct svmm_vcpu_page *p = self->page;

	for (size_t i = offsetof(struct svmm_vcpu_page, exit); i < n; i++)
		set += b[i] != 0;
	EXPECT_EQ(0, set);
	for (int i = 0; i < 9; i++)
		EXPECT_EQ(0, p->reserved0[i]);
	EXPECT_EQ(0, p->valid | p->dirty | p->want | p->immediate_exit);

	/* all groups published: members and padding that mean nothing stay zero */
	ASSERT_EQ(0, svmm_get_state(self->vcpu, SVMM_STATE_ALL));
	EXPECT_EQ(SVMM_STATE_ALL, p->valid & SVMM_STATE_ALL);
	set = 0;
	for (size_t i = sizeof(*p); i < PAGE_SIZE; i++)
		set += b[i] != 0;
	for (size_t i = 0; i < sizeof(p->reserved1); i++)
		set += p->reserved1[i] != 0;
	EXPECT_EQ(0, p->cr.reserved);
	for (int i = 0; i < 6; i++)
		EXPECT_EQ(0, p->msr.reserved[i] | p->pv.reserved[i % 4]);
	EXPECT_EQ(0, p->events.reserved);
	for (size_t i = p->lapic_offset + sizeof(struct svmm_lapic);
	     i < (p->lapic_offset | 0xfff) + 1 && i < n; i++)
		set += b[i] != 0;
	for (size_t i = p->xsave_offset + self->caps.xsave_bytes;
	     i < (p->xsave_offset | 0xfff) + 1 && i < n; i++)
		set += b[i] != 0;
	for (size_t i = p->io_offset; i < p->io_offset + PAGE_SIZE; i++)
		set += b[i] != 0;
	EXPECT_EQ(0, set);
}

/* Only one thread runs a vCPU; the other is told so, at once. */
static void *run_thread(void *arg)
{
	while (svmm_run((long)arg) == -EINTR)
		;
	return NULL;
}

TEST_F(abi, second_runner)
{
	struct vmt v;
	pthread_t t;
	int ret = 0;

	vmt_boot(&v, "modes", "alive");
	/* a HLT with nothing to wake it: the first thread sleeps in RUN */
	v.ram[0x9000] = 0xf4;
	v.page->gpr.rip = 0x9000;
	ASSERT_EQ(0, pthread_create(&t, NULL, run_thread, (void *)(long)v.vcpu));
	for (unsigned int i = 0; i < 100 * vmt_slowdown() && ret != -EBUSY; i++) {
		usleep(10000);
		ret = svmm_get_state(v.vcpu, 0);	/* busy too, but does not sleep */
	}
	EXPECT_EQ(-EBUSY, ret);
	/* should the thread be out of RUN for an instant, this one must not sleep there */
	v.page->immediate_exit = 1;
	EXPECT_EQ(-EBUSY, svmm_run(v.vcpu));
	_exit(ret != -EBUSY);		/* and a process can end while RUN sleeps */
}

/* Create until it fails; what was made goes away again, every time. */
TEST_F(abi, class_26_running_out)
{
	struct rlimit lim = { 64, 64 };

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &lim));
	for (int round = 0; round < 3; round++) {
		int fd[128], n = 0, ret;

		for (;;) {
			ret = n % 4 ? svmm_create_vcpu(fd[n - n % 4], n % 4) :
				      vmt_bare_vm(self->svmm);
			if (ret < 0)
				break;
			fd[n++] = ret;
		}
		EXPECT_EQ(-EMFILE, ret);
		EXPECT_LT(40, n);
		while (n)
			close(fd[--n]);
	}
	/* all vCPUs that a VM can have; their fds go, the VM goes */
	lim.rlim_cur = 64;
	lim.rlim_max = 64;
	for (uint32_t i = 1; i < self->caps.max_vcpus; i++) {
		int fd = svmm_create_vcpu(self->vm, i);

		ASSERT_LE(0, fd);
		close(fd);
	}
}

TEST_HARNESS_MAIN
