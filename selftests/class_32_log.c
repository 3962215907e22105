// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 32: a guest, or whoever has an fd, fills the host's log.  A guest tries 100,000 times
 * what it may not; a process makes 100,000 calls that are refused, and has states run that no
 * processor takes.  The host's log gets a few lines of that at most.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 * hosts: epyc-6.1
 * timeout: 90
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define ROUNDS		7000		/* of a guest, which tries 15 things in each */
#define CALLS		100000
#define STATES		2000
#define FEW		10
#define GROUPS_BYTES	(sizeof(struct svmm_vcpu_page) - offsetof(struct svmm_vcpu_page, gpr))

static int open_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	if (fd >= 0 && lseek(fd, 0, SEEK_END) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Lines since then. */
static unsigned int lines(int log)
{
	char line[8192];
	unsigned int nr = 0;
	ssize_t n;

	for (;;) {
		n = read(log, line, sizeof(line) - 1);
		if (n < 0 && errno == EPIPE) {
			nr += FEW;	/* it was faster than we */
			continue;
		}
		if (n <= 0)
			return nr;
		line[n] = 0;
		if (nr++ < 2 * FEW)
			printf("# the host says: %s\n", strtok(line, "\n"));
		fflush(stdout);
	}
}

static void any_io(struct vmt *v, struct vmt_io *io)
{
}

static void any_mmio(struct vmt *v, struct vmt_mmio *m)
{
}

TEST(class_32_log_of_a_guest)
{
	int log = open_log();
	struct vmt v;

	ASSERT_LE(0, log);
	vmt_deadline(60);
	vmt_boot(&v, "hostile", "flood");
	v.on_io = any_io;
	v.on_mmio = any_mmio;
	vmt_arg(&v, 0) = ROUNDS;
	vmt_done(&v);
	vmt_close(&v);
	EXPECT_GE(FEW, lines(log));
	close(log);
}

TEST(class_32_log_of_calls)
{
	uint8_t argument[4096];
	int log = open_log();
	unsigned int refused = 0;
	struct vmt v;

	ASSERT_LE(0, log);
	vmt_deadline(60);
	vmt_open(&v);
	srandom(1);
	for (int i = 0; i < CALLS; i++) {
		const int fds[] = { v.svmm, v.vm, v.vcpu };
		unsigned int nr = random() % 64, bytes = random() % 5 ? random() % 128 : 4096;

		for (unsigned int j = 0; j < sizeof(argument); j += 4)
			((uint32_t *)argument)[j / 4] = random() | 0x80000000;
		refused += ioctl(fds[i % 3], _IOC(random() % 4, SVMM_IOC, nr, bytes),
				 argument) < 0;
	}
	EXPECT_LE(CALLS * 9 / 10, refused);
	vmt_close(&v);
	EXPECT_GE(FEW, lines(log));
	close(log);
}

/* Each of them is refused, ends the guest or is run; none is worth a line but now and then. */
TEST(class_32_log_of_states)
{
	int log = open_log();
	struct vmt v;

	ASSERT_LE(0, log);
	vmt_deadline(60);
	srandom(1);
	vmt_boot(&v, "hostile", "loop_jmp");
	vmt_tick(5);
	for (int i = 0; i < STATES; i++) {
		uint8_t *groups = (uint8_t *)&v.page->gpr;

		for (int j = 0; j < 16; j++)
			groups[random() % GROUPS_BYTES] = random();
		v.page->dirty = SVMM_STATE_SEG | SVMM_STATE_CR | SVMM_STATE_EVENTS;
		svmm_run(v.vcpu);
	}
	vmt_close(&v);
	EXPECT_GE(FEW, lines(log));
	close(log);
}

TEST_HARNESS_MAIN
