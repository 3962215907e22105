/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What this machine's SVM can do, less what the module parameters turn off; fixed once the module
 * is loaded. It must not know VMs. Whoever wants to use a feature asks svm_has(), never CPUID:
 * turning a parameter off is then the same as a CPU that lacks the feature.
 */
#ifndef SVMM_SVM_CAPS_H
#define SVMM_SVM_CAPS_H

#include <linux/cache.h>
#include <linux/types.h>
#include <asm/io.h>

#include "vmcb.h"

/**
 * struct svm_caps - capabilities in use; const after svm_caps_init()
 * @revision: SVM revision (CPUID 8000_000A EAX)
 * @features: SVM_FEATURE_* that the CPU has and no parameter turned off
 * @nr_asids: ASIDs 1 to @nr_asids - 1 are in use
 * @phys_bits: MAXPHYADDR of the host, without the bits that memory encryption takes
 * @guest_phys_bits: MAXPHYADDR that a guest is told
 * @limits: for vmcb_check()
 * @sme_mask: the encryption bit, or 0
 * @host_xcr0: the host's XCR0; 0 without XSAVE
 * @xcr0: XCR0 bits that a guest may set; 0 without XSAVE
 * @xstate: offsets of components in the standard format, 0 for the first two and what is not there
 * @xsave_bytes: standard-format XSAVE area for @xcr0; 512 (FXSAVE) without XSAVE
 * @tsc_khz: rate of the TSC
 * @xsave: the guest's FPU state is switched by XSAVE, else by FXSAVE
 * @gb_pages: nested page tables may have 1 GiB leaves
 * @clean_debug: verify clean bits before each VMRUN (parameter clean_debug)
 */
struct svm_caps {
	u32 revision;
	u32 features;
	u32 nr_asids;
	u8 phys_bits;
	u8 guest_phys_bits;
	struct vmcb_limits limits;
	u64 sme_mask;
	u64 host_xcr0;
	u64 xcr0;
	u32 xstate[8];
	u32 xsave_bytes;
	u32 tsc_khz;
	bool xsave;
	bool gb_pages;
	bool clean_debug;
};

extern struct svm_caps svm;

/**
 * svm_has() - is a feature there and wanted?
 * @feature: one SVM_FEATURE_*
 */
static __always_inline bool svm_has(u32 feature)
{
	return svm.features & feature;
}

/**
 * svm_pa() - the physical address that hardware is to be given for kernel memory
 * @p: address in the direct map
 *
 * Nested page tables, VMCBs, HSAVE areas and permission maps live in encrypted memory under SME,
 * and the processor finds them only if the address says so (APM vol. 2, 7.10).
 */
static inline u64 svm_pa(const void *p)
{
	return virt_to_phys((void *)p) | svm.sme_mask;
}

/**
 * svm_caps_init() - find out; prints one line: what there is, or why not
 *
 * Return: 0; -ENODEV without SVM, with SVM turned off by firmware, or without nested paging;
 * -EBUSY if someone else has turned SVM on, on any CPU.
 */
int svm_caps_init(void);

#endif /* SVMM_SVM_CAPS_H */
