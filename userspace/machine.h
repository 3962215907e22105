/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine: what its four files (machine.c, bus.c, timer.c, vcpu.c) share.
 * Device models must not include this; device.h is theirs.
 *
 * Threads: the main thread runs the event loop, each vCPU has a thread.  A
 * letter on each field says what guards it:
 *	c	constant while vCPUs run
 *	l	the device lock
 *	a	atomic
 */
#ifndef VMCTL_MACHINE_H
#define VMCTL_MACHINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "libsvmm.h"
#include "plug.h"
#include "ram.h"
#include "topology.h"

#define MACHINE_MAX_RANGES	32
#define MACHINE_MAX_WATCHES	128
#define MACHINE_APIC_BASE	0xfee00000u
#define MACHINE_IOAPIC_BASE	0xfec00000u
#define MACHINE_IOAPIC_ID	0	/* not in the number space of local APICs */

/**
 * struct machine_config - what the user asked for, as the machine needs it
 * @name: of the VM
 * @mem_bytes: RAM
 * @backing: what it is in the host
 * @topology: of its vCPUs
 * @cpuid: what they can do; their topology is written into it
 * @exit_port: debug-exit port, or -1
 * @pvpanic: it can say that it has panicked
 * @plugs: what is on its PCI bus
 */
struct machine_config {
	const char *name;
	uint64_t mem_bytes;
	struct ram_backing backing;
	struct topology topology;
	struct svmm_cpuid *cpuid;
	int exit_port;
	bool pvpanic;
	struct plug_config *plugs;
};

struct watch {
	int fd;			/* -1: free */
	uint32_t events;
	void (*ready)(void *opaque, uint32_t events);
	void *opaque;
};

struct vcpu {
	struct machine *m;
	struct svmm_vcpu_page *page;
	int fd;
	unsigned int id;	/* counts from 0; the APIC ID may leave numbers out */
	pthread_t thread;
};

struct machine {
	int svmm_fd;			/* c, not ours */
	struct svmm_caps caps;		/* c */
	int vm_fd;			/* c */
	struct ram ram;			/* c */
	struct vcpu *vcpus;		/* c */
	unsigned int nr_vcpus;		/* c */
	atomic_uint nr_running;		/* a, vCPUs that did not find the VM dead */

	pthread_mutex_t lock;
	pthread_cond_t released;	/* nr_holds is 0, or stopping is set */
	unsigned int nr_holds;		/* l */
	bool hold_access;		/* l, the access that is under way waits for that */

	/* bus.c */
	struct io_range ports[MACHINE_MAX_RANGES];	/* c */
	struct io_range mmio[MACHINE_MAX_RANGES];	/* c */
	unsigned int nr_ports, nr_mmio;			/* c */
	uint8_t *port_owner;		/* c, index in ports[] + 1, per port */
	bool stray_reported;		/* l */
	bool irqfds_reported;		/* l */

	/* timer.c */
	struct machine_timer *timers;	/* l */
	uint64_t timer_set_ns;		/* l, what timer_fd is set to */
	int timer_fd;			/* c */

	/* the event loop */
	int epoll_fd, wake_fd;		/* c */
	struct watch watches[MACHINE_MAX_WATCHES];	/* l */

	/* stop request */
	atomic_bool stopping;		/* a, written under l */
	enum machine_stop stop_why;	/* l */
	unsigned int stop_value;	/* l */

	/* devices */
	int extint;			/* l, level that the kernel was told */
	struct pic *pic;		/* c */
	struct ioapic *ioapic;
	struct pit *pit;
	struct rtc *rtc;
	struct uart *uart;
	struct i8042 *i8042;
	struct acpi_pm *acpi_pm;
	struct pvpanic *pvpanic;	/* NULL: none was asked for */
	struct plugs *plugs;		/* NULL: there is no PCI bus */
};

/**
 * machine_new - build a machine in its power-on state
 * @svmm_fd: from svmm_open(); stays the caller's
 * @config: what to build
 * @console: of the serial port
 *
 * Return: the machine, or NULL after a message.
 */
struct machine *machine_new(int svmm_fd, const struct machine_config *config,
			    struct console *console);
void machine_free(struct machine *m);

/**
 * machine_run - run the vCPUs and the event loop until a stop is requested
 * @m: with its guest loaded
 * @value: set to the value of the stop request
 *
 * Return: why it stopped; no vCPU runs any more.
 */
enum machine_stop machine_run(struct machine *m, unsigned int *value);

static inline void machine_lock(struct machine *m)
{
	pthread_mutex_lock(&m->lock);
}

static inline void machine_unlock(struct machine *m)
{
	pthread_mutex_unlock(&m->lock);
}

/* Behind a vCPU's access, under the lock: wait if a device wants it (machine_hold()). */
void machine_end_access(struct machine *m);

/* bus.c; bus_io() and bus_mmio() under the lock. */
int bus_init(struct machine *m);
void bus_free(struct machine *m);
/* @count elements of @bytes each, in or out of @data. */
void bus_io(struct machine *m, uint16_t port, bool write, unsigned int bytes, uint32_t count,
	    void *data);
void bus_mmio(struct machine *m, uint64_t gpa, bool write, unsigned int bytes, void *data);

/* timer.c */
int timer_init(struct machine *m);
void timer_exit(struct machine *m);

/* vcpu.c */
int vcpu_init(struct vcpu *vcpu, struct machine *m, unsigned int n, unsigned int apic_id,
	      const struct svmm_cpuid *cpuid);
void vcpu_free(struct vcpu *vcpu);
int vcpu_start(struct vcpu *vcpu);
/* Make the vCPU's thread leave the guest and look at m->stopping; and wait for its end. */
void vcpu_kick(struct vcpu *vcpu);
void vcpu_join(struct vcpu *vcpu);

/* cpuid.c: make the table the one of vCPU @n. */
void cpuid_edit(struct svmm_cpuid *table, const struct topology *t, unsigned int n);

#endif
