/* SPDX-License-Identifier: Apache-2.0 */
/* The Internet checksum (RFC 1071). The sum adds 16-bit words in the byte order in which they lie in memory. So the
 * result already has the byte order of the packet, and no machine has to convert it. */
#ifndef SPEADI_CHECKSUM_H
#define SPEADI_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Adds the bytes at `data` to `sum`, and returns the new sum. A caller may sum a range in several calls, one for each
 * piece. `offset` says where this piece begins in the range. A piece may also begin at an odd offset. The sum cannot
 * overflow if the range is shorter than 4 GiB. */
uint64_t speadi_checksum_add(uint64_t sum, size_t offset, const void *data, size_t bytes);

/* Reduces the sum to 16 bits. The complement of the result is the checksum. */
static inline uint16_t speadi_checksum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

#endif
