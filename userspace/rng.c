// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "rng.h"
#include "subopt.h"

const char rng_help[] =
"  --rng[=rate=N]    a source of random numbers (virtio-rng), of at most N bytes in\n"
"                    a second, with suffix K or M\n";

bool rng_parse(const char *text, struct rng_options *rng, char *why, size_t bytes)
{
	uint64_t rate = 0;

	if (text && (strncmp(text, "rate=", 5) || !subopt_size(text + 5, 1, UINT32_MAX, &rate) ||
		     !rate)) {
		snprintf(why, bytes, "use rate=N, with N bytes in a second; K and M can follow");
		return false;
	}
	*rng = (struct rng_options) { .wanted = true, .rate = rate };
	return true;
}
