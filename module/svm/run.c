// SPDX-License-Identifier: GPL-2.0
/*
 * The window, and one VMRUN in it.
 *
 * In the window preemption is off and the FPU, XCR0 and TSC_AUX are the
 * guest's; exits that svm_handle_exit() can finish go round without leaving
 * it.  Within svm_vcpu_enter() GIF is 0 from the last look at the requests to
 * the exit, so that nothing can come in between: an interrupt or NMI waits for
 * VMRUN, which exits for it, or for STGI.  It must not know why a guest exits.
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/thread_info.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/fpu/api.h>
#include <asm/msr.h>

#include "../compat.h"
#include "../stats.h"
#include "../trace.h"
#include "../tsc.h"
#include "cpu.h"
#include "svm_vcpu.h"

/* Whose branch predictions this CPU holds: svm_vcpu.id, which is never used again. */
static DEFINE_PER_CPU(u64, last_vcpu);

#define THREAD_WORK	(_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | _TIF_NOTIFY_RESUME | \
			 SVMM_TIF_RESCHED)

/* What the guest invalidated elsewhere may be in the TLB here: flush before it runs. [m] */
void svm_flush_asid(struct vcpu *vcpu)
{
	asid_flush(&vcpu->svm->asid);
}

/*
 * FPU: the image is in the standard format, and XCR0 is the host's while it is
 * loaded and saved, so that components the guest turned off keep their content.
 */

static __always_inline void fpu_load(const void *image)
{
	u32 lo = lower_32_bits(svm.xcr0), hi = upper_32_bits(svm.xcr0);

	/*
	 * Some processors restore FOP, FIP and FDP only with a pending
	 * exception, and would leave the last owner's: load harmless ones.
	 */
	if (static_cpu_has_bug(X86_BUG_FXSAVE_LEAK))
		asm volatile("fnclex; emms; fildl %0" : : "m"(svm.revision));
	if (svm.xsave)
		asm volatile("xrstor64 (%0)" : : "r"(image), "a"(lo), "d"(hi) : "memory");
	else
		asm volatile("fxrstor64 (%0)" : : "r"(image) : "memory");
}

static __always_inline void fpu_save(void *image)
{
	u32 lo = lower_32_bits(svm.xcr0), hi = upper_32_bits(svm.xcr0);

	if (svm.xsave)
		asm volatile("xsave64 (%0)" : : "r"(image), "a"(lo), "d"(hi) : "memory");
	else
		asm volatile("fxsave64 (%0)" : : "r"(image) : "memory");
}

static __always_inline u64 xgetbv0(void)
{
	u32 lo, hi;

	asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return lo | (u64)hi << 32;
}

static __always_inline void xsetbv0(u64 value)
{
	asm volatile("1: xsetbv\n2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : "a"(lower_32_bits(value)), "d"(upper_32_bits(value)), "c"(0));
}

void svm_window_open(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct svm_cpu *cpu;
	u64 now;
	int id;

	kernel_fpu_begin_mask(0);
	cpu = this_cpu_ptr(&svm_cpu);
	id = smp_processor_id();
	if (vcpu->cpu != id) {
		WRITE_ONCE(vcpu->cpu, id);
		vmcb_dirty(sv->vmcb, VMCB_CLEAN_ALL);
	}
	asid_arrive(&cpu->asid, &sv->asid);
	if (!pv_clock_stable()) {
		now = tsc_host();
		if (unlikely(now < vcpu->tsc_left))
			tsc_catch_up(vcpu, now);
		pv_clock_check(vcpu);
	}
	if (this_cpu_read(last_vcpu) != sv->id) {
		this_cpu_write(last_vcpu, sv->id);
		if (boot_cpu_has(X86_FEATURE_IBPB))
			wrmsrq(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
	}

	fpu_load(sv->fpu);
	if (svm.xsave && vcpu->xcr0 != svm.host_xcr0)
		xsetbv0(vcpu->xcr0);
	if (svm_has(SVM_FEATURE_TSCRATEMSR) && unlikely(vcpu->vm->tsc_ratio != cpu->tsc_ratio)) {
		cpu->tsc_ratio = vcpu->vm->tsc_ratio;
		wrmsrq(MSR_AMD64_TSC_RATIO, cpu->tsc_ratio);
	}
	if (cpu->xss)
		wrmsrq(MSR_IA32_XSS, 0);
	/* A guest whose CPUID shows no TSC_AUX has 0 there; the processor shows it all the same. */
	if (vcpu->msr.tsc_aux != cpu->tsc_aux)
		wrmsrq(MSR_TSC_AUX, vcpu->msr.tsc_aux);
	if (vcpu->policy.spec_ctrl)
		rdmsrq(MSR_IA32_SPEC_CTRL, sv->spec_ctrl.host);
}

/*
 * Asked, not remembered: QEMU before 8.2 lets the guest's XSETBV through to the
 * host's register. In the window.  Return: what the register has.
 */
static __always_inline u64 sync_xcr0(struct vcpu *vcpu)
{
	u64 now = xgetbv0();

	if (unlikely(now != vcpu->xcr0) && svm_xcr0_ok(vcpu, now))
		vcpu->xcr0 = now;
	return now;
}

void svm_sync_xcr0(struct vcpu *vcpu)
{
	if (svm.xsave)
		sync_xcr0(vcpu);
}

void svm_window_close(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpu);

	if (vcpu->msr.tsc_aux != cpu->tsc_aux)
		wrmsrq(MSR_TSC_AUX, cpu->tsc_aux);
	if (cpu->xss)
		wrmsrq(MSR_IA32_XSS, cpu->xss);
	if (!pv_clock_stable())
		vcpu->tsc_left = tsc_host();
	if (svm.xsave && sync_xcr0(vcpu) != svm.host_xcr0)
		xsetbv0(svm.host_xcr0);
	fpu_save(sv->fpu);
	kernel_fpu_end();
}

/*
 * Debug registers: VMRUN switches DR6 and DR7 only, and leaves the exit with
 * DR7 disarmed (APM vol. 2, 15.5.1).  Nothing is done unless one side uses them.
 */

static __always_inline bool host_uses_dr(void)
{
	return unlikely(this_cpu_read(cpu_dr7) & DR_GLOBAL_ENABLE_MASK);
}

static __always_inline bool guest_uses_dr(const struct vmcb *vmcb)
{
	return unlikely(vmcb_get_dr7(vmcb) & (DR_LOCAL_ENABLE_MASK | DR_GLOBAL_ENABLE_MASK));
}

static noinline void dr_switch_to_guest(struct svm_vcpu *sv)
{
	struct host_dr *host = &sv->host_dr;

	get_debugreg(host->db[0], 0);
	get_debugreg(host->db[1], 1);
	get_debugreg(host->db[2], 2);
	get_debugreg(host->db[3], 3);
	get_debugreg(host->dr6, 6);
	host->saved = true;
	/* Some emulators keep the host's breakpoints armed in the guest. */
	set_debugreg(0UL, 7);
	set_debugreg(sv->db[0], 0);
	set_debugreg(sv->db[1], 1);
	set_debugreg(sv->db[2], 2);
	set_debugreg(sv->db[3], 3);
}

static noinline void dr_switch_to_host(struct svm_vcpu *sv)
{
	struct host_dr *host = &sv->host_dr;

	set_debugreg(0UL, 7);
	set_debugreg(host->db[0], 0);
	set_debugreg(host->db[1], 1);
	set_debugreg(host->db[2], 2);
	set_debugreg(host->db[3], 3);
	set_debugreg(host->dr6, 6);
	set_debugreg(this_cpu_read(cpu_dr7), 7);
	host->saved = false;
}

/* False if SVME is off here. */
static __always_inline bool clgi(void)
{
	asm goto("1: clgi\n"
		 _ASM_EXTABLE(1b, %l[fault])
		 : : : "memory" : fault);
	return true;
fault:
	return false;
}

static __always_inline void stgi(void)
{
	asm volatile("1: stgi\n2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : : "memory");
}

/* The VMCB breaks a rule: say which.  Nothing was entered, nothing is lost. */
static enum svm_action svm_refuse_entry(struct vcpu *vcpu, u64 exit_code, const char *why)
{
	struct svmm_exit *exit = &vcpu->page->exit;

	exit->reason = SVMM_EXIT_FAIL_ENTRY;
	exit->fail_entry.exit_code = exit_code;
	strscpy(exit->fail_entry.reason, why, sizeof(exit->fail_entry.reason));
	vcpu->kill_reason = why;
	return exit_code ? SVM_KILL : SVM_TO_USER;
}

/*
 * Silicon leaves a refused state where it is.  QEMU puts the host's there and
 * clears int_ctl, in mid-run too.
 */
static bool holds_host_state(const struct vmcb *vmcb)
{
	return !(vmcb_get_int_ctl(vmcb) & V_INTR_MASKING);
}

static noinline enum svm_action svm_entry_failed(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	const char *why;
	u64 code = sv->vmcb->exit_code;

	/* What is the host's must not get out with the registers that are published. */
	if (holds_host_state(sv->vmcb)) {
		why = "the guest loaded a control register with reserved bits";
		vmcb_reset_save(sv->vmcb);
	} else if (!vmcb_check(sv->vmcb, &svm.limits, &why)) {
		why = "VMRUN refused a state that breaks no known rule";
	}
	trace_svmm_exit(vcpu, code, sv->vmcb->rip, sv->vmcb->exit_info_1, sv->vmcb->exit_info_2,
			sv->vmcb->exit_int_info, sv->vmcb->exit_int_info_err);
	pr_warn_ratelimited("svmm: %s: VMRUN failed: %s\n", vcpu->vm->name, why);
	vmcb_dirty(sv->vmcb, VMCB_CLEAN_ALL);
	return svm_refuse_entry(vcpu, code, why);
}

static noinline enum svm_action svm_no_svme(struct vcpu *vcpu)
{
	/* A CPU that goes offline, and a lock kept the thread on it (PREEMPT_RT): it is moved. */
	if (!cpu_active(smp_processor_id()))
		return SVM_LEAVE;
	vcpu->page->exit.reason = SVMM_EXIT_INTERNAL_ERROR;
	memset(&vcpu->page->exit.internal, 0, sizeof(vcpu->page->exit.internal));
	vcpu->kill_reason = "somebody else has turned SVM off on a CPU";
	return SVM_KILL;
}

/* Something that only runs outside the window waits for this CPU. */
static __always_inline bool host_waits(void)
{
	return unlikely(READ_ONCE(current_thread_info()->flags) & THREAD_WORK) ||
	       unlikely(softirqs_held_back());
}

static noinline void trace_entry(struct vcpu *vcpu)
{
	trace_svmm_entry(vcpu, vcpu->svm->vmcb->rip);
}

static noinline void trace_exit(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = vcpu->svm->vmcb;

	trace_svmm_exit(vcpu, vmcb->exit_code, vmcb->rip, vmcb->exit_info_1, vmcb->exit_info_2,
			vmcb->exit_int_info, vmcb->exit_int_info_err);
}

static noinline void trace_asid(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;

	if (sv->asid.tlb_ctl || sv->asid.asid != sv->traced_asid)
		trace_svmm_asid(vcpu, sv->asid.asid, sv->asid.tlb_ctl);
	sv->traced_asid = sv->asid.asid;
}

/* After CLGI: something must be done first. */
static noinline enum svm_action svm_turn_back(struct vcpu *vcpu, bool svme)
{
	stgi();
	WRITE_ONCE(vcpu->mode, VCPU_OUTSIDE);
	if (!svme)
		return svm_no_svme(vcpu);
	if (host_waits() || READ_ONCE(vcpu->requests) & ~VCPU_REQS_IN_WINDOW)
		return SVM_LEAVE;
	return SVM_RESUME;
}

/* What sv->check asks for: may VMRUN have the VMCB?  If not, GIF is set again. */
static noinline enum svm_action svm_check_entry(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	const char *why;

	if ((sv->check & SVM_CHECK_STATE && vmcb_check(sv->vmcb, &svm.limits, &why)) ||
	    (sv->check & SVM_CHECK_CLEAN &&
	     vmcb_clean_verify(sv->shadow, sv->vmcb, vcpu->cpu, &why))) {
		stgi();
		WRITE_ONCE(vcpu->mode, VCPU_OUTSIDE);
		return svm_refuse_entry(vcpu, 0, why);
	}
	if (sv->check & SVM_CHECK_STEP)
		svm_debug_leave(sv);
	sv->check &= ~(SVM_CHECK_STATE | SVM_CHECK_STEP);
	return SVM_RESUME;
}

static noinline void svm_record_exit(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;

	if (sv->check & SVM_CHECK_CLEAN)
		vmcb_clean_record(sv->shadow, sv->vmcb, vcpu->cpu);
	if (sv->check & SVM_CHECK_EXITS)
		svm_debug_exit(sv);
	if (sv->check & SVM_CHECK_EVENT)
		svm_debug_delivered(vcpu, !(sv->vmcb->exit_int_info & SVM_EVENT_VALID));
}

static noinline void svm_renew_asid(struct svm_vcpu *sv, struct svm_cpu *cpu, u64 tlb_gen)
{
	asid_renew(&cpu->asid, &sv->asid, tlb_gen);
	vmcb_set_asid(sv->vmcb, sv->asid.asid);
	sv->vmcb->tlb_ctl = sv->asid.tlb_ctl;
}

/* What is here is there for each exit, so it is one function, and counts its instructions. */
static __always_inline enum svm_action svm_round(struct vcpu *vcpu, struct svm_cpu *cpu,
						 struct svm_vcpu *sv, struct vmcb *vmcb,
						 struct svmm_exit_stat **line)
{
	const struct spec_ctrl *spec = NULL;
	enum svm_action action;
	u64 tlb_gen, exited;
	unsigned long index;
	u32 begun;

	if (trace_svmm_entry_enabled())
		trace_entry(vcpu);
	/*
	 * Announce, then look: whoever sets a request or raises tlb_gen after
	 * this look sees IN_GUEST and interrupts this CPU, and with GIF clear
	 * that interrupt can only make VMRUN exit.
	 */
	WRITE_ONCE(vcpu->mode, VCPU_IN_GUEST);
	smp_mb();	/* pairs with vcpu_kick() and vm_flush_tlbs() */
	if (unlikely(!clgi())) {
		WRITE_ONCE(vcpu->mode, VCPU_OUTSIDE);
		return svm_no_svme(vcpu);
	}
	if (unlikely(READ_ONCE(vcpu->requests)) || unlikely(!cpu->enabled) || host_waits())
		return svm_turn_back(vcpu, cpu->enabled);

	tlb_gen = atomic64_read(&vcpu->vm->tlb_gen);
	if (!asid_holds(&sv->asid, tlb_gen))
		svm_renew_asid(sv, cpu, tlb_gen);
	vmcb->rax = vcpu->regs[X86_RAX];
	vmcb->rsp = vcpu->regs[X86_RSP];
	if (unlikely(sv->check)) {
		action = svm_check_entry(vcpu);
		if (action != SVM_RESUME)
			return action;
	}

	if (host_uses_dr() || guest_uses_dr(vmcb))
		dr_switch_to_guest(sv);
	if (vcpu->policy.spec_ctrl && vcpu->msr.spec_ctrl != sv->spec_ctrl.host) {
		sv->spec_ctrl.guest = vcpu->msr.spec_ctrl;
		spec = &sv->spec_ctrl;
	}

	stats_enter(vcpu, *line);
	exited = svm_enter(sv->vmcb_pa, vcpu->regs, cpu->host_save_pa, spec);

	if (unlikely(sv->host_dr.saved))
		dr_switch_to_host(sv);
	else if (unlikely(vmcb_get_dr6(vmcb) != DR6_RESERVED))
		set_debugreg(DR6_RESERVED, 6);	/* VMRUN loaded it, nothing puts it back */
	stgi();
	WRITE_ONCE(vcpu->mode, VCPU_OUTSIDE);
	if (unlikely(!exited))
		return svm_no_svme(vcpu);
	stats_exited(vcpu, exited);

	index = svm_exit_index(vmcb->exit_code);
	if (unlikely(index == SVM_EXIT_UNKNOWN) && svm_exit_is_invalid(vmcb))
		return svm_entry_failed(vcpu);
	if (trace_svmm_exit_enabled())
		trace_exit(vcpu);
	if (trace_svmm_asid_enabled())
		trace_asid(vcpu);
	vcpu->regs[X86_RAX] = vmcb->rax;
	vcpu->regs[X86_RSP] = vmcb->rsp;
	sv->insn_nbytes = 0;

	/* Who has entered has its ASID in the VMCB, and nothing to be flushed. */
	if (unlikely(!sv->asid.entered)) {
		asid_entered(&cpu->asid, &sv->asid);
		vmcb->tlb_ctl = SVM_TLB_KEEP;
	}
	if (svm_has(SVM_FEATURE_CLEANBITS))
		vmcb_all_clean(vmcb);
	if (unlikely(sv->check & SVM_CHECK_AFTER))
		svm_record_exit(vcpu);
	if (unlikely(vcpu->eoi_offer))
		pv_eoi_take_back(vcpu);
	svm_complete_events(vcpu);
	if (stats_kept()) {
		*line = sv->stats[index];
		if (unlikely(!*line))
			*line = svm_new_exit(vcpu, index);
		stats_exit(vcpu, *line, exited);
	}
	begun = stats_begin_handler();
	action = svm_handle_exit(vcpu, index);
	stats_end_handler(*line, begun);
	return action;
}

enum svm_action svm_vcpu_enter(struct vcpu *vcpu)
{
	struct svm_cpu *cpu = this_cpu_ptr(&svm_cpu);
	struct svm_vcpu *sv = vcpu->svm;
	struct svmm_exit_stat *line = vcpu->acct.exit;
	struct vmcb *vmcb = sv->vmcb;
	enum svm_action action;

	do {
		action = svm_round(vcpu, cpu, sv, vmcb, &line);
	} while (likely(action == SVM_RESUME) && likely(!READ_ONCE(vcpu->requests)));
	vcpu->acct.exit = line;
	return action;
}
