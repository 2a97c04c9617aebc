/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes words at any alignment: big-endian ones, and reads little-endian ones. */
#ifndef SPEADI_BYTES_H
#define SPEADI_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t speadi_load_be64(const void *from)
{
    uint64_t word;

    memcpy(&word, from, sizeof word);
    return be64toh(word);
}

static inline void speadi_store_be64(void *to, uint64_t value)
{
    uint64_t word = htobe64(value);

    memcpy(to, &word, sizeof word);
}

static inline uint32_t speadi_load_be16(const void *from)
{
    uint16_t half;

    memcpy(&half, from, sizeof half);
    return be16toh(half);
}

static inline uint32_t speadi_load_be32(const void *from)
{
    uint32_t word;

    memcpy(&word, from, sizeof word);
    return be32toh(word);
}

static inline void speadi_store_be16(void *to, uint32_t value)
{
    uint16_t half = htobe16((uint16_t)value);

    memcpy(to, &half, sizeof half);
}

static inline uint16_t speadi_load_le16(const void *from)
{
    uint16_t word;

    memcpy(&word, from, sizeof word);
    return le16toh(word);
}

static inline uint32_t speadi_load_le32(const void *from)
{
    uint32_t word;

    memcpy(&word, from, sizeof word);
    return le32toh(word);
}

static inline uint64_t speadi_load_le64(const void *from)
{
    uint64_t word;

    memcpy(&word, from, sizeof word);
    return le64toh(word);
}

#endif
