/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walks of the guest's page tables that need not be made again.
 *
 * A walk in software is most of what an exit costs that needs one.  So it is remembered: which
 * words of guest memory it read, and what they held.  The next time they are only read once more;
 * the same words, under the same control registers, make the same walk.  So there is nothing to
 * invalidate, whoever changes the tables, and however.
 *
 * It must not know what the words mean: that is the walk's business (emulate/walk.c).
 */
#ifndef SVMM_GUEST_PATH_H
#define SVMM_GUEST_PATH_H

#include <linux/compiler.h>

/* Page tables that a path has at most; what a guest with five levels does is not remembered. */
#define GUEST_PATH_LEVELS	4

struct guest_word {
	const u64 __user *at;		/* the VMM's address of it */
	u64 value;
};

/*
 * What a walk has read: a word at its end, if the caller wants one, then the entries.  Where there
 * are fewer, a word that is there already is there again.
 */
struct guest_path {
	u64 slots_gen;			/* of the VM, before the first word was read */
	struct guest_word word[1 + GUEST_PATH_LEVELS];
};

/* A path that is being found. */
struct guest_path_notes {
	struct vm *vm;
	bool nofault;			/* in the window */
	bool spoilt;			/* an entry is not as it was read, or has no room */
	unsigned int nr;		/* entries read */
	struct guest_path path;
};

/* guest_walk(), with notes; @cfg lacks what concerns memory.  In the window it sets no bits. */
int guest_path_walk(struct guest_path_notes *notes, struct walk_cfg *cfg, u64 linear,
		    unsigned int access, struct walk_result *res);
/* Make a path of the notes, with @end or without (NULL).  False: it cannot be remembered. */
bool guest_path_end(struct guest_path_notes *notes, const struct guest_word *end);

/* A data access that was translated; see guest_translate(). */
struct guest_translation {
	u64 page;			/* linear page number; ~0: none */
	u64 gpa;			/* of the page */
	u64 cr3;
	u32 cr0;			/* the upper halves of these are 0 */
	u32 cr4;
	u32 efer;
	u32 access;			/* GUEST_*, and RFLAGS.AC */
	struct guest_path path;
};

#define GUEST_TRANSLATIONS	4	/* of a vCPU */

#endif
