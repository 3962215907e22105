// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink: what the owner of a VM, or the administrator, can ask without
 * holding its fd.
 *
 * It must not know what the numbers mean: who has them counts them.  A VM that is
 * asked about is held by a reference, which keeps its memory and not its name: who
 * looks must not be noticed.  A dump holds none, and finds its place by vm->serial.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/srcu.h>
#include <net/genetlink.h>

#include "compat.h"
#include "memory.h"
#include "netlink.h"

int netlink_put_name(struct sk_buff *msg, const struct vm *vm, struct pid_namespace *pid_ns)
{
	if (nla_put_string(msg, SVMM_GENL_ATTR_NAME, vm->name) ||
	    nla_put_u64_64bit(msg, SVMM_GENL_ATTR_ID, vm->serial, SVMM_GENL_ATTR_PAD) ||
	    nla_put_u32(msg, SVMM_GENL_ATTR_PID, pid_nr_ns(vm->pid, pid_ns)))
		return -EMSGSIZE;
	return 0;
}

static int put_slot(struct sk_buff *msg, const struct memslot *slot, bool address)
{
	struct nlattr *nest = nla_nest_start(msg, SVMM_GENL_ATTR_SLOT);

	if (!nest ||
	    nla_put_u32(msg, SVMM_GENL_SLOT_ID, slot->id) ||
	    nla_put_u32(msg, SVMM_GENL_SLOT_FLAGS, slot->flags & ~MEMSLOT_LEAVING) ||
	    nla_put_u64_64bit(msg, SVMM_GENL_SLOT_GPA, PFN_PHYS(slot->base_gfn),
			      SVMM_GENL_SLOT_PAD) ||
	    nla_put_u64_64bit(msg, SVMM_GENL_SLOT_BYTES, PFN_PHYS(slot->npages),
			      SVMM_GENL_SLOT_PAD) ||
	    (address && nla_put_u64_64bit(msg, SVMM_GENL_SLOT_USER_ADDR, slot->hva,
					  SVMM_GENL_SLOT_PAD)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

/* Bytes of put_slot()'s attribute, and of all others together. */
#define SLOT_ROOM	(NLA_HDRLEN + 2 * nla_total_size(sizeof(u32)) + \
			 3 * nla_total_size_64bit(sizeof(u64)))
#define OTHER_ROOM	512

/* How many there are, and of how many pages. */
static unsigned int count_slots(struct vm *vm, u64 *npages)
{
	const struct memslots *slots;
	unsigned int nr;
	int idx;

	*npages = 0;
	idx = srcu_read_lock(&vm->srcu);
	slots = srcu_dereference(vm->slots, &vm->srcu);
	for (nr = 0; nr < slots->nr; nr++)
		*npages += slots->slot[nr].npages;
	srcu_read_unlock(&vm->srcu, idx);
	return nr;
}

static int put_vm(struct sk_buff *msg, struct vm *vm)
{
	u32 state = READ_ONCE(vm->dead) ? SVMM_VM_CRASHED : READ_ONCE(vm->state);
	const struct vcpu *vcpu = vm_get_vcpu(vm, 0);
	u64 npages;

	count_slots(vm, &npages);
	if (netlink_put_name(msg, vm, task_active_pid_ns(current)) ||
	    nla_put_u32(msg, SVMM_GENL_ATTR_UID, from_kuid_munged(current_user_ns(), vm->owner)) ||
	    nla_put_u32(msg, SVMM_GENL_ATTR_VCPUS, vm_count_vcpus(vm)) ||
	    nla_put_u32(msg, SVMM_GENL_ATTR_STATE, state) ||
	    nla_put_u64_64bit(msg, SVMM_GENL_ATTR_MEMORY, PFN_PHYS(npages), SVMM_GENL_ATTR_PAD) ||
	    nla_put_u32(msg, SVMM_GENL_ATTR_PV_FEATURES, vcpu ? READ_ONCE(vcpu->policy.pv) : 0))
		return -EMSGSIZE;
	return 0;
}

static int put_slots(struct sk_buff *msg, struct vm *vm, bool address)
{
	const struct memslots *slots;
	unsigned int i;
	int idx, ret = 0;

	idx = srcu_read_lock(&vm->srcu);
	slots = srcu_dereference(vm->slots, &vm->srcu);
	for (i = 0; !ret && i < slots->nr; i++)
		ret = put_slot(msg, &slots->slot[i], address);
	srcu_read_unlock(&vm->srcu, idx);
	return ret;
}

/* The layout of an address space is for those who might look into it anyway. */
static bool may_see_addresses(const struct vm *vm, struct sk_buff *skb)
{
	return (vm->plain && uid_eq(vm->owner, NETLINK_CREDS(skb)->uid)) ||
	       netlink_capable(skb, CAP_SYS_PTRACE);
}

/* What may fail for want of room comes first: what was written is told only once. */
static int put_mem(struct sk_buff *msg, struct vm *vm, bool address, bool reset)
{
	struct npt_count count;
	int ret;

	ret = put_slots(msg, vm, address);
	if (ret)
		return ret;
	ret = npt_count(vm, reset, &count);
	if (ret)
		return ret;
	if (nla_put_u64_64bit(msg, SVMM_GENL_ATTR_NPT_TABLES, count.tables, SVMM_GENL_ATTR_PAD) ||
	    nla_put_u64_64bit(msg, SVMM_GENL_ATTR_NPT_4K, count.leaves[0], SVMM_GENL_ATTR_PAD) ||
	    nla_put_u64_64bit(msg, SVMM_GENL_ATTR_NPT_2M, count.leaves[1], SVMM_GENL_ATTR_PAD) ||
	    nla_put_u64_64bit(msg, SVMM_GENL_ATTR_NPT_1G, count.leaves[2], SVMM_GENL_ATTR_PAD))
		return -EMSGSIZE;
	if (reset && nla_put_u64_64bit(msg, SVMM_GENL_ATTR_DIRTY, count.dirty_bytes,
				       SVMM_GENL_ATTR_PAD))
		return -EMSGSIZE;
	return 0;
}

struct vm *netlink_find_vm(struct sk_buff *skb, const struct nlattr *name,
			   struct netlink_ext_ack *extack)
{
	struct vm *vm;

	vm = vm_find(nla_data(name), NETLINK_CREDS(skb)->uid, netlink_capable(skb, CAP_NET_ADMIN));
	if (vm == ERR_PTR(-ENOENT))
		NL_SET_ERR_MSG(extack, "no VM of that name");
	else if (vm == ERR_PTR(-EPERM))
		NL_SET_ERR_MSG(extack, "the VM is another user's");
	return vm;
}

static int answer(struct sk_buff *skb, struct genl_info *info)
{
	bool mem = info->genlhdr->cmd == SVMM_GENL_CMD_GET_MEM;
	struct sk_buff *msg;
	int ret = -ENOMEM;
	unsigned int nr;
	struct vm *vm;
	u64 npages;
	void *head;

	if (GENL_REQ_ATTR_CHECK(info, SVMM_GENL_ATTR_NAME))
		return -EINVAL;
	vm = netlink_find_vm(skb, info->attrs[SVMM_GENL_ATTR_NAME], info->extack);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	nr = count_slots(vm, &npages);
	msg = genlmsg_new(OTHER_ROOM + (mem ? nr * SLOT_ROOM : 0), GFP_KERNEL);
	if (!msg)
		goto out;
	head = genlmsg_put_reply(msg, info, &netlink_family, 0, info->genlhdr->cmd);
	ret = head ? put_vm(msg, vm) : -EMSGSIZE;
	if (!ret && mem)
		ret = put_mem(msg, vm, may_see_addresses(vm, skb),
			      info->attrs[SVMM_GENL_ATTR_DIRTY_RESET]);
	if (ret) {
		nlmsg_free(msg);
		/* There are more slots now than there was room made for. */
		if (ret == -EMSGSIZE)
			ret = -EAGAIN;
		goto out;
	}
	genlmsg_end(msg, head);
	ret = genlmsg_reply(msg, info);
out:
	vm_unref(vm);
	return ret;
}

struct dump {
	struct sk_buff *msg;
	struct netlink_callback *cb;
	bool any;
};

/* False if it does not fit: it is the next part's first. */
static bool dump_vm(struct vm *vm, void *arg)
{
	struct dump *d = arg;
	void *head;

	if (!d->any && !uid_eq(vm->owner, NETLINK_CREDS(d->cb->skb)->uid))
		return true;
	head = genlmsg_put(d->msg, NETLINK_CB(d->cb->skb).portid, d->cb->nlh->nlmsg_seq,
			   &netlink_family, NLM_F_MULTI, SVMM_GENL_CMD_GET_VM);
	if (!head)
		return false;
	if (put_vm(d->msg, vm)) {
		genlmsg_cancel(d->msg, head);
		return false;
	}
	genlmsg_end(d->msg, head);
	return true;
}

static int start_vms(struct netlink_callback *cb)
{
	if (!svmm_dump_attrs(cb)[SVMM_GENL_ATTR_NAME])
		return 0;
	NL_SET_ERR_MSG(cb->extack, "a dump is of all VMs");
	return -EINVAL;
}

static int dump_vms(struct sk_buff *msg, struct netlink_callback *cb)
{
	struct dump d = { msg, cb, netlink_capable(cb->skb, CAP_NET_ADMIN) };

	cb->args[0] = (long)vm_each((u64)cb->args[0], dump_vm, &d);
	return msg->len;
}

/* What a command does not know is refused: it may mean something to a later kernel. */
#define POLICY_NAME	{ .type = NLA_NUL_STRING, .len = SVMM_NAME_MAX - 1 }

static const struct nla_policy vm_policy[] = {
	[SVMM_GENL_ATTR_NAME] = POLICY_NAME,
};

static const struct nla_policy mem_policy[] = {
	[SVMM_GENL_ATTR_NAME] = POLICY_NAME,
	[SVMM_GENL_ATTR_DIRTY_RESET] = { .type = NLA_FLAG },
};

static const struct nla_policy stats_policy[] = {
	[SVMM_GENL_ATTR_NAME] = POLICY_NAME,
	[SVMM_GENL_ATTR_DETAIL] = { .type = NLA_FLAG },
};

static const struct nla_policy watch_policy[] = {
	[SVMM_GENL_ATTR_NAME] = { .type = NLA_REJECT },
};

#define POLICY(name)	.policy = name, .maxattr = ARRAY_SIZE(name) - 1

static const struct genl_ops ops[] = {
	{
		.cmd = SVMM_GENL_CMD_GET_VM,
		.doit = answer,
		.start = start_vms,
		.dumpit = dump_vms,
		POLICY(vm_policy),
	},
	{ .cmd = SVMM_GENL_CMD_GET_MEM, .doit = answer, POLICY(mem_policy) },
	{
		.cmd = SVMM_GENL_CMD_GET_STATS,
		.start = netlink_start_stats,
		.dumpit = netlink_dump_stats,
		POLICY(stats_policy),
	},
	{ .cmd = SVMM_GENL_CMD_WATCH, .doit = netlink_watch, POLICY(watch_policy) },
};

static const struct genl_multicast_group groups[] = {
	{ .name = SVMM_GENL_EVENTS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

struct genl_family netlink_family __ro_after_init = {
	.name = SVMM_GENL_NAME,
	.version = SVMM_GENL_VERSION,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
	.parallel_ops = true,	/* or a long walk would stop all other families */
	.module = THIS_MODULE,
};

int __init netlink_init(void)
{
	int ret = netlink_events_init();

	if (ret)
		return ret;
	ret = genl_register_family(&netlink_family);
	if (ret)
		netlink_events_exit();
	return ret;
}

void netlink_exit(void)
{
	genl_unregister_family(&netlink_family);
	netlink_events_exit();
}
