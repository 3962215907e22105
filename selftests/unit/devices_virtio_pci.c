// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/virtio.c userspace/devices/virtio_pci.c userspace/devices/pci_bus.c
// needs: userspace/devices/pci_function.c userspace/devices/msix.c userspace/virtqueue.c
// needs: userspace/virtqueue_split.c userspace/virtqueue_packed.c
/*
 * What goes between a virtio device on PCI and its driver, whatever it does: interrupts, the
 * device's configuration space, the window onto BARs, notifications, and BARs that move.
 */
#include "virtio_model.h"

#define SETTLE	(100 * MS)

/* ---- interrupts --------------------------------------------------------------------------- */

static void test_vectors(void)
{
	static const uint16_t bad[] = { QUEUES + 1, 128, 0x7fff, NO_VECTOR };

	new_device();
	negotiate(&dev, VERSION_1);
	select_queue(&dev, 0);
	/* Before MSI-X is on, as a driver may. */
	common_set(&dev, REG(queue_msix_vector), 2, 1);
	common_set(&dev, REG(msix_config), 2, 0);
	CHECK_EQ(common_get(&dev, REG(queue_msix_vector), 2), 1);
	CHECK_EQ(common_get(&dev, REG(msix_config), 2), 0);
	CHECK_EQ(virtio_call_fd(vd, 0), -1);
	use_msix(&dev, 0x40);
	CHECK(virtio_call_fd(vd, 0) >= 0);
	virtio_interrupt(vd, 0);
	CHECK_EQ(messages(), 2);
	run_driver(0, true);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		select_queue(&dev, 1);
		common_set(&dev, REG(queue_msix_vector), 2, 1);
		CHECK_EQ(common_get(&dev, REG(queue_msix_vector), 2), 1);
		common_set(&dev, REG(queue_msix_vector), 2, bad[i]);
		CHECK_EQ(common_get(&dev, REG(queue_msix_vector), 2), NO_VECTOR);
	}
	common_set(&dev, REG(queue_msix_vector), 1, 1);
	common_set(&dev, REG(queue_msix_vector), 4, 1);
	CHECK_EQ(common_get(&dev, REG(queue_msix_vector), 2), NO_VECTOR);
	messages();
	virtio_interrupt(vd, 0);
	CHECK_EQ(messages(), 2);
	virtio_interrupt(vd, 2);
	CHECK_EQ(messages(), 8);
	virtio_interrupt(vd, 1);				/* it has none */
	CHECK_EQ(messages(), 0);
	virtio_config_changed(vd);
	CHECK_EQ(messages(), 1);
	CHECK_EQ(virtio_call_fd(vd, 1), -1);
	CHECK(virtio_call_fd(vd, 0) >= 0);
	/* Changed while it runs; shared. */
	set_queue_vector(&dev, 0, 3);
	virtio_interrupt(vd, 0);
	CHECK_EQ(messages(), 8);
	common_set(&dev, REG(msix_config), 2, NO_VECTOR);
	virtio_config_changed(vd);
	CHECK_EQ(messages(), 0);
	/* A reset takes them all. */
	common_set(&dev, REG(msix_config), 2, 0);
	set_status(&dev, 0);
	negotiate(&dev, VERSION_1);
	start_driver(&dev);
	virtio_interrupt(vd, 0);
	virtio_interrupt(vd, 2);
	virtio_config_changed(vd);
	CHECK_EQ(messages(), 0);
	CHECK_EQ(mmio_read(dev.isr, 1), 0);
	for (unsigned int i = 16; i < 20; i++)
		CHECK_EQ(fake.rises[i], 0);
	free_device();
}

static void test_intx(void)
{
	new_device();
	run_driver(0, false);
	virtio_interrupt(vd, 1);
	CHECK_EQ(fake.irq[17], 0);				/* the event loop's part */
	fake_loop(0);
	CHECK_EQ(fake.irq[17], 1);
	virtio_config_changed(vd);
	fake_loop(0);
	CHECK_EQ(mmio_read(dev.isr, 1), 3);
	CHECK_EQ(fake.irq[17], 0);
	CHECK_EQ(mmio_read(dev.isr, 1), 0);
	virtio_config_changed(vd);
	CHECK_EQ(mmio_read(dev.isr, 1), 2);			/* before the loop has come */
	fake_loop(0);
	CHECK_EQ(fake.irq[17], 0);
	CHECK_EQ(fake.rises[17], 1);
	virtio_interrupt(vd, 0);
	fake_loop(0);
	CHECK_EQ(mmio_read(dev.isr, 4), 1);			/* of any width */
	virtio_interrupt(vd, 0);
	fake_loop(0);
	set_status(&dev, 0);
	CHECK_EQ(fake.irq[17], 0);
	CHECK_EQ(mmio_read(dev.isr, 1), 0);
	free_device();
}

/* The driver turns MSI-X on and off while interrupts are on their way. */
static void test_msix_and_intx(void)
{
	new_device();
	run_driver(0, true);
	msix_control(&dev, 0);
	messages();
	virtio_interrupt(vd, 0);
	fake_loop(0);
	CHECK_EQ(fake.irq[17], 1);
	CHECK_EQ(messages(), 0);
	msix_control(&dev, PCI_MSIX_FLAGS_ENABLE);
	CHECK_EQ(fake.irq[17], 0);
	virtio_interrupt(vd, 0);
	CHECK_EQ(messages(), 2);
	CHECK_EQ(mmio_read(dev.isr, 1), 1);
	free_device();
}

static void test_no_interrupt_before(void)
{
	new_device();
	negotiate(&dev, VERSION_1);
	virtio_config_changed(vd);				/* before DRIVER_OK */
	fake_loop(0);
	CHECK_EQ(fake.rises[17], 0);
	CHECK_EQ(mmio_read(dev.isr, 1), 0);
	CHECK_EQ(common_get(&dev, REG(config_generation), 1), 1);
	virtio_broken(vd, "anything");
	CHECK(was_said("anything"));
	fake_loop(0);
	CHECK_EQ(mmio_read(dev.isr, 1), 0);
	free_device();
}

/* ---- the model's configuration space ------------------------------------------------------ */

static void test_config(void)
{
	struct virtio_model m = description();
	uint64_t generation;

	new_device();
	CHECK_EQ(mmio_read(dev.config, 1), 0xc0);
	CHECK_EQ(mmio_read(dev.config + 2, 2), 0xc3c2);
	CHECK_EQ(mmio_read(dev.config + 8, 4), 0xcbcac9c8);
	CHECK_EQ(mmio_read(dev.config, 8), 0xc7c6c5c4c3c2c1c0);
	CHECK_EQ(model.config_reads, 4);
	CHECK_EQ(mmio_read(dev.config + 11, 2), 0);		/* across its end */
	CHECK_EQ(mmio_read(dev.config + 8, 8), 0);
	CHECK_EQ(mmio_read(dev.config + 12, 1), 0);
	CHECK_EQ(mmio_read(dev.config - 1, 2), 0);
	CHECK_EQ(model.config_reads, 4);
	generation = common_get(&dev, REG(config_generation), 1);
	for (unsigned int i = 1; i < 300; i++) {
		virtio_config_changed(vd);
		CHECK_EQ(common_get(&dev, REG(config_generation), 1), (generation + i) & 0xff);
	}
	mmio_write(dev.config + 6, 2, 0x1234);
	CHECK_EQ(model.config_writes, 1);
	CHECK(model.offset == 6 && model.bytes == 2);
	CHECK_EQ(model.config[6] | model.config[7] << 8, 0x1234);
	mmio_write(dev.config + 11, 2, 0xffff);
	mmio_write(dev.config + 12, 8, 0);
	mmio_write(dev.config - 1, 2, 0);
	CHECK_EQ(model.config_writes, 1);
	CHECK(model.config[11] == 0xcb && model.config[0] == 0xc0);
	free_device();

	m.ops = &plain_ops;
	plug(&m);
	mmio_write(dev.config, 4, 0);
	CHECK_EQ(mmio_read(dev.config, 4), 0xc3c2c1c0);
	free_device();
}

/* ---- the capability that reaches BARs ----------------------------------------------------- */

static void set_window(uint8_t bar, uint32_t offset, uint32_t length)
{
	config_set(&dev, dev.window + 4, 1, bar);
	config_set(&dev, dev.window + 8, 4, offset);
	config_set(&dev, dev.window + 12, 4, length);
}

static uint32_t window_read(uint8_t bar, uint32_t offset, uint32_t length)
{
	set_window(bar, offset, length);
	return config_get(&dev, dev.window + 16, length == 1 || length == 2 ? length : 4);
}

static void window_write(uint8_t bar, uint32_t offset, uint32_t length, uint32_t value)
{
	set_window(bar, offset, length);
	config_set(&dev, dev.window + 16, length == 1 || length == 2 ? length : 4, value);
}

static void test_window(void)
{
	uint32_t common, config, isr, notify;

	new_device();
	common = dev.common - guest_bar(&dev, 0);
	config = dev.config - guest_bar(&dev, 0);
	isr = dev.isr - guest_bar(&dev, 0);
	notify = dev.notify_mem - guest_bar(&dev, 0);
	config_set(&dev, PCI_COMMAND, 2, 0);			/* the BARs are off */
	CHECK_EQ(window_read(0, common + REG(num_queues), 2), QUEUES);
	CHECK_EQ(window_read(0, config + 4, 4), 0xc7c6c5c4);
	CHECK_EQ(window_read(0, config + 5, 1), 0xc5);
	window_write(0, common + REG(queue_select), 2, 2);
	window_write(0, common + REG(queue_size), 2, 32);
	CHECK_EQ(window_read(0, common + REG(queue_size), 2), 32);
	window_write(0, common + REG(device_status), 1, READY);
	CHECK_EQ(window_read(0, common + REG(device_status), 1), READY);
	window_write(0, config + 8, 2, 0xbeef);
	CHECK(model.offset == 8 && model.bytes == 2 && model.config[8] == 0xef);
	/* What the registers of the window say is not yet an access. */
	model.config_reads = 0;
	set_window(0, config, 4);
	config_get(&dev, dev.window + 12, 4);
	CHECK_EQ(model.config_reads, 0);

	config_set(&dev, PCI_COMMAND, 2, 7);
	run_driver(0, false);
	window_write(2, 8, 2, 2);
	CHECK(kicked(2));
	window_write(0, notify, 4, 0);
	CHECK(kicked(0));
	virtio_interrupt(vd, 0);
	fake_loop(0);
	CHECK_EQ(window_read(0, isr, 1), 1);
	CHECK_EQ(fake.irq[17], 0);
	free_device();
}

/* A window onto what is nothing, or not like that. */
static void test_bad_window(void)
{
	static const uint32_t lengths[] = { 0, 3, 5, 8, 0x10000, UINT32_MAX };
	uint32_t status;

	new_device();
	run_driver(0, false);
	status = dev.common - guest_bar(&dev, 0) + REG(device_status);
	model.config_reads = 0;
	for (unsigned int i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		window_write(0, status, lengths[i], 0);
		window_read(0, dev.config - guest_bar(&dev, 0), lengths[i]);
	}
	CHECK_EQ(model.config_reads, 0);
	window_read(0, dev.config - guest_bar(&dev, 0) + 2, 3);
	CHECK_EQ(model.config_reads, 0);
	window_write(0, status - 1, 2, 0);			/* not aligned */
	window_read(0, dev.config - guest_bar(&dev, 0) + 1, 2);
	CHECK_EQ(model.config_reads, 0);
	window_write(0, status + 0x2000, 1, 0);			/* behind the BAR */
	window_write(0, status + 0x80000000, 1, 0);
	window_write(1, status, 1, 0);
	window_write(3, status, 1, 0);
	window_write(255, status, 1, 0);
	window_write(2, UINT32_MAX - 3, 4, 0);
	window_write(2, 4 * QUEUES, 2, 0);
	window_read(2, 0, 4);
	CHECK_EQ(get_status(&dev), RUNNING);
	CHECK_EQ(window_read(1, 0, 4), 0);
	CHECK_EQ(window_read(0, 0x1ffc, 4), 0);
	CHECK_EQ(window_read(0, UINT32_MAX, 1), 0);
	for (unsigned int i = 0; i < QUEUES; i++)
		CHECK(!kicked(i));
	free_device();
}

/* ---- notifications ------------------------------------------------------------------------ */

static void check_kicks(void)
{
	for (unsigned int n = 0; n < QUEUES; n += 2) {
		for (unsigned int bytes = 1; bytes <= 4; bytes *= 2) {
			port_out(dev.notify_port + 4 * n, bytes, n);
			CHECK(kicked(n) && !kicked(2 - n));
			mmio_write(dev.notify_mem + 4 * n, bytes, n);
			CHECK(kicked(n) && !kicked(2 - n));
		}
	}
}

static void test_notifications(void)
{
	new_device();
	kick(&dev, 0);
	mmio_write(dev.notify_mem, 2, 0);			/* before DRIVER_OK */
	CHECK(!kicked(0));
	run_driver(0, true);
	CHECK_EQ(fake.nr_ioeventfds, 4);
	check_kicks();
	set_status(&dev, 0);
	CHECK_EQ(fake.nr_ioeventfds, 0);
	kick(&dev, 0);
	CHECK(!kicked(0));

	fake.max_ioeventfds = 1;				/* the kernel has no more */
	run_driver(0, true);
	check_kicks();
	fake.max_ioeventfds = FAKE_WIRES;
	/* Beyond the queues, into a part of them. */
	for (unsigned int at = 4 * QUEUES; at < 16; at++)
		port_out(dev.notify_port + at, 1, 0);
	for (unsigned int at = 4 * QUEUES; at < 0x1000; at += 4)
		mmio_write(dev.notify_mem + at, 4, 0);
	mmio_write(dev.notify_mem - 4, 4, 0);
	CHECK(!kicked(0) && !kicked(1) && !kicked(2));
	mmio_write(dev.notify_mem + 9, 1, 0);
	CHECK(kicked(2));
	kick(&dev, 1);						/* not enabled: nobody hears */
	set_status(&dev, 0);
	CHECK_EQ(fake.bad_removals, 0);
	free_device();
}

/* What was signalled before DRIVER_OK is of another life. */
static void test_old_notification(void)
{
	new_device();
	run_driver(0, true);
	kick(&dev, 0);
	set_status(&dev, 0);
	run_driver(0, true);
	CHECK(!kicked(0));
	free_device();
}

static void test_moved_while_started(void)
{
	uint16_t port = dev.notify_port;
	uint64_t mem;

	new_device();
	run_driver(0, true);
	port = dev.notify_port;
	mem = dev.notify_mem;
	config_set(&dev, PCI_BASE_ADDRESS_0, 4, PCI_MEM_BASE + 0x500000);
	config_set(&dev, PCI_BASE_ADDRESS_0 + 8, 4, PCI_PORTS_BASE + 0x1000);
	CHECK_EQ(fake.nr_ioeventfds, 4);
	port_out(port, 2, 0);
	mmio_write(mem, 2, 0);
	CHECK(!kicked(0));
	guest_find(&dev, 1);
	CHECK_EQ(dev.notify_port, PCI_PORTS_BASE + 0x1000);
	check_kicks();
	CHECK_EQ(get_status(&dev), RUNNING);
	/* Nowhere, off, and back. */
	config_set(&dev, PCI_BASE_ADDRESS_0 + 8, 4, 0x80);
	advance(SETTLE - 1);
	CHECK_EQ(fake.nr_ioeventfds, 4);
	advance(1);
	CHECK_EQ(fake.nr_ioeventfds, 2);
	config_set(&dev, PCI_COMMAND, 2, 0);
	advance(SETTLE);
	CHECK_EQ(fake.nr_ioeventfds, 0);
	config_set(&dev, PCI_BASE_ADDRESS_0 + 8, 4, PCI_PORTS_BASE + 0x1000);
	config_set(&dev, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	CHECK_EQ(fake.nr_ioeventfds, 4);
	check_kicks();
	/* Reset while it is elsewhere, started where it is then. */
	config_set(&dev, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	set_status(&dev, 0);
	run_driver(0, true);
	CHECK_EQ(fake.nr_ioeventfds, 2);
	config_set(&dev, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	check_kicks();
	free_device();
}

/* Off and on again at once costs the host nothing; what was too much comes later. */
static void test_wired_lazily(void)
{
	unsigned int changes;

	new_device();
	run_driver(0, true);
	changes = fake.ioeventfd_changes;
	for (unsigned int i = 0; i < 1000; i++) {
		config_set(&dev, PCI_COMMAND, 2, 0);
		config_set(&dev, PCI_BASE_ADDRESS_0 + 8, 4, UINT32_MAX);
		config_set(&dev, PCI_BASE_ADDRESS_0 + 8, 4, dev.notify_port);
		config_set(&dev, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	}
	CHECK_EQ(fake.ioeventfd_changes, changes);
	check_kicks();
	advance(2 * SETTLE);
	CHECK_EQ(fake.ioeventfd_changes, changes);
	CHECK_EQ(next_deadline(), UINT64_MAX);
	/* Off, and the driver gone before it is found out. */
	config_set(&dev, PCI_COMMAND, 2, 0);
	set_status(&dev, 0);
	config_set(&dev, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	set_status(&dev, 0);
	CHECK_EQ(fake.nr_ioeventfds, 0);
	CHECK_EQ(next_deadline(), UINT64_MAX);

	fake.ioeventfds_later = true;
	run_driver(0, true);
	CHECK_EQ(fake.nr_ioeventfds, 0);
	check_kicks();
	advance(SETTLE);
	CHECK_EQ(fake.nr_ioeventfds, 0);
	fake.ioeventfds_later = false;
	advance(SETTLE);
	CHECK_EQ(fake.nr_ioeventfds, 4);
	check_kicks();
	CHECK_EQ(next_deadline(), UINT64_MAX);
	free_device();
}

/* Two devices in one place: the first one's notifications are its own, the other is not harmed. */
static void test_moved_over_another(void)
{
	const struct virtio_model m = description();
	struct virtio_device *first;
	struct guest_device one;

	new_device();
	first = vd;
	one = dev;
	run_driver(0, true);
	vd = virtio_new(bus, &m);
	guest_find(&dev, 2);
	model.starts = 0;
	model.shared = true;
	run_driver(0, true);
	config_set(&dev, PCI_BASE_ADDRESS_0 + 8, 4, one.notify_port);
	dev.notify_port = one.notify_port;
	kick(&dev, 0);
	CHECK(!kicked(0));
	config_set(&one, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	advance(SETTLE);
	kick(&dev, 0);
	CHECK(kicked(0));
	virtio_free(first);
	set_status(&dev, 0);
	CHECK_EQ(fake.bad_removals, 0);
	model.starts = 0;
	model.stops = 0;
	free_device();
}

static const struct test tests[] = {
	{ "vectors", test_vectors },
	{ "INTx and ISR status", test_intx },
	{ "MSI-X is turned off and on", test_msix_and_intx },
	{ "no interrupt before DRIVER_OK", test_no_interrupt_before },
	{ "the configuration space", test_config },
	{ "the capability that reaches BARs", test_window },
	{ "what it does not reach", test_bad_window },
	{ "notifications", test_notifications },
	{ "a notification of before", test_old_notification },
	{ "BARs that move while it is started", test_moved_while_started },
	{ "what moves to and fro, and what is too much", test_wired_lazily },
	{ "BARs that move over another's", test_moved_over_another },
};

int main(void)
{
	return RUN_TESTS(tests);
}
