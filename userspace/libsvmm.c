// SPDX-License-Identifier: GPL-2.0
/*
 * libsvmm: one function per ioctl of svmm.ko, and its errors as sentences.
 *
 * It knows the ABI and nothing of machines or devices.  The one trick is the
 * table of errors: it is keyed by ioctl and errno, because -EBUSY from
 * CREATE_VM and from RUN ask the user to do quite different things.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "libsvmm.h"

static int call(int fd, unsigned long request, const void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int svmm_open(void)
{
	int fd = open(SVMM_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int svmm_get_caps(int svmm, struct svmm_caps *caps)
{
	return call(svmm, SVMM_GET_CAPS, caps);
}

int svmm_get_supported_cpuid(int svmm, struct svmm_cpuid **table)
{
	struct svmm_cpuid *t;
	int ret;

	t = calloc(1, sizeof(*t) + SVMM_MAX_CPUID * sizeof(t->entries[0]));
	if (!t)
		return -ENOMEM;
	t->nr = SVMM_MAX_CPUID;
	ret = call(svmm, SVMM_GET_SUPPORTED_CPUID, t);
	if (ret < 0) {
		free(t);
		return ret;
	}
	*table = t;
	return 0;
}

int svmm_create_vm(int svmm, const char *name)
{
	struct svmm_create_vm arg = { 0 };
	size_t len = strlen(name);
	int ret;

	if (len >= sizeof(arg.name))
		return -ENAMETOOLONG;
	memcpy(arg.name, name, len);
	do {
		ret = call(svmm, SVMM_CREATE_VM, &arg);
	} while (ret == -EINTR);
	return ret;
}

int svmm_set_slot(int vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t bytes,
		  const void *addr)
{
	struct svmm_memory_slot arg = {
		.slot = slot,
		.flags = flags,
		.gpa = gpa,
		.size = bytes,
		.user_addr = (uintptr_t)addr,
	};

	return call(vm, SVMM_SET_MEMORY_SLOT, &arg);
}

int svmm_dirty_log(int vm, uint32_t slot, uint32_t flags, uint64_t first_page, uint64_t nr_pages,
		   uint64_t *bitmap)
{
	struct svmm_dirty_log arg = {
		.slot = slot,
		.flags = flags,
		.first_page = first_page,
		.nr_pages = nr_pages,
		.bitmap = (uintptr_t)bitmap,
	};

	return call(vm, SVMM_DIRTY_LOG, &arg);
}

int svmm_prefault(int vm, uint32_t flags, uint64_t *gpa, uint64_t *bytes)
{
	struct svmm_prefault arg = { .gpa = *gpa, .size = *bytes, .flags = flags };
	int ret = call(vm, SVMM_PREFAULT, &arg);

	*gpa = arg.gpa;
	*bytes = arg.size;
	return ret;
}

int svmm_ioeventfd(int vm, uint32_t flags, uint64_t address, uint32_t bytes, uint64_t match,
		   int fd)
{
	struct svmm_ioeventfd arg = {
		.address = address,
		.match = match,
		.bytes = bytes,
		.fd = fd,
		.flags = flags,
	};

	return call(vm, SVMM_IOEVENTFD, &arg);
}

int svmm_irqfd(int vm, uint32_t flags, uint64_t address, uint32_t data, int fd)
{
	struct svmm_irqfd arg = { .address = address, .data = data, .fd = fd, .flags = flags };

	return call(vm, SVMM_IRQFD, &arg);
}

int svmm_signal_msi(int vm, uint64_t address, uint32_t data)
{
	struct svmm_msi arg = { .address = address, .data = data };

	return call(vm, SVMM_SIGNAL_MSI, &arg);
}

int svmm_create_vcpu(int vm, uint32_t id)
{
	struct svmm_create_vcpu arg = { .id = id };

	return call(vm, SVMM_CREATE_VCPU, &arg);
}

int svmm_map_vcpu(int vcpu, size_t bytes, struct svmm_vcpu_page **page)
{
	void *addr = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	if (addr == MAP_FAILED)
		return -errno;
	*page = addr;
	return 0;
}

int svmm_run(int vcpu)
{
	return call(vcpu, SVMM_RUN, NULL);
}

int svmm_get_state(int vcpu, uint32_t groups)
{
	return call(vcpu, SVMM_GET_STATE, &groups);
}

int svmm_set_state(int vcpu)
{
	return call(vcpu, SVMM_SET_STATE, NULL);
}

int svmm_set_cpuid(int vcpu, const struct svmm_cpuid *table)
{
	return call(vcpu, SVMM_SET_CPUID, table);
}

int svmm_set_sigmask(int vcpu, const uint64_t *mask)
{
	struct svmm_sigmask arg = { .enable = !!mask, .mask = mask ? *mask : 0 };

	return call(vcpu, SVMM_SET_SIGMASK, &arg);
}

int svmm_set_tsc_khz(int vm, uint32_t khz)
{
	return call(vm, SVMM_SET_TSC_KHZ, &khz);
}

int svmm_shift_time(int vm, uint64_t ns)
{
	return call(vm, SVMM_SHIFT_TIME, (void *)ns);
}

int svmm_set_vm_state(int vm, enum svmm_vm_state state, const char *reason)
{
	struct svmm_vm_state_info arg = { .state = state };

	if (reason)
		strncpy(arg.reason, reason, sizeof(arg.reason) - 1);
	return call(vm, SVMM_SET_VM_STATE, &arg);
}

int svmm_nmi(int vcpu)
{
	return call(vcpu, SVMM_NMI, NULL);
}

int svmm_nmi_lint1(int vcpu)
{
	return call(vcpu, SVMM_NMI, (void *)SVMM_NMI_LINT1);
}

int svmm_set_extint(int vcpu, uint32_t level)
{
	return call(vcpu, SVMM_SET_EXTINT, &level);
}

int svmm_get_stats(int vcpu, struct svmm_vcpu_stats *stats)
{
	struct svmm_get_stats arg = { .stats = (uintptr_t)stats, .bytes = sizeof(*stats) };

	return call(vcpu, SVMM_GET_STATS, &arg);
}

int svmm_get_counters(int vcpu, struct svmm_counters *counters)
{
	return call(vcpu, SVMM_GET_COUNTERS, counters);
}

int svmm_set_debug(int vcpu, const struct svmm_debug *debug)
{
	return call(vcpu, SVMM_SET_DEBUG, (void *)debug);
}

int svmm_get_exits(int vcpu, struct svmm_last_exits *exits)
{
	return call(vcpu, SVMM_GET_EXITS, exits);
}

int svmm_debug_npt(int vm, struct svmm_debug_npt *npt)
{
	return call(vm, SVMM_DEBUG_NPT, npt);
}

int svmm_debug_vmcb(int vcpu, struct svmm_debug_vmcb *vmcb)
{
	return call(vcpu, SVMM_DEBUG_VMCB, vmcb);
}

static const struct {
	unsigned long request;
	int error;
	const char *text;
} explanations[] = {
	{ 0, ENOENT, "the svmm module is not loaded; run: modprobe svmm (or insmod svmm.ko)" },
	{ 0, ENXIO, "the device node is stale; remove it and load the module: modprobe svmm" },
	{ 0, ENODEV, "the device node is stale; remove it and load the module: modprobe svmm" },
	{ 0, EACCES, "no permission; become root, or a member of the device's group (ls -l "
		     SVMM_DEVICE ")" },
	{ 0, EPERM, "no permission; become root, or a member of the device's group (ls -l "
		    SVMM_DEVICE ")" },
	{ SVMM_CREATE_VM, EEXIST, "you have a running VM of that name; choose another name" },
	{ SVMM_CREATE_VM, EDQUOT, "you have as many VMs as a user may have; end one, or have root "
				  "raise /sys/module/svmm/parameters/vms_per_user" },
	{ SVMM_CREATE_VM, ENAMETOOLONG, "the name is longer than 31 characters; shorten it" },
	{ SVMM_CREATE_VM, EINVAL, "not a name; use 1 to 31 characters out of A-Z a-z 0-9 . _ -" },
	{ SVMM_CREATE_VM, EBUSY, "another hypervisor holds SVM; if it is KVM, stop its guests and "
				 "run: modprobe -r kvm_amd" },
	{ SVMM_CREATE_VM, ENODEV, "SVM could not be enabled on every CPU; see the kernel log: "
				  "dmesg | grep svmm" },
	{ SVMM_CREATE_VCPU, EINVAL, "no such vCPU number; create fewer vCPUs" },
	{ SVMM_CREATE_VCPU, EEXIST, "this vCPU exists already" },
	{ SVMM_SET_MEMORY_SLOT, EINVAL, "this memory does not fit into the guest's physical "
					"address space; give the guest less memory" },
	{ SVMM_SET_MEMORY_SLOT, EEXIST, "two memory slots overlap" },
	{ SVMM_SET_MEMORY_SLOT, ENOENT, "there is no such memory slot" },
	{ SVMM_DIRTY_LOG, ENOENT, "no such memory slot, or it does not log writes" },
	{ SVMM_IOEVENTFD, EEXIST, "an eventfd is there for this write already" },
	{ SVMM_IOEVENTFD, ENOENT, "no such eventfd is there for this write" },
	{ SVMM_IOEVENTFD, ENOSPC, "too many eventfds for one VM; give it fewer devices" },
	{ SVMM_IRQFD, EINVAL, "this is not an interrupt message" },
	{ SVMM_IRQFD, ENOENT, "this eventfd interrupts nobody in this VM" },
	{ SVMM_IRQFD, ENOSPC, "too many eventfds for one VM; give it fewer devices" },
	{ SVMM_SHIFT_TIME, EBUSY, "a vCPU runs; stop it first" },
	{ SVMM_RUN, EINVAL, "the vCPU's register state is not legal" },
	{ SVMM_RUN, EBUSY, "another thread runs this vCPU" },
	{ SVMM_SET_STATE, EINVAL, "the vCPU's register state is not legal" },
	{ SVMM_GET_STATE, EINVAL, "there is no such state group" },
	{ SVMM_SET_CPUID, EINVAL, "the CPUID table is not legal" },
	{ SVMM_SET_CPUID, EBUSY, "the vCPU ran already; set its CPUID table before" },
	{ SVMM_SIGNAL_MSI, EINVAL, "this is not an interrupt message" },
	{ SVMM_SET_DEBUG, EINVAL, "no such breakpoint can be set" },
	{ SVMM_SET_DEBUG, ENOTTY, "this svmm.ko cannot debug guests; load one of vmctl's version" },
	{ SVMM_DEBUG_NPT, EINVAL, "no guest has such an address" },
	{ SVMM_DEBUG_VMCB, EPERM, "the VMCB shows host addresses; become root" },
};

const char *svmm_explain(unsigned long request, int error)
{
	if (error < 0)
		error = -error;
	for (size_t i = 0; i < sizeof(explanations) / sizeof(explanations[0]); i++) {
		if (explanations[i].request == request && explanations[i].error == error)
			return explanations[i].text;
	}
	switch (error) {
	case EIO:
		return "the VM is dead; start it again (the kernel log may say why: "
		       "dmesg | grep svmm)";
	case ENOMEM:
		return "the host is out of memory; free some, or give the guest less";
	case EMFILE:
	case ENFILE:
		return "too many open files; raise the limit (ulimit -n) or stop some VMs";
	case ENOTTY:
		return "the svmm module is of another version; load the one that belongs to this "
		       "program";
	}
	return strerror(error);
}

const char *svmm_exit_name(uint32_t reason)
{
	static const char * const name[] = {
		[SVMM_EXIT_NONE] = "NONE",
		[SVMM_EXIT_INTR] = "INTR",
		[SVMM_EXIT_IO] = "IO",
		[SVMM_EXIT_MMIO] = "MMIO",
		[SVMM_EXIT_EOI] = "EOI",
		[SVMM_EXIT_EXTINT] = "EXTINT",
		[SVMM_EXIT_SHUTDOWN] = "SHUTDOWN",
		[SVMM_EXIT_FAIL_ENTRY] = "FAIL_ENTRY",
		[SVMM_EXIT_EMULATION_FAILURE] = "EMULATION_FAILURE",
		[SVMM_EXIT_MEMORY_FAULT] = "MEMORY_FAULT",
		[SVMM_EXIT_INTERNAL_ERROR] = "INTERNAL_ERROR",
		[SVMM_EXIT_DEBUG] = "DEBUG",
	};

	return reason < sizeof(name) / sizeof(name[0]) ? name[reason] : "unknown";
}
