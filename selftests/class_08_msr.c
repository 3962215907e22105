// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 8: the MSR permission map has a hole, a wrong range, or lets an
 * illegal value through. Every MSR of the three ranges that the map covers is
 * read and written, and answers as module/msr_policy.def says; what one guest
 * writes never shows in another.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 * hosts: epyc-6.1 opteron-6.12
 * timeout: 120
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define RANGE		0x2000u
#define VECTORS(v)	((v)->ram + G_FREE)
#define VALUES(v)	((uint64_t *)((v)->ram + G_FREE + 0x10000))

/* What the table calls an access; only what differs for this test has a meaning here. */
struct rule {
	uint32_t first, last;
	const char *read, *write, *what;
};

static const struct rule rules[] = {
#define MSR(first, last, read, write, what) { first, last, #read, #write, what },
#include "module/msr_policy.def"
#undef MSR
};

#define NR_RULES	(sizeof(rules) / sizeof(rules[0]))

static const uint32_t ranges[] = { 0, 0xc0000000, 0xc0010000 };

FIXTURE(msr) {
	struct vmt v;
	struct svmm_cpuid *cpuid;
};

FIXTURE_SETUP(msr)
{
	vmt_boot(&self->v, "msr", "access");
	ASSERT_EQ(0, svmm_get_supported_cpuid(self->v.svmm, &self->cpuid));
}

FIXTURE_TEARDOWN(msr)
{
	free(self->cpuid);
	vmt_close(&self->v);
}

static const struct rule *find_rule(uint32_t msr)
{
	for (size_t i = 0; i < NR_RULES; i++)
		if (msr >= rules[i].first && msr <= rules[i].last)
			return &rules[i];
	return NULL;
}

static bool has(const struct svmm_cpuid *cpuid, uint32_t function, int reg, uint32_t mask)
{
	for (uint32_t i = 0; i < cpuid->nr; i++) {
		const struct svmm_cpuid_entry *e = &cpuid->entries[i];
		const uint32_t regs[] = { e->eax, e->ebx, e->ecx, e->edx };

		if (e->function == function && !e->index)
			return regs[reg] & mask;
	}
	return false;
}

enum { EAX, EBX, ECX, EDX };

/* Does the guest have what the rule's operation is about? */
static bool has_feature(const struct svmm_cpuid *cpuid, const char *op)
{
	if (!strcmp(op, "SPEC_CTRL"))
		return has(cpuid, 0x80000008, EBX, 1 << 14 | 1 << 15 | 1 << 24 | 1 << 28);
	if (!strcmp(op, "PRED_CMD"))
		return has(cpuid, 0x80000008, EBX, 1 << 12 | 1 << 14);
	if (!strcmp(op, "TSC_AUX"))
		return has(cpuid, 0x80000001, EDX, 1 << 27) || has(cpuid, 7, ECX, 1 << 22);
	return strcmp(op, "GP");
}

static uint8_t expected(const struct svmm_cpuid *cpuid, uint32_t msr, bool write)
{
	const struct rule *rule = find_rule(msr);

	/* The APIC is in xAPIC mode: its MSRs are not there. */
	if (!rule || rule->first == 0x800)
		return V_GP;
	return has_feature(cpuid, write ? rule->write : rule->read) ? NO_FAULT : V_GP;
}

/* How many new lines the kernel's log has. */
static unsigned int new_lines(int kmsg)
{
	char line[8192];
	unsigned int n = 0;

	while (read(kmsg, line, sizeof(line)) > 0)
		n++;
	return n;
}

TEST(the_table_is_sorted)
{
	for (size_t i = 0; i < NR_RULES; i++) {
		EXPECT_LE(rules[i].first, rules[i].last) {
			TH_LOG("%s", rules[i].what);
		}
		if (i)
			EXPECT_LT(rules[i - 1].last, rules[i].first) {
				TH_LOG("%s", rules[i].what);
			}
	}
}

/* Each is read, and then written with what was read. */
TEST_F(msr, all_answer_as_the_table_says)
{
	struct vmt *v = &self->v;
	int kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	unsigned int nr = 0;

	ASSERT_LE(0, kmsg);
	lseek(kmsg, 0, SEEK_END);
	vmt_start(v, "scan");
	for (int r = 0; r < 3; r++) {
		for (int write = 0; write < 2; write++) {
			vmt_call(v, ranges[r], RANGE, write);
			for (uint32_t i = 0; i < RANGE; i++) {
				uint32_t msr = ranges[r] + i;

				nr += VECTORS(v)[i] == NO_FAULT;
				EXPECT_EQ(expected(self->cpuid, msr, write), VECTORS(v)[i]) {
					TH_LOG("%s %#x", write ? "WRMSR" : "RDMSR", msr);
				}
			}
		}
	}
	EXPECT_LT(100, nr);
	EXPECT_GE(2, new_lines(kmsg));
	close(kmsg);
}

TEST_F(msr, outside_the_ranges)
{
	static const uint32_t samples[] = {
		0x2000, 0x3fff, 0x40000000, 0x40000001, 0x40000073, 0x4b564d02, 0x4b564d05,
		0x7fffffff, 0x80000000, 0xbfffffff, 0xc0002000, 0xc000ffff, 0xc0012000,
		0xc0020000, 0xffffffff,
	};
	struct vmt *v = &self->v;

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		EXPECT_EQ(V_GP, vmt_call(v, samples[i], 0, 0)) {
			TH_LOG("RDMSR %#x", samples[i]);
		}
		EXPECT_EQ(V_GP, vmt_call(v, samples[i], 1, 0)) {
			TH_LOG("WRMSR %#x", samples[i]);
		}
	}
	for (uint32_t msr = 0x4b564d00; msr <= 0x4b564d04; msr++) {
		if (msr == 0x4b564d02)
			continue;
		EXPECT_EQ(NO_FAULT, vmt_call(v, msr, 0, 0));
		EXPECT_EQ(NO_FAULT, vmt_call(v, msr, 1, 0));
	}
}

/* The x2APIC's registers that are there, and that one may write with what they hold, or 0. */
TEST_F(msr, x2apic_range)
{
	struct vmt *v = &self->v;

	ASSERT_EQ(NO_FAULT, vmt_call(v, 0x1b, 0, 0));
	ASSERT_EQ(NO_FAULT, vmt_call(v, 0x1b, 1, vmt_res(v, 0) | 0xc00));
	vmt_start(v, "scan");
	for (int write = 0; write < 2; write++) {
		vmt_call(v, 0x800, 0x100, write);
		for (uint32_t i = 0; i < 0x100; i++) {
			bool both = i == 0x08 || i == 0x0f || i == 0x28 || i == 0x30 ||
				    (i >= 0x32 && i <= 0x38) || i == 0x3e;
			bool only_read = i == 0x02 || i == 0x03 || i == 0x0a || i == 0x0d ||
					 (i >= 0x10 && i < 0x28) || i == 0x39;
			bool only_write = i == 0x0b || i == 0x3f;
			bool ok = both || (write ? only_write : only_read);

			EXPECT_EQ(ok ? NO_FAULT : V_GP, VECTORS(v)[i]) {
				TH_LOG("%s %#x", write ? "WRMSR" : "RDMSR", 0x800 + i);
			}
		}
	}
}

/* Values: one that is legal and reads back, and those that are #GP and change nothing. */
static const struct {
	uint32_t msr;
	uint64_t good, bad[4];
} values[] = {
	{ 0x1b, 0xfee00900, { 0xfee00901, 0xfee00b00, 0xfee00500, 0x8000000fee00900 } },
	{ 0x17a, 7, { 8, 1ULL << 63 } },
	{ 0x1d9, 0, { 1, 2, 1ULL << 32 } },
	{ 0x200, 0x80000006, { 0x80000002, 0x80000107, 0x8000000080000006 } },
	{ 0x20f, 0xffc0000800, { 0xffc0000801, 0xffc0000c00, 0x80000ffc0000800 } },
	{ 0x250, 0x0605040100060606, { 0x0605040100060602, 0x0305040100060606,
					0x0607060606060606 } },
	{ 0x259, 0x0606060606060606, { 0x0606060606060607 } },
	{ 0x26f, 0x0505050505050505, { 0x0505050505050515 } },
	{ 0x277, 0x0007050100070406, { 0x0207040600070406, 0x0807040600070406 } },
	{ 0x2ff, 0xc06, { 0xc02, 0x1c06, 0x100000c06 } },
	{ 0xc0010010, 0, { 1 << 18, 1 << 23 } },
	{ 0xc0010015, 1 << 24, { 1, 1ULL << 32 } },
	{ 0xc001001a, 0, { 0x80000000 } },
	{ 0xc0010055, 0, { 1 << 28 } },
	{ 0xc0010058, 0, { 0xe0000001 } },
	{ 0xc0010114, 0x18, { 0, 8, 0x10 } },
	{ 0xc0010140, 5, { 0, 6 } },
	{ 0x4b564d00, 0x100000, { 0x100002 } },
	{ 0x4b564d01, 0x100001, { 0x100003 } },
};

#define NR_VALUES	(sizeof(values) / sizeof(values[0]))

TEST_F(msr, illegal_values)
{
	struct vmt *v = &self->v;

	for (size_t i = 0; i < NR_VALUES; i++) {
		uint32_t msr = values[i].msr;

		ASSERT_EQ(NO_FAULT, vmt_call(v, msr, 1, values[i].good)) {
			TH_LOG("MSR %#x, legal value", msr);
		}
		for (int n = 0; n < 4; n++) {
			/* 0 ends the list, unless it is the first. */
			if (n && !values[i].bad[n])
				break;
			EXPECT_EQ(V_GP, vmt_call(v, msr, 1, values[i].bad[n])) {
				TH_LOG("MSR %#x, value %#llx", msr,
				       (unsigned long long)values[i].bad[n]);
			}
		}
		ASSERT_EQ(NO_FAULT, vmt_call(v, msr, 0, 0));
		EXPECT_EQ(values[i].good, vmt_res(v, 0)) {
			TH_LOG("MSR %#x", msr);
		}
	}
}

/* An operation that depends on a feature takes what the feature's CPUID bits announce. */
TEST_F(msr, values_of_features)
{
	struct vmt *v = &self->v;

	if (has_feature(self->cpuid, "TSC_AUX")) {
		EXPECT_EQ(NO_FAULT, vmt_call(v, 0xc0000103, 1, 0xffffffff));
		EXPECT_EQ(V_GP, vmt_call(v, 0xc0000103, 1, 1ULL << 32));
		EXPECT_EQ(NO_FAULT, vmt_call(v, 0xc0000103, 0, 0));
		EXPECT_EQ(0xffffffff, vmt_res(v, 0));
	}
	if (has_feature(self->cpuid, "SPEC_CTRL"))
		for (int bit = 0; bit < 64; bit++) {
			bool ok = (bit == 0 && has(self->cpuid, 0x80000008, EBX, 1 << 14)) ||
				  (bit == 1 && has(self->cpuid, 0x80000008, EBX, 1 << 15)) ||
				  (bit == 2 && has(self->cpuid, 0x80000008, EBX, 1 << 24)) ||
				  (bit == 7 && has(self->cpuid, 0x80000008, EBX, 1 << 28));

			EXPECT_EQ(ok ? NO_FAULT : V_GP, vmt_call(v, 0x48, 1, 1ULL << bit));
		}
	if (has_feature(self->cpuid, "PRED_CMD")) {
		EXPECT_EQ(NO_FAULT, vmt_call(v, 0x49, 1, 1));
		EXPECT_EQ(V_GP, vmt_call(v, 0x49, 1, 2));
		EXPECT_EQ(V_GP, vmt_call(v, 0x49, 1, 0x80));
	}
}

/* DROP is no state: whatever is written, zero is read. */
TEST_F(msr, dropped_writes_leave_nothing)
{
	struct vmt *v = &self->v;

	for (size_t i = 0; i < NR_RULES; i++) {
		if (strcmp(rules[i].write, "DROP"))
			continue;
		for (uint32_t msr = rules[i].first; msr <= rules[i].last; msr++) {
			EXPECT_EQ(NO_FAULT, vmt_call(v, msr, 1, ~0ULL));
			if (!strcmp(rules[i].read, "GP"))
				continue;
			EXPECT_EQ(NO_FAULT, vmt_call(v, msr, 0, 0));
			EXPECT_EQ(0, vmt_res(v, 0)) {
				TH_LOG("MSR %#x", msr);
			}
		}
	}
}

/* What one guest wrote is in no register of the host: a new guest reads its own reset values. */
TEST_F(msr, nothing_leaks_into_the_next_vm)
{
	static uint64_t before[3][RANGE];
	struct vmt *v = &self->v, next;

	vmt_start(v, "scan");
	for (int r = 0; r < 3; r++) {
		vmt_call(v, ranges[r], RANGE, 0);
		memcpy(before[r], VALUES(v), sizeof(before[r]));
	}
	vmt_start(v, "access");
	for (size_t i = 0; i < NR_VALUES; i++)
		vmt_call(v, values[i].msr, 1, values[i].good);
	for (uint32_t msr = 0xc0000081; msr <= 0xc0000084; msr++)
		ASSERT_EQ(NO_FAULT, vmt_call(v, msr, 1, 0x12345678));
	ASSERT_EQ(NO_FAULT, vmt_call(v, 0xc0000102, 1, 0x12345678));
	for (uint32_t msr = 0x174; msr <= 0x176; msr++)
		ASSERT_EQ(NO_FAULT, vmt_call(v, msr, 1, 0x12345678));
	vmt_call(v, 0xc0000103, 1, 0x1234);

	vmt_boot(&next, "msr", "scan");
	for (int r = 0; r < 3; r++) {
		vmt_call(&next, ranges[r], RANGE, 0);
		for (uint32_t i = 0; i < RANGE; i++) {
			if (ranges[r] + i == 0x10)
				continue;		/* the TSC */
			EXPECT_EQ(before[r][i], VALUES(&next)[i]) {
				TH_LOG("MSR %#x", ranges[r] + i);
			}
		}
	}
	vmt_close(&next);
}

/* The same rules hold for the state group; a refused group changes nothing. */
TEST_F(msr, state_group)
{
	struct vmt *v = &self->v;
	struct svmm_msrs good;
	static const struct {
		size_t offset;
		uint64_t value;
	} bad[] = {
		{ offsetof(struct svmm_msrs, lstar), 1ULL << 62 },
		{ offsetof(struct svmm_msrs, cstar), 0x0000800000000000 },
		{ offsetof(struct svmm_msrs, kernel_gs_base), 0xffff7fffffffffff },
		{ offsetof(struct svmm_msrs, pat), 2 },
		{ offsetof(struct svmm_msrs, spec_ctrl), 1ULL << 40 },
		{ offsetof(struct svmm_msrs, mtrr_def_type), 0x1000 },
		{ offsetof(struct svmm_msrs, mtrr_fixed[10]), 7 },
		{ offsetof(struct svmm_msrs, mtrr_var[0]), 0xf00 },
		{ offsetof(struct svmm_msrs, mtrr_var[15]), 1 },
		{ offsetof(struct svmm_msrs, reserved[5]), 1 },
	};

	ASSERT_EQ(NO_FAULT, vmt_call(v, 0xc0000082, 0, 0));
	vmt_get(v, SVMM_STATE_MSR);
	v->page->msr.star = 0x0023001000000000;
	v->page->msr.lstar = 0xffffffff81000000;
	v->page->msr.mtrr_def_type = 0xc06;
	v->page->dirty = SVMM_STATE_MSR;
	ASSERT_EQ(0, svmm_set_state(v->vcpu));
	good = v->page->msr;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		v->page->msr = good;
		v->page->msr.star = ~0ULL;
		memcpy((char *)&v->page->msr + bad[i].offset, &bad[i].value, 8);
		v->page->dirty = SVMM_STATE_MSR;
		EXPECT_EQ(-EINVAL, svmm_set_state(v->vcpu)) {
			TH_LOG("offset %zu", bad[i].offset);
		}
		v->page->dirty = 0;
		vmt_get(v, SVMM_STATE_MSR);
		EXPECT_EQ(0, memcmp(&good, &v->page->msr, sizeof(good))) {
			TH_LOG("offset %zu", bad[i].offset);
		}
	}
	ASSERT_EQ(NO_FAULT, vmt_call(v, 0xc0000082, 0, 0));
	EXPECT_EQ(0xffffffff81000000, vmt_res(v, 0));
	ASSERT_EQ(NO_FAULT, vmt_call(v, 0x2ff, 0, 0));
	EXPECT_EQ(0xc06, vmt_res(v, 0));
}

TEST_HARNESS_MAIN
