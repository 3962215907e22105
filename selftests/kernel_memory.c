// SPDX-License-Identifier: GPL-2.0
/*
 * What a VM with one vCPU and nothing mapped costs the kernel, page tables left out: by the account
 * of a cgroup that the VMM is in.
 *
 * needs: selftests/lib/memory.c selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/memory.h"

#define CGROUP	"/sys/fs/cgroup/svmm-test"
#define VMS	16
#define LIMIT	(64 << 10)

/* What the kernel holds for the cgroup, but for page tables. */
static long kernel_bytes(void)
{
	FILE *f = fopen(CGROUP "/memory.stat", "re");
	long bytes = 0, n;
	char key[64];

	while (f && fscanf(f, "%63s %ld", key, &n) == 2) {
		if (!strcmp(key, "kernel"))
			bytes += n;
		if (!strcmp(key, "pagetables") || !strcmp(key, "sec_pagetables"))
			bytes -= n;
	}
	if (f)
		fclose(f);
	return bytes;
}

/* In a child, in the cgroup: bytes for each of the VMs, or an error. */
static int make_vms(long *each)
{
	int svmm = svmm_open(), vm[VMS], vcpu[VMS];
	char pid[32];
	long before;

	snprintf(pid, sizeof(pid), "%d", getpid());
	if (!write_file(CGROUP "/cgroup.procs", pid))
		return 2;
	before = kernel_bytes();
	for (int i = 0; i < VMS; i++) {
		vm[i] = vmt_bare_vm(svmm);
		vcpu[i] = svmm_create_vcpu(vm[i], 0);
		if (vcpu[i] < 0)
			return 3;
	}
	*each = (kernel_bytes() - before) / VMS;
	for (int i = 0; i < VMS; i++) {
		close(vcpu[i]);
		close(vm[i]);
	}
	return 0;
}

TEST(of_an_idle_vm)
{
	int result[2], status;
	long each = 0;
	pid_t child;

	if (system("cd /sys/fs/cgroup && echo +memory >cgroup.subtree_control && mkdir svmm-test"))
		SKIP(return, "no memory cgroups");
	ASSERT_EQ(0, pipe(result));
	child = fork();
	if (!child) {
		status = make_vms(&each);
		_exit(write(result[1], &each, sizeof(each)) == sizeof(each) ? status : 4);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, rmdir(CGROUP));
	ASSERT_EQ(0, status);
	ASSERT_EQ(sizeof(each), read(result[0], &each, sizeof(each)));
	TH_LOG("%ld bytes", each);
	/* More than the pages that user space shares: it was really counted. */
	EXPECT_LT(5 * 4096, each);
	/* A debug kernel has guards around what it allocates. */
	EXPECT_GE(LIMIT * vmt_slowdown(), each);
}

TEST_HARNESS_MAIN
