// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "devices/i6300esb.h"
#include "machine.h"
#include "message.h"
#include "pci.h"
#include "subopt.h"
#include "watchdog.h"

const char watchdog_help[] =
"  --watchdog reset|poweroff|pause|none\n"
"                    a watchdog (Intel 6300ESB), and what happens when it is not\n"
"                    served: vmctl resume has a paused VM go on\n";

struct watchdog {
	struct machine *m;
	struct i6300esb *esb;
	const char *vm_name;
	enum watchdog_action action;
	bool told;
};

/* In the order of enum watchdog_action. */
static const char * const words[] = { "", "reset", "poweroff", "pause", "none", NULL };

bool watchdog_parse(const char *text, enum watchdog_action *action, char *why, size_t bytes)
{
	int n = subopt_word(text, words);

	if (n <= WATCHDOG_ABSENT) {
		snprintf(why, bytes, "use reset, poweroff, pause or none");
		return false;
	}
	*action = n;
	return true;
}

static void say(const struct watchdog *w)
{
	if (!message_guest())
		return;
	if (w->action == WATCHDOG_PAUSE)
		message("the guest has not served its watchdog: pause; vmctl resume %s has it go "
			"on", w->vm_name);
	else
		message("the guest has not served its watchdog: %s", words[w->action]);
}

/* In the event loop, as all timers. */
static void expired(void *opaque)
{
	struct watchdog *w = opaque;

	/* Where nothing happens, a guest could have it said for ever. */
	if (!w->told)
		say(w);
	w->told = w->action == WATCHDOG_NONE;
	switch (w->action) {
	case WATCHDOG_RESET:
		machine_request_stop(w->m, MACHINE_RESET, 0);
		break;
	case WATCHDOG_POWEROFF:
		machine_request_stop(w->m, MACHINE_POWEROFF, 0);
		break;
	case WATCHDOG_PAUSE:
		machine_pause(w->m, "watchdog");
		break;
	case WATCHDOG_ABSENT:
	case WATCHDOG_NONE:
		break;
	}
}

struct watchdog *watchdog_new(struct pci_bus *bus, const char *vm_name,
			      enum watchdog_action action, bool *has_expired)
{
	struct watchdog *w = malloc(sizeof(*w));

	if (!w)
		return NULL;
	*w = (struct watchdog) {
		.m = pci_bus_machine(bus), .vm_name = vm_name, .action = action,
	};
	w->esb = i6300esb_new(bus, expired, w, has_expired);
	if (w->esb)
		return w;
	free(w);
	return NULL;
}

void watchdog_free(struct watchdog *w)
{
	i6300esb_free(w->esb);
	free(w);
}
