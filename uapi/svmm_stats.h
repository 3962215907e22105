/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Accounting: where a vCPU's exits and its time went.  Part of svmm.h.
 */
#ifndef _UAPI_SVMM_STATS_H
#define _UAPI_SVMM_STATS_H

#include <linux/types.h>

/*
 * Where a vCPU's time goes, in ticks of the host's TSC: svmm_exit_stat.ticks.  From one exit to
 * the next each tick is in one of them, or in one of struct svmm_vcpu_stats's that are no overhead.
 */
enum svmm_phase {
	SVMM_PHASE_GUEST,	/* from VMRUN to the exit */
	SVMM_PHASE_SWITCH,	/* between the guest and its handler, there and back */
	SVMM_PHASE_KERNEL,	/* the kernel's handling */
	SVMM_PHASE_USER,	/* from SVMM_RUN's return of an exit to the next SVMM_RUN */
	SVMM_PHASES
};

#define SVMM_STATS_EXITS	38	/* what fits into four pages; an ordinary guest has 20 */
#define SVMM_STATS_BUCKETS	64
#define SVMM_STATS_KEYS		32

/*
 * svmm_exit_stat.exit_code: what was before the first exit, and exits that found no line.
 * svmm_key_stat.key: a line that is free.
 */
#define SVMM_STATS_REST		(~0ULL)

/**
 * struct svmm_exit_stat - exits for one reason
 * @no_key: ticks as in the histogram, of exits that no key tells apart
 * @exit_code: of the VMCB (APM vol. 2, appendix C), or SVMM_STATS_REST
 * @count: how many there were
 * @ticks: by enum svmm_phase; the guest's are those before the exit, the others those after it
 * @histogram: exits by the ticks from the exit to the next VMRUN, without what is no overhead:
 *	bucket n has those of 2^n to 2^(n+1) - 1, bucket 0 also those of 0.  A bucket that has
 *	2^32 - 1 stays there: that many, or more.
 */
struct svmm_exit_stat {
	__u64 no_key;
	__u64 exit_code;
	__u64 count;
	__u64 ticks[SVMM_PHASES];
	__u32 histogram[SVMM_STATS_BUCKETS];
};

/* What tells exits of one reason apart: svmm_vcpu_stats.keys. */
enum svmm_stats_key {
	SVMM_KEY_PORT,		/* I/O port */
	SVMM_KEY_MSR,		/* MSR index */
	SVMM_KEY_MMIO,		/* guest-physical address, of its page */
	SVMM_KEY_HYPERCALL,	/* number of a VMMCALL, its lower 32 bits */
	SVMM_KEYS
};

/**
 * struct svmm_key_stat - exits with one key
 * @ticks: as in the histogram, of @count - @error exits
 * @key: see enum svmm_stats_key; SVMM_STATS_REST: none, @count is 0
 * @count: how many there were, at most
 * @error: @count may be that much too high: a key that comes when no line is free takes the
 *	rarest one's line, and its count (Metwally's "space-saving")
 */
struct svmm_key_stat {
	__u64 ticks;
	__u64 key;
	__u64 count;
	__u64 error;
};

/**
 * struct svmm_vcpu_stats - where a vCPU's exits and its time went
 *
 * It lies at svmm_caps.stats_offset of a vCPU fd, to be mmap'ed read-only.  Written by the
 * thread in SVMM_RUN: each member is whole, members may be of different moments.  Time is
 * accounted when it is over: what the vCPU is at is missing, and until the next VMRUN the last
 * exit's SWITCH is short of what its handling took (it may be below 0, as a signed number;
 * SVMM_GET_STATS gives 0 then).
 *
 * @begun: the host's TSC when SVMM_RUN was first called, plus what the host's sleep has taken from
 *	the TSC until then; 0: never.  All ticks in @exits, @halted,
 *	@stopped and @preempted sum up to the time since, where the TSCs of all CPUs agree.
 * @halted: ticks in HLT or before start-up
 * @stopped: ticks outside SVMM_RUN after it gave an error (-EINTR): user space asked for nothing
 * @preempted: ticks in which SVMM_RUN let other threads have the CPU
 * @to_user: times that SVMM_RUN returned an exit
 * @nr_exits: lines of @exits in use; line 0 is SVMM_STATS_REST's
 * @keys: by enum svmm_stats_key, the most frequent ones, in no order
 * @exits: in the order in which reasons came up first
 */
struct svmm_vcpu_stats {
	__u64 begun;
	__u64 halted;
	__u64 stopped;
	__u64 preempted;
	__u64 to_user;
	__u32 nr_exits;
	__u32 reserved0;
	__u64 reserved[10];
	struct svmm_key_stat keys[SVMM_KEYS][SVMM_STATS_KEYS];
	struct svmm_exit_stat exits[SVMM_STATS_EXITS];
};

/**
 * struct svmm_get_stats - argument of SVMM_GET_STATS
 * @stats: user address of a struct svmm_vcpu_stats
 * @bytes: how much of it is wanted, from its start
 * @flags: zero
 */
struct svmm_get_stats {
	__u64 stats;
	__u32 bytes;
	__u32 flags;
};

#endif /* _UAPI_SVMM_STATS_H */
