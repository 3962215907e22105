// SPDX-License-Identifier: GPL-2.0
/*
 * Port accesses: sizes, values, register halves; string instructions against
 * what the architecture says about RSI, RDI, RCX and memory, for any split into
 * exits that the module chooses.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <string.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define PORT	0x1234
#define MAX	16384

/* The device: remembers output, gives 1, 2, 3 ... as input. */
static struct {
	uint8_t out[MAX];
	unsigned int nr_out;
	uint8_t next_in;
	unsigned int nr_in, elements, exits;
	unsigned int bytes;
} dev;

static void string_device(struct vmt *v, struct vmt_io *io)
{
	unsigned int n = io->bytes * io->count;

	dev.exits++;
	dev.elements += io->count;
	dev.bytes = io->bytes;
	if (io->port != PORT || !io->count || n > PAGE_SIZE)
		vmt_die(v, "port %#x, %u x %u bytes", io->port, io->count, io->bytes);
	if (io->in) {
		for (unsigned int i = 0; i < n; i++)
			((uint8_t *)io->data)[i] = ++dev.next_in;
		dev.nr_in += n;
	} else {
		if (dev.nr_out + n > MAX)
			vmt_die(v, "too much output");
		memcpy(dev.out + dev.nr_out, io->data, n);
		dev.nr_out += n;
	}
}

FIXTURE(io) {
	struct vmt v;
};

FIXTURE_SETUP(io)
{
	vmt_open(&self->v);
	vmt_load(&self->v, "io");
	self->v.on_io = string_device;
	memset(&dev, 0, sizeof(dev));
}

FIXTURE_TEARDOWN(io)
{
	vmt_close(&self->v);
}

struct access {
	uint16_t port;
	uint8_t bytes;
	uint32_t value;
};

static const struct access outs[] = {
	{ 0x21, 1, 0x88 }, { 0x22, 2, 0x7788 }, { 0x24, 4, 0x55667788 },
	{ PORT, 1, 0x88 }, { PORT, 2, 0x7788 }, { PORT, 4, 0x55667788 }, { 0xffff, 1, 0x88 },
};

static struct access seen[32];
static unsigned int nr_seen;

static void single_device(struct vmt *v, struct vmt_io *io)
{
	uint32_t value = 0;

	if (io->count != 1 || nr_seen == 32)
		vmt_die(v, "%u elements, access %u", io->count, nr_seen);
	if (io->in) {
		value = 0xa1b2c3d4;
		memcpy(io->data, &value, io->bytes);
	}
	memcpy(&value, io->data, io->bytes);
	seen[nr_seen++] = (struct access){ io->port, io->bytes, value };
}

TEST_F(io, single)
{
	struct vmt *v = &self->v;

	v->on_io = single_device;
	nr_seen = 0;
	vmt_start(v, "single");
	vmt_done(v);
	ASSERT_EQ(13, nr_seen);
	for (size_t i = 0; i < 7; i++) {
		EXPECT_EQ(outs[i].port, seen[i].port);
		EXPECT_EQ(outs[i].bytes, seen[i].bytes);
		EXPECT_EQ(outs[i].value, seen[i].value);
	}
	for (size_t i = 0; i < 6; i++) {
		EXPECT_EQ(outs[i].port, seen[7 + i].port);
		EXPECT_EQ(outs[i].bytes, seen[7 + i].bytes);
	}
	/* 8 and 16 bits keep the rest of RAX, 32 bits clear the upper half. */
	for (int i = 0; i < 6; i += 3) {
		EXPECT_EQ(0xffffffffffffffd4, vmt_res(v, i));
		EXPECT_EQ(0xffffffffffffc3d4, vmt_res(v, i + 1));
		EXPECT_EQ(0xa1b2c3d4, vmt_res(v, i + 2));
	}
	EXPECT_EQ(PORT, vmt_res(v, 6));
}

TEST_F(io, single_real_mode)
{
	struct vmt *v = &self->v;

	v->on_io = single_device;
	nr_seen = 0;
	vmt_start(v, "single16");
	vmt_done(v);
	ASSERT_EQ(7, nr_seen);
	for (size_t i = 0; i < 7; i++) {
		EXPECT_EQ(outs[i].port, seen[i].port);
		EXPECT_EQ(outs[i].bytes, seen[i].bytes);
		EXPECT_EQ(outs[i].value, seen[i].value);
	}
}

/* Run a string guest and hold registers, memory and port data against the architecture. */
static void check_string(struct __test_metadata *_metadata, struct vmt *v, const char *entry,
			 bool in, unsigned int bytes, bool rep, uint64_t start, uint64_t count,
			 bool down)
{
	uint64_t n = rep ? count : 1;
	int64_t step = down ? -(int64_t)bytes : (int64_t)bytes;
	uint8_t before[3 * PAGE_SIZE];

	memset(&dev, 0, sizeof(dev));
	for (unsigned int i = 0; i < 4 * PAGE_SIZE; i++)
		v->ram[G_PAGED + i] = i * 7 + (i >> 8);
	memcpy(before, v->ram + G_PAGED, sizeof(before));
	vmt_start(v, entry);
	vmt_arg(v, 0) = in ? 0x1111 : start;
	vmt_arg(v, 1) = in ? start : 0x2222;
	vmt_arg(v, 2) = count;
	vmt_arg(v, 3) = down;
	vmt_done(v);

	EXPECT_EQ(in ? 0x1111 : start + n * step, vmt_res(v, 0));
	EXPECT_EQ(in ? start + n * step : 0x2222, vmt_res(v, 1));
	EXPECT_EQ(rep ? 0 : count, vmt_res(v, 2));
	EXPECT_EQ(n, dev.elements);
	EXPECT_EQ(n * bytes, in ? dev.nr_in : dev.nr_out);
	if (n)
		EXPECT_EQ(bytes, dev.bytes);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t at = start + i * step - G_PAGED;

		if (in) {
			for (unsigned int b = 0; b < bytes; b++)
				before[at + b] = i * bytes + b + 1;
		} else {
			ASSERT_EQ(0, memcmp(dev.out + i * bytes, before + at, bytes)) {
				TH_LOG("%s: element %llu", entry, (unsigned long long)i);
			}
		}
	}
	/* Input is where it belongs, and nowhere else. */
	EXPECT_EQ(0, memcmp(before, v->ram + G_PAGED, sizeof(before)));
	if (_metadata->trigger || !_metadata->passed)
		TH_LOG("%s, start %#llx, count %llu, %s", entry, (unsigned long long)start,
		       (unsigned long long)count, down ? "down" : "up");
}

static const struct {
	const char *one, *rep;
	bool in;
	unsigned int bytes;
} forms[] = {
	{ "insb1", "rep_insb", true, 1 }, { "insw1", "rep_insw", true, 2 },
	{ "insl1", "rep_insl", true, 4 }, { "outsb1", "rep_outsb", false, 1 },
	{ "outsw1", "rep_outsw", false, 2 }, { "outsl1", "rep_outsl", false, 4 },
};

#define FORMS	ARRAY_SIZE(forms)

TEST_F(io, string_single)
{
	for (size_t i = 0; i < FORMS; i++) {
		check_string(_metadata, &self->v, forms[i].one, forms[i].in, forms[i].bytes,
			     false, G_PAGED + 0x100, 77, false);
		check_string(_metadata, &self->v, forms[i].one, forms[i].in, forms[i].bytes,
			     false, G_PAGED + 0xfff, 77, true);
	}
}

TEST_F(io, string_rep)
{
	for (size_t i = 0; i < FORMS; i++)
		check_string(_metadata, &self->v, forms[i].rep, forms[i].in, forms[i].bytes,
			     true, G_PAGED + 0x100, 16, false);
}

/* RCX of 0: the intercept comes, no access may. */
TEST_F(io, string_rep_none)
{
	for (size_t i = 0; i < FORMS; i++)
		check_string(_metadata, &self->v, forms[i].rep, forms[i].in, forms[i].bytes,
			     true, G_PAGED + 0x100, 0, false);
}

TEST_F(io, string_rep_across_pages)
{
	for (size_t i = 0; i < FORMS; i++) {
		/* elements that end at the boundary, and one that straddles it */
		check_string(_metadata, &self->v, forms[i].rep, forms[i].in, forms[i].bytes,
			     true, G_PAGED + 0xff0, 20, false);
		check_string(_metadata, &self->v, forms[i].rep, forms[i].in, forms[i].bytes,
			     true, G_PAGED + 0xff1, 20, false);
	}
	/* more than a page in one instruction */
	check_string(_metadata, &self->v, "rep_outsl", false, 4, true, G_PAGED + 0x800, 1600,
		     false);
	check_string(_metadata, &self->v, "rep_insb", true, 1, true, G_PAGED + 0x800, 6000,
		     false);
	EXPECT_LT(dev.exits, 100);
}

TEST_F(io, string_rep_down)
{
	for (size_t i = 0; i < FORMS; i++) {
		check_string(_metadata, &self->v, forms[i].rep, forms[i].in, forms[i].bytes,
			     true, G_PAGED + 0x1010, 20, true);
		check_string(_metadata, &self->v, forms[i].rep, forms[i].in, forms[i].bytes,
			     true, G_PAGED + 0x1011, 20, true);
	}
}

/* A 67h prefix: ESI, EDI and ECX count, results are zero-extended. */
TEST_F(io, string_address_size)
{
	struct vmt *v = &self->v;

	v->ram[G_PAGED] = 0xaa;
	v->ram[G_PAGED + 1] = 0xbb;
	vmt_start(v, "rep_outsb_a32");
	vmt_arg(v, 0) = 0xffffffff00000000 | G_PAGED;
	vmt_arg(v, 1) = 5;
	vmt_arg(v, 2) = 0x700000002;
	vmt_done(v);
	ASSERT_EQ(2, dev.nr_out);
	EXPECT_EQ(0xaa, dev.out[0]);
	EXPECT_EQ(0xbb, dev.out[1]);
	EXPECT_EQ(G_PAGED + 2, vmt_res(v, 0));
	EXPECT_EQ(0, vmt_res(v, 2));

	vmt_start(v, "rep_insb_a32");
	vmt_arg(v, 0) = 5;
	vmt_arg(v, 1) = 0xffffffff00000000 | G_PAGED;
	vmt_arg(v, 2) = 0x700000003;
	vmt_done(v);
	EXPECT_EQ(3, dev.nr_in);
	EXPECT_EQ(3, v->ram[G_PAGED + 2]);
	EXPECT_EQ(G_PAGED + 3, vmt_res(v, 1));
	EXPECT_EQ(0, vmt_res(v, 2));
}

TEST_F(io, string_segment_override)
{
	struct vmt *v = &self->v;

	memcpy(v->ram + G_PAGED + 0x10, "abcd", 4);
	vmt_start(v, "outs_fs");
	vmt_done(v);
	ASSERT_EQ(4, dev.nr_out);
	EXPECT_EQ(0, memcmp(dev.out, "abcd", 4));
	EXPECT_EQ(0x14, vmt_res(v, 0));
	EXPECT_EQ(1, v->ram[G_PAGED]);
	EXPECT_EQ(2, v->ram[G_PAGED + 1]);
	EXPECT_EQ(G_PAGED + 2, vmt_res(v, 1));
}

TEST_F(io, string_real_mode)
{
	struct vmt *v = &self->v;

	vmt_start(v, "rep16");
	memcpy(v->ram + 0x2fffe, "AB", 2);
	memcpy(v->ram + 0x20000, "CD", 2);
	vmt_done(v);
	ASSERT_EQ(4, dev.nr_out);
	EXPECT_EQ(0, memcmp(dev.out, "ABCD", 4));
	EXPECT_EQ(2, vmt_res(v, 0) & 0xffff);
	/* CX counts, the upper half of ECX stays. */
	EXPECT_EQ(0xabcd0000, vmt_res(v, 2) & 0xffffffff);
	EXPECT_EQ(0x104, vmt_res(v, 1) & 0xffff);
	EXPECT_EQ(0x0201, *vmt_u16(v, 0x20100));
	EXPECT_EQ(0x0403, *vmt_u16(v, 0x20102));
}

/* A fault in the middle: what came before is done, exactly once. */
TEST_F(io, string_fault)
{
	struct vmt *v = &self->v;

	memset(v->ram + G_PAGED, 0xee, 2 * PAGE_SIZE);
	vmt_start(v, "ins_fault");
	EXPECT_EQ(V_PF, vmt_report(v));
	EXPECT_EQ(3, vmt_report(v));
	EXPECT_EQ(G_PAGED + 0x1000, vmt_report(v));
	vmt_done(v);
	EXPECT_EQ(G_PAGED + 0x1000, vmt_res(v, 1));
	EXPECT_EQ(4, vmt_res(v, 2));
	EXPECT_EQ(4, dev.nr_in);
	EXPECT_EQ(0x04030201, *vmt_u32(v, G_PAGED + 0xffc));
	EXPECT_EQ(0xee, v->ram[G_PAGED + 0x1000]);
}

static void ignore(struct vmt *v, struct vmt_io *io)
{
}

/* Single step over an access that user space completes: one #DB, DR6.BS, behind it. */
TEST_F(io, single_step)
{
	struct vmt *v = &self->v;

	v->on_io = ignore;
	vmt_start(v, "single_step");
	EXPECT_EQ(V_DB, vmt_report(v));
	EXPECT_EQ(0, vmt_report(v));
	EXPECT_EQ(0xffff4ff0, vmt_report(v));
	vmt_done(v);
	EXPECT_EQ(1, vmt_count(v, V_DB));
}

TEST_HARNESS_MAIN
