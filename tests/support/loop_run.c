/* SPDX-License-Identifier: Apache-2.0 */
/* See loop_run.h. */
#include "loop_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <speadi/clock.h>

#include "engine_names.h"

#define LOOP_ITEM_ID 0x1000u
/* The largest number of packets that are under way on a cable at the same time. A burst of the sender has at most this
 * many packets too. The number is less than the 64 places that can be reserved. */
#define AHEAD_MAX 16u
/* Bytes per second. The rate is so high that only the size of the burst limits the sender. */
#define CABLE_RATE 1e10
/* If nothing happens for this time, the run ends. Only a failing test waits this long. */
#define STUCK_NS 5000000000u
/* The time for which the run waits for missing packets, if packets can get lost in the case. */
#define LOST_NS 100000000u

struct loop {
    const struct loop_case *c;
    struct loop_result *result;
    struct spead_mem_link *link;
    struct spead_send_stream *tx;
    struct spead_recv_stream *rx;
    struct spead_recv_runner *runner; /* NULL unless the receiver has a thread of its own */
    struct spead_send_heap *heap[LOOP_GROUP_MAX], *stop;
    struct spead_send_slots *slots; /* NULL unless the case has slots */
    uint8_t *payload;               /* of all heaps of a group, one after another */
    uint8_t *taken; /* taken[c] is how often a complete heap with the heap counter c was taken */
    unsigned in_flight;
    bool tx_ended, rx_ended;
    uint64_t lost; /* packets on the cable for which the run no longer waits */
};

uint8_t loop_pattern(uint64_t counter, uint64_t offset)
{
    uint64_t x = (counter * 0x9e3779b97f4a7c15u) ^ (offset * 0xc2b2ae3d27d4eb4fu);

    return (uint8_t)((x >> 32) % 255 + 1);
}

bool loop_ledger_adds_up(const struct spead_recv_stats *stats)
{
    struct spead_count sum = {0};

    for (unsigned i = 0; i < stats->bucket_count; i++) {
        sum.packets += stats->total.bucket[i].packets;
        sum.bytes += stats->total.bucket[i].bytes;
    }
    return sum.packets == stats->total.seen.packets && sum.bytes == stats->total.seen.bytes;
}

bool loop_send_ledger_adds_up(const struct spead_send_stats *stats)
{
    struct spead_count sum = {0};

    for (unsigned i = 0; i < stats->bucket_count; i++) {
        sum.packets += stats->bucket[i].packets;
        sum.bytes += stats->bucket[i].bytes;
    }
    return sum.packets == stats->submitted.packets && sum.bytes == stats->submitted.bytes &&
           stats->counters.heaps_submitted ==
               stats->counters.heaps_sent + stats->counters.heaps_failed +
                   stats->counters.heaps_abandoned + stats->heaps_pending;
}

static bool could_not(struct loop *l, const char *what, int status, const struct spead_err *err)
{
    snprintf(l->result->error, sizeof l->result->error, "%s: %s (%s)", what, err->text,
             strerror(-status));
    return false;
}

static bool open_receiver(struct loop *l, const char *endpoint, struct spead_err *err)
{
    const struct loop_case *c = l->c;
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_verbs_config verbs = SPEAD_RECV_VERBS_CONFIG_INIT;

    config.engine = c->rx_engine;
    if (l->link) {
        config.links = &l->link;
        config.link_count = 1;
    } else {
        config.endpoints = &endpoint;
        config.endpoint_count = 1;
        config.interface = c->pair ? TEST_NEAR_INTERFACE : "lo";
    }
    verbs.mprq = c->mprq;
    config.engine_options = &verbs.options;
    config.fault = c->rx_fault;
    config.packet_bytes_max = c->rx_packet_bytes_max ? c->rx_packet_bytes_max : 65507;
    config.heap_arena = c->memory ? &c->memory->arena : NULL;
    config.receive_path = c->path;
    config.repeat_ns = UINT64_MAX; /* on a busy machine a duplicate can come late */
    config.substream_count = c->substreams ? c->substreams : 1;
    config.live_heaps_max = c->live_heaps ? c->live_heaps : 8;
    config.allow_out_of_order = c->allow_out_of_order;
    config.deliver_incomplete = c->deliver_incomplete;
    config.heap_timeout_ns = c->heap_timeout_ns;
    config.stop_drain_ns = STUCK_NS; /* what has come is read, however slowly */
    config.heap_bytes_max = c->heap_bytes > 4096 ? c->heap_bytes : 4096;
    config.ranges_max = 16384;
    /* The consumer takes heaps only between two polls. So the channel must have room for all heaps that end in one
     * poll. */
    config.hand_over_heaps = c->hand_over_heaps ? c->hand_over_heaps : 1100;
    int status = spead_recv_stream_create(&l->rx, &config, err);
    if (status == 0)
        status = c->paced_bytes_per_s > 0 ? spead_recv_runner_start(&l->runner, l->rx, -1, err)
                                          : spead_recv_stream_start(l->rx, err);
    return status == 0 || could_not(l, "receiver", status, err);
}

static int open_slots(struct loop *l, struct spead_send_memory *memory)
{
    struct spead_send_slots_config config = SPEAD_SEND_SLOTS_CONFIG_INIT;

    config.slot_count = LOOP_GROUP_MAX;
    config.slot_bytes = l->c->heap_bytes;
    config.item_id = l->c->heap_bytes > 0 ? LOOP_ITEM_ID : 0;
    int status = spead_send_slots_create(&l->slots, &config, NULL);
    if (status == 0)
        spead_send_slots_memory(l->slots, memory);
    return status;
}

static bool open_sender(struct loop *l, const char *endpoint, struct spead_err *err)
{
    const struct loop_case *c = l->c;
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_memory memory = {0};
    int status = 0;

    config.engine = c->tx_engine;
    if (l->link) {
        config.links = &l->link;
        config.link_count = 1;
    } else {
        config.endpoints = &endpoint;
        config.endpoint_count = 1;
        config.interface = c->pair ? TEST_FAR_INTERFACE : "lo";
    }
    if (c->pair) {
        config.rate_bytes_per_s = CABLE_RATE;
        config.burst_bytes = AHEAD_MAX * c->packet_bytes;
    }
    if (c->paced_bytes_per_s > 0)
        config.rate_bytes_per_s = c->paced_bytes_per_s;
    config.fault = c->tx_fault;
    config.send_path = c->send_path;
    config.packet_bytes_max = c->packet_bytes;
    config.packet_payload_bytes = c->packet_payload_bytes;
    config.mix_heaps = c->mix_heaps;
    config.hardware_tso = c->hardware_tso;
    if (c->slots) {
        status = open_slots(l, &memory);
        config.memory = &memory;
        config.memory_count = memory.bytes > 0;
    }
    if (status == 0)
        status = spead_send_stream_create(&l->tx, &config, err);
    if (status == 0)
        status = spead_send_stream_start(l->tx, err);
    return status == 0 || could_not(l, "sender", status, err);
}

/* Returns how many heaps are submitted at a time. */
static unsigned at_a_time(const struct loop *l)
{
    return l->c->group ? l->c->group : 1;
}

static bool open_heap(struct loop *l, unsigned number, struct spead_flavour flavour)
{
    const struct loop_case *c = l->c;
    unsigned items = c->items ? c->items : 1;
    int status = spead_send_heap_create(&l->heap[number], flavour);

    for (unsigned i = 0; status >= 0 && i < items && c->heap_bytes > 0; i++) {
        uint64_t from = c->heap_bytes * i / items, to = c->heap_bytes * (i + 1) / items;
        status =
            spead_send_heap_add_item(l->heap[number], LOOP_ITEM_ID + i,
                                     l->payload + number * c->heap_bytes + from, to - from, false);
    }
    return status >= 0 || could_not(l, "heap", status, &(struct spead_err){0});
}

static bool open_heaps(struct loop *l)
{
    const struct loop_case *c = l->c;
    struct spead_flavour flavour = {c->heap_address_bits ? c->heap_address_bits : 48};

    l->payload = malloc(c->heap_bytes ? c->heap_bytes * at_a_time(l) : 1);
    l->taken = calloc(c->heaps + 2, 1);
    if (!l->payload || !l->taken || spead_send_heap_create(&l->stop, flavour) < 0 ||
        spead_send_heap_add_control(l->stop, SPEAD_CONTROL_STOP) < 0)
        return could_not(l, "heap", -ENOMEM, &(struct spead_err){0});
    for (unsigned i = 0; i < at_a_time(l); i++)
        if (!open_heap(l, i, flavour))
            return false;
    return true;
}

static void check_bytes(struct loop *l, const struct spead_heap *heap)
{
    static struct spead_gap gaps[20000];
    const uint8_t *data =
        l->c->memory ? apart_memory_payload(l->c->memory, heap) : spead_heap_payload(heap);
    uint64_t length = spead_heap_length(heap), at = 0;
    size_t count = spead_heap_gaps(heap, gaps, sizeof gaps / sizeof gaps[0]), g = 0;

    /* If the heap has no payload, the packetiser fills it with padding bytes. The value of padding is not defined, so
     * the loop does not check it. */
    while (at < length && l->c->heap_bytes > 0) {
        bool in_gap = g < count && at >= gaps[g].offset;
        uint64_t end =
            g < count ? (in_gap ? gaps[g].offset + gaps[g].bytes : gaps[g].offset) : length;
        for (; at < end && at < length; at++) {
            uint8_t want =
                in_gap || at >= l->c->heap_bytes ? 0 : loop_pattern(spead_heap_counter(heap), at);
            if (data[at] != want)
                *(in_gap ? &l->result->dirty_hole_bytes : &l->result->wrong_bytes) += 1;
        }
        g += in_gap;
    }
}

static void take_all(struct loop *l)
{
    struct spead_heap *heap;
    int status;

    while ((status = spead_recv_stream_try_take(l->rx, &heap)) == 0) {
        uint64_t counter = spead_heap_counter(heap);
        check_bytes(l, heap);
        if (!spead_heap_is_complete(heap))
            l->result->incomplete++;
        else if (counter <= l->c->heaps) {
            l->result->complete++;
            l->result->repeated_heaps += l->taken[counter]++ > 0;
        }
        spead_heap_unref(heap);
    }
}

static void receive_until_empty(struct loop *l)
{
    int status;

    if (l->runner)
        take_all(l);
    while (!l->runner && !l->rx_ended && (status = spead_recv_stream_poll(l->rx)) != 0) {
        struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
        spead_recv_stream_stats(l->rx, &stats);
        l->result->torn_snapshots += !loop_ledger_adds_up(&stats);
        take_all(l);
        if (status < 0)
            l->rx_ended = true;
    }
}

struct loop_counts {
    /* The number of packets that the sender has sent, and the number that the receiver has seen. Duplicates are not
     * counted, because a fault decorator makes them after the sender has counted. */
    uint64_t sent, seen;
};

static struct loop_counts count_packets(struct loop *l)
{
    struct spead_send_stats sent = SPEAD_SEND_STATS_INIT;
    struct spead_recv_stats seen = SPEAD_RECV_STATS_INIT;

    spead_send_stream_stats(l->tx, &sent);
    spead_recv_stream_stats(l->rx, &seen);
    return (struct loop_counts){sent.bucket[SPEAD_SEND_SENT].packets,
                                seen.total.seen.packets -
                                    seen.total.bucket[SPEAD_RECV_DUPLICATE].packets};
}

/* Tells whether packets or heaps are under way for which receive_until() waits. */
static bool is_under_way(const struct loop *l, const struct loop_counts *now, uint64_t ahead_max,
                         unsigned heaps)
{
    if (l->c->lost)
        return now->sent > now->seen + l->c->lost() + l->lost + ahead_max;
    return now->sent > now->seen + l->lost + ahead_max || l->result->complete < heaps;
}

/* Only for a case with a cable; otherwise the function does nothing. It reads until at most `ahead_max` packets are
 * under way and `heaps` heaps were taken. If nothing comes for a long time, the function counts the missing packets as
 * lost, and later calls do not wait for them. */
static void receive_until(struct loop *l, uint64_t ahead_max, unsigned heaps)
{
    const uint64_t patience = l->c->lossy ? LOST_NS : STUCK_NS;
    struct loop_counts now = count_packets(l);
    uint64_t deadline = speadi_clock_mono_ns() + patience;

    while (l->c->pair && !l->rx_ended && is_under_way(l, &now, ahead_max, heaps)) {
        uint64_t before = now.seen;

        if (l->runner)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        else
            spead_recv_stream_wait(l->rx, speadi_clock_mono_ns() + 1000000);
        receive_until_empty(l);
        now = count_packets(l);
        if (now.seen != before)
            deadline = speadi_clock_mono_ns() + patience;
        if (speadi_clock_mono_ns() < deadline)
            continue;
        l->lost = now.sent > now.seen ? now.sent - now.seen : 0;
        return;
    }
}

static void heap_done(void *arg, const struct spead_send_result *result)
{
    struct loop *l = arg;

    (void)result;
    l->in_flight--;
}

/* Polls until all heaps in flight are done. Between the bursts of the sender, the receiver reads what has come. */
static bool send_rest(struct loop *l)
{
    while (l->in_flight > 0) {
        int status = spead_send_stream_poll(l->tx);

        if (status < 0)
            return could_not(l, "send", status, &(struct spead_err){0});
        receive_until_empty(l);
        if (!l->runner)
            receive_until(l, AHEAD_MAX, 0);
        if (status == 0 && l->in_flight > 0)
            spead_send_stream_wait(l->tx, l->runner ? 0 : 1);
    }
    return true;
}

/* Sends one whole heap. */
static bool send_one(struct loop *l, const struct spead_send_heap *heap)
{
    struct spead_send_options options = {.done = heap_done, .done_arg = l};
    int status = spead_send_stream_submit(l->tx, heap, &options);

    if (status < 0)
        return could_not(l, "submit", status, &(struct spead_err){0});
    l->in_flight = 1;
    return send_rest(l);
}

/* Fills a free slot and submits it. Polls until a slot is free, so several heaps are in flight. */
static bool send_slot(struct loop *l, unsigned counter)
{
    struct spead_send_slot *slot;
    int status;

    while (spead_send_slots_acquire(l->slots, &slot, SPEAD_DEADLINE_NOW) < 0) {
        status = spead_send_stream_poll(l->tx);
        if (status < 0)
            return could_not(l, "send", status, &(struct spead_err){0});
        receive_until_empty(l);
        receive_until(l, AHEAD_MAX, 0);
    }
    for (uint64_t o = 0; o < l->c->heap_bytes; o++)
        ((uint8_t *)slot->data)[o] = loop_pattern(counter, o);
    status = spead_send_slot_submit(slot, l->tx, NULL);
    return status == 0 || could_not(l, "submit", status, &(struct spead_err){0});
}

/* Sends the next heaps: one whole group, or one heap. `counter` is the counter of the first of them. */
static bool send_next(struct loop *l, unsigned counter)
{
    const struct loop_case *c = l->c;
    struct spead_send_group_heap group[LOOP_GROUP_MAX] = {{0}};
    int status;

    if (l->slots)
        return send_slot(l, counter);
    for (unsigned i = 0; i < at_a_time(l); i++) {
        for (uint64_t o = 0; o < c->heap_bytes; o++)
            l->payload[i * c->heap_bytes + o] = loop_pattern(counter + i, o);
        group[i] = (struct spead_send_group_heap){.heap = l->heap[i],
                                                  .options = {.done = heap_done, .done_arg = l}};
    }
    if (c->group == 0)
        return send_one(l, l->heap[0]);
    status = spead_send_stream_submit_group(l->tx, group, c->group, c->group_order);
    if (status < 0)
        return could_not(l, "submit", status, &(struct spead_err){0});
    l->in_flight = c->group;
    return send_rest(l);
}

/* Polls until no slot is in flight. */
static bool finish_slots(struct loop *l)
{
    while (l->slots && spead_send_slots_flush(l->slots, SPEAD_DEADLINE_NOW) < 0) {
        if (spead_send_stream_poll(l->tx) < 0)
            return false;
        receive_until_empty(l);
        receive_until(l, AHEAD_MAX, 0);
    }
    return true;
}

/* Waits until the thread of the receiver has ended, if it has one of its own. */
static void join(struct loop *l)
{
    if (!l->runner)
        return;
    spead_recv_runner_join(l->runner, NULL);
    l->runner = NULL;
    l->rx_ended = true;
}

/* Ends the receiver by a stop heap. Where a stop heap could do harm, the function calls spead_recv_stream_stop()
 * instead. There are two such cases. A fault decorator could lose the stop heap, or deliver it earlier than data. On a
 * cable, the first packet of the stop heap ends the receiver, and its second packet could come too late to be
 * counted. */
static bool finish(struct loop *l)
{
    bool sent =
        finish_slots(l) && (l->c->pair || l->c->tx_fault || l->c->rx_fault || send_one(l, l->stop));

    spead_send_stream_stop(l->tx);
    while (spead_send_stream_poll(l->tx) >= 0)
        ;
    if (l->link)
        spead_mem_link_close(l->link);
    receive_until_empty(l);
    receive_until(l, 0, l->c->heaps);
    spead_recv_stream_stop(l->rx);
    join(l);
    for (int status = 0; !l->rx_ended; l->rx_ended = status < 0) {
        status = spead_recv_stream_poll(l->rx);
        take_all(l);
    }
    take_all(l);
    return sent;
}

static bool run_case(struct loop *l)
{
    const struct loop_case *c = l->c;
    struct spead_err err = {0};
    char to[80], from[80];

    if (test_engine_kind(c->tx_engine) == TEST_MEM &&
        spead_mem_link_create(&l->link, 4096, c->packet_bytes, &err) < 0)
        return could_not(l, "link", -ENOMEM, &err);
    snprintf(to, sizeof to, "%s:7148", c->host ? c->host : "");
    snprintf(from, sizeof from, "%s:7148", c->host ? c->host : "");
    if (c->pair)
        test_netns_move(c->pair->near);
    if (!open_receiver(l, from, &err))
        return false;
    if (c->pair)
        test_netns_move(c->pair->far);
    if (!open_sender(l, to, &err) || !open_heaps(l))
        return false;
    for (unsigned i = 1; i <= c->heaps; i += at_a_time(l))
        if (!send_next(l, i))
            return false;
    return finish(l);
}

bool loop_run(const struct loop_case *c, struct loop_result *result)
{
    struct loop l = {.c = c, .result = result};

    *result =
        (struct loop_result){.sent = SPEAD_SEND_STATS_INIT, .received = SPEAD_RECV_STATS_INIT};
    bool ran = run_case(&l);
    if (l.runner) /* the run has failed */
        spead_recv_stream_stop(l.rx);
    join(&l);
    if (l.tx)
        spead_send_stream_stats(l.tx, &result->sent);
    if (l.rx)
        spead_recv_stream_stats(l.rx, &result->received);
    spead_send_stream_destroy(l.tx);
    spead_send_slots_destroy(l.slots);
    spead_recv_stream_destroy(l.rx);
    for (unsigned i = 0; i < LOOP_GROUP_MAX; i++)
        spead_send_heap_destroy(l.heap[i]);
    spead_send_heap_destroy(l.stop);
    spead_mem_link_unref(l.link);
    free(l.payload);
    free(l.taken);
    return ran;
}
