// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/i6300esb.c
// needs: userspace/devices/pci_bus.c userspace/devices/pci_function.c userspace/devices/msix.c
/*
 * The 6300ESB's watchdog on a real PCI bus: as Linux's driver uses it, its two stages and their
 * times, the unlock sequence, the lock, free-running mode, what is left over a reset; and that
 * a guest cannot make it keep the host busy.
 */
#include "../../userspace/pci.h"
#include "devices_fake.h"
#include "../../userspace/devices/i6300esb.h"

#define SLOT		1u
#define CONFIG		0x60
#define LOCK		0x68
#define ENABLE		2
#define RELOAD		0xc

#define TICK_NS(ticks)	((ticks) * 32768ull * 1000 / 33)

static struct pci_bus *bus;
static struct i6300esb *esb;
static bool has_expired;
static unsigned int expirations;

static void expired(void *opaque)
{
	if (opaque != &expirations)
		abort();
	expirations++;
}

static void start(void)
{
	bus = pci_bus_new(&fake);
	esb = i6300esb_new(bus, expired, &expirations, &has_expired);
	if (!esb)
		abort();
	expirations = 0;
}

static void end(void)
{
	i6300esb_free(esb);
	pci_bus_free(bus);
	CHECK(!fake.timers);
}

/* ---- the guest ------------------------------------------------------------------------------ */

static uint64_t ecam(unsigned int offset)
{
	return PCI_ECAM_BASE + (SLOT << 15) + offset;
}

static uint64_t reg(unsigned int offset)
{
	return (mmio_read(ecam(0x10), 4) & ~0xfull) + offset;
}

static void unlock(void)
{
	mmio_write(reg(RELOAD), 2, 0x80);
	mmio_write(reg(RELOAD), 2, 0x86);
}

static void set_preload(unsigned int n, uint32_t value)
{
	unlock();
	mmio_write(reg(4 * n), 4, value);
}

static void reload(void)
{
	unlock();
	mmio_write(reg(RELOAD), 2, 0x100);
}

/* As Linux does it: half of the time for each stage, no interrupt, the output on. */
static void linux_start(unsigned int seconds)
{
	mmio_write(ecam(CONFIG), 2, 0x0003);
	mmio_write(ecam(LOCK), 1, 0);
	unlock();
	mmio_write(reg(RELOAD), 2, 0x300);
	set_preload(0, seconds << 9);
	set_preload(1, seconds << 9);
	reload();
	mmio_write(ecam(LOCK), 1, ENABLE);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_identity(void)
{
	start();
	CHECK_EQ(mmio_read(ecam(0), 4), 0x25ab8086);
	CHECK_EQ(mmio_read(ecam(8), 4) >> 8, 0x088000);
	CHECK_EQ(mmio_read(ecam(6), 2) & 0x10, 0);	/* no list of capabilities */
	CHECK_EQ(mmio_read(ecam(CONFIG), 2), 0);
	CHECK_EQ(mmio_read(ecam(LOCK), 1), 0);
	mmio_write(ecam(CONFIG), 2, 0xffff);
	CHECK_EQ(mmio_read(ecam(CONFIG), 2), 0x27);
	mmio_write(ecam(0x62), 2, 0xffff);
	mmio_write(ecam(0x64), 4, 0xffffffff);
	CHECK_EQ(mmio_read(ecam(0x62), 2), 0);
	CHECK_EQ(mmio_read(ecam(0x64), 4), 0);
	CHECK_EQ(mmio_read(reg(0), 4), 0xfffff);
	CHECK_EQ(mmio_read(reg(4), 4), 0xfffff);
	end();
}

static void test_linux(void)
{
	start();
	linux_start(30);
	for (unsigned int i = 0; i < 20; i++) {
		advance(20 * SECOND);
		reload();
	}
	CHECK_EQ(expirations, 0);
	advance(30 * SECOND);			/* of Linux's seconds, which are 1.7 % longer */
	CHECK_EQ(expirations, 0);
	advance(SECOND);
	CHECK_EQ(expirations, 1);
	CHECK_EQ(fake.irq[16 + SLOT], 0);
	advance(1000 * SECOND);
	CHECK_EQ(expirations, 1);
	CHECK_EQ(mmio_read(reg(RELOAD), 2), 0x200);

	linux_start(2);				/* a guest that goes on starts it again */
	CHECK_EQ(mmio_read(reg(RELOAD), 2), 0);
	advance(3 * SECOND);
	CHECK_EQ(expirations, 2);
	linux_start(2);
	mmio_write(ecam(LOCK), 1, 0);		/* closed with the magic character */
	advance(1000 * SECOND);
	CHECK_EQ(expirations, 2);
	end();
}

static void test_times(void)
{
	start();
	mmio_write(ecam(CONFIG), 2, 0x0000);
	set_preload(0, 100);
	set_preload(1, 1000);
	CHECK_EQ(mmio_read(reg(0), 4), 100);
	CHECK_EQ(mmio_read(reg(4), 4), 1000);
	mmio_write(ecam(LOCK), 1, ENABLE);
	advance(TICK_NS(100) - 1);
	CHECK_EQ(mmio_read(reg(8), 4), 0);
	advance(2);
	CHECK_EQ(mmio_read(reg(8), 4), 1);
	CHECK_EQ(fake.irq[16 + SLOT], 1);	/* the first stage interrupts */
	mmio_write(reg(8), 4, 0);
	CHECK_EQ(fake.irq[16 + SLOT], 1);
	mmio_write(reg(8), 4, 1);
	CHECK_EQ(fake.irq[16 + SLOT], 0);
	CHECK_EQ(mmio_read(reg(8), 4), 0);
	advance(TICK_NS(1000) - 10);
	CHECK_EQ(expirations, 0);
	advance(20);
	CHECK_EQ(expirations, 1);

	mmio_write(ecam(CONFIG), 2, 0x0007);	/* a tick is 2^5 clocks */
	set_preload(0, 0x123fffff);		/* 20 bits count */
	set_preload(1, 0);
	CHECK_EQ(mmio_read(reg(0), 4), 0xfffff);
	reload();
	advance(0xfffffull * 32 * SECOND / 33000000 - 10);
	CHECK_EQ(expirations, 1);
	advance(20);
	CHECK_EQ(expirations, 2);
	end();
}

/* The longest time: each stage takes 2^20 - 1 ticks of 2^15 clocks, more than 32 bits of them. */
static void test_longest(void)
{
	start();
	mmio_write(ecam(CONFIG), 2, 0x0000);
	mmio_write(ecam(LOCK), 1, ENABLE);	/* as it comes out of reset */
	for (unsigned int i = 0; i < 2; i++) {
		for (unsigned int s = 0; s < 1041; s++) {
			advance(SECOND);
			CHECK_EQ(mmio_read(reg(8), 4), 0);
			CHECK_EQ(expirations, 0);
		}
		advance(SECOND);
		CHECK_EQ(mmio_read(reg(8), 4), 1);
		advance(TICK_NS(0xfffff) - 2 * SECOND);
		CHECK_EQ(expirations, 0);
		advance(2 * SECOND);
		CHECK_EQ(expirations, 1);
		expirations = 0;
		mmio_write(reg(8), 4, 1);
		unlock();
		mmio_write(reg(RELOAD), 2, 0x300);
		set_preload(0, 0xffffffff);	/* and as a guest sets it */
		set_preload(1, 0xffffffff);
		reload();
	}
	end();
}

/* The interrupt follows its type while it is there. */
static void test_interrupt_type(void)
{
	start();
	mmio_write(ecam(CONFIG), 2, 0x0003);
	set_preload(0, 1);
	mmio_write(ecam(LOCK), 1, ENABLE);
	advance(TICK_NS(2));
	CHECK_EQ(fake.irq[16 + SLOT], 0);
	for (unsigned int type = 0; type < 4; type++) {
		mmio_write(ecam(CONFIG), 1, type);
		CHECK_EQ(fake.irq[16 + SLOT], !type);
	}
	end();
}

/* Whatever is not the sequence does nothing, and a write that is let through locks again. */
static void test_unlock(void)
{
	start();
	mmio_write(reg(0), 4, 5);
	mmio_write(reg(RELOAD), 2, 0x86);
	mmio_write(reg(0), 4, 5);
	mmio_write(reg(RELOAD), 2, 0x80);
	mmio_write(reg(0), 4, 5);
	mmio_write(reg(RELOAD), 2, 0x80);
	mmio_write(reg(4), 4, 5);
	mmio_write(reg(RELOAD), 2, 0x86);
	mmio_write(reg(0), 4, 5);
	CHECK_EQ(mmio_read(reg(0), 4), 0xfffff);
	CHECK_EQ(mmio_read(reg(4), 4), 0xfffff);
	set_preload(0, 7);
	mmio_write(reg(4), 4, 5);
	CHECK_EQ(mmio_read(reg(0), 4), 7);
	CHECK_EQ(mmio_read(reg(4), 4), 0xfffff);
	mmio_write(ecam(LOCK), 1, ENABLE);
	mmio_write(reg(RELOAD), 2, 0x100);	/* no reload */
	advance(TICK_NS(7) + 10);
	mmio_write(reg(RELOAD), 2, 0x100);
	CHECK_EQ(mmio_read(reg(8), 4), 1);
	has_expired = true;
	mmio_write(reg(RELOAD), 2, 0x200);
	CHECK_EQ(mmio_read(reg(RELOAD), 2), 0x200);
	unlock();
	mmio_write(reg(RELOAD), 2, 0x200);
	CHECK_EQ(mmio_read(reg(RELOAD), 2), 0);
	CHECK(!has_expired);
	end();
}

static void test_lock(void)
{
	start();
	set_preload(0, 10);
	set_preload(1, 10);
	mmio_write(ecam(LOCK), 1, ENABLE | 1);
	for (unsigned int value = 0; value < 256; value++) {
		mmio_write(ecam(LOCK), 1, value);
		CHECK_EQ(mmio_read(ecam(LOCK), 1), ENABLE | 1);
	}
	advance(TICK_NS(21));
	CHECK_EQ(expirations, 1);
	end();
	fake_init();
	start();				/* power-on: nothing is locked */
	CHECK_EQ(mmio_read(ecam(LOCK), 1), 0);
	CHECK(has_expired);
	CHECK_EQ(mmio_read(reg(RELOAD), 2), 0x200);
	has_expired = false;
	end();
}

/* It starts when it is enabled, and not when it is written as it is. */
static void test_enable(void)
{
	start();
	set_preload(0, 1000);
	set_preload(1, 1000);
	advance(1000 * SECOND);
	CHECK_EQ(expirations, 0);
	mmio_write(ecam(LOCK), 1, ENABLE);
	advance(TICK_NS(900));
	mmio_write(ecam(LOCK), 1, ENABLE);
	mmio_write(ecam(CONFIG), 2, 0);
	advance(TICK_NS(1050));
	CHECK_EQ(expirations, 0);
	advance(TICK_NS(60));
	CHECK_EQ(expirations, 1);
	mmio_write(ecam(LOCK), 1, 0);
	reload();
	advance(1000 * SECOND);
	CHECK_EQ(expirations, 1);
	has_expired = false;
	end();
}

static void test_free_running(void)
{
	start();
	set_preload(0, 1);
	set_preload(1, 1000);
	mmio_write(ecam(LOCK), 1, ENABLE | 4);
	advance(TICK_NS(1000) - 10);
	CHECK_EQ(mmio_read(reg(8), 4), 0);	/* there is no first stage */
	CHECK_EQ(expirations, 0);
	advance(20);
	CHECK_EQ(expirations, 1);
	has_expired = false;
	end();
}

/* The output is off: the guest can see that it has expired, nobody else. */
static void test_no_output(void)
{
	start();
	mmio_write(ecam(CONFIG), 2, 0x0023);
	set_preload(0, 10);
	set_preload(1, 10);
	mmio_write(ecam(LOCK), 1, ENABLE);
	advance(SECOND);
	CHECK_EQ(expirations, 0);
	CHECK(has_expired);
	has_expired = false;
	end();
}

/* The shortest times that there are, in either mode: a handful of wake-ups, and no more. */
static void test_busy(void)
{
	start();
	for (unsigned int mode = 0; mode < 4; mode++) {
		mmio_write(ecam(LOCK), 1, 0);
		mmio_write(ecam(CONFIG), 2, mode & 1 ? 0x24 : 0x04);
		set_preload(0, 0);
		set_preload(1, 0);
		fake.fired = 0;
		mmio_write(ecam(LOCK), 1, mode & 2 ? ENABLE | 4 : ENABLE);
		advance(SECOND);
		CHECK(fake.fired <= 2);
	}
	has_expired = false;
	end();
}

/* Any access of any size anywhere. */
static void test_random(void)
{
	start();
	for (unsigned int i = 0; i < 200000; i++) {
		unsigned int bytes = 1u << fake_random() % 4;
		unsigned int at = fake_random() % (fake_random() & 1 ? 16 : 4096) & ~(bytes - 1);
		uint64_t gpa = fake_random() & 1 ? ecam(0x5c + at % 16) : reg(at);

		if (!(fake_random() % 8))
			unlock();
		if (fake_random() & 1)
			mmio_write(gpa, bytes, fake_random());
		else
			mmio_read(gpa, bytes);
		if (!(fake_random() % 64))
			advance(fake_random());
	}
	CHECK(fake.fired < 200000);
	has_expired = false;
	end();
}

static void test_refused(void)
{
	bus = pci_bus_new(&fake);
	fake.refuse_timer = true;
	CHECK(!i6300esb_new(bus, expired, NULL, &has_expired));
	CHECK_EQ(errno, ENOMEM);
	fake.refuse_timer = false;
	for (unsigned int i = 1; i < PCI_SLOTS; i++)
		CHECK(pci_function_new(bus, &(struct pci_identity) { .vendor = 1 }));
	CHECK(!i6300esb_new(bus, expired, NULL, &has_expired));
	CHECK_EQ(errno, ENOSPC);
	CHECK(!fake.timers);
	pci_bus_free(bus);
}

static const struct test tests[] = {
	{ "i6300esb: what it says it is", test_identity },
	{ "i6300esb: as Linux uses it", test_linux },
	{ "i6300esb: two stages, and their times", test_times },
	{ "the longest times", test_longest },
	{ "i6300esb: the type of its interrupt", test_interrupt_type },
	{ "i6300esb: the unlock sequence", test_unlock },
	{ "i6300esb: the lock", test_lock },
	{ "i6300esb: when it starts", test_enable },
	{ "i6300esb: free running", test_free_running },
	{ "i6300esb: without its output", test_no_output },
	{ "i6300esb: the shortest times", test_busy },
	{ "i6300esb: random accesses", test_random },
	{ "i6300esb: a refused timer, a full bus", test_refused },
};

int main(void)
{
	return RUN_TESTS(tests);
}
