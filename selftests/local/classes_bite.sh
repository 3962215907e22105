#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# only: check-long
# timeout: 7200
#
# Each class of bugs (docs/bugclasses.md) is put into the module once, in a copy of the project, and
# its test must fail: a test that cannot is none. TESTS_OF="04 17" takes some of the classes only.

cd "$(dirname "$0")/../.." || exit
. selftests/lib/tap.sh
shown=log
project=$PWD

# bites CLASS TEST FILE SED-COMMAND WHAT [amdhost options ...]: with that edit TEST fails
bites()
{
	class=$1 test=$2 file=$3 edit=$4 what=$5
	shift 5
	case " ${TESTS_OF:-$class} " in *" $class "*) ;; *) return ;; esac
	rm -rf "$tmp/copy"
	mkdir -p "$tmp/copy/out"
	cp -r Kbuild Makefile module uapi scripts selftests userspace debian "$tmp/copy"
	cp -r out/selftests out/vmctl "$tmp/copy/out"
	[ ! -e out/guest ] || ln -s "$project/out/guest" "$tmp/copy/out/guest"
	sed -i "$edit" "$tmp/copy/$file"
	: >"$tmp/log"
	if cmp -s "$file" "$tmp/copy/$file"; then
		echo "the edit changes nothing in $file" >"$tmp/log"
		false
	elif ! "$tmp/copy/scripts/build-module" 6.1 >"$tmp/log" 2>&1; then
		false
	else
		case $test in
		static/*) (cd "$tmp/copy" && selftests/run "$test") >"$tmp/log" 2>&1 ;;
		*) "$tmp/copy/scripts/amdhost" --timeout 200 "$@" -- selftests/run $test \
			>"$tmp/log" 2>&1 ;;
		esac
		status=$?
		# Of what breaks the emulated host itself, its kernel's words are proof enough.
		case $status in 1 | 124 | 125) ;; *) false ;; esac
	fi
	result $? "class $class, $what: ${test%.*}"
}

echo "1..$(echo ${TESTS_OF:-$(seq 29)} | wc -w)"
bites 01 class_01_svm_insns.c module/svm/exit.c \
	's/^\(\t\[SVM_EXIT_VMSAVE\]\t*= \)exit_ud,/\1skip,/' "VMSAVE is skipped"
bites 02 class_02_vmcb_fields.c module/svm/state.c \
	's/in->flags & ~EVENT_FLAGS || //' "unknown event flags are taken"
bites 03 class_03_intercepts.c module/svm/vmcb.c \
	's/^\t(SVM_INTERCEPT_BIT(SVM_INTERCEPT_VINTR) |/\t(SVM_INTERCEPT_BIT(SVM_INTERCEPT_RDPMC) | SVM_INTERCEPT_BIT(SVM_INTERCEPT_VINTR) |/' \
	"RDPMC is not mandatory"
bites 04 class_04_shutdown.c module/svm/exit.c \
	'/^static enum svm_action exit_shutdown/,/^}/s/return SVM_KILL/return SVM_TO_USER/' \
	"a VM lives on after a triple fault"
bites 05 class_25_killable.c module/svm/run.c \
	's/(_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | /(/' "a signal does not end the rounds"
bites 06 class_06_single_step.c module/svm/state.c \
	's/^\tif (!(vmcb->rflags & X86_EFLAGS_TF))$/\tif (1)/' "no #DB behind an emulated instruction"
bites 07 class_07_debug_registers.c module/svm/run.c \
	's/^\tset_debugreg(host->db\[0\], 0);$//' "the host's DR0 stays the guest's"
bites 08 class_08_msr.c module/msr_policy.def \
	's/^MSR(0xc0010114, 0xc0010114, VM_CR, SAME,/MSR(0xc0010114, 0xc0010114, VM_CR, DROP,/' \
	"VM_CR takes any value"
bites 09 class_09_efer.c module/svm/cr.c \
	's/if (efer & ~vcpu->policy.efer_allowed)/if (0)/' "reserved bits of EFER are taken"
bites 10 class_10_cr.c module/svm/cr.c \
	's/if (cr0 & X86_CR0_NW && !(cr0 & X86_CR0_CD))/if (0)/' "CR0.NW without CD is taken"
bites 11 class_11_failed_vmrun.c module/svm/run.c \
	's/if (holds_host_state(sv->vmcb)) {/if (0) {/' "a failed VMRUN's state is published"
bites 12 class_12_event_delivery.c module/svm/intr.c \
	's/^\tevent_requeue(vcpu, &event);$//' "what an exit interrupted is lost"
bites 13 class_13_nmi_window.c module/svm/intr.c \
	'/^bool svm_end_step/,/^}/s/vcpu->nmi_masked = false/;/' "NMIs stay masked behind IRET"
bites 14 class_14_cr2.c module/svm/intr.c \
	's/^\tif (vector == X86_VEC_PF)$/\tif (0)/' "an injected #PF does not set CR2"
bites 15 class_15_stale_tlb.c module/vm.c \
	's/^\tsmp_call_function_many(vm->flush_mask, .*$//' "a guest that runs is not kicked"
bites 16 class_16_dirty_log.c module/npt/npt_dirty.c \
	's/^\t\tflush |= protect_bits(.*$//' "a clean page is not protected again"
bites 17 class_17_mmu_notifier.c module/npt/npt_mm.c \
	'/^static bool zap_chunk/,/^}/s/^\tif (any)$/\tif (0)/' "no flush when the host takes a page"
bites 18 class_18_lifetimes.c module/vm.c \
	's/^\tvm_unref(vm);$/\tif (vm->serial % 32)\n&/' "one reference in 32 is not put"
bites 19 class_19_double_fetch.c module/vcpu.c \
	's/svm_commit_state(vcpu, copy, dirty)/svm_commit_state(vcpu, vcpu->page, dirty)/' \
	"state is judged on the shared page"
bites 20 abi.c module/vcpu.c \
	's/vcpu->io_data = (void \*)get_zeroed_page/vcpu->io_data = (void *)__get_free_page/' \
	"a page is not cleared"
bites 21 class_21_registers.c module/svm/enter.S \
	's/^\tmov\t%r14, R(14)(%rax)$//' "R14 is not saved"
bites 22 static/class_21_22_object_code.sh module/svm/enter.S \
	's/^\tFILL_RETURN_STACK$//' "the return stack is not filled"
bites 23 class_23_fpu.c module/svm/run.c \
	's/^\tfpu_load(sv->fpu);$//' "the guest's FPU is not loaded"
bites 24 class_24_host_segments.c module/svm/run.c \
	's/^\t\twrmsrq(MSR_TSC_AUX, cpu->tsc_aux);$/\t\t;/' "TSC_AUX stays the guest's"
bites 27 class_27_host_cpus.sh module/svm/cpu.c \
	's/^\tif (svm_users && !svm_going_down) {$/\tif (0) {/' "SVM is not enabled on a CPU that comes"
bites 28 abi_slots.c module/memslot.c \
	's/check_add_overflow(gpa, size, &end) ||/(end = gpa + size, false) ||/' \
	"a slot may wrap around"
bites 29 mmio.c module/emulate/alu.c \
	'/^static u64 logic/,/^}/s/& ~X86_FLAGS_ARITH/\& ~0ULL/' \
	"AND and OR leave the flags"
bites 31 class_31_page_tables.c module/npt/npt_mm.c \
	's/get_zeroed_page(GFP_KERNEL_ACCOUNT)/get_zeroed_page(GFP_KERNEL)/' \
	"page tables are nobody's"
bites 32 class_32_log.c module/svm/exit.c \
	's/^\ttrace_svmm_msr(.*$/&\n\tif (ret)\n\t\tpr_info("MSR\\n");/' "each refused MSR is logged"
exit $failed
