// SPDX-License-Identifier: GPL-2.0
/*
 * The guest page walker against an independent model, over random page tables in all paging
 * modes, and against cases worked out by hand. The model is written the other way round, one
 * function per mode, so that it does not share the walker's tables or its mistakes.
 *
 * needs: module/emulate/walk.c
 */
#include "../../module/emulate/emulate.h"
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

/* ---- guest memory that holds tables: TABLES pages from 0x1000 on -------------------------- */

#define TABLES 6

static u8 memory[TABLES * 0x1000];
static unsigned int reads, updates;
static unsigned int lose_race_at;	/* the update, counted from 1, that finds a changed entry */

static u8 *at(u64 gpa, unsigned int bytes)
{
	if (gpa < 0x1000 || gpa + bytes > 0x1000 + sizeof(memory))
		return NULL;
	return memory + gpa - 0x1000;
}

static int read_phys(void *ctx, u64 gpa, void *entry, unsigned int bytes)
{
	u8 *p = at(gpa, bytes);

	reads++;
	if (!p || gpa % bytes || (bytes != 4 && bytes != 8) || ctx != memory)
		return -EFAULT;
	memcpy(entry, p, bytes);
	return 0;
}

static int cmpxchg_phys(void *ctx, u64 gpa, u64 old, u64 new, unsigned int bytes)
{
	u8 *p = at(gpa, bytes);

	if (++updates == lose_race_at)
		return -EAGAIN;
	if (!p || ctx != memory)
		return -EFAULT;
	if (memcmp(p, &old, bytes))
		return -EAGAIN;
	memcpy(p, &new, bytes);
	return 0;
}

/* ---- the model ---------------------------------------------------------------------------- */

#define B(n) (1ULL << (n))

struct expect {
	int status;
	u64 gpa, size;
	u32 error;
	unsigned int depth;
	u64 path[5];		/* entries of the walk that have an A bit */
	unsigned int bytes;
};

struct rights {
	bool w, u, nx;
	unsigned int key;
};

static u64 peek(u64 gpa, unsigned int bytes, bool *ok)
{
	u64 v = 0;
	u8 *p = at(gpa, bytes);

	*ok = p;
	if (p)
		memcpy(&v, p, bytes);
	return v;
}

static u32 attempt(const struct walk_cfg *c, unsigned int access)
{
	bool long_or_pae = c->cr4 & B(5), nxe = long_or_pae && c->efer & B(11);
	u32 code = 0;

	if (access & GUEST_WRITE)
		code += 2;
	if ((access & (GUEST_USER | GUEST_IMPLICIT)) == GUEST_USER)
		code += 4;
	if (access & GUEST_FETCH && (nxe || c->cr4 & B(20)))
		code += 16;
	return code;
}

static int fault(struct expect *x, u32 bits)
{
	x->error |= bits;
	x->status = WALK_FAULT;
	return x->status;
}

/* All the reasons to forbid an access to a present page, one after the other. */
static void judge(const struct walk_cfg *c, unsigned int access, struct rights r, struct expect *x)
{
	bool user = (access & (GUEST_USER | GUEST_IMPLICIT)) == GUEST_USER;
	bool write = access & GUEST_WRITE, fetch = access & GUEST_FETCH;
	bool wp = c->cr0 & B(16), deny = false, pk = false;

	if (user && !r.u)
		deny = true;
	if (write && !fetch && !r.w && (user || wp))
		deny = true;
	if (fetch && r.nx)
		deny = true;
	if (fetch && !user && r.u && c->cr4 & B(20))
		deny = true;
	if (!fetch && !user && r.u && c->cr4 & B(21) &&
	    !(c->rflags & B(18) && !(access & GUEST_IMPLICIT)))
		deny = true;
	if (c->efer & B(10) && c->cr4 & B(22) && r.u && !fetch) {
		if (c->pkru & (1u << (2 * r.key)))
			pk = true;
		if (c->pkru & (2u << (2 * r.key)) && write && (user || wp))
			pk = true;
	}
	if (deny || pk)
		fault(x, 1 + (pk ? 32 : 0));
}

static void model_32(const struct walk_cfg *c, u32 linear, unsigned int access, struct expect *x)
{
	u64 pde_at = (c->cr3 & 0xfffff000) + (linear >> 22) * 4, pte_at, pde, pte;
	struct rights r = { 0 };
	bool ok;

	x->bytes = 4;
	pde = peek(pde_at, 4, &ok);
	if (!ok) {
		x->status = WALK_ABORT;
		return;
	}
	x->path[x->depth++] = pde_at;
	if (!(pde & 1)) {
		fault(x, 0);
		return;
	}
	r.w = pde & 2;
	r.u = pde & 4;
	if (pde & 0x80 && c->cr4 & B(4)) {
		u64 high = (pde >> 13) & 0xff;

		if (pde & B(21) || (c->maxphyaddr < 40 && high >> (c->maxphyaddr - 32))) {
			fault(x, 9);
			return;
		}
		x->size = 4 << 20;
		x->gpa = high << 32 | (pde & 0xffc00000) | (linear & 0x3fffff);
		judge(c, access, r, x);
		return;
	}
	pte_at = (pde & 0xfffff000) + ((linear >> 12) & 0x3ff) * 4;
	pte = peek(pte_at, 4, &ok);
	if (!ok) {
		x->status = WALK_ABORT;
		return;
	}
	x->path[x->depth++] = pte_at;
	if (!(pte & 1)) {
		fault(x, 0);
		return;
	}
	r.w = r.w && pte & 2;
	r.u = r.u && pte & 4;
	x->size = 4096;
	x->gpa = (pte & 0xfffff000) | (linear & 0xfff);
	judge(c, access, r, x);
}

/* PAE's lower levels and long mode: @shift is that of the table at @table. */
static void model_64(const struct walk_cfg *c, u64 table, unsigned int shift, u64 linear,
		     unsigned int access, struct rights r, struct expect *x)
{
	bool pae = !(c->efer & B(10)), large, ok;
	u64 at_gpa = table + ((linear >> shift) & 511) * 8, e = peek(at_gpa, 8, &ok);
	u64 frame = e & 0x000ffffffffff000;
	bool bad = false;

	if (!ok) {
		x->status = WALK_ABORT;
		return;
	}
	x->path[x->depth++] = at_gpa;
	if (!(e & 1)) {
		fault(x, 0);
		return;
	}
	if (frame >> c->maxphyaddr)
		bad = true;
	if (e >> 63 && !(c->efer & B(11)))
		bad = true;
	if (pae && (e >> 52 & 0x7ff))
		bad = true;
	if (shift >= 39 && e & 0x180)
		bad = true;
	if (shift == 30 && e & 0x80 && !c->has_1g)
		bad = true;
	large = e & 0x80 && (shift == 21 || shift == 30);
	if (large && (e & (B(shift) - 1)) >> 13)
		bad = true;
	if (bad) {
		fault(x, 9);
		return;
	}
	r.w = r.w && e & 2;
	r.u = r.u && e & 4;
	r.nx = r.nx || e >> 63;
	if (shift != 12 && !large) {
		model_64(c, frame, shift - 9, linear, access, r, x);
		return;
	}
	r.key = e >> 59 & 15;
	x->size = B(shift);
	x->gpa = (frame & ~(x->size - 1)) + (linear & (x->size - 1));
	judge(c, access, r, x);
}

static struct expect model(const struct walk_cfg *c, u64 linear, unsigned int access)
{
	struct rights all = { .w = true, .u = true };
	struct expect x = { .status = WALK_OK, .bytes = 8 };
	u64 e, upper;
	bool ok;

	x.error = attempt(c, access);
	if (!(c->cr0 & B(31))) {
		x.gpa = (u32)linear;
		x.size = 4096;
	} else if (c->efer & B(10)) {
		upper = c->cr4 & B(12) ? linear >> 56 : linear >> 47;
		if (upper && upper != (c->cr4 & B(12) ? 0xff : 0x1ffff))
			x.status = WALK_NONCANONICAL;
		else
			model_64(c, c->cr3 & 0x000ffffffffff000, c->cr4 & B(12) ? 48 : 39, linear,
				 access, all, &x);
	} else if (c->cr4 & B(5)) {
		linear = (u32)linear;
		e = peek((c->cr3 & 0xffffffe0) + (linear >> 30) * 8, 8, &ok);
		if (!ok)
			x.status = WALK_ABORT;
		else if (!(e & 1))
			fault(&x, 0);
		else if (e & 0xfff00000000001c6 || (e & 0x000ffffffffff000) >> c->maxphyaddr)
			fault(&x, 9);
		else
			model_64(c, e & 0x000ffffffffff000, 21, linear, access, all, &x);
	} else {
		model_32(c, linear, access, &x);
	}
	if (x.status != WALK_FAULT)
		x.error = 0;
	return x;
}

/* What @before becomes once the expected walk has set its A and D bits. */
static void apply_ad(const struct expect *x, unsigned int access, u8 *mem)
{
	unsigned int i;

	for (i = 0; i < x->depth && x->status == WALK_OK; i++) {
		u8 *p = mem + x->path[i] - 0x1000;

		p[0] |= 0x20;
		if (access & GUEST_WRITE && i == x->depth - 1)
			p[0] |= 0x40;
	}
}

/* ---- random tables ------------------------------------------------------------------------ */

static u64 random_entry(bool is_32)
{
	static const u64 strange[] = { B(63), B(62), B(52), B(51), B(46), B(40), B(21), B(13),
				       B(20), B(8), B(59), B(39), B(33) };
	u64 e = (1 + below(TABLES)) << 12;

	e |= below(0x80) | (chance(97) ? 1 : 0) | (chance(70) ? 2 : 0) | (chance(70) ? 4 : 0);
	if (chance(93))
		e &= ~1ULL, e |= 1;
	if (chance(20))
		e |= 0x80, e &= ~0x1ff000ULL;
	while (chance(12))
		e |= strange[below(ARRAY_SIZE(strange))];
	if (chance(10))
		e |= rng() & GENMASK_ULL(51, 12);
	if (chance(5))
		e |= below(16) << 59;
	return is_32 ? (u32)e : e;
}

static struct walk_cfg random_cfg(void)
{
	static const u8 widths[] = { 32, 36, 39, 40, 46, 48, 51, 52 };
	struct walk_cfg c = {
		.maxphyaddr = widths[below(ARRAY_SIZE(widths))],
		.has_1g = chance(60),
		.ctx = memory,
		.read_phys = read_phys,
		.cmpxchg_phys = cmpxchg_phys,
	};

	c.cr0 = 1 | (chance(97) ? B(31) : 0) | (chance(60) ? B(16) : 0);
	c.cr3 = (1 + below(TABLES)) << 12 | below(0x1000);
	c.cr4 = (chance(70) ? B(4) : 0) | (chance(70) ? B(5) : 0) | (chance(40) ? B(20) : 0) |
		(chance(40) ? B(21) : 0) | (chance(40) ? B(22) : 0);
	if (c.cr4 & B(5) && c.cr0 & B(31) && chance(70)) {
		c.efer |= B(8) | B(10);
		c.cr4 |= chance(40) ? B(12) : 0;
	}
	if (chance(3))
		c.cr3 = rng() & 0xfffffffff000;
	c.efer |= chance(70) ? B(11) : 0;
	c.rflags = chance(40) ? B(18) : 0;
	c.pkru = chance(50) ? 0 : rng();
	return c;
}

static u64 random_linear(const struct walk_cfg *c)
{
	u64 linear = rng();

	if (!(c->efer & B(10)) || chance(4))
		return linear;
	linear = (u64)((s64)(linear << 16) >> 16);
	if (c->cr4 & B(12) && chance(50))
		linear = (u64)((s64)(rng() << 7) >> 7);
	return linear;
}

static void test_random(void)
{
	static u8 before[sizeof(memory)];
	unsigned int i, bad = 0, by_status[5] = { 0 }, sizes[4] = { 0 };
	u32 codes[64] = { 0 };

	for (i = 0; i < 1000000 && bad < 5; i++) {
		struct walk_cfg c = random_cfg();
		bool is_32 = !(c.cr4 & B(5)), ro = chance(10);
		unsigned int access = below(16), k;
		u64 linear = random_linear(&c);
		struct walk_result res;
		struct expect x;
		int ret;

		if (access & GUEST_FETCH)
			access &= ~GUEST_WRITE;
		/* an entry for each level somewhere on the way is enough: refill a few */
		for (k = 0; k < (i % 64 ? 32 : sizeof(memory) / 8); k++) {
			u64 e = random_entry(is_32);
			unsigned int at_index = i % 64 ? below(sizeof(memory) / 8) : k;

			if (is_32)
				e |= random_entry(true) << 32;
			memcpy(memory + 8 * at_index, &e, 8);
		}
		if (!is_32 && !(c.efer & B(10)))
			for (k = 0; k < 4 && chance(90); k++) {
				u8 *p = at((c.cr3 & 0xffffffe0) + 8 * k, 8);
				u64 e = (1 + below(TABLES)) << 12 | 1 | below(2) << 5;

				if (p)
					memcpy(p, &e, 8);
			}
		if (ro)
			c.cmpxchg_phys = NULL;

		x = model(&c, linear, access);
		memcpy(before, memory, sizeof(memory));
		updates = 0;
		/*
		 * A table that maps itself is walked through twice: the walk loses the race for A
		 * against itself, and must win at the next attempt, or the one after for D.
		 */
		for (k = 0; k < 3; k++) {
			reads = 0;
			ret = guest_walk(&c, linear, access, &res);
			if (ret != WALK_RETRY)
				break;
		}
		if (!ro)
			apply_ad(&x, access, before);
		if (ret != x.status || reads > 5 || updates > 5 ||
		    (!ret && (res.gpa != x.gpa || res.page_size != x.size)) ||
		    (ret == WALK_FAULT && res.error_code != x.error) ||
		    memcmp(before, memory, sizeof(memory))) {
			printf("# linear %llx access %x cr0 %llx cr3 %llx cr4 %llx efer %llx\n",
			       linear, access, c.cr0, c.cr3, c.cr4, c.efer);
			printf("# rflags %llx pkru %x width %u 1g %d: memory %s\n", c.rflags,
			       c.pkru, c.maxphyaddr, c.has_1g,
			       memcmp(before, memory, sizeof(memory)) ? "differs" : "same");
			printf("# walk: %d gpa %llx size %llx error %x\n", ret, res.gpa,
			       res.page_size, res.error_code);
			printf("# model: %d gpa %llx size %llx error %x\n", x.status, x.gpa,
			       x.size, x.error);
			bad++;
		}
		by_status[ret]++;
		if (!ret)
			sizes[res.page_size == 4096 ? 0 : res.page_size == 2 << 20 ? 1 :
			      res.page_size == 4 << 20 ? 2 : 3]++;
		if (ret == WALK_FAULT)
			codes[res.error_code & 63]++;
	}
	printf("# ok %u (4K %u, 2M %u, 4M %u, 1G %u) fault %u noncanonical %u abort %u\n",
	       by_status[WALK_OK], sizes[0], sizes[1], sizes[2], sizes[3], by_status[WALK_FAULT],
	       by_status[WALK_NONCANONICAL], by_status[WALK_ABORT]);
	ksft_test_result(!bad && by_status[WALK_NONCANONICAL] > 100 &&
			 by_status[WALK_ABORT] > 100 &&
			 sizes[0] > 1000 && sizes[1] > 1000 && sizes[2] > 1000 && sizes[3] > 1000 &&
			 codes[0] && codes[3] > 100 && codes[5] > 100 && codes[9] > 100 &&
			 codes[17] > 100 && codes[33] > 100 && codes[39] > 100,
			 "walker = model on random tables\n");
}

/* ---- by hand ------------------------------------------------------------------------------ */

static void put8(u64 gpa, u64 entry)
{
	memcpy(at(gpa, 8), &entry, 8);
}

static void put4(u64 gpa, u32 entry)
{
	memcpy(at(gpa, 4), &entry, 4);
}

#define CHECK(cond) do {						\
	if (!(cond)) {							\
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond);	\
		bad++;							\
	}								\
} while (0)

static struct walk_cfg base_cfg(void)
{
	return (struct walk_cfg){
		.cr0 = 0x80010001, .cr3 = 0x1000, .maxphyaddr = 48, .has_1g = true, .ctx = memory,
		.read_phys = read_phys, .cmpxchg_phys = cmpxchg_phys,
	};
}

static void test_by_hand(void)
{
	struct walk_cfg c = base_cfg();
	struct walk_result r;
	unsigned int bad = 0;
	u64 linear;

	memset(memory, 0, sizeof(memory));
	/* real mode: identity, 4 GiB and no more */
	c.cr0 = 0x10;
	CHECK(guest_walk(&c, 0x10ffef, GUEST_WRITE, &r) == WALK_OK && r.gpa == 0x10ffef);

	/* PSE-36: PDE bits 20:13 are address bits 39:32 */
	c = base_cfg();
	c.cr4 = B(4);
	put4(0x1000 + 4 * 0x300, 0x12c00000 | 0x55 << 13 | 0x83);
	CHECK(guest_walk(&c, 0xc0123456, GUEST_WRITE, &r) == WALK_OK);
	CHECK(r.gpa == 0x5512d23456 && r.page_size == 4 << 20);
	CHECK(memory[4 * 0x300] == 0xe3);

	/* 4 levels with a 1 GiB page in the kernel half; user access is refused */
	c = base_cfg();
	c.cr4 = B(5);
	c.efer = B(8) | B(10) | B(11);
	memset(memory, 0, sizeof(memory));
	put8(0x1000 + 8 * 273, 0x2003);
	put8(0x2000, 0x8000000100000083);
	CHECK(guest_walk(&c, 0xffff888012345678, GUEST_READ, &r) == WALK_OK);
	CHECK(r.gpa == 0x112345678 && r.page_size == 1 << 30);
	CHECK(guest_walk(&c, 0xffff888012345678, GUEST_USER, &r) == WALK_FAULT);
	CHECK(r.error_code == (PF_ERR_P | PF_ERR_U));
	CHECK(guest_walk(&c, 0xffff888012345678, GUEST_FETCH, &r) == WALK_FAULT);
	CHECK(r.error_code == (PF_ERR_P | PF_ERR_I));
	CHECK(guest_walk(&c, 0x0000888012345678, GUEST_READ, &r) == WALK_NONCANONICAL);
	c.has_1g = false;
	CHECK(guest_walk(&c, 0xffff888012345678, GUEST_WRITE, &r) == WALK_FAULT);
	CHECK(r.error_code == (PF_ERR_P | PF_ERR_RSVD | PF_ERR_W));

	/* 5 levels */
	c = base_cfg();
	c.cr4 = B(5) | B(12);
	c.efer = B(8) | B(10);
	memset(memory, 0, sizeof(memory));
	put8(0x1000 + 8 * 0x1ff, 0x2007);
	put8(0x2000 + 8 * 0x12, 0x3007);
	put8(0x3000 + 8 * 0x34, 0x4007);
	put8(0x4000 + 8 * 0x56, 0x5007);
	put8(0x5000 + 8 * 0x78, 0xabcdef000005);
	linear = 0xffff000000000000 | 0x12ull << 39 | 0x34ull << 30 | 0x56 << 21 |
		 0x78 << 12 | 0x9ab;
	CHECK(guest_walk(&c, linear, GUEST_USER, &r) == WALK_OK);
	CHECK(r.gpa == 0xabcdef0009ab && r.page_size == 4096);
	/* read-only: WP decides for the supervisor, never for the user */
	CHECK(guest_walk(&c, linear, GUEST_WRITE, &r) == WALK_FAULT && r.error_code == 3);
	c.cr0 &= ~B(16);
	CHECK(guest_walk(&c, linear, GUEST_WRITE, &r) == WALK_OK);
	CHECK(guest_walk(&c, linear, GUEST_WRITE | GUEST_USER, &r) == WALK_FAULT);
	CHECK(r.error_code == 7);
	/* SMAP and SMEP: a user page is not the supervisor's, unless AC is set, and never code */
	c.cr4 |= B(20) | B(21);
	CHECK(guest_walk(&c, linear, GUEST_READ, &r) == WALK_FAULT && r.error_code == 1);
	c.rflags = B(18);
	CHECK(guest_walk(&c, linear, GUEST_READ, &r) == WALK_OK);
	CHECK(guest_walk(&c, linear, GUEST_IMPLICIT | GUEST_USER, &r) == WALK_FAULT);
	CHECK(r.error_code == 1);
	CHECK(guest_walk(&c, linear, GUEST_FETCH, &r) == WALK_FAULT && r.error_code == 17);
	/* the next page has no entry */
	CHECK(guest_walk(&c, linear + 0x1000, GUEST_READ, &r) == WALK_FAULT && !r.error_code);
	ksft_test_result(!bad, "cases by hand\n");
}

/* An entry that changes under the walk, and tables that are not in memory. */
static void test_races(void)
{
	struct walk_cfg c = base_cfg();
	struct walk_result r;
	unsigned int bad = 0, i;

	c.cr4 = B(5);
	c.efer = B(8) | B(10);
	for (i = 1; i <= 4; i++) {
		memset(memory, 0, sizeof(memory));
		put8(0x1000, 0x2007);
		put8(0x2000, 0x3007);
		put8(0x3000, 0x4007);
		put8(0x4000, 0x7777007);
		updates = 0;
		lose_race_at = i;
		CHECK(guest_walk(&c, 0x123, GUEST_WRITE, &r) == WALK_RETRY);
		CHECK(r.table_gpa == i * 0x1000 && updates == i);
		CHECK(guest_walk(&c, 0x123, GUEST_WRITE, &r) == WALK_OK && r.gpa == 0x7777123);
		CHECK(memory[0x3000] == 0x67 && memory[0] == 0x27);
		updates = 0;
		CHECK(guest_walk(&c, 0x123, GUEST_WRITE, &r) == WALK_OK && !updates);
	}
	lose_race_at = 0;
	put8(0x2000, 0x123456789007);
	CHECK(guest_walk(&c, 0, GUEST_READ, &r) == WALK_ABORT && r.table_gpa == 0x123456789000);
	ksft_test_result(!bad, "lost races and missing tables\n");
}

int main(void)
{
	const char *seed = getenv("SEED");

	if (seed)
		rng_state = strtoull(seed, NULL, 0) * 2 + 1;
	ksft_print_header();
	ksft_set_plan(3);
	test_by_hand();
	test_races();
	test_random();
	ksft_finished();
	return 0;
}
