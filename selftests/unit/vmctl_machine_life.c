// SPDX-License-Identifier: GPL-2.0
// needs: userspace/machine.c userspace/bus.c userspace/timer.c userspace/vcpu.c userspace/cpuid.c
// needs: userspace/topology.c userspace/progress.c userspace/options.c userspace/pause.c
// needs: userspace/ram.c userspace/registers.c userspace/message.c userspace/terminal.c
// needs: userspace/devices/pic.c
// needs: userspace/devices/ioapic.c userspace/devices/pit.c userspace/devices/rtc.c
// needs: userspace/devices/uart.c userspace/devices/i8042.c userspace/devices/acpi_pm.c
// needs: userspace/devices/ps2_keyboard.c userspace/devices/fw_cfg.c
// needs: userspace/devices/hpet.c userspace/devices/flash.c
// needs: userspace/devices/exit_port.c userspace/devices/pvpanic.c userspace/suspend.c
// needs: userspace/look.c userspace/guest_memory.c userspace/paging.c userspace/disas.c
// libs: -lZydis -pthread
/*
 * vmctl's machine and the threads of its vCPUs: accesses that take long, stops at any moment, and a
 * guest that sleeps.
 */
#include <pthread.h>

#include "played_module.h"

/* An access that takes long: the vCPU waits, and nobody else does */

static bool hold_done, hold_ends;

static void hold_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t what)
{
	machine_hold(m);
	machine_timer_arm(timer[0], machine_now_ns(m) + 20000000);
}

static uint64_t hold_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	return hold_done;
}

static void hold_end(void *opaque)
{
	hold_done = true;
	if (hold_ends)
		machine_release(m);
	else
		machine_request_stop(m, MACHINE_RESET, 0);
}

static void test_hold(void)
{
	const struct io_range r = {
		.name = "slow", .start = 0x700, .size = 4, .read = hold_read, .write = hold_write,
	};
	struct step *seen;
	bool ok = true;

	for (unsigned int i = 0; i < 2; i++) {
		build();
		timer[0] = machine_timer_new(m, hold_end, NULL);
		ok &= !machine_add_ports(m, &r);
		hold_done = false;
		hold_ends = !i;
		out(0x700, 1, 1);
		seen = io(0x700, false, 1, 1, NULL);
		stop();
		ok &= ends_with(hold_ends ? MACHINE_POWEROFF : MACHINE_RESET);
		ok &= seen->data[0] == (hold_ends ? 1 : 0xaa);
	}
	ksft_test_result(ok, "an access that takes long holds its vCPU until it is done\n");
}

/* Who pauses it meanwhile kicks a vCPU that is not in its guest; it must find its way back. */
static void pause_held(void *opaque)
{
	machine_pause(m, "test");
	machine_resume(m, "test");
	hold_end(NULL);
}

static void test_hold_and_pause(void)
{
	const struct io_range r = {
		.name = "slow", .start = 0x700, .size = 4, .read = hold_read, .write = hold_write,
	};
	struct step *seen;
	bool ok;

	build();
	timer[0] = machine_timer_new(m, pause_held, NULL);
	ok = !machine_add_ports(m, &r);
	hold_done = false;
	hold_ends = true;
	out(0x700, 1, 1);
	seen = io(0x700, false, 1, 1, NULL);
	stop();
	ok &= ends_with(MACHINE_POWEROFF);
	ksft_test_result(ok && seen->data[0] == 1, "and may be paused meanwhile\n");
}

/* Stops */

static void *stop_soon(void *arg)
{
	for (volatile unsigned int i = 0; i < *(unsigned int *)arg; i++)
		;
	machine_lock(m);
	machine_request_stop(m, MACHINE_SIGNAL, SIGTERM);
	machine_request_stop(m, MACHINE_ERROR, 0);
	machine_unlock(m);
	return NULL;
}

/* A stop at any moment around RUN: a lost kick would hang here, and the deadline would tell. */
static void test_stop_races(void)
{
	unsigned int delay, blocked = 0, rounds = 0;
	bool ok = true;
	pthread_t thread;

	for (delay = 0; delay < 300 && ok; delay++, rounds++) {
		unsigned int spins = delay * 200;

		build();
		pthread_create(&thread, NULL, stop_soon, &spins);
		ok = ends_with(MACHINE_SIGNAL) && value == SIGTERM;
		pthread_join(thread, NULL);
		blocked += module.blocked;
	}
	ksft_print_msg("RUN waited in %u of %u rounds\n", blocked, rounds);
	ksft_test_result(ok && blocked, "a stop always reaches a vCPU, and the first one counts\n");
}

static void *stop_when_called(void *arg)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	unsigned int spins = 0;

	while (!module.called)
		nanosleep(&ms, NULL);
	return stop_soon(&spins);
}

/* The kick comes between the look at `stopping` and RUN: only immediate_exit tells. */
static void test_kick_before_run(void)
{
	pthread_t thread;
	bool ok;

	build();
	module.slow_entry = true;
	pthread_create(&thread, NULL, stop_when_called, NULL);
	ok = ends_with(MACHINE_SIGNAL);
	pthread_join(thread, NULL);
	ksft_test_result(ok, "a kick just before RUN is not lost\n");
}

/* A guest that sleeps */

enum { PRESS, END, PAUSE };

/* Someone presses the button of a machine that sleeps, maybe after a pause, or ends it. */
static void *press(void *arg)
{
	const struct timespec moment = { .tv_nsec = 20000000 };

	while (!strstr(module.states, "suspended to RAM"))
		nanosleep(&moment, NULL);
	nanosleep(&moment, NULL);
	machine_lock(m);
	if (*(int *)arg == PAUSE) {
		machine_pause(m, "test");
		machine_resume(m, "test");
	}
	if (*(int *)arg == END)
		machine_request_stop(m, MACHINE_SIGNAL, 15);
	else
		acpi_pm_power_button(m->acpi_pm);
	machine_unlock(m);
	return NULL;
}

#define LEVEL_20	0x8049		/* what a guest says of pin 20 */

static uint32_t ioapic_entry(bool write, uint32_t entry)
{
	uint32_t index = 0x10 + 2 * 20;

	bus_mmio(m, MACHINE_IOAPIC_BASE, true, 4, &index);
	bus_mmio(m, MACHINE_IOAPIC_BASE + 0x10, write, 4, &entry);
	return entry;
}

static uint8_t cmos(uint8_t index)
{
	uint8_t byte;

	bus_io(m, 0x70, true, 1, 1, &index);
	bus_io(m, 0x71, false, 1, 1, &byte);
	return byte;
}

static bool sleeps(uint32_t vector, int what, enum machine_stop why)
{
	pthread_t thread;
	bool ok;

	build();
	module.waking_vector = vector;
	sleep_s3();
	stop();
	/* An interrupt that no APIC will end. */
	ioapic_entry(true, LEVEL_20);
	machine_set_irq(m, 20, 1);
	module.page->gpr.rip = 0x1234;
	module.page->cr.cr0 = 0x80000011;
	pthread_create(&thread, NULL, press, &what);
	ok = machine_run(m, &value) == why;
	pthread_join(thread, NULL);
	return ok;
}

static void test_sleep(void)
{
	bool ok = sleeps(0x9a123, PRESS, MACHINE_POWEROFF);
	char states[80];

	snprintf(states, sizeof(states), "%d suspended to RAM|%d awake|", SVMM_VM_PAUSED,
		 SVMM_VM_RUNNING);
	ok &= module.sets == 1 && module.at == 1 && !strcmp(module.states, states);
	if (!ok)
		ksft_print_msg("%u states set, at exit %u: %s\n", module.sets, module.at,
			       module.states);
	ksft_test_result(ok, "a guest that sleeps goes on when it is woken\n");
	ok = module.page->seg.cs.base == 0x9a120 && module.page->seg.cs.selector == 0x9a12 &&
	     module.page->gpr.rip == 3 && module.page->cr.cr0 == 0x10 &&
	     module.page->msr.mtrr_def_type == 0xc06 && (module.set & SVMM_STATE_LAPIC) &&
	     (module.set & SVMM_STATE_MSR) && !(module.set & SVMM_STATE_TSC);
	ksft_test_result(ok, "where it wants to, in real mode\n");
	ok = module.nr_msis == 1 && ioapic_entry(false, 0) == 0x10000;
	ioapic_entry(true, LEVEL_20);
	ok &= module.nr_msis == 2;
	machine_free(m);
	ksft_test_result(ok, "with an I/O APIC that waits for no end of an interrupt\n");

	ok = sleeps(0x9a000, PAUSE, MACHINE_POWEROFF) && module.sets == 1 && module.at == 1;
	machine_free(m);
	ksft_test_result(ok, "one that is paused meanwhile does, too\n");

	ok = sleeps(0x9a000, END, MACHINE_SIGNAL) && value == 15 && !module.sets;
	machine_free(m);
	ksft_test_result(ok, "a machine that sleeps can be ended\n");

	/* Its firmware begins anew, and finds why. */
	with_firmware = true;
	ok = sleeps(0, PRESS, MACHINE_POWEROFF) && module.sets == 1 && cmos(0x0f) == 0xfe &&
	     module.page->seg.cs.base == 0xffff0000 && module.page->gpr.rip == 0xfff0 &&
	     module.page->cr.cr0 == 0x60000010 && !module.page->msr.mtrr_def_type;
	machine_free(m);
	ksft_test_result(ok, "one with firmware goes on where that begins\n");
	with_firmware = false;

	ok = sleeps(0, PRESS, MACHINE_RESET) && !module.sets;
	machine_free(m);
	ok &= sleeps(0x100000, PRESS, MACHINE_RESET) && !module.sets;
	machine_free(m);
	ksft_test_result(ok, "one that wants to wake up nowhere is reset\n");
}

int main(void)
{
	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(11);
	test_hold();
	test_hold_and_pause();
	test_stop_races();
	test_kick_before_run();
	test_sleep();
	ksft_finished();
}
