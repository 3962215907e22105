// SPDX-License-Identifier: GPL-2.0
/*
 * What a control socket's requests do.  It knows the machine, and of clients nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "console.h"
#include "control_commands.h"
#include "control_look.h"
#include "control_plug.h"
#include "control_screen.h"
#include "devices/virtio_balloon.h"
#include "gdb_server.h"
#include "json.h"
#include "keys.h"
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
 * of its own (--detach) has the session's value changed, too.  And what was taken from a share by
 * one who may give it, he shall be able to give back: that takes no privilege then.
 */
void control_prepare(struct managed_vm *vm)
{
	struct rlimit limit;
	rlim_t now = 20 - getpriority(PRIO_PROCESS, 0);

	vm->group_fd = -1;
	if (getsid(0) == getpid())
		vm->group_fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	if (getrlimit(RLIMIT_NICE, &limit) || limit.rlim_cur >= now)
		return;
	limit.rlim_cur = now;
	if (limit.rlim_max < now)
		limit.rlim_max = now;
	setrlimit(RLIMIT_NICE, &limit);
}

/* The host has its reasons if it refuses that: the threads' own value is the one that was asked. */
static void set_session_nice(const struct managed_vm *vm, int nice)
{
	char text[8];
	int len = snprintf(text, sizeof(text), "%d", nice);

	if (vm->group_fd >= 0 && write(vm->group_fd, text, len) < 0)
		return;
}

static bool set_shares(struct managed_vm *vm, uint32_t shares, char *why, size_t room)
{
	int nice = nice_of_shares(shares), err = machine_set_nice(vm->m, nice);

	if (err == -EACCES || err == -EPERM)
		snprintf(why, room, "set: %u shares are nice %d, and it has %d; the host lets the "
			 "VM's process go below what it began with, or what ulimit -e says, only "
			 "with CAP_SYS_NICE, which a sandbox has not", shares, nice, vm->nice);
	else if (err)
		snprintf(why, room, "set: %s", strerror(-err));
	if (err)
		return false;
	vm->nice = nice;
	set_session_nice(vm, nice);
	return true;
}

static struct virtio_balloon *balloon_of(const struct managed_vm *vm)
{
	return vm->m->plugs ? plug_balloon(vm->m->plugs) : NULL;
}

static bool may_be_large(const struct managed_vm *vm, uint64_t bytes, char *why, size_t room)
{
	if (!balloon_of(vm))
		snprintf(why, room, "set: there is no balloon; run the VM with --balloon");
	else if (bytes >= vm->options->mem_bytes)
		snprintf(why, room, "set: \"balloon\": its size is all of the VM's %llu bytes of "
			 "memory; leave the guest something",
			 (unsigned long long)vm->options->mem_bytes);
	else
		return true;
	return false;
}

static void add_balloon(struct json_object *to, const struct managed_vm *vm)
{
	static const char * const names[] = VIRTIO_BALLOON_S_NAMES;
	struct json_object *o = json_object_new_object(), *guest = json_object_new_object();
	struct balloon_stats stats;

	balloon_stats(balloon_of(vm), &stats);
	json_add_number(o, "target_bytes", stats.target);
	json_add_number(o, "actual_bytes", stats.actual);
	json_add_number(o, "reported_bytes", stats.reported);
	for (unsigned int i = 0; i < VIRTIO_BALLOON_S_NR; i++) {
		if (stats.valid & 1u << i)
			json_add_number(guest, names[i], stats.value[i]);
	}
	json_object_object_add(o, "guest", guest);
	json_object_object_add(to, "balloon", o);
}

/* All of it, or nothing. */
static enum control_answer set(struct managed_vm *vm, const struct control_request *request,
			       struct json_object *reply, char *why, size_t room)
{
	bool shares = request->given & 1u << CONTROL_CPU_SHARES;
	bool balloon = request->given & 1u << CONTROL_BALLOON;
	uint64_t bytes = request->value[CONTROL_BALLOON];

	if (balloon && !may_be_large(vm, bytes, why, room))
		return CONTROL_FAILED;
	if (shares && !set_shares(vm, request->value[CONTROL_CPU_SHARES], why, room))
		return CONTROL_FAILED;
	if (balloon) {
		balloon_set_target(balloon_of(vm), bytes);
		vm->plugs->balloon.model.bytes = bytes;	/* the next machine's */
		add_balloon(reply, vm);
	}
	if (shares) {
		json_add_number(reply, "nice", vm->nice);
		json_add_number(reply, "cpu-shares", shares_of_nice(vm->nice));
	}
	return CONTROL_DONE;
}

static enum control_answer send_nmi(struct managed_vm *vm, char *why, size_t room)
{
	int err;

	if (vm->m->asleep) {
		snprintf(why, room, "nmi: the guest is suspended; resume it first");
		return CONTROL_FAILED;
	}
	err = svmm_nmi(vm->m->vcpus[0].fd);
	if (err)
		snprintf(why, room, "nmi: %s", svmm_explain(SVMM_NMI, err));
	return err ? CONTROL_FAILED : CONTROL_DONE;
}

#define STROKES_MAX	(CONTROL_TEXT_BYTES / 2)

/* Return: how many, or -1 with a sentence in @why. */
static int parse_strokes(const char *text, struct key_stroke strokes[STROKES_MAX], char *why,
			 size_t room)
{
	char word[CONTROL_TEXT_BYTES];
	size_t bytes;
	int nr = 0;

	for (; *text; text += bytes + strspn(text + bytes, " ")) {
		bytes = strcspn(text, " ");
		memcpy(word, text, bytes);
		word[bytes] = '\0';
		if (!key_parse(word, &strokes[nr++], why, room))
			return -1;
	}
	return nr;
}

/* All of them, or as many as there is room for. */
static enum control_answer type(struct managed_vm *vm, const char *text, char *why, size_t room)
{
	struct key_stroke strokes[STROKES_MAX];
	char reason[160];
	int nr, done = 0;

	if (!vm->options->keyboard) {
		snprintf(why, room, "key: there is no keyboard; run the VM with --keyboard");
		return CONTROL_FAILED;
	}
	nr = parse_strokes(text, strokes, reason, sizeof(reason));
	if (nr < 0) {
		snprintf(why, room, "key: %s", reason);
		return CONTROL_FAILED;
	}
	while (done < nr && i8042_strike(vm->m->i8042, strokes[done].codes, strokes[done].nr))
		done++;
	if (done == nr)
		return CONTROL_DONE;
	snprintf(why, room, "key: the guest does not read its keyboard; it has been given %d of %d "
		 "key strokes", done, nr);
	return CONTROL_FAILED;
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
	acpi_pm_shut_down(vm->m->acpi_pm);
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
	json_add_text(o, "where", vm->options->virtio_console ? vm->options->virtio_console :
								vm->options->console);
	json_add_number(o, "viewers", viewers);
	json_add_number(o, "output_bytes", console_ring(vm->console)->end);
	json_object_object_add(to, "console", o);
}

static void add_shares(struct json_object *to, const struct managed_vm *vm)
{
	struct json_object *all = json_object_new_array(), *o;

	for (unsigned int i = 0; i < vm->plugs->nr_shares; i++) {
		o = json_object_new_object();
		json_add_text(o, "tag", vm->plugs->shares[i].model.tag);
		json_add_text(o, "path", vm->plugs->shares[i].path);
		json_add_text(o, "server", vhost_user_ended(&vm->plugs->servers[i]) ? "ended" :
										      "runs");
		json_object_array_add(all, o);
	}
	json_object_object_add(to, "shares", all);
}

static const char *state_of(const struct machine *m)
{
	if (m->paused)
		return "paused";
	return m->asleep ? "suspended" : "running";
}

static enum control_answer inspect(struct managed_vm *vm, struct json_object *reply)
{
	struct json_object *o = json_object_new_object();
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	json_add_text(o, "vm", vm->options->name);
	json_add_number(o, "pid", getpid());
	json_add_text(o, "state", state_of(vm->m));
	json_add_number(o, "up_ns", now.tv_sec * 1000000000LL + now.tv_nsec - vm->begun_ns);
	json_add_number(o, "boots", vm->boots);
	json_add_number(o, "guest_ns", machine_now_ns(vm->m) - vm->m->begun_ns);
	json_add_number(o, "memory_bytes", vm->m->ram.bytes);
	json_add_number(o, "nice", vm->nice);
	json_add_number(o, "cpu-shares", shares_of_nice(vm->nice));
	add_vcpus(o, vm);
	add_console(o, vm);
	control_plug_list(vm->m->plugs, o);
	if (vm->plugs->nr_shares)
		add_shares(o, vm);
	if (balloon_of(vm)) {
		add_balloon(o, vm);
		balloon_refresh(balloon_of(vm));	/* for who asks next */
	}
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
		if (vm->gdb && gdb_server_holds(vm->gdb)) {
			snprintf(why, room, "resume: a debugger has stopped it; continue there");
			return CONTROL_FAILED;
		}
		machine_resume(vm->m, "vmctl resume");
		/* Nothing else wakes a guest that has no clock to wake it. */
		if (vm->m->asleep)
			acpi_pm_power_button(vm->m->acpi_pm);
		return CONTROL_DONE;
	case CONTROL_STOP:
		return press_power(vm, request->value[CONTROL_TIMEOUT]);
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
		return set(vm, request, reply, why, room);
	case CONTROL_CONSOLE:
		return CONTROL_VIEW;
	case CONTROL_ATTACH:
		return control_plug_attach(vm->m->plugs, request, reply, why, room);
	case CONTROL_DETACH:
		return control_plug_detach(vm->m->plugs, request, why, room);
	case CONTROL_KEY:
		return type(vm, request->text[CONTROL_KEYS], why, room);
	case CONTROL_REGS:
	case CONTROL_CODE:
	case CONTROL_WALK:
	case CONTROL_DUMP:
		return control_look(vm->m, request, reply, why, room);
	case CONTROL_SCREEN:
		return control_screen(vm->m->plugs, reply, why, room);
	case CONTROL_SCREENSHOT:
		return control_screenshot(vm->m->plugs, request, reply, why, room);
	}
	return CONTROL_FAILED;
}
