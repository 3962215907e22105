/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory in pieces, as a chain of a virtqueue has it; whose memory it is, is all the same here.
 */
#ifndef VMCTL_IOV_H
#define VMCTL_IOV_H

#include <stdint.h>
#include <sys/uio.h>

/*
 * Copy between the bytes of @iov, from byte @skip on, and @buffer.  Return: how many were copied,
 * which is less than @bytes where the pieces end.
 */
uint32_t iov_to_buffer(const struct iovec *iov, unsigned int nr, uint32_t skip, void *buffer,
		       uint32_t bytes);
uint32_t iov_from_buffer(const struct iovec *iov, unsigned int nr, uint32_t skip,
			 const void *buffer, uint32_t bytes);

/* Take @bytes, which are there, off the start of *@iov; its pieces are changed. */
void iov_advance(struct iovec **iov, unsigned int *nr, uint32_t bytes);

#endif
