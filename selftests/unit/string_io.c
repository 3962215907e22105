// SPDX-License-Identifier: GPL-2.0
/*
 * INS and OUTS: the batches that the emulator finds are compared with one element at a time.
 *
 * needs: module/emulate/decode.c module/emulate/alu.c module/emulate/operand.c
 * needs: module/emulate/string.c module/emulate/emulate.c module/emulate/simd.c
 * needs: module/emulate/segment.c
 */
#include <stdlib.h>

#include "emulate_fake.h"

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
	ksft_set_plan(2);
	test_string_io();
	test_string_io_cases();
	ksft_finished();
	return 0;
}
