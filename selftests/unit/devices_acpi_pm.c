// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/acpi_pm.c
/*
 * ACPI fixed hardware: soft-off, the power button's SCI, the PM timer and its status, reset.
 */
#include "devices_fake.h"

#define STS	ACPI_PM_BASE
#define EN	(ACPI_PM_BASE + 2)
#define CNT	(ACPI_PM_BASE + 4)
#define TMR	(ACPI_PM_BASE + 8)
#define PWRBTN	0x100
#define HALF	2343503000ull	/* a bit less than 2^23 ticks, in ns */

static struct acpi_pm *pm;

static void test_soft_off(void)
{
	unsigned int type;

	pm = acpi_pm_new(&fake);
	CHECK_EQ(port_in(CNT, 2), 0x0001);	/* ACPI mode, always */
	port_out(CNT, 2, 0);
	CHECK_EQ(port_in(CNT, 2), 0x0001);
	port_out(CNT, 2, ACPI_SLP_TYP_S5 << 10);
	CHECK_EQ(port_in(CNT, 2), 0x1401);
	CHECK_EQ(fake.stops, 0);
	for (type = 0; type < 8; type++)
		if (type < ACPI_SLP_TYP_S3 || type > ACPI_SLP_TYP_S5)
			port_out(CNT, 2, type << 10 | 1 << 13);
	CHECK_EQ(fake.stops, 0);
	port_out(CNT, 2, ACPI_SLP_TYP_S5 << 10 | 1 << 13);
	CHECK_EQ(fake.stops, 1);
	CHECK_EQ(fake.stop_why, MACHINE_POWEROFF);
	CHECK_EQ(port_in(CNT, 2), 0x1401);	/* SLP_EN reads as 0 */
	acpi_pm_free(pm);

	fake_init();
	pm = acpi_pm_new(&fake);
	outb(0x34, CNT + 1);			/* by bytes */
	CHECK_EQ(fake.stop_why, MACHINE_POWEROFF);
	CHECK_EQ(fake.stops, 1);
	outb(0x02, CNT);			/* the other byte is not written again */
	CHECK_EQ(fake.stops, 1);
	CHECK_EQ(port_in(CNT, 4), 0x1403);
	acpi_pm_free(pm);
}

/* Where firmware has it, it is the same, but that PIIX4's 0 is soft-off. */
static void test_piix4(void)
{
	pm = acpi_pm_new(&fake);
	CHECK_EQ(acpi_pm_add_piix4(pm), 0);
	advance(SECOND);
	CHECK_EQ(port_in(ACPI_PIIX4_BASE + 8, 4), 3579545);
	CHECK_EQ(port_in(TMR, 4), 3579545);
	port_out(ACPI_PIIX4_BASE + 2, 2, 0x21);
	CHECK_EQ(port_in(EN, 2), 0x21);
	port_out(ACPI_PIIX4_BASE + 4, 2, 0);
	CHECK_EQ(fake.stops, 0);
	port_out(ACPI_PIIX4_BASE + 4, 2, 1 << 13);
	CHECK_EQ(fake.stops, 1);
	CHECK_EQ(fake.stop_why, MACHINE_POWEROFF);
	port_out(CNT, 2, 1 << 10 | 1 << 13);
	CHECK_EQ(fake.stops, 1);
	acpi_pm_free(pm);

	fake_init();
	pm = acpi_pm_new(&fake);
	fake.refuse_after = 0;
	CHECK_EQ(acpi_pm_add_piix4(pm), -EEXIST);
	acpi_pm_free(pm);
}

#define RTC	0x400
#define WAK	0x8000
#define SLEEP	(ACPI_SLP_TYP_S3 << 10 | 1 << 13)

static void test_sleep(void)
{
	pm = acpi_pm_new(&fake);
	port_out(EN, 2, RTC);
	port_out(CNT, 2, SLEEP);
	CHECK_EQ(fake.stops, 1);
	CHECK_EQ(fake.stop_why, MACHINE_SLEEP);
	advance(10 * SECOND);			/* the PM timer wakes nobody */
	acpi_pm_raise_gpe(pm, 1);
	CHECK_EQ(fake.stops, 1);
	CHECK_EQ(port_in(STS, 2) & WAK, 0);
	fake.stops = 0;
	acpi_pm_rtc_alarm(pm);
	CHECK_EQ(fake.stops, 1);
	CHECK_EQ(fake.stop_why, MACHINE_WAKE);
	CHECK_EQ(port_in(STS, 2) & (WAK | RTC), WAK | RTC);
	acpi_pm_power_button(pm);		/* it is awake */
	CHECK_EQ(fake.stops, 1);
	CHECK_EQ(fake.irq[9], 1);
	port_out(STS, 2, 0xffff);
	CHECK_EQ(port_in(STS, 2), 0);
	CHECK_EQ(fake.irq[9], 0);

	/* The clock if it may, the button always. */
	port_out(EN, 2, 0);
	port_out(CNT, 2, SLEEP);
	fake.stops = 0;
	acpi_pm_rtc_alarm(pm);
	CHECK_EQ(fake.stops, 0);
	acpi_pm_power_button(pm);
	CHECK_EQ(fake.stop_why, MACHINE_WAKE);
	/* What is there already. */
	port_out(STS, 2, WAK);
	port_out(CNT, 2, SLEEP);
	CHECK_EQ(fake.stops, 3);
	CHECK_EQ(port_in(STS, 2) & WAK, WAK);
	acpi_pm_reset(pm);
	port_out(CNT, 2, SLEEP);
	acpi_pm_reset(pm);
	fake.stops = 0;
	acpi_pm_power_button(pm);
	CHECK_EQ(fake.stops, 0);
	port_out(CNT, 2, ACPI_SLP_TYP_S4 << 10 | 1 << 13);
	CHECK_EQ(fake.stop_why, MACHINE_POWEROFF);
	acpi_pm_free(pm);
}

static void test_power_button(void)
{
	pm = acpi_pm_new(&fake);
	acpi_pm_power_button(pm);
	CHECK_EQ(fake.irq[9], 0);
	CHECK_EQ(port_in(STS, 2), PWRBTN);
	port_out(EN, 2, PWRBTN);
	CHECK_EQ(fake.irq[9], 1);
	port_out(STS, 2, 0xfeff);		/* ones clear, zeros keep */
	CHECK_EQ(port_in(STS, 2), PWRBTN);
	CHECK_EQ(fake.irq[9], 1);
	outb(0x01, STS + 1);
	CHECK_EQ(fake.irq[9], 0);
	CHECK_EQ(port_in(STS, 2), 0);

	acpi_pm_power_button(pm);
	CHECK_EQ(fake.irq[9], 1);
	port_out(STS, 4, PWRBTN | 0xffffu << 16);	/* both registers at once */
	CHECK_EQ(fake.irq[9], 0);
	CHECK_EQ(port_in(EN, 2), 0x0721);

	outb(0, EN);				/* one byte of it */
	CHECK_EQ(port_in(EN, 2), 0x0700);
	outb(0x01, EN + 1);
	CHECK_EQ(port_in(EN, 2), 0x0100);

	acpi_pm_power_button(pm);
	advance(3 * SECOND);			/* two events at once */
	CHECK_EQ(port_in(STS, 2), PWRBTN | 1);
	port_out(STS, 2, PWRBTN);
	CHECK_EQ(port_in(STS, 2), 1);
	acpi_pm_power_button(pm);
	CHECK_EQ(port_in(STS, 4), PWRBTN << 16 | PWRBTN | 1);
	outb(0x02, ACPI_RESET_PORT);
	acpi_pm_reset(pm);
	CHECK_EQ(inb(ACPI_RESET_PORT), 0);
	CHECK_EQ(fake.irq[9], 0);
	CHECK_EQ(port_in(STS, 4), 0);
	acpi_pm_free(pm);
}

/* What has a guest power off, and is told to one that takes no notice until it is quite awake. */
static void test_shut_down(void)
{
	pm = acpi_pm_new(&fake);
	acpi_pm_shut_down(pm);
	CHECK_EQ(port_in(STS, 2), PWRBTN);
	port_out(STS, 2, PWRBTN);
	advance(SECOND);
	port_out(CNT, 2, SLEEP);		/* it was about to sleep, and had heard nothing */
	CHECK_EQ(fake.stop_why, MACHINE_SLEEP);
	fake.stops = 0;
	advance(SECOND);
	CHECK_EQ(fake.stops, 1);
	CHECK_EQ(fake.stop_why, MACHINE_WAKE);
	for (unsigned int i = 0; i < 5; i++) {
		CHECK_EQ(port_in(STS, 2) & PWRBTN, PWRBTN);
		port_out(STS, 2, 0xffff);
		CHECK_EQ(port_in(STS, 2) & PWRBTN, 0);
		advance(2 * SECOND);
	}
	acpi_pm_reset(pm);
	advance(10 * SECOND);
	CHECK_EQ(port_in(STS, 2) & PWRBTN, 0);

	/* To one that never sleeps it is one press; and without this, one that sleeps gets none. */
	acpi_pm_shut_down(pm);
	port_out(STS, 2, PWRBTN);
	advance(10 * SECOND);
	CHECK_EQ(port_in(STS, 2) & PWRBTN, 0);
	acpi_pm_reset(pm);
	port_out(CNT, 2, SLEEP);
	fake.stops = 0;
	advance(10 * SECOND);
	CHECK_EQ(fake.stops, 0);
	acpi_pm_free(pm);
}

static void test_gpe(void)
{
	pm = acpi_pm_new(&fake);
	CHECK_EQ(port_in(ACPI_GPE_BASE, 4), 0);
	acpi_pm_raise_gpe(pm, 1);
	CHECK_EQ(fake.irq[9], 0);
	CHECK_EQ(port_in(ACPI_GPE_BASE, 2), 2);
	outb(2, ACPI_GPE_BASE + 2);
	CHECK_EQ(fake.irq[9], 1);
	CHECK_EQ(port_in(ACPI_GPE_BASE, 4), 0x20002);
	outb(0xfd, ACPI_GPE_BASE);		/* ones clear, zeros keep */
	outb(0xff, ACPI_GPE_BASE + 1);
	CHECK_EQ(fake.irq[9], 1);
	outb(2, ACPI_GPE_BASE);
	CHECK_EQ(fake.irq[9], 0);
	CHECK_EQ(port_in(ACPI_GPE_BASE, 2), 0);

	/* Beside a fixed event; the line falls when both are gone. */
	acpi_pm_raise_gpe(pm, 15);
	CHECK_EQ(fake.irq[9], 0);
	port_out(ACPI_GPE_BASE + 2, 2, 0x8000);
	CHECK_EQ(fake.irq[9], 1);
	port_out(EN, 2, PWRBTN);
	acpi_pm_power_button(pm);
	outb(0x80, ACPI_GPE_BASE + 1);
	CHECK_EQ(fake.irq[9], 1);
	outb(0x01, STS + 1);
	CHECK_EQ(fake.irq[9], 0);
	acpi_pm_raise_gpe(pm, 15);
	acpi_pm_reset(pm);
	CHECK_EQ(fake.irq[9], 0);
	CHECK_EQ(port_in(ACPI_GPE_BASE, 4), 0);
	acpi_pm_free(pm);
}

static void test_pm_timer(void)
{
	uint32_t before;

	pm = acpi_pm_new(&fake);
	CHECK_EQ(port_in(TMR, 4), 0);
	advance(SECOND);
	CHECK_EQ(port_in(TMR, 4), 3579545);
	CHECK_EQ(port_in(TMR, 2), 3579545 & 0xffff);
	CHECK_EQ(inb(TMR + 2), 3579545 >> 16);
	advance(4 * SECOND);			/* 24 bits, and no more */
	CHECK_EQ(port_in(TMR, 4), 5 * 3579545 - 0x1000000);
	port_out(TMR, 4, 0);
	CHECK_EQ(port_in(TMR, 4), 5 * 3579545 - 0x1000000);

	before = port_in(TMR, 4);
	advance(1000 * 365 * 86400ull * MS);	/* a year of milliseconds: no overflow */
	CHECK_EQ((port_in(TMR, 4) - before) & 0xffffff, 365 * 86400ull * 3579545 & 0xffffff);
	CHECK_EQ(fake.fired, 0);		/* nobody asked to be interrupted */
	acpi_pm_free(pm);
}

static void test_timer_status(void)
{
	pm = acpi_pm_new(&fake);
	advance(HALF - 2 * MS);
	CHECK_EQ(port_in(STS, 2), 0);
	advance(3 * MS);
	CHECK_EQ(port_in(STS, 2), 1);
	port_out(STS, 2, 1);
	CHECK_EQ(port_in(STS, 2), 0);
	CHECK_EQ(fake.irq[9], 0);

	port_out(EN, 2, 1);
	advance(HALF - 4 * MS);
	CHECK_EQ(fake.irq[9], 0);
	advance(4 * MS);
	CHECK_EQ(fake.irq[9], 1);
	CHECK_EQ(fake.fired, 1);
	advance(10 * SECOND);			/* once is enough until it is cleared */
	CHECK_EQ(fake.fired, 1);
	port_out(STS, 2, 1);
	CHECK_EQ(fake.irq[9], 0);
	CHECK_EQ(port_in(STS, 2), 0);
	advance(3 * SECOND);
	CHECK_EQ(fake.fired, 2);
	CHECK_EQ(fake.irq[9], 1);
	acpi_pm_free(pm);
}

static void test_reset_register(void)
{
	pm = acpi_pm_new(&fake);
	outb(0x02, ACPI_RESET_PORT);
	CHECK_EQ(inb(ACPI_RESET_PORT), 0x02);
	outb(0xfb, ACPI_RESET_PORT);
	CHECK_EQ(inb(ACPI_RESET_PORT), 0x0a);
	CHECK_EQ(fake.stops, 0);
	outb(0x06, ACPI_RESET_PORT);
	CHECK_EQ(fake.stops, 1);
	CHECK_EQ(fake.stop_why, MACHINE_RESET);
	acpi_pm_free(pm);
}

static void test_hostile(void)
{
	pm = acpi_pm_new(&fake);
	fuzz_ports(100000, SECOND);
	CHECK(fake.fired < 100000);
	acpi_pm_free(pm);
}

static void test_refused(void)
{
	fake.refuse_timer = true;
	CHECK(!acpi_pm_new(&fake));
	CHECK_EQ(errno, ENOMEM);
	fake.refuse_timer = false;
	for (int i = 0; i < 3; i++) {
		fake_init();
		fake.refuse_after = i;
		CHECK(!acpi_pm_new(&fake));
		CHECK_EQ(errno, EEXIST);
		CHECK(!fake.timers);
	}
}

static const struct test tests[] = {
	{ "acpi: S5 powers off, and what is no state does nothing", test_soft_off },
	{ "acpi: the same where OVMF expects it", test_piix4 },
	{ "acpi: S3 sleeps until it is woken, S4 powers off", test_sleep },
	{ "acpi: the power button's status and SCI", test_power_button },
	{ "acpi: a guest that shall power off, and sleeps", test_shut_down },
	{ "acpi: general-purpose events", test_gpe },
	{ "acpi: the PM timer's 24 bits", test_pm_timer },
	{ "acpi: the PM timer's status and SCI", test_timer_status },
	{ "acpi: the reset register", test_reset_register },
	{ "acpi: random accesses", test_hostile },
	{ "acpi: a refused timer, a refused range", test_refused },
};

int main(void)
{
	return RUN_TESTS(tests);
}
