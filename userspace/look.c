// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables, code, exits and the local APIC of a vCPU that stands still.
 */
#include <stdlib.h>
#include <string.h>

#include "disas.h"
#include "guest_memory.h"
#include "look.h"
#include "machine.h"
#include "../uapi/svmm_exits.h"

#define X(x)		((unsigned long long)(x))
#define PTE_P		1ull
#define PTE_W		(1ull << 1)
#define PTE_U		(1ull << 2)
#define PTE_A		(1ull << 5)
#define PTE_D		(1ull << 6)
#define PTE_PS		(1ull << 7)
#define PTE_NX		(1ull << 63)
#define PTE_ADDR	0xffffffffff000ull
#define EFER_LMA	(1u << 10)
#define ATTRIB_L	(1u << 9)
#define ATTRIB_D	(1u << 10)
#define RFLAGS_VM	(1u << 17)
#define CODE_BEFORE	43u	/* bytes, as in Linux's "Code:" */
#define CODE_BEHIND	21u

/* Page tables */

static void print_rights(FILE *out, uint64_t entry, bool leaf)
{
	if (!(entry & PTE_P)) {
		fputs("not present", out);
		return;
	}
	fprintf(out, "%s%s%s%s%s%s", entry & PTE_W ? "w" : "r", entry & PTE_U ? "u" : "s",
		entry & PTE_NX ? "-" : "x", entry & PTE_A ? " A" : "",
		leaf && entry & PTE_D ? " D" : "", leaf ? ", a page" : "");
}

/* Return: how many entries a processor reads for that address, or -1: it is not mapped. */
static int print_nested(struct vcpu *vcpu, uint64_t gpa, const char *indent, FILE *out)
{
	struct svmm_debug_npt npt = { .gpa = gpa };
	int err = svmm_debug_npt(vcpu->m->vm_fd, &npt);
	uint64_t last;

	if (err) {
		fprintf(out, "%snested: %s\n", indent, svmm_explain(SVMM_DEBUG_NPT, err));
		return -1;
	}
	for (unsigned int i = 0; i < npt.nr && i < SVMM_NPT_LEVELS; i++) {
		bool leaf = i + 1 == npt.nr && npt.entries[i] & PTE_P;

		fprintf(out, "%snested level %u: %016llx ", indent, npt.levels - i,
			X(npt.entries[i]));
		print_rights(out, npt.entries[i], leaf);
		fputc('\n', out);
	}
	last = npt.nr ? npt.entries[npt.nr - 1] : 0;
	return last & PTE_P ? (int)npt.nr : -1;
}

void look_npt(struct vcpu *vcpu, uint64_t gpa, FILE *out)
{
	static const char *const sizes[] = { "", "4 KiB", "2 MiB", "1 GiB", "512 GiB", "256 TiB" };
	struct svmm_debug_npt npt = { .gpa = gpa };
	int nr;

	fprintf(out, "guest-physical %#llx:\n", X(gpa));
	nr = print_nested(vcpu, gpa, "  ", out);
	if (nr < 0)
		fputs("not mapped: the guest's next access brings it in, or is a device's\n", out);
	else if (!svmm_debug_npt(vcpu->m->vm_fd, &npt) && npt.levels >= (unsigned int)nr)
		fprintf(out, "mapped by %s, %d references\n", sizes[npt.levels - nr + 1], nr);
}

void look_walk(struct vcpu *vcpu, uint64_t linear, FILE *out)
{
	unsigned int refs = 0, missing = 0;
	struct paging_walk w;
	int nested;

	guest_walk(vcpu, linear, &w);
	fprintf(out, "linear %#llx, CR3 %#llx:\n", X(linear), X(vcpu->page->cr.cr3));
	for (unsigned int i = 0; i < w.nr; i++) {
		const struct paging_step *s = &w.step[i];

		nested = print_nested(vcpu, s->gpa, "    ", out);
		if (nested < 0)
			missing++;
		refs += nested < 0 ? 1 : nested + 1;
		fprintf(out, "  level %u entry at %#llx: %016llx ", s->level, X(s->gpa),
			X(s->value));
		print_rights(out, s->value, w.mapped && i + 1 == w.nr);
		fputc('\n', out);
	}
	if (!w.mapped) {
		fprintf(out, "not mapped by the guest, after %u references\n", refs);
		return;
	}
	nested = print_nested(vcpu, w.gpa, "    ", out);
	if (nested < 0)
		missing++;
	else
		refs += nested;
	fprintf(out, "guest-physical %#llx, in a page of %llu KiB: %u references\n", X(w.gpa),
		X(w.page >> 10), refs);
	if (missing)
		fprintf(out, "%u guest-physical pages on the way are not mapped now: their walks "
			"are not counted\n", missing);
}

/* Code */

unsigned int look_code_bits(struct vcpu *vcpu)
{
	const struct svmm_vcpu_page *p = vcpu->page;

	if (!guest_state(vcpu, SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR))
		return 64;
	if (p->cr.efer & EFER_LMA && p->seg.cs.attrib & ATTRIB_L)
		return 64;
	if (!(p->cr.cr0 & 1) || p->gpr.rflags & RFLAGS_VM)
		return 16;
	return p->seg.cs.attrib & ATTRIB_D ? 32 : 16;
}

uint64_t look_code_address(struct vcpu *vcpu)
{
	const struct svmm_vcpu_page *p = vcpu->page;

	if (look_code_bits(vcpu) == 64)
		return p->gpr.rip;
	return (uint32_t)(p->seg.cs.base + p->gpr.rip);
}

void look_code(struct vcpu *vcpu, uint64_t address, unsigned int count, FILE *out)
{
	size_t bytes = (size_t)count * DISAS_INSN_MAX;
	uint8_t *code = malloc(bytes);

	if (code)
		bytes = guest_read(vcpu, false, address, code, bytes);
	if (code && bytes)
		disas_print(out, look_code_bits(vcpu), address, code, bytes, count);
	else
		fprintf(out, "  there is no memory at %#llx\n", X(address));
	free(code);
}

void look_code_bytes(struct vcpu *vcpu, FILE *out)
{
	uint64_t at = look_code_address(vcpu);
	uint8_t byte;

	fputs("  code", out);
	for (unsigned int i = 0; i < CODE_BEFORE + CODE_BEHIND; i++) {
		bool there = guest_read(vcpu, false, at - CODE_BEFORE + i, &byte, 1);
		const char *format = i == CODE_BEFORE ? " <%02x>" : " %02x";

		if (there)
			fprintf(out, format, byte);
		else if (i >= CODE_BEFORE)
			break;
	}
	fputc('\n', out);
}

/* Exits */

#define NAME(value, text)	{ value, #text },

static const char *code_name(uint64_t code, char text[24])
{
	static const struct {
		uint64_t code;
		const char *name;
	} names[] = { SVM_EXITS(NAME) };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].code == code)
			return names[i].name;
	}
	snprintf(text, 24, "%#llx", X(code));
	return text;
}

void look_exits(struct vcpu *vcpu, FILE *out)
{
	struct svmm_vcpu_stats *stats = malloc(sizeof(*stats));
	int err = stats ? svmm_get_stats(vcpu->fd, stats) : -1;
	char text[24];

	if (err)
		fputs("the module keeps no accounts\n", out);
	for (unsigned int i = 0; !err && i < stats->nr_exits && i < SVMM_STATS_EXITS; i++) {
		const struct svmm_exit_stat *s = &stats->exits[i];

		if (s->count && s->exit_code != SVMM_STATS_REST)
			fprintf(out, "  %-20s %llu\n", code_name(s->exit_code, text), X(s->count));
	}
	free(stats);
}

void look_last_exits(struct vcpu *vcpu, FILE *out)
{
	struct svmm_last_exits last;
	char text[24];

	if (svmm_get_exits(vcpu->fd, &last) || !last.nr)
		return;
	fprintf(out, "  its last %u exits:\n", last.nr);
	for (unsigned int i = 0; i < last.nr && i < SVMM_LAST_EXITS; i++)
		fprintf(out, "  %-16s rip %016llx  info %llx %llx\n",
			code_name(last.exit[i].exit_code, text), X(last.exit[i].rip),
			X(last.exit[i].info1), X(last.exit[i].info2));
}

/* The local APIC */

#define APIC_ID		0x02
#define APIC_TPR	0x08
#define APIC_SVR	0x0f
#define APIC_ISR	0x10
#define APIC_TMR	0x18
#define APIC_IRR	0x20
#define APIC_ESR	0x28
#define APIC_LVT_TIMER	0x32
#define APIC_TMICT	0x38
#define APIC_TMCCT	0x39
#define APIC_TDCR	0x3e

static void print_vectors(FILE *out, const char *name, const uint32_t *words)
{
	fprintf(out, "  %s ", name);
	for (unsigned int v = 0; v < 256; v++) {
		if (words[v / 32] & 1u << v % 32)
			fprintf(out, " %02x", v);
	}
	fputc('\n', out);
}

void look_lapic(struct vcpu *vcpu, FILE *out)
{
	static const char *const lvt[] = { "timer", "thermal", "perf", "LINT0", "LINT1", "error" };
	const struct svmm_lapic *apic;

	if (!guest_state(vcpu, SVMM_STATE_LAPIC)) {
		fputs("the vCPU does not tell\n", out);
		return;
	}
	apic = (const void *)((const char *)vcpu->page + vcpu->page->lapic_offset);
	fprintf(out, "  base %#llx, ID %#x, TPR %#x, SVR %#x, ESR %#x\n", X(apic->apic_base),
		apic->regs[APIC_ID], apic->regs[APIC_TPR], apic->regs[APIC_SVR],
		apic->regs[APIC_ESR]);
	for (unsigned int i = 0; i < 6; i++)
		fprintf(out, "  LVT %-8s %08x\n", lvt[i], apic->regs[APIC_LVT_TIMER + i]);
	fprintf(out, "  timer: initial %#x, current %#x, divide %#x\n", apic->regs[APIC_TMICT],
		apic->regs[APIC_TMCCT], apic->regs[APIC_TDCR]);
	print_vectors(out, "IRR", &apic->regs[APIC_IRR]);
	print_vectors(out, "ISR", &apic->regs[APIC_ISR]);
	print_vectors(out, "TMR", &apic->regs[APIC_TMR]);
}

void look_vmcb(struct vcpu *vcpu, FILE *out)
{
	struct svmm_debug_vmcb *vmcb = malloc(sizeof(*vmcb));
	int err = vmcb ? svmm_debug_vmcb(vcpu->fd, vmcb) : -1;

	if (err)
		fprintf(out, "%s\n", svmm_explain(SVMM_DEBUG_VMCB, err));
	for (unsigned int at = 0; !err && at < sizeof(vmcb->vmcb); at += 16) {
		static const uint8_t zeroes[16];

		if (!memcmp(vmcb->vmcb + at, zeroes, 16))
			continue;
		fprintf(out, "  %03x ", at);
		for (unsigned int i = 0; i < 16; i++)
			fprintf(out, "%s%02x", i == 8 ? "  " : " ", vmcb->vmcb[at + i]);
		fputc('\n', out);
	}
	free(vmcb);
}
