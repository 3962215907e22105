/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bus API of vmctl: what a device model may know of the machine around it.
 *
 * A device registers port and MMIO ranges, raises interrupt lines, arms timers
 * and watches fds; it knows neither the CLI nor the kernel's ABI.  Everything
 * here runs under the machine's one device lock: vCPU threads take it around
 * an access, the epoll loop around a callback, so a device needs no lock.
 */
#ifndef VMCTL_DEVICE_H
#define VMCTL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

/**
 * struct io_range - a device's claim on ports or guest-physical addresses
 * @name: for messages
 * @start: first port or address
 * @size: number of ports or bytes
 * @read: value of @bytes (1, 2, 4, MMIO also 8) at @offset from @start
 * @write: the same, for writing
 * @opaque: handed to both
 */
struct io_range {
	const char *name;
	uint64_t start;
	uint64_t size;
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned int bytes);
	void (*write)(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value);
	void *opaque;
};

/* Return 0, or -EEXIST when the range overlaps one that is registered. */
int machine_add_ports(struct machine *m, const struct io_range *range);
int machine_add_mmio(struct machine *m, const struct io_range *range);
/* It may lie around ranges that are there and keep theirs; who has its first byte has an access. */
int machine_add_ports_around(struct machine *m, const struct io_range *range);

/*
 * Set the level of ISA interrupt line @irq (0 to 15) or I/O APIC pin (16 to
 * 23): it reaches the 8259 pair and the I/O APIC (IRQ 0 at pin 2).
 */
void machine_set_irq(struct machine *m, unsigned int irq, int level);

/*
 * Have lines 0 and 8 for the HPET alone, or for everybody again: meanwhile what others say of them
 * is lost, and the HPET sets them by the second function.
 */
void machine_replace_legacy(struct machine *m, bool on);
void machine_set_replaced_irq(struct machine *m, unsigned int irq, int level);

/* Deliver an interrupt message to the local APICs; for the I/O APIC and the HPET. */
void machine_send_msi(struct machine *m, uint64_t address, uint32_t data);

/*
 * Let each signal of @fd, an eventfd, deliver that message (SVMM_IRQFD), until it is removed; again
 * with another message: from now on that one.  Signals of before are delivered at once.
 * Return: 0 or -errno.
 */
int machine_add_irqfd(struct machine *m, int fd, uint64_t address, uint32_t data);
void machine_remove_irqfd(struct machine *m, int fd);

/*
 * Let the guest's writes of @bytes (0: any) to I/O port or guest-physical @address signal @fd, an
 * eventfd, instead of any range's write() (SVMM_IOEVENTFD).  Return: 0 or -errno; -EAGAIN: there
 * were too many lately, later there may be more.
 */
int machine_add_ioeventfd(struct machine *m, int fd, bool port, uint64_t address,
			  unsigned int bytes);
void machine_remove_ioeventfd(struct machine *m, int fd, bool port, uint64_t address,
			      unsigned int bytes);

/* Where guest-physical @gpa is in vmctl, or NULL if @bytes (not 0) are not all RAM (any thread). */
void *machine_memory(struct machine *m, uint64_t gpa, uint64_t bytes);

/**
 * struct machine_region - a stretch of RAM
 * @gpa: where it is in the guest
 * @bytes: of it
 * @host: where it is in vmctl
 */
struct machine_region {
	uint64_t gpa;
	uint64_t bytes;
	void *host;
};

#define MACHINE_REGIONS_MAX	3

/* All RAM, for who reads and writes it beside vmctl.  Return: how many of @regions it takes. */
unsigned int machine_memory_regions(struct machine *m,
				    struct machine_region regions[MACHINE_REGIONS_MAX]);

/* The file that all RAM is a shared mapping of, from its start; or -1: it is private. */
int machine_memory_fd(const struct machine *m);

/*
 * Give the host back @bytes at @start, of machine_memory(), both multiples of 4096: the guest
 * finds zeroes there.  Return: 0 or -errno, see ram_discard(); of 0 bytes: whether it could be.
 */
int machine_discard(struct machine *m, void *start, uint64_t bytes);

/*
 * Let the guest find @bytes of vmctl's memory at @host, whole pages, as memory at guest-physical
 * @gpa: no access of it reaches a range any more, and machine_memory() does not know it.  It is
 * stretch @n of MACHINE_MAPS, which is not there yet.  Return: 0 or -errno; -EAGAIN: as
 * machine_add_ioeventfd().
 */
enum {
	MACHINE_MAP_FRAME_BUFFER, MACHINE_MAP_TEXT, MACHINE_MAP_ROM, MACHINE_MAP_FLASH, MACHINE_MAPS
};

int machine_map(struct machine *m, unsigned int n, uint64_t gpa, uint64_t bytes, void *host);
/* The same, but that writes go to whose range it is. */
int machine_map_readonly(struct machine *m, unsigned int n, uint64_t gpa, uint64_t bytes,
			 void *host);
void machine_unmap(struct machine *m, unsigned int n);

/* The alarm of the real-time clock has gone off, and the guest wants to be told. */
void machine_rtc_alarm(struct machine *m);

/* General-purpose event @n of ACPI (ACPI_GPE_PLUG...). */
void machine_raise_gpe(struct machine *m, unsigned int n);

/* Set the level of the 8259's INT output at the bootstrap processor. */
void machine_set_extint(struct machine *m, int level);

/* CLOCK_MONOTONIC, minus the time that the VM was paused; in ns. */
uint64_t machine_now_ns(struct machine *m);

struct machine_timer;
struct machine_timer *machine_timer_new(struct machine *m, void (*fire)(void *opaque),
					void *opaque);
/* Fire once at machine_now_ns() >= @deadline_ns; UINT64_MAX disarms. */
void machine_timer_arm(struct machine_timer *t, uint64_t deadline_ns);
void machine_timer_free(struct machine_timer *t);

/* Call @ready when @fd has one of @events (EPOLLIN...); events 0 removes it. */
int machine_watch_fd(struct machine *m, int fd, uint32_t events,
		     void (*ready)(void *opaque, uint32_t events), void *opaque);

/*
 * The vCPU whose access this is goes on only when the device says machine_release(), or the machine
 * stops: for what the guest must find done, and takes too long for the lock.  Others that come to
 * be held wait for both.
 */
void machine_hold(struct machine *m);
void machine_release(struct machine *m);

/*
 * Why a machine stops; the first request wins, but that nothing gives way to sleep, and sleep and
 * wake-up, which machine_run() sees to itself, give way to the others.
 */
enum machine_stop {
	MACHINE_SLEEP,		/* S3: until MACHINE_WAKE */
	MACHINE_WAKE,
	MACHINE_POWEROFF,	/* the guest powered off: status 0 */
	MACHINE_RESET,		/* the guest wants a reset */
	MACHINE_EXIT_PORT,	/* debug-exit port: status 64 + (value & 63) */
	MACHINE_CRASH,		/* triple fault: status 3 */
	MACHINE_ERROR,		/* host or vmctl error: status 1 */
	MACHINE_SIGNAL,		/* signal N: status 128 + N */
};

void machine_request_stop(struct machine *m, enum machine_stop why, unsigned int value);

/* The guest says itself that it has crashed; @what is a sentence about it.  The machine stops. */
void machine_guest_crashed(struct machine *m, const char *what);

/*
 * Where a serial port's bytes go; the console owns the terminal and Ctrl-A.
 * console_write() returns how many bytes it took; what it did not take is to
 * be offered again when the end's writable() is called.  It and console_push()
 * may find that nobody is there any more, and call connected().
 */
struct console;
int console_write(struct console *c, const void *data, unsigned int bytes);
/* No more comes for now: what was gathered can be written. */
void console_push(struct console *c);
/* The guest took bytes, after it did not take all; never calls back. */
void console_input_room(struct console *c);
/* Is somebody there?  Who is not gets nothing; what is written is lost. */
bool console_connected(const struct console *c);

/**
 * struct console_end - the guest's end of a console
 * @receive: input; how many of @bytes it took.  Of the rest it says console_input_room() later
 * @writable: it can go on with console_write()
 * @connected: console_connected() has changed; NULL: no interest
 */
struct console_end {
	unsigned int (*receive)(void *opaque, const void *data, unsigned int bytes);
	void (*writable)(void *opaque);
	void (*connected)(void *opaque);
};

/* Connect a console to its end in @m.  Return: 0, or -1 after a message. */
int console_attach_end(struct console *c, struct machine *m, const struct console_end *end,
		       void *opaque);
/* The machine has stopped; output that was not written yet stays in the console. */
void console_detach(struct console *c);

/*
 * The devices.  Each *_new() registers its ranges and returns the device or
 * NULL with errno set; *_reset() puts it into its power-on state; *_free()
 * undoes *_new().  Source of the behaviour: the part's data sheet.
 */

/* 8259A pair with ELCR: ports 20h, A0h, 4D0h. */
struct pic *pic_new(struct machine *m);
void pic_set_irq(struct pic *pic, unsigned int irq, int level);
int pic_acknowledge(struct pic *pic);	/* INTA cycle: the vector, or -1 */
void pic_reset(struct pic *pic);
void pic_free(struct pic *pic);

/* 82093AA I/O APIC with 24 pins at FEC0_0000h. */
struct ioapic *ioapic_new(struct machine *m, unsigned int id);
void ioapic_set_irq(struct ioapic *ioapic, unsigned int pin, int level);
void ioapic_eoi(struct ioapic *ioapic, unsigned int vector);
void ioapic_reset(struct ioapic *ioapic);
void ioapic_free(struct ioapic *ioapic);

/* 8254 timer at 40h and the speaker port 61h; IRQ 0. */
struct pit *pit_new(struct machine *m);
void pit_reset(struct pit *pit);
void pit_free(struct pit *pit);

/* MC146818 clock with 128 bytes of CMOS at 70h; IRQ 8.  Wall clock: UTC. */
struct rtc *rtc_new(struct machine *m, uint64_t mem_bytes);
/* The reset that comes is the end of S3. */
void rtc_tell_woken(struct rtc *rtc);
void rtc_reset(struct rtc *rtc);
void rtc_free(struct rtc *rtc);

/* 16550A at @port; input comes by uart_receive(). */
struct uart *uart_new(struct machine *m, uint16_t port, unsigned int irq, struct console *c);
/* Returns how many of @bytes the receive FIFO took. */
unsigned int uart_receive(struct uart *uart, const void *data, unsigned int bytes);
void uart_reset(struct uart *uart);
void uart_free(struct uart *uart);
/* Called by the console when it can take output again. */
void uart_console_writable(struct uart *uart);
/* Free room in the receive FIFO, in bytes. */
unsigned int uart_room(const struct uart *uart);

/*
 * i8042 with or without a keyboard: self test, command FEh resets the machine; 60h, 64h; IRQ 1.
 * Port 92h, too, which has its A20 gate and a reset.
 */
struct i8042 *i8042_new(struct machine *m, bool keyboard);
/* Keys of the keyboard, which is there, are struck: see ps2_keyboard_strike(). */
bool i8042_strike(struct i8042 *i8042, const uint16_t *codes, unsigned int nr);
void i8042_reset(struct i8042 *i8042);
void i8042_free(struct i8042 *i8042);

/* ACPI fixed hardware: PM1 event and control block, 24-bit PM timer, GPE0 block, reset register. */
#define ACPI_PM_BASE		0x600	/* PM1a_EVT 600h, PM1a_CNT 604h, PM_TMR 608h */
#define ACPI_GPE_BASE		0x610	/* GPE0: 16 events */
#define ACPI_GPE_PLUG		1	/* look at the ports of acpi_plug.c */
#define ACPI_RESET_PORT		0xcf9	/* value 06h resets */
#define ACPI_SCI_IRQ		9
#define ACPI_SLP_TYP_S3		3	/* dsdt.asl's */
#define ACPI_SLP_TYP_S4		4
#define ACPI_SLP_TYP_S5		5
#define ACPI_PIIX4_BASE		0xb000	/* where OVMF puts the registers of ACPI_PM_BASE ... */
#define ACPI_PIIX4_SLP_TYP_S5	0	/* ... and how it powers off */
struct acpi_pm *acpi_pm_new(struct machine *m);
/* It has these registers at ACPI_PIIX4_BASE, too.  Return: 0 or -errno. */
int acpi_pm_add_piix4(struct acpi_pm *pm);
void acpi_pm_power_button(struct acpi_pm *pm);
/* The guest shall power off: press the button; for one that has slept, every two seconds. */
void acpi_pm_shut_down(struct acpi_pm *pm);
void acpi_pm_rtc_alarm(struct acpi_pm *pm);
void acpi_pm_raise_gpe(struct acpi_pm *pm, unsigned int n);
void acpi_pm_reset(struct acpi_pm *pm);
void acpi_pm_free(struct acpi_pm *pm);

/* ACPI hot-plug of PCI slots, of which each is bit n of a register: see pci.asl. */
#define ACPI_PLUG_BASE	0x620
struct acpi_plug *acpi_plug_new(struct machine *m, void (*eject)(void *opaque, unsigned int slot),
				void *opaque);
void acpi_plug_arrived(struct acpi_plug *p, unsigned int slot);
void acpi_plug_leave(struct acpi_plug *p, unsigned int slot);	/* the guest is asked */
void acpi_plug_free(struct acpi_plug *p);

/* pvpanic: the guest's kernel says that it has panicked. */
#define PVPANIC_PORT	0x505
struct pvpanic *pvpanic_new(struct machine *m);
void pvpanic_free(struct pvpanic *p);

/* Where firmware says what it does: port 402h, as QEMU has it; reading gives E9h. */
#define DEBUG_PORT	0x402
/* Return: the device, its output in @c; or NULL after a message. */
struct debug_port *debug_port_new(struct machine *m, struct console *c);
void debug_port_free(struct debug_port *d);

/* --exit-port: a write ends the VM. */
int exit_port_new(struct machine *m, uint16_t port);

#endif
