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

static void count_chunk(struct spead_recv_stream *stream, const struct spead_chunk *chunk,
                        uint64_t times)
{
    struct spead_recv_counters *totals = stream->tally.totals;

    *(speadi_chunk_is_whole(chunk) ? &totals->chunks_complete : &totals->chunks_incomplete) +=
        times;
    totals->heaps_complete += times * chunk->heaps_complete;
    totals->heaps_incomplete += times * chunk->heaps_incomplete;
    totals->payload_bytes += times * chunk->received;
}

static __attribute__((noinline)) void move_chunk(struct spead_recv_stream *stream,
                                                 const struct spead_chunk *chunk,
                                                 enum spead_recv_bucket from,
                                                 enum spead_recv_bucket to)
{
    speadi_recv_move_chunk(stream, chunk, from, to);
    count_chunk(stream, chunk, to == SPEAD_RECV_DELIVERED ? 1 : -(uint64_t)1);
}

/* Moves the packets of the heap or chunk between two buckets. One of the two is `delivered`. It is inline, because
 * otherwise a heap of one packet takes 2 % more instructions. */
static inline __attribute__((always_inline)) void move(struct spead_recv_stream *stream,
                                                       const struct spead_message *message,
                                                       enum spead_recv_bucket from,
                                                       enum spead_recv_bucket to)
{
    const struct spead_heap *heap;

    if (__builtin_expect(stream->chunks != NULL, 0)) {
        move_chunk(stream, speadi_recv_chunk(message), from, to);
        return;
    }
    heap = speadi_outlet_heap(message);
    speadi_recv_move_heap(stream, (const struct speadi_live_heap *)(const void *)heap, from, to);
    count_handed_over(stream, heap, to == SPEAD_RECV_DELIVERED ? 1 : -(uint64_t)1);
}

static void deliver(struct spead_recv_stream *stream, const struct spead_message *message)
{
    move(stream, message, SPEAD_RECV_LIVE, SPEAD_RECV_DELIVERED);
    if (__builtin_expect(stream->chunks != NULL, 0))
        speadi_chunk_share(speadi_recv_chunk(message));
    else
        speadi_live_heap_share((struct speadi_live_heap *)(void *)speadi_outlet_heap(message));
}

/* Returns true if the payload of the heap, or of heaps of the chunk, was copied by streaming stores. */
static bool is_streamed(const struct spead_recv_stream *stream, const struct spead_message *message)
{
    if (__builtin_expect(stream->chunks != NULL, 0))
        return stream->copying.streaming != NULL;
    return ((const struct speadi_live_heap *)(const void *)speadi_outlet_heap(message))->copy !=
           NULL;
}

static void shed(struct spead_recv_stream *stream, const struct spead_message *message)
{
    struct spead_recv_counters *totals = stream->tally.totals;

    move(stream, message, SPEAD_RECV_DELIVERED, SPEAD_RECV_SHED);
    if (stream->chunks) {
        const struct spead_chunk *chunk = speadi_recv_chunk(message);

        totals->chunks_shed++;
        totals->heaps_shed += chunk->heaps_complete + chunk->heaps_incomplete;
    } else {
        totals->heaps_shed++;
    }
}

/* Counts a heap or a chunk that was left in the channel when the last receiving end closed. */
static void count_untaken(struct spead_recv_stream *stream, const struct spead_message *message)
{
    struct speadi_recv_untaken_part part;

    if (stream->chunks) {
        const struct spead_chunk *chunk = speadi_recv_chunk(message);
        bool whole = speadi_chunk_is_whole(chunk);

        part = (struct speadi_recv_untaken_part){
            .complete = chunk->heaps_complete,
            .incomplete = chunk->heaps_incomplete,
            .payload_bytes = chunk->received,
            .chunks_complete = whole,
            .chunks_incomplete = !whole,
            .counts = chunk->count,
            .source_count = stream->source_count,
        };
    } else {
        const struct spead_heap *heap = speadi_outlet_heap(message);
        const struct speadi_live_heap *live = (const struct speadi_live_heap *)(const void *)heap;

        part = (struct speadi_recv_untaken_part){
            .complete = heap->complete,
            .incomplete = !heap->complete,
            .payload_bytes = heap->received,
            .counts = live->count,
            .first_source = live->first_source,
            .source_count = stream->layout.source_count,
        };
    }
    speadi_recv_tally_untaken(&stream->tally, &part);
}

void speadi_recv_on_shed(void *arg, const struct spead_message *message,
                         enum spead_shed_cause cause)
{
    struct spead_recv_stream *stream = arg;

    /* CANCELLED means that the last receiving end closed and the heap was left in the channel. With this cause the
     * function may run on another thread, but only the owner thread may write the counters. */
    if (cause == SPEAD_SHED_CANCELLED)
        count_untaken(stream, message);
    else
        shed(stream, message);
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
    bool streamed = false;
    uint32_t sent;

    /* The heaps are counted before the consumer can see them. After a heap is sent, the owner thread must not read
     * it. */
    for (uint32_t i = 0; i < count; i++) {
        streamed |= is_streamed(stream, &outlet->pending[i]);
        deliver(stream, &outlet->pending[i]);
    }
    if (streamed)
        speadi_streaming_fence();
    sent = send_some(outlet, count);
    for (uint32_t i = sent; i < count; i++)
        move(stream, &outlet->pending[i], SPEAD_RECV_DELIVERED, SPEAD_RECV_LIVE);
    speadi_outlet_remove(outlet, sent);
    return sent > 0;
}

/* Sheds the first `count` pending heaps. The channel counts them too, if it still has a receiving end. */
static void shed_pending(struct spead_recv_stream *stream, uint32_t count)
{
    struct speadi_outlet *outlet = &stream->outlet;

    for (uint32_t i = 0; i < count; i++) {
        const struct spead_message *message = &outlet->pending[i];

        deliver(stream, message);
        if (outlet->receiver_gone) {
            shed(stream, message);
            spead_message_unref(message);
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
