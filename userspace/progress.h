/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A bar on the terminal for work that takes long: how much of it is done.  It goes with the work,
 * and what is no terminal never sees it.
 */
#ifndef VMCTL_PROGRESS_H
#define VMCTL_PROGRESS_H

#include <stdint.h>

#define PROGRESS_PART	(16ULL << 20)	/* bytes that take no time to speak of */

/**
 * struct progress - one work
 * @what: its words, "reading the kernel"
 * @total: bytes that there are, or milliseconds, or what else it is counted in
 * @started: seconds, as now_seconds() has them
 * @drawn: likewise, when it was drawn last
 * @width: columns that are drawn now, 0: none
 */
struct progress {
	const char *what;
	uint64_t total;
	double started;
	double drawn;
	unsigned int width;
};

/**
 * progress_allow - find out where bars can be drawn
 *
 * They are where stderr is a terminal and the process is in its foreground.  Until this has been
 * called there are none: what asks the terminal is not to be had in the sandbox.
 */
void progress_allow(void);

/**
 * progress_start - a work begins
 * @p: of it
 * @what: stays the caller's
 * @total: of 0 there is no bar
 */
void progress_start(struct progress *p, const char *what, uint64_t total);

/**
 * progress_done - so much is done
 * @p: of the work
 * @done: of @total
 *
 * Nothing is drawn before half a second is over, and then ten times a second at most.
 */
void progress_done(struct progress *p, uint64_t done);

/* It is over, and the terminal as it was before; to be called before a message, too. */
void progress_end(struct progress *p);

#endif
