// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/virtio_console.c userspace/devices/virtio_served.c userspace/iov.c
// needs: userspace/virtqueue.c userspace/virtqueue_split.c userspace/virtqueue_packed.c
/*
 * virtio-console: how ports are made known to a driver, bytes both ways between its buffers and the
 * host's ends, which are played here, who waits for whom, and what a hostile driver gets out of it.
 */
#include "served_fake.h"
#include "../../userspace/devices/virtio_console.h"

#define MULTIPORT	(1ull << 1)
#define MESSAGE		8u

enum { ADD = 1, READY = 3, CONSOLE = 4, OPEN = 6, NAME = 7 };

/* Queues */
enum { IN0, OUT0, TO_DRIVER, TO_DEVICE, IN1, OUT1, IN2, OUT2 };

#define ALL_QUEUES	0xff

/* ---- the host's ends ---------------------------------------------------------------------- */

struct console {
	const struct console_end *end;
	void *opaque;
	bool connected;
	bool hangs_up;			/* at the next write */
	unsigned int room;		/* for output */
	unsigned int nr_out, nr_room, pushes;
	uint8_t out[0x40000];
};

static struct console hosts[3];
static unsigned int attached, refuse_attach;

int console_attach_end(struct console *c, struct machine *m, const struct console_end *end,
		       void *opaque)
{
	if (refuse_attach && !--refuse_attach)
		return -1;
	c->end = end;
	c->opaque = opaque;
	attached++;
	return 0;
}

void console_detach(struct console *c)
{
	if (!c->end)
		return;
	c->end = NULL;
	attached--;
}

int console_write(struct console *c, const void *data, unsigned int bytes)
{
	if (c->hangs_up) {
		c->hangs_up = false;
		c->connected = false;
		c->end->connected(c->opaque);
	}
	if (!c->connected)
		return bytes;
	if (bytes > c->room)
		bytes = c->room;
	if (c->nr_out + bytes <= sizeof(c->out))
		memcpy(c->out + c->nr_out, data, bytes);
	c->nr_out += bytes;
	c->room -= bytes;
	return bytes;
}

void console_push(struct console *c)
{
	c->pushes++;
}

void console_input_room(struct console *c)
{
	c->nr_room++;
}

bool console_connected(const struct console *c)
{
	return c->connected;
}

static unsigned int give(struct console *c, const char *text)
{
	return c->end->receive(c->opaque, text, strlen(text));
}

static void connect_host(struct console *c, bool on)
{
	c->connected = on;
	c->end->connected(c->opaque);
}

/* ---- the driver ----------------------------------------------------------------------------- */

static struct virtio_console *vc;

static void new_device(bool with_console)
{
	const struct virtio_console_port ports[] = {
		{ "first", &hosts[1] }, { "org.qemu.guest_agent.0", &hosts[2] },
	};

	memset(hosts, 0, sizeof(hosts));
	attached = 0;
	refuse_attach = 0;
	for (unsigned int i = 0; i < 3; i++)
		hosts[i].room = UINT32_MAX;
	vc = virtio_console_new(NULL, with_console ? &hosts[0] : NULL, ports, 2);
	if (!vc)
		abort();
}

static void send(uint32_t id, uint16_t event, uint16_t value)
{
	memcpy(at(DATA), &id, 4);
	memcpy(at(DATA + 4), &event, 2);
	memcpy(at(DATA + 6), &value, 2);
	CHECK(vdev_add(TO_DEVICE, DATA, MESSAGE, false));
	vdev_kick(TO_DEVICE);
	loop_all();
	CHECK_EQ(vdev_used(TO_DEVICE), 0);
}

#define ROOM(n)		(DATA + 0x100000 + 0x100 * (n))
static unsigned int rooms, seen;

static void give_rooms(unsigned int nr)
{
	while (nr--)
		CHECK(vdev_add(TO_DRIVER, ROOM(rooms++), 0x100, true));
	vdev_kick(TO_DRIVER);
	loop_all();
}

/* The next message is this one, and has @bytes. */
static void expect_bytes(uint32_t id, uint16_t event, uint16_t value, long bytes)
{
	uint32_t words[2];

	CHECK_EQ(vdev_used(TO_DRIVER), bytes);
	memcpy(words, at(ROOM(seen++)), MESSAGE);
	CHECK_EQ(words[0], id);
	CHECK_EQ(words[1], event | (uint32_t)value << 16);
}

static void expect(uint32_t id, uint16_t event, uint16_t value)
{
	expect_bytes(id, event, value, MESSAGE);
}

static void expect_name(uint32_t id, const char *name)
{
	uint64_t gpa = ROOM(seen) + MESSAGE;

	expect_bytes(id, NAME, 1, MESSAGE + strlen(name));
	CHECK(!memcmp(at(gpa), name, strlen(name)));
}

static void expect_none(void)
{
	CHECK_EQ(vdev_used(TO_DRIVER), -1);
}

static void start(uint64_t features)
{
	rooms = 0;
	seen = 0;
	vdev_start(features, ALL_QUEUES);
}

/* As Linux brings up its ports, with as many buffers as it likes. */
static void bring_up(void)
{
	start(MULTIPORT);
	give_rooms(12);
	send(UINT32_MAX, 0, 1);
	for (unsigned int id = 0; id < 3; id++)
		expect(id, ADD, 1);
	for (unsigned int id = 0; id < 3; id++) {
		send(id, READY, 1);
		send(id, OPEN, 1);
		while (vdev_used(TO_DRIVER) >= 0)
			seen++;
	}
}

static void put(unsigned int queue, const char *text)
{
	strcpy((char *)at(DATA + 0x1000), text);
	CHECK(vdev_add(queue, DATA + 0x1000, strlen(text), false));
	vdev_kick(queue);
	loop_all();
}

static bool got(const struct console *c, const char *text)
{
	return c->nr_out == strlen(text) && !memcmp(c->out, text, c->nr_out);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_ports(void)
{
	const uint32_t *config;

	new_device(true);
	CHECK_EQ(vdev.model.id, 3);
	CHECK_EQ(vdev.model.nr_queues, 8);
	config = vdev.model.config;
	CHECK_EQ(config[1], 3);			/* max_nr_ports */
	CHECK_EQ(attached, 3);
	hosts[2].connected = true;

	start(MULTIPORT);
	give_rooms(10);
	expect_none();
	send(UINT32_MAX, 0, 1);
	for (unsigned int id = 0; id < 3; id++)
		expect(id, ADD, 1);
	expect_none();
	CHECK(vdev.interrupts[TO_DRIVER] > 0);
	send(2, READY, 1);
	expect_name(2, "org.qemu.guest_agent.0");
	expect(2, OPEN, 1);
	send(0, READY, 1);
	expect(0, CONSOLE, 1);
	expect(0, OPEN, 0);
	send(1, READY, 0);			/* the driver does not want it */
	expect_none();
	connect_host(&hosts[1], true);
	expect_none();
	connect_host(&hosts[0], true);
	expect(0, OPEN, 1);
	connect_host(&hosts[2], false);
	expect(2, OPEN, 0);

	/* A driver that comes after it begins anew. */
	vdev_reset();
	CHECK_EQ(fake.nr_watches, 0);
	start(MULTIPORT);
	give_rooms(4);
	connect_host(&hosts[2], true);
	expect_none();
	send(UINT32_MAX, 0, 1);
	expect(0, ADD, 1);
	virtio_console_free(vc);
	CHECK_EQ(attached, 0);
	CHECK_EQ(fake.nr_watches, 0);
}

static void test_no_console(void)
{
	new_device(false);
	start(MULTIPORT);
	give_rooms(8);
	send(UINT32_MAX, 0, 1);
	expect(1, ADD, 1);
	expect(2, ADD, 1);
	expect_none();
	send(0, READY, 1);
	send(0, OPEN, 1);
	expect_none();
	put(OUT0, "lost");
	CHECK_EQ(vdev_used(OUT0), 0);
	virtio_console_free(vc);
}

/* A driver that has no buffers for messages is told later, and only of how things are then. */
static void test_no_rooms(void)
{
	new_device(true);
	start(MULTIPORT);
	send(UINT32_MAX, 0, 1);
	give_rooms(2);
	expect(0, ADD, 1);
	expect(1, ADD, 1);
	send(0, READY, 1);
	for (unsigned int i = 0; i < 1000; i++)
		connect_host(&hosts[0], i & 1);
	give_rooms(1);
	expect(0, CONSOLE, 1);
	give_rooms(2);
	expect(0, OPEN, 1);
	expect(2, ADD, 1);
	give_rooms(1);
	expect_none();
	virtio_console_free(vc);
}

static void test_output(void)
{
	static const struct driver_part parts[] = {
		{ DATA, 3, false }, { DATA + 0x1000, 2, false }, { DATA + 0x2000, 5, true },
	};

	new_device(true);
	for (unsigned int i = 0; i < 3; i++)
		hosts[i].connected = true;
	bring_up();
	put(OUT0, "hello");
	CHECK(got(&hosts[0], "hello"));
	CHECK_EQ(hosts[0].pushes, 0);		/* a console gathers */
	CHECK_EQ(vdev_used(OUT0), 0);
	put(OUT2, "agent");
	CHECK(got(&hosts[2], "agent"));
	CHECK_EQ(hosts[2].pushes, 1);
	memcpy(at(DATA), "abc", 3);
	memcpy(at(DATA + 0x1000), "de", 2);
	driver_add(&vdev.drivers[OUT1], parts, 3, &vdev);
	vdev_kick(OUT1);
	loop_all();
	CHECK(got(&hosts[1], "abcde"));
	CHECK_EQ(vdev_used(OUT1), 0);
	CHECK_EQ(vdev.interrupts[OUT1], 1);

	/* Nobody there: it is lost, and the driver goes on. */
	hosts[1].hangs_up = true;
	give_rooms(1);
	put(OUT1, "xyz");
	CHECK_EQ(vdev_used(OUT1), 0);
	expect(1, OPEN, 0);
	CHECK(got(&hosts[1], "abcde"));
	virtio_console_free(vc);
}

/* The host's end takes little at a time: nothing is lost or doubled, and the driver waits. */
static void test_slow_output(void)
{
	uint8_t *text;

	new_device(true);
	hosts[1].connected = true;
	bring_up();
	text = at(DATA + 0x1000);
	for (unsigned int i = 0; i < 1000; i++)
		text[i] = i * 7;
	hosts[1].room = 0;
	vdev_add(OUT1, DATA + 0x1000, 600, false);
	vdev_add(OUT1, DATA + 0x1000 + 600, 400, false);
	vdev_kick(OUT1);
	loop_all();
	for (unsigned int sent = 0; sent < 1000; sent += 100) {
		CHECK_EQ(hosts[1].nr_out, sent);
		CHECK_EQ(vdev_used(OUT1), sent == 600 ? 0 : -1);
		hosts[1].room = 100;
		vdev_kick(OUT1);		/* a driver need not wait to be asked */
		if (sent % 200)
			hosts[1].end->writable(hosts[1].opaque);
		loop_all();
	}
	CHECK_EQ(vdev_used(OUT1), 0);
	CHECK_EQ(hosts[1].nr_out, 1000);
	CHECK(!memcmp(hosts[1].out, text, 1000));

	/* Without a notification: writable() is enough. */
	vdev_add(OUT1, DATA + 0x1000, 600, false);
	vdev_kick(OUT1);
	loop_all();
	CHECK_EQ(vdev_used(OUT1), -1);
	hosts[1].room = UINT32_MAX;
	hosts[1].end->writable(hosts[1].opaque);
	loop_all();
	CHECK_EQ(vdev_used(OUT1), 0);
	CHECK_EQ(hosts[1].nr_out, 1600);

	/* A reset forgets what was under way, and a late writable() does nothing. */
	hosts[1].room = 10;
	vdev_add(OUT1, DATA + 0x1000, 600, false);
	vdev_kick(OUT1);
	loop_all();
	vdev_reset();
	hosts[1].room = UINT32_MAX;
	hosts[1].end->writable(hosts[1].opaque);
	loop_all();
	CHECK_EQ(hosts[1].nr_out, 1610);
	bring_up();
	put(OUT1, "new");
	CHECK_EQ(hosts[1].nr_out, 1613);
	CHECK_EQ(vdev_used(OUT1), 0);
	virtio_console_free(vc);
}

/* 64 KiB in a wake-up. */
static void test_bounded(void)
{
	unsigned int rounds, before = 0;

	new_device(true);
	hosts[1].connected = true;
	bring_up();
	vdev_add(OUT1, DATA, DATA_BYTES, false);
	vdev_kick(OUT1);
	for (rounds = 0; loop_once(); rounds++) {
		CHECK(hosts[1].nr_out - before <= 65536);
		before = hosts[1].nr_out;
	}
	CHECK(rounds >= DATA_BYTES / 65536);
	CHECK_EQ(hosts[1].nr_out, DATA_BYTES);
	virtio_console_free(vc);
}

static void test_input(void)
{
	static const struct driver_part parts[] = {
		{ DATA + 0x3000, 2, false }, { DATA + 0x1000, 3, true }, { DATA + 0x2000, 4, true },
	};

	new_device(true);
	bring_up();
	CHECK_EQ(give(&hosts[1], "early"), 0);	/* there is no buffer yet */
	driver_add(&vdev.drivers[IN1], parts, 3, &vdev);
	vdev_add(IN1, DATA + 0x4000, 100, true);
	hosts[1].nr_room = 0;
	vdev_kick(IN1);
	loop_all();
	CHECK_EQ(hosts[1].nr_room, 1);
	CHECK_EQ(give(&hosts[1], "0123456789"), 10);
	CHECK_EQ(vdev_used(IN1), 7);
	CHECK_EQ(vdev_used(IN1), 3);
	CHECK(!memcmp(at(DATA + 0x1000), "012", 3) && !memcmp(at(DATA + 0x2000), "3456", 4) &&
	      !memcmp(at(DATA + 0x4000), "789", 3) && !*at(DATA + 0x3000));
	CHECK_EQ(vdev.interrupts[IN1], 1);
	vdev_add(IN1, DATA + 0x4000, 4, true);
	vdev_kick(IN1);
	loop_all();
	CHECK_EQ(give(&hosts[1], "abcdef"), 4);
	CHECK_EQ(give(&hosts[1], "ef"), 0);
	vdev_reset();
	CHECK_EQ(give(&hosts[1], "late"), 0);
	virtio_console_free(vc);
}

/* What the guest has not opened gets nothing, because Linux would throw it away. */
static void test_open(void)
{
	new_device(true);
	bring_up();
	vdev_add(IN2, DATA, 100, true);
	vdev_kick(IN2);
	loop_all();
	send(2, OPEN, 0);
	CHECK_EQ(give(&hosts[2], "x"), 0);
	hosts[2].nr_room = 0;
	send(2, OPEN, 1);
	CHECK_EQ(hosts[2].nr_room, 1);
	CHECK_EQ(give(&hosts[2], "x"), 1);
	vdev_reset();
	start(MULTIPORT);
	vdev_add(IN2, DATA, 100, true);
	vdev_kick(IN2);
	loop_all();
	CHECK_EQ(give(&hosts[2], "x"), 0);
	virtio_console_free(vc);
}

/* A driver that knows of one port: it is a console, and open. */
static void test_one_port(void)
{
	new_device(true);
	hosts[0].connected = true;
	start(0);
	CHECK_EQ(fake.nr_watches, 2);
	vdev_add(IN0, DATA, 100, true);
	vdev_kick(IN0);
	loop_all();
	CHECK_EQ(give(&hosts[0], "in"), 2);
	CHECK_EQ(vdev_used(IN0), 2);
	put(OUT0, "out");
	CHECK(got(&hosts[0], "out"));
	CHECK_EQ(give(&hosts[1], "x"), 0);
	virtio_console_free(vc);
}

/* Messages that make no sense, and those that break the device. */
static void test_hostile(void)
{
	new_device(true);
	bring_up();
	give_rooms(2);
	for (unsigned int event = 1; event < 0x10000; event += event < 16 ? 1 : 997) {
		send(3, event, 1);
		send(UINT32_MAX, event, 1);
	}
	send(1, ADD, 1);
	send(1, 2, 1);
	send(1, NAME, 1);
	expect_none();
	CHECK(!vdev.broken);
	vdev_add(TO_DEVICE, DATA, MESSAGE - 1, false);
	vdev_kick(TO_DEVICE);
	loop_all();
	CHECK(vdev.broken && strstr(vdev.broken, "too short"));
	vdev_reset();

	start(MULTIPORT);
	vdev_add(TO_DRIVER, DATA + 0x5000, MESSAGE - 1, true);
	vdev_kick(TO_DRIVER);
	loop_all();
	CHECK(!vdev.broken);
	send(UINT32_MAX, 0, 1);
	CHECK(vdev.broken && strstr(vdev.broken, "too small"));
	vdev_reset();

	bring_up();
	vdev_add(IN1, DATA, 100, false);
	vdev_kick(IN1);
	loop_all();
	CHECK_EQ(give(&hosts[1], "x"), 0);
	CHECK(vdev.broken && strstr(vdev.broken, "cannot be written"));
	CHECK_EQ(give(&hosts[1], "x"), 0);
	vdev_reset();

	bring_up();
	vdev_add(IN1, 0x1000, 100, true);	/* no memory there */
	CHECK_EQ(give(&hosts[1], "x"), 0);
	CHECK(vdev.broken);
	vdev_reset();
	vdev_start(MULTIPORT, 0);		/* without any queue */
	CHECK_EQ(fake.nr_watches, 0);
	connect_host(&hosts[1], true);
	CHECK_EQ(give(&hosts[1], "x"), 0);
	virtio_console_free(vc);
}

/* As many ports as there can be, and the one behind the last. */
static void test_all_ports(void)
{
	static struct console many[VIRTIO_CONSOLE_PORTS_MAX];
	struct virtio_console_port ports[VIRTIO_CONSOLE_PORTS_MAX - 1];

	for (unsigned int i = 0; i < VIRTIO_CONSOLE_PORTS_MAX - 1; i++)
		ports[i] = (struct virtio_console_port) { "port", &many[i + 1] };
	vc = virtio_console_new(NULL, &many[0], ports, VIRTIO_CONSOLE_PORTS_MAX - 1);
	rooms = 0;
	seen = 0;
	vdev_start(MULTIPORT, (1ull << vdev.model.nr_queues) - 1);
	send(VIRTIO_CONSOLE_PORTS_MAX, READY, 1);
	send(VIRTIO_CONSOLE_PORTS_MAX - 1, READY, 1);
	give_rooms(3);
	expect_bytes(VIRTIO_CONSOLE_PORTS_MAX - 1, NAME, 1, MESSAGE + 4);
	expect(VIRTIO_CONSOLE_PORTS_MAX - 1, OPEN, 0);
	expect_none();
	many[VIRTIO_CONSOLE_PORTS_MAX - 1].connected = true;
	many[VIRTIO_CONSOLE_PORTS_MAX - 1].room = 100;
	put(2 * VIRTIO_CONSOLE_PORTS_MAX + 1, "last");
	CHECK(got(&many[VIRTIO_CONSOLE_PORTS_MAX - 1], "last"));
	virtio_console_free(vc);
}

/* A flood of messages: 64 of them in a wake-up. */
static void test_flood(void)
{
	struct driver *d;

	new_device(true);
	bring_up();
	d = &vdev.drivers[TO_DEVICE];
	for (unsigned int i = 0, back = 0; i < 100; i++) {
		while (vdev_add(TO_DEVICE, DATA, MESSAGE, false))
			;
		vdev_kick(TO_DEVICE);
		loop_once();
		for (back = 0; vdev_used(TO_DEVICE) >= 0; back++)
			;
		CHECK(back <= 64);
	}
	CHECK(d->size == VQ_SIZE);
	virtio_console_free(vc);
}

/* Random buffers on all queues, random events of the hosts. */
static void test_random(void)
{
	new_device(true);
	bring_up();
	for (unsigned int i = 0; i < 50000; i++) {
		unsigned int n = fake_random() % 8, j = fake_random() % 3;
		uint64_t gpa = DATA + fake_random() % (DATA_BYTES - 0x2000);
		bool writable = n == TO_DRIVER || (n != TO_DEVICE && !(n & 1));

		if (!vdev_add(n, gpa, 0x100 + fake_random() % 0x1000, writable))
			while (vdev_used(n) >= 0)
				;
		if (fake_random() & 1)
			vdev_kick(n);
		if (!(fake_random() % 4))
			connect_host(&hosts[j], fake_random() & 1);
		if (!(fake_random() % 4))
			give(&hosts[j], "some text");
		hosts[j].room = fake_random() % 3000;
		if (fake_random() & 1)
			hosts[j].end->writable(hosts[j].opaque);
		if (!(fake_random() % 16))
			hosts[j].hangs_up = true;
		*(uint32_t *)at(DATA + 4 * (fake_random() % 1000)) = fake_random() % 8;
		loop_once();
		if (!(fake_random() % 5000)) {
			vdev_reset();
			bring_up();
		}
	}
	CHECK(!vdev.broken);
	virtio_console_free(vc);
}

static void test_refused(void)
{
	const struct virtio_console_port port = { "p", &hosts[1] };

	attached = 0;
	memset(hosts, 0, sizeof(hosts));
	fake.refuse_after = 0;
	CHECK(!virtio_console_new(NULL, &hosts[0], &port, 1));
	CHECK_EQ(errno, ENOSPC);
	fake_init();
	for (refuse_attach = 1; refuse_attach <= 2; refuse_attach++) {
		unsigned int n = refuse_attach;

		CHECK(!virtio_console_new(NULL, &hosts[0], &port, 1));
		CHECK_EQ(attached, 0);
		refuse_attach = n;
	}
	new_device(true);
	fake.refuse_watch = true;
	start(MULTIPORT);
	CHECK(!vdev.started);
	CHECK_EQ(fake.nr_watches, 0);
	virtio_console_free(vc);
}

static const struct test tests[] = {
	{ "console: ports are made known", test_ports },
	{ "console: without a console", test_no_console },
	{ "console: a driver without buffers for messages", test_no_rooms },
	{ "console: output", test_output },
	{ "console: output that is taken slowly", test_slow_output },
	{ "console: output is bounded", test_bounded },
	{ "console: input", test_input },
	{ "console: ports that the guest has open", test_open },
	{ "console: a driver of one port", test_one_port },
	{ "console: a hostile driver", test_hostile },
	{ "console: as many ports as there can be", test_all_ports },
	{ "console: a flood of messages", test_flood },
	{ "console: random buffers", test_random },
	{ "console: a refused device, refused ends", test_refused },
};

int main(void)
{
	return RUN_TESTS(tests);
}
