// SPDX-License-Identifier: GPL-2.0
/*
 * The emulator against the CPU of the build machine: random instructions of every kind that it
 * knows, in 64, 32 and 16-bit mode, with random prefixes, operands and (in the legacy modes)
 * segment descriptors, executed by both. Registers, flags, XMM registers, memory and exceptions
 * must agree. Half of the runs are interrupted at each memory access and started over, as MMIO to
 * user space does. What user space cannot execute natively is tested by explicit cases.
 *
 * needs: module/emulate/decode.c module/emulate/alu.c module/emulate/operand.c
 * needs: module/emulate/string.c module/emulate/emulate.c
 * timeout: 120
 */
#include "../../module/emulate/emulate.h"
#include "../../module/emulate/internal.h"
#include "emulate_kinds.h"
#include "native.h"
#include "random.h"
#include "tap.h"

#define BUF		0x20000000UL
#define BUF_SIZE	0x20000UL

static bool amd;	/* the machine's CPU */

static bool chance(unsigned int percent)
{
	return (rng() >> 32) % 100 < percent;
}

static u64 below(u64 n)
{
	return (rng() >> 16) % n;
}

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

static bool in_buffer(u64 linear, unsigned int bytes)
{
	return linear >= BUF && linear + bytes <= BUF + BUF_SIZE;
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

	if (!in_buffer(linear, bytes) && !code)
		return emu_page_fault(e, linear, access & GUEST_WRITE ? 6 : 4);
	if (account(linear, bytes, false))
		return EMU_IO;
	memcpy(data, code ? (u8 *)linear : shadow + (linear - BUF), bytes);
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

static const struct emu_ops ops = { op_read, op_write, op_cmpxchg };

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

struct test {
	const struct kind *k;
	unsigned int bits;
	u8 bytes[16];
	unsigned int len;
	struct emu e;
	u8 xmm[16][16];
};

static void put(struct test *t, u8 byte)
{
	if (t->len < 15)
		t->bytes[t->len] = byte;
	t->len++;
}

static void build(struct test *t)
{
	static const u8 seg_prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x65, 0x65 };
	const struct kind *k = t->k;
	u8 modrm, mod, rm, rex = 0;
	bool p66 = false, p67 = false;
	unsigned int i, n, opsize;

	t->len = 0;
	if (!(k->flags & (K_NO66 | K_SSE)) && (!(k->flags & K_AMD66) || amd) && chance(25))
		put(t, 0x66), p66 = true;
	if (chance(15))
		put(t, 0x67), p67 = true;
	if (chance(20))
		put(t, seg_prefixes[below(sizeof(seg_prefixes))]);
	if (chance(k->flags & K_LOCK ? 25 : 2))
		put(t, 0xf0);
	if (k->flags & K_STR ? chance(60) : !(k->flags & (K_NOREP | K_SSE)) && chance(2))
		put(t, 0xf2 | below(2));
	if (k->prefix)
		put(t, k->prefix);
	if (t->bits == 64 && chance(60)) {
		rex = 0x40 | below(16);
		if (k->flags & K_NOW)
			rex &= ~8;
		put(t, rex);
	}
	for (i = 0; i < k->oplen; i++)
		put(t, k->op[i]);
	opsize = t->bits == 64 ? (rex & 8 ? 8 : p66 ? 2 : 4) : (t->bits == 32) != p66 ? 4 : 2;

	if (k->ext > -2) {
		mod = k->flags & K_MEM || chance(85) ? below(3) : 3;
		rm = below(8);
		modrm = mod << 6 | (k->ext >= 0 ? k->ext : (s8)below(8)) << 3 | rm;
		put(t, modrm);
		if (mod == 3) {
			n = 0;
		} else if (t->bits != 64 && (t->bits == 16 ? !p67 : p67)) {
			n = mod ? mod : rm == 6 ? 2 : 0;
		} else {
			u8 sib = below(256);

			if (rm == 4)
				put(t, sib);
			else
				sib = rm;
			n = mod == 1 ? 1 : mod == 2 || (sib & 7) == 5 ? 4 : 0;
		}
		for (i = 0; i < n; i++)
			put(t, n == 4 && i > 1 ? 0 : below(256));
	} else if (k->flags & K_MOFFS) {
		u64 target = t->bits == 64 ? BUF + below(BUF_SIZE) : below(0x10000);

		n = t->bits == 64 ? (p67 ? 4 : 8) : (t->bits == 32) != p67 ? 4 : 2;
		for (i = 0; i < n; i++)
			put(t, target >> (8 * i));
	}
	n = k->imm == 4 ? min(opsize, 4u) : k->imm;
	for (i = 0; i < n; i++)
		put(t, below(256));
}

/* An offset to aim at in @seg: mostly inside, sometimes at an edge. */
static u64 pick_target(const struct test *t, unsigned int seg)
{
	const struct emu_seg *s = &t->e.seg[seg];

	if (t->bits == 64) {
		u64 base = seg >= X86_SEG_FS ? s->base : 0;

		if (chance(3))
			return BUF + BUF_SIZE - below(20) - base;
		if (chance(2))		/* not canonical, or about to be */
			return (rng() & 1 ? 0x00007ffffffffff0 : 0x8000000000000000) + below(32);
		return BUF + 64 + below(BUF_SIZE - 128) - base;
	}
	if (s->attrib & SEG_TYPE_DOWN && !(s->attrib & SEG_TYPE_CODE))
		return chance(10) ? s->limit - 8 + below(16) :
				    s->limit + 1 + below(0xfff0 - s->limit);
	return chance(10) ? s->limit - 8 + below(12) : below(s->limit);
}

/*
 * Steer the memory operands into the buffer by adding what is missing to a register. False: this
 * one cannot be steered, or would go where a native run could do harm.
 */
static bool steer(struct test *t)
{
	struct emu *e = &t->e;
	struct x86_insn *insn = &e->insn;
	unsigned int seg, reg, i;
	u64 linear, ea;

	if (t->len > 15)
		return false;
	/* LOCK and the like may make it undefined: then nothing needs steering */
	if (x86_decode(insn, t->bytes, t->len, t->bits == 64 ? X86_MODE_64 : t->bits == 32 ?
		       X86_MODE_32 : X86_MODE_16))
		return true;
	if (insn->len != t->len)
		return false;
	e->rip = (t->bits == 64 ? NATIVE_CODE : 0) + native_rip(t->len);

	if (t->k->flags & K_STR) {
		u64 mask = size_mask(insn->adsize);

		e->regs[X86_RCX] = chance(5) ? rng() & ~mask : (rng() & ~mask) | below(6);
		e->regs[X86_RSI] = pick_target(t, data_segment(e));
		e->regs[X86_RDI] = pick_target(t, X86_SEG_ES);
		if (chance(20))
			e->regs[X86_RSI] |= rng() & ~mask;
		if (chance(20))
			e->regs[X86_RDI] |= rng() & ~mask;
		/* With a 32-bit count of 0, Intel clears upper halves and AMD does not. */
		if (insn->adsize == 4 && !(u32)e->regs[X86_RCX]) {
			e->regs[X86_RCX] = 0;
			e->regs[X86_RSI] = (u32)e->regs[X86_RSI];
			e->regs[X86_RDI] = (u32)e->regs[X86_RDI];
		}
		return true;
	}
	if (t->k->flags & K_STACK) {
		e->regs[X86_RSP] = pick_target(t, X86_SEG_SS) & ~7ULL;
		if (t->bits == 64 && (e->regs[X86_RSP] < BUF || e->regs[X86_RSP] >= BUF + BUF_SIZE))
			return false;
	}
	if (t->k->flags & K_MOFFS || insn->mod == 3)
		return true;

	for (i = 0; i < 2; i++) {
		u64 delta;

		ea = effective_address(e, &seg);
		if (seg == X86_SEG_FS)
			return false;
		delta = pick_target(t, seg) - ea;
		/* half of the SSE operands are to be aligned */
		if (t->k->flags & K_SSE && rng() & 1)
			delta -= (t->e.seg[seg].base * (t->bits != 64 || seg == X86_SEG_GS) +
				  ea + delta) & 15;
		if (t->bits != 64)
			delta = (u32)delta;
		if (insn->adsize == 2) {
			static const u8 base[] = { 3, 3, 5, 5, 6, 7, 5, 3 };

			if ((insn->modrm & 7) == 6 && !insn->mod)
				break;
			reg = base[insn->modrm & 7];
		} else if (insn->has_sib) {
			reg = (insn->sib & 7) | (insn->rex & 1) << 3;
			if ((reg & 7) == 5 && !insn->mod)
				return false;
		} else if ((insn->modrm & 7) == 5 && !insn->mod) {
			/* absolute or RIP-relative: patch the displacement */
			s32 disp = insn->disp + delta;

			memcpy(t->bytes + insn->len - insn->imm_len - 4, &disp, 4);
			if (x86_decode(insn, t->bytes, t->len, insn->mode))
				return false;
			break;
		} else {
			reg = insn->rm;
		}
		/* PUSH and POP: the stack stays where it is */
		if (reg == X86_RSP && t->k->flags & K_STACK)
			break;
		e->regs[reg] += delta;
		if (t->bits != 64)
			e->regs[reg] = (u32)e->regs[reg];
		else if (insn->adsize == 4)
			e->regs[reg] = (u32)e->regs[reg] | (rng() << 32);
		ea = effective_address(e, &seg);
		if (in_buffer(ea + (t->bits == 64 ? 0 : BUF), 1))
			break;
	}
	if (t->k->flags & K_BIT) {
		s64 offset = sign_extend(e->regs[insn->reg], insn->opsize);

		if (offset > 0x10000 || offset < -0x10000) {
			if (insn->reg == X86_RSP)
				return false;
			e->regs[insn->reg] = sign_extend(below(0x8000), 2);
		}
	}
	emu_operand_linear(e, 0, 0, &linear);
	if (is_canonical(linear, 0) && !in_buffer(linear - 0x4000, 1) &&
	    !in_buffer(linear + 0x4000, 1))
		return false;
	return true;
}

static bool generate(struct test *t, unsigned int bits)
{
	struct emu *e = &t->e;
	unsigned int i;

	memset(t, 0, sizeof(*t));
	t->bits = bits;
	t->k = &kinds[below(ARRAY_SIZE(kinds))];
	if (t->k->flags & K_64 && bits != 64)
		return false;
	for (i = 0; i < 16; i++) {
		e->regs[i] = chance(30) ? below(256) : rng();
		if (bits != 64)
			e->regs[i] = (u32)e->regs[i];
	}
	for (i = 0; i < 32; i++)
		((u64 *)t->xmm)[i] = rng();
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
	e->xmm = t->xmm;
	build(t);
	if (!steer(t))
		return false;
	e->rip = (bits == 64 ? NATIVE_CODE : 0) + native_rip(t->len);
	e->nbytes = t->len;
	memcpy(e->bytes, t->bytes, t->len);
	return true;
}

/* The flags that the APM leaves undefined after this instruction. */
static u64 undefined_flags(const struct test *t)
{
	const struct x86_insn *insn = &t->e.insn;
	unsigned int width = 8 * (insn->opcode & 1 ? insn->opsize : 1), count;
	u64 mask = 0;

	if (t->k->undefined != UNDEF_SHIFT)
		return t->k->undefined;
	count = insn->opcode < 0xd0 ? insn->imm & 0xff : insn->opcode < 0xd2 ? 1 :
		t->e.regs[X86_RCX] & 0xff;
	count &= width == 64 ? 63 : 31;
	if (!count)
		return 0;
	if (count != 1)
		mask |= X86_FLAG_OF;
	if ((insn->modrm >> 3 & 7) >= 4) {
		mask |= X86_FLAG_AF;
		if (count >= width)
			mask |= X86_FLAG_CF;
	}
	return mask;
}

static void report(const struct test *t, const char *what, int vector, int ret,
		   const struct emu *after, const struct native_state *st)
{
	unsigned int i;

	printf("# %s, %u bits: %s:", t->k->name, t->bits, what);
	for (i = 0; i < t->len; i++)
		printf(" %02x", t->bytes[i]);
	printf("; CPU vector %d, emulator %d", vector, ret);
	if (ret == EMU_EXCEPTION)
		printf(" vector %u", after->exception.vector);
	printf("\n# flags before %llx cpu %llx here %llx\n", t->e.rflags, st->rflags,
	       after->rflags);
	for (i = 0; i < 16; i++)
		if (st->regs[i] != after->regs[i])
			printf("# r%u before %llx cpu %llx here %llx\n", i, t->e.regs[i],
			       st->regs[i], after->regs[i]);
}

static struct {
	u64 runs, ok, exceptions, by_kind[ARRAY_SIZE(kinds)];
	u64 vectors[32];
} stats;

/* One instruction by both; false if they disagree. */
static bool compare(struct test *t)
{
	u64 width = t->bits == 64 ? ~0ULL : 0xffffffff, flags;
	struct native_state st;
	struct emu e = t->e;
	unsigned int i, rounds = 0;
	u8 xmm[16][16];
	int vector, ret;

	memcpy(st.regs, e.regs, sizeof(st.regs));
	memcpy(st.xmm, t->xmm, sizeof(st.xmm));
	st.rflags = e.rflags;
	memcpy(xmm, t->xmm, sizeof(xmm));
	e.xmm = xmm;

	vector = native_run(t->bits, t->bytes, t->len, &st, selectors);
	do {
		ret = emulate_round(&e);
	} while (ret == EMU_OK && e.rep_again && ++rounds < 100);

	stats.runs++;
	if (ret == EMU_EXCEPTION && vector == e.exception.vector) {
		stats.exceptions++;
		stats.vectors[vector & 31]++;
		/* a REP may have done some rounds before: the buffers must still agree */
		if (e.exception.vector != X86_VEC_PF && e.exception.error_code)
			return false;
		return true;
	}
	/*
	 * Which of two faults comes first is the implementation's choice: misaligned and outside
	 * (#AC), or one in each operand of a string instruction.
	 */
	if (ret == EMU_EXCEPTION && vector != -1 && vector != X86_VEC_UD &&
	    e.exception.vector != X86_VEC_UD &&
	    (t->k->flags & K_STR || vector == X86_VEC_AC || e.exception.vector == X86_VEC_AC))
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
	stats.by_kind[t->k - kinds]++;

	t->e.insn = e.insn;
	flags = (X86_FLAGS_ARITH | X86_FLAG_DF | X86_FLAG_AC) & ~undefined_flags(t);
	for (i = 0; i < 16; i++)
		if ((st.regs[i] ^ e.regs[i]) & width)
			break;
	if (i < 16 || (st.rflags ^ e.rflags) & flags || memcmp(st.xmm, xmm, sizeof(xmm))) {
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

static void test_against_cpu(unsigned int bits, unsigned int count)
{
	unsigned int i, bad = 0, missing = 0;

	if (!machine_runs(bits)) {
		ksft_test_result_skip("emulator = CPU, %u bits: not on this machine\n", bits);
		return;
	}
	memset(&stats, 0, sizeof(stats));
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
		if (bad || i % 512 == 0) {
			if (!bad && memcmp(shadow, (void *)BUF, BUF_SIZE)) {
				printf("# memory differs after %s\n", t.k->name);
				bad++;
			}
			memcpy((void *)BUF, shadow, BUF_SIZE);
		}
	}
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (stats.by_kind[i] < 20 && !(kinds[i].flags & K_64 && bits != 64)) {
			printf("# %s: only %llu completed\n", kinds[i].name, stats.by_kind[i]);
			missing++;
		}
	printf("# %llu runs, %llu completed, %llu exceptions:", stats.runs, stats.ok,
	       stats.exceptions);
	for (i = 0; i < ARRAY_SIZE(stats.vectors); i++)
		if (stats.vectors[i])
			printf(" #%u %llu", i, stats.vectors[i]);
	printf("\n");
	ksft_test_result(!bad && !missing, "emulator = CPU, %u bits\n", bits);
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
