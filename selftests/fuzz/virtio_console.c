// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on virtio-console: any driver, and ends in the host that come, go, give and take. What
 * must hold is that nothing of it reaches beyond guest memory, and that no more input is taken than
 * there is.
 *
 * needs: userspace/devices/virtio_console.c userspace/devices/virtio_served.c
 * needs: userspace/virtqueue.c userspace/virtqueue_packed.c userspace/virtqueue_split.c
 * needs: userspace/iov.c
 * max-len: 1024
 */
#include "served.h"
#include "../../userspace/devices/virtio_console.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct console {
	const struct console_end *end;
	void *opaque;
	bool connected;
	uint32_t room;
	uint32_t sum;			/* of what was written: every byte is looked at */
};

static struct console hosts[3];

int console_attach_end(struct console *c, struct machine *m, const struct console_end *end,
		       void *opaque)
{
	(void)m;
	c->end = end;
	c->opaque = opaque;
	return 0;
}

void console_detach(struct console *c)
{
	c->end = NULL;
}

int console_write(struct console *c, const void *data, unsigned int bytes)
{
	const uint8_t *p = data;

	if (!bytes)
		abort();
	if (!c->connected)
		return bytes;
	if (bytes > c->room)
		bytes = c->room;
	c->room -= bytes;
	for (unsigned int i = 0; i < bytes; i++)
		c->sum += p[i];
	return bytes;
}

void console_push(struct console *c)
{
	c->sum++;
}

void console_input_room(struct console *c)
{
	uint8_t text[100] = "some text";

	if (next_byte() & 1)
		c->end->receive(c->opaque, text, 1 + next_byte() % sizeof(text));
}

bool console_connected(const struct console *c)
{
	return c->connected;
}

static void operate(unsigned int op)
{
	struct console *c = &hosts[op % 3];
	uint8_t text[256] = { 1, 2, 3 };
	unsigned int bytes = 1 + next_byte() % sizeof(text);

	switch (op / 3 % 4) {
	case 0:
		if (c->end->receive(c->opaque, text, bytes) > bytes)
			abort();
		break;
	case 1:
		c->room = next_word();
		c->end->writable(c->opaque);
		break;
	case 2:
		c->connected = !c->connected;
		c->end->connected(c->opaque);
		break;
	case 3:
		loop_once();
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct virtio_console_port ports[] = { { "a", &hosts[1] }, { "b", &hosts[2] } };
	struct virtio_console *vc;

	fake_init();
	memset(hosts, 0, sizeof(hosts));
	vc = virtio_console_new(NULL, &hosts[0], ports, 2);
	if (!vc)
		abort();
	fuzz(data, size, operate);
	virtio_console_free(vc);
	if (fake.nr_watches)
		abort();
	return 0;
}
