/* SPDX-License-Identifier: Apache-2.0 */
/* Hands over finished heaps to the consumer, and counts them. If the channel has no room for a heap, the heap stays
 * pending or is shed. */
#include <errno.h>

#include "recv_stream.h"

/* A stream that may pause reads again, and sheds heaps, when its source is as full as this. The rest of the source must
 * hold the packets that come until this thread looks again. */
#define PAUSE_FILL_MAX 0.5

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

    speadi_recv_move_heap(stream, live, from, to);
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

void speadi_recv_on_shed(void *arg, const struct spead_message *message,
                         enum spead_shed_cause cause)
{
    struct spead_recv_stream *stream = arg;
    struct spead_heap *heap = speadi_outlet_heap(message);
    const struct speadi_live_heap *live = (const struct speadi_live_heap *)(const void *)heap;

    /* CANCELLED means that the last receiving end closed and the heap was left in the channel. With this cause the
     * function may run on another thread, but only the owner thread may write the counters. */
    if (cause == SPEAD_SHED_CANCELLED)
        speadi_recv_tally_untaken(&stream->tally, heap, live->first_source, live->count,
                                  stream->layout.source_count);
    else
        shed(stream, heap);
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

/* Sends the first `count` pending heaps, which fit into the channel. Returns false if the channel took none of them. */
static bool send_fitting(struct spead_recv_stream *stream, uint32_t count)
{
    struct speadi_outlet *outlet = &stream->outlet;
    uint32_t sent;

    /* The heaps are counted before the consumer can see them. After a heap is sent, the owner thread must not read
     * it. */
    for (uint32_t i = 0; i < count; i++)
        deliver(stream, speadi_outlet_heap(&outlet->pending[i]));
    sent = send_some(outlet, count);
    for (uint32_t i = sent; i < count; i++)
        move(stream, speadi_outlet_heap(&outlet->pending[i]), SPEAD_RECV_DELIVERED,
             SPEAD_RECV_LIVE);
    speadi_outlet_remove(outlet, sent);
    return sent > 0;
}

/* Sheds the first `count` pending heaps. The channel counts them too, if it still has a receiving end. */
static void shed_pending(struct spead_recv_stream *stream, uint32_t count)
{
    struct speadi_outlet *outlet = &stream->outlet;

    for (uint32_t i = 0; i < count; i++) {
        struct spead_heap *heap = speadi_outlet_heap(&outlet->pending[i]);

        deliver(stream, heap);
        if (outlet->receiver_gone) {
            shed(stream, heap);
            spead_heap_unref(heap);
        }
    }
    if (!outlet->receiver_gone)
        speadi_outlet_shed(outlet, count);
    speadi_outlet_remove(outlet, count);
}

/* Sheds heaps, because the channel had no room at the last look, or because nobody receives. */
static void shed_for_room(struct spead_recv_stream *stream)
{
    struct speadi_outlet *outlet = &stream->outlet;

    if (outlet->receiver_gone || !outlet->sheds_oldest) {
        shed_pending(stream, outlet->pending_count);
        return;
    }
    /* If no heap is left in the channel, the consumer has taken the last one after that look. So there is room now, or
     * very soon: then only the oldest pending heap is shed, and the next look decides about the others. */
    if (!speadi_outlet_shed_oldest(outlet) && speadi_outlet_fitting(outlet) == 0)
        shed_pending(stream, 1);
}

bool speadi_recv_waits_for_room(struct spead_recv_stream *stream)
{
    uint64_t poll = stream->tally.totals->polls;

    if (stream->outlet.waits || stream->state == SPEADI_RECV_FLUSHING)
        return true;
    if (!stream->outlet.may_pause || !stream->ops->fill ||
        (stream->state != SPEADI_RECV_RUNNING && stream->now_ns >= stream->pause_end_ns))
        return false;
    if (stream->fill_poll != poll) /* one look for each poll, because it may cost system calls */
        stream->source_has_room = stream->ops->fill(stream->engine) < PAUSE_FILL_MAX;
    stream->fill_poll = poll;
    return stream->source_has_room;
}

bool speadi_recv_hand_over(struct spead_recv_stream *stream, bool may_wait)
{
    struct speadi_outlet *outlet = &stream->outlet;

    /* The loop sends until no heap is pending or the channel has no room. When a channel that blocks gets room, it
     * wakes the stream only if the stream has looked before and found no room. */
    while (outlet->pending_count > 0) {
        uint32_t count = outlet->receiver_gone ? 0 : speadi_outlet_fitting(outlet);

        if (count > 0 && send_fitting(stream, count))
            continue;
        if (may_wait && !outlet->receiver_gone && speadi_recv_waits_for_room(stream))
            return false;
        shed_for_room(stream);
    }
    return true;
}
