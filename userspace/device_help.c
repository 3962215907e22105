// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "balloon.h"
#include "device_help.h"
#include "disk.h"
#include "net.h"
#include "rng.h"
#include "serial_port.h"
#include "share.h"
#include "vsock.h"
#include "watchdog.h"

static const char introduction[] =
"A virtual machine has a serial port, interrupt controllers, timers, a clock and\n"
"what it takes to power off and to reset. These can be added, each by an option:\n"
"\n";

static const char others[] =
"  --virtio-console WHERE\n"
"                    a console (virtio-console): hvc0, where a character costs a\n"
"                    tenth of what it does at the serial port; WHERE as for --console\n"
"  --pvpanic         a port by which the guest's kernel says that it has panicked;\n"
"                    that ends the VM with status 3\n"
"  --hpet            a high-precision event timer, for guests that want no other\n"
"  --keyboard        a PS/2 keyboard, on which vmctl key types\n"
"  --vga             a display adapter: VGA, and graphics up to 4096 x 4096 (Bochs' VBE);\n"
"                    vmctl screen and vmctl screenshot show what is on its screen\n";

void device_help_options(void)
{
	static const char * const parts[] = {
		disk_help, share_help, net_help, vsock_help, others, serial_port_help, rng_help,
		balloon_help, watchdog_help,
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		fputs(parts[i], stdout);
}

void device_help(void)
{
	fputs(introduction, stdout);
	device_help_options();
}
