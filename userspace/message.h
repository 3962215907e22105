/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What vmctl says on stderr, or to syslog: one line, "vmctl: " first, what is wrong and then
 * what to do.  A function that fails says why itself, where it is known, and
 * returns an error; its callers only unwind.
 */
#ifndef VMCTL_MESSAGE_H
#define VMCTL_MESSAGE_H

#include <stdbool.h>

/* One line, in one write, so that lines of several threads do not mix. */
void message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Lines that belong to the last message, as they are. */
void message_more(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line with its end, from a signal handler. */
void message_at_once(const char *line);

/* Connect to syslog, while that is possible. */
void message_open_log(void);
/* From now on messages go there, with the name of the VM @vm; nobody reads stderr any more. */
void message_to_log(const char *vm);

/*
 * Whether to say what a guest can have said again and again, by resets or otherwise (any thread):
 * some lines at once, then one now and then, which is told how many there would have been.
 */
bool message_guest(void);

/* A screen is in the way: messages are kept until that is over, and then written. */
void message_hold(bool on);

/* All that was printed has been written: true; or false after a message, the first time. */
bool flush_stdout(void);

#endif
