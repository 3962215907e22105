// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz svmm.ko by its guests: random programs of pieces (pieces.h) with interesting registers, in
 * each CPU mode, on two vCPUs at once: CPUID, MSRs, control and debug registers, ports, MMIO,
 * interrupts between the two, edits of page tables, SVM's own instructions, mode switches, code
 * that changes itself, and bytes of no meaning.
 *
 * Held against them: no state that a guest can reach is one that VMRUN refuses, or one that the
 * module does not know; SVMM_RUN's errors are those of a dead VM; memory beside the guest's is as
 * it was. The rest is the kernel's log's to say.
 *
 * A command is one piece: byte 0 which, 1 the mode and how, from 8 on what registers hold. It
 * begins with G_FIXUP set to the next one's, so that a fault costs no more than its own.
 *
 * needs: selftests/fuzz/host/campaign.c selftests/fuzz/host/kcov.c selftests/lib/start.c
 * needs: selftests/lib/vmtest.c
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../lib/start.h"
#include "campaign.h"
#include "pieces.h"

#define PIECES		(sizeof(pieces) / sizeof(pieces[0]))
#define GUEST_CPUS	2
#define CODE_AT(n)	(0xc000 + 0x2000 * (n))
#define STACK_AT(n)	(G_STACK - 0xc00 * (n))
#define CANARY_BYTES	PAGE_SIZE
#define READONLY_GPA	0xc0000000UL
#define PROGRAMS_OF_A_VM 64
#define RUNS		400		/* of a vCPU, one program */
#define TICK_MS		2
#define TICKS		3		/* that a program lasts, at most */

static struct {
	struct vmt v[GUEST_CPUS];
	uint8_t *canary[2];		/* before and behind the memory */
	uint64_t value;			/* that fills them */
	unsigned int programs;		/* of this VM */
} w;

static const char *const modes[] = {
	"mode_REAL", "mode_PROT16", "mode_PROT32", "mode_PAGED32", "mode_PAE", "mode_LONG"
};

/* Values */

static uint64_t value(enum kind kind, const uint8_t *v)
{
	static const uint32_t msrs[] = {
		0x10, 0x11, 0x12, 0x1b, 0x48, 0x49, 0x8b, 0xfe, 0x174, 0x175, 0x176, 0x179, 0x17a,
		0x1d9, 0x200, 0x201, 0x20f, 0x250, 0x268, 0x277, 0x2ff, 0x6e0, 0x802, 0x808, 0x80b,
		0x80d, 0x80f, 0x828, 0x830, 0x832, 0x835, 0x836, 0x837, 0x838, 0x83e, 0x83f,
		0x4b564d00, 0x4b564d01, 0x4b564d03, 0x4b564d04, 0xc0000080, 0xc0000081, 0xc0000082,
		0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103, 0xc0010015,
		0xc0010114, 0xc0010117, 0xc0010140, 0xda0, 0x1fff, 0x40000000, 0xc0011029,
	};
	static const uint64_t edges[] = {
		0, 1, -1ULL, 0x7fffffffffff, 0x800000000000, 0xffff800000000000, 0x7fffffff,
		0x80000000, 0xffffffff, 0x100000000, 0xfee00000, 0xfee00fff, G_RAM_BYTES - 1,
		G_RAM_BYTES, READONLY_GPA + 0xffe, 1ULL << 40, 0xfffff, 0xffff,
	};
	static const uint16_t selectors[] = {
		0, SEL_CODE64, SEL_DATA, SEL_CODE32, SEL_CODE16, SEL_USER32, SEL_USER_DATA,
		SEL_USER64, SEL_TSS, 4, 0xfff8, 3,
	};
	static const uint16_t tables[] = { G_PML4 >> 4, G_PDPT >> 4, G_PD >> 4, G_PT >> 4,
					   G_PDPT_PAE >> 4, G_PD32 >> 4, G_GDT >> 4, G_IDT >> 4 };
	uint64_t r = campaign_mix(v[0] << 8 | v[1]);

	if (kind == TSS)
		return v[1] & 1 ? SEL_TSS : v[1] | 8;
	if (kind == CR3)
		return r & 0xffffffffff;
	if (v[0] > 240 && kind != TABLE)
		return v[1] & 1 ? r : edges[v[1] / 2 % ARRAY_SIZE(edges)];
	switch (kind) {
	case SMALL: return v[1] % 40;
	case LEAF:
		return v[1] / 4 + (v[1] & 3 ? (v[1] & 3) == 1 ? 0x40000000u : 0 : 0x80000000);
	case MSR:
		return v[0] & 1 ? msrs[v[1] % ARRAY_SIZE(msrs)] : 0x800u + v[1] % 64;
	case PORT:
		return v[0] & 1 ? 0x100 + v[1] : 0x60 + v[1] % 64;
	/* One or two bits beside what the modes have; bits of FLAGS too. */
	case CR:
		return (v[0] & 1 ? 0x80000031 : 0x6a0) ^ 1ULL << v[1] % 32 ^ 1ULL << v[0] % 32;
	case DR: return r & 0xffff27ff;
	case DATA:
		return v[0] & 1 ? v[1] : r;
	case ADDRESS:
		switch (v[0] % 8) {
		case 0:
		case 1: return G_MMIO + v[1] * 4;
		case 2: return 0xfee00000 + v[1] % 64 * 16;
		case 3: return READONLY_GPA + v[1] * 16;
		case 4: return G_PAGED + v[1] * 64;
		case 5: return G_MMIO + 0xff0 + v[1] % 32;
		case 6: return G_RAM_BYTES - 16 + v[1] % 32;
		default: return 0x40000000 + v[1] * PAGE_SIZE;
		}
	case MEMORY:
		return G_FREE + (v[0] % 16) * PAGE_SIZE + v[1] * (v[0] & 1 ? 1 : 16);
	case TABLE:
		return ((uint64_t)tables[v[0] % 8] << 4) + v[1] % 64 * (v[1] & 0x80 ? 8 : 4);
	case ENTRY:
		return (r & 0x3ff000) | v[1] | (v[0] & 1 ? 0 : r & (1ULL << 63));
	case CODE:
		return CODE_AT(v[0] & 1) + v[1] * (v[0] & 2 ? 8 : 1);
	case SELECTOR: return selectors[v[1] % ARRAY_SIZE(selectors)];
	case HYPERCALL: return v[1] % 16;
	case ICR: return (r & 0xccfff) | (v[1] & 15) << 4;
	default: return r;
	}
}

/* Code */

struct emitter {
	uint8_t *ram;
	uint32_t at;
	int mode;		/* as in layout.h */
};

static void bytes(struct emitter *e, const void *from, unsigned int n)
{
	memcpy(e->ram + e->at, from, n);
	e->at += n;
}

static void byte(struct emitter *e, uint8_t b)
{
	bytes(e, &b, 1);
}

static bool wide(const struct emitter *e)
{
	return e->mode != MODE_REAL && e->mode != MODE_PROT16;
}

static void set(struct emitter *e, unsigned int reg, uint64_t v)
{
	if (e->mode == MODE_LONG)
		byte(e, 0x48);
	else if (!wide(e))
		byte(e, 0x66);
	byte(e, 0xb8 + reg);
	bytes(e, &v, e->mode == MODE_LONG ? 8 : 4);
}

static void emit(struct emitter *e, const uint8_t *c)
{
	const struct piece *piece = &pieces[c[0] % PIECES];
	uint32_t fixup, next;

	/* MOV dword [G_FIXUP], the next command's address */
	if (!wide(e)) {
		byte(e, 0x66);
		bytes(e, (const uint8_t[]){ 0xc7, 0x06, G_FIXUP & 255, G_FIXUP >> 8 }, 4);
	} else {
		byte(e, 0xc7);
		byte(e, e->mode == MODE_LONG ? 0x04 : 0x05);
		if (e->mode == MODE_LONG)
			byte(e, 0x25);
		bytes(e, &(uint32_t){ G_FIXUP }, 4);
	}
	fixup = e->at;
	e->at += 4;
	set(e, 0, value(piece->rax, c + 8));
	set(e, 1, value(piece->rcx, c + 10));
	set(e, 2, value(piece->rdx, c + 12));
	set(e, 7, value(piece->rdi, c + 14));
	if (c[1] >= 240) {
		bytes(e, c + 16, 15);
	} else {
		if (!wide(e))
			byte(e, 0x67);
		bytes(e, piece->code, piece->nr);
	}
	next = e->at;
	memcpy(e->ram + fixup, &next, 4);
}

/* Running */

static atomic_uint ticks;

static void on_tick(int signal)
{
	ticks++;
}

static void set_timer(unsigned int ms)
{
	const struct itimerval t = { { 0, ms * 1000 }, { 0, ms * 1000 } };

	setitimer(ITIMER_REAL, &t, NULL);
}

/*
 * QEMU's word for the #GP of a MOV to a control register with reserved bits is VMEXIT_INVALID, out
 * of the middle of a run (docs/emulated-host.md): RIP is at the MOV, or all is the host's.
 */
static bool is_emulators(struct vmt *v)
{
	static struct svmm_debug_vmcb vmcb[GUEST_CPUS];
	uint8_t *raw = vmcb[v - w.v].vmcb;
	uint64_t rip, base;

	if (strstr(v->page->exit.fail_entry.reason, "control register with reserved bits"))
		return true;
	if (!vmt_emulated_host() || svmm_debug_vmcb(v->vcpu, &vmcb[v - w.v]))
		return false;
	memcpy(&base, raw + 0x418, 8);		/* CS's base, RIP (APM vol. 2, appendix B) */
	memcpy(&rip, raw + 0x578, 8);
	rip += base;
	while (rip < G_RAM_BYTES - 2 && (v->ram[rip] & 0xf0) == 0x40)	/* REX */
		rip++;
	return rip < G_RAM_BYTES - 2 && v->ram[rip] == 0x0f && v->ram[rip + 1] == 0x22;
}

/* To its end, or for as long as a program lasts. NULL, or what is wrong. */
static const char *run(struct vmt *v, const char **wrong)
{
	struct svmm_exit *e = &v->page->exit;

	for (unsigned int i = 0; i < RUNS && ticks < TICKS && !*wrong; i++) {
		int ret = svmm_run(v->vcpu);

		if (ret == -EINTR)
			continue;
		if (ret == -EIO)
			break;
		if (ret)
			return campaign_wrong("SVMM_RUN: %s", strerror(-ret));
		switch (e->reason) {
		case SVMM_EXIT_IO:
			if (e->io.direction == SVMM_IO_IN)
				memset((uint8_t *)v->page + e->io.data_offset, e->io.port,
				       e->io.count * e->io.bytes);
			else if (e->io.port >= PORT_DONE && e->io.port <= PORT_UNEXPECTED)
				return NULL;
			break;
		case SVMM_EXIT_MMIO:
			if (!e->mmio.bytes || e->mmio.bytes > 8)
				return campaign_wrong("an MMIO access of %u bytes", e->mmio.bytes);
			memset(e->mmio.data, e->mmio.gpa, 8);
			break;
		case SVMM_EXIT_EXTINT:
			e->extint.vector = 0x30;
			break;
		case SVMM_EXIT_EOI:
			break;
		case SVMM_EXIT_SHUTDOWN:
		case SVMM_EXIT_EMULATION_FAILURE:
			return NULL;
		case SVMM_EXIT_FAIL_ENTRY:
			if (is_emulators(v))
				return NULL;
			return campaign_wrong("a guest has got to %.96s", e->fail_entry.reason);
		case SVMM_EXIT_INTERNAL_ERROR:
			return campaign_wrong("internal error, exit code %#llx, %#llx, %#llx",
					      (unsigned long long)e->internal.exit_code,
					      (unsigned long long)e->internal.info1,
					      (unsigned long long)e->internal.info2);
		case SVMM_EXIT_MEMORY_FAULT:
			return campaign_wrong("a memory fault at %#llx: %d",
					      (unsigned long long)e->memory_fault.gpa,
					      e->memory_fault.error);
		default:
			return campaign_wrong("an exit %u", e->reason);
		}
	}
	return NULL;
}

/* The second vCPU, in a thread of its own. */

static atomic_int turn;			/* 1: its */
static const char *wrong_of[GUEST_CPUS];
static pthread_t thread;

static void *second(void *arg)
{
	for (;;) {
		static char words[256];
		const char *wrong;

		while (!turn)
			usleep(50);
		wrong = run(&w.v[1], &wrong_of[0]);
		if (wrong) {
			snprintf(words, sizeof(words), "%s, on vCPU 1", wrong);
			wrong_of[1] = words;
		}
		turn = 0;
	}
	return NULL;
}

static const char *run_both(void)
{
	ticks = 0;
	wrong_of[0] = NULL;
	wrong_of[1] = NULL;
	set_timer(TICK_MS);
	turn = 1;
	wrong_of[0] = run(&w.v[0], &wrong_of[1]);
	while (turn) {
		pthread_kill(thread, SIGUSR1);
		usleep(100);
	}
	set_timer(0);
	return wrong_of[0] ?: wrong_of[1];
}

/* Programs */

/* A VM serves for many programs: what a vCPU was at first, it is made again for the next. */

static struct svmm_cpuid *cpuid;
static uint8_t *first[GUEST_CPUS];	/* their pages, with all state */

static void close_guest(void)
{
	for (unsigned int i = 0; i < GUEST_CPUS; i++) {
		if (w.v[i].page)
			munmap(w.v[i].page, w.v[i].caps.vcpu_mmap_bytes);
		if (w.v[i].vcpu >= 0)
			close(w.v[i].vcpu);
		w.v[i].page = NULL;
		w.v[i].vcpu = -1;
	}
	if (w.v[0].vm >= 0)
		close(w.v[0].vm);
	w.v[0].vm = -1;
	w.programs = 0;
}

static bool open_guest(void)
{
	struct vmt *v = w.v;
	char name[32];

	if (v->vm >= 0)
		return true;
	snprintf(name, sizeof(name), "fuzz-%d", getpid());
	do
		v->vm = svmm_create_vm(v->svmm, name);
	while (v->vm == -EINTR);
	if (v->vm < 0 || svmm_set_slot(v->vm, 0, 0, 0, G_RAM_BYTES, v->ram) ||
	    svmm_set_slot(v->vm, 1, SVMM_MEM_READONLY, READONLY_GPA, PAGE_SIZE, v->ram + G_FREE))
		return false;
	w.v[1].vm = v->vm;
	for (unsigned int i = 0; i < GUEST_CPUS; i++) {
		struct vmt *u = &w.v[i];

		u->vcpu = svmm_create_vcpu(v->vm, i);
		if (u->vcpu < 0 || svmm_map_vcpu(u->vcpu, v->caps.vcpu_mmap_bytes, &u->page) ||
		    svmm_set_cpuid(u->vcpu, cpuid) || svmm_get_state(u->vcpu, SVMM_STATE_ALL))
			return false;
		memcpy(first[i], u->page, v->caps.vcpu_mmap_bytes);
	}
	return true;
}

/* As it was when it was made, and about to run at @rip in a mode. */
static bool begin_at(unsigned int n, unsigned int mode, uint64_t rip)
{
	struct vmt *v = &w.v[n];
	struct svmm_vcpu_page *page = v->page;

	memcpy(page, first[n], v->caps.vcpu_mmap_bytes);
	vmt_start(v, modes[mode]);
	page->gpr.rip = rip;
	page->gpr.rsp = STACK_AT(n);
	/* QEMU ends when a 32-bit guest comes to CPL 0 with a TSS that is busy. */
	if (vmt_emulated_host())
		page->seg.tr.attrib &= ~2;
	page->mp.state = SVMM_MP_RUNNABLE;
	page->dirty = SVMM_STATE_ALL;
	return !svmm_set_state(v->vcpu);
}

static bool canary_lives(void)
{
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int at = 0; at < CANARY_BYTES; at += 8)
			if (*(uint64_t *)(w.canary[i] + at) != w.value)
				return false;
	return true;
}

static const char *execute(const struct program *p)
{
	const char *wrong;
	unsigned int mode = p->command[0][1] % ARRAY_SIZE(modes), half = (p->nr + 1) / 2;

	if (w.programs == PROGRAMS_OF_A_VM)
		close_guest();
	if (!open_guest())
		return campaign_wrong("no VM: %s", strerror(errno));
	w.programs++;
	memset(w.v[0].ram + G_FREE, 0, 16 * PAGE_SIZE);
	for (unsigned int n = GUEST_CPUS; n--;) {
		struct emitter e = { w.v[n].ram, CODE_AT(n), mode + 1 };

		if (!begin_at(n, mode, CODE_AT(n))) {
			if (w.programs == 1)
				return "the state of a new vCPU is refused";
			/* The last program was its VM's end. */
			close_guest();
			return execute(p);
		}
		for (unsigned int i = n * half; i < (n ? p->nr : half); i++)
			emit(&e, p->command[i]);
		/* OUT to PORT_DONE, again and again */
		bytes(&e, (const uint8_t[]){ 0xe7, PORT_DONE, 0xeb, 0xfc }, 4);
	}
	wrong = run_both();
	if (!canary_lives())
		wrong = "memory beside the guest's has changed";
	campaign_count(p->nr);
	return wrong;
}

static void begin(void)
{
	/* Without SA_RESTART: it ends a RUN. */
	const struct sigaction action = { .sa_handler = on_tick };
	struct vmt *v = w.v;
	uint8_t *all;
	sigset_t alarm;

	v->svmm = svmm_open();
	if (svmm_get_supported_cpuid(v->svmm, &cpuid))
		abort();
	all = mmap(NULL, G_RAM_BYTES + 2 * CANARY_BYTES, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (v->svmm < 0 || svmm_get_caps(v->svmm, &v->caps) || all == MAP_FAILED)
		abort();
	w.canary[0] = all;
	v->ram = all + CANARY_BYTES;
	w.canary[1] = v->ram + G_RAM_BYTES;
	w.value = 0xfeedfacecafebeef ^ getpid();
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int at = 0; at < CANARY_BYTES; at += 8)
			*(uint64_t *)(w.canary[i] + at) = w.value;
	vmt_load(v, "fuzz");
	v->vm = -1;
	v->vcpu = -1;
	w.v[1] = *v;
	for (unsigned int i = 0; i < GUEST_CPUS; i++)
		first[i] = malloc(v->caps.vcpu_mmap_bytes);
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, NULL);
	if (pthread_create(&thread, NULL, second, NULL))
		abort();
	sigprocmask(SIG_UNBLOCK, &alarm, NULL);
}

static void describe(const uint8_t *c, char *text, size_t size)
{
	const struct piece *p = &pieces[c[0] % PIECES];

	snprintf(text, size, "%s: rax %#llx rcx %#llx rdx %#llx rdi %#llx (%s)",
		 c[1] >= 240 ? "bytes" : p->name, (unsigned long long)value(p->rax, c + 8),
		 (unsigned long long)value(p->rcx, c + 10),
		 (unsigned long long)value(p->rdx, c + 12),
		 (unsigned long long)value(p->rdi, c + 14), modes[c[1] % ARRAY_SIZE(modes)]);
}

int main(int argc, char **argv)
{
	static const struct target target = {
		.name = "guest",
		.begin = begin,
		.execute = execute,
		.describe = describe,
	};

	return campaign(&target, argc, argv);
}
