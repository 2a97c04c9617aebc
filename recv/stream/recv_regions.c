/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a region of the pool for a heap. A heap with a declared length gets the smallest region that is large enough. A
 * heap without a declared length gets one of the largest regions, and moves to a smaller region when it has ended. */
#include "recv_stream.h"

/* Some regions of class 0 are kept for the live heaps that need one. A heap that would fit into a smaller region gets a
 * region of class 0 only if more regions than those are free. */
static struct speadi_block *take_spare(struct spead_recv_stream *stream)
{
    if (speadi_pool_free_blocks(stream->pool, 0) <= stream->regions.live)
        return NULL;
    return speadi_pool_take_known(stream->pool, 0);
}

static inline uint32_t class_for(const struct spead_recv_stream *stream,
                                 const struct speadi_packet *packet)
{
    uint32_t class = stream->regions.class_count - 1,
             pointers = packet->pointer_count - packet->special_count;

    if (!packet->has_heap_length)
        return 0;
    while (class > 0 && packet->heap_length > stream->regions.block_bytes[class])
        class --;
    while (__builtin_expect(pointers > stream->layout.tables[class].pointers_max && class > 0, 0))
        class --;
    return class;
}

/* Takes a region when no region of the class was free. Only the look into that class has counted the regions that the
 * consumer has released meanwhile. The looks of this function do not count them: otherwise a heap could get a region of
 * class 0 although a smaller region has just come back. */
static struct speadi_block *take_larger(struct spead_recv_stream *stream, uint32_t class)
{
    struct speadi_block *region = NULL;

    if (class == 0)
        return NULL;
    while (--class > 0 && !region)
        region = speadi_pool_take_known(stream->pool, class);
    return region ? region : take_spare(stream);
}

/* This rare case is not inlined: otherwise every call of speadi_recv_take_region() would save more registers. */
static __attribute__((noinline)) struct speadi_block *take_other(struct spead_recv_stream *stream,
                                                                 uint32_t class)
{
    struct speadi_block *region = take_larger(stream, class);

    stream->tally.totals->region_misses++;
    if (region || stream->outlet.pending_count == 0)
        return region;
    /* a heap that is shed frees its region */
    speadi_recv_hand_over(stream, true);
    region = speadi_pool_take_class(stream->pool, class);
    return region ? region : take_larger(stream, class);
}

struct speadi_block *speadi_recv_take_region(struct spead_recv_stream *stream,
                                             const struct speadi_packet *packet)
{
    uint32_t class = class_for(stream, packet);
    struct speadi_block *region = speadi_pool_take_class(stream->pool, class);

    return __builtin_expect(region != NULL, 1) ? region : take_other(stream, class);
}

struct speadi_live_heap *speadi_recv_fit_region(struct spead_recv_stream *stream,
                                                struct speadi_live_heap *live)
{
    struct speadi_block *large = live->heap.region, *region;
    uint32_t class = stream->regions.class_count - 1;
    struct speadi_live_heap *copy;

    while (class > 0 && live->heap.length > stream->regions.block_bytes[class])
        class --;
    if (class <= large->size_class)
        return live;
    region = speadi_pool_take_class(stream->pool, class);
    if (!region)
        return live;
    speadi_block_set_user(region, live->ring / stream->config.substream_count);
    copy = speadi_block_charge(region, live->heap.length) == 0
               ? speadi_live_heap_copy(live, &stream->layout, region)
               : NULL;
    speadi_block_release(copy ? large : region);
    return copy ? copy : live;
}

bool speadi_recv_grow_heap(struct spead_recv_stream *stream, struct speadi_live_heap *live)
{
    struct speadi_block *annex;

    if (!speadi_live_heap_can_grow(live, &stream->layout))
        return false;
    annex = take_spare(stream);
    if (!annex)
        return false;
    speadi_block_set_user(annex, live->ring / stream->config.substream_count);
    speadi_live_heap_grow(live, &stream->layout, annex);
    return true;
}
