// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/virtio.c userspace/devices/virtio_pci.c userspace/devices/virtio_blk.c
// needs: userspace/devices/pci_bus.c userspace/devices/pci_function.c userspace/devices/msix.c
// needs: userspace/virtqueue.c userspace/virtqueue_split.c userspace/virtqueue_packed.c
// needs: userspace/block.c userspace/block_file.c userspace/uring.c userspace/block_nbd.c
// needs: userspace/iov.c userspace/library.c userspace/server.c
// libs: -luring -pthread
// timeout: 300
/*
 * virtio-blk with real images: every request and what comes of it, in the guest's memory and in the
 * image, for each way to open one. The device's threads and io_uring are the real ones.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "blk_guest.h"

#define IMAGE_BYTES	(4u << 20)
#define SECTORS		(IMAGE_BYTES / 512)
#define CHECK_GPA	(BACK_GPA + DATA_BYTES)
#define OK		VIRTIO_BLK_S_OK
#define IOERR		VIRTIO_BLK_S_IOERR
#define UNSUPP		VIRTIO_BLK_S_UNSUPP

/* ---- images ------------------------------------------------------------------------------ */

struct setup {
	const char *name;
	uint64_t rings;			/* features */
	enum block_cache cache;
	bool shm, qcow2;
};

#define RINGS		(F(VIRTIO_RING_F_INDIRECT_DESC) | F(VIRTIO_RING_F_EVENT_IDX))
#define PACKED		(RINGS | F(VIRTIO_F_RING_PACKED))

static const struct setup setups[] = {
	{ "split", .rings = F(VIRTIO_RING_F_INDIRECT_DESC) },
	{ "split, event index", .rings = RINGS },
	{ "packed", .rings = PACKED },
	{ "cache=none", .rings = RINGS, .cache = BLOCK_DIRECT },
	{ "cache=none, packed", .rings = PACKED, .cache = BLOCK_DIRECT },
	{ "cache=writethrough", .rings = RINGS, .cache = BLOCK_WRITETHROUGH },
	{ "cache=unsafe", .rings = RINGS, .cache = BLOCK_UNSAFE },
	{ "tmpfs", .rings = RINGS, .shm = true },
	{ "qcow2", .rings = RINGS, .qcow2 = true },
	{ "qcow2, cache=none, packed", .rings = PACKED, .cache = BLOCK_DIRECT, .qcow2 = true },
};

static const struct setup *setup;
static char dir[256], image[300];
static struct block *block;

static void remove_image(void)
{
	unlink(image);
	rmdir(dir);
}

/* A sparse file, or a qcow2 image. Return: why not, or NULL. */
static const char *make_image(void)
{
	const char *tmp = getenv("TMPDIR");
	char command[512];
	int fd;

	if (setup->qcow2 &&
	    system("qemu-img --version >/dev/null && qemu-nbd --version >/dev/null"))
		return "qemu-img or qemu-nbd is not installed";

	snprintf(dir, sizeof(dir), "%s/svmm-disk.XXXXXX", setup->shm ? "/dev/shm" : tmp ?: "/tmp");
	if (!mkdtemp(dir))
		abort();
	snprintf(image, sizeof(image), "%s/image", dir);
	if (setup->qcow2) {
		snprintf(command, sizeof(command), "qemu-img create -q -f qcow2 %s %u", image,
			 IMAGE_BYTES);
		if (system(command))
			abort();
		return NULL;
	}
	fd = open(image, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || ftruncate(fd, IMAGE_BYTES))
		abort();
	close(fd);
	if (setup->cache != BLOCK_DIRECT)
		return NULL;
	fd = open(image, O_RDWR | O_DIRECT);
	close(fd);
	return fd < 0 ? "the file system has no O_DIRECT" : NULL;
}

static void open_disk(bool readonly, const char *serial)
{
	struct virtio_blk_options options = { .queues = 2, .packed = true };

	strcpy(options.serial, serial);
	block = setup->qcow2 ? block_open_qcow2(image, readonly, setup->cache) :
			       block_open_file(image, readonly, setup->cache, 2);
	if (!block || !plug_disk(block, &options))
		abort();
}

static void new_disk(void)
{
	open_disk(false, "");
	start_disk(BASIC | setup->rings, 1, 256);
}

static void free_disk(void)
{
	unplug_disk();
	block_free(block);
	CHECK(was_said(NULL));
}

/* What is in the image; of a raw one, directly. */
static void image_get(uint64_t at, void *data, uint32_t bytes)
{
	int fd;

	if (setup->qcow2) {
		CHECK_EQ(disk_read(at / 512, CHECK_GPA, bytes), OK);
		memcpy(data, host(CHECK_GPA), bytes);
		return;
	}
	fd = open(image, O_RDONLY);
	CHECK_EQ(pread(fd, data, bytes, at), bytes);
	close(fd);
}

static bool image_is(uint64_t at, uint32_t bytes, unsigned int seed)
{
	uint8_t *data = malloc(bytes);
	bool ok;

	image_get(at, data, bytes);
	ok = is_filled(data, bytes, at, seed);
	free(data);
	return ok;
}

static bool image_is_zero(uint64_t at, uint32_t bytes)
{
	uint8_t *data = malloc(bytes);
	bool ok;

	image_get(at, data, bytes);
	ok = is_all(data, bytes, 0);
	free(data);
	return ok;
}

static void write_pattern(uint64_t at, uint32_t bytes, unsigned int seed)
{
	fill(DATA_GPA, bytes, at, seed);
	CHECK_EQ(disk_write(at / 512, DATA_GPA, bytes), OK);
	CHECK(image_is(at, bytes, seed));
}

/* ---- what the driver finds ---------------------------------------------------------------- */

static void test_configuration(void)
{
	uint64_t features;

	open_disk(false, "");
	features = get_features(&dev);
	CHECK_EQ(config_read(1, 0, 4), 0x10421af4);
	CHECK_EQ(config_read(1, 8, 4), 0x01800001);
	CHECK_EQ(dev.lengths[VIRTIO_PCI_CAP_DEVICE_CFG], sizeof(struct virtio_blk_config));
	CHECK_EQ(mmio_read(dev.config, 8), SECTORS);
	CHECK_EQ(mmio_read(dev.config + offsetof(struct virtio_blk_config, seg_max), 4), 126);
	CHECK_EQ(mmio_read(dev.config + offsetof(struct virtio_blk_config, blk_size), 4), 512);
	CHECK_EQ(mmio_read(dev.config + offsetof(struct virtio_blk_config, num_queues), 2),
		 setup->qcow2 ? 1 : 2);
	CHECK_EQ(common_get(&dev, REG(num_queues), 2), setup->qcow2 ? 1 : 2);
	CHECK_EQ(features, RINGS | PACKED | BASIC | F(VIRTIO_BLK_F_SEG_MAX) |
			   F(VIRTIO_BLK_F_BLK_SIZE) | F(VIRTIO_BLK_F_MQ) |
			   F(VIRTIO_BLK_F_DISCARD) | F(VIRTIO_BLK_F_WRITE_ZEROES));
	/* There is nothing to write in it. */
	mmio_write(dev.config, 8, 0);
	CHECK_EQ(mmio_read(dev.config, 8), SECTORS);
	free_disk();
	open_disk(true, "");
	features = get_features(&dev);
	CHECK_EQ(features, RINGS | PACKED | F(VIRTIO_F_VERSION_1) | F(VIRTIO_BLK_F_SEG_MAX) |
			   F(VIRTIO_BLK_F_BLK_SIZE) | F(VIRTIO_BLK_F_MQ) | F(VIRTIO_BLK_F_RO));
	free_disk();
}

static void test_serial(void)
{
	uint8_t *data;

	open_disk(false, "12345678901234567890");
	start_disk(BASIC | setup->rings, 1, 16);
	data = host(DATA_GPA);
	memset(data, POISON, 64);
	CHECK_EQ(do_request(VIRTIO_BLK_T_GET_ID, 7, DATA_GPA, 20, true), OK);
	CHECK(!memcmp(data, "12345678901234567890\xa5", 21));
	CHECK_EQ(slot_written[0], 21);
	memset(data, POISON, 64);
	CHECK_EQ(do_request(VIRTIO_BLK_T_GET_ID, 0, DATA_GPA, 8, true), OK);
	CHECK(!memcmp(data, "12345678\xa5", 9));
	CHECK_EQ(do_request(VIRTIO_BLK_T_GET_ID, 0, DATA_GPA, 64, true), OK);
	CHECK(!memcmp(data, "12345678901234567890\xa5", 21) && is_all(data + 20, 44, POISON));
	free_disk();
	open_disk(false, "abc");
	start_disk(BASIC | setup->rings, 1, 16);
	memset(host(DATA_GPA), POISON, 64);
	CHECK_EQ(do_request(VIRTIO_BLK_T_GET_ID, 0, DATA_GPA, 20, true), OK);
	CHECK(!memcmp(host(DATA_GPA), "abc\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xa5", 21));
	free_disk();
}

/* ---- reads and writes --------------------------------------------------------------------- */

static void test_read_write(void)
{
	new_disk();
	fill(DATA_GPA, 64 << 10, 8192, 1);
	CHECK_EQ(disk_write(16, DATA_GPA, 64 << 10), OK);
	CHECK_EQ(slot_written[0], 1);
	CHECK(image_is(8192, 64 << 10, 1));
	CHECK(image_is_zero(0, 8192) && image_is_zero(8192 + (64 << 10), 8192));
	CHECK(is_filled(host(DATA_GPA), 64 << 10, 8192, 1));
	memset(host(BACK_GPA - 512), POISON, 66 << 10);
	CHECK_EQ(disk_read(17, BACK_GPA, 63 << 10), OK);
	CHECK_EQ(slot_written[0], (63 << 10) + 1);
	CHECK(is_filled(host(BACK_GPA), 63 << 10, 8192 + 512, 1));
	CHECK(is_all(host(BACK_GPA - 512), 512, POISON));
	CHECK(is_all(host(BACK_GPA + (63 << 10)), 512, POISON));
	CHECK_EQ(disk_flush(), OK);
	/* The first and the last sector, and all of it. */
	write_pattern(0, 512, 2);
	write_pattern(IMAGE_BYTES - 512, 512, 2);
	write_pattern(0, DATA_BYTES, 3);
	CHECK_EQ(disk_read(0, BACK_GPA, DATA_BYTES), OK);
	CHECK(is_filled(host(BACK_GPA), DATA_BYTES, 0, 3));
	free_disk();
}

/* Split where no one would; unaligned, too, which cache=none must not mind. */
static void test_pieces(void)
{
	static const uint32_t cuts[] = { 1, 100, 511, 513, 700, 2048, 5000, 8191 };
	struct driver_part parts[PARTS_MAX];
	unsigned int nr;
	uint32_t at, bytes;

	new_disk();
	for (unsigned int i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		bool indirect = i & 1;

		bytes = cuts[i] < 300 ? 6144 : 40 << 10;
		fill(DATA_GPA + 3, bytes, 4096, i);
		for (at = 0, nr = 0; at < bytes; at += parts[nr++].bytes) {
			parts[nr] = (struct driver_part) { .gpa = DATA_GPA + 3 + at };
			parts[nr].bytes = bytes - at < cuts[i] || nr == 100 ? bytes - at : cuts[i];
		}
		add_request(0, 0, VIRTIO_BLK_T_OUT, 8, parts, nr, indirect);
		CHECK_EQ(finish(0, 0), OK);
		CHECK(image_is(4096, bytes, i));
		/* Back in other pieces, with gaps between them. */
		memset(host(BACK_GPA), POISON, 256 << 10);
		for (at = 0, nr = 0; at < bytes; at += parts[nr++].bytes) {
			parts[nr] = (struct driver_part) {
				.gpa = BACK_GPA + at + nr, .bytes = cuts[i] + 7, .writable = true,
			};
			if (bytes - at < parts[nr].bytes || nr == 100)
				parts[nr].bytes = bytes - at;
		}
		add_request(0, 1, VIRTIO_BLK_T_IN, 8, parts, nr, !indirect);
		CHECK_EQ(finish(0, 1), OK);
		CHECK_EQ(slot_written[1], bytes + 1);
		for (at = 0; nr--; at = 0) {
			for (unsigned int n = 0; n < nr; n++)
				at += parts[n].bytes;
			CHECK(is_filled(host(parts[nr].gpa), parts[nr].bytes, 4096 + at, i));
			CHECK_EQ(*((uint8_t *)host(parts[nr].gpa) + parts[nr].bytes), POISON);
		}
	}
	free_disk();
}

/* Larger than what passes through memory of vmctl's at a time. */
static void test_large_unaligned(void)
{
	const uint32_t bytes = (300 << 10) + 512;

	new_disk();
	fill(DATA_GPA + 1, bytes, 1024, 9);
	CHECK_EQ(disk_write(2, DATA_GPA + 1, bytes), OK);
	CHECK(image_is(1024, bytes, 9));
	CHECK(image_is_zero(0, 1024) && image_is_zero(1024 + bytes, 4096));
	memset(host(BACK_GPA), POISON, bytes + 64);
	CHECK_EQ(disk_read(2, BACK_GPA + 33, bytes), OK);
	CHECK(is_filled(host(BACK_GPA + 33), bytes, 1024, 9));
	CHECK(is_all(host(BACK_GPA), 33, POISON));
	CHECK(is_all(host(BACK_GPA + 33 + bytes), 31, POISON));
	free_disk();
}

/* ---- how a request may be put together ---------------------------------------------------- */

static void test_framing(void)
{
	const uint64_t h = SLOT_GPA(0), s = SLOT_GPA(0) + STATUS_AT;
	const struct driver_part cut_header[] = {
		{ h, 4, false }, { h + 4, 11, false }, { h + 15, 1, false },
		{ DATA_GPA, 512, false }, { s, 1, true },
	};
	/* Header and data in one piece, which are next to each other. */
	const struct driver_part with_header[] = {
		{ DATA_GPA - 16, 16 + 512, false }, { s, 1, true },
	};
	const struct driver_part half_header[] = {
		{ h, 8, false }, { DATA_GPA - 8, 8 + 512, false }, { s, 1, true },
	};
	/* The status behind the data. */
	const struct driver_part with_status[] = {
		{ h, 16, false }, { BACK_GPA, 513, true },
	};
	const struct driver_part half_status[] = {
		{ h, 16, false }, { BACK_GPA, 500, true }, { BACK_GPA + 500, 13, true },
	};
	uint8_t *status;

	new_disk();
	status = host(BACK_GPA + 512);
	for (unsigned int i = 0; i < 2; i++) {
		set_header(0, VIRTIO_BLK_T_OUT, 3);
		fill(DATA_GPA, 512, 3 * 512, i);
		add_parts(0, 0, cut_header, 5, i);
		CHECK_EQ(finish(0, 0), OK);
		CHECK(image_is(3 * 512, 512, i));

		set_header(0, VIRTIO_BLK_T_OUT, 4);
		memcpy(host(DATA_GPA - 16), host(h), 16);
		fill(DATA_GPA, 512, 4 * 512, i);
		add_parts(0, 0, with_header, 2, i);
		CHECK_EQ(finish(0, 0), OK);
		CHECK(image_is(4 * 512, 512, i));

		set_header(0, VIRTIO_BLK_T_OUT, 5);
		memcpy(host(DATA_GPA - 8), host(h + 8), 8);
		fill(DATA_GPA, 512, 5 * 512, i);
		add_parts(0, 0, half_header, 3, i);
		CHECK_EQ(finish(0, 0), OK);
		CHECK(image_is(5 * 512, 512, i));

		for (unsigned int n = 0; n < 2; n++) {
			set_header(0, VIRTIO_BLK_T_IN, 4);
			memset(host(BACK_GPA), POISON, 520);
			add_parts(0, 0, n ? half_status : with_status, 2 + n, i);
			finish(0, 0);
			CHECK_EQ(*status, OK);
			CHECK(is_filled(host(BACK_GPA), 512, 4 * 512, i));
			CHECK(is_all(status + 1, 7, POISON));
			CHECK_EQ(slot_written[0], 513);
		}
	}
	free_disk();
}

/* ---- what cannot be done ------------------------------------------------------------------ */

static void test_beyond_the_end(void)
{
	static const struct {
		uint64_t sector;
		uint32_t bytes;
	} cases[] = {
		{ SECTORS, 512 }, { SECTORS - 1, 1024 }, { SECTORS + 1, 512 }, { 0, 511 },
		{ 0, 513 }, { 0, 1 }, { UINT64_MAX, 512 }, { UINT64_MAX - 1, 1024 },
		{ UINT64_MAX / 512, 512 }, { UINT64_MAX / 512 + 1, 512 }, { 1ull << 63, 4096 },
		{ SECTORS + 1, 0 }, { UINT64_MAX, 0 },
	};

	new_disk();
	write_pattern(0, 4096, 4);
	write_pattern(IMAGE_BYTES - 4096, 4096, 4);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(host(BACK_GPA), POISON, 8192);
		CHECK_EQ(disk_read(cases[i].sector, BACK_GPA, cases[i].bytes), IOERR);
		CHECK(is_all(host(BACK_GPA), 8192, POISON));
		CHECK_EQ(disk_write(cases[i].sector, BACK_GPA, cases[i].bytes), IOERR);
		CHECK_EQ(slot_written[0], 1);
	}
	CHECK(image_is(0, 4096, 4) && image_is(IMAGE_BYTES - 4096, 4096, 4));
	/* Nothing is little, but not wrong. */
	CHECK_EQ(disk_read(SECTORS, 0, 0), OK);
	CHECK_EQ(disk_write(0, 0, 0), OK);
	free_disk();
}

static void test_unknown_types(void)
{
	static const uint32_t types[] = {
		2, 3, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 24, 26, 0x80000000, 0x80000001,
		UINT32_MAX,
	};

	new_disk();
	for (unsigned int i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		memset(host(BACK_GPA), POISON, 512);
		CHECK_EQ(do_request(types[i], 0, BACK_GPA, 512, true), UNSUPP);
		CHECK(is_all(host(BACK_GPA), 512, POISON));
		CHECK_EQ(do_request(types[i], 0, BACK_GPA, 512, false), UNSUPP);
	}
	CHECK(image_is_zero(0, 4096));
	free_disk();
}

static void test_readonly(void)
{
	new_disk();
	write_pattern(512, 512, 6);
	CHECK_EQ(disk_flush(), OK);
	free_disk();
	open_disk(true, "");
	start_disk(F(VIRTIO_F_VERSION_1) | setup->rings, 1, 256);
	fill(DATA_GPA, 512, 512, 7);
	CHECK_EQ(disk_write(1, DATA_GPA, 512), IOERR);
	CHECK_EQ(disk_range(VIRTIO_BLK_T_DISCARD, 1, 1, 0), IOERR);
	CHECK_EQ(disk_range(VIRTIO_BLK_T_WRITE_ZEROES, 1, 1, 0), IOERR);
	CHECK_EQ(disk_flush(), OK);
	CHECK_EQ(disk_read(1, BACK_GPA, 512), OK);
	CHECK(is_filled(host(BACK_GPA), 512, 512, 6));
	CHECK(image_is(512, 512, 6));
	free_disk();
}

/* Return: whether the message has come, among those of earlier requests that were late. */
static bool message_came(uint32_t data)
{
	for (unsigned int i = 0; i < fake.nr_msis; i++)
		if (fake.msi[i].data == data)
			return true;
	return false;
}

/* No request, or none that can be answered: the device stops, and a reset makes it well. */
static void test_no_requests(void)
{
	const uint64_t h = SLOT_GPA(0), s = SLOT_GPA(0) + STATUS_AT;
	const struct driver_part no_status[] = { { h, 16, false }, { DATA_GPA, 512, false } };
	const struct driver_part short_header[] = { { h, 15, false }, { s, 1, true } };
	const struct driver_part no_header[] = { { s, 1, true } };
	static const struct {
		unsigned int nr;
		const char *why;
	} cases[] = {
		{ 2, "without header or status" }, { 2, "without header or status" },
		{ 1, "without header or status" }, { 2, "not all in memory" },
	};
	const struct driver_part nowhere[] = { { PCI_MEM_BASE, 16, false }, { s, 1, true } };
	const struct driver_part *parts[] = { no_status, short_header, no_header, nowhere };

	new_disk();
	for (unsigned int i = 0; i < 8; i++) {
		fake.nr_msis = 0;
		set_header(0, VIRTIO_BLK_T_OUT, 0);
		add_parts(0, 0, parts[i % 4], cases[i % 4].nr, i & 4);
		CHECK_EQ(finish(0, 0), BROKEN);
		while (!message_came(0x40) && fake_loop(DONE_MS))
			;
		CHECK(message_came(0x40));
		CHECK(was_said(cases[i % 4].why));
		kick(&dev, 0);
		kick(&dev, 0);
		start_disk(BASIC | setup->rings, 1, 256);
		write_pattern(0, 512, i);
	}
	free_disk();
}

/* ---- discard and zeroes ------------------------------------------------------------------- */

static uint64_t image_blocks(void)
{
	struct stat st;

	CHECK(!stat(image, &st));
	return st.st_blocks;
}

static void test_discard(void)
{
	uint64_t full;

	new_disk();
	write_pattern(1 << 20, 1 << 20, 1);
	CHECK_EQ(disk_flush(), OK);
	full = image_blocks();
	CHECK(full >= 2048);
	CHECK_EQ(disk_range(VIRTIO_BLK_T_DISCARD, 2560, 1024, 0), OK);
	CHECK_EQ(slot_written[0], 1);
	CHECK(image_is(1 << 20, 256 << 10, 1) && image_is(1792 << 10, 256 << 10, 1));
	CHECK(image_is_zero(1280 << 10, 512 << 10));
	CHECK(image_blocks() <= full - 1024);
	/* A sector may stay, but nothing may be lost around it. */
	CHECK_EQ(disk_range(VIRTIO_BLK_T_DISCARD, 2050, 1, 0), OK);
	CHECK(image_is(1 << 20, 1024, 1) && image_is((1 << 20) + 1536, 4096, 1));
	CHECK_EQ(disk_range(VIRTIO_BLK_T_DISCARD, 0, SECTORS, 0), OK);
	CHECK(image_is_zero(1 << 20, 1 << 20));
	free_disk();
}

static void test_write_zeroes(void)
{
	uint64_t full;

	new_disk();
	write_pattern(0, 1 << 20, 2);
	CHECK_EQ(disk_flush(), OK);
	full = image_blocks();
	/* More than a part, and not a whole number of them. */
	CHECK_EQ(disk_range(VIRTIO_BLK_T_WRITE_ZEROES, 257, 701, 0), OK);
	CHECK_EQ(slot_written[0], 1);
	CHECK(image_is(0, 257 * 512, 2) && image_is(958 * 512, 4096, 2));
	CHECK(image_is_zero(257 * 512, 701 * 512));
	CHECK(setup->qcow2 || image_blocks() >= full - 8);
	CHECK_EQ(disk_range(VIRTIO_BLK_T_WRITE_ZEROES, 1, 1, 0), OK);
	CHECK(image_is(0, 512, 2) && image_is_zero(512, 512) && image_is(1024, 512, 2));
	CHECK_EQ(disk_range(VIRTIO_BLK_T_WRITE_ZEROES, 1024, 512, 1), OK);	/* unmap */
	CHECK(image_is_zero(512 << 10, 256 << 10) && image_is(768 << 10, 256 << 10, 2));
	CHECK(image_blocks() <= full - 512);
	CHECK_EQ(disk_range(VIRTIO_BLK_T_WRITE_ZEROES, SECTORS - 1, 1, 0), OK);
	free_disk();
}

static void test_bad_ranges(void)
{
	static const struct {
		uint64_t sector;
		uint32_t sectors, flags;
		unsigned int discard, zeroes;
	} cases[] = {
		{ 0, 8, 2, UNSUPP, UNSUPP },
		{ 0, 8, 0x80000000, UNSUPP, UNSUPP },
		{ 0, 8, 3, UNSUPP, UNSUPP },
		{ 0, 0, 1, UNSUPP, OK },
		{ 0, 0, 0, OK, OK },
		{ SECTORS, 0, 0, OK, OK },
		{ SECTORS, 1, 0, IOERR, IOERR },
		{ 1, SECTORS, 0, IOERR, IOERR },
		{ UINT64_MAX, 1, 0, IOERR, IOERR },
		{ UINT64_MAX - 7, 16, 0, IOERR, IOERR },
		{ 1ull << 55, 8, 0, IOERR, IOERR },
		{ 0, (1 << 22) + 1, 0, IOERR, IOERR },
		{ 0, UINT32_MAX, 0, IOERR, IOERR },
	};

	new_disk();
	write_pattern(0, 4096, 3);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_EQ(disk_range(VIRTIO_BLK_T_DISCARD, cases[i].sector, cases[i].sectors,
				    cases[i].flags), cases[i].discard);
		CHECK_EQ(disk_range(VIRTIO_BLK_T_WRITE_ZEROES, cases[i].sector, cases[i].sectors,
				    cases[i].flags), cases[i].zeroes);
	}
	/* One range, not a part of one or two. */
	for (unsigned int i = 0; i < 4; i++) {
		static const uint32_t bytes[] = { 0, 15, 17, 32 };
		const struct virtio_blk_discard_write_zeroes range = { .num_sectors = 8 };

		memcpy(host(DATA_GPA), &range, sizeof(range));
		CHECK_EQ(do_request(VIRTIO_BLK_T_DISCARD, 0, DATA_GPA, bytes[i], false), IOERR);
		CHECK_EQ(do_request(VIRTIO_BLK_T_WRITE_ZEROES, 0, DATA_GPA, bytes[i], false),
			 IOERR);
	}
	CHECK(image_is(0, 4096, 3));
	free_disk();
}

/* ---- an image that others change ---------------------------------------------------------- */

static void test_truncated(void)
{
	if (setup->qcow2)
		return;
	new_disk();
	write_pattern(0, 8192, 5);
	CHECK(!truncate(image, 4096));
	CHECK_EQ(disk_read(0, BACK_GPA, 4096), OK);
	CHECK(is_filled(host(BACK_GPA), 4096, 0, 5));
	CHECK_EQ(disk_read(8, BACK_GPA, 512), IOERR);
	CHECK_EQ(disk_read(0, BACK_GPA, 8192), IOERR);
	CHECK_EQ(disk_read(0, BACK_GPA + 1, 8192), IOERR);
	CHECK_EQ(disk_read(SECTORS - 1, BACK_GPA, 512), IOERR);
	CHECK(!truncate(image, IMAGE_BYTES));
	CHECK_EQ(disk_read(8, BACK_GPA, 512), OK);
	CHECK(is_all(host(BACK_GPA), 512, 0));
	free_disk();
}

/* ---- many at once ------------------------------------------------------------------------- */

static void queue_all(unsigned int nr, uint32_t type, uint64_t gpa, bool writable)
{
	for (unsigned int i = 0; i < nr; i++) {
		const struct driver_part data = {
			.gpa = gpa + 4096 * i, .bytes = 4096, .writable = writable,
		};

		add_request(0, i, type, 8 * i, &data, 1, true);
		if (i % 50 == 0)
			notify(0);
	}
	for (unsigned int i = 0; i < nr; i++)
		CHECK_EQ(finish(0, i), OK);
}

static void test_full_ring(void)
{
	new_disk();
	for (unsigned int i = 0; i < 2; i++) {
		fill(DATA_GPA, 1 << 20, 0, i);
		queue_all(256, VIRTIO_BLK_T_OUT, DATA_GPA, false);
		CHECK(image_is(0, 1 << 20, i));
		memset(host(BACK_GPA), POISON, 1 << 20);
		queue_all(256, VIRTIO_BLK_T_IN, BACK_GPA, true);
		CHECK(is_filled(host(BACK_GPA), 1 << 20, 0, i));
	}
	/* A ring of two places, which goes round often. */
	start_disk(BASIC | setup->rings, 1, 2);
	for (unsigned int i = 0; i < 50; i++)
		queue_all(2, VIRTIO_BLK_T_IN, BACK_GPA, true);
	free_disk();
}

/* In flight at once: reads, writes, flushes and ranges, each on its own part of the disk. */
static void test_mixture(void)
{
	new_disk();
	for (unsigned int round = 0; round < 6; round++) {
		fill(DATA_GPA, 1 << 20, 0, round);
		for (unsigned int i = 0; i < 250; i++) {
			const struct driver_part in = { BACK_GPA + 4096 * i, 4096, true };
			const struct driver_part out = { DATA_GPA + 4096 * i, 4096, false };

			if (i % 5 == 4)
				add_request(0, i, VIRTIO_BLK_T_FLUSH, 0, NULL, 0, true);
			else if (round & 1)
				add_request(0, i, VIRTIO_BLK_T_IN, 8 * i, &in, 1, true);
			else
				add_request(0, i, VIRTIO_BLK_T_OUT, 8 * i, &out, 1, true);
			if (fake_random() % 16 == 0)
				notify(0);
		}
		for (unsigned int i = 0; i < 250; i++) {
			CHECK_EQ(finish(0, i), OK);
			if ((round & 1) && i % 5 != 4)
				CHECK(is_filled(host(BACK_GPA + 4096 * i), 4096, 4096 * i,
						round - 1));
		}
	}
	free_disk();
}

/* ------------------------------------------------------------------------------------------- */

static const struct test tests[] = {
	{ "what the driver finds", test_configuration },
	{ "the serial number", test_serial },
	{ "reads and writes", test_read_write },
	{ "pieces of any size, anywhere", test_pieces },
	{ "a large one, not aligned", test_large_unaligned },
	{ "header and status wherever they are", test_framing },
	{ "beyond the end, and bad lengths", test_beyond_the_end },
	{ "unknown types", test_unknown_types },
	{ "read-only", test_readonly },
	{ "what is no request", test_no_requests },
	{ "discard", test_discard },
	{ "zeroes", test_write_zeroes },
	{ "ranges that are none", test_bad_ranges },
	{ "an image that becomes shorter", test_truncated },
	{ "a full ring", test_full_ring },
	{ "all kinds at once", test_mixture },
};

#define NR_TESTS	(sizeof(tests) / sizeof(tests[0]))
#define NR_SETUPS	(sizeof(setups) / sizeof(setups[0]))

static void run_test(const struct test *test)
{
	const char *why = make_image();
	unsigned int fds = open_fds();

	if (why) {
		ksft_test_result_skip("%s: %s: %s\n", setup->name, test->name, why);
	} else {
		test_ok = true;
		test->run();
		CHECK_EQ(open_fds(), fds);
		ksft_test_result(test_ok, "%s: %s\n", setup->name, test->name);
	}
	remove_image();
}

int main(int argc, char **argv)
{
	setbuf(stdout, NULL);
	ksft_print_header();
	ksft_set_plan(NR_TESTS * NR_SETUPS);
	for (setup = setups; setup < setups + NR_SETUPS; setup++)
		for (unsigned int i = 0; i < NR_TESTS; i++)
			run_test(&tests[i]);
	free(guest.host);
	ksft_finished();
	return 0;
}
