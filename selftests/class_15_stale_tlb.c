// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 15: translations that should be gone. The module has two ASIDs for guests; six vCPUs of
 * four VMs share them, and their threads change CPUs all the time. Guests change their own page
 * tables, and the host takes pages from under them: nobody ever sees the page of before.
 *
 * The emulated host flushes all TLBs at every VMRUN, so that there only a CPU that was not kicked
 * can show; the decisions themselves are model-checked in unit/asid.c.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 * hosts: epyc-6.1 opteron-6.12
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define NR_FLIP		3	/* VMs of one vCPU that change their page tables */
#define NR_WATCH	3	/* vCPUs of one VM whose memory the host replaces */
#define NR		(NR_FLIP + NR_WATCH)
#define WARPS		(G_FREE + 0x9010)
#define ROUNDS(i)	(G_FREE + 0xa000 + 8 * (i))
#define SEEN(i)		(G_FREE + 0xb000 + 8 * (i))
#define WATCHED		(G_PAGED + 0x100000)

static volatile bool stop;

static void wake(int sig)
{
}

static void *wander(void *arg)
{
	struct vmt *v = arg;
	unsigned int n = 0;
	int ret;

	do {
		vmt_pin(n++);
		ret = svmm_run(v->vcpu);
	} while (ret == -EINTR && !stop);
	return (void *)(long)ret;
}

static bool two_asids(void)
{
	char line[32] = "";
	FILE *f;

	if (system("rmmod svmm && insmod out/modules/$(uname -r)/svmm.ko max_asids=2"))
		return false;
	f = fopen("/sys/module/svmm/parameters/max_asids", "r");
	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	return atoi(line) == 2;
}

static void place(struct vmt *v, unsigned int index, const char *entry)
{
	vmt_start(v, entry);
	v->page->gpr.r15 = index;
	v->page->mp.state = SVMM_MP_RUNNABLE;
	v->page->dirty |= SVMM_STATE_MP;
}

TEST(nobody_sees_what_was)
{
	struct sigaction sa = { .sa_handler = wake };
	static struct vmt v[NR];
	struct vmt *w = v + NR_FLIP;
	pthread_t thread[NR];
	void *page;

	if (!two_asids())
		SKIP(return, "the module cannot be loaded with two ASIDs");
	for (int i = 0; i <= NR_FLIP; i++) {
		vmt_open(&v[i]);
		vmt_load(&v[i], "smp");
	}
	EXPECT_EQ(3, v->caps.nr_asids);
	for (int i = 1; i < NR_WATCH; i++)
		vmt_open_vcpu(&w[i], w, i);
	for (int i = 0; i < NR_FLIP; i++)
		place(&v[i], 0, "flip");
	for (int i = 0; i < NR_WATCH; i++)
		place(&w[i], i, "watch");
	sigaction(SIGUSR1, &sa, NULL);
	for (int i = 0; i < NR; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, wander, &v[i]));

	for (uint64_t k = 1; k <= 100; k++) {
		uint64_t was[NR_WATCH];

		page = mmap(w->ram + WATCHED, PAGE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		ASSERT_NE(MAP_FAILED, page);
		*vmt_u64(w, WATCHED) = k;
		__sync_synchronize();
		for (int i = 0; i < NR_WATCH; i++)
			was[i] = *vmt_u64(w, ROUNDS(i));
		pthread_kill(thread[k % NR], SIGUSR1);
		for (int i = 0; i < NR_WATCH; i++) {
			for (int t = 0; t < 20000 && *vmt_u64(w, ROUNDS(i)) < was[i] + 2; t++)
				usleep(100);
			ASSERT_LE(was[i] + 2, *vmt_u64(w, ROUNDS(i)));
			ASSERT_EQ(k, *vmt_u64(w, SEEN(i))) {
				TH_LOG("vCPU %d", i);
			}
		}
	}

	stop = true;
	for (int i = 0; i < NR; i++) {
		void *ret;

		v[i].page->immediate_exit = 1;
		while (pthread_tryjoin_np(thread[i], &ret)) {
			pthread_kill(thread[i], SIGUSR1);
			usleep(1000);
		}
		EXPECT_EQ(-EINTR, (long)ret);
	}
	for (int i = 0; i < NR_FLIP; i++) {
		EXPECT_EQ(0, *vmt_u64(&v[i], WARPS));
		EXPECT_LT(100, *vmt_u64(&v[i], ROUNDS(0)));
	}
	for (int i = 1; i < NR_WATCH; i++) {
		munmap(w[i].page, w[i].caps.vcpu_mmap_bytes);
		close(w[i].vcpu);
	}
	for (int i = 0; i <= NR_FLIP; i++)
		vmt_close(&v[i]);
}

TEST_HARNESS_MAIN
