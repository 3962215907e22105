/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Eventfds whose signals are interrupt messages of a guest's devices.  Part of svmm.h.
 */
#ifndef _UAPI_SVMM_IRQFD_H
#define _UAPI_SVMM_IRQFD_H

#include <linux/types.h>

/* svmm_irqfd.flags */
#define SVMM_IRQFD_REMOVE	(1U << 0)	/* no longer */

/**
 * struct svmm_irqfd - argument of SVMM_IRQFD
 * @address: of the message, as in struct svmm_msi; zero with SVMM_IRQFD_REMOVE
 * @data: likewise
 * @fd: an eventfd; it may be closed afterwards
 * @flags: SVMM_IRQFD_*
 * @reserved: zero
 *
 * A signal delivers the message, and takes what is in the eventfd (of an EFD_SEMAPHORE, 1).  What
 * is in it when it is set delivers one message at once.  To set it again gives it another message:
 * a signal delivers the old one or the new one.  Once removed, it keeps what is signalled.  It may
 * be set in several VMs, each of which delivers its own message.
 *
 * The VM holds the eventfd until it is removed, for which an fd of it is needed, or the VM ends:
 * one whose fds are all closed stays, and counts.
 */
struct svmm_irqfd {
	__u64 address;
	__u32 data;
	__s32 fd;
	__u32 flags;
	__u32 reserved[5];
};

#define SVMM_MAX_IRQFDS	1024	/* of a VM */

#endif /* _UAPI_SVMM_IRQFD_H */
