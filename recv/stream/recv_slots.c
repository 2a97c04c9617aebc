/* Chooses the slot in the window of live heaps that a new heap takes. */
#include "recv_stream.h"

/* A newcomer looks at this many slots at most, so that a flood of newcomers costs little in a large window. */
#define LOOK_AT_MAX 64u

/* Returns true if the heap of a newcomer must not take a slot from a sender that works. A newcomer is a sender that has
 * not proven itself. While no sender of the endpoint has proven itself, all senders are treated alike. */
static bool is_guest(const struct spead_recv_stream *stream, const struct speadi_sender *sender)
{
    return !sender->proven && stream->senders.proven[sender->endpoint] > 0;
}

/* Returns true if a guest may end this heap: it is the heap of another newcomer, or its sender has opened a newer heap
 * in this window, or its sender is silent. */
static bool may_end(const struct spead_recv_stream *stream, const struct speadi_live_heap *live)
{
    const struct speadi_sender *sender = speadi_sender_table_get(&stream->senders, live->sender);

    return !sender->proven || live->heap.counter != sender->newest_counter ||
           (stream->config.restart_quiet_ns != 0 &&
            stream->age_ns - sender->seen_ns > stream->config.restart_quiet_ns);
}

/* Returns the slot that suits a guest best, or SPEADI_SLOT_NONE. The search goes backwards from the slot that the ring
 * used last, because the senders that have proven themselves will need that slot last. */
static uint32_t guest_slot(const struct spead_recv_stream *stream, uint32_t ring)
{
    const struct speadi_heap_table *table = &stream->table;
    uint32_t first = ring * table->slots_each, at = table->head[ring], best = SPEADI_SLOT_NONE;
    uint64_t oldest = UINT64_MAX;

    for (uint32_t i = 0; i < table->slots_each && i < LOOK_AT_MAX; i++) {
        const struct speadi_live_heap *live;

        at = at == 0 ? table->slots_each - 1 : at - 1;
        live = table->slot[first + at];
        if (!live)
            return first + at;
        if (live->opened_ns < oldest && may_end(stream, live)) {
            oldest = live->opened_ns;
            best = first + at;
        }
    }
    return best;
}

/* Returns true if the packet holds the whole payload of its heap. Then the heap will not wait for other packets. */
static bool is_whole_heap(const struct speadi_packet *packet)
{
    return packet->has_heap_length && packet->payload_bytes == packet->heap_length;
}

bool speadi_recv_choose_slot(const struct spead_recv_stream *stream,
                             const struct speadi_sender *sender, uint32_t ring,
                             const struct speadi_packet *packet, uint32_t *slot)
{
    if (!is_guest(stream, sender)) {
        *slot = speadi_heap_table_next_slot(&stream->table, ring);
        return true;
    }
    if (is_whole_heap(packet)) {
        *slot = SPEADI_SLOT_NONE;
        return true;
    }
    *slot = guest_slot(stream, ring);
    return *slot != SPEADI_SLOT_NONE;
}

void speadi_recv_slot_used(struct spead_recv_stream *stream, uint32_t ring, uint32_t slot)
{
    if (slot == speadi_heap_table_next_slot(&stream->table, ring))
        speadi_heap_table_advance(&stream->table, ring);
}
