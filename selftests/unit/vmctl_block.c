// SPDX-License-Identifier: GPL-2.0
// needs: userspace/block.c userspace/block_file.c userspace/block_nbd.c userspace/uring.c
// needs: userspace/iov.c userspace/library.c userspace/server.c
// libs: -luring -pthread -Wl,--wrap=io_uring_queue_init,--wrap=aligned_alloc,--wrap=pread
// libs: -Wl,--wrap=statx,--wrap=library_load
// timeout: 180
/*
 * The backings of disks by themselves: what their rings cannot do, what they may take of the host's
 * memory, what ends early if nobody wants it any more, and a qemu-nbd that dies. Hosts and servers
 * that lack something are played here.
 */
#include <fcntl.h>
#include <libnbd.h>
#include <liburing.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../../userspace/block.h"
#include "../../userspace/library.h"
#include "devices_fake.h"
#include "said.h"

#define IMAGE_BYTES	(256ull << 20)
#define MANY		BLOCK_DEPTH_MAX
#define LARGE		(300u << 10)	/* three parts of what passes through memory of vmctl's */

/* ---- a host that is otherwise -------------------------------------------------------------- */

static struct {
	struct io_uring *ring;		/* the one that was opened last */
	unsigned int old_ring;		/* flags that it does not know */
	int allocate;			/* so many parts, and no more; -1: all */
	unsigned int allocated;
	unsigned int direct, memory;	/* what reads past the page cache need; 0: anything */
	bool silent;			/* the file system does not say so */
} host = { .allocate = -1 };

int __real_io_uring_queue_init(unsigned int entries, struct io_uring *ring, unsigned int flags);
int __wrap_io_uring_queue_init(unsigned int entries, struct io_uring *ring, unsigned int flags);
void *__real_aligned_alloc(size_t align, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);
ssize_t __real_pread(int fd, void *data, size_t bytes, off_t at);
ssize_t __wrap_pread(int fd, void *data, size_t bytes, off_t at);
int __wrap_statx(int fd, const char *path, int flags, unsigned int mask, struct statx *st);

int __wrap_io_uring_queue_init(unsigned int entries, struct io_uring *ring, unsigned int flags)
{
	host.ring = ring;
	if (flags & host.old_ring)
		return -EINVAL;
	return __real_io_uring_queue_init(entries, ring, flags);
}

void *__wrap_aligned_alloc(size_t align, size_t bytes)
{
	if (host.allocate >= 0 && (int)host.allocated >= host.allocate)
		return NULL;
	host.allocated++;
	return __real_aligned_alloc(align, bytes);
}

ssize_t __wrap_pread(int fd, void *data, size_t bytes, off_t at)
{
	if (host.direct && (bytes % host.direct || (uintptr_t)data % host.memory)) {
		errno = EINVAL;
		return -1;
	}
	return __real_pread(fd, data, bytes, at);
}

int __wrap_statx(int fd, const char *path, int flags, unsigned int mask, struct statx *st)
{
	memset(st, 0, sizeof(*st));
	if (host.silent)
		return 0;
	st->stx_mask = STATX_DIOALIGN;
	st->stx_dio_offset_align = host.direct ? host.direct : 512;
	st->stx_dio_mem_align = host.direct ? host.memory : 512;
	return 0;
}

/* ---- a qemu-nbd that is otherwise ----------------------------------------------------------- */

static struct {
	bool no_fua, no_flush;
	unsigned int flushes;
	typeof(nbd_aio_flush) *flush;
} server;

bool __real_library_load(const char *file, const struct library_function *functions,
			 unsigned int nr, char *why, size_t bytes);
bool __wrap_library_load(const char *file, const struct library_function *functions,
			 unsigned int nr, char *why, size_t bytes);

static int cannot(struct nbd_handle *nbd)
{
	return 0;
}

static int64_t count_flush(struct nbd_handle *nbd, nbd_completion_callback done, uint32_t flags)
{
	server.flushes++;
	return server.flush(nbd, done, flags);
}

static void replace(const struct library_function *f, void *by)
{
	memcpy(f->at, &by, sizeof(by));
}

bool __wrap_library_load(const char *file, const struct library_function *functions,
			 unsigned int nr, char *why, size_t bytes)
{
	if (!__real_library_load(file, functions, nr, why, bytes))
		return false;
	for (const struct library_function *f = functions; f < functions + nr; f++) {
		if (!strcmp(f->name, "nbd_can_fua") && server.no_fua)
			replace(f, cannot);
		if (!strcmp(f->name, "nbd_can_flush") && server.no_flush)
			replace(f, cannot);
		if (!strcmp(f->name, "nbd_aio_flush")) {
			memcpy(&server.flush, f->at, sizeof(server.flush));
			replace(f, count_flush);
		}
	}
	return true;
}

/* ---- requests ------------------------------------------------------------------------------ */

#define PENDING	1

struct try {
	struct block_request io;	/* the first: done() gets it */
	struct iovec iov;
	int result;			/* PENDING, or its end */
};

static char dir[300], image[320];
static struct block *block;
static struct block_context *context;
static int wake;
static struct try tries[MANY];

static void done(struct block_request *io, int error)
{
	((struct try *)io)->result = error;
}

static void submit(struct try *t, enum block_op op, uint64_t offset, void *data, uint64_t bytes)
{
	t->iov = (struct iovec) { data, bytes };
	t->io.op = op;
	t->io.offset = offset;
	t->io.bytes = op == BLOCK_FLUSH ? 0 : bytes;
	t->io.iov = &t->iov;
	t->io.nr = !!data;
	t->io.done = done;
	t->result = PENDING;
	block->ops->submit(context, &t->io);
}

static int end_of(struct try *t)
{
	while (t->result == PENDING)
		block->ops->wait(context);
	return t->result;
}

static int do_it(enum block_op op, uint64_t offset, void *data, uint64_t bytes)
{
	submit(&tries[0], op, offset, data, bytes);
	return end_of(&tries[0]);
}

static void begin(void)
{
	CHECK(block);
	wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	memset(tries, 0, sizeof(tries));
	context = block->ops->open(block, wake);
	CHECK(context);
}

static void end(void)
{
	block->ops->close(context);
	block_free(block);
	close(wake);
}

static void open_raw(enum block_cache cache)
{
	block = block_open_file(image, false, cache, 1);
	begin();
}

static uint8_t *new_data(uint32_t bytes, uint8_t seed)
{
	uint8_t *data = malloc(bytes);

	for (uint32_t i = 0; i < bytes; i++)
		data[i] = i * 7 + i / 512 + seed;
	return data;
}

/* ---- rings --------------------------------------------------------------------------------- */

/* What the ring says to a request that it is given as it is. */
static int ask_ring(void (*prepare)(struct io_uring_sqe *sqe))
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(host.ring);
	struct io_uring_cqe *cqe;
	int result;

	prepare(sqe);
	io_uring_sqe_set_data64(sqe, 1);
	do {
		if (io_uring_submit_and_wait(host.ring, 1) < 0 ||
		    io_uring_peek_cqe(host.ring, &cqe))
			abort();
		result = cqe->user_data == 1 ? cqe->res : PENDING;
		io_uring_cqe_seen(host.ring, cqe);
	} while (result == PENDING);
	return result;
}

static void ask_open(struct io_uring_sqe *sqe)
{
	io_uring_prep_openat(sqe, AT_FDCWD, "/dev/null", O_RDONLY, 0);
}

static void ask_socket(struct io_uring_sqe *sqe)
{
	io_uring_prep_rw(IORING_OP_SOCKET, sqe, AF_UNIX, NULL, 0, SOCK_STREAM);
}

static void ask_connect(struct io_uring_sqe *sqe)
{
	static const struct sockaddr_un name = { .sun_family = AF_UNIX };

	io_uring_prep_connect(sqe, 0, (struct sockaddr *)&name, sizeof(name));
}

static void ask_unlink(struct io_uring_sqe *sqe)
{
	io_uring_prep_unlinkat(sqe, AT_FDCWD, image, 0);
}

static void ask_nothing(struct io_uring_sqe *sqe)
{
	io_uring_prep_nop(sqe);
}

static void ask_poll(struct io_uring_sqe *sqe)
{
	io_uring_prep_poll_add(sqe, wake, POLLOUT);
}

static void ask_async_poll(struct io_uring_sqe *sqe)
{
	ask_poll(sqe);
	sqe->flags = IOSQE_ASYNC;
}

static int change_ring(unsigned int what, const void *arg, unsigned int nr)
{
	return syscall(SYS_io_uring_register, host.ring->ring_fd, what, arg, nr) < 0 ? -errno : 0;
}

static void test_restricted(void)
{
	const struct io_uring_restriction more = {
		.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_OPENAT,
	};

	/* Also where the kernel does not know this flag. */
	for (unsigned int i = 0; i < 2; i++) {
		host.old_ring = i ? IORING_SETUP_COOP_TASKRUN : 0;
		open_raw(BLOCK_WRITEBACK);
		CHECK_EQ(ask_ring(ask_open), -EACCES);
		CHECK_EQ(ask_ring(ask_socket), -EACCES);
		CHECK_EQ(ask_ring(ask_connect), -EACCES);
		CHECK_EQ(ask_ring(ask_unlink), -EACCES);
		CHECK_EQ(ask_ring(ask_nothing), -EACCES);
		CHECK_EQ(ask_ring(ask_async_poll), -EACCES);
		CHECK(ask_ring(ask_poll) > 0);
		CHECK(change_ring(IORING_REGISTER_RESTRICTIONS, &more, 1) < 0);
		CHECK_EQ(change_ring(IORING_REGISTER_EVENTFD, &wake, 1), -EACCES);
		CHECK_EQ(change_ring(IORING_REGISTER_PERSONALITY, NULL, 0), -EACCES);
		CHECK_EQ(do_it(BLOCK_FLUSH, 0, NULL, 0), 0);
		end();
	}
	CHECK(was_said(NULL));
	host.old_ring = IORING_SETUP_R_DISABLED;
	open_raw(BLOCK_WRITEBACK);
	CHECK(was_said("io_uring cannot be restricted"));
	CHECK_EQ(do_it(BLOCK_FLUSH, 0, NULL, 0), 0);
	end();
	host.old_ring = 0;
}

static void *use_context(void *arg)
{
	context = block->ops->open(block, wake);
	CHECK(context);
	for (unsigned int i = 0; i < 10; i++)
		CHECK_EQ(do_it(BLOCK_WRITE, 512 * i, arg, 512), 0);
	block->ops->close(context);
	return NULL;
}

/* A ring is there for life, and serves one thread after the other. */
static void test_contexts(void)
{
	uint8_t *data = new_data(512, 1);
	struct block_context *other;
	unsigned int fds = open_fds();
	pthread_t thread;

	block = block_open_file(image, false, BLOCK_WRITEBACK, 2);
	begin();
	CHECK_EQ(block->max_contexts, 2);
	other = block->ops->open(block, wake);
	CHECK(other && other != context);
	CHECK(!block->ops->open(block, wake) && errno == EBUSY);
	block->ops->close(other);
	block->ops->close(context);
	for (unsigned int i = 0; i < 20; i++) {
		CHECK(!pthread_create(&thread, NULL, use_context, data));
		pthread_join(thread, NULL);
		CHECK_EQ(open_fds(), fds + 4);	/* image, wake, rings */
	}
	block_free(block);
	close(wake);
	CHECK_EQ(open_fds(), fds);
	free(data);
	/* Some rings, but not all. */
	allow_fds(4);
	CHECK(!block_open_file(image, false, BLOCK_WRITEBACK, 9));
	allow_fds(-1);
	CHECK(was_said("does not let vmctl use io_uring: Too many open files"));
	CHECK_EQ(open_fds(), fds);
}

/* ---- past the page cache -------------------------------------------------------------------- */

/* What is not aligned passes through vmctl's memory: little of it, however many want some. */
static void test_parts(void)
{
	uint8_t *data = new_data(MANY * 1024 + LARGE + 1, 2);
	uint8_t *back = malloc(MANY * 1024 + LARGE + 1);

	for (int some = 1; some < 10; some += 4) {
		host.allocate = some;
		host.allocated = 0;
		open_raw(BLOCK_DIRECT);
		for (unsigned int i = 0; i < MANY; i++)
			submit(&tries[i], BLOCK_WRITE, 1024 * i, data + 1 + 1024 * i, 1024);
		for (unsigned int i = 0; i < MANY; i++)
			CHECK_EQ(end_of(&tries[i]), 0);
		for (unsigned int i = 0; i < MANY; i++)
			submit(&tries[i], BLOCK_READ, 1024 * i, back + 1 + 1024 * i, 1024);
		for (unsigned int i = 0; i < MANY; i++)
			CHECK_EQ(end_of(&tries[i]), 0);
		CHECK(!memcmp(data + 1, back + 1, MANY * 1024));
		for (unsigned int i = 0; i < 8; i++)
			submit(&tries[i], BLOCK_WRITE, LARGE * i, data + 1, LARGE);
		for (unsigned int i = 0; i < 8; i++)
			CHECK_EQ(end_of(&tries[i]), 0);
		memset(back, 0, LARGE + 1);
		CHECK_EQ(do_it(BLOCK_READ, 7 * LARGE, back + 1, LARGE), 0);
		CHECK(!memcmp(data + 1, back + 1, LARGE));
		CHECK_EQ(host.allocated, some < 8 ? some : 8);
		end();
	}
	host.allocate = host.allocated;
	open_raw(BLOCK_DIRECT);
	CHECK_EQ(do_it(BLOCK_READ, 0, back + 1, 512), -ENOMEM);
	end();
	host.allocate = -1;
	free(data);
	free(back);
}

/* Who waits for memory when it is cancelled gets none. */
static void test_cancel_waiting(void)
{
	uint8_t *data = new_data(513, 3);
	unsigned int cancelled = 0;

	open_raw(BLOCK_DIRECT);
	for (unsigned int i = 0; i < MANY; i++)
		submit(&tries[i], BLOCK_WRITE, 512 * i, data + 1, 512);
	block->ops->cancel(context);
	for (unsigned int i = 0; i < MANY; i++) {
		cancelled += end_of(&tries[i]) == -ECANCELED;
		CHECK(!tries[i].result || tries[i].result == -ECANCELED);
	}
	CHECK_EQ(cancelled, MANY - 8);
	/* The next one is not. */
	block->ops->close(context);
	context = block->ops->open(block, wake);
	CHECK_EQ(do_it(BLOCK_WRITE, 0, data + 1, 512), 0);
	end();
	free(data);
}

static bool opens_directly(bool silent, unsigned int direct, unsigned int memory)
{
	host.silent = silent;
	host.direct = direct;
	host.memory = memory;
	block = block_open_file(image, false, BLOCK_DIRECT, 1);
	host.silent = false;
	host.direct = 0;
	return block;
}

/* How many parts an aligned request takes, whose memory is @offset behind a page. */
static unsigned int parts_at(unsigned int offset)
{
	static uint8_t data[8192] __attribute__((aligned(4096)));

	host.allocated = 0;
	begin();
	CHECK_EQ(do_it(BLOCK_READ, 512, data + offset, 512), 0);
	end();
	return host.allocated;
}

/* What the file system wants, whether it says so or has to be tried. */
static void test_alignment(void)
{
	for (unsigned int silent = 0; silent < 2; silent++) {
		CHECK(!opens_directly(silent, 4096, 4096));
		CHECK(was_said("takes multiples of 4096 bytes, and the disk has sectors of 512"));
		CHECK(opens_directly(silent, 512, 512));
		CHECK_EQ(parts_at(0), 0);
		CHECK(opens_directly(silent, 512, 512));
		CHECK_EQ(parts_at(512), 0);
		CHECK(opens_directly(silent, 512, 512));
		CHECK_EQ(parts_at(8), 1);
		CHECK(opens_directly(silent, 512, 4096));
		CHECK_EQ(parts_at(0), 0);
		CHECK(opens_directly(silent, 512, 4096));
		CHECK_EQ(parts_at(512), 1);
	}
	CHECK(was_said(NULL));
}

/* ---- discard and zeroes --------------------------------------------------------------------- */

/* They are done in pieces, and are given up between two of them. */
static void test_ranges(void)
{
	static const enum block_op ops[] = { BLOCK_DISCARD, BLOCK_ZERO };
	uint8_t *data = new_data(4096, 4), back[4096], zero[4096] = { 0 };

	open_raw(BLOCK_WRITEBACK);
	for (unsigned int i = 0; i < 2; i++) {
		for (uint64_t at = 0; at < IMAGE_BYTES; at += IMAGE_BYTES / 8)
			CHECK_EQ(do_it(BLOCK_WRITE, at, data, 4096), 0);
		tries[0].io.unmap = true;
		tries[0].io.stable = true;
		CHECK_EQ(do_it(ops[i], 512, NULL, IMAGE_BYTES - 1024), 0);
		for (uint64_t at = 0; at < IMAGE_BYTES; at += IMAGE_BYTES / 8) {
			CHECK_EQ(do_it(BLOCK_READ, at, back, 4096), 0);
			CHECK(!memcmp(back, at ? zero : data, 512));
			CHECK(!memcmp(back + 512, zero, 3584));
		}
		submit(&tries[0], ops[i], 0, NULL, IMAGE_BYTES);
		block->ops->cancel(context);
		CHECK_EQ(end_of(&tries[0]), -ECANCELED);
		submit(&tries[0], ops[i], 0, NULL, 64 << 20);	/* one piece */
		CHECK_EQ(end_of(&tries[0]), 0);
		block->ops->close(context);
		context = block->ops->open(block, wake);
	}
	end();
	free(data);
}

/* ---- qemu-nbd ------------------------------------------------------------------------------- */

static bool have_qemu(void)
{
	return !system("qemu-img --version >/dev/null 2>&1 && qemu-nbd --version >/dev/null 2>&1");
}

static void open_qcow2(const char *path, enum block_cache cache)
{
	char command[700];

	snprintf(command, sizeof(command), "cd %s && qemu-img create -q -f qcow2 ./%s 256M", dir,
		 path);
	CHECK(!system(command));
	block = block_open_qcow2(path, false, cache);
}

/* Our one child. */
static pid_t server_pid(void)
{
	siginfo_t info = { 0 };
	char text[200];
	pid_t pid = 0;
	FILE *f;

	snprintf(text, sizeof(text), "/proc/self/task/%d/children", getpid());
	f = fopen(text, "r");
	if (!f || fscanf(f, "%d", &pid) != 1)
		abort();
	fclose(f);
	CHECK(!waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid);
	return pid;
}

/* Requests of before and after its death fail, and it is said once. */
static void test_dead_server(void)
{
	uint8_t *data = new_data(4096, 5);
	pid_t pid;

	for (unsigned int busy = 0; busy < 2; busy++) {
		open_qcow2("dead", BLOCK_WRITEBACK);
		begin();
		CHECK_EQ(do_it(BLOCK_WRITE, 0, data, 4096), 0);
		pid = server_pid();
		kill(pid, SIGSTOP);
		for (unsigned int i = 0; busy && i < 20; i++)
			submit(&tries[i], i & 1 ? BLOCK_WRITE : BLOCK_READ, 4096 * i, data, 4096);
		kill(pid, SIGKILL);
		for (unsigned int i = 0; busy && i < 20; i++)
			CHECK(end_of(&tries[i]) < 0);
		while (!busy && !said.lines)
			block->ops->wait(context);
		CHECK(was_said("qemu-nbd has ended: the guest gets errors from now on"));
		CHECK(do_it(BLOCK_READ, 0, data, 4096) < 0);
		CHECK(do_it(BLOCK_FLUSH, 0, NULL, 0) < 0);
		CHECK(do_it(BLOCK_DISCARD, 0, NULL, 4096) < 0);
		/* Another machine on it. */
		block->ops->close(context);
		context = block->ops->open(block, wake);
		CHECK(do_it(BLOCK_WRITE, 0, data, 4096) < 0);
		eventfd_write(wake, 1);
		block->ops->wait(context);
		end();
		CHECK(was_said(NULL));
	}
	free(data);
}

/* What is promised to be on the medium is, if not by a flag, by a flush. */
static void test_stable(void)
{
	uint8_t *data = new_data(4096, 6);

	for (unsigned int i = 0; i < 2; i++) {
		server.no_fua = i;
		open_qcow2("stable", BLOCK_WRITEBACK);
		begin();
		server.flushes = 0;
		CHECK_EQ(do_it(BLOCK_WRITE, 0, data, 4096), 0);
		CHECK_EQ(server.flushes, 0);
		tries[0].io.stable = true;
		CHECK_EQ(do_it(BLOCK_READ, 0, data, 4096), 0);
		CHECK_EQ(do_it(BLOCK_DISCARD, 0, NULL, 4096), 0);
		CHECK_EQ(server.flushes, 0);
		CHECK_EQ(do_it(BLOCK_WRITE, 0, data, 4096), 0);
		CHECK_EQ(server.flushes, i);
		CHECK_EQ(do_it(BLOCK_ZERO, 0, NULL, 200 << 20), 0);
		CHECK_EQ(server.flushes, 2 * i);
		CHECK_EQ(do_it(BLOCK_FLUSH, 0, NULL, 0), 0);
		CHECK_EQ(server.flushes, 2 * i + 1);
		end();
	}
	server.no_fua = false;
	server.no_flush = true;
	open_qcow2("stable", BLOCK_WRITEBACK);
	CHECK(!block);
	CHECK(was_said("cannot make sure that anything is on the medium; with cache=unsafe"));
	open_qcow2("stable", BLOCK_UNSAFE);
	begin();
	end();
	server.no_flush = false;
	CHECK(was_said(NULL));
	free(data);
}

static void test_cancelled_server(void)
{
	open_qcow2("cancelled", BLOCK_WRITEBACK);
	begin();
	CHECK_EQ(do_it(BLOCK_ZERO, 512, NULL, IMAGE_BYTES - 1024), 0);
	submit(&tries[0], BLOCK_DISCARD, 0, NULL, IMAGE_BYTES);
	block->ops->cancel(context);
	CHECK_EQ(end_of(&tries[0]), -ECANCELED);
	end();
}

/* To qemu a name before a colon is a protocol's, if no slash comes first. */
static void test_colon(void)
{
	open_qcow2("nbd:unix:x", BLOCK_WRITEBACK);
	begin();
	CHECK_EQ(block->bytes, 256 << 20);
	CHECK_EQ(do_it(BLOCK_FLUSH, 0, NULL, 0), 0);
	end();
	open_qcow2("-x", BLOCK_WRITEBACK);
	begin();
	end();
	CHECK(was_said(NULL));
}

static const struct test tests[] = {
	{ "a ring reads and writes, no more", test_restricted },
	{ "contexts", test_contexts },
	{ "cache=none: memory", test_parts },
	{ "cache=none: cancelled", test_cancel_waiting },
	{ "cache=none: alignment", test_alignment },
	{ "discard and zeroes", test_ranges },
	{ "a qemu-nbd that dies", test_dead_server },
	{ "one that has no stable writes", test_stable },
	{ "one that is cancelled", test_cancelled_server },
	{ "names with colons", test_colon },
};

#define NR_TESTS	(sizeof(tests) / sizeof(tests[0]))

static void new_image(void)
{
	int fd = open(image, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, IMAGE_BYTES))
		abort();
	close(fd);
}

int main(void)
{
	bool qemu = have_qemu();
	char command[320];

	setbuf(stdout, NULL);
	snprintf(dir, sizeof(dir), "%s/svmm-block.XXXXXX", getenv("TMPDIR") ?: "/tmp");
	if (!mkdtemp(dir) || chdir(dir))
		abort();
	snprintf(image, sizeof(image), "%s/image", dir);
	ksft_print_header();
	ksft_set_plan(NR_TESTS);
	for (unsigned int i = 0; i < NR_TESTS; i++) {
		if (!qemu && i >= NR_TESTS - 4) {
			ksft_test_result_skip("%s: qemu-utils is not installed\n", tests[i].name);
			continue;
		}
		test_ok = true;
		new_image();
		tests[i].run();
		ksft_test_result(test_ok, "%s\n", tests[i].name);
	}
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command))
		abort();
	ksft_finished();
	return 0;
}
