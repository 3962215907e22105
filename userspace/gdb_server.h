/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --gdb: a socket at which one GDB at a time debugs the guest.  It outlives the machine, as the
 * control socket does.
 */
#ifndef VMCTL_GDB_SERVER_H
#define VMCTL_GDB_SERVER_H

#include <stdbool.h>

struct gdb_server;
struct machine;

/**
 * gdb_server_open - listen, before the sandbox
 * @where: tcp:PORT, of the loopback interface, or unix:PATH
 *
 * Return: it, or NULL after a message.
 */
struct gdb_server *gdb_server_open(const char *where);
void gdb_server_close(struct gdb_server *s);

/**
 * gdb_server_attach - serve in a machine's event loop
 * @m: which has not run
 * @wait: it is not to begin before a GDB lets it
 *
 * A GDB that has debugged the last machine finds this one stopped.  Return: 0 or -errno.
 */
int gdb_server_attach(struct gdb_server *s, struct machine *m, bool wait);
/* The machine has stopped. */
void gdb_server_detach(struct gdb_server *s);
/* There is to be no other one. */
void gdb_server_end(struct gdb_server *s, int status);

/* The guest stands still because of a GDB.  With the machine's lock. */
bool gdb_server_holds(const struct gdb_server *s);

#endif
