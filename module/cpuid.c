// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID: what a guest may have, what this guest's table says, and what the rest
 * of the module may conclude from it.
 *
 * It must not know how a feature is virtualized, only whether it is.  The one
 * trick: the host is asked once, when the module loads, so that neither an exit
 * nor an ioctl executes CPUID; an exit costs one look into an index.
 *
 * A feature is offered if its bit is in the masks below and the host has it, or
 * if it is emulated here.  Everything that is not named is not offered: SVM,
 * MONITOR, performance counters, IBS, LWP, HLE, RTM, PKU, CET, AMX, XSAVES, SEV
 * and whatever comes next.
 */
#include <linux/bsearch.h>
#include <linux/init.h>
#include <linux/kvm_para.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

#include "compat.h"
#include "core.h"
#include "trace.h"
#include "svm/svm.h"

#define F(name)			BIT(X86_FEATURE_##name & 31)

#define CPUID_EXT		0x80000000
#define CPUID_PV		0x40000000
#define CPUID_MAX_BASIC		0xd
#define CPUID_MAX_EXT		0x80000021
#define TSC_INVARIANT		BIT(8)		/* CPUID_EXT + 7, EDX */

/* Leaves that a table can have: from 0, 8000_0000h and 4000_0000h. */
#define NR_BASIC		64U
#define NR_EXT			64U
#define NR_PV			4U
#define NO_SLOT			(NR_BASIC + NR_EXT + NR_PV)

#define XCR0_SSE		(BIT_ULL(0) | BIT_ULL(1))
#define XCR0_AVX		BIT_ULL(2)
#define XCR0_AVX512		(BIT_ULL(5) | BIT_ULL(6) | BIT_ULL(7))
#define XSAVE_HEADER_END	576

/*
 * The policy: host features that a guest may see.
 */

/* Leaf 1 EDX; 8000_0001 EDX repeats those below bit 25 that AMD defines there. */
#define ALLOW_1_EDX	(F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) | F(MCE) | \
			 F(CX8) | F(APIC) | F(SEP) | F(MTRR) | F(PGE) | F(MCA) | F(CMOV) | \
			 F(PAT) | F(PSE36) | F(CLFLUSH) | F(MMX) | F(FXSR) | F(XMM) | F(XMM2))
#define ALLOW_1_ECX	(F(XMM3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) | F(PCID) | \
			 F(XMM4_1) | F(XMM4_2) | F(MOVBE) | F(POPCNT) | F(AES) | F(XSAVE) | \
			 F(AVX) | F(F16C) | F(RDRAND))
/* The local APIC and its timer are ours. */
#define EMULATE_1_ECX	(F(X2APIC) | F(TSC_DEADLINE_TIMER) | F(HYPERVISOR))
#define EMULATE_6_EAX	F(ARAT)

#define ALLOW_7_EBX	(F(FSGSBASE) | F(BMI1) | F(AVX2) | F(SMEP) | F(BMI2) | F(ERMS) | \
			 F(INVPCID) | F(AVX512F) | F(AVX512DQ) | F(RDSEED) | F(ADX) | F(SMAP) | \
			 F(AVX512IFMA) | F(CLFLUSHOPT) | F(CLWB) | F(AVX512CD) | F(SHA_NI) | \
			 F(AVX512BW) | F(AVX512VL))
#define ALLOW_7_ECX	(F(AVX512VBMI) | F(UMIP) | F(AVX512_VBMI2) | F(GFNI) | F(VAES) | \
			 F(VPCLMULQDQ) | F(AVX512_VNNI) | F(AVX512_BITALG) | \
			 F(AVX512_VPOPCNTDQ) | F(LA57) | F(RDPID) | F(MOVDIRI) | F(MOVDIR64B))
#define ALLOW_7_EDX	(F(FSRM) | F(AVX512_VP2INTERSECT))
/* FZRM, FSRS, FSRC (10 to 12), AVX_IFMA (23): some kernels have no names for them. */
#define ALLOW_7_1_EAX	(F(AVX_VNNI) | F(AVX512_BF16) | BIT(10) | BIT(11) | BIT(12) | BIT(23))
/* XSAVES (3) would bring IA32_XSS. */
#define ALLOW_D_1_EAX	(F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1))

#define ALLOW_E1_EDX	((ALLOW_1_EDX & 0x0183f3ff) | F(SYSCALL) | F(NX) | F(MMXEXT) | \
			 F(FXSR_OPT) | F(GBPAGES) | F(RDTSCP) | F(LM) | F(3DNOWEXT) | F(3DNOW))
#define ALLOW_E1_ECX	(F(LAHF_LM) | F(CR8_LEGACY) | F(ABM) | F(SSE4A) | F(MISALIGNSSE) | \
			 F(3DNOWPREFETCH) | F(OSVW) | F(XOP) | F(FMA4) | F(TBM) | F(TOPOEXT))
/* PSFD (28) is younger than some kernels' names. */
#define ALLOW_E8_EBX	(F(CLZERO) | F(XSAVEERPTR) | F(WBNOINVD) | F(AMD_IBPB) | F(AMD_IBRS) | \
			 F(AMD_STIBP) | F(AMD_STIBP_ALWAYS_ON) | F(AMD_SSBD) | F(AMD_SSB_NO) | \
			 BIT(28) | F(BTC_NO) | F(AMD_IBPB_RET))
/*
 * No nested data breakpoints (0), LFENCE always serializing (2), null selectors
 * clear the base (6), IBPB flushes branch types (28), not subject to SRSO (29, 30).
 */
#define ALLOW_E21_EAX	(BIT(0) | BIT(2) | BIT(6) | BIT(28) | BIT(29) | BIT(30))
/* No SMM_CTL MSR (9): there is no SMM. */
#define EMULATE_E21_EAX	BIT(9)

/* What must go when a part of the extended state is not there. */
#define XSAVE_1_ECX	F(XSAVE)
#define AVX_1_ECX	(F(AVX) | F(FMA) | F(F16C))
#define AVX_7_EBX	F(AVX2)
#define AVX_7_ECX	(F(VAES) | F(VPCLMULQDQ))
#define AVX_7_1_EAX	(F(AVX_VNNI) | BIT(23))
#define AVX_E1_ECX	(F(XOP) | F(FMA4) | F(TBM))
#define AVX512_7_EBX	(F(AVX512F) | F(AVX512DQ) | F(AVX512IFMA) | F(AVX512CD) | F(AVX512BW) | \
			 F(AVX512VL))
#define AVX512_7_ECX	(F(AVX512VBMI) | F(AVX512_VBMI2) | F(AVX512_VNNI) | F(AVX512_BITALG) | \
			 F(AVX512_VPOPCNTDQ))
#define AVX512_7_EDX	F(AVX512_VP2INTERSECT)
#define AVX512_7_1_EAX	F(AVX512_BF16)

/* The supported table; constant after cpuid_init(). */
static struct svmm_cpuid_entry host_table[SVMM_MAX_CPUID] __ro_after_init;
static unsigned int nr_host __ro_after_init;

/*
 * Building the supported table
 */

static struct svmm_cpuid_entry * __init host_new(u32 function, u32 index, u32 flags)
{
	struct svmm_cpuid_entry *e;

	/* The last entry is a scratch one: reaching it makes cpuid_init() fail. */
	e = &host_table[min_t(unsigned int, nr_host++, SVMM_MAX_CPUID - 1)];
	e->function = function;
	e->index = index;
	e->flags = flags;
	return e;
}

/* A leaf as the host has it; zeros if the host ends before it. */
static struct svmm_cpuid_entry * __init host_add(u32 function, u32 index, u32 flags)
{
	struct svmm_cpuid_entry *e = host_new(function, index, flags);

	if (function <= cpuid_eax(function & CPUID_EXT))
		cpuid_count(function, index, &e->eax, &e->ebx, &e->ecx, &e->edx);
	return e;
}

static void __init host_basic(u64 xcr0)
{
	struct svmm_cpuid_entry *e;

	e = host_add(0, 0, 0);
	e->eax = CPUID_MAX_BASIC;

	e = host_add(1, 0, 0);
	e->edx &= ALLOW_1_EDX;
	e->ecx = (e->ecx & ALLOW_1_ECX) | EMULATE_1_ECX;
	if (!xcr0)
		e->ecx &= ~XSAVE_1_ECX;
	if (!(xcr0 & XCR0_AVX))
		e->ecx &= ~AVX_1_ECX;
	e->edx |= F(APIC);
	e->ebx &= 0xff00;		/* CLFLUSH size; one logical processor, its APIC ID */

	e = host_new(6, 0, 0);
	e->eax = EMULATE_6_EAX;

	e = host_add(7, 0, SVMM_CPUID_SUBLEAF);
	e->eax = min_t(u32, e->eax, 1);
	e->ebx &= ALLOW_7_EBX;
	e->ecx &= ALLOW_7_ECX;
	e->edx &= ALLOW_7_EDX;
	if (!(xcr0 & XCR0_AVX)) {
		e->ebx &= ~AVX_7_EBX;
		e->ecx &= ~AVX_7_ECX;
	}
	if (!(xcr0 & XCR0_AVX512)) {
		e->ebx &= ~AVX512_7_EBX;
		e->ecx &= ~AVX512_7_ECX;
		e->edx &= ~AVX512_7_EDX;
	}
	if (e->eax) {
		e = host_add(7, 1, SVMM_CPUID_SUBLEAF);
		e->eax &= ALLOW_7_1_EAX;
		if (!(xcr0 & XCR0_AVX))
			e->eax &= ~AVX_7_1_EAX;
		if (!(xcr0 & XCR0_AVX512))
			e->eax &= ~AVX512_7_1_EAX;
		e->ebx = 0;
		e->ecx = 0;
		e->edx = 0;
	}
}

/* Each vCPU is a package of its own until user space says otherwise. */
static void __init host_topology(void)
{
	struct svmm_cpuid_entry *e;

	e = host_new(0xb, 0, SVMM_CPUID_SUBLEAF);
	e->ebx = 1;
	e->ecx = 1 << 8;		/* threads */
	e = host_new(0xb, 1, SVMM_CPUID_SUBLEAF);
	e->ebx = 1;
	e->ecx = 2 << 8 | 1;		/* cores */
}

static void __init host_xsave(u64 xcr0)
{
	struct svmm_cpuid_entry *e;
	unsigned int i;
	u32 size = XSAVE_HEADER_END;
	u32 d1;

	if (!xcr0)
		return;
	e = host_new(0xd, 0, SVMM_CPUID_SUBLEAF);
	e->eax = xcr0;
	e->edx = xcr0 >> 32;

	d1 = host_add(0xd, 1, SVMM_CPUID_SUBLEAF)->eax & ALLOW_D_1_EAX;
	host_table[nr_host - 1] = (struct svmm_cpuid_entry) {
		.function = 0xd, .index = 1, .flags = SVMM_CPUID_SUBLEAF, .eax = d1,
	};
	for (i = 2; i < 63; i++) {
		struct svmm_cpuid_entry *sub;

		if (!(xcr0 & BIT_ULL(i)))
			continue;
		sub = host_add(0xd, i, SVMM_CPUID_SUBLEAF);
		sub->ecx &= BIT(1);	/* aligned in the compact form; a user state */
		sub->edx = 0;
		size = max(size, sub->eax + sub->ebx);
	}
	e->ebx = size;
	e->ecx = size;
}

static void __init host_pv(void)
{
	struct svmm_cpuid_entry *e;

	e = host_new(CPUID_PV, 0, 0);
	e->eax = CPUID_PV + 1;
	e->ebx = 0x4b4d564b;		/* "KVMKVMKVM\0\0\0" */
	e->ecx = 0x564b4d56;
	e->edx = 0x0000004d;

	e = host_new(CPUID_PV + 1, 0, 0);
	e->eax = pv_supported();
}

static void __init host_cache_topology(void)
{
	struct svmm_cpuid_entry *e;
	u32 i;

	for (i = 0; i < 8; i++) {
		e = host_add(0x8000001d, i, SVMM_CPUID_SUBLEAF);
		e->eax &= ~(0xfffU << 14);	/* shared with nobody */
		if (!(e->eax & 0x1f))
			break;
	}
	host_new(0x8000001e, 0, 0);	/* one thread per core, one node */
}

static void __init host_ext(u64 xcr0, u32 phys_bits)
{
	struct svmm_cpuid_entry *e;
	bool topoext;
	u32 i;

	e = host_add(CPUID_EXT, 0, 0);
	e->eax = CPUID_MAX_EXT;

	e = host_add(CPUID_EXT + 1, 0, 0);
	e->edx &= ALLOW_E1_EDX;
	e->edx |= F(APIC);
	e->ecx &= ALLOW_E1_ECX;
	if (!(xcr0 & XCR0_AVX))
		e->ecx &= ~AVX_E1_ECX;
	topoext = e->ecx & F(TOPOEXT);

	/* Brand string, caches and TLBs. */
	for (i = 2; i <= 6; i++)
		host_add(CPUID_EXT + i, 0, 0);

	e = host_new(CPUID_EXT + 7, 0, 0);
	if (pv_clock_stable())
		e->edx = TSC_INVARIANT;

	e = host_add(CPUID_EXT + 8, 0, 0);
	e->eax = phys_bits | (cpuid_ecx(7) & F(LA57) && cpuid_eax(0) >= 7 ? 57 : 48) << 8;
	e->ebx &= ALLOW_E8_EBX;
	e->ecx = 0;
	e->edx = 0;

	host_add(0x80000019, 0, 0);	/* TLB entries for 1 GiB pages */
	host_add(0x8000001a, 0, 0);	/* performance hints */
	if (topoext)
		host_cache_topology();

	e = host_add(0x80000021, 0, 0);
	e->eax = (e->eax & ALLOW_E21_EAX) | EMULATE_E21_EAX;
	e->ebx = 0;
	e->ecx = 0;
	e->edx = 0;
}

static int cpuid_cmp(const void *pa, const void *pb)
{
	const struct svmm_cpuid_entry *a = pa, *b = pb;

	if (a->function != b->function)
		return a->function < b->function ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

/**
 * cpuid_init() - ask the host what it has
 *
 * After svm_init().  Return: 0, or -E2BIG if the table cannot hold it.
 */
int __init cpuid_init(void)
{
	struct svmm_caps caps = {};

	svm_fill_caps(&caps);
	host_basic(caps.xcr0);
	host_topology();
	host_xsave(caps.xcr0);
	host_ext(caps.xcr0, caps.phys_bits);
	host_pv();
	if (nr_host >= SVMM_MAX_CPUID)
		return -E2BIG;
	sort(host_table, nr_host, sizeof(host_table[0]), cpuid_cmp, NULL);
	return 0;
}

/* The host found its TSC unreliable since: nothing begins to rely on it any more. */
static void cpuid_clocks(struct svmm_cpuid_entry *table, unsigned int nr)
{
	unsigned int i;

	if (pv_clock_stable())
		return;
	for (i = 0; i < nr; i++) {
		if (table[i].function == CPUID_EXT + 7)
			table[i].edx &= ~TSC_INVARIANT;
		else if (table[i].function == CPUID_PV + 1)
			table[i].eax &= ~BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT);
	}
}

/**
 * cpuid_supported() - the table that a guest on this host can have
 * @table: filled, sorted by function and index
 * @room: entries that fit
 *
 * Return: how many there are, or -E2BIG.
 */
int cpuid_supported(struct svmm_cpuid_entry *table, unsigned int room)
{
	if (room < nr_host)
		return -E2BIG;
	memcpy(table, host_table, nr_host * sizeof(*table));
	cpuid_clocks(table, nr_host);
	return nr_host;
}

/*
 * A guest's table
 */

/* An entry's registers by name; those that both the guest's table and the host have. */
static struct svmm_cpuid_entry cpuid_both(const struct vcpu *vcpu, u32 function)
{
	const struct svmm_cpuid_entry key = { .function = function };
	const struct svmm_cpuid_entry *guest, *host;
	struct svmm_cpuid_entry both = key;

	guest = bsearch(&key, vcpu->cpuid, vcpu->nr_cpuid, sizeof(key), cpuid_cmp);
	host = bsearch(&key, host_table, nr_host, sizeof(key), cpuid_cmp);
	if (guest && host) {
		both.eax = guest->eax & host->eax;
		both.ebx = guest->ebx & host->ebx;
		both.ecx = guest->ecx & host->ecx;
		both.edx = guest->edx & host->edx;
	}
	return both;
}

static u64 cpuid_cr4_allowed(const struct svmm_cpuid_entry *l1, const struct svmm_cpuid_entry *l7)
{
	u64 cr4 = X86_CR4_PCE;

	cr4 |= l1->edx & F(VME) ? X86_CR4_VME | X86_CR4_PVI : 0;
	cr4 |= l1->edx & F(TSC) ? X86_CR4_TSD : 0;
	cr4 |= l1->edx & F(DE) ? X86_CR4_DE : 0;
	cr4 |= l1->edx & F(PSE) ? X86_CR4_PSE : 0;
	cr4 |= l1->edx & F(PAE) ? X86_CR4_PAE : 0;
	cr4 |= l1->edx & F(MCE) ? X86_CR4_MCE : 0;
	cr4 |= l1->edx & F(PGE) ? X86_CR4_PGE : 0;
	cr4 |= l1->edx & F(FXSR) ? X86_CR4_OSFXSR : 0;
	cr4 |= l1->edx & F(XMM) ? X86_CR4_OSXMMEXCPT : 0;
	cr4 |= l1->ecx & F(PCID) ? X86_CR4_PCIDE : 0;
	cr4 |= l1->ecx & F(XSAVE) ? X86_CR4_OSXSAVE : 0;
	cr4 |= l7->ebx & F(FSGSBASE) ? X86_CR4_FSGSBASE : 0;
	cr4 |= l7->ebx & F(SMEP) ? X86_CR4_SMEP : 0;
	cr4 |= l7->ebx & F(SMAP) ? X86_CR4_SMAP : 0;
	cr4 |= l7->ecx & F(UMIP) ? X86_CR4_UMIP : 0;
	cr4 |= l7->ecx & F(LA57) ? X86_CR4_LA57 : 0;
	return cr4;
}

/* SPEC_CTRL's bits and the CPUID bits that announce them (APM vol. 2, 3.2.9). */
static u64 cpuid_spec_ctrl_allowed(const struct svmm_cpuid_entry *e8)
{
	u64 allowed = 0;

	allowed |= e8->ebx & F(AMD_IBRS) ? BIT(0) : 0;
	allowed |= e8->ebx & F(AMD_STIBP) ? BIT(1) : 0;
	allowed |= e8->ebx & F(AMD_SSBD) ? BIT(2) : 0;
	allowed |= e8->ebx & BIT(28) ? BIT(7) : 0;	/* PSFD */
	return allowed;
}

/* XCR0 in usable pieces: AVX-512 is three bits and wants AVX (APM vol. 2, 11.5.2). */
static u64 cpuid_xcr0_allowed(const struct svmm_cpuid_entry *l1, const struct svmm_cpuid_entry *d0)
{
	u64 xcr0 = d0->eax | (u64)d0->edx << 32;

	if (!(l1->ecx & F(XSAVE)) || (xcr0 & XCR0_SSE) != XCR0_SSE)
		return 0;
	if (!(xcr0 & XCR0_AVX) || (xcr0 & XCR0_AVX512) != XCR0_AVX512)
		xcr0 &= ~XCR0_AVX512;
	return xcr0;
}

static u8 cpuid_phys_bits(const struct vcpu *vcpu)
{
	const struct svmm_cpuid_entry key = { .function = CPUID_EXT + 8 };
	const struct svmm_cpuid_entry *guest, *host;
	u8 bits;

	guest = bsearch(&key, vcpu->cpuid, vcpu->nr_cpuid, sizeof(key), cpuid_cmp);
	host = bsearch(&key, host_table, nr_host, sizeof(key), cpuid_cmp);
	bits = guest ? guest->eax & 0xff : 0;
	/* Without the leaf it is 36 (APM vol. 3, appendix E.4.7). */
	return clamp_t(u8, bits ?: 36, 32, host->eax & 0xff);
}

/*
 * The table may say anything; what the guest may do follows from the features
 * that it shows and that are supported.
 */
static void cpuid_derive(struct vcpu *vcpu)
{
	const struct svmm_cpuid_entry l1 = cpuid_both(vcpu, 1);
	const struct svmm_cpuid_entry l7 = cpuid_both(vcpu, 7);
	const struct svmm_cpuid_entry d0 = cpuid_both(vcpu, 0xd);
	const struct svmm_cpuid_entry e1 = cpuid_both(vcpu, CPUID_EXT + 1);
	const struct svmm_cpuid_entry e8 = cpuid_both(vcpu, CPUID_EXT + 8);
	const struct svmm_cpuid_entry pv = cpuid_both(vcpu, CPUID_PV + 1);
	struct cpuid_policy *policy = &vcpu->policy;

	*policy = (struct cpuid_policy) {
		.cr4_allowed = cpuid_cr4_allowed(&l1, &l7),
		.xcr0_allowed = cpuid_xcr0_allowed(&l1, &d0),
		.spec_ctrl_allowed = cpuid_spec_ctrl_allowed(&e8),
		.phys_bits = cpuid_phys_bits(vcpu),
		.linear_bits = l7.ecx & F(LA57) ? 57 : 48,
		.x2apic = l1.ecx & F(X2APIC),
		.tsc_deadline = l1.ecx & F(TSC_DEADLINE_TIMER),
		.rdtscp = e1.edx & F(RDTSCP),
		.rdpid = l7.ecx & F(RDPID),
		.page_1g = e1.edx & F(GBPAGES),
		.ibpb = e8.ebx & (F(AMD_IBPB) | F(AMD_IBRS)),
		.pv = pv.eax,
	};
	policy->spec_ctrl = policy->spec_ctrl_allowed;
	policy->efer_allowed |= e1.edx & F(SYSCALL) ? EFER_SCE : 0;
	policy->efer_allowed |= e1.edx & F(LM) ? EFER_LME | EFER_LMA : 0;
	policy->efer_allowed |= e1.edx & F(NX) ? EFER_NX : 0;
	policy->efer_allowed |= e1.edx & F(FXSR_OPT) ? EFER_FFXSR : 0;
	if (!policy->xcr0_allowed)
		policy->cr4_allowed &= ~(u64)X86_CR4_OSXSAVE;
}

/* In flags of vcpu->cpuid, and nowhere else: cpuid_execute() has a case for that leaf. */
#define CPUID_LIVE	BIT(31)
static bool cpuid_is_live(u32 leaf)
{
	return leaf == 1 || leaf == 0xb || leaf == 0xd || leaf == CPUID_EXT + 1 ||
	       leaf == CPUID_EXT + 0x1e;
}

/*
 * The place of a leaf in vcpu->cpuid_first; NO_SLOT, where 0 is, if a table cannot have it.  Guests
 * choose @function: whatever is speculated, the array has the place.
 */
static __always_inline u8 cpuid_slot(u32 function)
{
	u32 slot = NO_SLOT;

	if (function < NR_BASIC)
		slot = function;
	else if (function - CPUID_EXT < NR_EXT)
		slot = NR_BASIC + function - CPUID_EXT;
	else if (function - CPUID_PV < NR_PV)
		slot = NR_BASIC + NR_EXT + function - CPUID_PV;
	OPTIMIZER_HIDE_VAR(slot);
	return slot;
}

static int cpuid_check(struct vcpu *vcpu, const struct svmm_cpuid_entry *table, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		const struct svmm_cpuid_entry *e = &table[i];

		if (e->flags & ~SVMM_CPUID_SUBLEAF || e->reserved)
			return -EINVAL;
		if (!(e->flags & SVMM_CPUID_SUBLEAF) && e->index)
			return -EINVAL;
		if (cpuid_slot(e->function) == NO_SLOT)
			return -EINVAL;
		if (!i || e->function != e[-1].function)
			continue;
		/* Sorted: a second entry of a leaf is a subleaf, and so is the first. */
		if (e->index == e[-1].index || !(e->flags & e[-1].flags & SVMM_CPUID_SUBLEAF))
			return -EINVAL;
	}
	return 0;
}

/**
 * cpuid_set() - give the guest a CPUID table
 * @vcpu: has not run yet
 * @table: its copy, from kmalloc or kvmalloc; taken over, and freed on error.
 *	NULL: the supported table
 * @nr: entries, at most SVMM_MAX_CPUID
 *
 * A table may show what it likes, but a feature that is not supported opens
 * nothing: vcpu->policy is derived from what both tables have.
 *
 * Return: 0; -EINVAL: an unknown flag, an index without the subleaf flag, a
 * leaf outside 0-3Fh, 4000_0000h-4000_0003h and 8000_0000h-8000_003Fh, or the
 * same leaf twice; -ENOMEM.  Process context, vcpu->mutex held.
 */
int cpuid_set(struct vcpu *vcpu, struct svmm_cpuid_entry *table, unsigned int nr)
{
	unsigned int i;
	int ret;

	if (!table) {
		nr = nr_host;
		table = kmemdup(host_table, nr * sizeof(*table), GFP_KERNEL_ACCOUNT);
		if (!table)
			return -ENOMEM;
		cpuid_clocks(table, nr);
	}
	ret = -EINVAL;
	if (nr > SVMM_MAX_CPUID)
		goto err;
	sort(table, nr, sizeof(*table), cpuid_cmp, NULL);
	ret = cpuid_check(vcpu, table, nr);
	if (ret)
		goto err;

	cpuid_free(vcpu);
	vcpu->cpuid = table;
	vcpu->nr_cpuid = nr;
	for (i = 0; i < nr; i++) {
		if (!i || table[i].function != table[i - 1].function)
			vcpu->cpuid_first[cpuid_slot(table[i].function)] = i + 1;
		table[i].flags |= cpuid_is_live(table[i].function) ? CPUID_LIVE : 0;
	}
	cpuid_derive(vcpu);
	return 0;

err:
	kvfree(table);
	return ret;
}

/* The vCPU goes, or gets another table. */
void cpuid_free(struct vcpu *vcpu)
{
	kvfree(vcpu->cpuid);
	vcpu->cpuid = NULL;
	vcpu->nr_cpuid = 0;
	memset(vcpu->cpuid_first, 0, sizeof(vcpu->cpuid_first));
}

/*
 * CPUID in the guest
 */

static const struct svmm_cpuid_entry *cpuid_find(struct vcpu *vcpu, u32 function, u32 index)
{
	const struct svmm_cpuid_entry *end = vcpu->cpuid + vcpu->nr_cpuid;
	unsigned int first = vcpu->cpuid_first[cpuid_slot(function)];
	const struct svmm_cpuid_entry *e = vcpu->cpuid + first - 1;

	if (!first)
		return NULL;
	if (!(e->flags & SVMM_CPUID_SUBLEAF))
		return e;
	for (; e < end && e->function == function; e++) {
		if (e->index == index)
			return e;
	}
	return NULL;
}

/* Bytes that XSAVE (or XSAVEC) needs for what XCR0 enables now (APM vol. 3, appendix E.4.10). */
static u32 cpuid_xsave_bytes(struct vcpu *vcpu, bool compact)
{
	const struct svmm_cpuid_entry *e, *end = vcpu->cpuid + vcpu->nr_cpuid;
	u32 bytes = XSAVE_HEADER_END;

	e = cpuid_find(vcpu, 0xd, 0);
	for (; e && e < end && e->function == 0xd; e++) {
		if (e->index < 2 || e->index > 62 || !(vcpu->xcr0 & BIT_ULL(e->index)))
			continue;
		if (!compact)
			bytes = max(bytes, e->eax + e->ebx);
		else
			bytes = (e->ecx & BIT(1) ? ALIGN(bytes, 64) : bytes) + e->eax;
	}
	return bytes;
}

/* A leaf that follows the vCPU's state or is the vCPU's own, has subleaves, or is not there. */
static noinline void cpuid_execute_live(struct vcpu *vcpu, u32 function, u32 index)
{
	const struct svmm_cpuid_entry *e = cpuid_find(vcpu, function, index);
	u32 eax = 0, ebx = 0, ecx = 0, edx = 0;

	if (e) {
		eax = e->eax;
		ebx = e->ebx;
		ecx = e->ecx;
		edx = e->edx;
	}

	switch (function) {
	case 1:
		ebx = (ebx & 0x00ffffff) | vcpu->id << 24;
		ecx &= ~F(OSXSAVE);
		if (!lapic_is_on(vcpu))
			edx &= ~F(APIC);
		if (svm_get_cr4(vcpu) & X86_CR4_OSXSAVE)
			ecx |= F(OSXSAVE);
		break;
	case 0xb:
		/* Beyond the last level: the input's number, type 0. */
		if (!vcpu->cpuid_first[0xb])
			break;
		if (!e)
			ecx = index & 0xff;
		edx = vcpu->id;
		break;
	case 0xd:
		svm_sync_xcr0(vcpu);
		if (e && index == 0)
			ebx = cpuid_xsave_bytes(vcpu, false);
		else if (e && index == 1 && eax & F(XSAVEC))
			ebx = cpuid_xsave_bytes(vcpu, true);
		break;
	case CPUID_EXT + 1:
		if (!lapic_is_on(vcpu))
			edx &= ~F(APIC);
		break;
	case 0x8000001e:
		if (e)
			eax = vcpu->id;
		break;
	}

	vcpu->regs[X86_RAX] = eax;
	vcpu->regs[X86_RBX] = ebx;
	vcpu->regs[X86_RCX] = ecx;
	vcpu->regs[X86_RDX] = edx;
	trace_svmm_cpuid(vcpu, function, index, e);
}

/**
 * cpuid_execute() - the CPUID instruction
 * @vcpu: in the window
 *
 * A leaf that the table lacks reads as zeros (AMD has no "last leaf" rule).
 * What follows the vCPU's state or is the vCPU's own is put in here: OSXSAVE,
 * the size of the enabled state, the APIC ID, whether the APIC is on.
 */
void cpuid_execute(struct vcpu *vcpu)
{
	u32 function = vcpu->regs[X86_RAX], index = vcpu->regs[X86_RCX];
	unsigned int first = vcpu->cpuid_first[cpuid_slot(function)];
	const struct svmm_cpuid_entry *e = vcpu->cpuid + first - 1;

	if (unlikely(!first) || unlikely(e->flags)) {
		cpuid_execute_live(vcpu, function, index);
		return;
	}
	vcpu->regs[X86_RAX] = e->eax;
	vcpu->regs[X86_RBX] = e->ebx;
	vcpu->regs[X86_RCX] = e->ecx;
	vcpu->regs[X86_RDX] = e->edx;
	trace_svmm_cpuid(vcpu, function, index, true);
}
