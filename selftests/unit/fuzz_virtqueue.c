// SPDX-License-Identifier: GPL-2.0
// needs: userspace/virtqueue.c userspace/virtqueue_split.c userspace/virtqueue_packed.c
// needs: userspace/iov.c
/*
 * What libFuzzer has found for fuzz/virtqueue.c, once more.
 */
#include "../fuzz/virtqueue.c"
#include "fuzz_replay.h"

int main(void)
{
	return replay_main("virtqueue");
}
