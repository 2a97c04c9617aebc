/* A heap's way: opened in a region of the pool, ended for one cause, handed over or given up. */
#include <errno.h>
#include <string.h>

#include <speadi/err.h>

#include "recv_stream.h"

/* ---- Opening ------------------------------------------------------------------------------- */

/* A packet for a heap that has ended. One that was counted as missing is not missing any more. */
static enum spead_recv_bucket too_late(struct spead_recv_stream *s,
                                       struct speadi_finished_heap *finished)
{
    if (finished->complete)
        return SPEAD_RECV_DUPLICATE;
    if (finished->missing > 0) {
        finished->missing--;
        s->ledger.totals->missing_packets--;
    }
    return SPEAD_RECV_LATE;
}

/* A start or stop heap need not have a counter of its own: spead2 numbers them 1, 2, ... by itself where
 * the data heaps were numbered by the caller. It must be heard all the same. */
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

static struct speadi_region *take_region(struct spead_recv_stream *s)
{
    struct speadi_region *region = speadi_pool_take(s->pool);

    if (region != NULL || s->outlet.pending_count == 0)
        return region;
    speadi_recv_hand_over(s, speadi_recv_waits_for_room(s)); /* what is shed comes back */
    return speadi_pool_take(s->pool);
}

static enum spead_recv_bucket no_memory(struct spead_recv_stream *s, uint64_t counter)
{
    s->ledger.totals->heaps_no_memory++;
    speadi_gap_tracker_open(&s->gaps, counter);
    speadi_finished_add(&s->finished, counter, false, 0, s->age_ns);
    return SPEAD_RECV_NO_MEMORY;
}

enum spead_recv_bucket speadi_recv_open_heap(struct spead_recv_stream *s,
                                             const struct speadi_packet *packet,
                                             struct speadi_live_heap **out, bool *paused)
{
    struct speadi_finished_heap *finished =
        speadi_finished_find(&s->finished, packet->heap_counter, s->age_ns);
    struct speadi_live_heap *occupant;
    struct speadi_region *region;
    enum spead_recv_bucket bucket;

    if (finished != NULL && !starts_or_stops(packet))
        return too_late(s, finished);
    if (s->layout.in_order && packet->payload_offset != 0)
        return SPEAD_RECV_OUT_OF_ORDER;
    bucket = speadi_live_heap_may_begin(&s->layout, packet); /* before it costs another heap */
    if (bucket != SPEAD_RECV_LIVE)
        return bucket;
    occupant = speadi_heap_table_occupant(&s->table, packet->heap_counter);
    if (occupant != NULL) {
        if (occupant->reservations > 0 && s->leaving_count == s->leaving_max)
            return SPEAD_RECV_OVER_CAP_LEAVING;
        speadi_recv_close_heap(s, occupant, SPEADI_RECV_BY_EVICTION);
    }
    region = take_region(s);
    if (region == NULL) {
        *paused = speadi_recv_waits_for_room(s) && s->outlet.pending_count > 0;
        return *paused ? SPEAD_RECV_NO_MEMORY : no_memory(s, packet->heap_counter);
    }
    *out = speadi_live_heap_open(region, &s->layout, packet);
    return SPEAD_RECV_LIVE;
}

/* Looks at the order of the packets since the last time, and says so when placement goes off or on. */
static void judge_placement(struct spead_recv_stream *s, const struct speadi_packet *packet)
{
    struct speadi_placement_policy *policy = &s->placement.policy;
    struct speadi_recv_totals *totals = s->ledger.totals;
    uint64_t packets = totals->placed + totals->bounced + totals->repaired;
    uint64_t window = s->placement.ask_bytes_max / (packet->payload_bytes + 1) + 1;

    if (window > s->placement.outstanding_max)
        window = s->placement.outstanding_max;
    if (!speadi_placement_policy_is_due(policy, packets) ||
        !speadi_placement_policy_judge(policy, packets, (unsigned)window))
        return;
    totals->placement_stops += policy->off;
    speadi_log(&s->config.log, SPEAD_LOG_INFO,
               "placement is %s: %.2f %% of %u packets or more did not follow the one before, "
               "and %u places are given away ahead",
               policy->off ? "off" : "on again", 100 * policy->loss,
               SPEADI_PLACEMENT_JUDGED_PACKETS, (unsigned)window);
}

static void choose_path(struct spead_recv_stream *s, struct speadi_live_heap *live,
                        const struct speadi_packet *packet)
{
    if (!s->placement.enabled || (s->config.receive_path != SPEAD_PATH_PLACED &&
                                  packet->payload_bytes < SPEADI_PLACEMENT_AUTO_BYTES))
        return;
    judge_placement(s, packet);
    live->placement_off = s->placement.policy.off;
    live->predicts = !live->placement_off;
}

void speadi_recv_heap_opened(struct spead_recv_stream *s, struct speadi_live_heap *live,
                             const struct speadi_rx_packet *raw, const struct speadi_packet *packet)
{
    struct spead_heap *heap = &live->heap;
    uint32_t slot = speadi_heap_table_take_slot(&s->table, heap->counter);

    heap->clock = (uint8_t)s->facts.clock;
    heap->source = raw->source;
    heap->first_ns = raw->time_ns;
    live->opened_ns = s->age_ns;
    live->drops_at_open = s->ledger.totals->kernel_drops;
    speadi_gap_tracker_open(&s->gaps, heap->counter);
    if (speadi_live_heap_is_complete(live))
        return; /* never looked for again: the table need not know it */
    choose_path(s, live, packet);
    speadi_heap_table_insert(&s->table, live, slot);
    /* Page faults now rather than packet by packet, up to a size that real heaps have shown. */
    if (heap->length <= s->largest_heap && heap->length > heap->region->charged_bytes)
        speadi_region_populate(heap->region, heap->length);
}

/* ---- Ending -------------------------------------------------------------------------------- */

static void count_incomplete(struct spead_recv_stream *s, struct speadi_live_heap *live,
                             enum speadi_recv_cause cause)
{
    struct speadi_recv_totals *totals = s->ledger.totals;

    if (cause == SPEADI_RECV_BY_EVICTION)
        totals->heaps_evicted++;
    else if (cause == SPEADI_RECV_BY_AGE)
        totals->heaps_timed_out++;
    else
        totals->heaps_flushed++;
    if (s->counters_ns != s->now_ns)
        speadi_recv_read_counters(s);
    live->heap.local_drops = totals->kernel_drops > live->drops_at_open;
    if (live->heap.local_drops)
        totals->gaps_with_local_drops += spead_heap_gaps(&live->heap, NULL, 0);
}

/* Fixes what the heap is, and remembers it. */
static void account(struct spead_recv_stream *s, struct speadi_live_heap *live,
                    enum speadi_recv_cause cause)
{
    struct spead_heap *heap = &live->heap;
    uint64_t missing = 0;

    speadi_live_heap_finish(live);
    if (live->placement_off)
        s->ledger.totals->placement_off_packets += heap->packets;
    if (speadi_live_heap_is_control(live))
        return;
    if (heap->complete) {
        if (heap->length > s->largest_heap)
            s->largest_heap = heap->length;
    } else {
        count_incomplete(s, live, cause);
        missing = speadi_heap_missing_packets(heap);
        s->ledger.totals->missing_packets += missing;
    }
    speadi_finished_add(&s->finished, heap->counter, heap->complete, missing, s->age_ns);
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

static void give_up(struct spead_recv_stream *s, struct speadi_live_heap *live,
                    enum spead_recv_bucket bucket)
{
    speadi_recv_ledger_move(&s->ledger, live->count, SPEAD_RECV_LIVE, bucket);
    speadi_region_release(live->heap.region);
}

/* The last that is done to its memory before others see it. */
static int settle_memory(struct spead_recv_stream *s, struct speadi_live_heap *live)
{
    struct spead_heap *heap = &live->heap;
    int ret = 0;

    if (!heap->complete && !s->config.keep_holes)
        ret = speadi_live_heap_zero_holes(live, &s->memory);
    if (ret == 0 && s->memory.ops != NULL)
        ret = speadi_heap_memory_flush(&s->memory, heap->region->offset, heap->length);
    return ret;
}

/* Nothing points into the heap any more. */
static void let_go(struct spead_recv_stream *s, struct speadi_live_heap *live,
                   enum speadi_recv_cause cause)
{
    if (speadi_live_heap_is_control(live)) {
        give_up(s, live, SPEAD_RECV_CONTROL);
    } else if (live->heap.complete || s->config.deliver_incomplete) {
        if (!live->memory_failed && settle_memory(s, live) == 0) {
            speadi_outlet_add(&s->outlet, &live->heap);
            return;
        }
        s->ledger.totals->heaps_region_error++;
        give_up(s, live, SPEAD_RECV_REGION_ERROR);
    } else {
        give_up(s, live, bucket_of(cause));
    }
}

void speadi_recv_close_heap(struct spead_recv_stream *s, struct speadi_live_heap *live,
                            enum speadi_recv_cause cause)
{
    if (s->table.slot[live->slot] == live)
        speadi_heap_table_remove(&s->table, live);
    account(s, live, cause);
    if (cause == SPEADI_RECV_COMPLETE)
        speadi_placement_forget(&s->placement, live);
    if (live->reservations == 0) {
        let_go(s, live, cause);
        return;
    }
    live->leaving_cause = cause;
    live->older = s->leaving;
    s->leaving = live;
    s->leaving_count++;
}

void speadi_recv_settle_leaving(struct spead_recv_stream *s)
{
    struct speadi_live_heap **link = &s->leaving;

    while (*link != NULL) {
        struct speadi_live_heap *live = *link;

        if (live->reservations > 0) {
            link = &live->older;
            continue;
        }
        *link = live->older;
        s->leaving_count--;
        let_go(s, live, (enum speadi_recv_cause)live->leaving_cause);
    }
}

bool speadi_recv_close_aged(struct spead_recv_stream *s)
{
    struct speadi_live_heap *live;

    if (s->config.heap_timeout_ns == 0)
        return false;
    while ((live = s->table.oldest) != NULL &&
           s->age_ns - live->opened_ns >= s->config.heap_timeout_ns) {
        if (live->reservations > 0)
            return true;
        speadi_recv_close_heap(s, live, SPEADI_RECV_BY_AGE);
    }
    return false;
}

/* ---- Handing over -------------------------------------------------------------------------- */

static void count_handed_over(struct spead_recv_stream *s, const struct spead_heap *heap,
                              uint64_t times)
{
    struct speadi_recv_totals *totals = s->ledger.totals;

    *(heap->complete ? &totals->heaps_complete : &totals->heaps_incomplete) += times;
    totals->payload_bytes += times * heap->received;
}

static void move(struct spead_recv_stream *s, const struct spead_heap *heap,
                 enum spead_recv_bucket from, enum spead_recv_bucket to)
{
    const struct speadi_live_heap *live = (const struct speadi_live_heap *)(const void *)heap;

    speadi_recv_ledger_move(&s->ledger, live->count, from, to);
    if (to == SPEAD_RECV_DELIVERED)
        count_handed_over(s, heap, 1);
    else
        count_handed_over(s, heap, -(uint64_t)1);
}

static void deliver(struct spead_recv_stream *s, struct spead_heap *heap)
{
    move(s, heap, SPEAD_RECV_LIVE, SPEAD_RECV_DELIVERED);
    /* Relaxed: the channel hands the heap on with release and acquire. */
    atomic_store_explicit(&heap->references, 1, memory_order_relaxed);
}

static void shed(struct spead_recv_stream *s, const struct spead_heap *heap)
{
    move(s, heap, SPEAD_RECV_DELIVERED, SPEAD_RECV_SHED);
    s->ledger.totals->heaps_shed++;
}

void speadi_recv_on_shed(void *stream, const struct spead_message *message,
                         enum spead_shed_cause cause)
{
    /* Left behind by the last receiver, on its thread: delivered, and the channel's to count. */
    if (cause != SPEAD_SHED_CANCELLED)
        shed(stream, speadi_outlet_heap(message));
}

/* The channel did not take it: it stays ours, or nobody will want it. */
static void keep_or_shed(struct spead_recv_stream *s, struct spead_heap *heap, bool keep)
{
    if (keep) {
        move(s, heap, SPEAD_RECV_DELIVERED, SPEAD_RECV_LIVE);
        return;
    }
    shed(s, heap);
    spead_heap_unref(heap);
}

/* Returns how many the channel took or shed. */
static uint32_t send_some(struct speadi_outlet *outlet, uint32_t count)
{
    uint32_t sent = 0;
    int ret = 0;

    while (sent < count && (ret = speadi_outlet_send(outlet, sent, count - sent)) > 0)
        sent += (uint32_t)ret;
    if (ret == -EPIPE || ret == -ECANCELED)
        outlet->gone = true;
    return sent;
}

/* False: there was room for none. */
static bool hand_over_some(struct spead_recv_stream *s, bool wait)
{
    struct speadi_outlet *outlet = &s->outlet;
    uint32_t count = outlet->pending_count, sent = 0;

    if (wait && !outlet->gone) {
        uint32_t room = speadi_outlet_room(outlet);

        count = count < room ? count : room;
    }
    if (count == 0)
        return false;
    /* Counted before the consumer can see them: afterwards they are not ours to read. */
    for (uint32_t i = 0; i < count; i++)
        deliver(s, speadi_outlet_heap(&outlet->pending[i]));
    if (!outlet->gone)
        sent = send_some(outlet, count);
    wait = wait && !outlet->gone;
    for (uint32_t i = sent; i < count; i++)
        keep_or_shed(s, speadi_outlet_heap(&outlet->pending[i]), wait);
    if (!wait)
        sent = count;
    speadi_outlet_remove(outlet, sent);
    return sent > 0;
}

bool speadi_recv_hand_over(struct spead_recv_stream *s, bool wait)
{
    /* Until there is no room: only then does the other side know that more is to come. */
    while (s->outlet.pending_count > 0 && hand_over_some(s, wait))
        ;
    return s->outlet.pending_count == 0;
}
