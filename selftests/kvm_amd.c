// SPDX-License-Identifier: GPL-2.0
/*
 * Another hypervisor owns SVM: the module refuses to load and to create a VM,
 * says who and what to do, and works again once the other has let go. The other
 * way round, kvm_amd finds SVM taken while one of our VMs lives.
 *
 * needs: selftests/lib/events.c selftests/lib/vmtest.c selftests/lib/start.c
 * libs: -lnl-genl-3 -lnl-3 -Wl,--no-warnings
 * emulator-hangs: docs/emulated-host.md, A static key
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/events.h"
#include "lib/vmtest.h"

FIXTURE(kvm) {
	int kvm;
};

FIXTURE_SETUP(kvm)
{
	vmt_deadline(VMT_DEADLINE_S);
	self->kvm = -1;
	/* Since 6.12 KVM takes SVM when it is loaded, not with its first VM, unless told so. */
	if (system("modprobe kvm enable_virt_at_load=0 2>/dev/null; modprobe kvm_amd 2>/dev/null"))
		return;		/* with PREEMPT_RT it wants a constant TSC */
	self->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->kvm);
}

FIXTURE_TEARDOWN(kvm)
{
	if (self->kvm < 0)
		return;
	close(self->kvm);
	/* The module's own use count goes when the VM does, a moment later. */
	EXPECT_EQ(0, system("for i in 1 2 3 4 5; do rmmod kvm_amd && exit; sleep 1; done; exit 1"));
}

static int kvm_vm(int kvm)
{
	int fd = ioctl(kvm, KVM_CREATE_VM, 0);

	return fd < 0 ? -errno : fd;
}

static bool we_run(void)
{
	struct vmt v;
	bool ok;

	vmt_boot(&v, "modes", "alive");
	ok = vmt_report(&v) == 0x600d;
	vmt_close(&v);
	return ok;
}

/* The kernel's log, after the last line with the mark. */
static bool log_says(const char *what)
{
	static char log[1 << 20];
	int n = klogctl(3, log, sizeof(log) - 1);
	char *last = NULL;

	log[n > 0 ? n : 0] = 0;
	for (char *p = log; (p = strstr(p, "kvm_amd.c: mark")); p++)
		last = p;
	return last && strstr(last, what);
}

static int insmod(const char *prelude)
{
	struct utsname u;
	char command[256];

	uname(&u);
	snprintf(command, sizeof(command),
		 "echo 'kvm_amd.c: mark' >/dev/kmsg; %s insmod out/modules/%s/svmm.ko 2>/dev/null",
		 prelude, u.release);
	return WEXITSTATUS(system(command));
}

TEST_F(kvm, loaded_is_no_obstacle)
{
	if (self->kvm < 0)
		SKIP(return, "there is no kvm_amd here");
	EXPECT_TRUE(we_run());
}

TEST_F(kvm, no_vm_while_it_has_one)
{
	int svmm = svmm_open(), vm;
	struct events events;

	if (self->kvm < 0)
		SKIP(return, "there is no kvm_amd here");
	ASSERT_LE(0, svmm);
	vm = kvm_vm(self->kvm);
	ASSERT_LE(0, vm);
	events_open(&events);
	ASSERT_EQ(0, events_join(&events));
	EXPECT_EQ(0, system("echo 'kvm_amd.c: mark' >/dev/kmsg"));
	EXPECT_EQ(-EBUSY, vmt_bare_vm(svmm));
	EXPECT_EQ(0, events_next(&events, 2000));
	EXPECT_EQ(SVMM_EVENT_SVME_CONFLICT, events.what);
	EXPECT_STREQ("", events.name);
	events_close(&events);
	EXPECT_TRUE(log_says("rmmod kvm_amd"));
	/* a refusal leaves nothing behind */
	EXPECT_EQ(-EBUSY, vmt_bare_vm(svmm));
	close(vm);
	for (int i = 0; i < 50 && (vm = vmt_bare_vm(svmm)) == -EBUSY; i++)
		usleep(100000);
	EXPECT_LE(0, vm);
	close(vm);
	close(svmm);
	EXPECT_TRUE(we_run());
}

TEST_F(kvm, not_loaded_while_it_has_a_vm)
{
	int vm = kvm_vm(self->kvm);

	if (self->kvm < 0)
		SKIP(return, "there is no kvm_amd here");
	ASSERT_LE(0, vm);
	EXPECT_NE(0, insmod("rmmod svmm;"));
	EXPECT_TRUE(log_says("svmm: SVM is in use"));
	EXPECT_TRUE(log_says("rmmod kvm_amd"));
	EXPECT_NE(0, access("/dev/svmm", F_OK));
	close(vm);
	for (int i = 0; i < 50 && insmod(""); i++)
		usleep(100000);
	EXPECT_TRUE(we_run());
}

TEST_F(kvm, it_finds_svm_taken)
{
	int svmm = svmm_open(), ours, theirs;

	if (self->kvm < 0)
		SKIP(return, "there is no kvm_amd here");
	ours = vmt_bare_vm(svmm);
	ASSERT_LE(0, ours);
	theirs = kvm_vm(self->kvm);
	/* -EBUSY on 6.1, -EIO on 6.12 */
	EXPECT_TRUE(theirs == -EBUSY || theirs == -EIO);
	EXPECT_TRUE(we_run());
	close(ours);
	for (int i = 0; i < 50 && (theirs = kvm_vm(self->kvm)) < 0; i++)
		usleep(100000);
	EXPECT_LE(0, theirs);
	close(theirs);
	close(svmm);
}

TEST_HARNESS_MAIN
