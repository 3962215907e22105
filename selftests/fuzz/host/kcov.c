// SPDX-License-Identifier: GPL-2.0
/* KCOV, by its file in debugfs (Documentation/dev-tools/kcov.rst). */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kcov.h"

#define INIT_TRACE	_IOR('c', 1, unsigned long)
#define ENABLE		_IO('c', 100)
#define TRACE_PC	0

/* A count, and so many addresses; NULL: no KCOV. */
static uint64_t *trace;

bool kcov_start(void)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (!ioctl(fd, INIT_TRACE, KCOV_BLOCKS))
		trace = mmap(NULL, KCOV_BLOCKS * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (trace == MAP_FAILED || (trace && ioctl(fd, ENABLE, TRACE_PC)))
		trace = NULL;
	return trace;		/* whose descriptor stays open */
}

void kcov_clear(void)
{
	if (trace)
		__atomic_store_n(trace, 0, __ATOMIC_RELAXED);
}

unsigned long kcov_blocks(const uint64_t **blocks)
{
	if (!trace)
		return 0;
	*blocks = trace + 1;
	return __atomic_load_n(trace, __ATOMIC_RELAXED);
}
