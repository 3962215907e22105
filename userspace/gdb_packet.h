/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What gdb.c and gdb_resume.c share: reading a packet, making an answer.
 */
#ifndef VMCTL_GDB_PACKET_H
#define VMCTL_GDB_PACKET_H

#include "gdb.h"

#define GDB_ALL_THREADS	(-2)
#define GDB_ANY_THREAD	(-1)

/* Each takes what it is about from the packet, and says whether it was there. */
bool gdb_take(struct gdb *g, const char *text);
bool gdb_take_number(struct gdb *g, uint64_t *value);	/* hexadecimal */
bool gdb_take_thread(struct gdb *g, int *thread);	/* from 0; or one of the above */
bool gdb_at_end(const struct gdb *g);

/* A packet: its begin, what is in it, its end; or all of that at once. */
void gdb_begin(struct gdb *g);
void gdb_text(struct gdb *g, const char *text);
void gdb_hex(struct gdb *g, const void *data, size_t bytes);
void gdb_end(struct gdb *g);
void gdb_answer(struct gdb *g, const char *text);

/* gdb_resume.c: vCont, c, s and their like.  Return: whether the packet was one of them. */
bool gdb_resume_packet(struct gdb *g);

#endif
