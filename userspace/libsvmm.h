/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libsvmm: the ABI of svmm.ko as C functions, and its errors as sentences.
 *
 * One function per ioctl, nothing remembered in between: a caller holds plain
 * file descriptors and the mmap'ed page.  Every function returns a value >= 0,
 * or a negative errno that svmm_explain() puts into words.
 */
#ifndef LIBSVMM_H
#define LIBSVMM_H

#include <stddef.h>
#include <stdint.h>

#include "svmm.h"

#define SVMM_DEVICE	"/dev/svmm"

/**
 * svmm_open - open the module's device
 *
 * Return: a close-on-exec fd, or -ENOENT (module not loaded), -EACCES (no
 * permission), -ENXIO or -ENODEV (a stale device node).
 */
int svmm_open(void);

/**
 * svmm_get_caps - what the module and the CPU can do
 * @svmm: fd from svmm_open()
 * @caps: filled in
 *
 * Return: 0 or a negative errno.
 */
int svmm_get_caps(int svmm, struct svmm_caps *caps);

/**
 * svmm_get_supported_cpuid - the CPUID table that a guest on this host can have
 * @svmm: fd from svmm_open()
 * @table: set to a table with room for SVMM_MAX_CPUID entries; free() it
 *
 * Return: 0, -ENOMEM, or what SVMM_GET_SUPPORTED_CPUID gives.
 */
int svmm_get_supported_cpuid(int svmm, struct svmm_cpuid **table);

/**
 * svmm_create_vm - create a virtual machine
 * @svmm: fd from svmm_open()
 * @name: 1 to 31 characters out of [A-Za-z0-9._-], unique among the user's VMs
 *
 * Return: the VM's fd, -ENAMETOOLONG, or what SVMM_CREATE_VM gives.
 */
int svmm_create_vm(int svmm, const char *name);

/**
 * svmm_set_slot - map user memory into the guest
 * @vm: fd from svmm_create_vm()
 * @slot: number of the slot
 * @flags: SVMM_MEM_*
 * @gpa: guest-physical start
 * @bytes: size; 0 deletes the slot
 * @addr: the memory
 *
 * Return: 0, or what SVMM_SET_MEMORY_SLOT gives.
 */
int svmm_set_slot(int vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t bytes,
		  const void *addr);

/**
 * svmm_dirty_log - which pages of a slot were written?
 * @vm: fd from svmm_create_vm()
 * @slot: number of a slot with SVMM_MEM_LOG_DIRTY
 * @flags: SVMM_DIRTY_*
 * @first_page: of the slot, a multiple of 64
 * @nr_pages: a multiple of 64, or up to the slot's end
 * @bitmap: a bit for each page, in 64-bit words
 *
 * Return: 0, or what SVMM_DIRTY_LOG gives.
 */
int svmm_dirty_log(int vm, uint32_t slot, uint32_t flags, uint64_t first_page, uint64_t nr_pages,
		   uint64_t *bitmap);

/**
 * svmm_prefault - map guest memory before the guest touches it
 * @vm: fd from svmm_create_vm()
 * @flags: SVMM_PREFAULT_*
 * @gpa: guest-physical start; moves on with what is done
 * @bytes: what is left
 *
 * Return: 0, or what SVMM_PREFAULT gives; -EINTR: call again with what is left.
 */
int svmm_prefault(int vm, uint32_t flags, uint64_t *gpa, uint64_t *bytes);

/**
 * svmm_ioeventfd - have the kernel answer a write of the guest by a signal to an eventfd
 * @vm: fd from svmm_create_vm()
 * @flags: SVMM_IOEVENTFD_*
 * @address: I/O port or guest-physical address
 * @bytes: 1, 2, 4, for memory 8; 0: any
 * @match: the value, with SVMM_IOEVENTFD_MATCH
 * @fd: the eventfd
 *
 * Return: 0, or what SVMM_IOEVENTFD gives.
 */
int svmm_ioeventfd(int vm, uint32_t flags, uint64_t address, uint32_t bytes, uint64_t match,
		   int fd);

/**
 * svmm_irqfd - have the kernel deliver an interrupt message for each signal of an eventfd
 * @vm: fd from svmm_create_vm()
 * @flags: SVMM_IRQFD_*
 * @address: message address, FEEx_xxxxh; 0 with SVMM_IRQFD_REMOVE
 * @data: message data; likewise
 * @fd: the eventfd
 *
 * Return: 0, or what SVMM_IRQFD gives.
 */
int svmm_irqfd(int vm, uint32_t flags, uint64_t address, uint32_t data, int fd);

/**
 * svmm_signal_msi - deliver an interrupt message to the local APICs
 * @vm: fd from svmm_create_vm()
 * @address: message address, FEEx_xxxxh
 * @data: message data
 *
 * Return: how many local APICs took it, or what SVMM_SIGNAL_MSI gives.
 */
int svmm_signal_msi(int vm, uint64_t address, uint32_t data);

/**
 * svmm_create_vcpu - create a virtual CPU
 * @vm: fd from svmm_create_vm()
 * @id: its number and initial APIC ID
 *
 * Return: the vCPU's fd, or what SVMM_CREATE_VCPU gives.
 */
int svmm_create_vcpu(int vm, uint32_t id);

/**
 * svmm_map_vcpu - map a vCPU's shared page and the data areas behind it
 * @vcpu: fd from svmm_create_vcpu()
 * @bytes: svmm_caps.vcpu_mmap_bytes
 * @page: set to the start of the area; munmap() it before the VM can go
 *
 * Return: 0 or a negative errno.
 */
int svmm_map_vcpu(int vcpu, size_t bytes, struct svmm_vcpu_page **page);

/**
 * svmm_run - enter the guest until user space is needed
 * @vcpu: fd from svmm_create_vcpu()
 *
 * Return: 0 with the reason in the page's exit record, -EINTR for a signal or
 * immediate_exit, or what SVMM_RUN gives.
 */
int svmm_run(int vcpu);

/* The rate of the VM's TSC, before its first vCPU.  Return: 0 or -errno. */
int svmm_set_tsc_khz(int vm, uint32_t khz);

/* The VM was stopped for @ns, which its time leaves out.  No vCPU runs.  Return: 0 or -errno. */
int svmm_shift_time(int vm, uint64_t ns);

/**
 * svmm_set_vm_state - tell those who look what the VM does
 * @vm: fd from svmm_create_vm()
 * @state: RUNNING, PAUSED or CRASHED
 * @reason: why, or NULL; cut to what fits
 *
 * Return: 0 or what SVMM_SET_VM_STATE gives.
 */
int svmm_set_vm_state(int vm, enum svmm_vm_state state, const char *reason);

/* Publish @groups on the page, or load the dirty ones.  Return: 0 or -errno. */
int svmm_get_state(int vcpu, uint32_t groups);
int svmm_set_state(int vcpu);

/* Set the guest's CPUID table, before the first svmm_run(). Return: 0 or -errno. */
int svmm_set_cpuid(int vcpu, const struct svmm_cpuid *table);

/**
 * svmm_set_sigmask - signals to block while in svmm_run()
 * @vcpu: fd from svmm_create_vcpu()
 * @mask: bit n-1 is signal n; NULL keeps the thread's own mask
 *
 * Return: 0 or a negative errno.
 */
int svmm_set_sigmask(int vcpu, const uint64_t *mask);

/* Make an NMI pending.  Return: 0 or -errno. */
int svmm_nmi(int vcpu);

/* An edge at LINT1: an NMI, if its LVT entry says so.  Return: 0 or -errno. */
int svmm_nmi_lint1(int vcpu);

/* Set the level (0 or 1) of the 8259's INT output.  Return: 0 or -errno. */
int svmm_set_extint(int vcpu, uint32_t level);

/* The accounts of a vCPU; from any thread.  Return: 0 or what SVMM_GET_STATS gives. */
int svmm_get_stats(int vcpu, struct svmm_vcpu_stats *stats);

/* What a vCPU did beside its exits; from any thread.  Return: 0 or -errno. */
int svmm_get_counters(int vcpu, struct svmm_counters *counters);

/* Debug the guest, or not any more: see struct svmm_debug.  Return: 0 or -errno. */
int svmm_set_debug(int vcpu, const struct svmm_debug *debug);

/* The last exits of a vCPU that is asked to keep them.  Return: 0 or -errno. */
int svmm_get_exits(int vcpu, struct svmm_last_exits *exits);

/* The nested tables' entries for npt->gpa; from any thread.  Return: 0 or -errno. */
int svmm_debug_npt(int vm, struct svmm_debug_npt *npt);

/* The raw VMCB; needs CAP_SYS_RAWIO.  Return: 0 or -errno. */
int svmm_debug_vmcb(int vcpu, struct svmm_debug_vmcb *vmcb);

/**
 * svmm_explain - what an error means and what to do about it
 * @request: the ioctl that failed (SVMM_RUN ...); 0 for svmm_open()
 * @error: the errno, negative or positive
 *
 * Return: a sentence without a final period, never NULL.
 */
const char *svmm_explain(unsigned long request, int error);

/* The name of an exit reason: "IO", "MMIO" ...; never NULL. */
const char *svmm_exit_name(uint32_t reason);

#endif
