/* SPDX-License-Identifier: Apache-2.0 */
/* Makes chunks, and answers the consumer's questions about them. */
#include "chunk.h"

#include <errno.h>
#include <stdalign.h>
#include <string.h>

#include <speadi/numbers.h>
#include <speadi/struct_size.h>

/* ---- Making -------------------------------------------------------------------------------- */

static size_t aligned(size_t bytes)
{
    return speadi_round_up(bytes, alignof(max_align_t));
}

void speadi_chunk_layout_init(struct speadi_chunk_layout *layout)
{
    size_t count = layout->present_count;

    layout->stride = layout->packet_bytes > 0 ? layout->packet_bytes
                                              : layout->chunk_bytes / layout->present_count;
    layout->count_at = aligned(sizeof(struct spead_chunk));
    layout->heaps_at = layout->count_at + layout->source_count * sizeof(struct spead_count);
    layout->gaps_at = layout->heaps_at + count * sizeof(struct speadi_chunk_entry);
    layout->odd_at = layout->gaps_at + layout->gaps_max * sizeof(struct spead_chunk_gap);
    layout->extra_at = layout->odd_at + count * sizeof(struct speadi_span);
    layout->present_at = layout->extra_at + count * layout->extra_bytes;
    layout->meta_bytes = layout->present_at + count;
}

struct spead_chunk *speadi_chunk_open(struct speadi_block *block,
                                      const struct speadi_chunk_layout *layout, uint8_t *data,
                                      uint64_t id)
{
    struct spead_chunk *chunk = block->meta;
    uint8_t *meta = block->meta;

    memset(chunk, 0, sizeof *chunk);
    chunk->id = (int64_t)id;
    chunk->layout = *layout;
    chunk->block = block;
    chunk->data = data;
    chunk->offset = block->offset;
    chunk->count = (void *)(meta + layout->count_at);
    chunk->entry = (void *)(meta + layout->heaps_at);
    chunk->gaps = (void *)(meta + layout->gaps_at);
    chunk->odd = (void *)(meta + layout->odd_at);
    chunk->extra = meta + layout->extra_at;
    chunk->present = meta + layout->present_at;
    memset(chunk->count, 0, layout->source_count * sizeof *chunk->count);
    memset(chunk->entry, 0, layout->present_count * sizeof *chunk->entry);
    memset(chunk->extra, 0, (size_t)layout->present_count * layout->extra_bytes);
    memset(chunk->present, 0, layout->present_count);
    return chunk;
}

/* ---- References ---------------------------------------------------------------------------- */

struct spead_chunk *spead_chunk_ref(struct spead_chunk *chunk)
{
    /* relaxed: as in spead_heap_ref() */
    atomic_fetch_add_explicit(&chunk->references, 1, memory_order_relaxed);
    return chunk;
}

void spead_chunk_unref(struct spead_chunk *chunk)
{
    if (!chunk)
        return;
    /* CHUNK1 release, acquire: as HEAP1. All threads have read the chunk before its memory is used again. */
    if (atomic_fetch_sub_explicit(&chunk->references, 1, memory_order_acq_rel) == 1)
        speadi_block_release(chunk->block);
}

/* ---- What it is ---------------------------------------------------------------------------- */

int64_t spead_chunk_id(const struct spead_chunk *chunk)
{
    return chunk->id;
}

uint8_t *spead_chunk_data(const struct spead_chunk *chunk)
{
    return chunk->data;
}

uint64_t spead_chunk_bytes(const struct spead_chunk *chunk)
{
    return chunk->layout.chunk_bytes;
}

void spead_chunk_region_info(const struct spead_chunk *chunk, struct spead_region_info *info)
{
    struct spead_region_info own;

    (void)speadi_pool_memory(chunk->block->pool, &own);
    own.data = chunk->data;
    if (own.device_address != 0)
        own.device_address += chunk->offset;
    if (own.fd >= 0)
        own.fd_offset += chunk->offset;
    own.bytes = chunk->layout.chunk_bytes;
    (void)speadi_struct_write(info, &own, sizeof own);
}

uint64_t spead_chunk_first_ns(const struct spead_chunk *chunk)
{
    return chunk->first_ns;
}

uint64_t spead_chunk_last_ns(const struct spead_chunk *chunk)
{
    return chunk->last_ns;
}

enum spead_clock spead_chunk_clock(const struct spead_chunk *chunk)
{
    return chunk->clock;
}

uint64_t spead_chunk_clock_error_ns(const struct spead_chunk *chunk)
{
    return chunk->clock_error_ns;
}

uint64_t spead_chunk_packets(const struct spead_chunk *chunk)
{
    return chunk->packets;
}

uint32_t spead_chunk_stream(const struct spead_chunk *chunk)
{
    return chunk->layout.stream;
}

/* ---- What is in it ------------------------------------------------------------------------- */

const uint8_t *spead_chunk_present(const struct spead_chunk *chunk, uint32_t *count)
{
    if (count)
        *count = chunk->layout.present_count;
    return chunk->present;
}

uint32_t spead_chunk_present_count(const struct spead_chunk *chunk)
{
    return chunk->present_set;
}

uint32_t spead_chunk_missing_count(const struct spead_chunk *chunk)
{
    return chunk->layout.present_count - chunk->present_set;
}

uint64_t spead_chunk_received(const struct spead_chunk *chunk)
{
    return chunk->received;
}

int spead_chunk_heap(const struct spead_chunk *chunk, uint32_t index, struct spead_chunk_heap *heap)
{
    struct spead_chunk_heap full = SPEAD_CHUNK_HEAP_INIT;
    const struct speadi_chunk_entry *entry;

    if (index >= chunk->layout.present_count)
        return -ERANGE;
    entry = &chunk->entry[index];
    if (entry->state == SPEADI_CHUNK_COMPLETE || entry->state == SPEADI_CHUNK_INCOMPLETE) {
        full.state = entry->state == SPEADI_CHUNK_COMPLETE ? SPEAD_CHUNK_HEAP_COMPLETE
                                                           : SPEAD_CHUNK_HEAP_INCOMPLETE;
        full.offset = entry->offset;
        full.bytes = entry->bytes;
        full.received = entry->received;
        full.heap_counter = entry->counter;
        full.source = entry->source;
    }
    return speadi_struct_write(heap, &full, sizeof full);
}

size_t spead_chunk_gaps(const struct spead_chunk *chunk, struct spead_chunk_gap *gaps, size_t max)
{
    size_t count = chunk->gap_count < max ? chunk->gap_count : max;

    if (count > 0)
        memcpy(gaps, chunk->gaps, count * sizeof *gaps);
    return chunk->gap_count;
}

const void *spead_chunk_extra(const struct spead_chunk *chunk, uint32_t index)
{
    if (index >= chunk->layout.present_count || chunk->layout.extra_bytes == 0)
        return NULL;
    return chunk->extra + (size_t)index * chunk->layout.extra_bytes;
}
