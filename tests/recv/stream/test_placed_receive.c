/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: with placed receive every heap is right, also if a prediction was wrong and payload landed in another place.
 * Method: a scripted engine puts each packet into the next reserved range, whichever packet it is. Then the stream
 * reads the same packets without placement, and once more with placement into memory that the CPU must not touch. Heaps
 * and ledger must be the same each time. A region still contains bytes of an earlier heap. So the test finds wrong
 * bytes if a packet is not moved to its own place, or is overwritten before it is moved. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/page_size.h>

#include "apart_memory.h"
#include "recv_rig.h"

#define PACKETS    40u /* number of packets of one heap */
#define BYTES      64u /* payload bytes of one packet */
#define HEAP_BYTES (PACKETS * BYTES)
#define WIRE_MAX   2048u
#define HEAPS_MAX  32u

struct sent {
    uint64_t counter, offset;
    uint32_t bytes;
    /* The number of NULL item pointers in the packet. They make its header longer than other headers. */
    uint32_t pad;
};

static struct sent wire[WIRE_MAX];
static unsigned wire_count;
static struct recv_rig rig;
static struct apart_memory apart;

static void send_part(uint64_t counter, uint64_t offset, uint32_t bytes)
{
    cr_assert_lt(wire_count, WIRE_MAX);
    wire[wire_count++] = (struct sent){.counter = counter, .offset = offset, .bytes = bytes};
}

/* Sends the packets `first` to `last` - 1 of a heap. */
static void send_packets(uint64_t counter, unsigned first, unsigned last)
{
    for (unsigned i = first; i < last; i++)
        send_part(counter, i * BYTES, BYTES);
}

static void send_heap(uint64_t counter)
{
    send_packets(counter, 0, PACKETS);
}

struct mode {
    bool posts_ahead;
    bool out_of_order;
    unsigned poll_max;
    unsigned window;
    /* The largest number of live heaps. 0 means 8; with 8 live heaps the stream evicts no heap. */
    unsigned live;
    /* If true, heaps lie in memory that the CPU must not touch, and the engine acts as a NIC. */
    bool apart;
};

struct outcome {
    char buckets[1024];
    uint64_t received[HEAPS_MAX]; /* for each heap counter: bytes of the heap that arrived */
    uint64_t heaps, missing;
    uint64_t placed, repaired, bounced;
    /* The largest number of packets that waited in spare buffers at the same time. */
    uint32_t parked;
};

static void push_sent(const struct sent *sent)
{
    uint8_t payload[HEAP_BYTES];

    for (uint32_t i = 0; i < sent->bytes; i++)
        payload[i] = test_packet_byte(sent->counter, sent->offset + i);
    test_packet_specials(&rig.packet, 40, sent->counter, HEAP_BYTES, sent->offset, sent->bytes);
    for (uint32_t i = 0; i < sent->pad; i++)
        test_packet_immediate(&rig.packet, SPEAD_ID_NULL, 0);
    test_packet_payload(&rig.packet, payload, sent->bytes);
    recv_rig_push(&rig);
}

static void take_heaps(struct outcome *outcome)
{
    struct spead_heap *heap;

    while ((heap = recv_rig_take(&rig)) != NULL) {
        if (spead_heap_payload(heap) != NULL)
            cr_assert(recv_rig_heap_is_right(heap));
        else
            cr_assert(recv_rig_payload_is_right(heap, apart_memory_payload(&apart, heap)));
        outcome->received[heap->counter % HEAPS_MAX] += spead_heap_received(heap);
        outcome->heaps++;
        spead_heap_unref(heap);
    }
}

static void init_mode(const struct mode *mode, enum spead_receive_path path)
{
    recv_rig_init(&rig);
    rig.config.receive_path = path;
    rig.config.allow_out_of_order = mode->out_of_order;
    rig.config.deliver_incomplete = true;
    rig.config.heap_bytes_max = HEAP_BYTES;
    rig.config.live_heaps_max = mode->live != 0 ? mode->live : 8;
    rig.config.hand_over_heaps = 16;
    rig.engine->posts_ahead = mode->posts_ahead;
    rig.engine->poll_max = mode->poll_max;
    rig.engine->window = mode->window;
    if (mode->apart) {
        apart_memory_open(&apart, 1u << 20);
        rig.config.heap_arena = &apart.arena;
        rig.config.packet_bytes_max = 1024;
        rig.config.placed_loss_max = 1;
        rig.ops = &script_nic_ops;
        rig.engine->view = apart.view;
        rig.engine->spills = true;
    }
}

static struct outcome run_wire(const struct mode *mode, enum spead_receive_path path)
{
    struct outcome outcome = {0};

    init_mode(mode, path);
    recv_rig_open(&rig);
    for (unsigned i = 0; i < wire_count; i++)
        push_sent(&wire[i]);
    while (rig.engine->next < rig.engine->count) {
        recv_rig_poll(&rig);
        take_heaps(&outcome);
        if (rig.stream->spare.parked_count > outcome.parked)
            outcome.parked = rig.stream->spare.parked_count;
    }
    recv_rig_stop(&rig);
    take_heaps(&outcome);
    strcpy(outcome.buckets, recv_rig_buckets(&rig));
    outcome.placed = rig.stats.counters.placed;
    outcome.repaired = rig.stats.counters.repaired;
    outcome.bounced = rig.stats.counters.bounced;
    outcome.missing = rig.stats.counters.missing_packets;
    recv_rig_close(&rig);
    if (mode->apart) {
        cr_assert_eq(apart.flushes, outcome.heaps, "once per heap");
        cr_assert_eq(apart.ended, 1);
        apart_memory_close(&apart);
    }
    return outcome;
}

static void compare(const struct outcome *placed, const struct outcome *bounced,
                    const struct mode *mode)
{
    cr_assert_str_eq(placed->buckets, bounced->buckets, "%s, %s, %u a poll, %s memory",
                     mode->posts_ahead ? "ahead" : "at once",
                     mode->out_of_order ? "any order" : "in order", mode->poll_max,
                     mode->apart ? "a device's" : "host");
    cr_assert_arr_eq(placed->received, bounced->received, sizeof placed->received);
    cr_assert_eq(placed->missing, bounced->missing);
}

/* Reads the same packets in every mode, placed and bounced, and compares the outcomes. Returns the outcome of the mode
 * with placement, with allow_out_of_order, and with an engine that does not post ahead. The field `parked` of the
 * result is an exception: it is the largest value of all modes. */
static struct outcome compare_modes(void)
{
    static const unsigned poll_max[] = {1, 2, 3, 7, 16, 1024};
    struct outcome last = {0};
    uint32_t parked = 0;

    for (unsigned i = 0; i < 4 * sizeof poll_max / sizeof *poll_max; i++) {
        struct mode mode = {.posts_ahead = i & 1,
                            .out_of_order = i & 2,
                            .poll_max = poll_max[i / 4],
                            .window = i & 1 ? 8 : SPEADI_RX_RESERVE_MAX};
        struct outcome bounced = run_wire(&mode, SPEAD_PATH_BOUNCE);
        struct outcome placed = run_wire(&mode, SPEAD_PATH_PLACED), apart_placed, apart_bounced;

        compare(&placed, &bounced, &mode);
        cr_assert_eq(bounced.placed + bounced.repaired, 0u);
        mode.apart = true;
        apart_placed = run_wire(&mode, SPEAD_PATH_PLACED);
        compare(&apart_placed, &bounced, &mode);
        apart_bounced = run_wire(&mode, SPEAD_PATH_BOUNCE);
        compare(&apart_bounced, &bounced, &mode);
        cr_assert_eq(apart_bounced.placed + apart_bounced.repaired, 0u);
        if (!mode.posts_ahead && mode.out_of_order && mode.poll_max == 16)
            last = placed;
        if (placed.parked > parked)
            parked = placed.parked;
    }
    last.parked = parked;
    return last;
}

Test(placed_receive, predicted_packets_need_no_copy)
{
    struct outcome outcome;

    for (uint64_t counter = 1; counter <= 5; counter++)
        send_heap(counter);
    outcome = compare_modes();
    cr_expect_str_eq(outcome.buckets, "delivered 200");
    cr_expect_gt(outcome.placed, 100u);
    cr_expect_eq(outcome.repaired, 0u);
}

Test(placed_receive, loss_of_one_to_many_inside_one_receive)
{
    for (unsigned lost = 1; lost <= 20; lost++)
        for (unsigned at = 10; at <= 20; at += 5) {
            struct outcome outcome;

            wire_count = 0;
            send_heap(1);
            send_packets(2, 0, at);
            send_packets(2, at + lost < PACKETS ? at + lost : PACKETS, PACKETS);
            send_heap(3);
            send_heap(4);
            outcome = compare_modes();
            cr_expect_eq(outcome.missing, at + lost < PACKETS ? lost : PACKETS - at);
            cr_expect_eq(outcome.received[4], HEAP_BYTES);
            /* The place of the lost packet is one of the 8 places that are posted. */
            if (lost < 7)
                cr_expect_gt(outcome.parked, 0u);
        }
}

Test(placed_receive, packets_swapped_inside_one_receive)
{
    for (unsigned distance = 1; distance <= 12; distance++) {
        struct outcome outcome;
        struct sent kept;

        wire_count = 0;
        send_heap(1);
        send_heap(2);
        send_heap(3);
        kept = wire[PACKETS + 12];
        wire[PACKETS + 12] = wire[PACKETS + 12 + distance];
        wire[PACKETS + 12 + distance] = kept;
        outcome = compare_modes();
        cr_expect_str_eq(outcome.buckets, "delivered 120");
        cr_expect_gt(outcome.repaired, 0u);
    }
}

Test(placed_receive, a_duplicate_inside_one_receive)
{
    struct outcome outcome;

    send_heap(1);
    send_packets(2, 0, 15);
    send_packets(2, 14, 18);
    send_packets(2, 10, 12);
    send_packets(2, 18, PACKETS);
    send_heap(3);
    outcome = compare_modes();
    cr_expect_str_eq(outcome.buckets, "delivered 120, duplicate 3");
    cr_expect_gt(outcome.repaired, 0u);
}

Test(placed_receive, a_packet_twice_before_its_neighbour_comes_late)
{
    send_heap(1);
    send_packets(2, 0, 10);
    send_packets(2, 11, 13);
    /* The packets 11 and 12 come a second time before packet 10 comes. */
    send_packets(2, 11, 13);
    send_packets(2, 10, 11);
    send_packets(2, 13, PACKETS);
    cr_expect_str_eq(compare_modes().buckets, "delivered 80, duplicate 2");
}

Test(placed_receive, short_packets_inside_one_receive)
{
    struct outcome outcome;

    send_heap(1);
    send_packets(2, 0, 12);
    send_part(2, 12 * BYTES, 20);
    send_part(2, 12 * BYTES + 20, BYTES - 20);
    send_packets(2, 13, PACKETS);
    send_heap(3);
    outcome = compare_modes();
    cr_expect_str_eq(outcome.buckets, "delivered 121");
    cr_expect_eq(outcome.received[2], HEAP_BYTES);
}

Test(placed_receive, a_header_of_another_length_inside_one_receive)
{
    send_heap(1);
    send_heap(2);
    wire[PACKETS + 12].pad = 3;
    wire[PACKETS + 13].pad = 1;
    send_heap(3);
    cr_expect_str_eq(compare_modes().buckets, "delivered 120");
}

/* The places that are posted for heap 2 have the size of the packets of heap 1. At the end of heap 2 some of them are
 * still posted, and heap 3 needs the slot of heap 2. */
Test(placed_receive, thirteen_packets_of_another_size_than_those_before_are_a_whole_heap)
{
    const uint32_t bytes = HEAP_BYTES / 13;

    send_heap(1);
    for (uint32_t i = 0; i < 13; i++)
        send_part(2, i * bytes, i < 12 ? bytes : HEAP_BYTES - 12 * bytes);
    send_packets(3, 0, 2);
    for (unsigned window = 1; window <= 32; window *= 2) {
        struct mode mode = {
            .posts_ahead = true, .out_of_order = true, .poll_max = 1, .window = window, .live = 1};
        struct outcome bounced = run_wire(&mode, SPEAD_PATH_BOUNCE),
                       placed = run_wire(&mode, SPEAD_PATH_PLACED);

        compare(&placed, &bounced, &mode);
        cr_expect_eq(placed.received[2], HEAP_BYTES);
    }
}

Test(placed_receive, heaps_that_take_turns)
{
    send_heap(1);
    for (unsigned i = 0; i < PACKETS; i += 4) {
        send_packets(2, i, i + 4);
        send_packets(3, i, i + 4);
    }
    cr_expect_str_eq(compare_modes().buckets, "delivered 120");
}

Test(placed_receive, any_mixture_of_faults)
{
    srand(11);
    for (int round = 0; round < 60; round++) {
        wire_count = 0;
        for (uint64_t counter = 1; counter <= 6; counter++)
            for (unsigned i = 0; i < PACKETS; i++) {
                int dice = rand() % 40;

                if (dice == 0)
                    continue; /* The packet is lost. */
                send_packets(counter, i, i + 1);
                if (dice == 1)
                    send_packets(counter, i, i + 1);
                if (dice == 2)
                    wire[wire_count - 1].bytes -= 1 + (uint32_t)rand() % (BYTES - 1);
                if (dice == 3)
                    wire[wire_count - 1].pad = 1 + (uint32_t)rand() % 4;
                if (dice == 4 && wire_count > 10) {
                    unsigned other = wire_count - 2 - (unsigned)rand() % 8;
                    struct sent kept = wire[other];

                    wire[other] = wire[wire_count - 1];
                    wire[wire_count - 1] = kept;
                }
            }
        compare_modes();
    }
}

/* ---- Heaps that end when receives still point into them ------------------------------------ */

/* At most two heaps may be live, and 8 receives are posted ahead. */
static void init_posted_receives(void)
{
    const struct mode mode = {
        .posts_ahead = true, .out_of_order = true, .poll_max = 1, .window = 8, .live = 2};

    init_mode(&mode, SPEAD_PATH_PLACED);
}

/* Begins a test: one part of heap 2 arrives. Then 8 receives are posted into its other part. */
static void open_with_posted_receives(void)
{
    recv_rig_open(&rig);
    for (unsigned i = 0; i < 12; i++)
        push_sent(&(struct sent){.counter = 2, .offset = i * BYTES, .bytes = BYTES});
    for (unsigned i = 0; i < 12; i++)
        recv_rig_poll(&rig);
    cr_assert_eq(rig.engine->accepted[0] - rig.engine->ended[0], 7u);
}

static void expect_half_a_heap(uint64_t counter, uint64_t received)
{
    struct spead_heap *heap = recv_rig_take(&rig);

    cr_assert_not_null(heap);
    cr_expect_eq(spead_heap_counter(heap), counter);
    cr_expect_eq(spead_heap_received(heap), received);
    cr_expect(recv_rig_heap_is_right(heap));
    spead_heap_unref(heap);
}

/* The first of these packets evicts heap 2. The payload of all of them lands in places of heap 2, where receives are
 * posted. */
static void push_evicting_packets(void)
{
    push_sent(&(struct sent){.counter = 3, .offset = 0, .bytes = BYTES});
    for (unsigned i = 0; i < 7; i++)
        push_sent(&(struct sent){.counter = 4, .offset = i * BYTES, .bytes = BYTES});
}

Test(placed_receive, an_evicted_heap_is_moved_and_leaves_at_once)
{
    struct spead_heap *heap;

    init_posted_receives();
    open_with_posted_receives();
    push_evicting_packets();
    recv_rig_poll(&rig);
    cr_expect_null(recv_rig_take(&rig));
    recv_rig_poll(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap, "the heap does not wait for its receives");
    cr_expect_eq(rig.stats.counters.heaps_moved, 1u);
    cr_expect_eq(rig.stats.counters.heaps_evicted, 1u);
    recv_rig_run(&rig);
    cr_expect_eq(rig.stats.counters.heaps_leaving, 0u);
    cr_expect_eq(spead_heap_received(heap), 12 * BYTES);
    cr_expect(recv_rig_heap_is_right(heap), "the packets after it landed in its old memory");
    spead_heap_unref(heap);
    recv_rig_stop(&rig);
    expect_half_a_heap(3, BYTES);
    expect_half_a_heap(4, 7 * BYTES);
    recv_rig_close(&rig);
}

Test(placed_receive, a_heap_that_nobody_wants_leaves_without_a_copy)
{
    init_posted_receives();
    rig.config.deliver_incomplete = false;
    open_with_posted_receives();
    push_evicting_packets();
    recv_rig_run(&rig);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_EVICTED), 12u);
    cr_expect_eq(rig.stats.counters.heaps_moved, 0u);
    cr_expect_eq(rig.stats.counters.heaps_leaving, 0u);
    recv_rig_close(&rig);
}

/* Each heap has three packets and then dies, and each new heap evicts the one before it. */
Test(placed_receive, however_many_heaps_are_evicted_no_packet_is_refused)
{
    unsigned heaps = 0;

    init_posted_receives();
    rig.config.live_heaps_max = 1;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 100; counter++)
        for (unsigned i = 0; i < 3; i++)
            push_sent(&(struct sent){.counter = counter, .offset = i * BYTES, .bytes = BYTES});
    while (rig.engine->next < rig.engine->count) {
        struct spead_heap *heap;

        recv_rig_poll(&rig);
        cr_assert_eq(rig.stats.counters.heaps_leaving, 0u);
        for (; (heap = recv_rig_take(&rig)) != NULL; heaps++) {
            cr_assert(recv_rig_heap_is_right(heap));
            cr_assert_eq(spead_heap_received(heap), 3 * BYTES);
            spead_heap_unref(heap);
        }
    }
    cr_expect_eq(heaps, 99u);
    cr_expect_gt(rig.stats.counters.heaps_moved, 10u);
    recv_rig_stop(&rig);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_DELIVERED), 300u);
    recv_rig_close(&rig);
}

/* Each heap takes one page. The limit is two pages: the third heap evicts the first one, and no page is left to move
 * the first one to. */
Test(placed_receive, a_heap_that_no_memory_is_left_for_waits_for_its_receives)
{
    init_posted_receives();
    rig.config.memory_bytes_max = 2 * speadi_pages_size();
    open_with_posted_receives();
    push_evicting_packets();
    for (unsigned i = 0; i < 7; i++) {
        recv_rig_poll(&rig);
        cr_expect_eq(rig.stats.counters.heaps_leaving, i > 0);
        cr_expect_null(recv_rig_take(&rig), "receives still point into it");
    }
    recv_rig_poll(&rig);
    cr_expect_eq(rig.stats.counters.heaps_leaving, 0u);
    cr_expect_eq(rig.stats.counters.heaps_moved, 0u);
    expect_half_a_heap(2, 12 * BYTES);
    recv_rig_close(&rig);
}

Test(placed_receive, a_heap_times_out_although_receives_are_posted_into_it)
{
    init_posted_receives();
    rig.config.heap_timeout_ns = 1;
    open_with_posted_receives();
    recv_rig_poll(&rig);
    cr_expect_eq(rig.engine->unreserves, 0u);
    cr_expect_eq(rig.stats.counters.heaps_moved, 1u);
    expect_half_a_heap(2, 12 * BYTES);
    cr_expect_eq(rig.stats.counters.heaps_timed_out, 1u);
    recv_rig_close(&rig);
}

/* The first packet of heap 3 lands in the place of the last packet of heap 2. The last packet of heap 2 comes later,
 * lands in another place, and completes heap 2 while a receive is posted into the own place of this packet. */
Test(placed_receive, a_heap_completed_by_a_packet_that_waits_leaves_at_once)
{
    struct spead_heap *heap;

    init_posted_receives();
    open_with_posted_receives();
    for (unsigned i = 12; i < PACKETS - 1; i++)
        push_sent(&(struct sent){.counter = 2, .offset = i * BYTES, .bytes = BYTES});
    push_sent(&(struct sent){.counter = 2, .offset = 0, .bytes = BYTES});
    push_sent(&(struct sent){.counter = 3, .offset = 0, .bytes = BYTES});
    push_sent(&(struct sent){.counter = 2, .offset = (PACKETS - 1) * BYTES, .bytes = BYTES});
    recv_rig_run(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect(spead_heap_is_complete(heap));
    cr_expect(recv_rig_heap_is_right(heap));
    spead_heap_unref(heap);
    recv_rig_close(&rig);
}

/* A joint stream reads two links. Places are posted for the first link. Then packets of one byte that belong into these
 * places come on the second link, many more than there are spare buffers. */
Test(placed_receive, more_packets_wait_than_there_are_spare_buffers)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    struct spead_recv_stream *stream;
    struct spead_mem_link *link[2];
    struct spead_heap *heap;
    unsigned sent = 0;

    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(spead_mem_link_create(&link[i], 512, 512, NULL), 0);
    config.links = link;
    config.link_count = 2;
    config.joint = true;
    config.allow_out_of_order = true;
    config.deliver_incomplete = true;
    config.heap_bytes_max = HEAP_BYTES;
    config.receive_path = SPEAD_PATH_PLACED;
    cr_assert_eq(spead_recv_stream_create(&stream, &config, NULL), 0);
    cr_assert_eq(spead_recv_stream_start(stream, NULL), 0);
    for (; sent < 2; sent++) {
        test_packet_data(&rig.packet, 40, 1, HEAP_BYTES, sent * BYTES, NULL, BYTES);
        spead_mem_link_push(link[0], rig.packet.bytes, rig.packet.length);
        spead_recv_stream_poll(stream);
    }
    for (uint64_t offset = 2 * BYTES; offset < HEAP_BYTES; offset += 8, sent++) {
        test_packet_data(&rig.packet, 40, 1, HEAP_BYTES, offset, NULL, 1);
        spead_mem_link_push(link[1], rig.packet.bytes, rig.packet.length);
    }
    while (spead_recv_stream_poll(stream) > 0)
        ;
    spead_recv_stream_stop(stream);
    while (spead_recv_stream_poll(stream) >= 0)
        ;
    spead_recv_stream_stats(stream, &stats);
    cr_expect_gt(sent, 4 * SPEADI_RX_RESERVE_USUAL);
    cr_expect_eq(stats.total.bucket[SPEAD_RECV_DELIVERED].packets, sent);
    cr_expect_geq(stats.counters.heaps_moved, 1u);
    cr_assert_eq(spead_recv_stream_try_take(stream, &heap), 0);
    cr_expect_eq(spead_heap_received(heap), 2 * BYTES + sent - 2);
    cr_expect(recv_rig_heap_is_right(heap));
    spead_heap_unref(heap);
    spead_recv_stream_destroy(stream);
    for (unsigned i = 0; i < 2; i++)
        spead_mem_link_unref(link[i]);
}

Test(placed_receive, stop_takes_posted_receives_back_before_it_flushes)
{
    init_posted_receives();
    open_with_posted_receives();
    recv_rig_stop(&rig);
    cr_expect_eq(rig.engine->quiesces, 1u, "once, and it takes reservations back as well");
    cr_expect_eq(rig.engine->unreserves, 0u);
    expect_half_a_heap(2, 12 * BYTES);
    cr_expect_eq(rig.stats.counters.heaps_flushed, 1u);
    recv_rig_close(&rig);
}

Test(placed_receive, a_stream_is_destroyed_while_receives_point_into_heaps)
{
    init_posted_receives();
    open_with_posted_receives();
    /* If the stream accesses freed memory, the address sanitizer reports it. */
    recv_rig_close(&rig);
}

Test(placed_receive, auto_places_large_packets_only)
{
    for (unsigned large = 0; large < 2; large++) {
        size_t bytes = large ? 4096 : 4095;

        recv_rig_init(&rig);
        rig.engine->poll_max = 4;
        recv_rig_open(&rig);
        for (uint64_t i = 0; i < 20; i++)
            recv_rig_data(&rig, 1, 20 * bytes, i * bytes, bytes);
        recv_rig_run(&rig);
        cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_DELIVERED), 20u);
        if (large)
            cr_expect_gt(rig.stats.counters.placed, 10u);
        else
            cr_expect_eq(rig.stats.counters.placed, 0u);
        recv_rig_close(&rig);
    }
}
