// SPDX-License-Identifier: GPL-2.0
/*
 * Bug classes 25 and 5: a RUN that cannot be killed. In each of many guest
 * loops (exit storms, fault loops, #AC and #DB delivery loops, HLT with IF=0,
 * timers as fast as they go) a signal gives -EINTR, SIGKILL ends the process
 * within a second, and the CPU is free for others.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 * timeout: 150
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

/* Emulation on two busy cores is slow; what hangs, hangs for ever. */
#define LIMIT_MS	(vmt_emulated_host() ? 3000 : 1000)

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static void any_io(struct vmt *v, struct vmt_io *io)
{
}

static void any_mmio(struct vmt *v, struct vmt_mmio *m)
{
}

FIXTURE(loop) {
	int unused;
};

FIXTURE_VARIANT(loop) {
	const char *entry;
};

#define LOOP(name) FIXTURE_VARIANT_ADD(loop, name) { .entry = "loop_" #name, }
LOOP(jmp);
LOOP(pause);
LOOP(cpuid);
LOOP(hlt);
LOOP(rdtsc);
LOOP(vmmcall);
LOOP(wbinvd);
LOOP(out);
LOOP(in);
LOOP(mmio_write);
LOOP(mmio_read);
LOOP(cr0);
LOOP(sti);
LOOP(msr);
LOOP(ud);
LOOP(pf);
LOOP(db);
LOOP(ac);
LOOP(db_stack);
LOOP(timer);
LOOP(deadline);
LOOP(ipi);
LOOP(no_eoi);
LOOP(real);
LOOP(rep);

FIXTURE_SETUP(loop)
{
}

FIXTURE_TEARDOWN(loop)
{
}

/* The victim says in *stage how far it is. */
static void victim(const char *entry, volatile int *stage)
{
	struct vmt v;

	vmt_boot(&v, "hostile", entry);
	v.on_io = any_io;
	v.on_mmio = any_mmio;
	if (vmt_report(&v) != 1)
		_exit(1);
	*stage = 1;
	vmt_run(&v);
	*stage = 2;
	for (;;)
		pause();
}

TEST_F(loop, killed)
{
	volatile int *stage = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t start;
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, stage);
	pid = fork();
	if (!pid)
		victim(variant->entry, stage);
	start = now_ms();
	while (!*stage && now_ms() - start < 10000)
		usleep(1000);
	ASSERT_EQ(1, *stage);
	usleep(150000);
	EXPECT_EQ(1, *stage) {
		TH_LOG("the guest ended by itself");
	}
	start = now_ms();
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_GT(LIMIT_MS, now_ms() - start);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* A signal with a handler: RUN gives -EINTR soon, and goes on when called again. */
TEST_F(loop, interrupted)
{
	struct vmt v;

	vmt_boot(&v, "hostile", variant->entry);
	v.on_io = any_io;
	v.on_mmio = any_mmio;
	ASSERT_EQ(1, vmt_report(&v));
	vmt_tick(20);
	for (int i = 0; i < 3; i++) {
		uint64_t start = now_ms();
		int ret = svmm_run(v.vcpu);

		EXPECT_GT(LIMIT_MS, now_ms() - start);
		if (!ret && (v.page->exit.reason == SVMM_EXIT_IO ||
			     v.page->exit.reason == SVMM_EXIT_MMIO))
			continue;	/* an exit to user space was sooner */
		if (ret != -EINTR)
			vmt_die(&v, "RUN gave %d", ret);
		EXPECT_EQ(SVMM_EXIT_INTR, v.page->exit.reason);
	}
	vmt_get(&v, SVMM_STATE_ALL);
	vmt_close(&v);
}

/* SVMM_SET_SIGMASK: blocked outside RUN, open in it; and the other way round. */
TEST(signal_mask)
{
	uint64_t open_mask = 0, usr1 = 1ULL << (SIGUSR1 - 1);
	uint64_t start;
	sigset_t set;
	struct vmt v;

	vmt_boot(&v, "hostile", "loop_jmp");
	ASSERT_EQ(1, vmt_report(&v));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	vmt_tick(20);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ASSERT_EQ(0, svmm_set_sigmask(v.vcpu, &open_mask));
	EXPECT_EQ(-EINTR, svmm_run(v.vcpu));
	sigpending(&set);
	/* pending again or not, it is blocked: usleep() is not cut short */
	start = now_ms();
	usleep(100000);
	EXPECT_LE(99, now_ms() - start);
	/* SIGKILL and SIGSTOP cannot be masked */
	usr1 = ~0ULL;
	EXPECT_EQ(0, svmm_set_sigmask(v.vcpu, &usr1));
	vmt_close(&v);
}

TEST_HARNESS_MAIN
