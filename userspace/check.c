// SPDX-License-Identifier: GPL-2.0
/*
 * Whether this machine can run guests, and if not, what to do.
 *
 * A list of questions in the order in which they make sense: CPU, firmware,
 * module, permission, and at last a VM that is created for trial.  The first
 * one that fails is the answer, because all later ones hang on it.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "cli.h"
#include "libsvmm.h"

#define CPUID_HYPERVISOR	(1u << 31)	/* 0000_0001h ECX */
#define CPUID_SVM		(1u << 2)	/* 8000_0001h ECX */
#define CPUID_SVM_LEAF		0x8000000a
#define CPUID_NPT		(1u << 0)	/* its EDX */
#define MSR_VM_CR		0xc0010114	/* APM vol. 2, 15.30.1 */
#define VM_CR_SVMDIS		(1u << 4)

struct answer {
	char text[256];
};

static void say(struct answer *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct answer *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(a->text, sizeof(a->text), format, args);
	va_end(args);
}

static bool in_modules(const char *module)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	return !access(path, F_OK);
}

/* The questions.  Each says something in either case, and returns whether all is well. */

static bool cpu_has_svm(struct answer *a)
{
	unsigned int eax, ebx, ecx, edx, vendor[3];

	__cpuid(0, eax, vendor[0], vendor[2], vendor[1]);
	if (memcmp(vendor, "AuthenticAMD", 12) && memcmp(vendor, "HygonGenuine", 12)) {
		say(a, "this CPU is a %.12s; svmm needs AMD's SVM (make demo emulates such a host)",
		    (char *)vendor);
		return false;
	}
	if (__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && (ecx & CPUID_SVM)) {
		say(a, "the CPU has SVM");
		return true;
	}
	if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & CPUID_HYPERVISOR))
		say(a, "this machine is a VM whose hypervisor does not offer SVM; turn nested "
		       "virtualization on there (KVM: kvm_amd nested=1 and -cpu host)");
	else
		say(a, "the CPU has no SVM (CPUID 8000_0001 ECX bit 2); a newer one is needed, or "
		       "\"SVM Mode\" is off in the BIOS setup");
	return false;
}

/* Reading the MSR needs root and the msr driver; without them the module will say. */
static bool firmware_allows_svm(struct answer *a)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	uint64_t vm_cr;
	ssize_t n;

	if (fd < 0) {
		say(a, "whether the firmware disabled SVM was not looked at (/dev/cpu/0/msr: %s)",
		    strerror(errno));
		return true;
	}
	n = pread(fd, &vm_cr, sizeof(vm_cr), MSR_VM_CR);
	close(fd);
	if (n == sizeof(vm_cr) && (vm_cr & VM_CR_SVMDIS)) {
		say(a, "SVM is disabled by firmware (VM_CR.SVMDIS=1); enable \"SVM Mode\" in the "
		       "BIOS setup");
		return false;
	}
	say(a, "the firmware leaves SVM enabled");
	return true;
}

static bool cpu_has_npt(struct answer *a)
{
	unsigned int eax, ebx, ecx, edx;

	if (__get_cpuid(CPUID_SVM_LEAF, &eax, &ebx, &ecx, &edx) && (edx & CPUID_NPT)) {
		say(a, "the CPU has nested paging, and %u ASIDs", ebx);
		return true;
	}
	say(a, "the CPU has no nested paging (CPUID 8000_000A EDX bit 0); svmm needs an Opteron of "
	       "family 10h or newer");
	return false;
}

static bool module_is_loaded(struct answer *a)
{
	if (in_modules("svmm")) {
		say(a, "the svmm module is loaded");
		return true;
	}
	say(a, "%s%s", svmm_explain(0, ENOENT), in_modules("kvm_amd") ?
	    "; if it finds SVM in use, run first: modprobe -r kvm_amd" : "");
	return false;
}

static bool device_opens(struct answer *a)
{
	const char *group = "its group";
	struct group *gr;
	struct stat st;
	int fd = svmm_open();

	if (fd >= 0) {
		close(fd);
		say(a, SVMM_DEVICE " can be opened");
		return true;
	}
	if (fd == -EACCES && !stat(SVMM_DEVICE, &st) && !st.st_gid) {
		say(a, "no permission to open " SVMM_DEVICE "; become root, or have a group for it "
		       "(make install; adduser USER svmm; load the module and log in again)");
	} else if (fd == -EACCES && !stat(SVMM_DEVICE, &st)) {
		gr = getgrgid(st.st_gid);
		if (gr)
			group = gr->gr_name;
		say(a, "no permission to open " SVMM_DEVICE "; become root, or a member of group "
		       "%s (usermod -a -G %s USER, then log in again)", group, group);
	} else {
		say(a, "cannot open " SVMM_DEVICE ": %s", svmm_explain(0, fd));
	}
	return false;
}

static bool vm_can_be_created(struct answer *a)
{
	char name[SVMM_NAME_MAX];
	int fd = svmm_open(), vm, vcpu = -1;

	snprintf(name, sizeof(name), "check-%d", getpid());
	vm = svmm_create_vm(fd, name);
	if (vm >= 0) {
		vcpu = svmm_create_vcpu(vm, 0);
		if (vcpu >= 0)
			close(vcpu);
		close(vm);
	}
	close(fd);
	if (vm < 0)
		say(a, "cannot create a VM: %s", svmm_explain(SVMM_CREATE_VM, vm));
	else if (vcpu < 0)
		say(a, "cannot create a vCPU: %s", svmm_explain(SVMM_CREATE_VCPU, vcpu));
	else
		say(a, "a VM can be created");
	return vm >= 0 && vcpu >= 0;
}

static bool (* const questions[])(struct answer *a) = {
	cpu_has_svm,
	cpu_has_npt,
	firmware_allows_svm,
	module_is_loaded,
	device_opens,
	vm_can_be_created,
};

#define NR_QUESTIONS (sizeof(questions) / sizeof(questions[0]))

static bool ask(size_t question, struct answer *a)
{
	return questions[question](a);
}

int check_host(void)
{
	struct answer a;

	for (size_t i = 0; i < NR_QUESTIONS; i++) {
		if (!ask(i, &a)) {
			printf("no   %s\nThis machine cannot run guests.\n", a.text);
			return STATUS_ERROR;
		}
		printf("ok   %s\n", a.text);
	}
	printf("This machine can run guests.\n");
	return STATUS_OK;
}

void check_obstacle(char *text, size_t bytes)
{
	struct answer a;

	text[0] = '\0';
	for (size_t i = 0; i < NR_QUESTIONS; i++) {
		if (!ask(i, &a)) {
			snprintf(text, bytes, "%s", a.text);
			return;
		}
	}
}
