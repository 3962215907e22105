// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/pci_bus.c userspace/devices/pci_function.c userspace/devices/msix.c
// libs: -Wl,--wrap=calloc
/*
 * The PCI bus: configuration space by ports and by ECAM, BARs wherever a guest puts them,
 * capabilities and INTx, and what happens where there is no more of something. MSI-X is
 * devices_msix.c's.
 */
#include <stdlib.h>

#include "devices_fake.h"
#include "fail_calloc.h"
#include "pci_guest.h"

#define MEM_END		((uint64_t)PCI_MEM_END)
#define UPPER_BASE	((uint64_t)PCI_ECAM_BASE + PCI_ECAM_BYTES)
#define PORTS_END	(PCI_PORTS_BASE + PCI_PORTS_BYTES)
#define ONES		UINT32_MAX

static const struct pci_identity identity = {
	.vendor = 0x1234, .device = 0x5678, .subsystem_vendor = 0x9abc, .subsystem = 0xdef0,
	.class_code = 0x010802, .revision = 0x42,
};

static struct pci_bus *bus;

static uint16_t status_of(unsigned int slot)
{
	return config_read(slot, PCI_STATUS, 2);
}

/* ---- a device ---------------------------------------------------------------------------- */

/* What a BAR was asked, and where it was told that it is. */
struct range {
	uint64_t offset, value, address;
	unsigned int bytes, reads, writes, moves;
};

static uint64_t range_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	struct range *r = opaque;

	r->reads++;
	r->offset = offset;
	r->bytes = bytes;
	return 0x1122334455667788 + offset;
}

static void range_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct range *r = opaque;

	r->writes++;
	r->offset = offset;
	r->bytes = bytes;
	r->value = value;
}

static void range_moved(void *opaque, uint64_t address)
{
	struct range *r = opaque;

	r->moves++;
	r->address = address;
}

static int add_bar(struct pci_function *f, unsigned int n, uint64_t bytes, bool port,
		   struct range *r)
{
	const struct pci_bar bar = {
		.bytes = bytes, .port = port, .read = range_read, .write = range_write,
		.moved = range_moved, .opaque = r,
	};

	*r = (struct range) { .address = 1 };
	return pci_add_bar(f, n, &bar);
}

static struct pci_function *new_function(void)
{
	struct pci_function *f = pci_function_new(bus, &identity);

	if (!f)
		abort();
	return f;
}

static bool answers(struct range *r, bool port, uint64_t address, uint64_t offset)
{
	unsigned int reads = r->reads, writes = r->writes;

	if (port) {
		port_in(address, 4);
		port_out(address, 4, 1);
	} else {
		mmio_read(address, 4);
		mmio_write(address, 4, 1);
	}
	return r->reads == reads + 1 && r->writes == writes + 1 && r->offset == offset;
}

/* ---- configuration space ----------------------------------------------------------------- */

static void test_config_by_ports(void)
{
	bus = pci_bus_new(&fake);
	new_function();
	CHECK_EQ(config_read(0, 0, 4), 0x00081b36);
	CHECK_EQ(config_read(0, 8, 4), 0x06000000);
	CHECK_EQ(config_read(1, 0, 4), 0x56781234);
	CHECK_EQ(config_read(1, 0, 2), 0x1234);
	CHECK_EQ(config_read(1, 2, 2), 0x5678);
	CHECK_EQ(config_read(1, 1, 2), 0x7812);		/* unaligned, within the four */
	CHECK_EQ(config_read(1, 3, 1), 0x56);
	CHECK_EQ(config_read(1, 8, 4), 0x01080242);
	CHECK_EQ(config_read(1, 0x0e, 1), 0);
	CHECK_EQ(config_read(1, 0x2c, 4), 0xdef09abc);
	CHECK_EQ(config_read(1, 0xff, 1), 0);
	/* What reaches beyond the four gets those that are there. */
	CHECK_EQ(config_read(1, 3, 4), 0x56);
	CHECK_EQ(config_read(1, 2, 4), 0x5678);

	CHECK_EQ(config_read(2, 0, 4), ONES);
	CHECK_EQ(config_read(31, 0x3c, 1), 0xff);
	config_write(2, 4, 4, ONES);
	port_out(0xcf8, 4, config_address(1, 0) | 1 << 8);		/* function 1 */
	CHECK_EQ(port_in(0xcfc, 4), ONES);
	port_out(0xcf8, 4, config_address(1, 0) | 1 << 16);		/* bus 1 */
	CHECK_EQ(port_in(0xcfc, 4), ONES);
	port_out(0xcfc, 4, 0);
	port_out(0xcf8, 4, config_address(1, 0) & ~(1u << 31));
	CHECK_EQ(port_in(0xcfc, 4), ONES);
	port_out(0xcf8, 4, config_address(1, PCI_COMMAND) & ~(1u << 31));
	port_out(0xcfc, 2, 7);
	CHECK_EQ(config_read(1, PCI_COMMAND, 2), 0);
	pci_bus_free(bus);
}

static void test_config_address(void)
{
	bus = pci_bus_new(&fake);
	port_out(0xcf8, 4, ONES);
	CHECK_EQ(port_in(0xcf8, 4), 0x80fffffc);
	port_out(0xcf8, 4, 0x80000008);
	/* Linux looks whether it is no register of bytes. */
	port_out(0xcfb, 1, 1);
	port_out(0xcf8, 1, 0xff);
	port_out(0xcf8, 2, 0xffff);
	port_out(0xcfa, 2, 0xffff);
	CHECK_EQ(port_in(0xcf8, 4), 0x80000008);
	CHECK_EQ(port_in(0xcf8, 1), 0xff);
	CHECK_EQ(port_in(0xcfa, 2), 0xffff);
	CHECK_EQ(port_in(0xcfc, 4), 0x06000000);
	pci_bus_free(bus);
}

static void test_ecam(void)
{
	struct pci_function *f;
	struct range r;

	bus = pci_bus_new(&fake);
	f = new_function();
	add_bar(f, 0, 0x1000, false, &r);
	for (unsigned int i = PCI_STD_HEADER_SIZEOF; i < 256; i++)
		pci_config(f)[i] = i;
	for (unsigned int bytes = 1; bytes <= 4; bytes *= 2) {
		for (unsigned int offset = 0; offset < 256; offset += bytes)
			CHECK_EQ(mmio_read(ecam(1, offset), bytes), config_read(1, offset, bytes));
		CHECK_EQ(mmio_read(ecam(1, 256), bytes), 0);
		CHECK_EQ(mmio_read(ecam(1, 4096 - bytes), bytes), 0);
		CHECK_EQ((uint32_t)mmio_read(ecam(2, 0), bytes), ONES);
		CHECK_EQ((uint32_t)mmio_read(ecam(1, 4096), bytes), ONES);	/* function 1 */
		CHECK_EQ((uint32_t)mmio_read(ecam(31, 0x7000), bytes), ONES);
	}
	CHECK_EQ(mmio_read(ecam(1, 0), 8), UINT64_MAX);
	CHECK_EQ(mmio_read(ecam(1, 1), 2), UINT64_MAX);
	CHECK_EQ(mmio_read(ecam(1, 2), 4), UINT64_MAX);

	mmio_write(ecam(1, PCI_COMMAND), 2, PCI_COMMAND_MASTER);
	CHECK_EQ(config_read(1, PCI_COMMAND, 2), PCI_COMMAND_MASTER);
	mmio_write(ecam(1, PCI_COMMAND + 1), 2, PCI_COMMAND_INTX_DISABLE >> 8);
	mmio_write(ecam(1, PCI_BASE_ADDRESS_0), 8, 0);
	CHECK_EQ(get_bar(1, 0), PCI_MEM_BASE);
	mmio_write(ecam(1, 256 + PCI_COMMAND), 2, 0);
	CHECK_EQ(config_read(1, PCI_COMMAND, 2), PCI_COMMAND_MASTER);
	mmio_write(ecam(1, PCI_INTERRUPT_LINE), 1, 7);
	CHECK_EQ(config_read(1, PCI_INTERRUPT_LINE, 1), 7);
	pci_bus_free(bus);
}

/* Of a function with two BARs, each bit that can be written, and no other. */
static void test_writable_bits(void)
{
	struct range mem, port;
	struct pci_function *f;
	uint8_t want[64] = { 0 }, was[64];

	bus = pci_bus_new(&fake);
	f = new_function();
	add_bar(f, 1, 0x4000, false, &mem);
	add_bar(f, 4, 0x20, true, &port);
	want[PCI_COMMAND] = 0x07;
	want[PCI_COMMAND + 1] = 0x04;
	want[0x15] = 0xc0;
	want[0x16] = 0xff;
	want[0x17] = 0xff;
	want[0x20] = 0xe0;
	want[0x21] = 0xff;
	want[0x22] = 0xff;
	want[0x23] = 0xff;
	want[PCI_INTERRUPT_LINE] = 0xff;
	CHECK_EQ(config_read(1, PCI_INTERRUPT_LINE, 1), 17);
	CHECK_EQ(config_read(1, PCI_INTERRUPT_PIN, 1), 1);
	memcpy(was, pci_config(f), sizeof(was));
	for (unsigned int i = 0; i < 64; i++) {
		config_write(1, i, 1, 0xff);
		CHECK_EQ(config_read(1, i, 1), was[i] | want[i]);
		config_write(1, i, 1, 0);
		CHECK_EQ(config_read(1, i, 1), was[i] & ~want[i]);
	}
	/* Nor above it, where there is no capability. */
	for (unsigned int i = 64; i < 256; i += 4) {
		config_write(1, i, 4, ONES);
		CHECK_EQ(config_read(1, i, 4), 0);
	}
	pci_bus_free(bus);
}

/* ---- BARs -------------------------------------------------------------------------------- */

static void test_sizing(void)
{
	static const struct {
		uint64_t bytes;
		bool port;
		uint32_t mask;
	} kinds[] = {
		{ 4096, false, 0xfffff000 }, { 8192, false, 0xffffe000 },
		{ 0x10000000, false, 0xf0000000 }, { 4, true, 0xfffffffd },
		{ 16, true, 0xfffffff1 }, { 512, true, 0xfffffe01 },
	};
	struct pci_function *f;
	struct range r[6];

	bus = pci_bus_new(&fake);
	f = new_function();
	for (unsigned int i = 0; i < 6; i++) {
		uint32_t was;

		CHECK_EQ(add_bar(f, i, kinds[i].bytes, kinds[i].port, &r[i]), 0);
		CHECK_EQ(r[i].moves, 1);
		was = get_bar(1, i);
		CHECK_EQ(r[i].address, was & ~3);
		CHECK_EQ(r[i].address % kinds[i].bytes, 0);
		CHECK_EQ(was & 3, kinds[i].port);
		set_bar(1, i, ONES);
		CHECK_EQ(get_bar(1, i), kinds[i].mask);
		CHECK_EQ(r[i].address, PCI_NOWHERE);
		set_bar(1, i, was);
		CHECK_EQ(get_bar(1, i), was);
		CHECK_EQ(r[i].address, was & ~3);
	}
	CHECK_EQ(config_read(1, PCI_COMMAND, 2), PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	pci_bus_free(bus);
}

static void test_access_to_bars(void)
{
	struct pci_function *f;
	struct range mem, port;

	bus = pci_bus_new(&fake);
	f = new_function();
	add_bar(f, 0, 0x1000, false, &mem);
	add_bar(f, 2, 8, true, &port);
	for (unsigned int bytes = 1; bytes <= 8; bytes *= 2) {
		uint64_t ones = bytes == 8 ? UINT64_MAX : (1ull << 8 * bytes) - 1;

		mmio_read(mem.address + 0x123, bytes);
		CHECK_EQ(mem.offset, 0x123);
		CHECK_EQ(mem.bytes, bytes);
		mmio_write(mem.address + 0x1000 - bytes, bytes, 0x77);
		CHECK_EQ(mem.offset, 0x1000 - bytes);
		CHECK_EQ(mem.bytes, bytes);
		/* Across its end, or behind it. */
		mem.reads = 0;
		mem.writes = 0;
		CHECK_EQ(mmio_read(mem.address + 0x1001 - bytes, bytes) & ones, ones);
		mmio_write(mem.address + 0x1001 - bytes, bytes, 0);
		CHECK_EQ(mem.reads + mem.writes, 0);
	}
	CHECK_EQ(mmio_read(mem.address + 0x10, 8), 0x1122334455667798);
	CHECK_EQ(port_in(port.address + 1, 4), 0x55667789);
	port_out(port.address + 7, 1, 0xa5);
	CHECK_EQ(port.offset, 7);
	CHECK_EQ(port.value, 0xa5);
	port.writes = 0;
	port_out(port.address + 7, 2, 0);
	port_out(port.address + 8, 1, 0);
	CHECK_EQ(port.writes, 0);
	CHECK_EQ(port_in(port.address + 8, 2), 0xffff);
	pci_bus_free(bus);
}

/* Where a guest may put a BAR of 1000h bytes or of 10h ports, and where it is nowhere then. */
static void test_moves(void)
{
	static const struct {
		bool port;
		uint32_t bar;
		uint64_t address;
	} moves[] = {
		{ false, PCI_MEM_BASE + 0x123000, PCI_MEM_BASE + 0x123000 },
		{ false, PCI_MEM_BASE + 0x123fff, PCI_MEM_BASE + 0x123000 },
		{ false, MEM_END - 0x1000, MEM_END - 0x1000 },
		{ false, MEM_END, PCI_NOWHERE },
		{ false, PCI_MEM_BASE - 0x1000, PCI_NOWHERE },
		{ false, 0, PCI_NOWHERE },		/* RAM */
		{ false, 0x100000, PCI_NOWHERE },
		{ false, UPPER_BASE, UPPER_BASE },
		{ false, 0xe8000000, 0xe8000000 },
		{ false, 0xfec00000, PCI_NOWHERE },	/* I/O APIC */
		{ false, 0xfee00000, PCI_NOWHERE },	/* local APIC */
		{ false, 0xfffff000, PCI_NOWHERE },
		{ false, PCI_MEM_BASE, PCI_MEM_BASE },
		{ true, PCI_PORTS_BASE + 0x120, PCI_PORTS_BASE + 0x120 },
		{ true, PORTS_END - 0x10, PORTS_END - 0x10 },
		{ true, PORTS_END, PCI_NOWHERE },
		{ true, PCI_PORTS_BASE | 0x10000, PCI_NOWHERE },
		{ true, PCI_PORTS_BASE - 0x10, PCI_NOWHERE },
		{ true, 0, PCI_NOWHERE },
		{ true, 0x3f0, PCI_NOWHERE },		/* COM1 */
		{ true, 0xcf0, PCI_NOWHERE },
		{ true, 0xfffffff0, PCI_NOWHERE },
		{ true, PCI_PORTS_BASE, PCI_PORTS_BASE },
	};
	struct range mem, port, *r;
	struct pci_function *f;

	bus = pci_bus_new(&fake);
	f = new_function();
	add_bar(f, 0, 0x1000, false, &mem);
	add_bar(f, 1, 0x10, true, &port);
	for (unsigned int i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		uint64_t was;

		r = moves[i].port ? &port : &mem;
		was = r->address;
		set_bar(1, moves[i].port, moves[i].bar);
		CHECK_EQ(r->address, moves[i].address);
		if (was != PCI_NOWHERE && was != r->address)
			CHECK(!answers(r, moves[i].port, was, 0));
		if (r->address != PCI_NOWHERE)
			CHECK(answers(r, moves[i].port, r->address + 4, 4));
		CHECK_EQ(mmio_read(ecam(1, 0), 4), 0x56781234);
	}
	/* Told of where it is only when that is another place. */
	mem.moves = 0;
	set_bar(1, 0, get_bar(1, 0));
	set_bar(1, 0, get_bar(1, 0) | 0xfff);
	CHECK_EQ(mem.moves, 0);
	/* Byte by byte, as no sane guest does. */
	for (unsigned int i = 0; i < 4; i++)
		config_write(1, PCI_BASE_ADDRESS_0 + i, 1, (PCI_MEM_BASE + 0xabc000) >> 8 * i);
	CHECK_EQ(mem.address, PCI_MEM_BASE + 0xabc000);
	pci_bus_free(bus);
}

/* What comes while the guest runs is off and nowhere, until the guest gives it an address. */
static void test_handed_over(void)
{
	struct pci_function *f;
	struct range mem, port;

	bus = pci_bus_new(&fake);
	pci_bus_hand_over(bus);
	f = new_function();
	CHECK_EQ(add_bar(f, 0, 0x1000, false, &mem), 0);
	CHECK_EQ(add_bar(f, 1, 0x10, true, &port), 0);
	CHECK_EQ(config_read(1, PCI_COMMAND, 2), 0);
	CHECK_EQ(get_bar(1, 0), 0);
	CHECK_EQ(get_bar(1, 1), 1);
	CHECK_EQ(mem.moves + port.moves, 0);
	set_command(1, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	CHECK_EQ(mem.moves + port.moves, 0);
	set_bar(1, 0, ONES);
	CHECK_EQ(get_bar(1, 0), 0xfffff000);
	set_bar(1, 0, PCI_MEM_BASE + 0x7000);
	set_bar(1, 1, PCI_PORTS_BASE + 0x70);
	CHECK(answers(&mem, false, PCI_MEM_BASE + 0x7000, 0));
	CHECK(answers(&port, true, PCI_PORTS_BASE + 0x70, 0));
	pci_bus_free(bus);
}

/* A bus for firmware: nothing is set up, and the bridge is one that it knows. */
static void test_firmware(void)
{
	struct pci_function *f;
	struct range mem;

	bus = pci_bus_new(&fake);
	pci_bus_for_firmware(bus);
	f = new_function();
	CHECK_EQ(config_read(0, PCI_VENDOR_ID, 4), 0x12378086);
	CHECK_EQ(config_read(0, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x11001af4);
	CHECK_EQ(config_read(0, PCI_CLASS_REVISION, 4) >> 16, 0x0600);
	CHECK_EQ(add_bar(f, 0, 0x1000, false, &mem), 0);
	CHECK_EQ(config_read(1, PCI_COMMAND, 2), 0);
	CHECK_EQ(get_bar(1, 0), 0);
	/* Shadow RAM is off at first, and of each register only the bits that there are change. */
	CHECK_EQ(config_read(0, 0x58, 4), 0);
	CHECK_EQ(config_read(0, 0x5c, 4), 0);
	config_write(0, 0x58, 4, ONES);
	config_write(0, 0x5c, 4, ONES);
	CHECK_EQ(config_read(0, 0x58, 4), 0x33333300);
	CHECK_EQ(config_read(0, 0x5c, 4), 0x33333333);
	CHECK_EQ(config_read(0, 0x60, 4), 0);
	/* At the window's end, where SeaBIOS begins; and over ECAM, which wins. */
	set_command(1, PCI_COMMAND_MEMORY);
	set_bar(1, 0, MEM_END - 0x1000);
	CHECK(answers(&mem, false, MEM_END - 4, 0xffc));
	set_bar(1, 0, PCI_ECAM_BASE);
	CHECK(!answers(&mem, false, PCI_ECAM_BASE, 0));
	CHECK_EQ(mmio_read(ecam(0, 0), 4), 0x12378086);
	set_bar(1, 0, UPPER_BASE);
	CHECK(answers(&mem, false, UPPER_BASE + 8, 8));
	pci_bus_free(bus);
}

static void test_command(void)
{
	struct pci_function *f;
	struct range mem, port;
	uint64_t mem_at, port_at;

	bus = pci_bus_new(&fake);
	f = new_function();
	add_bar(f, 0, 0x1000, false, &mem);
	add_bar(f, 1, 0x10, true, &port);
	mem_at = mem.address;
	port_at = port.address;
	set_command(1, PCI_COMMAND_MEMORY);
	CHECK(answers(&mem, false, mem_at, 0) && !answers(&port, true, port_at, 0));
	CHECK_EQ(port.address, PCI_NOWHERE);
	CHECK_EQ(mem.moves, 1);
	set_command(1, PCI_COMMAND_IO);
	CHECK(!answers(&mem, false, mem_at, 0) && answers(&port, true, port_at, 0));
	CHECK_EQ(mmio_read(mem_at, 8), UINT64_MAX);
	set_command(1, 0);
	set_bar(1, 0, PCI_MEM_BASE + 0x5000);
	CHECK_EQ(mem.address, PCI_NOWHERE);
	config_write(1, PCI_COMMAND, 1, PCI_COMMAND_MEMORY);
	CHECK_EQ(mem.address, PCI_MEM_BASE + 0x5000);
	pci_bus_free(bus);
}

static unsigned int mastering[2];	/* how often it was taken, and given */

static void mastering_changed(void *opaque, bool on)
{
	CHECK(opaque == mastering);
	mastering[on]++;
}

static void test_mastering(void)
{
	struct pci_function *f;

	bus = pci_bus_new(&fake);
	f = new_function();
	set_command(1, PCI_COMMAND_MASTER);		/* nobody wants to know */
	set_command(1, 0);
	pci_on_mastering(f, mastering_changed, mastering);
	set_command(1, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	CHECK_EQ(mastering[0] + mastering[1], 0);
	set_command(1, PCI_COMMAND_MASTER);
	config_write(1, PCI_COMMAND, 1, PCI_COMMAND_MASTER | PCI_COMMAND_IO);
	CHECK(mastering[1] == 1 && !mastering[0]);
	config_write(1, PCI_COMMAND + 1, 1, 0);
	config_write(1, PCI_INTERRUPT_LINE, 1, 5);
	CHECK(mastering[1] == 1 && !mastering[0]);
	set_command(1, 0);
	set_command(1, 0);
	CHECK(mastering[1] == 1 && mastering[0] == 1);
	pci_bus_free(bus);
}

static void test_overlap(void)
{
	struct pci_function *f, *g;
	struct range low, high, other;

	bus = pci_bus_new(&fake);
	f = new_function();
	g = new_function();
	add_bar(f, 0, 0x1000, false, &low);
	add_bar(f, 1, 0x2000, false, &high);
	add_bar(g, 0, 0x2000, false, &other);
	set_bar(1, 0, PCI_MEM_BASE + 0x10000);
	set_bar(1, 1, PCI_MEM_BASE + 0x10000);
	set_bar(2, 0, PCI_MEM_BASE + 0x10000);
	CHECK(answers(&low, false, PCI_MEM_BASE + 0x10ffc, 0xffc));
	CHECK(answers(&high, false, PCI_MEM_BASE + 0x11000, 0x1000));
	set_command(1, 0);
	CHECK(answers(&other, false, PCI_MEM_BASE + 0x10000, 0));
	set_command(1, PCI_COMMAND_MEMORY);
	CHECK(answers(&low, false, PCI_MEM_BASE + 0x10000, 0));
	pci_function_free(f);
	CHECK(answers(&other, false, PCI_MEM_BASE + 0x10000, 0));
	pci_bus_free(bus);
}

static void test_windows_are_full(void)
{
	struct pci_function *f;
	struct range r;
	unsigned int n;

	bus = pci_bus_new(&fake);
	f = new_function();
	for (n = 0; !add_bar(f, n % 6, 0x400, true, &r); n++)
		CHECK_EQ(r.address, PCI_PORTS_BASE + 0x400 * n);
	CHECK_EQ(n, PCI_PORTS_BYTES / 0x400);
	CHECK_EQ(add_bar(f, 0, 4, true, &r), -ENOSPC);
	CHECK_EQ(r.moves, 0);
	CHECK_EQ(add_bar(f, 0, 2 * PCI_MEM_BYTES, false, &r), -ENOSPC);
	CHECK_EQ(add_bar(f, 0, 0x1000, false, &r), 0);
	CHECK_EQ(add_bar(f, 1, PCI_MEM_BYTES, false, &r), -ENOSPC);
	CHECK_EQ(add_bar(f, 1, PCI_MEM_BYTES / 2, false, &r), 0);
	CHECK_EQ(r.address, PCI_MEM_BASE + PCI_MEM_BYTES / 2);
	CHECK_EQ(add_bar(f, 2, 0x1000, false, &r), -ENOSPC);
	CHECK_EQ(add_bar(f, 2, 1ull << 63, false, &r), -ENOSPC);
	pci_bus_free(bus);
}

/* ---- capabilities ------------------------------------------------------------------------ */

static struct {
	unsigned int calls, offset, bytes;
	bool write;
	uint8_t seen;		/* what was in its third byte then */
	struct pci_function *f;
	unsigned int at;
} access_log;

static void capability_access(void *opaque, unsigned int offset, unsigned int bytes, bool write)
{
	CHECK(opaque == &access_log);
	access_log.calls++;
	access_log.offset = offset;
	access_log.bytes = bytes;
	access_log.write = write;
	access_log.seen = pci_config(access_log.f)[access_log.at + 2];
	if (!write)
		pci_config(access_log.f)[access_log.at + 3] = 0x99;
}

static void test_capabilities(void)
{
	const uint8_t first[7] = { 0x09, 0xff, 1, 2, 3, 4, 5 }, second[4] = { 0x11, 0xff, 6, 7 };
	const uint8_t third[8] = { 0x05, 0xff, 0x10 }, writable[8] = { [2] = 0xf0, [7] = 0x01 };
	unsigned int at[3];

	bus = pci_bus_new(&fake);
	access_log.f = new_function();
	CHECK_EQ(status_of(1) & PCI_STATUS_CAP_LIST, 0);
	CHECK_EQ(config_read(1, PCI_CAPABILITY_LIST, 1), 0);
	at[0] = pci_add_capability(access_log.f, first, 7, NULL, NULL, NULL);
	at[1] = pci_add_capability(access_log.f, second, 4, NULL, NULL, NULL);
	at[2] = pci_add_capability(access_log.f, third, 8, writable, capability_access,
				   &access_log);
	access_log.at = at[2];
	access_log.calls = 0;
	CHECK_EQ(status_of(1) & PCI_STATUS_CAP_LIST, PCI_STATUS_CAP_LIST);
	CHECK_EQ(config_read(1, PCI_CAPABILITY_LIST, 1), at[0]);
	CHECK_EQ(at[0], 0x40);
	CHECK_EQ(at[0] % 4 | at[1] % 4 | at[2] % 4, 0);
	CHECK_EQ(config_read(1, at[0], 4), 0x02010009 | at[1] << 8);
	CHECK_EQ(config_read(1, at[0] + 4, 4), 0x00050403);
	CHECK_EQ(config_read(1, at[1], 4), 0x07060011 | at[2] << 8);
	CHECK_EQ(access_log.calls, 0);
	CHECK_EQ(config_read(1, at[2], 4), 0x99100005);
	CHECK_EQ(access_log.calls, 1);
	CHECK(!access_log.write && !access_log.offset && access_log.bytes == 4);

	for (unsigned int i = at[0]; i < 256; i++)
		config_write(1, i, 1, 0xff);
	CHECK_EQ(config_read(1, at[0], 4), 0x02010009 | at[1] << 8);
	CHECK_EQ(config_read(1, at[0] + 4, 4), 0x00050403);
	CHECK_EQ(config_read(1, at[1], 4), 0x07060011 | at[2] << 8);
	CHECK_EQ(config_read(1, at[2], 4), 0x99f00005);
	CHECK_EQ(config_read(1, at[2] + 4, 4), 0x01000000);

	access_log.calls = 0;
	config_write(1, at[2] + 2, 1, 0xa5);
	CHECK_EQ(access_log.calls, 1);
	CHECK(access_log.write && access_log.offset == 2 && access_log.bytes == 1);
	CHECK_EQ(access_log.seen, 0xa0);
	config_write(1, at[2] + 7, 4, 0);	/* no more than the rest of the four */
	CHECK(access_log.write && access_log.offset == 7 && access_log.bytes == 1);
	config_read(1, at[2] + 8, 4);
	config_write(1, at[2] + 8, 4, 0);
	config_read(1, 0, 4);
	CHECK_EQ(access_log.calls, 2);
	mmio_read(ecam(1, at[2] + 4), 2);
	CHECK_EQ(access_log.calls, 3);
	pci_bus_free(bus);
}

/* ---- INTx -------------------------------------------------------------------------------- */

static void test_intx(void)
{
	struct pci_function *f;

	bus = pci_bus_new(&fake);
	f = new_function();
	pci_set_intx(f, 1);
	CHECK_EQ(fake.irq[17], 1);
	CHECK_EQ(status_of(1) & PCI_STATUS_INTERRUPT, PCI_STATUS_INTERRUPT);
	pci_set_intx(f, 2);
	CHECK_EQ(fake.rises[17], 1);
	set_command(1, PCI_COMMAND_INTX_DISABLE);
	CHECK_EQ(fake.irq[17], 0);
	CHECK_EQ(status_of(1) & PCI_STATUS_INTERRUPT, PCI_STATUS_INTERRUPT);
	set_command(1, 0);
	CHECK_EQ(fake.irq[17], 1);
	pci_set_intx(f, 0);
	CHECK_EQ(fake.irq[17], 0);
	CHECK_EQ(status_of(1) & PCI_STATUS_INTERRUPT, 0);
	/* While it is disabled. */
	set_command(1, PCI_COMMAND_INTX_DISABLE);
	pci_set_intx(f, 1);
	CHECK_EQ(fake.rises[17], 2);
	CHECK_EQ(status_of(1) & PCI_STATUS_INTERRUPT, PCI_STATUS_INTERRUPT);
	pci_set_intx(f, 0);
	set_command(1, 0);
	CHECK_EQ(fake.rises[17], 2);
	pci_bus_free(bus);
}

static void test_shared_lines(void)
{
	struct pci_function *f[8];

	bus = pci_bus_new(&fake);
	for (unsigned int i = 0; i < 8; i++) {
		f[i] = new_function();
		CHECK_EQ(config_read(i + 1, PCI_INTERRUPT_LINE, 1), 16 + (i + 1) % 4);
	}
	pci_set_intx(f[0], 1);			/* slot 1 */
	pci_set_intx(f[4], 1);			/* slot 5 */
	pci_set_intx(f[3], 1);			/* slot 4 */
	CHECK(fake.irq[16] && fake.irq[17] && !fake.irq[18] && !fake.irq[19]);
	pci_set_intx(f[0], 0);
	CHECK_EQ(fake.irq[17], 1);
	CHECK_EQ(fake.rises[17], 1);
	set_command(5, PCI_COMMAND_INTX_DISABLE);
	CHECK_EQ(fake.irq[17], 0);
	set_command(5, 0);
	CHECK_EQ(fake.irq[17], 1);
	pci_function_free(f[4]);
	CHECK_EQ(fake.irq[17], 0);
	pci_bus_free(bus);
	CHECK_EQ(fake.irq[16], 0);
}

/* ---- the ends of things ------------------------------------------------------------------ */

static void test_slots(void)
{
	struct pci_function *f[PCI_SLOTS];

	bus = pci_bus_new(&fake);
	for (unsigned int i = 1; i < PCI_SLOTS; i++) {
		f[i] = new_function();
		CHECK_EQ(pci_function_slot(f[i]), i);
		CHECK(pci_function_bus(f[i]) == bus);
		CHECK_EQ(config_read(i, 0, 4), 0x56781234);
	}
	errno = 0;
	CHECK(!pci_function_new(bus, &identity));
	CHECK_EQ(errno, ENOSPC);
	pci_function_free(f[17]);
	CHECK_EQ(config_read(17, 0, 4), ONES);
	CHECK_EQ(pci_function_slot(new_function()), 17);
	CHECK(pci_bus_machine(bus) == &fake);
	pci_bus_free(bus);
}

/* Functions beside one that is there; it says so, and BARs of all are decoded in order. */
static void test_places(void)
{
	static const unsigned int places[][2] = {
		{ 9, 0 }, { 0, 5 }, { 31, 0 }, { 0, 1 }, { 1, 0 },
	};
	struct pci_function *f[5];
	struct range low, high;

	bus = pci_bus_new(&fake);
	CHECK_EQ(config_read(0, PCI_HEADER_TYPE, 1), 0);
	for (unsigned int i = 0; i < 5; i++) {
		pci_bus_place(bus, places[i][0], places[i][1]);
		f[i] = new_function();
		CHECK_EQ(pci_function_slot(f[i]), places[i][0]);
		CHECK_EQ(mmio_read(ecam(places[i][0], places[i][1] << 12), 4), 0x56781234);
	}
	CHECK_EQ(mmio_read(ecam(0, PCI_HEADER_TYPE), 1), 0x80);
	CHECK_EQ(mmio_read(ecam(9, PCI_HEADER_TYPE), 1), 0);
	CHECK_EQ((uint32_t)mmio_read(ecam(0, 2 << 12), 4), ONES);
	CHECK_EQ((uint32_t)mmio_read(ecam(9, 1 << 12), 4), ONES);
	CHECK_EQ(pci_function_slot(new_function()), 2);	/* the next free one */
	pci_set_intx(f[1], 1);
	CHECK_EQ(fake.irq[16], 1);
	pci_bus_place(bus, 9, 0);
	errno = 0;
	CHECK(!pci_function_new(bus, &identity));
	CHECK_EQ(errno, ENOSPC);
	CHECK_EQ(pci_function_slot(new_function()), 3);

	add_bar(f[0], 0, 0x1000, false, &high);
	add_bar(f[3], 0, 0x1000, false, &low);
	set_bar(9, 0, low.address);
	CHECK(answers(&low, false, low.address, 0));
	pci_function_free(f[3]);
	CHECK(answers(&high, false, low.address, 0));
	pci_bus_free(bus);
	CHECK_EQ(fake.irq[16], 0);
}

/* Whatever is not to be had, what was taken before is given back; LeakSanitizer sees the memory. */
static void test_bus_without(void)
{
	unsigned int fds = open_fds();

	for (int i = 0; i < 5; i++) {
		fake.refuse_after = i;
		errno = 0;
		CHECK(!pci_bus_new(&fake));
		CHECK_EQ(errno, EEXIST);
		fake_init();
	}
	for (int i = 0; i < 2; i++) {
		calloc_after = i;
		errno = 0;
		CHECK(!pci_bus_new(&fake));
		CHECK_EQ(errno, ENOMEM);
		fake_init();
	}
	calloc_after = -1;
	bus = pci_bus_new(&fake);
	calloc_after = 0;
	errno = 0;
	CHECK(!pci_function_new(bus, &identity));
	CHECK_EQ(errno, ENOMEM);
	calloc_after = -1;
	CHECK_EQ(pci_function_slot(new_function()), 1);
	pci_bus_free(bus);
	CHECK_EQ(open_fds(), fds);
}

static const struct test tests[] = {
	{ "configuration space by ports", test_config_by_ports },
	{ "the address port", test_config_address },
	{ "configuration space in memory", test_ecam },
	{ "which bits can be written", test_writable_bits },
	{ "sizes of BARs", test_sizing },
	{ "accesses to BARs", test_access_to_bars },
	{ "BARs that move, and where they may not be", test_moves },
	{ "a device that comes later", test_handed_over },
	{ "a bus for firmware", test_firmware },
	{ "decoding is turned on and off", test_command },
	{ "bus mastering", test_mastering },
	{ "BARs that overlap", test_overlap },
	{ "windows that are full", test_windows_are_full },
	{ "capabilities", test_capabilities },
	{ "INTx", test_intx },
	{ "lines that are shared", test_shared_lines },
	{ "32 slots", test_slots },
	{ "places that are asked for", test_places },
	{ "a bus that cannot be", test_bus_without },
};

int main(void)
{
	return RUN_TESTS(tests);
}
