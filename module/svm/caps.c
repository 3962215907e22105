// SPDX-License-Identifier: GPL-2.0
/*
 * What this machine's SVM can do: CPUID 8000_000A, VM_CR, EFER, and the module parameters. See
 * caps.h. CPUID is asked raw, since kernels differ in what they hide when firmware turned SVM off.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mem_encrypt.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/processor.h>
#include <asm/tsc.h>

#include "../compat.h"
#include "caps.h"

#define CPUID_SVM		BIT(2)		/* 8000_0001 ECX */
#define CPUID_GBPAGES		BIT(26)		/* 8000_0001 EDX */
#define VM_CR			0xc0010114
#define VM_CR_LOCK		BIT_ULL(3)
#define VM_CR_SVMDIS		BIT_ULL(4)

#define FXSAVE_BYTES		sizeof(struct fxregs_state)

/* Guest-physical addresses that four levels of nested page table reach. */
#define NPT_BITS		48

struct svm_caps svm __ro_after_init;

#define FEATURE_PARAM(name, text)						\
	static bool name = true;						\
	module_param(name, bool, 0444);						\
	MODULE_PARM_DESC(name, text " (default: on, if the CPU has it)")

FEATURE_PARAM(nrips, "take the next RIP from the VMCB");
FEATURE_PARAM(cleanbits, "let the CPU keep unchanged VMCB fields");
FEATURE_PARAM(flushbyasid, "flush single ASIDs");
FEATURE_PARAM(decodeassists, "take instruction bytes and operands from the VMCB");
FEATURE_PARAM(pausefilter, "count PAUSE loops in the CPU");
FEATURE_PARAM(vgif, "virtual GIF");
FEATURE_PARAM(vspecctrl, "let VMRUN switch SPEC_CTRL");
FEATURE_PARAM(tscscale, "let guests have a TSC of another rate");
FEATURE_PARAM(vnmi, "let the CPU keep NMIs pending and masked");
FEATURE_PARAM(xsave, "XSAVE for guests; off, they have FXSAVE only");
FEATURE_PARAM(gbpages, "1 GiB nested pages");

static unsigned int max_asids;
module_param(max_asids, uint, 0444);
MODULE_PARM_DESC(max_asids, "most ASIDs to use for guests on a CPU (default: 0, all)");

static bool clean_debug;
module_param(clean_debug, bool, 0444);
MODULE_PARM_DESC(clean_debug, "verify clean bits before each VMRUN (default: off, slow)");

/* The features that are used. What is not here is never on, and vmcb_check() rejects it. */
static const struct {
	u32 bit;
	const char *name;
	const bool *wanted;
} features[] = {
	{ SVM_FEATURE_NPT, "NPT", NULL },
	{ SVM_FEATURE_NRIPS, "NRIPS", &nrips },
	{ SVM_FEATURE_CLEANBITS, "clean bits", &cleanbits },
	{ SVM_FEATURE_FLUSHBYASID, "FlushByASID", &flushbyasid },
	{ SVM_FEATURE_DECODEASSISTS, "DecodeAssists", &decodeassists },
	{ SVM_FEATURE_PAUSEFILTER, "pause filter", &pausefilter },
	{ SVM_FEATURE_VGIF, "vGIF", &vgif },
	{ SVM_FEATURE_SPEC_CTRL, "virtual SPEC_CTRL", &vspecctrl },
	{ SVM_FEATURE_TSCRATEMSR, "TSC scaling", &tscscale },
	{ SVM_FEATURE_VNMI, "virtual NMI", &vnmi },
};

static u32 used_features(u32 cpu)
{
	u32 used = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (!features[i].wanted || *features[i].wanted)
			used |= features[i].bit;
	return used & cpu;
}

/* CPUID leaf Dh gives each component's place in the standard format; the first two are fixed. */
static void find_xstate(struct svm_caps *caps)
{
	u32 size, ecx, edx;
	unsigned int i;

	caps->xsave_bytes = FXSAVE_BYTES + sizeof(struct xstate_header);
	for (i = XFEATURE_YMM; i < ARRAY_SIZE(caps->xstate); i++) {
		if (!(caps->xcr0 & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &size, &caps->xstate[i], &ecx, &edx);
		caps->xsave_bytes = max(caps->xsave_bytes, caps->xstate[i] + size);
	}
}

/*
 * XCR0 for guests is x87, SSE, AVX and AVX-512 as far as the host has them. The rest stays out:
 * PKRU is live outside the FPU image, CET and AMX need more than their XSAVE component.
 */
static void init_xsave(struct svm_caps *caps)
{
	const u64 avx512 = XFEATURE_MASK_OPMASK | XFEATURE_MASK_ZMM_Hi256 |
			   XFEATURE_MASK_Hi16_ZMM;

	caps->xsave_bytes = FXSAVE_BYTES;
	if (!boot_cpu_has(X86_FEATURE_OSXSAVE))
		return;
	caps->host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (!xsave)
		return;
	caps->xsave = true;
	caps->xcr0 = caps->host_xcr0 & (XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM);
	if ((caps->host_xcr0 & avx512) == avx512 && (caps->xcr0 & XFEATURE_MASK_YMM))
		caps->xcr0 |= avx512;
	find_xstate(caps);
}

/* What a guest's CR4 and EFER may hold on this CPU at the most; policy elsewhere may want less. */
static void init_limits(struct svm_caps *caps)
{
	struct vmcb_limits *lim = &caps->limits;
	u64 cr4 = X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | X86_CR4_PAE |
		  X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	u64 efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_SVME;

	/* The processor's own word, as in cpuid.c: the host may not use a feature itself. */
	if (cpuid_eax(0) >= 7) {
		u32 ebx = cpuid_ebx(7), ecx = cpuid_ecx(7);

		cr4 |= ecx & BIT(2) ? X86_CR4_UMIP : 0;
		cr4 |= ecx & BIT(16) ? X86_CR4_LA57 : 0;
		cr4 |= ebx & BIT(0) ? X86_CR4_FSGSBASE : 0;
		cr4 |= ebx & BIT(7) ? X86_CR4_SMEP : 0;
		cr4 |= ebx & BIT(20) ? X86_CR4_SMAP : 0;
	}
	if (cpuid_ecx(1) & BIT(17))
		cr4 |= X86_CR4_PCIDE;
	if (caps->xsave)
		cr4 |= X86_CR4_OSXSAVE;
	if (boot_cpu_has(X86_FEATURE_NX))
		efer |= EFER_NX;
	if (boot_cpu_has(X86_FEATURE_FXSR_OPT))
		efer |= EFER_FFXSR;

	lim->nr_asids = caps->nr_asids;
	lim->features = caps->features;
	lim->phys_mask = GENMASK_ULL(caps->phys_bits - 1, 0) | caps->sme_mask;
	lim->guest_phys_mask = GENMASK_ULL(caps->guest_phys_bits - 1, 0);
	lim->efer_reserved = ~efer;
	lim->cr4_reserved = ~cr4;
}

static void svme_is_set(void *found)
{
	u64 efer;

	rdmsrq(MSR_EFER, efer);
	if (efer & EFER_SVME)
		WRITE_ONCE(*(bool *)found, true);
}

/* Why there can be no guests, or 0. */
static int find_obstacle(u32 cpu_features)
{
	bool busy = false;
	u64 vm_cr = 0;

	if (cpuid_eax(0x80000000) < 0x8000000a || !(cpuid_ecx(0x80000001) & CPUID_SVM)) {
		pr_err("this CPU has no SVM (AMD-V)\n");
		return -ENODEV;
	}
	rdmsrq_safe(VM_CR, &vm_cr);
	if (vm_cr & VM_CR_SVMDIS) {
		pr_err("SVM is disabled by firmware (VM_CR.SVMDIS=1%s); enable \"SVM Mode\" in the BIOS setup%s\n",
		       vm_cr & VM_CR_LOCK ? ", locked" : "",
		       cpu_features & SVM_FEATURE_SVML ? ", or unlock it with its key" : "");
		return -ENODEV;
	}
	if (!(cpu_features & SVM_FEATURE_NPT)) {
		pr_err("this CPU has SVM, but no nested paging\n");
		return -ENODEV;
	}
	if (cpuid_ebx(0x8000000a) < 2) {
		pr_err("this CPU has SVM, but no ASID for guests\n");
		return -ENODEV;
	}
	if (!tsc_khz) {
		pr_err("the kernel could not find out the rate of the TSC, which guests' timers go by\n");
		return -ENODEV;
	}
	on_each_cpu(svme_is_set, &busy, 1);
	if (busy) {
		pr_err("SVM is in use (EFER.SVME=1), probably by kvm_amd; try: rmmod kvm_amd\n");
		return -EBUSY;
	}
	return 0;
}

static void report(const struct svm_caps *caps)
{
	char text[160] = "";
	unsigned int i;
	int len = 0;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (caps->features & features[i].bit)
			len += scnprintf(text + len, sizeof(text) - len, "%s, ", features[i].name);
	pr_info("SVM revision %u: %s%u ASIDs, %s of %u bytes\n", caps->revision & 0xff, text,
		caps->nr_asids - 1, caps->xsave ? "XSAVE" : "FXSAVE", caps->xsave_bytes);
}

int svm_caps_init(void)
{
	struct svm_caps caps = { };
	u32 eax, ebx, ecx, edx = 0;
	int ret;

	if (cpuid_eax(0x80000000) >= 0x8000000a)
		cpuid(0x8000000a, &eax, &ebx, &ecx, &edx);
	ret = find_obstacle(edx);
	if (ret)
		return ret;

	caps.revision = eax;
	caps.features = used_features(edx);
	caps.nr_asids = ebx;
	if (max_asids && max_asids < ebx)
		caps.nr_asids = max_asids + 1;
	caps.phys_bits = boot_cpu_data.x86_phys_bits;
	caps.guest_phys_bits = min_t(u32, cpuid_eax(0x80000008) & 0xff, NPT_BITS);
	caps.sme_mask = sme_me_mask;
	caps.tsc_khz = tsc_khz;
	caps.gb_pages = gbpages && (cpuid_edx(0x80000001) & CPUID_GBPAGES);
	caps.clean_debug = clean_debug;
	init_xsave(&caps);
	init_limits(&caps);

	svm = caps;
	report(&svm);
	return 0;
}
