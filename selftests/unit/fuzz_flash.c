// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/flash.c
/*
 * What libFuzzer has found for fuzz/flash.c, once more.
 */
#include "../fuzz/flash.c"
#include "fuzz_replay.h"

int main(void)
{
	return replay_main("flash");
}
