/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a heap in a region of the pool. */
#include <speadi/err.h>

#include "recv_stream.h"

/* Returns true if the packet surely came later than repeat_ns after the end of its heap. */
static bool came_much_later(const struct spead_recv_stream *stream,
                            const struct speadi_finished_heap *finished)
{
    uint64_t came_ns = speadi_recv_came_ns(stream);

    return came_ns > finished->time_ns && came_ns - finished->time_ns > stream->config.repeat_ns;
}

/* Returns the bucket of a packet whose heap has no place in a chunk any more. A heap that began before its chunk left
 * counts as too old once, when the first such packet comes. */
static enum spead_recv_bucket refused_before(struct spead_recv_stream *stream,
                                             struct speadi_finished_heap *finished,
                                             const struct speadi_packet *packet)
{
    if (finished->refused_as == SPEAD_RECV_TOO_OLD && !finished->refused_again) {
        finished->refused_again = true;
        stream->tally.totals->heaps_too_old++;
    }
    speadi_recv_came_late(stream, finished, packet);
    return finished->refused_as;
}

/* Returns the bucket of a packet whose heap has ended. If the packet was counted as missing, takes it out of that
 * count. */
static enum spead_recv_bucket too_late(struct spead_recv_stream *stream,
                                       struct speadi_finished_heap *finished,
                                       const struct speadi_packet *packet)
{
    if (finished->refused_as == SPEAD_RECV_BEFORE_START) {
        /* the heap is discarded to its end, however long it takes */
        finished->time_ns = stream->age_ns;
        return SPEAD_RECV_BEFORE_START;
    }
    if (speadi_finished_contradicts(finished, packet))
        return SPEAD_RECV_REPEATED_COUNTER;
    if (__builtin_expect(finished->refused_as != 0, 0))
        return refused_before(stream, finished, packet);
    if (finished->complete)
        return came_much_later(stream, finished) ? SPEAD_RECV_REPEATED_COUNTER
                                                 : SPEAD_RECV_DUPLICATE;
    speadi_recv_came_late(stream, finished, packet);
    return SPEAD_RECV_LATE;
}

/* Says in the log that no region is free. Then the consumer has all regions but those of the live heaps: no finished
 * heap waits in the stream, and live heaps have few regions. */
static void say_no_region(struct spead_recv_stream *stream, uint64_t counter)
{
    char rest[SPEADI_LOG_PAUSE_TEXT_MAX];

    if (!speadi_log_pause_ends_after(&stream->no_region_said, stream->now_ns,
                                     SPEADI_RECV_NO_MEMORY_PAUSE_NS, rest))
        return;
    speadi_log_line(
        &stream->config.log, SPEAD_LOG_WARNING,
        "no memory for heap %llu: %u of the stream's heap regions are in use, and %u of "
        "them by live heaps; the consumer holds the others, or lets them wait: release "
        "heaps sooner, or raise held_heaps (--ring-heaps in spead-recv); refused heaps "
        "count as no-memory%s",
        (unsigned long long)counter, speadi_pool_out_blocks(stream->pool), stream->table.count,
        rest);
}

/* Tells whether the packet can be a copy of a packet of this complete heap, which is forgotten because of a stop item:
 * networks can double packets, and a stop item overtakes some of the copies. */
static bool is_behind_stop(const struct spead_recv_stream *stream,
                           const struct speadi_sender *sender,
                           const struct speadi_finished_heap *last,
                           const struct speadi_packet *packet)
{
    return speadi_finished_is_behind_stop(last, sender) && last->complete && !last->is_control &&
           !came_much_later(stream, last) && !speadi_finished_contradicts(last, packet);
}

bool speadi_recv_is_copy_behind_stop(const struct spead_recv_stream *stream,
                                     const struct speadi_sender *sender,
                                     const struct speadi_packet *packet)
{
    const struct speadi_finished_heap *last =
        speadi_finished_last(&stream->finished, sender, packet->heap_counter);

    return last && is_behind_stop(stream, sender, last, packet);
}

/* Says that a heap of this sender has opened, so that skipped counters are noticed. */
static void note_counter(struct spead_recv_stream *stream, uint32_t sender, uint64_t counter,
                         unsigned bits)
{
    speadi_gap_trackers_open(&stream->gaps, speadi_sender_index(sender),
                             speadi_recv_substream(stream, counter), counter, bits);
}

/* Remembers a heap that could not begin as finished. So each such heap is counted once. */
static void refuse(struct spead_recv_stream *stream, const struct speadi_heap_key *key,
                   const struct speadi_packet *packet, uint32_t slot)
{
    struct speadi_sender *sender = speadi_sender_table_get(&stream->senders, key->sender);
    struct speadi_finished_heap *finished =
        speadi_finished_add(&stream->finished, key, sender, stream->age_ns);

    finished->heap_address_bits = packet->heap_address_bits;
    if (!speadi_packet_starts_or_stops(packet))
        note_counter(stream, key->sender, key->counter, packet->heap_address_bits);
    /* The window goes on, so that it pushes out heaps that wait for lost packets and keep the memory. */
    speadi_recv_slot_used(stream, key->ring, slot);
}

/* Remembers a heap that has no place in a chunk, so that the place function is asked once. It takes no slot. */
static void remember_refused(struct spead_recv_stream *stream, const struct speadi_heap_key *key,
                             struct speadi_sender *sender, const struct speadi_packet *packet,
                             enum spead_recv_bucket bucket)
{
    struct speadi_finished_heap *finished =
        speadi_finished_add(&stream->finished, key, sender, stream->age_ns);

    finished->heap_address_bits = packet->heap_address_bits;
    finished->refused_as = (uint8_t)bucket;
    finished->refused_again = true;
    if (!speadi_packet_starts_or_stops(packet))
        note_counter(stream, key->sender, key->counter, packet->heap_address_bits);
}

void speadi_recv_discard_new(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                             const struct speadi_packet *packet, enum spead_recv_bucket bucket)
{
    const struct speadi_heap_key key = {
        .counter = live->heap.counter, .sender = live->sender, .ring = live->ring};

    if (bucket == SPEAD_RECV_NO_MEMORY) {
        speadi_recv_starved(stream, live);
        refuse(stream, &key, packet, live->slot);
    }
    speadi_recv_release_new(stream, live);
}

static bool is_carrier_of(const struct spead_recv_stream *stream,
                          const struct speadi_finished_heap *last,
                          const struct speadi_packet *packet)
{
    return last && speadi_finished_is_copy(last, packet, speadi_recv_came_ns(stream),
                                           stream->config.repeat_ns);
}

bool speadi_recv_is_ended_carrier(const struct spead_recv_stream *stream,
                                  const struct speadi_sender *sender,
                                  const struct speadi_packet *packet)
{
    return is_carrier_of(
        stream, speadi_finished_last(&stream->finished, sender, packet->heap_counter), packet);
}

/* Returns the ended heap to which the packet belongs, or NULL if the packet opens a heap. A start or stop item opens a
 * heap, unless the packet is a copy: the user gets a heap once, and a copy begins no run. */
static struct speadi_finished_heap *ended_heap(const struct spead_recv_stream *stream,
                                               const struct speadi_sender *sender,
                                               const struct speadi_packet *packet)
{
    struct speadi_finished_heap *last =
        speadi_finished_last(&stream->finished, sender, packet->heap_counter);
    struct speadi_finished_heap *found;

    if (!last || is_carrier_of(stream, last, packet))
        return last;
    if (speadi_packet_starts_or_stops(packet))
        return NULL;
    found = speadi_finished_find(&stream->finished, sender, packet->heap_counter, stream->age_ns);
    return found || !is_behind_stop(stream, sender, last, packet) ? found : last;
}

/* Finds a slot for a new heap, and ends the heap that is in this slot. */
static enum spead_recv_bucket make_way(struct spead_recv_stream *stream,
                                       const struct speadi_sender *sender,
                                       const struct speadi_heap_key *key,
                                       const struct speadi_packet *packet, uint32_t *slot)
{
    struct speadi_live_heap *occupant;

    if (!speadi_recv_choose_slot(stream, sender, key->ring, packet, slot))
        return SPEAD_RECV_OVER_CAP_NEWCOMERS;
    occupant = *slot == SPEADI_SLOT_NONE ? NULL : stream->table.slot[*slot];
    if (occupant)
        speadi_recv_close_heap(stream, occupant, SPEADI_RECV_BY_EVICTION);
    return SPEAD_RECV_LIVE;
}

/* Takes a region. If there is none, ends older heaps, unless the stream may pause until the consumer has made room. */
static struct speadi_block *find_region(struct spead_recv_stream *stream,
                                        const struct speadi_sender *sender,
                                        const struct speadi_heap_key *key,
                                        const struct speadi_packet *packet, bool *paused)
{
    struct speadi_block *region = speadi_recv_take_region(stream, packet);
    bool again = true;

    if (__builtin_expect(region != NULL, 1))
        return region;
    *paused = stream->outlet.pending_count > 0 && speadi_recv_waits_for_room(stream);
    while (!*paused && !region && again &&
           speadi_recv_make_room(stream, sender, key->ring, NULL, &again))
        region = speadi_recv_take_region(stream, packet);
    return region;
}

static void no_region(struct spead_recv_stream *stream, const struct speadi_heap_key *key,
                      const struct speadi_packet *packet, uint32_t slot)
{
    stream->tally.totals->heaps_no_memory++;
    say_no_region(stream, key->counter);
    refuse(stream, key, packet, slot);
}

/* Makes the heap in this region. If the heap was expected, it gets the memory into which its receives are posted. */
static struct speadi_live_heap *begin_in(struct spead_recv_stream *stream,
                                         struct speadi_block *region,
                                         const struct speadi_heap_key *key,
                                         const struct speadi_packet *packet)
{
    struct speadi_placement *placement = &stream->placement;
    struct speadi_expected_heap *expected =
        placement->expected_count > 0
            ? speadi_placement_meet(placement, key->sender, packet, region)
            : NULL;
    struct speadi_live_heap *live = speadi_live_heap_open(region, &stream->layout, key, packet);

    if (expected)
        speadi_placement_bind(placement, expected, live);
    return live;
}

void speadi_recv_release_new(struct spead_recv_stream *stream, struct speadi_live_heap *live)
{
    /* The block of the heap that was expected has just come back, so the region can exchange its memory with it. */
    if (live->reservations > 0)
        (void)speadi_recv_detach(stream, live, false);
    speadi_recv_release_region(stream, live->heap.region);
}

enum spead_recv_bucket speadi_recv_open_heap(struct spead_recv_stream *stream,
                                             struct speadi_sender *sender,
                                             const struct speadi_rx_packet *raw,
                                             const struct speadi_packet *packet,
                                             struct speadi_live_heap **out, bool *paused)
{
    const struct speadi_heap_key key = speadi_recv_heap_key(stream, sender, packet->heap_counter);
    struct speadi_finished_heap *finished = ended_heap(stream, sender, packet);
    struct spead_chunk *chunk = NULL;
    struct speadi_block *region;
    enum spead_recv_bucket bucket;
    uint32_t slot;

    if (finished)
        return too_late(stream, finished, packet);
    /* Make this check before the new heap evicts another heap. */
    bucket = speadi_live_heap_may_begin(&stream->layout, packet);
    if (bucket != SPEAD_RECV_LIVE)
        return bucket;
    if (__builtin_expect(stream->chunks != NULL, 0)) {
        bucket = speadi_recv_find_place(stream, sender, raw, packet, &chunk, paused);
        if (bucket != SPEAD_RECV_LIVE) {
            if (!*paused)
                remember_refused(stream, &key, sender, packet, bucket);
            return bucket;
        }
    }
    bucket = make_way(stream, sender, &key, packet, &slot);
    if (bucket != SPEAD_RECV_LIVE)
        return bucket;
    region = find_region(stream, sender, &key, packet, paused);
    if (!region) {
        if (!*paused)
            no_region(stream, &key, packet, slot);
        return SPEAD_RECV_NO_MEMORY;
    }
    if (stream->regions.share_bytes > 0 && !speadi_block_shares_pages(region))
        speadi_block_set_user(region, sender->endpoint);
    if (chunk)
        speadi_chunk_window_aim(stream->chunks, region, chunk, &stream->chunks->answer.range);
    *out = begin_in(stream, region, &key, packet);
    (*out)->slot = slot;
    if (__builtin_expect(packet->heap_length >= stream->copying.heap_bytes_min, 0))
        speadi_recv_choose_copy_of(stream, *out, packet->heap_length);
    return SPEAD_RECV_LIVE;
}

bool speadi_recv_note_control_heap(struct spead_recv_stream *stream, struct speadi_sender *sender,
                                   const struct speadi_packet *packet)
{
    const struct speadi_heap_key key = speadi_recv_heap_key(stream, sender, packet->heap_counter);

    if (speadi_recv_is_ended_carrier(stream, sender, packet))
        return false;
    speadi_finished_add_control(&stream->finished, &key, sender, packet, stream->age_ns);
    return true;
}

static void say_placement(struct spead_recv_stream *stream, unsigned window)
{
    const struct speadi_placement_policy *policy = &stream->placement.policy;
    char rest[SPEADI_LOG_PAUSE_TEXT_MAX];

    if (speadi_log_pause_ends(&stream->placement_said[!policy->off], stream->now_ns, rest))
        speadi_log_line(
            &stream->config.log, SPEAD_LOG_INFO,
            "placement is %s: %.2f %% of %u packets or more did not follow the one before, "
            "and %u places are given away ahead%s",
            policy->off ? "off" : "on again", 100 * policy->loss, SPEADI_PLACEMENT_REVIEW_PACKETS,
            window, rest);
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
    say_placement(stream, (unsigned)window);
}

/* A heap in a region that shares its pages is bounced on every path. Such a heap has at most 16 KiB, a few packets, so
 * a copy costs little; and the region could not exchange its memory, because its neighbours lie in the same pages. */
static void choose_path(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                        const struct speadi_packet *packet, uint16_t inlet)
{
    struct speadi_prediction *prediction = &stream->placement.prediction[inlet];

    prediction->expects = false;
    if (!stream->placement.enabled || speadi_block_shares_pages(live->heap.region) ||
        (stream->config.receive_path != SPEAD_PATH_PLACED &&
         packet->payload_bytes < SPEADI_RX_AUTO_PLACED_BYTES))
        return;
    review_placement(stream, packet);
    speadi_live_heap_allow_placement(live, stream->placement.policy.off);
    if (live->reservations > 0) /* it was expected before placing was switched off */
        live->placement_off = false;
    prediction->expects = live->predicts && stream->placement.expects;
    prediction->size_class = live->heap.region->size_class;
}

void speadi_recv_heap_opened(struct spead_recv_stream *stream, struct speadi_sender *sender,
                             struct speadi_live_heap *live, const struct speadi_rx_packet *raw,
                             const struct speadi_packet *packet)
{
    struct spead_heap *heap = &live->heap;

    speadi_recv_slot_used(stream, live->ring, live->slot);
    if (!speadi_live_heap_is_control(live)) {
        sender->has_sent_data = true;
        sender->newest_counter = heap->counter;
    }
    heap->sender = sender->address;
    speadi_live_heap_start(live,
                           &(struct speadi_live_heap_start){.first_ns = raw->time_ns,
                                                            .clock = (uint8_t)stream->burst.clock,
                                                            .source = raw->source,
                                                            .now_ns = stream->age_ns,
                                                            .drops = stream->drops_before});
    if (!speadi_live_heap_is_control(live))
        note_counter(stream, live->sender, heap->counter, heap->heap_address_bits);
    if (__builtin_expect(stream->chunks != NULL, 0))
        speadi_recv_claim_place(stream, live);
    if (speadi_live_heap_is_complete(live))
        return; /* the heap is already complete, so it does not enter the table */
    /* the items of the heap show that it is longer than its payload */
    if (live->slot == SPEADI_SLOT_NONE) {
        speadi_recv_close_heap(stream, live, SPEADI_RECV_BY_EVICTION);
        return;
    }
    /* A heap whose first packet was lost will hardly accept any packet in in-order mode. */
    if (heap->packets > 0)
        choose_path(stream, live, packet, speadi_recv_inlet(stream, raw));
    speadi_heap_table_insert(&stream->table, live, live->slot);
    speadi_sender_heap_entered(&stream->senders, sender);
    if (speadi_recv_populates(stream, heap)) {
        stream->populate_due = true;
        return;
    }
    /* Populate the pages now: else each packet would cause a page fault. A heap that is longer than every complete
     * heap so far is not populated, because its length may be forged. */
    if (heap->packets > 0 && heap->length <= stream->largest_heap &&
        heap->length > heap->region->charged_bytes)
        speadi_block_populate(heap->region, heap->length);
}
