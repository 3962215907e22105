// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <poll.h>
#include <string.h>

#include "events.h"
#include "vmtest.h"

static int on_message(struct nl_msg *msg, void *arg)
{
	struct nlattr *a[SVMM_GENL_ATTR_MAX + 1];
	struct genlmsghdr *head = nlmsg_data(nlmsg_hdr(msg));
	struct events *e = arg;

	if (head->cmd != SVMM_GENL_CMD_EVENT ||
	    genlmsg_parse(nlmsg_hdr(msg), 0, a, SVMM_GENL_ATTR_MAX, NULL))
		vmt_die(NULL, "a message that is no event: command %u", head->cmd);
	e->got++;
	e->what = a[SVMM_GENL_ATTR_EVENT] ? (int64_t)nla_get_u32(a[SVMM_GENL_ATTR_EVENT]) : -1;
	e->pid = a[SVMM_GENL_ATTR_PID] ? (int64_t)nla_get_u32(a[SVMM_GENL_ATTR_PID]) : -1;
	e->uid = a[SVMM_GENL_ATTR_UID] ? (int64_t)nla_get_u32(a[SVMM_GENL_ATTR_UID]) : -1;
	e->vcpu = a[SVMM_GENL_ATTR_VCPU] ? (int64_t)nla_get_u32(a[SVMM_GENL_ATTR_VCPU]) : -1;
	e->id = a[SVMM_GENL_ATTR_ID] ? (int64_t)nla_get_u64(a[SVMM_GENL_ATTR_ID]) : -1;
	e->time_ns = a[SVMM_GENL_ATTR_TIME] ? nla_get_u64(a[SVMM_GENL_ATTR_TIME]) : 0;
	e->name[0] = 0;
	e->reason[0] = 0;
	if (a[SVMM_GENL_ATTR_NAME])
		nla_strlcpy(e->name, a[SVMM_GENL_ATTR_NAME], sizeof(e->name));
	if (a[SVMM_GENL_ATTR_REASON])
		nla_strlcpy(e->reason, a[SVMM_GENL_ATTR_REASON], sizeof(e->reason));
	return NL_OK;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct events *e = arg;

	(void)msg;
	e->answered = 1;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct events *e = arg;

	(void)from;
	e->error = error->error;
	e->answered = 1;
	return NL_STOP;
}

static int any_sequence(struct nl_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	return NL_OK;
}

void events_open(struct events *e)
{
	memset(e, 0, sizeof(*e));
	e->sock = nl_socket_alloc();
	e->cb = nl_cb_alloc(NL_CB_DEFAULT);
	nl_cb_set(e->cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, e);
	nl_cb_set(e->cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, e);
	nl_cb_set(e->cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, any_sequence, NULL);
	nl_cb_err(e->cb, NL_CB_CUSTOM, on_error, e);
	if (genl_connect(e->sock))
		vmt_die(NULL, "no netlink");
	e->family = genl_ctrl_resolve(e->sock, SVMM_GENL_NAME);
	if (e->family < 0)
		vmt_die(NULL, "no netlink family");
}

void events_close(struct events *e)
{
	nl_socket_free(e->sock);
	nl_cb_put(e->cb);
}

int events_join(struct events *e)
{
	int group = genl_ctrl_resolve_grp(e->sock, SVMM_GENL_NAME, SVMM_GENL_EVENTS);

	if (group < 0)
		vmt_die(NULL, "no group");
	return nl_socket_add_membership(e->sock, group) ? -errno : 0;
}

int events_watch(struct events *e)
{
	struct nl_msg *msg = nlmsg_alloc();

	genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, e->family, 0, NLM_F_ACK, SVMM_GENL_CMD_WATCH,
		    SVMM_GENL_VERSION);
	nl_send_auto(e->sock, msg);
	nlmsg_free(msg);
	e->error = 0;
	e->answered = 0;
	while (!e->answered)
		if (nl_recvmsgs(e->sock, e->cb) < 0)
			break;
	return e->error;
}

int events_next(struct events *e, int ms)
{
	struct pollfd p = { .fd = nl_socket_get_fd(e->sock), .events = POLLIN };
	int ret;

	e->got = 0;
	while (!e->got) {
		if (poll(&p, 1, ms * (int)vmt_slowdown()) != 1)
			return -EAGAIN;
		ret = nl_recvmsgs(e->sock, e->cb);
		if (ret == -NLE_NOMEM)
			return -ENOBUFS;
		if (ret < 0)
			vmt_die(NULL, "netlink: %s", nl_geterror(ret));
	}
	return 0;
}
