// SPDX-License-Identifier: GPL-2.0
/*
 * `vmctl run`: one VM from the command line to the exit status.
 *
 * It builds a machine, loads the guest, runs it, and builds the next one when
 * the guest reboots.  Signals that end a process are blocked in all threads
 * and read from a signalfd in the event loop, so that they can come at any
 * moment and still find everything in order.  Console and control socket are
 * the VM's over all of its machines.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "boot.h"
#include "check.h"
#include "cli.h"
#include "console.h"
#include "control_commands.h"
#include "detach.h"
#include "machine.h"
#include "message.h"
#include "run.h"
#include "terminal.h"

struct run {
	const struct run_options *options;
	struct managed_vm vm;
	struct svmm_cpuid *cpuid;	/* of every machine, one after the other */
	int svmm_fd, signal_fd;
	int ready_fd;		/* of detach_begin(); -1: nobody waits */
	unsigned int signal;	/* that came, 0: none */
};

static int open_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* As the shell's job control wants it; the guest does not notice. */
static void stop_for_a_while(struct machine *m)
{
	bool raw = terminal_is_raw(), paused = m->paused;

	terminal_restore();
	machine_pause(m, "SIGTSTP");
	raise(SIGSTOP);
	if (!paused)
		machine_resume(m, "SIGCONT");
	if (raw)
		terminal_raw(STDIN_FILENO);
}

static void signalled(void *opaque, uint32_t events)
{
	struct run *r = opaque;
	struct signalfd_siginfo info;

	(void)events;
	if (read(r->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGTSTP) {
		stop_for_a_while(r->vm.m);
		return;
	}
	r->signal = info.ssi_signo;
	machine_request_stop(r->vm.m, MACHINE_SIGNAL, r->signal);
}

static int open_svmm(void)
{
	int fd = svmm_open();
	char why[256];

	if (fd < 0) {
		check_obstacle(why, sizeof(why));
		message("cannot open " SVMM_DEVICE ": %s", *why ? why : svmm_explain(0, fd));
	}
	return fd;
}

static int load(const struct run *r)
{
	const struct run_options *o = r->options;
	struct machine *m = r->vm.m;
	struct svmm_vcpu_page *page = m->vcpus[0].page;
	uint64_t rsdp;

	if (o->flat)
		return boot_flat(&m->ram, page, o->flat);
	for (unsigned int i = 1; i < m->nr_vcpus; i++)
		boot_secondary(m->vcpus[i].page);
	rsdp = acpi_build(&m->ram, &r->options->topology);
	return boot_linux(&m->ram, page, o->kernel, o->initrd, o->append, rsdp);
}

/* What only the module knows the limits of.  Return: 0, or the status to exit with. */
static int check_topology(const struct topology *t, unsigned int max_vcpus)
{
	unsigned int nr = topology_cpus(t);

	if (nr > max_vcpus) {
		message("--cpus: %u are too many; a VM has at most %u CPUs", nr, max_vcpus);
		return STATUS_USAGE;
	}
	if (topology_apic_id(t, nr - 1) >= max_vcpus) {
		message("--cpus sockets=%u,cores=%u,threads=%u: these take APIC IDs up to %u, and "
			"a VM has 0 to %u; counts that are powers of two leave none out",
			t->sockets, t->cores, t->threads, topology_apic_id(t, nr - 1),
			max_vcpus - 1);
		return STATUS_USAGE;
	}
	return 0;
}

/* The CPUs that the user asked for, into r->cpuid.  Return: as above. */
static int choose_cpus(struct run *r)
{
	const struct run_options *o = r->options;
	struct svmm_caps caps;
	int err = svmm_get_caps(r->svmm_fd, &caps), status;

	if (err) {
		message("cannot ask the module what it can do: %s",
			svmm_explain(SVMM_GET_CAPS, err));
		return STATUS_ERROR;
	}
	status = check_topology(&o->topology, caps.max_vcpus);
	if (status)
		return status;
	err = svmm_get_supported_cpuid(r->svmm_fd, &r->cpuid);
	if (err) {
		message("cannot get the CPUID table: %s",
			svmm_explain(SVMM_GET_SUPPORTED_CPUID, err));
		return STATUS_ERROR;
	}
	return cpu_apply(r->cpuid, &o->cpu, o->topology.threads > 1) ? STATUS_ERROR : 0;
}

static void print_counters(const struct machine *m)
{
	struct svmm_counters c;

	for (unsigned int i = 0; i < m->nr_vcpus; i++) {
		if (svmm_get_counters(m->vcpus[i].fd, &c))
			continue;
		message("vCPU %u: halts %llu, polls %llu, hits %llu, polled %llu us, "
			"wakeups %llu, kicks %llu", i, c.halts, c.poll_attempted,
			c.poll_successful, (c.poll_success_ns + c.poll_fail_ns) / 1000,
			c.wakeups, c.kicks);
		message("vCPU %u: paravirtual EOIs %llu of %llu, IPIs %llu, unhalts %llu, "
			"yields %llu, flushes %llu, stolen %llu us", i, c.pv_eoi_taken,
			c.pv_eoi_offered, c.pv_ipis, c.pv_kicks, c.pv_yields, c.pv_tlb_flushes,
			c.steal_ns / 1000);
	}
}

/* The event loop has begun, and with it the guest. */
static void guest_runs(void *opaque)
{
	struct run *r = opaque;

	if (!detach_ready(r->ready_fd, r->options->name))
		machine_request_stop(r->vm.m, MACHINE_ERROR, 0);
	r->ready_fd = -1;
}

/* What the event loop serves beside devices.  Return: 0, or -1 after a message. */
static int watch(struct run *r, struct machine_timer **ready)
{
	int err = machine_watch_fd(r->vm.m, r->signal_fd, EPOLLIN, signalled, r);

	if (!err && r->vm.control)
		err = control_attach(r->vm.control, r->vm.m);
	if (!err && r->ready_fd >= 0) {
		*ready = machine_timer_new(r->vm.m, guest_runs, r);
		if (*ready)
			machine_timer_arm(*ready, 0);
		else
			err = -ENOMEM;
	}
	if (err)
		message("cannot wait for signals and commands: %s", strerror(-err));
	return err ? -1 : 0;
}

/* From power-on to the machine's stop. */
static enum machine_stop run_once(struct run *r, unsigned int *value)
{
	const struct machine_config config = {
		.name = r->options->name,
		.mem_bytes = r->options->mem_bytes,
		.backing = r->options->backing,
		.topology = r->options->topology,
		.cpuid = r->cpuid,
		.exit_port = r->options->exit_port,
		.nice = r->vm.nice,
	};
	struct machine *m = machine_new(r->svmm_fd, &config, r->vm.console);
	enum machine_stop why = MACHINE_ERROR;
	struct machine_timer *ready = NULL;

	if (!m)
		return MACHINE_ERROR;
	r->vm.m = m;
	r->vm.boots++;
	r->vm.reset = false;
	if (load(r) || console_attach(r->vm.console, m, m->uart))
		goto out;
	if (watch(r, &ready))
		goto detach;
	why = machine_run(m, value);
	if (r->options->counters)
		print_counters(m);
	/* The guest's reset was first by a hair, but the signal must not get lost. */
	if (why == MACHINE_RESET && r->signal) {
		why = MACHINE_SIGNAL;
		*value = r->signal;
	}
detach:
	machine_timer_free(ready);
	if (r->vm.control)
		control_detach(r->vm.control, m);
	console_detach(r->vm.console);
out:
	machine_free(m);
	return why;
}

/* Return: false after a message, if the VM cannot do without. */
static bool open_control(struct run *r)
{
	const struct control_handler handler = {
		.run = control_command,
		.deadline = control_kill,
		.opaque = &r->vm,
	};
	const char *name = r->options->name;
	char why[256];

	r->vm.control = control_open(name, &handler, r->vm.console, why, sizeof(why));
	if (r->vm.control)
		return true;
	if (errno == EEXIST) {
		message("cannot create the VM \"%s\": %s", name, why);
		return false;
	}
	if (r->options->detach) {
		message("--detach: no control socket: %s", why);
		return false;
	}
	message("no control socket, so vmctl stop, console and the like do not reach \"%s\": %s",
		name, why);
	return true;
}

/* For those who wait for the VM's end. */
static const char *end_word(enum machine_stop why, bool killed)
{
	switch (why) {
	case MACHINE_POWEROFF:
		return "power-off";
	case MACHINE_RESET:
		return "reset";
	case MACHINE_EXIT_PORT:
		return "exit-port";
	case MACHINE_CRASH:
		return "crash";
	case MACHINE_SIGNAL:
		return killed ? "killed" : "signal";
	case MACHINE_ERROR:
		break;
	}
	return "error";
}

static int exit_status(enum machine_stop why, unsigned int value)
{
	switch (why) {
	case MACHINE_POWEROFF:
	case MACHINE_RESET:
		return STATUS_OK;
	case MACHINE_EXIT_PORT:
		return STATUS_EXIT_PORT + (value & 63);
	case MACHINE_CRASH:
		return STATUS_CRASHED;
	case MACHINE_SIGNAL:
		return STATUS_SIGNAL + value;
	case MACHINE_ERROR:
		break;
	}
	return STATUS_ERROR;
}

/* From the first machine to the last one's end.  Return: the exit status. */
static int run_machines(struct run *r)
{
	enum machine_stop why;
	unsigned int value = 0;
	struct timespec now;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &now);
	r->vm.begun_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	do
		why = run_once(r, &value);
	while (why == MACHINE_RESET && (r->vm.reset || !r->options->no_reboot));
	status = exit_status(why, value);
	/* Before the console, whose reader may take his time. */
	if (r->vm.control)
		control_end(r->vm.control, end_word(why, r->vm.killed), status);
	return status;
}

static int run_console(struct run *r)
{
	int status = STATUS_ERROR;

	r->vm.console = console_open(r->options->console);
	if (!r->vm.console)
		return STATUS_ERROR;
	if (open_control(r))
		status = run_machines(r);
	if (console_drain(r->vm.console, r->signal_fd) && status == STATUS_OK)
		status = STATUS_ERROR;
	console_close(r->vm.console);
	return status;
}

int run_vm(struct run_options *options)
{
	struct run r = { .options = options, .vm.options = options, .ready_fd = -1 };
	int status = STATUS_ERROR;

	if (options->detach) {
		status = detach_begin(&r.ready_fd);
		if (status != DETACHED)
			return status;
	}
	run_options_set_name(options);
	r.signal_fd = open_signals();
	if (r.signal_fd < 0) {
		message("cannot wait for signals: %s", strerror(errno));
		return STATUS_ERROR;
	}
	r.svmm_fd = open_svmm();
	if (r.svmm_fd >= 0) {
		status = choose_cpus(&r);
		if (!status)
			status = run_console(&r);
		free(r.cpuid);
		close(r.svmm_fd);
	}
	close(r.signal_fd);
	return status;
}
