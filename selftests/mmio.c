// SPDX-License-Identifier: GPL-2.0
/*
 * Memory outside the slots: every instruction form of the emulator on a device
 * gives the same registers, flags and memory as the processor gives on RAM;
 * widths, splitting, read-only slots, holes, and what cannot be emulated.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define DEVICE_BYTES	0x8000
#define RAM_BUF		G_FREE
#define RESULTS		(G_FREE + 0x10000)
#define RAM_2		(G_FREE + 0x20000)

static struct {
	uint8_t mem[DEVICE_BYTES];
	struct {
		uint32_t offset;
		uint8_t bytes;
		bool write;
	} log[4096];
	unsigned int n;
} dev;

static void device(struct vmt *v, struct vmt_mmio *m)
{
	uint64_t offset = m->gpa - G_MMIO;

	if (m->gpa < G_MMIO || offset + m->bytes > DEVICE_BYTES || dev.n == 4096)
		vmt_die(v, "access %u at %#llx", dev.n, (unsigned long long)m->gpa);
	/* What the ABI promises of a fragment. */
	if (!m->bytes || m->bytes > 8 || (offset & 0xfff) + m->bytes > PAGE_SIZE)
		vmt_die(v, "%u bytes at %#llx", m->bytes, (unsigned long long)m->gpa);
	dev.log[dev.n].offset = offset;
	dev.log[dev.n].bytes = m->bytes;
	dev.log[dev.n++].write = m->write;
	if (m->write)
		memcpy(dev.mem + offset, m->data, m->bytes);
	else
		memcpy(m->data, dev.mem + offset, m->bytes);
}

FIXTURE(mmio) {
	struct vmt v;
};

FIXTURE_SETUP(mmio)
{
	vmt_open(&self->v);
	vmt_load(&self->v, "mmio");
	self->v.on_mmio = device;
	memset(&dev, 0, sizeof(dev));
}

FIXTURE_TEARDOWN(mmio)
{
	vmt_close(&self->v);
}

static void twice(struct __test_metadata *_metadata, struct vmt *v, const char *entry)
{
	vmt_start(v, entry);
	for (unsigned int i = 0; i < DEVICE_BYTES; i++)
		dev.mem[i] = i * 13 + (i >> 8) * 5 + 0x80;
	memcpy(v->ram + RAM_BUF, dev.mem, DEVICE_BYTES);
	for (unsigned int i = 0; i < 0x1000; i++) {
		v->ram[RAM_2 + i] = i * 3;
		v->ram[RAM_2 + 0x1000 + i] = i * 3;
	}
	vmt_done(v);

	EXPECT_NE(0, dev.n);
	for (unsigned int i = 0; i < 64; i++) {
		EXPECT_EQ(*vmt_u64(v, RESULTS + 8 * i), *vmt_u64(v, RESULTS + 0x1000 + 8 * i)) {
			TH_LOG("%s: result %u", entry, i);
		}
	}
	for (unsigned int i = 0; i < DEVICE_BYTES; i++) {
		ASSERT_EQ(v->ram[RAM_BUF + i], dev.mem[i]) {
			TH_LOG("%s: device offset %#x", entry, i);
		}
	}
	EXPECT_EQ(0, memcmp(v->ram + RAM_2, v->ram + RAM_2 + 0x1000, 0x1000));
}

static void expect_log(struct __test_metadata *_metadata, unsigned int at, uint32_t offset,
		       unsigned int bytes, bool write)
{
	EXPECT_EQ(offset, dev.log[at].offset);
	EXPECT_EQ(bytes, dev.log[at].bytes);
	EXPECT_EQ(write, dev.log[at].write) {
		TH_LOG("access %u", at);
	}
}

TEST_F(mmio, store)
{
	static const uint8_t offset[] = { 0x10, 0x11, 0x12, 0x14, 0x18, 0x20, 0x21, 0x22, 0x24,
					  0x28, 0x40, 0x50 };
	static const uint8_t bytes[] = { 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 4 };

	twice(_metadata, &self->v, "store");
	ASSERT_EQ(12, dev.n);
	for (int i = 0; i < 12; i++)
		expect_log(_metadata, i, offset[i], bytes[i], true);
}

TEST_F(mmio, load)
{
	static const uint8_t offset[] = { 0x10, 0x11, 0x12, 0x14, 0x18, 0x1c };
	static const uint8_t bytes[] = { 1, 1, 2, 4, 8, 4 };

	twice(_metadata, &self->v, "load");
	ASSERT_EQ(6, dev.n);
	for (int i = 0; i < 6; i++)
		expect_log(_metadata, i, offset[i], bytes[i], false);
}

TEST_F(mmio, addressing)
{
	twice(_metadata, &self->v, "addressing");
	EXPECT_EQ(20, dev.n);
}

/* Instead of an answer to the first access: @arg to RIP, or to RBP if that is more. */
static void moves_on(struct vmt *v, struct vmt_mmio *m)
{
	uintptr_t by = (uintptr_t)v->arg;

	device(v, m);
	if (dev.n > 1)
		return;
	if (svmm_get_state(v->vcpu, SVMM_STATE_GPR))
		vmt_die(v, "no registers");
	*(by < 0x100 ? &v->page->gpr.rip : &v->page->gpr.rbp) += by;
	v->page->dirty |= SVMM_STATE_GPR;
	if (svmm_set_state(v->vcpu))
		vmt_die(v, "the registers cannot be set");
}

/* User space gives the guest other registers instead of an answer: those count. */
TEST_F(mmio, other_state_meanwhile)
{
	static const char * const entry[] = { "one_mov", "one_add" };

	self->v.on_mmio = moves_on;
	for (int i = 0; i < 2; i++) {
		vmt_start(&self->v, entry[i]);
		for (unsigned int j = 0; j < DEVICE_BYTES; j++)
			dev.mem[j] = j >> 8;
		dev.n = 0;
		self->v.arg = (void *)0x100;
		vmt_done(&self->v);
		ASSERT_EQ(2, dev.n);
		EXPECT_EQ(0, dev.log[0].offset);
		EXPECT_EQ(0x100, dev.log[1].offset);
		EXPECT_EQ(0x0101010101010101, *vmt_u64(&self->v, G_RES));

		vmt_start(&self->v, entry[i]);
		dev.n = 0;
		self->v.arg = (void *)6;
		vmt_done(&self->v);
		EXPECT_EQ(1, dev.n);
		EXPECT_EQ(7, *vmt_u64(&self->v, G_RES));
	}
}

TEST_F(mmio, extend)
{
	twice(_metadata, &self->v, "extend");
}

/* Each read-modify-write is one read and one write of the operand's size. */
TEST_F(mmio, rmw)
{
	twice(_metadata, &self->v, "rmw");
	ASSERT_EQ(26, dev.n);
	for (unsigned int i = 0; i < dev.n; i += 2) {
		EXPECT_FALSE(dev.log[i].write);
		EXPECT_TRUE(dev.log[i + 1].write);
		EXPECT_EQ(dev.log[i].offset, dev.log[i + 1].offset);
		EXPECT_EQ(dev.log[i].bytes, dev.log[i + 1].bytes);
	}
}

TEST_F(mmio, rmw_to_register)
{
	twice(_metadata, &self->v, "rmw_to_register");
	EXPECT_EQ(5, dev.n);
}

/* Comparing does not write. */
TEST_F(mmio, compare)
{
	twice(_metadata, &self->v, "compare");
	EXPECT_EQ(7, dev.n);
	for (unsigned int i = 0; i < dev.n; i++)
		EXPECT_FALSE(dev.log[i].write);
}

TEST_F(mmio, bits)
{
	twice(_metadata, &self->v, "bits");
}

TEST_F(mmio, kept_flags)
{
	twice(_metadata, &self->v, "kept_flags");
}

TEST_F(mmio, exchange)
{
	twice(_metadata, &self->v, "exchange");
	EXPECT_EQ(8, dev.n);
}

TEST_F(mmio, stack)
{
	twice(_metadata, &self->v, "stack");
	EXPECT_EQ(2, dev.n);
}

TEST_F(mmio, string)
{
	twice(_metadata, &self->v, "string");
}

TEST_F(mmio, sse_moves)
{
	twice(_metadata, &self->v, "sse");
}

TEST_F(mmio, vectors)
{
	twice(_metadata, &self->v, "vectors");
	/* 16 bytes over the end of a page, in pieces of 8 at most */
	expect_log(_metadata, 0, 0xff9, 7, false);
	expect_log(_metadata, 1, 0x1000, 8, false);
	expect_log(_metadata, 2, 0x1008, 1, false);
	expect_log(_metadata, 3, 0x1ff3, 8, true);
	expect_log(_metadata, 4, 0x1ffb, 5, true);
	expect_log(_metadata, 5, 0x2000, 3, true);
}

TEST_F(mmio, avx_moves)
{
	if ((self->v.caps.xcr0 & 7) != 7)
		SKIP(return, "no AVX for guests on this host");
	twice(_metadata, &self->v, "avx");
}

/* At the second half of its data a load gets another FPU state: that is whole, then the load. */
static void other_fpu(struct vmt *v, struct vmt_mmio *m)
{
	device(v, m);
	if (dev.n != 2)
		return;
	memset((uint8_t *)v->xsave + 160, 0x55, 256);
	memset((uint8_t *)v->xsave + 160 + 32, 0x66, 16);
	if (v->caps.xcr0)
		((uint8_t *)v->xsave)[512] |= 2;
	v->page->dirty |= SVMM_STATE_XSAVE;
	if (svmm_set_state(v->vcpu))
		vmt_die(v, "the FPU state cannot be set");
}

TEST_F(mmio, other_fpu_state_meanwhile)
{
	struct vmt *v = &self->v;

	v->on_mmio = other_fpu;
	memset(dev.mem, 0x77, 16);
	vmt_start(v, "fpu");
	vmt_get(v, SVMM_STATE_XSAVE);
	vmt_done(v);
	EXPECT_EQ(4, dev.n);	/* begun anew: what is loaded then counts */
	EXPECT_EQ(0x7777777777777777, vmt_res(v, 0));
	EXPECT_EQ(0x7777777777777777, vmt_res(v, 1));
	EXPECT_EQ(0x6666666666666666, vmt_res(v, 2));
}

TEST_F(mmio, branches)
{
	twice(_metadata, &self->v, "branch");
}

TEST_F(mmio, segments)
{
	twice(_metadata, &self->v, "segment");
}

TEST_F(mmio, stack_segment_and_single_step)
{
	vmt_start(&self->v, "stack_step");
	dev.mem[0] = SEL_DATA;
	EXPECT_EQ(1, vmt_report(&self->v));
	vmt_done(&self->v);
	EXPECT_EQ(1, dev.n);
}

TEST_F(mmio, crossing)
{
	twice(_metadata, &self->v, "crossing");
}

TEST_F(mmio, other_modes)
{
	static const char * const mode[] = { "prot16", "prot32", "paged32", "pae" };

	for (int i = 0; i < 4; i++) {
		memset(&dev, 0, sizeof(dev));
		memset(dev.mem + 0x18, 0x21, 4);
		vmt_start(&self->v, mode[i]);
		vmt_done(&self->v);
		EXPECT_EQ(0x78, dev.mem[0x10]);
		EXPECT_EQ(0, memcmp(dev.mem + 0x12, "\x78\x56\x78\x56\x34\x12", 6));
		EXPECT_EQ(0, memcmp(dev.mem + 0x18, "\x21\xa1\x21\x21", 4));
		EXPECT_EQ(0x12345678, vmt_res(&self->v, 0));
		EXPECT_EQ(0xa121, vmt_res(&self->v, 1));
		EXPECT_EQ(7, dev.n) {
			TH_LOG("%s", mode[i]);
		}
	}
}

/* What follows the slots of RAM, for accesses that straddle their end. */
static uint8_t behind[8];

static void behind_device(struct vmt *v, struct vmt_mmio *m)
{
	uint64_t offset = m->gpa - G_RAM_BYTES;

	if (m->gpa < G_RAM_BYTES || offset + m->bytes > sizeof(behind))
		vmt_die(v, "%u bytes at %#llx", m->bytes, (unsigned long long)m->gpa);
	if (m->write)
		memcpy(behind + offset, m->data, m->bytes);
	else
		memcpy(m->data, behind + offset, m->bytes);
}

/* Half in RAM, half in a device: both halves arrive, and read back. */
TEST_F(mmio, slot_border)
{
	struct vmt *v = &self->v;

	v->on_mmio = behind_device;
	memset(behind, 0, sizeof(behind));
	vmt_start(v, "slot_border");
	vmt_done(v);
	EXPECT_EQ(0x1122334455667788, vmt_res(v, 0));
	EXPECT_EQ(0x55667788, vmt_res(v, 1));
	EXPECT_EQ(0x7788, *vmt_u16(v, G_RAM_BYTES - 4));
	EXPECT_EQ(0x7788, *vmt_u16(v, G_RAM_BYTES - 2));
	EXPECT_EQ(0, memcmp(behind, "\x66\x55\x22\x11", 4));
}

TEST_F(mmio, user_mode)
{
	struct vmt *v = &self->v;

	vmt_start(v, "user");
	vmt_done(v);
	EXPECT_EQ(V_PF, vmt_res(v, 0));
	EXPECT_EQ(7, vmt_res(v, 1));		/* present, write, user */
	EXPECT_EQ(V_GP, vmt_res(v, 2));
	EXPECT_EQ(0, dev.n);
}

/* Said, not skipped: the instruction's bytes and its address. */
TEST_F(mmio, unknown_instruction)
{
	struct vmt *v = &self->v;
	struct svmm_exit *e = &v->page->exit;

	vmt_start(v, "unknown");
	ASSERT_EQ(SVMM_EXIT_EMULATION_FAILURE, vmt_run(v));
	EXPECT_EQ(G_MMIO + 0x40, e->emulation.gpa);
	ASSERT_LE(4, e->emulation.nbytes);
	EXPECT_EQ(0, memcmp(e->emulation.bytes, "\x0f\x58\x45\x40", 4));
	EXPECT_EQ(0, memcmp(v->ram + e->emulation.rip, "\x0f\x58\x45\x40", 4));
	EXPECT_EQ(0, dev.n);
	/* RUN restarts it; user space may have emulated it and moved on. */
	ASSERT_EQ(SVMM_EXIT_EMULATION_FAILURE, vmt_run(v));
	vmt_get(v, SVMM_STATE_GPR);
	EXPECT_EQ(e->emulation.rip, v->page->gpr.rip);
	v->page->gpr.rip += 4;
	v->page->dirty |= SVMM_STATE_GPR;
	vmt_done(v);
}

/* There is no code in a device: user space hears of it and can end the VM. */
TEST_F(mmio, execution_from_mmio)
{
	struct vmt *v = &self->v;

	vmt_start(v, "exec");
	ASSERT_EQ(SVMM_EXIT_EMULATION_FAILURE, vmt_run(v));
	EXPECT_EQ(G_MMIO, v->page->exit.emulation.rip);
	EXPECT_EQ(G_MMIO, v->page->exit.emulation.gpa);
	EXPECT_EQ(0, v->page->exit.emulation.nbytes);
}

static unsigned int rom_writes;
static uint32_t rom_value;

static void rom(struct vmt *v, struct vmt_mmio *m)
{
	if (!m->write || m->bytes != 4)
		vmt_die(v, "%s of %u bytes at %#llx", m->write ? "write" : "read", m->bytes,
			(unsigned long long)m->gpa);
	rom_writes++;
	memcpy(&rom_value, m->data, 4);
}

TEST_F(mmio, read_only_slot)
{
	struct vmt *v = &self->v;
	uint8_t *mem = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t word = 0x11111111;

	ASSERT_NE(MAP_FAILED, mem);
	memset(mem, 0x11, 2 * PAGE_SIZE);
	memcpy(mem + 0x100, "\xb8\x34\x12\x00\x00\xc3", 6);	/* mov $0x1234, %eax; ret */
	/* ROM: even its pages are read-only here. */
	ASSERT_EQ(0, mprotect(mem, 2 * PAGE_SIZE, PROT_READ));
	ASSERT_EQ(0, svmm_set_slot(v->vm, 1, SVMM_MEM_READONLY, 0x1000000, 2 * PAGE_SIZE, mem));
	v->on_mmio = rom;
	rom_writes = 0;
	vmt_start(v, "readonly");
	EXPECT_EQ(word, vmt_report(v));
	EXPECT_EQ(word, vmt_report(v));
	EXPECT_EQ(1, rom_writes);
	EXPECT_EQ(0x77, rom_value);
	EXPECT_EQ(word, vmt_report(v));
	EXPECT_EQ(2, rom_writes);
	EXPECT_EQ(word, rom_value);
	EXPECT_EQ(0x1234, vmt_report(v));
	vmt_done(v);
	EXPECT_EQ(0, memcmp(mem + 0x10, &word, 4));
	EXPECT_EQ(0, memcmp(mem + 0x20, &word, 4));
}

static void open_bus(struct vmt *v, struct vmt_mmio *m)
{
	if (!m->write)
		memset(m->data, 0xff, m->bytes);
	*(unsigned int *)v->arg += 1;
}

TEST_F(mmio, holes)
{
	struct vmt *v = &self->v;
	unsigned int n = 0;

	v->on_mmio = open_bus;
	v->arg = &n;
	vmt_start(v, "holes");
	vmt_done(v);
	EXPECT_EQ(3, n);
	EXPECT_EQ(~0ULL, vmt_res(v, 0));
	EXPECT_EQ(~0ULL, vmt_res(v, 1));
}

static void count(struct vmt *v, struct vmt_mmio *m)
{
	(*(unsigned int *)v->arg)++;
}

/* Where a device was just now there is memory, and the device again. */
TEST_F(mmio, memory_comes_and_goes)
{
	struct vmt *v = &self->v;
	unsigned int stores;
	uint8_t *mem = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)mem);
	vmt_load(v, "cost");
	v->on_mmio = count;
	v->arg = &stores;
	for (unsigned int round = 0; round < 5; round++) {
		if (round)
			ASSERT_EQ(0, svmm_set_slot(v->vm, 1, 0, 0x40000000,
						   round % 2 ? PAGE_SIZE : 0, mem));
		stores = 0;
		vmt_start(v, "mmio_store4");
		v->page->gpr.rdi = 0x40000000;
		v->page->gpr.rdx = 50;
		vmt_done(v);
		EXPECT_EQ(round % 2 ? 0 : 50, stores);
	}
	munmap(mem, PAGE_SIZE);
}

/* A slot whose backing is gone: user space is told where, and may repair it. */
TEST_F(mmio, memory_fault)
{
	struct vmt *v = &self->v;
	struct svmm_exit *e = &v->page->exit;
	uint8_t *mem = mmap(NULL, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, svmm_set_slot(v->vm, 1, 0, 0x40000000, PAGE_SIZE, mem));
	vmt_start(v, "holes");
	ASSERT_EQ(SVMM_EXIT_MEMORY_FAULT, vmt_run(v));
	EXPECT_EQ(0x40000000, e->memory_fault.gpa & ~0xfffULL);
	EXPECT_EQ(-EFAULT, e->memory_fault.error);
	ASSERT_EQ(0, mprotect(mem, PAGE_SIZE, PROT_READ | PROT_WRITE));
	mem[0] = 0x42;
	vmt_done(v);
	EXPECT_EQ(0xffffffffffffff42, vmt_res(v, 0));
	EXPECT_EQ(0, vmt_res(v, 1));
}

TEST_HARNESS_MAIN
