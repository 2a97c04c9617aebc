/* SPDX-License-Identifier: Apache-2.0 */
/* Checks where heaps may lie in a chunk, and keeps who has which place. */
#include "chunk.h"
#include "spans.h"

/* Returns how many entries of `present` a heap of so many bytes has. */
static uint64_t entries_of(const struct speadi_chunk_layout *layout, uint64_t bytes)
{
    if (layout->packet_bytes == 0 || bytes == 0)
        return 1;
    return (bytes - 1) / layout->packet_bytes + 1;
}

bool speadi_chunk_has_place(const struct speadi_chunk_layout *layout,
                            const struct speadi_chunk_range *range)
{
    uint64_t entries = entries_of(layout, range->bytes);

    /* each side is compared by itself, because a sum of two numbers that nobody has checked may wrap */
    return range->index < layout->present_count &&
           entries <= layout->present_count - range->index && range->bytes <= layout->chunk_bytes &&
           range->offset <= layout->chunk_bytes - range->bytes;
}

/* The index is less than 2^24 and the stride at most 2^40, so no product here wraps. */
static bool is_regular(const struct speadi_chunk_layout *layout,
                       const struct speadi_chunk_range *range)
{
    return range->offset == range->index * layout->stride &&
           range->bytes <= entries_of(layout, range->bytes) * layout->stride;
}

/* Tells whether a regular heap has a byte of the range, which is not empty. */
static bool regular_has(const struct spead_chunk *chunk, uint64_t start, uint64_t end)
{
    const uint64_t stride = chunk->layout.stride;
    uint64_t last;

    if (stride == 0)
        return false;
    last = (end - 1) / stride;
    if (last >= chunk->layout.present_count)
        last = chunk->layout.present_count - 1;
    for (uint64_t i = start / stride; i <= last; i++) {
        const struct speadi_chunk_entry *entry = &chunk->entry[i];

        if (entry->state == SPEADI_CHUNK_COVERED)
            entry = &chunk->entry[entry->counter];
        if (entry->state != SPEADI_CHUNK_ABSENT && entry->regular && entry->offset < end &&
            start < entry->offset + entry->bytes)
            return true;
    }
    return false;
}

static bool odd_has(const struct spead_chunk *chunk, uint64_t start, uint64_t end)
{
    uint32_t at;

    return chunk->odd_count > 0 &&
           speadi_spans_check(chunk->odd, chunk->odd_count, start, end, &at) != SPEADI_SPANS_FREE;
}

bool speadi_chunk_is_free(const struct spead_chunk *chunk, const struct speadi_chunk_range *range)
{
    uint64_t start = range->offset, end = start + range->bytes;
    uint64_t entries = entries_of(&chunk->layout, range->bytes);

    for (uint64_t i = 0; i < entries; i++)
        if (chunk->entry[range->index + i].state != SPEADI_CHUNK_ABSENT)
            return false;
    if (range->bytes == 0)
        return true;
    if (odd_has(chunk, start, end))
        return false;
    return is_regular(&chunk->layout, range) || !regular_has(chunk, start, end);
}

void speadi_chunk_claim(struct spead_chunk *chunk, const struct speadi_chunk_range *range,
                        uint64_t counter, uint32_t source)
{
    struct speadi_chunk_entry *entry = &chunk->entry[range->index];
    uint64_t start = range->offset, end = start + range->bytes;
    uint32_t at;

    *entry = (struct speadi_chunk_entry){
        .offset = start,
        .bytes = range->bytes,
        .counter = counter,
        .source = (uint16_t)source,
        .state = SPEADI_CHUNK_WRITING,
        .regular = is_regular(&chunk->layout, range),
    };
    for (uint64_t i = entries_of(&chunk->layout, range->bytes); i-- > 1;)
        entry[i] =
            (struct speadi_chunk_entry){.counter = range->index, .state = SPEADI_CHUNK_COVERED};
    chunk->writers++;
    chunk->claimed_bytes += range->bytes;
    if (entry->regular || range->bytes == 0)
        return;
    (void)speadi_spans_check(chunk->odd, chunk->odd_count, start, end, &at);
    chunk->odd_count = speadi_spans_insert(chunk->odd, chunk->odd_count, at, start, end);
}
