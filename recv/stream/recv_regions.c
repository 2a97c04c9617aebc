/* Takes a region of the pool for a heap. A heap with a declared length gets the smallest region that is large enough. */
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
    while (class > 0 && (packet->heap_length > stream->regions.block_bytes[class] ||
                         pointers > stream->layout.tables[class].pointers_max))
        class --;
    return class;
}

/* Only the first look counts the regions that the consumer has released meanwhile. Otherwise a heap could get a region of
 * class 0 although a smaller one has just come back. */
static inline struct speadi_block *take(struct spead_recv_stream *stream, uint32_t class)
{
    struct speadi_block *region = speadi_pool_take_class(stream->pool, class);

    if (__builtin_expect(region != NULL, 1) || class == 0)
        return region;
    while (--class > 0 && !region)
        region = speadi_pool_take_known(stream->pool, class);
    return region ? region : take_spare(stream);
}

struct speadi_block *speadi_recv_take_region(struct spead_recv_stream *stream,
                                             const struct speadi_packet *packet)
{
    uint32_t class = class_for(stream, packet);
    struct speadi_block *region = take(stream, class);

    if (region || stream->outlet.pending_count == 0)
        return region;
    /* a heap that is shed frees its region */
    speadi_recv_hand_over(stream, true);
    return take(stream, class);
}

bool speadi_recv_grow_heap(struct spead_recv_stream *stream, struct speadi_live_heap *live)
{
    struct speadi_block *annex;

    if (!speadi_live_heap_can_grow(live, &stream->layout))
        return false;
    annex = take_spare(stream);
    if (annex)
        speadi_live_heap_grow(live, &stream->layout, annex);
    return annex;
}
