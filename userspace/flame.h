/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A flame graph: how many samples there were, by the frames that they had in common.
 */
#ifndef VMCTL_FLAME_H
#define VMCTL_FLAME_H

#include <stdbool.h>
#include <stdint.h>

struct flame {
	char *name;
	uint64_t samples;
	struct flame *child;		/* of nr_children, which are sorted by flame_sort() */
	unsigned int nr_children, room;
	unsigned int *slots;		/* hash table by name: child + 1, or 0 */
	unsigned int nr_slots;		/* a power of two */
};

/* Count a sample in @root and in each of its frames, outermost first.  False without memory. */
bool flame_add(struct flame *root, const char *const frames[], unsigned int nr);
/* The most frequent frames first, at all levels; nothing is counted after that. */
void flame_sort(struct flame *root);
/* Draw it.  False after a message. */
bool flame_draw(const struct flame *root, const char *path, const char *title);
/* What it has; not @root itself. */
void flame_free(struct flame *root);

#endif
