// SPDX-License-Identifier: GPL-2.0
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <string.h>

#include "netlink_parse.h"

/* How long they must be; what is not here may be anything. */
static const struct nla_policy top_level[SVMM_GENL_ATTR_MAX + 1] = {
	[SVMM_GENL_ATTR_NAME] = { .type = NLA_STRING },
	[SVMM_GENL_ATTR_UID] = { .type = NLA_U32 },
	[SVMM_GENL_ATTR_PID] = { .type = NLA_U32 },
	[SVMM_GENL_ATTR_VCPUS] = { .type = NLA_U32 },
	[SVMM_GENL_ATTR_NPT_TABLES] = { .type = NLA_U64 },
	[SVMM_GENL_ATTR_NPT_4K] = { .type = NLA_U64 },
	[SVMM_GENL_ATTR_NPT_2M] = { .type = NLA_U64 },
	[SVMM_GENL_ATTR_NPT_1G] = { .type = NLA_U64 },
	[SVMM_GENL_ATTR_DIRTY] = { .type = NLA_U64 },
	[SVMM_GENL_ATTR_VCPU] = { .type = NLA_U32 },
	[SVMM_GENL_ATTR_VCPU_STATE] = { .type = NLA_U32 },
	[SVMM_GENL_ATTR_TSC_KHZ] = { .type = NLA_U32 },
	[SVMM_GENL_ATTR_BEGUN] = { .type = NLA_U64 },
	[SVMM_GENL_ATTR_NOW] = { .type = NLA_U64 },
	[SVMM_GENL_ATTR_HALTED] = { .type = NLA_U64 },
	[SVMM_GENL_ATTR_STOPPED] = { .type = NLA_U64 },
	[SVMM_GENL_ATTR_PREEMPTED] = { .type = NLA_U64 },
	[SVMM_GENL_ATTR_TO_USER] = { .type = NLA_U64 },
	[SVMM_GENL_ATTR_STATE] = { .type = NLA_U32 },
	[SVMM_GENL_ATTR_MEMORY] = { .type = NLA_U64 },
	[SVMM_GENL_ATTR_PV_FEATURES] = { .type = NLA_U32 },
	[SVMM_GENL_ATTR_EVENT] = { .type = NLA_U32 },
	[SVMM_GENL_ATTR_TIME] = { .type = NLA_U64 },
	[SVMM_GENL_ATTR_REASON] = { .type = NLA_STRING },
	[SVMM_GENL_ATTR_ID] = { .type = NLA_U64 },
};

static const struct nla_policy in_slot[SVMM_GENL_SLOT_MAX + 1] = {
	[SVMM_GENL_SLOT_ID] = { .type = NLA_U32 },
	[SVMM_GENL_SLOT_FLAGS] = { .type = NLA_U32 },
	[SVMM_GENL_SLOT_GPA] = { .type = NLA_U64 },
	[SVMM_GENL_SLOT_BYTES] = { .type = NLA_U64 },
	[SVMM_GENL_SLOT_USER_ADDR] = { .type = NLA_U64 },
};

static const struct nla_policy in_exit[SVMM_GENL_EXIT_MAX + 1] = {
	[SVMM_GENL_EXIT_CODE] = { .type = NLA_U64 },
	[SVMM_GENL_EXIT_COUNT] = { .type = NLA_U64 },
	[SVMM_GENL_EXIT_GUEST] = { .type = NLA_U64 },
	[SVMM_GENL_EXIT_SWITCH] = { .type = NLA_U64 },
	[SVMM_GENL_EXIT_KERNEL] = { .type = NLA_U64 },
	[SVMM_GENL_EXIT_USER] = { .type = NLA_U64 },
	[SVMM_GENL_EXIT_HISTOGRAM] = { .minlen = SVMM_STATS_BUCKETS * sizeof(uint32_t) },
	[SVMM_GENL_EXIT_NO_KEY] = { .type = NLA_U64 },
};

static const struct nla_policy in_key[SVMM_GENL_KEY_MAX + 1] = {
	[SVMM_GENL_KEY_KIND] = { .type = NLA_U32 },
	[SVMM_GENL_KEY_KEY] = { .type = NLA_U64 },
	[SVMM_GENL_KEY_COUNT] = { .type = NLA_U64 },
	[SVMM_GENL_KEY_ERROR] = { .type = NLA_U64 },
	[SVMM_GENL_KEY_TICKS] = { .type = NLA_U64 },
};

static void read_slot(struct nlattr *nest, struct vm_info *info)
{
	struct nlattr *a[SVMM_GENL_SLOT_MAX + 1];
	struct vm_slot *slot = &info->slots[info->nr_slots];

	if (info->nr_slots == SVMM_MAX_SLOTS ||
	    nla_parse_nested(a, SVMM_GENL_SLOT_MAX, nest, in_slot) ||
	    !a[SVMM_GENL_SLOT_ID] || !a[SVMM_GENL_SLOT_FLAGS] || !a[SVMM_GENL_SLOT_GPA] ||
	    !a[SVMM_GENL_SLOT_BYTES])
		return;
	slot->id = nla_get_u32(a[SVMM_GENL_SLOT_ID]);
	slot->flags = nla_get_u32(a[SVMM_GENL_SLOT_FLAGS]);
	slot->gpa = nla_get_u64(a[SVMM_GENL_SLOT_GPA]);
	slot->bytes = nla_get_u64(a[SVMM_GENL_SLOT_BYTES]);
	if (a[SVMM_GENL_SLOT_USER_ADDR])
		slot->user_addr = nla_get_u64(a[SVMM_GENL_SLOT_USER_ADDR]);
	info->nr_slots++;
}

static void read_attr(struct nlattr *a, struct vm_info *info)
{
	switch (nla_type(a)) {
	case SVMM_GENL_ATTR_NAME:
		nla_strlcpy(info->name, a, sizeof(info->name));
		break;
	case SVMM_GENL_ATTR_ID:
		info->vm_id = nla_get_u64(a);
		break;
	case SVMM_GENL_ATTR_UID:
		info->uid = nla_get_u32(a);
		break;
	case SVMM_GENL_ATTR_PID:
		info->pid = nla_get_u32(a);
		break;
	case SVMM_GENL_ATTR_VCPUS:
		info->vcpus = nla_get_u32(a);
		break;
	case SVMM_GENL_ATTR_STATE:
		info->state = nla_get_u32(a);
		break;
	case SVMM_GENL_ATTR_MEMORY:
		info->memory = nla_get_u64(a);
		break;
	case SVMM_GENL_ATTR_PV_FEATURES:
		info->pv_features = nla_get_u32(a);
		break;
	case SVMM_GENL_ATTR_NPT_TABLES:
		info->tables = nla_get_u64(a);
		info->has_memory = true;
		break;
	case SVMM_GENL_ATTR_NPT_4K:
	case SVMM_GENL_ATTR_NPT_2M:
	case SVMM_GENL_ATTR_NPT_1G:
		info->leaves[nla_type(a) - SVMM_GENL_ATTR_NPT_4K] = nla_get_u64(a);
		break;
	case SVMM_GENL_ATTR_DIRTY:
		info->dirty = nla_get_u64(a);
		break;
	case SVMM_GENL_ATTR_SLOT:
		read_slot(a, info);
		break;
	}
}

/* False if an attribute is not as long as it must be. */
static bool parse_top(struct nlmsghdr *head, struct nlattr *a[SVMM_GENL_ATTR_MAX + 1])
{
	return !genlmsg_parse(head, 0, a, SVMM_GENL_ATTR_MAX, top_level);
}

bool parse_vm(struct nlmsghdr *head, struct vm_info *info)
{
	struct nlattr *a[SVMM_GENL_ATTR_MAX + 1], *each;
	int left;

	if (!parse_top(head, a) || !a[SVMM_GENL_ATTR_NAME])
		return false;
	memset(info, 0, sizeof(*info));
	nla_for_each_attr(each, genlmsg_attrdata(nlmsg_data(head), 0),
			  genlmsg_attrlen(nlmsg_data(head), 0), left)
		read_attr(each, info);
	return true;
}

static void read_exit(struct nlattr *nest, struct svmm_vcpu_stats *stats)
{
	struct nlattr *a[SVMM_GENL_EXIT_MAX + 1];
	struct svmm_exit_stat *exit = &stats->exits[stats->nr_exits];

	if (stats->nr_exits == SVMM_STATS_EXITS ||
	    nla_parse_nested(a, SVMM_GENL_EXIT_MAX, nest, in_exit) ||
	    !a[SVMM_GENL_EXIT_CODE] || !a[SVMM_GENL_EXIT_COUNT])
		return;
	exit->exit_code = nla_get_u64(a[SVMM_GENL_EXIT_CODE]);
	exit->count = nla_get_u64(a[SVMM_GENL_EXIT_COUNT]);
	for (int phase = 0; phase < SVMM_PHASES; phase++)
		if (a[SVMM_GENL_EXIT_GUEST + phase])
			exit->ticks[phase] = nla_get_u64(a[SVMM_GENL_EXIT_GUEST + phase]);
	if (a[SVMM_GENL_EXIT_HISTOGRAM])
		nla_memcpy(exit->histogram, a[SVMM_GENL_EXIT_HISTOGRAM], sizeof(exit->histogram));
	if (a[SVMM_GENL_EXIT_NO_KEY])
		exit->no_key = nla_get_u64(a[SVMM_GENL_EXIT_NO_KEY]);
	stats->nr_exits++;
}

static void read_key(struct nlattr *nest, struct vcpu_accounts *vcpu)
{
	struct nlattr *a[SVMM_GENL_KEY_MAX + 1];
	struct svmm_key_stat *key;
	uint32_t kind;

	if (nla_parse_nested(a, SVMM_GENL_KEY_MAX, nest, in_key) || !a[SVMM_GENL_KEY_KIND] ||
	    !a[SVMM_GENL_KEY_KEY] || !a[SVMM_GENL_KEY_COUNT] || !a[SVMM_GENL_KEY_ERROR] ||
	    !a[SVMM_GENL_KEY_TICKS])
		return;
	kind = nla_get_u32(a[SVMM_GENL_KEY_KIND]);
	if (kind >= SVMM_KEYS || vcpu->nr_keys[kind] == SVMM_STATS_KEYS)
		return;
	key = &vcpu->stats.keys[kind][vcpu->nr_keys[kind]++];
	key->key = nla_get_u64(a[SVMM_GENL_KEY_KEY]);
	key->count = nla_get_u64(a[SVMM_GENL_KEY_COUNT]);
	key->error = nla_get_u64(a[SVMM_GENL_KEY_ERROR]);
	key->ticks = nla_get_u64(a[SVMM_GENL_KEY_TICKS]);
}

void parse_accounts_end(struct vcpu_accounts *vcpu,
			void (*each)(const struct vcpu_accounts *vcpu, void *arg), void *arg)
{
	if (vcpu->name[0])
		each(vcpu, arg);
	memset(vcpu, 0, sizeof(*vcpu));
}

bool parse_accounts(struct nlmsghdr *head, struct vcpu_accounts *vcpu,
		    void (*each)(const struct vcpu_accounts *vcpu, void *arg), void *arg)
{
	static const struct {
		int attr;
		size_t at;
	} number[] = {
		{ SVMM_GENL_ATTR_BEGUN, offsetof(struct vcpu_accounts, stats.begun) },
		{ SVMM_GENL_ATTR_NOW, offsetof(struct vcpu_accounts, now) },
		{ SVMM_GENL_ATTR_HALTED, offsetof(struct vcpu_accounts, stats.halted) },
		{ SVMM_GENL_ATTR_STOPPED, offsetof(struct vcpu_accounts, stats.stopped) },
		{ SVMM_GENL_ATTR_PREEMPTED, offsetof(struct vcpu_accounts, stats.preempted) },
		{ SVMM_GENL_ATTR_TO_USER, offsetof(struct vcpu_accounts, stats.to_user) },
	};
	struct nlattr *a[SVMM_GENL_ATTR_MAX + 1], *item;
	int left;

	if (!parse_top(head, a) || !a[SVMM_GENL_ATTR_NAME] || !a[SVMM_GENL_ATTR_ID] ||
	    !a[SVMM_GENL_ATTR_PID] ||
	    !a[SVMM_GENL_ATTR_VCPU] || !a[SVMM_GENL_ATTR_VCPU_STATE] ||
	    !a[SVMM_GENL_ATTR_TSC_KHZ] || !nla_get_u32(a[SVMM_GENL_ATTR_TSC_KHZ]))
		return false;
	if (nla_get_u64(a[SVMM_GENL_ATTR_ID]) != vcpu->vm_id ||
	    nla_get_u32(a[SVMM_GENL_ATTR_VCPU]) != vcpu->id)
		parse_accounts_end(vcpu, each, arg);
	vcpu->vm_id = nla_get_u64(a[SVMM_GENL_ATTR_ID]);
	nla_strlcpy(vcpu->name, a[SVMM_GENL_ATTR_NAME], sizeof(vcpu->name));
	vcpu->pid = nla_get_u32(a[SVMM_GENL_ATTR_PID]);
	vcpu->id = nla_get_u32(a[SVMM_GENL_ATTR_VCPU]);
	vcpu->state = nla_get_u32(a[SVMM_GENL_ATTR_VCPU_STATE]);
	vcpu->tsc_khz = nla_get_u32(a[SVMM_GENL_ATTR_TSC_KHZ]);
	for (size_t i = 0; i < sizeof(number) / sizeof(number[0]); i++)
		if (a[number[i].attr])
			*(uint64_t *)((char *)vcpu + number[i].at) = nla_get_u64(a[number[i].attr]);
	nla_for_each_attr(item, genlmsg_attrdata(nlmsg_data(head), 0),
			  genlmsg_attrlen(nlmsg_data(head), 0), left) {
		if (nla_type(item) == SVMM_GENL_ATTR_EXIT)
			read_exit(item, &vcpu->stats);
		else if (nla_type(item) == SVMM_GENL_ATTR_KEY)
			read_key(item, vcpu);
	}
	return true;
}

bool parse_event(struct nlmsghdr *head, struct vm_event *event)
{
	struct nlattr *a[SVMM_GENL_ATTR_MAX + 1];

	if (!parse_top(head, a) || !a[SVMM_GENL_ATTR_EVENT] || !a[SVMM_GENL_ATTR_TIME])
		return false;
	*event = (struct vm_event){ .vcpu = -1 };
	event->what = nla_get_u32(a[SVMM_GENL_ATTR_EVENT]);
	event->time_ns = nla_get_u64(a[SVMM_GENL_ATTR_TIME]);
	if (a[SVMM_GENL_ATTR_NAME])
		nla_strlcpy(event->name, a[SVMM_GENL_ATTR_NAME], sizeof(event->name));
	if (a[SVMM_GENL_ATTR_ID])
		event->vm_id = nla_get_u64(a[SVMM_GENL_ATTR_ID]);
	if (a[SVMM_GENL_ATTR_PID])
		event->pid = nla_get_u32(a[SVMM_GENL_ATTR_PID]);
	if (a[SVMM_GENL_ATTR_UID])
		event->uid = nla_get_u32(a[SVMM_GENL_ATTR_UID]);
	if (a[SVMM_GENL_ATTR_VCPU])
		event->vcpu = nla_get_u32(a[SVMM_GENL_ATTR_VCPU]);
	if (a[SVMM_GENL_ATTR_REASON])
		nla_strlcpy(event->reason, a[SVMM_GENL_ATTR_REASON], sizeof(event->reason));
	return true;
}
