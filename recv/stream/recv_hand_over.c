/* Hands over finished heaps to the consumer, and counts them. If the channel has no room for a heap, the heap stays
 * pending or is shed. */
#include <errno.h>

#include "recv_stream.h"

static void count_handed_over(struct spead_recv_stream *stream, const struct spead_heap *heap,
                              uint64_t times)
{
    struct spead_recv_counters *totals = stream->tally.totals;

    *(heap->complete ? &totals->heaps_complete : &totals->heaps_incomplete) += times;
    totals->payload_bytes += times * heap->received;
}

static void move(struct spead_recv_stream *stream, const struct spead_heap *heap,
                 enum spead_recv_bucket from, enum spead_recv_bucket to)
{
    const struct speadi_live_heap *live = (const struct speadi_live_heap *)(const void *)heap;

    speadi_recv_tally_move(&stream->tally, live->count, from, to);
    if (to == SPEAD_RECV_DELIVERED)
        count_handed_over(stream, heap, 1);
    else
        count_handed_over(stream, heap, -(uint64_t)1);
}

static void deliver(struct spead_recv_stream *stream, struct spead_heap *heap)
{
    move(stream, heap, SPEAD_RECV_LIVE, SPEAD_RECV_DELIVERED);
    speadi_live_heap_share((struct speadi_live_heap *)(void *)heap);
}

static void shed(struct spead_recv_stream *stream, const struct spead_heap *heap)
{
    move(stream, heap, SPEAD_RECV_DELIVERED, SPEAD_RECV_SHED);
    stream->tally.totals->heaps_shed++;
}

void speadi_recv_on_shed(void *stream, const struct spead_message *message,
                         enum spead_shed_cause cause)
{
    /* CANCELLED means that the last receiving end closed and the heap was left in the channel. The heap stays counted
     * as delivered, and the channel counts the shed. With this cause the function may run on another thread, but only
     * the owner thread may write the counters. */
    if (cause != SPEAD_SHED_CANCELLED)
        shed(stream, speadi_outlet_heap(message));
}

/* Corrects the counters for a heap that the channel did not take. If keep is true, the heap stays pending; else it is
 * shed, because nobody will take it. */
static void keep_or_shed(struct spead_recv_stream *stream, struct spead_heap *heap, bool keep)
{
    if (keep) {
        move(stream, heap, SPEAD_RECV_DELIVERED, SPEAD_RECV_LIVE);
        return;
    }
    shed(stream, heap);
    spead_heap_unref(heap);
}

/* Sends the first `count` pending heaps. Returns how many of them the channel took or shed. */
static uint32_t send_some(struct speadi_outlet *outlet, uint32_t count)
{
    uint32_t sent = 0;
    int ret = 0;

    while (sent < count && (ret = speadi_outlet_send(outlet, sent, count - sent)) > 0)
        sent += (uint32_t)ret;
    if (ret == -EPIPE || ret == -ECANCELED)
        outlet->receiver_gone = true;
    return sent;
}

/* Sends pending heaps. If wait is true, sends only as many as the channel has room for now. Returns false if the
 * channel had no room for any heap. */
static bool hand_over_some(struct spead_recv_stream *stream, bool wait)
{
    struct speadi_outlet *outlet = &stream->outlet;
    uint32_t count = outlet->pending_count, sent = 0;

    if (wait && !outlet->receiver_gone) {
        uint32_t room = speadi_outlet_room(outlet);

        count = count < room ? count : room;
    }
    if (count == 0)
        return false;
    /* The heaps are counted before the consumer can see them. After a heap is sent, the owner thread must not read
     * it. */
    for (uint32_t i = 0; i < count; i++)
        deliver(stream, speadi_outlet_heap(&outlet->pending[i]));
    if (!outlet->receiver_gone)
        sent = send_some(outlet, count);
    wait = wait && !outlet->receiver_gone;
    for (uint32_t i = sent; i < count; i++)
        keep_or_shed(stream, speadi_outlet_heap(&outlet->pending[i]), wait);
    if (!wait)
        sent = count;
    speadi_outlet_remove(outlet, sent);
    return sent > 0;
}

bool speadi_recv_hand_over(struct spead_recv_stream *stream, bool wait)
{
    /* The loop sends until no heap is pending or the channel has no room. The channel wakes the stream later only if a
     * try has found no room. */
    while (stream->outlet.pending_count > 0 && hand_over_some(stream, wait))
        ;
    return stream->outlet.pending_count == 0;
}
