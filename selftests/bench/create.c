// SPDX-License-Identifier: GPL-2.0
/*
 * VMs with one vCPU each and nothing else, made and closed again, one after the other. How many
 * instructions that takes is scripts/host/count.c's to say, which leaves out what the host idles.
 *
 *	bench-create svmm|kvm_amd N
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../userspace/libsvmm.h"

static int sure(int ret, const char *what)
{
	if (ret < 0) {
		fprintf(stderr, "bench-create: %s: %s\n", what, strerror(-ret));
		exit(1);
	}
	return ret;
}

static void with_svmm(void)
{
	int svmm = sure(svmm_open(), SVMM_DEVICE);
	int vm = sure(svmm_create_vm(svmm, "bench-create"), "CREATE_VM");

	close(sure(svmm_create_vcpu(vm, 0), "CREATE_VCPU"));
	close(vm);
	close(svmm);
}

static int request(int fd, unsigned long number, const char *what)
{
	int ret = ioctl(fd, number, 0);

	return sure(ret < 0 ? -errno : ret, what);
}

static void with_kvm(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm;

	sure(kvm < 0 ? -errno : 0, "/dev/kvm");
	vm = request(kvm, KVM_CREATE_VM, "KVM_CREATE_VM");
	request(vm, KVM_CREATE_IRQCHIP, "KVM_CREATE_IRQCHIP");
	close(request(vm, KVM_CREATE_VCPU, "KVM_CREATE_VCPU"));
	close(vm);
	close(kvm);
}

int main(int argc, char **argv)
{
	if (argc != 3 || (strcmp(argv[1], "svmm") && strcmp(argv[1], "kvm_amd"))) {
		fprintf(stderr, "bench-create svmm|kvm_amd N\n");
		return 2;
	}
	for (int n = atoi(argv[2]); n > 0; n--)
		if (strcmp(argv[1], "svmm"))
			with_kvm();
		else
			with_svmm();
	return 0;
}
