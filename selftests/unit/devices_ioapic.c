// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/ioapic.c
/*
 * The I/O APIC: registers, message format, edge and level pins, masks, EOI by vector and by
 * register, delivery modes.
 */
#include "devices_fake.h"

#define BASE		0xfec00000ull
#define MASKED		0x10000u
#define LEVEL		0x8000u
#define REMOTE_IRR	0x4000u
#define LOGICAL		0x800u

static struct ioapic *io;

static uint32_t read_reg(uint8_t reg)
{
	mmio_write(BASE, 4, reg);
	return mmio_read(BASE + 0x10, 4);
}

static void write_reg(uint8_t reg, uint32_t value)
{
	mmio_write(BASE, 4, reg);
	mmio_write(BASE + 0x10, 4, value);
}

static void set_entry(unsigned int pin, uint32_t high, uint32_t low)
{
	write_reg(0x10 + 2 * pin, MASKED);
	write_reg(0x11 + 2 * pin, high);
	write_reg(0x10 + 2 * pin, low);
}

static void test_registers(void)
{
	unsigned int pin;

	io = ioapic_new(&fake, 5);
	CHECK_EQ(read_reg(0), 0x05000000);
	CHECK_EQ(read_reg(1), 0x00170020);
	CHECK_EQ(read_reg(2), 0x05000000);
	for (pin = 0; pin < 24; pin++) {
		CHECK_EQ(read_reg(0x10 + 2 * pin), MASKED);
		CHECK_EQ(read_reg(0x11 + 2 * pin), 0);
	}
	write_reg(0, 0xf9abcdef);
	CHECK_EQ(read_reg(0), 0x09000000);
	write_reg(1, 0);
	CHECK_EQ(read_reg(1), 0x00170020);
	write_reg(0x3e, 0xffffffff);		/* pin 23: status and remote IRR are read-only */
	write_reg(0x3f, 0xffffffff);
	CHECK_EQ(read_reg(0x3e), 0x0001afff);
	CHECK_EQ(read_reg(0x3f), 0xff000000);
	write_reg(0x10, 0x99);
	CHECK_EQ(read_reg(0x10), 0x99);
	write_reg(0x40, 0xffffffff);		/* no pin 24 */
	CHECK_EQ(read_reg(0x40), 0);
	CHECK_EQ(read_reg(0xff), 0);
	CHECK_EQ(read_reg(0x03), 0);
	CHECK_EQ(read_reg(0x0f), 0);

	mmio_write(BASE, 1, 0x01);		/* the index by a byte */
	CHECK_EQ(mmio_read(BASE, 4), 0x01);
	CHECK_EQ(mmio_read(BASE + 0x10, 1), 0x20);
	CHECK_EQ(mmio_read(BASE + 0x12, 1), 0x17);
	CHECK_EQ(mmio_read(BASE + 0x20, 4), 0);
	mmio_write(BASE, 4, 0x3e);
	mmio_write(BASE + 0x10, 1, 0);		/* half a register is no register */
	mmio_write(BASE + 0x10, 2, 0);
	CHECK_EQ(read_reg(0x3e), 0x0001afff);
	ioapic_free(io);
}

static void test_edge(void)
{
	io = ioapic_new(&fake, 0);
	set_entry(4, 0x03000000, 0x31);
	ioapic_set_irq(io, 4, 1);
	CHECK_EQ(fake.nr_msis, 1);
	CHECK_EQ(fake.msi[0].address, 0xfee03000);
	CHECK_EQ(fake.msi[0].data, 0x4031);
	ioapic_set_irq(io, 4, 1);		/* no edge */
	CHECK_EQ(fake.nr_msis, 1);
	ioapic_set_irq(io, 4, 0);
	CHECK_EQ(fake.nr_msis, 1);
	ioapic_set_irq(io, 4, 1);		/* needs no EOI */
	CHECK_EQ(fake.nr_msis, 2);
	CHECK_EQ(read_reg(0x18), 0x31);

	set_entry(5, 0xff000000, 0x32 | LOGICAL | 1 << 8 | 1 << 13);
	ioapic_set_irq(io, 5, 1);
	CHECK_EQ(fake.nr_msis, 3);
	CHECK_EQ(fake.msi[2].address, 0xfeeff004);
	CHECK_EQ(fake.msi[2].data, 0x4132);
	ioapic_free(io);
}

static void test_masked_edge(void)
{
	io = ioapic_new(&fake, 0);
	set_entry(4, 0, 0x31 | MASKED);
	ioapic_set_irq(io, 4, 1);
	set_entry(4, 0, 0x31);
	CHECK_EQ(fake.nr_msis, 0);
	ioapic_set_irq(io, 4, 0);
	ioapic_set_irq(io, 4, 1);
	CHECK_EQ(fake.nr_msis, 1);
	ioapic_free(io);
}

static void test_level(void)
{
	io = ioapic_new(&fake, 0);
	set_entry(9, 0x01000000, 0x59 | LEVEL);
	ioapic_set_irq(io, 9, 1);
	CHECK_EQ(fake.nr_msis, 1);
	CHECK_EQ(fake.msi[0].address, 0xfee01000);
	CHECK_EQ(fake.msi[0].data, 0xc059);
	CHECK_EQ(read_reg(0x22), 0x59 | LEVEL | REMOTE_IRR);
	ioapic_set_irq(io, 9, 0);
	ioapic_set_irq(io, 9, 1);		/* the first one is not ended yet */
	CHECK_EQ(fake.nr_msis, 1);
	ioapic_eoi(io, 0x58);
	CHECK_EQ(fake.nr_msis, 1);
	ioapic_eoi(io, 0x59);			/* still high */
	CHECK_EQ(fake.nr_msis, 2);
	CHECK_EQ(read_reg(0x22), 0x59 | LEVEL | REMOTE_IRR);
	ioapic_set_irq(io, 9, 0);
	ioapic_eoi(io, 0x59);
	CHECK_EQ(fake.nr_msis, 2);
	CHECK_EQ(read_reg(0x22), 0x59 | LEVEL);
	ioapic_eoi(io, 0x59);
	CHECK_EQ(fake.nr_msis, 2);
	ioapic_free(io);
}

static void test_masked_level(void)
{
	io = ioapic_new(&fake, 0);
	set_entry(9, 0, 0x59 | LEVEL | MASKED);
	ioapic_set_irq(io, 9, 1);
	CHECK_EQ(fake.nr_msis, 0);
	write_reg(0x22, 0x59 | LEVEL);		/* unmasked: the level counts */
	CHECK_EQ(fake.nr_msis, 1);
	write_reg(0x22, 0x59 | LEVEL | MASKED);
	ioapic_eoi(io, 0x59);			/* ends it, but sends nothing */
	CHECK_EQ(fake.nr_msis, 1);
	CHECK_EQ(read_reg(0x22), 0x59 | LEVEL | MASKED);
	ioapic_free(io);
}

static void test_shared_vector(void)
{
	io = ioapic_new(&fake, 0);
	set_entry(9, 0, 0x59 | LEVEL);
	set_entry(23, 0, 0x59 | LEVEL);
	ioapic_set_irq(io, 9, 1);
	ioapic_set_irq(io, 23, 1);
	CHECK_EQ(fake.nr_msis, 2);
	ioapic_eoi(io, 0x59);			/* ends both, and both are high */
	CHECK_EQ(fake.nr_msis, 4);
	ioapic_set_irq(io, 9, 0);
	ioapic_eoi(io, 0x59);			/* one is still high */
	CHECK_EQ(fake.nr_msis, 5);
	CHECK_EQ(read_reg(0x22), 0x59 | LEVEL);
	CHECK_EQ(read_reg(0x3e), 0x59 | LEVEL | REMOTE_IRR);
	ioapic_free(io);
}

static void test_eoi_register(void)
{
	io = ioapic_new(&fake, 0);
	set_entry(9, 0, 0x59 | LEVEL);
	ioapic_set_irq(io, 9, 1);
	mmio_write(BASE + 0x40, 4, 0x5a);
	CHECK_EQ(fake.nr_msis, 1);
	mmio_write(BASE + 0x40, 4, 0x59);
	CHECK_EQ(fake.nr_msis, 2);
	ioapic_free(io);
}

static void test_edge_clears_remote_irr(void)
{
	io = ioapic_new(&fake, 0);
	set_entry(9, 0, 0x59 | LEVEL);
	ioapic_set_irq(io, 9, 1);
	write_reg(0x22, 0x59 | MASKED);
	CHECK_EQ(read_reg(0x22), 0x59 | MASKED);
	write_reg(0x22, 0x59 | LEVEL);
	CHECK_EQ(fake.nr_msis, 2);
	ioapic_free(io);
}

static void test_delivery_modes(void)
{
	static const bool sends[8] = { true, true, false, false, true, true, false, false };
	unsigned int mode, sent;

	io = ioapic_new(&fake, 0);
	for (mode = 0; mode < 8; mode++) {
		set_entry(7, 0, 0x60 | mode << 8 | LEVEL);
		sent = fake.nr_msis;
		ioapic_set_irq(io, 7, 1);
		CHECK_EQ(fake.nr_msis - sent, sends[mode]);
		if (sends[mode])
			CHECK_EQ(fake.msi[sent].data,
				 0x4060 | mode << 8 | (mode <= 1 ? LEVEL : 0));
		/* NMI and INIT are edges: nobody will end them. */
		CHECK_EQ(!!(read_reg(0x1e) & REMOTE_IRR), mode <= 1);
		ioapic_set_irq(io, 7, 0);
		ioapic_eoi(io, 0x60);
	}
	ioapic_free(io);
}

static void test_reset(void)
{
	io = ioapic_new(&fake, 3);
	set_entry(9, 0x12000000, 0x59 | LEVEL);
	ioapic_set_irq(io, 9, 1);
	write_reg(0, 0x0c000000);
	ioapic_reset(io);
	CHECK_EQ(mmio_read(BASE, 4), 0);
	CHECK_EQ(read_reg(0), 0x03000000);
	CHECK_EQ(read_reg(0x22), MASKED);
	CHECK_EQ(read_reg(0x23), 0);
	ioapic_eoi(io, 0);
	CHECK_EQ(fake.nr_msis, 1);
	set_entry(9, 0, 0x59 | LEVEL);		/* the line has stayed where it was */
	CHECK_EQ(fake.nr_msis, 2);
	ioapic_free(io);
}

static void test_hostile(void)
{
	unsigned int i, before;

	io = ioapic_new(&fake, 0);
	ioapic_set_irq(io, 24, 1);
	ioapic_set_irq(io, ~0u, 1);
	for (i = 0; i < 100000; i++) {
		before = fake.nr_msis;
		switch (fake_random() % 4) {
		case 0:
			mmio_write(BASE + (fake_random() % 5) * 16, 1u << fake_random() % 4,
				   (uint64_t)fake_random() << 32 | fake_random());
			break;
		case 1:
			mmio_read(BASE + fake_random() % 0x1000, 1u << fake_random() % 4);
			break;
		case 2:
			ioapic_set_irq(io, fake_random() % 26, fake_random() & 1);
			break;
		case 3:
			ioapic_eoi(io, fake_random() % 300);
			break;
		}
		if (fake.nr_msis - before > 24)
			CHECK(!"more messages than pins");
	}
	for (i = 0; i < 64; i++)
		CHECK_EQ(fake.msi[i].address & ~0xff004ull, 0xfee00000);
	ioapic_free(io);
}

static void test_refused(void)
{
	fake.refuse_after = 0;
	CHECK(!ioapic_new(&fake, 0));
	CHECK_EQ(errno, EEXIST);
}

static const struct test tests[] = {
	{ "ioapic: registers and their read-only bits", test_registers },
	{ "ioapic: an edge is one message", test_edge },
	{ "ioapic: an edge on a masked pin is lost", test_masked_edge },
	{ "ioapic: a level is sent once for each EOI while it is high", test_level },
	{ "ioapic: a level on a masked pin waits", test_masked_level },
	{ "ioapic: an EOI ends all pins of its vector", test_shared_vector },
	{ "ioapic: the EOI register", test_eoi_register },
	{ "ioapic: edge mode clears remote IRR", test_edge_clears_remote_irr },
	{ "ioapic: delivery modes", test_delivery_modes },
	{ "ioapic: reset", test_reset },
	{ "ioapic: random accesses", test_hostile },
	{ "ioapic: a refused range", test_refused },
};

int main(void)
{
	return RUN_TESTS(tests);
}
