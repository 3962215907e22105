// SPDX-License-Identifier: GPL-2.0
// needs: userspace/library.c userspace/message.c userspace/terminal.c
/*
 * The timers that libslirp has from us, without libslirp: with IPv4 alone it sets none, but it may
 * do with them what it likes, also while one of them fires.
 */
#include "devices_fake.h"
#include "../../userspace/net_slirp.c"

static struct slirp_net net;
static void *timers[4];
static unsigned int fired[4];

static int64_t now_ms(void)
{
	return clock_ns(NULL) / 1000000;
}

static void count(void *opaque)
{
	fired[(uintptr_t)opaque]++;
}

/* The one before, itself and the one behind. */
static void free_around(void *opaque)
{
	count(opaque);
	for (unsigned int i = 1; i < 4; i++)
		timer_free(timers[i], &net);
}

static void again(void *opaque)
{
	count(opaque);
	timer_mod(timers[(uintptr_t)opaque], now_ms() + 100000, &net);
}

static void begin(void (*second)(void *opaque))
{
	net = (struct slirp_net) { 0 };
	for (uintptr_t i = 0; i < 4; i++) {
		fired[i] = 0;
		timers[i] = timer_new(i == 2 ? second : count, (void *)i, &net);
	}
}

static void test_due(void)
{
	begin(again);
	CHECK_EQ(timeout(&net, 1000), 1000);
	CHECK_EQ(timeout(&net, UINT32_MAX), -1);
	timer_mod(timers[1], now_ms() + 50000, &net);
	timer_mod(timers[2], now_ms() - 1, &net);
	timer_mod(timers[3], now_ms(), &net);
	CHECK_EQ(timeout(&net, 1000), 0);
	run_timers(&net);
	CHECK(!fired[0] && !fired[1] && fired[2] == 1 && fired[3] == 1);
	CHECK(timeout(&net, 90000) > 40000 && timeout(&net, 90000) <= 50000);
	run_timers(&net);
	CHECK(fired[2] == 1 && fired[3] == 1);
	for (unsigned int i = 0; i < 4; i++)
		timer_free(timers[i], &net);
	CHECK(!net.timers);
}

static void test_free(void)
{
	begin(free_around);
	timer_mod(timers[2], now_ms(), &net);
	timer_mod(timers[0], now_ms(), &net);
	run_timers(&net);
	CHECK(fired[2] == 1 && fired[0] == 1);
	CHECK(net.timers == timers[0]);
	timer_free(timers[0], &net);
}

static const struct test tests[] = {
	{ "when they fire", test_due },
	{ "one that frees others and itself", test_free },
};

int main(void)
{
	return RUN_TESTS(tests);
}
