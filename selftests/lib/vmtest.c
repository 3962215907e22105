// SPDX-License-Identifier: GPL-2.0
/*
 * vmtest: opening, loading and running a test's virtual machine, and saying
 * what it last did when it fails.
 *
 * The deadline is a SIGALRM without SA_RESTART: it ends a sleeping SVMM_RUN
 * with -EINTR, and the run loop then dumps and dies. A RUN that does not even
 * answer to that is left to the harness, which kills the process.
 */
#include <cpuid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "start.h"
#include "vmtest.h"

#define ENTRY_BYTES	32

static volatile sig_atomic_t expired;

static void on_alarm(int sig)
{
	(void)sig;
	expired = 1;
}

unsigned int vmt_slowdown(void)
{
	const char *s = getenv("SLOWDOWN");

	return s && atoi(s) > 0 ? atoi(s) : 1;
}

void vmt_deadline(unsigned int seconds)
{
	struct sigaction sa = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &sa, NULL);
	alarm(seconds * vmt_slowdown());
}

static void on_tick(int sig)
{
	(void)sig;
}

struct ticker {
	pthread_t target;
	unsigned int ms;
};

static void *tick(void *arg)
{
	const struct ticker *t = arg;

	for (;;) {
		usleep(t->ms * 1000);
		pthread_kill(t->target, SIGUSR1);
	}
	return NULL;
}

void vmt_tick(unsigned int ms)
{
	struct sigaction sa = { .sa_handler = on_tick };
	static struct ticker ticker;
	pthread_t thread;

	ticker.target = pthread_self();
	ticker.ms = ms;
	sigaction(SIGUSR1, &sa, NULL);
	pthread_create(&thread, NULL, tick, &ticker);
}

static void say(const char *format, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (n > 0 && write(STDERR_FILENO, line, strnlen(line, sizeof(line))) < 0)
		return;
}

static void dump_segment(const char *name, const struct svmm_segment *s)
{
	say("#   %s %04x base %llx limit %x attr %03x\n", name, s->selector,
	    (unsigned long long)s->base, s->limit, s->attrib);
}

void vmt_dump(struct vmt *v)
{
	struct svmm_vcpu_page *p = v ? v->page : NULL;
	struct svmm_vcpu_stats stats;
	int ret;

	if (!p || v->vcpu < 0)
		return;
	say("# guest %s, entry %s: last exit %s, %u reports, the last:", v->guest, v->entry,
	    svmm_exit_name(p->exit.reason), v->nr_reports);
	for (unsigned int i = v->nr_reports > 8 ? v->nr_reports - 8 : 0; i < v->nr_reports; i++)
		say(" %#x", v->last_reports[i % 8]);
	say("\n");
	if (p->exit.reason == SVMM_EXIT_MMIO)
		say("#   MMIO %s %u bytes at %#llx\n", p->exit.mmio.is_write ? "write" : "read",
		    p->exit.mmio.bytes, (unsigned long long)p->exit.mmio.gpa);
	if (p->exit.reason == SVMM_EXIT_IO)
		say("#   port %#x, %u x %u bytes %s\n", p->exit.io.port, p->exit.io.count,
		    p->exit.io.bytes, p->exit.io.direction ? "in" : "out");
	if (p->exit.reason == SVMM_EXIT_FAIL_ENTRY)
		say("#   %.96s\n", p->exit.fail_entry.reason);
	if (p->exit.reason == SVMM_EXIT_INTERNAL_ERROR)
		say("#   code %#llx info %#llx %#llx\n",
		    (unsigned long long)p->exit.internal.exit_code,
		    (unsigned long long)p->exit.internal.info1,
		    (unsigned long long)p->exit.internal.info2);
	ret = svmm_get_state(v->vcpu, SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR |
				      SVMM_STATE_EVENTS | SVMM_STATE_MP);
	if (ret < 0) {
		say("#   no state: %s\n", strerror(-ret));
	} else {
		uint64_t at = p->seg.cs.base + p->gpr.rip;

		say("#   rax %llx rbx %llx rcx %llx rdx %llx rsi %llx rdi %llx rsp %llx\n",
		    (unsigned long long)p->gpr.rax, (unsigned long long)p->gpr.rbx,
		    (unsigned long long)p->gpr.rcx, (unsigned long long)p->gpr.rdx,
		    (unsigned long long)p->gpr.rsi, (unsigned long long)p->gpr.rdi,
		    (unsigned long long)p->gpr.rsp);
		say("#   rip %llx rflags %llx cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx\n",
		    (unsigned long long)p->gpr.rip, (unsigned long long)p->gpr.rflags,
		    (unsigned long long)p->cr.cr0, (unsigned long long)p->cr.cr2,
		    (unsigned long long)p->cr.cr3, (unsigned long long)p->cr.cr4,
		    (unsigned long long)p->cr.efer);
		dump_segment("cs", &p->seg.cs);
		dump_segment("ss", &p->seg.ss);
		say("#   events %x vector %x, mp %u\n", p->events.flags, p->events.vector,
		    p->mp.state);
		if (v->ram && at < G_RAM_BYTES - 16) {
			say("#   code:");
			for (unsigned int i = 0; i < 16; i++)
				say(" %02x", v->ram[at + i]);
			say("\n");
		}
	}
	if (v->ram)
		say("#   last fault %#x error %#x at %#llx cr2 %#llx\n", *vmt_u32(v, G_VECTOR),
		    *vmt_u32(v, G_ERROR), (unsigned long long)*vmt_u64(v, G_RIP),
		    (unsigned long long)*vmt_u64(v, G_CR2));
	if (!svmm_get_stats(v->vcpu, &stats)) {
		say("#   exits:");
		for (uint32_t i = 1; i < stats.nr_exits; i++)
			say(" %llx:%llu", (unsigned long long)stats.exits[i].exit_code,
			    (unsigned long long)stats.exits[i].count);
		say("\n");
	}
}

/* Where in the kernel each thread of the test is: who waits, and for what. */
static void dump_threads(void)
{
	char path[64], where[2048];
	struct dirent *d;
	DIR *tasks = opendir("/proc/self/task");

	while (tasks && (d = readdir(tasks))) {
		ssize_t n = 0;
		int fd;

		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%.16s/stack", d->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			n = read(fd, where, sizeof(where) - 1);
			close(fd);
		}
		where[n > 0 ? n : 0] = 0;
		say("# thread %.16s:\n", d->d_name);
		for (char *line = where, *end; (end = strchr(line, '\n')); line = end + 1)
			say("#   %.*s\n", (int)(end - line), line);
	}
	if (tasks)
		closedir(tasks);
}

void vmt_die(struct vmt *v, const char *format, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	say("# vmtest: %s\n", line);
	vmt_dump(v);
	if (expired)
		dump_threads();
	_exit(1);
}

static int check(struct vmt *v, const char *what, int ret)
{
	if (ret < 0)
		vmt_die(v, "%s: %s", what, strerror(-ret));
	return ret;
}

bool vmt_emulated_host(void)
{
	unsigned int a, b, c, d;

	__cpuid(0x40000000, a, b, c, d);
	return b == 0x54474354 && c == 0x43544743;	/* "TCGTCGTCGTCG" */
}

static cpu_set_t cpus;

__attribute__((constructor)) static void learn_cpus(void)
{
	sched_getaffinity(0, sizeof(cpus), &cpus);
}

void vmt_pin(unsigned int n)
{
	cpu_set_t one;
	int cpu = -1;

	for (n = n % CPU_COUNT(&cpus) + 1; n; n--)
		do
			cpu++;
		while (!CPU_ISSET(cpu, &cpus));
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one)) {
		perror("vmtest: sched_setaffinity");
		exit(1);
	}
}

int vmt_bare_vm(int svmm)
{
	static unsigned int serial;
	char name[SVMM_NAME_MAX];
	int ret;

	snprintf(name, sizeof(name), "test-%d-%u", getpid(),
		 __atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED));
	do {
		/* A signal may come while the VM is tied to this address space. */
		ret = svmm_create_vm(svmm, name);
	} while (ret == -EINTR);
	return ret;
}

static void open_vcpu(struct vmt *v, uint32_t id)
{
	struct svmm_cpuid *cpuid;

	v->vcpu = check(v, "CREATE_VCPU", svmm_create_vcpu(v->vm, id));
	check(v, "mmap", svmm_map_vcpu(v->vcpu, v->caps.vcpu_mmap_bytes, &v->page));
	v->lapic = (void *)((char *)v->page + v->page->lapic_offset);
	v->xsave = (char *)v->page + v->page->xsave_offset;
	check(v, "GET_SUPPORTED_CPUID", svmm_get_supported_cpuid(v->svmm, &cpuid));
	check(v, "SET_CPUID", svmm_set_cpuid(v->vcpu, cpuid));
	free(cpuid);
}

void vmt_open(struct vmt *v)
{
	memset(v, 0, sizeof(*v));
	v->vm = -1;
	v->vcpu = -1;
	v->guest = "none";
	v->entry = "none";
	vmt_deadline(VMT_DEADLINE_S);
	v->svmm = check(v, "open " SVMM_DEVICE, svmm_open());
	check(v, "GET_CAPS", svmm_get_caps(v->svmm, &v->caps));
	v->vm = check(v, "CREATE_VM", vmt_bare_vm(v->svmm));
	v->ram = mmap(NULL, G_RAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (v->ram == MAP_FAILED)
		check(v, "mmap of guest memory", -errno);
	check(v, "SET_MEMORY_SLOT", svmm_set_slot(v->vm, 0, 0, 0, G_RAM_BYTES, v->ram));
	open_vcpu(v, 0);
}

void vmt_open_vcpu(struct vmt *v, const struct vmt *first, uint32_t id)
{
	*v = *first;
	v->page = NULL;
	v->vcpu = -1;
	v->nr_reports = 0;
	open_vcpu(v, id);
}

void vmt_close(struct vmt *v)
{
	munmap(v->page, v->caps.vcpu_mmap_bytes);
	close(v->vcpu);
	close(v->vm);
	close(v->svmm);
	munmap(v->ram, G_RAM_BYTES);
}

int vmt_hide_pv(struct vmt *v, unsigned int feature)
{
	struct svmm_cpuid *cpuid;
	int ret;

	check(v, "GET_SUPPORTED_CPUID", svmm_get_supported_cpuid(v->svmm, &cpuid));
	for (uint32_t i = 0; i < cpuid->nr; i++)
		if (cpuid->entries[i].function == 0x40000001)
			cpuid->entries[i].eax &= ~(1U << feature);
	ret = svmm_set_cpuid(v->vcpu, cpuid);
	free(cpuid);
	return ret;
}

void vmt_load(struct vmt *v, const char *guest)
{
	char path[512];
	ssize_t n;
	int fd;

	/* The guests' images are beside the test programs. */
	n = readlink("/proc/self/exe", path, sizeof(path) - 80);
	path[n > 0 ? n : 0] = 0;
	snprintf(strrchr(path, '/') ?: path, 80, "/guests/%s.bin", guest);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		vmt_die(v, "%s: %s", path, strerror(errno));
	n = read(fd, v->image, sizeof(v->image));
	close(fd);
	if (n < 8 || n == sizeof(v->image) || memcmp(v->image, "svmmtest", 8))
		vmt_die(v, "%s is not a test guest", path);
	v->image_bytes = n;
	v->guest = guest;
}

/* Find a line of the guest's table: its address, and its mode in *mode. */
static uint32_t find(struct vmt *v, const char *name, uint32_t *mode)
{
	for (size_t at = ENTRY_BYTES; at + ENTRY_BYTES <= v->image_bytes; at += ENTRY_BYTES) {
		uint32_t address;

		if (!v->image[at])
			break;
		if (strncmp((char *)v->image + at, name, 24))
			continue;
		memcpy(mode, v->image + at + 24, 4);
		memcpy(&address, v->image + at + 28, 4);
		return address;
	}
	vmt_die(v, "guest %s has no entry point %s", v->guest, name);
}

void vmt_start(struct vmt *v, const char *entry)
{
	struct stubs stubs;
	uint32_t mode, rip;

	stubs.s16 = find(v, "stubs16", &mode);
	stubs.s32 = find(v, "stubs32", &mode);
	stubs.s64 = find(v, "stubs64", &mode);
	rip = find(v, entry, &mode);
	v->entry = entry;
	memset(v->ram + G_VECTOR, 0, 0x1000);
	memcpy(v->ram + G_CODE, v->image, v->image_bytes);
	start_memory(v->ram, &stubs, mode);
	start_registers(v->page, mode, rip);
	if (!v->caps.xcr0)
		v->page->cr.xcr0 = 0;
}

void vmt_boot(struct vmt *v, const char *guest, const char *entry)
{
	vmt_open(v);
	vmt_load(v, guest);
	vmt_start(v, entry);
}

/* A port access: one of vmtest's own, or the test's.  0: deal with it and go on. */
static int port_access(struct vmt *v)
{
	struct svmm_exit *e = &v->page->exit;
	void *data = (char *)v->page + e->io.data_offset;
	struct vmt_io io = {
		.port = e->io.port,
		.in = e->io.direction == SVMM_IO_IN,
		.bytes = e->io.bytes,
		.count = e->io.count,
		.data = data,
	};

	if (!io.in && io.bytes == 4 && io.port >= PORT_REPORT && io.port <= PORT_UNEXPECTED) {
		memcpy(&v->report, data, 4);
		v->last_reports[v->nr_reports++ % 8] = v->report;
		return VMT_REPORT + (io.port - PORT_REPORT);
	}
	if (!v->on_io)
		return SVMM_EXIT_IO;
	v->on_io(v, &io);
	return 0;
}

static int mmio_access(struct vmt *v)
{
	struct svmm_exit *e = &v->page->exit;
	struct vmt_mmio mmio = {
		.gpa = e->mmio.gpa,
		.write = e->mmio.is_write,
		.bytes = e->mmio.bytes,
		.data = e->mmio.data,
	};

	if (!v->on_mmio)
		return SVMM_EXIT_MMIO;
	v->on_mmio(v, &mmio);
	return 0;
}

int vmt_run(struct vmt *v)
{
	for (;;) {
		int ret = svmm_run(v->vcpu);
		int event = 0;

		if (expired)
			vmt_die(v, "deadline passed");
		if (ret == -EINTR)
			continue;
		if (ret == -EIO)
			return VMT_DEAD;
		if (ret < 0)
			vmt_die(v, "RUN: %s", strerror(-ret));
		switch (v->page->exit.reason) {
		case SVMM_EXIT_IO:
			event = port_access(v);
			break;
		case SVMM_EXIT_MMIO:
			event = mmio_access(v);
			break;
		default:
			event = v->page->exit.reason;
		}
		if (event)
			return event;
	}
}

static const char *event_name(int event)
{
	switch (event) {
	case VMT_REPORT: return "REPORT";
	case VMT_DONE: return "DONE";
	case VMT_UNEXPECTED: return "unexpected fault";
	case VMT_DEAD: return "-EIO";
	}
	return svmm_exit_name(event);
}

uint32_t vmt_report(struct vmt *v)
{
	int event = vmt_run(v);

	if (event != VMT_REPORT)
		vmt_die(v, "%s instead of a report (value %#x)", event_name(event), v->report);
	return v->report;
}

void vmt_done(struct vmt *v)
{
	int event = vmt_run(v);

	if (event != VMT_DONE || v->report)
		vmt_die(v, "%s (value %#x) instead of DONE", event_name(event), v->report);
}

uint32_t vmt_call(struct vmt *v, uint64_t arg0, uint64_t arg1, uint64_t arg2)
{
	vmt_arg(v, 0) = arg0;
	vmt_arg(v, 1) = arg1;
	vmt_arg(v, 2) = arg2;
	return vmt_report(v);
}

void vmt_get(struct vmt *v, uint32_t groups)
{
	check(v, "GET_STATE", svmm_get_state(v->vcpu, groups));
}

static uint64_t count_exits(struct vmt *v, bool all, uint64_t code)
{
	struct svmm_vcpu_stats stats;
	uint64_t sum = 0;

	check(v, "GET_STATS", svmm_get_stats(v->vcpu, &stats));
	for (uint32_t i = 0; i < stats.nr_exits; i++) {
		uint64_t c = stats.exits[i].exit_code;

		if (all ? c != VMEXIT_INTR && c != VMEXIT_NMI : c == code)
			sum += stats.exits[i].count;
	}
	return sum;
}

uint64_t vmt_exits(struct vmt *v, uint64_t code)
{
	return count_exits(v, false, code);
}

uint64_t vmt_exits_but_host(struct vmt *v)
{
	return count_exits(v, true, 0);
}
