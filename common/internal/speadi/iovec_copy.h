/* SPDX-License-Identifier: Apache-2.0 */
/* Copies the pieces of an iovec array into one contiguous place. */
#ifndef SPEADI_IOVEC_COPY_H
#define SPEADI_IOVEC_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

/* Copies a piece. Nearly all SPEAD headers have 32 to 64 bytes: two parts that overlap need no loop and no call. */
static inline void speadi_iovec_copy_piece(uint8_t *to, const uint8_t *from, size_t bytes)
{
    enum { PART = 32 };

    if (bytes - PART <= PART) {
        memcpy(to, from, PART);
        memcpy(to + bytes - PART, from + bytes - PART, PART);
    } else if (bytes != 0) {
        memcpy(to, from,
               bytes); /* the address may be NULL when the length is 0, and memcpy() forbids NULL */
    }
}

/* Copies all pieces to `to`, one behind another. The memory at `to` must have room for all of them. */
static inline void speadi_iovec_copy(uint8_t *to, const struct iovec *iov, unsigned iov_count)
{
    for (unsigned i = 0; i < iov_count; i++) {
        speadi_iovec_copy_piece(to, iov[i].iov_base, iov[i].iov_len);
        to += iov[i].iov_len;
    }
}

#endif
