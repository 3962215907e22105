// SPDX-License-Identifier: GPL-2.0
/*
 * The watchdog timer of Intel's 6300ESB I/O controller hub (its data sheet, "Watchdog Timer").
 *
 * It counts down twice: the first stage may interrupt, the second asserts the output that resets
 * the machine.  What that means here is the owner's.  Registers in memory take a write only behind
 * an unlock sequence; two more are in configuration space.
 *
 * The timer never starts itself again: a stage that nobody hears ends in a bit that is set already,
 * so that a guest that sets it to a microsecond does not keep anyone busy.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "../pci.h"
#include "i6300esb.h"

/* In memory */
#define PRELOAD1	0x0
#define PRELOAD2	0x4
#define INTERRUPT	0x8	/* general interrupt status */
#define RELOAD		0xc
#define BAR_BYTES	4096u	/* the part has 16 */

#define PRELOAD_MASK	0xfffffu
#define INTERRUPT_WDT	(1u << 0)
#define RELOAD_COUNT	(1u << 8)
#define RELOAD_TIMEOUT	(1u << 9)
#define UNLOCK1		0x80
#define UNLOCK2		0x86

/* In configuration space */
#define CONFIG		0x60
#define CONFIG_INT_TYPE	0x03	/* 0: interrupt, 2: SMI, 3: none */
#define CONFIG_PRESCALE	0x04	/* 1: a tick is 2^5 clocks of the bus, 0: 2^15 */
#define CONFIG_NO_OUT	0x20
#define LOCK		0x68
#define LOCK_LOCKED	0x01	/* this register is */
#define LOCK_ENABLE	0x02
#define LOCK_FREE_RUN	0x04	/* without a first stage */
#define CONFIG_SPACE	(LOCK + 1 - CONFIG)

#define CLOCKS_PER_US	33ull		/* of the bus */
#define NS_PER_US	1000ull

struct i6300esb {
	struct machine *m;
	struct pci_function *f;
	struct machine_timer *timer;
	void (*expired)(void *opaque);
	void *opaque;
	bool *has_expired;
	uint32_t preload[2];
	unsigned int stage;		/* that counts: 0 or 1 */
	unsigned int unlocked;		/* how much of the sequence has come: 2 is all */
	bool interrupt;
	uint8_t lock;			/* as LOCK is while it is locked */
};

static uint8_t config(const struct i6300esb *esb, unsigned int at)
{
	return pci_config(esb->f)[at];
}

/* The timer */

static void count(struct i6300esb *esb, unsigned int stage)
{
	unsigned int shift = config(esb, CONFIG) & CONFIG_PRESCALE ? 5 : 15;
	uint64_t clocks = (uint64_t)esb->preload[stage] << shift;

	esb->stage = stage;
	machine_timer_arm(esb->timer,
			  machine_now_ns(esb->m) + clocks * NS_PER_US / CLOCKS_PER_US);
}

static void restart(struct i6300esb *esb)
{
	if (config(esb, LOCK) & LOCK_ENABLE)
		count(esb, config(esb, LOCK) & LOCK_FREE_RUN ? 1 : 0);
	else
		machine_timer_arm(esb->timer, UINT64_MAX);
}

static void update_interrupt(struct i6300esb *esb)
{
	pci_set_intx(esb->f, esb->interrupt && !(config(esb, CONFIG) & CONFIG_INT_TYPE));
}

static void fire(void *opaque)
{
	struct i6300esb *esb = opaque;

	if (!esb->stage) {
		esb->interrupt = true;
		update_interrupt(esb);
		count(esb, 1);
		return;
	}
	*esb->has_expired = true;
	if (!(config(esb, CONFIG) & CONFIG_NO_OUT))
		esb->expired(esb->opaque);
}

/* Registers in memory */

static uint64_t read_register(void *opaque, uint64_t offset, unsigned int bytes)
{
	const struct i6300esb *esb = opaque;

	(void)bytes;
	switch (offset) {
	case PRELOAD1:
		return esb->preload[0];
	case PRELOAD2:
		return esb->preload[1];
	case INTERRUPT:
		return esb->interrupt ? INTERRUPT_WDT : 0;
	case RELOAD:
		return *esb->has_expired ? RELOAD_TIMEOUT : 0;
	}
	return 0;
}

static void write_unlocked(struct i6300esb *esb, uint64_t offset, uint64_t value)
{
	switch (offset) {
	case PRELOAD1:
		esb->preload[0] = value & PRELOAD_MASK;
		break;
	case PRELOAD2:
		esb->preload[1] = value & PRELOAD_MASK;
		break;
	case RELOAD:
		if (value & RELOAD_TIMEOUT)
			*esb->has_expired = false;
		if (value & RELOAD_COUNT)
			restart(esb);
		break;
	}
}

static void write_register(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct i6300esb *esb = opaque;

	(void)bytes;
	if (offset == INTERRUPT) {
		if (value & INTERRUPT_WDT)
			esb->interrupt = false;
		update_interrupt(esb);
	} else if (offset == RELOAD && value == UNLOCK1) {
		esb->unlocked = 1;
	} else if (offset == RELOAD && value == UNLOCK2 && esb->unlocked == 1) {
		esb->unlocked = 2;
	} else {
		if (esb->unlocked == 2)
			write_unlocked(esb, offset, value);
		esb->unlocked = 0;
	}
}

/* Registers in configuration space, behind a write */
static void config_access(void *opaque, unsigned int offset, unsigned int bytes, bool write)
{
	struct i6300esb *esb = opaque;
	uint8_t *lock = pci_config(esb->f) + LOCK;

	(void)offset;
	(void)bytes;
	if (!write)
		return;
	if (esb->lock & LOCK_LOCKED)
		*lock = esb->lock;
	if ((*lock ^ esb->lock) & LOCK_ENABLE)
		restart(esb);
	esb->lock = *lock;
	update_interrupt(esb);
}

/* Life */

static int plug_in(struct i6300esb *esb, struct pci_bus *bus)
{
	const struct pci_identity identity = {
		.vendor = 0x8086, .device = 0x25ab, .class_code = 0x088000,
	};
	const struct pci_bar bar = {
		.bytes = BAR_BYTES, .read = read_register, .write = write_register, .opaque = esb,
	};
	const uint8_t writable[CONFIG_SPACE] = {
		[0] = CONFIG_INT_TYPE | CONFIG_PRESCALE | CONFIG_NO_OUT,
		[LOCK - CONFIG] = LOCK_LOCKED | LOCK_ENABLE | LOCK_FREE_RUN,
	};
	int err;

	esb->f = pci_function_new(bus, &identity);
	if (!esb->f)
		return -errno;
	pci_add_registers(esb->f, CONFIG, CONFIG_SPACE, writable, config_access, esb);
	err = pci_add_bar(esb->f, 0, &bar);
	if (err)
		pci_function_free(esb->f);
	return err;
}

struct i6300esb *i6300esb_new(struct pci_bus *bus, void (*expired)(void *opaque), void *opaque,
			      bool *has_expired)
{
	struct i6300esb *esb = calloc(1, sizeof(*esb));
	int err;

	if (!esb)
		return NULL;
	*esb = (struct i6300esb) {
		.m = pci_bus_machine(bus),
		.expired = expired,
		.opaque = opaque,
		.has_expired = has_expired,
		.preload = { PRELOAD_MASK, PRELOAD_MASK },
	};
	esb->timer = machine_timer_new(esb->m, fire, esb);
	err = esb->timer ? plug_in(esb, bus) : -ENOMEM;
	if (!err)
		return esb;
	if (esb->timer)
		machine_timer_free(esb->timer);
	free(esb);
	errno = -err;
	return NULL;
}

void i6300esb_free(struct i6300esb *esb)
{
	pci_function_free(esb->f);
	machine_timer_free(esb->timer);
	free(esb);
}
