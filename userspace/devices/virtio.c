// SPDX-License-Identifier: GPL-2.0
/*
 * A virtio device's life: status, features, queues and interrupts (VIRTIO 1.2, 2.1 to 2.4 and 3).
 *
 * It knows neither registers nor what the device does.  A model runs from DRIVER_OK to reset; the
 * threads that it may have then need no lock for anything here, because what they use is constant
 * or atomic meanwhile.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../event_fd.h"
#include "../message.h"
#include "virtio_parts.h"

/* An eventfd's counter does not get full here; and if it did, it would be signalled. */
static void signal_fd(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

/* Interrupts */

/* @fd: of the vector, or -1: with MSI-X there is no interrupt then; without, all have INTA#. */
static void interrupt(struct virtio_device *vd, int fd, unsigned int isr)
{
	if (pci_msix_enabled(vd->f)) {
		/* A process that serves queues may have the eventfd of this vector, too. */
		if (fd >= 0 && isr == VIRTIO_ISR_CONFIG)
			event_fd_signal(fd);
		else if (fd >= 0)
			signal_fd(fd);
		return;
	}
	atomic_fetch_or(&vd->isr, isr);
	signal_fd(vd->intx_fd);
}

void virtio_interrupt(struct virtio_device *vd, unsigned int n)
{
	interrupt(vd, atomic_load_explicit(&vd->queues[n].call_fd, memory_order_relaxed),
		  VIRTIO_ISR_QUEUE);
}

void virtio_config_changed(struct virtio_device *vd)
{
	atomic_fetch_add(&vd->generation, 1);
	if (atomic_load(&vd->status) & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt(vd, atomic_load(&vd->config_fd), VIRTIO_ISR_CONFIG);
}

uint8_t virtio_take_isr(struct virtio_device *vd)
{
	uint8_t isr = atomic_exchange(&vd->isr, 0);

	pci_set_intx(vd->f, 0);
	return isr;
}

/* Before MSI-X is enabled a vector's eventfd would only keep what is signalled. */
int virtio_call_fd(const struct virtio_device *vd, unsigned int n)
{
	return pci_msix_enabled(vd->f) ? atomic_load(&vd->queues[n].call_fd) : -1;
}

int virtio_kick_fd(const struct virtio_device *vd, unsigned int n)
{
	return vd->queues[n].kick_fd;
}

void virtio_broken(struct virtio_device *vd, const char *why)
{
	if (atomic_fetch_or(&vd->status, VIRTIO_CONFIG_S_NEEDS_RESET) & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	if (message_guest())
		message("%s in PCI slot %u stops until the guest resets it: %s", vd->model.name,
			pci_function_slot(vd->f), why);
	virtio_config_changed(vd);
}

/* Queues and features */

uint64_t virtio_features(const struct virtio_device *vd)
{
	return vd->accepted;
}

struct virtq *virtio_queue(struct virtio_device *vd, unsigned int n)
{
	return vd->queues[n].enabled ? &vd->queues[n].ring : NULL;
}

static bool accepts(const struct virtio_device *vd, unsigned int feature)
{
	return vd->accepted >> feature & 1;
}

static int start_queue(struct virtio_device *vd, struct virtio_queue_state *q)
{
	q->ring = (struct virtq) {
		.m = vd->m,
		.size = q->size,
		.packed = accepts(vd, VIRTIO_F_RING_PACKED),
		.event_idx = accepts(vd, VIRTIO_RING_F_EVENT_IDX),
		.indirect = accepts(vd, VIRTIO_RING_F_INDIRECT_DESC),
		.desc = q->address[0],
		.driver = q->address[1],
		.device = q->address[2],
	};
	event_fd_take(q->kick_fd);
	if (!virtq_start(&q->ring))
		return 0;
	virtio_broken(vd, q->ring.broken);
	return -1;
}

/* Life */

static void start(struct virtio_device *vd)
{
	for (unsigned int i = 0; i < vd->model.nr_queues; i++) {
		if (vd->queues[i].enabled && start_queue(vd, &vd->queues[i]))
			return;
	}
	if (vd->model.ops->start(vd->model.opaque)) {
		virtio_broken(vd, "vmctl cannot make it go");
		return;
	}
	vd->started = true;
	virtio_pci_start(vd);
}

/* If something is under way, this waits. */
static void stop(struct virtio_device *vd)
{
	if (!vd->started)
		return;
	if (!vd->draining)
		virtio_pci_stop(vd);
	vd->model.ops->stop(vd->model.opaque);
	vd->draining = false;
	vd->started = false;
	if (vd->holds)
		machine_release(vd->m);
	vd->holds = false;
}

/* Return: whether it has stopped; else it does when it is drained. */
static bool try_to_stop(struct virtio_device *vd)
{
	const struct virtio_ops *ops = vd->model.ops;

	if (vd->draining)
		return false;
	if (vd->started && ops->drain) {
		virtio_pci_stop(vd);
		atomic_store(&vd->drained, false);
		vd->draining = true;
		if (ops->drain(vd->model.opaque))
			return false;
	}
	stop(vd);
	return true;
}

void virtio_halt(struct virtio_device *vd)
{
	if (!vd->started)
		return;
	atomic_fetch_or(&vd->status, VIRTIO_CONFIG_S_NEEDS_RESET);
	if (try_to_stop(vd) || vd->holds)
		return;
	vd->holds = true;
	machine_hold(vd->m);
}

bool virtio_retire(struct virtio_device *vd, void (*gone)(void *opaque), void *opaque)
{
	virtio_halt(vd);
	if (!vd->started)
		return true;
	vd->gone = gone;
	vd->gone_opaque = opaque;
	return false;
}

static void power_on(struct virtio_device *vd)
{
	atomic_store(&vd->status, 0);
	vd->resets = false;
	virtio_take_isr(vd);
	vd->accepted = 0;
	vd->config_vector = VIRTIO_NO_VECTOR;
	atomic_store(&vd->config_fd, -1);
	for (unsigned int i = 0; i < vd->model.nr_queues; i++) {
		struct virtio_queue_state *q = &vd->queues[i];

		memset(q->address, 0, sizeof(q->address));
		q->size = vd->model.queue_size;
		q->vector = VIRTIO_NO_VECTOR;
		q->enabled = false;
		atomic_store(&q->call_fd, -1);
	}
}

static void reset(struct virtio_device *vd)
{
	if (try_to_stop(vd))
		power_on(vd);
	else
		vd->resets = true;
}

void virtio_drained(struct virtio_device *vd)
{
	atomic_store(&vd->drained, true);
	signal_fd(vd->intx_fd);
}

/* What others have signalled: that it is drained, and INTA#, whose level is the machine's. */
static void signalled(void *opaque, uint32_t events)
{
	struct virtio_device *vd = opaque;

	(void)events;
	event_fd_take(vd->intx_fd);
	if (vd->draining && atomic_load(&vd->drained)) {
		stop(vd);
		if (vd->resets)
			power_on(vd);
		if (vd->gone) {
			vd->gone(vd->gone_opaque);
			return;
		}
	}
	pci_set_intx(vd->f, atomic_load(&vd->isr) != 0);
}

/* FEATURES_OK: does the driver want what there is, and the interface of this century? */
static bool features_ok(const struct virtio_device *vd)
{
	return !(vd->accepted & ~vd->offered) && accepts(vd, VIRTIO_F_VERSION_1);
}

void virtio_set_status(struct virtio_device *vd, uint8_t status)
{
	unsigned int old = atomic_load(&vd->status);
	unsigned int new = status & ~old;

	if (!status) {
		reset(vd);
		return;
	}
	if ((old & VIRTIO_CONFIG_S_NEEDS_RESET) || vd->draining)
		return;
	if ((new & VIRTIO_CONFIG_S_FEATURES_OK) && !features_ok(vd))
		new &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	/* A driver starts what it has negotiated. */
	if (!((old | new) & VIRTIO_CONFIG_S_FEATURES_OK))
		new &= ~VIRTIO_CONFIG_S_DRIVER_OK;
	new &= ~VIRTIO_CONFIG_S_NEEDS_RESET;
	atomic_fetch_or(&vd->status, new);
	if (new & VIRTIO_CONFIG_S_DRIVER_OK)
		start(vd);
}

int virtio_init(struct virtio_device *vd, const struct virtio_model *model)
{
	vd->m = pci_bus_machine(pci_function_bus(vd->f));
	vd->model = *model;
	vd->offered = model->features | 1ull << VIRTIO_F_VERSION_1;
	for (unsigned int i = 0; i < 2; i++)
		vd->notify_at[i] = PCI_NOWHERE;
	for (unsigned int i = 0; i < VIRTIO_QUEUES_MAX; i++) {
		vd->queues[i].kick_fd = -1;
		vd->queues[i].wired_at[0] = PCI_NOWHERE;
		vd->queues[i].wired_at[1] = PCI_NOWHERE;
	}
	vd->intx_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (vd->intx_fd < 0)
		return -1;
	for (unsigned int i = 0; i < model->nr_queues; i++) {
		vd->queues[i].kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (vd->queues[i].kick_fd < 0)
			return -1;
	}
	power_on(vd);
	errno = -machine_watch_fd(vd->m, vd->intx_fd, EPOLLIN, signalled, vd);
	return errno ? -1 : 0;
}

void virtio_exit(struct virtio_device *vd)
{
	if (vd->started) {
		stop(vd);
		power_on(vd);
	}
	for (unsigned int i = 0; i < vd->model.nr_queues; i++) {
		if (vd->queues[i].kick_fd >= 0)
			close(vd->queues[i].kick_fd);
	}
	if (vd->intx_fd >= 0) {
		machine_watch_fd(vd->m, vd->intx_fd, 0, NULL, NULL);
		close(vd->intx_fd);
	}
}
