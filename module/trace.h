/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints, system "svmm".  Names and fields are KVM's where KVM has the like, so that
 * scripts can be carried over (include/trace/events/kvm.h, arch/x86/kvm/trace.h in Linux);
 * vm is the PID of the process that created the VM, for there may be several.
 *
 * A tracepoint that is off is one nop.  None is between CLGI and STGI.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM svmm

#if !defined(SVMM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SVMM_TRACE_H

#include <linux/tracepoint.h>

#include "core.h"
#include "../uapi/svmm_exits.h"

#define SVMM_EXIT_SYMBOL(code, name)	{ code, #name },
#define SVMM_EXIT_SYMBOLS		SVM_EXITS(SVMM_EXIT_SYMBOL) { 0xffffffff, "INVALID" }

/* What every event of a vCPU has. */
#define VCPU_FIELDS		__field(pid_t, vm) __field(u32, vcpu_id)
#define VCPU_ASSIGN(vcpu)						\
	do {								\
		__entry->vm = pid_nr((vcpu)->vm->pid);			\
		__entry->vcpu_id = (vcpu)->id;				\
	} while (0)
#define VCPU_FORMAT		"vm %d vcpu %u "
#define VCPU_ARGS		__entry->vm, __entry->vcpu_id

/* The window is about to run the guest; a request may still keep it from doing so. */
TRACE_EVENT(svmm_entry,
	TP_PROTO(const struct vcpu *vcpu, u64 rip),
	TP_ARGS(vcpu, rip),
	TP_STRUCT__entry(VCPU_FIELDS __field(u64, rip)),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->rip = rip;
	),
	TP_printk(VCPU_FORMAT "rip 0x%llx", VCPU_ARGS, __entry->rip)
);

/* intr_info, error_code: the event whose delivery the exit interrupted (EXITINTINFO), if any */
TRACE_EVENT(svmm_exit,
	TP_PROTO(const struct vcpu *vcpu, u64 reason, u64 rip, u64 info1, u64 info2, u32 intr_info,
		 u32 error_code),
	TP_ARGS(vcpu, reason, rip, info1, info2, intr_info, error_code),
	TP_STRUCT__entry(
		VCPU_FIELDS
		__field(u32, exit_reason)
		__field(u64, guest_rip)
		__field(u64, info1)
		__field(u64, info2)
		__field(u32, intr_info)
		__field(u32, error_code)
	),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->exit_reason = reason;
		__entry->guest_rip = rip;
		__entry->info1 = info1;
		__entry->info2 = info2;
		__entry->intr_info = intr_info;
		__entry->error_code = error_code;
	),
	TP_printk(VCPU_FORMAT
		  "reason %s rip 0x%llx info1 0x%llx info2 0x%llx intr_info 0x%x error_code 0x%x",
		  VCPU_ARGS, __print_symbolic(__entry->exit_reason, SVMM_EXIT_SYMBOLS),
		  __entry->guest_rip, __entry->info1, __entry->info2, __entry->intr_info,
		  __entry->error_code)
);

TRACE_EVENT(svmm_page_fault,
	TP_PROTO(const struct vcpu *vcpu, u64 rip, u64 gpa, u64 error_code),
	TP_ARGS(vcpu, rip, gpa, error_code),
	TP_STRUCT__entry(
		VCPU_FIELDS
		__field(u64, guest_rip)
		__field(u64, fault_address)
		__field(u64, error_code)
	),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->guest_rip = rip;
		__entry->fault_address = gpa;
		__entry->error_code = error_code;
	),
	TP_printk(VCPU_FORMAT "rip 0x%llx address 0x%llx error_code 0x%llx", VCPU_ARGS,
		  __entry->guest_rip, __entry->fault_address, __entry->error_code)
);

/* An interrupt, reinjected: its delivery was interrupted before. */
TRACE_EVENT(svmm_inj_virq,
	TP_PROTO(const struct vcpu *vcpu, unsigned int vector, bool reinjected),
	TP_ARGS(vcpu, vector, reinjected),
	TP_STRUCT__entry(VCPU_FIELDS __field(u32, vector) __field(bool, reinjected)),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->vector = vector;
		__entry->reinjected = reinjected;
	),
	TP_printk(VCPU_FORMAT "vector 0x%x%s", VCPU_ARGS, __entry->vector,
		  __entry->reinjected ? " reinjected" : "")
);

TRACE_EVENT(svmm_inj_nmi,
	TP_PROTO(const struct vcpu *vcpu, bool reinjected),
	TP_ARGS(vcpu, reinjected),
	TP_STRUCT__entry(VCPU_FIELDS __field(bool, reinjected)),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->reinjected = reinjected;
	),
	TP_printk(VCPU_FORMAT "%s", VCPU_ARGS, __entry->reinjected ? "reinjected" : "")
);

TRACE_EVENT(svmm_inj_exception,
	TP_PROTO(const struct vcpu *vcpu, const struct vcpu_event *event, bool reinjected),
	TP_ARGS(vcpu, event, reinjected),
	TP_STRUCT__entry(
		VCPU_FIELDS
		__field(u8, exception)
		__field(bool, has_error)
		__field(bool, reinjected)
		__field(u32, error_code)
	),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->exception = event->vector;
		__entry->has_error = event->has_error;
		__entry->error_code = event->has_error ? event->error_code : 0;
		__entry->reinjected = reinjected;
	),
	TP_printk(VCPU_FORMAT "exception %u error_code 0x%x%s", VCPU_ARGS, __entry->exception,
		  __entry->error_code, __entry->reinjected ? " reinjected" : "")
);

/* val: of the first element */
TRACE_EVENT(svmm_pio,
	TP_PROTO(const struct vcpu *vcpu, bool write, u16 port, u32 size, u32 count, u32 val),
	TP_ARGS(vcpu, write, port, size, count, val),
	TP_STRUCT__entry(
		VCPU_FIELDS
		__field(u32, rw)
		__field(u32, port)
		__field(u32, size)
		__field(u32, count)
		__field(u32, val)
	),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->rw = write;
		__entry->port = port;
		__entry->size = size;
		__entry->count = count;
		__entry->val = val;
	),
	TP_printk(VCPU_FORMAT "%s port 0x%x size %u count %u val 0x%x", VCPU_ARGS,
		  __entry->rw ? "write" : "read", __entry->port, __entry->size, __entry->count,
		  __entry->val)
);

TRACE_EVENT(svmm_mmio,
	TP_PROTO(const struct vcpu *vcpu, bool write, u64 gpa, u64 val, u32 len),
	TP_ARGS(vcpu, write, gpa, val, len),
	TP_STRUCT__entry(
		VCPU_FIELDS
		__field(u32, type)
		__field(u32, len)
		__field(u64, gpa)
		__field(u64, val)
	),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->type = write;
		__entry->len = len;
		__entry->gpa = gpa;
		__entry->val = val;
	),
	TP_printk(VCPU_FORMAT "%s len %u gpa 0x%llx val 0x%llx", VCPU_ARGS,
		  __entry->type ? "write" : "read", __entry->len, __entry->gpa, __entry->val)
);

TRACE_EVENT(svmm_msr,
	TP_PROTO(const struct vcpu *vcpu, bool write, u32 ecx, u64 data, bool exception),
	TP_ARGS(vcpu, write, ecx, data, exception),
	TP_STRUCT__entry(
		VCPU_FIELDS
		__field(bool, write)
		__field(bool, exception)
		__field(u32, ecx)
		__field(u64, data)
	),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->write = write;
		__entry->ecx = ecx;
		__entry->data = data;
		__entry->exception = exception;
	),
	TP_printk(VCPU_FORMAT "%s 0x%x = 0x%llx%s", VCPU_ARGS, __entry->write ? "write" : "read",
		  __entry->ecx, __entry->data, __entry->exception ? " (#GP)" : "")
);

TRACE_EVENT(svmm_cpuid,
	TP_PROTO(const struct vcpu *vcpu, u32 function, u32 index, bool found),
	TP_ARGS(vcpu, function, index, found),
	TP_STRUCT__entry(
		VCPU_FIELDS
		__field(u32, function)
		__field(u32, index)
		__field(u32, rax)
		__field(u32, rbx)
		__field(u32, rcx)
		__field(u32, rdx)
		__field(bool, found)
	),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->function = function;
		__entry->index = index;
		__entry->rax = vcpu->regs[X86_RAX];
		__entry->rbx = vcpu->regs[X86_RBX];
		__entry->rcx = vcpu->regs[X86_RCX];
		__entry->rdx = vcpu->regs[X86_RDX];
		__entry->found = found;
	),
	TP_printk(VCPU_FORMAT "func %x idx %x rax %x rbx %x rcx %x rdx %x, cpuid entry %s",
		  VCPU_ARGS, __entry->function, __entry->index, __entry->rax, __entry->rbx,
		  __entry->rcx, __entry->rdx, __entry->found ? "found" : "not found")
);

TRACE_EVENT(svmm_hypercall,
	TP_PROTO(const struct vcpu *vcpu, u64 nr, const u64 *arg, long ret),
	TP_ARGS(vcpu, nr, arg, ret),
	TP_STRUCT__entry(
		VCPU_FIELDS
		__field(u64, nr)
		__field(u64, a0)
		__field(u64, a1)
		__field(u64, a2)
		__field(u64, a3)
		__field(long, ret)
	),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->nr = nr;
		__entry->a0 = arg[0];
		__entry->a1 = arg[1];
		__entry->a2 = arg[2];
		__entry->a3 = arg[3];
		__entry->ret = ret;
	),
	TP_printk(VCPU_FORMAT "nr 0x%llx a0 0x%llx a1 0x%llx a2 0x%llx a3 0x%llx ret %ld",
		  VCPU_ARGS, __entry->nr, __entry->a0, __entry->a1, __entry->a2, __entry->a3,
		  __entry->ret)
);

/* reg: offset in the xAPIC page; x2APIC's MSRs are those of svmm_msr */
TRACE_EVENT(svmm_apic,
	TP_PROTO(const struct vcpu *vcpu, bool write, u32 reg, u64 val),
	TP_ARGS(vcpu, write, reg, val),
	TP_STRUCT__entry(VCPU_FIELDS __field(u32, rw) __field(u32, reg) __field(u64, val)),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->rw = write;
		__entry->reg = reg;
		__entry->val = val;
	),
	TP_printk(VCPU_FORMAT "%s reg 0x%x val 0x%llx", VCPU_ARGS,
		  __entry->rw ? "write" : "read", __entry->reg, __entry->val)
);

TRACE_EVENT(svmm_apic_ipi,
	TP_PROTO(const struct vcpu *vcpu, u32 icr_low, u32 dest_id),
	TP_ARGS(vcpu, icr_low, dest_id),
	TP_STRUCT__entry(VCPU_FIELDS __field(u32, icr_low) __field(u32, dest_id)),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->icr_low = icr_low;
		__entry->dest_id = dest_id;
	),
	TP_printk(VCPU_FORMAT "dst %x vec %u icr_low 0x%x", VCPU_ARGS, __entry->dest_id,
		  (u8)__entry->icr_low, __entry->icr_low)
);

/* The APIC's timer: @expiry in ns of the host's CLOCK_MONOTONIC; it has run out if @fired. */
TRACE_EVENT(svmm_timer,
	TP_PROTO(const struct vcpu *vcpu, s64 expiry, bool fired),
	TP_ARGS(vcpu, expiry, fired),
	TP_STRUCT__entry(VCPU_FIELDS __field(s64, expiry) __field(bool, fired)),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->expiry = expiry;
		__entry->fired = fired;
	),
	TP_printk(VCPU_FORMAT "%s %lld", VCPU_ARGS, __entry->fired ? "fired" : "set for",
		  __entry->expiry)
);

/* It has run with another ASID than before, or with a flush. */
TRACE_EVENT(svmm_asid,
	TP_PROTO(const struct vcpu *vcpu, u32 asid, u32 tlb_ctl),
	TP_ARGS(vcpu, asid, tlb_ctl),
	TP_STRUCT__entry(VCPU_FIELDS __field(u32, asid) __field(u32, tlb_ctl)),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
		__entry->asid = asid;
		__entry->tlb_ctl = tlb_ctl;
	),
	TP_printk(VCPU_FORMAT "asid %u tlb_control %u", VCPU_ARGS, __entry->asid, __entry->tlb_ctl)
);

/* All vCPUs: translations have left the nested page tables. */
TRACE_EVENT(svmm_tlb_flush,
	TP_PROTO(const struct vm *vm, u64 generation),
	TP_ARGS(vm, generation),
	TP_STRUCT__entry(__field(pid_t, vm) __field(u64, generation)),
	TP_fast_assign(
		__entry->vm = pid_nr(vm->pid);
		__entry->generation = generation;
	),
	TP_printk("vm %d generation %llu", __entry->vm, __entry->generation)
);

/* A slot was set; size 0: deleted. */
TRACE_EVENT(svmm_memslot,
	TP_PROTO(const struct vm *vm, u32 slot, u32 flags, u64 gpa, u64 size, u64 user_addr),
	TP_ARGS(vm, slot, flags, gpa, size, user_addr),
	TP_STRUCT__entry(
		__field(pid_t, vm)
		__field(u32, slot)
		__field(u32, flags)
		__field(u64, gpa)
		__field(u64, size)
		__field(u64, user_addr)
	),
	TP_fast_assign(
		__entry->vm = pid_nr(vm->pid);
		__entry->slot = slot;
		__entry->flags = flags;
		__entry->gpa = gpa;
		__entry->size = size;
		__entry->user_addr = user_addr;
	),
	TP_printk("vm %d slot %u flags 0x%x gpa 0x%llx size 0x%llx user_addr 0x%llx", __entry->vm,
		  __entry->slot, __entry->flags, __entry->gpa, __entry->size, __entry->user_addr)
);

DECLARE_EVENT_CLASS(svmm_vm,
	TP_PROTO(const struct vm *vm),
	TP_ARGS(vm),
	TP_STRUCT__entry(__field(pid_t, vm) __array(char, name, SVMM_NAME_MAX)),
	TP_fast_assign(
		__entry->vm = pid_nr(vm->pid);
		memcpy(__entry->name, vm->name, SVMM_NAME_MAX);
	),
	TP_printk("vm %d name %s", __entry->vm, __entry->name)
);

DEFINE_EVENT(svmm_vm, svmm_vm_create, TP_PROTO(const struct vm *vm), TP_ARGS(vm));
DEFINE_EVENT(svmm_vm, svmm_vm_dead, TP_PROTO(const struct vm *vm), TP_ARGS(vm));
DEFINE_EVENT(svmm_vm, svmm_vm_destroy, TP_PROTO(const struct vm *vm), TP_ARGS(vm));

DECLARE_EVENT_CLASS(svmm_vcpu,
	TP_PROTO(const struct vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(VCPU_FIELDS),
	TP_fast_assign(
		VCPU_ASSIGN(vcpu);
	),
	TP_printk("vm %d vcpu %u", VCPU_ARGS)
);

DEFINE_EVENT(svmm_vcpu, svmm_vcpu_create, TP_PROTO(const struct vcpu *vcpu), TP_ARGS(vcpu));
DEFINE_EVENT(svmm_vcpu, svmm_vcpu_halt, TP_PROTO(const struct vcpu *vcpu), TP_ARGS(vcpu));
DEFINE_EVENT(svmm_vcpu, svmm_vcpu_wake, TP_PROTO(const struct vcpu *vcpu), TP_ARGS(vcpu));

#endif /* SVMM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace

/* This part must be outside protection */
#include <trace/define_trace.h>
