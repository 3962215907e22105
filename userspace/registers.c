// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of a vCPU, for the person who has to find out why it is where it is.  Only what the
 * shared page holds is printed: a dead VM may have no state left to ask for, and then what was
 * published last is shown.
 */
#include "guest_memory.h"
#include "look.h"
#include "machine.h"

#define GROUPS	(SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR | SVMM_STATE_DR)

#define X(x)	((unsigned long long)(x))

static void print_gprs(FILE *out, const struct svmm_gprs *g)
{
	fprintf(out, "  RIP %016llx  RFLAGS %08llx\n"
		"  RAX %016llx  RBX %016llx  RCX %016llx  RDX %016llx\n"
		"  RSI %016llx  RDI %016llx  RBP %016llx  RSP %016llx\n"
		"  R8  %016llx  R9  %016llx  R10 %016llx  R11 %016llx\n"
		"  R12 %016llx  R13 %016llx  R14 %016llx  R15 %016llx\n",
		X(g->rip), X(g->rflags), X(g->rax), X(g->rbx), X(g->rcx), X(g->rdx),
		X(g->rsi), X(g->rdi), X(g->rbp), X(g->rsp), X(g->r8), X(g->r9), X(g->r10),
		X(g->r11), X(g->r12), X(g->r13), X(g->r14), X(g->r15));
}

static void print_segments(FILE *out, const struct svmm_segs *s)
{
	const struct {
		const char *name;
		const struct svmm_segment *seg;
	} all[] = {
		{ "CS", &s->cs }, { "SS", &s->ss }, { "DS", &s->ds }, { "ES", &s->es },
		{ "FS", &s->fs }, { "GS", &s->gs }, { "TR", &s->tr }, { "LDTR", &s->ldtr },
		{ "GDTR", &s->gdt }, { "IDTR", &s->idt },
	};

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		fprintf(out, "  %-4s %04x  base %016llx  limit %08x  attrib %04x\n",
			all[i].name, all[i].seg->selector, X(all[i].seg->base),
			all[i].seg->limit, all[i].seg->attrib);
}

static void print_control(FILE *out, const struct svmm_crs *c)
{
	fprintf(out, "  CR0 %08llx  CR2 %016llx  CR3 %016llx  CR4 %08llx  EFER %05llx\n",
		X(c->cr0), X(c->cr2), X(c->cr3), X(c->cr4), X(c->efer));
}

static void print_debug(FILE *out, const struct svmm_drs *d)
{
	fprintf(out, "  DR0 %016llx  DR1 %016llx  DR2 %016llx  DR3 %016llx\n"
		"  DR6 %08llx  DR7 %08llx\n", X(d->db[0]), X(d->db[1]), X(d->db[2]), X(d->db[3]),
		X(d->dr6), X(d->dr7));
}

void look_registers(struct vcpu *vcpu, FILE *out)
{
	const struct svmm_vcpu_page *page = vcpu->page;

	/* It may fail in a dead VM; @valid tells in any case. */
	guest_state(vcpu, GROUPS);
	if (page->valid & SVMM_STATE_GPR)
		print_gprs(out, &page->gpr);
	if (page->valid & SVMM_STATE_CR)
		print_control(out, &page->cr);
	if (page->valid & SVMM_STATE_DR)
		print_debug(out, &page->dr);
	if (page->valid & SVMM_STATE_SEG)
		print_segments(out, &page->seg);
	if (!(page->valid & GROUPS))
		fputs("  (the registers are lost)\n", out);
}
