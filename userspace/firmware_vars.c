// SPDX-License-Identifier: GPL-2.0
/*
 * The variables of UEFI: a copy in memory, which the guest reads, and each change of it at once in
 * the file.
 *
 * An empty file is one that has to be made: so it does not matter whether two VMs make the same one
 * at once, as the lock is taken first, nor whether the user has made it by touch(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "firmware_vars.h"
#include "message.h"

/* A firmware volume (UEFI PI 1.7, volume 3, 3.2.1): its length, and its signature. */
#define VOLUME_LENGTH	32
#define VOLUME_MAGIC	40
#define MAGIC		"_FVH"

/* The guest's thread: a byte, or a block. */
static int keep(void *opaque, uint64_t offset, const void *from, uint64_t bytes)
{
	struct firmware_vars *v = opaque;
	ssize_t n;

	do
		n = pwrite(v->fd, from, bytes, offset);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)bytes)
		return 0;
	if (!v->told)
		message("the guest's change of %s is lost: %s (reported once)", v->path,
			n < 0 ? strerror(errno) : "the file system is full");
	v->told = true;
	return -EIO;
}

/* Are they what UEFI reads, all of it?  False: after a message. */
static bool make_sense(const struct firmware_vars *v, const char *path)
{
	uint64_t length;

	memcpy(&length, v->store.data + VOLUME_LENGTH, sizeof(length));
	if (!memcmp(v->store.data + VOLUME_MAGIC, MAGIC, strlen(MAGIC)) &&
	    length == v->store.bytes)
		return true;
	message("the firmware's variables %s are something else: they begin with no firmware "
		"volume of %llu bytes", path, (unsigned long long)v->store.bytes);
	return false;
}

static bool size_is_right(const struct firmware_vars *v, const char *path, uint64_t bytes)
{
	if (bytes == v->store.bytes)
		return true;
	message("the firmware's variables %s have %llu bytes, and this firmware's have %llu: "
		"they are another one's, or truncated", path, (unsigned long long)bytes,
		(unsigned long long)v->store.bytes);
	return false;
}

/* Return: 0, or -1 after a message. */
static int read_template(struct firmware_vars *v, const char *template)
{
	struct image image;
	int err;

	if (image_open(&image, template, "template of the firmware's variables"))
		return -1;
	err = !size_is_right(v, template, image.bytes) ||
	      image_read(&image, 0, v->store.bytes, v->store.data) || !make_sense(v, template);
	image_close(&image);
	return err ? -1 : 0;
}

/* The file is empty, and locked.  Return: 0, or -1 after a message; it is empty again then. */
static int make(struct firmware_vars *v, const char *template)
{
	ssize_t n;

	if (!template) {
		message("there are no firmware's variables in %s; say template=FILE, of which "
			"they are made", v->path);
		return -1;
	}
	if (read_template(v, template))
		return -1;
	n = pwrite(v->fd, v->store.data, v->store.bytes, 0);
	if (n == (ssize_t)v->store.bytes && !fsync(v->fd))
		return 0;
	message("cannot write the firmware's variables %s: %s", v->path,
		n < 0 || n == (ssize_t)v->store.bytes ? strerror(errno) :
							"the file system is full");
	if (ftruncate(v->fd, 0))
		message("what is in %s now is of no use: remove it", v->path);
	return -1;
}

static int read_file(struct firmware_vars *v)
{
	ssize_t n = pread(v->fd, v->store.data, v->store.bytes, 0);

	if (n == (ssize_t)v->store.bytes)
		return make_sense(v, v->path) ? 0 : -1;
	message("cannot read the firmware's variables %s: %s", v->path,
		n < 0 ? strerror(errno) : "it became shorter");
	return -1;
}

/* Return: 0, or -1 after a message. */
static int lock(const struct firmware_vars *v)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(v->fd, F_OFD_SETLK, &all))
		return 0;
	if (errno == EAGAIN || errno == EACCES) {
		message("another VM has the firmware's variables %s; each VM has a file of its own",
			v->path);
		return -1;
	}
	/* As with disks: not every file system has locks. */
	message("the firmware's variables %s cannot be locked (%s): take care that no other VM "
		"has them", v->path, strerror(errno));
	return 0;
}

/* Return: 0, or -1 after a message. */
static int open_file(struct firmware_vars *v, const char *template)
{
	struct stat st;

	/* O_NONBLOCK: a FIFO is no file, which is told below. */
	v->fd = open(v->path, O_RDWR | O_CLOEXEC | O_NONBLOCK | (template ? O_CREAT : 0), 0600);
	if (v->fd < 0) {
		message("cannot open the firmware's variables %s: %s%s", v->path, strerror(errno),
			errno == ENOENT && !template ? "; say template=FILE, of which they are "
						       "made" : "");
		return -1;
	}
	if (fstat(v->fd, &st) || !S_ISREG(st.st_mode)) {
		message("the firmware's variables %s are not a regular file", v->path);
		return -1;
	}
	if (lock(v) || fstat(v->fd, &st))
		return -1;
	if (!st.st_size)
		return make(v, template);
	return size_is_right(v, v->path, st.st_size) ? read_file(v) : -1;
}

int vars_open(struct firmware_vars *v, const char *path, const char *template, uint64_t bytes)
{
	*v = (struct firmware_vars) { .path = path, .fd = -1, .store.bytes = bytes };
	v->store.data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			     0);
	if (v->store.data == MAP_FAILED) {
		message("cannot have memory for the firmware's variables: %s", strerror(errno));
		v->store.data = NULL;
		return -1;
	}
	if (path) {
		v->store.keep = keep;
		v->store.opaque = v;
	}
	if (!(path ? open_file(v, template) : read_template(v, template)))
		return 0;
	vars_close(v);
	return -1;
}

/* What the host's page cache has of it is as good as written, unless the host itself ends. */
void vars_close(struct firmware_vars *v)
{
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
	if (v->store.data)
		munmap(v->store.data, v->store.bytes);
	v->store.data = NULL;
}
