/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The events of the netlink family, for tests.
 */
#ifndef SELFTESTS_EVENTS_H
#define SELFTESTS_EVENTS_H

#include <stdint.h>
#include <netlink/netlink.h>

#include "../../uapi/svmm.h"
#include "../../uapi/svmm_netlink.h"

struct events {
	struct nl_sock *sock;
	struct nl_cb *cb;
	int family;
	int error;		/* of the answer to a question */
	int answered;
	/* the last event; what it did not have is -1 or empty */
	int got;
	int64_t what, pid, uid, vcpu, id;
	uint64_t time_ns;
	char name[SVMM_NAME_MAX], reason[SVMM_REASON_MAX];
};

/* A socket, as the process now is. Ends the test if there is no family. */
void events_open(struct events *e);
void events_close(struct events *e);

/* 0 or -errno. */
int events_join(struct events *e);
int events_watch(struct events *e);

/* The next event: 0, -EAGAIN (none within some ms, times vmt_slowdown()), -ENOBUFS (lost some). */
int events_next(struct events *e, int ms);

#endif
