// SPDX-License-Identifier: GPL-2.0
#include <pwd.h>
#include <stdio.h>

#include "cli.h"
#include "list.h"
#include "netlink.h"

static void print_vm(const struct vm_info *vm, void *arg)
{
	const struct passwd *user = getpwuid(vm->uid);

	if (!(*(unsigned int *)arg)++)
		printf("%-31s %8s %5s  %s\n", "NAME", "PID", "VCPUS", "USER");
	printf("%-31s %8u %5u  ", vm->name, vm->pid, vm->vcpus);
	if (user)
		printf("%s\n", user->pw_name);
	else
		printf("%u\n", vm->uid);
}

int list_vms(void)
{
	unsigned int n = 0;

	return vm_list(print_vm, &n) ? STATUS_OK : STATUS_ERROR;
}
