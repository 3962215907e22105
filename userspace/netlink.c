// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "netlink.h"
#include "netlink_parse.h"

#define ATTEMPTS	10	/* while somebody adds memory slots */
#define EVENTS_BUFFER	(1 << 20)

struct conversation {
	struct nl_sock *sock;
	struct nl_cb *cb;
	int family;
	int error;			/* errno that the kernel has answered */
	bool ended;
	bool answered;			/* with what was understood */
	struct vm_info *info;		/* of the answer being read */
	void (*each)(const struct vm_info *vm, void *arg);
	struct vcpu_accounts *accounts;	/* the same for SVMM_GENL_CMD_GET_STATS */
	void (*each_vcpu)(const struct vcpu_accounts *vcpu, void *arg);
	bool (*each_event)(const struct vm_event *event, void *arg);
	bool enough;			/* it has said so */
	void *arg;
};

static int on_event(struct nlmsghdr *head, struct conversation *c)
{
	struct vm_event event;

	if (!c->each_event || !parse_event(head, &event))
		return NL_SKIP;
	c->enough |= !c->each_event(&event, c->arg);
	return NL_OK;
}

static int on_answer(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *head = nlmsg_hdr(msg);
	struct conversation *c = arg;

	if (!genlmsg_valid_hdr(head, 0))
		return NL_SKIP;
	if (genlmsg_hdr(head)->cmd == SVMM_GENL_CMD_EVENT)
		return on_event(head, c);
	if (c->accounts)
		return parse_accounts(head, c->accounts, c->each_vcpu, c->arg) ? NL_OK : NL_SKIP;
	if (!c->info || !parse_vm(head, c->info))
		return NL_SKIP;
	c->answered = true;
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
	if (ret != -NLE_OBJ_NOTFOUND)
		message("netlink: %s", nl_geterror(ret));
	else if (!access("/sys/module/svmm", F_OK))
		message("svmm.ko is loaded, but this is another network namespace than the initial "
			"one, where it answers; try: nsenter --net=/proc/1/ns/net vmctl ...");
	else
		message("svmm.ko is not loaded; try: modprobe svmm, or make insmod; vmctl check");
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

void vm_error(int error, const char *name)
{
	if (error == ENOENT)
		message("%s: no VM of that name; vmctl list shows those that you may see", name);
	else if (error == EPERM)
		message("%s: it is another user's VM; ask as that user or as root", name);
	else
		message("%s: %s", name ? name : "the VMs", strerror(error));
}

bool vm_name_fits(const char *name)
{
	if (strlen(name) < SVMM_NAME_MAX)
		return true;
	message("%s: no VM of that name; they have %u characters at most", name, SVMM_NAME_MAX - 1);
	return false;
}

bool vm_list(void (*each)(const struct vm_info *vm, void *arg), void *arg)
{
	struct conversation c = { .each = each, .arg = arg };
	bool ok = false;
	int error;

	c.info = malloc(sizeof(*c.info));
	if (!c.info) {
		message("out of memory");
		return false;
	}
	if (begin(&c)) {
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

	if (!vm_name_fits(name))
		return false;
	if (begin(&c)) {
		for (int i = 0; i < ATTEMPTS && (!i || error == EAGAIN); i++)
			error = ask(&c, command, NLM_F_ACK, name, flag);
	}
	end(&c);
	if (error > 0)
		vm_error(error, name);
	else if (!error && !c.answered)
		message("%s: svmm.ko's answer makes no sense; is vmctl of its version?", name);
	return !error && c.answered;
}

bool vm_find(const char *name, struct vm_info *info)
{
	return ask_vm(SVMM_GENL_CMD_GET_VM, name, 0, info);
}

bool vm_memory(const char *name, bool reset, struct vm_info *info)
{
	return ask_vm(SVMM_GENL_CMD_GET_MEM, name, reset ? SVMM_GENL_ATTR_DIRTY_RESET : 0, info);
}

int vm_accounts(const char *name, bool detail,
		void (*each)(const struct vcpu_accounts *vcpu, void *arg), void *arg)
{
	struct conversation c = { .each_vcpu = each, .arg = arg };
	int error = -1;

	if (name && !vm_name_fits(name))
		return -1;
	c.accounts = calloc(1, sizeof(*c.accounts));
	if (!c.accounts) {
		message("out of memory");
		return -1;
	}
	if (begin(&c))
		error = ask(&c, SVMM_GENL_CMD_GET_STATS, NLM_F_DUMP, name,
			    detail ? SVMM_GENL_ATTR_DETAIL : 0);
	if (!error)
		parse_accounts_end(c.accounts, each, arg);
	end(&c);
	free(c.accounts);
	return error;
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

	/* The first event may be there before the answer. */
	nl_cb_set(c->cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_event_seq, NULL);
	/* libnl asks for 32 KiB, less than what a socket has. */
	nl_socket_set_buffer_size(c->sock, EVENTS_BUFFER, 0);
	if (group >= 0 && !nl_socket_add_membership(c->sock, group))
		return true;
	error = ask(c, SVMM_GENL_CMD_WATCH, NLM_F_ACK, NULL, 0);
	if (error == EBUSY)
		message("%u of your processes follow events already", SVMM_GENL_WATCHERS);
	else if (error > 0)
		message("cannot follow events: %s", strerror(error));
	return !error;
}

void vm_watch(bool (*each)(const struct vm_event *event, void *arg), void *arg)
{
	struct conversation c = { .each_event = each, .arg = arg };
	int ret = 0;

	if (begin(&c) && subscribe(&c)) {
		while (ret >= 0 && !c.enough) {
			errno = 0;
			ret = nl_recvmsgs(c.sock, c.cb);
			/* The socket's buffer was full; libnl has one word for that and ENOMEM. */
			if (ret == -NLE_NOMEM && errno == ENOBUFS) {
				c.enough = !each(NULL, arg);
				ret = 0;
			}
		}
		if (ret < 0)
			message("netlink: %s", nl_geterror(ret));
	}
	end(&c);
}
