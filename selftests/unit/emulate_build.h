/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random instructions of the kinds in emulate_kinds.h, as bytes, in all encodings and with random
 * prefixes. It knows nothing of what they do, and where their operands are.
 */
#ifndef SELFTESTS_UNIT_EMULATE_BUILD_H
#define SELFTESTS_UNIT_EMULATE_BUILD_H

#include "emulate_kinds.h"
#include "random.h"

#define BUF		0x20000000UL	/* where operands are to be */
#define BUF_SIZE	0x20000UL

/* Nothing at the edges of segments and pages, misaligned, non-canonical, or undefined. */
static bool tame;

static bool amd;	/* the machine's CPU */

static bool chance(unsigned int percent)
{
	return (rng() >> 32) % 100 < percent;
}

static u64 below(u64 n)
{
	return (rng() >> 16) % n;
}

static bool in_buffer(u64 linear, unsigned int bytes)
{
	return linear - BUF <= BUF_SIZE - bytes;
}

struct test {
	const struct kind *k;
	unsigned int bits;
	u8 bytes[16];
	unsigned int len;
	enum { LEGACY, VEX, EVEX, IN_MMX } encoding;
	unsigned int bytes_moved;	/* K_SSE */
	struct emu e;
};

static void put(struct test *t, u8 byte)
{
	if (t->len < 15)
		t->bytes[t->len] = byte;
	t->len++;
}

/* What an instruction has in front of its opcode if it is VEX or EVEX encoded, opcode included. */
static void put_vex(struct test *t)
{
	const struct kind *k = t->k;
	unsigned int map = k->oplen == 2 ? 1 : k->op[1] == 0x38 ? 2 : 3, length, pp;
	bool evex = t->encoding == EVEX, in_64 = t->bits == 64;
	u8 rxb = in_64 ? below(8) << 5 : 0xe0, v = 15, w = below(2);

	pp = k->prefix == 0x66 ? 1 : k->prefix == 0xf3 ? 2 : k->prefix == 0xf2 ? 3 : 0;
	length = k->flags & (K_LEN | K_LIG) ? below(evex ? 3 : 2) : 0;
	if (k->flags & K_WIDE)
		length = evex ? 1 + below(2) : 1;
	if (length < 2 && !tame && chance(2))
		length ^= 1;
	if (k->flags & K_NDS || (!tame && chance(2)))
		v = in_64 ? below(16) : 8 | below(8);
	if (evex && k->evex_w < 2)
		w = k->evex_w;
	if (k->flags & K_WIDE && !evex)
		w = 0;
	t->bytes_moved = k->bytes == BY_W ? (w && in_64 ? 8 : 4) : k->bytes ?: 16u << length;
	if (evex) {
		u8 v_high = !(k->flags & K_NDS) || !in_64 || chance(50);

		put(t, 0x62);
		put(t, rxb | (!in_64 || chance(50)) << 4 | map);
		put(t, w << 7 | v << 3 | 4 | pp);
		put(t, length << 5 | v_high << 3);
	} else if (map == 1 && !w && (rxb & 0x60) == 0x60 && chance(70)) {
		put(t, 0xc5);
		put(t, (rxb & 0x80) | v << 3 | length << 2 | pp);
	} else {
		put(t, 0xc4);
		put(t, rxb | map);
		put(t, w << 7 | v << 3 | length << 2 | pp);
	}
	put(t, k->op[k->oplen - 1]);
}

static void choose_encoding(struct test *t)
{
	static const u8 flag[] = { E_LEGACY, E_VEX, E_EVEX, E_MMX };

	if (!(t->k->flags & K_SSE))
		return;
	do {
		t->encoding = below(NR_ENCODINGS);
	} while (!(t->k->encodings & flag[t->encoding]));
}

static void build(struct test *t)
{
	static const u8 seg_prefixes[] = { 0x26, 0x65, 0x65, 0x3e, 0x36, 0x2e };
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
		put(t, seg_prefixes[below(tame ? 4 : 6)]);
	if (!tame && chance(k->flags & K_LOCK ? 25 : 2))
		put(t, 0xf0);
	if (k->flags & K_STR ? chance(60) : !(k->flags & (K_NOREP | K_SSE)) && chance(2))
		put(t, 0xf2 | below(2));
	if (t->encoding == VEX || t->encoding == EVEX) {
		put_vex(t);
	} else {
		if (k->prefix)
			put(t, k->prefix);
		if (t->bits == 64 && chance(60)) {
			rex = 0x40 | below(16);
			/* AMD's far pointers have 32 bits at most */
			if (k->flags & K_NOW || (k->flags & K_FAR && !amd))
				rex &= ~8;
			put(t, rex);
		}
		for (i = 0; i < k->oplen; i++)
			put(t, k->op[i]);
		t->bytes_moved = k->bytes == BY_W ? (rex & 8 ? 8 : 4) : k->bytes ?: 16;
	}
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
		u64 target = t->bits == 64 ? BUF + below(BUF_SIZE) : below(0xfff0);

		n = t->bits == 64 ? (p67 ? 4 : 8) : (t->bits == 32) != p67 ? 4 : 2;
		for (i = 0; i < n; i++)
			put(t, target >> (8 * i));
	}
	n = k->imm == 4 ? min(opsize, 4u) : k->imm;
	for (i = 0; i < n; i++)
		put(t, below(256));
}

#endif /* SELFTESTS_UNIT_EMULATE_BUILD_H */
