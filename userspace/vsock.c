// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/vhost.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "message.h"
#include "subopt.h"
#include "vsock.h"

#define FIRST_CID	(VMADDR_CID_HOST + 1)	/* those before are the host's */
#define LAST_CID	(VMADDR_CID_ANY - 1)

const char vsock_help[] =
"  --vsock CID       sockets between guest and host (virtio-vsock): the guest is\n"
"                    address CID, a number from 3 on that no other VM has; the host\n"
"                    is 2\n";

bool vsock_parse(const char *text, uint32_t *cid, char *why, size_t bytes)
{
	unsigned long n;

	if (!subopt_number(text, FIRST_CID, LAST_CID, &n)) {
		snprintf(why, bytes, "a context ID is a number, 3 to 4294967294");
		return false;
	}
	*cid = n;
	return true;
}

int vsock_open(struct vhost *vhost, uint32_t cid)
{
	uint64_t arg = cid;
	char why[160];

	if (!vhost_open(vhost, "vhost-vsock", 1, why, sizeof(why))) {
		message("--vsock %u: %s", cid, why);
		return -1;
	}
	if (!ioctl(vhost->fds[0], VHOST_VSOCK_SET_GUEST_CID, &arg))
		return 0;
	if (errno == EADDRINUSE)
		message("--vsock %u: another VM has this context ID; choose another", cid);
	else
		message("--vsock %u: cannot have this context ID: %s", cid, strerror(errno));
	vhost_close(vhost);
	return -1;
}
