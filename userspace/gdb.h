/* SPDX-License-Identifier: GPL-2.0 */
/*
 * GDB's remote serial protocol (GDB manual, appendix E), the stub's side: bytes in, bytes out, and
 * a target that does what they say.  It knows no socket, no machine and no register.
 */
#ifndef VMCTL_GDB_H
#define VMCTL_GDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define GDB_PACKET_MAX		0x1000u	/* bytes of a packet, either way, without its frame */
#define GDB_OUT_MAX		0x20000u	/* of all that an answer can be */
#define GDB_THREADS_MAX		64u
#define GDB_REGISTER_MAX	16u	/* bytes */

enum gdb_point { GDB_SOFTWARE, GDB_HARDWARE, GDB_WRITE, GDB_READ, GDB_ACCESS };	/* Z0 to Z4 */
enum gdb_action { GDB_STAY, GDB_CONTINUE, GDB_STEP };

/**
 * struct gdb_target - what is debugged; threads count from 0, and stand still but after resume()
 * @nr_threads: at least 1, at most GDB_THREADS_MAX
 * @nr_registers: that there are
 * @describe: target.xml
 * @name: of a thread, for people
 * @get: the @value of register @n, little endian; its bytes, GDB_REGISTER_MAX at most, or 0
 * @set: likewise; @bytes are get()'s
 * @read: of memory as the thread sees it, or physical; how many bytes could be read
 * @write: likewise; all of it or nothing
 * @insert: a breakpoint or watchpoint; false: there is no room, or no such address
 * @remove: it, if it is there
 * @resume: threads do what they are told, until gdb_stopped()
 * @interrupt: they are to stop, which is told by gdb_stopped()
 * @detach: nothing is debugged any more: breakpoints go, threads run
 * @kill: the end of it all
 * @monitor: a user's own command; what is printed is the answer
 */
struct gdb_target {
	unsigned int (*nr_threads)(void *opaque);
	unsigned int (*nr_registers)(void *opaque);
	const char *(*describe)(void *opaque);
	void (*name)(void *opaque, unsigned int thread, char *text, size_t room);
	unsigned int (*get)(void *opaque, unsigned int thread, unsigned int n, uint8_t *value);
	bool (*set)(void *opaque, unsigned int thread, unsigned int n, const uint8_t *value);
	size_t (*read)(void *opaque, unsigned int thread, bool physical, uint64_t address,
		       void *data, size_t bytes);
	bool (*write)(void *opaque, unsigned int thread, bool physical, uint64_t address,
		      const void *data, size_t bytes);
	bool (*insert)(void *opaque, unsigned int thread, enum gdb_point kind, uint64_t address,
		       uint64_t bytes);
	void (*remove)(void *opaque, enum gdb_point kind, uint64_t address, uint64_t bytes);
	void (*resume)(void *opaque, const enum gdb_action *actions);
	void (*interrupt)(void *opaque);
	void (*detach)(void *opaque);
	void (*kill)(void *opaque);
	void (*monitor)(void *opaque, unsigned int thread, const char *command, FILE *out);
};

/* Why threads have stopped. */
enum gdb_reason { GDB_INTERRUPTED, GDB_STEPPED, GDB_AT_SOFTWARE, GDB_AT_HARDWARE, GDB_WATCHED,
		  GDB_READ_WATCHED, GDB_ACCESS_WATCHED };

/**
 * struct gdb - one client's session
 * @in: what it has sent, and was not looked at
 * @out: what it is to be sent, from @out_done on
 * @packet: the packet that is looked at, with a NUL
 */
struct gdb {
	const struct gdb_target *target;
	void *opaque;
	bool running;		/* threads are, and gdb_stopped() is waited for */
	bool no_ack;		/* packets are not acknowledged any more */
	bool physical;		/* addresses are */
	bool over;		/* the client has taken its leave */
	unsigned int thread;	/* that registers and memory are asked of */
	unsigned int stopped;	/* that the last stop was about */
	unsigned int next;	/* byte of @packet that is looked at */
	size_t begun;		/* where in @out the packet began that is being made */
	size_t in_bytes, out_bytes, out_done, packet_bytes;
	char in[GDB_PACKET_MAX + 8];
	char packet[GDB_PACKET_MAX + 1];
	char out[GDB_OUT_MAX];
};

/* A new client. */
void gdb_init(struct gdb *g, const struct gdb_target *target, void *opaque);

/* How much more it may be given, and where to. */
size_t gdb_room(struct gdb *g, char **at);

/**
 * gdb_feed - what the client has sent
 * @g: the session
 * @bytes: that were put where gdb_room() has said; 0: what it was sent is sent, go on
 *
 * As long as there is output nothing more is looked at.
 */
void gdb_feed(struct gdb *g, size_t bytes);

/* Threads have stopped, because of @thread; @address: that was watched. */
void gdb_stopped(struct gdb *g, unsigned int thread, enum gdb_reason why, uint64_t address);

/* The target has ended. */
void gdb_exited(struct gdb *g, unsigned int status);

#endif
