/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine: what its six files (machine.c, bus.c, timer.c, vcpu.c, pause.c, suspend.c) share.
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
#include <sys/types.h>

#include "device.h"
#include "libsvmm.h"
#include "plug.h"
#include "ram.h"
#include "topology.h"

#define MACHINE_MAX_RANGES	32
#define MACHINE_SLOT(n)		(MACHINE_REGIONS_MAX + (n))	/* of MACHINE_MAPS; RAM is first */
#define MACHINE_APIC_BASE	0xfee00000u
#define MACHINE_IOAPIC_BASE	0xfec00000u
#define MACHINE_IOAPIC_ID	0	/* not in the number space of local APICs */

/**
 * struct machine_config - what the user asked for, as the machine needs it
 * @name: of the VM
 * @mem_bytes: RAM
 * @backing: what it is in the host
 * @ram_file: which ram_open() has opened for it
 * @topology: of its vCPUs
 * @cpuid: what they can do; their topology is written into it
 * @exit_port: debug-exit port, or -1
 * @firmware: the guest begins with firmware
 * @uefi: which is UEFI
 * @debug_port: where what firmware says at its debug port goes, or NULL
 * @pvpanic: it can say that it has panicked
 * @keyboard: there is one
 * @hpet: there is one
 * @last_exits: keep each vCPU's, for its crash; disas_load() has been called
 * @plugs: what is on its PCI bus
 * @nice: of the vCPUs' threads
 */
struct machine_config {
	const char *name;
	uint64_t mem_bytes;
	struct ram_backing backing;
	const struct ram_file *ram_file;
	struct topology topology;
	struct svmm_cpuid *cpuid;
	int exit_port;
	bool firmware;
	bool uefi;
	struct console *debug_port;
	bool pvpanic;
	bool keyboard;
	bool hpet;
	bool last_exits;
	struct plug_config *plugs;
	int nice;
};

struct vcpu;

/**
 * struct debugger - who debugs the guest
 * @met: SVMM_EXIT_DEBUG; by the vCPU's thread, under the lock
 * @opaque: for it
 */
struct debugger {
	void (*met)(void *opaque, struct vcpu *vcpu);
	void *opaque;
};

struct watch {
	uint32_t events;	/* 0: none */
	void (*ready)(void *opaque, uint32_t events);
	void *opaque;
};

struct vcpu {
	struct machine *m;
	struct svmm_vcpu_page *page;
	int fd;
	unsigned int id;	/* counts from 0; the APIC ID may leave numbers out */
	pthread_t thread;
	struct power_on *power_on;	/* c, suspend.c's */
	pid_t tid;		/* l, of the thread; 0: it has not begun, or has ended */
	bool renices;		/* l, it is to set its nice value */
	atomic_bool held;	/* a, written under l: it waits, though the machine is not paused */
};

struct machine {
	int svmm_fd;			/* c, not ours */
	struct svmm_caps caps;		/* c */
	int vm_fd;			/* c */
	struct ram ram;			/* c */
	struct vcpu *vcpus;		/* c */
	unsigned int nr_vcpus;		/* c */
	atomic_uint nr_running;		/* a, vCPUs that did not find the VM dead */
	int nice;			/* l, of their threads */
	unsigned int nr_renices;	/* l, threads that have not set it yet */
	int renice_error;		/* l, -errno of one that could not, or 0 */

	pthread_mutex_t lock;
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
	uint64_t timer_set_ns;		/* l, what timer_fd is set to; 0 while time stands */
	uint64_t behind_ns;		/* l, CLOCK_MONOTONIC minus machine time */
	uint64_t stands_at_ns;		/* l, machine time stands there; 0: it goes */
	uint64_t begun_ns;		/* c, machine time at power-on */
	int timer_fd;			/* c */

	/* pause.c */
	atomic_bool paused;		/* a, written under l: vCPUs shall not run */
	unsigned int nr_active;		/* l, their threads that neither wait nor have ended */
	pthread_cond_t at_rest;		/* nr_active, or nr_renices, has become 0 */
	pthread_cond_t go_on;		/* what they wait for: paused, nr_holds, stopping change */

	bool last_exits;		/* c, the kernel keeps each vCPU's, and Zydis is there */
	const struct debugger *debugger;	/* l; NULL: nobody debugs */
	bool asleep;			/* l, in S3: there are no vCPUs' threads */

	/* the event loop */
	int epoll_fd, wake_fd;		/* c */
	struct watch *watches;		/* l, by descriptor */
	unsigned int nr_watches;	/* l */
	uint64_t ioeventfds_ns;		/* l, from then on all can be had at once again */

	/* stop request */
	atomic_bool stopping;		/* a, written under l */
	enum machine_stop stop_why;	/* l */
	unsigned int stop_value;	/* l */

	/* devices */
	int extint;			/* l, level that the kernel was told */
	bool legacy_replaced;		/* l, lines 0 and 8 are the HPET's */
	struct pic *pic;		/* c */
	struct ioapic *ioapic;
	struct pit *pit;
	struct rtc *rtc;
	struct uart *uart;
	struct i8042 *i8042;
	struct acpi_pm *acpi_pm;
	struct pvpanic *pvpanic;	/* NULL: none was asked for */
	struct hpet *hpet;		/* likewise */
	struct fw_cfg *fw_cfg;		/* NULL: there is no firmware */
	struct flash *flash;		/* NULL: firmware has no variables */
	struct debug_port *debug_port;	/* NULL: none was asked for */
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
void machine_end_access(struct machine *m, struct vcpu *vcpu);

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
/* Machine time stands still, and goes on.  The latter's return: for how many ns it has. */
void timer_stop(struct machine *m);
uint64_t timer_go_on(struct machine *m);

/**
 * machine_pause - have no vCPU run and no time pass, until machine_resume()
 * @m: which runs; the caller is the event loop, with the lock, which is given up meanwhile
 * @reason: for those who watch the VM
 *
 * Returns when no vCPU is in its guest.  A machine that is paused, or ends, stays what it is.
 */
void machine_pause(struct machine *m, const char *reason);
/* The guest finds its clocks where they were.  Callers and @reason as above. */
void machine_resume(struct machine *m, const char *reason);
/* Before any vCPU has run: paused from the start, until machine_resume(). */
void machine_begin_paused(struct machine *m);
/* A vCPU's thread, outside its guest, waits as long as m->paused and vcpu->held want it to. */
void machine_park(struct machine *m, struct vcpu *vcpu);
/* Under the lock: a vCPU's thread waits or ends; and waits for the next m->go_on. */
void machine_thread_rests(struct machine *m, struct vcpu *vcpu);
void machine_thread_waits(struct machine *m, struct vcpu *vcpu);

/* vcpu.c */
int vcpu_init(struct vcpu *vcpu, struct machine *m, unsigned int n, unsigned int apic_id,
	      const struct svmm_cpuid *cpuid);
void vcpu_free(struct vcpu *vcpu);
int vcpu_start(struct vcpu *vcpu);
/* Make the vCPU's thread leave the guest and look what to do; and wait for its end. */
void vcpu_kick(struct vcpu *vcpu);
void vcpu_join(struct vcpu *vcpu);
/*
 * The nice value of all vCPUs' threads, which each sets itself; of those that are to be, too.  The
 * caller is the event loop, with the lock, which is given up meanwhile.  Return: 0 or -errno.
 */
int machine_set_nice(struct machine *m, int nice);
/* Under the lock: the vCPU's thread, which calls this, does that if it is to. */
void vcpu_renice(struct vcpu *vcpu);

/*
 * suspend.c: the vCPU's state is that of power-on: keep it.  Return: 0 or -errno.
 */
int suspend_remember(struct vcpu *vcpu);
void suspend_forget(struct vcpu *vcpu);
/*
 * No vCPU runs: let them do what they do after power-on, but that the first one goes where the
 * guest wants to wake up (FACS).  Under the lock.  Return: MACHINE_WAKE; MACHINE_RESET: that is
 * nowhere; MACHINE_ERROR: after a message.
 */
enum machine_stop suspend_wake(struct machine *m);

/* cpuid.c: make the table the one of vCPU @n. */
void cpuid_edit(struct svmm_cpuid *table, const struct topology *t, unsigned int n);

#endif
