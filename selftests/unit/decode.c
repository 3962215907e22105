// SPDX-License-Identifier: GPL-2.0
// needs: module/emulate/decode.c
// libs: -lZydis
// timeout: 120
/*
 * The decoder against hand-written cases, against its own truncation rule, and against Zydis, an
 * independent disassembler: exhaustively over prefix sets, maps, opcodes and ModRM bytes, and
 * over random strings. Every difference fails, except those that decode_oracle.h excuses.
 */
#include <stdlib.h>

#include "../../module/emulate/emulate.h"
#include "decode_oracle.h"
#include "tap.h"

static u64 rng_state = 0x9e3779b97f4a7c15;

static u64 rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

/* ---- explicit cases --------------------------------------------------------------------- */

#define M16 BIT(X86_MODE_16)
#define M32 BIT(X86_MODE_32)
#define M64 BIT(X86_MODE_64)
#define LEGACY (M16 | M32)
#define ALL (LEGACY | M64)

struct length_case {
	const char *name;
	unsigned int modes;
	int ret;
	unsigned int len;
	u8 bytes[16];
};

#define OK(name, modes, len, ...) { name, modes, X86_DECODE_OK, len, { __VA_ARGS__ } }
#define BAD(name, modes, ...) { name, modes, X86_DECODE_UNDEFINED, 0, { __VA_ARGS__ } }
#define LONG(name, modes, ...) { name, modes, X86_DECODE_TOO_LONG, 0, { __VA_ARGS__ } }

static const struct length_case length_cases[] = {
	/* what SVM intercepts */
	OK("cpuid", ALL, 2, 0x0f, 0xa2),
	OK("rep opsize cpuid", ALL, 4, 0xf3, 0x66, 0x0f, 0xa2),
	OK("rex cpuid", M64, 3, 0x48, 0x0f, 0xa2),
	OK("rdmsr", ALL, 2, 0x0f, 0x32),
	OK("wrmsr", ALL, 2, 0x0f, 0x30),
	OK("hlt", ALL, 1, 0xf4),
	OK("vmrun", ALL, 3, 0x0f, 0x01, 0xd8),
	OK("vmmcall", ALL, 3, 0x0f, 0x01, 0xd9),
	OK("vmload", ALL, 3, 0x0f, 0x01, 0xda),
	OK("stgi", ALL, 3, 0x0f, 0x01, 0xdc),
	OK("skinit", ALL, 3, 0x0f, 0x01, 0xde),
	OK("invlpga", ALL, 3, 0x0f, 0x01, 0xdf),
	OK("xsetbv", ALL, 3, 0x0f, 0x01, 0xd1),
	OK("rdtscp", ALL, 3, 0x0f, 0x01, 0xf9),
	OK("monitor", ALL, 3, 0x0f, 0x01, 0xc8),
	OK("mwait", ALL, 3, 0x0f, 0x01, 0xc9),
	OK("rdpru", ALL, 3, 0x0f, 0x01, 0xfd),
	OK("mov cr0, eax", ALL, 3, 0x0f, 0x22, 0xc0),
	OK("mov eax, cr3", ALL, 3, 0x0f, 0x20, 0xd8),
	OK("mov cr, mod ignored", ALL, 3, 0x0f, 0x22, 0x04),
	OK("mov dr7, eax", ALL, 3, 0x0f, 0x23, 0xf8),
	OK("mov cr8, rax", M64, 4, 0x44, 0x0f, 0x22, 0xc0),
	OK("lock mov cr0: cr8", ALL, 4, 0xf0, 0x0f, 0x22, 0xc0),
	BAD("mov cr1", ALL, 0x0f, 0x22, 0xc8),
	OK("clts", ALL, 2, 0x0f, 0x06),
	OK("lmsw ax", ALL, 3, 0x0f, 0x01, 0xf0),
	OK("lmsw [disp16]", M16, 5, 0x0f, 0x01, 0x36),
	OK("lmsw [rip+disp32]", M64, 7, 0x0f, 0x01, 0x35),
	OK("smsw [bx+8]", M16, 4, 0x0f, 0x01, 0x67, 8),
	OK("invd", ALL, 2, 0x0f, 0x08),
	OK("wbinvd", ALL, 2, 0x0f, 0x09),
	OK("wbnoinvd", ALL, 3, 0xf3, 0x0f, 0x09),
	OK("invlpg [edi]", M32 | M64, 3, 0x0f, 0x01, 0x3f),
	OK("invlpg [rax+rcx+disp32]", M32 | M64, 8, 0x0f, 0x01, 0xbc, 0x08),
	OK("rdpmc", ALL, 2, 0x0f, 0x33),
	OK("rdtsc", ALL, 2, 0x0f, 0x31),
	OK("pause", ALL, 2, 0xf3, 0x90),
	OK("int3", ALL, 1, 0xcc),
	OK("int n", ALL, 2, 0xcd, 0x80),
	OK("into", LEGACY, 1, 0xce),
	BAD("into", M64, 0xce),
	OK("icebp", ALL, 1, 0xf1),
	OK("iret", ALL, 1, 0xcf),
	OK("iretq", M64, 2, 0x48, 0xcf),
	OK("pushf", ALL, 1, 0x9c),
	OK("popf", ALL, 1, 0x9d),
	OK("in al, ib", ALL, 2, 0xe4, 0x70),
	OK("in eax, dx", ALL, 1, 0xed),
	OK("out ib, eax", ALL, 2, 0xe7, 0x70),
	OK("rep insb", ALL, 2, 0xf3, 0x6c),
	OK("rep gs outsd", ALL, 3, 0xf3, 0x65, 0x6f),
	OK("lgdt [bx]", M16, 3, 0x0f, 0x01, 0x17),
	OK("lgdt [disp32]", M32, 7, 0x0f, 0x01, 0x15),
	OK("sgdt [rsp]", M64, 4, 0x0f, 0x01, 0x04, 0x24),
	OK("lldt ax", ALL, 3, 0x0f, 0x00, 0xd0),
	OK("ltr ax", ALL, 3, 0x0f, 0x00, 0xd8),
	OK("rsm", ALL, 2, 0x0f, 0xaa),
	BAD("ud2", ALL, 0x0f, 0x0b),
	BAD("ud0", ALL, 0x0f, 0xff, 0xc0),
	BAD("ud1", ALL, 0x0f, 0xb9, 0xc0),
	/* what carries its length in odd places */
	OK("mov rax, imm64", M64, 10, 0x48, 0xb8),
	OK("mov eax, imm32", M32 | M64, 5, 0xb8),
	OK("mov ax, imm16", M16, 3, 0xb8),
	OK("moffs16", M16, 3, 0xa1),
	OK("moffs32", M32, 5, 0xa1),
	OK("moffs64", M64, 9, 0xa1),
	OK("moffs, address prefix", M64, 6, 0x67, 0xa1),
	OK("test [rax], imm8", M32 | M64, 3, 0xf6, 0x00, 1),
	OK("not byte [rax]", M32 | M64, 2, 0xf6, 0x10),
	OK("test [rax], imm32", M32 | M64, 6, 0xf7, 0x00),
	OK("test ax, imm16, 66", M32 | M64, 5, 0x66, 0xf7, 0xc0),
	OK("enter", ALL, 4, 0xc8),
	OK("far call", M16, 5, 0x9a),
	OK("far call", M32, 7, 0x9a),
	BAD("far call", M64, 0x9a),
	OK("call rel, AMD's 66", M64, 4, 0x66, 0xe8),
	OK("jz rel32", M32 | M64, 6, 0x0f, 0x84),
	OK("les", LEGACY, 2, 0xc4, 0x00),
	OK("vaddps", ALL, 4, 0xc5, 0xf8, 0x58, 0xc0),
	OK("vzeroupper", ALL, 3, 0xc5, 0xf8, 0x77),
	OK("vpermilps imm", ALL, 6, 0xc4, 0xe3, 0x79, 0x04, 0xc0, 1),
	BAD("66 vex", ALL, 0x66, 0xc5, 0xf8, 0x77),
	BAD("lock vex", ALL, 0xf0, 0xc5, 0xf8, 0x77),
	BAD("rex vex", M64, 0x40, 0xc5, 0xf8, 0x77),
	OK("pop [rax]", M32 | M64, 2, 0x8f, 0x00),
	OK("xop vprotb imm", ALL, 6, 0x8f, 0xe8, 0x78, 0xc0, 0xc0, 1),
	OK("xop bextr imm32", M64, 9, 0x8f, 0xea, 0x78, 0x10, 0xc0),
	OK("evex vaddps", ALL, 6, 0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc0),
	OK("bound", LEGACY, 2, 0x62, 0x00),
	OK("3dnow pfadd", ALL, 4, 0x0f, 0x0f, 0xc1, 0x9e),
	OK("femms", ALL, 2, 0x0f, 0x0e),
	OK("extrq ib ib", ALL, 6, 0x66, 0x0f, 0x78, 0xc0, 4, 4),
	OK("movbe", M32 | M64, 4, 0x0f, 0x38, 0xf0, 0x00),
	OK("aad", LEGACY, 2, 0xd5, 0x0a),
	BAD("aad", M64, 0xd5, 0x0a),
	OK("nopw cs:[rax+rax+0]", M64, 10, 0x66, 0x2e, 0x0f, 0x1f, 0x84),
	/* LOCK */
	OK("lock add [eax], cl", M32 | M64, 3, 0xf0, 0x00, 0x08),
	BAD("lock add eax, ecx", ALL, 0xf0, 0x01, 0xc8),
	BAD("lock cmp", ALL, 0xf0, 0x39, 0x08),
	BAD("lock mov", ALL, 0xf0, 0x89, 0x08),
	BAD("lock bt imm", ALL, 0xf0, 0x0f, 0xba, 0x20, 1),
	OK("lock bts imm", M32 | M64, 5, 0xf0, 0x0f, 0xba, 0x28, 1),
	OK("lock cmpxchg8b", M32 | M64, 4, 0xf0, 0x0f, 0xc7, 0x08),
	BAD("lock nop", ALL, 0xf0, 0x90),
	/* 15 bytes and one more */
	OK("14 prefixes", ALL, 15, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	   0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90),
	LONG("15 prefixes", ALL, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
	     0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90),
	LONG("immediate past 15", ALL, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e,
	     0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x69, 0xc0),
};

static void test_lengths(void)
{
	unsigned int i, mode, bad = 0;

	for (i = 0; i < ARRAY_SIZE(length_cases); i++) {
		const struct length_case *c = &length_cases[i];

		for (mode = X86_MODE_16; mode <= X86_MODE_64; mode++) {
			struct x86_insn insn;
			int ret;

			if (!(c->modes & BIT(mode)))
				continue;
			ret = x86_decode(&insn, c->bytes, 15, mode);
			if (ret != c->ret || (!ret && insn.len != c->len)) {
				dump(c->name, c->bytes, mode);
				printf("# ret %d len %u\n", ret, insn.len);
				bad++;
			}
		}
	}
	ksft_test_result(!bad, "lengths of intercepted and irregular instructions\n");
}

#define CHECK(cond) do {						\
	if (!(cond)) {							\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		bad++;							\
	}								\
} while (0)

static void test_fields(void)
{
	struct x86_insn n;
	unsigned int bad = 0;

	static const u8 mov[] = { 0x65, 0x66, 0x46, 0x89, 0x8c, 0x91, 0x80, 0xff, 0xff, 0xff };

	CHECK(!x86_decode(&n, mov, sizeof(mov), X86_MODE_64));
	CHECK(n.seg == X86_SEG_GS && n.opsize_prefix && n.opsize == 2 && n.adsize == 8);
	CHECK(n.rex == 0x46 && n.reg == 9 && n.mod == 2 && n.rm == 4 && n.has_sib);
	CHECK(n.disp == -128 && n.disp_len == 4 && n.imm_len == 0);

	static const u8 lost_rex[] = { 0x48, 0x66, 0x89, 0x08 };

	CHECK(!x86_decode(&n, lost_rex, sizeof(lost_rex), X86_MODE_64));
	CHECK(n.rex == 0 && n.opsize == 2);

	static const u8 es_in_64[] = { 0x26, 0x8b, 0x00 };

	CHECK(!x86_decode(&n, es_in_64, 3, X86_MODE_64) && n.seg == X86_SEG_NONE);
	CHECK(!x86_decode(&n, es_in_64, 3, X86_MODE_32) && n.seg == X86_SEG_ES);

	static const u8 far_jmp[] = { 0xea, 0x78, 0x56, 0x34, 0x92, 0x10, 0x00 };

	CHECK(!x86_decode(&n, far_jmp, sizeof(far_jmp), X86_MODE_32));
	CHECK((u32)n.imm == 0x92345678 && n.imm2 == 0x10 && n.imm_len == 6);

	static const u8 moffs[] = { 0xa1, 1, 2, 3, 4, 5, 6, 7, 0x88 };

	CHECK(!x86_decode(&n, moffs, sizeof(moffs), X86_MODE_64));
	CHECK((u64)n.disp == 0x8807060504030201 && n.disp_len == 8);

	static const u8 movimm[] = { 0x48, 0xc7, 0x00, 0xff, 0xff, 0xff, 0xff };

	CHECK(!x86_decode(&n, movimm, sizeof(movimm), X86_MODE_64));
	CHECK(n.imm == -1 && n.imm_len == 4 && n.opsize == 8);

	static const u8 movcr[] = { 0x66, 0x45, 0x0f, 0x22, 0xc1 };

	CHECK(!x86_decode(&n, movcr, sizeof(movcr), X86_MODE_64));
	CHECK(n.reg == 8 && n.rm == 9 && n.opsize == 8);

	static const u8 movcr_mem[] = { 0x0f, 0x20, 0x1d };

	CHECK(!x86_decode(&n, movcr_mem, sizeof(movcr_mem), X86_MODE_32));
	CHECK(n.reg == 3 && n.rm == 5 && n.disp_len == 0 && n.opsize == 4);

	static const u8 outs[] = { 0xf2, 0xf3, 0x67, 0x2e, 0x6f };

	CHECK(!x86_decode(&n, outs, sizeof(outs), X86_MODE_16));
	CHECK(n.rep == 0xf3 && n.adsize == 4 && n.seg == X86_SEG_CS && n.opsize == 2);
	ksft_test_result(!bad, "fields\n");
}

/*
 * However the bytes arrive, the verdict is the same: with too few it is "truncated", with enough
 * it never changes again, and bytes past the length do not matter.
 */
static void test_truncation(void)
{
	unsigned int i, n, bad = 0;

	for (i = 0; i < 400000 && bad < 10; i++) {
		u64 raw[2] = { rng(), rng() };
		u8 buf[16];
		struct x86_insn full, part;
		enum x86_mode mode = rng() % 3;
		int ret, seen = X86_DECODE_TRUNCATED;

		memcpy(buf, raw, sizeof(buf));
		ret = x86_decode(&full, buf, 15, mode);
		for (n = 0; n <= 15; n++) {
			/* an exact-size heap copy, so that ASan sees any read past it */
			u8 *exact = malloc(n ? n : 1);
			int r;

			memcpy(exact, buf, n);
			r = x86_decode(&part, exact, n, mode);
			free(exact);
			if (seen != X86_DECODE_TRUNCATED && r != seen)
				bad++;
			if (r == X86_DECODE_OK &&
			    (n < part.len || memcmp(&part, &full, sizeof(full))))
				bad++;
			seen = r;
		}
		if (ret == X86_DECODE_TRUNCATED || ret != seen)
			bad++;
		if (!ret && (full.len < 1 || full.len > 15))
			bad++;
		if (bad)
			dump("truncation", buf, mode);
	}
	ksft_test_result(!bad, "truncation never changes a verdict\n");
}

/* ---- Zydis ------------------------------------------------------------------------------ */

#if HAVE_ZYDIS
static const u8 prefix_sets[][4] = {
	{ 0 }, { 1, 0x66 }, { 1, 0x67 }, { 1, 0xf2 }, { 1, 0xf3 }, { 1, 0xf0 },
	{ 2, 0x66, 0xf2 }, { 2, 0xf3, 0x66 }, { 2, 0x66, 0x67 }, { 1, 0x64 }, { 2, 0x36, 0xf3 },
	{ 1, 0x48 }, { 2, 0x66, 0x48 }, { 2, 0xf3, 0x4f }, { 2, 0xf0, 0x44 }, { 2, 0x48, 0x66 },
	{ 3, 0x67, 0xf2, 0x41 },
};

static void test_zydis_exhaustive(void)
{
	static const u8 escapes[][3] = { { 0 }, { 1, 0x0f }, { 2, 0x0f, 0x38 }, { 2, 0x0f, 0x3a } };
	unsigned int mode, p, e, op, modrm, bad = 0;

	compared = 0;
	valid = 0;
	for (mode = 0; mode < 3; mode++)
		for (p = 0; p < ARRAY_SIZE(prefix_sets); p++)
			for (e = 0; e < ARRAY_SIZE(escapes); e++)
				for (op = 0; op < 256; op++)
					for (modrm = 0; modrm < 256 && bad < 40; modrm++) {
						u64 raw[2] = { rng(), rng() };
						unsigned int n = prefix_sets[p][0];
						u8 buf[16];

						memcpy(buf, raw, 16);
						memcpy(buf, prefix_sets[p] + 1, n);
						memcpy(buf + n, escapes[e] + 1, escapes[e][0]);
						n += escapes[e][0];
						buf[n++] = op;
						buf[n] = modrm;
						bad += !compare(buf, mode);
					}
	ksft_print_msg("%lu compared, %lu valid\n", compared, valid);
	ksft_test_result(!bad && valid > 1000000, "Zydis: prefixes x maps x opcodes x ModRM\n");
}

static void test_zydis_vex(void)
{
	static const u8 first[] = { 0xc4, 0xc5, 0x8f, 0x62 };
	unsigned int i, bad = 0;

	compared = 0;
	valid = 0;
	for (i = 0; i < 6000000 && bad < 40; i++) {
		u64 raw[2] = { rng(), rng() };
		u8 buf[16];

		memcpy(buf, raw, 16);
		buf[0] = first[i & 3];
		/* steer to defined maps and EVEX's fixed bits, or hardly any would be valid */
		if (buf[0] == 0xc4)
			buf[1] = (buf[1] & 0xe0) | (1 + buf[15] % 3);
		else if (buf[0] == 0x8f)
			buf[1] = (buf[1] & 0xe0) | (8 + buf[15] % 3);
		else if (buf[0] == 0x62)
			buf[1] = (buf[1] & 0xf0) | (1 + buf[15] % 6), buf[2] |= 4;
		if (buf[14] & 1)
			buf[buf[0] == 0x62 ? 2 : 1 + (buf[0] != 0xc5)] |= 0x78;
		bad += !compare(buf, i % 3);
	}
	ksft_print_msg("%lu compared, %lu valid\n", compared, valid);
	ksft_test_result(!bad && valid > 300000, "Zydis: VEX, XOP, EVEX\n");
}

static void test_zydis_random(void)
{
	static const u8 prefixes[] = {
		0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x48, 0x41, 0x4f
	};
	unsigned int i, j, bad = 0;

	compared = 0;
	valid = 0;
	for (i = 0; i < 6000000 && bad < 40; i++) {
		u64 raw[2] = { rng(), rng() };
		unsigned int n = rng() % 16;
		u8 buf[16];

		memcpy(buf, raw, 16);
		/* none, some, or (to reach the length limit) very many prefixes */
		if (n < 12)
			n &= 3;
		for (j = 0; j < n && (i & 1); j++)
			buf[j] = prefixes[buf[j] % ARRAY_SIZE(prefixes)];
		if ((i & 6) == 6 && n < 12)
			buf[n] = 0x0f;
		bad += !compare(buf, i % 3);
	}
	ksft_print_msg("%lu compared, %lu valid\n", compared, valid);
	ksft_test_result(!bad && valid > 2000000, "Zydis: random strings\n");
}
#endif /* HAVE_ZYDIS */

int main(void)
{
	const char *seed = getenv("SEED");

	if (seed)
		rng_state = strtoull(seed, NULL, 0) * 2 + 1;
	ksft_print_header();
	ksft_set_plan(6);
	test_lengths();
	test_fields();
	test_truncation();
#if HAVE_ZYDIS
	zydis_init();
	test_zydis_exhaustive();
	test_zydis_vex();
	test_zydis_random();
#else
	ksft_test_result_skip("Zydis: prefixes x maps x opcodes x ModRM (no libzydis-dev)\n");
	ksft_test_result_skip("Zydis: VEX, XOP, EVEX (no libzydis-dev)\n");
	ksft_test_result_skip("Zydis: random strings (no libzydis-dev)\n");
#endif
	ksft_finished();
	return 0;
}
