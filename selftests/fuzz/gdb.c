// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on what a GDB sends. Whatever comes, the target is asked only about threads and
 * registers that it has, and the buffers hold what they can.
 *
 * needs: userspace/gdb.c userspace/gdb_resume.c
 * max-len: 8192
 *
 * Sums need not be right: the first packet turns them off.
 */
#include <stdlib.h>
#include <string.h>

#include "../../userspace/gdb.h"

#define THREADS		2u
#define REGISTERS	5u
#define MEMORY		4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t memory[MEMORY];
static struct gdb session;

static void check(bool ok)
{
	if (!ok)
		abort();
}

static unsigned int nr_threads(void *opaque)
{
	(void)opaque;
	return THREADS;
}

static unsigned int nr_registers(void *opaque)
{
	(void)opaque;
	return REGISTERS;
}

static const char *describe(void *opaque)
{
	(void)opaque;
	return "<target version=\"1.0\">#$*}</target>";
}

static void name(void *opaque, unsigned int thread, char *text, size_t room)
{
	(void)opaque;
	check(thread < THREADS);
	snprintf(text, room, "%u", thread);
}

static unsigned int get(void *opaque, unsigned int thread, unsigned int n, uint8_t *value)
{
	(void)opaque;
	check(thread < THREADS && n < REGISTERS);
	memset(value, n, GDB_REGISTER_MAX);
	return n == 3 ? 0 : 4 * n;
}

static bool set(void *opaque, unsigned int thread, unsigned int n, const uint8_t *value)
{
	(void)opaque;
	check(thread < THREADS && n < REGISTERS);
	memory[0] = value[0];
	return n;
}

static size_t read_memory(void *opaque, unsigned int thread, bool physical, uint64_t address,
			  void *data, size_t bytes)
{
	(void)opaque;
	(void)physical;
	check(thread < THREADS && bytes && bytes <= GDB_PACKET_MAX);
	if (address >= MEMORY)
		return 0;
	if (bytes > MEMORY - address)
		bytes = MEMORY - address;
	memcpy(data, memory + address, bytes);
	return bytes;
}

static bool write_memory(void *opaque, unsigned int thread, bool physical, uint64_t address,
			 const void *data, size_t bytes)
{
	(void)opaque;
	(void)physical;
	check(thread < THREADS && bytes && bytes <= GDB_PACKET_MAX);
	if (address >= MEMORY || bytes > MEMORY - address)
		return false;
	memcpy(memory + address, data, bytes);
	return true;
}

static bool insert(void *opaque, unsigned int thread, enum gdb_point kind, uint64_t address,
		   uint64_t bytes)
{
	(void)opaque;
	(void)bytes;
	check(thread < THREADS && kind <= GDB_ACCESS);
	return address & 1;
}

static void remove_point(void *opaque, enum gdb_point kind, uint64_t address, uint64_t bytes)
{
	(void)opaque;
	(void)address;
	(void)bytes;
	check(kind <= GDB_ACCESS);
}

static void resume(void *opaque, const enum gdb_action *actions)
{
	(void)opaque;
	check(actions[0] != GDB_STAY || actions[1] != GDB_STAY);
	if (actions[0] == GDB_STEP)
		gdb_stopped(&session, 0, GDB_STEPPED, 0);
}

static void interrupt(void *opaque)
{
	(void)opaque;
	check(session.running);
	gdb_stopped(&session, 1, GDB_INTERRUPTED, 0);
}

static void leave(void *opaque)
{
	(void)opaque;
	check(session.over);
}

static void monitor(void *opaque, unsigned int thread, const char *command, FILE *out)
{
	(void)opaque;
	check(thread < THREADS);
	for (size_t i = 0; i < strlen(command); i++)
		fputs(command, out);
}

static const struct gdb_target target = {
	.nr_threads = nr_threads, .nr_registers = nr_registers, .describe = describe,
	.name = name, .get = get, .set = set, .read = read_memory, .write = write_memory,
	.insert = insert, .remove = remove_point, .resume = resume, .interrupt = interrupt,
	.detach = leave, .kill = leave, .monitor = monitor,
};

/* The client takes what it is sent, in pieces of that many bytes. */
static void take(size_t piece)
{
	while (session.out_done < session.out_bytes) {
		size_t left = session.out_bytes - session.out_done;

		check(session.out_bytes <= sizeof(session.out));
		session.out_done += left < piece ? left : piece;
		gdb_feed(&session, 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char no_ack[] = "$QStartNoAckMode#b0";
	char *at;

	gdb_init(&session, &target, NULL);
	gdb_room(&session, &at);
	memcpy(at, no_ack, sizeof(no_ack) - 1);
	gdb_feed(&session, sizeof(no_ack) - 1);
	take(1000);
	while (size && !session.over) {
		size_t n = gdb_room(&session, &at);

		check(n);
		if (n > size)
			n = size;
		if (n > 1 + data[0] * 16u)
			n = 1 + data[0] * 16u;
		memcpy(at, data, n);
		gdb_feed(&session, n);
		data += n;
		size -= n;
		take(777);
	}
	return 0;
}
