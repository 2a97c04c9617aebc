/* SPDX-License-Identifier: Apache-2.0 */
/* Has the memory of large heaps populated ahead, by the populator of the pool.
 *
 * The length of a heap is a number in a packet that anybody can send. So this file believes the length only up to PROOF
 * times the bytes of the heap that have come. In this way the first large heap of a stream is populated in growing
 * pieces, ahead of its own packets. So are the regions of the heaps after it. */
#include <speadi/err.h>
#include <speadi/numbers.h>

#include "recv_stream.h"

/* At most this many bytes are populated for each byte of a heap that has come. */
#define PROOF 16u
/* The most live heaps that one call looks at, and the most free regions that are kept populated. */
#define LOOK_LIVE 4u
#define AHEAD_MAX 64u

void speadi_recv_start_populating(struct spead_recv_stream *stream)
{
    struct spead_err err = {0};

    if (stream->config.populate == SPEAD_POPULATE_OFF)
        stream->populate_reason = "off; the receiving thread populates a region when a heap begins";
    else if (stream->config.heap_arena || speadi_recv_pins_memory(stream))
        stream->populate_reason = "at the start, because a device knows the memory";
    else if (stream->regions.block_bytes[0] <= SPEADI_RECV_POPULATE_BYTES)
        stream->populate_reason = "not needed, because no heap is longer than 1 MiB";
    else if (speadi_pool_start_populator(stream->pool, &err) < 0) {
        speadi_log_line(&stream->config.log, SPEAD_LOG_WARNING, "%s", err.text);
        stream->populate_reason = "not ahead, because its thread could not start";
    } else {
        stream->populates = true;
        stream->populate_reason =
            "ahead, by a thread of its own, for heaps that are longer than 1 MiB";
    }
}

/* A heap that declares no length is believed to be as long as the longest heap so far. */
static uint64_t believed_length(const struct spead_recv_stream *stream,
                                const struct spead_heap *heap)
{
    return heap->has_length ? heap->length
                            : speadi_min_u64(stream->largest_heap, heap->region->bytes);
}

/* Returns how many bytes of the heap are worth populating now. */
static uint64_t worth(const struct spead_recv_stream *stream, const struct spead_heap *heap)
{
    uint64_t proven = heap->received > UINT64_MAX / PROOF ? UINT64_MAX : heap->received * PROOF;

    if (proven < stream->largest_heap)
        proven = stream->largest_heap;
    return speadi_min_u64(proven, believed_length(stream, heap));
}

/* Looks at the newest live heaps. Returns true if the populator has got work. Sets *growing to true if the worth of a
 * heap may still grow. */
static bool populate_live(struct spead_recv_stream *stream, bool *growing)
{
    struct speadi_live_heap *live = stream->table.newest;

    for (unsigned i = 0; i < LOOK_LIVE && live; i++, live = live->older) {
        struct spead_heap *heap = &live->heap;
        uint64_t bytes;

        if (!speadi_recv_populates(stream, heap))
            continue;
        bytes = worth(stream, heap);
        *growing |= bytes < believed_length(stream, heap);
        if (bytes > stream->shown_bytes)
            stream->shown_bytes = bytes;
        if (speadi_block_populate_ahead(heap->region, bytes))
            return true;
    }
    return false;
}

/* Returns how many free regions to keep populated: as many as heaps may be live at the endpoints that were heard. */
static uint32_t regions_ahead(const struct spead_recv_stream *stream)
{
    uint64_t heard = (uint64_t)__builtin_popcountll(stream->heard_endpoints);
    uint64_t live = heard * stream->config.live_heaps_max * stream->config.substream_count;

    return (uint32_t)speadi_min_u64(live, AHEAD_MAX);
}

void speadi_recv_populate_ahead(struct spead_recv_stream *stream)
{
    bool growing = false;

    stream->populating = true;
    if (!speadi_pool_populator_is_idle(stream->pool) || populate_live(stream, &growing))
        return;
    if (stream->largest_heap > stream->shown_bytes)
        stream->shown_bytes = stream->largest_heap;
    if (stream->shown_bytes > SPEADI_RECV_POPULATE_BYTES &&
        speadi_pool_populate_ahead(stream->pool, regions_ahead(stream), stream->shown_bytes))
        return;
    stream->populating = false;
    stream->populate_due = growing;
}
