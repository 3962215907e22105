/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Writes of a guest that signal an eventfd instead of an exit to user space.  Part of svmm.h.
 */
#ifndef _UAPI_SVMM_IOEVENT_H
#define _UAPI_SVMM_IOEVENT_H

#include <linux/types.h>

/* svmm_ioeventfd.flags */
#define SVMM_IOEVENTFD_PIO	(1U << 0)	/* @address is an I/O port; else guest-physical */
#define SVMM_IOEVENTFD_MATCH	(1U << 1)	/* only a write of @match */
#define SVMM_IOEVENTFD_REMOVE	(1U << 2)	/* no longer */

/**
 * struct svmm_ioeventfd - argument of SVMM_IOEVENTFD
 * @address: where the write begins
 * @match: with SVMM_IOEVENTFD_MATCH: the value, which fits into @bytes
 * @bytes: of the write: 1, 2, 4, and for memory 8; 0: any, without SVMM_IOEVENTFD_MATCH
 * @fd: an eventfd; it may be closed afterwards
 * @flags: SVMM_IOEVENTFD_*
 * @reserved: zero
 *
 * A write that SVMM_RUN would return, OUT's or one to memory that no slot lets the guest write,
 * adds 1 to the eventfd and is complete: user space does not see it.  What SVMM_RUN would return in
 * pieces, of more than 8 bytes or in two pages, is a write for each.  OUTS is always seen.  Two of
 * a VM may differ in @match or @bytes alone, but no write may be both's.
 */
struct svmm_ioeventfd {
	__u64 address;
	__u64 match;
	__u32 bytes;
	__s32 fd;
	__u32 flags;
	__u32 reserved[5];
};

#define SVMM_MAX_IOEVENTFDS	512	/* of a VM */

#endif /* _UAPI_SVMM_IOEVENT_H */
