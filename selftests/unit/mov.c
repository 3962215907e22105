// SPDX-License-Identifier: GPL-2.0
/*
 * Plain MOVs against the emulator: all opcodes of one and two bytes with every ModRM, SIB and REX,
 * with 66 and without. Each that x86_plain_mov() takes must be the same access of the same bytes as
 * x86_emulate() makes, and leave the same registers; and each MOV of drivers must be taken.
 *
 * needs: module/emulate/decode.c module/emulate/alu.c module/emulate/operand.c
 * needs: module/emulate/string.c module/emulate/emulate.c module/emulate/mov.c
 * needs: module/emulate/simd.c module/emulate/segment.c
 */
#include "../../module/emulate/emulate.h"
#include "../../module/emulate/internal.h"
#include "../../module/emulate/mov.h"
#include "random.h"
#include "tap.h"

#define RIP	0x400000000ULL

/* What the emulator did. */
static struct {
	unsigned int reads, writes, bytes;
	u64 linear, data;
} seen;

static int op_read(struct emu *e, u64 linear, void *data, unsigned int bytes, unsigned int access)
{
	seen.reads++;
	seen.linear = linear;
	seen.bytes = bytes;
	memcpy(data, &seen.data, min(bytes, 8u));
	return EMU_OK;
}

static int op_write(struct emu *e, u64 linear, const void *data, unsigned int bytes,
		    unsigned int access)
{
	seen.writes++;
	seen.linear = linear;
	seen.bytes = bytes;
	seen.data = 0;
	memcpy(&seen.data, data, min(bytes, 8u));
	return EMU_OK;
}

static const struct emu_ops ops = { op_read, op_write, NULL };

static void load_state(struct emu *e, const u8 *bytes)
{
	memset(e, 0, sizeof(*e));
	e->ops = &ops;
	e->rip = RIP;
	e->rflags = 2;
	e->cr0 = 0x80000031;
	e->cr4 = 0x20;
	e->efer = 0x500;
	e->seg[X86_SEG_CS].attrib = 0xa9b;
	/* Small ones, so that no sum leaves the canonical half. */
	for (unsigned int r = 0; r < X86_NR_GPRS; r++)
		e->regs[r] = rng() >> 20;
	e->nbytes = X86_INSN_MAX;
	memcpy(e->bytes, bytes, X86_INSN_MAX);
}

static bool agrees(const struct x86_mov *mov, const u8 *bytes)
{
	u64 before[X86_NR_GPRS], linear, stored, data = rng();
	struct emu e;

	load_state(&e, bytes);
	memcpy(before, e.regs, sizeof(before));
	linear = x86_mov_linear(mov, before, RIP);
	if (linear >> 46)	/* a negative sum */
		return true;
	stored = x86_mov_stored(mov, before);
	memset(&seen, 0, sizeof(seen));
	seen.data = data;
	if (x86_emulate(&e) != EMU_OK || e.rip != RIP + mov->len || e.rflags != 2)
		return false;
	if (seen.linear != linear || seen.bytes != mov->bytes || seen.reads != !mov->store ||
	    seen.writes != mov->store)
		return false;
	if (mov->store)
		return seen.data == stored &&
		       !memcmp(before, e.regs, sizeof(before));
	data &= size_mask(mov->bytes);
	before[mov->reg] = x86_mov_loaded(mov, before[mov->reg], data);
	return !memcmp(before, e.regs, sizeof(before));
}

/* Prefixes, opcode, ModRM, SIB, and displacement and immediate of any value. */
static unsigned int build(u8 *bytes, unsigned int prefix, unsigned int rex, unsigned int opcode,
			  unsigned int modrm, unsigned int sib)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < X86_INSN_MAX; i++)
		bytes[i] = rng() >> 32;
	if (prefix)
		bytes[n++] = prefix;
	if (rex)
		bytes[n++] = rex;
	if (opcode >> 8)
		bytes[n++] = 0x0f;
	bytes[n++] = opcode;
	bytes[n++] = modrm;
	if ((modrm & 7) == 4 && modrm < 0xc0)
		bytes[n++] = sib;
	return n;
}

static void test_all(unsigned int prefix, const char *name)
{
	unsigned int taken = 0, bad = 0;
	u8 bytes[X86_INSN_MAX];
	struct x86_insn insn;
	struct x86_mov mov;

	for (unsigned int opcode = 0; opcode < 0x200; opcode++) {
		for (unsigned int i = 0; i < 17 * 256; i++) {
			unsigned int rex = i / 256 ? 0x3f + i / 256 : 0;

			for (unsigned int j = 0; j < ((i & 7) == 4 ? 16 : 1); j++) {
				build(bytes, prefix, rex, opcode, i % 256, rng() >> 32);
				if (x86_decode(&insn, bytes, X86_INSN_MAX, X86_MODE_64) ||
				    !x86_plain_mov(&insn, &mov))
					continue;
				taken++;
				if (agrees(&mov, bytes))
					continue;
				if (!bad++)
					ksft_print_msg("opcode %#x, ModRM %#x, REX %#x\n", opcode,
						       i % 256, rex);
			}
		}
	}
	ksft_test_result(taken > 50000 && !bad, "%u instructions %s\n", taken, name);
}

/* Prefixes whose meaning x86_mov has no place for. */
static void test_refused(void)
{
	static const u8 prefixes[] = { 0xf0, 0xf2, 0xf3, 0x64, 0x65, 0x67 };
	u8 bytes[X86_INSN_MAX];
	unsigned int bad = 0;
	struct x86_insn insn;
	struct x86_mov mov;

	for (unsigned int i = 0; i < ARRAY_SIZE(prefixes); i++) {
		build(bytes, prefixes[i], 0, 0x89, 0x03, 0);
		bad += !x86_decode(&insn, bytes, X86_INSN_MAX, X86_MODE_64) &&
		       x86_plain_mov(&insn, &mov);
	}
	build(bytes, 0, 0, 0x88, 0x23, 0);	/* AH */
	bad += !x86_decode(&insn, bytes, X86_INSN_MAX, X86_MODE_64) && x86_plain_mov(&insn, &mov);
	build(bytes, 0, 0, 0x89, 0xc3, 0);	/* a register */
	bad += !x86_decode(&insn, bytes, X86_INSN_MAX, X86_MODE_64) && x86_plain_mov(&insn, &mov);
	build(bytes, 0, 0, 0x89, 0x03, 0);
	bad += !x86_decode(&insn, bytes, X86_INSN_MAX, X86_MODE_32) && x86_plain_mov(&insn, &mov);
	ksft_test_result(!bad, "what is not plain is refused\n");
}

static void test_taken(void)
{
	static const unsigned int opcodes[] = {
		0x88, 0x89, 0x8a, 0x8b, 0xc6, 0xc7, 0x1b6, 0x1b7, 0x1be, 0x1bf,
	};
	unsigned int bad = 0, n = 0;
	u8 bytes[X86_INSN_MAX];
	struct x86_insn insn;
	struct x86_mov mov;

	for (unsigned int i = 0; i < ARRAY_SIZE(opcodes); i++) {
		for (unsigned int rex = 0x40; rex < 0x50; rex++) {
			for (unsigned int modrm = 0; modrm < 0xc0; modrm++) {
				/* The group of C6 and C7 has one instruction. */
				if ((opcodes[i] & ~1u) == 0xc6 && modrm & 0x38)
					continue;
				n++;
				build(bytes, 0, rex, opcodes[i], modrm, rng() >> 32);
				bad += x86_decode(&insn, bytes, X86_INSN_MAX, X86_MODE_64) ||
				       !x86_plain_mov(&insn, &mov);
			}
		}
	}
	ksft_test_result(!bad, "%u instructions of drivers are taken\n", n);
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(4);
	test_all(0, "of 32 and 64 bits, and bytes");
	test_all(0x66, "of 16 bits, with 66");
	test_refused();
	test_taken();
	ksft_finished();
}
