// SPDX-License-Identifier: GPL-2.0
// wraps: machine_run sandbox_remember_fds
/*
 * vmctl, with devices that are attached and detached by lines on its standard input, in its event
 * loop and in its sandbox, as a control socket would do it:
 *
 *	attach KIND FILE OPTION		FILE is one of PLUG_FILES, counted from 0
 *	detach ID			prints "gone ID" when the guest has given it back
 *	button				presses the power button
 *
 * PLUG_FILES are the paths, of images, or of tap interfaces (tap:NAME), that are opened before the
 * sandbox, as a client does that: separated by spaces. Linked with vmctl's own objects.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../userspace/machine.h"

#define FILES_MAX	8
#define LOOK_NS		100000000ull

static int files[FILES_MAX];
static struct machine *m;
static struct machine_timer *timer;
static char leaving[PLUG_ID_BYTES];

enum machine_stop __real_machine_run(struct machine *machine, unsigned int *value);
enum machine_stop __wrap_machine_run(struct machine *machine, unsigned int *value);
void __real_sandbox_remember_fds(void);
void __wrap_sandbox_remember_fds(void);

static int open_tap(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	const int header = sizeof(struct virtio_net_hdr_v1);
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) || ioctl(fd, TUNSETVNETHDRSZ, &header)) {
		perror(name);
		exit(1);
	}
	return fd;
}

void __wrap_sandbox_remember_fds(void)
{
	char *list = strdup(getenv("PLUG_FILES") ?: "");
	char *path;

	__real_sandbox_remember_fds();
	for (unsigned int n = 0; n < FILES_MAX && (path = strtok(n ? NULL : list, " ")); n++) {
		files[n] = strncmp(path, "tap:", 4) ? open(path, O_RDWR | O_CLOEXEC) :
						      open_tap(path + 4);
		if (files[n] < 0) {
			perror(path);
			exit(1);
		}
	}
	free(list);
}

static void look(void *opaque)
{
	if (plug_present(m->plugs, leaving)) {
		machine_timer_arm(timer, machine_now_ns(m) + LOOK_NS);
		return;
	}
	printf("gone %s\n", leaving);
}

static void attach(const char *kind, unsigned int file, const char *text)
{
	int fd = fcntl(files[file % FILES_MAX], F_DUPFD_CLOEXEC, 0);
	char id[PLUG_ID_BYTES], why[160];

	if (plug_attach(m->plugs, kind, text, &fd, 1, id, why, sizeof(why)))
		printf("error %s\n", why);
	else
		printf("attached %s\n", id);
}

static void detach(const char *id)
{
	char why[160];

	if (plug_detach(m->plugs, id, why, sizeof(why))) {
		printf("error %s\n", why);
		return;
	}
	strcpy(leaving, id);
	look(NULL);
}

static void command(void *opaque, uint32_t events)
{
	char line[256], kind[16], text[200], id[PLUG_ID_BYTES];
	ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);
	unsigned int file;

	if (n <= 0) {
		machine_watch_fd(m, STDIN_FILENO, 0, NULL, NULL);
		return;
	}
	line[n] = '\0';
	if (sscanf(line, "attach %15s %u %199s", kind, &file, text) == 3)
		attach(kind, file, text);
	else if (sscanf(line, "detach %15s", id) == 1)
		detach(id);
	else if (!strncmp(line, "button", 6))
		acpi_pm_power_button(m->acpi_pm);
	else
		printf("error what is %s", line);
}

enum machine_stop __wrap_machine_run(struct machine *machine, unsigned int *value)
{
	enum machine_stop why;

	setlinebuf(stdout);
	m = machine;
	timer = machine_timer_new(m, look, NULL);
	if (!timer || machine_watch_fd(m, STDIN_FILENO, EPOLLIN, command, NULL))
		abort();
	why = __real_machine_run(m, value);
	machine_watch_fd(m, STDIN_FILENO, 0, NULL, NULL);
	machine_timer_free(timer);
	return why;
}
