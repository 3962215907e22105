// SPDX-License-Identifier: GPL-2.0
// needs: userspace/machine.c userspace/bus.c userspace/timer.c userspace/vcpu.c userspace/cpuid.c
// needs: userspace/topology.c userspace/progress.c userspace/options.c userspace/pause.c
// needs: userspace/ram.c userspace/registers.c userspace/message.c userspace/terminal.c
// needs: userspace/devices/pic.c
// needs: userspace/devices/ioapic.c userspace/devices/pit.c userspace/devices/rtc.c
// needs: userspace/devices/uart.c userspace/devices/i8042.c userspace/devices/acpi_pm.c
// needs: userspace/devices/exit_port.c userspace/devices/pvpanic.c userspace/suspend.c
// needs: userspace/look.c userspace/guest_memory.c userspace/paging.c userspace/disas.c
// libs: -lZydis
// libs: -pthread
/*
 * vmctl's machine with its real devices, on a module that is played by this file: libsvmm's
 * functions below record what the machine asks for, and svmm_run() hands out the exits that a
 * test wrote down. Bus, timers, interrupt wiring, the run loop, and every way in which a machine
 * ends.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "../../userspace/console.h"
#include "../../userspace/machine.h"
#include "../../userspace/sandbox.h"
#include "tap.h"

#define DATA_OFFSET	4096
#define PAGE_BYTES	8192
#define MAX_EXITS	64

/* ---- the module ----------------------------------------------------------------------- */

struct step {
	struct svmm_exit exit;
	uint8_t data[16];	/* what an OUT writes; then what an IN has read */
	int error;
};

static struct {
	struct svmm_vcpu_page *page;
	struct step step[MAX_EXITS];
	unsigned int nr_steps, at;
	atomic_bool completing;
	uint64_t msi_address;
	uint32_t msi_data;
	unsigned int nr_msis;
	struct svmm_irqfd irqfd;
	int irqfd_error;
	struct svmm_ioeventfd ioeventfd;
	int extint;
	uint32_t waking_vector;
	unsigned int sets;		/* of states, by who wakes */
	uint32_t set;			/* which groups */
	int state_error;
	unsigned int blocked;		/* times that RUN waited for a kick */
	atomic_uint runs;		/* times that RUN was called */
	atomic_bool in_run;
	uint64_t shifted_ns;
	char states[128];		/* what the VM's state was said to be */
	bool slow_entry;		/* a kick comes when RUN is called and not entered yet */
	atomic_bool called;
} module;

static uint8_t *port_data(void)
{
	return (uint8_t *)module.page + DATA_OFFSET;
}

static struct machine *m;

/* A kick may come while the thread is on its way into RUN: give it that time. */
static void enter_slowly(void)
{
	struct timespec left = { .tv_nsec = 1000000 };

	module.called = true;
	while (!m->stopping && !m->paused)
		nanosleep(&left, NULL);
	left.tv_nsec = 50000000;
	while (nanosleep(&left, &left))
		;
}

static void complete(void)
{
	struct step *s = &module.step[module.at];
	const struct svmm_exit *e = &module.page->exit;

	if (!module.completing)
		return;
	module.completing = false;
	if (e->reason == SVMM_EXIT_IO)
		memcpy(s->data, port_data(), e->io.bytes * e->io.count);
	else if (e->reason == SVMM_EXIT_MMIO)
		memcpy(s->data, e->mmio.data, sizeof(e->mmio.data));
	s->exit = *e;
	module.at++;
}

bool plug_any(const struct plug_config *config)
{
	return false;
}

struct plugs *plug_all(struct machine *machine, struct plug_config *config, unsigned int cpus)
{
	return NULL;
}

void plug_free(struct plugs *plugs)
{
}

void sandbox_enter_vcpu(void)
{
}

static int run(void)
{
	struct step *s;
	sigset_t none;

	complete();
	if (module.slow_entry)
		enter_slowly();
	if (__atomic_load_n(&module.page->immediate_exit, __ATOMIC_SEQ_CST))
		return -EINTR;
	if (module.at == module.nr_steps) {
		/* A guest that halts: sleep until a signal, with no gap before it. */
		sigset_t kick;

		sigemptyset(&none);
		sigemptyset(&kick);
		sigaddset(&kick, SIGRTMIN);
		pthread_sigmask(SIG_BLOCK, &kick, NULL);
		module.blocked++;
		if (!__atomic_load_n(&module.page->immediate_exit, __ATOMIC_SEQ_CST))
			sigsuspend(&none);
		pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
		return -EINTR;
	}
	s = &module.step[module.at];
	if (s->error) {
		module.at++;
		return s->error;
	}
	module.page->exit = s->exit;
	if (s->exit.reason == SVMM_EXIT_IO)
		memcpy(port_data(), s->data, s->exit.io.bytes * s->exit.io.count);
	module.completing = true;
	return 0;
}

int svmm_run(int vcpu)
{
	int ret;

	module.runs++;
	module.in_run = true;
	ret = run();
	module.in_run = false;
	return ret;
}

int svmm_get_caps(int svmm, struct svmm_caps *caps)
{
	*caps = (struct svmm_caps) { .vcpu_mmap_bytes = PAGE_BYTES, .max_vcpus = 1 };
	return 0;
}

int svmm_create_vm(int svmm, const char *name)
{
	return dup(STDERR_FILENO);
}

int svmm_create_vcpu(int vm, uint32_t id)
{
	return dup(STDERR_FILENO);
}

int svmm_map_vcpu(int vcpu, size_t bytes, struct svmm_vcpu_page **page)
{
	module.page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*page = module.page;
	return module.page == MAP_FAILED ? -ENOMEM : 0;
}

int svmm_set_cpuid(int vcpu, const struct svmm_cpuid *table)
{
	return 0;
}

int svmm_prefault(int vm, uint32_t flags, uint64_t *gpa, uint64_t *bytes)
{
	return 0;
}

int svmm_set_slot(int vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t bytes,
		  const void *addr)
{
	return 0;
}

int svmm_signal_msi(int vm, uint64_t address, uint32_t data)
{
	module.msi_address = address;
	module.msi_data = data;
	module.nr_msis++;
	return 1;
}

int svmm_irqfd(int vm, uint32_t flags, uint64_t address, uint32_t data, int fd)
{
	module.irqfd = (struct svmm_irqfd) {
		.address = address, .data = data, .fd = fd, .flags = flags,
	};
	return fd < 0 ? -EBADF : module.irqfd_error;
}

int svmm_ioeventfd(int vm, uint32_t flags, uint64_t address, uint32_t bytes, uint64_t match,
		   int fd)
{
	module.ioeventfd = (struct svmm_ioeventfd) {
		.address = address, .match = match, .bytes = bytes, .fd = fd, .flags = flags,
	};
	return fd < 0 ? -EBADF : 0;
}

int svmm_set_vm_state(int vm, enum svmm_vm_state state, const char *reason)
{
	size_t len = strlen(module.states);

	(void)vm;
	snprintf(module.states + len, sizeof(module.states) - len, "%d %s|", state, reason);
	return 0;
}

/* A guest's memory that says where it wakes. */
uint32_t acpi_waking_vector(const struct ram *ram)
{
	return module.waking_vector;
}

void boot_secondary(struct svmm_vcpu_page *page)
{
	page->msr.mtrr_def_type = 0xc06;
	page->dirty |= SVMM_STATE_MSR;
}

int svmm_set_state(int vcpu)
{
	module.sets++;
	module.set = module.page->dirty;
	module.page->dirty = 0;
	return module.state_error;
}

int svmm_shift_time(int vm, uint64_t ns)
{
	module.shifted_ns += ns;
	return module.in_run ? -EBUSY : 0;
}

int svmm_set_extint(int vcpu, uint32_t level)
{
	module.extint = level;
	return 0;
}

/* The power-on state: what can be told from what a guest has made of it. */
int svmm_set_debug(int vcpu, const struct svmm_debug *debug)
{
	(void)vcpu;
	(void)debug;
	return 0;
}

int svmm_debug_npt(int vm, struct svmm_debug_npt *npt)
{
	(void)vm;
	(void)npt;
	return -EIO;
}

int svmm_get_stats(int vcpu, struct svmm_vcpu_stats *stats)
{
	(void)vcpu;
	(void)stats;
	return -EIO;
}

int svmm_get_exits(int vcpu, struct svmm_last_exits *exits)
{
	(void)vcpu;
	(void)exits;
	return -EIO;
}

int svmm_debug_vmcb(int vcpu, struct svmm_debug_vmcb *vmcb)
{
	(void)vcpu;
	(void)vmcb;
	return -EIO;
}

int svmm_get_state(int vcpu, uint32_t groups)
{
	if (!(groups & SVMM_STATE_LAPIC))
		return 0;
	module.page->gpr.rip = 0xfff0;
	module.page->seg.cs.base = 0xffff0000;
	module.page->seg.cs.selector = 0xf000;
	module.page->cr.cr0 = 0x60000010;
	return 0;
}

const char *svmm_explain(unsigned long request, int error)
{
	return strerror(abs(error));
}

/* ---- the console: it takes everything ---------------------------------------------------- */

static char printed[256];

int console_write(struct console *c, const void *data, unsigned int bytes)
{
	strncat(printed, data, bytes);
	return bytes;
}

void console_input_room(struct console *c)
{
}

/* ---- helpers -------------------------------------------------------------------------- */

static void build(void)
{
	static struct svmm_cpuid cpuid;
	static struct plug_config nothing;
	static const struct ram_file no_file = { .fd = -1, .page = RAM_PAGE_4K };
	const struct machine_config config = {
		.ram_file = &no_file,
		.plugs = &nothing,
		.name = "unit",
		.mem_bytes = 1 << 20,
		.topology = { .sockets = 1, .cores = 1, .threads = 1 },
		.cpuid = &cpuid,
		.exit_port = 0xf4,
	};

	memset(&module, 0, sizeof(module));
	printed[0] = '\0';
	m = machine_new(-1, &config, NULL);
	if (!m)
		ksft_exit_fail_msg("no machine\n");
}

static struct step *io(uint16_t port, bool out, unsigned int bytes, unsigned int count,
		       const void *data)
{
	struct step *s = &module.step[module.nr_steps++];

	s->exit = (struct svmm_exit) {
		.reason = SVMM_EXIT_IO,
		.io = {
			.port = port,
			.direction = out ? SVMM_IO_OUT : SVMM_IO_IN,
			.bytes = bytes,
			.count = count,
			.data_offset = DATA_OFFSET,
		},
	};
	if (out)
		memcpy(s->data, data, bytes * count);
	else
		memset(s->data, 0xaa, sizeof(s->data));
	return s;
}

static void out(uint16_t port, unsigned int bytes, uint32_t value)
{
	io(port, true, bytes, 1, &value);
}

static struct step *mmio(uint64_t gpa, bool write, uint64_t value)
{
	struct step *s = &module.step[module.nr_steps++];

	s->exit = (struct svmm_exit) {
		.reason = SVMM_EXIT_MMIO,
		.mmio = { .gpa = gpa, .bytes = 4, .is_write = write },
	};
	memcpy(s->exit.mmio.data, &value, sizeof(value));
	return s;
}

static struct step *reason(enum svmm_exit_reason why)
{
	struct step *s = &module.step[module.nr_steps++];

	s->exit = (struct svmm_exit) { .reason = why };
	return s;
}

static unsigned int value;

#define NR_TIMERS	3
static struct machine_timer *timer[NR_TIMERS];

static bool ends_with(enum machine_stop why)
{
	enum machine_stop got = machine_run(m, &value);

	for (unsigned int i = 0; i < NR_TIMERS; i++) {
		machine_timer_free(timer[i]);
		timer[i] = NULL;
	}
	machine_free(m);
	if (got != why)
		ksft_print_msg("ended with %d instead of %d\n", got, why);
	return got == why;
}

static void stop(void)
{
	out(0x604, 2, 1 << 13 | ACPI_SLP_TYP_S5 << 10);
}

/* What went to stderr since capture(). */
static int saved_stderr;
static FILE *stderr_file;

static void capture(void)
{
	stderr_file = tmpfile();
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	dup2(fileno(stderr_file), STDERR_FILENO);
}

static unsigned int captured(const char *text)
{
	static char all[8192];
	unsigned int n = 0;
	size_t len;

	fflush(stderr);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	rewind(stderr_file);
	len = fread(all, 1, sizeof(all) - 1, stderr_file);
	all[len] = '\0';
	fclose(stderr_file);
	for (const char *p = all; (p = strstr(p, text)); p++)
		n++;
	return n;
}

/* ---- tests ---------------------------------------------------------------------------- */

static void test_uart_and_poweroff(void)
{
	build();
	io(0x3f8, true, 1, 5, "hello");
	stop();
	ksft_test_result(ends_with(MACHINE_POWEROFF) && !strcmp(printed, "hello"),
			 "OUTS to COM1 in order, then power off\n");
}

static void test_open_bus(void)
{
	struct step *byte, *word, *dword, *ins;
	bool ok;

	build();
	byte = io(0x510, false, 1, 1, NULL);
	word = io(0x510, false, 2, 1, NULL);
	dword = io(0xcfc, false, 4, 1, NULL);
	ins = io(0xffff, false, 4, 3, NULL);
	stop();
	ok = ends_with(MACHINE_POWEROFF);
	ksft_test_result(ok && byte->data[0] == 0xff && byte->data[1] == 0xaa &&
			 !memcmp(word->data, "\xff\xff\xaa", 3) &&
			 !memcmp(dword->data, "\xff\xff\xff\xff\xaa", 5) &&
			 !memcmp(ins->data, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xaa",
				 13),
			 "unclaimed ports read all ones, and no byte more\n");
}

static void test_split_access(void)
{
	struct step *s;
	bool ok;

	/* 64h is the i8042's, 65h to 67h nobody's. */
	build();
	s = io(0x64, false, 4, 1, NULL);
	stop();
	ok = ends_with(MACHINE_POWEROFF);
	ksft_test_result(ok && s->data[0] != 0xff && !memcmp(s->data + 1, "\xff\xff\xff\xaa", 4),
			 "an access that reaches beyond a device is split\n");
}

static void test_stray_mmio(void)
{
	struct step *s;
	bool ok;

	build();
	mmio(0xd0000000, true, 0x1234);
	s = mmio(0xd0000000, false, 0);
	mmio(0xd0001000, false, 0);
	stop();
	capture();
	ok = ends_with(MACHINE_POWEROFF);
	ok &= captured("neither memory nor a device") == 1;
	ksft_test_result(ok && !memcmp(s->data, "\xff\xff\xff\xff\0", 5),
			 "stray MMIO reads all ones and is reported once\n");
}

static uint64_t read_seven(void *opaque, uint64_t offset, unsigned int bytes)
{
	return 7;
}

static void write_nothing(void *opaque, uint64_t offset, unsigned int bytes, uint64_t v)
{
}

static void test_overlap(void)
{
	struct io_range r = { "test", 0x3f0, 9, read_seven, write_nothing, NULL };
	struct io_range at_end = { "test", 0xffff, 2, read_seven, write_nothing, NULL };
	struct io_range ioapic = { "test", MACHINE_IOAPIC_BASE + 0x10, 4, read_seven,
				   write_nothing, NULL };
	int overlap, beyond, mmio_overlap, fits;

	build();
	overlap = machine_add_ports(m, &r);
	beyond = machine_add_ports(m, &at_end);
	mmio_overlap = machine_add_mmio(m, &ioapic);
	r.size = 8;
	fits = machine_add_ports(m, &r);
	machine_free(m);
	ksft_test_result(overlap == -EEXIST && beyond == -EINVAL && mmio_overlap == -EEXIST &&
			 !fits, "ranges that overlap or leave the port space are refused\n");
}

static struct {
	unsigned int reads, writes, bytes;
	uint64_t offset, value;
} around;

static uint64_t read_around(void *opaque, uint64_t offset, unsigned int bytes)
{
	around.reads++;
	around.offset = offset;
	around.bytes = bytes;
	return 0x44332211;
}

static void write_around(void *opaque, uint64_t offset, unsigned int bytes, uint64_t v)
{
	around.writes++;
	around.offset = offset;
	around.bytes = bytes;
	around.value = v;
}

/* Write to @port: was it seen once, as that? */
static bool write_seen(uint16_t port, unsigned int bytes, uint64_t offset, unsigned int as_bytes,
		       uint64_t wanted)
{
	uint32_t data = 0x44330011;	/* 0 to the reset port: nothing */

	around.writes = 0;
	bus_io(m, port, true, bytes, 1, &data);
	return around.writes == 1 && around.offset == offset && around.bytes == as_bytes &&
	       around.value == wanted;
}

/* CF8h to CFFh around CF9h, as the PCI bus has it. */
static void test_around(void)
{
	struct io_range r = { "test", 0xcf8, 8, read_around, write_around, NULL };
	struct io_range over = { "over", 0xcfc, 1, read_seven, write_nothing, NULL };
	struct io_range bad = { "bad", 0xffff, 2, read_seven, write_nothing, NULL };
	uint8_t data[4];
	bool ok;

	build();
	ok = !machine_add_ports_around(m, &r) && machine_add_ports(m, &over) == -EEXIST &&
	     machine_add_ports_around(m, &bad) == -EINVAL;
	ok &= write_seen(0xcf8, 4, 0, 4, 0x44330011) && write_seen(0xcfa, 2, 2, 2, 0x0011) &&
	      write_seen(0xcff, 1, 7, 1, 0x11);
	/* The other one's first byte, and then ours. */
	ok &= write_seen(0xcf9, 2, 2, 1, 0x00) && write_seen(0xcff, 2, 7, 1, 0x11);
	data[0] = 0;
	bus_io(m, 0xcf9, true, 1, 1, data);
	ok &= around.writes == 1;
	around.reads = 0;
	bus_io(m, 0xcf9, false, 1, 1, data);
	ok &= !around.reads;
	bus_io(m, 0xcf8, false, 4, 1, data);
	ok &= around.reads == 1 && !memcmp(data, "\x11\x22\x33\x44", 4);
	while (m->nr_ports < MACHINE_MAX_RANGES)
		ok &= !machine_add_ports_around(m, &over);
	ok &= machine_add_ports_around(m, &over) == -ENOSPC;
	bus_io(m, 0xcfc, false, 1, 1, data);
	ok &= data[0] == 0x11;		/* who came first */
	machine_free(m);
	ksft_test_result(ok, "a range around another's\n");
}

/* Entry @pin of the I/O APIC: @vector, fixed, edge, unmasked. */
static void route(unsigned int pin, unsigned int vector)
{
	mmio(MACHINE_IOAPIC_BASE, true, 0x10 + 2 * pin);
	mmio(MACHINE_IOAPIC_BASE + 0x10, true, vector);
}

static void *raise_irq(void *arg)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	while (module.at < module.nr_steps)
		nanosleep(&ms, NULL);
	machine_lock(m);
	machine_set_irq(m, *(int *)arg, 1);
	machine_request_stop(m, MACHINE_POWEROFF, 0);
	machine_unlock(m);
	return NULL;
}

static bool irq_arrives_as(int irq, unsigned int vector)
{
	pthread_t thread;
	bool ok;

	pthread_create(&thread, NULL, raise_irq, &irq);
	ok = ends_with(MACHINE_POWEROFF);
	pthread_join(thread, NULL);
	return ok && module.nr_msis == 1 && (module.msi_data & 0xff) == vector &&
	       (module.msi_address & 0xfff00000) == 0xfee00000;
}

static void test_irq_wiring(void)
{
	build();
	route(0, 0x40);
	route(2, 0x42);
	ksft_test_result(irq_arrives_as(0, 0x42), "IRQ 0 comes in at pin 2 of the I/O APIC\n");
	build();
	route(4, 0x44);
	ksft_test_result(irq_arrives_as(4, 0x44), "IRQ 4 comes in at pin 4\n");
	build();
	route(20, 0x60);
	ksft_test_result(irq_arrives_as(20, 0x60), "pin 20 is the I/O APIC's alone\n");
}

static void test_8259(void)
{
	struct step *s;
	bool ok;

	/* ICW1-4 with base 20h, all but IRQ 4 masked; then COM1 raises THRE. */
	build();
	out(0x20, 1, 0x11);
	out(0x21, 1, 0x20);
	out(0x21, 1, 0x04);
	out(0x21, 1, 0x01);
	out(0x21, 1, 0xef);
	out(0x3fc, 1, 0x08);
	out(0x3f9, 1, 0x02);
	s = reason(SVMM_EXIT_EXTINT);
	s->exit.extint.vector = -2;
	stop();
	ok = ends_with(MACHINE_POWEROFF);
	ksft_test_result(ok && s->exit.extint.vector == 0x24 && module.extint == 0,
			 "EXTINT fetches the 8259's vector, and INT falls\n");
}

static void test_ends(void)
{
	build();
	out(0xcf9, 1, 0x06);
	ksft_test_result(ends_with(MACHINE_RESET), "CF9h resets\n");

	build();
	out(0x64, 1, 0xfe);
	ksft_test_result(ends_with(MACHINE_RESET), "the i8042 resets\n");

	build();
	out(0xf4, 1, 0x2a);
	out(0xf4, 1, 0x2b);
	ksft_test_result(ends_with(MACHINE_EXIT_PORT) && value == 0x2a,
			 "the exit port ends it, with the first value\n");

	build();
	module.step[module.nr_steps++].error = -EIO;
	capture();
	ksft_test_result(ends_with(MACHINE_ERROR) + captured("vCPU 0") == 2,
			 "an error of RUN ends it, with a message\n");

	build();
	module.step[module.nr_steps++].error = -EINTR;
	stop();
	ksft_test_result(ends_with(MACHINE_POWEROFF), "an interrupted RUN goes on\n");
}

static void test_bad_ends(void)
{
	static const struct {
		enum svmm_exit_reason reason;
		enum machine_stop why;
	} bad[] = {
		{ SVMM_EXIT_SHUTDOWN, MACHINE_CRASH },
		{ SVMM_EXIT_EMULATION_FAILURE, MACHINE_CRASH },	/* without bytes: no code there */
		{ SVMM_EXIT_FAIL_ENTRY, MACHINE_ERROR },
		{ SVMM_EXIT_MEMORY_FAULT, MACHINE_ERROR },
		{ SVMM_EXIT_INTERNAL_ERROR, MACHINE_ERROR },
		{ 999, MACHINE_ERROR },
	};
	struct step *s;
	bool ok;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		build();
		reason(bad[i].reason);
		module.page->valid = SVMM_STATE_GPR;
		module.page->gpr.rip = 0x1234567;
		capture();
		ok = ends_with(bad[i].why);
		ksft_test_result(captured("RIP 0000000001234567") == 1 && ok,
				 "exit reason %d ends it, with registers\n", bad[i].reason);
	}
	build();
	s = reason(SVMM_EXIT_EMULATION_FAILURE);
	s->exit.emulation.nbytes = 3;
	memcpy(s->exit.emulation.bytes, "\x0f\xae\x38", 3);
	capture();
	ok = ends_with(MACHINE_ERROR);
	ksft_test_result(captured("0f ae 38") == 1 && ok,
			 "an instruction that is not emulated is shown\n");
}

static void test_eventfds(void)
{
	const struct svmm_irqfd irqfd = { .address = 0xfee01000, .data = 0x41, .fd = 7 };
	const struct svmm_irqfd no_irqfd = { .fd = 7, .flags = SVMM_IRQFD_REMOVE };
	struct svmm_ioeventfd bell = { .address = 0xd0000000, .bytes = 2, .fd = 8 };
	unsigned int n;
	bool ok;

	build();
	ok = !machine_add_irqfd(m, 7, 0xfee01000, 0x41) &&
	     !memcmp(&module.irqfd, &irqfd, sizeof(irqfd)) &&
	     machine_add_irqfd(m, -1, 0xfee01000, 0x41) == -EBADF;
	machine_remove_irqfd(m, 7);
	ok &= !memcmp(&module.irqfd, &no_irqfd, sizeof(no_irqfd));
	ksft_test_result(ok, "eventfds that interrupt, as the module is told of them\n");

	module.irqfd_error = -ENOSPC;
	capture();
	ok = machine_add_irqfd(m, 7, 0xfee01000, 0x41) == -ENOSPC &&
	     machine_add_irqfd(m, 8, 0xfee01000, 0x41) == -ENOSPC;
	ok &= captured("does not reach the guest") == 1;
	module.irqfd_error = 0;
	ksft_test_result(ok, "when there are too many of them, it is said once\n");

	ok = !machine_add_ioeventfd(m, 8, false, 0xd0000000, 2) &&
	     !memcmp(&module.ioeventfd, &bell, sizeof(bell)) &&
	     machine_add_ioeventfd(m, -1, false, 0xd0000000, 2) == -EBADF;
	machine_remove_ioeventfd(m, 8, false, 0xd0000000, 2);
	bell.flags = SVMM_IOEVENTFD_REMOVE;
	ok &= !memcmp(&module.ioeventfd, &bell, sizeof(bell));
	bell.address = 0xc000;
	bell.bytes = 0;
	machine_remove_ioeventfd(m, 8, true, 0xc000, 0);
	bell.flags |= SVMM_IOEVENTFD_PIO;
	ok &= !memcmp(&module.ioeventfd, &bell, sizeof(bell));
	bell.flags = SVMM_IOEVENTFD_PIO;
	ok &= !machine_add_ioeventfd(m, 8, true, 0xc000, 0) &&
	      !memcmp(&module.ioeventfd, &bell, sizeof(bell));
	ksft_test_result(ok, "eventfds that a guest's writes signal, likewise\n");

	/* 1024, and what comes back while they are made. */
	for (n = 0; n < 100000 && !machine_add_ioeventfd(m, 8, true, 0xc000, 0); n++)
		;
	ok = n > 1000 && n < 10000 && machine_add_ioeventfd(m, 8, true, 0xc000, 0) == -EAGAIN;
	m->ioeventfds_ns -= 5000000;
	ok &= !machine_add_ioeventfd(m, 8, true, 0xc000, 0);
	machine_free(m);
	ksft_test_result(ok, "and no more of them than the host can stand\n");
}

static unsigned int watched;

static void count_watched(void *opaque, uint32_t events)
{
	watched += opaque == &watched && events == EPOLLIN;
}

/* Each disk, with 64 queues, has more than a hundred. */
static void test_watches(void)
{
	int fds[1000];
	bool ok = true;

	build();
	for (unsigned int i = 0; i < 1000; i++) {
		fds[i] = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
		ok &= fds[i] >= 0 &&
		      !machine_watch_fd(m, fds[i], EPOLLIN, count_watched, &watched);
	}
	for (unsigned int i = 0; i < 1000; i += 2)
		ok &= !machine_watch_fd(m, fds[i], 0, NULL, NULL);
	ok &= !machine_watch_fd(m, fds[0], 0, NULL, NULL);
	for (unsigned int i = 1; i < 1000; i += 2) {
		struct epoll_event ev;

		ok &= epoll_wait(m->epoll_fd, &ev, 1, 0) == 1;
		m->watches[ev.data.fd].ready(m->watches[ev.data.fd].opaque, ev.events);
		ok &= !machine_watch_fd(m, ev.data.fd, 0, NULL, NULL);
	}
	ok &= watched == 500;
	for (unsigned int i = 0; i < 1000; i++)
		close(fds[i]);
	ok &= machine_watch_fd(m, fds[1], EPOLLIN, count_watched, &watched) == -EBADF;
	machine_free(m);
	ksft_test_result(ok, "a thousand descriptors are watched\n");
}

#define GIB	(1ULL << 30)
#define NONE	UINT64_MAX

/* Of a machine with 5 GiB, of which nothing is touched: where in the mapping, or NONE. */
static void test_memory(void)
{
	static const struct {
		uint64_t gpa, bytes, at;
	} cases[] = {
		{ 0, 1, 0 }, { 0, RAM_VGA_START, 0 }, { 0, RAM_VGA_START + 1, NONE },
		{ RAM_VGA_START - 1, 1, RAM_VGA_START - 1 }, { RAM_VGA_START - 1, 2, NONE },
		{ RAM_VGA_START, 1, NONE }, { RAM_VGA_END - 1, 1, NONE },
		{ RAM_VGA_END - 1, 2, NONE }, { RAM_VGA_START - 1, 0x20002, NONE },
		{ RAM_VGA_END, 1, RAM_VGA_END },
		{ RAM_VGA_END, 3 * GIB - RAM_VGA_END, RAM_VGA_END },
		{ RAM_VGA_END, 3 * GIB - RAM_VGA_END + 1, NONE },
		{ 3 * GIB - 1, 1, 3 * GIB - 1 }, { 3 * GIB - 1, 2, NONE },
		{ 3 * GIB, 1, NONE }, { 4 * GIB - 1, 1, NONE }, { 4 * GIB - 1, 2, NONE },
		{ 3 * GIB - 1, GIB + 2, NONE },
		{ 4 * GIB, 1, 3 * GIB }, { 4 * GIB, 2 * GIB, 3 * GIB },
		{ 4 * GIB, 2 * GIB + 1, NONE }, { 6 * GIB - 1, 1, 5 * GIB - 1 },
		{ 6 * GIB - 1, 2, NONE }, { 6 * GIB, 1, NONE },
		{ 0, UINT64_MAX, NONE }, { 1, UINT64_MAX, NONE }, { 4096, -4096ULL, NONE },
		{ UINT64_MAX, 1, NONE }, { UINT64_MAX, UINT64_MAX, NONE },
		{ -4096ULL, 8192, NONE }, { 4 * GIB, -4 * GIB, NONE },
		{ 4 * GIB + 1, UINT64_MAX, NONE },
	};
	struct ram was;
	bool ok = true;

	build();
	was = m->ram;
	m->ram.bytes = 5 * GIB;
	m->ram.low_bytes = 3 * GIB;
	m->ram.high_bytes = 2 * GIB;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *want = NULL;

		if (cases[i].at != NONE)
			want = was.host + cases[i].at;
		if (machine_memory(m, cases[i].gpa, cases[i].bytes) == want)
			continue;
		ksft_print_msg("%#llx bytes at %#llx\n", (unsigned long long)cases[i].bytes,
			       (unsigned long long)cases[i].gpa);
		ok = false;
	}
	/* None above 4 GiB. */
	m->ram = was;
	ok &= !machine_memory(m, 4 * GIB, 1) && !machine_memory(m, 1 << 20, 1) &&
	      machine_memory(m, (1 << 20) - 1, 1) == was.host + (1 << 20) - 1;
	machine_free(m);
	ksft_test_result(ok, "where a device finds the guest's memory\n");
}

/* Timers: fire in order, once, and not when disarmed. */
static char fired[16];

static void fire(void *opaque)
{
	strcat(fired, opaque);
	if (!strcmp(opaque, "c"))
		machine_request_stop(m, MACHINE_POWEROFF, 0);
}

static void test_timers(void)
{
	uint64_t now;
	bool ok;

	build();
	now = machine_now_ns(m);
	timer[0] = machine_timer_new(m, fire, (void *)"a");
	timer[1] = machine_timer_new(m, fire, (void *)"b");
	timer[2] = machine_timer_new(m, fire, (void *)"c");
	machine_timer_arm(timer[2], now + 30000000);
	machine_timer_arm(timer[1], now + 20000000);
	machine_timer_arm(timer[0], now + 1000000);
	machine_timer_arm(timer[0], now + 10000000);	/* put off: the timerfd stays early */
	ok = ends_with(MACHINE_POWEROFF);
	ksft_test_result(ok && !strcmp(fired, "abc"), "timers fire in order: %s\n", fired);

	build();
	fired[0] = '\0';
	now = machine_now_ns(m);
	timer[0] = machine_timer_new(m, fire, (void *)"a");
	timer[1] = machine_timer_new(m, fire, (void *)"b");
	timer[2] = machine_timer_new(m, fire, (void *)"c");
	machine_timer_arm(timer[0], now + 1000000);
	machine_timer_arm(timer[0], UINT64_MAX);
	machine_timer_arm(timer[1], now + 1000000);
	machine_timer_free(timer[1]);
	timer[1] = NULL;
	machine_timer_arm(timer[2], 0);
	ok = ends_with(MACHINE_POWEROFF);
	ksft_test_result(ok && !strcmp(fired, "c"), "disarmed and freed timers do not fire: %s\n",
			 fired);
}

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

/* An access that takes long: the vCPU waits, and nobody else does. */

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

/* ---- a guest that sleeps ------------------------------------------------------------------- */

static void sleep_s3(void)
{
	out(0x604, 2, 1 << 13 | ACPI_SLP_TYP_S3 << 10);
}

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

	ok = sleeps(0, PRESS, MACHINE_RESET) && !module.sets;
	machine_free(m);
	ok &= sleeps(0x100000, PRESS, MACHINE_RESET) && !module.sets;
	machine_free(m);
	ksft_test_result(ok, "one that wants to wake up nowhere is reset\n");
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

/* ---- pause ------------------------------------------------------------------------------ */

#define MS		1000000ull
#define STILL_MS	100

static uint64_t host_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

/* What happens next, in the event loop, by the host's clock. */
static int plan_fd;
static void (*planned)(void);

static void plan(unsigned int ms, void (*what)(void))
{
	struct itimerspec its = { .it_value.tv_nsec = ms * MS };

	planned = what;
	timerfd_settime(plan_fd, 0, &its, NULL);
}

static void plan_ready(void *opaque, uint32_t events)
{
	uint64_t count;

	if (read(plan_fd, &count, sizeof(count)) == sizeof(count))
		planned();
}

static void build_with_plan(unsigned int ms, void (*what)(void))
{
	build();
	fired[0] = '\0';
	plan_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	machine_watch_fd(m, plan_fd, EPOLLIN, plan_ready, NULL);
	plan(ms, what);
}

static bool ends_after_plan(enum machine_stop why)
{
	bool ok = ends_with(why);

	close(plan_fd);
	return ok;
}

static struct {
	uint64_t at_ns, passed_ns, due_ns;	/* machine time */
	uint64_t before, begun, over, after;	/* the host's: around machine_pause(), _resume() */
	unsigned int runs;
	unsigned int blocked;
	bool in_run, fired_early, armed, armed_again;
} pause_seen;

static bool is_armed(int timer_fd)
{
	struct itimerspec its;

	timerfd_gettime(timer_fd, &its);
	return its.it_value.tv_sec || its.it_value.tv_nsec;
}

static void go_on(void)
{
	pause_seen.passed_ns = machine_now_ns(m) - pause_seen.at_ns;
	pause_seen.fired_early = fired[0];
	pause_seen.in_run |= module.in_run || module.runs != pause_seen.runs;
	pause_seen.blocked = module.blocked;
	pause_seen.over = host_now_ns();
	machine_resume(m, "go");
	/* For what is left of the first timer's time, if that is not over by now. */
	pause_seen.armed_again = is_armed(m->timer_fd) || machine_now_ns(m) >= pause_seen.due_ns;
	pause_seen.after = host_now_ns();
	machine_resume(m, "again");
}

static void stand_still(void)
{
	pause_seen.before = host_now_ns();
	machine_pause(m, "halt");
	pause_seen.begun = host_now_ns();
	machine_pause(m, "again");
	pause_seen.at_ns = machine_now_ns(m);
	pause_seen.runs = module.runs;
	pause_seen.in_run = module.in_run;
	/* One that is set meanwhile counts from the same time. */
	machine_timer_arm(timer[2], pause_seen.at_ns + 2 * STILL_MS * MS);
	pause_seen.armed = is_armed(m->timer_fd);
	plan(STILL_MS, go_on);
}

/* A timer at 50 ms, a pause at 10 for 100, one that is set in it for 200 later. */
static void test_pause(void)
{
	uint64_t begun, took;
	bool ok;

	build_with_plan(10, stand_still);
	timer[0] = machine_timer_new(m, fire, (void *)"a");
	timer[2] = machine_timer_new(m, fire, (void *)"c");
	begun = host_now_ns();
	pause_seen.due_ns = machine_now_ns(m) + 50 * MS;
	machine_timer_arm(timer[0], pause_seen.due_ns);
	ok = ends_after_plan(MACHINE_POWEROFF);
	took = host_now_ns() - begun;
	ksft_test_result(ok && !pause_seen.in_run && module.blocked > pause_seen.blocked,
			 "paused, the vCPU is out of RUN and stays out; then it is back\n");
	ksft_test_result(!pause_seen.passed_ns && !pause_seen.fired_early && !pause_seen.armed &&
			 !strcmp(fired, "ac"), "time stands still, and no timer fires\n");
	ksft_test_result(took >= 3 * STILL_MS * MS && pause_seen.armed_again &&
			 host_now_ns() - pause_seen.over >= 2 * STILL_MS * MS,
			 "both fire late by as much: after %llu ms\n",
			 (unsigned long long)(took / MS));
	ksft_test_result(module.shifted_ns >= pause_seen.over - pause_seen.begun &&
			 module.shifted_ns <= pause_seen.after - pause_seen.before,
			 "the guest's clocks go back by %llu us\n",
			 (unsigned long long)(module.shifted_ns / 1000));
	ksft_test_result(!strcmp(module.states, "2 halt|1 go|"), "it is told once: %s\n",
			 module.states);
}

static void end_it(void)
{
	machine_request_stop(m, MACHINE_SIGNAL, SIGTERM);
}

static void pause_and_end(void)
{
	machine_pause(m, "halt");
	plan(20, end_it);
}

/* Into RUN while it is paused: only immediate_exit can tell. */
static void pause_when_called(void)
{
	if (!module.called) {
		plan(1, pause_when_called);
		return;
	}
	machine_pause(m, "halt");
	pause_seen.in_run = module.in_run;
	plan(20, end_it);
}

/* It powers off by an exit that it is at when it shall pause: that comes first. */
static void pause_in_exit(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	if (!module.runs) {
		plan(1, pause_in_exit);
		return;
	}
	while (!module.completing)
		nanosleep(&ms, NULL);
	machine_pause(m, "halt");
	plan(20, end_it);
}

static void resume_awake(void)
{
	pause_seen.in_run |= module.runs != pause_seen.runs || !module.sets;
	machine_resume(m, "go");
}

static void wake_paused(void)
{
	pause_seen.runs = module.runs;
	acpi_pm_power_button(m->acpi_pm);
	plan(50, resume_awake);
}

/* The guest has said that it sleeps, and its vCPU is still in that exit. */
static void pause_in_sleep(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	sleep_s3();
	stop();
	vcpu_kick(&m->vcpus[0]);
	__atomic_store_n(&module.page->immediate_exit, 0, __ATOMIC_SEQ_CST);
	machine_unlock(m);
	while (!m->stopping)
		nanosleep(&ms, NULL);
	machine_lock(m);
	machine_pause(m, "halt");
	pause_seen.in_run = !m->paused || m->nr_active;
	plan(20, wake_paused);
}

static unsigned int pauses;

static void pause_again(void)
{
	if (pauses++ == 200) {
		end_it();
		return;
	}
	machine_pause(m, "halt");
	pause_seen.in_run |= module.in_run;
	machine_resume(m, "go");
	plan(1, pause_again);
}

static void test_pause_races(void)
{
	bool ok;

	build_with_plan(5, pause_and_end);
	ok = ends_after_plan(MACHINE_SIGNAL);
	ksft_test_result(ok && value == SIGTERM, "a paused machine can be ended\n");

	build_with_plan(1, pause_when_called);
	module.slow_entry = true;
	ok = ends_after_plan(MACHINE_SIGNAL);
	ksft_test_result(ok && !pause_seen.in_run, "a vCPU on its way into RUN comes back\n");

	pauses = 0;
	pause_seen.in_run = false;
	build_with_plan(1, pause_again);
	ok = ends_after_plan(MACHINE_SIGNAL);
	ksft_test_result(ok && !pause_seen.in_run && module.runs > 1,
			 "paused and resumed 200 times, it ran %u times\n", module.runs);

	build_with_plan(1, pause_in_exit);
	stop();
	ok = ends_after_plan(MACHINE_POWEROFF);
	ksft_test_result(ok, "a guest that ends while it is being paused\n");

	build_with_plan(1, pause_in_sleep);
	module.waking_vector = 0x9a000;
	ok = ends_after_plan(MACHINE_POWEROFF);
	ksft_test_result(ok && !pause_seen.in_run && module.shifted_ns > 50 * MS &&
			 !strcmp(module.states, "2 suspended to RAM|1 go|"),
			 "a guest that is paused on its way to sleep: %s\n", module.states);
}

static int seen_nice;
static bool nice_fails;		/* as the host refuses it */
static pid_t reniced;

/* As the sandbox has it: of oneself alone. */
int setpriority(__priority_which_t which, id_t who, int prio)
{
	if (which != PRIO_PROCESS || who)
		abort();
	if (nice_fails) {
		errno = EACCES;
		return -1;
	}
	reniced = gettid();
	return syscall(SYS_setpriority, which, who, prio);
}

/* Return: what it is now, of the thread that is there. */
static int set_nice(int nice)
{
	int err;

	reniced = 0;
	err = machine_set_nice(m, nice);
	return err ? err : m->asleep ? nice : getpriority(PRIO_PROCESS, m->vcpus[0].tid);
}

static void see_nice(void)
{
	seen_nice = set_nice(12);
	if (reniced != m->vcpus[0].tid)
		seen_nice = -1;
	end_it();
}

/* Then it runs again: it is not left in the pause that this takes. */
static void see_nice_in_pause(void)
{
	unsigned int runs;
	const struct timespec ms = { .tv_nsec = 1000000 };

	machine_pause(m, "halt");
	runs = module.runs;
	seen_nice = set_nice(13);
	if (!m->paused || module.runs != runs)
		seen_nice = -1;
	nice_fails = true;
	if (set_nice(14) != -EACCES || m->nice != 13)
		seen_nice = -2;
	nice_fails = false;
	machine_resume(m, "go");
	runs = module.runs;
	if (set_nice(14) != 14)
		seen_nice = -3;
	machine_unlock(m);
	while (module.runs == runs)
		nanosleep(&ms, NULL);
	machine_lock(m);
	end_it();
}

static void see_end_nice(void)
{
	if (!m->vcpus[0].tid) {
		plan(5, see_end_nice);
		return;
	}
	if (seen_nice >= 0)
		seen_nice = getpriority(PRIO_PROCESS, m->vcpus[0].tid);
	end_it();
}

static void see_nice_in_sleep(void)
{
	if (!m->asleep) {
		plan(5, see_nice_in_sleep);
		return;
	}
	nice_fails = true;
	seen_nice = set_nice(15) == -EACCES && !m->nice ? 0 : -1;
	nice_fails = false;
	if (set_nice(15) != 15 || getpriority(PRIO_PROCESS, 0) == 15)
		seen_nice = -2;
	acpi_pm_power_button(m->acpi_pm);
	plan(5, see_end_nice);
}

static void test_nice(void)
{
	bool ok;

	build_with_plan(20, see_nice);
	ksft_test_result(ends_after_plan(MACHINE_SIGNAL) && seen_nice == 12 &&
			 getpriority(PRIO_PROCESS, 0) < 12,
			 "nice is the vCPU threads', and each sets it itself: %d\n", seen_nice);
	build_with_plan(20, see_nice_in_pause);
	ksft_test_result(ends_after_plan(MACHINE_SIGNAL) && seen_nice == 13,
			 "and one that is paused stays so: %d\n", seen_nice);
	build_with_plan(1, see_nice_in_sleep);
	module.waking_vector = 0x9a000;
	sleep_s3();
	ok = ends_after_plan(MACHINE_SIGNAL);
	ksft_test_result(ok && seen_nice == 15, "one that sleeps has it when it wakes up: %d\n",
			 seen_nice);
}

int main(void)
{
	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(53);
	test_uart_and_poweroff();
	test_open_bus();
	test_split_access();
	test_stray_mmio();
	test_overlap();
	test_around();
	test_irq_wiring();
	test_8259();
	test_ends();
	test_bad_ends();
	test_eventfds();
	test_watches();
	test_sleep();
	test_memory();
	test_timers();
	test_hold();
	test_hold_and_pause();
	test_stop_races();
	test_kick_before_run();
	test_pause();
	test_pause_races();
	test_nice();
	ksft_finished();
}
