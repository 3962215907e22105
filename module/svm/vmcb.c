// SPDX-License-Identifier: GPL-2.0
/*
 * What is not a VMCB accessor: the mandatory intercepts, the state after RESET, VMRUN's
 * consistency rules in software, and the check of the clean bits. Pure C; it must not know CPUs
 * (their limits are arguments) or why a field has its value.
 *
 * The trick: vmcb_check() is a list of rules, each a condition and its sentence. It names a rule
 * that VMRUN would only answer with VMEXIT_INVALID, and it rejects on every machine what some
 * processors and all emulators let pass.
 */
#include "vmcb.h"
#include "bitmap.h"

#define SAVE_AREA		offsetof(struct vmcb, _seg)
#define IN_PAGE			0xfffULL
#define VECTOR_BIT(vector)	(1U << (vector))

/*
 * Mandatory intercepts, written as what a guest MAY be allowed to do without an exit; everything
 * else always exits. Policy adds to this (a debugger, an interrupt window), never removes.
 */

/* Reading any CR; writing CR2, CR3 (nested paging) and CR8 (V_TPR). */
#define ALLOWED_CR							\
	(0xffffU |							\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_WRITE_CR(2)) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_WRITE_CR(3)) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_WRITE_CR(8)))

/* Using the debug registers, once run.c has loaded them with the guest's values. */
#define ALLOWED_DR		SVM_INTERCEPT_ALL_DR

/*
 * Taking its own exceptions, but for #MC, which is the host's, and for #DB and #AC: when the IDT
 * or a stack makes their delivery raise them again, the CPU stays in the guest for ever
 * (CVE-2015-8104, CVE-2015-5307).
 */
#define ALLOWED_EXCEPTIONS	(~(VECTOR_BIT(1) | VECTOR_BIT(17) | VECTOR_BIT(18)))

/*
 * What touches nothing but the guest's own state. CR0_SEL_WRITE is covered by WRITE_CR0, VINTR by
 * V_IRQ being ours alone. INTR, NMI, SMI, INIT and FERR_FREEZE are the host's events; RDPMC reads
 * the host's counters; INVD would throw the host's writes away; SHUTDOWN would reach the host.
 */
#define ALLOWED_MISC1							\
	(SVM_INTERCEPT_BIT(SVM_INTERCEPT_VINTR) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_CR0_SEL_WRITE) |		\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_IDTR_READ) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_GDTR_READ) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_LDTR_READ) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_TR_READ) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_IDTR_WRITE) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_GDTR_WRITE) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_LDTR_WRITE) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_TR_WRITE) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_RDTSC) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_PUSHF) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_POPF) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_IRET) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_SWINT) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_PAUSE) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_INVLPG))

/*
 * RDTSCP and ICEBP; MWAIT_ARMED is covered by MWAIT. The write traps, bits 31:15, come after the
 * write and are for guests whose registers the host cannot see.
 */
#define ALLOWED_MISC2							\
	(SVM_INTERCEPT_BIT(SVM_INTERCEPT_RDTSCP) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_ICEBP) |			\
	 SVM_INTERCEPT_BIT(SVM_INTERCEPT_MWAIT_ARMED) |			\
	 ~(SVM_INTERCEPT_BIT(SVM_INTERCEPT_EFER_WRITE_TRAP) - 1U))

/*
 * INVPCID, which acts within the ASID. BUSLOCK and IDLE_HLT, and what is reserved above them, need
 * features that are not used; INVLPGB and TLBSYNC reach other CPUs' TLBs.
 */
#define ALLOWED_MISC3							\
	(SVM_INTERCEPT_BIT(SVM_INTERCEPT_INVPCID) |			\
	 ~(SVM_INTERCEPT_BIT(SVM_INTERCEPT_BUSLOCK) - 1U))

const u32 svm_mandatory_intercepts[SVM_WORDS] = {
	[SVM_WORD_CR] = ~ALLOWED_CR,
	[SVM_WORD_DR] = ~ALLOWED_DR,
	[SVM_WORD_EXCEPTIONS] = ~ALLOWED_EXCEPTIONS,
	[SVM_WORD_MISC1] = ~ALLOWED_MISC1,
	[SVM_WORD_MISC2] = ~ALLOWED_MISC2,
	[SVM_WORD_MISC3] = ~ALLOWED_MISC3,
};

void vmcb_reset_save(struct vmcb *vmcb)
{
	const struct vmcb_seg data = { .attrib = 0x93, .limit = 0xffff };
	const struct vmcb_seg table = { .limit = 0xffff };

	memset((u8 *)vmcb + SAVE_AREA, 0, sizeof(*vmcb) - SAVE_AREA);
	vmcb_dirty(vmcb, VMCB_CLEAN_ALL);

	vmcb_set_seg(vmcb, VMCB_CS, (struct vmcb_seg){
		.selector = 0xf000, .attrib = 0x9b, .limit = 0xffff, .base = 0xffff0000,
	});
	vmcb_set_seg(vmcb, VMCB_DS, data);
	vmcb_set_seg(vmcb, VMCB_ES, data);
	vmcb_set_seg(vmcb, VMCB_FS, data);
	vmcb_set_seg(vmcb, VMCB_GS, data);
	vmcb_set_seg(vmcb, VMCB_SS, data);
	vmcb_set_seg(vmcb, VMCB_GDTR, table);
	vmcb_set_seg(vmcb, VMCB_IDTR, table);
	vmcb_set_seg(vmcb, VMCB_LDTR, (struct vmcb_seg){ .attrib = 0x82, .limit = 0xffff });
	vmcb_set_seg(vmcb, VMCB_TR, (struct vmcb_seg){ .attrib = 0x8b, .limit = 0xffff });

	vmcb_set_efer(vmcb, EFER_SVME);
	vmcb_set_cr0(vmcb, X86_CR0_ET);
	vmcb_set_dr6(vmcb, 0xffff0ff0);
	vmcb_set_dr7(vmcb, 0x400);
	vmcb_set_g_pat(vmcb, 0x0007040600070406ULL);
	vmcb->rflags = X86_EFLAGS_FIXED;
	vmcb->rip = 0xfff0;
}

/*
 * VMRUN's rules. Each function returns the first broken one, or NULL. "(svmm)" marks a state that
 * VMRUN itself would take.
 */

static bool bad_table(u64 pa, u64 bytes, const struct vmcb_limits *lim)
{
	return (pa & ~lim->phys_mask) || ((pa + bytes - 1) & ~lim->phys_mask);
}

static const char *check_control(const struct vmcb *vmcb, const struct vmcb_limits *lim)
{
	unsigned int word;

	if (!vmcb_intercepts(vmcb, SVM_INTERCEPT_VMRUN))
		return "VMRUN is not intercepted";
	for (word = 0; word < SVM_WORDS; word++)
		if (svm_mandatory_intercepts[word] & ~vmcb->_intercepts[word])
			return "a mandatory intercept is clear (svmm)";

	if ((vmcb->_iopm_base_pa | vmcb->_msrpm_base_pa) & IN_PAGE)
		return "a permission map is not page-aligned (svmm)";
	if (bad_table(vmcb->_iopm_base_pa, IOPM_BYTES, lim))
		return "the I/O permission map is beyond MAXPHYADDR";
	if (bad_table(vmcb->_msrpm_base_pa, MSRPM_BYTES, lim))
		return "the MSR permission map is beyond MAXPHYADDR";

	if (!vmcb->_asid)
		return "ASID 0 is the host's";
	if (vmcb->_asid >= lim->nr_asids)
		return "ASID above what the CPU has";

	switch (vmcb->tlb_ctl) {
	case SVM_TLB_KEEP:
	case SVM_TLB_FLUSH_ALL:
		break;
	case SVM_TLB_FLUSH_ASID:
	case SVM_TLB_FLUSH_NONGLOBAL:
		if (!(lim->features & SVM_FEATURE_FLUSHBYASID))
			return "TLB_CONTROL value needs FlushByASID";
		break;
	default:
		return "reserved TLB_CONTROL value";
	}

	if (vmcb->clean & ~(lim->features & SVM_FEATURE_CLEANBITS ? VMCB_CLEAN_ALL : 0))
		return "clean bit that the CPU does not have (svmm)";
	return NULL;
}

static const char *check_virtualization(const struct vmcb *vmcb, const struct vmcb_limits *lim)
{
	u64 int_ctl = V_TPR_MASK | V_IRQ | V_INTR_PRIO_MASK | V_IGN_TPR | V_INTR_MASKING |
		      V_INTR_VECTOR_MASK;
	u64 virt_ext = 0;
	unsigned int i;

	if (vmcb->_int_ctl & (AVIC_ENABLE | X2AVIC_ENABLE))
		return "AVIC is on";
	if (lim->features & SVM_FEATURE_VGIF)
		int_ctl |= V_GIF | V_GIF_ENABLE;
	if (lim->features & SVM_FEATURE_VNMI)
		int_ctl |= V_NMI | V_NMI_MASK | V_NMI_ENABLE;
	if (vmcb->_int_ctl & ~int_ctl)
		return "reserved or unsupported bit in int_ctl";
	if (vmcb->_int_ctl & 0xf0)
		return "V_TPR is above 15";
	if (!(vmcb->_int_ctl & V_INTR_MASKING))
		return "V_INTR_MASKING is off: the guest's IF would mask host interrupts (svmm)";

	if (lim->features & SVM_FEATURE_LBRV)
		virt_ext |= VIRT_EXT_LBRV;
	if (lim->features & SVM_FEATURE_VLS)
		virt_ext |= VIRT_EXT_VLS;
	if (vmcb->_virt_ext & ~virt_ext)
		return "unsupported LBR or VMLOAD virtualization in virt_ext";

	if (vmcb->_nested_ctl != NESTED_CTL_NP_ENABLE)
		return "nested_ctl is not nested paging alone (svmm)";
	if (vmcb->_nested_cr3 & IN_PAGE)
		return "nested_cr3 is not page-aligned";
	if (vmcb->_nested_cr3 & ~lim->phys_mask)
		return "nested_cr3 is beyond MAXPHYADDR";
	for (i = 0; i < 64; i += 8) {
		u8 type = vmcb->_g_pat >> i;

		if (type > 7 || type == 2 || type == 3)
			return "illegal memory type in g_pat";
	}

	if (vmcb->avic_apic_bar || vmcb->avic_backing_page || vmcb->avic_logical_table ||
	    vmcb->avic_physical_table || vmcb->ghcb_pa || vmcb->vmsa_pa)
		return "AVIC or SEV-ES address is set (svmm)";
	return NULL;
}

static bool in_64bit_mode(const struct vmcb *vmcb)
{
	return (vmcb->_efer & EFER_LMA) && (vmcb->_seg[VMCB_CS].attrib & VMCB_ATTR_L);
}

static const char *check_event(const struct vmcb *vmcb)
{
	/* 9, 15, 20, 22 to 27 and 31 are reserved (8.2). */
	const u32 reserved = VECTOR_BIT(9) | VECTOR_BIT(15) | VECTOR_BIT(20) |
			     0x0fc00000U | VECTOR_BIT(31);
	/* #DF #TS #NP #SS #GP #PF #AC #CP #VC #SX push an error code. */
	const u32 with_error = VECTOR_BIT(8) | 0x7c00U | VECTOR_BIT(17) | VECTOR_BIT(21) |
			       VECTOR_BIT(29) | VECTOR_BIT(30);
	u32 event = vmcb->event_inj, vector = event & SVM_EVENT_VECTOR_MASK;
	bool protected = vmcb->_cr0 & X86_CR0_PE;
	bool error_code = event & SVM_EVENT_EV;

	if (!(event & SVM_EVENT_VALID))
		return NULL;
	if (event & 0x7ffff000)
		return "reserved bit in event_inj";

	switch (event & SVM_EVENT_TYPE_MASK) {
	case SVM_EVENT_INTR:
	case SVM_EVENT_NMI:
	case SVM_EVENT_SOFT_INT:
		if (error_code)
			return "injected interrupt has an error code (svmm)";
		return NULL;
	case SVM_EVENT_EXCEPTION:
		break;
	default:
		return "reserved type of injected event";
	}

	if (vector == 2)
		return "NMI injected as an exception";
	if (vector > 31 || (reserved & VECTOR_BIT(vector)))
		return "vector of the injected exception is none";
	if (in_64bit_mode(vmcb) && (vector == 4 || vector == 5))
		return "#OF or #BR injected in 64-bit mode";
	if (error_code != (protected && (with_error & VECTOR_BIT(vector))))
		return "injected exception has an error code too many, or lacks one (svmm)";
	return NULL;
}

static const char *check_registers(const struct vmcb *vmcb, const struct vmcb_limits *lim)
{
	u64 cr0 = vmcb->_cr0, cr4 = vmcb->_cr4, efer = vmcb->_efer;
	bool long_mode = (efer & EFER_LME) && (cr0 & X86_CR0_PG);

	if (!(efer & EFER_SVME))
		return "EFER.SVME is clear";
	if (efer & lim->efer_reserved)
		return "reserved bit in EFER";
	if (cr0 >> 32)
		return "CR0 63:32 are not zero";
	if ((cr0 & X86_CR0_NW) && !(cr0 & X86_CR0_CD))
		return "CR0.NW is set without CR0.CD";
	if (vmcb->_cr3 & ~lim->guest_phys_mask)
		return "reserved bit in CR3";
	if (cr4 & lim->cr4_reserved)
		return "reserved bit in CR4";
	if (vmcb->_dr6 >> 32)
		return "DR6 63:32 are not zero";
	if (vmcb->_dr7 >> 32)
		return "DR7 63:32 are not zero";

	if (long_mode && !(cr4 & X86_CR4_PAE))
		return "long mode without CR4.PAE";
	if (long_mode && !(cr0 & X86_CR0_PE))
		return "long mode without CR0.PE";
	if ((cr0 & X86_CR0_PG) && !(cr0 & X86_CR0_PE))
		return "CR0.PG without CR0.PE (svmm)";
	if (long_mode != !!(efer & EFER_LMA))
		return "EFER.LMA contradicts EFER.LME and CR0.PG";
	if (vmcb->s_cet)
		return "S_CET is not zero (svmm)";
	return NULL;
}

static bool canonical(u64 address, u64 cr4)
{
	unsigned int shift = cr4 & X86_CR4_LA57 ? 7 : 16;

	return (u64)((s64)(address << shift) >> shift) == address;
}

static const char *check_mode(const struct vmcb *vmcb)
{
	const u64 rflags_reserved = ~0x3f7fd7ULL;
	u16 cs = vmcb->_seg[VMCB_CS].attrib, ss = vmcb->_seg[VMCB_SS].attrib;
	bool long_mode = vmcb->_efer & EFER_LMA;
	bool vm86 = vmcb->rflags & X86_EFLAGS_VM;

	if (long_mode && (cs & VMCB_ATTR_L) && (cs & VMCB_ATTR_DB))
		return "CS has both L and D in long mode";
	if (!(vmcb->rflags & X86_EFLAGS_FIXED))
		return "RFLAGS bit 1 is clear (svmm)";
	if (vmcb->rflags & rflags_reserved)
		return "reserved bit in RFLAGS (svmm)";
	if (vm86 && (long_mode || !(vmcb->_cr0 & X86_CR0_PE)))
		return "RFLAGS.VM in real or long mode (svmm)";
	if (vmcb->_cpl > 3)
		return "CPL is above 3 (svmm)";
	if (vmcb->_cpl != (ss & VMCB_ATTR_DPL_MASK) >> VMCB_ATTR_DPL_SHIFT)
		return "CPL and SS.DPL differ (svmm)";
	if (!(vmcb->_cr0 & X86_CR0_PE) && vmcb->_cpl)
		return "CPL is not 0 in real mode (svmm)";
	if (vm86 && vmcb->_cpl != 3)
		return "CPL is not 3 in virtual-8086 mode (svmm)";
	if (in_64bit_mode(vmcb) && !canonical(vmcb->rip, vmcb->_cr4))
		return "RIP is not canonical (svmm)";
	return NULL;
}

int vmcb_check(const struct vmcb *vmcb, const struct vmcb_limits *lim, const char **why)
{
	*why = check_control(vmcb, lim);
	if (!*why)
		*why = check_virtualization(vmcb, lim);
	if (!*why)
		*why = check_registers(vmcb, lim);
	if (!*why)
		*why = check_mode(vmcb);
	if (!*why)
		*why = check_event(vmcb);
	return *why ? -EINVAL : 0;
}

void vmcb_clean_record(struct vmcb_shadow *shadow, const struct vmcb *vmcb, int cpu)
{
	shadow->vmcb = *vmcb;
	shadow->cpu = cpu;
}

#define FIELD(type, name, bit)	{ #name, offsetof(struct vmcb, _##name), sizeof(type), bit },
#define SEG(name, i)		{ name, offsetof(struct vmcb, _seg[i]), sizeof(struct vmcb_seg), \
				  (i) == VMCB_GDTR || (i) == VMCB_IDTR ? VMCB_CLEAN_DT : \
									 VMCB_CLEAN_SEG }

int vmcb_clean_verify(const struct vmcb_shadow *shadow, const struct vmcb *vmcb, int cpu,
		      const char **why)
{
	static const struct {
		const char *name;
		u16 offset;
		u16 bytes;
		u32 bit;
	} fields[] = {
		VMCB_CLEAN_FIELDS(FIELD)
		SEG("es", VMCB_ES),
		SEG("cs", VMCB_CS),
		SEG("ss", VMCB_SS),
		SEG("ds", VMCB_DS),
		SEG("gdtr", VMCB_GDTR),
		SEG("idtr", VMCB_IDTR),
		{ "intercepts", 0, sizeof(vmcb->_intercepts), VMCB_CLEAN_I },
	};
	const u8 *now = (const u8 *)vmcb, *then = (const u8 *)&shadow->vmcb;
	unsigned int i;

	*why = NULL;
	if (vmcb->clean && shadow->cpu != cpu)
		*why = "clean bit set on a CPU that has not run this VMCB last";
	for (i = 0; i < ARRAY_SIZE(fields) && !*why; i++)
		if ((vmcb->clean & fields[i].bit) &&
		    memcmp(now + fields[i].offset, then + fields[i].offset, fields[i].bytes))
			*why = fields[i].name;
	return *why ? -EINVAL : 0;
}
