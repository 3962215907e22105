// SPDX-License-Identifier: GPL-2.0
/*
 * `vmctl attach` and `vmctl detach`: what the VM's process cannot open any more, is opened here and
 * handed over.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "cli.h"
#include "control_protocol.h"
#include "disk.h"
#include "json.h"
#include "manage.h"
#include "message.h"
#include "net.h"
#include "options.h"

#define ANSWER_S	30
#define LET_GO_S	30	/* that a guest has for it, if the user says nothing */
#define LOOK_US		200000
#define WHY_BYTES	160

#define PAIRS_WITH_VHOST	(CONTROL_FDS_MAX / 2)	/* two files each */

static_assert(NET_PAIRS_MAX <= CONTROL_FDS_MAX, "a card's queues go with one request");

/* Attach */

static const char attach_help[] =
"usage: vmctl attach NAME KIND OPTION\n"
"Plug a disk or a network card into a running virtual machine.\n"
"Prints what it is called from now on.\n"
"\n"
"  KIND     disk or net\n"
"  OPTION   as for vmctl run: a raw image or block device, or tap, with its keys. A\n"
"           card has one queue if queues= does not say more; with vhost it has up to 4\n";

/* Return: how many of @fds there are, or 0 after a message. */
static unsigned int open_disk(const char *option, int *fds)
{
	struct disk_options disk;
	char why[WHY_BYTES];

	if (!disk_parse(option, &disk, why, sizeof(why))) {
		message("attach disk %s: %s", option, why);
		return 0;
	}
	fds[0] = open(disk.path, (disk.readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
	if (fds[0] < 0)
		message("attach disk %s: %s", disk.path, strerror(errno));
	disk_forget(&disk);
	return fds[0] >= 0;
}

static unsigned int open_net(const char *option, int *fds)
{
	static struct net_options options;	/* the net's for life */
	int all[2 * NET_PAIRS_MAX];
	char why[WHY_BYTES];
	unsigned int nr;
	struct net *net;

	if (!net_parse(option, &options, why, sizeof(why))) {
		message("attach net %s: %s", option, why);
		return 0;
	}
	if (options.kind != NET_TAP) {
		message("attach net %s: a running VM takes tap interfaces only", option);
		return 0;
	}
	if (options.pairs > PAIRS_WITH_VHOST && options.vhost == NET_VHOST_ON) {
		message("attach net %s: with vhost it can have %u queues; choose fewer, or "
			"vhost=off", option, PAIRS_WITH_VHOST);
		return 0;
	}
	if (options.pairs > PAIRS_WITH_VHOST)
		options.vhost = NET_VHOST_OFF;
	net = net_open_tap(&options, 1);
	if (!net)
		return 0;
	nr = net_tap_fds(net, all);
	memcpy(fds, all, nr * sizeof(*fds));
	return nr;
}

static unsigned int open_kind(const char *kind, const char *option, int *fds)
{
	if (!strcmp(kind, "disk"))
		return open_disk(option, fds);
	if (!strcmp(kind, "net"))
		return open_net(option, fds);
	message("attach %s: only a disk or a net can be attached", kind);
	return 0;
}

static struct json_object *ask_to_attach(const char *name, char **values)
{
	struct json_object *request, *answer;
	int fds[CONTROL_FDS_MAX];
	unsigned int nr;
	int fd = ask_connect(name);

	if (fd < 0)
		return NULL;
	nr = open_kind(values[0], values[1], fds);
	if (!nr) {
		close(fd);
		return NULL;
	}
	request = ask_for("attach");
	json_add_text(request, "kind", values[0]);
	json_add_text(request, "option", values[1]);
	answer = ask_with(fd, name, request, fds, nr, ANSWER_S);
	close(fd);
	return answer;
}

int attach_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	struct json_object *answer, *id;
	int status = show_parse(argc, argv, SHOW_ONE_VM | SHOW_VALUES, attach_help, &options);

	if (status != CLI_GO_ON)
		return status;
	if (!options.values[1] || options.values[2]) {
		message("attach: give the VM's name, disk or net, and what that is; try: vmctl "
			"attach --help");
		return STATUS_USAGE;
	}
	answer = ask_to_attach(options.name, options.values);
	if (!answer)
		return STATUS_ERROR;
	if (json_object_object_get_ex(answer, "id", &id))
		printf("%s: %s\n", options.name, json_object_get_string(id));
	json_object_put(answer);
	return STATUS_OK;
}

/* Detach */

static const char detach_help[] =
"usage: vmctl detach [--timeout SECONDS] NAME ID\n"
"Have a running virtual machine's guest let go of a disk or network card, and take\n"
"it out.\n"
"\n"
"  ID                  disk0 is the first disk of vmctl run, net0 the first card;\n"
"                      others as vmctl attach and vmctl inspect say\n"
"  --timeout SECONDS   how long to wait for the guest; 30 if not given\n";

static bool has_device(struct json_object *answer, const char *id)
{
	struct json_object *vm, *all, *value;

	if (!json_object_object_get_ex(answer, "vm", &vm) ||
	    !json_object_object_get_ex(vm, "devices", &all))
		return false;
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		if (json_object_object_get_ex(json_object_array_get_idx(all, i), "id", &value) &&
		    !strcmp(json_object_get_string(value), id))
			return true;
	}
	return false;
}

/* Return: 1: it is there, 0: it is not, -1: after a message. */
static int look(int fd, const char *name, const char *id)
{
	struct json_object *answer = ask(fd, name, ask_for("inspect"), ANSWER_S);
	int there = answer ? has_device(answer, id) : -1;

	json_object_put(answer);
	return there;
}

static int wait_until_gone(int fd, const struct show_options *options, const char *id)
{
	double end = now_seconds() + options->timeout;
	int there;

	while ((there = look(fd, options->name, id)) > 0) {
		if (now_seconds() > end) {
			message("%s: the guest has not let go of %s in %u s; it may still do so. "
				"Does it run, and not use it any more?", options->name, id,
				options->timeout);
			return STATUS_ERROR;
		}
		usleep(LOOK_US);
	}
	return there ? STATUS_ERROR : STATUS_OK;
}

int detach_command(int argc, char **argv)
{
	struct show_options options = { .timeout = LET_GO_S };
	struct json_object *request, *answer;
	int fd, status = show_parse(argc, argv, SHOW_TIMEOUT | SHOW_ONE_VM | SHOW_VALUES,
				    detach_help, &options);

	if (status != CLI_GO_ON)
		return status;
	if (options.values[1]) {
		message("detach: one device at a time; try: vmctl detach --help");
		return STATUS_USAGE;
	}
	fd = ask_connect(options.name);
	if (fd < 0)
		return STATUS_ERROR;
	request = ask_for("detach");
	json_add_text(request, "id", options.values[0]);
	answer = ask(fd, options.name, request, ANSWER_S);
	status = answer ? wait_until_gone(fd, &options, options.values[0]) : STATUS_ERROR;
	json_object_put(answer);
	close(fd);
	return status;
}
