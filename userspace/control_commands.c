// SPDX-License-Identifier: GPL-2.0
/*
 * What a control socket's requests do.  It knows the machine, and of clients nothing.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "console.h"
#include "control_commands.h"
#include "json.h"
#include "machine.h"
#include "run_options.h"

/* A step of nice is a factor of 1.25, and 0 is 1024 shares: so the scheduler weighs. */
#define SHARES_OF_0	1024.0
#define STEP		1.25
#define HALF_STEP	1.118	/* its square root */

uint32_t shares_of_nice(int nice)
{
	double shares = SHARES_OF_0;

	for (; nice < 0; nice++)
		shares *= STEP;
	for (; nice > 0; nice--)
		shares /= STEP;
	return shares + 0.5;
}

int nice_of_shares(uint32_t shares)
{
	double at = SHARES_OF_0;
	int nice = 0;

	for (; shares < at / HALF_STEP && nice < 19; nice++)
		at /= STEP;
	for (; shares > at * HALF_STEP && nice > -20; nice--)
		at *= STEP;
	return nice;
}

/*
 * Where the scheduler groups tasks by session, nice counts only within one.  A VM that is a session
 * of its own (--detach) has the session's value changed, too.
 */
static void set_session_nice(int nice)
{
	FILE *f;

	if (getsid(0) != getpid())
		return;
	f = fopen("/proc/self/autogroup", "we");
	if (!f)
		return;		/* no such grouping here */
	fprintf(f, "%d", nice);
	fclose(f);
}

static enum control_answer set_shares(struct managed_vm *vm, uint32_t shares,
				      struct json_object *reply, char *why, size_t room)
{
	int nice = nice_of_shares(shares), err = machine_set_nice(vm->m, nice);

	if (err == -EACCES || err == -EPERM) {
		snprintf(why, room, "set: %u shares are nice %d, and lowering it from %d takes "
			 "CAP_SYS_NICE or RLIMIT_NICE in the VM's process; only less than it has can "
			 "be set without", shares, nice, vm->nice);
		return CONTROL_FAILED;
	}
	if (err) {
		snprintf(why, room, "set: %s", strerror(-err));
		return CONTROL_FAILED;
	}
	vm->nice = nice;
	set_session_nice(nice);
	json_add_number(reply, "nice", nice);
	json_add_number(reply, "cpu-shares", shares_of_nice(nice));
	return CONTROL_DONE;
}

static enum control_answer send_nmi(struct managed_vm *vm, char *why, size_t room)
{
	int err = svmm_nmi(vm->m->vcpus[0].fd);

	if (err)
		snprintf(why, room, "nmi: %s", svmm_explain(SVMM_NMI, err));
	return err ? CONTROL_FAILED : CONTROL_DONE;
}

void control_kill(void *opaque)
{
	struct managed_vm *vm = opaque;

	vm->killed = true;
	machine_request_stop(vm->m, MACHINE_SIGNAL, SIGTERM);
}

/* The guest is asked; only one that runs can hear it. */
static enum control_answer press_power(struct managed_vm *vm, uint32_t timeout)
{
	if (!timeout) {
		control_kill(vm);
		return CONTROL_AT_END;
	}
	machine_resume(vm->m, "vmctl stop");
	acpi_pm_power_button(vm->m->acpi_pm);
	control_set_deadline(vm->control, timeout);
	return CONTROL_AT_END;
}

static void add_vcpus(struct json_object *to, const struct managed_vm *vm)
{
	struct json_object *all = json_object_new_array(), *o;

	for (unsigned int i = 0; i < vm->m->nr_vcpus; i++) {
		const struct vcpu *vcpu = &vm->m->vcpus[i];

		o = json_object_new_object();
		json_add_number(o, "vcpu", vcpu->id);
		json_add_number(o, "apic_id",
				topology_apic_id(&vm->options->topology, vcpu->id));
		json_add_number(o, "tid", vcpu->tid);
		json_object_array_add(all, o);
	}
	json_object_object_add(to, "vcpus", all);
}

static void add_console(struct json_object *to, const struct managed_vm *vm)
{
	struct json_object *o = json_object_new_object();
	unsigned int viewers;

	json_add_number(to, "clients", control_clients(vm->control, &viewers));
	json_add_text(o, "where", vm->options->console);
	json_add_number(o, "viewers", viewers);
	json_add_number(o, "output_bytes", console_ring(vm->console)->end);
	json_object_object_add(to, "console", o);
}

static enum control_answer inspect(struct managed_vm *vm, struct json_object *reply)
{
	struct json_object *o = json_object_new_object();
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	json_add_text(o, "vm", vm->options->name);
	json_add_number(o, "pid", getpid());
	json_add_text(o, "state", vm->m->paused ? "paused" : "running");
	json_add_number(o, "up_ns", now.tv_sec * 1000000000LL + now.tv_nsec - vm->begun_ns);
	json_add_number(o, "boots", vm->boots);
	json_add_number(o, "guest_ns", machine_now_ns(vm->m) - vm->m->begun_ns);
	json_add_number(o, "memory_bytes", vm->m->ram.bytes);
	json_add_number(o, "nice", vm->nice);
	json_add_number(o, "cpu-shares", shares_of_nice(vm->nice));
	add_vcpus(o, vm);
	add_console(o, vm);
	json_object_object_add(o, "options", config_object(&vm->options->settings));
	json_object_object_add(reply, "vm", o);
	return CONTROL_DONE;
}

enum control_answer control_command(void *opaque, const struct control_request *request,
				    struct json_object *reply, char *why, size_t room)
{
	struct managed_vm *vm = opaque;

	switch (request->command) {
	case CONTROL_PAUSE:
		machine_pause(vm->m, "vmctl pause");
		console_flush(vm->console);
		return CONTROL_DONE;
	case CONTROL_RESUME:
		machine_resume(vm->m, "vmctl resume");
		return CONTROL_DONE;
	case CONTROL_STOP:
		return press_power(vm, request->timeout);
	case CONTROL_RESET:
		vm->reset = true;
		machine_request_stop(vm->m, MACHINE_RESET, 0);
		return CONTROL_DONE;
	case CONTROL_NMI:
		return send_nmi(vm, why, room);
	case CONTROL_WAIT:
		return CONTROL_AT_END;
	case CONTROL_INSPECT:
		return inspect(vm, reply);
	case CONTROL_SET:
		return set_shares(vm, request->cpu_shares, reply, why, room);
	case CONTROL_CONSOLE:
		return CONTROL_VIEW;
	}
	return CONTROL_FAILED;
}
