// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/pci_bus.c userspace/devices/pci_function.c userspace/devices/msix.c
// libs: -Wl,--wrap=calloc
/*
 * MSI-X: the table as a guest reaches it, which message is sent when, what is pending meanwhile,
 * and random accesses to all of a function that has it.
 */
#include <stdlib.h>

#include "devices_fake.h"
#include "fail_calloc.h"
#include "pci_guest.h"

#define ONES	UINT32_MAX

static const struct pci_identity identity = { .vendor = 0x1234, .device = 0x5678 };

static struct pci_bus *bus;

static struct pci_function *new_function(void)
{
	struct pci_function *f = pci_function_new(bus, &identity);

	if (!f)
		abort();
	return f;
}

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

static void test_capability(void)
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

static void test_table(void)
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

static void test_delivery(void)
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

static void test_messages(void)
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

static void test_many(void)
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
static void test_or_intx(void)
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

static void test_without(void)
{
	unsigned int fds = open_fds();
	struct pci_function *f;
	const struct pci_bar huge = { .bytes = PCI_MEM_BYTES };

	bus = pci_bus_new(&fake);
	f = new_function();
	CHECK_EQ(pci_add_msix(f, 3, 0), -EINVAL);
	CHECK_EQ(pci_add_msix(f, 3, 129), -EINVAL);
	calloc_after = 0;
	CHECK_EQ(pci_add_msix(f, 3, 1), -ENOMEM);
	calloc_after = -1;
	allow_fds(4);
	CHECK_EQ(pci_add_msix(f, 3, 16), -EMFILE);
	allow_fds(-1);
	CHECK_EQ(open_fds(), fds);

	CHECK_EQ(pci_msix_vectors(f), 0);
	CHECK_EQ(pci_add_bar(f, 0, &huge), 0);
	CHECK_EQ(pci_add_msix(f, 3, 16), -ENOSPC);
	CHECK_EQ(open_fds(), fds);
	CHECK_EQ(config_read(1, PCI_CAPABILITY_LIST, 1), 0);
	CHECK_EQ(config_read(1, PCI_STATUS, 2), 0);
	pci_bus_free(bus);
	CHECK_EQ(open_fds(), fds);
}

static uint64_t no_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	CHECK(opaque == bus && offset + bytes <= 0x20);
	return 0;
}

static void no_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	CHECK(opaque == bus && offset + bytes <= 0x20);
}

/* Random accesses to everything; what is inside is the sanitizers' to judge. */
static void test_nonsense(void)
{
	struct pci_function *f = new_msix(40);
	unsigned int at = config_read(1, PCI_CAPABILITY_LIST, 1);
	const struct pci_bar ports = {
		.bytes = 0x20, .port = true, .read = no_read, .write = no_write, .opaque = bus,
	};

	CHECK_EQ(pci_add_bar(f, 1, &ports), 0);
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
	{ "the capability", test_capability },
	{ "the table", test_table },
	{ "masks and pending bits", test_delivery },
	{ "messages that change, and that are none", test_messages },
	{ "as many vectors as there can be", test_many },
	{ "MSI-X or INTx, not both", test_or_intx },
	{ "MSI-X that cannot be", test_without },
	{ "random accesses", test_nonsense },
};

int main(void)
{
	return RUN_TESTS(tests);
}
