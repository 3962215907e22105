// SPDX-License-Identifier: GPL-2.0
/*
 * One image, one VM that writes: locks of open files (OFD), which go away with whoever has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "block.h"
#include "message.h"

int block_lock(const char *path, int fd, bool readonly)
{
	struct flock lock = { .l_type = readonly ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(fd, F_OFD_SETLK, &lock))
		return 0;
	if (errno == EAGAIN || errno == EACCES) {
		message("--disk %s: another VM has it%s", path,
			readonly ? " for writing" : "; several can only if all say readonly=on");
		return -1;
	}
	/* Not every file system has locks; then the user has to know. */
	message("--disk %s: cannot be locked (%s): take care that no other VM has it", path,
		strerror(errno));
	return 0;
}
