// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to VMs, told to those who listen.
 *
 * The administrator joins a multicast group. An owner may not, since a group has everybody's VMs
 * and before Linux 6.8 a family cannot filter what its members get: his sockets are remembered, and
 * each is sent what is his. A message that does not fit into a socket's buffer is lost, and the
 * socket's next read says so; nothing is kept here. Nothing is built when nobody listens.
 */
#include <linux/cred.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/user_namespace.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "compat.h"
#include "netlink.h"

#define EVENT_ROOM	(256 + SVMM_REASON_MAX)

/* Whose eyes a message is for. */
struct viewer {
	struct user_namespace *user_ns;
	struct pid_namespace *pid_ns;
};

struct watcher {
	struct list_head list;		/* in watchers */
	struct sock *sk;		/* [c] when it closes, its portid is free at once */
	u32 portid;			/* [c] */
	kuid_t uid;			/* [c] whose VMs */
	struct viewer viewer;		/* [c] */
};

static DEFINE_MUTEX(events_lock);
static LIST_HEAD(watchers);		/* guarded by events_lock */

struct event {
	const struct vm *vm;		/* NULL: the host's */
	enum svmm_event what;
	int vcpu;			/* -1: of no one vCPU */
	const char *reason;		/* or NULL */
};

static int put_event(struct sk_buff *msg, const struct event *event, const struct viewer *viewer)
{
	const struct vm *vm = event->vm;

	if (nla_put_u32(msg, SVMM_GENL_ATTR_EVENT, event->what) ||
	    nla_put_u64_64bit(msg, SVMM_GENL_ATTR_TIME, ktime_get_real_ns(), SVMM_GENL_ATTR_PAD))
		return -EMSGSIZE;
	if (vm && (netlink_put_name(msg, vm, viewer->pid_ns) ||
		   nla_put_u32(msg, SVMM_GENL_ATTR_UID,
			       from_kuid_munged(viewer->user_ns, vm->owner))))
		return -EMSGSIZE;
	if (event->vcpu >= 0 && nla_put_u32(msg, SVMM_GENL_ATTR_VCPU, event->vcpu))
		return -EMSGSIZE;
	if (event->reason && nla_put_string(msg, SVMM_GENL_ATTR_REASON, event->reason))
		return -EMSGSIZE;
	return 0;
}

/* NULL: no memory. */
static struct sk_buff *make_message(const struct event *event, const struct viewer *viewer)
{
	struct sk_buff *msg = genlmsg_new(EVENT_ROOM, GFP_KERNEL);
	void *head;

	if (!msg)
		return NULL;
	head = genlmsg_put(msg, 0, 0, &netlink_family, 0, SVMM_GENL_CMD_EVENT);
	if (!head || put_event(msg, event, viewer)) {
		nlmsg_free(msg);
		return NULL;
	}
	genlmsg_end(msg, head);
	return msg;
}

static void tell_watchers(const struct event *event)
{
	struct watcher *watcher;
	struct sk_buff *msg;

	mutex_lock(&events_lock);
	list_for_each_entry(watcher, &watchers, list) {
		if (!uid_eq(watcher->uid, event->vm->owner) || sock_flag(watcher->sk, SOCK_DEAD))
			continue;
		msg = make_message(event, &watcher->viewer);
		if (msg)
			genlmsg_unicast(&init_net, msg, watcher->portid);
	}
	mutex_unlock(&events_lock);
}

void vm_event(const struct vm *vm, enum svmm_event what, int vcpu, const char *reason)
{
	static const struct viewer administrator = { &init_user_ns, &init_pid_ns };
	const struct event event = { vm, what, vcpu, reason };
	struct sk_buff *msg;

	if (genl_has_listeners(&netlink_family, &init_net, 0)) {
		msg = make_message(&event, &administrator);
		if (msg)
			genlmsg_multicast(&netlink_family, msg, 0, 0, GFP_KERNEL);
	}
	/* A watcher that comes now has not been answered yet. */
	if (vm && !list_empty(&watchers))
		tell_watchers(&event);
}

static int add_watcher(struct sock *sk, u32 portid, kuid_t uid)
{
	struct watcher *watcher;
	unsigned int nr = 0;

	list_for_each_entry(watcher, &watchers, list) {
		if (watcher->sk == sk)
			return uid_eq(watcher->uid, uid) ? 0 : -EPERM;
		nr += uid_eq(watcher->uid, uid);
	}
	if (nr >= SVMM_GENL_WATCHERS)
		return -EBUSY;
	watcher = kzalloc(sizeof(*watcher), GFP_KERNEL_ACCOUNT);
	if (!watcher)
		return -ENOMEM;
	sock_hold(sk);
	watcher->sk = sk;
	watcher->portid = portid;
	watcher->uid = uid;
	watcher->viewer.user_ns = get_user_ns(current_user_ns());
	watcher->viewer.pid_ns = get_pid_ns(task_active_pid_ns(current));
	list_add_tail(&watcher->list, &watchers);
	return 0;
}

static void drop_watcher(struct watcher *watcher)
{
	list_del(&watcher->list);
	put_pid_ns(watcher->viewer.pid_ns);
	put_user_ns(watcher->viewer.user_ns);
	sock_put(watcher->sk);
	kfree(watcher);
}

int netlink_watch(struct sk_buff *skb, struct genl_info *info)
{
	int ret;

	mutex_lock(&events_lock);
	ret = add_watcher(NETLINK_CB(skb).sk, info->snd_portid, NETLINK_CREDS(skb)->uid);
	mutex_unlock(&events_lock);
	if (ret == -EPERM)
		NL_SET_ERR_MSG(info->extack, "another user watches with this socket");
	if (ret == -EBUSY)
		NL_SET_ERR_MSG(info->extack, "too many of your sockets watch already");
	return ret;
}

static int netlink_cb(struct notifier_block *nb, unsigned long action, void *data)
{
	const struct netlink_notify *notify = data;
	struct watcher *watcher, *next;

	if (action != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC ||
	    !net_eq(notify->net, &init_net))
		return NOTIFY_DONE;
	mutex_lock(&events_lock);
	/* The socket is dead by now; another one may have its portid already. */
	list_for_each_entry_safe(watcher, next, &watchers, list)
		if (watcher->portid == notify->portid && sock_flag(watcher->sk, SOCK_DEAD))
			drop_watcher(watcher);
	mutex_unlock(&events_lock);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_nb = { .notifier_call = netlink_cb };

int __init netlink_events_init(void)
{
	return netlink_register_notifier(&netlink_nb);
}

/* No command is running any more. */
void netlink_events_exit(void)
{
	struct watcher *watcher, *next;

	netlink_unregister_notifier(&netlink_nb);
	list_for_each_entry_safe(watcher, next, &watchers, list)
		drop_watcher(watcher);
}
