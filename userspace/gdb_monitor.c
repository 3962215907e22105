// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "gdb_monitor.h"
#include "look.h"

static void help(struct vcpu *vcpu, uint64_t address, FILE *out);

static void npt(struct vcpu *vcpu, uint64_t address, FILE *out)
{
	look_npt(vcpu, address, out);
}

static void walk(struct vcpu *vcpu, uint64_t address, FILE *out)
{
	look_walk(vcpu, address, out);
}

#define WITHOUT_ADDRESS(name, look)						\
static void name(struct vcpu *vcpu, uint64_t address, FILE *out)		\
{										\
	(void)address;								\
	look(vcpu, out);							\
}

WITHOUT_ADDRESS(exits, look_exits)
WITHOUT_ADDRESS(last, look_last_exits)
WITHOUT_ADDRESS(vmcb, look_vmcb)
WITHOUT_ADDRESS(lapic, look_lapic)
WITHOUT_ADDRESS(registers, look_registers)

static const struct {
	const char *name;
	void (*run)(struct vcpu *vcpu, uint64_t address, FILE *out);
	const char *takes, *does;
} commands[] = {
	{ "help", help, NULL, "this" },
	{ "info exits", exits, NULL, "how often the vCPU has left its guest, and why" },
	{ "info last-exits", last, NULL, "its last 32 exits" },
	{ "info registers", registers, NULL, "all of them, with segments and descriptor tables" },
	{ "lapic", lapic, NULL, "the local APIC" },
	{ "npt", npt, "GPA", "the nested page tables' entries for a guest-physical address" },
	{ "vmcb", vmcb, NULL, "the VMCB, for root; lines of zeroes are left out" },
	{ "walk", walk, "GVA", "the way through the guest's page tables and the nested ones" },
};

static void help(struct vcpu *vcpu, uint64_t address, FILE *out)
{
	(void)vcpu;
	(void)address;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "%s%s%s  %s\n", commands[i].name, commands[i].takes ? " " : "",
			commands[i].takes ? commands[i].takes : "", commands[i].does);
}

void gdb_monitor(struct vcpu *vcpu, const char *command, FILE *out)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		size_t len = strlen(commands[i].name);
		const char *rest = command + len;
		char *end = NULL;
		uint64_t address = 0;

		if (strncmp(command, commands[i].name, len) || (*rest && *rest != ' '))
			continue;
		if (commands[i].takes)
			address = strtoull(rest, &end, 0);
		if (commands[i].takes && (end == rest || *end)) {
			fprintf(out, "%s: give a %s, as 0x1000\n", commands[i].name,
				commands[i].takes);
			return;
		}
		commands[i].run(vcpu, address, out);
		return;
	}
	fprintf(out, "%s: no such command; there are:\n", command);
	help(vcpu, 0, out);
}
