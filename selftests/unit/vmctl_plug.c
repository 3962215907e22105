// SPDX-License-Identifier: GPL-2.0
// needs: userspace/plug.c userspace/plug_hot.c userspace/devices/acpi_plug.c
// needs: userspace/devices/pci_bus.c userspace/devices/pci_function.c userspace/devices/msix.c
// needs: userspace/devices/piix.c
/*
 * Where on the PCI bus each device has its place, whatever else is plugged in, and what comes and
 * goes while the guest runs. The models, and what they are in the host, are played by this file: a
 * function each, whose device ID says what it is.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "devices_fake.h"
#include "pci_guest.h"
#include "../../userspace/devices/vga.h"
#include "../../userspace/devices/virtio_fs.h"
#include "../../userspace/devices/virtio_rng.h"
#include "../../userspace/devices/virtio_vsock.h"
#include "../../userspace/plug_parts.h"

/* ---- models -------------------------------------------------------------------------------- */

enum {
	DISK = 0x100, NET = 0x200, SHARE = 0x300, CONSOLE = 0x400, VSOCK, RNG, BALLOON, WATCHDOG,
	VGA,
};

static char said[160];
static unsigned int fail_device;	/* which cannot be made; 0: all can */

void message(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(said, sizeof(said), format, ap);
	va_end(ap);
}

static void *new_function(struct pci_bus *bus, unsigned int device)
{
	const struct pci_identity identity = { .vendor = 0x1234, .device = device };

	if (device == fail_device) {
		errno = EMFILE;
		return NULL;
	}
	return pci_function_new(bus, &identity);
}

static struct plug_config config;
static uint64_t ram_bytes;

void *machine_memory(struct machine *m, uint64_t gpa, uint64_t bytes)
{
	return gpa + bytes <= ram_bytes ? said : NULL;
}

/* The device there, or -1. */
static int device_at(unsigned int slot, unsigned int function)
{
	uint32_t id = mmio_read(ecam(slot, function << 12), 4);

	return id == UINT32_MAX ? -1 : (int)(id >> 16);
}

/* What says which one of its kind it is. */
static struct share_options shares[SHARES_MAX];
static struct block *blocks[DISKS_MAX];
static struct net *nets[NETS_MAX];
static struct vhost_user servers[SHARES_MAX];
static struct block fake_block[DISKS_MAX];
static struct net fake_net[NETS_MAX];
static unsigned int open_blocks, open_nets, texts;	/* of those that were attached */

struct virtio_blk *virtio_blk_new(struct pci_bus *bus, struct block *block,
				  const struct virtio_blk_options *options)
{
	CHECK_EQ(options->queues, 3);
	return new_function(bus, DISK + (block - fake_block));
}

static void (*busy_gone)(void *opaque);
static void *busy_opaque;
static unsigned int retired;
static bool busy;			/* a disk has requests under way */

bool virtio_blk_retire(struct virtio_blk *disk, void (*gone)(void *opaque), void *opaque)
{
	retired++;
	busy_gone = gone;
	busy_opaque = opaque;
	return !busy;
}

void virtio_blk_free(struct virtio_blk *disk)
{
	pci_function_free((void *)disk);
}

struct virtio_net *virtio_net_new(struct pci_bus *bus, struct net *net,
				  const struct virtio_net_options *options)
{
	CHECK_EQ(options->mac[5], net - fake_net);
	return new_function(bus, NET + (net - fake_net));
}

void virtio_net_free(struct virtio_net *card)
{
	pci_function_free((void *)card);
}

void net_default_mac(const char *name, unsigned int n, uint8_t mac[ETH_ALEN])
{
	mac[0] = 2;
	mac[5] = n;
}

struct virtio_fs *virtio_fs_new(struct pci_bus *bus, struct vhost_user *server,
				const struct virtio_fs_options *options)
{
	return new_function(bus, SHARE + (server - servers));
}

void virtio_fs_free(struct virtio_fs *fs)
{
	pci_function_free((void *)fs);
}

struct virtio_console *virtio_console_new(struct pci_bus *bus, struct console *console,
					  const struct virtio_console_port *ports, unsigned int nr)
{
	return new_function(bus, CONSOLE);
}

void virtio_console_free(struct virtio_console *c)
{
	pci_function_free((void *)c);
}

struct virtio_vsock *virtio_vsock_new(struct pci_bus *bus, struct vhost *vhost, uint32_t cid)
{
	return new_function(bus, VSOCK);
}

void virtio_vsock_free(struct virtio_vsock *v)
{
	pci_function_free((void *)v);
}

struct virtio_rng *virtio_rng_new(struct pci_bus *bus, uint32_t rate)
{
	return new_function(bus, RNG);
}

void virtio_rng_free(struct virtio_rng *rng)
{
	pci_function_free((void *)rng);
}

struct virtio_balloon *virtio_balloon_new(struct pci_bus *bus,
					  const struct balloon_options *options)
{
	return new_function(bus, BALLOON);
}

void virtio_balloon_free(struct virtio_balloon *balloon)
{
	pci_function_free((void *)balloon);
}

struct watchdog *watchdog_new(struct pci_bus *bus, const char *vm_name,
			      enum watchdog_action action, bool *has_expired)
{
	CHECK(!strcmp(vm_name, "test"));
	return new_function(bus, WATCHDOG);
}

void watchdog_free(struct watchdog *w)
{
	pci_function_free((void *)w);
}

struct vga *vga_new(struct pci_bus *bus)
{
	return new_function(bus, VGA);
}

void vga_free(struct vga *vga)
{
	pci_function_free((void *)vga);
}

/* ---- what is attached ---------------------------------------------------------------------- */

static unsigned int looks;		/* at one that is not done yet */
static bool undone;

static bool leave_block(struct block *block)
{
	looks++;
	return !undone;
}

static void free_block(struct block *block)
{
	CHECK_EQ(device_at(9 + (block - fake_block), 0), -1);
	open_blocks--;
}

static void free_net(struct net *net)
{
	CHECK_EQ(device_at(1 + (net - fake_net), 0), -1);
	open_nets--;
}

static const struct block_ops block_ops = { .leave = leave_block, .free = free_block };
static const struct net_ops net_ops = { .free = free_net };

bool disk_parse(const char *text, struct disk_options *disk, char *why, size_t bytes)
{
	*disk = (struct disk_options) { .path = text };
	if (*text == '!') {
		snprintf(why, bytes, "not this one");
		return false;
	}
	texts++;
	return true;
}

void disk_forget(struct disk_options *disk)
{
	CHECK(disk->path);
	disk->path = NULL;
	texts--;
}

static bool taken;

bool disk_is_taken(const struct disk_options *disk, int fd, struct block *const *there,
		   unsigned int nr)
{
	CHECK(there == blocks && nr == config.nr_disks && fd >= 0);
	return taken;
}

struct block *disk_open_fd(const struct disk_options *disk, int fd)
{
	struct block *block = &fake_block[disk - config.disks];

	close(fd);
	if (*disk->path == '?')
		return NULL;
	block->ops = &block_ops;
	open_blocks++;
	return block;
}

bool net_parse(const char *text, struct net_options *net, char *why, size_t bytes)
{
	*net = (struct net_options) { .text = text };
	texts++;
	return true;
}

void net_forget(struct net_options *net)
{
	CHECK(net->text);
	net->text = NULL;
	texts--;
}

struct net *net_open_fds(const struct net_options *options, const int *fds, unsigned int nr)
{
	struct net *net = &fake_net[options - config.net_options];

	while (nr)
		close(fds[--nr]);
	net->ops = &net_ops;
	open_nets++;
	return net;
}

static unsigned int gpes;

void machine_raise_gpe(struct machine *m, unsigned int n)
{
	CHECK_EQ(n, ACPI_GPE_PLUG);
	gpes++;
}

int machine_discard(struct machine *m, void *start, uint64_t bytes)
{
	return 0;
}

/* ---- a configuration ----------------------------------------------------------------------- */

static void configure(unsigned int nr_disks, unsigned int nr_nets, unsigned int nr_shares)
{
	config = (struct plug_config) {
		.blocks = blocks, .nr_disks = nr_disks, .nets = nets, .nr_nets = nr_nets,
		.shares = shares, .servers = servers, .nr_shares = nr_shares,
		.vm_name = "test",
	};
	for (unsigned int i = 0; i < DISKS_MAX; i++) {
		config.disks[i].path = "image";
		blocks[i] = i < nr_disks ? &fake_block[i] : NULL;
		fake_block[i].ops = &block_ops;
	}
	for (unsigned int i = 0; i < NETS_MAX; i++) {
		config.net_options[i].text = "tap";
		nets[i] = i < nr_nets ? &fake_net[i] : NULL;
		fake_net[i].ops = &net_ops;
	}
	for (unsigned int i = 0; i < SHARES_MAX; i++)
		shares[i].path = "/share";
}

static void add_singles(void)
{
	config.console = (void *)&config;
	config.cid = 3;
	config.rng.wanted = true;
	config.balloon.wanted = true;
	config.watchdog = WATCHDOG_RESET;
	config.vga = true;
}

static unsigned int functions(void)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < 8 * PCI_SLOTS; i++)
		nr += device_at(i / 8, i % 8) >= 0;
	return nr;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void check_places(void)
{
	struct plugs *all = plug_all(&fake, &config, 3);

	if (!all)
		abort();
	for (unsigned int i = 0; i < NETS_MAX; i++)
		CHECK_EQ(device_at(1 + i, 0), i < config.nr_nets ? (int)(NET + i) : -1);
	for (unsigned int i = 0; i < DISKS_MAX; i++)
		CHECK_EQ(device_at(9 + i, 0), i < config.nr_disks ? (int)(DISK + i) : -1);
	for (unsigned int i = 0; i < SHARES_MAX; i++)
		CHECK_EQ(device_at(25 + i, 0), i < config.nr_shares ? (int)(SHARE + i) : -1);
	CHECK_EQ(device_at(0, 1), config.console || config.nr_ports ? CONSOLE : -1);
	CHECK_EQ(device_at(0, 2), config.cid ? VSOCK : -1);
	CHECK_EQ(device_at(0, 3), config.rng.wanted ? RNG : -1);
	CHECK_EQ(device_at(0, 4), config.balloon.wanted ? BALLOON : -1);
	CHECK_EQ(device_at(0, 5), config.watchdog ? WATCHDOG : -1);
	CHECK_EQ(device_at(0, 6), config.vga ? VGA : -1);
	plug_free(all);
	fake_init();
}

static void test_places(void)
{
	configure(0, 0, 0);
	CHECK(!plug_any(&config));
	config.nr_ports = 1;
	check_places();
	for (unsigned int i = 0; i < 32; i++) {
		configure(i & 1, i & 2, i & 4);
		if (i & 8)
			config.rng.wanted = true;
		if (i & 16)
			config.watchdog = WATCHDOG_RESET;
		check_places();
	}
	configure(2, 3, 1);
	add_singles();
	check_places();
}

static void test_all(void)
{
	struct plugs *all;

	configure(DISKS_MAX, NETS_MAX, SHARES_MAX);
	add_singles();
	check_places();
	all = plug_all(&fake, &config, 3);
	CHECK_EQ(functions(), 1 + DISKS_MAX + NETS_MAX + SHARES_MAX + 6);
	plug_free(all);
}

static void test_boot_order(void)
{
	static const char wanted[] =
		"/pci@i0cf8/scsi@18/disk@0,0\n"
		"/pci@i0cf8/ethernet@2/ethernet-phy@0\n"
		"/pci@i0cf8/scsi@a/disk@0,0\n";
	char order[2048];

	configure(DISKS_MAX, NETS_MAX, 0);
	CHECK_EQ(plug_boot_order(&config, order, sizeof(order)), 0);
	config.disks[15].boot_order = 1;
	config.disks[1].boot_order = 100;
	config.net_options[1].boot_order = 2;
	CHECK_EQ(plug_boot_order(&config, order, sizeof(order)), strlen(wanted));
	CHECK(!strcmp(order, wanted));
	/* All of them have room. */
	for (unsigned int i = 0; i < DISKS_MAX; i++)
		config.disks[i].boot_order = 7;
	for (unsigned int i = 0; i < NETS_MAX; i++)
		config.net_options[i].boot_order = 8;
	CHECK_EQ(plug_boot_order(&config, order, sizeof(order)), strlen(order));
	CHECK(strstr(order, "ethernet@8/ethernet-phy@0\n"));
}

/* With firmware there is a bus in any case, with nothing on it set up. */
static void test_firmware(void)
{
	struct plugs *all;

	configure(0, 0, 0);
	config.firmware = true;
	CHECK(plug_any(&config));
	all = plug_all(&fake, &config, 3);
	CHECK_EQ(config_read(0, PCI_VENDOR_ID, 4), 0x12378086);
	plug_free(all);
}

/* With UEFI there is a board, whatever else there is, and a window where there is no RAM. */
static void test_uefi(void)
{
	static const struct {
		uint64_t ram_bytes;
		unsigned int refuse_after;	/* ranges; how many it wants */
	} cases[] = { { PCI_LOW_BASE, 7 }, { PCI_LOW_BASE + 4096, 6 } };
	struct plugs *all;

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		configure(DISKS_MAX, NETS_MAX, SHARES_MAX);
		add_singles();
		config.firmware = true;
		config.uefi = true;
		ram_bytes = cases[i].ram_bytes;
		fake_init();
		fake.refuse_after = cases[i].refuse_after;
		check_places();
		fake.refuse_after = cases[i].refuse_after;
		all = plug_all(&fake, &config, 3);
		CHECK_EQ(device_at(0, 7), 0x7000);
		CHECK_EQ(device_at(1, 3), 0x7113);
		CHECK_EQ(config_read(1, PCI_HEADER_TYPE, 1), 0);
		CHECK_EQ(functions(), 1 + DISKS_MAX + NETS_MAX + SHARES_MAX + 8);
		plug_free(all);
	}
	ram_bytes = 0;
	fake_init();
	fake.refuse_after = 6;
	CHECK(!plug_all(&fake, &config, 3));
	CHECK(strstr(said, "cannot prepare the PCI bus for UEFI: File exists"));
}

/* What cannot be made is told by the name of its option, and all else is gone again. */
static void test_failures(void)
{
	static const struct {
		unsigned int device;
		const char *words;
	} cases[] = {
		{ DISK + 1, "--disk image: cannot plug it in: Too many open files" },
		{ NET, "--net tap: cannot plug it in: " },
		{ SHARE, "--share /share: cannot plug it in: " },
		{ CONSOLE, "--virtio-console: cannot plug it in: " }, { VSOCK, "--vsock: " },
		{ RNG, "--rng: " }, { BALLOON, "--balloon: " }, { WATCHDOG, "--watchdog: " },
		{ VGA, "--vga: " },
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		configure(2, 1, 1);
		add_singles();
		fail_device = cases[i].device;
		said[0] = '\0';
		CHECK(!plug_all(&fake, &config, 3));
		CHECK(!strncmp(said, cases[i].words, strlen(cases[i].words)));
		fake_init();
	}
	fail_device = 0;
}

/* ---- while the guest runs ------------------------------------------------------------------- */

#define ARRIVED	ACPI_PLUG_BASE
#define LEAVING	(ACPI_PLUG_BASE + 4)
#define EJECT	(ACPI_PLUG_BASE + 8)

static struct plugs *plugs;
static char why[160], id[PLUG_ID_BYTES];

static void power_on(void)
{
	if (plugs)
		plug_free(plugs);
	CHECK(!fake.timers);
	fake_init();
	plugs = plug_all(&fake, &config, 3);
	if (!plugs)
		abort();
	gpes = 0;
}

static void power_off(void)
{
	plug_free(plugs);
	plugs = NULL;
}

static int attach(const char *kind, const char *text)
{
	int fd = dup(0);

	return plug_attach(plugs, kind, text, &fd, 1, id, why, sizeof(why));
}

static int detach(const char *what)
{
	return plug_detach(plugs, what, why, sizeof(why));
}

static char listed[160];

static void list_device(void *opaque, const char *what, const char *option)
{
	CHECK(opaque == listed);
	snprintf(listed + strlen(listed), sizeof(listed) - strlen(listed), "%s=%s ", what, option);
}

static void test_attach(void)
{
	unsigned int fds = open_fds();

	configure(1, 0, 0);
	power_on();
	CHECK_EQ(attach("disk", "new"), 0);
	CHECK(!strcmp(id, "disk1"));
	CHECK_EQ(device_at(10, 0), DISK + 1);
	CHECK_EQ(gpes, 1);
	CHECK_EQ(port_in(ARRIVED, 4), 1 << 10);
	port_out(ARRIVED, 4, 1 << 9);			/* ones clear */
	CHECK_EQ(port_in(ARRIVED, 4), 1 << 10);
	CHECK_EQ(attach("net", "tap"), 0);
	CHECK(!strcmp(id, "net0"));
	CHECK_EQ(device_at(1, 0), NET);
	CHECK_EQ(port_in(ARRIVED, 4), 1 << 10 | 1 << 1);
	port_out(ARRIVED, 4, UINT32_MAX);
	CHECK_EQ(port_in(ARRIVED, 4), 0);
	CHECK(plug_present(plugs, "disk0") && plug_present(plugs, "disk1"));
	CHECK(plug_present(plugs, "net0") && !plug_present(plugs, "net1"));
	listed[0] = '\0';
	plug_each(plugs, list_device, listed);
	CHECK(!strcmp(listed, "disk0=image disk1=new net0=tap "));

	power_on();					/* it stays over a reset */
	CHECK_EQ(device_at(10, 0), DISK + 1);
	CHECK_EQ(device_at(1, 0), NET);
	CHECK_EQ(port_in(ARRIVED, 4), 0);
	power_off();
	CHECK_EQ(open_blocks, 1);
	CHECK_EQ(open_nets, 1);
	CHECK_EQ(open_fds(), fds);
	open_blocks = 0;
	open_nets = 0;
	texts = 0;
}

static void test_detach(void)
{
	configure(2, 1, 1);
	open_blocks = 2;
	open_nets = 1;
	power_on();
	CHECK_EQ(attach("disk", "new"), 0);
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_EQ(detach("disk2"), 0);
		CHECK_EQ(port_in(LEAVING, 4), 1 << 11);
	}
	CHECK(plug_present(plugs, "disk2"));		/* the guest may refuse */
	port_out(LEAVING, 4, 1 << 11);
	CHECK_EQ(port_in(LEAVING, 4), 0);
	port_out(EJECT, 4, 1 << 11);
	/* A vCPU has said so; what is left to do is the event loop's. */
	CHECK_EQ(device_at(11, 0), -1);
	CHECK(plug_present(plugs, "disk2"));
	CHECK_EQ(open_blocks, 3);
	CHECK_EQ(attach("disk", "other"), 0);
	CHECK(!strcmp(id, "disk3"));
	advance(0);
	CHECK(!plug_present(plugs, "disk2"));
	port_out(EJECT, 4, 1 << 12);
	advance(0);
	CHECK_EQ(device_at(11, 0), -1);
	CHECK_EQ(open_blocks, 2);
	CHECK_EQ(texts, 0);
	CHECK_EQ(detach("disk2"), -1);
	CHECK(strstr(why, "the VM has no such device"));
	/* One that was there from the start, of its own accord; its number is free then. */
	port_out(EJECT, 4, 1 << 9);
	power_on();					/* at once: it does not come again */
	CHECK_EQ(open_blocks, 1);
	CHECK(!plug_present(plugs, "disk0") && plug_present(plugs, "disk1"));
	CHECK_EQ(attach("disk", "new"), 0);
	CHECK(!strcmp(id, "disk0"));
	port_out(EJECT, 4, 1 << 1);
	advance(0);
	CHECK_EQ(open_nets, 0);
	CHECK_EQ(device_at(1, 0), -1);
	power_off();
	open_blocks = 0;
	texts = 0;
}

/* One that has requests under way goes, and is closed, when those have ended. */
static void test_busy(void)
{
	configure(2, 0, 0);
	open_blocks = 2;
	power_on();
	busy = true;
	retired = 0;
	port_out(EJECT, 4, 1 << 9);
	port_out(EJECT, 4, 1 << 9);
	advance(0);
	CHECK_EQ(retired, 1);
	CHECK_EQ(device_at(9, 0), DISK);
	CHECK(plug_present(plugs, "disk0"));
	CHECK_EQ(attach("disk", "new"), 0);
	CHECK(!strcmp(id, "disk2"));
	busy = false;
	port_out(EJECT, 4, 1 << 11);		/* another one meanwhile */
	advance(0);
	CHECK_EQ(open_blocks, 2);
	busy_gone(&plugs->slots[9]);
	CHECK_EQ(device_at(9, 0), -1);
	CHECK_EQ(open_blocks, 2);
	advance(0);
	CHECK_EQ(open_blocks, 1);
	CHECK(!plug_present(plugs, "disk0"));

	/* A reset does not wait for it any longer, and it does not come again. */
	busy = true;
	port_out(EJECT, 4, 1 << 10);
	CHECK(busy_opaque == &plugs->slots[10]);
	power_on();
	CHECK_EQ(open_blocks, 0);
	CHECK_EQ(device_at(10, 0), -1);
	busy = false;
	power_off();
}

/* What has a process in the host is closed when that has ended, and nobody waits for it. */
static void test_undone(void)
{
	configure(2, 0, 0);
	open_blocks = 2;
	power_on();
	undone = true;
	looks = 0;
	port_out(EJECT, 4, 1 << 9);
	advance(SECOND);
	CHECK(looks > 10 && looks < 100);
	CHECK_EQ(open_blocks, 2);
	CHECK_EQ(device_at(9, 0), -1);
	CHECK(plug_present(plugs, "disk0"));
	power_on();				/* nor does a reset wait */
	CHECK_EQ(open_blocks, 2);
	CHECK_EQ(device_at(9, 0), -1);
	CHECK_EQ(device_at(10, 0), DISK + 1);
	advance(SECOND);
	CHECK(plug_present(plugs, "disk0"));
	CHECK_EQ(attach("disk", "new"), 0);
	CHECK(!strcmp(id, "disk2"));
	undone = false;
	advance(SECOND);
	CHECK_EQ(open_blocks, 2);
	CHECK(!plug_present(plugs, "disk0"));
	looks = 0;
	advance(SECOND);
	CHECK_EQ(looks, 0);
	power_off();
	open_blocks = 0;
	texts = 0;
}

/* Bridge, shares and empty slots stay; so does everything at accesses that mean nothing. */
static void test_hostile_ejects(void)
{
	configure(1, 1, SHARES_MAX);
	add_singles();
	power_on();
	port_out(EJECT, 4, ~(1u << 1 | 1u << 9));
	port_out(EJECT, 2, 1 << 1);
	port_out(EJECT, 1, 1 << 1);
	port_out(EJECT + 1, 1, 0xff);
	CHECK_EQ(port_in(EJECT, 4), 0);
	CHECK_EQ(port_in(EJECT, 2), 0xffff);
	CHECK_EQ(functions(), 1 + 2 + SHARES_MAX + 6);
	open_blocks = 1;
	open_nets = 1;
	port_out(EJECT, 4, UINT32_MAX);
	port_out(EJECT, 4, UINT32_MAX);
	advance(0);
	port_out(EJECT, 4, UINT32_MAX);
	advance(0);
	CHECK_EQ(open_blocks + open_nets, 0);
	CHECK_EQ(functions(), 1 + SHARES_MAX + 6);
	power_off();
}

static void test_refused(void)
{
	unsigned int fds = open_fds();
	int two[2] = { dup(0), dup(0) };

	configure(DISKS_MAX - 1, 0, 0);
	power_on();
	CHECK_EQ(attach("cdrom", "x"), -1);
	CHECK(strstr(why, "only a disk or a net"));
	CHECK_EQ(attach("disk", "!x"), -1);
	CHECK(strstr(why, "not this one"));
	CHECK_EQ(attach("disk", "?x"), -1);
	CHECK(strstr(why, "cannot be used"));
	taken = true;
	CHECK_EQ(attach("disk", "x"), -1);
	CHECK(strstr(why, "cannot be used"));
	taken = false;
	CHECK_EQ(plug_attach(plugs, "disk", "x", two, 2, id, why, sizeof(why)), -1);
	CHECK(strstr(said, "one open file, not 2"));
	fail_device = DISK + DISKS_MAX - 1;
	CHECK_EQ(attach("disk", "x"), -1);
	CHECK(strstr(why, "cannot be plugged in: Too many open files"));
	fail_device = 0;
	CHECK_EQ(texts, 0);
	CHECK_EQ(open_blocks, 0);
	CHECK_EQ(gpes, 0);
	CHECK_EQ(attach("disk", "x"), 0);
	CHECK_EQ(attach("disk", "x"), -1);
	CHECK(strstr(why, "no more can be"));
	CHECK_EQ(detach("disk"), -1);
	CHECK_EQ(detach("disk01"), -1);
	CHECK_EQ(detach("disk99"), -1);
	CHECK_EQ(detach(""), -1);
	CHECK_EQ(open_fds(), fds);
	power_off();
	open_blocks = 0;
	texts = 0;
}

static const struct test tests[] = {
	{ "each device has its place", test_places },
	{ "as many as there can be", test_all },
	{ "what firmware shall boot from", test_boot_order },
	{ "a bus for firmware", test_firmware },
	{ "a board for UEFI", test_uefi },
	{ "devices that cannot be", test_failures },
	{ "devices that come", test_attach },
	{ "devices that go", test_detach },
	{ "disks that go when they are done", test_busy },
	{ "disks whose process takes its time", test_undone },
	{ "what the guest throws out", test_hostile_ejects },
	{ "what cannot come or go", test_refused },
};

int main(void)
{
	return RUN_TESTS(tests);
}
