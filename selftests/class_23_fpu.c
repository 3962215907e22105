// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 23: FPU state and XCR0 leak between host and guest or get lost. The
 * host's registers are loaded and stored in the same piece of assembly that
 * calls SVMM_RUN, so that nothing but the system call lies in between; the
 * guests check their own.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define ROUNDS	300

/* RUN with XMM0-15 (or YMM0-15) full of a pattern; what they hold after it goes to @after. */
#define RUN_WITH(name, isa, mov, width)						\
static __attribute__((noinline, target(isa))) long					\
name(int vcpu, const uint8_t *before, uint8_t *after)					\
{											\
	long ret = SYS_ioctl;								\
											\
	asm volatile(									\
		".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n\t"	\
		mov " " #width " * \\n(%[before]), " PREFIX_##width "\\n\n\t"		\
		".endr\n\t"								\
		"syscall\n\t"								\
		".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n\t"	\
		mov " " PREFIX_##width "\\n, " #width " * \\n(%[after])\n\t"		\
		".endr"									\
		: "+a"(ret)								\
		: "D"((long)vcpu), "S"(SVMM_RUN), "d"(0L),				\
		  [before] "r"(before), [after] "r"(after)				\
		: "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",	\
		  "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",	\
		  "xmm13", "xmm14", "xmm15");						\
	return ret;									\
}

#define PREFIX_16 "%%xmm"
#define PREFIX_32 "%%ymm"
RUN_WITH(run_with_sse, "sse2", "movups", 16)
RUN_WITH(run_with_avx, "avx", "vmovups", 32)

static bool host_has_avx(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && c & bit_AVX && c & bit_OSXSAVE;
}

static uint64_t host_xcr0(void)
{
	uint32_t a, d;

	asm volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return a | (uint64_t)d << 32;
}

static void set_control(uint32_t mxcsr, uint16_t fcw)
{
	asm volatile("ldmxcsr %0; fldcw %1" : : "m"(mxcsr), "m"(fcw));
}

static void get_control(uint32_t *mxcsr, uint16_t *fcw)
{
	asm volatile("stmxcsr %0; fnstcw %1" : "=m"(*mxcsr), "=m"(*fcw));
}

static void host_keeps(struct __test_metadata *_metadata, struct vmt *v, unsigned int seed)
{
	bool avx = host_has_avx();
	uint8_t before[512], after[512];
	unsigned int n = avx ? 512 : 256;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t xcr0 = avx ? host_xcr0() : 0;
		uint32_t mxcsr;
		uint16_t fcw;
		long ret;

		for (unsigned int i = 0; i < n; i++)
			before[i] = seed + round + i * 7;
		memset(after, 0, sizeof(after));
		set_control(0x1fc0, 0x027f);
		ret = avx ? run_with_avx(v->vcpu, before, after) :
			    run_with_sse(v->vcpu, before, after);
		get_control(&mxcsr, &fcw);
		set_control(0x1f80, 0x037f);
		if (ret == -EINTR)
			continue;
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, memcmp(before, after, n)) {
			TH_LOG("round %d: the host's registers changed", round);
		}
		EXPECT_EQ(0x1fc0, mxcsr);
		EXPECT_EQ(0x027f, fcw);
		if (avx)
			EXPECT_EQ(xcr0, host_xcr0());
		/* and the guest says that its own are right */
		ASSERT_EQ(SVMM_EXIT_IO, v->page->exit.reason);
		ASSERT_EQ(1, *(uint32_t *)((char *)v->page + v->page->exit.io.data_offset)) {
			vmt_dump(v);
		}
	}
}

TEST(host_and_guest)
{
	struct vmt v;

	vmt_open(&v);
	vmt_load(&v, "hostile");
	vmt_start(&v, "fpu");
	vmt_arg(&v, 0) = 0x1111222233334444;
	host_keeps(_metadata, &v, 1);
	vmt_close(&v);
}

TEST(host_and_guest_with_avx)
{
	struct vmt v;

	vmt_open(&v);
	if ((v.caps.xcr0 & 7) != 7)
		SKIP(return, "no AVX for guests on this host");
	vmt_load(&v, "hostile");
	vmt_start(&v, "avx");
	vmt_arg(&v, 0) = 0x1111222233334444;
	host_keeps(_metadata, &v, 1);
	vmt_close(&v);
}

/* Guests with and without AVX, in several threads on the same CPUs. */
static volatile bool bad;

static void *guest_thread(void *arg)
{
	unsigned long n = (unsigned long)arg;
	struct vmt v;

	vmt_open(&v);
	vmt_load(&v, "hostile");
	vmt_start(&v, n % 2 && (v.caps.xcr0 & 7) == 7 ? "avx" : "fpu");
	vmt_arg(&v, 0) = 0x0101010101010101 * n;
	for (int i = 0; i < ROUNDS && !bad; i++) {
		if (vmt_report(&v) != 1) {
			vmt_dump(&v);
			bad = true;
		}
		if (!(i % 16))
			usleep(100);
	}
	vmt_close(&v);
	return NULL;
}

TEST(many_guests)
{
	pthread_t t[6];

	for (unsigned long i = 0; i < 6; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, guest_thread, (void *)(i + 1)));
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	EXPECT_FALSE(bad);
}

/* A guest's XCR0 is its own: one that sets 1 does not take AVX from one that has it. */
TEST(xcr0_of_two_guests)
{
	struct vmt a, b;

	vmt_open(&a);
	if (!a.caps.xcr0)
		SKIP(return, "no XSAVE on this host");
	vmt_load(&a, "exits");
	vmt_start(&a, "xsetbv");
	vmt_boot(&b, "exits", "xsetbv");
	ASSERT_EQ(NO_FAULT, vmt_call(&a, 1, 0, 0));
	ASSERT_EQ(NO_FAULT, vmt_call(&b, a.caps.xcr0, 0, 0));
	for (int i = 0; i < 10; i++) {
		EXPECT_EQ(V_GP, vmt_call(&a, 0, 0, 0));
		EXPECT_EQ(1, vmt_res(&a, 0));
		EXPECT_EQ(V_GP, vmt_call(&b, 0, 0, 0));
		EXPECT_EQ(a.caps.xcr0, vmt_res(&b, 0));
		EXPECT_NE(1, host_xcr0());
	}
	vmt_close(&a);
	vmt_close(&b);
}

TEST_HARNESS_MAIN
