/* SPDX-License-Identifier: Apache-2.0 */
/* See verify_pattern.h for the rule. */
#include "verify_pattern.h"

#include <speadline/item.h>

#include <speadi/bytes.h>

#include "spead2_pattern.h"

#define COUNTER_FACTOR 0x9e3779b97f4a7c15ull
#define INDEX_FACTOR   0xd6e8feb86659fd93ull
#define WORD           sizeof(uint64_t)
#define STRETCH_WORDS  512u /* words_differ() compares at most this many words in one call */

static inline uint64_t mix(uint64_t x)
{
    return x ^ (x >> 32);
}

static uint64_t seed_at(uint64_t counter, uint64_t index)
{
    return counter * COUNTER_FACTOR + index * INDEX_FACTOR;
}

void verify_pattern_fill(uint8_t *data, size_t bytes, uint64_t counter)
{
    size_t words = bytes / WORD;
    uint64_t x = seed_at(counter, 0);

    for (size_t i = 0; i < words; i++, x += INDEX_FACTOR)
        speadi_store_be64(data + i * WORD, mix(x));
    if (bytes % WORD != 0) {
        uint8_t tail[WORD];

        speadi_store_be64(tail, mix(x));
        memcpy(data + words * WORD, tail, bytes % WORD);
    }
}

/* Counts the wrong bytes one by one. The caller uses this function for the two ends of a range, which may be only a
 * part of a word, and for words in which words_differ() has found a difference. */
static uint64_t bad_bytes_slowly(const uint8_t *data, uint64_t offset, size_t bytes,
                                 uint64_t counter)
{
    uint64_t bad = 0;

    for (size_t i = 0; i < bytes; i++) {
        uint64_t at = offset + i;
        uint64_t word = mix(seed_at(counter, at / WORD));

        bad += data[i] != (uint8_t)(word >> (56 - 8 * (at % WORD)));
    }
    return bad;
}

/* Returns true when a word differs from the rule. `offset` must be a multiple of 8. The loop has no branch that depends
 * on the data, so it is fast. */
static int words_differ(const uint8_t *data, uint64_t offset, size_t words, uint64_t counter)
{
    uint64_t x = seed_at(counter, offset / WORD);
    uint64_t difference = 0;

    for (size_t i = 0; i < words; i++, x += INDEX_FACTOR)
        difference |= speadi_load_be64(data + i * WORD) ^ mix(x);
    return difference != 0;
}

uint64_t verify_pattern_bad_bytes(const uint8_t *data, uint64_t offset, size_t bytes,
                                  uint64_t counter)
{
    size_t head = (size_t)(-offset % WORD);
    uint64_t bad;

    if (head > bytes)
        head = bytes;
    bad = bad_bytes_slowly(data, offset, head, counter);
    data += head;
    offset += head;
    bytes -= head;
    while (bytes >= WORD) {
        size_t words = bytes / WORD < STRETCH_WORDS ? bytes / WORD : STRETCH_WORDS;

        if (words_differ(data, offset, words, counter))
            bad += bad_bytes_slowly(data, offset, words * WORD, counter);
        data += words * WORD;
        offset += words * WORD;
        bytes -= words * WORD;
    }
    return bad + bad_bytes_slowly(data, offset, bytes, counter);
}

uint64_t verify_pattern_nonzero_bytes(const uint8_t *data, size_t bytes)
{
    uint64_t bad = 0;

    for (size_t i = 0; i < bytes; i++)
        bad += data[i] != 0;
    return bad;
}

/* What the functions below need to check a heap by a rule. */
struct by_rule {
    enum verify_rule rule;
    uint64_t counter;
    /* Where the items begin in the heap, behind the descriptors, and how many bytes they have. */
    uint64_t items_at, items_bytes;
};

/* Returns how many of these bytes of the heap differ from the rule. They begin at the heap offset `at`. */
static uint64_t bad_bytes_of(const struct by_rule *by, const uint8_t *payload, uint64_t at,
                             uint64_t bytes)
{
    if (at < by->items_at) { /* descriptors */
        uint64_t skipped = by->items_at - at < bytes ? by->items_at - at : bytes;

        at += skipped;
        bytes -= skipped;
    }
    if (bytes == 0)
        return 0;
    if (by->rule == VERIFY_SPEADLINE)
        return verify_pattern_bad_bytes(payload + at, at - by->items_at, bytes, by->counter);
    return spead2_pattern_bad_bytes(payload + at, at - by->items_at, bytes, by->items_bytes,
                                    by->counter);
}

/* Returns where the items of a heap begin. The descriptors of spead2_send and of spead-send stand before the items. A
 * heap that has nothing else is checked as if it had items only: otherwise none of its bytes would be checked. */
static uint64_t items_at(const struct spead_heap *heap)
{
    uint64_t at = 0;
    struct spead_item item;

    for (size_t i = 0; spead_heap_item(heap, i, &item) == 0; i++)
        if (!item.is_immediate && item.id == SPEAD_ID_DESCRIPTOR && item.value + item.bytes > at)
            at = item.value + item.bytes;
    return at < spead_heap_length(heap) ? at : 0;
}

static struct by_rule by_rule_of(enum verify_rule rule, const struct spead_heap *heap)
{
    struct by_rule by = {
        .rule = rule, .counter = spead_heap_counter(heap), .items_at = items_at(heap)};

    by.items_bytes = spead_heap_length(heap) - by.items_at;
    return by;
}

/* Returns how many bytes of the heap are wrong by the rule. gaps[] has the first gaps_max of its gap_count gaps. */
static uint64_t bad_bytes_by(const struct by_rule *by, const struct spead_heap *heap,
                             const struct spead_gap *gaps, size_t gap_count, size_t gaps_max)
{
    const uint8_t *payload = spead_heap_payload(heap);
    uint64_t length = spead_heap_length(heap), at = 0, bad = 0;

    for (size_t i = 0; i < gap_count && i < gaps_max; i++) {
        bad += bad_bytes_of(by, payload, at, gaps[i].offset - at);
        bad += verify_pattern_nonzero_bytes(payload + gaps[i].offset, gaps[i].bytes);
        at = gaps[i].offset + gaps[i].bytes;
    }
    if (gap_count > gaps_max)
        return bad + (length - at);
    return bad + bad_bytes_of(by, payload, at, length - at);
}

uint64_t verify_pattern_heap(const struct spead_heap *heap, struct spead_gap *gaps, size_t gaps_max,
                             enum verify_rule *rule)
{
    const size_t gap_count = spead_heap_gaps(heap, gaps, gaps_max);
    const enum verify_rule other = *rule == VERIFY_SPEADLINE ? VERIFY_SPEAD2 : VERIFY_SPEADLINE;
    struct by_rule by = by_rule_of(*rule, heap);
    uint64_t first, second;

    first = bad_bytes_by(&by, heap, gaps, gap_count, gaps_max);
    if (first == 0)
        return 0;
    by = by_rule_of(other, heap);
    second = bad_bytes_by(&by, heap, gaps, gap_count, gaps_max);
    if (second == 0)
        *rule = other;
    return second < first ? second : first;
}
