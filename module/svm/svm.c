// SPDX-License-Identifier: GPL-2.0
/*
 * The VMCB side of a vCPU: creation, reset, and what is set up once for all.
 *
 * One MSR and one I/O permission map serve every VM, since what passes without
 * an exit is the same for all.  It must not know how a guest runs (run.c).
 */
#include <linux/slab.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>

#include "../compat.h"
#include "../tsc.h"
#include "bitmap.h"
#include "cpu.h"
#include "svm_vcpu.h"

u64 svm_msrpm_pa, svm_iopm_pa;
static u8 *msrpm, *iopm;

int svm_init(void)
{
	int ret;

	ret = svm_caps_init();
	if (ret)
		return ret;
	ret = -ENOMEM;
	msrpm = alloc_pages_exact(MSRPM_BYTES, GFP_KERNEL);
	iopm = alloc_pages_exact(IOPM_BYTES, GFP_KERNEL);
	if (!msrpm || !iopm)
		goto err;
	msrpm_build(msrpm);
	iopm_build(iopm);
	svm_msrpm_pa = svm_pa(msrpm);
	svm_iopm_pa = svm_pa(iopm);
	ret = svm_cpu_init();
	if (ret)
		goto err;
	return 0;

err:
	if (iopm)
		free_pages_exact(iopm, IOPM_BYTES);
	if (msrpm)
		free_pages_exact(msrpm, MSRPM_BYTES);
	return ret;
}

void svm_exit(void)
{
	svm_cpu_exit();
	free_pages_exact(iopm, IOPM_BYTES);
	free_pages_exact(msrpm, MSRPM_BYTES);
}

void svm_fill_caps(struct svmm_caps *caps)
{
	static const struct {
		u32 svm;
		u64 uapi;
	} map[] = {
		{ SVM_FEATURE_NPT, SVMM_FEAT_NPT },
		{ SVM_FEATURE_NRIPS, SVMM_FEAT_NRIPS },
		{ SVM_FEATURE_DECODEASSISTS, SVMM_FEAT_DECODEASSISTS },
		{ SVM_FEATURE_FLUSHBYASID, SVMM_FEAT_FLUSHBYASID },
		{ SVM_FEATURE_CLEANBITS, SVMM_FEAT_CLEANBITS },
		{ SVM_FEATURE_VGIF, SVMM_FEAT_VGIF },
		{ SVM_FEATURE_PAUSEFILTER, SVMM_FEAT_PAUSEFILTER },
		{ SVM_FEATURE_TSCRATEMSR, SVMM_FEAT_TSC_SCALING },
		{ SVM_FEATURE_VNMI, SVMM_FEAT_VNMI },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (svm_has(map[i].svm))
			caps->features |= map[i].uapi;
	if (svm.gb_pages)
		caps->features |= SVMM_FEAT_1G_PAGES;
	caps->nr_asids = svm.nr_asids;
	caps->tsc_khz = svm.tsc_khz;
	caps->phys_bits = svm.guest_phys_bits;
	caps->xcr0 = svm.xcr0;
	caps->xsave_bytes = svm.xsave_bytes;
}

unsigned int svm_guest_phys_bits(void)
{
	return svm.guest_phys_bits;
}

bool svm_has_1g_leaves(void)
{
	return svm.gb_pages;
}

int svm_tsc_ratio(u32 khz, u64 *ratio)
{
	*ratio = TSC_RATIO_ONE;
	if (khz == svm.tsc_khz)
		return 0;
	if (!svm_has(SVM_FEATURE_TSCRATEMSR))
		return -EOPNOTSUPP;
	/* 8 bits before the point, 32 behind it (APM vol. 2, 15.30.5). */
	*ratio = div_u64((u64)khz << 32, svm.tsc_khz);
	return *ratio && !(*ratio >> 40) ? 0 : -EINVAL;
}

static void fpu_reset(struct svm_vcpu *sv)
{
	struct fxregs_state *fx = sv->fpu;

	memset(sv->fpu, 0, svm.xsave_bytes);
	fx->cwd = 0x37f;
	fx->mxcsr = 0x1f80;
}

/* MXCSR bits that exist: FXSAVE says so; 0 means the first SSE's (APM vol. 1, 11.5.8). */
static u32 host_mxcsr_mask(void)
{
	struct fxregs_state fx __aligned(16) = { };

	kernel_fpu_begin();
	asm volatile("fxsave64 %0" : "+m"(fx));
	kernel_fpu_end();
	return fx.mxcsr_mask ?: 0xffbf;
}

int svm_vcpu_create(struct vcpu *vcpu)
{
	static atomic64_t last_id;
	struct svm_vcpu *sv;

	BUILD_BUG_ON(sizeof(struct vmcb) != PAGE_SIZE);
	sv = kzalloc(sizeof(*sv), GFP_KERNEL_ACCOUNT);
	if (!sv)
		return -ENOMEM;
	vcpu->svm = sv;
	sv->vmcb = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	/* XSAVE wants 64 bytes' alignment; a power of two is aligned to itself. */
	sv->fpu = kzalloc(roundup_pow_of_two(svm.xsave_bytes), GFP_KERNEL_ACCOUNT);
	if (!sv->vmcb || !sv->fpu)
		return -ENOMEM;
	if (svm.clean_debug) {
		sv->shadow = kzalloc(sizeof(*sv->shadow), GFP_KERNEL_ACCOUNT);
		if (!sv->shadow)
			return -ENOMEM;
		sv->shadow->cpu = -1;
		sv->check = SVM_CHECK_CLEAN;
	}
	sv->id = atomic64_inc_return(&last_id);
	sv->vmcb_pa = svm_pa(sv->vmcb);
	sv->mxcsr_mask = host_mxcsr_mask();
	svm_debug_init(sv);
	svm_fetch_init(sv);
	return 0;
}

void svm_vcpu_destroy(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;

	if (!sv)
		return;
	irq_work_sync(&sv->leave);
	kfree(sv->shadow);
	kfree(sv->fpu);
	free_page((unsigned long)sv->vmcb);
	kfree(sv);
}

static void vmcb_reset_control(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;
	unsigned int word;

	for (word = 0; word < SVM_WORDS; word++)
		vmcb_set_intercepts(vmcb, word, 0);
	vmcb_set_intercepts(vmcb, SVM_WORD_DR, SVM_INTERCEPT_ALL_DR);
	vmcb_intercept(vmcb, SVM_INTERCEPT_EXCEPTION(X86_VEC_GP));
	vmcb_set_iopm_base_pa(vmcb, svm_iopm_pa);
	vmcb_set_msrpm_base_pa(vmcb, svm_msrpm_pa);
	svm_set_tsc_offset(vcpu, vcpu->tsc_offset);
	vmcb_set_int_ctl(vmcb, V_INTR_MASKING |
			       (svm_has(SVM_FEATURE_VNMI) ? V_NMI_ENABLE : 0));
	vmcb_set_nested_ctl(vmcb, NESTED_CTL_NP_ENABLE);
	vmcb_set_nested_cr3(vmcb, vcpu->vm->npt_root_pa);
	vmcb->int_state = 0;
	vmcb->event_inj = 0;
}

void svm_vcpu_reset(struct vcpu *vcpu, bool init)
{
	struct svm_vcpu *sv = vcpu->svm;
	u64 pat = vmcb_get_g_pat(sv->vmcb), dr7 = vmcb_get_dr7(sv->vmcb);
	u64 db[4];

	vmcb_reset_control(vcpu);
	vmcb_reset_save(sv->vmcb);
	svm_fetch_forget(sv);
	memcpy(db, sv->db, sizeof(db));
	memset(sv->db, 0, sizeof(sv->db));
	sv->efer = 0;
	sv->stepping = false;
	sv->nmi_iret = false;
	sv->vnmi_posted = false;
	sv->shadow_rip = SVM_NOWHERE;
	sv->cr8 = 0;
	/* Reset state has caches off; a BIOS turns them on, and the guest comes after it. */
	svm_load_cr0(vcpu, X86_CR0_ET);
	svm_load_cr4(vcpu, 0);
	/* EDX: family, model and stepping after RESET (APM vol. 2, 14.1.3). */
	vcpu->regs[X86_RDX] = cpuid_eax(1);
	if (init) {
		vmcb_set_g_pat(sv->vmcb, pat);
	} else {
		fpu_reset(sv);
		vcpu->xcr0 = svm.xsave ? XFEATURE_MASK_FP : 0;
	}
	svm_debug_reset(sv, db, dr7);
	asid_flush(&sv->asid);
	sv->check |= SVM_CHECK_STATE;
}

void svm_start_at(struct vcpu *vcpu, u8 sipi_vector)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;
	struct vmcb_seg cs = vmcb_get_seg(vmcb, VMCB_CS);

	cs.selector = sipi_vector << 8;
	cs.base = sipi_vector << 12;
	vmcb_set_seg(vmcb, VMCB_CS, cs);
	vmcb->rip = 0;
}

void svm_debug_vmcb(struct vcpu *vcpu, struct svmm_debug_vmcb *out)
{
	BUILD_BUG_ON(sizeof(out->mandatory) != sizeof(svm_mandatory_intercepts));
	memcpy(out->mandatory, svm_mandatory_intercepts, sizeof(out->mandatory));
	memcpy(out->vmcb, vcpu->svm->vmcb, sizeof(out->vmcb));
}
