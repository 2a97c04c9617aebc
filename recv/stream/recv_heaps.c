/* Opens a heap in a region of the pool, ends the heap, and then hands it over to the consumer or discards it. */
#include <speadi/err.h>

#include "recv_stream.h"

/* ---- Opening ------------------------------------------------------------------------------- */

/* Returns the bucket of a packet whose heap has ended. If the packet was counted as missing, takes it out of that
 * count. */
static enum spead_recv_bucket too_late(struct spead_recv_stream *stream,
                                       struct speadi_finished_heap *finished)
{
    if (finished->complete)
        return SPEAD_RECV_DUPLICATE;
    stream->tally.totals->missing_packets -= speadi_finished_came_late(finished);
    return SPEAD_RECV_LATE;
}

/* Returns true if the packet carries a start or stop item. The stream must act on such a packet even if a heap with the
 * same heap counter has ended. The reason is spead2: it numbers its start and stop heaps 1, 2, ... itself, even if its
 * user has given the same numbers to data heaps. */
static bool starts_or_stops(const struct speadi_packet *packet)
{
    unsigned bits = packet->heap_address_bits;
    uint64_t start = speadi_pointer_immediate(bits, SPEAD_ID_STREAM_CONTROL, SPEAD_CONTROL_START);
    uint64_t stop = speadi_pointer_immediate(bits, SPEAD_ID_STREAM_CONTROL, SPEAD_CONTROL_STOP);

    for (uint32_t i = 0; i < packet->pointer_count; i++) {
        uint64_t pointer = speadi_packet_pointer(packet, i);

        if (pointer == start || pointer == stop)
            return true;
    }
    return false;
}

static struct speadi_block *take_region(struct spead_recv_stream *stream)
{
    struct speadi_block *region = speadi_pool_take(stream->pool);

    if (region || stream->outlet.pending_count == 0)
        return region;
    /* a heap that is shed frees its region */
    speadi_recv_hand_over(stream, speadi_recv_waits_for_room(stream));
    return speadi_pool_take(stream->pool);
}

static enum spead_recv_bucket no_memory(struct spead_recv_stream *stream, uint64_t counter)
{
    stream->tally.totals->heaps_no_memory++;
    speadi_gap_tracker_open(&stream->gaps, counter);
    speadi_finished_add(&stream->finished, counter, false, 0, stream->age_ns);
    return SPEAD_RECV_NO_MEMORY;
}

enum spead_recv_bucket speadi_recv_open_heap(struct spead_recv_stream *stream,
                                             const struct speadi_packet *packet,
                                             struct speadi_live_heap **out, bool *paused)
{
    struct speadi_finished_heap *finished =
        speadi_finished_find(&stream->finished, packet->heap_counter, stream->age_ns);
    struct speadi_live_heap *occupant;
    struct speadi_block *region;
    enum spead_recv_bucket bucket;

    if (finished && !starts_or_stops(packet))
        return too_late(stream, finished);
    if (stream->layout.in_order && packet->payload_offset != 0)
        return SPEAD_RECV_OUT_OF_ORDER;
    /* Make this check before the new heap evicts another heap. */
    bucket = speadi_live_heap_may_begin(&stream->layout, packet);
    if (bucket != SPEAD_RECV_LIVE)
        return bucket;
    occupant = speadi_heap_table_occupant(&stream->table, packet->heap_counter);
    if (occupant) {
        if (occupant->reservations > 0 && stream->leaving.count == stream->leaving_max)
            return SPEAD_RECV_OVER_CAP_LEAVING;
        speadi_recv_close_heap(stream, occupant, SPEADI_RECV_BY_EVICTION);
    }
    region = take_region(stream);
    if (!region) {
        *paused = speadi_recv_waits_for_room(stream) && stream->outlet.pending_count > 0;
        return *paused ? SPEAD_RECV_NO_MEMORY : no_memory(stream, packet->heap_counter);
    }
    *out = speadi_live_heap_open(region, &stream->layout, packet);
    return SPEAD_RECV_LIVE;
}

/* Updates the placement policy if enough packets have come. Writes to the log when the policy switches placing off or
 * on again. */
static void review_placement(struct spead_recv_stream *stream, const struct speadi_packet *packet)
{
    struct speadi_placement_policy *policy = &stream->placement.policy;
    struct spead_recv_counters *totals = stream->tally.totals;
    uint64_t packets = totals->placed + totals->bounced + totals->repaired;
    uint64_t window = stream->placement.ask_bytes_max / (packet->payload_bytes + 1) + 1;

    if (window > stream->placement.outstanding_max)
        window = stream->placement.outstanding_max;
    if (!speadi_placement_policy_is_due(policy, packets) ||
        !speadi_placement_policy_update(policy, packets, (unsigned)window))
        return;
    totals->placement_stops += policy->off;
    speadi_log_line(&stream->config.log, SPEAD_LOG_INFO,
                    "placement is %s: %.2f %% of %u packets or more did not follow the one before, "
                    "and %u places are given away ahead",
                    policy->off ? "off" : "on again", 100 * policy->loss,
                    SPEADI_PLACEMENT_REVIEW_PACKETS, (unsigned)window);
}

static void choose_path(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                        const struct speadi_packet *packet)
{
    if (!stream->placement.enabled || (stream->config.receive_path != SPEAD_PATH_PLACED &&
                                       packet->payload_bytes < SPEADI_PLACEMENT_AUTO_BYTES))
        return;
    review_placement(stream, packet);
    speadi_live_heap_allow_placement(live, stream->placement.policy.off);
}

void speadi_recv_heap_opened(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                             const struct speadi_rx_packet *raw, const struct speadi_packet *packet)
{
    struct spead_heap *heap = &live->heap;
    uint32_t slot = speadi_heap_table_claim_slot(&stream->table, heap->counter);

    speadi_live_heap_start(
        live, &(struct speadi_live_heap_start){.first_ns = raw->time_ns,
                                               .clock = (uint8_t)stream->facts.clock,
                                               .source = raw->source,
                                               .now_ns = stream->age_ns,
                                               .kernel_drops = stream->tally.totals->kernel_drops});
    speadi_gap_tracker_open(&stream->gaps, heap->counter);
    if (speadi_live_heap_is_complete(live))
        return; /* the heap is already complete, so it does not enter the table */
    choose_path(stream, live, packet);
    speadi_heap_table_insert(&stream->table, live, slot);
    /* Populate the pages now: else each packet would cause a page fault. A heap that is longer than every complete
     * heap so far is not populated, because its length may be forged. */
    if (heap->length <= stream->largest_heap && heap->length > heap->region->charged_bytes)
        speadi_block_populate(heap->region, heap->length);
}

/* ---- Ending -------------------------------------------------------------------------------- */

static void count_incomplete(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                             enum speadi_recv_cause cause)
{
    struct spead_recv_counters *totals = stream->tally.totals;

    if (cause == SPEADI_RECV_BY_EVICTION)
        totals->heaps_evicted++;
    else if (cause == SPEADI_RECV_BY_AGE)
        totals->heaps_timed_out++;
    else
        totals->heaps_flushed++;
    if (stream->counters_ns != stream->now_ns)
        speadi_recv_read_counters(stream);
    if (speadi_live_heap_note_drops(live, totals->kernel_drops))
        totals->gaps_with_local_drops += spead_heap_gaps(&live->heap, NULL, 0);
}

/* Notes in the heap how it has ended, counts the heap, and remembers it as finished. */
static void finish(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                   enum speadi_recv_cause cause)
{
    struct spead_heap *heap = &live->heap;
    uint64_t missing = 0;

    speadi_live_heap_finish(live);
    if (live->placement_off)
        stream->tally.totals->placement_off_packets += heap->packets;
    if (speadi_live_heap_is_control(live))
        return;
    if (heap->complete) {
        if (heap->length > stream->largest_heap)
            stream->largest_heap = heap->length;
    } else {
        count_incomplete(stream, live, cause);
        missing = speadi_heap_missing_packets(heap);
        stream->tally.totals->missing_packets += missing;
    }
    speadi_finished_add(&stream->finished, heap->counter, heap->complete, missing, stream->age_ns);
}

static enum spead_recv_bucket bucket_of(enum speadi_recv_cause cause)
{
    switch (cause) {
    case SPEADI_RECV_BY_EVICTION:
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
    speadi_recv_tally_move(&stream->tally, live->count, SPEAD_RECV_LIVE, bucket);
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

/* Hands the heap over, or discards it. The caller must make sure that no receive is posted into the heap any more. */
static void leave(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                  enum speadi_recv_cause cause)
{
    if (speadi_live_heap_is_control(live)) {
        give_up(stream, live, SPEAD_RECV_CONTROL);
    } else if (live->heap.complete || stream->config.deliver_incomplete) {
        if (!live->memory_failed && finish_memory(stream, live) == 0) {
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
    if (speadi_heap_table_has(&stream->table, live))
        speadi_heap_table_remove(&stream->table, live);
    finish(stream, live, cause);
    if (cause == SPEADI_RECV_COMPLETE)
        speadi_placement_forget(&stream->placement, live);
    if (live->reservations == 0)
        leave(stream, live, cause);
    else
        speadi_leaving_heaps_add(&stream->leaving, live, cause);
}

void speadi_recv_release_leaving(struct spead_recv_stream *stream)
{
    struct speadi_live_heap *live;

    while ((live = speadi_leaving_heaps_next(&stream->leaving)) != NULL)
        leave(stream, live, (enum speadi_recv_cause)live->leaving_cause);
}

bool speadi_recv_close_aged(struct spead_recv_stream *stream)
{
    struct speadi_live_heap *live;

    if (stream->config.heap_timeout_ns == 0)
        return false;
    while ((live = stream->table.oldest) != NULL &&
           stream->age_ns - live->opened_ns >= stream->config.heap_timeout_ns) {
        if (live->reservations > 0)
            return true;
        speadi_recv_close_heap(stream, live, SPEADI_RECV_BY_AGE);
    }
    return false;
}
