// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"
#include "message.h"
#include "subopt.h"

#define QCOW_MAGIC	"QFI\xfb"

const char disk_help[] =
"  --disk FILE[,KEY=VALUE,...]\n"
"                    a disk: a raw image or a block device. Keys: readonly=on|off,\n"
"                    format=raw|qcow2 (by qemu-nbd), serial=TEXT, queues=N (default:\n"
"                    one per CPU), cache=writeback|writethrough|none|unsafe,\n"
"                    packed=on|off (rings), bootindex=N (firmware tries 0 first)\n";

enum { READONLY, FORMAT, CACHE, SERIAL, QUEUES, PACKED, BOOTINDEX };

static char * const keys[] = {
	[READONLY] = (char *)"readonly", [FORMAT] = (char *)"format", [CACHE] = (char *)"cache",
	[SERIAL] = (char *)"serial", [QUEUES] = (char *)"queues", [PACKED] = (char *)"packed",
	[BOOTINDEX] = (char *)"bootindex", NULL
};

static bool parse_format(const char *value, struct disk_options *disk)
{
	static const char * const words[] = { "raw", "qcow2", NULL };
	int n = subopt_word(value, words);

	disk->raw = n == 0;
	disk->qcow2 = n == 1;
	return n >= 0;
}

static bool parse_cache(const char *value, struct disk_options *disk)
{
	static const char * const words[] = {
		[BLOCK_WRITEBACK] = "writeback", [BLOCK_WRITETHROUGH] = "writethrough",
		[BLOCK_DIRECT] = "none", [BLOCK_UNSAFE] = "unsafe", NULL
	};
	int n = subopt_word(value, words);

	if (n >= 0)
		disk->cache = n;
	return n >= 0;
}

static bool parse_serial(const char *value, struct disk_options *disk)
{
	if (!value || !*value || strlen(value) > VIRTIO_BLK_SERIAL_MAX)
		return false;
	strcpy(disk->model.serial, value);
	return true;
}

static bool parse_queues(const char *value, struct disk_options *disk)
{
	unsigned long n;

	if (!subopt_number(value, 1, VIRTIO_BLK_QUEUES_MAX, &n))
		return false;
	disk->model.queues = n;
	return true;
}

static bool parse_key(void *opaque, int key, char *value, const char **wanted)
{
	struct disk_options *disk = opaque;

	switch (key) {
	case READONLY:
		*wanted = "readonly is on or off";
		return subopt_on_off(value, &disk->readonly);
	case FORMAT:
		*wanted = "format is raw or qcow2";
		return parse_format(value, disk);
	case CACHE:
		*wanted = "cache is writeback, writethrough, none or unsafe";
		return parse_cache(value, disk);
	case SERIAL:
		*wanted = "serial has 1 to 20 characters";
		return parse_serial(value, disk);
	case QUEUES:
		*wanted = "queues is a number, 1 to 64";
		return parse_queues(value, disk);
	case PACKED:
		*wanted = "packed is on or off";
		return subopt_on_off(value, &disk->model.packed);
	case BOOTINDEX:
		*wanted = SUBOPT_BOOTINDEX;
		return subopt_bootindex(value, &disk->boot_order);
	}
	*wanted = "keys are readonly, format, cache, serial, queues, packed and bootindex";
	return false;
}

bool disk_parse(const char *text, struct disk_options *disk, char *why, size_t bytes)
{
	static const struct subopt_rules rules = {
		.keys = keys,
		.set = parse_key,
		.first = "give the file of an image, or a block device",
	};

	*disk = (struct disk_options) { 0 };
	disk->path = subopt_parse(text, &rules, disk, why, bytes);
	return disk->path;
}

void disk_forget(struct disk_options *disk)
{
	free((char *)disk->path);
	disk->path = NULL;
}

/* A guest can write such a header to a raw image: only the user can know what it is. */
static bool unsaid_qcow2(const char *path, int fd)
{
	char magic[4] = "";

	if (pread(fd, magic, sizeof(magic), 0) != sizeof(magic) ||
	    memcmp(magic, QCOW_MAGIC, sizeof(magic)))
		return false;
	message("--disk %s: it looks like qcow2; say format=qcow2, or format=raw if it is "
		"the guest that made it look so", path);
	return true;
}

static bool file_is_unsaid_qcow2(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool it_is;

	if (fd < 0)
		return false;
	it_is = unsaid_qcow2(path, fd);
	close(fd);
	return it_is;
}

/* Which file it is, whatever it is called.  Return: 0, or -1 with errno set. */
static int identify(const char *path, int fd, dev_t *dev, ino_t *ino)
{
	struct stat st;

	if (fd < 0 ? stat(path, &st) : fstat(fd, &st))
		return -1;
	*dev = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
	*ino = S_ISBLK(st.st_mode) ? 0 : st.st_ino;
	return 0;
}

bool disk_is_taken(const struct disk_options *disk, int fd, struct block *const *blocks,
		   unsigned int nr)
{
	dev_t dev;
	ino_t ino;

	if (identify(disk->path, fd, &dev, &ino))
		return false;
	for (unsigned int i = 0; i < nr; i++) {
		const struct block *b = blocks[i];

		if (!b || b->dev != dev || b->ino != ino || (b->readonly && disk->readonly))
			continue;
		message("--disk %s: the VM has it already, as %s; both can only be if both say "
			"readonly=on", disk->path, b->path);
		return true;
	}
	return false;
}

static struct block *open_path(const struct disk_options *disk, unsigned int cpus)
{
	unsigned int queues = disk->model.queues ? disk->model.queues : cpus;

	if (disk->qcow2)
		return block_open_qcow2(disk->path, disk->readonly, disk->cache);
	if (!disk->raw && file_is_unsaid_qcow2(disk->path))
		return NULL;
	return block_open_file(disk->path, disk->readonly, disk->cache,
			       queues < VIRTIO_BLK_QUEUES_MAX ? queues : VIRTIO_BLK_QUEUES_MAX);
}

struct block *disk_open(const struct disk_options *disk, unsigned int cpus)
{
	struct block *block = open_path(disk, cpus);

	if (block)
		identify(disk->path, -1, &block->dev, &block->ino);
	return block;
}

/* Whoever opened it may have opened it otherwise. */
static int set_flags(const struct disk_options *disk, int fd)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	/* Nothing else is read, or made to block. */
	if (fstat(fd, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) {
		message("--disk %s: neither a file nor a block device", disk->path);
		return -1;
	}
	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY ||
	    (!disk->readonly && (flags & O_ACCMODE) != O_RDWR)) {
		message("--disk %s: it was not opened for %s", disk->path,
			disk->readonly ? "reading" : "reading and writing");
		return -1;
	}
	if (!fcntl(fd, F_SETFL, disk->cache == BLOCK_DIRECT ? O_DIRECT : 0))
		return 0;
	message("--disk %s: its file system cannot do cache=none", disk->path);
	return -1;
}

struct block *disk_open_fd(const struct disk_options *disk, int fd)
{
	struct block *block;

	if (disk->qcow2)
		message("--disk %s: a running VM takes raw images only; qemu-nbd is started "
			"before it is", disk->path);
	else if (!set_flags(disk, fd) && (disk->raw || !unsaid_qcow2(disk->path, fd))) {
		block = block_open_fd(disk->path, fd, disk->readonly, disk->cache);
		if (block)
			identify(disk->path, fd, &block->dev, &block->ino);
		return block;
	}
	close(fd);
	return NULL;
}
