// SPDX-License-Identifier: GPL-2.0
/*
 * The guest page walker: linear to guest-physical address as the CPU's table walker does it
 * (APM vol. 2, chapter 5). It must not know how guest memory is mapped: entries come through a
 * callback. The trick: all modes are one loop over levels; a mode is only a row of a table (bits
 * per level, entry size) plus the list of bits that are reserved in it.
 */
#include "internal.h"

#define PTE_P		BIT_ULL(0)
#define PTE_RW		BIT_ULL(1)
#define PTE_US		BIT_ULL(2)
#define PTE_A		BIT_ULL(5)
#define PTE_D		BIT_ULL(6)
#define PTE_PS		BIT_ULL(7)
#define PTE_G		BIT_ULL(8)
#define PTE_NX		BIT_ULL(63)

#define MAX_LEVELS	5

struct paging_mode {
	u8 levels;
	u8 entry_bytes;
	u8 index_bits;
	u64 root_mask;		/* of CR3 */
};

static const struct paging_mode mode_32bit = { 2, 4, 10, 0xfffff000 };
static const struct paging_mode mode_pae = { 3, 8, 9, 0xffffffe0 };
static const struct paging_mode mode_4level = { 4, 8, 9, GENMASK_ULL(51, 12) };
static const struct paging_mode mode_5level = { 5, 8, 9, GENMASK_ULL(51, 12) };

/* NULL: no paging. */
static const struct paging_mode *paging_mode(const struct walk_cfg *cfg)
{
	if (!(cfg->cr0 & X86_CR0_BIT_PG))
		return NULL;
	if (cfg->efer & X86_EFER_BIT_LMA)
		return cfg->cr4 & X86_CR4_BIT_LA57 ? &mode_5level : &mode_4level;
	return cfg->cr4 & X86_CR4_BIT_PAE ? &mode_pae : &mode_32bit;
}

/* Bits GENMASK_ULL(51, maxphyaddr), which may be none. */
static u64 beyond_maxphyaddr(const struct walk_cfg *cfg)
{
	return GENMASK_ULL(51, 0) & ~(BIT_ULL(cfg->maxphyaddr) - 1);
}

/* Is the entry at @level (1 is the lowest) a leaf? */
static bool is_leaf(const struct walk_cfg *cfg, const struct paging_mode *mode, unsigned int level,
		    u64 entry)
{
	if (level == 1)
		return true;
	if (!(entry & PTE_PS))
		return false;
	if (mode == &mode_32bit)
		return cfg->cr4 & X86_CR4_BIT_PSE;
	/* bit 7 is reserved, not PS, in PML4E, PML5E, PAE's PDPTE, and without 1 GiB pages */
	return level == 2 || (level == 3 && mode != &mode_pae && cfg->has_1g);
}

/* Bits that must be 0 in a present entry (APM vol. 2, 5.2.2, 5.2.3, 5.3.3 to 5.3.5). */
static u64 reserved_bits(const struct walk_cfg *cfg, const struct paging_mode *mode,
			 unsigned int level, u64 entry)
{
	bool leaf = is_leaf(cfg, mode, level, entry);
	u64 rsvd = 0;

	if (mode == &mode_32bit) {
		/*
		 * PSE-36: bits 20:13 are address bits 39:32, bit 21 is reserved. Address bits that
		 * the CPU does not have are reserved.
		 */
		if (level == 2 && leaf) {
			rsvd = BIT_ULL(21);
			if (cfg->maxphyaddr < 40)
				rsvd |= (beyond_maxphyaddr(cfg) & GENMASK_ULL(39, 32)) >> 19;
		}
		return rsvd;
	}

	rsvd = beyond_maxphyaddr(cfg);
	if (mode == &mode_pae) {
		/*
		 * No software bits up there; the PDPTE has no access rights either. Its bit 5 is
		 * reserved too, but QEMU, as a processor, sets it as if it were an accessed bit.
		 */
		rsvd |= GENMASK_ULL(62, 52);
		if (level == 3)
			return rsvd | PTE_NX | GENMASK_ULL(8, 6) | PTE_RW | PTE_US;
	}
	if (!(cfg->efer & X86_EFER_BIT_NXE))
		rsvd |= PTE_NX;
	if (level >= 4)
		rsvd |= PTE_PS | PTE_G;
	if (level == 3 && !cfg->has_1g)
		rsvd |= PTE_PS;
	/* a large page's address is aligned; bit 12 is PAT */
	if (leaf && level > 1)
		rsvd |= (BIT_ULL(12 + 9 * (level - 1)) - 1) & ~(BIT_ULL(13) - 1);
	return rsvd;
}

/* Guest-physical address of the frame that a leaf maps. */
static u64 leaf_frame(const struct paging_mode *mode, unsigned int level, u64 entry)
{
	if (mode == &mode_32bit)
		return level == 1 ? entry & 0xfffff000 :
		       (entry & 0xffc00000) | (entry & GENMASK_ULL(20, 13)) << 19;
	return entry & GENMASK_ULL(51, 12) & ~(BIT_ULL(12 + 9 * (level - 1)) - 1);
}

struct walk_state {
	u64 entry[MAX_LEVELS];
	u64 gpa[MAX_LEVELS];	/* of the entries */
	unsigned int n;		/* entries read; the last one is the leaf */
	unsigned int level;	/* of the leaf */
	bool writable;
	bool user;
	bool nx;
};

static int read_entry(const struct walk_cfg *cfg, unsigned int bytes, u64 gpa, u64 *entry)
{
	u32 entry32;
	int ret;

	if (bytes == 8)
		return cfg->read_phys(cfg->ctx, gpa, entry, 8);
	ret = cfg->read_phys(cfg->ctx, gpa, &entry32, 4);
	*entry = entry32;
	return ret;
}

/*
 * From the root to the leaf, gathering rights. Sets PF_ERR_P and PF_ERR_RSVD of the error code;
 * WALK_OK says that there is a leaf.
 */
static int descend(const struct walk_cfg *cfg, const struct paging_mode *mode, u64 linear,
		   struct walk_state *w, struct walk_result *res)
{
	u64 table = cfg->cr3 & mode->root_mask;
	unsigned int level;

	w->n = 0;
	w->writable = true;
	w->user = true;
	w->nx = false;
	for (level = mode->levels; level; level--) {
		u64 index = linear >> (12 + mode->index_bits * (level - 1));
		u64 entry;

		index &= BIT_ULL(mode->index_bits) - 1;
		if (mode == &mode_pae && level == 3)
			index &= 3;
		res->table_gpa = table + index * mode->entry_bytes;
		if (read_entry(cfg, mode->entry_bytes, res->table_gpa, &entry))
			return WALK_ABORT;
		w->entry[w->n] = entry;
		w->gpa[w->n] = res->table_gpa;
		w->n++;
		w->level = level;

		if (!(entry & PTE_P))
			return WALK_FAULT;
		if (entry & reserved_bits(cfg, mode, level, entry)) {
			res->error_code |= PF_ERR_P | PF_ERR_RSVD;
			return WALK_FAULT;
		}
		/* PAE's PDPTEs grant everything */
		if (mode != &mode_pae || level != 3) {
			w->writable &= !!(entry & PTE_RW);
			w->user &= !!(entry & PTE_US);
			w->nx |= mode != &mode_32bit && entry & PTE_NX;
		}
		if (is_leaf(cfg, mode, level, entry))
			return WALK_OK;
		table = mode == &mode_32bit ? entry & 0xfffff000 : entry & GENMASK_ULL(51, 12);
	}
	return WALK_ABORT;	/* level 1 is always a leaf */
}

/* Protection keys (APM vol. 2, 5.6.7): for data accesses to user pages in long mode. */
static bool pkey_forbids(const struct walk_cfg *cfg, unsigned int access, u64 leaf)
{
	unsigned int key = leaf >> 59 & 15;
	bool user = access & GUEST_USER && !(access & GUEST_IMPLICIT);
	u32 rights = cfg->pkru >> (2 * key) & 3;

	if (!(cfg->cr4 & X86_CR4_BIT_PKE) || !(cfg->efer & X86_EFER_BIT_LMA) ||
	    access & GUEST_FETCH)
		return false;
	if (rights & 1)
		return true;
	return rights & 2 && access & GUEST_WRITE && (user || cfg->cr0 & X86_CR0_BIT_WP);
}

/* May this access be made? APM vol. 2, 5.6. */
static bool permitted(const struct walk_cfg *cfg, unsigned int access, const struct walk_state *w)
{
	bool implicit = access & GUEST_IMPLICIT;
	bool user = access & GUEST_USER && !implicit;

	if (access & GUEST_FETCH) {
		if (w->nx)
			return false;
		return user ? w->user : !(w->user && cfg->cr4 & X86_CR4_BIT_SMEP);
	}
	if (user)
		return w->user && (w->writable || !(access & GUEST_WRITE));
	/* EFLAGS.AC lifts SMAP, but not for implicit accesses */
	if (w->user && cfg->cr4 & X86_CR4_BIT_SMAP && (implicit || !(cfg->rflags & X86_FLAG_AC)))
		return false;
	return w->writable || !(access & GUEST_WRITE) || !(cfg->cr0 & X86_CR0_BIT_WP);
}

/* A in every entry of the walk, D in the leaf of a write; PAE's PDPTE has neither. */
static int set_accessed_dirty(const struct walk_cfg *cfg, const struct paging_mode *mode,
			      unsigned int access, const struct walk_state *w,
			      struct walk_result *res)
{
	unsigned int i;

	if (!cfg->cmpxchg_phys)
		return WALK_OK;
	for (i = mode == &mode_pae ? 1 : 0; i < w->n; i++) {
		u64 want = w->entry[i] | PTE_A;
		int ret;

		if (i == w->n - 1 && access & GUEST_WRITE)
			want |= PTE_D;
		if (want == w->entry[i])
			continue;
		ret = cfg->cmpxchg_phys(cfg->ctx, w->gpa[i], w->entry[i], want, mode->entry_bytes);
		if (ret) {
			res->table_gpa = w->gpa[i];
			return ret == -EAGAIN ? WALK_RETRY : WALK_ABORT;
		}
	}
	return WALK_OK;
}

/* The bits of the error code that say what was tried (APM vol. 2, 8.4.2). */
static u32 access_error_code(const struct walk_cfg *cfg, const struct paging_mode *mode,
			     unsigned int access)
{
	u32 code = 0;

	if (access & GUEST_WRITE)
		code |= PF_ERR_W;
	if (access & GUEST_USER && !(access & GUEST_IMPLICIT))
		code |= PF_ERR_U;
	/* I is only reported where something can forbid a fetch */
	if (access & GUEST_FETCH &&
	    ((mode != &mode_32bit && cfg->efer & X86_EFER_BIT_NXE) ||
	     cfg->cr4 & X86_CR4_BIT_SMEP))
		code |= PF_ERR_I;
	return code;
}

int guest_walk(const struct walk_cfg *cfg, u64 linear, unsigned int access,
	       struct walk_result *res)
{
	const struct paging_mode *mode = paging_mode(cfg);
	struct walk_state w = { .level = 0 };
	u64 leaf;
	int ret;

	memset(res, 0, sizeof(*res));
	if (!(cfg->efer & X86_EFER_BIT_LMA))
		linear = (u32)linear;
	else if (!is_canonical(linear, cfg->cr4))
		return WALK_NONCANONICAL;
	if (!mode) {
		res->gpa = linear;
		res->page_size = 0x1000;
		return WALK_OK;
	}

	res->error_code = access_error_code(cfg, mode, access);
	ret = descend(cfg, mode, linear, &w, res);
	if (ret)
		return ret;

	leaf = w.entry[w.n - 1];
	if (!permitted(cfg, access, &w))
		res->error_code |= PF_ERR_P;
	if (w.user && pkey_forbids(cfg, access, leaf))
		res->error_code |= PF_ERR_P | PF_ERR_PK;
	if (res->error_code & PF_ERR_P)
		return WALK_FAULT;
	ret = set_accessed_dirty(cfg, mode, access, &w, res);
	if (ret)
		return ret;

	res->page_size = BIT_ULL(12 + mode->index_bits * (w.level - 1));
	res->gpa = leaf_frame(mode, w.level, leaf) | (linear & (res->page_size - 1));
	res->error_code = 0;
	return WALK_OK;
}
