/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The same guest under svmm and under kvm_amd: one vCPU in long mode, with the memory and the
 * registers that vmtest makes, and one more slot. What is measured is the benchmark's business.
 *
 * A failure ends the process with a message.
 */
#ifndef SELFTESTS_BENCH_HYPERVISOR_H
#define SELFTESTS_BENCH_HYPERVISOR_H

#include "../lib/memory.h"

/* A guest at an entry point, ready to go. */
struct program {
	uint8_t ram[G_RAM_BYTES];
	struct svmm_vcpu_page page;
};

/* guests/cost.S, guests/varied.S */
#define PORT_BELL	0xe8
#define VECTOR_BELL	0x80

struct machine;

struct hypervisor {
	const char *name;
	/* A VM with @bytes at @mem as slot 1 at GPA, if there are any. */
	struct machine *(*create)(const struct program *program, void *mem, uint64_t bytes);
	/*
	 * Run @program from its start with these arguments to its end. What it does to devices is
	 * ignored.
	 */
	void (*run)(struct machine *m, const struct program *program, uint64_t bytes,
		    uint64_t number);
	/*
	 * An OUT to PORT_BELL signals this eventfd, which nobody reads; if @memory, a write of any
	 * size to GPA, where none is, as virtio_pci.c and QEMU have it for a queue.
	 */
	void (*bell)(struct machine *m, int fd, bool memory);
	/* A signal of it is interrupt VECTOR_BELL. */
	void (*interrupt)(struct machine *m, int fd);
	/* Slot 1 logs what is written. */
	void (*log)(struct machine *m);
	/* What of it was written; it is clean afterwards. A bit per page. */
	void (*harvest)(struct machine *m, uint64_t *bitmap);
	void (*destroy)(struct machine *m);
};

extern const struct hypervisor svmm, kvm_amd;

/* With svmm; so no VM of kvm_amd may exist. */
void program_load(struct program *program, const char *guest, const char *entry);

#endif
