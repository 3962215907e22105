// SPDX-License-Identifier: GPL-2.0
/*
 * The packets that let threads run, and those that tell of their stop.
 */
#include <string.h>

#include "gdb_packet.h"

static void run(struct gdb *g, const enum gdb_action *actions)
{
	bool any = false;

	for (unsigned int i = 0; i < g->target->nr_threads(g->opaque); i++)
		any |= actions[i] != GDB_STAY;
	if (!any) {
		gdb_answer(g, "E01");
		return;
	}
	g->running = true;
	g->target->resume(g->opaque, actions);
}

/* c, s, C and S: a signal is of no use to a CPU, and another place to go on is a register's. */
static void run_all(struct gdb *g, enum gdb_action action)
{
	enum gdb_action actions[GDB_THREADS_MAX];

	for (unsigned int i = 0; i < GDB_THREADS_MAX; i++)
		actions[i] = action == GDB_STEP && i != g->thread ? GDB_STAY : action;
	run(g, actions);
}

/* One ";ACTION[:THREAD]".  Of several about a thread the first one counts. */
static bool take_action(struct gdb *g, enum gdb_action *actions, bool *told)
{
	enum gdb_action action = GDB_STAY;
	int thread = GDB_ALL_THREADS;
	uint64_t signal;

	if (gdb_take(g, "c"))
		action = GDB_CONTINUE;
	else if (gdb_take(g, "s"))
		action = GDB_STEP;
	else if (gdb_take(g, "C") && gdb_take_number(g, &signal))
		action = GDB_CONTINUE;
	else if (gdb_take(g, "S") && gdb_take_number(g, &signal))
		action = GDB_STEP;
	else
		return false;
	if (gdb_take(g, ":") && !gdb_take_thread(g, &thread))
		return false;
	if (thread == GDB_ANY_THREAD)
		thread = g->thread;
	for (unsigned int i = 0; i < GDB_THREADS_MAX; i++) {
		if (told[i] || (thread >= 0 && i != (unsigned int)thread))
			continue;
		actions[i] = action;
		told[i] = true;
	}
	return true;
}

static void run_each(struct gdb *g)
{
	enum gdb_action actions[GDB_THREADS_MAX] = { GDB_STAY };
	bool told[GDB_THREADS_MAX] = { false };

	while (gdb_take(g, ";")) {
		if (!take_action(g, actions, told)) {
			gdb_answer(g, "E01");
			return;
		}
	}
	if (gdb_at_end(g))
		run(g, actions);
	else
		gdb_answer(g, "E01");
}

bool gdb_resume_packet(struct gdb *g)
{
	if (gdb_take(g, "vCont?"))
		gdb_answer(g, "vCont;c;C;s;S");
	else if (gdb_take(g, "vCont"))
		run_each(g);
	else if (g->packet[0] == 'c' || g->packet[0] == 'C')
		run_all(g, GDB_CONTINUE);
	else if (g->packet[0] == 's' || g->packet[0] == 'S')
		run_all(g, GDB_STEP);
	else
		return false;
	return true;
}

void gdb_stopped(struct gdb *g, unsigned int thread, enum gdb_reason why, uint64_t address)
{
	static const char *const words[] = {
		[GDB_AT_SOFTWARE] = "swbreak:;", [GDB_AT_HARDWARE] = "hwbreak:;",
		[GDB_WATCHED] = "watch:", [GDB_READ_WATCHED] = "rwatch:",
		[GDB_ACCESS_WATCHED] = "awatch:",
	};
	char text[64];

	g->running = false;
	g->stopped = thread;
	g->thread = thread;
	gdb_begin(g);
	/* SIGINT or SIGTRAP, by GDB's numbers. */
	snprintf(text, sizeof(text), "T%02xthread:%x;", why == GDB_INTERRUPTED ? 2 : 5, thread + 1);
	gdb_text(g, text);
	if (why >= GDB_AT_SOFTWARE)
		gdb_text(g, words[why]);
	if (why >= GDB_WATCHED) {
		snprintf(text, sizeof(text), "%llx;", (unsigned long long)address);
		gdb_text(g, text);
	}
	gdb_end(g);
}

void gdb_exited(struct gdb *g, unsigned int status)
{
	char text[16];

	snprintf(text, sizeof(text), "W%02x", status & 0xff);
	g->running = false;
	g->over = true;
	gdb_answer(g, text);
}
