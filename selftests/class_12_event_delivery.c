// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 12: an event is lost or doubled when an exit interrupts its
 * delivery. Before each event the pages of IDT, GDT, TSS and stack leave the
 * nested page table (mprotect() there and back: the mmu notifier takes them
 * out), so that the delivery of exception, INT n, interrupt and NMI stops at a
 * nested page fault, at each place in turn and at all of them.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define ROUNDS	40

static const struct {
	const char *what;
	uint32_t gpa, pages;
} place[] = {
	{ "IDT", G_IDT, 1 },
	{ "stack", 0x6000, 2 },
	{ "GDT", G_GDT, 1 },
	{ "TSS", G_TSS, 1 },
	{ "handlers", G_CODE, 8 },
	{ "mailbox", 0x4000, 1 },
	{ "all of it", 0x1000, 15 },
};

static void take_away(struct vmt *v, size_t i)
{
	uint8_t *at = v->ram + place[i].gpa;
	size_t bytes = place[i].pages * PAGE_SIZE;

	if (mprotect(at, bytes, PROT_NONE) || mprotect(at, bytes, PROT_READ | PROT_WRITE))
		vmt_die(v, "mprotect");
}

static void deliver(struct __test_metadata *_metadata, const char *entry)
{
	uint32_t n = 0;
	struct vmt v;

	vmt_boot(&v, "events", entry);
	for (size_t p = 0; p < ARRAY_SIZE(place); p++) {
		for (int i = 0; i < ROUNDS; i++) {
			for (uint32_t step = 1; step <= 6; step++) {
				ASSERT_EQ(step, vmt_report(&v));
				if (step == 3)
					ASSERT_EQ(1, svmm_signal_msi(v.vm, 0xfee00000, 0x60));
				if (step == 4)
					ASSERT_EQ(0, svmm_nmi(v.vcpu));
				take_away(&v, p);
			}
			n++;
			ASSERT_EQ(n, vmt_count(&v, V_UD)) {
				TH_LOG("%s", place[p].what);
			}
			ASSERT_EQ(n, vmt_count(&v, 0x80)) {
				TH_LOG("%s", place[p].what);
			}
			ASSERT_EQ(n, vmt_count(&v, 0x60)) {
				TH_LOG("%s", place[p].what);
			}
			ASSERT_EQ(n, vmt_count(&v, V_NMI)) {
				TH_LOG("%s", place[p].what);
			}
			ASSERT_EQ(n, vmt_count(&v, V_PF)) {
				TH_LOG("%s", place[p].what);
			}
			EXPECT_EQ(-0x1000, (int64_t)*vmt_u64(&v, G_CR2));
		}
	}
	/* it was interrupted, or nothing has been tested */
	EXPECT_LT(ROUNDS * ARRAY_SIZE(place), vmt_exits(&v, VMEXIT_NPF));
	vmt_close(&v);
}

TEST(from_the_kernel)
{
	deliver(_metadata, "delivery");
}

TEST(from_user_mode)
{
	deliver(_metadata, "delivery_user");
}

TEST_HARNESS_MAIN
