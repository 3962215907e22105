// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/pvpanic.c
/*
 * pvpanic: what a guest reports ends the machine, or is told once.
 */
#include <stdarg.h>

#include "devices_fake.h"

#define PORT	0x505

static struct pvpanic *p;
static unsigned int crashes, messages;

void machine_guest_crashed(struct machine *m, const char *what)
{
	if (m != &fake || !strstr(what, "panic"))
		abort();
	crashes++;
}

void message(const char *format, ...)
{
	messages++;
}

bool message_guest(void)
{
	return true;
}

static void start(void)
{
	p = pvpanic_new(&fake);
	if (!p)
		abort();
	crashes = 0;
	messages = 0;
}

static void test_panic(void)
{
	start();
	CHECK_EQ(inb(PORT), 3);
	CHECK_EQ(crashes, 0);
	outb(1, PORT);
	CHECK_EQ(crashes, 1);
	CHECK_EQ(messages, 0);
	outb(3, PORT);
	CHECK_EQ(crashes, 2);
	pvpanic_free(p);
}

static void test_crash_kernel(void)
{
	start();
	for (unsigned int i = 0; i < 100; i++)
		outb(2, PORT);
	CHECK_EQ(crashes, 0);
	CHECK_EQ(messages, 1);
	pvpanic_free(p);
}

static void test_nothing(void)
{
	start();
	for (unsigned int value = 0; value < 256; value += 4)
		outb(value, PORT);
	CHECK_EQ(crashes, 0);
	CHECK_EQ(messages, 0);
	pvpanic_free(p);
}

static void test_refused(void)
{
	fake.refuse_after = 0;
	CHECK(!pvpanic_new(&fake));
	CHECK_EQ(errno, EEXIST);
}

static const struct test tests[] = {
	{ "pvpanic: a panic", test_panic },
	{ "pvpanic: a crash kernel, told once", test_crash_kernel },
	{ "pvpanic: what means nothing", test_nothing },
	{ "pvpanic: a refused range", test_refused },
};

int main(void)
{
	return RUN_TESTS(tests);
}
