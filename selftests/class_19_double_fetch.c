// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 19: double fetch from the shared page. Another thread flips its
 * bytes while RUN and SET_STATE commit; nothing that was not validated reaches
 * the VMCB, and the exit record and data areas that the kernel reads back are
 * harmless whatever they hold.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 * hosts: epyc-6.1
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kselftest_harness.h"
#include "lib/vmcb_check.h"

#define SECONDS	3

static struct vmt v;
static volatile int stop;

/* Legal and illegal values of what matters most, in turns, as fast as it goes. */
static void *flip_fields(void *arg)
{
	volatile struct svmm_vcpu_page *p = v.page;

	while (!stop) {
		p->cr.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME;
		p->cr.cr0 = 1ULL << 40;
		p->cr.cr4 = ~0ULL;
		p->dr.dr7 = ~0ULL;
		p->msr.pat = ~0ULL;
		p->events.flags = ~0U;
		p->events.vector = 0xffff;
		p->seg.tr.attrib = 0xffff;
		p->gpr.rflags = ~0ULL;
		p->cr.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
		p->cr.cr0 = CR0_PG | CR0_PE | CR0_ET | CR0_NE | CR0_WP;
		p->cr.cr4 = CR4_PAE | CR4_OSFXSR;
		p->dr.dr7 = 0x400;
		p->msr.pat = 0x0007040600070406;
		p->events.flags = 0;
		p->events.vector = 0;
		p->seg.tr.attrib = 0x8b;
		p->gpr.rflags = RFLAGS_FIXED;
	}
	return NULL;
}

/* Every byte of the whole area, now and then put right again. */
static void *flip_bytes(void *arg)
{
	volatile uint8_t *b = (void *)v.page;
	static uint8_t good[1 << 16];
	size_t n = v.caps.vcpu_mmap_bytes < sizeof(good) ? v.caps.vcpu_mmap_bytes : sizeof(good);
	unsigned int seed = 1;

	memcpy(good, v.page, n);
	while (!stop) {
		/* not immediate_exit: RUN shall run */
		size_t at = 4 + rand_r(&seed) % (n - 4);

		b[at] ^= 1 << rand_r(&seed) % 8;
		if (!(rand_r(&seed) % 64))
			memcpy((uint8_t *)v.page + 4, good + 4, n - 4);
	}
	return NULL;
}

static void race(struct __test_metadata *_metadata, void *(*flipper)(void *), bool run)
{
	static struct svmm_debug_vmcb d;
	unsigned int loaded = 0, refused = 0;
	pthread_t thread;
	time_t end;

	vmt_boot(&v, "modes", "alive");
	ASSERT_EQ(0, svmm_set_state(v.vcpu));
	vmt_get(&v, SVMM_STATE_ALL);
	vmt_tick(10);
	stop = 0;
	ASSERT_EQ(0, pthread_create(&thread, NULL, flipper, NULL));
	for (end = time(NULL) + SECONDS; time(NULL) < end;) {
		int ret;

		v.page->dirty = SVMM_STATE_CR | SVMM_STATE_DR | SVMM_STATE_MSR |
				SVMM_STATE_EVENTS | SVMM_STATE_SEG | SVMM_STATE_GPR;
		ret = run ? svmm_run(v.vcpu) : svmm_set_state(v.vcpu);
		if (ret == -EIO && run) {
			/* the guest was led astray and died: the next one */
			stop = 1;
			pthread_join(thread, NULL);
			vmt_close(&v);
			vmt_boot(&v, "modes", "alive");
			stop = 0;
			ASSERT_EQ(0, pthread_create(&thread, NULL, flipper, NULL));
			continue;
		}
		ASSERT_TRUE(ret == 0 || ret == -EINVAL || ret == -EINTR) {
			TH_LOG("%s gave %d", run ? "RUN" : "SET_STATE", ret);
		}
		loaded += ret != -EINVAL;
		refused += ret == -EINVAL;
		ASSERT_EQ(0, svmm_debug_vmcb(v.vcpu, &d));
		if (run && v.page->exit.reason == SVMM_EXIT_SHUTDOWN)
			continue;
		ASSERT_EQ(NULL, vmcb_flaw(&d)) {
			TH_LOG("%s", vmcb_flaw(&d));
		}
	}
	stop = 1;
	pthread_join(thread, NULL);
	/* both outcomes were seen: the race was one */
	EXPECT_NE(0, loaded);
	EXPECT_NE(0, refused);
	vmt_close(&v);
	vmt_boot(&v, "modes", "alive");
	EXPECT_EQ(0x600d, vmt_report(&v));
	vmt_close(&v);
}

TEST(fields_under_set_state)
{
	race(_metadata, flip_fields, false);
}

TEST(fields_under_run)
{
	race(_metadata, flip_fields, true);
}

TEST(bytes_under_set_state)
{
	race(_metadata, flip_bytes, false);
}

TEST(bytes_under_run)
{
	race(_metadata, flip_bytes, true);
}

/* The record of a port read is changed before it is completed: one element, 4 bytes, in RAX. */
TEST(exit_record_of_a_port_read)
{
	static const uint32_t nonsense[] = { 0, 1, 5, 4096, 0xffff, 0x7fffffff, ~0U };

	for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
		struct svmm_exit *e;

		vmt_boot(&v, "hostile", "loop_in");
		ASSERT_EQ(1, vmt_report(&v));
		ASSERT_EQ(SVMM_EXIT_IO, vmt_run(&v));
		e = &v.page->exit;
		memset((char *)v.page + e->io.data_offset, 0x77, 1);
		e->io.count = nonsense[i];
		e->io.bytes = nonsense[i];
		e->io.data_offset = nonsense[i];
		e->io.direction = nonsense[i];
		e->reason = nonsense[i];
		v.page->io_offset = nonsense[i];
		ASSERT_EQ(SVMM_EXIT_IO, vmt_run(&v));
		EXPECT_EQ(1, e->io.count);
		EXPECT_EQ(1, e->io.bytes);
		vmt_get(&v, SVMM_STATE_GPR);
		EXPECT_EQ(0x77, v.page->gpr.rax & 0xff);
		EXPECT_EQ(0, v.page->gpr.rax >> 8);
		vmt_close(&v);
	}
}

/* The same for MMIO. */
TEST(exit_record_of_an_mmio_read)
{
	static const uint32_t nonsense[] = { 0, 1, 5, 4096, 0xffff, 0x7fffffff, ~0U };

	for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
		struct svmm_exit *e;

		vmt_boot(&v, "hostile", "loop_mmio_read");
		ASSERT_EQ(1, vmt_report(&v));
		ASSERT_EQ(SVMM_EXIT_MMIO, vmt_run(&v));
		e = &v.page->exit;
		memset(e->mmio.data, 0x77, 8);
		e->mmio.bytes = nonsense[i];
		e->mmio.is_write = nonsense[i];
		e->mmio.gpa = nonsense[i];
		e->reason = nonsense[i];
		ASSERT_EQ(SVMM_EXIT_MMIO, vmt_run(&v));
		EXPECT_EQ(G_MMIO, e->mmio.gpa);
		EXPECT_EQ(4, e->mmio.bytes);
		vmt_get(&v, SVMM_STATE_GPR);
		EXPECT_EQ(0x77777777, v.page->gpr.rax);
		vmt_close(&v);
	}
}

TEST_HARNESS_MAIN
