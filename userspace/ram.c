// SPDX-License-Identifier: GPL-2.0
/*
 * Guest RAM: one anonymous mapping of the host, handed to the VM in two or
 * three memory slots.
 *
 * Nothing is touched here, so memory that the guest never uses costs nothing.
 * The mapping starts on a 2 MiB boundary: guest-physical and host-virtual
 * addresses are then equal modulo 2 MiB, and huge pages of the host can become
 * large pages of the nested page table.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "libsvmm.h"
#include "message.h"
#include "ram.h"

#define ALIGNMENT	(2UL << 20)

static int fits_host(uint64_t bytes)
{
	struct sysinfo si;
	uint64_t host;

	if (sysinfo(&si))
		return 0;
	host = ((uint64_t)si.totalram + si.totalswap) * si.mem_unit;
	if (bytes <= host)
		return 0;
	message("--mem %lluM is more than this host has (%lluM); give the guest less",
		(unsigned long long)bytes >> 20, (unsigned long long)host >> 20);
	return -1;
}

int ram_alloc(struct ram *ram, uint64_t bytes)
{
	uint64_t head;
	uint8_t *map;

	if (fits_host(bytes))
		return -1;
	map = mmap(NULL, bytes + ALIGNMENT, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED) {
		message("cannot map %lluM of guest memory: %s; give the guest less",
			(unsigned long long)bytes >> 20, strerror(errno));
		return -1;
	}
	head = -(uintptr_t)map & (ALIGNMENT - 1);
	if (head)
		munmap(map, head);
	munmap(map + head + bytes, ALIGNMENT - head);

	ram->host = map + head;
	ram->bytes = bytes;
	ram->low_bytes = bytes < RAM_LOW_MAX ? bytes : RAM_LOW_MAX;
	ram->high_bytes = bytes - ram->low_bytes;

	/* Hints: a host without huge pages, or one that dumps them, still works. */
	madvise(ram->host, bytes, MADV_HUGEPAGE);
	madvise(ram->host, bytes, MADV_DONTDUMP);
	return 0;
}

void ram_free(struct ram *ram)
{
	if (ram->host)
		munmap(ram->host, ram->bytes);
	memset(ram, 0, sizeof(*ram));
}

static int set_slot(int vm_fd, uint32_t slot, uint64_t gpa, uint64_t bytes, const void *addr)
{
	int err;

	if (!bytes)
		return 0;
	err = svmm_set_slot(vm_fd, slot, 0, gpa, bytes, addr);
	if (err < 0) {
		message("cannot give the VM its memory: %s",
			svmm_explain(SVMM_SET_MEMORY_SLOT, err));
		return -1;
	}
	return 0;
}

int ram_register(const struct ram *ram, int vm_fd)
{
	if (set_slot(vm_fd, 0, 0, RAM_VGA_START, ram->host) ||
	    set_slot(vm_fd, 1, RAM_VGA_END, ram->low_bytes - RAM_VGA_END,
		     ram->host + RAM_VGA_END) ||
	    set_slot(vm_fd, 2, RAM_HIGH_START, ram->high_bytes, ram->host + ram->low_bytes))
		return -1;
	return 0;
}

void *ram_at(const struct ram *ram, uint64_t gpa, uint64_t bytes)
{
	if (gpa > ram->low_bytes || bytes > ram->low_bytes - gpa)
		return NULL;
	if (gpa < RAM_VGA_END && gpa + bytes > RAM_VGA_START)
		return NULL;
	return ram->host + gpa;
}
