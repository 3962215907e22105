// SPDX-License-Identifier: GPL-2.0
/*
 * SVMM_GENL_CMD_GET_STATS: the accounts of vCPUs over netlink.
 *
 * A dump goes through VMs by vm->serial, through their vCPUs by number and through a vCPU's
 * lines, and begins its next part where the last one was full; VMs may come and go meanwhile.
 * What a vCPU's thread writes is read as it stands.
 */
#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <net/genetlink.h>

#include "compat.h"
#include "netlink.h"
#include "stats.h"

#define NR_KEYS		(SVMM_KEYS * SVMM_STATS_KEYS)

/* Where a dump is: netlink_callback.args. */
struct position {
	u64 vm;			/* vm->serial of the last one that is all told */
	u64 present;		/* of the one that the next two are about */
	unsigned long vcpu;
	unsigned long item;	/* exit lines, then keys */
	u64 only;		/* vm->serial; 0: all */
};

struct dump {
	struct sk_buff *msg;
	struct netlink_callback *cb;
	struct position *pos;
	bool any, detail;
};

static enum svmm_vcpu_state vcpu_state(const struct vcpu *vcpu)
{
	if (!READ_ONCE(vcpu->task))
		return READ_ONCE(vcpu->acct.to_user) ? SVMM_VCPU_USER : SVMM_VCPU_STOPPED;
	if (READ_ONCE(vcpu->mp_state) != SVMM_MP_RUNNABLE)
		return SVMM_VCPU_HALTED;
	return SVMM_VCPU_RUNNING;
}

static int put_number(struct sk_buff *msg, int attr, u64 value)
{
	return nla_put_u64_64bit(msg, attr, value, SVMM_GENL_ATTR_PAD);
}

static int put_vcpu(struct sk_buff *msg, const struct vm *vm, struct vcpu *vcpu)
{
	const struct svmm_vcpu_stats *stats = vcpu->acct.stats;
	enum svmm_vcpu_state state = vcpu_state(vcpu);
	u64 halted = stats_aside(&vcpu->acct.halted, &stats->halted);
	u64 stopped = stats_aside(&vcpu->acct.stopped, &stats->stopped);
	/* A sleep may be long, so its part until now was told; no other time is later than this. */
	u64 now = tsc_host();

	if (netlink_put_name(msg, vm, task_active_pid_ns(current)) ||
	    nla_put_u32(msg, SVMM_GENL_ATTR_VCPU, vcpu->id) ||
	    nla_put_u32(msg, SVMM_GENL_ATTR_VCPU_STATE, state) ||
	    nla_put_u32(msg, SVMM_GENL_ATTR_TSC_KHZ, tsc_khz) ||
	    put_number(msg, SVMM_GENL_ATTR_BEGUN, READ_ONCE(stats->begun)) ||
	    put_number(msg, SVMM_GENL_ATTR_NOW, now) ||
	    put_number(msg, SVMM_GENL_ATTR_HALTED, halted) ||
	    put_number(msg, SVMM_GENL_ATTR_STOPPED, stopped) ||
	    put_number(msg, SVMM_GENL_ATTR_PREEMPTED, READ_ONCE(stats->preempted)) ||
	    put_number(msg, SVMM_GENL_ATTR_TO_USER, READ_ONCE(stats->to_user)))
		return -EMSGSIZE;
	return 0;
}

static int put_exit(struct sk_buff *msg, const struct svmm_exit_stat *exit, bool detail)
{
	struct nlattr *nest = nla_nest_start(msg, SVMM_GENL_ATTR_EXIT);
	unsigned int phase;

	if (!nest ||
	    put_number(msg, SVMM_GENL_EXIT_CODE, exit->exit_code) ||
	    put_number(msg, SVMM_GENL_EXIT_COUNT, READ_ONCE(exit->count)))
		goto full;
	for (phase = 0; phase < SVMM_PHASES; phase++)
		if (put_number(msg, SVMM_GENL_EXIT_GUEST + phase, stats_ticks(exit, phase)))
			goto full;
	if (detail &&
	    (put_number(msg, SVMM_GENL_EXIT_NO_KEY, READ_ONCE(exit->no_key)) ||
	     nla_put(msg, SVMM_GENL_EXIT_HISTOGRAM, sizeof(exit->histogram), exit->histogram)))
		goto full;
	nla_nest_end(msg, nest);
	return 0;
full:
	if (nest)
		nla_nest_cancel(msg, nest);
	return -EMSGSIZE;
}

static int put_key(struct sk_buff *msg, enum svmm_stats_key kind, const struct svmm_key_stat *key)
{
	struct nlattr *nest = nla_nest_start(msg, SVMM_GENL_ATTR_KEY);

	if (!nest ||
	    nla_put_u32(msg, SVMM_GENL_KEY_KIND, kind) ||
	    put_number(msg, SVMM_GENL_KEY_KEY, READ_ONCE(key->key)) ||
	    put_number(msg, SVMM_GENL_KEY_COUNT, READ_ONCE(key->count)) ||
	    put_number(msg, SVMM_GENL_KEY_ERROR, READ_ONCE(key->error)) ||
	    put_number(msg, SVMM_GENL_KEY_TICKS, READ_ONCE(key->ticks))) {
		if (nest)
			nla_nest_cancel(msg, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(msg, nest);
	return 0;
}

/* Items from @item on: the first one that did not fit, or -1 if all did. */
static long put_items(struct sk_buff *msg, const struct vcpu *vcpu, unsigned long item, bool detail)
{
	const struct svmm_vcpu_stats *stats = vcpu->acct.stats;
	/* Pairs with stats_new_exit(). */
	unsigned long exits = smp_load_acquire(&stats->nr_exits);
	const struct svmm_key_stat *key;
	unsigned long i;

	for (; item < exits; item++)
		if (put_exit(msg, &stats->exits[item], detail))
			return item;
	/* Lines are only added: those that came since the last part are left for the next dump. */
	i = item > SVMM_STATS_EXITS ? item - SVMM_STATS_EXITS : 0;
	for (; detail && i < NR_KEYS; i++) {
		key = &stats->keys[i / SVMM_STATS_KEYS][i % SVMM_STATS_KEYS];
		if (READ_ONCE(key->count) && put_key(msg, i / SVMM_STATS_KEYS, key))
			return SVMM_STATS_EXITS + i;
	}
	return -1;
}

/* False if the part is full. */
static bool dump_vcpu(struct dump *d, const struct vm *vm, struct vcpu *vcpu)
{
	struct sk_buff *msg = d->msg;
	long next = d->pos->item;
	void *head;

	head = genlmsg_put(msg, NETLINK_CB(d->cb->skb).portid, d->cb->nlh->nlmsg_seq,
			   &netlink_family, NLM_F_MULTI, SVMM_GENL_CMD_GET_STATS);
	if (!head)
		return false;
	if (put_vcpu(msg, vm, vcpu))
		goto cancel;
	next = put_items(msg, vcpu, d->pos->item, d->detail);
	if (next == d->pos->item)
		goto cancel;
	genlmsg_end(msg, head);
	d->pos->item = max(next, 0L);
	return next < 0;
cancel:
	genlmsg_cancel(msg, head);
	return false;
}

static bool dump_vm(struct vm *vm, void *arg)
{
	struct dump *d = arg;
	struct vcpu *vcpu;
	unsigned int nr = READ_ONCE(vm->nr_vcpus);

	if (d->pos->only ? vm->serial != d->pos->only :
	    !d->any && !uid_eq(vm->owner, NETLINK_CREDS(d->cb->skb)->uid))
		return true;
	if (d->pos->present != vm->serial) {
		d->pos->present = vm->serial;
		d->pos->vcpu = 0;
		d->pos->item = 0;
	}
	for (; d->pos->vcpu < nr; d->pos->vcpu++) {
		vcpu = vm_get_vcpu(vm, d->pos->vcpu);
		if (vcpu && !dump_vcpu(d, vm, vcpu))
			return false;
	}
	return true;
}

int netlink_start_stats(struct netlink_callback *cb)
{
	struct nlattr **attrs = svmm_dump_attrs(cb);
	struct position *pos = (void *)cb->args;
	struct vm *vm;

	BUILD_BUG_ON(sizeof(*pos) > sizeof(cb->args));
	if (!attrs[SVMM_GENL_ATTR_NAME])
		return 0;
	vm = netlink_find_vm(cb->skb, attrs[SVMM_GENL_ATTR_NAME], cb->extack);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	pos->only = vm->serial;
	vm_unref(vm);
	return 0;
}

int netlink_dump_stats(struct sk_buff *msg, struct netlink_callback *cb)
{
	struct position *pos = (void *)cb->args;
	struct dump d = {
		.msg = msg, .cb = cb, .pos = pos,
		.any = netlink_capable(cb->skb, CAP_NET_ADMIN),
		.detail = svmm_dump_attrs(cb)[SVMM_GENL_ATTR_DETAIL],
	};

	pos->vm = vm_each(pos->vm, dump_vm, &d);
	return msg->len;
}
