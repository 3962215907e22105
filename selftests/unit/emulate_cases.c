// SPDX-License-Identifier: GPL-2.0
/*
 * What the emulator does where user space cannot ask the CPU: real mode, privileged accesses, FS,
 * 5-level canonical form, SSE with CR0.TS, atomicity, verdicts; and string I/O, whose batches are
 * compared with one element at a time.
 *
 * needs: module/emulate/decode.c module/emulate/alu.c module/emulate/operand.c
 * needs: module/emulate/string.c module/emulate/emulate.c
 */
#include <stdint.h>
#include <stdlib.h>

#include "../../module/emulate/emulate.h"
#include "../../module/emulate/internal.h"
#include "random.h"
#include "tap.h"

static u64 below(u64 n)
{
	return (rng() >> 16) % n;
}

static bool chance(unsigned int percent)
{
	return below(100) < percent;
}

static unsigned int bad;

#define CHECK(cond) do {						\
	if (!(cond)) {							\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		bad++;							\
	}								\
} while (0)

/* Memory is one register at a single address; everything is recorded. */
static struct {
	u64 at, value;
	unsigned int reads, writes, swaps, access;
	u64 old;
	int swap_result;
} dev;

static int op_read(struct emu *e, u64 linear, void *data, unsigned int bytes, unsigned int access)
{
	dev.access = access;
	if (linear != dev.at)
		return emu_page_fault(e, linear, 0);
	dev.reads++;
	memset(data, 0, bytes);
	memcpy(data, &dev.value, min(bytes, 8u));
	return EMU_OK;
}

static int op_write(struct emu *e, u64 linear, const void *data, unsigned int bytes,
		    unsigned int access)
{
	if (linear != dev.at)
		return emu_page_fault(e, linear, PF_ERR_W);
	dev.writes++;
	dev.access = access;
	memcpy(&dev.value, data, min(bytes, 8u));
	return EMU_OK;
}

static int op_cmpxchg(struct emu *e, u64 linear, u64 old, u64 new, unsigned int bytes,
		      unsigned int access)
{
	CHECK(!((old | new) & ~size_mask(bytes)));
	dev.swaps++;
	dev.old = old;
	if (dev.swap_result)
		return dev.swap_result;
	return op_write(e, linear, &new, bytes, access);
}

static const struct emu_ops ops = { op_read, op_write, op_cmpxchg };
static const struct emu_ops ops_plain = { op_read, op_write, NULL };

static struct emu state(enum x86_mode mode)
{
	struct emu e = { .ops = &ops, .rip = 0x1000, .rflags = 2, .cr0 = 0x80000011,
			 .cr4 = 0x620 };
	unsigned int i;

	for (i = 0; i < X86_NR_SEGS; i++)
		e.seg[i] = (struct emu_seg){ .attrib = 0xc93, .limit = 0xffffffff };
	e.seg[X86_SEG_CS].attrib = mode == X86_MODE_64 ? 0xa9b : mode == X86_MODE_32 ? 0xc9b : 0x9b;
	if (mode == X86_MODE_64)
		e.efer = 0x500;
	memset(&dev, 0, sizeof(dev));
	return e;
}

/* As at power-on, and in a 16-bit boot loader. */
static struct emu real_mode(void)
{
	struct emu e = state(X86_MODE_16);
	unsigned int i;

	e.cr0 = 0x10;
	for (i = 0; i < X86_NR_SEGS; i++)
		e.seg[i] = (struct emu_seg){ .attrib = 0x93, .limit = 0xffff };
	return e;
}

#define RUN(e, ...) ({						\
	static const u8 bytes_[] = { __VA_ARGS__ };		\
	(e)->nbytes = sizeof(bytes_);				\
	memcpy((e)->bytes, bytes_, sizeof(bytes_));		\
	x86_emulate(e);						\
})

static bool raised(const struct emu *e, unsigned int vector, bool has_error)
{
	return e->exception.vector == vector && e->exception.has_error == has_error &&
	       e->exception.error_code == 0;
}

static void test_verdicts(void)
{
	struct emu e = state(X86_MODE_64);

	bad = 0;
	CHECK(RUN(&e, 0x48, 0x89) == EMU_TRUNCATED);
	CHECK(RUN(&e, 0x0f, 0x0b) == EMU_EXCEPTION && raised(&e, X86_VEC_UD, false));
	CHECK(RUN(&e, 0xf0, 0x89, 0x00) == EMU_EXCEPTION && raised(&e, X86_VEC_UD, false));
	CHECK(RUN(&e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e,
		  0x2e, 0x2e, 0x2e) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	CHECK(RUN(&e, 0xf7, 0x20) == EMU_FAIL);			/* mul [rax] */
	CHECK(RUN(&e, 0xd9, 0x00) == EMU_FAIL);			/* fld */
	CHECK(RUN(&e, 0xff, 0x10) == EMU_FAIL);			/* call [rax] */
	CHECK(RUN(&e, 0x8e, 0x18) == EMU_FAIL);			/* mov ds, [rax] */
	CHECK(RUN(&e, 0xc5, 0xf8, 0x10, 0x00) == EMU_FAIL);	/* vmovups */
	CHECK(RUN(&e, 0x48, 0x0f, 0xc7, 0x08) == EMU_FAIL);	/* cmpxchg16b */
	CHECK(RUN(&e, 0x0f, 0x6f, 0x00) == EMU_FAIL);		/* movq mm0 */
	CHECK(RUN(&e, 0xf3, 0x0f, 0x10, 0x00) == EMU_FAIL);	/* movss */
	CHECK(RUN(&e, 0x6c) == EMU_FAIL);			/* insb: x86_string_io() */
	CHECK(!dev.reads && !dev.writes && e.rip == 0x1000);
	ksft_test_result(!bad, "verdicts\n");
}

static void test_access_flags(void)
{
	struct emu e = state(X86_MODE_64);

	bad = 0;
	CHECK(RUN(&e, 0x8b, 0x00) == EMU_OK && dev.access == GUEST_READ);
	CHECK(e.rip == 0x1002);
	CHECK(RUN(&e, 0x89, 0x08) == EMU_OK && dev.access == GUEST_WRITE);
	e.cpl = 3;
	CHECK(RUN(&e, 0x8b, 0x00) == EMU_OK && dev.access == GUEST_USER);
	CHECK(RUN(&e, 0x89, 0x08) == EMU_OK && dev.access == (GUEST_USER | GUEST_WRITE));
	/* a read-modify-write must be refused at its read */
	e = state(X86_MODE_64);
	dev.at = 0x5000;
	CHECK(RUN(&e, 0x83, 0x08, 0x01) == EMU_EXCEPTION && e.exception.vector == X86_VEC_PF);
	CHECK(dev.access == GUEST_WRITE);
	CHECK(RUN(&e, 0x48, 0x0f, 0xb1, 0x08) == EMU_EXCEPTION && dev.access == GUEST_WRITE);
	CHECK(RUN(&e, 0xd1, 0x20) == EMU_EXCEPTION && dev.access == GUEST_WRITE);
	e.regs[X86_RAX] = 0x5000;
	CHECK(RUN(&e, 0xf0, 0x0f, 0xba, 0x28, 0x03) == EMU_OK);
	CHECK(dev.reads == 1 && dev.swaps == 1 && dev.value == 8);
	/* CMP and TEST do not write */
	CHECK(RUN(&e, 0x83, 0x38, 0x08) == EMU_OK && dev.access == GUEST_READ);
	CHECK(e.rflags & X86_FLAG_ZF && dev.writes == 1);
	ksft_test_result(!bad, "access flags\n");
}

static void test_atomic(void)
{
	struct emu e = state(X86_MODE_64);

	bad = 0;
	dev.value = 0x1234;
	e.regs[X86_RCX] = 0x77;
	/* xchg [rax], rcx: LOCK is implied */
	CHECK(RUN(&e, 0x48, 0x87, 0x08) == EMU_OK);
	CHECK(dev.swaps == 1 && dev.old == 0x1234 && dev.value == 0x77);
	CHECK(e.regs[X86_RCX] == 0x1234);
	CHECK(RUN(&e, 0x48, 0x01, 0x08) == EMU_OK && dev.swaps == 1);	/* add: no LOCK */
	CHECK(dev.value == 0x12ab);
	CHECK(RUN(&e, 0xf0, 0x48, 0x01, 0x08) == EMU_OK && dev.swaps == 2 && dev.old == 0x12ab);
	/* the new value has no bits above the operand */
	e = state(X86_MODE_64);
	dev.value = 0xff;
	CHECK(RUN(&e, 0xf0, 0xf6, 0x10) == EMU_OK && dev.value == 0);
	dev.value = 0xff;
	CHECK(RUN(&e, 0xf0, 0xfe, 0x00) == EMU_OK && dev.value == 0);
	/* a lost race is the caller's to repeat */
	dev.swap_result = EMU_RETRY;
	CHECK(RUN(&e, 0xf0, 0x48, 0xff, 0x00) == EMU_RETRY && dev.value == 0);
	/* CMPXCHG8B that fails writes the old value back */
	e = state(X86_MODE_32);
	dev.value = 0x1122334455667788;
	CHECK(RUN(&e, 0xf0, 0x0f, 0xc7, 0x0e) == EMU_OK && dev.swaps == 1);
	CHECK(dev.value == 0x1122334455667788 && !(e.rflags & X86_FLAG_ZF));
	CHECK(e.regs[X86_RDX] == 0x11223344 && e.regs[X86_RAX] == 0x55667788);
	/* without the callback a plain store must do */
	e = state(X86_MODE_64);
	e.ops = &ops_plain;
	CHECK(RUN(&e, 0xf0, 0xff, 0x00) == EMU_OK && dev.writes == 1 && dev.value == 1);
	ksft_test_result(!bad, "LOCK and XCHG\n");
}

static void test_real_mode(void)
{
	struct emu e = real_mode();

	bad = 0;
	e.seg[X86_SEG_ES].base = 0xb8000;
	e.regs[X86_RDI] = 0xffff0010;		/* only DI counts */
	e.regs[X86_RAX] = 0x0741;
	dev.at = 0xb8010;
	CHECK(RUN(&e, 0x26, 0x89, 0x05) == EMU_OK && dev.value == 0x0741);
	CHECK(RUN(&e, 0xab) == EMU_OK && e.regs[X86_RDI] == 0xffff0012 && dev.writes == 2);

	/* the limit is 64 KiB: #GP, and #SS for BP */
	e = real_mode();
	e.regs[X86_RBX] = 0xffff;
	CHECK(RUN(&e, 0x8b, 0x07) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	e.regs[X86_RBP] = 0xffff;
	CHECK(RUN(&e, 0x8b, 0x46, 0x00) == EMU_EXCEPTION && raised(&e, X86_VEC_SS, true));
	dev.at = 0xffff;
	CHECK(RUN(&e, 0x8a, 0x07) == EMU_OK);
	/* BX + SI wraps at 64 KiB */
	e.regs[X86_RSI] = 0x12;
	dev.at = 0x11;
	CHECK(RUN(&e, 0x8a, 0x00) == EMU_OK);
	/* code is writable: types do not count in real mode */
	e.seg[X86_SEG_CS] = (struct emu_seg){ .base = 0xf0000, .attrib = 0x9b, .limit = 0xffff };
	dev.at = 0xf0011;
	CHECK(RUN(&e, 0x2e, 0x88, 0x00) == EMU_OK);

	/* "unreal" mode: a 4 GiB limit that survived the way back from protected mode */
	e = real_mode();
	e.seg[X86_SEG_DS].limit = 0xffffffff;
	e.regs[X86_RBX] = 0xfee00020;
	dev.at = 0xfee00020;
	CHECK(RUN(&e, 0x67, 0x66, 0x8b, 0x03) == EMU_OK && dev.reads == 1);

	/* virtual-8086 mode: 16-bit, whatever CS.D says */
	e = real_mode();
	e.cr0 = 0x80000011;
	e.rflags |= X86_FLAG_VM;
	e.seg[X86_SEG_CS].attrib |= SEG_DB;
	CHECK(emu_mode(&e) == X86_MODE_16);

	/* a null selector and a read-only segment in protected mode */
	e = state(X86_MODE_32);
	e.seg[X86_SEG_DS].attrib = 0;
	CHECK(RUN(&e, 0x8b, 0x00) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	e.seg[X86_SEG_DS].attrib = 0xc91;
	CHECK(RUN(&e, 0x89, 0x00) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	dev.at = 0;
	CHECK(RUN(&e, 0x8b, 0x00) == EMU_OK);
	ksft_test_result(!bad, "real, unreal, virtual-8086 and protected mode\n");
}

static void test_linear(void)
{
	struct emu e = state(X86_MODE_64);
	u64 linear, val;

	bad = 0;
	/* FS and GS have a base, the others do not */
	e.seg[X86_SEG_FS].base = 0xffff888000000000;
	e.seg[X86_SEG_DS].base = 0x12345;
	dev.at = 0xffff888000000010;
	e.regs[X86_RAX] = 0x10;
	CHECK(RUN(&e, 0x64, 0x8b, 0x00) == EMU_OK && dev.reads == 1);
	/* 67 truncates the offset, not the sum */
	e.regs[X86_RCX] = 0xdead00000010;
	CHECK(RUN(&e, 0x64, 0x67, 0x8b, 0x01) == EMU_OK && dev.reads == 2);
	e.regs[X86_RCX] = 0xffff888000000010;
	CHECK(RUN(&e, 0x3e, 0x8b, 0x01) == EMU_OK && dev.reads == 3);
	/* canonical form with 48 and 57 bits */
	e.regs[X86_RCX] = 0x0000888000000010;
	CHECK(RUN(&e, 0x8b, 0x01) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	e.cr4 |= X86_CR4_BIT_LA57;
	dev.at = 0x0000888000000010;
	CHECK(RUN(&e, 0x8b, 0x01) == EMU_OK);
	e.regs[X86_RCX] = 0x00fffffffffffffd;	/* last byte is outside */
	CHECK(RUN(&e, 0x8b, 0x01) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	e.regs[X86_RBP] = 0x8000000000000000;
	CHECK(RUN(&e, 0x8b, 0x45, 0x00) == EMU_EXCEPTION && raised(&e, X86_VEC_SS, true));
	/* INVLPG's operand is not checked */
	CHECK(!x86_decode(&e.insn, (const u8 *)"\x0f\x01\x7d\x08", 4, X86_MODE_64));
	CHECK(emu_operand_linear(&e, 0, 0, &linear) == EMU_OK && linear == 0x8000000000000008);

	/* LMSW and SMSW operands */
	e = state(X86_MODE_16);
	e.regs[X86_RSI] = 0x100;
	dev.at = 0x100;
	dev.value = 0xabcd0001;
	CHECK(!x86_decode(&e.insn, (const u8 *)"\x0f\x01\x34", 3, X86_MODE_16));
	CHECK(emu_read_rm(&e, 2, &val) == EMU_OK && val == 1);
	CHECK(!x86_decode(&e.insn, (const u8 *)"\x0f\x01\xe3", 3, X86_MODE_32));
	e.regs[X86_RBX] = ~0ULL;
	CHECK(emu_write_rm(&e, 4, 0x80050033) == EMU_OK && e.regs[X86_RBX] == 0x80050033);
	e.regs[X86_RBX] = ~0ULL;
	CHECK(emu_write_rm(&e, 2, 0x33) == EMU_OK && e.regs[X86_RBX] == 0xffffffffffff0033);

	/* where the next instruction is */
	e = state(X86_MODE_32);
	e.rip = 0xffffffff;
	e.rflags |= X86_FLAG_RF;
	e.seg[X86_SEG_CS].base = 0x1000;
	CHECK(emu_fetch_linear(&e, 1) == 0x1000);
	emu_advance_rip(&e, 2);
	CHECK(e.rip == 1 && !(e.rflags & X86_FLAG_RF));
	e = state(X86_MODE_64);
	e.rip = 0xffffffff;
	CHECK(emu_fetch_linear(&e, 1) == 0x100000000);
	emu_advance_rip(&e, 2);
	CHECK(e.rip == 0x100000001);
	ksft_test_result(!bad, "linear addresses, operands, RIP\n");
}

static void test_sse(void)
{
	static u8 xmm[16][16];
	struct emu e = state(X86_MODE_64);

	bad = 0;
	e.xmm = xmm;
	CHECK(RUN(&e, 0x44, 0x0f, 0x10, 0x08) == EMU_OK && dev.reads == 1);
	e.cr0 |= X86_CR0_BIT_TS;
	CHECK(RUN(&e, 0x0f, 0x10, 0x00) == EMU_EXCEPTION && raised(&e, X86_VEC_NM, false));
	e.cr0 |= X86_CR0_BIT_EM;
	CHECK(RUN(&e, 0x0f, 0x10, 0x00) == EMU_EXCEPTION && raised(&e, X86_VEC_UD, false));
	e = state(X86_MODE_64);
	e.xmm = xmm;
	e.cr4 &= ~X86_CR4_BIT_OSFXSR;
	CHECK(RUN(&e, 0x0f, 0x10, 0x00) == EMU_EXCEPTION && raised(&e, X86_VEC_UD, false));
	e = state(X86_MODE_64);
	CHECK(RUN(&e, 0x0f, 0x10, 0x00) == EMU_FAIL && !dev.reads);
	ksft_test_result(!bad, "SSE moves\n");
}

static void test_rep(void)
{
	struct emu e = state(X86_MODE_64);

	bad = 0;
	e.regs[X86_RCX] = 2;
	e.regs[X86_RDI] = 0x7000;
	dev.at = 0x7000;
	CHECK(RUN(&e, 0xf3, 0xaa) == EMU_OK && e.rep_again && e.rip == 0x1000);
	CHECK(e.regs[X86_RCX] == 1 && e.regs[X86_RDI] == 0x7001);
	dev.at = 0x7001;
	CHECK(RUN(&e, 0xf3, 0xaa) == EMU_OK && !e.rep_again && e.rip == 0x1002);
	CHECK(e.regs[X86_RCX] == 0 && dev.writes == 2);
	CHECK(RUN(&e, 0xf3, 0xaa) == EMU_OK && !e.rep_again && e.rip == 0x1004 && dev.writes == 2);
	/* the upper half of RCX does not count, and stays, with a 32-bit count */
	e.regs[X86_RCX] = 0x500000000;
	CHECK(RUN(&e, 0x67, 0xf3, 0xaa) == EMU_OK && e.regs[X86_RCX] == 0x500000000);
	CHECK(dev.writes == 2);
	ksft_test_result(!bad, "REP, one round at a time\n");
}

/* ---- string I/O --------------------------------------------------------------------------- */

/* Random state for one INS or OUTS; false if the encoding is not one. */
static struct emu random_strio(void)
{
	static const u8 prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0xf3, 0xf3, 0x26, 0x2e, 0x65, 0x36 };
	enum x86_mode mode = rng() % 3;
	struct emu e = state(mode);
	unsigned int i, n = 0;

	for (i = 0; i < X86_NR_SEGS && mode != X86_MODE_64; i++) {
		e.seg[i].base = chance(50) ? 0 : (u32)rng();
		if (chance(40))
			e.seg[i].limit = chance(50) ? 0xffff : below(0x20000);
		if (i != X86_SEG_CS && chance(15))
			e.seg[i].attrib |= SEG_TYPE_DOWN;
		if (chance(30))
			e.seg[i].attrib &= ~SEG_DB;
	}
	e.seg[X86_SEG_CS].attrib = state(mode).seg[X86_SEG_CS].attrib;
	e.seg[X86_SEG_GS].base = (u32)rng();
	for (i = below(4); i; i--)
		e.bytes[n++] = prefixes[below(sizeof(prefixes))];
	if (mode == X86_MODE_64 && chance(30))
		e.bytes[n++] = 0x40 | below(16);
	e.bytes[n++] = 0x6c | below(4);
	e.nbytes = n;
	e.regs[X86_RDX] = rng();
	e.regs[X86_RCX] = chance(10) ? 0 : chance(70) ? below(6000) : rng();
	e.regs[X86_RSI] = chance(50) ? below(0x22000) : rng();
	e.regs[X86_RDI] = chance(50) ? 0xfff0 + below(0x20) : rng();
	e.rflags |= chance(50) ? X86_FLAG_DF : 0;
	return e;
}

static void test_string_io(void)
{
	unsigned int i, seen_big = 0, seen_fault = 0, seen_limit = 0, k;

	bad = 0;
	for (i = 0; i < 200000; i++) {
		struct emu e = random_strio(), one, batch;
		struct x86_strio io, step;
		u64 sign, linear;
		int ret;

		one = e;
		ret = x86_string_io(&e, &io);
		if (ret == EMU_EXCEPTION) {
			seen_fault++;
			continue;
		}
		CHECK(ret == EMU_OK && io.port == (u16)e.regs[X86_RDX]);
		CHECK(io.in == !(e.insn.opcode & 2) && io.backward == !!(e.rflags & X86_FLAG_DF));
		CHECK(io.size == (e.insn.opcode & 1 ? (e.insn.opsize == 2 ? 2 : 4) : 1));
		CHECK(io.count == (e.insn.rep ? e.regs[X86_RCX] & size_mask(e.insn.adsize) : 1));
		CHECK(!io.batch == !io.count && io.batch <= io.count && io.batch <= 4096);
		if (!io.count) {
			CHECK(x86_string_io_advance(&e, &io, 0) && e.rip == one.rip + e.insn.len);
			continue;
		}
		CHECK(io.batch == 1 ||
		      (io.linear >> 12) == ((io.linear + (io.backward ? -1ull : 1ull) *
					     (io.batch - 1) * io.size) >> 12));
		seen_big += io.batch > 100;

		/* element by element: each where the batch says, the state the same at the end */
		sign = io.backward ? -(u64)io.size : io.size;
		linear = io.linear;
		for (k = 0; k < io.batch; k++) {
			bool done;

			ret = x86_string_io(&one, &step);
			if (ret || step.linear != linear || step.count != (io.count - k)) {
				CHECK(!"an element of the batch lies elsewhere");
				break;
			}
			done = x86_string_io_advance(&one, &step, 1);
			CHECK(done == (k + 1 == io.count));
			linear += sign;
		}
		batch = e;
		CHECK(x86_string_io_advance(&batch, &io, io.batch) == (io.batch == io.count));
		CHECK(!memcmp(batch.regs, one.regs, sizeof(one.regs)) && batch.rip == one.rip);
		/* a batch of one, where the page has room for more, must have a reason */
		if (io.batch == 1 && io.count > 1 && !((io.linear & 0xfff) < io.size * 2u) &&
		    (io.linear & 0xfff) <= 0xff0)
			seen_limit++;
		if (bad) {
			printf("#");
			for (k = 0; k < e.nbytes; k++)
				printf(" %02x", e.bytes[k]);
			printf(" mode %u linear %llx count %llx batch %u rsi %llx rdi %llx\n",
			       e.insn.mode, io.linear, io.count, io.batch, e.regs[X86_RSI],
			       e.regs[X86_RDI]);
			break;
		}
	}
	printf("# %u long batches, %u faults, %u cut short by a limit or a wrap\n", seen_big,
	       seen_fault, seen_limit);
	CHECK(seen_big > 1000 && seen_fault > 1000 && seen_limit > 10);
	ksft_test_result(!bad, "string I/O: batches = single elements\n");
}

static void test_string_io_cases(void)
{
	struct x86_strio io;
	struct emu e = state(X86_MODE_64);

	bad = 0;
	/* rep insw forwards: up to the page's end */
	memcpy(e.bytes, "\xf3\x66\x6d", 3);
	e.nbytes = 3;
	e.regs[X86_RDI] = 0x5ff1;
	e.regs[X86_RCX] = 100;
	e.regs[X86_RDX] = 0xabcd01f0;
	CHECK(x86_string_io(&e, &io) == EMU_OK && io.in && io.size == 2 && io.port == 0x1f0);
	CHECK(io.linear == 0x5ff1 && io.count == 100 && io.batch == 7);
	CHECK(!x86_string_io_advance(&e, &io, 7) && e.rip == 0x1000);
	CHECK(e.regs[X86_RDI] == 0x5fff && e.regs[X86_RCX] == 93);
	/* now one that crosses */
	CHECK(x86_string_io(&e, &io) == EMU_OK && io.batch == 1);
	/* backwards: down to the page's start, never below */
	e.rflags |= X86_FLAG_DF;
	e.regs[X86_RDI] = 0x5005;
	CHECK(x86_string_io(&e, &io) == EMU_OK && io.backward && io.batch == 3);
	CHECK(!x86_string_io_advance(&e, &io, 3) && e.regs[X86_RDI] == 0x4fff);
	/* outsd with REX.W is still 32 bits; FS counts */
	e = state(X86_MODE_64);
	memcpy(e.bytes, "\x64\x48\x6f", 3);
	e.nbytes = 3;
	e.seg[X86_SEG_FS].base = 0x10000;
	CHECK(x86_string_io(&e, &io) == EMU_OK && !io.in && io.size == 4 && io.count == 1);
	CHECK(io.linear == 0x10000 && io.batch == 1);
	CHECK(x86_string_io_advance(&e, &io, 1) && e.rip == 0x1003 && e.regs[X86_RSI] == 4);
	/* ES cannot be overridden for INS, and its rights count */
	e = state(X86_MODE_32);
	memcpy(e.bytes, "\x64\x6c", 2);
	e.nbytes = 2;
	e.seg[X86_SEG_ES].attrib = 0xc91;
	CHECK(x86_string_io(&e, &io) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	e.nbytes = 1;
	CHECK(x86_string_io(&e, &io) == EMU_TRUNCATED);
	memcpy(e.bytes, "\xec", 1);
	CHECK(x86_string_io(&e, &io) == EMU_FAIL);
	ksft_test_result(!bad, "string I/O: cases\n");
}

int main(void)
{
	const char *seed = getenv("SEED");

	if (seed)
		rng_state = strtoull(seed, NULL, 0) * 2 + 1;
	ksft_print_header();
	ksft_set_plan(9);
	test_verdicts();
	test_access_flags();
	test_atomic();
	test_real_mode();
	test_linear();
	test_sse();
	test_rep();
	test_string_io();
	test_string_io_cases();
	ksft_finished();
	return 0;
}
