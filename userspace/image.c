// SPDX-License-Identifier: GPL-2.0
/*
 * Files that become guest memory.  They are read straight to where the guest
 * will find them: a kernel is not copied twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "message.h"
#include "progress.h"

int image_open(struct image *image, const char *path, const char *what)
{
	struct stat st;

	/* As a variable of the shell is that was not set. */
	if (!*path) {
		message("the %s's file name is empty; give one", what);
		return -1;
	}
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
	image->what = what;
	image->bytes = st.st_size;
	return 0;
}

/* As pread(), of a part that takes no time to speak of. */
static ssize_t read_part(int fd, uint64_t offset, uint64_t bytes, void *to)
{
	ssize_t n;

	do
		n = pread(fd, to, bytes < PROGRESS_PART ? bytes : PROGRESS_PART, offset);
	while (n < 0 && errno == EINTR);
	return n;
}

int image_read(const struct image *image, uint64_t offset, uint64_t bytes, void *to)
{
	struct progress progress;
	uint64_t done = 0;
	const char *why;
	char what[32];
	ssize_t n;

	snprintf(what, sizeof(what), "reading the %s", image->what);
	progress_start(&progress, what, bytes);
	for (; done < bytes; done += n) {
		n = read_part(image->fd, offset + done, bytes - done, (uint8_t *)to + done);
		if (n <= 0)
			goto fail;
		progress_done(&progress, done + n);
	}
	progress_end(&progress);
	return 0;
fail:
	why = n ? strerror(errno) : "it became shorter";
	progress_end(&progress);
	message("cannot read %s: %s", image->path, why);
	return -1;
}

void image_close(struct image *image)
{
	close(image->fd);
}
