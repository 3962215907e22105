// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/pci_bus.c userspace/devices/pci_function.c userspace/devices/msix.c
// libs: -Wl,--wrap=calloc
/*
 * The PCI bus: configuration space by ports and by ECAM, BARs wherever a guest puts them,
 * capabilities, INTx and MSI-X, and what happens where there is no more of something.
 */
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../userspace/pci.h"
#include "devices_fake.h"

#define MEM_END		((uint64_t)PCI_MEM_BASE + PCI_MEM_BYTES)
#define PORTS_END	(PCI_PORTS_BASE + PCI_PORTS_BYTES)
#define ONES		UINT32_MAX

static const struct pci_identity identity = {
	.vendor = 0x1234, .device = 0x5678, .subsystem_vendor = 0x9abc, .subsystem = 0xdef0,
	.class_code = 0x010802, .revision = 0x42,
};

static struct pci_bus *bus;

/* ---- memory that runs out ---------------------------------------------------------------- */

static int calloc_after = -1;		/* this many succeed; -1: all */

void *__real_calloc(size_t nr, size_t bytes);
void *__wrap_calloc(size_t nr, size_t bytes);

void *__wrap_calloc(size_t nr, size_t bytes)
{
	if (!calloc_after) {
		errno = ENOMEM;
		return NULL;
	}
	if (calloc_after > 0)
		calloc_after--;
	return __real_calloc(nr, bytes);
}

/* ---- a guest's way to configuration space ------------------------------------------------ */

static uint32_t config_address(unsigned int slot, unsigned int offset)
{
	return 1u << 31 | slot << 11 | (offset & 0xfc);
}

static uint32_t config_read(unsigned int slot, unsigned int offset, unsigned int bytes)
{
	port_out(0xcf8, 4, config_address(slot, offset));
	return port_in(0xcfc + (offset & 3), bytes);
}

static void config_write(unsigned int slot, unsigned int offset, unsigned int bytes,
			 uint32_t value)
{
	port_out(0xcf8, 4, config_address(slot, offset));
	port_out(0xcfc + (offset & 3), bytes, value);
}

static uint64_t ecam(unsigned int slot, unsigned int offset)
{
	return PCI_ECAM_BASE + (slot << 15) + offset;
}

static void set_command(unsigned int slot, uint16_t command)
{
	config_write(slot, PCI_COMMAND, 2, command);
}

static uint16_t status_of(unsigned int slot)
{
	return config_read(slot, PCI_STATUS, 2);
}

static void set_bar(unsigned int slot, unsigned int n, uint32_t value)
{
	config_write(slot, PCI_BASE_ADDRESS_0 + 4 * n, 4, value);
}

static uint32_t get_bar(unsigned int slot, unsigned int n)
{
	return config_read(slot, PCI_BASE_ADDRESS_0 + 4 * n, 4);
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

	bus = pci_bus_new(&fake);
	f = new_function();
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
	mmio_write(ecam(1, PCI_COMMAND), 8, 0);
	mmio_write(ecam(1, PCI_COMMAND - 1), 2, 0);
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
		{ false, PCI_ECAM_BASE, PCI_NOWHERE },
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

/* ---- MSI-X ------------------------------------------------------------------------------- */

#define ADDRESS		0xfee00000u
#define MSIX_ENABLE	0x8000
#define MSIX_MASK	0x4000
#define PBA		0x800

static uint64_t table;			/* where the guest has it */

static struct pci_function *new_msix(unsigned int vectors)
{
	struct pci_function *f;

	bus = pci_bus_new(&fake);
	f = new_function();
	CHECK_EQ(pci_add_msix(f, 3, vectors), 0);
	table = get_bar(1, 3);
	return f;
}

static void set_control(uint16_t control)
{
	config_write(1, config_read(1, PCI_CAPABILITY_LIST, 1) + 2, 2, control);
}

static void set_message(unsigned int vector, uint64_t address, uint32_t data, uint32_t control)
{
	mmio_write(table + 16 * vector, 4, address);
	mmio_write(table + 16 * vector + 4, 4, address >> 32);
	mmio_write(table + 16 * vector + 8, 4, data);
	mmio_write(table + 16 * vector + 12, 4, control);
}

static void mask_vector(unsigned int vector, uint32_t control)
{
	mmio_write(table + 16 * vector + 12, 4, control);
}

static void signal_vector(struct pci_function *f, unsigned int vector)
{
	eventfd_write(pci_msix_fd(f, vector), 1);
}

static uint64_t pending_bits(void)
{
	return mmio_read(table + PBA, 8);
}

/* Messages that came since it was asked. */
static unsigned int messages(void)
{
	static unsigned int seen;
	unsigned int before = seen > fake.nr_msis ? 0 : seen;

	fake_loop(0);
	seen = fake.nr_msis;
	return seen - before;
}

static uint32_t last_data(void)
{
	return fake.msi[(fake.nr_msis - 1) % 64].data;
}

static void test_msix_capability(void)
{
	struct pci_function *f = new_msix(5);
	unsigned int at = config_read(1, PCI_CAPABILITY_LIST, 1);

	CHECK_EQ(config_read(1, at, 4), 0x00040011);
	CHECK_EQ(config_read(1, at + 4, 4), 0x00000003);
	CHECK_EQ(config_read(1, at + 8, 4), 0x00000803);
	for (unsigned int i = 0; i < 12; i += 4)
		config_write(1, at + i, 4, ONES);
	CHECK_EQ(config_read(1, at, 4), 0xc0040011);
	CHECK_EQ(config_read(1, at + 4, 4), 0x00000003);
	CHECK_EQ(config_read(1, at + 8, 4), 0x00000803);
	CHECK_EQ(pci_msix_vectors(f), 5);
	CHECK(pci_msix_enabled(f));
	config_write(1, at + 3, 1, 0);
	CHECK(!pci_msix_enabled(f));
	CHECK(!pci_msix_enabled(new_function()));
	CHECK_EQ(pci_msix_vectors(new_function()), 0);
	set_bar(1, 3, ONES);
	CHECK_EQ(get_bar(1, 3), 0xfffff000);
	pci_bus_free(bus);
}

static void test_msix_table(void)
{
	new_msix(3);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(mmio_read(table + 16 * i, 8), 0);
		CHECK_EQ(mmio_read(table + 16 * i + 8, 8), 1ull << 32);		/* masked */
	}
	mmio_write(table + 16, 8, 0x0123456789abcdef);
	mmio_write(table + 24, 8, 0xfedcba9811223344);
	CHECK_EQ(mmio_read(table + 16, 4), 0x89abcdef);
	CHECK_EQ(mmio_read(table + 20, 4), 0x01234567);
	CHECK_EQ(mmio_read(table + 24, 4), 0x11223344);
	CHECK_EQ(mmio_read(table + 28, 4), 0xfedcba98);
	CHECK_EQ(mmio_read(table + 16, 8), 0x0123456789abcdef);
	mmio_write(table + 20, 4, 0x55aa55aa);
	CHECK_EQ(mmio_read(table + 16, 8), 0x55aa55aa89abcdef);
	/* What has no meaning does nothing. */
	mmio_write(table + 16, 1, 0);
	mmio_write(table + 16, 2, 0);
	mmio_write(table + 18, 4, 0);
	mmio_write(table + 20, 8, 0);
	CHECK_EQ(mmio_read(table + 16, 8), 0x55aa55aa89abcdef);
	CHECK_EQ(mmio_read(table + 16, 1), 0);
	CHECK_EQ(mmio_read(table + 16, 2), 0);
	CHECK_EQ(mmio_read(table + 18, 4), 0);
	CHECK_EQ(mmio_read(table + 20, 8), 0);
	/* Nor what is behind the table. */
	for (unsigned int at = 48; at < 4096; at += 8) {
		mmio_write(table + at, 8, UINT64_MAX);
		CHECK_EQ(mmio_read(table + at, 8), 0);
	}
	CHECK_EQ(mmio_read(table + 32, 8), 0);
	pci_bus_free(bus);
}

static void test_msix_delivery(void)
{
	struct pci_function *f = new_msix(3);

	messages();
	set_message(1, ADDRESS | 0x1000, 0x41, 0);
	signal_vector(f, 1);
	CHECK_EQ(messages(), 0);			/* MSI-X is off */
	CHECK_EQ(pending_bits(), 2);
	set_control(MSIX_ENABLE);			/* what was pending comes, once */
	CHECK_EQ(messages(), 1);
	CHECK_EQ(last_data(), 0x41);
	CHECK_EQ(fake.msi[(fake.nr_msis - 1) % 64].address, ADDRESS | 0x1000);
	CHECK_EQ(pending_bits(), 0);
	signal_vector(f, 1);
	CHECK_EQ(pending_bits(), 0);
	CHECK_EQ(messages(), 1);
	CHECK_EQ(messages(), 0);

	mask_vector(1, 1);
	signal_vector(f, 1);
	signal_vector(f, 1);
	signal_vector(f, 2);				/* masked from the start */
	CHECK_EQ(messages(), 0);
	CHECK_EQ(pending_bits(), 6);
	mask_vector(1, 0);
	CHECK_EQ(messages(), 1);
	CHECK_EQ(pending_bits(), 4);
	set_control(MSIX_ENABLE | MSIX_MASK);
	signal_vector(f, 1);
	CHECK_EQ(messages(), 0);
	CHECK_EQ(pending_bits(), 6);
	set_message(2, ADDRESS, 0x42, 0);
	CHECK_EQ(messages(), 0);
	set_control(MSIX_ENABLE);
	CHECK_EQ(messages(), 2);
	CHECK_EQ(pending_bits(), 0);
	set_control(0);
	signal_vector(f, 2);
	CHECK_EQ(messages(), 0);
	CHECK_EQ(fake.nr_irqfds, 0);
	CHECK_EQ(fake.bad_removals, 0);
	pci_bus_free(bus);
}

static void test_msix_messages(void)
{
	struct pci_function *f = new_msix(2);

	messages();
	set_control(MSIX_ENABLE);
	set_message(0, ADDRESS, 0x41, 0);
	signal_vector(f, 0);
	mmio_write(table + 8, 4, 0x42);			/* while it is live */
	CHECK_EQ(messages(), 1);
	CHECK_EQ(last_data(), 0x41);
	signal_vector(f, 0);
	CHECK_EQ(messages(), 1);
	CHECK_EQ(last_data(), 0x42);

	mmio_write(table, 4, 0x12340000);		/* no message: it waits */
	signal_vector(f, 0);
	CHECK_EQ(messages(), 0);
	CHECK_EQ(pending_bits(), 1);
	CHECK_EQ(fake.nr_irqfds, 0);
	mmio_write(table + 8, 4, 0x43);
	mmio_write(table, 4, ADDRESS);
	CHECK_EQ(messages(), 1);
	CHECK_EQ(last_data(), 0x43);
	mmio_write(table + 8, 4, 0x0343);		/* a mode that is none */
	signal_vector(f, 0);
	CHECK_EQ(messages(), 0);
	CHECK_EQ(pending_bits(), 1);
	set_message(1, 0, 0, 0);			/* never was one */
	signal_vector(f, 1);
	CHECK_EQ(pending_bits(), 3);
	CHECK_EQ(fake.bad_removals, 0);

	fake.max_irqfds = 0;				/* the kernel has no more */
	mmio_write(table + 8, 4, 0x44);
	CHECK_EQ(messages(), 0);
	CHECK_EQ(pending_bits(), 3);
	fake.max_irqfds = 1;
	mmio_write(table + 8, 4, 0x44);
	CHECK_EQ(messages(), 1);
	CHECK_EQ(last_data(), 0x44);
	pci_bus_free(bus);
	CHECK_EQ(fake.nr_irqfds, 0);
}

static void test_msix_many(void)
{
	struct pci_function *f = new_msix(128);
	unsigned int fds = open_fds();

	messages();
	for (unsigned int i = 0; i < 128; i++) {
		set_message(i, ADDRESS, i, 0);
		CHECK_EQ(mmio_read(table + 16 * i + 8, 4), i);
		if (i % 3 == 0)
			signal_vector(f, i);
	}
	for (unsigned int i = 0; i < 128; i += 32) {
		uint32_t want = 0;

		for (unsigned int n = i; n < i + 32; n++)
			want |= (uint32_t)(n % 3 == 0) << n % 32;
		CHECK_EQ(mmio_read(table + PBA + i / 8, 4), want);
	}
	CHECK_EQ(mmio_read(table + PBA + 16, 4), 0);
	CHECK_EQ(mmio_read(table + 4092, 4), 0);
	set_control(MSIX_ENABLE);
	CHECK_EQ(messages(), 43);
	CHECK_EQ(fake.nr_irqfds, 128);
	pci_function_free(f);
	CHECK_EQ(fake.nr_irqfds, 0);
	CHECK_EQ(fake.bad_removals, 0);
	CHECK_EQ(open_fds(), fds - 128);
	pci_bus_free(bus);
}

/* A function that sends messages has no line (PCI 3.0, 6.8.3.3). */
static void test_msix_or_intx(void)
{
	struct pci_function *f = new_msix(1);

	pci_set_intx(f, 1);
	CHECK_EQ(fake.irq[17], 1);
	set_control(MSIX_ENABLE);
	CHECK_EQ(fake.irq[17], 0);
	pci_set_intx(f, 0);
	pci_set_intx(f, 1);
	CHECK_EQ(fake.rises[17], 1);
	set_control(MSIX_MASK);
	CHECK_EQ(fake.irq[17], 1);
	pci_bus_free(bus);
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

/* Whatever is not to be had, what was taken before is given back; LeakSanitizer sees the memory. */
static void test_bus_without(void)
{
	unsigned int fds = open_fds();

	for (int i = 0; i < 4; i++) {
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

static void test_msix_without(void)
{
	unsigned int fds = open_fds();
	struct rlimit limit, few;
	struct pci_function *f;
	struct range r;

	bus = pci_bus_new(&fake);
	f = new_function();
	CHECK_EQ(pci_add_msix(f, 3, 0), -EINVAL);
	CHECK_EQ(pci_add_msix(f, 3, 129), -EINVAL);
	calloc_after = 0;
	CHECK_EQ(pci_add_msix(f, 3, 1), -ENOMEM);
	calloc_after = -1;
	getrlimit(RLIMIT_NOFILE, &limit);
	few = (struct rlimit) { .rlim_cur = fds + 4, .rlim_max = limit.rlim_max };
	setrlimit(RLIMIT_NOFILE, &few);
	CHECK_EQ(pci_add_msix(f, 3, 16), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &limit);
	CHECK_EQ(open_fds(), fds);

	CHECK_EQ(pci_msix_vectors(f), 0);
	add_bar(f, 0, PCI_MEM_BYTES, false, &r);
	CHECK_EQ(pci_add_msix(f, 3, 16), -ENOSPC);
	CHECK_EQ(open_fds(), fds);
	CHECK_EQ(config_read(1, PCI_CAPABILITY_LIST, 1), 0);
	CHECK_EQ(status_of(1), 0);
	pci_bus_free(bus);
	CHECK_EQ(open_fds(), fds);
}

/* Random accesses to everything; what is inside is the sanitizers' to judge. */
static void test_nonsense(void)
{
	struct pci_function *f = new_msix(40);
	unsigned int at = config_read(1, PCI_CAPABILITY_LIST, 1);
	struct range mem, port;

	add_bar(f, 0, 0x1000, false, &mem);
	add_bar(f, 1, 0x20, true, &port);
	for (unsigned int i = 0; i < 100000; i++) {
		const struct io_range *r = fake_random() & 1 ? &fake.port[fake_random() % 2] :
							       &fake.mmio[fake_random() % 2];
		unsigned int bytes = 1u << fake_random() % 4;
		uint64_t start = r->start == PCI_ECAM_BASE ? 1 << 15 : 0;
		uint64_t offset = start + fake_random() % (r->size < 0x3000 ? r->size : 0x3000);

		if (fake_random() & 1)
			r->write(r->opaque, offset, bytes, fake_random());
		else
			r->read(r->opaque, offset, bytes);
		if (i % 64 == 0)
			config_write(1, at + 2, 2, fake_random());
		if (i % 16 == 0)
			pci_set_intx(f, fake_random() & 1);
		if (i % 8 == 0)
			signal_vector(f, fake_random() % 40);
		fake_loop(0);
	}
	CHECK_EQ(fake.bad_removals, 0);
	pci_bus_free(bus);
	CHECK_EQ(fake.nr_irqfds, 0);
	for (unsigned int i = 16; i < 20; i++)
		CHECK_EQ(fake.irq[i], 0);
}

static const struct test tests[] = {
	{ "configuration space by ports", test_config_by_ports },
	{ "the address port", test_config_address },
	{ "configuration space in memory", test_ecam },
	{ "which bits can be written", test_writable_bits },
	{ "sizes of BARs", test_sizing },
	{ "accesses to BARs", test_access_to_bars },
	{ "BARs that move, and where they may not be", test_moves },
	{ "decoding is turned on and off", test_command },
	{ "BARs that overlap", test_overlap },
	{ "windows that are full", test_windows_are_full },
	{ "capabilities", test_capabilities },
	{ "INTx", test_intx },
	{ "lines that are shared", test_shared_lines },
	{ "MSI-X: the capability", test_msix_capability },
	{ "MSI-X: the table", test_msix_table },
	{ "MSI-X: masks and pending bits", test_msix_delivery },
	{ "MSI-X: messages that change, and that are none", test_msix_messages },
	{ "MSI-X: as many vectors as there can be", test_msix_many },
	{ "MSI-X or INTx, not both", test_msix_or_intx },
	{ "32 slots", test_slots },
	{ "a bus that cannot be", test_bus_without },
	{ "MSI-X that cannot be", test_msix_without },
	{ "random accesses", test_nonsense },
};

int main(void)
{
	return RUN_TESTS(tests);
}
