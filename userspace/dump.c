// SPDX-License-Identifier: GPL-2.0
/*
 * The core's layout: the ELF header, program headers, notes, and from a page's boundary on the
 * regions of RAM one behind the other.  Headers of linear addresses point into the same memory.
 */
#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <unistd.h>

#include "device.h"
#include "dump.h"
#include "guest_memory.h"
#include "machine.h"

#define GROUPS		(SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR | SVMM_STATE_MSR)
#define LOADS_MAX	4096u
#define CHUNK		(64u << 10)
#define PTE_P		1ull
#define PTE_PS		(1ull << 7)
#define PTE_ADDR	0xffffffffff000ull
#define CR4_LA57	(1ull << 12)
#define EFER_LMA	(1ull << 10)

/* The layout is QEMU's (its dump of an x86 machine), version 1. */
struct qemu_segment {
	uint32_t selector, limit, flags, pad;
	uint64_t base;
};

struct qemu_cpu {
	uint32_t version, size;
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags;
	struct qemu_segment cs, ds, es, fs, gs, ss, ldt, tr, gdt, idt;
	uint64_t cr[5];
	uint64_t kernel_gs_base;
};

struct note_prstatus {
	Elf64_Nhdr head;
	char name[8];		/* "CORE" */
	struct elf_prstatus status;
} __attribute__((packed));

struct note_qemu {
	Elf64_Nhdr head;
	char name[8];		/* "QEMU" */
	struct qemu_cpu cpu;
} __attribute__((packed));

struct dump {
	struct machine *m;
	int fd;
	unsigned int nr_regions, nr_loads;
	struct machine_region regions[MACHINE_REGIONS_MAX];
	Elf64_Phdr *loads;
	uint64_t data;		/* where the first region is in the file */
};

static int write_at(int fd, const void *data, size_t bytes, uint64_t at)
{
	while (bytes) {
		ssize_t n = pwrite(fd, data, bytes, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		data = (const char *)data + n;
		bytes -= n;
		at += n;
	}
	return 0;
}

/* Registers */

static void fill_prstatus(struct elf_prstatus *status, struct vcpu *vcpu)
{
	const struct svmm_vcpu_page *p = vcpu->page;
	const struct svmm_gprs *g = &p->gpr;
	/* As struct user_regs_struct has them (Linux: arch/x86/include/asm/user_64.h). */
	const uint64_t regs[ELF_NGREG] = {
		g->r15, g->r14, g->r13, g->r12, g->rbp, g->rbx, g->r11, g->r10, g->r9, g->r8,
		g->rax, g->rcx, g->rdx, g->rsi, g->rdi, g->rax, g->rip, p->seg.cs.selector,
		g->rflags, g->rsp, p->seg.ss.selector, p->seg.fs.base, p->seg.gs.base,
		p->seg.ds.selector, p->seg.es.selector, p->seg.fs.selector, p->seg.gs.selector,
	};

	status->pr_pid = vcpu->id + 1;
	memcpy(&status->pr_reg, regs, sizeof(regs));
}

static struct qemu_segment segment(const struct svmm_segment *s)
{
	/* Where a descriptor has them (APM vol. 2, 4.8). */
	return (struct qemu_segment) {
		.selector = s->selector, .limit = s->limit, .base = s->base,
		.flags = (s->attrib & 0xffu) << 8 | (s->attrib & 0xf00u) << 12,
	};
}

static void fill_qemu(struct qemu_cpu *c, const struct svmm_vcpu_page *p)
{
	const struct svmm_gprs *g = &p->gpr;
	const struct svmm_segs *s = &p->seg;

	*c = (struct qemu_cpu) {
		.version = 1, .size = sizeof(*c),
		.rax = g->rax, .rbx = g->rbx, .rcx = g->rcx, .rdx = g->rdx,
		.rsi = g->rsi, .rdi = g->rdi, .rsp = g->rsp, .rbp = g->rbp,
		.r8 = g->r8, .r9 = g->r9, .r10 = g->r10, .r11 = g->r11,
		.r12 = g->r12, .r13 = g->r13, .r14 = g->r14, .r15 = g->r15,
		.rip = g->rip, .rflags = g->rflags,
		.cs = segment(&s->cs), .ds = segment(&s->ds), .es = segment(&s->es),
		.fs = segment(&s->fs), .gs = segment(&s->gs), .ss = segment(&s->ss),
		.ldt = segment(&s->ldtr), .tr = segment(&s->tr),
		.gdt = segment(&s->gdt), .idt = segment(&s->idt),
		.cr = { p->cr.cr0, 0, p->cr.cr2, p->cr.cr3, p->cr.cr4 },
		.kernel_gs_base = p->msr.kernel_gs_base,
	};
}

static int write_notes(const struct dump *d, uint64_t at)
{
	for (unsigned int i = 0; i < d->m->nr_vcpus; i++) {
		struct vcpu *vcpu = &d->m->vcpus[i];
		struct elf_prstatus regs = { 0 };
		struct note_prstatus status = {
			.head = { sizeof("CORE"), sizeof(status.status), NT_PRSTATUS },
			.name = "CORE",
		};
		int err = guest_state(vcpu, GROUPS) ? 0 : -EIO;

		fill_prstatus(&regs, vcpu);
		status.status = regs;
		if (!err)
			err = write_at(d->fd, &status, sizeof(status), at + i * sizeof(status));
		if (err)
			return err;
	}
	at += d->m->nr_vcpus * sizeof(struct note_prstatus);
	for (unsigned int i = 0; i < d->m->nr_vcpus; i++) {
		struct note_qemu qemu = {
			.head = { sizeof("QEMU"), sizeof(qemu.cpu), 0 }, .name = "QEMU",
		};
		struct qemu_cpu cpu;
		int err;

		fill_qemu(&cpu, d->m->vcpus[i].page);
		qemu.cpu = cpu;
		err = write_at(d->fd, &qemu, sizeof(qemu), at + i * sizeof(qemu));
		if (err)
			return err;
	}
	return 0;
}

static uint64_t notes_bytes(const struct dump *d)
{
	return d->m->nr_vcpus * (sizeof(struct note_prstatus) + sizeof(struct note_qemu));
}

/* Program headers */

/* Where that much of RAM is in the file, from the first region on; or -1. */
static int64_t file_offset(const struct dump *d, uint64_t gpa, uint64_t *bytes)
{
	uint64_t at = 0;

	for (unsigned int i = 0; i < d->nr_regions; at += d->regions[i++].bytes) {
		const struct machine_region *r = &d->regions[i];

		if (gpa < r->gpa || gpa - r->gpa >= r->bytes)
			continue;
		if (*bytes > r->bytes - (gpa - r->gpa))
			*bytes = r->bytes - (gpa - r->gpa);
		return at + (gpa - r->gpa);
	}
	return -1;
}

/* A page of linear addresses; one that goes on where the last one ends makes that larger. */
static void add_page(struct dump *d, uint64_t linear, uint64_t gpa, uint64_t bytes)
{
	Elf64_Phdr *last = &d->loads[d->nr_loads - 1];
	int64_t at = file_offset(d, gpa, &bytes);

	if (at < 0)
		return;
	if (last->p_vaddr + last->p_memsz == linear && last->p_paddr + last->p_memsz == gpa &&
	    last->p_offset + last->p_filesz == (uint64_t)at) {
		last->p_memsz += bytes;
		last->p_filesz += bytes;
		return;
	}
	if (d->nr_loads == LOADS_MAX)
		return;
	d->loads[d->nr_loads++] = (Elf64_Phdr) {
		.p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_offset = at,
		.p_vaddr = linear, .p_paddr = gpa, .p_filesz = bytes, .p_memsz = bytes,
	};
}

/* All that a table maps, which is at @level and begins at @linear. */
static void add_table(struct dump *d, uint64_t table, unsigned int level, uint64_t linear,
		      unsigned int first)
{
	const uint64_t *entries = ram_find(&d->m->ram, table, 4096);

	for (unsigned int i = first; entries && i < 512; i++) {
		uint64_t page = 1ull << (12 + 9 * (level - 1)), at = linear + i * page;

		if (!(entries[i] & PTE_P))
			continue;
		if (level == 1 || (level <= 3 && entries[i] & PTE_PS))
			add_page(d, at, entries[i] & PTE_ADDR & ~(page - 1), page);
		else
			add_table(d, entries[i] & PTE_ADDR, level - 1, at, 0);
	}
}

static void add_linear(struct dump *d)
{
	struct vcpu *vcpu = &d->m->vcpus[0];
	unsigned int levels;

	if (!guest_state(vcpu, GROUPS) || !(vcpu->page->cr.efer & EFER_LMA))
		return;
	levels = vcpu->page->cr.cr4 & CR4_LA57 ? 5 : 4;
	/* The upper half, whose addresses are sign-extended. */
	add_table(d, vcpu->page->cr.cr3 & PTE_ADDR, levels,
		  levels == 4 ? 0xffffull << 48 : 0x7full << 57, 256);
}

static void add_physical(struct dump *d)
{
	uint64_t at = 0;

	for (unsigned int i = 0; i < d->nr_regions; at += d->regions[i++].bytes)
		d->loads[d->nr_loads++] = (Elf64_Phdr) {
			.p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_offset = at,
			.p_vaddr = d->regions[i].gpa, .p_paddr = d->regions[i].gpa,
			.p_filesz = d->regions[i].bytes, .p_memsz = d->regions[i].bytes,
		};
}

static int write_headers(struct dump *d)
{
	uint64_t notes = sizeof(Elf64_Ehdr) + (d->nr_loads + 1) * sizeof(Elf64_Phdr);
	const Elf64_Phdr note = {
		.p_type = PT_NOTE, .p_offset = notes, .p_filesz = notes_bytes(d), .p_align = 4,
	};
	const Elf64_Ehdr head = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_phoff = sizeof(head), .e_ehsize = sizeof(head),
		.e_phentsize = sizeof(note), .e_phnum = d->nr_loads + 1,
	};
	int err;

	d->data = (notes + note.p_filesz + 4095) & ~4095ull;
	for (unsigned int i = 0; i < d->nr_loads; i++)
		d->loads[i].p_offset += d->data;
	err = write_at(d->fd, &head, sizeof(head), 0);
	if (!err)
		err = write_at(d->fd, &note, sizeof(note), sizeof(head));
	if (!err)
		err = write_at(d->fd, d->loads, d->nr_loads * sizeof(*d->loads),
			       sizeof(head) + sizeof(note));
	return err ? err : write_notes(d, notes);
}

/* Memory */

static bool is_zero(const uint8_t *data, size_t bytes)
{
	return !*data && !memcmp(data, data + 1, bytes - 1);
}

static int write_memory(const struct dump *d)
{
	uint64_t at = d->data;
	int err = 0;

	for (unsigned int i = 0; i < d->nr_regions; i++) {
		const struct machine_region *r = &d->regions[i];
		const uint8_t *data = ram_find(&d->m->ram, r->gpa, r->bytes);

		for (uint64_t done = 0, n; !err && data && done < r->bytes; done += n) {
			n = r->bytes - done < CHUNK ? r->bytes - done : CHUNK;
			if (!is_zero(data + done, n))
				err = write_at(d->fd, data + done, n, at + done);
		}
		at += r->bytes;
	}
	/* The last chunk may be a hole. */
	return err ? err : ftruncate(d->fd, at) ? -errno : 0;
}

int dump_core(struct machine *m, int fd)
{
	struct dump d = { .m = m, .fd = fd };
	int err;

	d.nr_regions = machine_memory_regions(m, d.regions);
	d.loads = malloc(LOADS_MAX * sizeof(*d.loads));
	if (!d.loads)
		return -ENOMEM;
	add_physical(&d);
	add_linear(&d);
	err = write_headers(&d);
	if (!err)
		err = write_memory(&d);
	free(d.loads);
	return err;
}
