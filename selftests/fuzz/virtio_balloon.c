// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on virtio-balloon: any driver, targets and questions at any time. What must hold: that
 * only whole pages of guest memory are given back, and that what the driver says does not become
 * what it shall do.
 *
 * needs: userspace/devices/virtio_balloon.c userspace/devices/virtio_served.c
 * needs: userspace/virtqueue.c userspace/virtqueue_packed.c userspace/virtqueue_split.c
 * needs: userspace/iov.c
 * max-len: 1024
 */
#include "served.h"
#include "../../userspace/devices/virtio_balloon.h"
#include "../../userspace/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct virtio_balloon *b;

int machine_discard(struct machine *m, void *start, uint64_t bytes)
{
	uint8_t *p = start;

	(void)m;
	if (p < guest.host || bytes > guest.bytes ||
	    (uint64_t)(p - guest.host) > guest.bytes - bytes || (p - guest.host) % 4096 ||
	    bytes % 4096 || !bytes)
		abort();
	memset(p, 0, bytes);
	return bytes == 8192 ? -EINVAL : 0;
}

void message(const char *format, ...)
{
	(void)format;
}

bool message_guest(void)
{
	return true;
}

static void operate(unsigned int op)
{
	struct balloon_stats stats;
	uint32_t *config = vdev.model.config;

	switch (op % 4) {
	case 0:
		balloon_set_target(b, (uint64_t)next_word() << next_byte() % 48);
		break;
	case 1:
		balloon_refresh(b);
		break;
	case 2:
		config[next_byte() & 1] = next_word();
		vdev.model.ops->config_write(vdev.model.opaque, 0, 4);
		break;
	case 3:
		balloon_stats(b, &stats);
		if (stats.target / 4096 != config[0] || stats.valid >> VIRTIO_BALLOON_S_NR)
			abort();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct balloon_options options = { .reporting = size & 1 };

	fake_init();
	b = virtio_balloon_new(NULL, &options);
	if (!b)
		abort();
	fuzz(data, size, operate);
	virtio_balloon_free(b);
	if (fake.nr_watches)
		abort();
	return 0;
}
