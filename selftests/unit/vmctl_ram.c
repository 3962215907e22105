// SPDX-License-Identifier: GPL-2.0
// needs: userspace/ram.c userspace/progress.c userspace/options.c userspace/message.c
// needs: userspace/terminal.c
/*
 * The files that guest memory is in: opened once, sealed, and empty for the machine that comes after
 * a reset, also for a process that still maps what the one before had.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../userspace/device.h"
#include "../../userspace/libsvmm.h"
#include "../../userspace/ram.h"
#include "tap.h"

#define MIB	(1u << 20)
#define BYTES	(4u * MIB)

static char dir[] = "/tmp/vmctl-ram-XXXXXX";

/* No VM is made here. */

int svmm_set_slot(int vm_fd, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t bytes,
		  const void *host)
{
	abort();
}

int svmm_prefault(int vm_fd, uint32_t flags, uint64_t *gpa, uint64_t *bytes)
{
	abort();
}

const char *svmm_explain(unsigned long request, int err)
{
	abort();
}

static off_t size(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : st.st_size;
}

static blkcnt_t blocks(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : st.st_blocks;
}

/* Two machines, one after the other, in what @path names; a server maps what the first one had. */
static bool empty_again(const char *path, bool empty)
{
	const struct ram_backing backing = { .path = path };
	struct ram ram = { .fd = -1 };
	struct ram_file file;
	char *server;
	bool good;

	if (ram_open(&file, BYTES, &backing) || ram_alloc(&ram, BYTES, &backing, &file))
		return false;
	good = ram.fd == file.fd && file.named == !empty && size(file.fd) == BYTES;
	server = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, ram.fd, 0);
	memset(ram.host + MIB, 0x5a, MIB);
	good &= server != MAP_FAILED && server[MIB] == 0x5a;
	ram_free(&ram);
	good &= !ram_alloc(&ram, BYTES, &backing, &file);
	good &= blocks(file.fd) < 2048 || !empty;
	good &= ram.host[MIB] == (empty ? 0 : 0x5a);
	ram.host[2 * MIB] = 7;
	good &= server[2 * MIB] == 7 && server[MIB] == (empty ? 0 : 0x5a);
	munmap(server, BYTES);
	ram_free(&ram);
	ram_close(&file);
	return good && file.fd < 0;
}

static bool sealed(void)
{
	const struct ram_backing backing = { .path = RAM_MEMFD };
	struct ram_file file;
	bool good;

	if (ram_open(&file, BYTES, &backing))
		return false;
	good = ftruncate(file.fd, 0) && errno == EPERM && ftruncate(file.fd, 2 * BYTES) &&
	       errno == EPERM && fcntl(file.fd, F_ADD_SEALS, F_SEAL_WRITE) && errno == EPERM;
	ram_close(&file);
	return good;
}

/* Its paths lead nowhere any more when the second machine is built. */
static bool opened_once(const char *path)
{
	const struct ram_backing backing = { .path = path };
	struct ram ram = { .fd = -1 };
	struct ram_file file;
	bool good;

	if (ram_open(&file, BYTES, &backing) || ram_alloc(&ram, BYTES, &backing, &file))
		return false;
	ram_free(&ram);
	unlink(path);
	good = !ram_alloc(&ram, BYTES, &backing, &file) && access(path, F_OK);
	ram_free(&ram);
	ram_close(&file);
	return good;
}

static bool anonymous(void)
{
	const struct ram_backing backing = { 0 };
	struct ram ram = { .fd = -1 };
	struct ram_file file;
	bool good;

	if (ram_open(&file, BYTES, &backing) || ram_alloc(&ram, BYTES, &backing, &file))
		return false;
	good = file.fd < 0 && ram.fd < 0 && file.page == RAM_PAGE_4K && !ram.host[BYTES - 1];
	ram_free(&ram);
	ram_close(&file);
	return good;
}

static bool refused(const char *path, uint64_t bytes)
{
	const struct ram_backing backing = { .path = path };
	struct ram_file file;

	return ram_open(&file, bytes, &backing) && file.fd < 0;
}

int main(void)
{
	char name[64];

	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(7);
	if (!mkdtemp(dir))
		ksft_exit_fail_msg("no directory\n");
	snprintf(name, sizeof(name), "%s/ram", dir);
	ksft_test_result(empty_again(RAM_MEMFD, true), "a memfd is empty again\n");
	ksft_test_result(empty_again(dir, true), "a file without a name is empty again\n");
	ksft_test_result(empty_again(name, false), "what is in a file with a name stays\n");
	ksft_test_result(refused(name, 2 * BYTES) && refused("/dev/null", BYTES) &&
			 refused("/nowhere/ram", BYTES), "files that are none, or too small\n");
	ksft_test_result(sealed(), "the size of a memfd is sealed\n");
	ksft_test_result(opened_once(name), "a file is opened once\n");
	ksft_test_result(anonymous(), "memory that is no file\n");
	unlink(name);
	rmdir(dir);
	ksft_finished();
}
