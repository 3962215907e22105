// SPDX-License-Identifier: GPL-2.0
/*
 * Exit code -> handler -> enum svm_action.
 *
 * The table at the end is the whole policy: what is not in it is answered by an
 * explicit error, never ignored.  Handlers run in the window with interrupts
 * enabled; one that needs more than the window allows says so by its action.
 */
#include <linux/sched.h>
#include <asm/msr.h>

#include "../compat.h"
#include "../ioevent.h"
#include "../stats.h"
#include "../trace.h"
#include "../tsc.h"
#include "fetch.h"

typedef enum svm_action (*exit_handler)(struct vcpu *vcpu);

enum svm_action svm_internal_error(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = vcpu->svm->vmcb;
	struct svmm_exit *exit = &vcpu->page->exit;

	exit->reason = SVMM_EXIT_INTERNAL_ERROR;
	exit->internal.exit_code = vmcb->exit_code;
	exit->internal.info1 = vmcb->exit_info_1;
	exit->internal.info2 = vmcb->exit_info_2;
	vcpu->kill_reason = "an exit that svmm does not know";
	return SVM_KILL;
}

/* Skip the instruction, or fetch it first. */
static enum svm_action skip(struct vcpu *vcpu)
{
	int len = svm_insn_len(vcpu);

	if (len < 0)
		return insn_error(len);
	svm_skip_insn(vcpu, len);
	return SVM_RESUME;
}

static enum svm_action exit_ud(struct vcpu *vcpu)
{
	event_raise_ud(vcpu);
	return SVM_RESUME;
}

/* STGI has delivered what this exit was for; the host may want the CPU. */
static enum svm_action exit_host_event(struct vcpu *vcpu)
{
	return SVM_LEAVE;
}

/*
 * A machine check during the guest is the host's; the intercept withheld it, and STGI does not
 * deliver it again (APM vol. 2, 15.14.1): the host's handler is called.  An NMI that exits stays
 * pending, and STGI has delivered it.
 */
static enum svm_action exit_mc(struct vcpu *vcpu)
{
	host_machine_check();
	return SVM_LEAVE;
}

/* #AC is intercepted against endless delivery loops only (CVE-2015-5307). */
static enum svm_action exit_ac(struct vcpu *vcpu)
{
	event_raise(vcpu, X86_VEC_AC, true, 0, 0);
	return SVM_RESUME;
}

/* VMRUN, VMLOAD, VMSAVE, STGI, CLGI, SKINIT, INVLPGA: 0F 01 D8 and up, but for VMMCALL. */
static bool is_svm_insn(const struct x86_insn *insn)
{
	return insn->map == X86_MAP_0F && insn->opcode == 0x01 &&
	       insn->modrm >= 0xd8 && insn->modrm <= 0xdf && insn->modrm != 0xd9;
}

/*
 * The processor runs the guest with EFER.SVME set, so at CPL 3 its SVM
 * instructions answer #GP, before the intercept is looked at (APM vol. 2, 15.7).
 * The guest has no SVM: to it they are undefined.
 */
static enum svm_action exit_gp(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct x86_insn insn;

	if (svm_get_cpl(vcpu) && !svm_fetch_insn(vcpu) &&
	    !x86_decode(&insn, sv->insn_bytes, sv->insn_nbytes, svm_mode(vcpu)) &&
	    is_svm_insn(&insn))
		return exit_ud(vcpu);
	return svm_exit_fault(vcpu);
}

static enum svm_action exit_cpuid(struct vcpu *vcpu)
{
	int len = fetch_insn_len(vcpu, vcpu->svm);

	if (unlikely(len < 0))
		return insn_error(len);
	cpuid_execute(vcpu);
	svm_skip_insn(vcpu, len);
	return SVM_RESUME;
}

static enum svm_action exit_msr(struct vcpu *vcpu)
{
	int len = fetch_insn_len(vcpu, vcpu->svm);
	bool write = vcpu->svm->vmcb->exit_info_1 & SVM_MSR_INFO_WRITE;
	u64 index = (u32)vcpu->regs[X86_RCX], value = 0;
	int ret;

	if (unlikely(len < 0))
		return insn_error(len);
	OPTIMIZER_HIDE_VAR(index);	/* one register is enough */
	stats_key(vcpu, SVMM_KEY_MSR, index);
	if (write) {
		value = (u32)vcpu->regs[X86_RAX] | vcpu->regs[X86_RDX] << 32;
		ret = msr_write(vcpu, index, value);
	} else {
		ret = msr_read(vcpu, index, &value);
		if (!ret) {
			vcpu->regs[X86_RAX] = (u32)value;
			vcpu->regs[X86_RDX] = value >> 32;
		}
	}
	trace_svmm_msr(vcpu, write, index, value, ret);
	if (unlikely(ret)) {
		event_raise_gp(vcpu);
		return SVM_RESUME;
	}
	svm_skip_insn(vcpu, len);
	return SVM_RESUME;
}

static enum svm_action exit_ioio(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;
	struct svm_ioio io;

	stats_key(vcpu, SVMM_KEY_PORT, svm_ioio_port(vmcb->exit_info_1));
	io = svm_ioio_decode(vmcb->exit_info_1);
	if (io.string)
		return SVM_STRING_IO;
	/* EXITINFO2 is the next RIP, with and without NRIPS (APM vol. 2, 15.10.2). */
	vmcb->rip = vmcb->exit_info_2;
	svm_insn_done(vcpu);
	if (io.in) {
		pio_in(vcpu, io.port, io.bytes);
		return SVM_TO_USER;
	}
	if (!IOEVENT_IN_WINDOW) {
		vcpu->io.port = io.port;
		vcpu->io.bytes = io.bytes;
		return SVM_OUT;
	}
	return pio_out(vcpu, io.port, io.bytes) == IO_NEXT_RUN ? SVM_RESUME : SVM_TO_USER;
}

static enum svm_action exit_hlt(struct vcpu *vcpu)
{
	int len = fetch_insn_len(vcpu, vcpu->svm);

	if (unlikely(len < 0))
		return insn_error(len);
	svm_skip_insn(vcpu, len);
	if (event_wakes(vcpu)) {
		WRITE_ONCE(vcpu->unhalted, false);
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		return SVM_RESUME;
	}
	return SVM_HALT;
}

static enum svm_action exit_npf(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = vcpu->svm->vmcb;

	vcpu->fault.error_code = vmcb->exit_info_1;
	vcpu->fault.gpa = vmcb->exit_info_2;
	return SVM_FAULT;
}

static enum svm_action exit_vmmcall(struct vcpu *vcpu)
{
	int len = fetch_insn_len(vcpu, vcpu->svm);

	if (unlikely(len < 0))
		return insn_error(len);
	stats_key(vcpu, SVMM_KEY_HYPERCALL, (u32)vcpu->regs[X86_RAX]);
	pv_hypercall(vcpu);
	svm_skip_insn(vcpu, len);
	return SVM_RESUME;
}

static enum svm_action exit_rdtsc(struct vcpu *vcpu)
{
	int len = svm_insn_len(vcpu);
	u64 tsc = vcpu_tsc(vcpu);

	if (len < 0)
		return insn_error(len);
	vcpu->regs[X86_RAX] = (u32)tsc;
	vcpu->regs[X86_RDX] = tsc >> 32;
	/* Not every processor tells RDTSCP from RDTSC by the exit code. */
	if (len > 2)
		vcpu->regs[X86_RCX] = (u32)vcpu->msr.tsc_aux;
	svm_skip_insn(vcpu, len);
	return SVM_RESUME;
}

/* No performance counters are offered; those that every K7 had count nothing. */
static enum svm_action exit_rdpmc(struct vcpu *vcpu)
{
	if ((u32)vcpu->regs[X86_RCX] > 3) {
		event_raise_gp(vcpu);
		return SVM_RESUME;
	}
	vcpu->regs[X86_RAX] = 0;
	vcpu->regs[X86_RDX] = 0;
	return skip(vcpu);
}

/* The save area is undefined now (APM vol. 2, 15.14.3): the VM cannot go on. */
static enum svm_action exit_shutdown(struct vcpu *vcpu)
{
	vcpu->page->exit.reason = SVMM_EXIT_SHUTDOWN;
	vcpu->kill_reason = "triple fault";
	return SVM_KILL;
}

static const exit_handler exit_handlers[SVM_EXIT_INDEXES] = {
	[SVM_EXIT_READ_CR0 ... SVM_EXIT_WRITE_CR15]	= svm_exit_cr,
	[SVM_EXIT_READ_DR0 ... SVM_EXIT_WRITE_DR15]	= svm_exit_dr,
	[SVM_EXIT_EXCP_DE]		= svm_exit_fault,
	[SVM_EXIT_EXCP_DB]		= svm_exit_db,
	[SVM_EXIT_EXCP_BP]		= svm_exit_bp,
	[SVM_EXIT_EXCP_BR]		= svm_exit_fault,
	[SVM_EXIT_EXCP_UD]		= svm_exit_fault,
	[SVM_EXIT_EXCP_NM]		= svm_exit_fault,
	[SVM_EXIT_EXCP_TS]		= svm_exit_fault,
	[SVM_EXIT_EXCP_NP]		= svm_exit_fault,
	[SVM_EXIT_EXCP_SS]		= svm_exit_fault,
	[SVM_EXIT_EXCP_GP]		= exit_gp,
	[SVM_EXIT_EXCP_PF]		= svm_exit_fault,
	[SVM_EXIT_EXCP_MF]		= svm_exit_fault,
	[SVM_EXIT_EXCP_AC]		= exit_ac,
	[SVM_EXIT_EXCP_MC]		= exit_mc,
	[SVM_EXIT_EXCP_XF]		= svm_exit_fault,
	[SVM_EXIT_INTR]			= exit_host_event,
	[SVM_EXIT_NMI]			= exit_host_event,
	[SVM_EXIT_SMI]			= exit_host_event,
	[SVM_EXIT_INIT]			= exit_host_event,
	[SVM_EXIT_VINTR]		= svm_exit_vintr,
	[SVM_EXIT_CR0_SEL_WRITE]	= svm_exit_cr,
	[SVM_EXIT_RDTSC]		= exit_rdtsc,
	[SVM_EXIT_RDPMC]		= exit_rdpmc,
	[SVM_EXIT_CPUID]		= exit_cpuid,
	[SVM_EXIT_RSM]			= exit_ud,
	[SVM_EXIT_IRET]			= svm_exit_iret,
	[SVM_EXIT_SWINT]		= svm_exit_swint,
	[SVM_EXIT_INVD]			= skip,		/* the caches are the host's */
	[SVM_EXIT_PAUSE]		= skip,
	[SVM_EXIT_HLT]			= exit_hlt,
	[SVM_EXIT_INVLPGA]		= exit_ud,	/* CPUID shows no SVM */
	[SVM_EXIT_IOIO]			= exit_ioio,
	[SVM_EXIT_MSR]			= exit_msr,
	[SVM_EXIT_FERR_FREEZE]		= exit_host_event,
	[SVM_EXIT_SHUTDOWN]		= exit_shutdown,
	[SVM_EXIT_VMRUN]		= exit_ud,
	[SVM_EXIT_VMMCALL]		= exit_vmmcall,
	[SVM_EXIT_VMLOAD]		= exit_ud,
	[SVM_EXIT_VMSAVE]		= exit_ud,
	[SVM_EXIT_STGI]			= exit_ud,
	[SVM_EXIT_CLGI]			= exit_ud,
	[SVM_EXIT_SKINIT]		= exit_ud,
	[SVM_EXIT_RDTSCP]		= exit_rdtsc,
	[SVM_EXIT_WBINVD]		= skip,		/* nothing to write back */
	[SVM_EXIT_MONITOR]		= exit_ud,
	[SVM_EXIT_MWAIT]		= exit_ud,
	[SVM_EXIT_MWAIT_ARMED]		= exit_ud,
	[SVM_EXIT_XSETBV]		= svm_exit_xsetbv,
	[SVM_EXIT_RDPRU]		= exit_ud,
	[SVM_EXIT_INVLPGB]		= exit_ud,
	[SVM_EXIT_INVLPGB_ILLEGAL]	= exit_ud,
	[SVM_EXIT_INVPCID]		= exit_ud,
	[SVM_EXIT_MCOMMIT]		= exit_ud,
	[SVM_EXIT_TLBSYNC]		= exit_ud,
	[SVM_EXIT_IDLE_HLT]		= exit_hlt,
	[SVM_EXIT_DENSE]		= exit_npf,
};

struct svmm_exit_stat *svm_new_exit(struct vcpu *vcpu, unsigned long index)
{
	struct svm_vcpu *sv = vcpu->svm;

	sv->stats[index] = stats_new_exit(vcpu, sv->vmcb->exit_code);
	return sv->stats[index];
}

enum svm_action svm_handle_exit(struct vcpu *vcpu, unsigned long index)
{
	switch (index) {
	/* The frequent ones by direct call: a retpoline costs more than the comparison. */
	case SVM_EXIT_MSR:
		return exit_msr(vcpu);
	case SVM_EXIT_INTR:
		return exit_host_event(vcpu);
	case SVM_EXIT_DENSE:
		return exit_npf(vcpu);
	case SVM_EXIT_IOIO:
		return exit_ioio(vcpu);
	case SVM_EXIT_HLT:
		return exit_hlt(vcpu);
	case SVM_EXIT_CPUID:
		return exit_cpuid(vcpu);
	}
	if (unlikely(!exit_handlers[index]))
		return svm_internal_error(vcpu);
	return exit_handlers[index](vcpu);
}

/*
 * Outside the window: the instruction's page is brought in, or its memory
 * operand is reached.
 */
enum svm_action svm_emulate(struct vcpu *vcpu)
{
	switch (mmio_load_emu(vcpu)) {
	case EMU_OK:
		break;
	case EMU_EXCEPTION:
		guest_raise(vcpu);
		return SVM_RESUME;
	case EMU_RETRY:
		return SVM_RESUME;
	default:
		mmio_failure(vcpu, 0);
		return SVM_TO_USER;
	}

	switch (svm_emulate_msw(vcpu)) {
	case EMU_OK:
		svm_store_emu(vcpu);
		return SVM_RESUME;
	case EMU_EXCEPTION:
		guest_raise(vcpu);
		return SVM_RESUME;
	case EMU_FAIL:
		/* Not one of those: its bytes are in memory now, and it runs again. */
	default:
		return SVM_RESUME;
	}
}
