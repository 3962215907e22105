// SPDX-License-Identifier: GPL-2.0
/*
 * An 82093AA I/O APIC with 24 pins, of the later kind (version 20h) that has an EOI register.
 * It turns pins into interrupt messages and knows nothing of local APICs but the messages.
 *
 * The one trick: remote IRR is the whole protocol of a level pin. deliver() sends only while it
 * is clear, an EOI clears it and calls deliver() again, so a line that stays high is sent once
 * per EOI and never more.
 *
 * Decisions. The level of a pin means "asserted": polarity is kept for the guest to read and
 * has no other effect, because no wire lies between device and pin. An edge on a masked pin is
 * lost (82093AA, bit 16 of the redirection table); a level pin is looked at when it is unmasked.
 * ExtINT, SMI and reserved delivery modes send nothing: the 8259's INT is wired to LINT0 and to
 * no pin, and there is no SMM. Messages arrive at once, so delivery status is always idle.
 */
#include <errno.h>
#include <stdlib.h>

#include "../device.h"

#define IOAPIC_BASE	0xfec00000
#define IOAPIC_SIZE	0x1000
#define PINS		24
#define VERSION		0x20

#define IOREGSEL	0x00
#define IOWIN		0x10
#define EOIR		0x40

#define REG_ID		0x00
#define REG_VERSION	0x01
#define REG_ARBITRATION	0x02
#define REG_TABLE	0x10

#define RTE_VECTOR	0xffull
#define RTE_MODE_SHIFT	8
#define RTE_LOGICAL	(1ull << 11)
#define RTE_STATUS	(1ull << 12)
#define RTE_REMOTE_IRR	(1ull << 14)
#define RTE_LEVEL	(1ull << 15)
#define RTE_MASKED	(1ull << 16)
#define RTE_DEST_SHIFT	56
#define RTE_WRITABLE	(0xff0000000001ffffull & ~(RTE_STATUS | RTE_REMOTE_IRR))

enum { MODE_FIXED = 0, MODE_LOWEST = 1, MODE_NMI = 4, MODE_INIT = 5 };

#define MSI_ADDRESS	0xfee00000ull
#define MSI_DEST_SHIFT	12
#define MSI_LOGICAL	(1u << 2)
#define MSI_MODE_SHIFT	8
#define MSI_ASSERT	(1u << 14)
#define MSI_LEVEL	(1u << 15)

struct ioapic {
	struct machine *m;
	uint32_t id, first_id;
	uint8_t select;
	uint32_t lines;
	uint64_t table[PINS];
};

static unsigned int rte_mode(uint64_t rte)
{
	return rte >> RTE_MODE_SHIFT & 7;
}

/* NMI and INIT are edges even if the table says level, and nothing ends them. */
static bool is_level(uint64_t rte)
{
	return (rte & RTE_LEVEL) && rte_mode(rte) <= MODE_LOWEST;
}

static void deliver(struct ioapic *io, unsigned int pin)
{
	uint64_t rte = io->table[pin];
	unsigned int mode = rte_mode(rte);
	uint64_t address;
	uint32_t data;

	if (rte & (RTE_MASKED | RTE_REMOTE_IRR))
		return;
	if (mode > MODE_LOWEST && mode != MODE_NMI && mode != MODE_INIT)
		return;

	address = MSI_ADDRESS | rte >> RTE_DEST_SHIFT << MSI_DEST_SHIFT;
	if (rte & RTE_LOGICAL)
		address |= MSI_LOGICAL;
	data = (rte & RTE_VECTOR) | mode << MSI_MODE_SHIFT | MSI_ASSERT;
	if (is_level(rte)) {
		data |= MSI_LEVEL;
		io->table[pin] |= RTE_REMOTE_IRR;
	}
	machine_send_msi(io->m, address, data);
}

static void deliver_if_high(struct ioapic *io, unsigned int pin)
{
	if (is_level(io->table[pin]) && (io->lines & (1u << pin)))
		deliver(io, pin);
}

void ioapic_set_irq(struct ioapic *io, unsigned int pin, int level)
{
	bool was;

	if (pin >= PINS)
		return;
	was = io->lines & (1u << pin);
	if (!level) {
		io->lines &= ~(1u << pin);
	} else {
		io->lines |= 1u << pin;
		if (!was || is_level(io->table[pin]))
			deliver(io, pin);
	}
}

void ioapic_eoi(struct ioapic *io, unsigned int vector)
{
	unsigned int pin;

	for (pin = 0; pin < PINS; pin++) {
		if (!(io->table[pin] & RTE_REMOTE_IRR) ||
		    (io->table[pin] & RTE_VECTOR) != vector)
			continue;
		io->table[pin] &= ~RTE_REMOTE_IRR;
		deliver_if_high(io, pin);
	}
}

/* ---- registers ------------------------------------------------------------------------ */

static uint32_t read_register(const struct ioapic *io)
{
	unsigned int pin = (io->select - REG_TABLE) / 2;

	switch (io->select) {
	case REG_ID:
	case REG_ARBITRATION:
		return io->id << 24;
	case REG_VERSION:
		return (PINS - 1) << 16 | VERSION;
	}
	if (io->select < REG_TABLE || pin >= PINS)
		return 0;
	return io->select & 1 ? io->table[pin] >> 32 : io->table[pin];
}

static void write_table(struct ioapic *io, unsigned int pin, bool high_half, uint32_t value)
{
	uint64_t rte = io->table[pin], written;

	if (high_half)
		written = (uint64_t)value << 32 | (uint32_t)rte;
	else
		written = (rte >> 32 << 32) | value;
	rte = (rte & ~RTE_WRITABLE) | (written & RTE_WRITABLE);

	/* Software without the EOI register ends an interrupt by passing through edge mode. */
	if (!is_level(rte))
		rte &= ~RTE_REMOTE_IRR;
	io->table[pin] = rte;
	deliver_if_high(io, pin);
}

static void write_register(struct ioapic *io, uint32_t value)
{
	unsigned int pin = (io->select - REG_TABLE) / 2;

	if (io->select == REG_ID)
		io->id = value >> 24 & 0xf;
	else if (io->select >= REG_TABLE && pin < PINS)
		write_table(io, pin, io->select & 1, value);
}

static uint64_t ioapic_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	struct ioapic *io = opaque;
	uint64_t value = 0;

	switch (offset & ~3ull) {
	case IOREGSEL:
		value = io->select;
		break;
	case IOWIN:
		value = read_register(io);
		break;
	}
	value >>= 8 * (offset & 3);
	return bytes < 8 ? value & ((1ull << 8 * bytes) - 1) : value;
}

static void ioapic_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct ioapic *io = opaque;

	/* The window takes whole registers: half a write must not arm half an entry. */
	if (offset == IOREGSEL)
		io->select = value;
	else if (offset == IOWIN && bytes >= 4)
		write_register(io, value);
	else if (offset == EOIR)
		ioapic_eoi(io, value & 0xff);
}

/* ---- life ----------------------------------------------------------------------------- */

void ioapic_reset(struct ioapic *io)
{
	unsigned int pin;

	io->id = io->first_id;
	io->select = 0;
	for (pin = 0; pin < PINS; pin++)
		io->table[pin] = RTE_MASKED;
}

struct ioapic *ioapic_new(struct machine *m, unsigned int id)
{
	struct ioapic *io = calloc(1, sizeof(*io));
	struct io_range range = {
		"ioapic", IOAPIC_BASE, IOAPIC_SIZE, ioapic_read, ioapic_write, io,
	};
	int err;

	if (!io)
		return NULL;
	io->m = m;
	io->first_id = id & 0xf;
	ioapic_reset(io);

	err = machine_add_mmio(m, &range);
	if (err) {
		free(io);
		errno = -err;
		return NULL;
	}
	return io;
}

void ioapic_free(struct ioapic *io)
{
	free(io);
}
