/* SPDX-License-Identifier: Apache-2.0 */
/* The Internet checksum: adds the 16-bit words of pieces of memory (one's complement). */
#include <speadi/checksum.h>

#include <string.h>

static uint64_t add_words(uint64_t sum, const uint8_t *data, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        uint32_t word;

        memcpy(&word, data + 4 * i, sizeof word);
        sum += word;
    }
    return sum;
}

static uint16_t swap(uint16_t sum)
{
    return (uint16_t)(sum << 8 | sum >> 8);
}

uint64_t speadi_checksum_add(uint64_t sum, size_t offset, const void *data, size_t bytes)
{
    const size_t words = bytes / 4;
    uint64_t own = add_words(0, data, words);
    uint32_t rest = 0;

    if (bytes % 4) {
        memcpy(&rest, (const uint8_t *)data + 4 * words, bytes % 4);
        own += rest;
    }
    /* If the piece begins at an odd offset, each of its bytes belongs to the other half of a 16-bit word. So the two
     * bytes of its sum must be swapped: RFC 1071, section 2 (B). */
    return sum + (offset % 2 ? swap(speadi_checksum_fold(own)) : own);
}
