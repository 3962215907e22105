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
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "acpi.h"
#include "boot.h"
#include "boot_files.h"
#include "check.h"
#include "cli.h"
#include "console.h"
#include "control_commands.h"
#include "detach.h"
#include "firmware.h"
#include "disas.h"
#include "gdb_server.h"
#include "machine.h"
#include "message.h"
#include "notify.h"
#include "progress.h"
#include "run.h"
#include "sandbox.h"
#include "terminal.h"
#include "uring.h"

struct run {
	const struct run_options *options;
	struct managed_vm vm;
	struct console *console;	/* of the serial port */
	struct svmm_cpuid *cpuid;	/* of every machine, one after the other */
	struct ram_file ram_file;	/* likewise */
	struct boot_files files;		/* likewise */
	struct firmware firmware;		/* likewise, instead of these */
	struct console *debug_port;		/* NULL: there is none */
	struct block *blocks[DISKS_MAX];	/* likewise */
	struct vhost_user servers[SHARES_MAX];
	struct net *nets[NETS_MAX];		/* likewise */
	struct plug_config plugs;
	int svmm_fd, signal_fd;
	struct detached detached;
	int notify_fd;		/* of the service manager that waits; -1: none */
	unsigned int signal;	/* that came, 0: none */
	struct gdb_server *gdb;	/* NULL: nobody may debug */
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

/*
 * As the shell's job control wants it; the guest does not notice.  One that its watchdog has paused
 * goes on, if there is no socket by which it could be had to.
 */
static void stop_for_a_while(const struct run *r)
{
	struct machine *m = r->vm.m;
	bool raw = terminal_is_raw(), stays = m->paused && r->vm.control;

	terminal_restore();
	machine_pause(m, "SIGTSTP");
	raise(SIGSTOP);
	if (!stays)
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
		stop_for_a_while(r);
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
	struct boot boot = {
		.ram = &m->ram,
		.page = m->vcpus[0].page,
		.kernel = &r->files.program,
		.modules = r->files.modules,
		.nr_modules = r->files.nr_modules,
		.cmdline = o->append,
		.screen = o->vga,
	};
	const struct acpi_choice acpi = {
		.topology = &o->topology, .pci = plug_any(&r->plugs), .pvpanic = o->pvpanic,
		.keyboard = o->keyboard, .hpet = o->hpet,
	};

	if (o->firmware.name)
		return firmware_load(&r->firmware, m, &acpi, &r->plugs);
	if (o->flat.text)
		return boot_flat(&m->ram, boot.page, &r->files.program, &o->flat_options);
	for (unsigned int i = 1; i < m->nr_vcpus; i++)
		boot_secondary(m->vcpus[i].page);
	boot.rsdp = acpi_build(&m->ram, &acpi);
	return boot_kernel(&boot);
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

static void close_programs(struct run *r)
{
	if (r->options->firmware.name)
		firmware_close(&r->firmware);
	else
		boot_files_close(&r->files);
}

static void close_images(struct run *r)
{
	close_programs(r);
	ram_close(&r->ram_file);
}

static int open_programs(struct run *r)
{
	const struct run_options *o = r->options;

	if (o->firmware.name)
		return firmware_open(&r->firmware, &o->firmware, o->vga, o->nets, o->nr_nets) ?
		       STATUS_ERROR : 0;
	return boot_files_open(&r->files, o) ? STATUS_ERROR : 0;
}

static int open_images(struct run *r)
{
	const struct run_options *o = r->options;

	if (open_programs(r))
		return STATUS_ERROR;
	if (!ram_open(&r->ram_file, o->mem_bytes, &o->backing))
		return 0;
	close_programs(r);
	return STATUS_ERROR;
}

static void close_streams(struct plug_config *p)
{
	while (p->nr_ports)
		console_close(p->ports[--p->nr_ports].host);
	if (p->console)
		console_close(p->console);
}

/* The ends of virtio-console's ports in the host.  Return: 0, or -1 after a message. */
static int open_streams(const struct run_options *o, struct plug_config *p)
{
	if (o->virtio_console) {
		p->console = console_open(o->virtio_console, "the console hvc0");
		if (!p->console)
			return -1;
	}
	for (; p->nr_ports < o->nr_ports; p->nr_ports++) {
		struct virtio_console_port *port = &p->ports[p->nr_ports];

		port->name = o->ports[p->nr_ports].name;
		port->host = serial_port_open(&o->ports[p->nr_ports]);
		if (!port->host)
			return -1;
	}
	return 0;
}

static void close_plugs(struct run *r)
{
	close_streams(&r->plugs);
	if (r->plugs.cid)
		vhost_close(&r->plugs.vsock);
	for (unsigned int i = 0; i < NETS_MAX; i++) {
		if (r->nets[i])
			net_free(r->nets[i]);
	}
	while (r->plugs.nr_shares)
		vhost_user_close(&r->servers[--r->plugs.nr_shares]);
	for (unsigned int i = 0; i < DISKS_MAX; i++) {
		if (r->blocks[i])
			block_free(r->blocks[i]);
	}
}

/* What is in the host behind devices.  Return: 0, or the status to exit with. */
static int open_plugs(struct run *r)
{
	const struct run_options *o = r->options;
	unsigned int cpus = topology_cpus(&o->topology);
	struct plug_config *p = &r->plugs;

	*p = (struct plug_config) {
		.firmware = o->firmware.name, .uefi = r->firmware.uefi,
		.blocks = r->blocks, .nets = r->nets,
		.shares = o->shares, .servers = r->servers,
		.vm_name = o->name,
		.rng = o->rng, .balloon = o->balloon, .watchdog = o->watchdog,
		.vga = o->vga,
	};
	memcpy(p->disks, o->disks, sizeof(p->disks));
	memcpy(p->net_options, o->nets, sizeof(p->net_options));
	for (; p->nr_disks < o->nr_disks; p->nr_disks++) {
		if (disk_is_taken(&o->disks[p->nr_disks], -1, r->blocks, p->nr_disks))
			goto fail;
		r->blocks[p->nr_disks] = disk_open(&o->disks[p->nr_disks], cpus);
		if (!r->blocks[p->nr_disks])
			goto fail;
	}
	for (; p->nr_shares < o->nr_shares; p->nr_shares++) {
		if (share_open(&o->shares[p->nr_shares], &r->servers[p->nr_shares]))
			goto fail;
	}
	for (; p->nr_nets < o->nr_nets; p->nr_nets++) {
		r->nets[p->nr_nets] = net_open(&o->nets[p->nr_nets], cpus, !o->no_sandbox);
		if (!r->nets[p->nr_nets])
			goto fail;
	}
	if (o->cid) {
		if (vsock_open(&p->vsock, o->cid))
			goto fail;
		p->cid = o->cid;
	}
	if (open_streams(o, p))
		goto fail;
	return 0;
fail:
	close_plugs(r);
	return STATUS_ERROR;
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

	if (r->notify_fd >= 0)
		notify_ready(r->notify_fd);
	r->notify_fd = -1;
	if (r->detached.ready_fd >= 0 &&
	    (!detach_ready(&r->detached, r->options->name) ||
	     detach_attach(&r->detached, r->vm.m)))
		machine_request_stop(r->vm.m, MACHINE_ERROR, 0);
}

/* What the event loop serves beside devices.  Return: 0, or -1 after a message. */
static int watch(struct run *r, struct machine_timer **ready)
{
	int err = machine_watch_fd(r->vm.m, r->signal_fd, EPOLLIN, signalled, r);

	if (!err && r->vm.control)
		err = control_attach(r->vm.control, r->vm.m);
	if (!err)
		err = detach_attach(&r->detached, r->vm.m);
	if (!err && r->gdb)
		err = gdb_server_attach(r->gdb, r->vm.m, r->options->gdb_wait && r->vm.boots == 1);
	if (!err && (r->detached.ready_fd >= 0 || r->notify_fd >= 0)) {
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
		.ram_file = &r->ram_file,
		.topology = r->options->topology,
		.cpuid = r->cpuid,
		.exit_port = r->options->exit_port,
		.firmware = r->options->firmware.name,
		.uefi = r->firmware.uefi,
		.debug_port = r->debug_port,
		.pvpanic = r->options->pvpanic,
		.keyboard = r->options->keyboard,
		.hpet = r->options->hpet,
		.last_exits = r->options->last_exits || r->options->gdb,
		.plugs = &r->plugs,
		.nice = r->vm.nice,
	};
	struct machine *m = machine_new(r->svmm_fd, &config, r->console);
	enum machine_stop why = MACHINE_ERROR;
	struct machine_timer *ready = NULL;

	if (!m)
		return MACHINE_ERROR;
	r->vm.m = m;
	r->vm.boots++;
	r->vm.reset = false;
	if (load(r) || console_attach(r->console, m, m->uart))
		goto out;
	if (watch(r, &ready))
		goto detach;
	why = machine_run(m, value);
	if (r->options->counters)
		print_counters(m);
	/* The guest's reset was first by a hair, but a signal or a kill must not get lost. */
	if (why == MACHINE_RESET && (r->signal || r->vm.killed)) {
		why = MACHINE_SIGNAL;
		*value = r->signal ? r->signal : SIGTERM;
	}
detach:
	machine_timer_free(ready);
	detach_detach(&r->detached, m);
	if (r->gdb)
		gdb_server_detach(r->gdb);
	if (r->vm.control)
		control_detach(r->vm.control, m);
	console_detach(r->console);
out:
	machine_free(m);
	return why;
}

static_assert(SHARES_MAX + DISKS_MAX + NETS_MAX <= SANDBOX_SERVERS_MAX, "each may have one");

static int enter_sandbox(const struct run *r)
{
	struct sandbox_needs needs = { .nr_servers = 0 };

	for (unsigned int i = 0; i < r->plugs.nr_shares; i++)
		needs.servers[needs.nr_servers++] = r->servers[i].pid;
	for (unsigned int i = 0; i < r->plugs.nr_disks; i++) {
		if (r->blocks[i]->server)
			needs.servers[needs.nr_servers++] = r->blocks[i]->server;
	}
	for (unsigned int i = 0; i < r->plugs.nr_nets; i++) {
		if (r->nets[i]->server)
			needs.servers[needs.nr_servers++] = r->nets[i]->server;
	}
	if (plug_any(&r->plugs))
		uring_keep_spares(BLOCK_DEPTH_MAX);
	if (!r->options->no_sandbox)
		return sandbox_enter(&needs);
	message("--no-sandbox: who breaks out of the guest has all that you have");
	return 0;
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
	case MACHINE_SLEEP:
	case MACHINE_WAKE:
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
	case MACHINE_SLEEP:
	case MACHINE_WAKE:
	case MACHINE_ERROR:
		break;
	}
	return STATUS_ERROR;
}

/* Each queue of a device takes some, and the limit is 1024 where nobody has said more. */
static void allow_fds(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* From the first machine to the last one's end, which is returned, with the exit @status. */
static enum machine_stop run_machines(struct run *r, int *status)
{
	enum machine_stop why;
	unsigned int value = 0;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	r->vm.begun_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	do
		why = run_once(r, &value);
	while (why == MACHINE_RESET && (r->vm.reset || !r->options->no_reboot));
	*status = exit_status(why, value);
	return why;
}

/* The end of all that the host sees of it.  Return: the exit status, which was @status. */
static int drain(struct run *r, int status)
{
	struct console *all[] = { r->console, r->plugs.console, r->debug_port };

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i] && console_drain(all[i], r->signal_fd) && status == STATUS_OK)
			status = STATUS_ERROR;
	}
	return status;
}

/* With all that it is made of open.  Return: the exit status. */
static int run_opened(struct run *r)
{
	enum machine_stop why = MACHINE_ERROR;
	int status = STATUS_ERROR;

	if (!open_control(r))
		return STATUS_ERROR;
	control_prepare(&r->vm);
	if (!enter_sandbox(r))
		why = run_machines(r, &status);
	/* Before the consoles, whose readers may take their time. */
	if (r->vm.control)
		control_end(r->vm.control, end_word(why, r->vm.killed), status);
	return drain(r, status);
}

int run_vm(struct run_options *options)
{
	struct run r = { .options = options, .vm.options = options, .detached = { -1, -1 },
			 .notify_fd = -1 };
	int status;

	sandbox_remember_fds();
	allow_fds();
	progress_allow();
	if (options->detach) {
		status = detach_begin(&r.detached);
		if (status != DETACHED)
			return status;
	}
	r.notify_fd = notify_open();
	run_options_set_name(options);
	r.signal_fd = open_signals();
	if (r.signal_fd < 0) {
		message("cannot wait for signals: %s", strerror(errno));
		return STATUS_ERROR;
	}
	status = STATUS_ERROR;
	r.svmm_fd = open_svmm();
	if (r.svmm_fd < 0)
		goto close_signals;
	status = choose_cpus(&r);
	if (status)
		goto free_cpuid;
	status = open_images(&r);
	if (status)
		goto free_cpuid;
	status = open_plugs(&r);
	if (status)
		goto close_images;
	status = STATUS_ERROR;
	r.console = console_open(options->console, "the console");
	if (!r.console)
		goto close_plugs;
	if (options->debug_port) {
		r.debug_port = console_open(options->debug_port, "the debug port");
		if (!r.debug_port)
			goto close_console;
		console_not_vital(r.debug_port);
	}
	if (options->gdb) {
		r.gdb = gdb_server_open(options->gdb);
		if (!r.gdb)
			goto close_debug_port;
		r.vm.gdb = r.gdb;
	}
	if (options->last_exits || options->gdb)
		disas_load();
	r.vm.plugs = &r.plugs;
	r.vm.console = r.plugs.console ? r.plugs.console : r.console;
	status = run_opened(&r);
	if (r.gdb) {
		gdb_server_end(r.gdb, status);
		gdb_server_close(r.gdb);
	}
close_debug_port:
	if (r.debug_port)
		console_close(r.debug_port);
close_console:
	console_close(r.console);
close_plugs:
	close_plugs(&r);
close_images:
	close_images(&r);
free_cpuid:
	free(r.cpuid);
	close(r.svmm_fd);
close_signals:
	close(r.signal_fd);
	return status;
}
