// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hypervisor.h"

#define CPUID_MAX	256
#define CPUID_X2APIC	(1U << 21)	/* leaf 1, ECX */
#define CPUID_TSC_DEADLINE (1U << 24)

struct machine {
	int kvm, vm, vcpu;
	struct kvm_run *run;
	size_t run_bytes;
	void *ram, *mem;
	uint64_t bytes;
};

static long call(int fd, unsigned long request, void *arg, const char *what)
{
	long ret = ioctl(fd, request, arg);

	if (ret < 0)
		vmt_die(NULL, "%s: %s", what, strerror(errno));
	return ret;
}

#define CALL(fd, request, arg) call(fd, request, (void *)(unsigned long)(arg), #request)

static void set_slot(struct machine *m, uint32_t id, uint32_t flags, uint64_t gpa, uint64_t bytes,
		     void *at)
{
	struct kvm_userspace_memory_region region = {
		.slot = id, .flags = flags, .guest_phys_addr = gpa, .memory_size = bytes,
		.userspace_addr = (unsigned long)at,
	};

	CALL(m->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static void set_cpuid(struct machine *m)
{
	struct kvm_cpuid2 *cpuid;

	cpuid = calloc(1, sizeof(*cpuid) + CPUID_MAX * sizeof(cpuid->entries[0]));
	cpuid->nent = CPUID_MAX;
	CALL(m->kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
	/* The local APIC's, which is KVM's own: not in the list of what the processor has. */
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx |= CPUID_X2APIC | CPUID_TSC_DEADLINE;
	CALL(m->vcpu, KVM_SET_CPUID2, cpuid);
	free(cpuid);
}

static struct machine *create(const struct program *program, void *mem, uint64_t bytes)
{
	struct machine *m = calloc(1, sizeof(*m));

	m->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (m->kvm < 0)
		vmt_die(NULL, "/dev/kvm: %s", strerror(errno));
	m->vm = CALL(m->kvm, KVM_CREATE_VM, 0);
	m->ram = mmap(NULL, G_RAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (m->ram == MAP_FAILED)
		vmt_die(NULL, "no memory");
	memcpy(m->ram, program->ram, sizeof(program->ram));
	set_slot(m, 0, 0, 0, G_RAM_BYTES, m->ram);
	m->mem = mem;
	m->bytes = bytes;
	if (bytes)
		set_slot(m, 1, 0, GPA, bytes, mem);

	CALL(m->vm, KVM_CREATE_IRQCHIP, 0);
	m->vcpu = CALL(m->vm, KVM_CREATE_VCPU, 0);
	m->run_bytes = CALL(m->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	m->run = mmap(NULL, m->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
	if (m->run == MAP_FAILED)
		vmt_die(NULL, "no run page");
	set_cpuid(m);
	return m;
}

static struct kvm_segment segment(const struct svmm_segment *s)
{
	return (struct kvm_segment){
		.base = s->base, .limit = s->limit, .selector = s->selector,
		.type = s->attrib & 15, .s = s->attrib >> 4 & 1, .dpl = s->attrib >> 5 & 3,
		.present = s->attrib >> 7 & 1, .avl = s->attrib >> 8 & 1, .l = s->attrib >> 9 & 1,
		.db = s->attrib >> 10 & 1, .g = s->attrib >> 11 & 1,
	};
}

static void set_state(struct machine *m, const struct program *program, uint64_t bytes,
		      uint64_t number)
{
	const struct svmm_segs *seg = &program->page.seg;
	const struct svmm_crs *cr = &program->page.cr;
	struct kvm_regs regs = {
		.rip = program->page.gpr.rip, .rsp = program->page.gpr.rsp,
		.rflags = program->page.gpr.rflags,
		.rdi = GPA, .rsi = bytes, .rdx = number, .r8 = CONTROL(0),
	};
	struct kvm_sregs sregs;

	CALL(m->vcpu, KVM_GET_SREGS, &sregs);
	sregs.cs = segment(&seg->cs);
	sregs.ss = segment(&seg->ss);
	sregs.ds = segment(&seg->ds);
	sregs.es = segment(&seg->es);
	sregs.fs = segment(&seg->fs);
	sregs.gs = segment(&seg->gs);
	sregs.tr = segment(&seg->tr);
	sregs.ldt = segment(&seg->ldtr);
	sregs.gdt = (struct kvm_dtable){ .base = seg->gdt.base, .limit = seg->gdt.limit };
	sregs.idt = (struct kvm_dtable){ .base = seg->idt.base, .limit = seg->idt.limit };
	sregs.cr0 = cr->cr0;
	sregs.cr3 = cr->cr3;
	sregs.cr4 = cr->cr4;
	sregs.efer = cr->efer;
	CALL(m->vcpu, KVM_SET_SREGS, &sregs);
	CALL(m->vcpu, KVM_SET_REGS, &regs);
}

static void run(struct machine *m, const struct program *program, uint64_t bytes, uint64_t number)
{
	set_state(m, program, bytes, number);
	for (;;) {
		/* kvm_amd comes back when the host has something else for the thread to do. */
		if (ioctl(m->vcpu, KVM_RUN, 0)) {
			if (errno == EINTR)
				continue;
			vmt_die(NULL, "KVM_RUN: %s", strerror(errno));
		}
		if (m->run->exit_reason == KVM_EXIT_MMIO)
			continue;
		if (m->run->exit_reason != KVM_EXIT_IO)
			vmt_die(NULL, "KVM: exit reason %u", m->run->exit_reason);
		if (m->run->io.port == PORT_DONE)
			return;
		if (m->run->io.port == PORT_UNEXPECTED)
			vmt_die(NULL, "KVM: a fault, vector %u",
				*(uint8_t *)((char *)m->run + m->run->io.data_offset));
	}
}

static void bell(struct machine *m, int fd, bool memory)
{
	struct kvm_ioeventfd port = {
		.addr = PORT_BELL, .len = 1, .flags = KVM_IOEVENTFD_FLAG_PIO, .fd = fd,
	};
	struct kvm_ioeventfd address = { .addr = GPA, .fd = fd };

	CALL(m->vm, KVM_IOEVENTFD, memory ? &address : &port);
}

static void interrupt(struct machine *m, int fd)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routes = {
		.head.nr = 1,
		.entry = {
			.type = KVM_IRQ_ROUTING_MSI,
			.u.msi = { .address_lo = 0xfee00000, .data = VECTOR_BELL },
		},
	};
	struct kvm_irqfd arg = { .fd = fd };

	CALL(m->vm, KVM_SET_GSI_ROUTING, &routes);
	CALL(m->vm, KVM_IRQFD, &arg);
}

static void start_log(struct machine *m)
{
	set_slot(m, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, m->bytes, m->mem);
}

static void harvest(struct machine *m, uint64_t *bitmap)
{
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = bitmap };

	CALL(m->vm, KVM_GET_DIRTY_LOG, &log);
}

static void destroy(struct machine *m)
{
	munmap(m->run, m->run_bytes);
	close(m->vcpu);
	close(m->vm);
	close(m->kvm);
	munmap(m->ram, G_RAM_BYTES);
	free(m);
}

const struct hypervisor kvm_amd = {
	.name = "kvm_amd",
	.create = create,
	.run = run,
	.bell = bell,
	.interrupt = interrupt,
	.log = start_log,
	.harvest = harvest,
	.destroy = destroy,
};
