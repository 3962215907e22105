// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/virtio.c userspace/devices/virtio_pci.c userspace/devices/pci_bus.c
// needs: userspace/devices/pci_function.c userspace/devices/msix.c userspace/virtqueue.c
// needs: userspace/virtqueue_split.c userspace/virtqueue_packed.c
// libs: -Wl,--wrap=calloc
/*
 * A virtio device on PCI, whatever it does: what the driver finds, the status protocol, features,
 * queues, and the end of all that. Interrupts and notifications are devices_virtio_pci.c's.
 */
#include "fail_calloc.h"
#include "virtio_model.h"

/* ---- what the driver finds ---------------------------------------------------------------- */

static void test_identity(void)
{
	struct virtio_model m = description();

	new_device();
	CHECK_EQ(config_get(&dev, 0, 4), 0x10491af4);
	CHECK_EQ(config_get(&dev, 8, 4), 0x02800001);
	CHECK_EQ(config_get(&dev, 0x2c, 4), 0x10491af4);
	CHECK_EQ(dev.nr_caps, 7);
	CHECK_EQ(dev.multiplier, 4);
	CHECK_EQ(dev.lengths[VIRTIO_PCI_CAP_COMMON_CFG], 56);
	CHECK_EQ(dev.lengths[VIRTIO_PCI_CAP_NOTIFY_CFG], 12);
	CHECK_EQ(dev.lengths[VIRTIO_PCI_CAP_ISR_CFG], 1);
	CHECK_EQ(dev.lengths[VIRTIO_PCI_CAP_DEVICE_CFG], 12);
	CHECK(dev.notify_port >= PCI_PORTS_BASE && dev.notify_mem >= PCI_MEM_BASE);
	CHECK_EQ(dev.common % 4 | dev.config % 4, 0);
	CHECK(dev.msix && dev.window);
	CHECK_EQ(config_get(&dev, dev.msix_cap + 2, 2), QUEUES);
	free_device();

	m.config_bytes = 0;
	m.nr_queues = 1;
	plug(&m);
	CHECK_EQ(dev.nr_caps, 6);
	CHECK_EQ(dev.config, 0);
	CHECK_EQ(dev.lengths[VIRTIO_PCI_CAP_NOTIFY_CFG], 4);
	free_device();
}

static void check_power_on(void)
{
	CHECK_EQ(get_status(&dev), 0);
	CHECK_EQ(common_get(&dev, REG(num_queues), 2), QUEUES);
	CHECK_EQ(common_get(&dev, REG(msix_config), 2), NO_VECTOR);
	for (unsigned int i = 0; i < 2; i++) {
		common_set(&dev, REG(guest_feature_select), 4, i);
		CHECK_EQ(common_get(&dev, REG(guest_feature), 4), 0);
	}
	for (unsigned int n = 0; n < QUEUES; n++) {
		select_queue(&dev, n);
		CHECK_EQ(common_get(&dev, REG(queue_select), 2), n);
		CHECK_EQ(common_get(&dev, REG(queue_size), 2), QUEUE_SIZE);
		CHECK_EQ(common_get(&dev, REG(queue_msix_vector), 2), NO_VECTOR);
		CHECK_EQ(common_get(&dev, REG(queue_enable), 2), 0);
		CHECK_EQ(common_get(&dev, REG(queue_notify_off), 2), n);
		for (unsigned int at = REG(queue_desc_lo); at < 56; at += 4)
			CHECK_EQ(common_get(&dev, at, 4), 0);
	}
	for (unsigned int n = QUEUES; n <= 0xffff; n += 0x3fff) {
		select_queue(&dev, n);
		for (unsigned int at = REG(queue_size); at < 56; at += 2)
			CHECK_EQ(common_get(&dev, at, 2), 0);
	}
	CHECK_EQ(mmio_read(dev.isr, 1), 0);
}

static void test_power_on(void)
{
	new_device();
	check_power_on();
	/* Of what the device alone says, the driver can change nothing. */
	common_set(&dev, REG(device_feature), 4, 0);
	common_set(&dev, REG(num_queues), 2, 1);
	common_set(&dev, REG(config_generation), 1, 7);
	common_set(&dev, REG(queue_notify_off), 2, 7);
	CHECK_EQ(common_get(&dev, REG(config_generation), 1), 0);
	check_power_on();
	/* Nor is there anything behind the registers. */
	CHECK_EQ(mmio_read(dev.common + 56, 4), 0);
	CHECK_EQ(mmio_read(dev.common + 52, 8), 0);
	CHECK_EQ(mmio_read(dev.isr + 1, 4), 0);
	CHECK_EQ(mmio_read(dev.notify_mem, 4), 0);
	CHECK_EQ(port_in(dev.notify_port, 4), 0);
	CHECK_EQ(model.starts, 0);
	free_device();
}

/* ---- features and status ------------------------------------------------------------------ */

static void test_features(void)
{
	new_device();
	CHECK_EQ(get_features(&dev), OFFERED | VERSION_1);
	for (unsigned int i = 2; i; i *= 2) {
		common_set(&dev, REG(device_feature_select), 4, i);
		CHECK_EQ(common_get(&dev, REG(device_feature), 4), 0);
		common_set(&dev, REG(guest_feature_select), 4, i);
		common_set(&dev, REG(guest_feature), 4, UINT32_MAX);
		CHECK_EQ(common_get(&dev, REG(guest_feature), 4), 0);
		CHECK_EQ(common_get(&dev, REG(guest_feature_select), 4), i);
	}
	for (unsigned int i = 0; i < 64; i++) {
		bool known = (OFFERED | VERSION_1) >> i & 1;

		CHECK_EQ(negotiate(&dev, VERSION_1 | 1ull << i), known);
		CHECK_EQ(get_status(&dev), known ? ALL_READY : READY);
	}
	CHECK(!negotiate(&dev, 0));
	CHECK(!negotiate(&dev, OFFERED));
	/* Refused, it may ask for less. */
	set_features(&dev, VERSION_1 | 2);
	set_status(&dev, ALL_READY);
	CHECK_EQ(get_status(&dev), ALL_READY);
	for (unsigned int i = 2; i < 4; i++) {
		common_set(&dev, REG(guest_feature_select), 4, i);
		CHECK_EQ(common_get(&dev, REG(guest_feature), 4), 0);
	}
	/* And from then on that is that. */
	set_features(&dev, VERSION_1 | 1);
	common_set(&dev, REG(guest_feature_select), 4, 0);
	CHECK_EQ(common_get(&dev, REG(guest_feature), 4), 2);
	start_driver(&dev);
	CHECK_EQ(model.features, VERSION_1 | 2);
	set_features(&dev, VERSION_1 | 1);
	CHECK_EQ(virtio_features(vd), VERSION_1 | 2);
	free_device();
}

static void test_status(void)
{
	new_device();
	set_status(&dev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	CHECK_EQ(get_status(&dev), VIRTIO_CONFIG_S_ACKNOWLEDGE);
	set_status(&dev, VIRTIO_CONFIG_S_DRIVER);		/* a bit that is set stays */
	CHECK_EQ(get_status(&dev), READY);
	set_status(&dev, READY | DRIVER_OK);			/* before FEATURES_OK */
	CHECK_EQ(get_status(&dev), READY);
	set_status(&dev, READY | NEEDS_RESET);			/* the device's own */
	CHECK_EQ(get_status(&dev), READY);
	set_status(&dev, RUNNING);				/* nothing is negotiated */
	CHECK_EQ(get_status(&dev), READY);
	CHECK_EQ(model.starts, 0);
	set_features(&dev, VERSION_1);
	common_set(&dev, REG(device_status), 2, RUNNING);	/* it has one byte */
	common_set(&dev, REG(device_status), 4, RUNNING);
	CHECK_EQ(get_status(&dev), READY);
	set_status(&dev, RUNNING);				/* both at once */
	CHECK_EQ(get_status(&dev), RUNNING);
	CHECK_EQ(model.starts, 1);
	set_status(&dev, RUNNING);
	set_status(&dev, ALL_READY);
	set_status(&dev, DRIVER_OK);
	CHECK_EQ(get_status(&dev), RUNNING);
	CHECK_EQ(model.starts, 1);
	set_status(&dev, FAILED);
	CHECK_EQ(get_status(&dev), RUNNING | FAILED);
	CHECK_EQ(model.stops, 0);
	free_device();
}

static void test_reset(void)
{
	static const uint8_t states[] = {
		0, VIRTIO_CONFIG_S_ACKNOWLEDGE, READY, ALL_READY, RUNNING, RUNNING | FAILED,
		RUNNING | NEEDS_RESET,
	};

	new_device();
	for (unsigned int i = 0; i < sizeof(states); i++) {
		if (states[i] & DRIVER_OK)
			run_driver(3, true);
		else if (states[i] == ALL_READY)
			negotiate(&dev, VERSION_1 | 3);
		else
			set_status(&dev, states[i]);
		if (states[i] & FAILED)
			set_status(&dev, FAILED);
		if (states[i] & NEEDS_RESET) {
			virtio_broken(vd, "it shall");
			CHECK(was_said("test in PCI slot 1 stops until the guest resets it: "
				       "it shall"));
		}
		CHECK_EQ(get_status(&dev), states[i]);
		set_status(&dev, 0);
		CHECK_EQ(model.stops, model.starts);
		check_power_on();
		msix_control(&dev, 0);
	}
	CHECK_EQ(model.starts, 3);
	/* And it can be used again. */
	run_driver(0, false);
	kick(&dev, 0);
	CHECK(kicked(0));
	free_device();
}

/* ---- queues ------------------------------------------------------------------------------- */

static uint16_t queue_size_of(unsigned int n)
{
	select_queue(&dev, n);
	return common_get(&dev, REG(queue_size), 2);
}

static void test_queue_setup(void)
{
	new_device();
	negotiate(&dev, VERSION_1);
	select_queue(&dev, 1);
	common_set(&dev, REG(queue_size), 2, 0);
	CHECK_EQ(queue_size_of(1), QUEUE_SIZE);
	common_set(&dev, REG(queue_size), 2, QUEUE_SIZE + 1);
	common_set(&dev, REG(queue_size), 1, 8);
	common_set(&dev, REG(queue_size), 4, 8);
	CHECK_EQ(queue_size_of(1), QUEUE_SIZE);
	common_set(&dev, REG(queue_size), 2, 32);
	CHECK_EQ(queue_size_of(1), 32);
	CHECK_EQ(queue_size_of(0), QUEUE_SIZE);
	select_queue(&dev, 1);
	for (unsigned int i = 0; i < 3; i++) {
		unsigned int at = REG(queue_desc_lo) + 8 * i;

		common_set(&dev, at + 4, 4, 0x11223344 + i);
		CHECK_EQ(common_get(&dev, at, 8), 0x1122334400000000 + ((uint64_t)i << 32));
		common_set(&dev, at, 4, 0x55667788);
		CHECK_EQ(common_get(&dev, at, 8), 0x1122334455667788 + ((uint64_t)i << 32));
		common_set(&dev, at, 8, 0x123456789abcdef0);
		CHECK_EQ(common_get(&dev, at, 4), 0x9abcdef0);
		CHECK_EQ(common_get(&dev, at + 4, 4), 0x12345678);
		common_set(&dev, at, 2, 0);
		common_set(&dev, at, 1, 0);
		common_set(&dev, at + 2, 4, 0);
		common_set(&dev, at + 4, 8, 0);
		CHECK_EQ(common_get(&dev, at, 8), 0x123456789abcdef0);
	}
	/* Of a queue that there is not. */
	select_queue(&dev, QUEUES);
	common_set(&dev, REG(queue_size), 2, 8);
	common_set(&dev, REG(queue_msix_vector), 2, 0);
	common_set(&dev, REG(queue_desc_lo), 4, 0x1000);
	common_set(&dev, REG(queue_enable), 2, 1);
	for (unsigned int i = 0; i < QUEUES; i++) {
		select_queue(&dev, i);
		CHECK_EQ(common_get(&dev, REG(queue_enable), 2), 0);
	}
	free_device();
}

static void test_queue_enable(void)
{
	struct driver ring;

	new_device();
	init_ring(&ring, 0, false);
	set_status(&dev, READY);
	set_queue(&dev, 0, &ring);				/* before FEATURES_OK */
	CHECK_EQ(common_get(&dev, REG(queue_enable), 2), 0);
	negotiate(&dev, VERSION_1);
	set_queue(&dev, 0, &ring);
	CHECK_EQ(common_get(&dev, REG(queue_enable), 2), 1);
	/* It stays as it is. */
	common_set(&dev, REG(queue_enable), 2, 0);
	common_set(&dev, REG(queue_size), 2, 8);
	common_set(&dev, REG(queue_desc_lo), 4, 0);
	common_set(&dev, REG(queue_used_hi), 4, 0);
	CHECK_EQ(common_get(&dev, REG(queue_enable), 2), 1);
	CHECK_EQ(common_get(&dev, REG(queue_size), 2), 16);
	CHECK_EQ(common_get(&dev, REG(queue_desc_lo), 8), ring.desc);
	CHECK_EQ(common_get(&dev, REG(queue_used_lo), 8), ring.device);
	select_queue(&dev, 1);
	common_set(&dev, REG(queue_enable), 2, 2);
	common_set(&dev, REG(queue_enable), 1, 1);
	common_set(&dev, REG(queue_enable), 4, 1);
	CHECK_EQ(common_get(&dev, REG(queue_enable), 2), 0);
	start_driver(&dev);
	CHECK(model.has_queue[0] && !model.has_queue[1] && !model.has_queue[2]);
	init_ring(&ring, 1, false);
	set_queue(&dev, 1, &ring);				/* after DRIVER_OK */
	CHECK_EQ(common_get(&dev, REG(queue_enable), 2), 0);
	CHECK(!virtio_queue(vd, 1));
	free_device();
}

/* A queue that cannot be is a device that needs a reset. */
static void test_bad_rings(void)
{
	static const struct {
		unsigned int reg, bytes;
		uint64_t value;
		bool packed;
		const char *why;
	} bad[] = {
		{ REG(queue_size), 2, 3, false, "size of the queue" },
		{ REG(queue_size), 2, 3, true, NULL },
		{ REG(queue_desc_lo), 8, GUEST_GPA + 8, false, "descriptor area" },
		{ REG(queue_desc_lo), 8, GUEST_GPA - 16, false, "descriptor area" },
		{ REG(queue_desc_lo), 8, GUEST_GPA + (1 << 20) - 16, true, "descriptor area" },
		{ REG(queue_avail_lo), 8, 0xfffffffffffffffe, false, "driver area" },
		{ REG(queue_avail_hi), 4, 0, false, "driver area" },
		{ REG(queue_used_lo), 8, GUEST_GPA + 0x1002, false, "device area" },
		{ REG(queue_used_lo), 8, PCI_MEM_BASE, true, "device area" },
	};

	new_device();
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct driver ring;

		negotiate(&dev, VERSION_1 | (bad[i].packed ? PACKED : 0));
		use_msix(&dev, 0x40);
		common_set(&dev, REG(msix_config), 2, 2);
		for (unsigned int n = 0; n < 2; n++) {
			init_ring(&ring, n, bad[i].packed);
			set_queue(&dev, n, &ring);
		}
		init_ring(&ring, 2, bad[i].packed);
		select_queue(&dev, 2);
		common_set(&dev, REG(queue_size), 2, ring.size);
		common_set(&dev, REG(queue_desc_lo), 8, ring.desc);
		common_set(&dev, REG(queue_avail_lo), 8, ring.driver);
		common_set(&dev, REG(queue_used_lo), 8, ring.device);
		common_set(&dev, bad[i].reg, bad[i].bytes, bad[i].value);
		common_set(&dev, REG(queue_enable), 2, 1);
		messages();
		start_driver(&dev);
		CHECK_EQ(get_status(&dev), RUNNING | (bad[i].why ? NEEDS_RESET : 0));
		CHECK_EQ(model.starts - model.stops, !bad[i].why);
		CHECK(was_said(bad[i].why));
		CHECK_EQ(messages(), bad[i].why ? 4 : 0);
		CHECK_EQ(fake.nr_ioeventfds != 0, !bad[i].why);
		kick(&dev, 0);
		CHECK_EQ(kicked(0), !bad[i].why);
	}
	free_device();
}

/* ---- broken ------------------------------------------------------------------------------- */

static void test_broken(void)
{
	new_device();
	run_driver(0, true);
	messages();
	virtio_broken(vd, "one thing");
	CHECK_EQ(get_status(&dev), RUNNING | NEEDS_RESET);
	CHECK(was_said("slot 1 stops until the guest resets it: one thing"));
	CHECK_EQ(messages(), 1);
	virtio_broken(vd, "another");
	CHECK(was_said(NULL));
	CHECK_EQ(messages(), 0);
	set_status(&dev, RUNNING | FAILED);			/* nothing but a reset */
	CHECK_EQ(get_status(&dev), RUNNING | NEEDS_RESET);
	CHECK_EQ(model.stops, 0);
	set_status(&dev, 0);
	CHECK_EQ(model.stops, 1);
	CHECK_EQ(get_status(&dev), 0);

	model.start_result = -1;
	negotiate(&dev, VERSION_1);
	start_driver(&dev);
	CHECK_EQ(get_status(&dev), RUNNING | NEEDS_RESET);
	CHECK(was_said("cannot make it go"));
	CHECK_EQ(fake.nr_ioeventfds, 0);
	set_status(&dev, 0);
	CHECK_EQ(model.stops, 1);
	model.starts = model.stops;
	model.start_result = 0;
	run_driver(0, true);
	virtio_broken(vd, "again");				/* a new life, a new message */
	CHECK(was_said("again"));
	free_device();
}

/* A kernel that starts another one takes the memory away (Linux: pci_clear_master()). */
static void test_mastering(void)
{
	new_device();
	set_command(1, 7);
	set_command(1, 3);					/* it does not run yet */
	CHECK_EQ(get_status(&dev), 0);
	run_driver(0, true);					/* a driver that never asks */
	set_command(1, 7);
	CHECK_EQ(get_status(&dev), RUNNING);
	messages();
	set_command(1, 3);
	CHECK_EQ(model.stops, 1);
	CHECK_EQ(get_status(&dev), RUNNING | NEEDS_RESET);
	CHECK_EQ(messages(), 0);
	CHECK_EQ(fake.nr_ioeventfds, 0);
	kick(&dev, 0);
	CHECK(!kicked(0));
	set_command(1, 7);
	start_driver(&dev);
	CHECK_EQ(model.starts, 1);
	set_status(&dev, 0);
	CHECK_EQ(model.stops, 1);
	check_power_on();
	run_driver(0, true);
	kick(&dev, 0);
	CHECK(kicked(0));
	free_device();
}

/* ---- data --------------------------------------------------------------------------------- */

/* A buffer that is echoed, with and without MSI-X, split and packed. */
static void test_buffers(void)
{
	const struct driver_part parts[2] = {
		{ .gpa = GUEST_GPA + 0x20000, .bytes = 5 },
		{ .gpa = GUEST_GPA + 0x21000, .bytes = 5, .writable = true },
	};
	struct driver_used used;
	struct virtq_chain chain;
	struct iovec iov[4];
	struct driver ring;

	new_device();
	for (unsigned int i = 0; i < 4; i++) {
		bool packed = i & 1, msix = i & 2;

		run_driver(packed ? PACKED : 0, msix);
		init_ring(&ring, 0, packed);
		memcpy(host(parts[0].gpa), "hello", 5);
		memset(host(parts[1].gpa), 0, 8);
		driver_add(&ring, parts, 2, &ring);
		CHECK(driver_must_notify(&ring));
		kick(&dev, 0);
		CHECK(kicked(0));
		CHECK_EQ(virtq_pop(virtio_queue(vd, 0), &chain, iov, 4), 1);
		CHECK(chain.nr_out == 1 && chain.nr_in == 1);
		memcpy(iov[1].iov_base, iov[0].iov_base, 5);
		virtq_push(virtio_queue(vd, 0), &chain, 5);
		messages();
		CHECK(virtq_must_interrupt(virtio_queue(vd, 0)));
		virtio_interrupt(vd, 0);
		if (msix)
			CHECK_EQ(messages(), 2);
		else
			CHECK_EQ(mmio_read(dev.isr, 1), 1);
		CHECK_EQ(driver_collect(&ring, &used), 1);
		CHECK(used.token == &ring && used.written == 5);
		CHECK(!memcmp(host(parts[1].gpa), "hello\0\0", 8));
		set_status(&dev, 0);
		msix_control(&dev, 0);
	}
	free_device();
}

/* ---- the ends of things ------------------------------------------------------------------- */

static void test_without(void)
{
	struct virtio_model m = description();
	const struct pci_bar all_ports = { .bytes = PCI_PORTS_BYTES, .port = true };
	const struct pci_bar all_memory = { .bytes = PCI_MEM_BYTES };
	const struct pci_identity other = { .vendor = 1 };
	struct pci_function *f;
	unsigned int fds = open_fds();

	bus = pci_bus_new(&fake);
	/* One for itself, three for the queues, four for MSI-X: each can be the one too many. */
	for (unsigned int i = 0; i < 1 + QUEUES + QUEUES + 1; i++) {
		allow_fds(i);
		errno = 0;
		CHECK(!virtio_new(bus, &m));
		CHECK_EQ(errno, EMFILE);
		allow_fds(-1);
		CHECK_EQ(open_fds(), fds);
		CHECK_EQ(fake.nr_watches, 0);
	}
	fake.refuse_watch = true;
	errno = 0;
	CHECK(!virtio_new(bus, &m));
	CHECK_EQ(errno, ENOSPC);
	fake.refuse_watch = false;
	for (int i = 0; i < 3; i++) {
		calloc_after = i;
		errno = 0;
		CHECK(!virtio_new(bus, &m));
		CHECK_EQ(errno, ENOMEM);
		calloc_after = -1;
	}
	CHECK_EQ(open_fds(), fds);
	for (unsigned int i = 1; i < PCI_SLOTS; i++)
		CHECK((f = pci_function_new(bus, &other)));
	errno = 0;
	CHECK(!virtio_new(bus, &m));
	CHECK_EQ(errno, ENOSPC);
	pci_bus_free(bus);

	for (unsigned int i = 0; i < 2; i++) {
		fake_init();
		bus = pci_bus_new(&fake);
		f = pci_function_new(bus, &other);
		CHECK_EQ(pci_add_bar(f, 0, i ? &all_ports : &all_memory), 0);
		errno = 0;
		CHECK(!virtio_new(bus, &m));
		CHECK_EQ(errno, ENOSPC);
		pci_bus_free(bus);
	}
	CHECK_EQ(open_fds(), fds);
	CHECK_EQ(fake.nr_watches, 0);
}

/* As many devices as there are slots, of as many queues as there can be. */
static void test_all_slots(void)
{
	struct virtio_device *all[PCI_SLOTS - 1];
	struct virtio_model m = description();

	memset(&model, 0, sizeof(model));
	guest_init(1 << 20);
	allow_fds(-1);
	m.nr_queues = VIRTIO_QUEUES_MAX;
	bus = pci_bus_new(&fake);
	for (unsigned int i = 0; i < PCI_SLOTS - 1; i++) {
		all[i] = virtio_new(bus, &m);
		CHECK(all[i]);
		guest_find(&dev, i + 1);
		CHECK_EQ(common_get(&dev, REG(num_queues), 2), VIRTIO_QUEUES_MAX);
		CHECK_EQ(config_get(&dev, dev.msix_cap + 2, 2), VIRTIO_QUEUES_MAX);
	}
	vd = all[PCI_SLOTS - 2];
	run_driver(0, true);
	set_queue_vector(&dev, 2, VIRTIO_QUEUES_MAX);
	messages();
	virtio_interrupt(vd, 2);
	fake_loop(0);
	CHECK_EQ(fake.msi[0].data, 0x40 + VIRTIO_QUEUES_MAX);
	for (unsigned int i = 0; i < PCI_SLOTS - 1; i++)
		virtio_free(all[i]);
	pci_bus_free(bus);
	CHECK_EQ(model.stops, 1);
}

static void test_freed_while_started(void)
{
	unsigned int fds = open_fds();

	new_device();
	run_driver(0, false);
	virtio_interrupt(vd, 0);
	fake_loop(0);
	CHECK_EQ(fake.irq[17], 1);
	free_device();
	CHECK_EQ(model.stops, 1);
	CHECK_EQ(open_fds(), fds);
}

/* Random accesses to the registers, in whatever state: the model hears start and stop in turn. */
static void test_nonsense(void)
{
	static const unsigned int regs[] = {
		REG(device_status), REG(device_status), REG(guest_feature), REG(queue_select),
		REG(queue_enable), REG(queue_size), REG(queue_msix_vector), REG(msix_config),
	};

	new_device();
	for (unsigned int i = 0; i < 200000; i++) {
		uint32_t r = fake_random(), value = fake_random();

		if (r % 4096 == 0)
			run_driver(r & 1 << 13 ? PACKED : 0, r & 1 << 14);
		else if (r % 64 == 0)
			config_set(&dev, (value & 0xfc), 4, fake_random());
		else if (r % 8 == 0)
			mmio_write(dev.common + value % 0x2000, 1 << (value >> 16) % 4, value);
		else if (r % 8 == 1)
			mmio_read(dev.common + value % 0x2000, 1 << (value >> 16) % 4);
		else
			common_set(&dev, regs[value % 8], r & 1 << 8 ? 1 : 2, value >> 8 & 0xff);
		if (r % 64 == 0) {
			config_set(&dev, PCI_BASE_ADDRESS_0, 4, dev.common);
			config_set(&dev, PCI_BASE_ADDRESS_0 + 8, 4, dev.notify_port);
			config_set(&dev, PCI_COMMAND, 2, 7);
		}
		CHECK(model.starts - model.stops <= 1);
		if (!test_ok)
			break;
	}
	said.lines = 0;
	fake.bad_removals = 0;
	free_device();
}

static const struct test tests[] = {
	{ "what the driver finds", test_identity },
	{ "registers after power-on", test_power_on },
	{ "features", test_features },
	{ "the status, in whatever order", test_status },
	{ "reset in every state", test_reset },
	{ "a queue's registers", test_queue_setup },
	{ "a queue is enabled, once", test_queue_enable },
	{ "rings that cannot be", test_bad_rings },
	{ "a device that needs a reset", test_broken },
	{ "a device that may not reach memory", test_mastering },
	{ "buffers", test_buffers },
	{ "a device that cannot be", test_without },
	{ "devices in all slots", test_all_slots },
	{ "freed while it is started", test_freed_while_started },
	{ "random accesses", test_nonsense },
};

int main(void)
{
	return RUN_TESTS(tests);
}
