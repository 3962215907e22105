// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/flash.c
/*
 * A flash chip as the drivers of OVMF and of Linux use it: they tell it from RAM and ROM, query it,
 * program, erase; that it is memory while, and only while, reads give what it holds; what happens
 * when nothing can be written; and a guest that writes whatever comes to its mind.
 */
#include "devices_fake.h"

#include "../../userspace/devices/flash.h"

#define GPA	0xffc00000ull
#define BLOCKS	132u			/* as OVMF has: no power of two */
#define BYTES	(BLOCKS * FLASH_BLOCK_BYTES)
#define AT	(GPA + 5 * FLASH_BLOCK_BYTES)

static uint8_t *data, *file;
static struct flash_store store;
static struct flash *flash;
static unsigned int kept;		/* how often something was */
static uint64_t most;			/* bytes at once */
static bool full;

static int keep(void *opaque, uint64_t offset, const void *from, uint64_t bytes)
{
	CHECK(opaque == &kept);
	CHECK(offset < BYTES && bytes <= BYTES - offset);
	if (full)
		return -ENOSPC;
	kept++;
	if (bytes > most)
		most = bytes;
	memcpy(file + offset, from, bytes);
	return 0;
}

static void start(void)
{
	data = aligned_alloc(4096, BYTES);
	file = malloc(BYTES);
	for (unsigned int i = 0; i < BYTES; i++)
		data[i] = i % 251 + 1;		/* neither 0 nor FFh */
	memcpy(file, data, BYTES);
	store = (struct flash_store) {
		.data = data, .bytes = BYTES, .keep = keep, .opaque = &kept,
	};
	kept = 0;
	most = 0;
	full = false;
	flash = flash_new(&fake, GPA, &store);
	if (!flash)
		abort();
}

static void end(void)
{
	flash_free(flash);
	CHECK(!fake.map[MACHINE_MAP_FLASH].bytes);
	CHECK_EQ(fake.bad_removals, 0);
	CHECK(!memcmp(data, file, BYTES));
	free(data);
	free(file);
}

static bool is_memory(void)
{
	return fake.map[MACHINE_MAP_FLASH].bytes;
}

/* As the guest reads: no device is asked if it is memory. */
static uint8_t get(uint64_t gpa)
{
	return is_memory() ? data[gpa - GPA] : mmio_read(gpa, 1);
}

static void put(uint64_t gpa, uint8_t value)
{
	mmio_write(gpa, 1, value);
}

static void test_memory(void)
{
	start();
	CHECK_EQ(fake.map[MACHINE_MAP_FLASH].gpa, GPA);
	CHECK_EQ(fake.map[MACHINE_MAP_FLASH].bytes, BYTES);
	CHECK(fake.map[MACHINE_MAP_FLASH].host == data);
	CHECK(fake.map[MACHINE_MAP_FLASH].readonly);
	for (unsigned int command = 0; command < 256; command++) {
		bool waits = command == 0x10 || command == 0x20 || command == 0x40;
		bool tells = command == 0x70 || command == 0x90 || command == 0x98;

		put(AT, command);
		CHECK_EQ(is_memory(), !waits && !tells);
		if (waits)
			put(AT, 0xff);
		put(AT, 0xff);
		CHECK(is_memory());
		CHECK_EQ(get(AT), data[AT - GPA]);
	}
	end();
}

/* As OVMF finds out what it has: at a byte that is none of the values that it writes. */
static void test_detection(void)
{
	uint8_t original;

	start();
	original = get(AT);
	put(AT, 0x50);
	CHECK_EQ(get(AT), original);		/* no RAM */
	put(AT, 0x70);
	CHECK_EQ(get(AT), 0);			/* no ROM, and flash with nothing to say */
	put(AT, 0xff);
	CHECK_EQ(get(AT), original);
	CHECK_EQ(kept, 0);
	end();
}

static void test_program(void)
{
	static const uint8_t text[] = { 0x3f, 0xaa, 0x00, 0x7f, 0x55 };
	uint64_t gpa = AT;

	start();
	put(AT, 0x20);
	CHECK_EQ(kept, 0);
	put(AT + 7, 0xd0);			/* any address in the block */
	CHECK_EQ(get(AT), 0x80);		/* ready, and nothing failed */
	put(AT, 0xff);
	for (unsigned int i = 0; i < FLASH_BLOCK_BYTES; i++)
		CHECK_EQ(get(AT + i), 0xff);
	CHECK_EQ(get(AT - 1), data[AT - 1 - GPA]);
	CHECK(data[AT - 1 - GPA] != 0xff && data[AT + FLASH_BLOCK_BYTES - GPA] != 0xff);
	CHECK_EQ(kept, 1);
	for (unsigned int i = 0; i < sizeof(text); i++) {
		put(gpa, i & 1 ? 0x40 : 0x10);
		CHECK(!is_memory());
		put(gpa++, text[i]);
		CHECK_EQ(get(gpa), 0x80);
	}
	fake.maps = 0;
	put(gpa - 1, 0xff);
	CHECK_EQ(fake.maps, 1);
	CHECK(!memcmp(data + (AT - GPA), text, sizeof(text)));
	CHECK_EQ(kept, 1 + sizeof(text));

	/* Bits go from 1 to 0 alone. */
	put(AT, 0x40);
	put(AT, 0xf1);
	CHECK_EQ(get(AT), 0x90);
	put(AT, 0xff);
	CHECK_EQ(get(AT), 0x31);
	put(AT, 0x70);
	CHECK_EQ(get(AT), 0x90);		/* until it is cleared */
	put(AT, 0x50);
	CHECK_EQ(get(AT), 0);
	put(AT, 0xff);
	end();
}

static void test_sequence(void)
{
	uint8_t before;

	start();
	before = get(AT);
	put(AT, 0x20);
	put(AT, 0xff);				/* no confirmation */
	CHECK_EQ(get(AT), 0xb0);
	put(AT, 0xff);
	CHECK_EQ(get(AT), before);
	CHECK_EQ(kept, 0);
	put(AT, 0xd0);				/* of what? */
	CHECK_EQ(get(AT), before);
	CHECK_EQ(kept, 0);
	put(AT, 0x40);
	put(AT, 0xff);				/* is data */
	CHECK_EQ(kept, 1);
	CHECK_EQ(get(AT), 0xb0 | (before == 0xff ? 0 : 0x10));
	put(AT, 0xff);
	end();
}

static void test_query(void)
{
	start();
	put(GPA + 0x55, 0x98);
	CHECK_EQ(mmio_read(GPA + 0x10, 4) & 0xffffff, 'Q' | 'R' << 8 | 'Y' << 16);
	CHECK_EQ(mmio_read(GPA + 0x13, 2), 1);			/* Intel's commands */
	CHECK_EQ(mmio_read(GPA + mmio_read(GPA + 0x15, 2), 4), 'P' | 'R' << 8 | 'I' << 16 |
		 (unsigned int)'1' << 24);
	CHECK_EQ(mmio_read(GPA + 0x27, 1), 20);			/* 528K have room in 1M */
	CHECK_EQ(mmio_read(GPA + 0x2a, 2), 0);			/* no buffer to write to */
	CHECK_EQ(mmio_read(GPA + 0x2c, 1), 1);
	CHECK_EQ(mmio_read(GPA + 0x2d, 2), BLOCKS - 1);
	CHECK_EQ(mmio_read(GPA + 0x2f, 2), FLASH_BLOCK_BYTES / 256);
	CHECK_EQ(mmio_read(GPA, 8), 0);
	CHECK_EQ(mmio_read(GPA + 0x40, 8), 0);
	CHECK_EQ(mmio_read(GPA + BYTES - 8, 8), 0);
	put(GPA, 0x90);
	CHECK_EQ(mmio_read(GPA, 2), 0x1889);
	CHECK_EQ(mmio_read(AT + 2, 1), 0);			/* not locked */
	put(GPA, 0xff);
	end();
}

/* What has more bytes than the chip's bus is that many cycles. */
static void test_wide(void)
{
	start();
	memset(data, 0xff, BYTES);
	memset(file, 0xff, BYTES);
	mmio_write(AT, 4, 0x70123440);		/* program the next one, no command, status */
	CHECK_EQ(mmio_read(AT, 4), 0x80808080);
	CHECK_EQ(data[AT + 1 - GPA], 0x34);
	CHECK_EQ(kept, 1);
	mmio_write(AT, 1, 0xff);
	/* Beyond its end there is nothing. */
	put(AT, 0x70);
	CHECK_EQ(mmio_read(GPA + BYTES - 2, 4), 0xffff8080);
	mmio_write(GPA + BYTES - 1, 8, 0x4040404040404040);
	put(GPA + BYTES - 1, 0x77);
	CHECK_EQ(data[BYTES - 1], 0x77);
	put(AT, 0xff);
	end();
}

/* It stays what it is, and says so. */
static void test_full(void)
{
	uint8_t before;

	start();
	before = get(AT);
	full = true;
	put(AT, 0x40);
	put(AT, 0);
	CHECK_EQ(get(AT), 0x90);
	put(AT, 0x50);
	put(AT, 0x20);
	put(AT, 0xd0);
	CHECK_EQ(get(AT), 0xa0);
	put(AT, 0xff);
	CHECK_EQ(get(AT), before);
	full = false;
	end();

	fake_init();
	start();
	store.keep = NULL;			/* nobody keeps it: it is written all the same */
	put(AT, 0x40);
	put(AT, 0);
	CHECK_EQ(get(AT), 0x80);
	put(AT, 0xff);
	CHECK_EQ(get(AT), 0);
	CHECK_EQ(kept, 0);
	file[AT - GPA] = 0;
	end();
}

/* The machine does not let it be memory that often: reads come to the device, and find the same. */
static void test_later(void)
{
	uint64_t several;

	start();
	put(AT, 0x70);
	fake.ioeventfds_later = true;
	put(AT, 0xff);
	CHECK(!is_memory());
	CHECK_EQ(mmio_read(AT, 1), data[AT - GPA]);
	several = mmio_read(AT + 1, 8);
	CHECK(!memcmp(&several, data + (AT + 1 - GPA), sizeof(several)));
	CHECK(!is_memory());
	fake.ioeventfds_later = false;
	CHECK_EQ(mmio_read(AT, 1), data[AT - GPA]);
	CHECK(is_memory());			/* at the next occasion */
	end();

	fake_init();
	fake.ioeventfds_later = true;		/* from the start */
	start();
	CHECK(!is_memory());
	CHECK_EQ(mmio_read(AT, 1), data[AT - GPA]);
	put(AT, 0x70);
	end();
}

static void test_refused(void)
{
	store = (struct flash_store) { .bytes = BYTES };
	fake.refuse_after = 0;
	errno = 0;
	CHECK(!flash_new(&fake, GPA, &store));
	CHECK_EQ(errno, EEXIST);
	CHECK_EQ(fake.maps, 0);
}

static void test_hostile(void)
{
	static const uint8_t liked[] = { 0x10, 0x20, 0x40, 0x50, 0x70, 0x90, 0x98, 0xd0, 0xff };
	unsigned int before;

	start();
	for (unsigned int i = 0; i < 300000; i++) {
		uint64_t offset = fake_random() % BYTES, value = fake_random();
		unsigned int bytes = 1u << fake_random() % 4;

		if (fake_random() & 3)
			value = liked[value % sizeof(liked)];
		fake.ioeventfds_later = !(fake_random() & 7);
		full = !(fake_random() & 15);
		before = kept;
		if (fake_random() & 1)
			mmio_write(GPA + offset, bytes, value);
		else if (!is_memory())
			mmio_read(GPA + offset, bytes);
		CHECK(kept - before <= bytes);
		CHECK(most <= FLASH_BLOCK_BYTES);
		if (!test_ok)
			break;
	}
	CHECK(kept > 1000);
	end();
}

int main(void)
{
	static const struct test tests[] = {
		{ "flash: memory as long as reads give what it holds", test_memory },
		{ "flash: OVMF takes it for flash", test_detection },
		{ "flash: erase and program", test_program },
		{ "flash: what is not followed by its second half", test_sequence },
		{ "flash: identifier and query", test_query },
		{ "flash: accesses of several bytes", test_wide },
		{ "flash: what cannot be kept", test_full },
		{ "flash: memory again, but not yet", test_later },
		{ "flash: there is no room for it", test_refused },
		{ "flash: a hostile guest", test_hostile },
	};

	return RUN_TESTS(tests);
}
