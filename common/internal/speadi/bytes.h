/* Big-endian words at any alignment. */
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

#endif
