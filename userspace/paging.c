// SPDX-License-Identifier: GPL-2.0
/*
 * The four formats of page tables are one walk: so many levels of so many bits each, entries of 4
 * or 8 bytes, and at some levels a bit that says that this is the page.
 */
#include "paging.h"

#define CR0_PG		(1ull << 31)
#define CR4_PSE		(1ull << 4)
#define CR4_PAE		(1ull << 5)
#define CR4_LA57	(1ull << 12)
#define EFER_LMA	(1ull << 10)
#define PTE_P		1ull
#define PTE_PS		(1ull << 7)
#define PTE_ADDR	0xffffffffff000ull

struct format {
	unsigned int levels, bits, entry_bytes;
	unsigned int top_bits;		/* of the first level */
	unsigned int largest;		/* level at which an entry may be a page */
	uint64_t root;
};

static struct format format_of(const struct svmm_crs *cr)
{
	struct format f = { .bits = 9, .top_bits = 9, .entry_bytes = 8 };

	if (cr->efer & EFER_LMA) {
		f.levels = cr->cr4 & CR4_LA57 ? 5 : 4;
		f.largest = 3;
		f.root = cr->cr3 & PTE_ADDR;
	} else if (cr->cr4 & CR4_PAE) {
		f.levels = 3;
		f.top_bits = 2;
		f.largest = 2;
		f.root = cr->cr3 & 0xffffffe0u;
	} else {
		f.levels = 2;
		f.bits = 10;
		f.top_bits = 10;
		f.entry_bytes = 4;
		f.largest = cr->cr4 & CR4_PSE ? 2 : 1;
		f.root = cr->cr3 & 0xfffff000u;
	}
	return f;
}

/* The page that an entry is, at its level. */
static uint64_t page_at(const struct format *f, uint64_t entry, uint64_t page)
{
	if (f->entry_bytes == 4 && page > 4096)		/* PSE-36 */
		return (entry & 0xffc00000u) | (entry >> 13 & 0xff) << 32;
	return entry & PTE_ADDR & ~(page - 1);
}

void paging_walk(const struct svmm_crs *cr, uint64_t linear, paging_read read, void *opaque,
		 struct paging_walk *w)
{
	struct format f;
	uint64_t table;

	*w = (struct paging_walk) { .page = 4096 };
	if (!(cr->efer & EFER_LMA))
		linear = (uint32_t)linear;
	if (!(cr->cr0 & CR0_PG)) {
		w->gpa = linear;
		w->mapped = true;
		return;
	}
	f = format_of(cr);
	table = f.root;
	for (unsigned int level = f.levels; level; level--) {
		unsigned int shift = 12 + f.bits * (level - 1);
		uint64_t mask = (1ull << (level == f.levels ? f.top_bits : f.bits)) - 1;
		struct paging_step *step = &w->step[w->nr++];

		*step = (struct paging_step) { .level = level };
		step->gpa = table + (linear >> shift & mask) * f.entry_bytes;
		if (!read(opaque, step->gpa, &step->value, f.entry_bytes) ||
		    !(step->value & PTE_P))
			return;
		if (level == 1 || (level <= f.largest && step->value & PTE_PS)) {
			w->page = 1ull << shift;
			w->gpa = page_at(&f, step->value, w->page) | (linear & (w->page - 1));
			w->mapped = true;
			return;
		}
		table = step->value & PTE_ADDR;
	}
}
