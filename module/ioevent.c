// SPDX-License-Identifier: GPL-2.0
/*
 * ioeventfd: writes that signal an eventfd.
 *
 * A VM has a sorted array of them, which is replaced as a whole: who looks takes no lock.  What a
 * guest can make it do is a binary search, and a look at those of one address, which may be all.
 * An eventfd is let go of when nobody can be signalling it any more.
 *
 * It must not know how the guest came to write.
 */
#include <linux/eventfd.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/rcupdate.h>

#include "compat.h"
#include "ioevent.h"

struct ioevent {
	u64 address;
	u64 match;
	struct eventfd_ctx *eventfd;
	bool port;
	bool any_value;
	u8 bytes;			/* 0: any */
};

struct ioevents {
	unsigned int nr;
	struct ioevent event[];		/* ports first, each by address */
};

static bool before(const struct ioevent *event, bool port, u64 address)
{
	if (event->port != port)
		return event->port;
	return event->address < address;
}

/* The first one that is not before @address. */
static unsigned int lower_bound(const struct ioevents *all, bool port, u64 address)
{
	unsigned int low = 0, high = all->nr, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (before(&all->event[middle], port, address))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct ioevents *all, unsigned int i, bool port, u64 address)
{
	return i < all->nr && all->event[i].port == port && all->event[i].address == address;
}

bool ioevent_find_and_signal(struct vm *vm, bool port, u64 address, u64 value,
			     unsigned int bytes)
{
	const struct ioevents *all = rcu_dereference_check(vm->ioevents,
							   rcu_read_lock_sched_held());
	unsigned int i;

	if (!all)
		return false;
	for (i = lower_bound(all, port, address); is_at(all, i, port, address); i++) {
		const struct ioevent *event = &all->event[i];

		if ((event->bytes && event->bytes != bytes) ||
		    (!event->any_value && event->match != value))
			continue;
		svmm_eventfd_signal(event->eventfd);
		return true;
	}
	return false;
}

static bool same(const struct ioevent *a, const struct ioevent *b)
{
	return a->eventfd == b->eventfd && a->bytes == b->bytes && a->any_value == b->any_value &&
	       a->match == b->match;
}

/* Can a write be for both? */
static bool overlap(const struct ioevent *a, const struct ioevent *b)
{
	return (!a->bytes || !b->bytes || a->bytes == b->bytes) &&
	       (a->any_value || b->any_value || a->match == b->match);
}

/* The array with @event at @i, or (NULL) without the one at @i; NULL for one of none. */
static struct ioevents *copy(const struct ioevents *all, unsigned int i,
			     const struct ioevent *event)
{
	unsigned int nr = all ? all->nr : 0, behind = event ? i : i + 1;
	struct ioevents *new;

	if (nr == 1 && !event)
		return NULL;
	new = kvmalloc(struct_size(new, event, event ? nr + 1 : nr - 1), GFP_KERNEL_ACCOUNT);
	if (!new)
		return ERR_PTR(-ENOMEM);
	new->nr = 0;
	if (i)
		memcpy(new->event, all->event, i * sizeof(*event));
	new->nr = i;
	if (event)
		new->event[new->nr++] = *event;
	if (behind < nr)
		memcpy(new->event + new->nr, all->event + behind, (nr - behind) * sizeof(*event));
	new->nr += nr - behind;
	return new;
}

/* vm->lock held.  After this nobody looks at the old array. */
static void publish(struct vm *vm, struct ioevents *new)
{
	struct ioevents *old = rcu_dereference_protected(vm->ioevents,
							 lockdep_is_held(&vm->lock));

	rcu_assign_pointer(vm->ioevents, new);
	if (!old)
		return;
	synchronize_rcu_expedited();
	kvfree(old);
}

/* vm->lock held.  The VM has the eventfd from here on. */
static int add(struct vm *vm, const struct ioevent *event)
{
	struct ioevents *all = rcu_dereference_protected(vm->ioevents,
							 lockdep_is_held(&vm->lock));
	unsigned int i = 0, first;
	struct ioevents *new;

	if (all) {
		if (all->nr == SVMM_MAX_IOEVENTFDS)
			return -ENOSPC;
		first = lower_bound(all, event->port, event->address);
		for (i = first; is_at(all, i, event->port, event->address); i++)
			if (overlap(&all->event[i], event))
				return -EEXIST;
	}
	new = copy(all, i, event);
	if (IS_ERR(new))
		return PTR_ERR(new);
	publish(vm, new);
	return 0;
}

/* vm->lock held. */
static int drop(struct vm *vm, const struct ioevent *event)
{
	struct ioevents *all = rcu_dereference_protected(vm->ioevents,
							 lockdep_is_held(&vm->lock));
	struct ioevents *new;
	unsigned int i;

	if (!all)
		return -ENOENT;
	for (i = lower_bound(all, event->port, event->address);
	     is_at(all, i, event->port, event->address); i++) {
		if (!same(&all->event[i], event))
			continue;
		new = copy(all, i, NULL);
		if (IS_ERR(new))
			return PTR_ERR(new);
		publish(vm, new);
		eventfd_ctx_put(event->eventfd);	/* the VM's */
		return 0;
	}
	return -ENOENT;
}

static bool valid(const struct svmm_ioeventfd *args)
{
	bool port = args->flags & SVMM_IOEVENTFD_PIO, match = args->flags & SVMM_IOEVENTFD_MATCH;
	u32 bytes = args->bytes;

	if (args->flags & ~(SVMM_IOEVENTFD_PIO | SVMM_IOEVENTFD_MATCH | SVMM_IOEVENTFD_REMOVE) ||
	    memchr_inv(args->reserved, 0, sizeof(args->reserved)))
		return false;
	if (bytes && (!is_power_of_2(bytes) || bytes > (port ? 4 : 8)))
		return false;
	if (args->address + bytes < args->address ||
	    (port && (args->address > 0xffff || args->address + bytes > 0x10000)))
		return false;
	if (!match)
		return !args->match;
	return bytes && (bytes == 8 || !(args->match >> 8 * bytes));
}

int ioevent_set(struct vm *vm, const struct svmm_ioeventfd *args)
{
	struct ioevent event = {
		.address = args->address,
		.match = args->match,
		.port = args->flags & SVMM_IOEVENTFD_PIO,
		.any_value = !(args->flags & SVMM_IOEVENTFD_MATCH),
		.bytes = args->bytes,
	};
	int ret;

	if (!valid(args))
		return -EINVAL;
	event.eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(event.eventfd))
		return PTR_ERR(event.eventfd);
	mutex_lock(&vm->lock);
	ret = args->flags & SVMM_IOEVENTFD_REMOVE ? drop(vm, &event) : add(vm, &event);
	mutex_unlock(&vm->lock);
	if (ret || args->flags & SVMM_IOEVENTFD_REMOVE)
		eventfd_ctx_put(event.eventfd);
	return ret;
}

void ioevent_destroy(struct vm *vm)
{
	struct ioevents *all = rcu_dereference_protected(vm->ioevents, true);
	unsigned int i;

	for (i = 0; all && i < all->nr; i++)
		eventfd_ctx_put(all->event[i].eventfd);
	kvfree(all);
}
