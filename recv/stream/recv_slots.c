/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the slot in the window of live heaps that a new heap takes, and the live heap that ends where memory is
 * scarce. */
#include <speadi/numbers.h>

#include "recv_stream.h"

/* A newcomer looks at this many slots at most, so that a flood of newcomers costs little in a large window. */
#define LOOK_AT_MAX 64u

/* A heap that finds no memory looks at this many slots at most. */
#define GIVERS_MAX 256u

/* Returns true if a guest may end this heap before it ends any other: the sender of the heap is a newcomer, or it is
 * silent. */
static bool is_weak(const struct spead_recv_stream *stream, const struct speadi_live_heap *live)
{
    const struct speadi_sender *sender = speadi_sender_table_get(&stream->senders, live->sender);

    return !sender->proven || (stream->config.restart_quiet_ns != 0 &&
                               stream->age_ns - sender->seen_ns > stream->config.restart_quiet_ns);
}

/* Returns the index of the slot that the ring used `back` heaps before its last one. */
static uint32_t slot_back(const struct speadi_heap_table *table, uint32_t ring, uint32_t back)
{
    uint32_t at = table->head[ring] + table->slots_each - 1 - back;

    return ring * table->slots_each + (at < table->slots_each ? at : at - table->slots_each);
}

/* Returns true if the sender of the heap in this slot has opened a newer heap in the same window. Then no packets may
 * come for the older heap any more. */
static bool has_newer(const struct speadi_heap_table *table, uint32_t ring, uint32_t back)
{
    uint32_t sender = table->slot[slot_back(table, ring, back)]->sender;

    while (back-- > 0)
        if (table->slot[slot_back(table, ring, back)]->sender == sender)
            return true;
    return false;
}

/* Returns the slot that suits a guest best, or SPEADI_SLOT_NONE. The search goes backwards from the slot that the ring
 * used last, because the senders that have proven themselves will need that slot last. A guest ends a heap of a sender
 * that works only if all slots hold heaps of such senders. */
__attribute__((noinline)) static uint32_t guest_slot(const struct spead_recv_stream *stream,
                                                     uint32_t ring)
{
    const struct speadi_heap_table *table = &stream->table;
    uint32_t count = speadi_min_u32(table->slots_each, LOOK_AT_MAX), best = SPEADI_SLOT_NONE;
    uint64_t oldest = UINT64_MAX;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = slot_back(table, ring, i);
        const struct speadi_live_heap *live = table->slot[at];

        if (!live)
            return at;
        if (live->opened_ns < oldest && is_weak(stream, live)) {
            oldest = live->opened_ns;
            best = at;
        }
    }
    for (uint32_t i = count; best == SPEADI_SLOT_NONE && i-- > 0;)
        if (has_newer(table, ring, i))
            best = slot_back(table, ring, i);
    return best;
}

/* Returns true if the packet holds the whole payload of its heap. Then the heap will not wait for other packets. */
static bool is_whole_heap(const struct speadi_packet *packet)
{
    return packet->has_heap_length && packet->payload_bytes == packet->heap_length;
}

bool speadi_recv_choose_guest_slot(const struct spead_recv_stream *stream, uint32_t ring,
                                   const struct speadi_packet *packet, uint32_t *slot)
{
    if (is_whole_heap(packet)) {
        *slot = SPEADI_SLOT_NONE;
        return true;
    }
    *slot = guest_slot(stream, ring);
    return *slot != SPEADI_SLOT_NONE;
}

/* ---- Where memory is scarce ----------------------------------------------------------------- */

/* The heap that needs memory, and its sender. */
struct taker {
    const struct speadi_sender *sender;
    uint64_t number; /* of the heap; UINT64_MAX if the heap is not in the table yet */
};

/* Tells whether this heap may end for the taker. The newest heap of a sender that works never does, for a heap of
 * another sender: else several senders that need more memory than there is would end each other's heaps, and no heap
 * would ever be complete. */
static bool gives_way(const struct spead_recv_stream *stream, const struct taker *taker,
                      const struct speadi_live_heap *live)
{
    const struct speadi_sender *sender = speadi_sender_table_get(&stream->senders, live->sender);

    if (live->number >= taker->number && (!taker->sender->proven || sender->proven))
        return false;
    return sender == taker->sender || live->heap.counter != sender->newest_counter ||
           is_weak(stream, live);
}

/* Returns the oldest heap of the endpoint that may end for the taker, or NULL. It looks at the slots of the window
 * `ring` first. */
static struct speadi_live_heap *oldest_giver(const struct spead_recv_stream *stream,
                                             const struct taker *taker, uint32_t ring,
                                             bool weak_only)
{
    const struct speadi_heap_table *table = &stream->table;
    uint32_t substreams = stream->config.substream_count, first = ring / substreams * substreams;
    uint32_t slots = substreams * table->slots_each, count = speadi_min_u32(slots, GIVERS_MAX);
    uint32_t at = (ring - first) * table->slots_each + table->head[ring];
    struct speadi_live_heap *oldest = NULL;

    for (uint32_t i = 0; i < count; i++, at++) {
        struct speadi_live_heap *live = table->slot[first * table->slots_each + at % slots];

        if (live && (!oldest || live->number < oldest->number) && gives_way(stream, taker, live) &&
            (!weak_only || is_weak(stream, live)))
            oldest = live;
    }
    return oldest;
}

struct speadi_live_heap *speadi_recv_choose_giver(const struct spead_recv_stream *stream,
                                                  const struct speadi_sender *sender, uint32_t ring,
                                                  const struct speadi_live_heap *taker_heap)
{
    const struct taker taker = {
        .sender = sender,
        .number = taker_heap && speadi_heap_table_has(&stream->table, taker_heap)
                      ? taker_heap->number
                      : UINT64_MAX,
    };
    struct speadi_live_heap *giver =
        speadi_recv_is_guest(stream, sender) ? oldest_giver(stream, &taker, ring, true) : NULL;

    return giver ? giver : oldest_giver(stream, &taker, ring, false);
}
