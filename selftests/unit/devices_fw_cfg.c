// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/fw_cfg.c userspace/devices/debug_port.c
/*
 * fw_cfg as firmware uses it, by its ports and by descriptors in memory, and as a hostile guest
 * does. The debug port is so small that it is tested here too.
 */
#include <endian.h>

#include "devices_fake.h"
#include "guest_memory.h"
#include "said.h"

#include "../../userspace/devices/fw_cfg.h"

#define MEMORY		(4u << 20)
#define DESCRIPTOR	(GUEST_GPA + 0x100)
#define TARGET		(GUEST_GPA + 0x1000)
#define ERROR		1u
#define READ		2u
#define SKIP		4u
#define SELECT		8u
#define WRITE		16u
#define KEY(n)		((uint32_t)(n) << 16 | SELECT)
#define DIRECTORY	0x19
#define FIRST_FILE	0x20

static struct fw_cfg *fw;

static void start(void)
{
	guest_init(MEMORY);
	fw = fw_cfg_new(&fake);
	if (!fw)
		abort();
}

static void choose(uint16_t key)
{
	port_out(0x510, 2, key);
}

static uint64_t next(unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value = value << 8 | inb(0x511);
	return value;
}

/* Return: the control word as the device leaves it. */
static uint32_t dma_at(uint64_t gpa, uint32_t control, uint32_t bytes, uint64_t address)
{
	uint32_t words[4] = {
		htobe32(control), htobe32(bytes), htobe32(address >> 32), htobe32(address),
	};

	memcpy(guest.host + (gpa - GUEST_GPA), words, sizeof(words));
	port_out(0x514, 4, htobe32(gpa >> 32));
	port_out(0x518, 4, htobe32(gpa));
	memcpy(words, guest.host + (gpa - GUEST_GPA), sizeof(words));
	return be32toh(words[0]);
}

static uint32_t dma(uint32_t control, uint32_t bytes, uint64_t address)
{
	return dma_at(DESCRIPTOR, control, bytes, address);
}

static const uint8_t *target(void)
{
	return guest.host + (TARGET - GUEST_GPA);
}

static void test_ports(void)
{
	start();
	CHECK_EQ(next(4), 0x51454d55);			/* QEMU: key 0 is selected at first */
	CHECK_EQ(next(2), 0);				/* zeroes behind the end */
	choose(1);
	CHECK_EQ(next(4), 0x03000000);
	choose(0);
	CHECK_EQ(next(4), 0x51454d55);			/* from its start again */
	choose(FW_CFG_NR_CPUS);
	CHECK_EQ(next(2), 0);				/* nobody has said */
	CHECK_EQ(fw_cfg_add_item(fw, FW_CFG_NR_CPUS, "\x02\x01", 2), 0);
	CHECK_EQ(fw_cfg_add_item(fw, FW_CFG_NR_CPUS, "\x03\x01", 2), 0);
	choose(FW_CFG_NR_CPUS);
	CHECK_EQ(next(3), 0x030100);
	for (unsigned int key = FIRST_FILE; key <= 0xffff; key++) {
		choose(key);
		CHECK_EQ(next(1), 0);
	}
	/* A byte does not select, a word is no data. */
	choose(0);
	outb(1, 0x510);
	outb(1, 0x511);
	CHECK_EQ(next(1), 'Q');
	CHECK_EQ(port_in(0x510, 2), 0xffff);
	CHECK_EQ(next(1), 'E');
	CHECK_EQ(port_in(0x514, 4), 0x554d4551);	/* QEMU CFG */
	CHECK_EQ(port_in(0x518, 4), 0x47464320);
	CHECK_EQ(port_in(0x51b, 1), 'G');
	fw_cfg_free(fw);
}

static void test_files(void)
{
	char name[FW_CFG_NAME_MAX + 1] = "", text[8];

	start();
	choose(DIRECTORY);
	CHECK_EQ(next(4), 0);
	CHECK_EQ(fw_cfg_add_file(fw, "etc/one", "first", 5), 0);
	CHECK_EQ(fw_cfg_add_file(fw, "etc/two", NULL, 0), 0);
	choose(DIRECTORY);
	CHECK_EQ(next(4), 2);
	CHECK_EQ(next(4), 5);
	CHECK_EQ(next(4), FIRST_FILE << 16);
	for (unsigned int i = 0; i < sizeof(name); i++)
		name[i] = next(1);
	CHECK(!strcmp(name, "etc/one"));
	CHECK_EQ(next(4), 0);
	CHECK_EQ(next(4), (FIRST_FILE + 1) << 16);
	choose(FIRST_FILE);
	CHECK_EQ(next(6), 0x666972737400);
	choose(FIRST_FILE + 1);
	CHECK_EQ(next(1), 0);
	for (unsigned int i = 2; i < FW_CFG_FILES_MAX; i++) {
		snprintf(text, sizeof(text), "%u", i);
		CHECK_EQ(fw_cfg_add_file(fw, text, text, strlen(text)), 0);
	}
	CHECK_EQ(fw_cfg_add_file(fw, "more", "x", 1), -ENOSPC);
	choose(FIRST_FILE + FW_CFG_FILES_MAX - 1);
	CHECK_EQ(next(2), 0x3331);
	fw_cfg_free(fw);
}

static void test_dma(void)
{
	start();
	fw_cfg_add_file(fw, "f", "0123456789", 10);
	CHECK_EQ(dma(KEY(FIRST_FILE) | READ, 4, TARGET), 0);
	CHECK(!memcmp(target(), "0123\0", 5));
	CHECK_EQ(dma(READ, 2, TARGET), 0);		/* it goes on */
	CHECK(!memcmp(target(), "4523", 4));
	CHECK_EQ(dma(SKIP, 2, 0), 0);
	CHECK_EQ(dma(READ, 1, TARGET), 0);
	CHECK_EQ(*target(), '8');
	CHECK_EQ(next(1), '9');				/* the port has the same place */
	memset(guest.host + 0x1000, 'x', 16);
	CHECK_EQ(dma(KEY(FIRST_FILE) | READ, 12, TARGET), 0);
	CHECK(!memcmp(target(), "0123456789\0\0xx", 14));
	CHECK_EQ(dma(READ, 1, TARGET), 0);
	CHECK_EQ(*target(), 0);
	CHECK_EQ(dma(KEY(FIRST_FILE), 0, 0), 0);	/* selects, and that is all */
	CHECK_EQ(next(1), '0');
	CHECK_EQ(dma(KEY(FIRST_FILE) | READ, 0, 0), 0);	/* nothing, from nowhere */
	CHECK_EQ(dma(KEY(0xffff) | READ, 2, TARGET), 0);
	CHECK_EQ(*target(), 0);
	/* Skipping as far as one likes wraps nowhere. */
	CHECK_EQ(dma(KEY(FIRST_FILE) | SKIP, UINT32_MAX, 0), 0);
	CHECK_EQ(dma(SKIP, 1, 0), 0);
	CHECK_EQ(next(1), 0);
	CHECK_EQ(dma(SKIP, UINT32_MAX, 0), 0);
	CHECK_EQ(next(1), 0);
	fw_cfg_free(fw);
}

static void test_hostile(void)
{
	static const struct {
		uint32_t bytes;
		uint64_t address;
	} bad[] = {
		{ 1, 0 }, { 1, GUEST_GPA - 1 }, { 1, GUEST_GPA + MEMORY }, { 1, UINT64_MAX },
		{ 2, GUEST_GPA + MEMORY - 1 }, { UINT32_MAX, GUEST_GPA }, { 2, UINT64_MAX },
		{ (1u << 20) + 1, GUEST_GPA + 0x200 },
	};

	start();
	fw_cfg_add_file(fw, "f", "0123456789", 10);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(dma(KEY(FIRST_FILE) | READ, bad[i].bytes, bad[i].address), ERROR);
	CHECK_EQ(dma(KEY(FIRST_FILE) | READ, 1u << 20, GUEST_GPA + 0x200), 0);
	CHECK_EQ(dma(KEY(FIRST_FILE) | WRITE, 4, TARGET), ERROR);
	CHECK_EQ(dma(KEY(FIRST_FILE) | READ, 10, TARGET), 0);
	CHECK(!memcmp(target(), "0123456789", 10));
	/* A descriptor that is nowhere, or only begins in memory. */
	port_out(0x514, 4, htobe32(0xffffffff));
	port_out(0x518, 4, htobe32(0xffffffff));
	port_out(0x514, 4, htobe32((GUEST_GPA + MEMORY - 8) >> 32));
	port_out(0x518, 4, htobe32((uint32_t)(GUEST_GPA + MEMORY - 8)));
	/* The high half counts once; what is not 4 bytes does not count. */
	CHECK_EQ(dma(KEY(0) | READ, 1, TARGET), 0);
	memcpy(guest.host + 0x100, (uint32_t []) { htobe32(KEY(0) | READ) }, 4);
	guest.host[0x1000] = 'x';
	port_out(0x518, 4, htobe32((uint32_t)DESCRIPTOR));
	port_out(0x518, 1, 0);
	port_out(0x514, 2, 0);
	CHECK_EQ(guest.host[0x1000], 'x');
	/* It copies over its own descriptor, which is then answered. */
	CHECK_EQ(dma(KEY(FIRST_FILE) | READ, 10, DESCRIPTOR), 0);
	CHECK(!memcmp(guest.host + 0x104, "456789", 6));
	fuzz_ports(100000, 1);
	fw_cfg_free(fw);
}

static void test_without(void)
{
	for (int i = 0; i < 2; i++) {
		fake_init();
		fake.refuse_after = i;
		CHECK(!fw_cfg_new(&fake));
		CHECK_EQ(errno, EEXIST);
	}
}

/* ---- the debug port ----------------------------------------------------------------------- */

struct console {
	char text[64];
	unsigned int bytes;
	const struct console_end *end;
	void *opaque;
	bool attached, refused;
};

int console_write(struct console *c, const void *data, unsigned int bytes)
{
	if (c->bytes + bytes > sizeof(c->text))
		return 0;
	memcpy(c->text + c->bytes, data, bytes);
	c->bytes += bytes;
	return bytes;
}

int console_attach_end(struct console *c, struct machine *m, const struct console_end *end,
		       void *opaque)
{
	if (c->refused)
		return -1;
	c->attached = true;
	c->end = end;
	c->opaque = opaque;
	return 0;
}

void console_detach(struct console *c)
{
	c->attached = false;
}

static void test_debug_port(void)
{
	struct console c = { .bytes = 0 };
	struct debug_port *d = debug_port_new(&fake, &c);

	CHECK(d && c.attached);
	CHECK_EQ(inb(0x402), 0xe9);
	outb('S', 0x402);
	outb('e', 0x402);
	CHECK_EQ(c.bytes, 2);
	CHECK(!memcmp(c.text, "Se", 2));
	for (unsigned int i = 0; i < 100; i++)
		outb('x', 0x402);		/* a console that takes no more */
	CHECK_EQ(c.bytes, sizeof(c.text));
	CHECK_EQ(c.end->receive(c.opaque, "abc", 3), 3);
	c.end->writable(c.opaque);
	debug_port_free(d);
	CHECK(!c.attached);
	c.refused = true;
	CHECK(!debug_port_new(&fake, &c));
	fake.refuse_after = 0;
	CHECK(was_said(NULL));
	CHECK(!debug_port_new(&fake, &c));
	CHECK(was_said("--debug-port: cannot have it: File exists"));
}

static const struct test tests[] = {
	{ "fw_cfg: items by ports", test_ports },
	{ "fw_cfg: files", test_files },
	{ "fw_cfg: copies", test_dma },
	{ "fw_cfg: a hostile guest", test_hostile },
	{ "fw_cfg: a refused range", test_without },
	{ "debug port", test_debug_port },
};

int main(void)
{
	return RUN_TESTS(tests);
}
