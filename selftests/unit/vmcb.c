// SPDX-License-Identifier: GPL-2.0
// needs: module/svm/vmcb.c
/*
 * The VMCB: where each accessor writes and which clean bit it clears, the mandatory intercepts, the
 * decoding of exit information, and the check of the clean bits. VMRUN's rules are in vmcb_rules.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tap.h"
#include "vmcb_bytes.h"

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
	ksft_set_plan(2 + 3 + 3 + 3);
	test_fields();
	test_segments();
	test_intercepts();
	test_exits();
	test_ioio();
	test_clean();
	ksft_finished();
}
