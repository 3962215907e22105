/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages of svmm.ko's netlink family as what netlink.h has.  Nothing is taken from a message that
 * is not as it should be: a number that is too short, a name without an end.
 */
#ifndef VMCTL_NETLINK_PARSE_H
#define VMCTL_NETLINK_PARSE_H

#include "netlink.h"

struct nlmsghdr;

/* Answers to GET_VM and GET_MEM, and events.  Return: false if it is no such message. */
bool parse_vm(struct nlmsghdr *head, struct vm_info *info);
bool parse_event(struct nlmsghdr *head, struct vm_event *event);

/**
 * parse_accounts - an answer to GET_STATS
 * @head: the message
 * @vcpu: all zeros at first; has what was said so far about a vCPU, whose answers may be several
 * @each: called with @vcpu if the answer is about the next one
 * @arg: passed on
 *
 * Return: false if it is no such message.
 */
bool parse_accounts(struct nlmsghdr *head, struct vcpu_accounts *vcpu,
		    void (*each)(const struct vcpu_accounts *vcpu, void *arg), void *arg);
/* There are no more answers. */
void parse_accounts_end(struct vcpu_accounts *vcpu,
			void (*each)(const struct vcpu_accounts *vcpu, void *arg), void *arg);

#endif
