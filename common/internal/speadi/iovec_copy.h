/* SPDX-License-Identifier: Apache-2.0 */
/* Copies the pieces of an iovec array into one contiguous place. */
#ifndef SPEADI_IOVEC_COPY_H
#define SPEADI_IOVEC_COPY_H

#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

/* Copies all pieces to `to`, one behind another. The memory at `to` must have room for all of them. */
static inline void speadi_iovec_copy(uint8_t *to, const struct iovec *iov, unsigned iov_count)
{
    for (unsigned i = 0; i < iov_count; i++) {
        /* iov_base may be NULL when the length is 0, and memcpy() forbids NULL */
        if (iov[i].iov_len)
            memcpy(to, iov[i].iov_base, iov[i].iov_len);
        to += iov[i].iov_len;
    }
}

#endif
