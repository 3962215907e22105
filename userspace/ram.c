// SPDX-License-Identifier: GPL-2.0
/*
 * Guest RAM: one mapping of the host, of anonymous memory or of a file, handed to
 * the VM in two or three memory slots.
 *
 * Nothing is touched here unless asked for, so memory that the guest never uses
 * costs nothing.  The mapping starts on a boundary of its largest pages:
 * guest-physical and host-virtual addresses are then equal modulo their size, and
 * huge pages of the host can become large pages of the nested page table.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "device.h"
#include "libsvmm.h"
#include "message.h"
#include "progress.h"
#include "ram.h"

#define HUGE_2M		(2UL << 20)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static int fits_host(uint64_t bytes)
{
	struct sysinfo si;
	uint64_t host;

	if (sysinfo(&si))
		return 0;
	host = ((uint64_t)si.totalram + si.totalswap) * si.mem_unit;
	if (bytes <= host)
		return 0;
	message("--mem %lluM is more than this host has (%lluM); give the guest less",
		(unsigned long long)bytes >> 20, (unsigned long long)host >> 20);
	return -1;
}

static int open_memfd(unsigned long page)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd;

	if (page > RAM_PAGE_4K)
		flags |= MFD_HUGETLB | (unsigned int)__builtin_ctzl(page) << MAP_HUGE_SHIFT;
	fd = memfd_create("svmm", flags);
	if (fd < 0)
		message("this host has no memory by pages of %luK: %s", page >> 10,
			strerror(errno));
	return fd;
}

/* A file that has no name, in a directory: a file system of huge pages, as a rule. */
static int open_in_directory(const char *path)
{
	char name[4096];
	int fd;

	if (snprintf(name, sizeof(name), "%s/svmm-XXXXXX", path) >= (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return fd;
}

/* Return: an fd of a file that is empty or has @bytes, or -1 after a message. */
static int open_path(const char *path, uint64_t bytes, bool *named)
{
	struct stat st;
	int fd;

	*named = stat(path, &st) || !S_ISDIR(st.st_mode);
	if (*named)
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	else
		fd = open_in_directory(path);
	if (fd < 0 || fstat(fd, &st)) {
		message("--mem-path %s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		message("--mem-path %s: neither a file nor a directory", path);
	} else if (st.st_size && (uint64_t)st.st_size < bytes) {
		message("--mem-path %s: has %lluM, fewer than --mem; remove it, or give less", path,
			(unsigned long long)st.st_size >> 20);
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The size of the pages behind an fd. */
static unsigned long page_size(int fd)
{
	struct statfs fs;

	return fd >= 0 && !fstatfs(fd, &fs) && fs.f_type == HUGETLBFS_MAGIC ?
	       (unsigned long)fs.f_bsize : RAM_PAGE_4K;
}

/* An empty file gets its size from us. */
static bool backing_is_new(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && !st.st_size;
}

/* @bytes at a multiple of @align: out of a larger stretch of addresses, the rest of which goes. */
static uint8_t *map_aligned(int fd, uint64_t bytes, unsigned long align)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
	uint8_t *room, *map;
	uint64_t head;

	room = mmap(NULL, bytes + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		    0);
	if (room == MAP_FAILED)
		return NULL;
	head = -(uintptr_t)room & (align - 1);
	if (head)
		munmap(room, head);
	munmap(room + head + bytes, align - head);

	map = mmap(room + head, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
	if (map != MAP_FAILED)
		return map;
	munmap(room + head, bytes);
	return NULL;
}

static void cannot_map(uint64_t bytes, unsigned long page)
{
	if (page > RAM_PAGE_4K && errno == ENOMEM)
		message("too few pages of %luK are free, %llu are needed; raise "
			"/sys/kernel/mm/hugepages/hugepages-%lukB/nr_hugepages", page >> 10,
			(unsigned long long)(bytes / page), page >> 10);
	else
		message("cannot map %lluM of guest memory: %s; give the guest less",
			(unsigned long long)bytes >> 20, strerror(errno));
}

/* A signal waits for the event loop, to end the process there: it needs no memory any more. */
static bool ends_soon(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	sigset_t pending;

	if (sigpending(&pending))
		return false;
	for (unsigned int i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (sigismember(&pending, ends[i]))
			return true;
	}
	return false;
}

/* All pages of it, part after part. */
static int populate(const struct ram *ram)
{
	uint64_t part = ram->page > PROGRESS_PART ? ram->page : PROGRESS_PART, done = 0, n;
	struct progress progress;
	int error = 0;

	progress_start(&progress, "getting memory", ram->bytes);
	for (; done < ram->bytes && !error && !ends_soon(); done += n) {
		n = ram->bytes - done < part ? ram->bytes - done : part;
		if (madvise(ram->host + done, n, MADV_POPULATE_WRITE))
			error = errno;
		progress_done(&progress, done + n);
	}
	progress_end(&progress);
	if (!error)
		return 0;
	message("--mem-prefault: cannot get %lluM: %s; give the guest less",
		(unsigned long long)ram->bytes >> 20, strerror(error));
	return -1;
}

/* Hints, mostly: a host without huge pages, or one that dumps them, still works. */
static int advise(const struct ram *ram, const struct ram_backing *backing)
{
	if (!backing->page)
		madvise(ram->host, ram->bytes, MADV_HUGEPAGE);
	else if (backing->page == RAM_PAGE_4K)
		madvise(ram->host, ram->bytes, MADV_NOHUGEPAGE);
	madvise(ram->host, ram->bytes, MADV_DONTDUMP);
	if (backing->merge && madvise(ram->host, ram->bytes, MADV_MERGEABLE)) {
		message("--mem-merge: this host merges no pages: %s", strerror(errno));
		return -1;
	}
	return backing->prefault ? populate(ram) : 0;
}

/* Who has the fd, too, can no longer make a touch of this memory a fault. */
static int seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

int ram_open(struct ram_file *file, uint64_t bytes, const struct ram_backing *backing)
{
	bool memfd = backing->path && !strcmp(backing->path, RAM_MEMFD);
	bool sealed = memfd || backing->page > RAM_PAGE_4K;

	*file = (struct ram_file) { .fd = -1, .page = RAM_PAGE_4K };
	if ((!backing->path || memfd) && fits_host(bytes))
		return -1;
	if (sealed)
		file->fd = open_memfd(backing->page);
	else if (backing->path)
		file->fd = open_path(backing->path, bytes, &file->named);
	else
		return 0;
	if (file->fd < 0)
		return -1;

	file->page = page_size(file->fd);
	if (bytes % file->page) {
		message("--mem %lluM is not a whole number of pages of %luM",
			(unsigned long long)bytes >> 20, file->page >> 20);
	} else if ((backing_is_new(file->fd) && ftruncate(file->fd, bytes)) ||
		   (sealed && seal(file->fd))) {
		cannot_map(bytes, file->page);
	} else {
		return 0;
	}
	ram_close(file);
	return -1;
}

void ram_close(struct ram_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

/* What the machine before has left there goes, whoever has it mapped. */
static int clear(const struct ram_file *file, uint64_t bytes)
{
	if (file->fd < 0 || file->named ||
	    !fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, bytes))
		return 0;
	/* A file system without holes. */
	return ftruncate(file->fd, 0) || ftruncate(file->fd, bytes) ? -1 : 0;
}

int ram_alloc(struct ram *ram, uint64_t bytes, const struct ram_backing *backing,
	      const struct ram_file *file)
{
	ram->host = NULL;
	if (!clear(file, bytes))
		ram->host = map_aligned(file->fd, bytes,
					file->page > HUGE_2M ? file->page : HUGE_2M);
	if (!ram->host) {
		cannot_map(bytes, file->page);
		return -1;
	}
	ram->fd = file->fd;
	ram->bytes = bytes;
	ram->page = file->page;
	ram->prefault = backing->prefault;
	ram->low_bytes = bytes < RAM_LOW_MAX ? bytes : RAM_LOW_MAX;
	ram->high_bytes = bytes - ram->low_bytes;
	if (!advise(ram, backing))
		return 0;
	ram_free(ram);
	return -1;
}

void ram_free(struct ram *ram)
{
	if (ram->host)
		munmap(ram->host, ram->bytes);
	*ram = (struct ram) { .fd = -1 };
}

unsigned int ram_regions(const struct ram *ram, struct machine_region *regions)
{
	uint8_t *host = ram->host;

	regions[0] = (struct machine_region) { .gpa = 0, .bytes = RAM_VGA_START, .host = host };
	regions[1] = (struct machine_region) {
		.gpa = RAM_VGA_END,
		.bytes = ram->low_bytes - RAM_VGA_END,
		.host = host + RAM_VGA_END,
	};
	regions[2] = (struct machine_region) {
		.gpa = RAM_HIGH_START,
		.bytes = ram->high_bytes,
		.host = host + ram->low_bytes,
	};
	return ram->high_bytes ? 3 : 2;
}

/* The VM's own tables, part after part. */
static int map_beforehand(int vm_fd, const struct machine_region *r)
{
	struct progress progress;
	uint64_t done = 0, n;
	int err = 0;

	progress_start(&progress, "mapping memory", r->bytes);
	for (; done < r->bytes && !err && !ends_soon(); done += n) {
		uint64_t gpa = r->gpa + done, left;

		n = r->bytes - done < PROGRESS_PART ? r->bytes - done : PROGRESS_PART;
		left = n;
		err = svmm_prefault(vm_fd, SVMM_PREFAULT_WRITE, &gpa, &left);
		progress_done(&progress, done + n);
	}
	progress_end(&progress);
	if (err == -EINTR)
		return 0;	/* a signal, which ends the VM or does not: the guest goes on */
	if (err < 0) {
		message("--mem-prefault: %s", svmm_explain(SVMM_PREFAULT, err));
		return -1;
	}
	return 0;
}

static int set_slot(const struct ram *ram, int vm_fd, uint32_t slot,
		    const struct machine_region *r)
{
	int err = svmm_set_slot(vm_fd, slot, 0, r->gpa, r->bytes, r->host);

	if (err < 0) {
		message("cannot give the VM its memory: %s",
			svmm_explain(SVMM_SET_MEMORY_SLOT, err));
		return -1;
	}
	return ram->prefault ? map_beforehand(vm_fd, r) : 0;
}

int ram_register(const struct ram *ram, int vm_fd)
{
	struct machine_region regions[MACHINE_REGIONS_MAX];
	unsigned int nr = ram_regions(ram, regions);

	for (unsigned int i = 0; i < nr; i++) {
		if (set_slot(ram, vm_fd, i, &regions[i]))
			return -1;
	}
	return 0;
}

int ram_discard(const struct ram *ram, void *start, uint64_t bytes)
{
	if (ram->page > RAM_PAGE_4K)
		return -EOPNOTSUPP;
	return madvise(start, bytes, ram->fd >= 0 ? MADV_REMOVE : MADV_DONTNEED) ? -errno : 0;
}

void *ram_at(const struct ram *ram, uint64_t gpa, uint64_t bytes)
{
	if (gpa > ram->low_bytes || bytes > ram->low_bytes - gpa)
		return NULL;
	if (gpa < RAM_VGA_END && gpa + bytes > RAM_VGA_START)
		return NULL;
	return ram->host + gpa;
}
