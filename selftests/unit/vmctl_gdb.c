// SPDX-License-Identifier: GPL-2.0
// needs: userspace/gdb.c userspace/gdb_resume.c userspace/gdb_registers.c userspace/paging.c
/*
 * GDB's protocol between a client and a target that are played here, registers as GDB numbers them,
 * and the walk of a guest's page tables in each of their formats.
 */
#include <stdlib.h>
#include <string.h>

#include "../../userspace/gdb.h"
#include "../../userspace/gdb_registers.h"
#include "../../userspace/paging.h"
#include "tap.h"

/* ---- a target ---------------------------------------------------------------------------- */

#define THREADS	3u
#define MEMORY	0x4000u

static struct {
	uint8_t memory[MEMORY];
	uint8_t registers[THREADS][4][8];
	unsigned int resumed, interrupted, detached, killed, points;
	enum gdb_action actions[GDB_THREADS_MAX];
	bool physical;
	char monitored[64];
} t;

static unsigned int nr_threads(void *opaque)
{
	return THREADS;
}

static unsigned int nr_registers(void *opaque)
{
	return 4;
}

static const char *describe(void *opaque)
{
	return "<target>}*#$</target>";
}

static void name(void *opaque, unsigned int thread, char *text, size_t room)
{
	snprintf(text, room, "cpu %u", thread);
}

static unsigned int get(void *opaque, unsigned int thread, unsigned int n, uint8_t *value)
{
	memcpy(value, t.registers[thread][n], 8);
	return n == 3 ? 4 : 8;
}

static bool set(void *opaque, unsigned int thread, unsigned int n, const uint8_t *value)
{
	memcpy(t.registers[thread][n], value, n == 3 ? 4 : 8);
	return n != 2;
}

static size_t read_memory(void *opaque, unsigned int thread, bool physical, uint64_t address,
			  void *data, size_t bytes)
{
	t.physical = physical;
	if (address >= MEMORY)
		return 0;
	if (bytes > MEMORY - address)
		bytes = MEMORY - address;
	memcpy(data, t.memory + address, bytes);
	return bytes;
}

static bool write_memory(void *opaque, unsigned int thread, bool physical, uint64_t address,
			 const void *data, size_t bytes)
{
	if (address >= MEMORY || bytes > MEMORY - address)
		return false;
	memcpy(t.memory + address, data, bytes);
	return true;
}

static bool insert(void *opaque, unsigned int thread, enum gdb_point kind, uint64_t address,
		   uint64_t bytes)
{
	if (t.points == 2)
		return false;
	t.points++;
	return kind <= GDB_ACCESS;
}

static void remove_point(void *opaque, enum gdb_point kind, uint64_t address, uint64_t bytes)
{
	t.points--;
}

static void resume(void *opaque, const enum gdb_action *actions)
{
	t.resumed++;
	memcpy(t.actions, actions, sizeof(t.actions));
}

static struct gdb *g;

static void interrupt(void *opaque)
{
	t.interrupted++;
	gdb_stopped(g, 1, GDB_INTERRUPTED, 0);
}

static void detach(void *opaque)
{
	t.detached++;
}

static void kill_it(void *opaque)
{
	t.killed++;
}

static void monitor(void *opaque, unsigned int thread, const char *command, FILE *out)
{
	snprintf(t.monitored, sizeof(t.monitored), "%s", command);
	for (int i = 0; i < 100; i++)
		fprintf(out, "%099d\n", i);
}

static const struct gdb_target target = {
	.nr_threads = nr_threads, .nr_registers = nr_registers, .describe = describe,
	.name = name, .get = get, .set = set, .read = read_memory, .write = write_memory,
	.insert = insert, .remove = remove_point, .resume = resume, .interrupt = interrupt,
	.detach = detach, .kill = kill_it, .monitor = monitor,
};

/* ---- a client ---------------------------------------------------------------------------- */

static char answer[GDB_OUT_MAX + 1];

/* Bytes as they are; what comes back is in answer[]. */
static const char *raw(const char *bytes, size_t nr)
{
	char *at;

	answer[0] = '\0';
	if (nr > gdb_room(g, &at))
		nr = gdb_room(g, &at);
	memcpy(at, bytes, nr);
	gdb_feed(g, nr);
	memcpy(answer, g->out, g->out_bytes);
	answer[g->out_bytes] = '\0';
	g->out_done = g->out_bytes;
	gdb_feed(g, 0);
	return answer;
}

/* A packet with its frame; the answer without its own, and without the acknowledgement. */
static const char *packet_of(const char *text, size_t len)
{
	static char frame[2 * GDB_PACKET_MAX];
	uint8_t sum = 0;
	char *end;

	for (size_t i = 0; i < len; i++)
		sum += text[i];
	frame[0] = '$';
	memcpy(frame + 1, text, len);
	sprintf(frame + 1 + len, "#%02x", sum);
	raw(frame, len + 4);
	end = strrchr(answer, '#');
	if (!end)
		return answer;
	*end = '\0';
	return answer + (answer[0] == '+' ? 2 : 1);
}

static const char *packet(const char *text)
{
	return packet_of(text, strlen(text));
}

static void start(void)
{
	memset(&t, 0, sizeof(t));
	for (unsigned int i = 0; i < MEMORY; i++)
		t.memory[i] = i;
	gdb_init(g, &target, NULL);
}

#define IS(text, expected) ksft_test_result(!strcmp(packet(text), expected), "%.60s\n", text)

static void test_framing(void)
{
	start();
	ksft_test_result(!strcmp(raw("+$qC#b4", 7), "+$QC1#c5"), "a packet is acknowledged\n");
	ksft_test_result(!strcmp(raw("$qC#b5", 6), "-"), "one with a wrong sum is not\n");
	ksft_test_result(!strcmp(raw("$q", 2), "") && !strcmp(raw("C#b", 3), "") &&
			 !strcmp(raw("4", 1), "+$QC1#c5"), "packets come in pieces\n");
	ksft_test_result(!strcmp(packet("QStartNoAckMode"), "OK") &&
			 !strcmp(raw("$qC#00", 6), "$QC1#c5"), "without acknowledgements\n");
	ksft_test_result(!strcmp(raw("noise\003+-$qC#00", 14), "$QC1#c5"), "noise is skipped\n");
	ksft_test_result(!strcmp(packet(""), "") && !strcmp(packet("vMustReplyEmpty"), ""),
			 "what is unknown gets the empty answer\n");
}

static void test_registers(void)
{
	start();
	memcpy(t.registers[0][0], "\1\2\3\4\5\6\7\10", 8);
	IS("g", "01020304050607080000000000000000000000000000000000000000");
	IS("p0", "0102030405060708");
	IS("P3=aabbccdd", "OK");
	IS("p3", "aabbccdd");
	IS("P3=aabbcc", "E01");
	IS("P3=aabbccddee", "E01");
	IS("P2=0000000000000000", "E01");
	IS("p4", "E01");
	IS("G1112131415161718", "OK");
	IS("p0", "1112131415161718");
	IS("Hg2", "OK");
	IS("p0", "0000000000000000");
	IS("Hg4", "E01");
	IS("T3", "OK");
	IS("T4", "E01");
}

static void test_memory(void)
{
	static const char binary[] = "X10,4:}\003}\004\0~";

	start();
	IS("m10,4", "10111213");
	IS("m3ffe,10", "feff");
	IS("m4000,1", "E01");
	IS("mffffffffffffffff,1", "E01");
	IS("m11111111111111111,1", "E01");
	IS("m10", "E01");
	IS("m10,0", "E01");
	IS("M10,2:abcd", "OK");
	IS("m10,2", "abcd");
	IS("M10,2:abc", "E01");
	IS("M10,2:abcdef", "E01");
	IS("M3fff,2:abcd", "E01");
	ksft_test_result(!strcmp(packet_of(binary, sizeof(binary) - 1), "OK") &&
			 !memcmp(t.memory + 0x10, "#$\0~", 4), "X with escapes\n");
	IS("X0,5:ab", "E01");
	IS("x10,2", "b}\003}\004");
	ksft_test_result(strlen(packet("m0,ffffffff")) <= GDB_PACKET_MAX,
			 "no longer than PacketSize\n");
	IS("Qqemu.PhyMemMode:1", "OK");
	ksft_test_result(packet("m0,1") && t.physical, "physical memory\n");
	IS("Z0,10,1", "OK");
	IS("Z2,10,4", "OK");
	IS("Z1,10,1", "E01");
	IS("z2,10,4", "OK");
	IS("Z5,10,1", "");
	IS("Z0,10", "E01");
}

static void test_questions(void)
{
	start();
	ksft_test_result(strstr(packet("qSupported:swbreak+"), "qXfer:features:read+"),
			 "qSupported\n");
	IS("qfThreadInfo", "m1,2,3");
	IS("qsThreadInfo", "l");
	IS("qThreadExtraInfo,2", "6370752031");
	IS("qThreadExtraInfo,-1", "E01");
	IS("qXfer:features:read:target.xml:0,4", "m<tar");
	IS("qXfer:features:read:target.xml:8,100", "l}]}\n}\003}\004</target>");
	IS("qXfer:features:read:target.xml:16,100", "E01");
	IS("qXfer:features:read:other.xml:0,4", "");
	IS("vCont?", "vCont;c;C;s;S");
	IS("?", "T05thread:1;");
}

static void test_monitor(void)
{
	const char *p;
	unsigned int packets = 0;

	start();
	packet("qRcmd,6162");
	for (p = answer; (p = strstr(p, "$O")); p++)
		packets++;
	ksft_test_result(!strcmp(t.monitored, "ab"), "monitor\n");
	ksft_test_result(packets == 11, "what it prints, in %u packets\n", packets);
	IS("qRcmd,616", "E01");
}

static void test_resume(void)
{
	start();
	packet("vCont;s:2;c");
	ksft_test_result(t.resumed == 1 && g->running && t.actions[0] == GDB_CONTINUE &&
			 t.actions[1] == GDB_STEP && t.actions[2] == GDB_CONTINUE,
			 "one steps, the others run\n");
	ksft_test_result(strstr(raw("\003", 1), "T02thread:2;") && t.interrupted == 1 &&
			 !g->running, "Ctrl-C\n");
	packet("vCont;c:1");
	ksft_test_result(t.actions[0] == GDB_CONTINUE && t.actions[1] == GDB_STAY, "one runs\n");
	g->out_bytes = 0;
	gdb_stopped(g, 0, GDB_WATCHED, 0xabc);
	ksft_test_result(strstr(g->out, "T05thread:1;watch:abc;#"), "a watchpoint\n");
	g->out_done = g->out_bytes;
	gdb_feed(g, 0);
	IS("vCont;t:1", "E01");
	IS("vCont;c:9", "E01");
	IS("vCont;x", "E01");
	IS("vCont", "E01");
	packet("s");
	ksft_test_result(t.actions[0] == GDB_STEP && t.actions[1] == GDB_STAY, "s\n");
	raw("$m0,1#fa", 8);
	ksft_test_result(t.interrupted == 2, "a client that speaks meanwhile stops it\n");
	raw("", 0);
	IS("D", "OK");
	ksft_test_result(t.detached == 1 && g->over, "detach\n");
	start();
	packet("k");
	ksft_test_result(t.killed == 1 && g->over, "kill\n");
	start();
	gdb_exited(g, 3);
	ksft_test_result(strstr(g->out, "$W03#"), "the end\n");
}

/* Who does not read gets no more than one answer, and what is too long is nothing. */
static void test_hostile(void)
{
	static char much[2 * GDB_PACKET_MAX];
	size_t before;
	char *at;

	start();
	gdb_room(g, &at);
	memcpy(at, "$m0,10#2a", 9);
	gdb_feed(g, 9);
	before = g->out_bytes;
	for (int i = 0; i < 1000; i++) {
		size_t room = gdb_room(g, &at);

		if (room < 9)
			break;
		memcpy(at, "$m0,10#2a", 9);
		gdb_feed(g, 9);
	}
	ksft_test_result(before && g->out_bytes == before, "answers do not pile up\n");
	start();
	memset(much, 'm', sizeof(much));
	much[0] = '$';
	raw(much, sizeof(much));
	ksft_test_result(gdb_room(g, &at) == sizeof(g->in), "a packet without end is dropped\n");
	IS("qC", "QC1");
}

/* ---- registers --------------------------------------------------------------------------- */

static struct {
	struct svmm_vcpu_page page __attribute__((aligned(4096)));
	uint8_t xsave[4096] __attribute__((aligned(4096)));
} area;

static bool keeps(unsigned int n)
{
	uint8_t in[16], out[16], again[16];
	unsigned int bytes = gdb_register_get(&area.page, n, out);

	for (unsigned int i = 0; i < 16; i++)
		in[i] = 0x11 * (i + 1) + n;
	memset(out, 0, sizeof(out));
	if (!gdb_register_set(&area.page, n, in))
		return true;		/* it cannot be written */
	gdb_register_get(&area.page, n, out);
	gdb_register_set(&area.page, n, out);
	return bytes && bytes == gdb_register_get(&area.page, n, again) &&
	       !memcmp(out, again, bytes) && (n == 34 || !memcmp(in, out, 2));
}

static void test_registers_of_page(void)
{
	const char *p = gdb_registers_xml();
	unsigned int nr = 0, bad = 0, n;
	uint8_t value[16];

	for (; (p = strstr(p, "<reg ")); p++)
		nr++;
	ksft_test_result(nr == gdb_registers_nr() && nr > 60, "%u registers are described\n", nr);
	ksft_test_result(strstr(gdb_registers_xml(), "</feature></target>"), "to the end\n");
	area.page.xsave_offset = 4096;
	for (n = 0; n < nr; n++)
		bad += !keeps(n);
	ksft_test_result(!bad, "each keeps its value\n");
	area.page.gpr.rip = 0x1122334455667788;
	ksft_test_result(gdb_register_get(&area.page, 16, value) == 8 && value[0] == 0x88 &&
			 value[7] == 0x11, "RIP is number 16\n");
	ksft_test_result(!gdb_register_get(&area.page, nr, value), "and no more\n");
	area.xsave[4] = 0x81;
	gdb_register_get(&area.page, 34, value);
	ksft_test_result(value[0] == 0xfc && value[1] == 0x3f, "the x87's tags\n");
	ksft_test_result(area.xsave[512] == 3, "XRSTOR is to load what was written\n");
}

/* ---- page tables ------------------------------------------------------------------------- */

static uint8_t ram[0x10000];

static bool read_ram(void *opaque, uint64_t gpa, void *data, size_t bytes)
{
	if (gpa >= sizeof(ram) || bytes > sizeof(ram) - gpa)
		return false;
	memcpy(data, ram + gpa, bytes);
	return true;
}

static void entry(uint64_t at, uint64_t value, size_t bytes)
{
	memcpy(ram + at, &value, bytes);
}

static void leads(const char *what, const struct svmm_crs *cr, uint64_t linear, unsigned int nr,
		  bool mapped, uint64_t gpa, uint64_t page)
{
	struct paging_walk w;

	paging_walk(cr, linear, read_ram, NULL, &w);
	ksft_test_result(w.nr == nr && w.mapped == mapped &&
			 (!mapped || (w.gpa == gpa && w.page == page)), "%s\n", what);
}

static void test_paging(void)
{
	const uint64_t pg = 1ull << 31, pae = 1u << 5, pse = 1u << 4, lma = 1u << 10;
	struct svmm_crs cr = { .cr3 = 0x1000 };

	leads("no paging", &cr, 0x100001234, 0, true, 0x1234, 4096);
	/* 32 bits */
	cr.cr0 = pg;
	entry(0x1000 + 4 * 2, 0x2001, 4);
	entry(0x2000 + 4 * 3, 0x5001, 4);
	entry(0x1000 + 4 * 4, 0x00c02081, 4);	/* bit 7, and bit 13 for PSE-36 */
	leads("32-bit tables", &cr, 0x00803456, 2, true, 0x5456, 4096);
	leads("not present", &cr, 0x00804456, 2, false, 0, 0);
	cr.cr4 = pse;
	leads("4 MiB, above 4 GiB", &cr, 0x01123456, 1, true, 0x100d23456, 1 << 22);
	/* PAE: the root is 32 bytes, at a multiple of that */
	memset(ram, 0, sizeof(ram));
	cr.cr4 = pae;
	cr.cr3 = 0x1020;
	entry(0x1020 + 8 * 1, 0x2001, 8);
	entry(0x2000 + 8 * 2, 0x3001, 8);
	entry(0x3000 + 8 * 3, 0x8000000012345001, 8);
	entry(0x2000 + 8 * 3, 0x7600081, 8);
	leads("PAE", &cr, 0x40403abc, 3, true, 0x12345abc, 4096);
	leads("PAE, 2 MiB", &cr, 0x40612345, 2, true, 0x7612345, 1 << 21);
	/* Four levels, of which the last three can be pages, and five */
	memset(ram, 0, sizeof(ram));
	cr.cr3 = 0x1000;
	cr.efer = lma;
	entry(0x1000 + 8 * 511, 0x2001, 8);
	entry(0x2000 + 8 * 510, 0x3001, 8);
	entry(0x2000 + 8 * 511, 0xc0000081, 8);
	entry(0x3000 + 8 * 8, 0x4001, 8);
	entry(0x4000 + 8 * 1, 0x9001, 8);
	leads("long mode", &cr, 0xffffffff81001fff, 4, true, 0x9fff, 4096);
	leads("1 GiB", &cr, 0xffffffffc1234567, 2, true, 0xc1234567, 1 << 30);
	leads("an entry where no memory is", &cr, 0, 1, false, 0, 0);
	cr.cr3 = 0x6000;
	cr.cr4 = pae | 1u << 12;
	entry(0x6000 + 8 * 511, 0x1001, 8);
	leads("five levels", &cr, 0xffffffff81001fff, 5, true, 0x9fff, 4096);
	cr.cr3 = 0xffffffff000;
	leads("tables beyond memory", &cr, 0x1234, 1, false, 0, 0);
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(94);
	g = calloc(1, sizeof(*g));
	test_framing();
	test_registers();
	test_memory();
	test_questions();
	test_monitor();
	test_resume();
	test_hostile();
	test_registers_of_page();
	test_paging();
	free(g);
	ksft_finished();
}
