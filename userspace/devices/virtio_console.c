// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-console: serial ports, one of which can be a console (VIRTIO 1.2, 5.3).
 *
 * It knows ports and the two queues by which ports are made known, not where bytes come from and go
 * to: a struct console is each port's end in the host.  Port 0 is the console, hvc0, and exists to
 * drivers that know of one port only; all others have names.
 *
 * Nothing is buffered here.  A buffer of the driver's that the host's end does not take now stays
 * the queue's current one, and input for which the driver has no buffer stays where it is.
 *
 * The one trick: what the driver has yet to be told is a set of bits for each port, and no list of
 * messages, so that a driver that does not listen costs nothing.
 */
#include <errno.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#include "../iov.h"
#include "virtio_console.h"
#include "virtio_served.h"

#define CLASS_COMMUNICATION	0x078000
#define QUEUE_SIZE		SERVED_PARTS_MAX
#define AT_ONCE			65536u		/* bytes of a port */

/* What the driver has yet to be told, in this order. */
#define TELL_ADD	(1u << 0)
#define TELL_CONSOLE	(1u << 1)
#define TELL_NAME	(1u << 2)
#define TELL_OPEN	(1u << 3)

/* Queues of port 0, those for control messages, queues of port 1, and so on. */
#define CONTROL_IN	2u
#define CONTROL_OUT	3u
#define PORT_QUEUE(id)	((id) ? 2 * (id) + 2 : 0)

struct port {
	struct virtio_console *vc;
	unsigned int id;
	const char *name;
	struct console *host;		/* NULL: there is no such port */
	struct virtio_served input, output;
	unsigned int tell;
	bool ready;			/* the driver knows it */
	bool open;			/* and somebody in the guest has it open */
};

struct virtio_console {
	struct virtio_device *vd;
	struct virtio_console_config config;
	bool multiport;			/* the driver knows of more than one port */
	struct virtio_served control_in, control_out;
	unsigned int nr;		/* of ports, port 0 included */
	struct port ports[VIRTIO_CONSOLE_PORTS_MAX];
};

/* Control messages to the driver */

/* The next message about @p, which has one.  Return: its bytes. */
static unsigned int make_message(struct port *p, uint8_t *to)
{
	struct virtio_console_control c = { .id = p->id, .value = 1 };
	unsigned int bit = p->tell & -p->tell, name = 0;

	p->tell &= ~bit;
	switch (bit) {
	case TELL_ADD:
		c.event = VIRTIO_CONSOLE_PORT_ADD;
		break;
	case TELL_CONSOLE:
		c.event = VIRTIO_CONSOLE_CONSOLE_PORT;
		break;
	case TELL_NAME:
		c.event = VIRTIO_CONSOLE_PORT_NAME;
		name = strlen(p->name);
		memcpy(to + sizeof(c), p->name, name);
		break;
	case TELL_OPEN:
		c.event = VIRTIO_CONSOLE_PORT_OPEN;
		c.value = console_connected(p->host);
		break;
	}
	memcpy(to, &c, sizeof(c));
	return sizeof(c) + name;
}

/* The first port about which there is something to tell, or NULL. */
static struct port *to_tell(struct virtio_console *vc)
{
	for (unsigned int i = 0; i < vc->nr; i++) {
		if (vc->ports[i].tell)
			return &vc->ports[i];
	}
	return NULL;
}

/* Return: whether there was a buffer for it. */
static bool send_message(struct virtio_served *s, struct virtq *q, struct port *p)
{
	uint8_t text[sizeof(struct virtio_console_control) + VIRTIO_CONSOLE_NAME_MAX];
	unsigned int bytes;

	if (!virtio_served_take(s))
		return false;
	bytes = make_message(p, text);
	if (s->chain.in_bytes < bytes) {
		virtio_served_broken(s, "a buffer for control messages is too small for one");
		return false;
	}
	iov_from_buffer(s->chain.iov + s->chain.nr_out, s->chain.nr_in, 0, text, bytes);
	virtq_push(q, &s->chain, bytes);
	return true;
}

/* All that there is to tell, as far as the driver has buffers; it notifies of more. */
static void tell(void *opaque)
{
	struct virtio_console *vc = opaque;
	struct virtio_served *s = &vc->control_in;
	struct virtq *q = virtio_served_queue(s);
	struct port *p;

	if (!q)
		return;
	while ((p = to_tell(vc)) && send_message(s, q, p))
		;
	if (virtq_must_interrupt(q))
		virtio_interrupt(vc->vd, s->n);
}

/* Control messages of the driver */

static void add_ports(struct virtio_console *vc)
{
	for (unsigned int i = 0; i < vc->nr; i++) {
		if (vc->ports[i].host)
			vc->ports[i].tell |= TELL_ADD;
	}
}

static void handle(struct virtio_console *vc, const struct virtio_console_control *c)
{
	struct port *p = c->id < vc->nr ? &vc->ports[c->id] : NULL;

	if (c->event == VIRTIO_CONSOLE_DEVICE_READY) {
		if (c->value)
			add_ports(vc);
		return;
	}
	if (!p || !p->host)
		return;
	switch (c->event) {
	case VIRTIO_CONSOLE_PORT_READY:
		p->ready = c->value;
		if (p->ready)
			p->tell |= (p->id ? TELL_NAME : TELL_CONSOLE) | TELL_OPEN;
		break;
	case VIRTIO_CONSOLE_PORT_OPEN:
		p->open = c->value;
		if (p->open)
			console_input_room(p->host);
		break;
	}
}

static enum served_result serve_control(void *opaque, struct virtio_served *s)
{
	struct virtio_console *vc = opaque;
	struct virtio_console_control c;

	if (iov_to_buffer(s->chain.iov, s->chain.nr_out, 0, &c, sizeof(c)) != sizeof(c)) {
		s->why = "a control message that is too short";
		return SERVED_BAD;
	}
	handle(vc, &c);
	tell(vc);
	return SERVED_DONE;
}

/* Ports: output */

static enum served_result serve_output(void *opaque, struct virtio_served *s)
{
	struct port *p = opaque;
	unsigned int left = s->chain.out_bytes - s->done;

	while (left && s->budget > 0) {
		const struct iovec *piece = s->chain.iov;
		unsigned int want = piece->iov_len > AT_ONCE ? AT_ONCE : piece->iov_len;
		unsigned int n = want;

		if (p->host)
			n = console_write(p->host, piece->iov_base, want);
		if (!n)
			return SERVED_WAIT;
		iov_advance(&s->chain.iov, &s->chain.nr_out, n);
		s->done += n;
		s->budget -= n;
		left -= n;
	}
	/* Programs wait for answers; a console gathers what comes in small pieces. */
	if (p->id)
		console_push(p->host);
	return left ? SERVED_LATER : SERVED_DONE;
}

static void can_write(void *opaque)
{
	struct port *p = opaque;

	virtio_served_go(&p->output);
}

static void connected(void *opaque)
{
	struct port *p = opaque;

	if (!p->ready)
		return;
	p->tell |= TELL_OPEN;
	tell(p->vc);
}

/* Ports: input */

/* Into one buffer.  Return: how many bytes, 0: there is no buffer. */
static unsigned int fill(struct virtio_served *s, struct virtq *q, const uint8_t *data,
			 unsigned int bytes)
{
	if (!virtio_served_take(s))
		return 0;
	if (!s->chain.in_bytes) {
		virtio_served_broken(s, "a buffer for input that cannot be written to");
		return 0;
	}
	bytes = iov_from_buffer(s->chain.iov + s->chain.nr_out, s->chain.nr_in, 0, data, bytes);
	virtq_push(q, &s->chain, bytes);
	return bytes;
}

static unsigned int receive(void *opaque, const void *data, unsigned int bytes)
{
	struct port *p = opaque;
	struct virtq *q = virtio_served_queue(&p->input);
	unsigned int done = 0, n;

	/* Linux throws away what comes while nobody has the port open. */
	if (!q || (p->vc->multiport && !p->open))
		return 0;
	virtq_notify_off(q);
	do {
		n = fill(&p->input, q, (const uint8_t *)data + done, bytes - done);
		done += n;
	} while (n && done < bytes);
	if (virtq_must_interrupt(q))
		virtio_interrupt(p->vc->vd, p->input.n);
	return done;
}

static void room(void *opaque)
{
	struct port *p = opaque;

	if (p->host)
		console_input_room(p->host);
}

/* Life */

static int start_port(struct port *p)
{
	return virtio_served_start(&p->input) || virtio_served_start(&p->output) ? -1 : 0;
}

static void stop(void *opaque)
{
	struct virtio_console *vc = opaque;

	virtio_served_stop(&vc->control_in);
	virtio_served_stop(&vc->control_out);
	for (unsigned int i = 0; i < vc->nr; i++) {
		struct port *p = &vc->ports[i];

		virtio_served_stop(&p->input);
		virtio_served_stop(&p->output);
		p->tell = 0;
		p->ready = false;
		p->open = false;
	}
}

static int start(void *opaque)
{
	struct virtio_console *vc = opaque;
	int err;

	vc->multiport = virtio_features(vc->vd) >> VIRTIO_CONSOLE_F_MULTIPORT & 1;
	err = start_port(&vc->ports[0]);
	if (!err && vc->multiport)
		err = virtio_served_start(&vc->control_in);
	if (!err && vc->multiport)
		err = virtio_served_start(&vc->control_out);
	for (unsigned int i = 1; !err && vc->multiport && i < vc->nr; i++)
		err = start_port(&vc->ports[i]);
	if (err)
		stop(vc);
	return err;
}

static void init_queue(struct virtio_served *s, struct virtio_console *vc, unsigned int n,
		       void *opaque)
{
	s->vd = vc->vd;
	s->n = n;
	s->opaque = opaque;
}

static void init_queues(struct virtio_console *vc, struct machine *m)
{
	const struct virtio_served in = { .m = m, .kicked = tell };
	const struct virtio_served out = { .m = m, .serve = serve_control, .at_once = 1 };
	const struct virtio_served port_in = { .m = m, .kicked = room };
	const struct virtio_served port_out = { .m = m, .serve = serve_output, .at_once = AT_ONCE };

	vc->control_in = in;
	init_queue(&vc->control_in, vc, CONTROL_IN, vc);
	vc->control_out = out;
	init_queue(&vc->control_out, vc, CONTROL_OUT, vc);
	for (unsigned int i = 0; i < vc->nr; i++) {
		struct port *p = &vc->ports[i];

		p->input = port_in;
		init_queue(&p->input, vc, PORT_QUEUE(i), p);
		p->output = port_out;
		init_queue(&p->output, vc, PORT_QUEUE(i) + 1, p);
	}
}

static int attach(struct virtio_console *vc, struct machine *m)
{
	static const struct console_end end = {
		.receive = receive, .writable = can_write, .connected = connected,
	};

	for (unsigned int i = 0; i < vc->nr; i++) {
		struct port *p = &vc->ports[i];

		if (p->host && console_attach_end(p->host, m, &end, p))
			return -1;
	}
	return 0;
}

struct virtio_console *virtio_console_new(struct pci_bus *bus, struct console *console,
					  const struct virtio_console_port *ports, unsigned int nr)
{
	static const struct virtio_ops ops = { .start = start, .stop = stop };
	struct virtio_console *vc = calloc(1, sizeof(*vc));
	struct virtio_model model = {
		.name = "virtio-console",
		.id = VIRTIO_ID_CONSOLE,
		.class_code = CLASS_COMMUNICATION,
		.features = VIRTIO_RING_FEATURES | 1ull << VIRTIO_CONSOLE_F_MULTIPORT,
		.nr_queues = 2 * (1 + nr) + 2,
		.queue_size = QUEUE_SIZE,
		.config_bytes = sizeof(vc->config),
		.ops = &ops,
		.opaque = vc,
	};

	if (!vc)
		return NULL;
	vc->nr = 1 + nr;
	vc->ports[0] = (struct port) { .vc = vc, .host = console };
	for (unsigned int i = 1; i <= nr; i++) {
		vc->ports[i] = (struct port) { .vc = vc, .id = i, .name = ports[i - 1].name,
					       .host = ports[i - 1].host };
	}
	vc->config.max_nr_ports = vc->nr;
	model.config = &vc->config;
	vc->vd = virtio_new(bus, &model);
	if (!vc->vd) {
		free(vc);
		return NULL;
	}
	init_queues(vc, pci_bus_machine(bus));
	if (!attach(vc, pci_bus_machine(bus)))
		return vc;
	virtio_console_free(vc);
	errno = ENOMEM;
	return NULL;
}

void virtio_console_free(struct virtio_console *vc)
{
	virtio_free(vc->vd);
	for (unsigned int i = 0; i < vc->nr; i++) {
		if (vc->ports[i].host)
			console_detach(vc->ports[i].host);
	}
	free(vc);
}
