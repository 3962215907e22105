// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink family: what is told about a VM is the truth, to those alone who may know it; bad
 * questions get their errno; a dump survives VMs that come and go.
 *
 * needs: selftests/lib/memory.c selftests/lib/vmtest.c selftests/lib/start.c
 * libs: -lnl-genl-3 -lnl-3 -Wl,--no-warnings
 * timeout: 90
 */
#include <errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/memory.h"
#include "../uapi/svmm_netlink.h"

#define NOBODY	65534
#define VMS	700	/* more than a part of a dump has room for */

/* The last answer, and the error that came instead; several answers of a dump leave their sum. */
static struct {
	struct nlattr *attr[SVMM_GENL_ATTR_MAX + 1];
	uint8_t message[128 << 10];
	unsigned int answers, slots;
	uint64_t slot_gpa[SVMM_MAX_SLOTS], slot_bytes[SVMM_MAX_SLOTS], slot_hva[SVMM_MAX_SLOTS];
	unsigned int seen[VMS];		/* of VMs called tNNN-... */
	int error;
	bool ended;
} got;

static bool stop_asking;

static int on_answer(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *head = nlmsg_hdr(msg);
	struct nlattr *a, *in[SVMM_GENL_SLOT_MAX + 1];
	unsigned int n;
	int left;

	if (head->nlmsg_len > sizeof(got.message))
		abort();
	memcpy(got.message, head, head->nlmsg_len);
	head = (struct nlmsghdr *)got.message;
	got.answers++;
	got.slots = 0;
	memset(got.attr, 0, sizeof(got.attr));
	nlmsg_for_each_attr(a, head, GENL_HDRLEN, left) {
		if (nla_type(a) <= SVMM_GENL_ATTR_MAX)
			got.attr[nla_type(a)] = a;
		if (nla_type(a) != SVMM_GENL_ATTR_SLOT ||
		    nla_parse_nested(in, SVMM_GENL_SLOT_MAX, a, NULL))
			continue;
		got.slot_gpa[got.slots] = nla_get_u64(in[SVMM_GENL_SLOT_GPA]);
		got.slot_bytes[got.slots] = nla_get_u64(in[SVMM_GENL_SLOT_BYTES]);
		got.slot_hva[got.slots++] = nla_get_u64(in[SVMM_GENL_SLOT_USER_ADDR]);
	}
	if (sscanf(nla_get_string(got.attr[SVMM_GENL_ATTR_NAME]), "t%u", &n) == 1 && n < VMS)
		got.seen[n]++;
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	got.ended = true;
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	got.error = error->error;
	got.ended = true;
	return NL_STOP;
}

FIXTURE(netlink) {
	struct memory_guest guest;
	struct nl_sock *sock;
	struct nl_cb *cb;
	int family;
	char name[SVMM_NAME_MAX];	/* of the guest, as vmtest.c makes it */
};

static void link_open(struct _test_data_netlink *self)
{
	self->sock = nl_socket_alloc();
	self->cb = nl_cb_alloc(NL_CB_DEFAULT);
	nl_cb_set(self->cb, NL_CB_VALID, NL_CB_CUSTOM, on_answer, NULL);
	nl_cb_set(self->cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, NULL);
	nl_cb_set(self->cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, NULL);
	nl_cb_err(self->cb, NL_CB_CUSTOM, on_error, NULL);
	if (genl_connect(self->sock))
		vmt_die(NULL, "no netlink");
	nl_socket_enable_msg_peek(self->sock);
	self->family = genl_ctrl_resolve(self->sock, SVMM_GENL_NAME);
}

static void link_close(struct _test_data_netlink *self)
{
	nl_socket_free(self->sock);
	nl_cb_put(self->cb);
}

FIXTURE_SETUP(netlink)
{
	guest_open(&self->guest);
	link_open(self);
	ASSERT_LT(0, self->family);
	snprintf(self->name, sizeof(self->name), "test-%d-0", getpid());
}

FIXTURE_TEARDOWN(netlink)
{
	link_close(self);
	vmt_close(&self->guest.v);
}

static struct nl_msg *question(struct _test_data_netlink *self, int cmd, int flags,
			       const char *name)
{
	struct nl_msg *msg = nlmsg_alloc();

	genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, self->family, 0, flags, cmd,
		    SVMM_GENL_VERSION);
	if (name)
		nla_put_string(msg, SVMM_GENL_ATTR_NAME, name);
	return msg;
}

/* Send it, and wait for its end.  Return: the errno of the answer, negative. */
static int ask(struct _test_data_netlink *self, struct nl_msg *msg)
{
	memset(&got, 0, sizeof(got));
	if (nl_send_auto(self->sock, msg) < 0)
		return -EIO;
	nlmsg_free(msg);
	while (!got.ended)
		if (nl_recvmsgs(self->sock, self->cb) < 0 && !got.ended)
			return -EIO;
	return got.error;
}

static int ask_vm(struct _test_data_netlink *self)
{
	return ask(self, question(self, SVMM_GENL_CMD_GET_VM, NLM_F_ACK, self->name));
}

static int ask_all(struct _test_data_netlink *self)
{
	return ask(self, question(self, SVMM_GENL_CMD_GET_VM, NLM_F_DUMP, NULL));
}

static int ask_mem(struct _test_data_netlink *self, bool reset)
{
	struct nl_msg *msg = question(self, SVMM_GENL_CMD_GET_MEM, NLM_F_ACK, self->name);

	if (reset)
		nla_put_flag(msg, SVMM_GENL_ATTR_DIRTY_RESET);
	return ask(self, msg);
}

static uint64_t number(int attr)
{
	return got.attr[attr] ? nla_get_u64(got.attr[attr]) : ~0ULL;
}

TEST_F(netlink, a_vm)
{
	struct vmt second;

	vmt_open_vcpu(&second, &self->guest.v, 5);
	ASSERT_EQ(0, ask_vm(self));
	ASSERT_EQ(1, got.answers);
	EXPECT_STREQ(self->name, nla_get_string(got.attr[SVMM_GENL_ATTR_NAME]));
	EXPECT_EQ(getuid(), nla_get_u32(got.attr[SVMM_GENL_ATTR_UID]));
	EXPECT_EQ(getpid(), nla_get_u32(got.attr[SVMM_GENL_ATTR_PID]));
	EXPECT_EQ(2, nla_get_u32(got.attr[SVMM_GENL_ATTR_VCPUS]));
	EXPECT_EQ(NULL, got.attr[SVMM_GENL_ATTR_NPT_TABLES]);
}

/* Two VMs of one process and, one after the other, of one name: they can be told apart. */
TEST_F(netlink, identity)
{
	uint64_t first, second;
	int vm;

	ASSERT_EQ(0, ask_vm(self));
	first = number(SVMM_GENL_ATTR_ID);
	EXPECT_NE(0, first);
	EXPECT_NE(~0ULL, first);
	ASSERT_EQ(0, ask_mem(self, false));
	EXPECT_EQ(first, number(SVMM_GENL_ATTR_ID));

	snprintf(self->name, sizeof(self->name), "one-name");
	vm = svmm_create_vm(self->guest.v.svmm, self->name);
	ASSERT_EQ(0, ask_vm(self));
	second = number(SVMM_GENL_ATTR_ID);
	EXPECT_NE(first, second);
	close(vm);
	vm = svmm_create_vm(self->guest.v.svmm, self->name);
	ASSERT_EQ(0, ask_vm(self));
	EXPECT_NE(first, number(SVMM_GENL_ATTR_ID));
	EXPECT_NE(second, number(SVMM_GENL_ATTR_ID));
	close(vm);
}

/* Pages of either size, and tables, as they come and go. */
TEST_F(netlink, what_is_mapped)
{
	struct memory_guest *g = &self->guest;
	uint64_t small, large, tables;

	guest_give(g, 4 * HUGE_BYTES);
	guest_once(&g->v, "verify", PAGE_SIZE, 0);
	ASSERT_EQ(0, ask_mem(self, false));
	small = number(SVMM_GENL_ATTR_NPT_4K);
	large = number(SVMM_GENL_ATTR_NPT_2M);
	tables = number(SVMM_GENL_ATTR_NPT_TABLES);
	EXPECT_EQ(NULL, got.attr[SVMM_GENL_ATTR_DIRTY]);

	guest_once(&g->v, "touch", 2 * HUGE_BYTES, 0);
	ASSERT_EQ(0, ask_mem(self, false));
	EXPECT_EQ(small + 1023, number(SVMM_GENL_ATTR_NPT_4K));
	EXPECT_EQ(large, number(SVMM_GENL_ATTR_NPT_2M));
	EXPECT_EQ(tables + 1, number(SVMM_GENL_ATTR_NPT_TABLES));
	EXPECT_EQ(0, number(SVMM_GENL_ATTR_NPT_1G));

	if (madvise(g->mem, 2 * HUGE_BYTES, MADV_HUGEPAGE) ||
	    madvise(g->mem, 2 * HUGE_BYTES, 25 /* MADV_COLLAPSE */))
		SKIP(return, "no MADV_COLLAPSE");
	guest_once(&g->v, "touch", 2 * HUGE_BYTES, 0);
	ASSERT_EQ(0, ask_mem(self, false));
	EXPECT_EQ(small - 1, number(SVMM_GENL_ATTR_NPT_4K));
	EXPECT_EQ(large + 2, number(SVMM_GENL_ATTR_NPT_2M));
}

/* A guest of 1 GiB on huge pages (one of zeros, again and again) has 24 KiB of page tables. */
TEST_F(netlink, tables_of_a_gigabyte)
{
	struct memory_guest *g = &self->guest;

	guest_give(g, 1 << 30);
	if (madvise(g->mem, g->bytes, MADV_HUGEPAGE))
		SKIP(return, "no transparent huge pages");
	guest_once(&g->v, "verify", g->bytes, 0);
	ASSERT_EQ(0, ask_mem(self, false));
	EXPECT_LE(512, number(SVMM_GENL_ATTR_NPT_2M));
	EXPECT_GE(6, number(SVMM_GENL_ATTR_NPT_TABLES));
}

/* What was written since the last question, in whole pages; reading does not count. */
TEST_F(netlink, what_was_written)
{
	struct memory_guest *g = &self->guest;
	uint64_t bytes = 200 * PAGE_SIZE, own;

	/* Or a write to its control block counts for 2 MiB. */
	madvise(g->v.ram, G_RAM_BYTES, MADV_NOHUGEPAGE);
	guest_give(g, bytes);
	guest_once(&g->v, "touch", bytes, 0);
	ASSERT_EQ(0, ask_mem(self, true));
	EXPECT_LE(bytes, number(SVMM_GENL_ATTR_DIRTY));
	ASSERT_EQ(0, ask_mem(self, true));
	EXPECT_EQ(0, number(SVMM_GENL_ATTR_DIRTY));

	/* The guest's control block and its page tables' accessed bits are its own. */
	guest_once(&g->v, "verify", bytes, 0);
	ASSERT_EQ(0, ask_mem(self, true));
	own = number(SVMM_GENL_ATTR_DIRTY);
	EXPECT_GE(20 * PAGE_SIZE, own);
	guest_once(&g->v, "touch", 100 * PAGE_SIZE, 0);
	ASSERT_EQ(0, ask_mem(self, true));
	EXPECT_LE(100 * PAGE_SIZE, number(SVMM_GENL_ATTR_DIRTY));
	EXPECT_GE(120 * PAGE_SIZE, number(SVMM_GENL_ATTR_DIRTY));
}

/* The answer grows with the slots. */
TEST_F(netlink, every_slot)
{
	unsigned int n = self->guest.v.caps.max_slots;
	uint8_t *p = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* The guest's own is number 0. */
	for (unsigned int i = n - 1; i; i--)
		ASSERT_EQ(0, svmm_set_slot(self->guest.v.vm, i, 0, GPA + 2 * i * PAGE_SIZE,
					   PAGE_SIZE, p));
	ASSERT_EQ(0, ask_mem(self, false));
	ASSERT_EQ(n, got.slots);
	EXPECT_EQ(0, got.slot_gpa[0]);
	EXPECT_EQ((unsigned long)self->guest.v.ram, got.slot_hva[0]);
	for (unsigned int i = 1; i < n; i++) {
		ASSERT_EQ(GPA + 2 * i * PAGE_SIZE, got.slot_gpa[i]);
		ASSERT_EQ(PAGE_SIZE, got.slot_bytes[i]);
		ASSERT_EQ((unsigned long)p, got.slot_hva[i]);
	}
}

TEST_F(netlink, bad_questions)
{
	struct nl_msg *msg;

	EXPECT_EQ(-ENOENT, ask(self, question(self, SVMM_GENL_CMD_GET_VM, NLM_F_ACK, "no-such")));
	EXPECT_EQ(-ENOENT, ask(self, question(self, SVMM_GENL_CMD_GET_MEM, NLM_F_ACK, "")));
	EXPECT_EQ(-EINVAL, ask(self, question(self, SVMM_GENL_CMD_GET_VM, NLM_F_ACK, NULL)));
	EXPECT_EQ(-EOPNOTSUPP, ask(self, question(self, SVMM_GENL_CMD_MAX + 1, NLM_F_ACK, NULL)));
	EXPECT_EQ(-EOPNOTSUPP, ask(self, question(self, SVMM_GENL_CMD_GET_MEM, NLM_F_DUMP, NULL)));
	EXPECT_GT(0, ask(self, question(self, SVMM_GENL_CMD_GET_VM, NLM_F_ACK,
					"a-name-that-is-longer-than-a-name-can-be")));

	/* Not terminated; nobody knows it; only answers have it; a flag with a value. */
	msg = question(self, SVMM_GENL_CMD_GET_VM, NLM_F_ACK, NULL);
	nla_put(msg, SVMM_GENL_ATTR_NAME, 4, "abcd");
	EXPECT_EQ(-EINVAL, ask(self, msg));
	msg = question(self, SVMM_GENL_CMD_GET_VM, NLM_F_ACK, self->name);
	nla_put_u32(msg, SVMM_GENL_ATTR_MAX + 1, 1);
	EXPECT_EQ(-EINVAL, ask(self, msg));
	msg = question(self, SVMM_GENL_CMD_GET_VM, NLM_F_ACK, self->name);
	nla_put_u32(msg, SVMM_GENL_ATTR_PID, 1);
	EXPECT_EQ(-EINVAL, ask(self, msg));
	msg = question(self, SVMM_GENL_CMD_GET_MEM, NLM_F_ACK, self->name);
	nla_put_u32(msg, SVMM_GENL_ATTR_DIRTY_RESET, 1);
	EXPECT_GT(0, ask(self, msg));
	EXPECT_EQ(0, got.answers);
}

/* What means nothing to a command may do so one day: until then it is refused. */
TEST_F(netlink, without_a_meaning)
{
	struct nl_msg *msg;

	msg = question(self, SVMM_GENL_CMD_GET_VM, NLM_F_ACK, self->name);
	nla_put_flag(msg, SVMM_GENL_ATTR_DIRTY_RESET);
	EXPECT_EQ(-EINVAL, ask(self, msg));
	msg = question(self, SVMM_GENL_CMD_GET_MEM, NLM_F_ACK, self->name);
	nla_put_flag(msg, SVMM_GENL_ATTR_DETAIL);
	EXPECT_EQ(-EINVAL, ask(self, msg));
	msg = question(self, SVMM_GENL_CMD_GET_STATS, NLM_F_DUMP, self->name);
	nla_put_flag(msg, SVMM_GENL_ATTR_DIRTY_RESET);
	EXPECT_EQ(-EINVAL, ask(self, msg));
	EXPECT_EQ(-EINVAL, ask(self, question(self, SVMM_GENL_CMD_GET_VM, NLM_F_DUMP,
					      self->name)));
	EXPECT_EQ(-EINVAL, ask(self, question(self, SVMM_GENL_CMD_WATCH, NLM_F_ACK, self->name)));

	msg = question(self, SVMM_GENL_CMD_GET_VM, NLM_F_ACK, self->name);
	((struct genlmsghdr *)nlmsg_data(nlmsg_hdr(msg)))->reserved = 1;
	EXPECT_EQ(-EINVAL, ask(self, msg));
	msg = question(self, SVMM_GENL_CMD_GET_VM, NLM_F_ACK | NLM_F_CREATE, self->name);
	EXPECT_EQ(-EINVAL, ask(self, msg));
	EXPECT_EQ(0, got.answers);
}

/* A question cut anywhere, and with each byte turned around: answered, or refused. */
TEST_F(netlink, spoilt_messages)
{
	struct nl_msg *msg = question(self, SVMM_GENL_CMD_GET_VM, NLM_F_ACK, self->name);
	unsigned int bytes, good = 0, n = 0;
	struct nlmsghdr *head;

	bytes = nlmsg_hdr(msg)->nlmsg_len;
	nlmsg_free(msg);
	for (unsigned int at = NLMSG_HDRLEN; at < 2 * bytes; at++, n++) {
		msg = question(self, SVMM_GENL_CMD_GET_VM, NLM_F_ACK, self->name);
		head = nlmsg_hdr(msg);
		if (at < bytes)
			((uint8_t *)head)[at] ^= 0xff;
		else if (at - bytes >= NLMSG_HDRLEN)
			head->nlmsg_len = at - bytes;
		good += !ask(self, msg);
		ASSERT_TRUE(got.ended) {
			TH_LOG("no answer at %u of %u", at, bytes);
		}
	}
	/* What means nothing is ignored: the version, padding of the name. */
	EXPECT_GT(n, good);
	EXPECT_EQ(0, ask_vm(self));
	EXPECT_EQ(1, got.answers);
}

/* Another user's VM is not told about; and of a name that both have, each gets his own. */
TEST_F(netlink, users)
{
	int status;
	pid_t child = fork();

	if (!child) {
		int vm;

		if (setresuid(NOBODY, NOBODY, NOBODY))
			_exit(1);
		link_close(self);
		link_open(self);
		if (ask_vm(self) != -EPERM || ask_mem(self, true) != -EPERM)
			_exit(2);
		if (ask_all(self) || got.answers)
			_exit(3);
		vm = svmm_create_vm(self->guest.v.svmm, self->name);
		if (vm < 0)
			_exit(4);
		if (ask_vm(self) ||
		    nla_get_u32(got.attr[SVMM_GENL_ATTR_PID]) != (uint32_t)getpid() ||
		    nla_get_u32(got.attr[SVMM_GENL_ATTR_UID]) != NOBODY)
			_exit(5);
		if (ask_all(self) || got.answers != 1)
			_exit(6);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_EQ(0, ask_vm(self));
	EXPECT_EQ(getpid(), nla_get_u32(got.attr[SVMM_GENL_ATTR_PID]));
}

static void *ask_often(void *arg)
{
	struct _test_data_netlink *self = arg;

	while (!*(volatile bool *)&stop_asking)
		ask_mem(self, true);
	return NULL;
}

/* Whoever looks at a VM is not noticed: with its last fd the name is free. */
TEST_F(netlink, name_is_free)
{
	pthread_t thread;

	snprintf(self->name, sizeof(self->name), "here-and-gone");
	ASSERT_EQ(0, pthread_create(&thread, NULL, ask_often, self));
	for (uint64_t until = now_ms() + 1000; now_ms() < until; ) {
		int vm = svmm_create_vm(self->guest.v.svmm, self->name);

		ASSERT_LE(0, vm);
		close(vm);
	}
	stop_asking = true;
	pthread_join(thread, NULL);
}

/* Parts of a dump, between which half of the VMs go and others come. */
TEST_F(netlink, dump)
{
	struct sockaddr_nl from;
	struct nlmsghdr *head;
	unsigned char *part;
	char name[SVMM_NAME_MAX];
	int fd[VMS];
	int bytes;

	for (int i = 0; i < VMS; i++) {
		snprintf(name, sizeof(name), "t%d-in-more-than-one-part", i);
		fd[i] = svmm_create_vm(self->guest.v.svmm, name);
		ASSERT_LE(0, fd[i]);
	}
	ASSERT_EQ(0, ask_all(self));
	EXPECT_EQ(VMS + 1, got.answers);

	memset(&got, 0, sizeof(got));
	ASSERT_LT(0, nl_send_auto(self->sock,
				  question(self, SVMM_GENL_CMD_GET_VM, NLM_F_DUMP, NULL)));
	/* libnl would read all parts. */
	bytes = nl_recv(self->sock, &from, &part, NULL);
	ASSERT_LT(0, bytes);
	head = (struct nlmsghdr *)part;
	for (; nlmsg_ok(head, bytes); head = nlmsg_next(head, &bytes)) {
		struct nl_msg *msg = nlmsg_convert(head);

		on_answer(msg, NULL);
		nlmsg_free(msg);
	}
	free(part);
	ASSERT_GT(VMS, got.answers);
	for (int i = 0; i < VMS; i += 2)
		close(fd[i]);
	while (!got.ended)
		ASSERT_LE(0, nl_recvmsgs(self->sock, self->cb));
	EXPECT_EQ(0, got.error);
	EXPECT_GT(VMS, got.answers);
	for (int i = 0; i < VMS; i++)
		EXPECT_GE(1, got.seen[i]);
	for (int i = 1; i < VMS; i += 2) {
		EXPECT_EQ(1, got.seen[i]);
		close(fd[i]);
	}
}

TEST_HARNESS_MAIN
