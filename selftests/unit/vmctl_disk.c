// SPDX-License-Identifier: GPL-2.0
// needs: userspace/disk.c userspace/block.c userspace/block_file.c userspace/uring.c
// needs: userspace/block_nbd.c userspace/library.c userspace/server.c
// needs: userspace/iov.c userspace/subopt.c
// libs: -luring -pthread -Wl,--wrap=calloc,--wrap=open,--wrap=fcntl,--wrap=statx
// libs: -Wl,--wrap=io_uring_queue_init
/*
 * --disk: what the user may say, and what vmctl says of an image that it cannot use. What a host
 * does not have is played here.
 */
#include <fcntl.h>
#include <liburing.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../userspace/disk.h"
#include "devices_fake.h"
#include "fail_calloc.h"
#include "said.h"

/* ---- a host that is otherwise -------------------------------------------------------------- */

static struct {
	bool no_direct, no_locks;
	int ring;			/* what io_uring gives */
	unsigned int direct_bytes;	/* what its file system wants */
} other;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_fcntl(int fd, int cmd, ...);
int __wrap_fcntl(int fd, int cmd, ...);
int __real_io_uring_queue_init(unsigned int entries, struct io_uring *ring, unsigned int flags);
int __wrap_io_uring_queue_init(unsigned int entries, struct io_uring *ring, unsigned int flags);
int __wrap_statx(int fd, const char *path, int flags, unsigned int mask, struct statx *st);

int __wrap_open(const char *path, int flags, ...)
{
	if ((flags & O_DIRECT) && other.no_direct) {
		errno = EINVAL;
		return -1;
	}
	return __real_open(path, flags, 0600);
}

int __wrap_fcntl(int fd, int cmd, ...)
{
	va_list args;
	void *arg;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	if (cmd == F_OFD_SETLK && other.no_locks) {
		errno = ENOLCK;
		return -1;
	}
	return __real_fcntl(fd, cmd, arg);
}

int __wrap_io_uring_queue_init(unsigned int entries, struct io_uring *ring, unsigned int flags)
{
	return other.ring ? other.ring : __real_io_uring_queue_init(entries, ring, flags);
}

/* Of struct statx only this is looked at. */
int __wrap_statx(int fd, const char *path, int flags, unsigned int mask, struct statx *st)
{
	memset(st, 0, sizeof(*st));
	st->stx_mask = other.direct_bytes ? STATX_DIOALIGN : 0;
	st->stx_dio_offset_align = other.direct_bytes;
	st->stx_dio_mem_align = other.direct_bytes;
	return 0;
}

/* ---- what the user says --------------------------------------------------------------------- */

static void test_words(void)
{
	struct disk_options d;
	char why[128] = "";

	CHECK(disk_parse("a.img", &d, why, sizeof(why)));
	CHECK(!strcmp(d.path, "a.img"));
	CHECK(!d.readonly && !d.raw && !d.qcow2 && !d.model.packed && !d.model.queues);
	CHECK(d.cache == BLOCK_WRITEBACK && !*d.model.serial);
	free((char *)d.path);
	CHECK(disk_parse("/x/y=z,readonly=on,format=qcow2,cache=none,serial=12345678901234567890,"
			 "queues=64,packed=on", &d, why, sizeof(why)));
	CHECK(!strcmp(d.path, "/x/y=z"));
	CHECK(d.readonly && !d.raw && d.qcow2 && d.cache == BLOCK_DIRECT && d.model.packed);
	CHECK(!strcmp(d.model.serial, "12345678901234567890") && d.model.queues == 64);
	free((char *)d.path);
	/* Whichever comes last. */
	CHECK(disk_parse("a,readonly=on,readonly=off,format=qcow2,format=raw,packed=on,packed=off,"
			 "cache=unsafe,cache=writethrough,queues=9,queues=1,serial=ab,serial=c,",
			 &d, why, sizeof(why)));
	CHECK(!d.readonly && d.raw && !d.qcow2 && d.cache == BLOCK_WRITETHROUGH);
	CHECK(!d.model.packed && d.model.queues == 1 && !strcmp(d.model.serial, "c"));
	free((char *)d.path);
	CHECK(disk_parse("a,cache=writeback", &d, why, sizeof(why)));
	CHECK_EQ(d.cache, BLOCK_WRITEBACK);
	free((char *)d.path);
	CHECK(disk_parse("a,cache=unsafe", &d, why, sizeof(why)));
	CHECK_EQ(d.cache, BLOCK_UNSAFE);
	free((char *)d.path);
	CHECK(!*why);
}

static void test_wrong_words(void)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "give the file" },
		{ ",readonly=on", "give the file" },
		{ "a,readonly", "readonly is on or off" },
		{ "a,readonly=", "readonly is on or off" },
		{ "a,readonly=yes", "readonly is on or off" },
		{ "a,packed=1", "packed is on or off" },
		{ "a,format=vmdk", "format is raw or qcow2" },
		{ "a,format", "format is raw or qcow2" },
		{ "a,cache=directsync", "cache is writeback, writethrough, none or unsafe" },
		{ "a,cache", "cache is writeback" },
		{ "a,serial=", "serial has 1 to 20 characters" },
		{ "a,serial", "serial has 1 to 20 characters" },
		{ "a,serial=123456789012345678901", "serial has 1 to 20 characters" },
		{ "a,queues=0", "queues is a number, 1 to 64" },
		{ "a,queues=65", "queues is a number, 1 to 64" },
		{ "a,queues=-1", "queues is a number, 1 to 64" },
		{ "a,queues=+1", "queues is a number, 1 to 64" },
		{ "a,queues= 1", "queues is a number, 1 to 64" },
		{ "a,queues=1x", "queues is a number, 1 to 64" },
		{ "a,queues=4294967297", "queues is a number, 1 to 64" },
		{ "a,queues=99999999999999999999", "queues is a number, 1 to 64" },
		{ "a,queues", "queues is a number, 1 to 64" },
		{ "a,queues=", "queues is a number, 1 to 64" },
		{ "a,ro", "keys are readonly, format, cache, serial, queues, packed and "
			  "bootindex" },
		{ "a,,readonly=on", "keys are" },
		{ "a,readonly=on,b", "keys are" },
		{ "a,Readonly=on", "keys are" },
	};
	struct disk_options d;
	char why[128];

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		*why = '\0';
		CHECK(!disk_parse(cases[i].text, &d, why, sizeof(why)));
		if (!strncmp(why, cases[i].why, strlen(cases[i].why)))
			continue;
		printf("# \"%s\": %s\n", cases[i].text, why);
		test_ok = false;
	}
}

/* ---- images --------------------------------------------------------------------------------- */

static char dir[256], name[300];

static const char *in_dir(const char *file)
{
	snprintf(name, sizeof(name), "%s/%s", dir, file);
	return name;
}

static void make_file(const char *file, uint64_t bytes, const char *start)
{
	int fd = open(in_dir(file), O_RDWR | O_CREAT | O_TRUNC);

	if (fd < 0 || ftruncate(fd, bytes) || write(fd, start, strlen(start)) < 0)
		abort();
	close(fd);
}

static void *paths[100];		/* of blocks, which keep theirs */
static unsigned int nr_paths;

/* --disk FILE and more, where FILE is in the directory. */
static struct block *try_open(const char *file, const char *keys)
{
	struct disk_options d;
	struct block *block;
	char text[512], why[128];

	snprintf(text, sizeof(text), "%s%s", in_dir(file), keys);
	if (!disk_parse(text, &d, why, sizeof(why)))
		abort();
	block = disk_open(&d, 3);
	if (block)
		CHECK(block->path == d.path);
	if (nr_paths == sizeof(paths) / sizeof(paths[0]))
		abort();
	paths[nr_paths++] = (void *)d.path;
	return block;
}

static bool opens(const char *file, const char *keys)
{
	struct block *block = try_open(file, keys);

	if (block)
		block_free(block);
	return block;
}

/* It does not open, says why, and leaves nothing. */
static void refused(const char *file, const char *keys, const char *words)
{
	unsigned int fds = open_fds();
	char start[320];

	snprintf(start, sizeof(start), "--disk %s: ", in_dir(file));
	CHECK(!opens(file, keys));
	CHECK(!strncmp(said.last, start, strlen(start)));
	CHECK(was_said(words));
	CHECK_EQ(open_fds(), fds);
}

static void test_good_images(void)
{
	struct block *block;

	make_file("raw", 1 << 20, "");
	block = try_open("raw", "");
	CHECK(block);
	CHECK_EQ(block->bytes, 1 << 20);
	CHECK_EQ(block->unit, 512);
	CHECK(!block->readonly && block->discard && block->cache == BLOCK_WRITEBACK);
	CHECK_EQ(block->max_contexts, 3);		/* a queue for each CPU */
	block_free(block);
	block = try_open("raw", ",readonly=on,cache=unsafe");
	CHECK(block && block->readonly && !block->discard && block->cache == BLOCK_UNSAFE);
	block_free(block);
	block = try_open("raw", ",queues=5");
	CHECK(block && block->max_contexts == 5);
	block_free(block);
	make_file("smallest", 512, "");
	CHECK(opens("smallest", ""));
	CHECK(was_said(NULL));
}

static void test_bad_images(void)
{
	make_file("empty", 0, "");
	make_file("odd", 1000, "");
	mkdir(in_dir("dir"), 0700);
	mkfifo(in_dir("fifo"), 0600);
	refused("missing", "", "No such file or directory");
	refused("missing", ",readonly=on", "No such file or directory");
	refused("dir", "", "Is a directory");
	refused("dir", ",readonly=on", "neither a file nor a block device");
	refused("fifo", "", "neither a file nor a block device");
	refused("fifo", ",readonly=on", "neither a file nor a block device");
	refused("../../dev/null", "", "neither a file nor a block device");
	refused("empty", "", "it is empty; make it as large as the disk shall be with "
		"truncate --size SIZE");
	refused("odd", "", "its size, 1000 bytes, is no multiple of 512; is it raw?");
	refused("odd/x", "", "Not a directory");
}

static void test_permissions(void)
{
	make_file("mine", 4096, "");
	chmod(in_dir("mine"), 0444);
	chmod(dir, 0755);
	/* Root may do everything. */
	if (!getuid() && setresuid(65534, 65534, 0))
		abort();
	refused("mine", "", "Permission denied; with readonly=on it need not be writable");
	refused("mine", ",format=qcow2", "Permission denied; with readonly=on");
	CHECK(opens("mine", ",readonly=on"));
	if (setresuid(0, 0, 0) && !geteuid())
		abort();
}

static void test_locks(void)
{
	struct block *one, *two;

	make_file("raw", 4096, "");
	one = try_open("raw", "");
	refused("raw", "", "another VM has it; several can only if all say readonly=on");
	refused("raw", ",readonly=on", "another VM has it for writing");
	block_free(one);
	one = try_open("raw", ",readonly=on");
	two = try_open("raw", ",readonly=on");
	CHECK(one && two);
	refused("raw", "", "another VM has it; several can only");
	block_free(one);
	refused("raw", "", "another VM has it; several can only");
	block_free(two);
	CHECK(opens("raw", ""));
	other.no_locks = true;
	CHECK(opens("raw", ""));
	CHECK(was_said("cannot be locked (No locks available): take care that no other VM has it"));
	other.no_locks = false;
}

/* The same file under another name, or by the same open file, whose lock is one. */
static void test_twice(void)
{
	struct disk_options d = { .path = strdup(in_dir("raw")) }, l = { .path = NULL };
	struct block *all[3] = { NULL };
	int fd, other_fd;

	make_file("raw", 4096, "");
	if (link(d.path, in_dir("linked")))
		abort();
	l.path = strdup(name);
	all[1] = disk_open(&d, 3);
	CHECK(all[1]);
	CHECK(!disk_is_taken(&d, -1, all, 1));
	CHECK(disk_is_taken(&d, -1, all, 3));
	CHECK(was_said("the VM has it already, as "));
	CHECK(disk_is_taken(&l, -1, all, 3));
	CHECK(was_said("linked: the VM has it already, as "));
	l.readonly = true;
	CHECK(disk_is_taken(&l, -1, all, 3));
	CHECK(was_said("already"));
	block_free(all[1]);

	d.readonly = true;
	fd = open(d.path, O_RDONLY | O_CLOEXEC);
	other_fd = dup(fd);
	all[1] = disk_open_fd(&d, fd);
	CHECK(all[1]);
	CHECK(!disk_is_taken(&l, other_fd, all, 3));
	l.readonly = false;
	CHECK(disk_is_taken(&l, other_fd, all, 3));
	CHECK(was_said("already"));
	CHECK(!disk_is_taken(&l, STDOUT_FILENO, all, 3));
	block_free(all[1]);
	close(other_fd);
	free((char *)d.path);
	free((char *)l.path);
}

static void test_host(void)
{
	make_file("raw", 4096, "");
	CHECK(opens("raw", ",cache=none"));
	other.direct_bytes = 512;
	CHECK(opens("raw", ",cache=none"));
	other.direct_bytes = 4096;
	refused("raw", ",cache=none", "with cache=none its file system takes multiples of 4096 "
		"bytes, and the disk has sectors of 512; choose another cache");
	CHECK(opens("raw", ""));
	other.direct_bytes = 0;
	other.no_direct = true;
	refused("raw", ",cache=none", "its file system cannot do cache=none");
	other.no_direct = false;
	other.ring = -EPERM;
	refused("raw", "", "the host does not let vmctl use io_uring: Operation not permitted; see "
		"sysctl kernel.io_uring_disabled");
	other.ring = -38;		/* there is no such call */
	refused("raw", "", "the host does not let vmctl use io_uring: Function not implemented");
	other.ring = 0;
	calloc_after = 0;
	CHECK(!opens("raw", ""));
	CHECK(was_said("out of memory"));
	CHECK(!opens("raw", ",format=qcow2"));
	calloc_after = -1;
	CHECK(was_said("out of memory"));
}

/* Images that somebody else has opened: as what they were opened counts, and nothing stays open. */
static void try_fd(const char *file, int flags, const char *keys, const char *words)
{
	unsigned int fds = open_fds();
	struct disk_options d;
	struct block *block;
	char text[512], why[128];
	int fd = open(in_dir(file), flags | O_CLOEXEC);

	snprintf(text, sizeof(text), "%s%s", in_dir(file), keys);
	if (fd < 0 || !disk_parse(text, &d, why, sizeof(why)))
		abort();
	block = disk_open_fd(&d, fd);
	CHECK_EQ(!block, !!words);
	CHECK(was_said(words));
	if (block) {
		CHECK_EQ(block->readonly, d.readonly);
		CHECK_EQ(fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK | O_DIRECT),
			 d.cache == BLOCK_DIRECT ? O_DIRECT : 0);
		block_free(block);
	}
	disk_forget(&d);
	CHECK_EQ(open_fds(), fds);
}

static void test_open_images(void)
{
	make_file("raw", 1 << 20, "");
	make_file("q", 1 << 20, "QFI\xfb");
	make_file("empty", 0, "");
	try_fd("raw", O_RDWR, "", NULL);
	try_fd("raw", O_RDWR | O_APPEND | O_NONBLOCK | O_DIRECT, "", NULL);
	try_fd("raw", O_RDWR, ",cache=none", NULL);
	try_fd("raw", O_RDWR, ",readonly=on", NULL);
	try_fd("raw", O_RDONLY, ",readonly=on", NULL);
	try_fd("raw", O_RDONLY, "", "it was not opened for reading and writing");
	try_fd("raw", O_WRONLY, "", "it was not opened for reading and writing");
	try_fd("raw", O_WRONLY, ",readonly=on", "it was not opened for reading");
	try_fd("raw", O_PATH, ",readonly=on", "it was not opened for reading");
	try_fd("raw", O_RDWR, ",format=qcow2", "a running VM takes raw images only");
	try_fd("q", O_RDWR, "", "it looks like qcow2");
	try_fd("q", O_RDWR, ",format=raw", NULL);
	try_fd("empty", O_RDWR, "", "it is empty");
	try_fd("../../dev/null", O_RDWR, "", "neither a file nor a block device");
}

static void test_looks_like_qcow2(void)
{
	make_file("q", 1 << 20, "QFI\xfb");
	refused("q", "", "it looks like qcow2; say format=qcow2, or format=raw if it is the guest "
		"that made it look so");
	CHECK(opens("q", ",format=raw"));
	make_file("q", 512, "QFI");
	CHECK(opens("q", ""));
}

static void test_no_qemu_nbd(void)
{
	char *path = strdup(getenv("PATH"));

	make_file("raw", 4096, "");
	setenv("PATH", dir, 1);
	refused("raw", ",format=qcow2", "qcow2 needs qemu-nbd, of Debian's package qemu-utils");
	unsetenv("PATH");
	setenv("PATH", path, 1);
	refused("missing", ",format=qcow2", "No such file or directory");
	free(path);
}

static bool have_qemu(void)
{
	return !system("qemu-img --version >/dev/null 2>&1 && qemu-nbd --version >/dev/null 2>&1");
}

/* What qemu-nbd says of it goes to stderr as well. */
static void test_qcow2(void)
{
	struct block *block, *other_block;
	char command[400];

	snprintf(command, sizeof(command), "qemu-img create -q -f qcow2 %s 3M", in_dir("qcow2"));
	if (system(command))
		abort();
	make_file("raw", 4096, "");
	refused("raw", ",format=qcow2", "qemu-nbd cannot open it, as it says above");
	for (unsigned int i = 0; i < 5; i++) {
		block = try_open("qcow2", ",format=qcow2");
		CHECK(block);
		CHECK_EQ(block->bytes, 3 << 20);
		CHECK(!block->readonly && block->discard && block->max_contexts == 1);
		refused("qcow2", ",format=qcow2", "qemu-nbd cannot open it, as it says above");
		CHECK(block->server > 0 && getpgid(block->server) == block->server);
		while (i == 4 && !block_leave(block))	/* one that is not waited for */
			usleep(1000);
		if (i == 4)
			CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
		block_free(block);
		CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	}
	block = try_open("qcow2", ",format=qcow2,readonly=on");
	other_block = try_open("qcow2", ",format=qcow2,readonly=on");
	CHECK(block && block->readonly && other_block);
	block_free(block);
	block_free(other_block);
	CHECK(was_said(NULL));
}

static const struct test tests[] = {
	{ "what can be said", test_words },
	{ "what cannot", test_wrong_words },
	{ "images", test_good_images },
	{ "files that are none", test_bad_images },
	{ "a file that is not to be written", test_permissions },
	{ "one image, several VMs", test_locks },
	{ "one image, twice", test_twice },
	{ "what a host lacks", test_host },
	{ "images that are open already", test_open_images },
	{ "what looks like qcow2", test_looks_like_qcow2 },
	{ "qcow2 without qemu-nbd", test_no_qemu_nbd },
	{ "qcow2", test_qcow2 },
};

#define NR_TESTS	(sizeof(tests) / sizeof(tests[0]))

int main(void)
{
	char command[300];

	setbuf(stdout, NULL);
	/* Where another user comes along, and /dev is two steps up. */
	snprintf(dir, sizeof(dir), "/tmp/svmm-disk.XXXXXX");
	if (!mkdtemp(dir))
		abort();
	ksft_print_header();
	ksft_set_plan(NR_TESTS);
	for (unsigned int i = 0; i < NR_TESTS; i++) {
		if (tests[i].run == test_qcow2 && !have_qemu()) {
			ksft_test_result_skip("%s: qemu-utils is not installed\n", tests[i].name);
			continue;
		}
		test_ok = true;
		tests[i].run();
		ksft_test_result(test_ok, "%s\n", tests[i].name);
	}
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command))
		abort();
	while (nr_paths)
		free(paths[--nr_paths]);
	ksft_finished();
	return 0;
}
