// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flame.h"
#include "message.h"
#include "svg.h"

#define WIDTH		1200
#define MARGIN		12
#define TOP		44
#define ROW		19
#define LETTER		7.2	/* pixels of a letter, about */
#define MAX_CHILDREN	4096
#define MIN_WIDTH	0.3	/* what is narrower is not drawn */

static unsigned int hash_of(const char *name)
{
	unsigned int hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

/* Where a child is in the hash table, or would be: half of it is free, so there is an end. */
static unsigned int *slot_of(const struct flame *of, const char *name)
{
	unsigned int i = hash_of(name) & (of->nr_slots - 1);

	while (of->slots[i] && strcmp(of->child[of->slots[i] - 1].name, name))
		i = (i + 1) & (of->nr_slots - 1);
	return &of->slots[i];
}

static struct flame *look_up(const struct flame *of, const char *name)
{
	unsigned int *slot = of->nr_slots ? slot_of(of, name) : NULL;

	return slot && *slot ? &of->child[*slot - 1] : NULL;
}

/* Room for @room children, and a table twice as large for them. */
static bool grow(struct flame *of, unsigned int room)
{
	struct flame *child = realloc(of->child, room * sizeof(*child));
	unsigned int *slots;

	if (!child)
		return false;
	of->child = child;
	slots = calloc(2 * room, sizeof(*slots));
	if (!slots)
		return false;
	free(of->slots);
	of->slots = slots;
	of->nr_slots = 2 * room;
	of->room = room;
	for (unsigned int i = 0; i < of->nr_children; i++)
		*slot_of(of, of->child[i].name) = i + 1;
	return true;
}

static struct flame *find_child(struct flame *of, const char *name)
{
	struct flame *child = look_up(of, name);

	/* A guest that leaves everywhere must not fill our memory. */
	if (!child && of->nr_children >= MAX_CHILDREN) {
		name = "[elsewhere]";
		child = look_up(of, name);
	}
	if (child)
		return child;
	if (of->nr_children == of->room && !grow(of, of->room ? of->room * 2 : 8))
		return NULL;
	child = &of->child[of->nr_children];
	memset(child, 0, sizeof(*child));
	child->name = strdup(name);
	if (!child->name)
		return NULL;
	of->nr_children++;
	*slot_of(of, name) = of->nr_children;
	return child;
}

bool flame_add(struct flame *root, const char *const frames[], unsigned int nr)
{
	root->samples++;
	for (unsigned int i = 0; i < nr; i++) {
		root = find_child(root, frames[i]);
		if (!root)
			return false;
		root->samples++;
	}
	return true;
}

static int by_samples(const void *pa, const void *pb)
{
	const struct flame *a = pa, *b = pb;

	return a->samples < b->samples ? 1 : a->samples > b->samples ? -1 :
	       strcmp(a->name, b->name);
}

void flame_sort(struct flame *root)
{
	/* It knows children by their places. */
	free(root->slots);
	root->slots = NULL;
	root->nr_slots = 0;
	if (root->nr_children)
		qsort(root->child, root->nr_children, sizeof(*root->child), by_samples);
	for (unsigned int i = 0; i < root->nr_children; i++)
		flame_sort(&root->child[i]);
}

void flame_free(struct flame *root)
{
	for (unsigned int i = 0; i < root->nr_children; i++) {
		flame_free(&root->child[i]);
		free(root->child[i].name);
	}
	free(root->child);
	free(root->slots);
	root->child = NULL;
	root->slots = NULL;
	root->nr_slots = 0;
	root->nr_children = 0;
	root->room = 0;
}

static unsigned int depth(const struct flame *f)
{
	unsigned int most = 0, below;

	for (unsigned int i = 0; i < f->nr_children; i++) {
		below = depth(&f->child[i]);
		most = below > most ? below : most;
	}
	return most + 1;
}

/* A warm colour that a name always has. */
static void color_of(const char *name, char text[8])
{
	unsigned int hash = hash_of(name);

	snprintf(text, 8, "#%02x%02x%02x", 205 + hash % 50, 90 + hash / 50 % 130,
		 40 + hash / 6500 % 60);
}

static void draw(struct svg *svg, const struct flame *f, uint64_t all, double x, double y)
{
	double width = (double)f->samples / all * (WIDTH - 2 * MARGIN);
	unsigned int letters = width / LETTER;
	char color[8], text[256];

	if (width < MIN_WIDTH)
		return;
	color_of(f->name, color);
	snprintf(text, sizeof(text), "%s: %lu samples, %.2f%%", f->name, f->samples,
		 (double)f->samples / all * 100);
	svg_rect(svg, x, y, width > 0.7 ? width - 0.5 : width, ROW - 1, color, text);
	if (letters >= 4) {
		if (letters >= sizeof(text))
			letters = sizeof(text) - 1;
		if (strlen(f->name) <= letters)
			snprintf(text, sizeof(text), "%s", f->name);
		else
			snprintf(text, sizeof(text), "%.*s..", (int)letters - 2, f->name);
		svg_text(svg, x + 3, y + ROW - 6, 12, SVG_LEFT, text);
	}
	for (unsigned int i = 0; i < f->nr_children; i++) {
		draw(svg, &f->child[i], all, x, y - ROW);
		x += (double)f->child[i].samples / all * (WIDTH - 2 * MARGIN);
	}
}

bool flame_draw(const struct flame *root, const char *path, const char *title)
{
	unsigned int height = TOP + depth(root) * ROW + MARGIN;
	struct svg *svg = svg_open(path, WIDTH, height);

	if (!svg)
		return false;
	svg_text(svg, WIDTH / 2, 26, 17, SVG_MIDDLE, title);
	if (root->samples)
		draw(svg, root, root->samples, MARGIN, height - MARGIN - ROW);
	return svg_close(svg);
}
