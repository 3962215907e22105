// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/fw_cfg.c
/*
 * What libFuzzer has found for fuzz/fw_cfg.c, once more.
 */
#include "../fuzz/fw_cfg.c"
#include "fuzz_replay.h"

int main(void)
{
	return replay_main("fw_cfg");
}
