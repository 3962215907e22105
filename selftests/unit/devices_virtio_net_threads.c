// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/virtio_net.c userspace/devices/virtio_net_control.c
// needs: userspace/devices/virtio_net_queue.c userspace/iov.c userspace/virtqueue.c
// needs: userspace/virtqueue_split.c userspace/virtqueue_packed.c
// libs: -pthread
// timeout: 180
/*
 * virtio-net: its thread runs freely, while a driver only notifies and looks when it has to.
 */
#include "net_guest.h"

/* After stop() nothing of the guest's memory is used: it goes, and frames still arrive. */
static void test_stop(void)
{
	static const struct virtio_net_hdr_v1 none;

	for (unsigned int i = 0; i < 20; i++) {
		plug(0, 1, 0, false);
		begin(merging);
		for (unsigned int j = 0; j < 50; j++) {
			give(j, 200, 0);
			send(&none, 60, j, 0);
			arrive(90, j);
		}
		fake_net_run(0);
		usleep(i * 50);
		fake_stop();
		free(guest.host);
		guest.host = NULL;
		arrive(100, 1);
		fake_kick(TX);
		usleep(1000);
		virtio_net_free(card);
		fake_net_exit();
	}
}

/* What came for one driver is not the next one's, whether it was taken from the net or not. */
static void test_next_driver(void)
{
	plug(OFFLOADS, 1, 0, false);
	begin(merging | F(GUEST_CSUM) | F(GUEST_TSO4));
	give(0, 500, 0);
	arrive(1000, 1);
	arrive(100, 2);
	fake_net_turn(0);
	CHECK_EQ(fake_net.pair[0].to_guest.nr, 1);
	fake_net_run(0);
	fake_stop();
	fake_net.free_running = false;
	begin(merging);
	give(0, 2000, 0);
	CHECK_EQ(fake_net_turn(0), NET_RECEIVE);
	CHECK_EQ(received(0, 0), 0);
	arrive(50, 3);
	fake_net_turn(0);
	CHECK_EQ(received(50, 3), 1);
	end();
}

/* Both ways at once, with a driver that only notifies and looks when it has to. */
struct traffic {
	uint32_t sent, echoed, seen;	/* frames */
	unsigned int slept;
};

static uint32_t size_of(uint32_t n)
{
	uint32_t h = n * 2654435761u;

	return 14 + (h >> 28 ? h >> 8 & 0x7ff : h >> 8 & 0xffff);
}

/* A fixed place for each buffer of either queue. */
static struct driver_part rx_place[QUEUE_SIZE], tx_place[8];
static struct buffer rx_buffer[QUEUE_SIZE];
static unsigned int tx_free;

static void refill(void)
{
	for (unsigned int i = 0; i < QUEUE_SIZE; i++) {
		struct buffer *b = &rx_buffer[i];

		if (b->nr || driver_add(&queues[RX], &rx_place[i], 1, b) < 0)
			continue;
		b->part[0] = rx_place[i];
		b->nr = 1;
	}
	if (driver_must_notify(&queues[RX]))
		fake_kick(RX);
}

static void send_more(struct traffic *t, uint32_t frames)
{
	struct driver_used used;

	while (driver_collect(&queues[TX], &used) == 1)
		tx_free |= 1u << ((struct driver_part *)used.token - tx_place);
	while (t->sent < frames && tx_free && t->sent - t->seen < CABLE_FRAMES - 10) {
		unsigned int i = __builtin_ctz(tx_free);
		struct frame *f = frame_of(size_of(t->sent), t->sent);
		struct driver_part part = { tx_place[i].gpa, HEADER + f->bytes, false };

		memset(at(part.gpa), 0, HEADER);
		memcpy((uint8_t *)at(part.gpa) + HEADER, f->data, f->bytes);
		free(f);
		if (driver_add(&queues[TX], &part, 1, &tx_place[i]) < 0)
			break;
		tx_free &= ~(1u << i);
		t->sent++;
	}
	if (driver_must_notify(&queues[TX]))
		fake_kick(TX);
}

/* Whatever comes out goes in again. */
static void echo(struct traffic *t)
{
	struct frame *f;

	while (fake_net.pair[0].to_guest.nr < CABLE_FRAMES / 2 &&
	       (f = cable_take(&fake_net.pair[0].from_guest))) {
		memset(&f->header, 0, HEADER);
		cable_put(&fake_net.pair[0].to_guest, f);
		t->echoed++;
		eventfd_write(fake_net.pair[0].arrived, 1);
	}
}

static bool take_received(struct traffic *t)
{
	static uint8_t data[HEADER + NET_FRAME_MAX];
	struct virtio_net_hdr_v1 header = { .num_buffers = 1 };
	struct driver_used used;
	uint32_t done = 0;

	for (unsigned int n = 0; n < header.num_buffers; n++) {
		struct buffer *b;

		/* The rest of a frame is given back at once with its beginning, or nearly so. */
		while (!driver_collect(&queues[RX], &used)) {
			if (!n)
				return false;
		}
		b = used.token;
		done += copy_out(b, used.written, data + done);
		b->nr = 0;
		memcpy(&header, data, HEADER);
	}
	if (done != HEADER + size_of(t->seen) || !frame_is(data + HEADER, done - HEADER, t->seen)) {
		printf("# frame %u: %u bytes\n", t->seen, done);
		test_ok = false;
	}
	t->seen++;
	return true;
}

static unsigned int interrupts(void)
{
	return fake_virtio.interrupts[RX] + fake_virtio.interrupts[TX];
}

/* Nothing to do: wait for an interrupt, for 10 s. A lost notification of either side ends here. */
static bool idle(struct traffic *t, unsigned int before)
{
	t->slept++;
	for (unsigned int i = 0; i < 100000; i++) {
		if (interrupts() != before || fake_net.pair[0].from_guest.nr)
			return true;
		usleep(100);
	}
	printf("# no interrupt; %u sent, %u echoed, %u seen\n", t->sent, t->echoed, t->seen);
	return false;
}

static void traffic(uint64_t accepted, bool packed, uint32_t frames)
{
	struct traffic t = { 0 };

	plug(OFFLOADS, 1, 0, true);
	begin(accepted | F(GUEST_CSUM) | F(GUEST_TSO4) |
	      (packed ? 1ull << VIRTIO_F_RING_PACKED : 0));
	for (unsigned int i = 0; i < QUEUE_SIZE; i++) {
		rx_place[i] = memory(accepted & F(MRG_RXBUF) ? 1536 + 16 * i :
							       HEADER + NET_FRAME_MAX / 2, true);
		rx_buffer[i].nr = 0;
	}
	for (unsigned int i = 0; i < 8; i++)
		tx_place[i] = memory(HEADER + NET_FRAME_MAX, false);
	tx_free = 0xff;
	fake_net_run(0);
	while (test_ok && t.seen < frames) {
		unsigned int before = interrupts();
		bool more = false;

		echo(&t);
		while (take_received(&t))
			more = true;
		refill();
		send_more(&t, frames);
		if (more || driver_interrupts_on(&queues[RX], 0) ||
		    (!tx_free && driver_interrupts_on(&queues[TX], 0)))
			continue;
		CHECK(idle(&t, before));
	}
	CHECK_EQ(t.seen, frames);
	CHECK(!fake_virtio.broken);
	printf("# %u frames, waited %u times, %u interrupts, %u turns\n", t.seen, t.slept,
	       interrupts(), fake_net.turns);
	end();
}

static void test_traffic_split(void)
{
	traffic(merging, false, 3000);
	traffic(merging | 1ull << VIRTIO_RING_F_EVENT_IDX, false, 3000);
}

static void test_traffic_packed(void)
{
	traffic(merging, true, 3000);
	traffic(merging | 1ull << VIRTIO_RING_F_EVENT_IDX, true, 3000);
}

static const struct test tests[] = {
	{ "stop with frames in flight", test_stop },
	{ "frames of another driver", test_next_driver },
	{ "traffic on split rings", test_traffic_split },
	{ "traffic on packed rings", test_traffic_packed },
};

int main(void)
{
	return RUN_TESTS(tests);
}
