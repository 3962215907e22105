// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz svmm.ko by its device: random sequences of every call (calls.h) on several VMs and vCPUs,
 * with values made up by what a member means; and around them what a hostile VMM does: it scribbles
 * on the shared page, runs random code in random states, one vCPU behind another's back, takes
 * guest memory away, closes, duplicates and maps, and uses its fds in a child.
 *
 * Held against a call: its errors are those that it is documented to have; a child gets -EIO; an
 * exit record says what an exit can be. The rest is the kernel's log's to say.
 *
 * A command: byte 0 what, byte 1 on which, bytes 2 and 3 how, and two bytes for each value.
 *
 * needs: selftests/fuzz/host/campaign.c selftests/fuzz/host/kcov.c selftests/lib/start.c
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/start.h"
#include "calls.h"
#include "campaign.h"
#include "pieces.h"

#define VMS		3
#define VCPUS		6
#define EVENTS		3
#define SCRATCH_BYTES	(256 << 10)
#define RESERVED_BYTES	(1UL << 30)	/* of addresses, of which the first are memory */
#define RUNS		6		/* of one RUN_ON */
#define RUN_US		300

enum more {
	SCRIBBLE = CALLS, START, RUN_ON, RUN_BEHIND, MAP, UNMAP, CLOSE, DUP, SIGNAL, TAKE, CHILD,
	RAW, NR_WHATS
};

static const char *const more_names[] = {
	"scribble", "start", "run on", "run behind", "map", "unmap", "close", "dup", "signal",
	"take memory", "child", "raw ioctl",
};

static struct {
	int svmm, vm[VMS], vcpu[VCPUS], event[EVENTS];
	struct svmm_vcpu_page *page[VCPUS];
	unsigned int vms;
} w;

static struct svmm_caps caps;
static struct svmm_cpuid *cpuid;
static uint8_t *ram, *scratch;
static const uint8_t readonly[2 * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE))) = { 1 };

/* Values */

static const uint64_t interesting[] = {
	0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 511, 512, 513,
	1023, 1024, 0xfff, 0x1000, 0x1001, 0xffff, 0x10000, 0x1ff000, 0x200000, 0x400000,
	0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xfee00000, 0xfffff000, 0xffffffff,
	1ULL << 32, (1ULL << 40) - 0x1000, 1ULL << 40, (1ULL << 47) - 0x1000, 1ULL << 47,
	1ULL << 52, 1ULL << 62, 1ULL << 63, -0x200000ULL, -0x1000ULL, -1ULL,
};

static uint64_t user_address(uint8_t p)
{
	switch (p % 10) {
	case 0: case 1: case 2: return (uintptr_t)ram + (p / 10) * PAGE_SIZE;
	case 3: return (uintptr_t)scratch;
	case 4: return (uintptr_t)scratch + SCRATCH_BYTES - 8;
	case 5: return (uintptr_t)readonly;
	case 6: return (uintptr_t)w.page[p / 10 % VCPUS];
	case 7: return 0xffff888000000000ULL + p * PAGE_SIZE;
	case 8: return (uintptr_t)ram + G_RAM_BYTES + (p / 10) * PAGE_SIZE;
	default: return (uintptr_t)ram + p;
	}
}

static uint64_t likely(enum member_kind kind, uint8_t p)
{
	switch (kind) {
	case ZERO: return 0;
	case FLAGS: return p % 64;
	case NUMBER: return p % 8;
	case COUNT:
		return p & 1 ? (p >> 1) * 64 : p >> 1;
	case GPA:
		return (uint64_t)p * PAGE_SIZE * (p & 1 ? 1 : 64);
	case USER: return user_address(p);
	case IO_AT:
		return p & 1 ? 0x500u + p % 16 : 0xd0000000 + p * 4;
	case VECTOR:
		return (p & 0x80 ? 0x4000 : 0) | (p & 7) << 8 | (p ^ 0x41);
	case MESSAGE: return 0xfee00000 | (p & 7) << 12 | (p & 8);
	case FD: return w.event[p % EVENTS];
	case KHZ: return caps.tsc_khz;
	default: return p;
	}
}

static uint64_t value(enum member_kind kind, const uint8_t *v)
{
	uint64_t r;

	if (v[0] < 200 && kind != BITS)
		return likely(kind, v[1]);
	if (v[0] < 210 && kind == FD)
		return v[1] & 1 ? w.vm[v[1] % VMS] : w.vcpu[v[1] % VCPUS];
	if (v[0] < 240)
		r = interesting[v[1] % ARRAY_SIZE(interesting)];
	else
		r = campaign_mix(v[0] << 8 | v[1]);
	/* This process has its own memory between these. */
	if (kind == USER && r >= 0x10000 && r < 1ULL << 47)
		return user_address(v[1]);
	return r;
}

/* Guest memory is what user_address() gives, and nothing that lies behind it. */
static void cut(struct svmm_memory_slot *slot, const void *start, uint64_t bytes)
{
	uint64_t at = slot->user_addr - (uintptr_t)start;

	if (start && at < bytes && slot->size > bytes - at)
		slot->size = bytes - at;
}

static void keep_to(struct svmm_memory_slot *slot)
{
	cut(slot, ram, RESERVED_BYTES);
	cut(slot, scratch, SCRATCH_BYTES);
	cut(slot, readonly, sizeof(readonly));
	for (unsigned int i = 0; i < VCPUS; i++)
		cut(slot, w.page[i], caps.vcpu_mmap_bytes);
}

static void text(enum member_kind kind, const uint8_t *v, char *to)
{
	unsigned int n = v[0] < 224 ? 1 + v[1] % 16 : v[1] % 64;
	unsigned int room = kind == NAME ? SVMM_NAME_MAX : SVMM_REASON_MAX;

	for (unsigned int i = 0; i < n && i < room; i++)
		to[i] = v[0] < 240 ? 'a' + (v[1] + i) % 26 : campaign_mix(v[1] + i);
}

/* Objects: they are made when they are first used. */

static int vm(unsigned int n)
{
	char name[32];

	n %= VMS;
	if (w.vm[n] >= 0)
		return n;
	snprintf(name, sizeof(name), "fuzz-%d-%u", getpid(), w.vms++);
	do
		w.vm[n] = svmm_create_vm(w.svmm, name);
	while (w.vm[n] == -EINTR);
	svmm_set_slot(w.vm[n], 0, 0, 0, G_RAM_BYTES, ram);
	return n;
}

static void map(unsigned int n)
{
	if (!w.page[n] && svmm_map_vcpu(w.vcpu[n], caps.vcpu_mmap_bytes, &w.page[n]))
		w.page[n] = NULL;
}

static void unmap(unsigned int n)
{
	if (w.page[n])
		munmap(w.page[n], caps.vcpu_mmap_bytes);
	w.page[n] = NULL;
}

static int vcpu(unsigned int n)
{
	n %= VCPUS;
	if (w.vcpu[n] >= 0)
		return n;
	w.vcpu[n] = svmm_create_vcpu(w.vm[vm(n / 2)], n % 2);
	svmm_set_cpuid(w.vcpu[n], cpuid);
	map(n);
	return n;
}

static int fd_of(enum whose whose, uint8_t which)
{
	switch (whose) {
	case DEVICE: return w.svmm;
	case VM: return w.vm[vm(which)];
	default: return w.vcpu[vcpu(which)];
	}
}

static void keep(int *place, int fd)
{
	if (fd < 0)
		return;
	if (*place >= 0)
		close(*place);
	*place = fd;
}

/* Running: SIGALRM ends what would last, SIGUSR1 the other thread's. */

static void nothing(int signal)
{
}

static void set_alarm(unsigned int us)
{
	const struct itimerval t = { { 0, us }, { 0, us } };

	setitimer(ITIMER_REAL, &t, NULL);
}

static int run(int fd)
{
	int ret;

	set_alarm(RUN_US);
	ret = svmm_run(fd);
	set_alarm(0);
	return ret;
}

static const char *complete(unsigned int n)
{
	struct svmm_exit *e = &w.page[n]->exit;

	switch (e->reason) {
	case SVMM_EXIT_IO:
		if (e->io.direction > 1 || !e->io.bytes || e->io.bytes > 4 || e->io.bytes == 3 ||
		    e->io.data_offset + (uint64_t)e->io.count * e->io.bytes > caps.vcpu_mmap_bytes)
			return campaign_wrong("a port access of %u x %u bytes at %#x", e->io.count,
					      e->io.bytes, e->io.data_offset);
		break;
	case SVMM_EXIT_MMIO:
		if (!e->mmio.bytes || e->mmio.bytes > 8)
			return campaign_wrong("an MMIO access of %u bytes", e->mmio.bytes);
		e->mmio.data[0] = e->mmio.gpa;
		break;
	case SVMM_EXIT_EXTINT:
		e->extint.vector = 0x30;
		break;
	default:
		if (e->reason > SVMM_EXIT_DEBUG)
			return campaign_wrong("an exit %u", e->reason);
	}
	return NULL;
}

static const char *run_on(unsigned int n)
{
	const char *wrong = NULL;
	int ret = 0;

	for (unsigned int i = 0; i < RUNS && !ret && !wrong; i++) {
		ret = run(w.vcpu[n]);
		/* With a page that nobody else writes. */
		if (!ret && w.page[n])
			wrong = complete(n);
	}
	campaign_count(RUNS - 1);
	return wrong;
}

/* Another thread, which runs one vCPU at a time. */

static atomic_int behind = -1;
static atomic_bool enough;
static pthread_t thread;

static void *run_behind(void *arg)
{
	for (;;) {
		int fd;

		while ((fd = behind) < 0)
			usleep(200);
		while (!enough && svmm_run(fd) == 0)
			;
		close(fd);
		behind = -1;
	}
	return NULL;
}

static void end_behind(void)
{
	enough = true;
	while (behind >= 0) {
		pthread_kill(thread, SIGUSR1);
		usleep(100);
	}
	enough = false;
}

/* What is no call */

static const struct {
	uint16_t offset, step, nr;
	uint32_t group;
} places[] = {
#define P(member, each, n, what) \
	{ offsetof(struct svmm_vcpu_page, member), each, n, SVMM_STATE_##what }
	P(gpr, 8, 18, GPR), P(seg, 4, 40, SEG), P(cr, 8, 8, CR), P(dr, 8, 6, DR),
	P(msr, 8, 43, MSR), P(events, 4, 6, EVENTS), P(tsc, 8, 3, TSC), P(mp, 4, 2, MP),
	P(pv, 8, 8, PV),
#undef P
};

static void scribble(unsigned int n, const uint8_t *c)
{
	struct svmm_vcpu_page *page = w.page[n];
	unsigned int place = c[4] % (ARRAY_SIZE(places) + 4), at = c[5];
	uint8_t *lapic;
	uint64_t v = value(BITS, c + 6);

	if (!page)
		return;
	lapic = (uint8_t *)page + page->lapic_offset % (caps.vcpu_mmap_bytes - PAGE_SIZE);
	switch (place - (unsigned int)ARRAY_SIZE(places)) {
	case 0:
		page->immediate_exit = v & 1;
		page->want = c[8];
		page->dirty = c[9] & 1 ? v : 0;
		return;
	case 1:
		memcpy(lapic + at % 67 * 4, &v, 4);
		page->dirty |= SVMM_STATE_LAPIC;
		return;
	case 2:
		((uint8_t *)page)[page->xsave_offset % caps.vcpu_mmap_bytes] ^= v;
		page->dirty |= SVMM_STATE_XSAVE;
		return;
	case 3:
		((uint8_t *)page)[(c[5] << 8 | c[8]) % caps.vcpu_mmap_bytes] = v;
		return;
	}
	if (c[8] & 1)		/* a bit of what is there */
		((uint8_t *)page)[places[place].offset + at % places[place].nr *
				  places[place].step] ^= 1 << c[9] % 8;
	else
		memcpy((uint8_t *)page + places[place].offset +
		       at % places[place].nr * places[place].step, &v, places[place].step);
	page->dirty |= places[place].group;
}

/* In a mode that it names, code of pieces (pieces.h), or of its own bytes. */
static void start(unsigned int n, const uint8_t *c)
{
	static const struct stubs stubs = { 0x9000, 0x9000, 0x9000 };
	unsigned int at = G_CODE;

	if (!w.page[n] || w.vm[vm(n / 2)] < 0)
		return;
	memset(ram + 0x9000, 0xf4, PAGE_SIZE);		/* handlers: HLT */
	start_memory(ram, &stubs, c[4] % 6 + 1);
	start_registers(w.page[n], c[4] % 6 + 1, G_CODE);
	w.page[n]->gpr.rflags |= c[5] & 1 ? RFLAGS_IF : 0;
	w.page[n]->gpr.rax = value(BITS, c + 6);
	w.page[n]->gpr.rdx = c[8];
	w.page[n]->gpr.rcx = c[9];
	w.page[n]->gpr.rsi = G_FREE;
	w.page[n]->gpr.rdi = G_FREE;
	if (!caps.xcr0)
		w.page[n]->cr.xcr0 = 0;
	/* QEMU ends where a TSS is busy, or none (docs/emulated-host.md). */
	w.page[n]->seg.tr.attrib &= ~2;
	for (unsigned int i = 10; i < COMMAND_BYTES; i++) {
		if (c[5] & 2) {
			ram[at++] = c[i];
		} else {
			const struct piece *piece = &pieces[c[i] % ARRAY_SIZE(pieces)];

			if (piece->rax == TSS)
				continue;
			memcpy(ram + at, piece->code, piece->nr);
			at += piece->nr;
		}
	}
	ram[at] = 0xf4;
}

static void take(const uint8_t *c)
{
	uint8_t *at = ram + c[4] * PAGE_SIZE;
	size_t bytes = (c[5] % 64 + 1) * PAGE_SIZE;

	switch (c[6] % 6) {
	case 0:
		madvise(at, bytes, MADV_DONTNEED);
		break;
	case 1:
		mprotect(at, bytes, PROT_READ);
		break;
	case 2:
		mprotect(at, bytes, PROT_READ | PROT_WRITE);
		break;
	case 3:		/* nothing is there; not even what libc would map there next */
		mmap(at, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
		     -1, 0);
		break;
	case 4:
		mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		     0);
		break;
	case 5:
		madvise(ram, G_RAM_BYTES, MADV_HUGEPAGE);
		break;
	}
}

/* Code and tables need memory behind them; a program may have taken it. */
static bool has_memory(void)
{
	uint8_t there[G_RAM_BYTES / PAGE_SIZE];

	return !mincore(ram, G_RAM_BYTES, there) &&
	       !mprotect(ram, G_RAM_BYTES, PROT_READ | PROT_WRITE);
}

static const char *child(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		for (unsigned int i = 0; i < VMS; i++)
			if (w.vm[i] >= 0 && svmm_signal_msi(w.vm[i], 0xfee00000, 0x31) != -EIO)
				_exit(1);
		for (unsigned int i = 0; i < VCPUS; i++)
			if (w.vcpu[i] >= 0 && (svmm_run(w.vcpu[i]) != -EIO ||
					       svmm_get_state(w.vcpu[i], 1) != -EIO))
				_exit(1);
		_exit(0);
	}
	if (pid < 0)
		return NULL;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? "a child's call did not give -EIO" : NULL;
}

/* Calls */

/* @own: on an fd that the call is of, with an argument in memory */
static const char *judge(const struct call *call, int ret, bool own)
{
	if (ret >= 0)
		return NULL;
	for (unsigned int i = 0; i < ERRORS && call->error[i]; i++) {
		if (errno == call->error[i])
			return NULL;
	}
	if (!own && (errno == ENOTTY || errno == EBADF || errno == EFAULT || errno == EBUSY))
		return NULL;
	/* An object that could not be made. */
	if (errno == EBADF)
		return NULL;
	return campaign_wrong("%s: %s", call->name, strerror(errno));
}

static const char *ioctl_call(const struct call *call, const uint8_t *c)
{
	static uint8_t argument[64 << 10] __attribute__((aligned(8)));
	bool own = c[2] < 250;
	enum whose whose = own ? call->whose : (enum whose)(c[2] % 3);
	int fd = fd_of(whose, c[1]), ret;
	void *arg = argument;
	uint64_t number = 0;

	memset(argument, 0, call->bytes);
	for (unsigned int i = 0; call->member[i].kind != END; i++) {
		const struct member *m = &call->member[i];
		const uint8_t *v = c + 4 + 2 * i % (COMMAND_BYTES - 4);

		number = value(m->kind, v);
		if (m->kind == NAME || m->kind == TEXT)
			text(m->kind, v, (char *)argument + m->offset);
		else
			memcpy(argument + m->offset, &number, m->bytes);
	}
	if (call->request == SVMM_SET_MEMORY_SLOT)
		keep_to((struct svmm_memory_slot *)argument);
	/* Not the signals that end RUNs. */
	if (call->request == SVMM_SET_SIGMASK)
		((struct svmm_sigmask *)argument)->mask = c[20];
	if (call->request == SVMM_SET_CPUID && c[3] & 1)
		arg = cpuid;
	if (!call->bytes)
		arg = (void *)number;
	else if (c[3] > 250)
		arg = (void *)value(USER, (const uint8_t[]){ 0, c[4] });
	if (call->request == SVMM_RUN) {
		ret = run(fd);
		errno = ret < 0 ? -ret : 0;
	} else {
		ret = ioctl(fd, call->request, arg);
	}
	if (call->request == SVMM_CREATE_VM && own)
		keep(&w.vm[c[1] % VMS], ret);
	if (call->request == SVMM_CREATE_VCPU && own && ret >= 0) {
		unmap(c[3] % VCPUS);
		keep(&w.vcpu[c[3] % VCPUS], ret);
		map(c[3] % VCPUS);
	}
	return judge(call, ret, own && c[3] <= 250);
}

static const char *command(const uint8_t *c)
{
	unsigned int what = c[0] % NR_WHATS, n;

	if (what < CALLS)
		return ioctl_call(&calls[what], c);
	n = vcpu(c[1]);
	switch (what) {
	case SCRIBBLE:
		scribble(n, c);
		break;
	case START:
		if (has_memory())
			start(n, c);
		break;
	case RUN_ON:
		return run_on(n);
	case RUN_BEHIND:
		if (behind < 0)
			behind = dup(w.vcpu[n]);
		break;
	case MAP:
		map(n);
		break;
	case UNMAP:
		unmap(n);
		break;
	case CLOSE:
		if (c[2] & 1) {
			close(w.vcpu[n]);
			w.vcpu[n] = -1;
			if (c[2] & 2)
				unmap(n);
		} else if (w.vm[c[1] % VMS] >= 0) {
			close(w.vm[c[1] % VMS]);
			w.vm[c[1] % VMS] = -1;
		}
		break;
	case DUP:
		if (c[2] & 1)
			keep(&w.vcpu[n], dup(w.vcpu[n]));
		else if (w.vm[c[1] % VMS] >= 0)
			keep(&w.vm[c[1] % VMS], dup(w.vm[c[1] % VMS]));
		break;
	case SIGNAL:
		if (c[2] & 1) {
			uint64_t one = 1;

			if (write(w.event[c[1] % EVENTS], &one, 8) < 0)
				break;
		} else {
			close(w.event[c[1] % EVENTS]);
			w.event[c[1] % EVENTS] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		}
		break;
	case TAKE:
		take(c);
		break;
	case CHILD:
		return c[2] % 4 ? NULL : child();
	case RAW:
		ioctl(fd_of(c[2] % 3, c[1]),
		      c[3] & 1 ? campaign_mix(c[4]) : _IOC(c[5] & 3, SVMM_IOC, c[4], c[6] * 8),
		      value(USER, c + 8));
		break;
	}
	return NULL;
}

/* A program */

static void renew_memory(void)
{
	if (mmap(ram, G_RAM_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
		abort();
}

static void begin(void)
{
	/* Without SA_RESTART: it ends a RUN. */
	const struct sigaction action = { .sa_handler = nothing };
	sigset_t alarm;

	/* Behind the memory there is nothing. */
	ram = mmap(NULL, RESERVED_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		   0);
	scratch = mmap(NULL, SCRATCH_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	w.svmm = svmm_open();
	if (w.svmm < 0 || svmm_get_caps(w.svmm, &caps) ||
	    svmm_get_supported_cpuid(w.svmm, &cpuid) || ram == MAP_FAILED || scratch == MAP_FAILED)
		abort();
	close(w.svmm);
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, NULL);
	if (pthread_create(&thread, NULL, run_behind, NULL))
		abort();
	sigprocmask(SIG_UNBLOCK, &alarm, NULL);
}

static const char *execute(const struct program *p)
{
	const char *wrong = NULL;

	renew_memory();
	w.svmm = svmm_open();
	w.vms = 0;
	for (unsigned int i = 0; i < VMS; i++)
		w.vm[i] = -1;
	for (unsigned int i = 0; i < VCPUS; i++)
		w.vcpu[i] = -1;
	for (unsigned int i = 0; i < EVENTS; i++)
		w.event[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	for (unsigned int i = 0; i < p->nr && !wrong; i++)
		wrong = command(p->command[i]);
	campaign_count(p->nr);
	end_behind();
	for (unsigned int i = 0; i < VCPUS; i++) {
		unmap(i);
		if (w.vcpu[i] >= 0)
			close(w.vcpu[i]);
	}
	for (unsigned int i = 0; i < VMS; i++)
		if (w.vm[i] >= 0)
			close(w.vm[i]);
	for (unsigned int i = 0; i < EVENTS; i++)
		close(w.event[i]);
	close(w.svmm);
	return wrong;
}

static void describe(const uint8_t *c, char *text, size_t bytes)
{
	unsigned int what = c[0] % NR_WHATS;
	const struct call *call = &calls[what];
	size_t n;

	if (what >= CALLS) {
		snprintf(text, bytes, "%s on %u", more_names[what - CALLS], c[1] % VCPUS);
		return;
	}
	n = snprintf(text, bytes, "%s on %u:", call->name, c[1]);
	for (unsigned int i = 0; call->member[i].kind != END && n < bytes; i++)
		n += snprintf(text + n, bytes - n, " %#llx",
			      (unsigned long long)value(call->member[i].kind,
							c + 4 + 2 * i % (COMMAND_BYTES - 4)));
}

int main(int argc, char **argv)
{
	static const struct target target = {
		.name = "ioctl",
		.begin = begin,
		.execute = execute,
		.describe = describe,
	};

	return campaign(&target, argc, argv);
}
