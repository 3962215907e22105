// SPDX-License-Identifier: GPL-2.0
/*
 * The module remembers how an instruction was reached and how long it is (module/svm/fetch.c), and
 * where the operands of emulated ones were (module/guest_path.c). It must never believe it: here
 * what is at one address becomes something else, in each way in which that can happen behind the
 * module's back. The instructions are CPUID with other prefixes, so that a length that is taken
 * for the other one's shows: as a second CPUID, or as what stands behind it, UD2.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define CODE	G_PAGED			/* linear, and as a page of memory */
#define OTHER	(CODE + PAGE_SIZE)	/* a page with another instruction in it */
#define TABLES	G_FREE			/* copies of the page tables */
#define GPA	0x40000000UL		/* of slot 1 */
#define CALLS	20
#define AUTH	0x68747541		/* EBX of leaf 0, "Auth" */
#define PRESENT	7ULL
#define LARGE	0x80ULL

/* CPUID with that many prefixes, a RET, and what must not be reached. */
static void put(uint8_t *at, unsigned int prefixes)
{
	static const uint8_t code[] = { 0x0f, 0xa2, 0xc3, 0x0f, 0x0b, 0x0f, 0x0b, 0x0f, 0x0b };

	memset(at, 0x66, prefixes);
	memcpy(at + prefixes, code, sizeof(code));
}

FIXTURE(fetch) {
	struct vmt v;
};

FIXTURE_SETUP(fetch)
{
	vmt_boot(&self->v, "fetch", "calls");
	vmt_arg(&self->v, 2) = G_PML4;
	vmt_arg(&self->v, 3) = G_PML4;
	put(self->v.ram + CODE, 0);
	put(self->v.ram + OTHER, 3);
}

FIXTURE_TEARDOWN(fetch)
{
	vmt_close(&self->v);
}

/* The guest calls what is at @linear; each call is one CPUID. */
static void calls(struct __test_metadata *_metadata, struct vmt *v, uint64_t linear)
{
	uint64_t before = vmt_exits(v, VMEXIT_CPUID);

	vmt_arg(v, 0) = linear;
	vmt_arg(v, 1) = CALLS;
	ASSERT_EQ(AUTH, vmt_report(v));
	ASSERT_EQ(before + CALLS, vmt_exits(v, VMEXIT_CPUID));
}

static void copy_page(struct vmt *v, uint64_t to, uint64_t from)
{
	memcpy(v->ram + to, v->ram + from, PAGE_SIZE);
}

TEST_F(fetch, overwritten)
{
	for (unsigned int round = 0; round < 12; round++) {
		put(self->v.ram + CODE, round % 4);
		calls(_metadata, &self->v, CODE);
	}
}

/* Longer than what is remembered of an instruction; and the longest that there is. */
TEST_F(fetch, many_prefixes)
{
	for (unsigned int round = 0; round < 28; round++) {
		put(self->v.ram + CODE, round % 14);
		calls(_metadata, &self->v, CODE);
	}
}

/* Many of them, which take each other's place in what is remembered. */
TEST_F(fetch, crowd)
{
	for (unsigned int i = 0; i < 96; i++)
		put(self->v.ram + CODE + 24 * i, i % 4);
	for (unsigned int i = 0; i < 480; i++)
		calls(_metadata, &self->v, CODE + 24 * (7 * i % 96));
}

/* What is found by way of another instruction in its page, in one page or the other. */
TEST_F(fetch, crowd_remapped)
{
	for (unsigned int i = 0; i < 96; i++) {
		put(self->v.ram + CODE + 24 * i, i % 4);
		put(self->v.ram + OTHER + 24 * i, (i + 1) % 4);
	}
	for (unsigned int i = 0; i < 480; i++) {
		*vmt_u64(&self->v, G_PT) = (i / 5 & 1 ? OTHER : CODE) | PRESENT;
		calls(_metadata, &self->v, CODE + 24 * (7 * i % 96));
	}
}

/* From 14 bytes before the end of a page on, so that its parts are in two. */
TEST_F(fetch, two_pages)
{
	for (unsigned int before = 1; before < 16; before++) {
		for (unsigned int prefixes = 0; prefixes < 4; prefixes++) {
			put(self->v.ram + OTHER - before, prefixes);
			calls(_metadata, &self->v, OTHER - before);
		}
	}
}

TEST_F(fetch, second_page_remapped)
{
	volatile uint64_t *pte = vmt_u64(&self->v, G_PT);
	uint8_t *end = self->v.ram + OTHER;

	/* Two instructions with the same first byte. */
	end[-1] = 0x66;
	put(self->v.ram + CODE + 2 * PAGE_SIZE, 0);
	put(self->v.ram + CODE + 3 * PAGE_SIZE, 2);
	for (unsigned int round = 0; round < 4; round++) {
		pte[1] = (CODE + (2 + round % 2) * PAGE_SIZE) | PRESENT;
		calls(_metadata, &self->v, OTHER - 1);
	}
}

/* Another entry, level by level. */
TEST_F(fetch, remapped)
{
	static const struct {
		uint64_t entry, table;	/* which entry; the table that it points to */
	} level[] = {
		{ G_PD + 8, G_PT }, { G_PDPT, G_PD }, { G_PML4, G_PDPT },
	};
	struct vmt *v = &self->v;

	*vmt_u64(v, TABLES) = OTHER | PRESENT;		/* a page table with the other page */
	for (unsigned int round = 0; round < 4; round++) {
		*vmt_u64(v, G_PT) = (round & 1 ? CODE : OTHER) | PRESENT;
		calls(_metadata, v, CODE);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(level); i++) {
		uint64_t copy = TABLES + i * PAGE_SIZE;
		uint64_t entry = *vmt_u64(v, level[i].entry);

		/* The copy of the table above the last copy points to that one. */
		if (i) {
			copy_page(v, copy, level[i].table);
			*vmt_u64(v, copy + level[i - 1].entry % PAGE_SIZE) =
				(copy - PAGE_SIZE) | PRESENT;
		}
		for (unsigned int round = 0; round < 4; round++) {
			*vmt_u64(v, level[i].entry) = round & 1 ? entry : copy | PRESENT;
			calls(_metadata, v, CODE);
		}
	}
}

TEST_F(fetch, large_page)
{
	volatile uint64_t *pde = vmt_u64(&self->v, G_PD + 8);

	*vmt_u64(&self->v, G_PT) = OTHER | PRESENT;
	for (unsigned int round = 0; round < 4; round++) {
		*pde = round & 1 ? G_PT | PRESENT : CODE | PRESENT | LARGE;
		calls(_metadata, &self->v, CODE);
	}
}

/* A second address space at TABLES, as the first one is now. */
static void copy_tables(struct vmt *v)
{
	static const uint64_t from[] = { G_PML4, G_PDPT, G_PD, G_PT };

	for (unsigned int level = 0; level < 4; level++)
		copy_page(v, TABLES + level * PAGE_SIZE, from[level]);
	*vmt_u64(v, TABLES) = (TABLES + PAGE_SIZE) | PRESENT;
	*vmt_u64(v, TABLES + PAGE_SIZE) = (TABLES + 2 * PAGE_SIZE) | PRESENT;
	*vmt_u64(v, TABLES + 2 * PAGE_SIZE + 8) = (TABLES + 3 * PAGE_SIZE) | PRESENT;
}

/* Two address spaces, in turns, with another instruction at the same address. */
TEST_F(fetch, two_roots)
{
	struct vmt *v = &self->v;

	copy_tables(v);
	*vmt_u64(v, TABLES + 3 * PAGE_SIZE) = OTHER | PRESENT;
	vmt_arg(v, 3) = TABLES;
	for (unsigned int round = 0; round < 4; round++)
		calls(_metadata, v, CODE);
}

/* What user space does to the memory behind a slot, and to slots. */
FIXTURE(slot) {
	struct vmt v;
	uint8_t *mem[2];	/* with an instruction each */
};

FIXTURE_SETUP(slot)
{
	vmt_boot(&self->v, "fetch", "calls");
	vmt_arg(&self->v, 2) = G_PML4;
	vmt_arg(&self->v, 3) = G_PML4;
	for (unsigned int i = 0; i < 2; i++) {
		self->mem[i] = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, (void *)self->mem[i]);
		put(self->mem[i], 3 * i);
	}
	ASSERT_EQ(0, svmm_set_slot(self->v.vm, 1, 0, GPA, PAGE_SIZE, self->mem[0]));
	calls(_metadata, &self->v, GPA);
}

FIXTURE_TEARDOWN(slot)
{
	vmt_close(&self->v);
	munmap(self->mem[0], PAGE_SIZE);
	munmap(self->mem[1], PAGE_SIZE);
}

TEST_F(slot, replaced)
{
	for (unsigned int round = 1; round < 6; round++) {
		ASSERT_EQ(0, svmm_set_slot(self->v.vm, 1, 0, GPA, 0, NULL));
		ASSERT_EQ(0, svmm_set_slot(self->v.vm, 1, 0, GPA, PAGE_SIZE,
					   self->mem[round % 2]));
		calls(_metadata, &self->v, GPA);
	}
}

/* The page tables are in slot 0: the same code is found through tables that are elsewhere. */
TEST_F(slot, under_the_page_tables)
{
	struct vmt *v = &self->v;
	uint8_t *old;
	uint8_t *copy = mmap(NULL, G_RAM_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)copy);
	put(v->ram + CODE, 0);
	put(v->ram + OTHER, 3);
	calls(_metadata, v, CODE);
	vmt_arg(v, 0) = CODE;
	vmt_arg(v, 1) = CALLS;
	memcpy(copy, v->ram, G_RAM_BYTES);
	*(uint64_t *)(copy + G_PT) = OTHER | PRESENT;
	ASSERT_EQ(0, svmm_set_slot(v->vm, 0, 0, 0, 0, NULL));
	ASSERT_EQ(0, svmm_set_slot(v->vm, 0, 0, 0, G_RAM_BYTES, copy));
	old = v->ram;
	v->ram = copy;
	calls(_metadata, v, CODE);
	munmap(old, G_RAM_BYTES);
}

TEST_F(slot, other_memory)
{
	ASSERT_EQ(self->mem[0], mmap(self->mem[0], PAGE_SIZE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	put(self->mem[0], 2);
	calls(_metadata, &self->v, GPA);
	ASSERT_EQ(0, madvise(self->mem[0], PAGE_SIZE, MADV_DONTNEED));
	put(self->mem[0], 1);
	calls(_metadata, &self->v, GPA);
	ASSERT_EQ(self->mem[0], mremap(self->mem[1], PAGE_SIZE, PAGE_SIZE,
				       MREMAP_MAYMOVE | MREMAP_FIXED, self->mem[0]));
	calls(_metadata, &self->v, GPA);
}

FIXTURE(mode) {
	struct vmt v;
};

FIXTURE_VARIANT(mode) {
	const char *entry;
	uint32_t root;		/* 0: no page tables */
	uint32_t pde;		/* that maps CODE */
	unsigned int entry_bytes;
};

FIXTURE_VARIANT_ADD(mode, pae) {
	.entry = "calls_pae", .root = G_PDPT_PAE, .pde = G_PD + 8, .entry_bytes = 8,
};

FIXTURE_VARIANT_ADD(mode, paged32) {
	.entry = "calls_paged32", .root = G_PD32, .pde = G_PD32, .entry_bytes = 4,
};

FIXTURE_VARIANT_ADD(mode, unpaged) {
	.entry = "calls_unpaged",
};

FIXTURE_SETUP(mode)
{
	vmt_boot(&self->v, "fetch", variant->entry);
	vmt_arg(&self->v, 2) = variant->root;
	vmt_arg(&self->v, 3) = variant->root;
}

FIXTURE_TEARDOWN(mode)
{
	vmt_close(&self->v);
}

TEST_F(mode, overwritten)
{
	for (unsigned int round = 0; round < 12; round++) {
		put(self->v.ram + CODE, round % 4);
		calls(_metadata, &self->v, CODE);
	}
}

/* At TABLES, one of 4 KiB pages, each mapped to itself, from @first on. */
static void map_pages(struct vmt *v, uint64_t first, unsigned int bytes)
{
	for (uint64_t i = 0; i < PAGE_SIZE / bytes; i++) {
		uint64_t pte = (first + i * PAGE_SIZE) | PRESENT;

		memcpy(v->ram + TABLES + i * bytes, &pte, bytes);
	}
}

/* A table of 4 KiB pages for CODE's area: the first is another, and another again. */
TEST_F(mode, remapped)
{
	struct vmt *v = &self->v;
	/* Where CODE is in a table of 4-byte entries, that of an odd page: half a word. */
	uint64_t linear = CODE + PAGE_SIZE, first = 0;
	unsigned int bytes = variant->entry_bytes;

	if (!variant->root)
		SKIP(return, "no page tables");
	if (bytes == 8)
		first = CODE;
	map_pages(v, first, bytes);
	put(v->ram + CODE + 2 * PAGE_SIZE, 0);
	put(v->ram + CODE + 3 * PAGE_SIZE, 3);
	*vmt_u32(v, variant->pde) = TABLES | PRESENT;
	for (unsigned int round = 0; round < 4; round++) {
		uint32_t at = TABLES + (linear - first) / PAGE_SIZE * bytes;

		*vmt_u32(v, at) = (CODE + (2 + round % 2) * PAGE_SIZE) | PRESENT;
		calls(_metadata, v, linear);
	}
}

/* The same linear address with paging and without: two pages, and no other CR3. */
TEST(paging_on_and_off)
{
	struct vmt v;

	vmt_boot(&v, "fetch", "calls_toggled");
	vmt_arg(&v, 2) = G_PD32;
	vmt_arg(&v, 3) = G_PD32;
	put(v.ram + CODE, 0);
	put(v.ram + OTHER, 3);
	map_pages(&v, 0, 4);
	*vmt_u32(&v, TABLES + CODE / PAGE_SIZE * 4) = OTHER | PRESENT;
	*vmt_u32(&v, G_PD32) = TABLES | PRESENT;
	for (unsigned int round = 0; round < 4; round++)
		calls(_metadata, &v, CODE);
	vmt_close(&v);
}

/* Operands: MOVS from memory, linear CODE, to a device, linear OTHER. */
#define DEVICE(n)	(G_MMIO + (n) * PAGE_SIZE)

FIXTURE(operand) {
	struct vmt v;
	unsigned int nr;		/* writes that came */
	uint64_t gpa[CALLS];
	uint32_t value[CALLS];
};

static void take(struct vmt *v, struct vmt_mmio *mmio)
{
	struct _test_data_operand *self = v->arg;

	if (self->nr < CALLS && mmio->write && mmio->bytes == 4) {
		self->gpa[self->nr] = mmio->gpa;
		memcpy(&self->value[self->nr], mmio->data, 4);
	}
	self->nr++;
}

FIXTURE_SETUP(operand)
{
	struct vmt *v = &self->v;

	vmt_boot(v, "fetch", "copies");
	v->on_mmio = take;
	v->arg = self;
	vmt_arg(v, 0) = OTHER;
	vmt_arg(v, 1) = CALLS;
	vmt_arg(v, 2) = G_PML4;
	vmt_arg(v, 3) = G_PML4;
	vmt_arg(v, 4) = CODE;
	/* Pages 2 and 3 are what can be read; the second entry says which device. */
	*vmt_u32(v, CODE + 2 * PAGE_SIZE) = 0x22222222;
	*vmt_u32(v, CODE + 3 * PAGE_SIZE) = 0x33333333;
	*vmt_u64(v, G_PT) = (CODE + 2 * PAGE_SIZE) | PRESENT;
	*vmt_u64(v, G_PT + 8) = DEVICE(0) | PRESENT;
}

FIXTURE_TEARDOWN(operand)
{
	vmt_close(&self->v);
}

#define COPIES(from, to, odd_from, odd_to) do {						\
	self->nr = 0;									\
	ASSERT_EQ(1, vmt_report(&self->v));						\
	ASSERT_EQ(CALLS, self->nr);							\
	for (unsigned int i = 0; i < CALLS; i++) {					\
		ASSERT_EQ(i & 1 ? (odd_from) : (from), self->value[i]);			\
		ASSERT_EQ(i & 1 ? (odd_to) : (to), self->gpa[i]);			\
	}										\
} while (0)

TEST_F(operand, remapped)
{
	struct vmt *v = &self->v;

	for (unsigned int round = 0; round < 8; round++) {
		unsigned int page = 2 + (round & 1), device = round >> 1 & 1;

		*vmt_u64(v, G_PT) = (CODE + page * PAGE_SIZE) | PRESENT;
		*vmt_u64(v, G_PT + 8) = DEVICE(device) | PRESENT;
		COPIES(page * 0x11111111U, DEVICE(device), page * 0x11111111U, DEVICE(device));
	}
}

TEST_F(operand, two_roots)
{
	struct vmt *v = &self->v;

	copy_tables(v);
	*vmt_u64(v, TABLES + 3 * PAGE_SIZE) = (CODE + 3 * PAGE_SIZE) | PRESENT;
	*vmt_u64(v, TABLES + 3 * PAGE_SIZE + 8) = DEVICE(1) | PRESENT;
	vmt_arg(v, 3) = TABLES;
	for (unsigned int round = 0; round < 4; round++)
		COPIES(0x22222222U, DEVICE(0), 0x33333333U, DEVICE(1));
}

/*
 * From the device to memory, which the emulator alone writes to: each time that it is the page's
 * first write the tables show it.
 */
TEST_F(operand, accessed_and_dirty)
{
	struct vmt *v = &self->v;

	for (unsigned int round = 0; round < 8; round++) {
		*vmt_u64(v, G_PT) = (CODE + 2 * PAGE_SIZE) | PRESENT;
		*vmt_u64(v, G_PT + 8) = DEVICE(0) | PRESENT;
		vmt_arg(v, 0) = CODE;
		vmt_arg(v, 4) = OTHER;
		vmt_arg(v, 1) = 1 + round / 4;
		self->nr = 0;
		ASSERT_EQ(1, vmt_report(v));
		ASSERT_EQ(1 + round / 4, self->nr);
		ASSERT_EQ(0x60, *vmt_u64(v, G_PT) & 0x60);
		ASSERT_EQ(0x20, *vmt_u64(v, G_PT + 8) & 0x60);
	}
}

TEST_F(operand, slot_replaced)
{
	struct vmt *v = &self->v;
	uint8_t *old;
	uint8_t *copy = mmap(NULL, G_RAM_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)copy);
	COPIES(0x22222222U, DEVICE(0), 0x22222222U, DEVICE(0));
	/* In the old slot all is as it was. */
	memcpy(copy, v->ram, G_RAM_BYTES);
	*(uint64_t *)(copy + G_PT) = (CODE + 3 * PAGE_SIZE) | PRESENT;
	*(uint64_t *)(copy + G_PT + 8) = DEVICE(1) | PRESENT;
	ASSERT_EQ(0, svmm_set_slot(v->vm, 0, 0, 0, 0, NULL));
	ASSERT_EQ(0, svmm_set_slot(v->vm, 0, 0, 0, G_RAM_BYTES, copy));
	old = v->ram;
	v->ram = copy;
	COPIES(0x33333333U, DEVICE(1), 0x33333333U, DEVICE(1));
	munmap(old, G_RAM_BYTES);
}

TEST_HARNESS_MAIN
