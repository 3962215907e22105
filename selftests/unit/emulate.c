// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator against the CPU of the build machine: random instructions of every kind that it
 * knows, in 64, 32 and 16-bit mode, with random encodings, prefixes, operands and (in the legacy
 * modes) segment descriptors, executed by both. Registers, flags, the FPU's registers, segments,
 * memory and exceptions must agree. Half of the runs are interrupted at each memory access and
 * started over, as MMIO to user space does. What user space cannot execute natively is tested by
 * explicit cases. SEED begins another sequence, COUNT is how long each is.
 *
 * needs: module/emulate/decode.c module/emulate/alu.c module/emulate/operand.c
 * needs: module/emulate/string.c module/emulate/emulate.c module/emulate/simd.c
 * needs: module/emulate/segment.c
 * timeout: 120
 */
#include "../../module/emulate/emulate.h"
#include "../../module/emulate/internal.h"
#include "emulate_build.h"
#include "native.h"
#include "tap.h"

#define GDT		0x30000000UL	/* for the emulator, as the kernel's and the test's are */
#define LDT		0x30001000UL

/* ---- the emulator's memory: a copy of the native buffer ----------------------------------- */

static u8 shadow[BUF_SIZE];

#define LOG_SIZE 8

/* What one x86_emulate() did, and what the interrupted variant replays. */
static struct {
	bool interrupt;			/* return EMU_IO once for each access */
	unsigned int cursor, known;	/* accesses so far; accesses that have their data */
	struct { u64 linear; unsigned int bytes; bool write; } log[LOG_SIZE];
	unsigned int writes;
	bool broken;			/* a rule of struct emu_ops was violated */
	u64 write_linear;
} mem;

/* Descriptor tables, as the kernel has them for this process. */
static u64 gdt[16], ldt[16];

static void *table_at(u64 linear, unsigned int bytes)
{
	u64 in = linear & 0xfff;

	if (in + bytes > sizeof(gdt))
		return NULL;
	return linear - in == GDT ? (u8 *)gdt + in : linear - in == LDT ? (u8 *)ldt + in : NULL;
}

/* Log the access; true if it must be interrupted now. */
static bool account(u64 linear, unsigned int bytes, bool write)
{
	unsigned int i = mem.cursor++;

	if (i >= LOG_SIZE || (mem.writes && !write) || (write && mem.writes)) {
		mem.broken = true;
		return false;
	}
	if (i < mem.known) {
		if (mem.log[i].linear != linear || mem.log[i].bytes != bytes ||
		    mem.log[i].write != write)
			mem.broken = true;
		return false;
	}
	mem.log[i].linear = linear;
	mem.log[i].bytes = bytes;
	mem.log[i].write = write;
	mem.known++;
	return mem.interrupt;
}

static int op_read(struct emu *e, u64 linear, void *data, unsigned int bytes, unsigned int access)
{
	/* CS overrides read the stub, which does not change between the two runs */
	bool code = linear >= NATIVE_CODE && linear + bytes <= NATIVE_CODE + 0x1000;
	const void *at = table_at(linear, bytes);

	if (code)
		at = (void *)linear;
	else if (in_buffer(linear, bytes))
		at = shadow + (linear - BUF);
	if (!at)
		return emu_page_fault(e, linear, access & GUEST_WRITE ? 6 : 4);
	if (account(linear, bytes, false))
		return EMU_IO;
	memcpy(data, at, bytes);
	return EMU_OK;
}

static int op_write(struct emu *e, u64 linear, const void *data, unsigned int bytes,
		    unsigned int access)
{
	if (!(access & GUEST_WRITE) || !(access & GUEST_USER))
		mem.broken = true;
	if (!in_buffer(linear, bytes))
		return emu_page_fault(e, linear, 6);
	if (account(linear, bytes, true))
		return EMU_IO;
	mem.writes++;
	mem.write_linear = linear;
	memcpy(shadow + (linear - BUF), data, bytes);
	return EMU_OK;
}

static int op_cmpxchg(struct emu *e, u64 linear, u64 old, u64 new, unsigned int bytes,
		      unsigned int access)
{
	if (in_buffer(linear, bytes) && memcmp(shadow + (linear - BUF), &old, bytes))
		mem.broken = true;	/* nobody else writes here: @old must be what was read */
	return op_write(e, linear, &new, bytes, access);
}

/* The emulator's FPU image. */
static u8 fpu_image[NATIVE_FPU];

static void op_fpu(struct emu *e, struct emu_fpu *fpu)
{
	const u32 *at = native_fpu.offset;

	(void)e;
	fpu->fxsave = fpu_image;
	fpu->ymm_hi = at[2] ? fpu_image + at[2] : NULL;
	fpu->zmm_hi = at[6] ? fpu_image + at[6] : NULL;
	fpu->zmm_16 = at[7] ? fpu_image + at[7] : NULL;
	fpu->xcr0 = native_fpu.xcr0;
}

static const struct emu_ops ops = { op_read, op_write, op_cmpxchg, op_fpu };

/* One round, started over after each EMU_IO. */
static enum emu_result emulate_round(struct emu *e)
{
	struct emu start = *e;
	enum emu_result ret;
	unsigned int tries;

	memset(&mem, 0, sizeof(mem));
	mem.interrupt = chance(50);
	for (tries = 0; tries <= LOG_SIZE; tries++) {
		*e = start;
		mem.cursor = 0;
		ret = x86_emulate(e);
		if (ret != EMU_IO)
			return mem.broken ? EMU_FAIL : ret;
	}
	mem.broken = true;
	return EMU_FAIL;
}

/* The segments of the legacy modes; anew for each few thousand instructions. */
static struct emu_seg segs[X86_NR_SEGS];
static u16 selectors[NATIVE_NR_SEGS];

static const struct emu_seg flat = { .attrib = 0xcf3, .limit = 0xffffffff };

static struct emu_seg make_segment(unsigned int n, struct user_desc *d)
{
	struct emu_seg s = { .base = d->base_addr, .limit = d->limit };

	s.attrib = 0xf1 | d->contents << 2 | !d->read_exec_only << 1 | d->seg_32bit << 10;
	s.selector = native_segment(n, d);
	selectors[n - 1] = s.selector;
	ldt[n] = (s.limit & 0xffff) | (s.base & 0xffffff) << 16 | (u64)(s.attrib & 0xff) << 40 |
		 (u64)(s.limit & 0xf0000) << 32 | (u64)(s.attrib & 0xf00) << 44 |
		 (s.base & 0xff000000) << 32;
	return s;
}

static bool new_segments(unsigned int bits)
{
	static const u8 data[] = { X86_SEG_ES, X86_SEG_SS, X86_SEG_DS, X86_SEG_GS };
	struct user_desc d;
	unsigned int i;

	segs[X86_SEG_FS] = flat;
	if (bits == 64) {
		for (i = 0; i < X86_NR_SEGS; i++)
			segs[i] = flat;
		segs[X86_SEG_CS] = (struct emu_seg){ .selector = 0x33, .attrib = 0xafb };
		segs[X86_SEG_SS].selector = 0x2b;
		segs[X86_SEG_GS].base = BUF + 0x100;
		return !syscall(SYS_arch_prctl, ARCH_SET_GS, BUF + 0x100);
	}
	d = (struct user_desc){ .base_addr = NATIVE_CODE, .limit = 0xfff, .contents = 2,
				.seg_32bit = bits == 32, .read_exec_only = 0 };
	segs[X86_SEG_CS] = make_segment(X86_SEG_CS + 1, &d);
	for (i = 0; i < ARRAY_SIZE(data); i++) {
		bool down = chance(25);

		d = (struct user_desc){ .base_addr = BUF + below(0x1000), .seg_32bit = chance(50) };
		d.limit = chance(50) ? 0xffff : 0x100 + below(0x8000);
		if (down) {
			d.contents = 1;
			d.limit = below(0x4000);
		}
		if (data[i] != X86_SEG_SS && chance(20))
			d.read_exec_only = 1;
		segs[data[i]] = make_segment(data[i] + 1, &d);
		if (!selectors[data[i]])
			return false;
	}
	return selectors[NATIVE_CS];
}

static u16 some_selector(void)
{
	static const u16 gdts[] = { 0x08, 0x10, 0x18, 0x23, 0x2b, 0x2a, 0x33, 0x80, 0xfff8 };

	switch (below(4)) {
	case 0:
		return below(4);
	case 1:
		return gdts[below(ARRAY_SIZE(gdts))];
	case 2:
		return below(0x80) | 4;
	}
	return selectors[below(NATIVE_NR_SEGS)] ?: 0x2b;
}

static void put_operand(u64 linear, u64 val)
{
	memcpy(shadow + (linear - BUF), &val, 8);
	memcpy((void *)linear, &val, 8);
}

#define STACK_TOP	0	/* wherever */
#include "emulate_steer.h"

static bool generate(struct test *t, unsigned int bits)
{
	struct emu *e = &t->e;
	unsigned int i;

	memset(t, 0, sizeof(*t));
	t->bits = bits;
	t->k = &kinds[below(ARRAY_SIZE(kinds))];
	if (t->k->flags & (bits == 64 ? K_NOT64 : K_64) || (t->k->flags & K_SSE4A && !amd))
		return false;
	choose_encoding(t);
	if ((t->encoding == VEX && !(native_fpu.xcr0 & 4)) ||
	    (t->encoding == EVEX && !(native_fpu.xcr0 & 0xe0)))
		return false;
	for (i = 0; i < 16; i++) {
		e->regs[i] = chance(30) ? below(256) : rng();
		if (bits != 64)
			e->regs[i] = (u32)e->regs[i];
	}
	e->rflags = 0x202 | (rng() & (X86_FLAGS_ARITH | X86_FLAG_DF));
	/* Whether 16 bytes have to be aligned for it is AMD's and Intel's own choice. */
	if (chance(10) && (amd || !(t->k->flags & K_SSE)))
		e->rflags |= X86_FLAG_AC;
	e->ops = &ops;
	memcpy(e->seg, segs, sizeof(segs));
	e->cr0 = 0x80050033;
	e->cr4 = 0x6f0;
	e->efer = 0xd01;
	e->cpl = 3;
	e->cr4 |= native_fpu.xcr0 ? X86_CR4_BIT_OSXSAVE : 0;
	e->gdtr = (struct emu_seg){ .base = GDT, .limit = sizeof(gdt) - 1 };
	e->ldtr = (struct emu_seg){ .base = LDT, .limit = NATIVE_NR_SEGS * 8 + 7, .attrib = SEG_P };
	build(t);
	e->rip = (bits == 64 ? NATIVE_CODE : 0) + native_rip(t->len);
	if (!steer(t))
		return false;
	e->nbytes = t->len;
	memcpy(e->bytes, t->bytes, t->len);
	return true;
}

static void report(const struct test *t, const char *what, int vector, int ret,
		   const struct emu *after, const struct native_state *st)
{
	unsigned int i;

	printf("# %s, %u bits: %s:", t->k->name, t->bits, what);
	for (i = 0; i < t->len; i++)
		printf(" %02x", t->bytes[i]);
	printf("; CPU vector %d, emulator %d", vector, ret);
	if (vector != -1)
		printf(" error %x", native_error);
	if (ret == EMU_EXCEPTION)
		printf(" vector %u error %x", after->exception.vector,
		       after->exception.error_code);
	if (after->loaded_seg < X86_NR_SEGS)
		printf(" loaded %x", after->seg[after->loaded_seg].selector);
	printf("\n# flags before %llx cpu %llx here %llx\n", t->e.rflags, st->rflags,
	       after->rflags);
	for (i = 0; i < 16; i++)
		if (st->regs[i] != after->regs[i])
			printf("# r%u before %llx cpu %llx here %llx\n", i, t->e.regs[i],
			       st->regs[i], after->regs[i]);
}

static struct {
	u64 runs, ok, exceptions, by_kind[ARRAY_SIZE(kinds)][NR_ENCODINGS];
	u64 vectors[32];
} stats;

/* A new FPU state: x87 registers as a stack of any height, no pending exceptions. */
static void new_fpu(void)
{
	unsigned int i, j;

	for (i = 0; i < NATIVE_FPU / 8; i++)
		((u64 *)fpu_image)[i] = rng();
	memset(fpu_image, 0, 32);
	fpu_image[0] = 0x7f;
	fpu_image[1] = 0x03;
	fpu_image[3] = below(8) << 3;
	fpu_image[4] = rng();
	fpu_image[24] = 0x80;
	fpu_image[25] = 0x1f;
	for (i = 0; i < 8; i++)
		for (j = 10; j < 16; j++)
			fpu_image[32 + 16 * i + j] = 0;
	memset(fpu_image + 512, 0, 64);
	fpu_image[512] = native_fpu.xcr0;
}

/* Status and tag words and all registers; not where the last x87 instruction was. */
static bool same_fpu(const u8 *image)
{
	bool same = !memcmp(image + 2, fpu_image + 2, 3) &&
		    !memcmp(image + 32, fpu_image + 32, 8 * 16 + 16 * 16);
	unsigned int i;

	for (i = 2; i < ARRAY_SIZE(native_fpu.offset); i++)
		same &= !memcmp(image + native_fpu.offset[i], fpu_image + native_fpu.offset[i],
				native_fpu.bytes[i]);
	return same;
}

/* What both have loaded into a segment register, if they have. */
static bool same_segment(const struct test *t, const struct emu *e, const struct native_state *st)
{
	const struct emu_seg *s;

	if (!(t->k->flags & K_SEG))
		return e->loaded_seg == X86_SEG_NONE;
	if (e->loaded_seg >= X86_NR_SEGS)
		return false;
	s = &e->seg[e->loaded_seg];
	/* an interrupt meanwhile leaves no RPL of a null selector */
	if (s->selector != st->sreg[e->loaded_seg] && s->selector >> 2)
		return false;
	if (!(s->selector & 4))
		return s->selector & 0xfffc || !(s->attrib & SEG_P);
	return !memcmp(s, &segs[(s->selector >> 3) - 1], sizeof(*s)) || s->selector >> 3 > 6;
}

/* One instruction by both; false if they disagree. */
static bool compare(struct test *t)
{
	u64 width = t->bits == 64 ? ~0ULL : 0xffffffff, flags;
	struct native_state st;
	struct emu e = t->e;
	unsigned int i, rounds = 0;
	int vector, ret;

	if (t->k->flags & K_SSE)
		new_fpu();
	memcpy(st.regs, e.regs, sizeof(st.regs));
	memcpy(st.fpu, fpu_image, sizeof(st.fpu));
	st.rflags = e.rflags;

	vector = native_run(t->bits, t->bytes, t->len, &st, selectors);
	do {
		ret = emulate_round(&e);
	} while (ret == EMU_OK && e.rep_again && ++rounds < 100);

	stats.runs++;
	if (ret == EMU_EXCEPTION && vector == e.exception.vector) {
		stats.exceptions++;
		stats.vectors[vector & 31]++;
		/* a REP may have done some rounds before: the buffers must still agree */
		if (e.exception.vector == X86_VEC_PF || !e.exception.has_error ||
		    e.exception.error_code == native_error)
			return true;
		report(t, "error code", vector, ret, &e, &st);
		return false;
	}
	/*
	 * Which of two faults comes first is the implementation's choice: misaligned and outside
	 * (#AC), or one in each operand of a string instruction.
	 */
	if (ret == EMU_EXCEPTION && vector != -1 && vector != X86_VEC_UD &&
	    e.exception.vector != X86_VEC_UD &&
	    (t->k->flags & K_STR || vector == X86_VEC_AC || e.exception.vector == X86_VEC_AC))
		return true;
	/* what is to be flushed only the CPU looks for */
	if (t->k->flags & K_FLUSH && vector == X86_VEC_PF)
		return true;
	/* or beyond the limit and not 16-byte aligned */
	if (ret == EMU_EXCEPTION && t->k->flags & K_SSE && vector == X86_VEC_SS &&
	    e.exception.vector == X86_VEC_GP)
		return true;
	if (ret != EMU_OK || vector != -1) {
		report(t, "outcome", vector, ret, &e, &st);
		return false;
	}
	stats.ok++;
	stats.by_kind[t->k - kinds][t->encoding]++;

	t->e.insn = e.insn;
	flags = (X86_FLAGS_ARITH | X86_FLAG_DF | X86_FLAG_AC) & ~undefined_flags(t);
	for (i = 0; i < 16; i++)
		if ((st.regs[i] ^ e.regs[i]) & width)
			break;
	if (i < 16 || (st.rflags ^ e.rflags) & flags || !same_fpu(st.fpu) ||
	    !same_segment(t, &e, &st)) {
		report(t, "state", vector, ret, &e, &st);
		return false;
	}
	if (e.rip != (t->bits == 64 ? NATIVE_CODE : 0) + NATIVE_END) {
		report(t, "rip", vector, ret, &e, &st);
		return false;
	}
	if (mem.writes) {
		u64 from = mem.write_linear - BUF;

		from = from > 64 ? from - 64 : 0;
		if (memcmp(shadow + from, (u8 *)BUF + from, min(160ul, BUF_SIZE - from))) {
			report(t, "memory", vector, ret, &e, &st);
			return false;
		}
	}
	return true;
}

/* Some kernels, of virtual machines above all, have no LDT, or run no other than 64-bit code. */
static bool machine_runs(unsigned int bits)
{
	static const u8 nop = 0x90;
	struct native_state st = { .rflags = 0x202 };

	return new_segments(bits) && native_run(bits, &nop, 1, &st, selectors) == -1;
}

/* Was a kind not tried with success in each of its encodings? */
static bool kind_missed(unsigned int i, unsigned int bits)
{
	const u64 *done = stats.by_kind[i];
	unsigned int want = kinds[i].flags & K_SSE ? kinds[i].encodings : E_LEGACY, j;
	bool missed = false;

	if (kinds[i].flags & (bits == 64 ? K_NOT64 : K_64) || (kinds[i].flags & K_SSE4A && !amd))
		return false;
	if (!(native_fpu.xcr0 & 4))
		want &= ~E_VEX;
	if (!(native_fpu.xcr0 & 0xe0))
		want &= ~E_EVEX;
	for (j = 0; j < NR_ENCODINGS; j++)
		if (want >> j & 1 && done[j] < 20) {
			printf("# %s, encoding %u: only %llu completed\n", kinds[i].name, j,
			       done[j]);
			missed = true;
		}
	return missed;
}

static void test_against_cpu(unsigned int bits, unsigned int count)
{
	unsigned int i, bad = 0, missing = 0;

	if (!machine_runs(bits)) {
		ksft_test_result_skip("emulator = CPU, %u bits: not on this machine\n", bits);
		return;
	}
	memset(&stats, 0, sizeof(stats));
	new_fpu();
	for (i = 0; i < BUF_SIZE / 8; i++)
		((u64 *)shadow)[i] = rng();
	memcpy((void *)BUF, shadow, BUF_SIZE);

	for (i = 0; i < count && bad < 5; i++) {
		struct test t;

		if (i % 4096 == 0 && !new_segments(bits)) {
			printf("# no segments\n");
			bad++;
			break;
		}
		if (!generate(&t, bits))
			continue;
		if (!compare(&t))
			bad++;
		if (bits == 64 && t.k->flags & K_SEG)
			syscall(SYS_arch_prctl, ARCH_SET_GS, BUF + 0x100);
		if (bad || i % 512 == 0) {
			if (!bad && memcmp(shadow, (void *)BUF, BUF_SIZE)) {
				printf("# memory differs after %s\n", t.k->name);
				bad++;
			}
			memcpy((void *)BUF, shadow, BUF_SIZE);
		}
	}
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		missing += kind_missed(i, bits);
	printf("# %llu runs, %llu completed, %llu exceptions:", stats.runs, stats.ok,
	       stats.exceptions);
	for (i = 0; i < ARRAY_SIZE(stats.vectors); i++)
		if (stats.vectors[i])
			printf(" #%u %llu", i, stats.vectors[i]);
	printf("\n");
	ksft_test_result(!bad && !missing, "emulator = CPU, %u bits\n", bits);
}

/* What of the kernel's table this process may see; the rest is as if it were not there. */
static void learn_gdt(void)
{
	unsigned int i;

	for (i = 1; i < ARRAY_SIZE(gdt); i++) {
		u32 rights = 0, limit = 0;

		asm("lar %1, %0" : "+r" (rights) : "r" (i << 3 | 3));
		asm("lsl %1, %0" : "+r" (limit) : "r" (i << 3 | 3));
		if (rights & 1 << 23)
			limit >>= 12;
		gdt[i] = (limit & 0xffff) | (u64)(limit & 0xf0000) << 32 |
			 (u64)(rights & 0xf0ff00) << 32;
	}
}

int main(void)
{
	const char *seed = getenv("SEED"), *count = getenv("COUNT");
	unsigned int n = count ? strtoul(count, NULL, 0) : 300000;

	if (seed)
		rng_state = strtoull(seed, NULL, 0) * 2 + 1;
	ksft_print_header();
	ksft_set_plan(3);
	native_init();
	learn_gdt();
	amd = __builtin_cpu_is("amd");
	if (mmap((void *)BUF, BUF_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)BUF)
		return 1;
	test_against_cpu(64, n);
	test_against_cpu(32, n);
	test_against_cpu(16, n);
	ksft_finished();
	return 0;
}
