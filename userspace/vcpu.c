// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU and its thread: the run loop, and who answers each exit.
 *
 * It knows the exit record and the bus, not the devices.  To make a vCPU leave
 * its guest, immediate_exit is set first and a signal sent second: whether the
 * thread is before SVMM_RUN, in it or behind it, it comes to look at
 * machine.stopping and machine.paused.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "machine.h"
#include "message.h"
#include "look.h"
#include "sandbox.h"
#include "terminal.h"

#define SIG_KICK	SIGRTMIN
#define STACK_BYTES	(256u << 10)
#define CRASH_INSNS	8u

static void do_io(struct vcpu *vcpu)
{
	const struct svmm_exit *e = &vcpu->page->exit;

	machine_lock(vcpu->m);
	bus_io(vcpu->m, e->io.port, e->io.direction == SVMM_IO_OUT, e->io.bytes, e->io.count,
	       (uint8_t *)vcpu->page + e->io.data_offset);
	machine_end_access(vcpu->m, vcpu);
	machine_unlock(vcpu->m);
}

static void do_mmio(struct vcpu *vcpu)
{
	struct svmm_exit *e = &vcpu->page->exit;

	machine_lock(vcpu->m);
	bus_mmio(vcpu->m, e->mmio.gpa, e->mmio.is_write, e->mmio.bytes, e->mmio.data);
	machine_end_access(vcpu->m, vcpu);
	machine_unlock(vcpu->m);
}

static void do_eoi(struct vcpu *vcpu)
{
	machine_lock(vcpu->m);
	ioapic_eoi(vcpu->m->ioapic, vcpu->page->exit.eoi.vector);
	machine_unlock(vcpu->m);
}

static void do_extint(struct vcpu *vcpu)
{
	machine_lock(vcpu->m);
	vcpu->page->exit.extint.vector = pic_acknowledge(vcpu->m->pic);
	machine_unlock(vcpu->m);
}

/* For the person who has to find out why. */
static void report(struct vcpu *vcpu)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return;
	look_registers(vcpu, out);
	look_code_bytes(vcpu, out);
	if (vcpu->m->last_exits) {
		look_code(vcpu, look_code_address(vcpu), CRASH_INSNS, out);
		look_last_exits(vcpu, out);
	}
	fclose(out);
	/* One by one: they are of any length together. */
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
		message_more("%.*s\n", (int)(end - line), line);
	free(text);
}

/* Ends of the VM: say what happened, with the registers; the guest's console is over. */

/* Of several vCPUs that come to an end together, the first one has the word. */
static void end(struct vcpu *vcpu, enum machine_stop why, const char *verdict, const char *what)
{
	machine_lock(vcpu->m);
	if (!vcpu->m->stopping) {
		terminal_restore();
		message("%s vCPU %u: %s", verdict, vcpu->id, what);
		report(vcpu);
		/* What died in the kernel, was told by the kernel. */
		svmm_set_vm_state(vcpu->m->vm_fd, SVMM_VM_CRASHED, what);
		machine_request_stop(vcpu->m, why, 0);
	}
	machine_unlock(vcpu->m);
}

static void guest_crashed(struct vcpu *vcpu, const char *what)
{
	end(vcpu, MACHINE_CRASH, "the guest crashed:", what);
}

static void hypervisor_failed(struct vcpu *vcpu, const char *what)
{
	end(vcpu, MACHINE_ERROR, "cannot go on with", what);
}

static void do_emulation_failure(struct vcpu *vcpu)
{
	const struct svmm_exit *e = &vcpu->page->exit;
	char text[200], bytes[3 * sizeof(e->emulation.bytes) + 1] = "";

	if (!e->emulation.nbytes) {
		snprintf(text, sizeof(text), "it jumped to %#llx, where it has no memory",
			 (unsigned long long)e->emulation.gpa);
		guest_crashed(vcpu, text);
		return;
	}
	for (unsigned int i = 0; i < e->emulation.nbytes && i < sizeof(e->emulation.bytes); i++)
		sprintf(bytes + 3 * i, " %02x", e->emulation.bytes[i]);
	snprintf(text, sizeof(text),
		 "the instruction at %#llx (%s ) touches a device at %#llx and is not emulated%s",
		 (unsigned long long)e->emulation.rip, bytes,
		 (unsigned long long)e->emulation.gpa,
		 vcpu->m->last_exits ? "" : "; --last-exits shows it as text");
	hypervisor_failed(vcpu, text);
}

static void do_memory_fault(struct vcpu *vcpu)
{
	const struct svmm_exit *e = &vcpu->page->exit;
	char text[160];

	snprintf(text, sizeof(text), "the host cannot provide the guest's memory at %#llx: %s",
		 (unsigned long long)e->memory_fault.gpa, strerror(-e->memory_fault.error));
	hypervisor_failed(vcpu, text);
}

static void do_fail_entry(struct vcpu *vcpu)
{
	const struct svmm_exit *e = &vcpu->page->exit;
	char text[200];

	snprintf(text, sizeof(text), "the CPU refused its state (exit code %#llx): %.*s",
		 (unsigned long long)e->fail_entry.exit_code,
		 (int)sizeof(e->fail_entry.reason), e->fail_entry.reason);
	hypervisor_failed(vcpu, text);
}

static void do_internal_error(struct vcpu *vcpu)
{
	const struct svmm_exit *e = &vcpu->page->exit;
	char text[160];

	snprintf(text, sizeof(text), "internal error of svmm: exit code %#llx, info %#llx %#llx",
		 (unsigned long long)e->internal.exit_code,
		 (unsigned long long)e->internal.info1, (unsigned long long)e->internal.info2);
	hypervisor_failed(vcpu, text);
}

static void do_debug(struct vcpu *vcpu)
{
	machine_lock(vcpu->m);
	if (vcpu->m->debugger)
		vcpu->m->debugger->met(vcpu->m->debugger->opaque, vcpu);
	machine_unlock(vcpu->m);
}

static void handle_exit(struct vcpu *vcpu)
{
	char text[64];

	switch (vcpu->page->exit.reason) {
	case SVMM_EXIT_IO:
		do_io(vcpu);
		break;
	case SVMM_EXIT_MMIO:
		do_mmio(vcpu);
		break;
	case SVMM_EXIT_EOI:
		do_eoi(vcpu);
		break;
	case SVMM_EXIT_EXTINT:
		do_extint(vcpu);
		break;
	case SVMM_EXIT_DEBUG:
		do_debug(vcpu);
		break;
	case SVMM_EXIT_SHUTDOWN:
		guest_crashed(vcpu, "triple fault");
		break;
	case SVMM_EXIT_EMULATION_FAILURE:
		do_emulation_failure(vcpu);
		break;
	case SVMM_EXIT_MEMORY_FAULT:
		do_memory_fault(vcpu);
		break;
	case SVMM_EXIT_FAIL_ENTRY:
		do_fail_entry(vcpu);
		break;
	case SVMM_EXIT_INTERNAL_ERROR:
		do_internal_error(vcpu);
		break;
	default:
		snprintf(text, sizeof(text), "unknown exit reason %u", vcpu->page->exit.reason);
		hypervisor_failed(vcpu, text);
	}
}

/*
 * -EIO: the VM is dead, and the vCPU that it died of has got, or will get, the
 * exit that tells why.  Only the last vCPU to find it dead may speak of it.
 */
static void found_dead(struct vcpu *vcpu)
{
	if (atomic_fetch_sub(&vcpu->m->nr_running, 1) == 1)
		hypervisor_failed(vcpu, svmm_explain(SVMM_RUN, -EIO));
}

/* Linux has it by thread, and the sandbox lets each change its own alone. */
static int set_own_nice(int nice)
{
	return setpriority(PRIO_PROCESS, 0, nice) ? -errno : 0;
}

void vcpu_renice(struct vcpu *vcpu)
{
	struct machine *m = vcpu->m;
	int err;

	if (!vcpu->renices)
		return;
	vcpu->renices = false;
	err = set_own_nice(m->nice);
	if (err)
		m->renice_error = err;
	if (!--m->nr_renices)
		pthread_cond_signal(&m->at_rest);
}

static void *try_nice(void *arg)
{
	int *nice_then_error = arg;

	*nice_then_error = set_own_nice(*nice_then_error);
	return NULL;
}

/* In S3 there are no threads of vCPUs, but one that begins as they will. */
static int try_in_new_thread(int nice)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, try_nice, &nice);

	if (err)
		return -err;
	pthread_join(thread, NULL);
	return nice;
}

/* All threads, wherever they are, come to where a pause would have them wait. */
static int renice_all(struct machine *m)
{
	bool paused = m->paused;

	m->renice_error = 0;
	m->paused = true;
	for (unsigned int i = 0; i < m->nr_vcpus; i++) {
		if (!m->vcpus[i].tid)
			continue;
		m->vcpus[i].renices = true;
		m->nr_renices++;
		vcpu_kick(&m->vcpus[i]);
	}
	pthread_cond_broadcast(&m->go_on);
	while (m->nr_renices)
		pthread_cond_wait(&m->at_rest, &m->lock);
	m->paused = paused;
	pthread_cond_broadcast(&m->go_on);
	return m->renice_error;
}

int machine_set_nice(struct machine *m, int nice)
{
	int before = m->nice, err;

	m->nice = nice;
	err = m->asleep ? try_in_new_thread(nice) : renice_all(m);
	if (err)
		m->nice = before;
	return err;
}

/* What was allowed in the machine before, is allowed now. */
static void begin(struct vcpu *vcpu)
{
	machine_lock(vcpu->m);
	vcpu->tid = gettid();
	if (vcpu->m->nice)
		set_own_nice(vcpu->m->nice);
	machine_unlock(vcpu->m);
}

/*
 * Who looks at registers is to find those behind the last access, of which the kernel learns the
 * answer when it is asked to run.
 */
static void settle(struct vcpu *vcpu)
{
	if (!vcpu->m->debugger)
		return;
	__atomic_store_n(&vcpu->page->immediate_exit, 1, __ATOMIC_SEQ_CST);
	while (!atomic_load(&vcpu->m->stopping) && !svmm_run(vcpu->fd))
		handle_exit(vcpu);
}

static void *thread(void *arg)
{
	struct vcpu *vcpu = arg;
	int err;

	begin(vcpu);
	sandbox_enter_vcpu();
	while (!atomic_load_explicit(&vcpu->m->stopping, memory_order_relaxed)) {
		if (atomic_load_explicit(&vcpu->m->paused, memory_order_relaxed) ||
		    atomic_load_explicit(&vcpu->held, memory_order_relaxed)) {
			settle(vcpu);
			machine_park(vcpu->m, vcpu);
			continue;
		}
		err = svmm_run(vcpu->fd);
		if (!err) {
			handle_exit(vcpu);
		} else if (err == -EIO) {
			found_dead(vcpu);
			break;
		} else if (err != -EINTR) {
			hypervisor_failed(vcpu, svmm_explain(SVMM_RUN, err));
		}
	}
	machine_lock(vcpu->m);
	machine_thread_rests(vcpu->m, vcpu);
	vcpu->tid = 0;
	machine_unlock(vcpu->m);
	return NULL;
}

/* SIG_KICK only interrupts SVMM_RUN. */
static void kicked(int sig)
{
	(void)sig;
}

int vcpu_start(struct vcpu *vcpu)
{
	struct sigaction sa = { .sa_handler = kicked };
	pthread_attr_t attr;
	int err;

	sigaction(SIG_KICK, &sa, NULL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	err = pthread_create(&vcpu->thread, &attr, thread, vcpu);
	pthread_attr_destroy(&attr);
	if (err)
		message("cannot start a thread for vCPU %u: %s", vcpu->id, strerror(err));
	return err;
}

void vcpu_kick(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->page->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(vcpu->thread, SIG_KICK);
}

void vcpu_join(struct vcpu *vcpu)
{
	pthread_join(vcpu->thread, NULL);
}

int vcpu_init(struct vcpu *vcpu, struct machine *m, unsigned int n, unsigned int apic_id,
	      const struct svmm_cpuid *cpuid)
{
	const struct svmm_debug debug = { .flags = SVMM_DEBUG_EXITS };
	unsigned long request = SVMM_CREATE_VCPU;
	int err;

	vcpu->m = m;
	vcpu->id = n;
	vcpu->fd = svmm_create_vcpu(m->vm_fd, apic_id);
	if (vcpu->fd < 0) {
		err = vcpu->fd;
		goto fail;
	}
	err = svmm_map_vcpu(vcpu->fd, m->caps.vcpu_mmap_bytes, &vcpu->page);
	if (err)
		goto close_fd;
	request = SVMM_SET_CPUID;
	err = svmm_set_cpuid(vcpu->fd, cpuid);
	if (err)
		goto unmap;
	/* The power-on state, of which a loader changes what it has to. */
	request = SVMM_GET_STATE;
	err = suspend_remember(vcpu);
	if (err)
		goto unmap;
	if (m->last_exits) {
		request = SVMM_SET_DEBUG;
		err = svmm_set_debug(vcpu->fd, &debug);
		if (err)
			goto unmap;
	}
	return 0;

unmap:
	munmap(vcpu->page, m->caps.vcpu_mmap_bytes);
close_fd:
	close(vcpu->fd);
fail:
	message("cannot create vCPU %u: %s", n, svmm_explain(request, err));
	return -1;
}

void vcpu_free(struct vcpu *vcpu)
{
	suspend_forget(vcpu);
	munmap(vcpu->page, vcpu->m->caps.vcpu_mmap_bytes);
	close(vcpu->fd);
}
