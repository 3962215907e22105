// SPDX-License-Identifier: GPL-2.0
/*
 * ACPI fixed hardware (ACPI 6.5, 4.8): the PM1a event and control blocks, the 24-bit PM timer, the
 * general-purpose events and the reset register. There is no SMI and no legacy mode, so SCI_EN is
 * wired to 1.  S4 is S5, for who has written all to a disk; in S3 the machine sleeps until the
 * power button or the clock's alarm.
 *
 * The one trick: TMR_STS is worked out when somebody looks. Bit 23 of the timer has toggled if
 * ticks >> 23 differs from what it was; only TMR_EN costs a host timer.
 */
#include <errno.h>
#include <stdlib.h>

#include "../device.h"
#include "bytewide.h"
#include "ticks.h"

#define PM1_STS		0x0
#define PM1_EN		0x2
#define PM1_CNT		0x4
#define PM_TMR		0x8
#define PM_SIZE		0xc

#define PM1_TMR		(1u << 0)
#define PM1_GBL		(1u << 5)
#define PM1_PWRBTN	(1u << 8)
#define PM1_SLPBTN	(1u << 9)
#define PM1_RTC		(1u << 10)
#define PM1_WAK		(1u << 15)
#define PM1_ENABLES	(PM1_TMR | PM1_GBL | PM1_PWRBTN | PM1_SLPBTN | PM1_RTC)

#define CNT_SCI_EN	(1u << 0)
#define CNT_BM_RLD	(1u << 1)
#define CNT_SLP_TYP	(7u << 10)
#define CNT_SLP_SHIFT	10
#define CNT_SLP_EN	(1u << 13)	/* write-only */

#define GPE_STS		0x0
#define GPE_EN		0x2
#define GPE_SIZE	0x4

#define PM_TIMER_HZ	3579545
#define PM_TIMER_MASK	0xffffff
#define PM_TIMER_HALF	23		/* TMR_STS: this bit toggles */

#define PRESS_NS	2000000000ull	/* from one press of the button to the next */

#define RESET_CPU	0x04		/* bit 2 of cf9h: the reset itself */
#define RESET_LATCHED	0x0a		/* bits 1 and 3: which kind; they only read back */

struct acpi_pm {
	struct machine *m;
	struct machine_timer *timer;
	struct machine_timer *presser;
	uint64_t zero_ns;		/* when the PM timer was 0 */
	uint64_t halves;		/* ticks >> 23 when TMR_STS was last worked out */
	uint16_t status, enable, control;
	uint16_t gpe_status, gpe_enable;
	uint8_t reset_control;
	bool asleep;
	bool has_slept;
	bool piix4;			/* it is also where firmware expects it */
};

static uint64_t pm_ticks(const struct acpi_pm *pm)
{
	return ticks_from_ns(machine_now_ns(pm->m) - pm->zero_ns, PM_TIMER_HZ);
}

static void update(struct acpi_pm *pm)
{
	uint64_t halves = pm_ticks(pm) >> PM_TIMER_HALF;
	uint64_t deadline = UINT64_MAX;

	if (halves != pm->halves)
		pm->status |= PM1_TMR;
	pm->halves = halves;
	if ((pm->enable & PM1_TMR) && !(pm->status & PM1_TMR))
		deadline = pm->zero_ns + ns_from_ticks((halves + 1) << PM_TIMER_HALF, PM_TIMER_HZ);
	machine_timer_arm(pm->timer, deadline);
	machine_set_irq(pm->m, ACPI_SCI_IRQ,
			(pm->status & pm->enable) || (pm->gpe_status & pm->gpe_enable));
}

static void fire(void *opaque)
{
	update(opaque);
}

/* The button works always, the clock if it may. */
static void wake_if_due(struct acpi_pm *pm)
{
	if (!pm->asleep || !(pm->status & (PM1_PWRBTN | (pm->enable & PM1_RTC))))
		return;
	pm->asleep = false;
	pm->status |= PM1_WAK;
	machine_request_stop(pm->m, MACHINE_WAKE, 0);
}

void acpi_pm_power_button(struct acpi_pm *pm)
{
	pm->status |= PM1_PWRBTN;
	wake_if_due(pm);
	update(pm);
}

/* A guest that wakes up takes no notice of presses for a while. */
static void press_again(void *opaque)
{
	struct acpi_pm *pm = opaque;

	if (pm->has_slept)
		acpi_pm_power_button(pm);
	machine_timer_arm(pm->presser, machine_now_ns(pm->m) + PRESS_NS);
}

void acpi_pm_shut_down(struct acpi_pm *pm)
{
	acpi_pm_power_button(pm);
	machine_timer_arm(pm->presser, machine_now_ns(pm->m) + PRESS_NS);
}

void acpi_pm_rtc_alarm(struct acpi_pm *pm)
{
	pm->status |= PM1_RTC;
	wake_if_due(pm);
	update(pm);
}

void acpi_pm_raise_gpe(struct acpi_pm *pm, unsigned int n)
{
	pm->gpe_status |= 1u << n;
	update(pm);
}

static void put(uint8_t *image, unsigned int offset, unsigned int bytes, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < bytes; i++)
		image[offset + i] = value >> (8 * i);
}

static uint64_t pm_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	struct acpi_pm *pm = opaque;
	uint8_t image[PM_SIZE + 8] = { 0 };	/* an access may reach beyond the block */
	uint64_t value = 0;
	unsigned int i;

	if (offset == PM1_STS)
		update(pm);
	put(image, PM1_STS, 2, pm->status);
	put(image, PM1_EN, 2, pm->enable);
	put(image, PM1_CNT, 2, pm->control);
	put(image, PM_TMR, 4, pm_ticks(pm) & PM_TIMER_MASK);
	for (i = 0; i < bytes; i++)
		value |= (uint64_t)image[offset + i] << (8 * i);
	return value;
}

static void write_control(struct acpi_pm *pm, uint16_t value)
{
	pm->control = (value & (CNT_BM_RLD | CNT_SLP_TYP)) | CNT_SCI_EN;
	if (!(value & CNT_SLP_EN))
		return;
	switch ((value & CNT_SLP_TYP) >> CNT_SLP_SHIFT) {
	case ACPI_SLP_TYP_S3:
		pm->asleep = true;
		pm->has_slept = true;
		machine_request_stop(pm->m, MACHINE_SLEEP, 0);
		wake_if_due(pm);
		break;
	case ACPI_PIIX4_SLP_TYP_S5:
		if (!pm->piix4)
			break;
		/* fall through */
	case ACPI_SLP_TYP_S4:
	case ACPI_SLP_TYP_S5:
		machine_request_stop(pm->m, MACHINE_POWEROFF, 0);
		break;
	}
}

static void write_byte(void *opaque, uint64_t offset, uint8_t value)
{
	struct acpi_pm *pm = opaque;
	unsigned int shift = 8 * (offset & 1);
	uint16_t mask = 0xff << shift, bits = value << shift;

	switch (offset & ~1ull) {
	case PM1_STS:
		pm->status &= ~bits;
		break;
	case PM1_EN:
		pm->enable = ((pm->enable & ~mask) | bits) & PM1_ENABLES;
		break;
	case PM1_CNT:
		write_control(pm, (pm->control & ~mask) | bits);
		break;
	}
}

static void pm_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	update(opaque);		/* a toggle before the write must not outlive it */
	bytewide_write(write_byte, opaque, offset, bytes, value);
	update(opaque);
}

static uint8_t gpe_read_byte(void *opaque, uint64_t offset)
{
	const struct acpi_pm *pm = opaque;
	uint16_t value = offset < GPE_EN ? pm->gpe_status : pm->gpe_enable;

	return value >> 8 * (offset & 1);
}

static void gpe_write_byte(void *opaque, uint64_t offset, uint8_t value)
{
	struct acpi_pm *pm = opaque;
	unsigned int shift = 8 * (offset & 1);

	if (offset < GPE_EN)
		pm->gpe_status &= ~(value << shift);
	else if (offset < GPE_SIZE)
		pm->gpe_enable = (pm->gpe_enable & ~(0xff << shift)) | value << shift;
}

static uint64_t gpe_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	return bytewide_read(gpe_read_byte, opaque, offset, bytes);
}

static void gpe_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	bytewide_write(gpe_write_byte, opaque, offset, bytes, value);
	update(opaque);
}

static uint64_t reset_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	struct acpi_pm *pm = opaque;

	(void)bytes;
	return offset ? UINT64_MAX : pm->reset_control;
}

static void reset_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct acpi_pm *pm = opaque;

	(void)bytes;
	if (offset)
		return;
	pm->reset_control = value & RESET_LATCHED;
	if (value & RESET_CPU)
		machine_request_stop(pm->m, MACHINE_RESET, 0);
}

void acpi_pm_reset(struct acpi_pm *pm)
{
	pm->zero_ns = machine_now_ns(pm->m);
	pm->halves = 0;
	pm->status = 0;
	pm->enable = 0;
	pm->gpe_status = 0;
	pm->gpe_enable = 0;
	pm->control = CNT_SCI_EN;
	pm->reset_control = 0;
	pm->asleep = false;
	pm->has_slept = false;
	machine_timer_arm(pm->presser, UINT64_MAX);
	update(pm);
}

struct acpi_pm *acpi_pm_new(struct machine *m)
{
	struct acpi_pm *pm = calloc(1, sizeof(*pm));
	struct io_range block = { "acpi pm", ACPI_PM_BASE, PM_SIZE, pm_read, pm_write, pm };
	struct io_range gpe = { "acpi gpe", ACPI_GPE_BASE, GPE_SIZE, gpe_read, gpe_write, pm };
	struct io_range reset = { "reset", ACPI_RESET_PORT, 1, reset_read, reset_write, pm };
	int err;

	if (!pm)
		return NULL;
	pm->m = m;
	pm->timer = machine_timer_new(m, fire, pm);
	pm->presser = machine_timer_new(m, press_again, pm);
	if (!pm->timer || !pm->presser) {
		err = -ENOMEM;
		goto fail;
	}
	acpi_pm_reset(pm);
	err = machine_add_ports(m, &block);
	if (!err)
		err = machine_add_ports(m, &gpe);
	if (!err)
		err = machine_add_ports(m, &reset);
	if (!err)
		return pm;
fail:
	acpi_pm_free(pm);
	errno = -err;
	return NULL;
}

int acpi_pm_add_piix4(struct acpi_pm *pm)
{
	const struct io_range block = {
		"piix4 pm", ACPI_PIIX4_BASE, PM_SIZE, pm_read, pm_write, pm,
	};

	pm->piix4 = true;
	return machine_add_ports(pm->m, &block);
}

void acpi_pm_free(struct acpi_pm *pm)
{
	if (!pm)
		return;
	machine_timer_free(pm->presser);
	machine_timer_free(pm->timer);
	free(pm);
}
