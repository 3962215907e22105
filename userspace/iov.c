// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "iov.h"

/* Copy; @into: towards @buffer. */
static uint32_t copy(const struct iovec *iov, unsigned int nr, uint32_t skip, uint8_t *buffer,
		     uint32_t bytes, int into)
{
	uint32_t done = 0;

	for (; nr && done < bytes; iov++, nr--) {
		uint8_t *piece = (uint8_t *)iov->iov_base + skip;
		size_t n;

		if (skip >= iov->iov_len) {
			skip -= iov->iov_len;
			continue;
		}
		n = iov->iov_len - skip;
		skip = 0;
		if (n > bytes - done)
			n = bytes - done;
		if (into)
			memcpy(buffer + done, piece, n);
		else
			memcpy(piece, buffer + done, n);
		done += n;
	}
	return done;
}

uint32_t iov_to_buffer(const struct iovec *iov, unsigned int nr, uint32_t skip, void *buffer,
		       uint32_t bytes)
{
	return copy(iov, nr, skip, buffer, bytes, 1);
}

uint32_t iov_from_buffer(const struct iovec *iov, unsigned int nr, uint32_t skip,
			 const void *buffer, uint32_t bytes)
{
	return copy(iov, nr, skip, (uint8_t *)buffer, bytes, 0);
}

void iov_advance(struct iovec **iov, unsigned int *nr, uint32_t bytes)
{
	while (bytes && bytes >= (*iov)->iov_len) {
		bytes -= (*iov)->iov_len;
		(*iov)++;
		(*nr)--;
	}
	if (bytes) {
		(*iov)->iov_base = (uint8_t *)(*iov)->iov_base + bytes;
		(*iov)->iov_len -= bytes;
	}
}
