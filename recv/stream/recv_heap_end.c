/* SPDX-License-Identifier: Apache-2.0 */
/* Ends a heap, and then hands it over to the consumer or discards it. */
#include <speadi/cache_line.h>
#include <speadi/err.h>
#include <speadi/free_memory.h>
#include <speadi/numbers.h>

#include "recv_stream.h"

/* Says in the log that a region is there, but that the limit of the memory leaves too little for its bytes. */
static void say_no_bytes(struct spead_recv_stream *stream, uint64_t counter)
{
    uint32_t in_use = speadi_pool_out_blocks(stream->pool), live = stream->table.count;
    char limit[SPEADI_BYTES_TEXT_MAX], rest[SPEADI_LOG_PAUSE_TEXT_MAX];
    struct speadi_pool_stats pool;

    if (!speadi_log_pause_ends_after(&stream->no_bytes_said, stream->now_ns,
                                     SPEADI_RECV_NO_MEMORY_PAUSE_NS, rest))
        return;
    speadi_pool_stats(stream->pool, &pool);
    speadi_log_line(&stream->config.log, SPEAD_LOG_WARNING,
                    "no memory for heap %llu: the heaps need more than %s; %u heaps are live, and "
                    "%u others hold memory: raise memory_bytes_max (--memory in spead-recv), or "
                    "lower heap_bytes_max (--max-heap-size); such heaps count as no-memory%s",
                    (unsigned long long)counter, speadi_bytes_text(limit, pool.memory_bytes_max),
                    live, in_use > live ? in_use - live : 0, rest);
}

void speadi_recv_starved(struct spead_recv_stream *stream, struct speadi_live_heap *live)
{
    if (live->starved)
        return;
    live->starved = true;
    stream->tally.totals->heaps_no_memory++;
    say_no_bytes(stream, live->heap.counter);
}

/* Counts an incomplete heap, and the packets that are missing in it. */
static struct speadi_heap_missing count_incomplete(struct spead_recv_stream *stream,
                                                   struct speadi_live_heap *live,
                                                   enum speadi_recv_cause cause)
{
    struct spead_recv_counters *totals = stream->tally.totals;
    struct speadi_kernel_drops drops;
    struct speadi_heap_missing missing;

    if (cause == SPEADI_RECV_BY_EVICTION || cause == SPEADI_RECV_BY_AGE)
        speadi_recv_note_striping(stream, live);
    if (cause == SPEADI_RECV_BY_EVICTION || cause == SPEADI_RECV_BY_CHUNK)
        totals->heaps_evicted++;
    else if (cause == SPEADI_RECV_BY_AGE)
        totals->heaps_timed_out++;
    else
        totals->heaps_flushed++;
    /* The poll may have read the counters before its receive call. That call can drop datagrams too: it finds those
     * with a wrong checksum. */
    if (stream->drops_ns != stream->now_ns)
        speadi_recv_read_counters(stream);
    stream->drops_ns = stream->now_ns;
    drops = speadi_recv_kernel_drops(stream);
    speadi_live_heap_note_drops(live, &drops);
    missing = speadi_recv_count_missing(stream, live);
    if (live->heap.local_drops)
        totals->gaps_with_local_drops += missing.ranges;
    if (live->heap.checksum_drops)
        totals->gaps_with_checksum_drops += missing.ranges;
    if (speadi_live_heap_was_cut(live))
        totals->heaps_unsized_cut++;
    return missing;
}

/* Adds an ended heap to the memory of finished heaps, and counts it in the table of senders. Returns its entry in the
 * memory of finished heaps. */
static struct speadi_finished_heap *remember(struct spead_recv_stream *stream,
                                             const struct speadi_live_heap *live)
{
    const struct spead_heap *heap = &live->heap;
    const struct speadi_heap_key key = {
        .counter = heap->counter, .sender = live->sender, .ring = live->ring};
    struct speadi_sender *sender = speadi_sender_table_get(&stream->senders, live->sender);
    struct speadi_finished_heap *finished =
        speadi_finished_add(&stream->finished, &key, sender, stream->age_ns);

    finished->complete = heap->complete;
    finished->controls = (uint8_t)(live->control & SPEADI_CONTROL_START_OR_STOP);
    speadi_finished_describe(finished, heap);
    speadi_sender_heap_ended(&stream->senders, sender, heap->complete, heap->packets,
                             heap->received);
    return finished;
}

/* Tells whether nothing more can come for a heap without a declared length. */
static bool unsized_has_ended(const struct spead_recv_stream *stream, enum speadi_recv_cause cause)
{
    return cause == SPEADI_RECV_BY_FLUSH || stream->config.unsized_in_sequence;
}

static void finish_incomplete(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                              enum speadi_recv_cause cause)
{
    struct speadi_heap_missing missing = count_incomplete(stream, live, cause);
    struct speadi_finished_heap *finished = remember(stream, live);

    speadi_recv_keep_gaps(stream, finished, &live->heap, &missing);
    if (cause == SPEADI_RECV_BY_CHUNK)
        finished->refused_as = SPEAD_RECV_TOO_OLD;
}

/* A device writes payload in whole cache lines only if each packet begins at the start of a line, and it does so if the
 * payload of the packets is a multiple of a line. Counts the others of a heap, but no more than were placed since the
 * heap before it ended. Says it once. */
static void note_alignment(struct spead_recv_stream *stream, const struct speadi_live_heap *live)
{
    struct spead_recv_counters *totals = stream->tally.totals;
    const uint64_t placed = totals->placed - stream->placed_noted;
    const bool is_first = totals->unaligned_packets == 0;

    stream->placed_noted = totals->placed;
    if (placed == 0)
        return;
    totals->unaligned_packets += speadi_min_u64(
        placed, speadi_packet_sizes_unaligned(&live->sizes, live->heap.length, SPEADI_PAYLOAD_LINE,
                                              &totals->unaligned_payload_bytes));
    if (is_first && totals->unaligned_packets > 0)
        speadi_log_line(
            &stream->config.log, SPEAD_LOG_INFO,
            "packets have %llu bytes of payload, which is no multiple of %u: the device "
            "writes the first and the last cache line of each in part, which is slower; "
            "a sender with packets of %llu bytes of payload would be better",
            (unsigned long long)totals->unaligned_payload_bytes, SPEADI_PAYLOAD_LINE,
            (unsigned long long)(totals->unaligned_payload_bytes / SPEADI_PAYLOAD_LINE *
                                 SPEADI_PAYLOAD_LINE));
}

/* Notes in the heap how it has ended, counts the heap, and remembers it as finished. */
static void finish(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                   enum speadi_recv_cause cause)
{
    struct spead_heap *heap = &live->heap;

    speadi_live_heap_finish(live, unsized_has_ended(stream, cause));
    if (live->placement_off)
        stream->tally.totals->placement_off_packets += heap->packets;
    if (live->predicts && stream->ops->caps & SPEADI_RX_CAP_PINS)
        note_alignment(stream, live);
    if (speadi_live_heap_is_control(live))
        return;
    if (!heap->complete) {
        finish_incomplete(stream, live, cause);
        return;
    }
    speadi_recv_learn_sizes(stream, live);
    if (heap->length > stream->largest_heap)
        stream->largest_heap = heap->length;
    (void)remember(stream, live);
}

static enum spead_recv_bucket bucket_of(enum speadi_recv_cause cause)
{
    switch (cause) {
    case SPEADI_RECV_BY_EVICTION:
    case SPEADI_RECV_BY_CHUNK:
        return SPEAD_RECV_EVICTED;
    case SPEADI_RECV_BY_AGE:
        return SPEAD_RECV_TIMED_OUT;
    case SPEADI_RECV_BY_FLUSH:
        return SPEAD_RECV_FLUSHED;
    case SPEADI_RECV_COMPLETE:
        break;
    }
    return SPEAD_RECV_DELIVERED;
}

static void give_up(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                    enum spead_recv_bucket bucket)
{
    speadi_recv_move_heap(stream, live, SPEAD_RECV_LIVE, bucket);
    speadi_block_release(live->heap.region);
}

/* Zeroes the holes of the heap and flushes its memory, before the consumer sees the heap. */
static int finish_memory(struct spead_recv_stream *stream, struct speadi_live_heap *live)
{
    struct spead_heap *heap = &live->heap;
    int ret = 0;

    if (!heap->complete && !stream->config.keep_holes)
        ret = speadi_live_heap_zero_holes(live, &stream->memory);
    if (ret == 0 && stream->memory.ops)
        ret = speadi_heap_memory_flush(&stream->memory, heap->region->offset, heap->length);
    return ret;
}

/* Tells whether the consumer wants the heap as it has ended, and the stream can spare its memory. */
static bool is_asked_for(const struct spead_recv_stream *stream,
                         const struct speadi_live_heap *live)
{
    return live->heap.complete || (stream->config.deliver_incomplete && !live->gives_memory);
}

bool speadi_recv_is_wanted(const struct spead_recv_stream *stream,
                           const struct speadi_live_heap *live)
{
    return !speadi_live_heap_is_control(live) && !live->memory_failed && is_asked_for(stream, live);
}

/* Hands the heap over, or discards it. The caller must make sure that no receive is posted into the heap any more. */
static void leave(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                  enum speadi_recv_cause cause)
{
    if (__builtin_expect(stream->chunks != NULL, 0)) {
        speadi_recv_leave_to_chunk(stream, live);
        return;
    }
    if (speadi_live_heap_is_control(live)) {
        give_up(stream, live, SPEAD_RECV_CONTROL);
    } else if (is_asked_for(stream, live)) {
        if (!live->memory_failed && finish_memory(stream, live) == 0) {
            if (live->heap.complete && speadi_recv_compares(stream, live))
                speadi_recv_note_doubling(stream, live);
            if (__builtin_expect(!live->heap.has_length, 0))
                live = speadi_recv_fit_region(stream, live);
            speadi_outlet_add(&stream->outlet, &live->heap);
            return;
        }
        stream->tally.totals->heaps_region_error++;
        give_up(stream, live, SPEAD_RECV_REGION_ERROR);
    } else {
        give_up(stream, live, bucket_of(cause));
    }
}

void speadi_recv_close_heap(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                            enum speadi_recv_cause cause)
{
    bool was_live = speadi_heap_table_has(&stream->table, live);

    if (was_live)
        speadi_heap_table_remove(&stream->table, live);
    finish(stream, live, cause);
    if (was_live) /* after this the entry of the sender may be given to another sender */
        speadi_sender_heap_left(&stream->senders,
                                speadi_sender_table_get(&stream->senders, live->sender));
    if (live->reservations == 0 ||
        speadi_recv_detach(stream, live, speadi_recv_is_wanted(stream, live)))
        leave(stream, live, cause);
    else
        speadi_leaving_heaps_add(&stream->leaving, live, cause);
}

void speadi_recv_contradicted(struct spead_recv_stream *stream, struct speadi_live_heap *live)
{
    stream->tally.totals->heaps_contradicted++;
    speadi_live_heap_condemn(live);
    speadi_recv_close_heap(stream, live, SPEADI_RECV_BY_EVICTION);
}

void speadi_recv_release_leaving(struct spead_recv_stream *stream)
{
    struct speadi_live_heap *live;

    while ((live = speadi_leaving_heaps_next(&stream->leaving)) != NULL)
        leave(stream, live, (enum speadi_recv_cause)live->leaving_cause);
}

void speadi_recv_close_aged(struct spead_recv_stream *stream)
{
    struct speadi_live_heap *live;

    if (stream->config.heap_timeout_ns == 0)
        return;
    while ((live = stream->table.oldest) != NULL &&
           stream->age_ns - live->opened_ns >= stream->config.heap_timeout_ns)
        speadi_recv_close_heap(stream, live, SPEADI_RECV_BY_AGE);
}
