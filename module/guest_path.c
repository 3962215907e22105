// SPDX-License-Identifier: GPL-2.0
/*
 * Finding a guest's memory by linear address, and remembering the way (guest_path.h).
 */
#include <linux/mm.h>

#include "core.h"
#include "memory.h"
#include "svm/svm.h"

/* Of an entry of 4 bytes the word around it is noted. */
static int read_entry(void *ctx, u64 gpa, void *entry, unsigned int bytes)
{
	struct guest_path_notes *notes = ctx;
	struct guest_word word;
	int ret;

	ret = vm_read_word(notes->vm, round_down(gpa, sizeof(word.value)), notes->nofault, &word);
	if (ret)
		return ret;
	memcpy(entry, (u8 *)&word.value + gpa % sizeof(word.value), bytes);
	if (notes->nr < GUEST_PATH_LEVELS)
		notes->path.word[1 + notes->nr++] = word;
	else
		notes->spoilt = true;
	return 0;
}

bool guest_path_end(struct guest_path_notes *notes, const struct guest_word *end)
{
	struct guest_word *word = notes->path.word;
	unsigned int i;

	/* An odd number: slots change meanwhile. */
	if (notes->spoilt || notes->path.slots_gen & 1 || !(notes->nr || end))
		return false;
	word[0] = end ? *end : word[1];
	for (i = notes->nr; i < GUEST_PATH_LEVELS; i++)
		word[1 + i] = word[i];
	return true;
}

static int cmpxchg_entry(void *ctx, u64 gpa, u64 old, u64 new, unsigned int bytes)
{
	struct guest_path_notes *notes = ctx;

	/* The bits that this sets may be cleared again, and then a walk has to set them. */
	notes->spoilt = true;
	return vm_cmpxchg_guest(notes->vm, gpa, old, new, bytes);
}

int guest_path_walk(struct guest_path_notes *notes, struct walk_cfg *cfg, u64 linear,
		    unsigned int access, struct walk_result *res)
{
	int idx = srcu_read_lock(&notes->vm->srcu), ret;

	/* Before the slots themselves: pairs with memslot_replace(). */
	notes->path.slots_gen = smp_load_acquire(&notes->vm->slots_gen);
	cfg->ctx = notes;
	cfg->read_phys = read_entry;
	cfg->cmpxchg_phys = notes->nofault ? NULL : cmpxchg_entry;
	ret = guest_walk(cfg, linear, access, res);
	srcu_read_unlock(&notes->vm->srcu, idx);
	return ret;
}

/* What guest_walk() looks at beside memory.  PKRU is 0: PKE is not offered. */
static bool same_key(const struct guest_translation *t, const struct walk_cfg *cfg, u64 page,
		     u32 access)
{
	return t->page == page && t->cr3 == cfg->cr3 && t->cr0 == (u32)cfg->cr0 &&
	       t->cr4 == (u32)cfg->cr4 && t->efer == (u32)cfg->efer && t->access == access;
}

static void remember(struct guest_translation *t, const struct walk_cfg *cfg, u64 page, u64 gpa,
		     u32 access)
{
	struct guest_path_notes *notes = cfg->ctx;

	if (!guest_path_end(notes, NULL))
		return;
	*t = (struct guest_translation){
		.page = page,
		.gpa = gpa & PAGE_MASK,
		.cr3 = cfg->cr3,
		.cr0 = cfg->cr0,
		.cr4 = cfg->cr4,
		.efer = cfg->efer,
		.access = access,
		.path = notes->path,
	};
}

void guest_forget(struct vcpu *vcpu)
{
	int i;

	for (i = 0; i < GUEST_TRANSLATIONS; i++)
		vcpu->translations[i].page = ~0ULL;
}

enum emu_result guest_translate(struct vcpu *vcpu, u64 linear, unsigned int access, u64 *gpa)
{
	struct guest_path_notes notes = { .vm = vcpu->vm };
	u64 page = linear >> PAGE_SHIFT;
	struct guest_translation *t;
	struct walk_result res;
	struct walk_cfg cfg;
	bool same;
	u32 how;

	svm_get_walk_cfg(vcpu, &cfg);
	how = access | (cfg.rflags & X86_EFLAGS_AC);
	t = &vcpu->translations[page % GUEST_TRANSLATIONS];
	preempt_disable();
	same = same_key(t, &cfg, page, how) && guest_path_holds(vcpu->vm, &t->path);
	preempt_enable();
	if (same) {
		*gpa = t->gpa | (linear & ~PAGE_MASK);
		return EMU_OK;
	}

	switch (guest_path_walk(&notes, &cfg, linear, access, &res)) {
	case WALK_OK:
		remember(t, &cfg, page, res.gpa, how);
		*gpa = res.gpa;
		return EMU_OK;
	case WALK_FAULT:
		return emu_page_fault(&vcpu->emu, linear, res.error_code);
	case WALK_NONCANONICAL:
		vcpu->emu.exception = (struct emu_exception){
			.vector = X86_VEC_GP,
			.has_error = true,
		};
		return EMU_EXCEPTION;
	case WALK_RETRY:
		return EMU_RETRY;
	}
	return EMU_FAIL;
}
