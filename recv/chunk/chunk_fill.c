/* SPDX-License-Identifier: Apache-2.0 */
/* Gives missing bytes of a chunk their value. */
#include <string.h>

#include "chunk.h"

static int fill_device(struct speadi_heap_memory *memory, uint64_t from, uint64_t end, uint8_t byte)
{
    uint8_t bytes[4096];
    int ret = 0;

    if (byte == 0)
        return speadi_heap_memory_zero(memory, from, end);
    memset(bytes, byte, sizeof bytes);
    while (ret == 0 && from < end) {
        uint64_t count = end - from < sizeof bytes ? end - from : sizeof bytes;

        ret = speadi_heap_memory_copy_in(memory, from, bytes, count);
        from += count;
    }
    return ret;
}

int speadi_chunk_fill(struct spead_chunk *chunk, struct speadi_heap_memory *memory, uint64_t from,
                      uint64_t end, uint8_t byte)
{
    if (from >= end)
        return 0;
    if (!chunk->data)
        return fill_device(memory, chunk->offset + from, chunk->offset + end, byte);
    memset(chunk->data + from, byte, end - from);
    return 0;
}

int speadi_chunk_fill_holes(struct spead_chunk *chunk, struct speadi_heap_memory *memory,
                            uint64_t offset, const struct spead_heap *heap, uint8_t byte)
{
    uint64_t from = 0;
    int ret = 0;

    for (uint32_t i = 0; ret == 0 && i < heap->span_count; i++) {
        ret = speadi_chunk_fill(chunk, memory, offset + from, offset + heap->spans[i].start, byte);
        from = heap->spans[i].end;
    }
    if (ret == 0)
        ret = speadi_chunk_fill(chunk, memory, offset + from, offset + heap->length, byte);
    return ret;
}

/* Goes through the claimed ranges of a chunk in ascending order. */
struct walk {
    const struct spead_chunk *chunk;
    uint32_t entry, odd;
};

static const struct speadi_chunk_entry *next_regular(struct walk *walk)
{
    while (walk->entry < walk->chunk->layout.present_count) {
        const struct speadi_chunk_entry *entry = &walk->chunk->entry[walk->entry];

        if (entry->regular && entry->bytes > 0)
            return entry;
        walk->entry++;
    }
    return NULL;
}

/* Returns false when there is no further range. */
static bool next_range(struct walk *walk, struct speadi_span *range)
{
    const struct speadi_chunk_entry *entry = next_regular(walk);
    const struct speadi_span *odd =
        walk->odd < walk->chunk->odd_count ? &walk->chunk->odd[walk->odd] : NULL;

    if (odd && (!entry || odd->start < entry->offset)) {
        *range = *odd;
        walk->odd++;
        return true;
    }
    if (!entry)
        return false;
    *range = (struct speadi_span){entry->offset, entry->offset + entry->bytes};
    walk->entry++;
    return true;
}

int speadi_chunk_fill_unclaimed(struct spead_chunk *chunk, struct speadi_heap_memory *memory,
                                uint8_t byte)
{
    struct walk walk = {.chunk = chunk};
    struct speadi_span range;
    uint64_t from = 0;
    int ret = 0;

    if (chunk->claimed_bytes == chunk->layout.chunk_bytes)
        return 0;
    while (ret == 0 && next_range(&walk, &range)) {
        ret = speadi_chunk_fill(chunk, memory, from, range.start, byte);
        from = range.end;
    }
    return ret == 0 ? speadi_chunk_fill(chunk, memory, from, chunk->layout.chunk_bytes, byte) : ret;
}
