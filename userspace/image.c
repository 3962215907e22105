// SPDX-License-Identifier: GPL-2.0
/*
 * Files that become guest memory.  They are read straight to where the guest
 * will find them: a kernel is not copied twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "message.h"

int image_open(struct image *image, const char *path, const char *what)
{
	struct stat st;

	/* O_NONBLOCK: opening a FIFO by mistake must not wait for a writer. */
	image->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (image->fd < 0) {
		message("cannot open the %s %s: %s", what, path, strerror(errno));
		return -1;
	}
	if (fstat(image->fd, &st) || !S_ISREG(st.st_mode)) {
		message("the %s %s is not a regular file", what, path);
		close(image->fd);
		return -1;
	}
	image->path = path;
	image->bytes = st.st_size;
	return 0;
}

int image_read(const struct image *image, uint64_t offset, uint64_t bytes, void *to)
{
	uint8_t *p = to;
	ssize_t n;

	while (bytes) {
		n = pread(image->fd, p, bytes, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			message("cannot read %s: %s", image->path,
				n ? strerror(errno) : "it became shorter");
			return -1;
		}
		p += n;
		offset += n;
		bytes -= n;
	}
	return 0;
}

void image_close(struct image *image)
{
	close(image->fd);
}
