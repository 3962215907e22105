// SPDX-License-Identifier: GPL-2.0
// needs: module/svm/vmcb.c
/*
 * The VMCB: where each accessor writes and which clean bit it clears, the mandatory intercepts, the
 * decoding of exit information, VMRUN's rules, and the check of the clean bits. Offsets and masks
 * are written down from APM vol. 2, appendix B, not taken from the header under test. VMCBs are
 * spoilt through their bytes, as a bug would, not through the accessors.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../module/svm/vmcb.h"
#include "tap.h"

static void poke(struct vmcb *vmcb, unsigned int offset, unsigned int bytes, u64 value)
{
	memcpy((u8 *)vmcb + offset, &value, bytes);
}

static u64 peek(const struct vmcb *vmcb, unsigned int offset, unsigned int bytes)
{
	u64 value = 0;

	memcpy(&value, (const u8 *)vmcb + offset, bytes);
	return value;
}

/*
 * Accessors
 */

/* Every field with a clean bit: offset, size and number of the bit (15.15.3). */
static const struct field {
	const char *name;
	unsigned int offset, bytes, clean;
} fields[] = {
	{ "intercepts", 0x000, 4, 0 }, { "intercepts", 0x004, 4, 0 },
	{ "intercepts", 0x008, 4, 0 }, { "intercepts", 0x00c, 4, 0 },
	{ "intercepts", 0x010, 4, 0 }, { "intercepts", 0x014, 4, 0 },
	{ "pause_filter_thresh", 0x03c, 2, 0 }, { "pause_filter_count", 0x03e, 2, 0 },
	{ "tsc_offset", 0x050, 8, 0 },
	{ "iopm_base_pa", 0x040, 8, 1 }, { "msrpm_base_pa", 0x048, 8, 1 },
	{ "asid", 0x058, 4, 2 },
	{ "int_ctl", 0x060, 8, 3 },
	{ "nested_ctl", 0x090, 8, 4 }, { "nested_cr3", 0x0b0, 8, 4 }, { "g_pat", 0x668, 8, 4 },
	{ "cr0", 0x558, 8, 5 }, { "cr3", 0x550, 8, 5 }, { "cr4", 0x548, 8, 5 },
	{ "efer", 0x4d0, 8, 5 },
	{ "dr6", 0x568, 8, 6 }, { "dr7", 0x560, 8, 6 },
	{ "gdtr", 0x460, 16, 7 }, { "idtr", 0x480, 16, 7 },
	{ "es", 0x400, 16, 8 }, { "cs", 0x410, 16, 8 }, { "ss", 0x420, 16, 8 },
	{ "ds", 0x430, 16, 8 }, { "cpl", 0x4cb, 1, 8 },
	{ "cr2", 0x640, 8, 9 },
	{ "virt_ext", 0x0b8, 8, 10 }, { "dbgctl", 0x670, 8, 10 }, { "br_from", 0x678, 8, 10 },
	{ "br_to", 0x680, 8, 10 }, { "lastexcp_from", 0x688, 8, 10 },
	{ "lastexcp_to", 0x690, 8, 10 },
};

/* What an accessor did: the first and the last byte that it changed, and the clean bits it left. */
struct effect {
	unsigned int first, last;
	u32 cleared;
};

static struct effect effect_of(const struct vmcb *before, const struct vmcb *after)
{
	const unsigned int clean = 0xc0;
	struct effect e = { .first = sizeof(*before), .cleared = before->clean & ~after->clean };
	unsigned int i;

	for (i = 0; i < sizeof(*before); i++) {
		if (i >= clean && i < clean + 4)
			continue;
		if (((const u8 *)before)[i] == ((const u8 *)after)[i])
			continue;
		if (i < e.first)
			e.first = i;
		e.last = i;
	}
	return e;
}

static bool effect_is(const struct vmcb *before, const struct vmcb *after, const char *name)
{
	struct effect e = effect_of(before, after);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (!strcmp(fields[i].name, name) && e.first == fields[i].offset)
			return e.last == fields[i].offset + fields[i].bytes - 1 &&
			       e.cleared == 1U << fields[i].clean;
	return false;
}

/* All bytes of the value change, so that the effect shows the field's whole width. */
#define CHECK_FIELD(type, name, bit)						\
static bool check_##name(void)							\
{										\
	static struct vmcb before, after;					\
	type value = (type)0xa5a5a5a5a5a5a5a5ULL;				\
										\
	before.clean = 0x7ff;							\
	after = before;								\
	vmcb_set_##name(&after, value);						\
	if (!effect_is(&before, &after, #name) || vmcb_get_##name(&after) != value) \
		return false;							\
	after.clean = 0x7ff;							\
	before = after;								\
	vmcb_set_##name(&after, value);						\
	return !memcmp(&before, &after, sizeof(before));			\
}

VMCB_CLEAN_FIELDS(CHECK_FIELD)

#define CHECK_ENTRY(type, name, bit)	{ #name, check_##name },

static void test_fields(void)
{
	static const struct {
		const char *name;
		bool (*check)(void);
	} checks[] = { VMCB_CLEAN_FIELDS(CHECK_ENTRY) };
	unsigned int i, bad = 0;

	for (i = 0; i < ARRAY_SIZE(checks); i++)
		if (!checks[i].check()) {
			ksft_print_msg("%s: wrong place or clean bit\n", checks[i].name);
			bad++;
		}
	ksft_test_result(!bad && ARRAY_SIZE(checks) == 24,
			 "fields: place, width and clean bit of each\n");
}

static void test_segments(void)
{
	static const char * const names[VMCB_NR_SEGS] = {
		"es", "cs", "ss", "ds", "fs", "gs", "gdtr", "ldtr", "idtr", "tr"
	};
	const struct vmcb_seg zero = { };
	/* The first and the last byte differ from zero: selector and base are the ends. */
	const struct vmcb_seg seg = { 0x1234, 0x0c93, 0x89abcdef, 0xfedcba9876543210 };
	static struct vmcb before, after;
	unsigned int i, bad = 0;

	for (i = 0; i < VMCB_NR_SEGS; i++) {
		struct vmcb_seg got;
		struct effect e;

		memset(&before, 0, sizeof(before));
		before.clean = 0x7ff;
		after = before;
		vmcb_set_seg(&after, i, zero);
		bad += !!memcmp(&before, &after, sizeof(before));
		vmcb_set_seg(&after, i, seg);
		got = vmcb_get_seg(&after, i);
		bad += !!memcmp(&got, &seg, sizeof(seg));
		bad += peek(&after, 0x400 + 16 * i, 8) != 0x89abcdef0c931234;
		if (i == VMCB_FS || i == VMCB_GS || i == VMCB_LDTR || i == VMCB_TR) {
			e = effect_of(&before, &after);
			bad += e.first != 0x400 + 16 * i || e.last != e.first + 15 || e.cleared;
		} else if (!effect_is(&before, &after, names[i])) {
			bad++;
		}
		/* Each of the four members counts as a change. */
		before = after;
		before.clean = 0x7ff;
		after = before;
		got = seg;
		got.selector ^= 1;
		vmcb_set_seg(&after, i, got);
		bad += !memcmp(&before, &after, sizeof(before));
		got.attrib ^= 1;
		before = after;
		vmcb_set_seg(&after, i, got);
		bad += !memcmp(&before, &after, sizeof(before));
		got.limit ^= 1;
		before = after;
		vmcb_set_seg(&after, i, got);
		bad += !memcmp(&before, &after, sizeof(before));
		got.base ^= 1;
		before = after;
		vmcb_set_seg(&after, i, got);
		bad += !memcmp(&before, &after, sizeof(before));
	}
	ksft_test_result(!bad, "segments: place and clean bit of each\n");
}

static void test_intercepts(void)
{
	/* CR writes but 2, 3, 8; #DB #AC #MC; 15.9's vectors 3 and 4, and the third word's. */
	static const u32 mandatory[6] = {
		0xfef30000, 0x00000000, 0x00060002, 0xfd4c800f, 0x00006e7f, 0x0000001b,
	};
	/* What no guest shall ever pay an exit for. */
	static const unsigned int free_of_exits[] = {
		SVM_INTERCEPT_WRITE_CR(3), SVM_INTERCEPT_WRITE_CR(2), SVM_INTERCEPT_WRITE_CR(8),
		SVM_INTERCEPT_READ_CR(0), SVM_INTERCEPT_READ_CR(3), SVM_INTERCEPT_READ_CR(8),
		SVM_INTERCEPT_EXCEPTION(14), SVM_INTERCEPT_EXCEPTION(3), SVM_INTERCEPT_RDTSC,
		SVM_INTERCEPT_RDTSCP, SVM_INTERCEPT_PAUSE, SVM_INTERCEPT_IRET,
		SVM_INTERCEPT_PUSHF, SVM_INTERCEPT_POPF, SVM_INTERCEPT_SWINT,
		SVM_INTERCEPT_INVLPG,
	};
	static struct vmcb vmcb;
	unsigned int i, bad = 0;

	ksft_test_result(!memcmp(mandatory, svm_mandatory_intercepts, sizeof(mandatory)),
			 "intercepts: the mandatory ones are what they were decided to be\n");

	memset(&vmcb, 0, sizeof(vmcb));
	for (i = 0; i < SVM_WORDS; i++)
		vmcb_set_intercepts(&vmcb, i, 0);
	for (i = 0; i < SVM_WORDS; i++)
		bad += peek(&vmcb, 4 * i, 4) != mandatory[i];
	for (i = 0; i < 32 * SVM_WORDS; i++) {
		bool must = mandatory[i / 32] & (1U << i % 32);

		vmcb.clean = 0x7ff;
		vmcb_intercept(&vmcb, i);
		bad += !vmcb_intercepts(&vmcb, i) || vmcb.clean != (must ? 0x7ff : 0x7fe);
		vmcb.clean = 0x7ff;
		vmcb_unintercept(&vmcb, i);
		bad += vmcb_intercepts(&vmcb, i) != must || vmcb.clean != (must ? 0x7ff : 0x7fe);
	}
	for (i = 0; i < SVM_WORDS; i++)
		bad += vmcb_get_intercepts(&vmcb, i) != mandatory[i];
	ksft_test_result(!bad, "intercepts: policy adds, and never removes\n");

	bad = 0;
	for (i = 0; i < ARRAY_SIZE(free_of_exits); i++)
		bad += vmcb_intercepts(&vmcb, free_of_exits[i]);
	ksft_test_result(!bad, "intercepts: what shall not exit does not\n");
}

/*
 * Exit information
 */

/* As uapi/svmm_exits.h has it; "?" if it has none. */
static const char *exit_name(u64 code)
{
#define NAME(code, name)	{ code, #name },
	static const struct {
		u64 code;
		const char *name;
	} names[] = { SVM_EXITS(NAME) };

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].code == code)
			return names[i].name;
	return "?";
}

static void test_exits(void)
{
	static const struct {
		u64 code;
		const char *name;
	} known[] = {
		{ 0x00, "READ_CR0" }, { 0x18, "WRITE_CR8" }, { 0x2f, "READ_DR15" },
		{ 0x37, "WRITE_DR7" }, { 0x41, "EXCP_DB" }, { 0x4e, "EXCP_PF" },
		{ 0x52, "EXCP_MC" }, { 0x60, "INTR" }, { 0x64, "VINTR" }, { 0x72, "CPUID" },
		{ 0x78, "HLT" }, { 0x7b, "IOIO" }, { 0x7c, "MSR" }, { 0x7f, "SHUTDOWN" },
		{ 0x80, "VMRUN" }, { 0x81, "VMMCALL" }, { 0x86, "SKINIT" }, { 0x8d, "XSETBV" },
		{ 0x8f, "EFER_WRITE_TRAP" }, { 0x90, "WRITE_TRAP_CR0" }, { 0xa0, "INVLPGB" },
		{ 0xa4, "TLBSYNC" }, { 0xa6, "IDLE_HLT" }, { 0x400, "NPF" },
		{ 0x403, "VMGEXIT" },
		{ 0xa7, "?" }, { 0xa8, "?" }, { 0x3ff, "?" }, { 0x404, "?" },
		{ 0x100000000, "?" }, { 0x100000400, "?" },
	};
	unsigned int i, bad = 0, names = 0;
	static struct vmcb vmcb;
	u64 code;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(exit_name(known[i].code), known[i].name)) {
			ksft_print_msg("%llx is %s, not %s\n", (unsigned long long)known[i].code,
				       exit_name(known[i].code), known[i].name);
			bad++;
		}
	for (code = 0; code < 0x500; code++)
		names += !!strcmp(exit_name(code), "?");
	bad += names != 0xa7 + 4;
	for (code = 0; code < 0x500; code++) {
		unsigned int index = svm_exit_index(code);

		bad += code < 0xa8 ? index != code :
		       code >= 0x400 && code < 0x404 ? index != 0xa8 + code - 0x400 :
		       index != SVM_EXIT_UNKNOWN;
	}
	ksft_test_result(!bad, "exits: codes, names and table indexes\n");

	bad = 0;
	for (code = 0; code < 0x500; code++) {
		vmcb.exit_code = code;
		bad += svm_exit_is_invalid(&vmcb);
	}
	for (i = 1; i <= 3; i++) {
		vmcb.exit_code = -(u64)i;
		bad += !svm_exit_is_invalid(&vmcb);
		vmcb.exit_code = (u32)-i;
		bad += !svm_exit_is_invalid(&vmcb);
	}
	vmcb.exit_code = 0x100000400;
	bad += svm_exit_is_invalid(&vmcb);
	ksft_test_result(!bad, "exits: a refused VMRUN, stored in 64 bits or in 32\n");
}

static void test_ioio(void)
{
	static const struct {
		u64 info;
		struct svm_ioio want;
	} cases[] = {
		{ 0x03f80010, { .port = 0x3f8, .bytes = 1 } },			/* OUT DX, AL */
		{ 0x00600011, { .port = 0x60, .bytes = 1, .in = true } },	/* IN AL, 60h */
		{ 0x01f00021, { .port = 0x1f0, .bytes = 2, .in = true } },
		{ 0xffff0040, { .port = 0xffff, .bytes = 4 } },
		/* REP INSD, 64-bit addresses, ES */
		{ 0x0cfc024d, { .port = 0xcfc, .bytes = 4, .addr_bytes = 8, .in = true,
				.string = true, .rep = true } },
		/* REP OUTSB FS:[SI], 16-bit addresses */
		{ 0x0080109c, { .port = 0x80, .bytes = 1, .addr_bytes = 2, .seg = VMCB_FS,
				.string = true, .rep = true } },
		/* OUTSW DS:[ESI] */
		{ 0x04020d24, { .port = 0x402, .bytes = 2, .addr_bytes = 4, .seg = VMCB_DS,
				.string = true } },
	};
	unsigned int i, bad = 0;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct svm_ioio got = svm_ioio_decode(cases[i].info), want = cases[i].want;

		bad += got.port != want.port || got.bytes != want.bytes ||
		       got.addr_bytes != want.addr_bytes || got.seg != want.seg ||
		       got.in != want.in || got.string != want.string || got.rep != want.rep;
	}
	ksft_test_result(!bad, "exits: IOIO information\n");
}

/*
 * VMRUN's rules
 */

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

static void reset(struct vmcb *vmcb)
{
	unsigned int i;

	memset(vmcb, 0, sizeof(*vmcb));
	vmcb_reset_save(vmcb);
	for (i = 0; i < SVM_WORDS; i++)
		vmcb_set_intercepts(vmcb, i, 0);
	poke(vmcb, 0x040, 8, 0x100000);		/* iopm */
	poke(vmcb, 0x048, 8, 0x200000);		/* msrpm */
	poke(vmcb, 0x058, 4, 1);		/* asid */
	poke(vmcb, 0x060, 8, 1ULL << 24);	/* V_INTR_MASKING */
	poke(vmcb, 0x090, 8, 1);		/* NP_ENABLE */
	poke(vmcb, 0x0b0, 8, 0x300000);		/* nested_cr3 */
}

/* 64-bit mode, CPL 3, paging, as a Linux process has it */
static void long_mode(struct vmcb *vmcb)
{
	reset(vmcb);
	poke(vmcb, 0x4d0, 8, 0x1d01);		/* EFER: SVME NX LMA LME SCE */
	poke(vmcb, 0x558, 8, 0x80050033);	/* CR0 */
	poke(vmcb, 0x550, 8, 0x1234000);	/* CR3 */
	poke(vmcb, 0x548, 8, 0x3506f0);		/* CR4 */
	poke(vmcb, 0x412, 2, 0xafb);		/* CS: L, DPL 3 */
	poke(vmcb, 0x422, 2, 0xcf3);		/* SS: DPL 3 */
	poke(vmcb, 0x4cb, 1, 3);		/* CPL */
	poke(vmcb, 0x570, 8, 0x246);
	poke(vmcb, 0x578, 8, 0x7fffffffffff);
}

/* Paged protected mode, CPL 0 */
static void protected_mode(struct vmcb *vmcb)
{
	reset(vmcb);
	poke(vmcb, 0x558, 8, 0x80000011);
	poke(vmcb, 0x412, 2, 0xc9b);
	poke(vmcb, 0x422, 2, 0xc93);
}

static void vm86_mode(struct vmcb *vmcb)
{
	protected_mode(vmcb);
	poke(vmcb, 0x412, 2, 0x0f3);
	poke(vmcb, 0x422, 2, 0x0f3);
	poke(vmcb, 0x4cb, 1, 3);
	poke(vmcb, 0x570, 8, 0x20202);
}

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

/*
 * Clean bits
 */

static void test_clean(void)
{
	static struct vmcb_shadow shadow;
	static struct vmcb vmcb;
	unsigned int i, j, bad = 0;
	const char *why;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];

		for (j = 0; j < f->bytes; j++) {
			unsigned int byte = f->offset + j;

			long_mode(&vmcb);
			vmcb_clean_record(&shadow, &vmcb, 1);
			vmcb_all_clean(&vmcb);
			bad += vmcb_clean_verify(&shadow, &vmcb, 1, &why) || why;
			poke(&vmcb, byte, 1, ~peek(&vmcb, byte, 1));
			if (vmcb_clean_verify(&shadow, &vmcb, 1, &why) != -EINVAL ||
			    strcmp(why, f->name)) {
				ksft_print_msg("%s, byte %u: not seen\n", f->name, j);
				bad++;
			}
			/* With its bit clear the change is announced; the others stay set. */
			vmcb_dirty(&vmcb, 1U << f->clean);
			bad += vmcb_clean_verify(&shadow, &vmcb, 1, &why) || why;
		}
	}
	ksft_test_result(!bad, "clean bits: a change of each byte of each field is seen\n");

	long_mode(&vmcb);
	vmcb_clean_record(&shadow, &vmcb, 1);
	vmcb_all_clean(&vmcb);
	for (i = 0; i < sizeof(vmcb); i++) {
		for (j = 0; j < ARRAY_SIZE(fields); j++)
			if (i >= fields[j].offset && i < fields[j].offset + fields[j].bytes)
				break;
		if (j == ARRAY_SIZE(fields) && (i < 0xc0 || i >= 0xc4))
			poke(&vmcb, i, 1, ~peek(&vmcb, i, 1));
	}
	bad = vmcb_clean_verify(&shadow, &vmcb, 1, &why) || why;
	ksft_test_result(!bad, "clean bits: what VMRUN always reads may change\n");

	bad = !vmcb_clean_verify(&shadow, &vmcb, 0, &why);
	vmcb_dirty(&vmcb, VMCB_CLEAN_ALL);
	bad += vmcb_clean_verify(&shadow, &vmcb, 0, &why);
	shadow.cpu = -1;
	bad += vmcb_clean_verify(&shadow, &vmcb, 0, &why);
	vmcb.clean = 4;
	bad += !vmcb_clean_verify(&shadow, &vmcb, 0, &why);
	ksft_test_result(!bad, "clean bits: none may be set on another CPU, or the first time\n");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(2 + 3 + 3 + 4 + 1 + ARRAY_SIZE(rules) + 3 + 1 + 1 + 1 + 3);
	test_fields();
	test_segments();
	test_intercepts();
	test_exits();
	test_ioio();
	test_valid();
	test_reset_state();
	test_rules();
	test_mode_rules();
	test_features();
	test_int_ctl();
	test_events();
	test_clean();
	ksft_finished();
}
