// SPDX-License-Identifier: GPL-2.0
/*
 * `vmctl top`: a bar for each vCPU, of what it did since the last look.
 *
 * A bar is made of letters, so that it says the same without colours.
 */
#include <curses.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
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
"The first screen is of all the time since they started, the next ones of an interval each.\n"
"\n"
"  --interval SECONDS   0.1 to 60, with fractions. Default: 1\n"
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

static WINDOW *screen;

struct row {
	const struct vcpu_accounts *vcpu;
	struct vcpu_times times;
};

struct top {
	const char *name;
	double interval;
	char order;			/* 'e', 'g', 'n' */
	bool absent;			/* the VM of that name */
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
		wattrset(screen, COLOR_PAIR(i + 1));
		for (; x < end && x < BAR_AT + width; x++)
			mvwaddch(screen, y, x, kinds[i].letter);
	}
	wattrset(screen, A_NORMAL);
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

/* What was done since the last look.  Return: as accounts_take(). */
static int look(struct top *top)
{
	struct accounts now;
	int error = accounts_take(top->name, false, &now);

	if (error) {
		accounts_free(&now);
		return error;
	}
	accounts_free(&top->shown);
	free(top->rows);
	top->nr_rows = 0;
	top->rows = calloc(now.nr + 1, sizeof(*top->rows));
	top->shown.vcpu = calloc(now.nr + 1, sizeof(*now.vcpu));
	if (!top->rows || !top->shown.vcpu) {
		accounts_free(&now);
		message("out of memory");
		return -1;
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
	return 0;
}

/*
 * With the screen there.  A VM of that name that is not there may come back: a guest's reboot is a
 * new VM.  False after a message.
 */
static bool look_again(struct top *top)
{
	int error = look(top);

	top->absent = top->name && error == ENOENT;
	if (top->absent) {
		accounts_free(&top->before);
		accounts_free(&top->shown);
		top->nr_rows = 0;
	} else if (error > 0) {
		vm_error(error, top->name);
	}
	return !error || top->absent;
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
	wmove(screen, y, 0);
	for (int i = 0; i < KINDS; i++) {
		wattrset(screen, COLOR_PAIR(i + 1));
		waddch(screen, kinds[i].letter);
		wattrset(screen, A_NORMAL);
		wprintw(screen, " %s  ", kinds[i].name);
	}
	wprintw(screen, "q quit");
}

/* Names differ at their ends: those that vmctl makes up have the process's number there. */
static void draw_name(int y, const char *name)
{
	const int len = strlen(name), head = (NAME_COLUMNS - 2) / 2;

	if (len <= NAME_COLUMNS)
		mvwprintw(screen, y, 0, "%s", name);
	else
		mvwprintw(screen, y, 0, "%.*s..%s", head, name,
			  name + len - (NAME_COLUMNS - 2 - head));
}

static void draw_row(int y, int width, const struct row *r)
{
	draw_name(y, r->vcpu->name);
	mvwprintw(screen, y, NAME_COLUMNS, " %4u %-8s %10.0f", r->vcpu->id,
		  vcpu_state_name(r->vcpu->state), r->times.wall ?
		  r->times.exits * 1e9 / r->times.wall : 0);
	if (width > 0)
		draw_bar(y, width, &r->times);
}

static void draw(struct top *top)
{
	const time_t now = time(NULL);
	const int width = getmaxx(screen) - BAR_AT - 1, lines = getmaxy(screen);
	const int room = lines > 5 ? lines - 5 : 0;
	double exits = 0;
	char clock[16];

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&now));
	for (unsigned int i = 0; i < top->nr_rows; i++)
		if (top->rows[i].times.wall)
			exits += top->rows[i].times.exits * 1e9 / top->rows[i].times.wall;
	qsort(top->rows, top->nr_rows, sizeof(*top->rows),
	      top->order == 'e' ? by_exits : top->order == 'g' ? by_guest : by_name);
	werase(screen);
	mvwprintw(screen, 0, 0, "%s  VMs %u  vCPUs %u  exits/s %.0f  every %.1f s", clock,
		  count_vms(&top->shown), top->nr_rows, exits, top->interval);
	mvwprintw(screen, 1, 0, "+ - interval; sort by e exits, g guest, n name");
	wattrset(screen, A_REVERSE);
	mvwprintw(screen, 2, 0, "%-*s %4s %-8s %10s  %-*s", NAME_COLUMNS, "VM", "VCPU", "STATE",
		  "EXITS/S", width > 0 ? width : 0, "TIME");
	wattrset(screen, A_NORMAL);
	for (int i = 0; i < (int)top->nr_rows && i < room; i++)
		draw_row(3 + i, width, &top->rows[i]);
	if ((int)top->nr_rows > room)
		mvwprintw(screen, lines - 2, 0, "and %d more, for which the window is too small",
			  (int)top->nr_rows - room);
	if (top->absent)
		mvwprintw(screen, 3, 0, "%s is not there", top->name);
	else if (!top->nr_rows)
		mvwprintw(screen, 3, 0, top->name ? "it has no virtual CPU yet" :
			  "no VM runs, or none that you may see");
	draw_legend(lines - 1);
	wrefresh(screen);
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

/* Without a terminal getch() would not wait. */
static bool terminal_is_gone(void)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&fd, 1, 0) > 0 && fd.revents & (POLLHUP | POLLERR | POLLNVAL);
}

/* Until the user has seen enough; false after a message, if something else ends it. */
static bool show(struct top *top)
{
	double now = now_seconds(), due = now + top->interval;
	int key;

	for (;;) {
		draw(top);
		wtimeout(screen, (due - now) * 1000 + 1);
		key = wgetch(screen);
		if (key != ERR && !on_key(top, key))
			return true;
		if (key == ERR && terminal_is_gone()) {
			message("top: the terminal is gone");
			return false;
		}
		now = now_seconds();
		if (key == '+' || key == '-') {
			due = now + top->interval;
		} else if (now >= due) {
			if (!look_again(top))
				return false;
			due = now + top->interval;
		}
	}
}

/* Keys at once, and Ctrl-C for one of them: it leaves by the same way as q.  Ctrl-Z stops. */
static void take_keys(void)
{
	struct termios t;

	cbreak();
	noecho();
	keypad(screen, TRUE);
	if (!tcgetattr(STDIN_FILENO, &t)) {
		t.c_cc[VINTR] = _POSIX_VDISABLE;
		tcsetattr(STDIN_FILENO, TCSANOW, &t);
		/* What comes back after Ctrl-Z. */
		def_prog_mode();
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
	int status = show_parse(argc, argv, SHOW_INTERVAL, help, &options), error;

	if (status != CLI_GO_ON)
		return status;
	if (options.interval < MIN_INTERVAL || options.interval > MAX_INTERVAL) {
		message("--interval: give seconds, 0.1 to 60; try: vmctl top --help");
		return STATUS_USAGE;
	}
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		message("top: it needs a terminal; vmctl stat --interval 1 prints the same once");
		return STATUS_ERROR;
	}
	top.name = options.name;
	top.interval = options.interval;
	/* Before the screen is taken: what is wrong stays readable. */
	status = STATUS_ERROR;
	error = look(&top);
	if (error > 0)
		vm_error(error, top.name);
	if (!error) {
		screen = initscr();
		take_keys();
		curs_set(0);
		colours();
		message_hold(true);
		status = show(&top) ? STATUS_OK : STATUS_ERROR;
		endwin();
		message_hold(false);
	}
	accounts_free(&top.before);
	accounts_free(&top.shown);
	free(top.rows);
	return status;
}
