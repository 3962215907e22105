// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/virtio.c userspace/devices/virtio_pci.c userspace/devices/virtio_blk.c
// needs: userspace/devices/pci_bus.c userspace/devices/pci_function.c userspace/devices/msix.c
// needs: userspace/virtqueue.c userspace/virtqueue_split.c userspace/virtqueue_packed.c
// needs: userspace/iov.c
// libs: -pthread
/*
 * What libFuzzer has found for fuzz/virtio_blk.c, once more.
 */
#include "../fuzz/virtio_blk.c"
#include "fuzz_replay.h"

int main(void)
{
	return replay_main("virtio_blk");
}
