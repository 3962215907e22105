// SPDX-License-Identifier: GPL-2.0
/*
 * A user has as many VMs as the parameter vms_per_user says; root has any number, and those of
 * others do not count.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 * hosts: epyc-6.1
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

static void set_vms_per_user(unsigned int nr)
{
	FILE *f = fopen("/sys/module/svmm/parameters/vms_per_user", "w");

	if (!f || fprintf(f, "%u", nr) < 0 || fclose(f))
		vmt_die(NULL, "cannot set vms_per_user");
}

/* As one with two VMs to have. Return: 0, or which step went wrong. */
static int two_vms(void)
{
	int svmm = svmm_open(), first, second;

	if (svmm < 0 || setuid(65534))
		return 1;
	first = svmm_create_vm(svmm, "first");
	second = svmm_create_vm(svmm, "second");
	if (first < 0 || second < 0)
		return 2;
	if (svmm_create_vm(svmm, "third") != -EDQUOT)
		return 3;
	if (svmm_create_vm(svmm, "second") != -EEXIST)
		return 4;
	close(first);
	return svmm_create_vm(svmm, "third") < 0 ? 5 : 0;
}

TEST(vms_per_user)
{
	int svmm = svmm_open(), vm[3], status;
	pid_t pid;

	set_vms_per_user(2);
	for (int i = 0; i < 3; i++)
		vm[i] = svmm_create_vm(svmm, ((const char *[]){ "a", "b", "c" })[i]);
	pid = fork();
	if (!pid)
		_exit(two_vms());
	waitpid(pid, &status, 0);
	set_vms_per_user(1024);
	EXPECT_EQ(0, status);
	for (int i = 0; i < 3; i++)
		EXPECT_LE(0, vm[i]);
}

TEST_HARNESS_MAIN
