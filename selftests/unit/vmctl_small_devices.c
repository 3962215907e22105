// SPDX-License-Identifier: GPL-2.0
// needs: userspace/rng.c userspace/balloon.c userspace/serial_port.c userspace/vsock.c
// needs: userspace/watchdog.c userspace/subopt.c
/*
 * What the options of the small devices mean, and what is wrong with those that mean nothing; and
 * what a watchdog does that has expired.
 */
#include <stdarg.h>

#include "devices_fake.h"
#include "../../userspace/balloon.h"
#include "../../userspace/devices/i6300esb.h"
#include "../../userspace/pci.h"
#include "../../userspace/rng.h"
#include "../../userspace/serial_port.h"
#include "../../userspace/vsock.h"
#include "../../userspace/watchdog.h"

/* ---- what they call ------------------------------------------------------------------------ */

static char why[160];
static unsigned int messages, pauses;
static char said[160];
static void (*expired)(void *opaque);
static void *expired_opaque;

void message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
	messages++;
}

bool message_guest(void)
{
	return true;
}

bool console_valid(const char *spec)
{
	return !strcmp(spec, "pty") || !strcmp(spec, "stdio") || !strcmp(spec, "none") ||
	       !strncmp(spec, "unix:/", 6);
}

struct console *console_open(const char *spec, const char *name)
{
	abort();
}

void console_not_vital(struct console *c)
{
	abort();
}

bool vhost_open(struct vhost *v, const char *name, unsigned int nr, char *reason, size_t bytes)
{
	abort();
}

void vhost_close(struct vhost *v)
{
	abort();
}

struct machine *pci_bus_machine(struct pci_bus *bus)
{
	return &fake;
}

struct i6300esb *i6300esb_new(struct pci_bus *bus, void (*call)(void *opaque), void *opaque,
			      bool *has_expired)
{
	if (fake.refuse_after >= 0)
		return NULL;
	expired = call;
	expired_opaque = opaque;
	return (struct i6300esb *)&fake;
}

void i6300esb_free(struct i6300esb *esb)
{
	expired = NULL;
}

void machine_pause(struct machine *m, const char *reason)
{
	CHECK(m == &fake && !strcmp(reason, "watchdog"));
	pauses++;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_rng(void)
{
	static const char * const bad[] = {
		"", "rate", "rate=", "rate=0", "rate=-1", "rate=1T", "rate=1KK", "rate=5G",
		"bytes=1", "rate=4294967296", "rate=1,rate=2", "rate= 1",
		"rate=99999999999999999999",
	};
	struct rng_options rng;

	CHECK(rng_parse(NULL, &rng, why, sizeof(why)) && rng.wanted && !rng.rate);
	CHECK(rng_parse("rate=1", &rng, why, sizeof(why)) && rng.wanted && rng.rate == 1);
	CHECK(rng_parse("rate=64K", &rng, why, sizeof(why)) && rng.rate == 65536);
	CHECK(rng_parse("rate=2m", &rng, why, sizeof(why)) && rng.rate == 2 << 20);
	CHECK(rng_parse("rate=4294967295", &rng, why, sizeof(why)) && rng.rate == UINT32_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!rng_parse(bad[i], &rng, why, sizeof(why)) && strstr(why, "rate=N"));
}

static void test_balloon(void)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "size", "size is" }, { "size=", "size is" }, { "size=much", "size is" },
		{ "size=16385G", "size is" }, { "reporting=yes", "on or off" },
		{ "oom=die", "deflate or keep" }, { "oom", "deflate or keep" },
		{ "bytes=1", "keys are" },
		{ "size=1M,color=red", "keys are" }, { "=", "keys are" },
	};
	struct balloon_choice b;

	CHECK(balloon_parse(NULL, &b, why, sizeof(why)));
	CHECK(b.wanted && !b.model.bytes && b.model.reporting && !b.model.keep_on_oom);
	CHECK(balloon_parse("size=512", &b, why, sizeof(why)) && b.model.bytes == 512ull << 20);
	CHECK(balloon_parse("size=8G,oom=keep,reporting=off", &b, why, sizeof(why)));
	CHECK(b.model.bytes == 8ull << 30 && !b.model.reporting && b.model.keep_on_oom);
	CHECK(balloon_parse("oom=deflate", &b, why, sizeof(why)) && !b.model.keep_on_oom);
	CHECK(balloon_parse("size=16384G", &b, why, sizeof(why)));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!balloon_parse(bad[i].text, &b, why, sizeof(why)) &&
		      strstr(why, bad[i].why));
}

static void test_serial_port(void)
{
	static const char * const bad[] = {
		"", "=pty", "a b=pty", "a/b=pty", "name", "name=", "name=stdio", "name=none",
		"name=unix:", "name=tcp:1",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=pty",
	};
	static const char longest[] =
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=pty";
	struct serial_port_options port;

	CHECK(serial_port_parse("org.qemu.guest_agent.0=unix:/run/a=b", &port, why, sizeof(why)));
	CHECK(!strcmp(port.name, "org.qemu.guest_agent.0"));
	CHECK(!strcmp(port.where, "unix:/run/a=b"));
	CHECK(serial_port_parse(longest, &port, why, sizeof(why)) && strlen(port.name) == 64);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!serial_port_parse(bad[i], &port, why, sizeof(why)) && *why);
}

static void test_vsock(void)
{
	static const char * const bad[] = {
		"", "0", "1", "2", "4294967295", "4294967299", "3x", "-3", "+3", " 3", "03",
	};
	uint32_t cid;

	CHECK(vsock_parse("3", &cid, why, sizeof(why)) && cid == 3);
	CHECK(vsock_parse("4294967294", &cid, why, sizeof(why)) && cid == 4294967294);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!vsock_parse(bad[i], &cid, why, sizeof(why)) && strstr(why, "3 to"));
}

static void test_watchdog(void)
{
	static const struct {
		const char *word;
		unsigned int stops, pauses;
		enum machine_stop stop;
		const char *said;
	} actions[] = {
		{ "reset", 1, 0, MACHINE_RESET, ": reset" },
		{ "poweroff", 1, 0, MACHINE_POWEROFF, ": poweroff" },
		{ "pause", 0, 1, 0, ": pause; vmctl resume foo has it go on" },
		{ "none", 0, 0, 0, ": none" },
	};
	enum watchdog_action action;
	struct watchdog *w;
	bool has_expired;

	CHECK(!watchdog_parse("", &action, why, sizeof(why)));
	CHECK(!watchdog_parse("explode", &action, why, sizeof(why)) && strstr(why, "use reset"));
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		fake_init();
		messages = 0;
		pauses = 0;
		CHECK(watchdog_parse(actions[i].word, &action, why, sizeof(why)));
		w = watchdog_new(NULL, "foo", action, &has_expired);
		expired(expired_opaque);
		CHECK_EQ(messages, 1);
		CHECK(!strcmp(strchr(said, ':'), actions[i].said));
		CHECK_EQ(fake.stops, actions[i].stops);
		CHECK_EQ(fake.stop_why, actions[i].stop);
		CHECK_EQ(pauses, actions[i].pauses);
		for (unsigned int n = 0; n < 100; n++)
			expired(expired_opaque);
		CHECK_EQ(messages, action == WATCHDOG_NONE ? 1 : 101);
		watchdog_free(w);
		CHECK(!expired);
	}
	fake.refuse_after = 0;
	CHECK(!watchdog_new(NULL, "foo", WATCHDOG_RESET, &has_expired));
}

static const struct test tests[] = {
	{ "--rng", test_rng },
	{ "--balloon", test_balloon },
	{ "--serial-port", test_serial_port },
	{ "--vsock", test_vsock },
	{ "--watchdog, and what it does", test_watchdog },
};

int main(void)
{
	return RUN_TESTS(tests);
}
