// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 1: SVM's instructions, which take host-physical addresses, are #UD
 * for a guest at every privilege level; nothing of the host changes.
 *
 * The canary is a page of this process whose physical address the guest is
 * given (VMSAVE would write to it).
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

static const char * const insn[] = {
	"VMRUN", "VMLOAD", "VMSAVE", "STGI", "CLGI", "SKINIT", "INVLPGA",
};

static uint8_t *canary(uint64_t *physical)
{
	uint8_t *page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	memset(page, 0xca, PAGE_SIZE);
	if (pread(fd, &entry, 8, (uintptr_t)page / PAGE_SIZE * 8) != 8)
		entry = 0;
	close(fd);
	*physical = (entry & ((1ULL << 55) - 1)) * PAGE_SIZE;
	return page;
}

static void expect_ud(struct __test_metadata *_metadata, const char *entry, unsigned int count)
{
	struct timespec ms = { 0, 20000000 };
	uint64_t physical;
	uint8_t *page = canary(&physical);
	struct vmt v;

	ASSERT_NE(0, physical);
	vmt_boot(&v, "hostile", entry);
	vmt_arg(&v, 0) = physical;
	vmt_done(&v);
	for (unsigned int i = 0; i < count; i++) {
		EXPECT_EQ(V_UD, vmt_res(&v, i)) {
			TH_LOG("%s in %s", insn[i], entry);
		}
	}
	for (unsigned int i = 0; i < PAGE_SIZE; i++)
		ASSERT_EQ(0xca, page[i]);
	/* GIF is set: the host's timer interrupt still comes */
	EXPECT_EQ(0, nanosleep(&ms, NULL));
	vmt_close(&v);
}

TEST(kernel_mode)
{
	expect_ud(_metadata, "svm_cpl0", 7);
}

TEST(user_mode)
{
	expect_ud(_metadata, "svm_cpl3", 7);
}

TEST(real_mode)
{
	expect_ud(_metadata, "svm_real", 4);
}

TEST_HARNESS_MAIN
