/* SPDX-License-Identifier: Apache-2.0 */
/* The sample of a heap. It shows a reader when a data file holds other heaps than its index says. It is a CRC-32 (the
 * one of zlib, polynomial 0x04c11db7 reflected) of the first and the last 512 bytes of the payload. If the payload has
 * no more than 1024 bytes, it is the CRC-32 of all of them. */
#ifndef SPEADI_HEAP_SAMPLE_H
#define SPEADI_HEAP_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#define SPEADI_SAMPLE_HALF 512u

/* Returns how many bytes the sample takes from the begin of a payload, and sets *tail to how many it takes from the
 * end. */
static inline size_t speadi_heap_sample_head(uint64_t bytes, size_t *tail)
{
    size_t head = bytes <= 2 * SPEADI_SAMPLE_HALF ? (size_t)bytes : SPEADI_SAMPLE_HALF;

    *tail = bytes <= 2 * SPEADI_SAMPLE_HALF ? 0 : SPEADI_SAMPLE_HALF;
    return head;
}

/* Returns the CRC-32 of these bytes behind bytes whose CRC-32 is `crc` (0 if there are none). */
uint32_t speadi_crc32(uint32_t crc, const uint8_t *data, size_t bytes);

/* Returns the sample of a payload in memory. */
uint32_t speadi_heap_sample(const uint8_t *payload, uint64_t bytes);

#endif
