// SPDX-License-Identifier: GPL-2.0
/*
 * GDB's remote serial protocol: framing, and the packets that do not run anything (gdb_resume.c has
 * those that do).
 *
 * The client is hostile: a packet is of bounded size, is looked at when the answer to the last one
 * has gone, and whatever it says that is not understood gets the empty answer, as the protocol has
 * it, or E01.
 */
#include <stdlib.h>
#include <string.h>

#include "gdb_packet.h"

#define READ_MAX	(GDB_PACKET_MAX / 2 - 8)	/* bytes of memory in an answer */
#define MONITOR_MAX	(GDB_OUT_MAX / 4)
#define O_PACKET	1024u				/* bytes of text in one */

/* The packet, from its @next byte on */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool gdb_take(struct gdb *g, const char *text)
{
	size_t len = strlen(text);

	if (g->packet_bytes - g->next < len || memcmp(g->packet + g->next, text, len))
		return false;
	g->next += len;
	return true;
}

bool gdb_at_end(const struct gdb *g)
{
	return g->next == g->packet_bytes;
}

bool gdb_take_number(struct gdb *g, uint64_t *value)
{
	unsigned int digits = 0;
	int d;

	for (*value = 0; (d = digit(g->packet[g->next])) >= 0; g->next++, digits++) {
		if (digits == 16)
			return false;
		*value = *value << 4 | d;
	}
	return digits;
}

/* Bytes as two digits each.  Return: whether that is all that is left. */
static bool take_hex(struct gdb *g, uint8_t *data, size_t bytes)
{
	if (g->packet_bytes - g->next != 2 * bytes)
		return false;
	for (size_t i = 0; i < bytes; i++, g->next += 2) {
		int high = digit(g->packet[g->next]), low = digit(g->packet[g->next + 1]);

		if (high < 0 || low < 0)
			return false;
		data[i] = high << 4 | low;
	}
	return true;
}

bool gdb_take_thread(struct gdb *g, int *thread)
{
	uint64_t n;

	if (gdb_take(g, "-1")) {
		*thread = GDB_ALL_THREADS;
		return true;
	}
	if (!gdb_take_number(g, &n) || n > g->target->nr_threads(g->opaque))
		return false;
	*thread = (int)n - 1;
	return true;
}

/* Answers.  What does not fit is cut off, and cannot be: GDB_OUT_MAX is for the largest one. */

static void put(struct gdb *g, char c)
{
	if (g->out_bytes < sizeof(g->out))
		g->out[g->out_bytes++] = c;
}

void gdb_begin(struct gdb *g)
{
	put(g, '$');
	g->begun = g->out_bytes;
}

void gdb_end(struct gdb *g)
{
	uint8_t sum = 0;
	char text[4];

	for (size_t i = g->begun; i < g->out_bytes; i++)
		sum += g->out[i];
	snprintf(text, sizeof(text), "#%02x", sum);
	gdb_text(g, text);
}

void gdb_text(struct gdb *g, const char *text)
{
	while (*text)
		put(g, *text++);
}

void gdb_hex(struct gdb *g, const void *data, size_t bytes)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < bytes; i++) {
		put(g, "0123456789abcdef"[p[i] >> 4]);
		put(g, "0123456789abcdef"[p[i] & 15]);
	}
}

static void put_binary(struct gdb *g, const void *data, size_t bytes)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < bytes; i++) {
		if (strchr("#$}*", p[i]) && p[i]) {
			put(g, '}');
			put(g, p[i] ^ 0x20);
		} else {
			put(g, p[i]);
		}
	}
}

void gdb_answer(struct gdb *g, const char *text)
{
	gdb_begin(g);
	gdb_text(g, text);
	gdb_end(g);
}

static void answer_ok(struct gdb *g, bool ok)
{
	gdb_answer(g, ok ? "OK" : "E01");
}

/* Registers */

static void put_register(struct gdb *g, unsigned int n)
{
	uint8_t value[GDB_REGISTER_MAX];

	gdb_hex(g, value, g->target->get(g->opaque, g->thread, n, value));
}

static void read_registers(struct gdb *g)
{
	unsigned int nr = g->target->nr_registers(g->opaque);

	gdb_begin(g);
	for (unsigned int n = 0; n < nr; n++)
		put_register(g, n);
	gdb_end(g);
}

/* Return: whether the register is there and has taken what comes next in the packet. */
static bool write_register(struct gdb *g, unsigned int n)
{
	uint8_t value[GDB_REGISTER_MAX];
	size_t end = g->packet_bytes;
	unsigned int bytes = g->target->get(g->opaque, g->thread, n, value);
	bool ok;

	if (!bytes || end - g->next < 2 * bytes)
		return false;
	g->packet_bytes = g->next + 2 * bytes;
	ok = take_hex(g, value, bytes);
	g->packet_bytes = end;
	return ok && g->target->set(g->opaque, g->thread, n, value);
}

static void write_registers(struct gdb *g)
{
	unsigned int nr = g->target->nr_registers(g->opaque);
	bool ok = true;

	for (unsigned int n = 0; ok && n < nr && !gdb_at_end(g); n++)
		ok = write_register(g, n);
	answer_ok(g, ok && gdb_at_end(g));
}

static void one_register(struct gdb *g, bool write)
{
	uint64_t n;

	if (!gdb_take_number(g, &n) || n >= g->target->nr_registers(g->opaque)) {
		answer_ok(g, false);
	} else if (write) {
		answer_ok(g, gdb_take(g, "=") && write_register(g, n) && gdb_at_end(g));
	} else {
		gdb_begin(g);
		put_register(g, n);
		gdb_end(g);
	}
}

/* Memory */

static bool take_range(struct gdb *g, uint64_t *address, uint64_t *bytes)
{
	return gdb_take_number(g, address) && gdb_take(g, ",") && gdb_take_number(g, bytes);
}

static void read_memory(struct gdb *g, bool binary)
{
	uint8_t data[READ_MAX];
	uint64_t address, bytes;

	if (!take_range(g, &address, &bytes) || !gdb_at_end(g)) {
		answer_ok(g, false);
		return;
	}
	if (bytes > sizeof(data))
		bytes = sizeof(data);
	if (bytes)
		bytes = g->target->read(g->opaque, g->thread, g->physical, address, data, bytes);
	if (!bytes) {
		answer_ok(g, false);
		return;
	}
	gdb_begin(g);
	if (binary) {
		put(g, 'b');
		put_binary(g, data, bytes);
	} else {
		gdb_hex(g, data, bytes);
	}
	gdb_end(g);
}

/* Bytes as they are, but for some that are "}" and themselves, changed. */
static bool take_binary(struct gdb *g, uint8_t *data, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		bool escaped = gdb_take(g, "}");

		if (gdb_at_end(g))
			return false;
		data[i] = g->packet[g->next++] ^ (escaped ? 0x20 : 0);
	}
	return gdb_at_end(g);
}

static void write_memory(struct gdb *g, bool binary)
{
	uint8_t data[GDB_PACKET_MAX];
	uint64_t address, bytes;
	bool ok;

	ok = take_range(g, &address, &bytes) && gdb_take(g, ":") && bytes <= sizeof(data) &&
	     (binary ? take_binary(g, data, bytes) : take_hex(g, data, bytes));
	if (ok && bytes)
		ok = g->target->write(g->opaque, g->thread, g->physical, address, data, bytes);
	answer_ok(g, ok);
}

static void change_point(struct gdb *g, bool insert)
{
	uint64_t kind, address, bytes;
	bool ok = true;

	if (!gdb_take_number(g, &kind) || kind > GDB_ACCESS) {
		gdb_answer(g, "");
		return;
	}
	if (!gdb_take(g, ",") || !take_range(g, &address, &bytes) || !gdb_at_end(g)) {
		answer_ok(g, false);
		return;
	}
	if (insert)
		ok = g->target->insert(g->opaque, g->thread, kind, address, bytes);
	else
		g->target->remove(g->opaque, kind, address, bytes);
	answer_ok(g, ok);
}

/* Questions */

static void describe(struct gdb *g)
{
	const char *text = g->target->describe(g->opaque);
	uint64_t offset, bytes, len = strlen(text);

	if (!take_range(g, &offset, &bytes) || offset > len) {
		answer_ok(g, false);
		return;
	}
	if (bytes > READ_MAX)
		bytes = READ_MAX;
	gdb_begin(g);
	if (bytes >= len - offset) {
		bytes = len - offset;
		put(g, 'l');
	} else {
		put(g, 'm');
	}
	put_binary(g, text + offset, bytes);
	gdb_end(g);
}

static void list_threads(struct gdb *g)
{
	unsigned int nr = g->target->nr_threads(g->opaque);
	char text[16];

	gdb_begin(g);
	for (unsigned int i = 0; i < nr; i++) {
		snprintf(text, sizeof(text), "%c%x", i ? ',' : 'm', i + 1);
		gdb_text(g, text);
	}
	gdb_end(g);
}

static void name_thread(struct gdb *g)
{
	char text[64] = "";
	int thread;

	if (!gdb_take_thread(g, &thread) || thread < 0) {
		answer_ok(g, false);
		return;
	}
	g->target->name(g->opaque, thread, text, sizeof(text));
	gdb_begin(g);
	gdb_hex(g, text, strlen(text));
	gdb_end(g);
}

/* What is printed goes as text, in packets of its own. */
static void monitor(struct gdb *g)
{
	char command[GDB_PACKET_MAX / 2 + 1], *text;
	size_t bytes = (g->packet_bytes - g->next) / 2;
	FILE *out;

	if (!take_hex(g, (uint8_t *)command, bytes)) {
		answer_ok(g, false);
		return;
	}
	command[bytes] = '\0';
	text = calloc(1, MONITOR_MAX);
	out = text ? fmemopen(text, MONITOR_MAX, "w") : NULL;
	if (out) {
		g->target->monitor(g->opaque, g->thread, command, out);
		fclose(out);
		bytes = strnlen(text, MONITOR_MAX);
	}
	for (size_t done = 0, n; out && done < bytes; done += n) {
		n = bytes - done < O_PACKET ? bytes - done : O_PACKET;
		gdb_begin(g);
		put(g, 'O');
		gdb_hex(g, text + done, n);
		gdb_end(g);
	}
	free(text);
	answer_ok(g, out);
}

static void query(struct gdb *g)
{
	char text[128];

	if (gdb_take(g, "Supported")) {
		snprintf(text, sizeof(text), "PacketSize=%x;qXfer:features:read+;vContSupported+;"
			 "QStartNoAckMode+;swbreak+;hwbreak+", GDB_PACKET_MAX);
		gdb_answer(g, text);
	} else if (gdb_take(g, "Xfer:features:read:target.xml:")) {
		describe(g);
	} else if (gdb_take(g, "fThreadInfo")) {
		list_threads(g);
	} else if (gdb_take(g, "sThreadInfo")) {
		gdb_answer(g, "l");
	} else if (gdb_take(g, "ThreadExtraInfo,")) {
		name_thread(g);
	} else if (gdb_take(g, "Attached")) {
		gdb_answer(g, "1");
	} else if (gdb_take(g, "Rcmd,")) {
		monitor(g);
	} else if (gdb_take(g, "qemu.PhyMemMode")) {
		gdb_answer(g, g->physical ? "1" : "0");
	} else if (gdb_take(g, "qemu.Supported")) {
		gdb_answer(g, "PhyMemMode");
	} else if (gdb_take(g, "C") && gdb_at_end(g)) {
		snprintf(text, sizeof(text), "QC%x", g->thread + 1);
		gdb_answer(g, text);
	} else {
		gdb_answer(g, "");
	}
}

static void set_mode(struct gdb *g)
{
	uint64_t on;

	if (gdb_take(g, "StartNoAckMode")) {
		g->no_ack = true;
		answer_ok(g, true);
	} else if (gdb_take(g, "qemu.PhyMemMode:")) {
		if (!gdb_take_number(g, &on) || on > 1) {
			answer_ok(g, false);
			return;
		}
		g->physical = on;
		answer_ok(g, true);
	} else {
		gdb_answer(g, "");
	}
}

/* Hg: of which thread is asked; Hc has been replaced by vCont. */
static void choose_thread(struct gdb *g)
{
	bool general = gdb_take(g, "g");
	int thread;

	if ((!general && !gdb_take(g, "c")) || !gdb_take_thread(g, &thread)) {
		answer_ok(g, false);
		return;
	}
	if (general && thread >= 0)
		g->thread = thread;
	answer_ok(g, true);
}

static void is_alive(struct gdb *g)
{
	int thread;

	answer_ok(g, gdb_take_thread(g, &thread) && thread >= 0);
}

static void leave(struct gdb *g, bool kill)
{
	if (!kill)
		answer_ok(g, true);
	g->over = true;
	if (kill)
		g->target->kill(g->opaque);
	else
		g->target->detach(g->opaque);
}

static void look_at_packet(struct gdb *g)
{
	char c = g->packet[0];

	g->next = 1;
	switch (g->packet_bytes ? c : '\0') {
	case '?':
		gdb_stopped(g, g->stopped, GDB_STEPPED, 0);
		break;
	case 'g':
		read_registers(g);
		break;
	case 'G':
		write_registers(g);
		break;
	case 'p':
	case 'P':
		one_register(g, c == 'P');
		break;
	case 'm':
	case 'x':
		read_memory(g, c == 'x');
		break;
	case 'M':
	case 'X':
		write_memory(g, c == 'X');
		break;
	case 'Z':
	case 'z':
		change_point(g, c == 'Z');
		break;
	case 'q':
		query(g);
		break;
	case 'Q':
		set_mode(g);
		break;
	case 'H':
		choose_thread(g);
		break;
	case 'T':
		is_alive(g);
		break;
	case 'D':
	case 'k':
		leave(g, c == 'k');
		break;
	default:
		g->next = 0;
		if (!gdb_resume_packet(g))
			gdb_answer(g, "");
	}
}

/* Framing */

size_t gdb_room(struct gdb *g, char **at)
{
	*at = g->in + g->in_bytes;
	return sizeof(g->in) - g->in_bytes;
}

static void drop(struct gdb *g, size_t bytes)
{
	g->in_bytes -= bytes;
	memmove(g->in, g->in + bytes, g->in_bytes);
}

/* "$...#xx" at the start of @in.  Return: its bytes, or 0: it is not all there. */
static size_t find_packet(const struct gdb *g)
{
	const char *end = memchr(g->in, '#', g->in_bytes);

	if (!end || g->in + g->in_bytes - end < 3)
		return 0;
	return end + 3 - g->in;
}

/* Return: whether the sum is right, or nobody cares. */
static bool take_packet(struct gdb *g, size_t bytes)
{
	int sum = digit(g->in[bytes - 2]) << 4 | digit(g->in[bytes - 1]);
	uint8_t is = 0;

	g->packet_bytes = bytes - 4;
	memcpy(g->packet, g->in + 1, g->packet_bytes);
	g->packet[g->packet_bytes] = '\0';
	for (size_t i = 0; i < g->packet_bytes; i++)
		is += g->packet[i];
	drop(g, bytes);
	return g->no_ack || sum == is;
}

static void handle(struct gdb *g, size_t bytes)
{
	bool acks = !g->no_ack, right = take_packet(g, bytes);

	if (acks)
		put(g, right ? '+' : '-');
	if (right)
		look_at_packet(g);
}

void gdb_feed(struct gdb *g, size_t bytes)
{
	g->in_bytes += bytes;
	if (g->out_done < g->out_bytes)
		return;
	g->out_done = 0;
	g->out_bytes = 0;
	while (g->in_bytes && !g->out_bytes && !g->over) {
		size_t packet;

		/* While threads run, a client that speaks wants them to stop. */
		if (g->running && (*g->in == '$' || *g->in == 0x03)) {
			if (*g->in == 0x03)
				drop(g, 1);
			g->target->interrupt(g->opaque);
			return;
		}
		if (*g->in != '$') {
			drop(g, 1);	/* acknowledgements, a Ctrl-C that was late, noise */
			continue;
		}
		packet = find_packet(g);
		if (packet) {
			handle(g, packet);
			continue;
		}
		if (g->in_bytes < sizeof(g->in))
			return;
		drop(g, g->in_bytes);	/* longer than PacketSize */
	}
}

void gdb_init(struct gdb *g, const struct gdb_target *target, void *opaque)
{
	memset(g, 0, sizeof(*g));
	g->target = target;
	g->opaque = opaque;
}
