/* SPDX-License-Identifier: Apache-2.0 */
/* Ends a stream: reads the packets that have come, ends the live heaps, and lets the consumer take the finished
 * heaps. */
#include <errno.h>
#include <string.h>

#include <speadi/clock.h>

#include "recv_stream.h"

/* While the stop items do not end the stream, the stream looks again after this time. */
#define REVIEW_NS 100000000u

/* Notes why the stream ends. The first cause counts. */
static void note_end(struct spead_recv_stream *stream, enum spead_recv_end_cause cause)
{
    if (stream->end_cause == SPEAD_END_NONE)
        stream->end_cause = cause;
}

static void begin_drain(struct spead_recv_stream *stream, enum spead_recv_end_cause cause)
{
    note_end(stream, cause);
    stream->state = SPEADI_RECV_DRAINING;
    stream->deadline_ns = speadi_clock_after(stream->now_ns, stream->config.stop_drain_ns);
    stream->pause_end_ns = speadi_clock_after(stream->now_ns, stream->config.stop_drain_ns / 2);
}

static unsigned stop_calls(const struct spead_recv_stream *stream)
{
    /* STOP1 acquire: this thread sees all that the caller of stop() did before the call. */
    return atomic_load_explicit(&stream->stop_calls, memory_order_acquire);
}

void speadi_recv_check_stop(struct spead_recv_stream *stream)
{
    unsigned calls = stop_calls(stream);

    if (calls > 0 && stream->state == SPEADI_RECV_RUNNING)
        begin_drain(stream, SPEAD_END_STOP_CALL);
    if (stream->outlet.receiver_gone && stream->state < SPEADI_RECV_FLUSHING) {
        note_end(stream, SPEAD_END_NO_READER);
        speadi_recv_begin_flush(stream, -ESHUTDOWN); /* nobody would take the heaps */
    }
    if (stream->state == SPEADI_RECV_DRAINING &&
        (calls > 1 || stream->now_ns >= stream->deadline_ns)) {
        speadi_recv_begin_flush(stream, -ESHUTDOWN);
        speadi_recv_begin_unread(stream);
    }
}

void speadi_recv_check_stop_items(struct spead_recv_stream *stream)
{
    if (stream->stop_items == 0 || stream->state != SPEADI_RECV_RUNNING ||
        stream->now_ns < stream->stop_review_ns)
        return;
    stream->stop_review_ns = stream->now_ns + REVIEW_NS;
    if (speadi_recv_stop_items_suffice(stream))
        begin_drain(stream, SPEAD_END_STOP_ITEMS);
}

void speadi_recv_quiesce(struct spead_recv_stream *stream)
{
    if (!stream->quiesced)
        stream->ops->quiesce(stream->engine);
    stream->quiesced = true;
}

void speadi_recv_begin_flush(struct spead_recv_stream *stream, int result)
{
    note_end(stream, result == -ESHUTDOWN ? SPEAD_END_SOURCE : SPEAD_END_FAILED);
    /* Packets of a burst can be left here only if no receiving end is open any more, stop() was called twice, or the
     * deadline has passed. Such packets are counted, not processed. */
    while (stream->burst_is_out && stream->burst_next < stream->burst.count)
        speadi_recv_count_unread(stream, &stream->burst.packet[stream->burst_next++],
                                 SPEAD_RECV_AFTER_STOP);
    speadi_recv_quiesce(stream);
    if (stream->chunks && stream->ops->halt)
        stream->ops->halt(stream->engine); /* a chunk cannot exchange its memory */
    /* Else receives stay posted, and a heap into which they are posted exchanges its memory. */
    if (stream->ops->unreserve || (stream->chunks && stream->ops->halt))
        memcpy(stream->burst.reservations_ended, stream->placement.accepted,
               sizeof stream->burst.reservations_ended);
    speadi_recv_end_burst(stream);
    while (stream->table.oldest)
        speadi_recv_close_heap(stream, stream->table.oldest, SPEADI_RECV_BY_FLUSH);
    if (stream->chunks)
        speadi_recv_close_chunks(stream);
    speadi_recv_read_counters(stream);
    stream->state = SPEADI_RECV_FLUSHING;
    stream->deadline_ns = speadi_clock_after(stream->now_ns, stream->config.stop_drain_ns);
    stream->result = result;
}

void speadi_recv_flush(struct spead_recv_stream *stream)
{
    /* In a graph this deadline does not count: there drain() and cancel() of the graph limit how long the consumer may
     * take. */
    bool over = stream->now_ns >= stream->deadline_ns, now = stop_calls(stream) > 1;
    bool late = !stream->outlet.node && over;

    speadi_recv_count_unread_packets(stream, now || over || stream->outlet.receiver_gone);
    if (stream->chunks && stream->chunks->left_count > 0 && !now && !over)
        return; /* receives are still posted into a chunk */
    if (speadi_recv_hand_over(stream, !now && !late) && !stream->counting_unread)
        speadi_recv_end(stream, stream->result);
}

void speadi_recv_end(struct spead_recv_stream *stream, int result)
{
    note_end(stream, result == -ESHUTDOWN ? SPEAD_END_NO_READER : SPEAD_END_FAILED);
    stream->result = result;
    stream->state = SPEADI_RECV_ENDED;
    speadi_recv_say_never_in_sync(stream);
    speadi_outlet_close(&stream->outlet, result == -ESHUTDOWN ? 0 : result);
}
