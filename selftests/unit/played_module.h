/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmctl's machine on a module that is played here: libsvmm's functions below record what the
 * machine asks for, and svmm_run() hands out the exits that a test wrote down. Included once, by
 * tests that link the machine with its real devices.
 */
#ifndef SELFTESTS_UNIT_PLAYED_MODULE_H
#define SELFTESTS_UNIT_PLAYED_MODULE_H

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
	struct svmm_memory_slot slot;
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
	module.slot = (struct svmm_memory_slot) {
		.slot = slot, .flags = flags, .gpa = gpa, .size = bytes,
		.user_addr = (uintptr_t)addr,
	};
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

struct debug_port *debug_port_new(struct machine *machine, struct console *c)
{
	return NULL;
}

void debug_port_free(struct debug_port *d)
{
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

int svmm_set_debug(int vcpu, const struct svmm_debug *debug)
{
	return 0;
}

int svmm_debug_npt(int vm, struct svmm_debug_npt *npt)
{
	return -EIO;
}

int svmm_get_stats(int vcpu, struct svmm_vcpu_stats *stats)
{
	return -EIO;
}

int svmm_get_exits(int vcpu, struct svmm_last_exits *exits)
{
	return -EIO;
}

int svmm_debug_vmcb(int vcpu, struct svmm_debug_vmcb *vmcb)
{
	return -EIO;
}

/* The power-on state: what can be told from what a guest has made of it. */
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

static bool with_firmware;

static inline void build(void)
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
		.firmware = with_firmware,
	};

	memset(&module, 0, sizeof(module));
	printed[0] = '\0';
	m = machine_new(-1, &config, NULL);
	if (!m)
		ksft_exit_fail_msg("no machine\n");
}

static inline struct step *io(uint16_t port, bool out, unsigned int bytes, unsigned int count,
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

static inline void out(uint16_t port, unsigned int bytes, uint32_t value)
{
	io(port, true, bytes, 1, &value);
}

static inline struct step *mmio(uint64_t gpa, bool write, uint64_t value)
{
	struct step *s = &module.step[module.nr_steps++];

	s->exit = (struct svmm_exit) {
		.reason = SVMM_EXIT_MMIO,
		.mmio = { .gpa = gpa, .bytes = 4, .is_write = write },
	};
	memcpy(s->exit.mmio.data, &value, sizeof(value));
	return s;
}

static inline struct step *reason(enum svmm_exit_reason why)
{
	struct step *s = &module.step[module.nr_steps++];

	s->exit = (struct svmm_exit) { .reason = why };
	return s;
}

static unsigned int value;

#define NR_TIMERS	3
static struct machine_timer *timer[NR_TIMERS];

static inline bool ends_with(enum machine_stop why)
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

static inline void stop(void)
{
	out(0x604, 2, 1 << 13 | ACPI_SLP_TYP_S5 << 10);
}

static inline void sleep_s3(void)
{
	out(0x604, 2, 1 << 13 | ACPI_SLP_TYP_S3 << 10);
}

#endif
