// SPDX-License-Identifier: GPL-2.0
/*
 * Moves to each CPU of the emulated host in turn, twice a second, from the one that is kept apart.
 *
 * QEMU's VMRUN with V_IRQ set changes the CPU's word of pending interrupts without a lock, and so
 * loses an interrupt that another of its threads adds at that moment (docs/emulated-host.md). The
 * emulated APIC still has it, and tells the CPU with the next interrupt that it gets. If the
 * lost one was the CPU's timer and everyone on it sleeps, there is no next one: somebody has to
 * come.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <time.h>
#include <unistd.h>

static int move_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

int main(void)
{
	const struct timespec pause = { .tv_nsec = 500000000 };
	const struct sched_param first = { .sched_priority = 1 };
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	/* It does nothing wherever it comes, and should not wait for that. */
	sched_setscheduler(0, SCHED_FIFO, &first);
	for (;;) {
		for (long cpu = 1; cpu < cpus; cpu++)
			move_to(cpu);	/* fails for one that is offline */
		move_to(0);
		nanosleep(&pause, NULL);
	}
}
