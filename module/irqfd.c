// SPDX-License-Identifier: GPL-2.0
/*
 * irqfd: eventfds whose signals are interrupt messages.
 *
 * Each is an entry in its eventfd's wait queue, whose callback delivers.  The one trick: that
 * queue's lock, which a callback has anyway, also guards the message and the counter, so that to
 * set, change or remove one waits for nobody but a callback that is under way.
 *
 * It must not know who signals, nor what becomes of a message (lapic_ipi.c).
 */
#include <linux/eventfd.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "irqfd.h"

/* [q] is the lock of @queue; the other letters are core.h's. */
struct irqfd {
	struct list_head list;		/* [l] */
	struct vm *vm;			/* [c] */
	struct eventfd_ctx *eventfd;	/* [c] referenced */
	wait_queue_head_t *queue;	/* [c] the eventfd's */
	wait_queue_entry_t wait;	/* [q] */
	poll_table table;		/* for vfs_poll() to find @queue */
	u64 address;			/* [q] */
	u32 data;			/* [q] */
};

/* [q] */
static void deliver(struct irqfd *irqfd)
{
	lapic_deliver_msi(irqfd->vm, irqfd->address, irqfd->data);
}

/*
 * Something happened to the eventfd.  [q], in whatever context that was: interrupts are off, but on
 * PREEMPT_RT.  Another VM's callback may have taken the signal already, which is ours, too.
 */
static int signalled(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	u64 signals;

	if (key_to_poll(key) & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &signals);
		deliver(irqfd);
	}
	return 0;
}

/* What has been in the eventfd since before.  A callback may come first, and leave nothing. */
static void deliver_old(struct irqfd *irqfd)
{
	u64 signals;

	spin_lock_irq(&irqfd->queue->lock);
	eventfd_ctx_do_read(irqfd->eventfd, &signals);
	if (signals)
		deliver(irqfd);
	spin_unlock_irq(&irqfd->queue->lock);
	/* Who waited for room in the counter has it. */
	wake_up_poll(irqfd->queue, EPOLLOUT);
}

static void join(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	struct irqfd *irqfd = container_of(table, struct irqfd, table);

	irqfd->queue = queue;
	add_wait_queue(queue, &irqfd->wait);
}

/* vm->lock held.  At most SVMM_MAX_IRQFDS are looked at. */
static struct irqfd *find(struct vm *vm, const struct eventfd_ctx *eventfd)
{
	struct irqfd *irqfd;

	list_for_each_entry(irqfd, &vm->irqfds, list)
		if (irqfd->eventfd == eventfd)
			return irqfd;
	return NULL;
}

/* vm->lock held. */
static int add(struct vm *vm, struct file *file, const struct svmm_irqfd *args)
{
	struct irqfd *irqfd;

	if (vm->nr_irqfds == SVMM_MAX_IRQFDS)
		return -ENOSPC;
	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		return -ENOMEM;
	irqfd->vm = vm;
	irqfd->eventfd = eventfd_ctx_fileget(file);
	irqfd->address = args->address;
	irqfd->data = args->data;
	list_add(&irqfd->list, &vm->irqfds);
	vm->nr_irqfds++;

	/* First into the queue, then a look at the counter: no signal goes between the two. */
	init_waitqueue_func_entry(&irqfd->wait, signalled);
	init_poll_funcptr(&irqfd->table, join);
	if (vfs_poll(file, &irqfd->table) & EPOLLIN)
		deliver_old(irqfd);
	return 0;
}

static void change(struct irqfd *irqfd, u64 address, u32 data)
{
	spin_lock_irq(&irqfd->queue->lock);
	irqfd->address = address;
	irqfd->data = data;
	spin_unlock_irq(&irqfd->queue->lock);
}

/* vm->lock held, or nobody else has the VM. */
static void drop(struct irqfd *irqfd)
{
	/* Takes [q]: no callback runs any more. */
	remove_wait_queue(irqfd->queue, &irqfd->wait);
	list_del(&irqfd->list);
	irqfd->vm->nr_irqfds--;
	eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

static bool valid(const struct svmm_irqfd *args)
{
	if (args->flags & ~SVMM_IRQFD_REMOVE ||
	    memchr_inv(args->reserved, 0, sizeof(args->reserved)))
		return false;
	if (args->flags & SVMM_IRQFD_REMOVE)
		return !args->address && !args->data;
	return lapic_msi_valid(args->address, args->data);
}

int irqfd_set(struct vm *vm, const struct svmm_irqfd *args)
{
	struct eventfd_ctx *eventfd;
	struct irqfd *irqfd;
	struct file *file;
	int ret = 0;

	if (!valid(args))
		return -EINVAL;
	file = eventfd_fget(args->fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	eventfd = eventfd_ctx_fileget(file);

	mutex_lock(&vm->lock);
	irqfd = find(vm, eventfd);
	if (!(args->flags & SVMM_IRQFD_REMOVE)) {
		if (irqfd)
			change(irqfd, args->address, args->data);
		else
			ret = add(vm, file, args);
	} else if (irqfd) {
		drop(irqfd);
	} else {
		ret = -ENOENT;
	}
	mutex_unlock(&vm->lock);

	eventfd_ctx_put(eventfd);
	fput(file);
	return ret;
}

void irqfd_destroy(struct vm *vm)
{
	struct irqfd *irqfd, *next;

	list_for_each_entry_safe(irqfd, next, &vm->irqfds, list)
		drop(irqfd);
}
