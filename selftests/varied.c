// SPDX-License-Identifier: GPL-2.0
/*
 * guests/varied.S does what it says, so that `make bench` measures that: each operation leaves the
 * guest once, wherever it stands and whatever its operands are, and interrupts come.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define ROUNDS		512
#define INTERVAL	32
#define NEVER		100000
#define DEVICE		0x40000000UL
#define EXIT_CR4_WRITE	0x14
#define EXIT_HLT	0x78
#define EXIT_IOIO	0x7b
#define EXIT_MSR	0x7c
#define EXIT_VMMCALL	0x81

FIXTURE(varied) {
	struct vmt v;
};

FIXTURE_VARIANT(varied) {
	const char *entry;
	uint64_t code;
	unsigned int exits;	/* of an operation */
};

static void nobody_io(struct vmt *v, struct vmt_io *io)
{
}

static void nobody_mmio(struct vmt *v, struct vmt_mmio *mmio)
{
}

FIXTURE_SETUP(varied)
{
	vmt_boot(&self->v, "varied", variant->entry);
	self->v.on_io = nobody_io;
	self->v.on_mmio = nobody_mmio;
}

FIXTURE_TEARDOWN(varied)
{
	vmt_close(&self->v);
}

#define OPERATION(name, number, nr)						\
	FIXTURE_VARIANT_ADD(varied, name) { .entry = #name, .code = number, .exits = nr }

OPERATION(cpuid, VMEXIT_CPUID, 1);
OPERATION(vmmcall, EXIT_VMMCALL, 1);
OPERATION(rdmsr, EXIT_MSR, 1);
OPERATION(wrmsr, EXIT_MSR, 1);
OPERATION(x2apic_eoi, EXIT_MSR, 1);
OPERATION(self_ipi, EXIT_MSR, 2);
OPERATION(hlt_pending, EXIT_HLT, 1);
OPERATION(tsc_deadline, EXIT_MSR, 1);
OPERATION(cr_write, EXIT_CR4_WRITE, 1);
OPERATION(pio_out, EXIT_IOIO, 1);
OPERATION(pio_in, EXIT_IOIO, 1);
OPERATION(ioeventfd, EXIT_IOIO, 1);
OPERATION(irqfd, EXIT_IOIO, 1);
OPERATION(mmio_store1, VMEXIT_NPF, 1);
OPERATION(mmio_store2, VMEXIT_NPF, 1);
OPERATION(mmio_store4, VMEXIT_NPF, 1);
OPERATION(mmio_store8, VMEXIT_NPF, 1);
OPERATION(mmio_load1, VMEXIT_NPF, 1);
OPERATION(mmio_load2, VMEXIT_NPF, 1);
OPERATION(mmio_load4, VMEXIT_NPF, 1);
OPERATION(mmio_load8, VMEXIT_NPF, 1);

/* Exits of a code in a run of so many operations. */
static uint64_t exits(struct vmt *v, const char *entry, uint64_t code, uint64_t interval,
		      uint64_t rounds)
{
	uint64_t before = vmt_exits(v, code);

	vmt_start(v, entry);
	v->page->gpr.rdi = DEVICE;
	v->page->gpr.rsi = interval;
	v->page->gpr.rdx = rounds;
	vmt_done(v);
	return vmt_exits(v, code) - before;
}

TEST_F(varied, each_leaves)
{
	uint64_t once;

	exits(&self->v, variant->entry, variant->code, NEVER, ROUNDS + 1);
	once = exits(&self->v, variant->entry, variant->code, NEVER, 1);
	EXPECT_EQ(once + ROUNDS * variant->exits,
		  exits(&self->v, variant->entry, variant->code, NEVER, ROUNDS + 1));
}

/* Setting the timer is a write to an MSR, and so is the interrupt's end. */
TEST_F(varied, interrupts_come)
{
	uint64_t without, with;

	exits(&self->v, variant->entry, EXIT_MSR, NEVER, ROUNDS);
	without = exits(&self->v, variant->entry, EXIT_MSR, NEVER, ROUNDS);
	with = exits(&self->v, variant->entry, EXIT_MSR, INTERVAL, ROUNDS);
	/* The host may be late with some, but not with all. */
	EXPECT_LT(without + ROUNDS / INTERVAL, with);
	EXPECT_GE(without + 2 * ROUNDS / INTERVAL, with);
}

TEST_HARNESS_MAIN
