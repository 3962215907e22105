// SPDX-License-Identifier: GPL-2.0
/*
 * MSI-X: a table of interrupt messages, each the irqfd of an eventfd (PCI 3.0, 6.8.2).
 *
 * A vector's eventfd is where its interrupt comes in, and where it waits: while the vector is
 * masked the eventfd is no irqfd, so that what is signalled stays in its counter, which is the
 * pending bit.  Once it is unmasked, the kernel delivers what is there and what comes.
 *
 * The trick is that nobody who signals has to know of any of this.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pci_parts.h"

#define BAR_BYTES		4096u
#define PBA			2048u	/* in the BAR; the table is before it */
#define VECTORS_MAX		(PBA / 16)

enum { ADDRESS_LOW, ADDRESS_HIGH, DATA, VECTOR_CONTROL, WORDS };

struct vector {
	uint32_t word[WORDS];
	int fd;
	bool live;			/* an irqfd */
};

struct msix {
	struct pci_function *f;
	unsigned int at;		/* the capability */
	atomic_bool enabled;		/* what it says, for any thread */
	unsigned int nr;
	struct vector vectors[];
};

static unsigned int control(const struct msix *msix)
{
	const uint8_t *c = msix->f->config + msix->at + PCI_MSIX_FLAGS;

	return c[0] | c[1] << 8;
}

static void silence(struct msix *msix, struct vector *v)
{
	if (v->live)
		machine_remove_irqfd(pci_bus_machine(msix->f->bus), v->fd);
	v->live = false;
}

/* After a change of what decides whether @v is live, or of its message. */
static void update(struct msix *msix, struct vector *v)
{
	unsigned int c = control(msix);
	uint64_t address = (uint64_t)v->word[ADDRESS_HIGH] << 32 | v->word[ADDRESS_LOW];

	if (!(c & PCI_MSIX_FLAGS_ENABLE) || (c & PCI_MSIX_FLAGS_MASKALL) ||
	    (v->word[VECTOR_CONTROL] & PCI_MSIX_ENTRY_CTRL_MASKBIT)) {
		silence(msix, v);
		return;
	}
	/* A message that is none goes nowhere, and the interrupts wait for a better one. */
	if (machine_add_irqfd(pci_bus_machine(msix->f->bus), v->fd, address, v->word[DATA]))
		silence(msix, v);
	else
		v->live = true;
}

static void control_access(void *opaque, unsigned int offset, unsigned int bytes, bool write)
{
	struct msix *msix = opaque;

	if (!write || offset >= PCI_MSIX_FLAGS + 2 || offset + bytes <= PCI_MSIX_FLAGS)
		return;
	atomic_store(&msix->enabled, control(msix) & PCI_MSIX_FLAGS_ENABLE);
	for (unsigned int i = 0; i < msix->nr; i++)
		update(msix, &msix->vectors[i]);
	function_update_intx(msix->f);
}

/* The table and the pending bits */

static bool pending(const struct vector *v)
{
	struct pollfd p = { .fd = v->fd, .events = POLLIN };

	return !v->live && poll(&p, 1, 0) == 1;
}

static uint32_t pending_word(const struct msix *msix, unsigned int word)
{
	uint32_t bits = 0;

	for (unsigned int i = 32 * word; i < msix->nr && i < 32 * word + 32; i++)
		bits |= (uint32_t)pending(&msix->vectors[i]) << i % 32;
	return bits;
}

static uint32_t read_word(const struct msix *msix, uint64_t offset)
{
	uint64_t n = offset / sizeof(msix->vectors[0].word);

	if (offset >= PBA)
		return pending_word(msix, (offset - PBA) / 4);
	return n < msix->nr ? msix->vectors[n].word[offset / 4 % WORDS] : 0;
}

/* Accesses are of 4 or 8 bytes and aligned; others are undefined (6.8.2), and here do nothing. */
static bool proper(uint64_t offset, unsigned int bytes)
{
	return (bytes == 4 || bytes == 8) && !(offset % bytes);
}

static uint64_t table_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	uint64_t value;

	if (!proper(offset, bytes))
		return 0;
	value = read_word(opaque, offset);
	if (bytes == 8)
		value |= (uint64_t)read_word(opaque, offset + 4) << 32;
	return value;
}

static void table_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct msix *msix = opaque;
	uint64_t n = offset / sizeof(msix->vectors[0].word);

	if (!proper(offset, bytes) || n >= msix->nr)
		return;
	memcpy(&msix->vectors[n].word[offset / 4 % WORDS], &value, bytes);
	update(msix, &msix->vectors[n]);
}

/* What device models see */

bool pci_msix_enabled(const struct pci_function *f)
{
	return f->msix && atomic_load(&f->msix->enabled);
}

unsigned int pci_msix_vectors(const struct pci_function *f)
{
	return f->msix ? f->msix->nr : 0;
}

int pci_msix_fd(const struct pci_function *f, unsigned int vector)
{
	return f->msix->vectors[vector].fd;
}

int pci_add_msix(struct pci_function *f, unsigned int bar, unsigned int vectors)
{
	const uint8_t capability[12] = {
		PCI_CAP_ID_MSIX, 0, vectors - 1, 0,
		bar, 0, 0, 0,				/* table: offset and BAR */
		bar | (PBA & 0xff), PBA >> 8, 0, 0,	/* pending bits */
	};
	const uint8_t writable[12] = {
		[PCI_MSIX_FLAGS + 1] = (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8,
	};
	const struct pci_bar registers = { .bytes = BAR_BYTES, .read = table_read,
					   .write = table_write };
	struct pci_bar with;
	struct msix *msix;
	int err;

	if (!vectors || vectors > VECTORS_MAX)
		return -EINVAL;
	msix = calloc(1, sizeof(*msix) + vectors * sizeof(msix->vectors[0]));
	if (!msix)
		return -ENOMEM;
	msix->f = f;
	for (; msix->nr < vectors; msix->nr++) {
		struct vector *v = &msix->vectors[msix->nr];

		v->word[VECTOR_CONTROL] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
		v->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (v->fd < 0) {
			err = -errno;
			goto fail;
		}
	}
	with = registers;
	with.opaque = msix;
	err = pci_add_bar(f, bar, &with);
	if (err)
		goto fail;
	msix->at = pci_add_capability(f, capability, sizeof(capability), writable, control_access,
				      msix);
	f->msix = msix;
	return 0;
fail:
	msix_free(msix);
	return err;
}

void msix_free(struct msix *msix)
{
	while (msix->nr) {
		struct vector *v = &msix->vectors[--msix->nr];

		silence(msix, v);
		close(v->fd);
	}
	free(msix);
}
