// SPDX-License-Identifier: GPL-2.0
// needs: module/svm/asid.c
// timeout: 300
/*
 * The ASID allocator against a model of the hardware: each CPU has a TLB whose entries carry the
 * ASID they were loaded under, and remember for which vCPU, page table and time they were right.
 * VMRUN flushes what TLB_CONTROL says, nothing else does; a VMRUN that fails may have flushed or
 * not. The invariant: a guest that is entered finds only entries of its own, and none older than
 * its page table or its own last invalidation. All sequences of a few steps are tried, then long
 * random ones. That flushing everything each time would satisfy this too is why the rows of the
 * truth table are tested for what they do not flush as well.
 */
#include <stdio.h>

#include "../../module/svm/asid.h"
#include "tap.h"

#define CPUS		2
#define VCPUS		4
#define VMS		2
#define MAX_ASID	3

struct stamp {
	u32 vcpu_id;			/* never reused, unlike the vCPU's place */
	u32 inval;			/* the guest's own invalidations */
	u32 vm;				/* whose page table */
	u64 tlb_gen;
};

struct model {
	struct asid_cpu cpu[CPUS];
	struct asid_state state[VCPUS];
	/* Entries under [cpu][asid]: the oldest of each vCPU would do, a few of any are simpler. */
	struct stamp tlb[CPUS][MAX_ASID + 1][4];
	u8 entries[CPUS][MAX_ASID + 1];
	u32 id[VCPUS], inval[VCPUS], next_id;
	u64 tlb_gen[VMS];
	const struct asid_state *present[CPUS];	/* whose stay it is; NULL: nobody's */
};

enum vmrun { VMRUN_OK, VMRUN_FAILS, VMRUN_FAILS_FLUSHED, VMRUNS };

static u64 failures;
static const char *failure;

static void fail(const char *what)
{
	if (!failures++)
		failure = what;
}

static void model_init(struct model *m, u32 max, bool flush_by_asid)
{
	unsigned int i;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < CPUS; i++)
		asid_cpu_init(&m->cpu[i], max, flush_by_asid);
	for (i = 0; i < VCPUS; i++)
		m->id[i] = m->next_id++;
}

static void flush(struct model *m, unsigned int c, u8 tlb_ctl, u32 asid)
{
	switch (tlb_ctl) {
	case SVM_TLB_KEEP:
		break;
	case SVM_TLB_FLUSH_ALL:
		memset(m->entries[c], 0, sizeof(m->entries[c]));
		break;
	case SVM_TLB_FLUSH_ASID:
		if (!m->cpu[c].flush_by_asid)
			fail("TLB_CONTROL 3 on a CPU without FlushByASID");
		m->entries[c][asid] = 0;
		break;
	default:
		fail("reserved TLB_CONTROL");
	}
}

static void leave(struct model *m, const struct asid_state *state)
{
	unsigned int c;

	for (c = 0; c < CPUS; c++)
		if (m->present[c] == state)
			m->present[c] = NULL;
}

static void run(struct model *m, unsigned int c, unsigned int v, enum vmrun outcome)
{
	struct asid_state *state = &m->state[v];
	struct stamp now = {
		.vcpu_id = m->id[v], .inval = m->inval[v],
		.vm = v % VMS, .tlb_gen = m->tlb_gen[v % VMS],
	};
	unsigned int i;
	u8 *n;

	if (m->present[c] != state) {
		asid_arrive(&m->cpu[c], state);
		leave(m, state);
		m->present[c] = state;
	}
	if (!asid_holds(state, now.tlb_gen))
		asid_renew(&m->cpu[c], state, now.tlb_gen);
	if (!state->asid || state->asid > m->cpu[c].max) {
		fail("ASID out of range");
		return;
	}
	if (outcome != VMRUN_FAILS)
		flush(m, c, state->tlb_ctl, state->asid);
	if (outcome != VMRUN_OK)
		return;

	n = &m->entries[c][state->asid];
	for (i = 0; i < *n; i++) {
		struct stamp *entry = &m->tlb[c][state->asid][i];

		if (entry->vcpu_id != now.vcpu_id)
			fail("entry of another vCPU");
		else if (entry->vm != now.vm || entry->tlb_gen != now.tlb_gen)
			fail("entry of an outdated page table");
		else if (entry->inval != now.inval)
			fail("entry that the guest invalidated");
	}
	if (*n < ARRAY_SIZE(m->tlb[c][0]))
		m->tlb[c][state->asid][(*n)++] = now;
	if (!state->entered)
		asid_entered(&m->cpu[c], state);
}

/* The guest invalidates: its hardware drops what its present ASID has on its present CPU. */
static void guest_invalidates(struct model *m, unsigned int v)
{
	unsigned int c;

	m->inval[v]++;
	for (c = 0; c < CPUS; c++)
		if (m->state[v].cpu == &m->cpu[c] &&
		    m->state[v].generation == m->cpu[c].generation)
			m->entries[c][m->state[v].asid] = 0;
}

#define ACTIONS(cpus, vcpus)	((cpus) * (vcpus) * VMRUNS + VMS + 3 * (vcpus) + (cpus))

static void act(struct model *m, unsigned int a, unsigned int cpus, unsigned int vcpus)
{
	if (a < cpus * vcpus * VMRUNS) {
		run(m, a % cpus, a / cpus % vcpus, a / cpus / vcpus);
		return;
	}
	a -= cpus * vcpus * VMRUNS;
	if (a < VMS) {
		m->tlb_gen[a]++;		/* something was unmapped */
		return;
	}
	a -= VMS;
	if (a < vcpus) {
		guest_invalidates(m, a);
		return;
	}
	a -= vcpus;
	if (a < vcpus) {
		m->inval[a]++;			/* and it was emulated */
		asid_flush(&m->state[a]);
		return;
	}
	a -= vcpus;
	if (a < vcpus) {			/* destroyed, and a new one in its place */
		leave(m, &m->state[a]);
		memset(&m->state[a], 0, sizeof(m->state[a]));
		m->id[a] = m->next_id++;
		m->inval[a] = 0;
		return;
	}
	a -= vcpus;				/* SVM off and on again */
	m->present[a] = NULL;
	asid_cpu_init(&m->cpu[a], m->cpu[a].max, m->cpu[a].flush_by_asid);
}

static void explore(const struct model *m, unsigned int depth, unsigned int cpus,
		    unsigned int vcpus)
{
	unsigned int a;

	for (a = 0; a < ACTIONS(cpus, vcpus); a++) {
		struct model next = *m;
		unsigned int c, v;

		/* Pointers point into the model: let them point into the copy. */
		for (v = 0; v < vcpus; v++) {
			for (c = 0; c < cpus; c++) {
				if (m->state[v].cpu == &m->cpu[c])
					next.state[v].cpu = &next.cpu[c];
				if (m->present[c] == &m->state[v])
					next.present[c] = &next.state[v];
			}
		}
		act(&next, a, cpus, vcpus);
		if (depth > 1)
			explore(&next, depth - 1, cpus, vcpus);
	}
}

static void test_exhaustive(u32 max, bool flush_by_asid)
{
	struct model m;

	failures = 0;
	model_init(&m, max, flush_by_asid);
	explore(&m, 5, 2, 2);		/* migration */
	model_init(&m, max, flush_by_asid);
	explore(&m, 5, 1, 2);		/* failed VMRUNs, invalidation */
	if (failures)
		ksft_print_msg("first of %llu: %s\n", (unsigned long long)failures, failure);
	ksft_test_result(!failures, "all short sequences, %u ASIDs, FlushByASID %s\n", max,
			 flush_by_asid ? "on" : "off");
}

static void test_random(u32 max, bool flush_by_asid)
{
	u64 seed = 0x9e3779b97f4a7c15ULL + max * 2 + flush_by_asid;
	unsigned int round, step;

	failures = 0;
	for (round = 0; round < 400; round++) {
		struct model m;

		model_init(&m, max, flush_by_asid);
		for (step = 0; step < 2000; step++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			act(&m, (seed >> 20) % ACTIONS(CPUS, VCPUS), CPUS, VCPUS);
		}
	}
	if (failures)
		ksft_print_msg("first of %llu: %s\n", (unsigned long long)failures, failure);
	ksft_test_result(!failures, "800,000 random steps, %u ASIDs, FlushByASID %s\n", max,
			 flush_by_asid ? "on" : "off");
}

/*
 * The truth table, row by row: what must be flushed, and what must not.
 */

/* Returns what VMRUN would be told: one that fails, if asid_entered() does not follow. */
static u8 try(struct asid_cpu *cpu, struct asid_state *state, u64 tlb_gen)
{
	asid_arrive(cpu, state);
	if (!asid_holds(state, tlb_gen))
		asid_renew(cpu, state, tlb_gen);
	return state->tlb_ctl;
}

static u8 enter(struct asid_cpu *cpu, struct asid_state *state, u64 tlb_gen)
{
	u8 tlb_ctl = try(cpu, state, tlb_gen);

	asid_entered(cpu, state);
	return tlb_ctl;
}

static void test_rows(bool flush_by_asid)
{
	struct asid_cpu cpu[2] = { };
	struct asid_state a = { }, b = { };
	const char *fba = flush_by_asid ? "on" : "off";
	u32 asid;
	bool ok;

	asid_cpu_init(&cpu[0], 8, flush_by_asid);
	asid_cpu_init(&cpu[1], 8, flush_by_asid);

	ok = enter(&cpu[0], &a, 1) == SVM_TLB_FLUSH_ALL && a.asid == 1;
	ksft_test_result(ok, "row 5: a CPU's first entry flushes all, FlushByASID %s\n", fba);

	asid = a.asid;
	ok = enter(&cpu[0], &a, 1) == SVM_TLB_KEEP && a.asid == asid;
	ksft_test_result(ok, "row 0: nothing changed, nothing flushed, FlushByASID %s\n", fba);

	ok = enter(&cpu[0], &b, 1) == SVM_TLB_KEEP && b.asid != a.asid;
	ok &= enter(&cpu[0], &a, 1) == SVM_TLB_KEEP && a.asid == asid;
	ksft_test_result(ok, "row 1: a second vCPU costs no flush, FlushByASID %s\n", fba);

	enter(&cpu[1], &b, 1);
	asid = b.asid;
	enter(&cpu[1], &a, 1);
	ok = a.cpu == &cpu[1] && a.asid != asid && a.tlb_ctl == SVM_TLB_KEEP;
	enter(&cpu[0], &a, 1);
	ok &= a.asid == 3 && a.tlb_ctl == SVM_TLB_KEEP;
	ksft_test_result(ok, "row 1: back on a CPU, its old ASID is not, FlushByASID %s\n", fba);

	asid = a.asid;
	if (flush_by_asid)
		ok = enter(&cpu[0], &a, 2) == SVM_TLB_FLUSH_ASID && a.asid == asid;
	else
		ok = enter(&cpu[0], &a, 2) == SVM_TLB_KEEP && a.asid == asid + 1;
	asid = a.asid;
	ok &= enter(&cpu[0], &a, 2) == SVM_TLB_KEEP && a.asid == asid;
	ksft_test_result(ok, "row 3: a changed page table, FlushByASID %s\n", fba);

	try(&cpu[0], &a, 3);
	asid = a.asid;
	try(&cpu[0], &a, 3);
	ok = flush_by_asid ? a.tlb_ctl == SVM_TLB_FLUSH_ASID : a.asid != asid;
	ksft_test_result(ok, "row 3: a failed VMRUN did not flush, FlushByASID %s\n", fba);

	asid_cpu_init(&cpu[0], 2, flush_by_asid);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	ok = try(&cpu[0], &a, 1) == SVM_TLB_FLUSH_ALL;
	ok &= enter(&cpu[0], &b, 1) == SVM_TLB_FLUSH_ALL;
	ok &= enter(&cpu[0], &a, 1) ==
	      (flush_by_asid ? SVM_TLB_FLUSH_ASID : SVM_TLB_FLUSH_ALL);	/* ASIDs ran out */
	ksft_test_result(ok, "row 5: outlives a failed VMRUN, FlushByASID %s\n", fba);

	asid_cpu_init(&cpu[0], 1, flush_by_asid);
	ok = enter(&cpu[0], &a, 1) == SVM_TLB_FLUSH_ALL;
	ok &= enter(&cpu[0], &b, 1) == SVM_TLB_FLUSH_ALL;
	ok &= enter(&cpu[0], &b, 1) == SVM_TLB_KEEP;
	ok &= enter(&cpu[0], &a, 1) == SVM_TLB_FLUSH_ALL;
	ok &= a.asid == 1 && b.asid == 1;
	ksft_test_result(ok, "row 4: two vCPUs share one ASID, FlushByASID %s\n", fba);
}

int main(void)
{
	u32 max;

	ksft_print_header();
	ksft_set_plan(2 * 8 + 2 * 2 * MAX_ASID);
	test_rows(false);
	test_rows(true);
	for (max = 1; max <= MAX_ASID; max++) {
		test_exhaustive(max, false);
		test_exhaustive(max, true);
		test_random(max, false);
		test_random(max, true);
	}
	ksft_finished();
}
