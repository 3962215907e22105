// SPDX-License-Identifier: GPL-2.0
/*
 * GDB's target: vCPUs, their registers and memory, breakpoints, and who runs.
 *
 * A vCPU that meets something parks itself, says so in vm->stops[], and wakes the event loop, which
 * pauses the machine and tells the session of the first one.  A breakpoint that others have met at
 * the same time they meet again; a watchpoint is told next.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "gdb_monitor.h"
#include "gdb_registers.h"
#include "gdb_target.h"
#include "guest_memory.h"
#include "machine.h"

#define INT3		0xcc
#define VECTOR_BP	3

static struct vcpu *vcpu_of(const struct gdb_vm *vm, unsigned int thread)
{
	return &vm->m->vcpus[thread];
}

static unsigned int nr_threads(void *opaque)
{
	const struct gdb_vm *vm = opaque;

	return vm->m->nr_vcpus;
}

static unsigned int nr_registers(void *opaque)
{
	(void)opaque;
	return gdb_registers_nr();
}

static const char *describe(void *opaque)
{
	(void)opaque;
	return gdb_registers_xml();
}

static void name(void *opaque, unsigned int thread, char *text, size_t room)
{
	static const char *const states[] = {
		[SVMM_MP_RUNNABLE] = "running", [SVMM_MP_HALTED] = "halted",
		[SVMM_MP_WAIT_SIPI] = "waiting for its start",
	};
	struct vcpu *vcpu = vcpu_of(opaque, thread);
	uint32_t state = SVMM_MP_RUNNABLE;

	if (guest_state(vcpu, SVMM_STATE_MP) && vcpu->page->mp.state <= SVMM_MP_WAIT_SIPI)
		state = vcpu->page->mp.state;
	snprintf(text, room, "vCPU %u [%s]", vcpu->id, states[state]);
}

/* Registers */

static unsigned int get(void *opaque, unsigned int thread, unsigned int n, uint8_t *value)
{
	struct vcpu *vcpu = vcpu_of(opaque, thread);

	return guest_state(vcpu, GDB_GROUPS) ? gdb_register_get(vcpu->page, n, value) : 0;
}

static bool set(void *opaque, unsigned int thread, unsigned int n, const uint8_t *value)
{
	struct vcpu *vcpu = vcpu_of(opaque, thread);
	uint32_t group;
	int err;

	if (!guest_state(vcpu, GDB_GROUPS))
		return false;
	group = gdb_register_set(vcpu->page, n, value);
	if (!group)
		return false;
	vcpu->page->dirty = group;
	err = svmm_set_state(vcpu->fd);
	vcpu->page->dirty = 0;
	/* The kernel may have made something else of it. */
	svmm_get_state(vcpu->fd, GDB_GROUPS);
	return !err;
}

/* Memory, in which breakpoints are not to be seen */

/* Those within [gpa, gpa + bytes): @data gets what they hide, or it becomes that. */
static void hide_breakpoints(struct gdb_vm *vm, uint64_t gpa, uint8_t *data, size_t bytes,
			     bool write)
{
	for (unsigned int i = 0; i < vm->nr_breakpoints; i++) {
		struct gdb_breakpoint *b = &vm->breakpoints[i];

		if (b->gpa < gpa || b->gpa - gpa >= bytes)
			continue;
		if (write)
			b->byte = data[b->gpa - gpa];
		data[b->gpa - gpa] = write ? INT3 : b->byte;
	}
}

static size_t read_memory(void *opaque, unsigned int thread, bool physical, uint64_t address,
			  void *data, size_t bytes)
{
	struct gdb_vm *vm = opaque;
	size_t done = 0, n;

	for (; done < bytes; done += n) {
		const uint8_t *at;
		uint64_t gpa;

		n = bytes - done;
		at = guest_at(vcpu_of(vm, thread), physical, address + done, &n, &gpa);
		if (!at)
			break;
		memcpy((uint8_t *)data + done, at, n);
		hide_breakpoints(vm, gpa, (uint8_t *)data + done, n, false);
	}
	return done;
}

static bool write_memory(void *opaque, unsigned int thread, bool physical, uint64_t address,
			 const void *data, size_t bytes)
{
	struct gdb_vm *vm = opaque;
	uint8_t *at;
	uint64_t gpa;
	size_t done, n;

	/* All of it, or nothing. */
	for (done = 0; done < bytes; done += n) {
		n = bytes - done;
		if (!guest_at(vcpu_of(vm, thread), physical, address + done, &n, NULL))
			return false;
	}
	for (done = 0; done < bytes; done += n) {
		n = bytes - done;
		at = guest_at(vcpu_of(vm, thread), physical, address + done, &n, &gpa);
		/* It has just overwritten its own page tables. */
		if (!at)
			return false;
		memcpy(at, (const uint8_t *)data + done, n);
		hide_breakpoints(vm, gpa, at, n, true);
	}
	return true;
}

/* Breakpoints */

static struct gdb_breakpoint *find_breakpoint(struct gdb_vm *vm, uint64_t address)
{
	for (unsigned int i = 0; i < vm->nr_breakpoints; i++) {
		if (vm->breakpoints[i].address == address)
			return &vm->breakpoints[i];
	}
	return NULL;
}

static bool insert_breakpoint(struct gdb_vm *vm, unsigned int thread, uint64_t address)
{
	struct gdb_breakpoint b = { .address = address };
	size_t bytes = 1;
	uint8_t *at;

	if (find_breakpoint(vm, address))
		return true;
	if (vm->nr_breakpoints == GDB_BREAKPOINTS_MAX)
		return false;
	at = guest_at(vcpu_of(vm, thread), false, address, &bytes, &b.gpa);
	if (!at)
		return false;
	b.byte = *at;
	/* Under another address it is the same byte. */
	hide_breakpoints(vm, b.gpa, &b.byte, 1, false);
	vm->breakpoints[vm->nr_breakpoints++] = b;
	*at = INT3;
	return true;
}

static void remove_breakpoint(struct gdb_vm *vm, struct gdb_breakpoint *b)
{
	const uint64_t gpa = b->gpa;
	uint8_t byte = b->byte, *at = ram_find(&vm->m->ram, gpa, 1);

	*b = vm->breakpoints[--vm->nr_breakpoints];
	/* Unless the guest has written something else there. */
	if (!at || *at != INT3)
		return;
	*at = byte;
	for (unsigned int i = 0; i < vm->nr_breakpoints; i++) {
		if (vm->breakpoints[i].gpa == gpa)
			*at = INT3;
	}
}

static bool same(const struct gdb_watch *w, enum gdb_point kind, uint64_t address,
		 uint64_t bytes)
{
	return w->bytes == bytes && w->kind == kind && w->address == address;
}

static bool insert(void *opaque, unsigned int thread, enum gdb_point kind, uint64_t address,
		   uint64_t bytes)
{
	struct gdb_vm *vm = opaque;
	unsigned int i;

	if (kind == GDB_SOFTWARE)
		return insert_breakpoint(vm, thread, address);
	if (kind == GDB_HARDWARE)
		bytes = 1;
	if ((bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) || address & (bytes - 1))
		return false;
	for (i = 0; i < GDB_DEBUG_REGISTERS; i++) {
		if (same(&vm->watches[i], kind, address, bytes))
			return true;
	}
	for (i = 0; i < GDB_DEBUG_REGISTERS && vm->watches[i].bytes; i++)
		;
	if (i == GDB_DEBUG_REGISTERS)
		return false;
	vm->watches[i] = (struct gdb_watch) { kind, address, bytes };
	return true;
}

static void remove_point(void *opaque, enum gdb_point kind, uint64_t address, uint64_t bytes)
{
	struct gdb_vm *vm = opaque;
	struct gdb_breakpoint *b = find_breakpoint(vm, address);

	if (kind == GDB_SOFTWARE) {
		if (b)
			remove_breakpoint(vm, b);
		return;
	}
	if (kind == GDB_HARDWARE)
		bytes = 1;
	for (unsigned int i = 0; i < GDB_DEBUG_REGISTERS; i++) {
		if (same(&vm->watches[i], kind, address, bytes))
			vm->watches[i].bytes = 0;
	}
}

/* Who runs */

/* Conditions and lengths of DR7 (APM vol. 2, 13.1.1). */
static uint32_t dr7_bits(const struct gdb_watch *w)
{
	static const uint8_t length[] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };
	unsigned int type = w->kind == GDB_HARDWARE ? 0 : w->kind == GDB_WRITE ? 1 : 3;

	return type | length[w->bytes] << 2;
}

static void set_debug(struct gdb_vm *vm, struct vcpu *vcpu, bool step)
{
	struct svmm_debug debug = { .flags = SVMM_DEBUG_EXITS | (step ? SVMM_DEBUG_STEP : 0) };

	if (vm->nr_breakpoints)
		debug.flags |= SVMM_DEBUG_BP;
	for (unsigned int i = 0; i < GDB_DEBUG_REGISTERS; i++) {
		const struct gdb_watch *w = &vm->watches[i];

		if (!w->bytes)
			continue;
		debug.flags |= SVMM_DEBUG_HW;
		debug.db[i] = w->address;
		debug.dr7 |= 2ull << 2 * i | (uint64_t)dr7_bits(w) << (16 + 4 * i);
	}
	svmm_set_debug(vcpu->fd, &debug);
}

static bool tell(struct gdb_vm *vm, unsigned int thread)
{
	struct gdb_stop *stop = &vm->stops[thread];
	static const enum gdb_reason reasons[] = {
		[GDB_SOFTWARE] = GDB_AT_SOFTWARE, [GDB_HARDWARE] = GDB_AT_HARDWARE,
		[GDB_WRITE] = GDB_WATCHED, [GDB_READ] = GDB_READ_WATCHED,
		[GDB_ACCESS] = GDB_ACCESS_WATCHED,
	};

	if (!stop->there)
		return false;
	stop->there = false;
	if (stop->vector == VECTOR_BP) {
		gdb_stopped(vm->session, thread, GDB_AT_SOFTWARE, 0);
		return true;
	}
	for (unsigned int i = 0; i < GDB_DEBUG_REGISTERS; i++) {
		const struct gdb_watch *w = &vm->watches[i];

		if (!(stop->dr6 & 1u << i) || !w->bytes)
			continue;
		gdb_stopped(vm->session, thread, reasons[w->kind], w->address);
		return true;
	}
	gdb_stopped(vm->session, thread, GDB_STEPPED, 0);
	return true;
}

static void resume(void *opaque, const enum gdb_action *actions)
{
	struct gdb_vm *vm = opaque;

	for (unsigned int i = 0; i < vm->m->nr_vcpus; i++) {
		/* What it has watched, and others have come first. */
		if (vm->stops[i].dr6 & 15 && actions[i] != GDB_STAY && tell(vm, i))
			return;
	}
	for (unsigned int i = 0; i < vm->m->nr_vcpus; i++) {
		struct vcpu *vcpu = vcpu_of(vm, i);

		vm->stops[i].there = false;
		set_debug(vm, vcpu, actions[i] == GDB_STEP);
		vcpu->held = actions[i] == GDB_STAY;
	}
	machine_resume(vm->m, "gdb");
}

/* All stand still, and the session is told why. */
static void stop_all(struct gdb_vm *vm, bool interrupted)
{
	machine_pause(vm->m, "gdb");
	for (unsigned int i = 0; i < vm->m->nr_vcpus; i++)
		vcpu_of(vm, i)->held = false;
	if (!vm->session->running)
		return;
	for (unsigned int i = 0; i < vm->m->nr_vcpus; i++) {
		if (tell(vm, i))
			return;
	}
	if (interrupted)
		gdb_stopped(vm->session, vm->session->thread, GDB_INTERRUPTED, 0);
}

static void interrupt(void *opaque)
{
	stop_all(opaque, true);
}

void gdb_vm_stopped(struct gdb_vm *vm)
{
	uint64_t count;

	if (read(vm->event_fd, &count, sizeof(count)) != sizeof(count))
		return;
	for (unsigned int i = 0; i < vm->m->nr_vcpus; i++) {
		if (vm->stops[i].there) {
			stop_all(vm, false);
			return;
		}
	}
}

/* Not one of ours: the guest gets its INT3, as the processor would have delivered it. */
static void give_back(struct vcpu *vcpu)
{
	struct svmm_vcpu_page *page = vcpu->page;

	if (svmm_get_state(vcpu->fd, SVMM_STATE_GPR | SVMM_STATE_EVENTS))
		return;
	page->gpr.rip++;
	page->events.flags |= SVMM_EVENT_EXCEPTION;
	page->events.vector = VECTOR_BP;
	page->dirty = SVMM_STATE_GPR | SVMM_STATE_EVENTS;
}

static uint64_t linear_of(struct vcpu *vcpu, uint64_t rip)
{
	if (!guest_state(vcpu, SVMM_STATE_SEG | SVMM_STATE_CR) || vcpu->page->cr.efer & 1u << 10)
		return rip;
	return (uint32_t)(vcpu->page->seg.cs.base + rip);
}

/* A vCPU's thread, with the lock: it has left its guest for us. */
static void met(void *opaque, struct vcpu *vcpu)
{
	const struct svmm_exit *e = &vcpu->page->exit;
	struct gdb_vm *vm = opaque;
	const uint64_t one = 1;

	if (e->debug.vector == VECTOR_BP &&
	    !find_breakpoint(vm, linear_of(vcpu, e->debug.rip))) {
		give_back(vcpu);
		return;
	}
	vm->stops[vcpu->id] = (struct gdb_stop) { true, e->debug.vector, e->debug.dr6 };
	vcpu->held = true;
	if (write(vm->event_fd, &one, sizeof(one)) < 0)
		return;
}

static void monitor(void *opaque, unsigned int thread, const char *command, FILE *out)
{
	gdb_monitor(vcpu_of(opaque, thread), command, out);
}

static void kill_machine(void *opaque)
{
	struct gdb_vm *vm = opaque;

	gdb_vm_detach(vm);
	machine_request_stop(vm->m, MACHINE_SIGNAL, SIGTERM);
}

static void detach(void *opaque)
{
	gdb_vm_detach(opaque);
}

void gdb_vm_attach(struct gdb_vm *vm)
{
	vm->nr_breakpoints = 0;
	memset(vm->watches, 0, sizeof(vm->watches));
	memset(vm->stops, 0, sizeof(vm->stops));
	vm->debugger = (struct debugger) { met, vm };
	vm->m->debugger = &vm->debugger;
	machine_pause(vm->m, "gdb");
}

void gdb_vm_detach(struct gdb_vm *vm)
{
	if (!vm->m->debugger)
		return;
	machine_pause(vm->m, "gdb");
	while (vm->nr_breakpoints)
		remove_breakpoint(vm, &vm->breakpoints[0]);
	memset(vm->watches, 0, sizeof(vm->watches));
	for (unsigned int i = 0; i < vm->m->nr_vcpus; i++) {
		set_debug(vm, vcpu_of(vm, i), false);
		vcpu_of(vm, i)->held = false;
	}
	vm->m->debugger = NULL;
	machine_resume(vm->m, "gdb");
}

const struct gdb_target gdb_vm_target = {
	.nr_threads = nr_threads,
	.nr_registers = nr_registers,
	.describe = describe,
	.name = name,
	.get = get,
	.set = set,
	.read = read_memory,
	.write = write_memory,
	.insert = insert,
	.remove = remove_point,
	.resume = resume,
	.interrupt = interrupt,
	.detach = detach,
	.kill = kill_machine,
	.monitor = monitor,
};
