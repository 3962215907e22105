// SPDX-License-Identifier: GPL-2.0
/* Failures that the kernel injects. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "failures.h"
#include "memory.h"

static const char *const settings[][2] = {
	/* Also what may not wait, or is in high memory; of any size; without a log entry each. */
	{ "failslab/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "fail_page_alloc/min-order", "0" },
	{ "failslab/verbose", "0" },
	{ "fail_page_alloc/verbose", "0" },
	{ "fail_usercopy/verbose", "0" },
};

const char *failures_why_not(void)
{
	char path[80];

	if (access("/proc/thread-self/fail-nth", W_OK))
		return "the kernel does not inject failures";
	for (unsigned int i = 0; i < ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i][0]);
		if (!write_file(path, settings[i][1]))
			return "no debugfs of injected failures";
	}
	return NULL;
}

bool fail_nth(unsigned int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", nth);
	return write_file("/proc/thread-self/fail-nth", text);
}

bool has_failed(void)
{
	char text[16] = "";
	int fd = open("/proc/thread-self/fail-nth", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	return n > 0 && atoi(text) == 0;
}
