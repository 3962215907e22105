// SPDX-License-Identifier: GPL-2.0
/*
 * The chart of `vmctl overhead --svg`: a bar for each reason, as long as what it costs, of which
 * each phase is a part.
 */
#include <stdio.h>

#include "options.h"
#include "overhead.h"
#include "svg.h"

#define WIDTH	960
#define LEFT	190		/* of the bars; names stand before them */
#define RIGHT	160		/* behind the longest one; figures stand there */
#define TOP	78
#define ROW	24
#define BAR	16
#define ROWS	24		/* the rest is one bar */

static const struct {
	enum svmm_phase phase;
	const char *name, *color;
} parts[] = {
	{ SVMM_PHASE_SWITCH, "between guest and host", "#4477aa" },
	{ SVMM_PHASE_KERNEL, "kernel", "#228833" },
	{ SVMM_PHASE_USER, "user space", "#ee7733" },
};

struct bar {
	char name[EXIT_NAME_MAX];
	uint64_t count;
	double ns[SVMM_PHASES];
};

static double cost(const struct bar *bar)
{
	double sum = 0;

	for (unsigned int i = 0; i < 3; i++)
		sum += bar->ns[parts[i].phase];
	return sum;
}

/* The dearest reasons, and in the last bar what is left. */
static unsigned int make_bars(const struct vm_accounts *sum, struct bar bars[ROWS])
{
	char text[EXIT_NAME_MAX];
	unsigned int n = 0, row;
	const char *name;

	for (unsigned int i = 0; i < sum->nr_reasons; i++) {
		const struct reason *r = &sum->reason[i];

		if (!reason_shown(r))
			continue;
		name = n < ROWS ? exit_code_name(r->code, text) : "others";
		row = n < ROWS ? n++ : ROWS - 1;
		snprintf(bars[row].name, sizeof(bars[row].name), "%s", name);
		bars[row].count += r->count;
		for (int phase = 0; phase < SVMM_PHASES; phase++)
			bars[row].ns[phase] += r->ns[phase];
	}
	return n;
}

static void draw_legend(struct svg *svg)
{
	double x = LEFT;

	for (unsigned int i = 0; i < 3; i++) {
		svg_rect(svg, x, TOP - 30, 12, 12, parts[i].color, NULL);
		svg_text(svg, x + 18, TOP - 19, 13, SVG_LEFT, parts[i].name);
		x += 200;
	}
}

static void draw_bar(struct svg *svg, const struct bar *bar, double y, double scale,
		     double guest_ns)
{
	double x = LEFT, total = cost(bar);
	char text[128], a[16], b[16];

	svg_text(svg, LEFT - 8, y + BAR - 3, 13, SVG_RIGHT, bar->name);
	for (unsigned int i = 0; i < 3; i++) {
		double ns = bar->ns[parts[i].phase];

		if (!ns)
			continue;
		snprintf(text, sizeof(text), "%.*s, %s: %s in %lu exits, %s each",
			 EXIT_NAME_MAX - 1, bar->name, parts[i].name, show_ns(ns, a), bar->count,
			 show_ns(bar->count ? ns / bar->count : 0, b));
		svg_rect(svg, x, y, ns * scale, BAR, parts[i].color, text);
		x += ns * scale;
	}
	if (guest_ns)
		snprintf(text, sizeof(text), "%s, %.2f%%", show_ns(total, a),
			 total / guest_ns * 100);
	else
		snprintf(text, sizeof(text), "%s", show_ns(total, a));
	svg_text(svg, x + 6, y + BAR - 3, 12, SVG_LEFT, text);
}

bool overhead_chart(const char *path, const char *name, const struct vm_accounts *sum)
{
	struct bar bars[ROWS] = { 0 };
	unsigned int n = make_bars(sum, bars);
	double all = 0, longest = 1, guest = sum->ns[SVMM_PHASE_GUEST];
	char text[256], share[16] = "", a[16], b[16], c[16];
	struct svg *svg;

	for (unsigned int i = 0; i < n; i++) {
		all += cost(&bars[i]);
		longest = cost(&bars[i]) > longest ? cost(&bars[i]) : longest;
	}
	svg = svg_open(path, WIDTH, TOP + n * ROW + 16);
	if (!svg)
		return false;
	if (guest)
		snprintf(share, sizeof(share), ", %.2f%%", all / guest * 100);
	snprintf(text, sizeof(text), "%s: what its exits cost: %s in %s%s of %s in the guest",
		 name, show_ns(all, a), show_ns(sum->wall_ns, b), share, show_ns(guest, c));
	svg_text(svg, 16, 28, 16, SVG_LEFT, text);
	draw_legend(svg);
	for (unsigned int i = 0; i < n; i++)
		draw_bar(svg, &bars[i], TOP + i * ROW, (WIDTH - LEFT - RIGHT) / longest, guest);
	return svg_close(svg);
}
