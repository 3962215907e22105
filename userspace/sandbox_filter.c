// SPDX-License-Identifier: GPL-2.0
/*
 * Filters of system calls are loaded here; what they allow is in filters/rules.c.
 *
 * A program is complete but for IDs of processes, which are filled in first.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filters.h"
#include "message.h"
#include "sandbox_filter.h"

static struct sandbox_needs needs;	/* of the process */
static bool active;

/* If there are fewer servers than a program has places, the first takes those that are left. */
static uint32_t value(unsigned int which)
{
	unsigned int server = which - FILTER_SERVERS;

	if (which == FILTER_PID)
		return getpid();
	return -needs.servers[server < needs.nr_servers ? server : 0];
}

/* Return: 0 or -errno. */
static int load(enum filter_kind kind)
{
	const struct filter *filter = &filters[kind];
	struct sock_filter insns[FILTER_INSNS_MAX];
	struct sock_fprog program = { .len = filter->nr_insns, .filter = insns };

	memcpy(insns, filter->insns, filter->nr_insns * sizeof(*insns));
	for (unsigned int i = 0; i < filter->nr_places; i++)
		insns[filter->places[i].insn].k = value(filter->places[i].value);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		return -errno;
	return 0;
}

int filter_process(const struct sandbox_needs *its_needs)
{
	int err;

	needs = *its_needs;
	err = load(needs.nr_servers ? FILTER_PROCESS_SERVERS : FILTER_PROCESS);
	active = !err;
	return err;
}

int filter_network(bool files)
{
	return load(files ? FILTER_NETWORK_FILES : FILTER_NETWORK);
}

static void load_thread_filter(enum filter_kind kind)
{
	int err = active ? load(kind) : 0;

	if (err)
		message("a thread has the sandbox of its process alone: %s", strerror(-err));
}

void sandbox_enter_vcpu(void)
{
	load_thread_filter(FILTER_VCPU);
}

void sandbox_enter_worker(void)
{
	load_thread_filter(FILTER_WORKER);
}
