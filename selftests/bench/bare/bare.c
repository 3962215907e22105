// SPDX-License-Identifier: GPL-2.0
/*
 * What a round of VMRUN and #VMEXIT costs with nothing around it: "bare" in scripts/bench.
 *
 * A guest in real mode, without nested paging, does one thing for ever; for each exit its RIP is
 * moved on. No mitigations, no accounts, no FPU, no checks, and none of it is meant to be safe.
 * Loading the module runs it, with SVM off before and after, says a line for each operation, and
 * fails.
 */
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <asm/msr.h>
#include <asm/svm.h>

#define ROUNDS	1000

void bare_enter(u64 vmcb_pa, u64 *regs);

/* The instruction, and a jump back to it. */
static const struct {
	const char *name;
	u8 code[8];
	u8 len;			/* of the first */
	u64 exit;
} kinds[] = {
	{ "cpuid", { 0x0f, 0xa2, 0xeb, 0xfc }, 2, SVM_EXIT_CPUID },
	{ "vmmcall", { 0x0f, 0x01, 0xd9, 0xeb, 0xfb }, 3, SVM_EXIT_VMMCALL },
	{ "rdmsr", { 0x0f, 0x32, 0xeb, 0xfc }, 2, SVM_EXIT_MSR },
	{ "wrmsr", { 0x0f, 0x30, 0xeb, 0xfc }, 2, SVM_EXIT_MSR },
	{ "pio_out", { 0xe6, 0xe0, 0xeb, 0xfc }, 2, SVM_EXIT_IOIO },
	{ "pio_in", { 0xe4, 0xe0, 0xeb, 0xfc }, 2, SVM_EXIT_IOIO },
};

static void segment(struct vmcb_seg *seg, u64 base, u16 attrib)
{
	seg->selector = base >> 4;
	seg->attrib = attrib;
	seg->limit = 0xffff;
	seg->base = base;
}

static void real_mode(struct vmcb *vmcb, u64 code, u64 maps)
{
	struct vmcb_control_area *c = &vmcb->control;
	struct vmcb_save_area *s = &vmcb->save;

	memset(vmcb, 0, sizeof(*vmcb));
	c->intercepts[INTERCEPT_WORD3] = 1U << (INTERCEPT_CPUID % 32) |
		1U << (INTERCEPT_IOIO_PROT % 32) | 1U << (INTERCEPT_MSR_PROT % 32) |
		1U << (INTERCEPT_INTR % 32) | 1U << (INTERCEPT_SHUTDOWN % 32);
	c->intercepts[INTERCEPT_WORD4] = 1U << (INTERCEPT_VMRUN % 32) |
		1U << (INTERCEPT_VMMCALL % 32);
	c->iopm_base_pa = maps;
	c->msrpm_base_pa = maps;
	c->int_ctl = V_INTR_MASKING_MASK;
	c->asid = 1;
	c->tlb_ctl = TLB_CONTROL_FLUSH_ALL_ASID;
	segment(&s->cs, code, 0x9b);
	segment(&s->ds, 0, 0x93);
	segment(&s->es, 0, 0x93);
	segment(&s->ss, 0, 0x93);
	segment(&s->fs, 0, 0x93);
	segment(&s->gs, 0, 0x93);
	segment(&s->tr, 0, 0x8b);
	segment(&s->ldtr, 0, 0x82);
	s->idtr.limit = 0x3ff;
	s->gdtr.limit = 0xffff;
	s->efer = EFER_SVME;
	s->cr0 = X86_CR0_ET;
	s->rflags = 2;
	s->dr6 = 0xffff0ff0;
	s->dr7 = 0x400;
	s->g_pat = 0x0007040600070406ULL;
}

/* Interrupts are off. Return: instructions of the host in a round, or 0. */
static u64 measure(struct vmcb *vmcb, unsigned int kind)
{
	u64 regs[16] = { }, begun, took, pa = __pa(vmcb);
	unsigned int round;

	for (round = 0; round <= ROUNDS; round++) {
		if (round == 1)
			begun = rdtsc();
		bare_enter(pa, regs);
		if (vmcb->control.exit_code != kinds[kind].exit)
			return 0;
		vmcb->control.tlb_ctl = TLB_CONTROL_DO_NOTHING;
		vmcb->save.rip += kinds[kind].len;
	}
	took = rdtsc() - begun;
	return took / ROUNDS - 2;
}

static int __init bare_init(void)
{
	struct page *code = alloc_page(GFP_KERNEL | GFP_DMA32), *save = alloc_page(GFP_KERNEL);
	struct vmcb *vmcb = (void *)get_zeroed_page(GFP_KERNEL);
	struct page *maps = alloc_pages(GFP_KERNEL, 2);
	unsigned int kind;
	unsigned long flags;
	u64 efer, figure;
	int ret = -ECANCELED;

	if (!code || !save || !vmcb || !maps) {
		ret = -ENOMEM;
		goto out;
	}
	memset(page_address(maps), 0xff, 4 * PAGE_SIZE);
	for (kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		memcpy(page_address(code), kinds[kind].code, sizeof(kinds[kind].code));
		real_mode(vmcb, page_to_phys(code), page_to_phys(maps));
		local_irq_save(flags);
		rdmsrl(MSR_EFER, efer);
		if (!(efer & EFER_SVME)) {
			wrmsrl(MSR_EFER, efer | EFER_SVME);
			wrmsrl(MSR_VM_HSAVE_PA, page_to_phys(save));
			figure = measure(vmcb, kind);
			wrmsrl(MSR_VM_HSAVE_PA, 0);
			wrmsrl(MSR_EFER, efer);
		} else {
			figure = 0;
		}
		local_irq_restore(flags);
		pr_info("svmm-bare: %s %llu\n", kinds[kind].name, figure);
	}
out:
	if (maps)
		__free_pages(maps, 2);
	free_page((unsigned long)vmcb);
	if (save)
		__free_page(save);
	if (code)
		__free_page(code);
	return ret;
}
module_init(bare_init);

MODULE_DESCRIPTION("What a VMRUN loop costs with nothing around it");
MODULE_LICENSE("GPL");
