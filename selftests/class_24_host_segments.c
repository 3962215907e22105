// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 24: host segments, TR, LDT, FS and GS bases or SYSCALL MSRs are
 * wrong after VMRUN. Processes with an LDT, with 32-bit code and with a GS base
 * of their own run over all CPUs, and in the thread that runs guests, while
 * guests load all of these with nonsense.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define SECONDS		3
#define LDT_SELECTOR	7		/* entry 0, LDT, RPL 3 */

static uint32_t in_ldt[16] = { 0x11223344, 0x55667788 };
static volatile bool stop;

/* Memory below 4 GiB: code for 32-bit mode, and what the LDT's segment covers. */
static uint8_t *low;

/* 32-bit code: getpid() by INT 80h, and back to 64-bit code at an address that is filled in. */
static const uint8_t code32[] = {
	0xb8, 0x14, 0x00, 0x00, 0x00,			/* mov $20, %eax */
	0xcd, 0x80,					/* int $0x80 */
	0xea, 0x00, 0x00, 0x00, 0x00, 0x33, 0x00,	/* ljmp $0x33, $back */
};

static bool prepare(void)
{
	struct user_desc d = { .seg_32bit = 1, .limit = 0xfff, .useable = 1 };
	uint32_t back;

	/* a static program is below 4 GiB */
	asm("mov $back_from_32, %0" : "=r"(back));
	low = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		return false;
	memcpy(low, code32, sizeof(code32));
	memcpy(low + 8, &back, 4);
	memcpy(low + 0x100, in_ldt, sizeof(in_ldt));
	d.base_addr = (uintptr_t)low;
	return !syscall(SYS_modify_ldt, 1, &d, sizeof(d));
}

/*
 * getpid() from 32-bit code, on a stack that it can reach. A far jump, since
 * QEMU's far call and return take the user's stack for the kernel's (SMAP).
 */
static __attribute__((noinline, noclone)) long getpid32(void)
{
	const struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) far = { (uintptr_t)low, 0x23 };
	long ret;

	asm volatile("mov %%rsp, %%r12\n\t"
		     "mov %1, %%rsp\n\t"
		     "ljmp *(%2)\n"
		     ".globl back_from_32\n"
		     "back_from_32:\n\t"
		     "mov %%r12, %%rsp"
		     : "=a"(ret)
		     : "r"(low + PAGE_SIZE), "r"(&far), "m"(far)
		     : "rcx", "rdx", "rbx", "rsi", "r8", "r9", "r10", "r11", "r12", "memory");
	return ret;
}

static uint32_t read_gs(unsigned int offset)
{
	uint32_t value;

	asm volatile("movl %%gs:(%1), %0" : "=r"(value) : "r"((uint64_t)offset));
	return value;
}

static uint16_t selector_es(void)
{
	uint16_t value;

	asm volatile("mov %%es, %0" : "=r"(value));
	return value;
}

static uint16_t selector_gs(void)
{
	uint16_t value;

	asm volatile("mov %%gs, %0" : "=r"(value));
	return value;
}

/* What is wrong with this thread's segments, or NULL.  GS and ES are the LDT's. */
static const char *ldt_flaw(void)
{
	if (selector_gs() != LDT_SELECTOR)
		return "GS selector";
	if (selector_es() != LDT_SELECTOR)
		return "ES selector";
	if (read_gs(0x100) != in_ldt[0] || read_gs(0x104) != in_ldt[1])
		return "GS base";
	return NULL;
}

static void load_ldt_selectors(void)
{
	asm volatile("mov %0, %%gs; mov %0, %%es" : : "r"((uint16_t)LDT_SELECTOR));
}

/* A process beside the guests: LDT and 32-bit code, hopping over the CPUs. */
static void bystander(void)
{
	pid_t me = getpid();
	time_t end = time(NULL) + SECONDS;
	unsigned int n = 0;

	if (!prepare())
		_exit(3);
	load_ldt_selectors();
	while (time(NULL) <= end) {
		vmt_pin(n++);
		if (ldt_flaw())
			_exit(1);
		if (getpid32() != me || syscall(SYS_getpid) != me)
			_exit(2);
	}
	_exit(0);
}

static void *guest(void *arg)
{
	struct vmt v;

	vmt_boot(&v, "hostile", "segments");
	while (!stop) {
		int event = vmt_run(&v);

		if (event == VMT_REPORT && v.report == 1)
			continue;
		if (event == VMT_REPORT)
			return "the guest's segments changed";
		vmt_dump(&v);
		return "the guest ended";
	}
	vmt_close(&v);
	return NULL;
}

TEST(processes_beside_guests)
{
	pid_t pid[2];
	pthread_t t[2];

	for (int i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i])
			bystander();
	}
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, guest, NULL));
	for (int i = 0; i < 2; i++) {
		int status;

		ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
		EXPECT_EQ(0, status) {
			TH_LOG("1: segments, 2: system calls, 3: no LDT; status %#x", status);
		}
	}
	stop = true;
	for (int i = 0; i < 2; i++) {
		void *flaw;

		pthread_join(t[i], &flaw);
		EXPECT_EQ(NULL, flaw) {
			TH_LOG("%s", (char *)flaw);
		}
	}
}

/* The thread that runs the guest has the LDT itself, and changes it in between. */
TEST(ldt_in_the_running_thread)
{
	pid_t me = getpid();
	struct vmt v;

	vmt_boot(&v, "hostile", "segments");
	ASSERT_TRUE(prepare());
	for (int i = 0; i < 200; i++) {
		struct user_desc d = { .entry_number = 1 + i % 100, .seg_32bit = 1,
				       .limit = 0xfff, .useable = 1 };
		const char *flaw;
		uint32_t report;

		load_ldt_selectors();
		report = vmt_report(&v);
		flaw = ldt_flaw();
		asm volatile("mov %0, %%gs; mov %0, %%es" : : "r"((uint16_t)0));
		ASSERT_EQ(1, report);
		ASSERT_EQ(NULL, flaw) {
			TH_LOG("round %d: %s", i, flaw);
		}
		ASSERT_EQ(me, getpid32());
		/* a larger LDT is another table at another address */
		ASSERT_EQ(0, syscall(SYS_modify_ldt, 1, &d, sizeof(d)));
	}
	vmt_close(&v);
}

/* GS base by arch_prctl: 64 bits. FS base is the C library's, and everything here uses it. */
TEST(gs_base)
{
	const uint64_t base = 0x7ffff0001000;
	struct vmt v;

	vmt_boot(&v, "hostile", "segments");
	ASSERT_EQ(0, syscall(SYS_arch_prctl, ARCH_SET_GS, base));
	for (int i = 0; i < 200; i++) {
		uint64_t now = 0;

		ASSERT_EQ(1, vmt_report(&v));
		ASSERT_EQ(0, syscall(SYS_arch_prctl, ARCH_GET_GS, &now));
		ASSERT_EQ(base, now);
		errno = i;
		ASSERT_EQ(i, errno);
	}
	vmt_close(&v);
}

TEST_HARNESS_MAIN
