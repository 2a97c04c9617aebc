/* Opens a heap in a region of the pool, ends the heap, and then hands it over to the consumer or discards it. */
#include <speadi/err.h>
#include <speadi/free_memory.h>

#include "recv_stream.h"

/* ---- Opening ------------------------------------------------------------------------------- */

/* Returns true if the packet surely came later than repeat_ns after the end of its heap. */
static bool came_much_later(const struct spead_recv_stream *stream,
                            const struct speadi_finished_heap *finished)
{
    uint64_t came_ns = stream->empty_ns;

    if (stream->age_ns > came_ns + SPEADI_RECV_STALL_NS)
        came_ns = stream->age_ns - SPEADI_RECV_STALL_NS;
    return came_ns > finished->time_ns && came_ns - finished->time_ns > stream->config.repeat_ns;
}

/* Returns the bucket of a packet whose heap has ended. If the packet was counted as missing, takes it out of that
 * count. */
static enum spead_recv_bucket too_late(struct spead_recv_stream *stream,
                                       struct speadi_finished_heap *finished,
                                       const struct speadi_packet *packet)
{
    if (speadi_finished_contradicts(finished, packet))
        return SPEAD_RECV_REPEATED_COUNTER;
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
    speadi_log_line(
        &stream->config.log, SPEAD_LOG_WARNING,
        "no memory for heap %llu: %u of the stream's heap regions are in use, and %u of "
        "them by live heaps; the consumer holds the others, or lets them wait: release "
        "heaps sooner, or raise held_heaps (--ring-heaps in spead-recv); refused heaps "
        "count as no-memory",
        (unsigned long long)counter, speadi_pool_out_blocks(stream->pool), stream->table.count);
}

/* Says in the log that a region is there, but that the limit of the memory leaves too little for its bytes. */
static void say_no_bytes(struct spead_recv_stream *stream, uint64_t counter)
{
    uint32_t in_use = speadi_pool_out_blocks(stream->pool), live = stream->table.count;
    char limit[SPEADI_BYTES_TEXT_MAX];
    struct speadi_pool_stats pool;

    speadi_pool_stats(stream->pool, &pool);
    speadi_log_line(&stream->config.log, SPEAD_LOG_WARNING,
                    "no memory for heap %llu: the heaps need more than %s; %u heaps are live, and "
                    "%u others hold memory: raise memory_bytes_max (--memory in spead-recv), or "
                    "lower heap_bytes_max (--max-heap-size); such heaps count as no-memory",
                    (unsigned long long)counter, speadi_bytes_text(limit, pool.memory_bytes_max),
                    live, in_use > live ? in_use - live : 0);
}

/* Says that a heap of this sender has opened, so that skipped counters are noticed. */
static void note_counter(struct spead_recv_stream *stream, uint32_t sender, uint64_t counter,
                         unsigned bits)
{
    uint32_t substreams = stream->config.substream_count;

    speadi_gap_trackers_open(&stream->gaps, speadi_sender_index(sender),
                             substreams == 1 ? 0 : (uint32_t)(counter % substreams), counter, bits);
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

void speadi_recv_starved(struct spead_recv_stream *stream, struct speadi_live_heap *live)
{
    if (live->starved)
        return;
    live->starved = true;
    if (stream->tally.totals->heaps_no_memory++ == 0)
        say_no_bytes(stream, live->heap.counter);
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
    speadi_block_release(live->heap.region); /* nobody has seen the heap yet */
}

static struct speadi_heap_key key_of(const struct spead_recv_stream *stream,
                                     const struct speadi_sender *sender, uint64_t counter)
{
    uint32_t substreams = stream->config.substream_count;
    uint32_t substream = substreams == 1 ? 0 : (uint32_t)(counter % substreams);

    return (struct speadi_heap_key){.counter = counter,
                                    .sender = sender->id,
                                    .ring = sender->endpoint * substreams + substream,
                                    .endpoint = sender->endpoint};
}

/* Returns the ended heap to which the packet belongs, or NULL if the packet opens a heap. A start or stop item opens a
 * heap, unless the packet is a copy: the user gets a heap once, and a copy begins no run. */
static struct speadi_finished_heap *ended_heap(const struct spead_recv_stream *stream,
                                               const struct speadi_sender *sender,
                                               const struct speadi_packet *packet)
{
    struct speadi_finished_heap *last =
        speadi_finished_last(&stream->finished, sender, packet->heap_counter);

    if (!last || speadi_finished_is_copy(last, packet, stream->age_ns, stream->config.repeat_ns))
        return last;
    return speadi_packet_starts_or_stops(packet)
               ? NULL
               : speadi_finished_find(&stream->finished, sender, packet->heap_counter,
                                      stream->age_ns);
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
    if (stream->tally.totals->heaps_no_memory++ == 0)
        say_no_region(stream, key->counter);
    refuse(stream, key, packet, slot);
}

enum spead_recv_bucket speadi_recv_open_heap(struct spead_recv_stream *stream,
                                             const struct speadi_sender *sender,
                                             const struct speadi_packet *packet,
                                             struct speadi_live_heap **out, bool *paused)
{
    const struct speadi_heap_key key = key_of(stream, sender, packet->heap_counter);
    struct speadi_finished_heap *finished = ended_heap(stream, sender, packet);
    struct speadi_block *region;
    enum spead_recv_bucket bucket;
    uint32_t slot;

    if (finished)
        return too_late(stream, finished, packet);
    /* Make this check before the new heap evicts another heap. */
    bucket = speadi_live_heap_may_begin(&stream->layout, packet);
    if (bucket != SPEAD_RECV_LIVE)
        return bucket;
    bucket = make_way(stream, sender, &key, packet, &slot);
    if (bucket != SPEAD_RECV_LIVE)
        return bucket;
    region = find_region(stream, sender, &key, packet, paused);
    if (!region) {
        if (!*paused)
            no_region(stream, &key, packet, slot);
        return SPEAD_RECV_NO_MEMORY;
    }
    if (__builtin_expect(stream->regions.share_bytes > 0, 0))
        speadi_block_set_user(region, sender->endpoint);
    *out = speadi_live_heap_open(region, &stream->layout, &key, packet);
    (*out)->slot = slot;
    return SPEAD_RECV_LIVE;
}

bool speadi_recv_note_control_heap(struct spead_recv_stream *stream, struct speadi_sender *sender,
                                   const struct speadi_packet *packet)
{
    const struct speadi_heap_key key = key_of(stream, sender, packet->heap_counter);
    const struct speadi_finished_heap *last =
        speadi_finished_last(&stream->finished, sender, packet->heap_counter);

    if (last && speadi_finished_is_copy(last, packet, stream->age_ns, stream->config.repeat_ns))
        return false;
    speadi_finished_add_control(&stream->finished, &key, sender, packet, stream->age_ns);
    return true;
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

/* A heap in a region that shares its pages is bounced on every path. Such a heap has at most 16 KiB, a few packets, so
 * a copy costs little; and the region could not exchange its memory, because its neighbours lie in the same pages. */
static void choose_path(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                        const struct speadi_packet *packet)
{
    if (!stream->placement.enabled || speadi_block_shares_pages(live->heap.region) ||
        (stream->config.receive_path != SPEAD_PATH_PLACED &&
         packet->payload_bytes < SPEADI_PLACEMENT_AUTO_BYTES))
        return;
    review_placement(stream, packet);
    speadi_live_heap_allow_placement(live, stream->placement.policy.off);
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
                                                            .clock = (uint8_t)stream->facts.clock,
                                                            .source = raw->source,
                                                            .now_ns = stream->age_ns,
                                                            .drops = stream->drops_before});
    if (!speadi_live_heap_is_control(live))
        note_counter(stream, live->sender, heap->counter, heap->heap_address_bits);
    if (speadi_live_heap_is_complete(live))
        return; /* the heap is already complete, so it does not enter the table */
    /* the items of the heap show that it is longer than its payload */
    if (live->slot == SPEADI_SLOT_NONE) {
        speadi_recv_close_heap(stream, live, SPEADI_RECV_BY_EVICTION);
        return;
    }
    /* A heap whose first packet was lost will hardly accept any packet in in-order mode. */
    if (heap->packets > 0)
        choose_path(stream, live, packet);
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

/* ---- Ending -------------------------------------------------------------------------------- */

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
    if (cause == SPEADI_RECV_BY_EVICTION)
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
    if (heap->complete)
        speadi_sender_heap_complete(&stream->senders, sender, heap->packets);
    else
        sender->heaps_incomplete++;
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

    speadi_recv_keep_gaps(stream, remember(stream, live), &live->heap, &missing);
}

/* Notes in the heap how it has ended, counts the heap, and remembers it as finished. */
static void finish(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                   enum speadi_recv_cause cause)
{
    struct spead_heap *heap = &live->heap;

    speadi_live_heap_finish(live, unsized_has_ended(stream, cause));
    if (live->placement_off)
        stream->tally.totals->placement_off_packets += heap->packets;
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

bool speadi_recv_is_wanted(const struct spead_recv_stream *stream,
                           const struct speadi_live_heap *live)
{
    return !speadi_live_heap_is_control(live) && !live->memory_failed &&
           (live->heap.complete || stream->config.deliver_incomplete);
}

/* Hands the heap over, or discards it. The caller must make sure that no receive is posted into the heap any more. */
static void leave(struct spead_recv_stream *stream, struct speadi_live_heap *live,
                  enum speadi_recv_cause cause)
{
    if (speadi_live_heap_is_control(live)) {
        give_up(stream, live, SPEAD_RECV_CONTROL);
    } else if (live->heap.complete || stream->config.deliver_incomplete) {
        if (!live->memory_failed && finish_memory(stream, live) == 0) {
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
