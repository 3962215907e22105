/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernel versions, and the only file that may ask for one. The rest of the
 * module is written for the newest kernel; here older ones are given what they lack. Each entry
 * names the kernel change that it is for, and goes when no supported kernel precedes it.
 */
#ifndef SVMM_COMPAT_H
#define SVMM_COMPAT_H

#include <linux/version.h>

/*
 * 6.19, "KVM: x86: Restrict exports": the function that writes a prediction barrier behind a guest,
 * as some processors need it, became KVM's.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define SVMM_OWN_BARRIER
#endif

#ifndef __ASSEMBLER__
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/syscore_ops.h>
#include <asm/cpufeature.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/ptrace.h>

/* 6.6, "genetlink: add genl_info to genl_dumpit_info": where a dump's attributes are. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define svmm_dump_attrs(cb)	(genl_info_dump(cb)->attrs)
#else
#define svmm_dump_attrs(cb)	(genl_dumpit_info(cb)->attrs)
#endif

/* 6.7, "genetlink: Use internal flags for multicast groups", and in some of 6.1's stable kernels */
#if !defined(GENL_MCAST_CAP_NET_ADMIN)
#define GENL_MCAST_CAP_NET_ADMIN	GENL_UNS_ADMIN_PERM
#endif

/* 6.3, "mm: introduce vma->vm_flags wrapper functions": vm_flags became read-only. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* 6.13, "hrtimers: Introduce hrtimer_setup() to replace hrtimer_init()", gone in 6.15. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* 6.16, "x86/msr: Rename 'rdmsrl()' to 'rdmsrq()'" and its siblings. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define rdmsrq(msr, value)	rdmsrl(msr, value)
#define rdmsrq_safe(msr, value)	rdmsrl_safe(msr, value)
#define wrmsrq(msr, value)	wrmsrl(msr, value)
#define wrmsrq_safe(msr, value)	wrmsrl_safe(msr, value)
#endif

/* 6.16, "x86/cpuid: Set <asm/cpuid/api.h> as the main CPUID header". */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
#include <asm/cpuid/api.h>
#endif

/* 6.8, "eventfd: simplify eventfd_signal()": it adds 1, always. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define svmm_eventfd_signal(eventfd)	eventfd_signal(eventfd, 1)
#else
#define svmm_eventfd_signal(eventfd)	eventfd_signal(eventfd)
#endif

/* 7.1 or 7.2: an mmu notifier says in a bool, and no longer an int, whether pages are young. */
typedef typeof(((struct mmu_notifier_ops *)NULL)->test_young(NULL, NULL, 0)) young_t;

/*
 * 6.19, and 6.12.114 of the stable kernels, "syscore: Pass context data to callbacks": callbacks
 * got an argument, and what is registered is a struct syscore. SVMM_SYSCORE(name, suspend, resume)
 * defines `name` from int (*suspend)(void) and void (*resume)(void).
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 114) ||				\
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0) &&			\
	 LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0))
#define SVMM_SYSCORE(name, suspend_fn, resume_fn)				\
	static struct syscore_ops name = { .suspend = suspend_fn, .resume = resume_fn }
#define register_syscore(syscore)	register_syscore_ops(syscore)
#define unregister_syscore(syscore)	unregister_syscore_ops(syscore)
#else
#define SVMM_SYSCORE(name, suspend_fn, resume_fn)				\
	static int name##_suspend(void *data) { return suspend_fn(); }		\
	static void name##_resume(void *data) { resume_fn(); }			\
	static const struct syscore_ops name##_ops = {				\
		.suspend = name##_suspend, .resume = name##_resume,		\
	};									\
	static struct syscore name = { .ops = &name##_ops }
#endif

/*
 * 6.19, "KVM: x86: Restrict exports": do_machine_check() became KVM's.  The handler is told that
 * user space was interrupted, so that it ends the VMM, and not the host, for an error in a page of
 * guest memory.  Without it INT 18 is what is left, and under FRED, which takes none, the host's
 * polling of the banks.  A kernel without X86_MCE has CR4.MCE clear: there is no #MC at all.
 */
static inline void host_machine_check(void)
{
#if IS_ENABLED(CONFIG_X86_MCE) && LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
	struct pt_regs regs = { .cs = 3, .flags = X86_EFLAGS_IF };

	local_irq_disable();
	do_machine_check(&regs);
	local_irq_enable();
#else
#ifdef X86_FEATURE_FRED
	if (cpu_feature_enabled(X86_FEATURE_FRED))
		return;
#endif
	asm volatile("int $18");
#endif
}

/*
 * 6.15, "x86/fpu: Improve crypto performance by making kernel-mode FPU reliably usable in
 * softirqs": kernel_fpu_begin() holds them back, except under PREEMPT_RT, where threads run them.
 */
static inline bool softirqs_held_back(void)
{
	return LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0) && !IS_ENABLED(CONFIG_PREEMPT_RT) &&
	       local_softirq_pending();
}

/* 6.13, "sched: Add TIF_NEED_RESCHED_LAZY infrastructure": a second flag asks for the CPU. */
#ifdef _TIF_NEED_RESCHED_LAZY
#define SVMM_TIF_RESCHED	(_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY)
#else
#define SVMM_TIF_RESCHED	_TIF_NEED_RESCHED
#endif

#endif /* !__ASSEMBLER__ */

#endif /* SVMM_COMPAT_H */
