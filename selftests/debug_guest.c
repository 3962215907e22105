// SPDX-License-Identifier: GPL-2.0
/*
 * SVMM_SET_DEBUG: steps over whatever an instruction needs, breakpoints, watchpoints, and a guest
 * that sees nothing of it.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <errno.h>
#include <string.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define DR6_BS		0x4000
#define VMCB_DR7	0x560

static void any_io(struct vmt *v, struct vmt_io *io)
{
	if (io->in)
		memset(io->data, 0, io->bytes * io->count);
}

static void any_mmio(struct vmt *v, struct vmt_mmio *m)
{
	if (!m->write)
		memset(m->data, 0, 8);
}

static int set(struct vmt *v, uint32_t flags, uint64_t db0, uint64_t dr7)
{
	struct svmm_debug debug = { .flags = flags, .db = { db0 }, .dr7 = dr7 };

	return svmm_set_debug(v->vcpu, &debug);
}

static void boot(struct vmt *v, const char *entry)
{
	vmt_boot(v, "debug", entry);
	v->on_io = any_io;
	v->on_mmio = any_mmio;
}

/* Where the guest is, flags and registers. */
static const struct svmm_gprs *gprs(struct vmt *v)
{
	vmt_get(v, SVMM_STATE_GPR);
	return &v->page->gpr;
}

#define EXPECT_DEBUG(v, vec, six) do {					\
	ASSERT_EQ(SVMM_EXIT_DEBUG, vmt_run(v));				\
	EXPECT_EQ(vec, (v)->page->exit.debug.vector);			\
	EXPECT_EQ(six, (v)->page->exit.debug.dr6);			\
	EXPECT_EQ((v)->page->exit.debug.rip, gprs(v)->rip);		\
	EXPECT_FALSE((v)->page->gpr.rflags & RFLAGS_TF);		\
} while (0)

TEST(each_instruction)
{
	const volatile uint32_t *table;
	uint64_t flags;
	struct vmt v;

	boot(&v, "steps");
	v.ram[G_FREE] = 0;
	table = vmt_u32(&v, vmt_report(&v));
	ASSERT_EQ(0, set(&v, SVMM_DEBUG_STEP, 0, 0));
	for (unsigned int i = 0; table[i]; i++) {
		EXPECT_DEBUG(&v, 1, DR6_BS);
		/* QEMU before 9.1 steps over STI and the instruction behind it at once. */
		if (i == 9 && vmt_emulated_host() && v.page->gpr.rip == table[10])
			i = 10;
		EXPECT_EQ(table[i], v.page->gpr.rip) {
			TH_LOG("step %u", i);
		}
		flags = v.page->gpr.rflags;
		if (i == 13)
			EXPECT_FALSE(v.page->gpr.rbx & RFLAGS_TF);
		vmt_get(&v, SVMM_STATE_DR);
		EXPECT_EQ(0xffff0ff0, v.page->dr.dr6);
	}
	EXPECT_EQ(RFLAGS_FIXED, flags & ~0x8d5ull);
	EXPECT_EQ(v.page->gpr.rsi, v.page->gpr.rsp);
	ASSERT_EQ(0, set(&v, 0, 0, 0));
	vmt_done(&v);
	EXPECT_FALSE(vmt_res(&v, 0) & RFLAGS_TF);
	vmt_close(&v);
}

/* The frames of INT n and of a fault: our TF is not in them, and the step ends in the handler. */
TEST(frames)
{
	uint64_t rip;
	struct vmt v;

	boot(&v, "frames");
	vmt_report(&v);
	rip = gprs(&v)->rip;
	ASSERT_EQ(0, set(&v, SVMM_DEBUG_STEP, 0, 0));
	EXPECT_DEBUG(&v, 1, DR6_BS);
	EXPECT_EQ(0, v.page->gpr.rip % STUB_BYTES);
	EXPECT_EQ(rip + 2, *vmt_u64(&v, v.page->gpr.rsp));
	EXPECT_EQ(0, *vmt_u64(&v, v.page->gpr.rsp + 16) & RFLAGS_TF);
	for (int i = 0; i < 200 && gprs(&v)->rip != rip + 2; i++)
		EXPECT_DEBUG(&v, 1, DR6_BS);
	EXPECT_EQ(rip + 2, gprs(&v)->rip);
	/* UD2 */
	EXPECT_DEBUG(&v, 1, DR6_BS);
	EXPECT_EQ(0, v.page->gpr.rip % STUB_BYTES);
	EXPECT_EQ(rip + 2, *vmt_u64(&v, v.page->gpr.rsp));
	EXPECT_EQ(0, *vmt_u64(&v, v.page->gpr.rsp + 16) & RFLAGS_TF);
	ASSERT_EQ(0, set(&v, 0, 0, 0));
	EXPECT_EQ(1, vmt_report(&v));
	EXPECT_EQ(1, vmt_report(&v));
	vmt_done(&v);
	vmt_close(&v);
}

TEST(syscall_and_sysret)
{
	uint64_t user;
	struct vmt v;

	boot(&v, "syscalls");
	vmt_report(&v);
	user = gprs(&v)->rcx;
	ASSERT_EQ(0, set(&v, SVMM_DEBUG_STEP, 0, 0));
	EXPECT_DEBUG(&v, 1, DR6_BS);	/* SYSRET */
	EXPECT_EQ(user, v.page->gpr.rip);
	EXPECT_EQ(0x202, v.page->gpr.r11);
	EXPECT_DEBUG(&v, 1, DR6_BS);
	EXPECT_EQ(user + 1, v.page->gpr.rip);
	EXPECT_DEBUG(&v, 1, DR6_BS);	/* SYSCALL */
	EXPECT_EQ(user + 4, v.page->gpr.rip);
	EXPECT_EQ(0x202, v.page->gpr.r11);
	vmt_get(&v, SVMM_STATE_MSR);
	EXPECT_EQ(0x4700, v.page->msr.sfmask);
	ASSERT_EQ(0, set(&v, 0, 0, 0));
	vmt_done(&v);
	EXPECT_EQ(0x202, vmt_res(&v, 0));
	EXPECT_EQ(0x4700, vmt_res(&v, 1));
	vmt_close(&v);
}

TEST(breakpoint)
{
	uint64_t bp;
	struct vmt v;

	boot(&v, "stops");
	bp = vmt_report(&v);
	ASSERT_EQ(0x90, v.ram[bp]);
	v.ram[bp] = 0xcc;
	ASSERT_EQ(0, set(&v, SVMM_DEBUG_BP, 0, 0));
	EXPECT_DEBUG(&v, V_BP, 0);
	EXPECT_EQ(bp, v.page->gpr.rip);
	/* Again, as long as it is there. */
	EXPECT_DEBUG(&v, V_BP, 0);
	v.ram[bp] = 0x90;
	vmt_report(&v);
	EXPECT_EQ(0x1234, vmt_res(&v, 0));
	vmt_done(&v);
	vmt_close(&v);
}

/*
 * A guest that stands at a breakpoint has not taken an interrupt: a step from there is the
 * instruction, not a handler.
 */
TEST(breakpoint_before_interrupts)
{
	unsigned int taken = 0;
	struct vmt v;

	boot(&v, "often");
	vmt_report(&v);
	ASSERT_EQ(0, set(&v, SVMM_DEBUG_BP, 0, 0));
	for (int i = 0; i < 2000 || (vmt_count(&v, 0x31) < 100 && i < 200000); i++) {
		EXPECT_DEBUG(&v, V_BP, 0);
		vmt_get(&v, SVMM_STATE_EVENTS);
		taken += !!(v.page->events.flags & SVMM_EVENT_INTR);
		v.page->gpr.rip++;
		v.page->dirty = SVMM_STATE_GPR;
	}
	EXPECT_LE(100, vmt_count(&v, 0x31));
	EXPECT_EQ(0, taken);
	vmt_close(&v);
}

/* The debugger's own registers: the guest reads and writes others. */
TEST(registers)
{
	struct svmm_debug_vmcb vmcb;
	uint64_t bp, dr7;
	struct vmt v;
	int event;

	boot(&v, "stops");
	bp = vmt_report(&v);
	/* Writes of 4 bytes; and then the breakpoint. */
	ASSERT_EQ(0, set(&v, SVMM_DEBUG_HW, G_FREE, 0xd0002));
	ASSERT_EQ(0, svmm_debug_vmcb(v.vcpu, &vmcb));
	memcpy(&dr7, vmcb.vmcb + VMCB_DR7, sizeof(dr7));
	EXPECT_EQ(0xd0402, dr7);
	ASSERT_EQ(0, set(&v, SVMM_DEBUG_HW, bp, 2));
	event = vmt_run(&v);
	if (event == SVMM_EXIT_DEBUG) {
		EXPECT_EQ(bp, v.page->exit.debug.rip);
		EXPECT_EQ(1, v.page->exit.debug.dr6);
		ASSERT_EQ(0, set(&v, SVMM_DEBUG_HW, G_FREE, 0xd0002));
		EXPECT_DEBUG(&v, 1, 1);
		EXPECT_EQ(1, *vmt_u32(&v, G_FREE));
	} else {	/* VMRUN loads DR7 there, but arms nothing */
		ASSERT_TRUE(vmt_emulated_host() && event == VMT_REPORT);
	}
	vmt_get(&v, SVMM_STATE_DR);
	EXPECT_EQ(0x1234, v.page->dr.db[0]);
	EXPECT_EQ(0x400, v.page->dr.dr7);
	EXPECT_EQ(0xffff0ff0, v.page->dr.dr6);
	if (event == SVMM_EXIT_DEBUG)
		vmt_report(&v);
	EXPECT_EQ(0x1234, vmt_res(&v, 0));
	EXPECT_EQ(0xffff0ff0, vmt_res(&v, 1));
	EXPECT_EQ(0x400, vmt_res(&v, 2));
	/* What it has written while they were apart, it has afterwards. */
	ASSERT_EQ(0, set(&v, 0, 0, 0));
	vmt_get(&v, SVMM_STATE_DR);
	EXPECT_EQ(0x1234, v.page->dr.db[0]);
	EXPECT_EQ(0x5678, v.page->dr.db[1]);
	EXPECT_EQ(0x400, v.page->dr.dr7);
	vmt_done(&v);
	EXPECT_EQ(0x5678, vmt_res(&v, 3));
	vmt_close(&v);
}

/* What is the guest's, it gets: its INT3 from user space, its own TF by itself. */
TEST(guests_own)
{
	struct vmt v;

	boot(&v, "own");
	vmt_report(&v);
	ASSERT_EQ(0, set(&v, SVMM_DEBUG_BP | SVMM_DEBUG_STEP, 0, 0));
	EXPECT_DEBUG(&v, V_BP, 0);
	ASSERT_EQ(0, set(&v, SVMM_DEBUG_BP, 0, 0));
	vmt_get(&v, SVMM_STATE_GPR | SVMM_STATE_EVENTS);
	v.page->gpr.rip++;
	v.page->events.flags = SVMM_EVENT_EXCEPTION;
	v.page->events.vector = V_BP;
	v.page->dirty = SVMM_STATE_GPR | SVMM_STATE_EVENTS;
	EXPECT_EQ(1, vmt_report(&v));
	EXPECT_EQ(1, vmt_count(&v, V_BP));
	EXPECT_EQ(1, vmt_report(&v));
	EXPECT_EQ(0xffff4ff0, vmt_report(&v));
	EXPECT_EQ(1, vmt_count(&v, V_DB));
	vmt_done(&v);
	vmt_close(&v);
}

/* Both step: the guest's own #DB comes, and the step of the debugger leads to its handler. */
TEST(both_step)
{
	unsigned int i;
	struct vmt v;

	boot(&v, "own");
	vmt_report(&v);
	EXPECT_EQ(1, vmt_report(&v));
	ASSERT_EQ(0, set(&v, SVMM_DEBUG_STEP, 0, 0));
	for (i = 0; i < 100 && !vmt_count(&v, V_DB); i++)
		ASSERT_EQ(SVMM_EXIT_DEBUG, vmt_run(&v));
	ASSERT_LT(i, 100);
	ASSERT_EQ(0, set(&v, 0, 0, 0));
	EXPECT_EQ(1, vmt_report(&v));
	EXPECT_EQ(0xffff4ff0, vmt_report(&v));
	EXPECT_EQ(1, vmt_count(&v, V_DB));
	vmt_done(&v);
	vmt_close(&v);
}

/* NMIs wait while the guest is stepped, in HLT too, and come afterwards. */
TEST(interrupts_wait)
{
	uint64_t rip;
	struct vmt v;

	boot(&v, "halts");
	vmt_report(&v);
	rip = gprs(&v)->rip;
	ASSERT_EQ(0, set(&v, SVMM_DEBUG_STEP, 0, 0));
	EXPECT_DEBUG(&v, 1, DR6_BS);
	EXPECT_EQ(rip + 1, v.page->gpr.rip);
	vmt_get(&v, SVMM_STATE_MP);
	EXPECT_EQ(SVMM_MP_HALTED, v.page->mp.state);
	ASSERT_EQ(0, svmm_nmi(v.vcpu));
	EXPECT_DEBUG(&v, 1, DR6_BS);
	EXPECT_EQ(rip + 2, v.page->gpr.rip);
	EXPECT_EQ(0, vmt_count(&v, V_NMI));
	ASSERT_EQ(0, set(&v, 0, 0, 0));
	EXPECT_EQ(1, vmt_report(&v));
	vmt_done(&v);
	vmt_close(&v);
}

/* What is asked for is judged; and dropped, if nobody wants it any more. */
TEST(arguments)
{
	struct svmm_debug debug = { .reserved = 1 };
	struct vmt v;

	boot(&v, "steps");
	EXPECT_TRUE(v.caps.caps & SVMM_CAP_DEBUG);
	EXPECT_EQ(-EINVAL, svmm_set_debug(v.vcpu, &debug));
	EXPECT_EQ(-EINVAL, set(&v, 16, 0, 0));
	EXPECT_EQ(-EINVAL, set(&v, SVMM_DEBUG_HW, 0, 0x2001));	/* general detect */
	EXPECT_EQ(-EINVAL, set(&v, SVMM_DEBUG_HW, 0, 0x20001));	/* I/O */
	EXPECT_EQ(-EINVAL, set(&v, SVMM_DEBUG_HW, 0, 0x40001));	/* 2 bytes of an instruction */
	EXPECT_EQ(-EINVAL, set(&v, SVMM_DEBUG_HW, 0, 1ULL << 32));
	vmt_report(&v);
	/* OUT: the step is over when user space has seen the access, and nobody asks any more. */
	ASSERT_EQ(0, set(&v, SVMM_DEBUG_STEP, 0, 0));
	v.on_io = NULL;
	for (int i = 0; vmt_run(&v) != SVMM_EXIT_IO && i < 5; i++)
		;
	EXPECT_EQ(SVMM_EXIT_IO, v.page->exit.reason);
	ASSERT_EQ(0, set(&v, 0, 0, 0));
	v.on_io = any_io;
	vmt_done(&v);
	vmt_close(&v);
}

/* The last exits, if they are asked for. */
TEST(last_exits)
{
	struct svmm_last_exits last;
	struct vmt v;

	boot(&v, "steps");
	vmt_report(&v);
	ASSERT_EQ(0, svmm_get_exits(v.vcpu, &last));
	EXPECT_EQ(0, last.nr);
	ASSERT_EQ(0, set(&v, SVMM_DEBUG_EXITS, 0, 0));
	vmt_done(&v);
	ASSERT_EQ(0, svmm_get_exits(v.vcpu, &last));
	ASSERT_GE(last.nr, 8);
	EXPECT_EQ(0x7b, last.exit[last.nr - 1].exit_code);
	for (unsigned int i = 0; i < last.nr; i++)
		EXPECT_EQ(1, last.exit[i].rip >= G_CODE && last.exit[i].rip < G_PML4);
	ASSERT_EQ(0, set(&v, 0, 0, 0));
	ASSERT_EQ(0, set(&v, SVMM_DEBUG_EXITS, 0, 0));
	ASSERT_EQ(0, svmm_get_exits(v.vcpu, &last));
	EXPECT_EQ(0, last.nr);
	vmt_close(&v);
}

/* What the nested tables say of an address; host-physical addresses are root's. */
TEST(nested_tables)
{
	struct svmm_debug_npt npt = { 0 };
	struct vmt v;

	boot(&v, "halts");
	vmt_report(&v);
	npt.gpa = gprs(&v)->rip;
	ASSERT_EQ(0, svmm_debug_npt(v.vm, &npt));
	EXPECT_GE(npt.levels, 4);
	EXPECT_GE(npt.nr, npt.levels - 2);
	for (unsigned int i = 0; i < npt.nr; i++) {
		EXPECT_EQ(5, npt.entries[i] & 5) {
			TH_LOG("%u of %u, %u levels: %#llx", i, npt.nr, npt.levels,
			       (unsigned long long)npt.entries[i]);
		}
	}
	npt = (struct svmm_debug_npt){ .gpa = 1ULL << 35 };
	ASSERT_EQ(0, svmm_debug_npt(v.vm, &npt));
	ASSERT_GE(npt.nr, 1);
	EXPECT_EQ(0, npt.entries[npt.nr - 1]);
	npt = (struct svmm_debug_npt){ .gpa = 1ULL << 60 };
	EXPECT_EQ(-EINVAL, svmm_debug_npt(v.vm, &npt));
	vmt_close(&v);
}

TEST_HARNESS_MAIN
