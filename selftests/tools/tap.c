// SPDX-License-Identifier: GPL-2.0
/*
 * tap NAME UID: a tap interface with one queue that stays and is that user's, as `ip tuntap add`
 * makes them.
 */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

int main(int argc, char **argv)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR);

	if (argc != 3 || strlen(argv[1]) >= IFNAMSIZ) {
		fprintf(stderr, "usage: tap NAME UID\n");
		return 2;
	}
	strcpy(request.ifr_name, argv[1]);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) ||
	    ioctl(fd, TUNSETOWNER, strtoul(argv[2], NULL, 10)) || ioctl(fd, TUNSETPERSIST, 1)) {
		perror("tap");
		return 1;
	}
	return 0;
}
