/* SPDX-License-Identifier: Apache-2.0 */
/* Frees heaps from the receives that are posted into them, and puts payload that waited for such receives into its
 * place.
 *
 * A posted receive ends only by its completion. So a heap that must leave earlier exchanges its memory with a region
 * that was set aside, takes its payload along, and leaves at once. The old memory stays reserved until the receives
 * have ended. */
#include <string.h>

#include "recv_stream.h"

/* ---- Payload that waits -------------------------------------------------------------------- */

/* Puts the payload of entry i of the parked copies into its place, and frees the copy. */
static void put(struct spead_recv_stream *stream, uint32_t i)
{
    uint16_t index = stream->spare.parked[i];
    const struct speadi_parked *where = &stream->spare.where[index];

    speadi_recv_write_payload(stream, where->live, where->offset, &stream->spare.packet[index],
                              where->header_bytes);
    speadi_live_heap_unpark(where->live);
    speadi_spare_unpark(&stream->spare, i);
}

void speadi_recv_put_parked(struct spead_recv_stream *stream)
{
    const struct speadi_burst_state state = speadi_recv_burst_state(stream);

    for (uint32_t i = stream->spare.parked_count; i-- > 0;) {
        const struct speadi_parked *where = &stream->spare.where[stream->spare.parked[i]];

        if (!speadi_placement_is_reserved(&stream->placement, state, where->live, where->offset,
                                          where->offset + where->bytes))
            put(stream, i);
    }
}

/* Puts all parked payload of the heap into its place; without `keep`, drops it. */
static void put_parked_of(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                          bool keep)
{
    for (uint32_t i = stream->spare.parked_count; live->parked > 0 && i-- > 0;) {
        if (stream->spare.where[stream->spare.parked[i]].live != live)
            continue;
        if (keep) {
            put(stream, i);
            continue;
        }
        speadi_live_heap_unpark(live);
        speadi_spare_unpark(&stream->spare, i);
    }
}

/* ---- Exchanging memory --------------------------------------------------------------------- */

/* Returns true if a receive may still write to the memory of the heap, or if a packet of the burst that is not
 * processed yet may lie there. */
static bool is_in_use(const struct spead_recv_stream *stream, const struct speadi_live_heap *live)
{
    /* Each byte has arrived, and no payload has waited for a receive to end. So the packet of each receive that was
     * posted into the heap is a packet of the heap itself, and is processed. */
    if (live->heap.complete && live->parked == 0)
        return false;
    if (stream->places_unchecked)
        return true;
    return speadi_placement_first_reserved(&stream->placement, speadi_recv_burst_state(stream),
                                           live, 0) != UINT64_MAX;
}

/* Copies the received bytes of the heap from its old memory. Bytes that belong to parked payload are copied too,
 * although a device may be writing them: the payload is put over them. */
static void copy_from(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                      const struct speadi_block *old)
{
    const struct speadi_block *region = live->heap.region;
    int ret = 0;

    for (uint32_t i = 0; ret == 0 && i < live->heap.span_count; i++) {
        uint64_t start = live->heap.spans[i].start, bytes = live->heap.spans[i].end - start;

        if (region->data)
            memcpy(region->data + start, old->data + start, bytes);
        else
            ret = speadi_heap_memory_copy_within(&stream->memory, region->offset + start,
                                                 old->offset + start, bytes);
    }
    if (ret < 0)
        speadi_live_heap_memory_failed(live);
}

static bool exchange(struct spead_recv_stream *stream, struct speadi_live_heap *live, bool keep)
{
    struct spead_heap *heap = &live->heap;
    uint64_t bytes = keep && heap->span_count > 0 ? heap->spans[heap->span_count - 1].end : 0;
    struct speadi_block *aside = speadi_pool_take_aside(heap->region, bytes);

    if (!aside)
        return false;
    speadi_block_swap_memory(heap->region, aside);
    speadi_placement_move(&stream->placement, live, aside);
    if (keep) {
        copy_from(stream, live, aside);
        stream->tally.totals->heaps_moved++;
    }
    return true;
}

bool speadi_recv_detach(struct spead_recv_stream *stream, struct speadi_live_heap *live, bool keep)
{
    if (!is_in_use(stream, live))
        speadi_placement_forget(&stream->placement, live);
    else if (!exchange(stream, live, keep))
        return false;
    put_parked_of(stream, live, keep);
    return true;
}
