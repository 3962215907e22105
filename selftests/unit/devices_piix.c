// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/piix.c
// needs: userspace/devices/pci_bus.c userspace/devices/pci_function.c userspace/devices/msix.c
/*
 * The PCI bus as UEFI finds it: an ISA bridge, power management where nobody looks but who knows
 * the place, and a window that begins lower.
 */
#include "devices_fake.h"
#include "pci_guest.h"

#include "../../userspace/devices/piix.h"

#define ISA_FUNCTION	7u
#define PM_FUNCTION	(1u << 3 | 3)

static const struct pci_identity identity = { .vendor = 0x1234, .device = 0x5678 };
static struct pci_bus *bus;
static uint64_t place;			/* where the BAR is */

static void start(void)
{
	bus = pci_bus_new(&fake);
	pci_bus_for_firmware(bus);
}

static uint32_t read_function(unsigned int devfn, unsigned int offset, unsigned int bytes)
{
	port_out(0xcf8, 4, 1u << 31 | devfn << 8 | (offset & 0xfc));
	return port_in(0xcfc + (offset & 3), bytes);
}

static void write_function(unsigned int devfn, unsigned int offset, unsigned int bytes,
			   uint32_t value)
{
	port_out(0xcf8, 4, 1u << 31 | devfn << 8 | (offset & 0xfc));
	port_out(0xcfc + (offset & 3), bytes, value);
}

static void test_isa(void)
{
	struct pci_function *f;

	start();
	pci_bus_place(bus, 0, ISA_FUNCTION);
	f = piix_isa_new(bus);
	CHECK_EQ(read_function(ISA_FUNCTION, PCI_CLASS_REVISION, 4) >> 8, 0x060100);
	CHECK_EQ(read_function(ISA_FUNCTION, PCI_COMMAND, 2) & 3, 3);
	CHECK_EQ(read_function(ISA_FUNCTION, PCI_INTERRUPT_PIN, 1), 0);
	CHECK_EQ(read_function(0, PCI_HEADER_TYPE, 1), 0x80);	/* there are others beside it */
	piix_isa_free(f);
	CHECK_EQ(read_function(ISA_FUNCTION, PCI_VENDOR_ID, 4), UINT32_MAX);
	pci_bus_free(bus);
}

/* OVMF: if it is enabled, where is it; and nothing that it writes moves it. */
static void test_pm(void)
{
	struct pci_function *f;

	start();
	CHECK(piix_pm_new(bus));
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_EQ(read_function(PM_FUNCTION, PCI_VENDOR_ID, 4), 0x71138086);
		CHECK_EQ(read_function(PM_FUNCTION, 0x80, 1) & 1, 1);
		CHECK_EQ(read_function(PM_FUNCTION, 0x40, 4), ACPI_PIIX4_BASE | 1);
		for (unsigned int at = 0x40; at < 0x100; at += 4)
			write_function(PM_FUNCTION, at, 4, i ? 0 : UINT32_MAX);
	}
	/* The slot is a device's like any other, and says of no other function. */
	pci_bus_place(bus, 1, 0);
	f = pci_function_new(bus, &identity);
	CHECK_EQ(read_function(1 << 3, PCI_VENDOR_ID, 4), 0x56781234);
	CHECK_EQ(read_function(1 << 3, PCI_HEADER_TYPE, 1), 0);
	CHECK_EQ(read_function(PM_FUNCTION, PCI_VENDOR_ID, 4), 0x71138086);
	pci_function_free(f);
	CHECK_EQ(read_function(1 << 3, PCI_VENDOR_ID, 4), UINT32_MAX);
	CHECK_EQ(read_function(PM_FUNCTION, PCI_VENDOR_ID, 4), 0x71138086);
	pci_bus_free(bus);
}

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	return offset + 0x42;
}

static void bar_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
}

static void bar_moved(void *opaque, uint64_t address)
{
	place = address;
}

static void add_device(void)
{
	const struct pci_bar bar = {
		.bytes = 0x1000, .read = bar_read, .write = bar_write, .moved = bar_moved,
	};
	struct pci_function *f;

	place = PCI_NOWHERE;
	pci_bus_place(bus, 2, 0);
	f = pci_function_new(bus, &identity);
	if (!f || pci_add_bar(f, 0, &bar))
		abort();
	set_command(2, PCI_COMMAND_MEMORY);
}

static void test_window(void)
{
	start();
	add_device();
	set_bar(2, 0, PCI_LOW_BASE);
	CHECK_EQ(place, PCI_NOWHERE);		/* RAM may be there */
	CHECK_EQ(pci_bus_widen(bus), 0);
	set_bar(2, 0, PCI_LOW_BASE - 0x1000);
	CHECK_EQ(place, PCI_NOWHERE);
	set_bar(2, 0, PCI_LOW_BASE);
	CHECK_EQ(place, PCI_LOW_BASE);
	CHECK_EQ(mmio_read(PCI_LOW_BASE + 8, 4), 0x4a);
	CHECK_EQ(mmio_read(PCI_LOW_BASE + 0x1000, 4) & UINT32_MAX, UINT32_MAX);
	set_bar(2, 0, PCI_MEM_BASE - 0x1000);
	CHECK_EQ(mmio_read(PCI_MEM_BASE - 4, 4), 0x103e);
	set_bar(2, 0, PCI_MEM_BASE);
	CHECK_EQ(mmio_read(PCI_MEM_BASE, 4), 0x42);
	set_bar(2, 0, PCI_MEM_END - 0x1000);
	CHECK_EQ(mmio_read(PCI_MEM_END - 4, 4), 0x103e);
	set_bar(2, 0, PCI_MEM_END);
	CHECK_EQ(place, PCI_NOWHERE);
	pci_bus_free(bus);

	fake_init();
	start();
	add_device();
	fake.refuse_after = 0;
	CHECK_EQ(pci_bus_widen(bus), -EEXIST);
	set_bar(2, 0, PCI_LOW_BASE);
	CHECK_EQ(place, PCI_NOWHERE);
	pci_bus_free(bus);
}

static const struct test tests[] = {
	{ "piix: an ISA bridge", test_isa },
	{ "piix: power management", test_pm },
	{ "a window that begins lower", test_window },
};

int main(void)
{
	return RUN_TESTS(tests);
}
