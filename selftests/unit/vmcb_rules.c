// SPDX-License-Identifier: GPL-2.0
// needs: module/svm/vmcb.c
/*
 * VMRUN's rules as vmcb_check() has them: a valid VMCB of each mode, then one byte after the other
 * spoilt, and each must be refused with its reason. With it, what a reset leaves in a VMCB.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tap.h"
#include "vmcb_bytes.h"

static const struct vmcb_limits limits = {
	.nr_asids = 16,
	.features = SVM_FEATURE_NPT,
	.phys_mask = 0x000000ffffffffff,
	.guest_phys_mask = 0x000000ffffffffff,
	.efer_reserved = ~0x5d01ULL,		/* SCE LME LMA NX SVME FFXSR */
	.cr4_reserved = ~0x3507ffULL,
};

static const struct vmcb_limits modern = {
	.nr_asids = 32768,
	.features = ~0U,
	.phys_mask = 0x0000ffffffffffff,
	.guest_phys_mask = 0x0000ffffffffffff,
	.efer_reserved = ~0x5d01ULL,
	.cr4_reserved = ~0x3507ffULL,
};

static void test_valid(void)
{
	static const struct {
		const char *name;
		void (*make)(struct vmcb *vmcb);
	} modes[] = {
		{ "reset", reset }, { "64-bit", long_mode }, { "protected", protected_mode },
		{ "virtual-8086", vm86_mode },
	};
	static struct vmcb vmcb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		const char *why = "";
		int ret;

		modes[i].make(&vmcb);
		ret = vmcb_check(&vmcb, &limits, &why);
		if (why)
			ksft_print_msg("%s\n", why);
		ksft_test_result(!ret && !why && !vmcb_check(&vmcb, &modern, &why),
				 "check: a valid VMCB, %s mode\n", modes[i].name);
	}
}

static void test_reset_state(void)
{
	/* ES to TR: the first 8 bytes of each; CS alone has a base. */
	static const u64 segs[VMCB_NR_SEGS] = {
		0x0000ffff00930000, 0x0000ffff009bf000, 0x0000ffff00930000, 0x0000ffff00930000,
		0x0000ffff00930000, 0x0000ffff00930000, 0x0000ffff00000000, 0x0000ffff00820000,
		0x0000ffff00000000, 0x0000ffff008b0000,
	};
	static const struct {
		unsigned int offset;
		u64 value;
	} others[] = {
		{ 0x4d0, 0x1000 }, { 0x558, 0x10 }, { 0x560, 0x400 }, { 0x568, 0xffff0ff0 },
		{ 0x570, 2 }, { 0x578, 0xfff0 }, { 0x668, 0x0007040600070406 },
	};
	static struct vmcb vmcb, rest;
	unsigned int i, bad = 0;

	memset(&vmcb, 0xa5, sizeof(vmcb));
	vmcb_reset_save(&vmcb);
	for (i = 0; i < VMCB_NR_SEGS; i++) {
		bad += peek(&vmcb, 0x400 + 16 * i, 8) != segs[i];
		bad += peek(&vmcb, 0x408 + 16 * i, 8) != (i == VMCB_CS ? 0xffff0000 : 0);
	}
	for (i = 0; i < ARRAY_SIZE(others); i++)
		bad += peek(&vmcb, others[i].offset, 8) != others[i].value;

	rest = vmcb;
	for (i = 0; i < ARRAY_SIZE(others); i++)
		poke(&rest, others[i].offset, 8, 0);
	for (i = 0x4a0; i < sizeof(rest); i++)
		bad += !!peek(&rest, i, 1);
	for (i = 0; i < 0x400; i++)
		bad += (i < 0xc0 || i >= 0xc4) && peek(&rest, i, 1) != 0xa5;
	bad += !!(vmcb.clean & 0x7ff);
	ksft_test_result(!bad, "reset: the state after RESET, the control area untouched\n");
}

#define V(value)	(0x80000000U | (value))

/* One spoilt field each, in a VMCB that is otherwise valid, and what is said about it. */
static const struct rule {
	void (*make)(struct vmcb *vmcb);
	unsigned int offset, bytes;
	u64 value;
	const char *why;
} rules[] = {
	/* control area */
	{ reset, 0x010, 4, 0x6e7e, "VMRUN is not intercepted" },
	{ reset, 0x00c, 4, 0x7d4c800f, "mandatory intercept" },		/* SHUTDOWN */
	{ reset, 0x008, 4, 0x00060000, "mandatory intercept" },		/* #DB */
	{ reset, 0x010, 4, 0x6e7b, "mandatory intercept" },		/* VMLOAD */
	{ reset, 0x040, 8, 0x100800, "not page-aligned" },
	{ reset, 0x048, 8, 0x200008, "not page-aligned" },
	{ reset, 0x040, 8, 0x10000000000, "I/O permission map is beyond" },
	{ reset, 0x040, 8, 0xffffffe000, "I/O permission map is beyond" },
	{ reset, 0x048, 8, 0xfffffff000, "MSR permission map is beyond" },
	{ reset, 0x058, 4, 0, "ASID 0" },
	{ reset, 0x058, 4, 16, "ASID above" },
	{ reset, 0x058, 4, 0xffffffff, "ASID above" },
	{ reset, 0x05c, 1, 2, "reserved TLB_CONTROL" },
	{ reset, 0x05c, 1, 3, "needs FlushByASID" },
	{ reset, 0x05c, 1, 7, "needs FlushByASID" },
	{ reset, 0x05c, 1, 255, "reserved TLB_CONTROL" },
	{ reset, 0x0c0, 4, 1, "clean bit" },
	{ reset, 0x060, 8, 0x81000000, "AVIC is on" },
	{ reset, 0x060, 8, 0x41000000, "AVIC is on" },
	{ reset, 0x060, 8, 0x03000000, "bit in int_ctl" },		/* vGIF */
	{ reset, 0x060, 8, 0x01000200, "bit in int_ctl" },
	{ reset, 0x060, 8, 0x01000800, "bit in int_ctl" },		/* V_NMI */
	{ reset, 0x060, 8, 0x10001000000, "bit in int_ctl" },
	{ reset, 0x060, 8, 0x01000010, "V_TPR" },
	{ reset, 0x060, 8, 0, "V_INTR_MASKING" },
	{ reset, 0x0b8, 8, 1, "virt_ext" },
	{ reset, 0x0b8, 8, 2, "virt_ext" },
	{ reset, 0x0b8, 8, 4, "virt_ext" },
	{ reset, 0x090, 8, 0, "nested_ctl" },
	{ reset, 0x090, 8, 3, "nested_ctl" },				/* SEV */
	{ reset, 0x0b0, 8, 0x300001, "nested_cr3 is not page-aligned" },
	{ reset, 0x0b0, 8, 0x10000000000, "nested_cr3 is beyond" },
	{ reset, 0x098, 8, 0xfee00000, "AVIC or SEV-ES" },
	{ reset, 0x0e0, 8, 0x1000, "AVIC or SEV-ES" },
	{ reset, 0x0f0, 8, 0x1000, "AVIC or SEV-ES" },
	{ reset, 0x0f8, 8, 0x1000, "AVIC or SEV-ES" },
	{ reset, 0x0a0, 8, 0x1000, "AVIC or SEV-ES" },
	{ reset, 0x108, 8, 0x1000, "AVIC or SEV-ES" },
	{ reset, 0x668, 8, 0x0007040600070402, "g_pat" },
	{ reset, 0x668, 8, 0x0307040600070406, "g_pat" },
	{ reset, 0x668, 8, 0x0807040600070406, "g_pat" },

	/* registers */
	{ reset, 0x4d0, 8, 0, "EFER.SVME" },
	{ reset, 0x4d0, 8, 0x1002, "reserved bit in EFER" },
	{ long_mode, 0x4d0, 8, 1ULL << 63 | 0x1d01, "reserved bit in EFER" },
	{ reset, 0x558, 8, 0x100000010, "CR0 63:32" },
	{ reset, 0x558, 8, 0x20000010, "CR0.NW" },
	{ long_mode, 0x550, 8, 0x10000000000, "CR3" },
	{ long_mode, 0x550, 8, 0x8000000001234000, "CR3" },
	{ long_mode, 0x548, 8, 0x13506f0, "CR4" },
	{ long_mode, 0x548, 8, 0x100000000 | 0x3506f0, "CR4" },
	{ reset, 0x568, 8, 0x1ffff0ff0, "DR6" },
	{ reset, 0x560, 8, 0x100000400, "DR7" },
	{ long_mode, 0x548, 8, 0x3506d0, "long mode without CR4.PAE" },
	{ long_mode, 0x558, 8, 0x80050032, "long mode without CR0.PE" },
	{ reset, 0x558, 8, 0x80000010, "CR0.PG without CR0.PE" },
	{ long_mode, 0x4d0, 8, 0x1901, "EFER.LMA" },
	{ long_mode, 0x4d0, 8, 0x1c01, "EFER.LMA" },
	{ reset, 0x4d0, 8, 0x1400, "EFER.LMA" },
	{ long_mode, 0x558, 8, 0x00050033, "EFER.LMA" },
	{ reset, 0x5e0, 8, 1, "S_CET" },

	/* mode */
	{ long_mode, 0x412, 2, 0xefb, "both L and D" },
	{ reset, 0x570, 8, 0, "RFLAGS bit 1" },
	{ reset, 0x570, 8, 0xa, "bit in RFLAGS" },
	{ reset, 0x570, 8, 0x22, "bit in RFLAGS" },
	{ reset, 0x570, 8, 0x8002, "bit in RFLAGS" },
	{ reset, 0x570, 8, 0x400002, "bit in RFLAGS" },
	{ reset, 0x570, 8, 0x100000002, "bit in RFLAGS" },
	{ reset, 0x570, 8, 0x20002, "RFLAGS.VM in" },
	{ long_mode, 0x570, 8, 0x20202, "RFLAGS.VM in" },
	{ long_mode, 0x4cb, 1, 0, "CPL and SS.DPL" },
	{ long_mode, 0x422, 2, 0xc93, "CPL and SS.DPL" },
	{ reset, 0x4cb, 1, 7, "CPL is above 3" },
	{ long_mode, 0x578, 8, 0x800000000000, "RIP" },
	{ long_mode, 0x578, 8, 0xffff7fffffffffff, "RIP" },

	/* event injection */
	{ reset, 0x0a8, 8, V(0x100), "reserved type" },
	{ reset, 0x0a8, 8, V(0x520), "reserved type" },
	{ reset, 0x0a8, 8, V(0x600), "reserved type" },
	{ reset, 0x0a8, 8, V(0x700), "reserved type" },
	{ reset, 0x0a8, 8, V(0x302), "NMI injected" },
	{ reset, 0x0a8, 8, V(0x320), "vector of the injected exception" },
	{ reset, 0x0a8, 8, V(0x3ff), "vector of the injected exception" },
	{ reset, 0x0a8, 8, V(0x309), "vector of the injected exception" },
	{ reset, 0x0a8, 8, V(0x31f), "vector of the injected exception" },
	{ long_mode, 0x0a8, 8, V(0x304), "#OF or #BR" },
	{ long_mode, 0x0a8, 8, V(0x305), "#OF or #BR" },
	{ reset, 0x0a8, 8, V(0x1303), "reserved bit in event_inj" },
	{ reset, 0x0a8, 8, V(0x40000303), "reserved bit in event_inj" },
	{ reset, 0x0a8, 8, V(0x820), "interrupt has an error code" },
	{ reset, 0x0a8, 8, V(0xa02), "interrupt has an error code" },
	{ protected_mode, 0x0a8, 8, V(0x306) | 0x800, "error code" },	/* #UD with one */
	{ protected_mode, 0x0a8, 8, V(0x30d), "error code" },		/* #GP without */
	{ reset, 0x0a8, 8, V(0xb0d), "error code" },			/* with, in real mode */
};

static void test_rules(void)
{
	static struct vmcb vmcb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct rule *r = &rules[i];
		const char *why = NULL;
		int ret;

		r->make(&vmcb);
		poke(&vmcb, r->offset, r->bytes, r->value);
		ret = vmcb_check(&vmcb, &limits, &why);
		if (ret != -EINVAL || !why || !strstr(why, r->why))
			ksft_print_msg("said: %s\n", why ?: "nothing");
		ksft_test_result(ret == -EINVAL && why && strstr(why, r->why),
				 "check: %03x = %llx: %s\n", r->offset,
				 (unsigned long long)r->value, r->why);
	}
}

/* Combinations that one spoilt field does not reach. */
static void test_mode_rules(void)
{
	struct vmcb_limits la57 = limits;
	static struct vmcb vmcb;
	const char *why;
	bool ok;

	reset(&vmcb);
	poke(&vmcb, 0x4cb, 1, 3);
	poke(&vmcb, 0x422, 2, 0x0f3);
	ok = vmcb_check(&vmcb, &limits, &why) && strstr(why, "real mode");
	vm86_mode(&vmcb);
	poke(&vmcb, 0x4cb, 1, 0);
	poke(&vmcb, 0x422, 2, 0x093);
	ok = ok && vmcb_check(&vmcb, &limits, &why) && strstr(why, "virtual-8086");
	ksft_test_result(ok, "check: CPL in real and virtual-8086 mode\n");

	/* Compatibility mode: D without L, and a 32-bit RIP, are fine. */
	long_mode(&vmcb);
	poke(&vmcb, 0x412, 2, 0xcfb);
	poke(&vmcb, 0x0a8, 8, V(0x304));
	ok = !vmcb_check(&vmcb, &limits, &why);
	/* A guest that has LME set and not yet PG. */
	reset(&vmcb);
	poke(&vmcb, 0x4d0, 8, 0x1100);
	ok = ok && !vmcb_check(&vmcb, &limits, &why);
	ksft_test_result(ok, "check: compatibility mode, and LME before PG\n");

	long_mode(&vmcb);
	poke(&vmcb, 0x578, 8, 0xffff800000000000);
	ok = !vmcb_check(&vmcb, &limits, &why);
	la57.cr4_reserved &= ~0x1000ULL;
	poke(&vmcb, 0x548, 8, 0x3516f0);	/* LA57 moves the border */
	poke(&vmcb, 0x578, 8, 0x00ffffffffffffff);
	ok = ok && !vmcb_check(&vmcb, &la57, &why);
	poke(&vmcb, 0x578, 8, 0xff00000000000000);
	ok = ok && !vmcb_check(&vmcb, &la57, &why);
	poke(&vmcb, 0x578, 8, 0x0100000000000000);
	ok = ok && vmcb_check(&vmcb, &la57, &why);
	ksft_test_result(ok, "check: canonical RIP\n");
}

/* Features widen what is legal, by exactly their bits. */
static void test_features(void)
{
	struct vmcb_limits lim = limits;
	static struct vmcb vmcb;
	unsigned int i, legal = 0;
	const char *why;
	bool ok;

	lim.features |= SVM_FEATURE_FLUSHBYASID;
	for (i = 0; i < 256; i++) {
		reset(&vmcb);
		poke(&vmcb, 0x05c, 1, i);
		if (!vmcb_check(&vmcb, &lim, &why))
			legal |= 1U << (i & 31);
	}
	ok = legal == 0x8b;		/* 0, 1, 3, 7 */

	lim.features = limits.features | SVM_FEATURE_VGIF;
	reset(&vmcb);
	poke(&vmcb, 0x060, 8, 0x03000200);
	ok = ok && !vmcb_check(&vmcb, &lim, &why);

	lim.features = limits.features | SVM_FEATURE_VNMI;
	poke(&vmcb, 0x060, 8, 0x05001800);
	ok = ok && !vmcb_check(&vmcb, &lim, &why);

	lim.features = limits.features | SVM_FEATURE_LBRV;
	poke(&vmcb, 0x060, 8, 0x01000000);
	poke(&vmcb, 0x0b8, 8, 1);
	ok = ok && !vmcb_check(&vmcb, &lim, &why);
	lim.features = limits.features | SVM_FEATURE_VLS;
	ok = ok && vmcb_check(&vmcb, &lim, &why);
	poke(&vmcb, 0x0b8, 8, 2);
	ok = ok && !vmcb_check(&vmcb, &lim, &why);

	lim.features = limits.features | SVM_FEATURE_CLEANBITS;
	poke(&vmcb, 0x0b8, 8, 0);
	poke(&vmcb, 0x0c0, 4, 0x7ff);
	ok = ok && !vmcb_check(&vmcb, &lim, &why);
	poke(&vmcb, 0x0c0, 4, 0x800);
	ok = ok && vmcb_check(&vmcb, &lim, &why);

	/* AVIC is refused whatever the CPU can do. */
	lim.features = ~0U;
	poke(&vmcb, 0x0c0, 4, 0);
	poke(&vmcb, 0x060, 8, 0x81000000);
	ok = ok && vmcb_check(&vmcb, &lim, &why);
	ksft_test_result(ok, "check: features allow their bits and no others\n");
}

/* Bug class 2: of int_ctl's 64 bits, exactly these may be set. */
static void test_int_ctl(void)
{
	u64 legal = 0;
	static struct vmcb vmcb;
	const char *why;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		reset(&vmcb);
		poke(&vmcb, 0x060, 8, 1ULL << 24 | 1ULL << i);
		if (!vmcb_check(&vmcb, &limits, &why))
			legal |= 1ULL << i;
	}
	ksft_test_result(legal == 0x000000ff011f010f, "check: each bit of int_ctl\n");
}

static void test_events(void)
{
	/* Exceptions that exist, and those of them with an error code. */
	const u32 exist = 0x702f7dfb, with_error = 0x60227d00;
	unsigned int vector, type, bad = 0;
	static struct vmcb vmcb;
	const char *why;

	for (type = 0; type < 8; type++) {
		for (vector = 0; vector < 256; vector++) {
			bool error = vector < 32 && (with_error & (1U << vector)) && type == 3;
			bool legal = type == 0 || type == 2 || type == 4 ||
				     (type == 3 && vector < 32 && (exist & (1U << vector)));

			protected_mode(&vmcb);
			poke(&vmcb, 0x0a8, 4, V(type << 8 | vector | error << 11));
			bad += !vmcb_check(&vmcb, &limits, &why) != legal;
			poke(&vmcb, 0x0a8, 4, V(type << 8 | vector | !error << 11));
			bad += !vmcb_check(&vmcb, &limits, &why);
			poke(&vmcb, 0x0a8, 4, type << 8 | vector | !error << 11);
			bad += !!vmcb_check(&vmcb, &limits, &why);	/* V is clear */
		}
	}
	ksft_test_result(!bad, "check: each type and vector of an injected event\n");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(4 + 1 + ARRAY_SIZE(rules) + 3 + 1 + 1 + 1);
	test_valid();
	test_reset_state();
	test_rules();
	test_mode_rules();
	test_features();
	test_int_ctl();
	test_events();
	ksft_finished();
}
