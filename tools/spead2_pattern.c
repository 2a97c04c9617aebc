/* SPDX-License-Identifier: Apache-2.0 */
/* See spead2_pattern.h for the pattern. */
#include "spead2_pattern.h"

#include <endian.h>
#include <string.h>

#define FACTOR  48271u
#define MODULUS 0x7fffffffu    /* 2^31 - 1, a prime */
#define PERIOD  (MODULUS - 1u) /* FACTOR to this power is 1 */

static void store_element(uint8_t *to, uint32_t x)
{
    const uint32_t word = htobe32(x);

    memcpy(to, &word, sizeof word);
}

static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint64_t product = (uint64_t)a * b;

    product = (product & MODULUS) + (product >> 31);
    return (uint32_t)(product >= MODULUS ? product - MODULUS : product);
}

static uint32_t power(uint64_t exponent)
{
    uint32_t result = 1, square = FACTOR;

    for (; exponent > 0; exponent >>= 1, square = multiply(square, square))
        if (exponent & 1)
            result = multiply(result, square);
    return result;
}

/* Returns the element with this index in a heap of `count` elements. */
static uint32_t element(uint64_t index, uint64_t count, uint64_t counter)
{
    /* The counter 0 has the numbers before those of counter 1. */
    uint64_t heaps_before = (counter % PERIOD + PERIOD - 1) % PERIOD;

    return power((heaps_before * (count % PERIOD) + index % PERIOD + 1) % PERIOD);
}

void spead2_pattern_fill(uint8_t *data, size_t bytes, uint64_t counter)
{
    const uint64_t count = bytes / SPEAD2_PATTERN_WORD;
    uint32_t x = element(0, count, counter);

    for (uint64_t i = 0; i < count; i++, x = multiply(x, FACTOR))
        store_element(data + i * SPEAD2_PATTERN_WORD, x);
}

uint64_t spead2_pattern_bad_bytes(const uint8_t *data, uint64_t offset, size_t bytes,
                                  uint64_t all_bytes, uint64_t counter)
{
    const uint64_t count = all_bytes / SPEAD2_PATTERN_WORD;
    uint64_t index = offset / SPEAD2_PATTERN_WORD, bad = 0;
    unsigned at = (unsigned)(offset % SPEAD2_PATTERN_WORD);
    uint32_t x = element(index, count, counter);

    while (bytes > 0) {
        uint8_t word[SPEAD2_PATTERN_WORD];
        size_t here = SPEAD2_PATTERN_WORD - at < bytes ? SPEAD2_PATTERN_WORD - at : bytes;

        store_element(word, x);
        for (size_t i = 0; i < here; i++)
            bad += data[i] != word[at + i];
        data += here;
        bytes -= here;
        at = 0;
        x = multiply(x, FACTOR);
    }
    return bad;
}
