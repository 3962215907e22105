/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which CPUs have EFER.SVME set by us, and what each needs to run guests: its HSAVE page, a page
 * for VMSAVE of the host's state, its ASIDs. It must not know VMs or vCPUs: svm_get() and
 * svm_put(), declared in svm.h, tell it that one comes or goes.
 *
 * The trick: SVME is on from the first VM to the last, on every CPU that is online then or comes
 * online meanwhile, and each CPU remembers that it was we who set it: a CPU where someone else did
 * is refused, and never turned off.
 */
#ifndef SVMM_SVM_CPU_H
#define SVMM_SVM_CPU_H

#include <linux/percpu.h>

#include "asid.h"
#include "vmcb.h"

/**
 * struct svm_cpu - what a CPU has for running guests; touched on that CPU only
 * @enabled: SVME is on, by us. Cleared from an IPI on reboot, panic or suspend: whoever enters a
 *	guest looks at it with interrupts off or after CLGI, and leaves with -EIO if it is false.
 * @asid: this CPU's ASIDs
 * @hsave: HSAVE area: the processor's own, nobody reads it
 * @host_save: page for VMSAVE and VMLOAD of the host's state
 * @host_save_pa: its physical address for those instructions
 * @hsave_pa: what VM_HSAVE_PA holds
 * @xss: the host's IA32_XSS; 0 without XSAVES
 * @tsc_aux: the host's TSC_AUX; 0 without RDTSCP
 * @tsc_ratio: what TSC_RATIO holds; guests alone see it
 */
struct svm_cpu {
	bool enabled;
	struct asid_cpu asid;
	void *hsave;
	void *host_save;
	u64 host_save_pa;
	u64 hsave_pa;
	u64 xss;
	u64 tsc_aux;
	u64 tsc_ratio;
};

DECLARE_PER_CPU(struct svm_cpu, svm_cpu);

/**
 * svm_cpu_init() - get every CPU ready, now and when it comes online; SVME stays off
 *
 * Return: 0, -ENOMEM, or what the hotplug core says.
 */
int svm_cpu_init(void);

/**
 * svm_cpu_exit() - undo svm_cpu_init(); there are no VMs left
 */
void svm_cpu_exit(void);

#endif /* SVMM_SVM_CPU_H */
