// SPDX-License-Identifier: GPL-2.0
/*
 * The machine: its life, its interrupt wiring, its event loop and its end.
 *
 * It knows every device by name and none from inside.  A machine is built, run
 * once and freed; a reset of the guest is a new machine, so that nothing can
 * survive it by mistake.  The trick to stop without a race: the request is a
 * flag and a wake-up of the event loop, and only the loop, once it has ended,
 * kicks the vCPUs out of their guests.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "devices/flash.h"
#include "devices/fw_cfg.h"
#include "devices/hpet.h"
#include "machine.h"
#include "message.h"
#include "terminal.h"

#define COM1_PORT	0x3f8
#define COM1_IRQ	4
#define PIT_IRQ		0
#define RTC_IRQ		8
#define IOEVENTFD_NS		1000000ull	/* there is one more each so many ns ... */
#define IOEVENTFDS_AT_ONCE	1024u		/* ... up to twice what a VM can have */
#define PIT_PIN		2	/* MADT tells the guest so: acpi.c */

/* Interrupts */

static void set_irq(struct machine *m, unsigned int irq, int level)
{
	if (irq < 16)
		pic_set_irq(m->pic, irq, level);
	ioapic_set_irq(m->ioapic, irq == PIT_IRQ ? PIT_PIN : irq, level);
}

void machine_set_irq(struct machine *m, unsigned int irq, int level)
{
	if (!m->legacy_replaced || (irq != PIT_IRQ && irq != RTC_IRQ))
		set_irq(m, irq, level);
}

void machine_replace_legacy(struct machine *m, bool on)
{
	m->legacy_replaced = on;
	set_irq(m, PIT_IRQ, 0);
	set_irq(m, RTC_IRQ, 0);
}

void machine_set_replaced_irq(struct machine *m, unsigned int irq, int level)
{
	set_irq(m, irq, level);
}

void machine_send_msi(struct machine *m, uint64_t address, uint32_t data)
{
	/* A guest may program nonsense into the I/O APIC; real ones lose it silently, too. */
	svmm_signal_msi(m->vm_fd, address, data);
}

int machine_add_irqfd(struct machine *m, int fd, uint64_t address, uint32_t data)
{
	int err = svmm_irqfd(m->vm_fd, 0, address, data, fd);

	if (err == -ENOSPC && !m->irqfds_reported) {
		m->irqfds_reported = true;
		if (message_guest())
			message("an interrupt of a device does not reach the guest: %s "
				"(reported once)", svmm_explain(SVMM_IRQFD, err));
	}
	return err;
}

void machine_remove_irqfd(struct machine *m, int fd)
{
	svmm_irqfd(m->vm_fd, SVMM_IRQFD_REMOVE, 0, 0, fd);
}

void machine_raise_gpe(struct machine *m, unsigned int n)
{
	acpi_pm_raise_gpe(m->acpi_pm, n);
}

/* The clock runs before there is a power management, but has no alarm then. */
void machine_rtc_alarm(struct machine *m)
{
	acpi_pm_rtc_alarm(m->acpi_pm);
}

void machine_set_extint(struct machine *m, int level)
{
	int err;

	level = !!level;
	if (level == m->extint)
		return;
	m->extint = level;
	err = svmm_set_extint(m->vcpus[0].fd, level);
	if (err < 0 && !m->stopping) {
		message("cannot signal an interrupt: %s", svmm_explain(SVMM_SET_EXTINT, err));
		machine_request_stop(m, MACHINE_ERROR, 0);
	}
}

/* What devices do without an exit */

/*
 * A guest starts devices, and moves them, as often as it likes, and each time the host waits for
 * all its CPUs.
 */
static bool may_add_ioeventfd(struct machine *m)
{
	uint64_t now = machine_now_ns(m);

	if (m->ioeventfds_ns < now)
		m->ioeventfds_ns = now;
	if (m->ioeventfds_ns - now >= IOEVENTFDS_AT_ONCE * IOEVENTFD_NS)
		return false;
	m->ioeventfds_ns += IOEVENTFD_NS;
	return true;
}

int machine_add_ioeventfd(struct machine *m, int fd, bool port, uint64_t address,
			  unsigned int bytes)
{
	if (!may_add_ioeventfd(m))
		return -EAGAIN;
	return svmm_ioeventfd(m->vm_fd, port ? SVMM_IOEVENTFD_PIO : 0, address, bytes, 0, fd);
}

void machine_remove_ioeventfd(struct machine *m, int fd, bool port, uint64_t address,
			      unsigned int bytes)
{
	svmm_ioeventfd(m->vm_fd, SVMM_IOEVENTFD_REMOVE | (port ? SVMM_IOEVENTFD_PIO : 0), address,
		       bytes, 0, fd);
}

static int map(struct machine *m, unsigned int n, uint32_t flags, uint64_t gpa, uint64_t bytes,
	       void *host)
{
	if (!may_add_ioeventfd(m))
		return -EAGAIN;
	return svmm_set_slot(m->vm_fd, MACHINE_SLOT(n), flags, gpa, bytes, host);
}

int machine_map(struct machine *m, unsigned int n, uint64_t gpa, uint64_t bytes, void *host)
{
	return map(m, n, 0, gpa, bytes, host);
}

int machine_map_readonly(struct machine *m, unsigned int n, uint64_t gpa, uint64_t bytes,
			 void *host)
{
	return map(m, n, SVMM_MEM_READONLY, gpa, bytes, host);
}

void machine_unmap(struct machine *m, unsigned int n)
{
	svmm_set_slot(m->vm_fd, MACHINE_SLOT(n), 0, 0, 0, NULL);
}

void *machine_memory(struct machine *m, uint64_t gpa, uint64_t bytes)
{
	return ram_find(&m->ram, gpa, bytes);
}

unsigned int machine_memory_regions(struct machine *m,
				    struct machine_region regions[MACHINE_REGIONS_MAX])
{
	return ram_regions(&m->ram, regions);
}

int machine_discard(struct machine *m, void *start, uint64_t bytes)
{
	return ram_discard(&m->ram, start, bytes);
}

int machine_memory_fd(const struct machine *m)
{
	return m->ram.fd;
}

/* Accesses that take long */

void machine_hold(struct machine *m)
{
	m->nr_holds++;
	m->hold_access = true;
}

void machine_release(struct machine *m)
{
	m->nr_holds--;
	pthread_cond_broadcast(&m->go_on);
}

/* Who waits here rests as in machine_park(), so that the machine can be paused meanwhile. */
void machine_end_access(struct machine *m, struct vcpu *vcpu)
{
	if (!m->hold_access)
		return;
	m->hold_access = false;
	machine_thread_rests(m, vcpu);
	while ((m->nr_holds || m->paused) && !m->stopping)
		machine_thread_waits(m, vcpu);
	m->nr_active++;
	/* The kick of a pause has had its effect; what came with it is looked at next. */
	__atomic_store_n(&vcpu->page->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

/* The event loop */

static struct watch *find_watch(struct machine *m, int fd)
{
	return (unsigned int)fd < m->nr_watches && m->watches[fd].events ? &m->watches[fd] : NULL;
}

/* Descriptors are small numbers: there is a place for each up to the largest one. */
static int make_room(struct machine *m, unsigned int fd)
{
	unsigned int nr = (fd | 63) + 1;
	struct watch *watches;

	if (fd < m->nr_watches)
		return 0;
	watches = realloc(m->watches, nr * sizeof(*watches));
	if (!watches)
		return -ENOMEM;
	memset(watches + m->nr_watches, 0, (nr - m->nr_watches) * sizeof(*watches));
	m->watches = watches;
	m->nr_watches = nr;
	return 0;
}

int machine_watch_fd(struct machine *m, int fd, uint32_t events,
		     void (*ready)(void *opaque, uint32_t events), void *opaque)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };
	struct watch *w = find_watch(m, fd);

	if (!events) {
		if (!w)
			return 0;
		w->events = 0;
		return epoll_ctl(m->epoll_fd, EPOLL_CTL_DEL, fd, NULL) ? -errno : 0;
	}
	if (!w && make_room(m, fd))
		return -ENOMEM;
	if (!w || w->events != events) {
		if (epoll_ctl(m->epoll_fd, w ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev))
			return -errno;
	}
	m->watches[fd] = (struct watch) { .events = events, .ready = ready, .opaque = opaque };
	return 0;
}

static void woken(void *opaque, uint32_t events)
{
	struct machine *m = opaque;
	uint64_t count;

	(void)events;
	if (read(m->wake_fd, &count, sizeof(count)) < 0)
		return;
}

static int loop_init(struct machine *m)
{
	m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	m->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->epoll_fd < 0 || m->wake_fd < 0)
		return -1;
	return machine_watch_fd(m, m->wake_fd, EPOLLIN, woken, m);
}

static void loop_exit(struct machine *m)
{
	if (m->wake_fd >= 0)
		close(m->wake_fd);
	if (m->epoll_fd >= 0)
		close(m->epoll_fd);
	free(m->watches);
}

/* One event at a time: a callback may then remove any watch. */
static void loop(struct machine *m)
{
	struct epoll_event ev;
	struct watch *w;

	while (!m->stopping) {
		if (epoll_wait(m->epoll_fd, &ev, 1, -1) != 1)
			continue;
		machine_lock(m);
		w = find_watch(m, ev.data.fd);
		if (w)
			w->ready(w->opaque, ev.events);
		machine_unlock(m);
	}
}

/* The end */

void machine_request_stop(struct machine *m, enum machine_stop why, unsigned int value)
{
	const uint64_t one = 1;

	if (m->stopping && (why == MACHINE_SLEEP || m->stop_why > MACHINE_WAKE))
		return;
	m->stop_why = why;
	m->stop_value = value;
	m->stopping = true;
	pthread_cond_broadcast(&m->go_on);
	/* An eventfd's counter cannot overflow here: this is its only write. */
	if (write(m->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void machine_guest_crashed(struct machine *m, const char *what)
{
	if (m->stopping)
		return;
	terminal_restore();
	message("the guest crashed: %s", what);
	svmm_set_vm_state(m->vm_fd, SVMM_VM_CRASHED, what);
	machine_request_stop(m, MACHINE_CRASH, 0);
}

/* Until somebody requests a stop; no vCPU runs then. */
static void run_vcpus(struct machine *m)
{
	unsigned int started;

	m->nr_running = m->nr_vcpus;
	m->nr_active = m->nr_vcpus;
	for (started = 0; started < m->nr_vcpus; started++) {
		if (vcpu_start(&m->vcpus[started])) {
			machine_lock(m);
			machine_request_stop(m, MACHINE_ERROR, 0);
			machine_unlock(m);
			break;
		}
	}
	loop(m);
	/* The loop may have seen the flag alone: who set it leaves before the machine can end. */
	machine_lock(m);
	machine_unlock(m);
	/* All at once: each may first have to get a CPU of the host. */
	for (unsigned int i = 0; i < started; i++)
		vcpu_kick(&m->vcpus[i]);
	while (started)
		vcpu_join(&m->vcpus[--started]);
}

/* S3: the machine waits without vCPUs.  Return: whether it is to go on. */
static bool sleep_and_wake(struct machine *m)
{
	machine_lock(m);
	if (m->stop_why == MACHINE_SLEEP)
		m->stopping = false;
	m->asleep = true;
	machine_unlock(m);
	svmm_set_vm_state(m->vm_fd, SVMM_VM_PAUSED, "suspended to RAM");
	loop(m);
	machine_lock(m);
	m->asleep = false;
	if (m->stop_why == MACHINE_WAKE) {
		m->stop_why = suspend_wake(m);
		m->stopping = m->stop_why != MACHINE_WAKE;
	}
	machine_unlock(m);
	if (m->stopping)
		return false;
	if (!m->paused)
		svmm_set_vm_state(m->vm_fd, SVMM_VM_RUNNING, "awake");
	return true;
}

enum machine_stop machine_run(struct machine *m, unsigned int *value)
{
	do
		run_vcpus(m);
	while (m->stop_why <= MACHINE_WAKE && sleep_and_wake(m));
	*value = m->stop_value;
	return m->stop_why;
}

/* Life */

static int create_vm(struct machine *m, const char *name)
{
	m->vm_fd = svmm_create_vm(m->svmm_fd, name);
	if (m->vm_fd < 0) {
		message("cannot create the VM \"%s\": %s", name,
			svmm_explain(SVMM_CREATE_VM, m->vm_fd));
		return -1;
	}
	return 0;
}

static int create_vcpus(struct machine *m, const struct machine_config *config)
{
	const struct topology *t = &config->topology;
	unsigned int n, nr = topology_cpus(t);

	m->vcpus = calloc(nr, sizeof(*m->vcpus));
	if (!m->vcpus) {
		message("out of memory");
		return -1;
	}
	for (n = 0; n < nr; n++) {
		cpuid_edit(config->cpuid, t, n);
		if (vcpu_init(&m->vcpus[n], m, n, topology_apic_id(t, n), config->cpuid))
			return -1;
		m->nr_vcpus++;
	}
	return 0;
}

static bool is_there(const void *device, const char *option)
{
	if (!device)
		message("%s: cannot have it: %s", option, strerror(errno));
	return device;
}

/* What only some machines have.  Return: 0, or -1 after a message. */
static int create_more_devices(struct machine *m, const struct machine_config *config)
{
	if (config->pvpanic) {
		m->pvpanic = pvpanic_new(m);
		if (!is_there(m->pvpanic, "--pvpanic"))
			return -1;
	}
	if (config->hpet) {
		m->hpet = hpet_new(m);
		if (!is_there(m->hpet, "--hpet"))
			return -1;
	}
	if (config->firmware) {
		m->fw_cfg = fw_cfg_new(m);
		if (!is_there(m->fw_cfg, "--firmware"))
			return -1;
	}
	if (config->uefi) {
		int err = acpi_pm_add_piix4(m->acpi_pm);

		if (err) {
			message("--firmware: cannot have its power management: %s", strerror(-err));
			return -1;
		}
	}
	if (config->debug_port) {
		m->debug_port = debug_port_new(m, config->debug_port);
		if (!m->debug_port)
			return -1;
	}
	return 0;
}

static int create_devices(struct machine *m, const struct machine_config *config,
			  struct console *console)
{
	/* The interrupt controllers first: the others raise lines. */
	m->pic = pic_new(m);
	if (m->pic)
		m->ioapic = ioapic_new(m, MACHINE_IOAPIC_ID);
	if (m->ioapic)
		m->pit = pit_new(m);
	if (m->pit)
		m->rtc = rtc_new(m, config->mem_bytes);
	if (m->rtc)
		m->uart = uart_new(m, COM1_PORT, COM1_IRQ, console);
	if (m->uart)
		m->i8042 = i8042_new(m, config->keyboard);
	if (m->i8042)
		m->acpi_pm = acpi_pm_new(m);
	if (!m->acpi_pm) {
		message("cannot build a device: %s", strerror(errno));
		return -1;
	}
	if (create_more_devices(m, config))
		return -1;
	if (plug_any(config->plugs)) {
		m->plugs = plug_all(m, config->plugs, m->nr_vcpus);
		if (!m->plugs)
			return -1;
	}
	/* Last, so that it is what gives way. */
	if (config->exit_port >= 0 && exit_port_new(m, config->exit_port)) {
		message("--exit-port %#x is the port of a device; choose another (0xf4 is free)",
			config->exit_port);
		return -1;
	}
	return 0;
}

struct machine *machine_new(int svmm_fd, const struct machine_config *config,
			    struct console *console)
{
	struct machine *m = calloc(1, sizeof(*m));
	int err;

	if (!m) {
		message("out of memory");
		return NULL;
	}
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->at_rest, NULL);
	pthread_cond_init(&m->go_on, NULL);
	m->svmm_fd = svmm_fd;
	m->nice = config->nice;
	m->last_exits = config->last_exits;
	m->vm_fd = -1;
	m->ram.fd = -1;
	m->timer_fd = -1;
	m->wake_fd = -1;
	m->epoll_fd = -1;

	err = svmm_get_caps(svmm_fd, &m->caps);
	if (err) {
		message("cannot ask the module what it can do: %s",
			svmm_explain(SVMM_GET_CAPS, err));
		goto fail;
	}
	if (loop_init(m) || timer_init(m) || bus_init(m)) {
		message("cannot set up the event loop: %s", strerror(errno));
		goto fail;
	}
	if (ram_alloc(&m->ram, config->mem_bytes, &config->backing, config->ram_file) ||
	    create_vm(m, config->name) || ram_register(&m->ram, m->vm_fd) ||
	    create_vcpus(m, config) || create_devices(m, config, console))
		goto fail;
	return m;
fail:
	machine_free(m);
	return NULL;
}

static void free_devices(struct machine *m)
{
	if (m->plugs)
		plug_free(m->plugs);
	if (m->debug_port)
		debug_port_free(m->debug_port);
	if (m->flash)
		flash_free(m->flash);
	if (m->fw_cfg)
		fw_cfg_free(m->fw_cfg);
	if (m->hpet)
		hpet_free(m->hpet);
	if (m->pvpanic)
		pvpanic_free(m->pvpanic);
	if (m->acpi_pm)
		acpi_pm_free(m->acpi_pm);
	if (m->i8042)
		i8042_free(m->i8042);
	if (m->uart)
		uart_free(m->uart);
	if (m->rtc)
		rtc_free(m->rtc);
	if (m->pit)
		pit_free(m->pit);
	if (m->ioapic)
		ioapic_free(m->ioapic);
	if (m->pic)
		pic_free(m->pic);
}

void machine_free(struct machine *m)
{
	free_devices(m);
	while (m->nr_vcpus)
		vcpu_free(&m->vcpus[--m->nr_vcpus]);
	free(m->vcpus);
	if (m->vm_fd >= 0)
		close(m->vm_fd);
	ram_free(&m->ram);
	bus_free(m);
	timer_exit(m);
	loop_exit(m);
	pthread_cond_destroy(&m->go_on);
	pthread_cond_destroy(&m->at_rest);
	pthread_mutex_destroy(&m->lock);
	free(m);
}
