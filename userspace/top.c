// SPDX-License-Identifier: GPL-2.0
/*
 * `vmctl top`: a bar for each vCPU, of what it did since the last look.
 *
 * A bar is made of letters, so that it says the same without colours.
 */
#include <curses.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "accounts.h"
#include "cli.h"
#include "message.h"
#include "options.h"
#include "top.h"

#define NAME_COLUMNS	20
#define BAR_AT		(NAME_COLUMNS + 27)
#define MIN_INTERVAL	0.1
#define MAX_INTERVAL	60.0

static const char help[] =
"usage: vmctl top [--interval SECONDS] [NAME]\n"
"Show live what virtual CPUs do with their time; of one VM, or of all that one may see.\n"
"\n"
"Keys: q quit, + and - a shorter and a longer interval, e sort by exits, g by time in\n"
"the guest, n by name\n";

enum kind { GUEST, SWITCH, KERNEL, USER, HALTED, STOPPED, WAITING, KINDS };

static const struct {
	char letter;
	short color;
	const char *name;
} kinds[KINDS] = {
	[GUEST] = { 'g', COLOR_GREEN, "guest" },
	[SWITCH] = { 's', COLOR_BLUE, "switch" },
	[KERNEL] = { 'k', COLOR_RED, "kernel" },
	[USER] = { 'u', COLOR_YELLOW, "user" },
	[HALTED] = { '.', COLOR_BLACK, "halted" },
	[STOPPED] = { 'p', COLOR_MAGENTA, "stopped" },
	[WAITING] = { 'w', COLOR_CYAN, "waiting" },
};

struct row {
	const struct vcpu_accounts *vcpu;
	struct vcpu_times times;
};

struct top {
	const char *name;
	double interval;
	char order;			/* 'e', 'g', 'n' */
	struct accounts before, shown;
	struct row *rows;
	unsigned int nr_rows;
};

/* Shares of the time that is known to have gone somewhere: a bar is always full. */
static double shares(const struct vcpu_times *t, double share[KINDS])
{
	double sum = 0;

	share[GUEST] = t->phase[SVMM_PHASE_GUEST];
	share[SWITCH] = t->phase[SVMM_PHASE_SWITCH];
	share[KERNEL] = t->phase[SVMM_PHASE_KERNEL];
	share[USER] = t->phase[SVMM_PHASE_USER];
	share[HALTED] = t->halted;
	share[STOPPED] = t->stopped;
	share[WAITING] = t->preempted;
	for (int i = 0; i < KINDS; i++)
		sum += share[i];
	for (int i = 0; i < KINDS && sum; i++)
		share[i] /= sum;
	return sum;
}

static void draw_bar(int y, int width, const struct vcpu_times *t)
{
	double share[KINDS], at = 0;
	int x = BAR_AT, end;

	if (!shares(t, share))
		return;
	for (int i = 0; i < KINDS; i++) {
		at += share[i] * width;
		end = BAR_AT + (int)(at + 0.5);
		attrset(COLOR_PAIR(i + 1));
		for (; x < end && x < BAR_AT + width; x++)
			mvaddch(y, x, kinds[i].letter);
	}
	attrset(A_NORMAL);
}

static double guest_share(const struct row *r)
{
	double share[KINDS];

	return shares(&r->times, share) ? share[GUEST] : 0;
}

static int compare_names(const struct row *a, const struct row *b)
{
	int names = strcmp(a->vcpu->name, b->vcpu->name);

	return names ? names : (int)a->vcpu->id - (int)b->vcpu->id;
}

static int by_name(const void *a, const void *b)
{
	return compare_names(a, b);
}

static int by_exits(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	return a->times.exits < b->times.exits ? 1 : a->times.exits > b->times.exits ? -1 :
	       compare_names(a, b);
}

static int by_guest(const void *pa, const void *pb)
{
	double a = guest_share(pa), b = guest_share(pb);

	return a < b ? 1 : a > b ? -1 : compare_names(pa, pb);
}

/* What was done since the last look.  False after a message, or without memory. */
static bool look(struct top *top)
{
	struct accounts now;

	if (!accounts_take(top->name, false, &now)) {
		accounts_free(&now);
		return false;
	}
	accounts_free(&top->shown);
	free(top->rows);
	top->nr_rows = 0;
	top->rows = calloc(now.nr + 1, sizeof(*top->rows));
	top->shown.vcpu = calloc(now.nr + 1, sizeof(*now.vcpu));
	if (!top->rows || !top->shown.vcpu) {
		accounts_free(&now);
		message("out of memory");
		return false;
	}
	memcpy(top->shown.vcpu, now.vcpu, now.nr * sizeof(*now.vcpu));
	top->shown.nr = now.nr;
	accounts_subtract(&top->shown, &top->before);
	accounts_free(&top->before);
	top->before = now;
	for (unsigned int i = 0; i < now.nr; i++) {
		top->rows[i].vcpu = &top->shown.vcpu[i];
		top->rows[i].times = accounts_times(&top->shown.vcpu[i]);
	}
	top->nr_rows = now.nr;
	return true;
}

static unsigned int count_vms(const struct accounts *accounts)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < accounts->nr; i++)
		nr += !i || accounts->vcpu[i].pid != accounts->vcpu[i - 1].pid ||
		      strcmp(accounts->vcpu[i].name, accounts->vcpu[i - 1].name);
	return nr;
}

static void draw_legend(int y)
{
	move(y, 0);
	for (int i = 0; i < KINDS; i++) {
		attrset(COLOR_PAIR(i + 1));
		addch(kinds[i].letter);
		attrset(A_NORMAL);
		printw(" %s  ", kinds[i].name);
	}
	printw("  q quit, + - interval, e g n sort");
}

static void draw(struct top *top)
{
	const time_t now = time(NULL);
	int width = COLS - BAR_AT - 1;
	double exits = 0;
	char clock[16];

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&now));
	for (unsigned int i = 0; i < top->nr_rows; i++)
		if (top->rows[i].times.wall)
			exits += top->rows[i].times.exits * 1e9 / top->rows[i].times.wall;
	qsort(top->rows, top->nr_rows, sizeof(*top->rows),
	      top->order == 'e' ? by_exits : top->order == 'g' ? by_guest : by_name);
	erase();
	mvprintw(0, 0, "%s  VMs %u  vCPUs %u  exits/s %.0f  every %.1f s", clock,
		 count_vms(&top->shown), top->nr_rows, exits, top->interval);
	attrset(A_REVERSE);
	mvprintw(2, 0, "%-*s %4s %-8s %10s  %-*s", NAME_COLUMNS, "VM", "VCPU", "STATE", "EXITS/S",
		 width > 0 ? width : 0, "TIME");
	attrset(A_NORMAL);
	for (int i = 0; i < (int)top->nr_rows && i < LINES - 5; i++) {
		const struct row *r = &top->rows[i];

		mvprintw(3 + i, 0, "%-*.*s %4u %-8s %10.0f", NAME_COLUMNS, NAME_COLUMNS,
			 r->vcpu->name, r->vcpu->id, vcpu_state_name(r->vcpu->state),
			 r->times.wall ? r->times.exits * 1e9 / r->times.wall : 0);
		if (width > 0)
			draw_bar(3 + i, width, &r->times);
	}
	if (!top->nr_rows)
		mvprintw(3, 0, "no VM runs, or none that you may see");
	draw_legend(LINES - 1);
	refresh();
}

/* False: that was enough. */
static bool on_key(struct top *top, int key)
{
	switch (key) {
	case 'q':
	case 3:			/* Ctrl-C */
		return false;
	case '+':
		top->interval = top->interval / 2 < MIN_INTERVAL ? MIN_INTERVAL : top->interval / 2;
		break;
	case '-':
		top->interval = top->interval * 2 > MAX_INTERVAL ? MAX_INTERVAL : top->interval * 2;
		break;
	case 'e':
	case 'g':
	case 'n':
		top->order = key;
		break;
	}
	return true;
}

static void show(struct top *top)
{
	double due = 0, now;
	int key;

	for (;;) {
		now = now_seconds();
		if (now >= due) {
			if (!look(top))
				return;
			due = now + top->interval;
		}
		draw(top);
		timeout((due - now) * 1000 + 1);
		key = getch();
		if (key != ERR && !on_key(top, key))
			return;
		if (key == '+' || key == '-')
			due = now + top->interval;
	}
}

static void colours(void)
{
	if (!has_colors())
		return;
	start_color();
	use_default_colors();
	for (int i = 0; i < KINDS; i++)
		init_pair(i + 1, kinds[i].color == COLOR_BLACK ? -1 : COLOR_WHITE,
			  kinds[i].color == COLOR_BLACK ? -1 : kinds[i].color);
}

int top_command(int argc, char **argv)
{
	struct show_options options = { .interval = 1 };
	struct top top = { .order = 'n' };
	int status = show_parse(argc, argv, SHOW_INTERVAL, help, &options);

	if (status != CLI_GO_ON)
		return status;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		message("top: it needs a terminal; vmctl stat --interval 1 prints the same once");
		return STATUS_ERROR;
	}
	top.name = options.name;
	top.interval = options.interval < MIN_INTERVAL ? MIN_INTERVAL :
		       options.interval > MAX_INTERVAL ? MAX_INTERVAL : options.interval;
	/* Before the screen is taken: what is wrong stays readable. */
	status = STATUS_ERROR;
	if (look(&top)) {
		initscr();
		raw();
		noecho();
		curs_set(0);
		keypad(stdscr, TRUE);
		colours();
		show(&top);
		endwin();
		status = STATUS_OK;
	}
	accounts_free(&top.before);
	accounts_free(&top.shown);
	free(top.rows);
	return status;
}
