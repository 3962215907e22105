// SPDX-License-Identifier: GPL-2.0
/*
 * Disks and network cards that come and go while the guest runs.
 *
 * What is attached becomes part of the configuration, so that it is there after a reset, too; what
 * was taken out leaves its number free.  Files come open, from whoever asks: this process may be in
 * the sandbox.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "message.h"
#include "plug_parts.h"

/**
 * struct kind - what can come and go
 * @name: of its option, and of each one, with a number behind it
 * @first: its slots
 * @max: how many
 * @parse: what the user says of number @n, into the configuration
 * @open: what it is in the host.  Return: 0, or -1 after a message; @fds are used or closed
 * @plug: into its slot
 * @leave: nobody uses it any more.  Return: whether @close need not wait
 * @close: undo @open and, if it was @parse's, @parse
 * @text: what the user has said of it
 */
struct kind {
	const char *name;
	unsigned int first, max;
	bool (*parse)(struct plug_config *c, unsigned int n, const char *text, char *why,
		      size_t room);
	int (*open)(struct plug_config *c, unsigned int n, const int *fds, unsigned int nr);
	int (*plug)(struct plugs *plugs, unsigned int n);
	bool (*leave)(struct plug_config *c, unsigned int n);
	void (*close)(struct plug_config *c, unsigned int n, bool parsed);
	const char *(*text)(const struct plug_config *c, unsigned int n);
};

static void close_all(const int *fds, unsigned int nr)
{
	while (nr)
		close(fds[--nr]);
}

static bool parse_disk(struct plug_config *c, unsigned int n, const char *text, char *why,
		       size_t room)
{
	return disk_parse(text, &c->disks[n], why, room);
}

static int open_disk(struct plug_config *c, unsigned int n, const int *fds, unsigned int nr)
{
	if (nr != 1) {
		message("--disk %s: an image is one open file, not %u", c->disks[n].path, nr);
		close_all(fds, nr);
		return -1;
	}
	if (disk_is_taken(&c->disks[n], fds[0], c->blocks, c->nr_disks)) {
		close_all(fds, nr);
		return -1;
	}
	c->blocks[n] = disk_open_fd(&c->disks[n], fds[0]);
	if (!c->blocks[n])
		return -1;
	if (c->nr_disks <= n)
		c->nr_disks = n + 1;
	return 0;
}

static bool leave_disk(struct plug_config *c, unsigned int n)
{
	return block_leave(c->blocks[n]);
}

static void close_disk(struct plug_config *c, unsigned int n, bool parsed)
{
	if (c->blocks[n])
		block_free(c->blocks[n]);
	c->blocks[n] = NULL;
	if (parsed)
		disk_forget(&c->disks[n]);
}

static const char *disk_text(const struct plug_config *c, unsigned int n)
{
	return c->disks[n].path;
}

static bool parse_net(struct plug_config *c, unsigned int n, const char *text, char *why,
		      size_t room)
{
	return net_parse(text, &c->net_options[n], why, room);
}

static int open_net(struct plug_config *c, unsigned int n, const int *fds, unsigned int nr)
{
	c->nets[n] = net_open_fds(&c->net_options[n], fds, nr);
	if (!c->nets[n])
		return -1;
	if (c->nr_nets <= n)
		c->nr_nets = n + 1;
	return 0;
}

static bool leave_net(struct plug_config *c, unsigned int n)
{
	return net_leave(c->nets[n]);
}

static void close_net(struct plug_config *c, unsigned int n, bool parsed)
{
	if (c->nets[n])
		net_free(c->nets[n]);
	c->nets[n] = NULL;
	if (parsed)
		net_forget(&c->net_options[n]);
}

static const char *net_text(const struct plug_config *c, unsigned int n)
{
	return c->net_options[n].text;
}

static const struct kind kinds[] = {
	{ "disk", FIRST_DISK, DISKS_MAX, parse_disk, open_disk, plug_disk, leave_disk, close_disk,
	  disk_text },
	{ "net", FIRST_NET, NETS_MAX, parse_net, open_net, plug_net, leave_net, close_net,
	  net_text },
};

#define LOOK_NS		20000000ull	/* whether what was ejected can be closed */

#define NR_KINDS	(sizeof(kinds) / sizeof(kinds[0]))

/* What can come and go in @slot, or NULL. */
static const struct kind *kind_of(unsigned int slot)
{
	for (unsigned int i = 0; i < NR_KINDS; i++) {
		if (slot >= kinds[i].first && slot - kinds[i].first < kinds[i].max)
			return &kinds[i];
	}
	return NULL;
}

static bool occupied(const struct plugs *plugs, unsigned int slot)
{
	return plugs->slots[slot].device || (plugs->config->ejected >> slot & 1);
}

/* Coming */

static const struct kind *find_kind(const char *name)
{
	for (unsigned int i = 0; i < NR_KINDS; i++) {
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	}
	return NULL;
}

/* Return: a number that nothing has, or kind->max. */
static unsigned int free_number(const struct plugs *plugs, const struct kind *kind)
{
	unsigned int n = 0;

	while (n < kind->max && occupied(plugs, kind->first + n))
		n++;
	return n;
}

int plug_attach(struct plugs *plugs, const char *name, const char *text, const int *fds,
		unsigned int nr, char id[PLUG_ID_BYTES], char *why, size_t room)
{
	const struct kind *kind = find_kind(name);
	struct plug_config *c = plugs->config;
	unsigned int n;

	if (!kind) {
		snprintf(why, room, "only a disk or a net can be attached");
		goto close;
	}
	n = free_number(plugs, kind);
	if (n == kind->max) {
		snprintf(why, room, "there are %u of %s, and no more can be", n, name);
		goto close;
	}
	if (!kind->parse(c, n, text, why, room))
		goto close;
	if (kind->open(c, n, fds, nr)) {
		snprintf(why, room, "this %s cannot be used; the VM's own messages say why", name);
		kind->close(c, n, true);
		return -1;
	}
	if (kind->plug(plugs, n)) {
		snprintf(why, room, "this %s cannot be plugged in: %s", name, strerror(errno));
		kind->close(c, n, true);
		return -1;
	}
	c->attached |= 1u << (kind->first + n);
	snprintf(id, PLUG_ID_BYTES, "%s%u", name, n);
	acpi_plug_arrived(plugs->acpi, kind->first + n);
	return 0;
close:
	close_all(fds, nr);
	return -1;
}

/* Going */

/* The slot of what is called @id, or 0: there is none. */
static unsigned int find(const struct plugs *plugs, const char *id)
{
	char name[PLUG_ID_BYTES];

	for (unsigned int i = 0; i < NR_KINDS; i++) {
		for (unsigned int n = 0; n < kinds[i].max; n++) {
			snprintf(name, sizeof(name), "%s%u", kinds[i].name, n);
			if (!strcmp(name, id) && occupied(plugs, kinds[i].first + n))
				return kinds[i].first + n;
		}
	}
	return 0;
}

void plug_each(const struct plugs *plugs, void (*each)(void *opaque, const char *id,
						       const char *option), void *opaque)
{
	char id[PLUG_ID_BYTES];

	for (unsigned int i = 0; i < NR_KINDS; i++) {
		for (unsigned int n = 0; n < kinds[i].max; n++) {
			if (!occupied(plugs, kinds[i].first + n))
				continue;
			snprintf(id, sizeof(id), "%s%u", kinds[i].name, n);
			each(opaque, id, kinds[i].text(plugs->config, n));
		}
	}
}

bool plug_present(const struct plugs *plugs, const char *id)
{
	return find(plugs, id);
}

int plug_detach(struct plugs *plugs, const char *id, char *why, size_t room)
{
	unsigned int slot = find(plugs, id);

	if (!slot) {
		snprintf(why, room, "the VM has no such device; its first disk is disk0, its first "
			 "network card net0");
		return -1;
	}
	acpi_plug_leave(plugs->acpi, slot);
	return 0;
}

/* The host's part may be a process, to which a vCPU's thread in the sandbox can do nothing. */
static void let_go(void *opaque)
{
	struct plug *plug = opaque;

	plug_pull(plug);
	machine_timer_arm(plug->plugs->closer, 0);
}

/* Requests that are under way are waited for by the guest, not by all who want the lock. */
void plug_eject(void *opaque, unsigned int slot)
{
	struct plugs *plugs = opaque;
	struct plug *plug = &plugs->slots[slot];

	if (!plug->device || !kind_of(slot) || (plugs->config->ejected >> slot & 1))
		return;
	plugs->config->ejected |= 1u << slot;
	if (!plug->retire || plug->retire(plug->device, let_go, plug))
		let_go(plug);
}

void plug_close_ejected(void *opaque)
{
	struct plugs *plugs = opaque;
	struct plug_config *c = plugs->config;
	bool again = false;

	for (unsigned int slot = 0; slot < PCI_SLOTS; slot++) {
		const struct kind *kind = kind_of(slot);

		if (!(c->ejected >> slot & 1) || plugs->slots[slot].device)
			continue;
		if (!kind->leave(c, slot - kind->first)) {
			again = true;
			continue;
		}
		kind->close(c, slot - kind->first, c->attached >> slot & 1);
		c->attached &= ~(1u << slot);
		c->ejected &= ~(1u << slot);
	}
	if (again && plugs->closer)
		machine_timer_arm(plugs->closer, machine_now_ns(pci_bus_machine(plugs->bus)) +
						 LOOK_NS);
}
