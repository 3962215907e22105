// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on the PCI bus with a virtio device: any accesses to configuration space, to the
 * windows and to the device's registers, in any order, with interrupts and messages in between.
 * What must hold: the model hears start and stop in turn, a BAR is in its window or nowhere, and
 * nothing is left when all is freed.
 *
 * needs: userspace/devices/pci_bus.c userspace/devices/pci_function.c userspace/devices/msix.c
 * needs: userspace/devices/virtio.c userspace/devices/virtio_pci.c userspace/virtqueue.c
 * needs: userspace/virtqueue_packed.c userspace/virtqueue_split.c
 * max-len: 2048
 */
#include "../unit/virtio_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct access {
	uint8_t what, width;
	uint16_t offset;
	uint32_t value;
};

static const struct pci_identity plain = { .vendor = 1, .device = 2 };

static void moved(void *opaque, uint64_t address)
{
	(void)opaque;
	if (address == PCI_NOWHERE)
		return;
	if (address < PCI_MEM_BASE || address > PCI_MEM_BASE + (PCI_MEM_BYTES - 0x4000) ||
	    address % 0x4000)
		abort();
}

static uint64_t nothing(void *opaque, uint64_t offset, unsigned int bytes)
{
	(void)opaque;
	if (offset > 0x4000 - bytes)
		abort();
	return offset;
}

static void drop(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	(void)value;
	nothing(opaque, offset, bytes);
}

static void range_access(const struct io_range *r, uint64_t offset, const struct access *a)
{
	unsigned int bytes = 1 << a->width % 4;

	if (offset > r->size - bytes)
		return;
	if (a->width & 4)
		r->read(r->opaque, offset, bytes);
	else
		r->write(r->opaque, offset, bytes, a->value * 0x100000001ull);
}

/* A register or configuration space, mostly where there is something. */
static void one_access(const struct access *a)
{
	switch (a->what % 8) {
	case 0:			/* CF8h, CFCh */
		range_access(&fake.port[0], a->offset, a);
		break;
	case 1:			/* ECAM of the first slots */
		range_access(&fake.mmio[0], a->offset & 0x1ffff, a);
		break;
	case 2:			/* configuration space of the device */
		range_access(&fake.mmio[0], 0x8000 + (a->offset & 0xff), a);
		break;
	case 3:
		range_access(&fake.port[1], a->offset, a);
		break;
	case 4:			/* where the BARs are at first */
		range_access(&fake.mmio[1], a->offset, a);
		break;
	case 5:			/* common configuration */
		range_access(&fake.mmio[1], a->offset & 0x3f, a);
		break;
	case 6:
		if (a->offset & 1)
			virtio_interrupt(vd, a->value % QUEUES);
		else if (a->offset & 2)
			virtio_config_changed(vd);
		else if (a->offset & 4)
			virtio_broken(vd, "so it shall");
		fake.ioeventfds_later = a->offset & 8;
		advance(a->value % (200 * MS));
		fake_loop(0);
		break;
	case 7:			/* a proper driver comes along */
		negotiate(&dev, (OFFERED & a->value) | VERSION_1);
		set_address(&dev, REG(queue_desc_lo), GUEST_GPA + (a->offset & 0xfff0));
		start_driver(&dev);
	}
	if (model.starts - model.stops > 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pci_bar bar = {
		.bytes = 0x4000, .read = nothing, .write = drop, .moved = moved,
	};
	struct pci_function *f;
	struct access a;

	new_device();
	f = pci_function_new(bus, &plain);
	if (pci_add_bar(f, 0, &bar) || pci_add_msix(f, 1, 4))
		abort();
	for (; size >= sizeof(a); data += sizeof(a), size -= sizeof(a)) {
		memcpy(&a, data, sizeof(a));
		one_access(&a);
		pci_set_intx(f, a.value & 1);
		eventfd_write(pci_msix_fd(f, a.value % 4), 1);
	}
	virtio_free(vd);
	pci_bus_free(bus);
	if (fake.nr_irqfds || fake.nr_ioeventfds || fake.nr_watches ||
	    fake.bad_removals || fake.timers || model.starts != model.stops || fake.irq[17] ||
	    fake.irq[18])
		abort();
	return 0;
}
