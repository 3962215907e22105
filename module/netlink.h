/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the netlink family share.  All of it may sleep.
 */
#ifndef SVMM_NETLINK_H
#define SVMM_NETLINK_H

#include <net/genetlink.h>

#include "core.h"
#include "../uapi/svmm_netlink.h"

extern struct genl_family netlink_family;

/* NAME, and PID as @pid_ns sees it; -EMSGSIZE. */
int netlink_put_name(struct sk_buff *msg, const struct vm *vm, struct pid_namespace *pid_ns);

/**
 * netlink_find_vm() - the VM that a message asks for
 * @skb: the message
 * @name: its SVMM_GENL_ATTR_NAME
 * @extack: told why there is none
 *
 * Return: the VM, to be vm_unref()'d, or an ERR_PTR() of -ENOENT or -EPERM.
 */
struct vm *netlink_find_vm(struct sk_buff *skb, const struct nlattr *name,
			   struct netlink_ext_ack *extack);

/* netlink_events.c */
int netlink_watch(struct sk_buff *skb, struct genl_info *info);
int netlink_events_init(void);
void netlink_events_exit(void);

/* netlink_stats.c */
int netlink_start_stats(struct netlink_callback *cb);
int netlink_dump_stats(struct sk_buff *msg, struct netlink_callback *cb);

#endif
