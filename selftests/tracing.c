// SPDX-License-Identifier: GPL-2.0
/*
 * The tracepoints: as many events as the accounts have exits, with what happened in their fields.
 *
 * needs: selftests/lib/cost.c selftests/lib/vmtest.c selftests/lib/start.c
 * emulator-hangs: docs/emulated-host.md, A static key
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/cost.h"
#include "../uapi/svmm_exits.h"

#define TRACING	"/sys/kernel/tracing/"
#define ROUNDS	300
#define LINES	200000

static char *line[LINES];
static unsigned int lines;
static unsigned int ios, mmios;

FIXTURE(trace) {
	struct vmt v;
	struct svmm_vcpu_stats before, s;
	bool none;
};

static bool put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

static void count_io(struct vmt *v, struct vmt_io *io)
{
	ios++;
}

static void count_mmio(struct vmt *v, struct vmt_mmio *mmio)
{
	memset(mmio->data, 0x5a, mmio->write ? 0 : mmio->bytes);
	mmios++;
}

FIXTURE_SETUP(trace)
{
	mount("tracefs", TRACING, "tracefs", 0, NULL);
	self->none = access(TRACING "events/svmm/enable", W_OK);
	cost_open(&self->v);
	self->v.on_io = count_io;
	self->v.on_mmio = count_mmio;
}

FIXTURE_TEARDOWN(trace)
{
	put(TRACING "events/svmm/enable", "0");
	put(TRACING "trace", "");
	vmt_close(&self->v);
}

/* Everything that the buffer has; false if something did not fit into it. */
static bool collect(void)
{
	FILE *f = fopen(TRACING "trace", "re");
	char text[512];
	bool whole = true;

	lines = 0;
	while (f && fgets(text, sizeof(text), f) && lines < LINES) {
		unsigned long in, written;

		if (sscanf(text, "# entries-in-buffer/entries-written: %lu/%lu", &in,
			   &written) == 2)
			whole = in == written;
		if (text[0] != '#')
			line[lines++] = strdup(text);
	}
	fclose(f);
	return whole && lines < LINES;
}

/* Lines that have all of these words. */
static unsigned int having(const char *event, const char *words)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < lines; i++) {
		const char *at = strstr(line[i], event);

		n += at && strstr(at, words);
	}
	return n;
}

static uint64_t counted(const struct svmm_vcpu_stats *s, uint64_t code)
{
	const struct svmm_exit_stat *exits = cost_line(s, code);

	return exits ? exits->count : 0;
}

TEST_F(trace, every_exit)
{
	static const char * const entry[] = {
		"cpuid", "vmmcall", "rdmsr", "wrmsr", "pio_out", "pio_in", "mmio_store4",
		"mmio_load4",
	};
	static const struct {
		uint64_t code;
		const char *name;
	} known[] = {
#define EXIT(code, name) { code, "reason " #name " " },
		SVM_EXITS(EXIT)
#undef EXIT
	};
	struct vmt *v = &self->v;
	char vcpu[64];
	uint64_t all = 0;

	if (self->none)
		SKIP(return, "this kernel has no tracefs");
	cost_run(v, "cpuid", 1);
	ASSERT_TRUE(put(TRACING "buffer_size_kb", "16384"));
	ASSERT_TRUE(put(TRACING "trace", ""));
	ASSERT_EQ(0, svmm_get_stats(v->vcpu, &self->before));
	ASSERT_TRUE(put(TRACING "events/svmm/enable", "1"));
	ios = 0;
	mmios = 0;
	for (unsigned int i = 0; i < sizeof(entry) / sizeof(entry[0]); i++)
		cost_run(v, entry[i], ROUNDS);
	ASSERT_TRUE(put(TRACING "events/svmm/enable", "0"));
	ASSERT_EQ(0, svmm_get_stats(v->vcpu, &self->s));
	ASSERT_TRUE(collect());

	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		uint64_t n = counted(&self->s, known[i].code) -
			     counted(&self->before, known[i].code);

		EXPECT_EQ(n, having("svmm_exit:", known[i].name)) {
			TH_LOG("%s", known[i].name);
		}
		all += n;
	}
	snprintf(vcpu, sizeof(vcpu), "vm %d vcpu 0 ", getpid());
	EXPECT_EQ(all, having("svmm_exit:", vcpu));
	EXPECT_LE(all, having("svmm_entry:", vcpu));
	EXPECT_EQ(ROUNDS, having("svmm_cpuid:", "func 0 idx 0 "));
	EXPECT_EQ(ROUNDS, having("svmm_hypercall:", "nr 0xffffffff "));
	EXPECT_EQ(ROUNDS, having("svmm_msr:", "read 0x2ff = "));
	EXPECT_EQ(ROUNDS, having("svmm_msr:", "write 0x2ff = 0xc00"));
	EXPECT_EQ(ROUNDS, having("svmm_pio:", "write port 0xe0 size 1 count 1 "));
	EXPECT_EQ(ROUNDS, having("svmm_pio:", "read port 0xe0 size 1 count 1 "));
	EXPECT_EQ(2 * ROUNDS, ios);
	EXPECT_EQ(ROUNDS, having("svmm_mmio:", "write len 4 gpa 0x40000000 "));
	EXPECT_EQ(ROUNDS, having("svmm_mmio:", "read len 4 gpa 0x40000000 val 0x5a5a5a5a"));
	EXPECT_EQ(2 * ROUNDS, mmios);
	EXPECT_LE(2 * ROUNDS, having("svmm_page_fault:", "address 0x40000000 "));
}

TEST_F(trace, life)
{
	char words[96];

	if (self->none)
		SKIP(return, "this kernel has no tracefs");
	ASSERT_TRUE(put(TRACING "trace", ""));
	ASSERT_TRUE(put(TRACING "events/svmm/enable", "1"));
	{
		int vm = svmm_create_vm(self->v.svmm, "traced");

		ASSERT_LE(0, vm);
		close(svmm_create_vcpu(vm, 3));
		ASSERT_EQ(0, svmm_set_slot(vm, 7, 0, 0x1000, 0x1000, self->v.ram));
		EXPECT_NE(0, svmm_set_slot(vm, 8, 0, 0x1000, 0x1000, self->v.ram));
		close(vm);
	}
	ASSERT_TRUE(put(TRACING "events/svmm/enable", "0"));
	ASSERT_TRUE(collect());
	snprintf(words, sizeof(words), "vm %d name traced", getpid());
	EXPECT_EQ(1, having("svmm_vm_create:", words));
	EXPECT_EQ(1, having("svmm_vm_destroy:", words));
	snprintf(words, sizeof(words), "vm %d vcpu 3", getpid());
	EXPECT_EQ(1, having("svmm_vcpu_create:", words));
	EXPECT_EQ(1, having("svmm_memslot:", "slot 7 flags 0x0 gpa 0x1000 size 0x1000 "));
	EXPECT_EQ(0, having("svmm_memslot:", "slot 8 "));
}

TEST_HARNESS_MAIN
