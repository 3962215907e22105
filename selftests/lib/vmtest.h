/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmtest: a virtual machine for tests. It owns the VM, its 4 MiB of memory,
 * the start states of all CPU modes and the run loop; what a guest does and
 * what it means belong to the test.
 *
 * A guest program (guests/NAME.S) has many named entry points. It talks through
 * three ports (layout.h), everything else goes to the test's callbacks. Every
 * failure of the machinery ends the process with what the guest last did, and
 * so does a deadline: a test has no error handling but its own assertions.
 */
#ifndef SELFTESTS_VMTEST_H
#define SELFTESTS_VMTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../userspace/libsvmm.h"
#include "layout.h"

#define PAGE_SIZE	4096UL
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif
#define VMT_DEADLINE_S	25	/* of a test; SLOWDOWN (scripts/amdhost) times it on a slow host */
#ifdef TEST_TIMEOUT_DEFAULT
/* The harness's own deadline says less than ours, and knows no slow hosts: it comes last. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300
#endif

/* Vectors. */
enum {
	V_DE = 0, V_DB, V_NMI, V_BP, V_OF, V_BR, V_UD, V_NM, V_DF, V_TS = 10, V_NP, V_SS, V_GP,
	V_PF, V_MF = 16, V_AC
};

/* Bits that several tests need. */
#define CR0_PE		(1ULL << 0)
#define CR0_TS		(1ULL << 3)
#define CR0_ET		(1ULL << 4)
#define CR0_NE		(1ULL << 5)
#define CR0_WP		(1ULL << 16)
#define CR0_AM		(1ULL << 18)
#define CR0_NW		(1ULL << 29)
#define CR0_CD		(1ULL << 30)
#define CR0_PG		(1ULL << 31)
#define CR4_PSE		(1ULL << 4)
#define CR4_PAE		(1ULL << 5)
#define CR4_PGE		(1ULL << 7)
#define CR4_OSFXSR	(1ULL << 9)
#define CR4_OSXSAVE	(1ULL << 18)
#define EFER_SCE	(1ULL << 0)
#define EFER_LME	(1ULL << 8)
#define EFER_LMA	(1ULL << 10)
#define EFER_NXE	(1ULL << 11)
#define EFER_SVME	(1ULL << 12)
#define RFLAGS_FIXED	(1ULL << 1)
#define RFLAGS_TF	(1ULL << 8)
#define RFLAGS_IF	(1ULL << 9)
#define MSR_EFER	0xc0000080u

/* VMCB exit codes (APM vol. 2, appendix C). */
#define VMEXIT_INTR	0x60
#define VMEXIT_NMI	0x61
#define VMEXIT_CPUID	0x72
#define VMEXIT_NPF	0x400

/* vmt_run(): beside the values of enum svmm_exit_reason */
enum vmt_event {
	VMT_REPORT = 0x100,	/* the guest's REPORT; vmt->report */
	VMT_DONE,		/* its DONE; vmt->report is its value */
	VMT_UNEXPECTED,		/* a fault nobody expected; vmt->report is its vector */
	VMT_DEAD,		/* RUN gave -EIO */
};

struct vmt;

/* One SVMM_EXIT_IO. */
struct vmt_io {
	uint16_t port;
	bool in;
	unsigned int bytes;
	unsigned int count;
	void *data;
};

/* One SVMM_EXIT_MMIO; @data is to be filled in for a read. */
struct vmt_mmio {
	uint64_t gpa;
	bool write;
	unsigned int bytes;
	uint8_t *data;
};

struct vmt {
	int svmm, vm, vcpu;
	struct svmm_caps caps;
	struct svmm_vcpu_page *page;
	struct svmm_lapic *lapic;
	void *xsave;
	uint8_t *ram;

	/* Callbacks; without one vmt_run() returns the exit. */
	void (*on_io)(struct vmt *v, struct vmt_io *io);
	void (*on_mmio)(struct vmt *v, struct vmt_mmio *mmio);
	void *arg;

	uint32_t report;
	unsigned int nr_reports;
	uint32_t last_reports[8];
	const char *guest, *entry;
	uint8_t image[0x8000];
	size_t image_bytes;
};

/* A VM with memory at 0 and one vCPU that has all supported CPUID features. */
void vmt_open(struct vmt *v);
/* One more vCPU of @first's VM, with its memory and its guest program. */
void vmt_open_vcpu(struct vmt *v, const struct vmt *first, uint32_t id);
void vmt_close(struct vmt *v);

/* A VM without vCPU, memory or CPUID, for tests of the ABI; a unique name is made up. */
int vmt_bare_vm(int svmm);

/* Before the first run: the guest's CPUID loses a KVM_FEATURE_* bit.  0 or -errno. */
int vmt_hide_pv(struct vmt *v, unsigned int feature);

/* Load guests/@guest.bin; then put the vCPU at entry point @entry. */
void vmt_load(struct vmt *v, const char *guest);
void vmt_start(struct vmt *v, const char *entry);
/* vmt_open(), vmt_load(), vmt_start() */
void vmt_boot(struct vmt *v, const char *guest, const char *entry);

/* Run until something happens that neither vmtest nor a callback deals with. */
int vmt_run(struct vmt *v);
/* Run to the next REPORT and return it; anything else ends the test. */
uint32_t vmt_report(struct vmt *v);
/* Run to DONE; anything else ends the test. */
void vmt_done(struct vmt *v);
/* One of the calls above for a server guest: arguments, run, its report. */
uint32_t vmt_call(struct vmt *v, uint64_t arg0, uint64_t arg1, uint64_t arg2);

/* Publish groups of state, or fail. */
void vmt_get(struct vmt *v, uint32_t groups);

/* How often the vCPU left with a VMCB exit code; all exits but INTR and NMI. */
uint64_t vmt_exits(struct vmt *v, uint64_t code);
uint64_t vmt_exits_but_host(struct vmt *v);

/* What the guest last did, on stderr; and then the end. */
void vmt_dump(struct vmt *v);
void vmt_die(struct vmt *v, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* From now on a signal every @ms makes the calling thread's RUN return -EINTR. */
void vmt_tick(unsigned int ms);

/* The host's CPU is QEMU's software emulation, not silicon. */
bool vmt_emulated_host(void);

/* Move the calling thread to one of the CPUs that the test may use: the @n-th, round and round. */
void vmt_pin(unsigned int n);

/* How many times slower than others this host is taken to be: 1, or as scripts/amdhost says. */
unsigned int vmt_slowdown(void);

/* The deadline of the whole process, for tests that have no vmt; longer on a slow host. */
void vmt_deadline(unsigned int seconds);

#define vmt_u8(v, gpa)	((volatile uint8_t *)((v)->ram + (gpa)))
#define vmt_u16(v, gpa)	((volatile uint16_t *)((v)->ram + (gpa)))
#define vmt_u32(v, gpa)	((volatile uint32_t *)((v)->ram + (gpa)))
#define vmt_u64(v, gpa)	((volatile uint64_t *)((v)->ram + (gpa)))
#define vmt_arg(v, n)	(*vmt_u64(v, G_ARG + 8 * (n)))
#define vmt_res(v, n)	(*vmt_u64(v, G_RES + 8 * (n)))
#define vmt_count(v, vector) (*vmt_u32(v, G_COUNTS + 4 * (vector)))

#endif
