// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "netlink.h"

#define ATTEMPTS	10	/* while somebody adds memory slots */

struct conversation {
	struct nl_sock *sock;
	struct nl_cb *cb;
	int family;
	int error;			/* errno that the kernel has answered */
	bool ended;
	struct vm_info *info;		/* of the answer being read */
	void (*each)(const struct vm_info *vm, void *arg);
	struct vcpu_accounts *accounts;	/* the same for SVMM_GENL_CMD_GET_STATS */
	void (*each_vcpu)(const struct vcpu_accounts *vcpu, void *arg);
	void (*each_event)(const struct vm_event *event, void *arg);
	void *arg;
};

static void read_slot(struct nlattr *nest, struct vm_info *info)
{
	struct nlattr *a[SVMM_GENL_SLOT_MAX + 1];
	struct vm_slot *slot = &info->slots[info->nr_slots];

	if (info->nr_slots == SVMM_MAX_SLOTS ||
	    nla_parse_nested(a, SVMM_GENL_SLOT_MAX, nest, NULL) ||
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

static void read_exit(struct nlattr *nest, struct svmm_vcpu_stats *stats)
{
	struct nlattr *a[SVMM_GENL_EXIT_MAX + 1];
	struct svmm_exit_stat *exit = &stats->exits[stats->nr_exits];

	if (stats->nr_exits == SVMM_STATS_EXITS ||
	    nla_parse_nested(a, SVMM_GENL_EXIT_MAX, nest, NULL) ||
	    !a[SVMM_GENL_EXIT_CODE] || !a[SVMM_GENL_EXIT_COUNT])
		return;
	exit->exit_code = nla_get_u64(a[SVMM_GENL_EXIT_CODE]);
	exit->count = nla_get_u64(a[SVMM_GENL_EXIT_COUNT]);
	for (int phase = 0; phase < SVMM_PHASES; phase++)
		if (a[SVMM_GENL_EXIT_GUEST + phase])
			exit->ticks[phase] = nla_get_u64(a[SVMM_GENL_EXIT_GUEST + phase]);
	if (a[SVMM_GENL_EXIT_HISTOGRAM])
		nla_memcpy(exit->histogram, a[SVMM_GENL_EXIT_HISTOGRAM], sizeof(exit->histogram));
	stats->nr_exits++;
}

static void read_key(struct nlattr *nest, struct vcpu_accounts *vcpu)
{
	struct nlattr *a[SVMM_GENL_KEY_MAX + 1];
	struct svmm_key_stat *key;
	uint32_t kind;

	if (nla_parse_nested(a, SVMM_GENL_KEY_MAX, nest, NULL) || !a[SVMM_GENL_KEY_KIND] ||
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

/* The next vCPU's answers begin, or there are none any more: the last one is complete. */
static void vcpu_complete(struct conversation *c)
{
	if (c->accounts->name[0])
		c->each_vcpu(c->accounts, c->arg);
	memset(c->accounts, 0, sizeof(*c->accounts));
}

static int on_accounts(struct nl_msg *msg, struct conversation *c)
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
	struct nlattr *a[SVMM_GENL_ATTR_MAX + 1], *each;
	struct vcpu_accounts *vcpu = c->accounts;
	struct nlmsghdr *head = nlmsg_hdr(msg);
	int left;

	if (genlmsg_parse(head, 0, a, SVMM_GENL_ATTR_MAX, NULL) || !a[SVMM_GENL_ATTR_NAME] ||
	    !a[SVMM_GENL_ATTR_PID] || !a[SVMM_GENL_ATTR_VCPU] || !a[SVMM_GENL_ATTR_VCPU_STATE] ||
	    !a[SVMM_GENL_ATTR_TSC_KHZ])
		return NL_SKIP;
	if (nla_strcmp(a[SVMM_GENL_ATTR_NAME], vcpu->name) ||
	    nla_get_u32(a[SVMM_GENL_ATTR_PID]) != vcpu->pid ||
	    nla_get_u32(a[SVMM_GENL_ATTR_VCPU]) != vcpu->id)
		vcpu_complete(c);
	nla_strlcpy(vcpu->name, a[SVMM_GENL_ATTR_NAME], sizeof(vcpu->name));
	vcpu->pid = nla_get_u32(a[SVMM_GENL_ATTR_PID]);
	vcpu->id = nla_get_u32(a[SVMM_GENL_ATTR_VCPU]);
	vcpu->state = nla_get_u32(a[SVMM_GENL_ATTR_VCPU_STATE]);
	vcpu->tsc_khz = nla_get_u32(a[SVMM_GENL_ATTR_TSC_KHZ]);
	for (size_t i = 0; i < sizeof(number) / sizeof(number[0]); i++)
		if (a[number[i].attr])
			*(uint64_t *)((char *)vcpu + number[i].at) = nla_get_u64(a[number[i].attr]);
	nla_for_each_attr(each, genlmsg_attrdata(nlmsg_data(head), 0),
			  genlmsg_attrlen(nlmsg_data(head), 0), left) {
		if (nla_type(each) == SVMM_GENL_ATTR_EXIT)
			read_exit(each, &vcpu->stats);
		else if (nla_type(each) == SVMM_GENL_ATTR_KEY)
			read_key(each, vcpu);
	}
	return NL_OK;
}

static int on_event(struct nl_msg *msg, struct conversation *c)
{
	struct nlattr *a[SVMM_GENL_ATTR_MAX + 1];
	struct vm_event event = { .vcpu = -1 };

	if (!c->each_event || genlmsg_parse(nlmsg_hdr(msg), 0, a, SVMM_GENL_ATTR_MAX, NULL) ||
	    !a[SVMM_GENL_ATTR_EVENT] || !a[SVMM_GENL_ATTR_TIME])
		return NL_SKIP;
	event.what = nla_get_u32(a[SVMM_GENL_ATTR_EVENT]);
	event.time_ns = nla_get_u64(a[SVMM_GENL_ATTR_TIME]);
	if (a[SVMM_GENL_ATTR_NAME])
		nla_strlcpy(event.name, a[SVMM_GENL_ATTR_NAME], sizeof(event.name));
	if (a[SVMM_GENL_ATTR_PID])
		event.pid = nla_get_u32(a[SVMM_GENL_ATTR_PID]);
	if (a[SVMM_GENL_ATTR_UID])
		event.uid = nla_get_u32(a[SVMM_GENL_ATTR_UID]);
	if (a[SVMM_GENL_ATTR_VCPU])
		event.vcpu = nla_get_u32(a[SVMM_GENL_ATTR_VCPU]);
	if (a[SVMM_GENL_ATTR_REASON])
		nla_strlcpy(event.reason, a[SVMM_GENL_ATTR_REASON], sizeof(event.reason));
	c->each_event(&event, c->arg);
	return NL_OK;
}

static int on_answer(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *head = nlmsg_data(nlmsg_hdr(msg));
	struct conversation *c = arg;
	struct nlattr *a;
	int left;

	if (head->cmd == SVMM_GENL_CMD_EVENT)
		return on_event(msg, c);
	if (c->accounts)
		return on_accounts(msg, c);
	memset(c->info, 0, sizeof(*c->info));
	nla_for_each_attr(a, genlmsg_attrdata(head, 0), genlmsg_attrlen(head, 0), left)
		read_attr(a, c->info);
	if (c->each)
		c->each(c->info, c->arg);
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	struct conversation *c = arg;

	(void)msg;
	c->ended = true;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct conversation *c = arg;

	(void)from;
	c->error = -error->error;
	c->ended = true;
	return NL_STOP;
}

static bool begin(struct conversation *c)
{
	int ret = -NLE_NOMEM;

	c->sock = nl_socket_alloc();
	c->cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (c->sock && c->cb)
		ret = genl_connect(c->sock);
	if (!ret) {
		nl_socket_enable_msg_peek(c->sock);
		nl_cb_set(c->cb, NL_CB_VALID, NL_CB_CUSTOM, on_answer, c);
		nl_cb_set(c->cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, c);
		nl_cb_set(c->cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, c);
		nl_cb_err(c->cb, NL_CB_CUSTOM, on_error, c);
		ret = genl_ctrl_resolve(c->sock, SVMM_GENL_NAME);
	}
	if (ret >= 0) {
		c->family = ret;
		return true;
	}
	if (ret == -NLE_OBJ_NOTFOUND)
		message("svmm.ko is not loaded; try: modprobe svmm, and vmctl check");
	else
		message("netlink: %s", nl_geterror(ret));
	return false;
}

static void end(struct conversation *c)
{
	nl_cb_put(c->cb);
	nl_socket_free(c->sock);
}

/* Ask, and read the answers.  Return: 0, the kernel's errno, or -1 after a message. */
static int ask(struct conversation *c, int command, int flags, const char *name, int flag)
{
	struct nl_msg *msg = nlmsg_alloc();
	int ret = -NLE_NOMEM;

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, c->family, 0, flags, command,
			       SVMM_GENL_VERSION) &&
	    (!name || !nla_put_string(msg, SVMM_GENL_ATTR_NAME, name)) &&
	    (!flag || !nla_put_flag(msg, flag)))
		ret = nl_send_auto(c->sock, msg);
	nlmsg_free(msg);
	c->error = 0;
	c->ended = false;
	while (ret >= 0 && !c->ended)
		ret = nl_recvmsgs(c->sock, c->cb);
	if (c->ended)
		return c->error;
	message("netlink: %s", nl_geterror(ret));
	return -1;
}

/* What the kernel has answered about a VM.  Return: @error. */
static int said(int error, const char *name)
{
	if (error == ENOENT)
		message("%s: no VM of that name; vmctl list shows those that you may see", name);
	else if (error == EPERM)
		message("%s: it is another user's VM; ask as that user or as root", name);
	else if (error > 0)
		message("%s: %s", name, strerror(error));
	return error;
}

bool vm_list(void (*each)(const struct vm_info *vm, void *arg), void *arg)
{
	struct conversation c = { .each = each, .arg = arg };
	bool ok = false;
	int error;

	c.info = malloc(sizeof(*c.info));
	if (c.info && begin(&c)) {
		error = ask(&c, SVMM_GENL_CMD_GET_VM, NLM_F_DUMP, NULL, 0);
		if (error > 0)
			message("cannot list the VMs: %s", strerror(error));
		ok = !error;
	}
	end(&c);
	free(c.info);
	return ok;
}

static bool ask_vm(int command, const char *name, int flag, struct vm_info *info)
{
	struct conversation c = { .info = info };
	int error = -1;

	if (begin(&c)) {
		for (int i = 0; i < ATTEMPTS && (!i || error == EAGAIN); i++)
			error = ask(&c, command, NLM_F_ACK, name, flag);
	}
	end(&c);
	return !said(error, name);
}

bool vm_find(const char *name, struct vm_info *info)
{
	return ask_vm(SVMM_GENL_CMD_GET_VM, name, 0, info);
}

bool vm_memory(const char *name, bool reset, struct vm_info *info)
{
	return ask_vm(SVMM_GENL_CMD_GET_MEM, name, reset ? SVMM_GENL_ATTR_DIRTY_RESET : 0, info);
}

bool vm_accounts(const char *name, bool detail,
		 void (*each)(const struct vcpu_accounts *vcpu, void *arg), void *arg)
{
	struct conversation c = { .each_vcpu = each, .arg = arg };
	int error = -1;

	c.accounts = calloc(1, sizeof(*c.accounts));
	if (!c.accounts)
		message("out of memory");
	else if (begin(&c))
		error = ask(&c, SVMM_GENL_CMD_GET_STATS, NLM_F_DUMP, name,
			    detail ? SVMM_GENL_ATTR_DETAIL : 0);
	if (!error)
		vcpu_complete(&c);
	end(&c);
	free(c.accounts);
	return !said(error, name ? name : "the VMs");
}

/* Events answer no question. */
static int on_event_seq(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

/* Everybody's events, or the caller's own.  False after a message. */
static bool subscribe(struct conversation *c)
{
	int group = genl_ctrl_resolve_grp(c->sock, SVMM_GENL_NAME, SVMM_GENL_EVENTS), error;

	if (group >= 0 && !nl_socket_add_membership(c->sock, group))
		return true;
	error = ask(c, SVMM_GENL_CMD_WATCH, NLM_F_ACK, NULL, 0);
	if (error == EBUSY)
		message("%u of your processes follow events already", SVMM_GENL_WATCHERS);
	else if (error > 0)
		message("cannot follow events: %s", strerror(error));
	return !error;
}

void vm_watch(void (*each)(const struct vm_event *event, void *arg), void *arg)
{
	struct conversation c = { .each_event = each, .arg = arg };
	int ret = 0;

	if (begin(&c) && subscribe(&c)) {
		nl_cb_set(c.cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_event_seq, NULL);
		while (ret >= 0) {
			ret = nl_recvmsgs(c.sock, c.cb);
			/* libnl's word for ENOBUFS: the socket's buffer was full. */
			if (ret == -NLE_NOMEM) {
				each(NULL, arg);
				ret = 0;
			}
		}
		message("netlink: %s", nl_geterror(ret));
	}
	end(&c);
}
