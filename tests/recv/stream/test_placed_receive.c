/* Goal: with placed receive every heap is right, also if a prediction was wrong and payload landed in another place.
 * Method: a scripted engine puts each packet into the next reserved range, whichever packet it is. Then the stream
 * reads the same packets without placement, and once more with placement into memory that the CPU must not touch. Heaps
 * and ledger must be the same each time. A region still contains bytes of an earlier heap. So the test finds wrong
 * bytes if a packet is not moved to its own place, or is overwritten before it is moved. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static void open_mode(const struct mode *mode, enum spead_receive_path path)
{
    recv_rig_init(&rig);
    rig.config.receive_path = path;
    rig.config.allow_out_of_order = mode->out_of_order;
    rig.config.deliver_incomplete = true;
    rig.config.heap_bytes_max = HEAP_BYTES;
    rig.config.live_heaps_max = mode->live != 0 ? mode->live : 8;
    rig.config.ring_heaps = 16;
    rig.engine->posts_ahead = mode->posts_ahead;
    rig.engine->poll_max = mode->poll_max;
    rig.engine->window = mode->window;
    if (mode->apart) {
        apart_memory_open(&apart, 256u << 10);
        rig.config.heap_arena = &apart.arena;
        rig.config.packet_bytes_max = 1024;
        rig.config.placed_loss_max = 1;
        rig.ops = &script_nic_ops;
        rig.engine->view = apart.view;
        rig.engine->spills = true;
    }
    recv_rig_open(&rig);
}

static struct outcome run_wire(const struct mode *mode, enum spead_receive_path path)
{
    struct outcome outcome = {0};

    open_mode(mode, path);
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

/* Begins a test: one part of heap 2 has arrived, and 8 receives are posted into its other part. At most two heaps may
 * be live. */
static void open_with_posted_receives(void)
{
    struct mode mode = {
        .posts_ahead = true, .out_of_order = true, .poll_max = 1, .window = 8, .live = 2};

    open_mode(&mode, SPEAD_PATH_PLACED);
    for (unsigned i = 0; i < 12; i++)
        push_sent(&(struct sent){.counter = 2, .offset = i * BYTES, .bytes = BYTES});
    recv_rig_run(&rig);
    cr_assert_eq(rig.engine->accepted - rig.engine->ended, 8u);
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

Test(placed_receive, an_evicted_heap_leaves_when_the_last_receive_has_ended)
{
    open_with_posted_receives();
    push_sent(&(struct sent){.counter = 3, .offset = 0, .bytes = BYTES});
    /* The first of these packets evicts heap 2. The payload of all these packets lands in places of heap 2, where
     * receives are posted. */
    for (unsigned i = 0; i < 7; i++)
        push_sent(&(struct sent){.counter = 4, .offset = i * BYTES, .bytes = BYTES});
    for (unsigned i = 0; i < 7; i++) {
        recv_rig_poll(&rig);
        cr_expect_eq(rig.stats.counters.heaps_leaving, i > 0);
        cr_expect_null(recv_rig_take(&rig), "receives still point into it");
    }
    recv_rig_poll(&rig);
    cr_expect_eq(rig.stats.counters.heaps_leaving, 0u);
    expect_half_a_heap(2, 12 * BYTES);
    cr_expect_eq(rig.stats.counters.heaps_evicted, 1u);
    recv_rig_close(&rig);
}

Test(placed_receive, leaving_heaps_are_bounded_and_refusals_named)
{
    struct mode mode = {
        .posts_ahead = true, .out_of_order = true, .poll_max = 1, .window = 8, .live = 1};
    unsigned most = 0;

    open_mode(&mode, SPEAD_PATH_PLACED);
    for (uint64_t counter = 1; counter <= 100; counter++)
        for (unsigned i = 0; i < 3; i++)
            push_sent(&(struct sent){.counter = counter, .offset = i * BYTES, .bytes = BYTES});
    while (rig.engine->next < rig.engine->count) {
        struct spead_heap *heap;

        recv_rig_poll(&rig);
        cr_assert_leq(rig.stats.counters.heaps_leaving, 2u);
        most = rig.stats.counters.heaps_leaving > most ? (unsigned)rig.stats.counters.heaps_leaving
                                                       : most;
        while ((heap = recv_rig_take(&rig)) != NULL) {
            cr_assert(recv_rig_heap_is_right(heap));
            spead_heap_unref(heap);
        }
    }
    recv_rig_stop(&rig);
    cr_expect_eq(most, 2u);
    cr_expect_gt(recv_rig_packets(&rig, SPEAD_RECV_OVER_CAP_LEAVING), 0u);
    cr_expect_eq(rig.stats.counters.heaps_leaving, 0u);
    cr_expect_eq(rig.stats.total.seen.packets, 300u);
    recv_rig_close(&rig);
}

Test(placed_receive, a_heap_times_out_only_after_its_receives_are_taken_back)
{
    struct mode mode = {.posts_ahead = true, .out_of_order = true, .poll_max = 1, .window = 8};

    recv_rig_init(&rig);
    rig.config.receive_path = SPEAD_PATH_PLACED;
    rig.config.heap_timeout_ns = 1;
    rig.config.deliver_incomplete = true;
    rig.engine->posts_ahead = mode.posts_ahead;
    rig.engine->window = mode.window;
    rig.engine->poll_max = 1;
    recv_rig_open(&rig);
    for (unsigned i = 0; i < 12; i++)
        push_sent(&(struct sent){.counter = 2, .offset = i * BYTES, .bytes = BYTES});
    for (unsigned i = 0; i < 12; i++)
        recv_rig_poll(&rig);
    /* The source is empty and the heap is too old. But the heap cannot end yet, because receives are posted into it. */
    recv_rig_poll(&rig);
    cr_expect_eq(rig.engine->unreserves, 1u);
    cr_expect_null(recv_rig_take(&rig));
    recv_rig_poll(&rig);
    expect_half_a_heap(2, 12 * BYTES);
    cr_expect_eq(rig.stats.counters.heaps_timed_out, 1u);
    recv_rig_close(&rig);
}

Test(placed_receive, stop_takes_posted_receives_back_before_it_flushes)
{
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
