/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever a sender does, and whatever address it forges, it takes no heap from another sender, and no heap holds
 * bytes of two runs. Method: a scripted engine lends packets of several senders; the tests look at the heaps and at the
 * ledger. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "recv_rig.h"

#define SECOND 1000000000ull
#define PIECE  16u /* payload bytes of each packet */

static struct recv_rig rig;

static void make_rig(void)
{
    recv_rig_init(&rig);
    rig.config.allow_out_of_order = true;
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(hostile_senders, .init = make_rig, .fini = close_rig);

#define EXPECT_BUCKETS(text) cr_expect_str_eq(recv_rig_buckets(&rig), text)

/* Makes a packet come from 192.0.2.`host` and this port. */
static struct script_packet *from(struct script_packet *packet, uint8_t host, uint16_t port)
{
    packet->from = speadi_rx_from_v4(packet->source, (const uint8_t[]){192, 0, 2, host}, port);
    return packet;
}

/* Queues packet `number` of a heap that has `count` packets. Its first byte is the run of the sender, and the other
 * bytes are the number. */
static struct script_packet *piece_of(uint64_t counter, unsigned count, unsigned number,
                                      uint8_t run)
{
    uint8_t payload[PIECE];

    memset(payload, (int)number + 1, sizeof payload);
    payload[0] = run;
    test_packet_data(&rig.packet, 40, counter, (uint64_t)count * PIECE, (uint64_t)number * PIECE,
                     payload, sizeof payload);
    return recv_rig_push(&rig);
}

static struct script_packet *piece(uint64_t counter, unsigned number)
{
    return piece_of(counter, 4, number, 1);
}

static void whole_heap(uint64_t counter, uint8_t host, uint16_t port)
{
    for (unsigned number = 0; number < 4; number++)
        from(piece(counter, number), host, port);
}

/* Takes the next heap. Returns the run that all its packets belong to, or -1 if they differ or if a packet is in a
 * wrong place. Returns -2 if there is no heap. */
static int take_run(void)
{
    struct spead_heap *heap = recv_rig_take(&rig);
    int run;

    if (!heap)
        return -2;
    run = spead_heap_payload(heap)[0];
    for (uint64_t i = 0; i < spead_heap_length(heap); i++) {
        uint8_t byte = spead_heap_payload(heap)[i];

        if (byte != (i % PIECE == 0 ? run : (int)(i / PIECE) + 1))
            run = -1;
    }
    spead_heap_unref(heap);
    return run;
}

/* ---- Slots --------------------------------------------------------------------------------- */

/* A sender that works has a live heap in each of two substreams, when packets of new senders come. */
Test(hostile_senders, a_newcomer_does_not_end_the_only_heap_of_a_substream)
{
    rig.config.substream_count = 2;
    rig.config.live_heaps_max = 1;
    recv_rig_open(&rig);
    whole_heap(1, 1, 7000);
    whole_heap(2, 1, 7000);
    from(piece(10, 0), 1, 7000);
    from(piece(11, 0), 1, 7000);
    from(piece(20, 0), 2, 7000);
    for (unsigned number = 1; number < 4; number++) {
        from(piece(10, number), 1, 7000);
        from(piece(11, number), 1, 7000);
    }
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 16, over-cap-newcomers 1");
}

/* A sender that works fills two heaps at a time, so the older one is not dead. */
Test(hostile_senders, newcomers_take_the_slots_of_newcomers_first)
{
    rig.ops = &script_clock_ops;
    recv_rig_open(&rig);
    whole_heap(1, 1, 7000);
    whole_heap(2, 1, 7000);
    from(piece(10, 0), 1, 7000);
    from(piece(11, 0), 1, 7000);
    for (uint8_t host = 2; host < 12; host++) {
        recv_rig_poll(&rig);
        rig.engine->clock_ns++;
        from(piece(20, 0), host, 7000);
    }
    for (unsigned number = 1; number < 4; number++) {
        from(piece(10, number), 1, 7000);
        from(piece(11, number), 1, 7000);
    }
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 16, live 2, evicted 8");
}

/* The packet holds the whole payload of its heap, but an item of the heap lies behind the payload. */
Test(hostile_senders, a_newcomer_whose_items_lie_behind_the_payload_takes_no_slot)
{
    rig.config.live_heaps_max = 1;
    recv_rig_open(&rig);
    whole_heap(1, 1, 7000);
    from(piece(2, 0), 1, 7000);
    for (uint8_t host = 2; host < 7; host++) {
        test_packet_specials(&rig.packet, 40, 9, 8, 0, 8);
        test_packet_addressed(&rig.packet, 0x1600, 4000);
        test_packet_payload(&rig.packet, "12345678", 8);
        from(recv_rig_push(&rig), host, 7000);
    }
    for (unsigned number = 1; number < 4; number++)
        from(piece(2, number), 1, 7000);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 8, evicted 5");
}

/* ---- The table of senders ------------------------------------------------------------------ */

/* One entry of the table is given to so many senders that its id comes again. */
Test(hostile_senders, a_new_sender_is_not_taken_for_one_that_had_its_entry_long_ago)
{
    unsigned sent = 0;

    rig.config.senders_max = 1;
    rig.config.allow_unsized_heaps = false;
    recv_rig_open(&rig);
    whole_heap(1, 1, 7000);
    recv_rig_run(&rig);
    cr_expect_eq(take_run(), 1);
    while (sent < SPEADI_SENDER_IDS - 1) {
        script_engine_clear(rig.engine);
        for (unsigned i = 0; i < 4096 && sent < SPEADI_SENDER_IDS - 1; i++, sent++) {
            test_packet_begin(&rig.packet, 40);
            test_packet_immediate(&rig.packet, SPEAD_ID_HEAP_COUNTER, 1);
            test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_OFFSET, 0);
            test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_LENGTH, 0);
            from(recv_rig_push(&rig), (uint8_t)(2 + sent / 60000), (uint16_t)(sent % 60000));
        }
        recv_rig_run(&rig);
    }
    whole_heap(1, 9, 9);
    recv_rig_run(&rig);
    cr_expect_eq(rig.stats.counters.senders_replaced, SPEADI_SENDER_IDS);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_DELIVERED), 8u);
}

/* Each sender of the largest table has a live heap. Then more senders come. The clock stands, so no sender is silent
 * for longer than restart_quiet_ns, however slow the machine is. */
Test(hostile_senders, a_full_table_of_live_senders_refuses_further_ones_and_keeps_their_heaps)
{
    rig.ops = &script_clock_ops;
    rig.config.senders_max = SPEADI_SENDERS_MAX;
    rig.config.live_heaps_max = SPEADI_SENDERS_MAX + 1u;
    rig.config.heap_bytes_max = 4096;
    rig.config.pointers_max = rig.config.ranges_max = 2;
    recv_rig_open(&rig);
    rig.engine->clock_ns = SECOND;
    for (unsigned sent = 0; sent < SPEADI_SENDERS_MAX + 100u;) {
        script_engine_clear(rig.engine);
        for (unsigned i = 0; i < 4096 && sent < SPEADI_SENDERS_MAX + 100u; i++, sent++)
            from(piece(1, 0), (uint8_t)(1 + sent / 60000), (uint16_t)(sent % 60000));
        recv_rig_run(&rig);
    }
    EXPECT_BUCKETS("live 65535, over-cap-senders 100");
    for (unsigned number = 1; number < 4; number++)
        from(piece(1, number), 1, 500);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 4, live 65534, over-cap-senders 100");
}

static void stop_from(uint8_t host, uint16_t port)
{
    from(recv_rig_control(&rig, 99, SPEAD_CONTROL_STOP), host, port);
}

/* The table has forgotten the sender, so the stream cannot know that the sender has sent data. */
Test(hostile_senders, the_stop_item_of_a_sender_that_lost_its_entry_ends_no_other_sender)
{
    rig.config.senders_max = 2;
    rig.config.hand_over_heaps = 8;
    recv_rig_open(&rig);
    for (uint8_t host = 1; host <= 3; host++) {
        whole_heap(1, host, 7000);
        recv_rig_run(&rig);
    }
    stop_from(1, 7000);
    whole_heap(2, 3, 7000);
    cr_expect_eq(recv_rig_run(&rig), 0);
    EXPECT_BUCKETS("delivered 16, control 1");
}

Test(hostile_senders, each_of_64_endpoints_has_its_own_end)
{
    rig.sources = 64;
    rig.config.hand_over_heaps = 128;
    recv_rig_open(&rig);
    for (unsigned number = 0; number < 4; number++)
        for (uint16_t endpoint = 0; endpoint < 64; endpoint++) {
            struct script_packet *packet = piece(1, number);

            packet->source = endpoint;
            from(packet, 1, 7000);
        }
    for (uint16_t endpoint = 0; endpoint < 63; endpoint++) {
        recv_rig_control(&rig, 2, SPEAD_CONTROL_STOP)->source = endpoint;
        from(&rig.engine->packet[rig.engine->count - 1], 1, 7000);
    }
    cr_expect_eq(recv_rig_run(&rig), 0);
    recv_rig_control(&rig, 2, SPEAD_CONTROL_STOP)->source = 63;
    from(&rig.engine->packet[rig.engine->count - 1], 1, 7000);
    cr_expect_eq(recv_rig_run(&rig), -ESHUTDOWN);
    EXPECT_BUCKETS("delivered 256, control 64");
}

/* ---- Runs ---------------------------------------------------------------------------------- */

static void open_placed(void)
{
    rig.ops = &script_clock_ops;
    rig.config.receive_path = SPEAD_PATH_PLACED;
    rig.config.heap_bytes_max = 2048; /* so that small heaps are placed, too */
    rig.engine->posts_ahead = true;
    recv_rig_open(&rig);
    rig.engine->clock_ns = SECOND;
}

/* Packet 3 of the first run is accepted and waits, because a posted receive still covers its place. Then the second run
 * comes. */
Test(hostile_senders, a_parked_packet_of_the_run_before_never_enters_a_heap_of_the_next_run)
{
    open_placed();
    from(piece_of(1, 8, 0, 0xaa), 1, 7000);
    from(piece_of(1, 8, 1, 0xaa), 1, 7000);
    recv_rig_poll(&rig);
    from(piece_of(1, 8, 3, 0xaa), 1, 7000);
    recv_rig_poll(&rig);
    cr_assert_eq(rig.stream->spare.parked_count, 1u);
    rig.engine->clock_ns += 5 * SECOND;
    for (unsigned number = 0; number < 8; number++)
        if (number != 3)
            from(piece_of(1, 8, number, 0xbb), 1, 7000);
    recv_rig_run(&rig);
    cr_expect_eq(take_run(), -2);
    from(piece_of(1, 8, 3, 0xbb), 1, 7000);
    recv_rig_run(&rig);
    cr_expect_eq(take_run(), 0xbb);
    EXPECT_BUCKETS("delivered 8, evicted 3");
}

/* The packets of the second run land in places that were reserved for the first run, and later ones land in places
 * that are reserved for the second run. */
Test(hostile_senders, a_packet_in_a_place_of_the_run_before_overwrites_no_packet_of_its_burst)
{
    static const uint8_t order[] = {5, 6, 7, 8, 9, 10, 1, 2, 4, 11, 12, 13, 14, 15};

    rig.engine->window = 8;
    open_placed();
    from(piece_of(1, 16, 2, 0xaa), 1, 7000);
    recv_rig_poll(&rig);
    rig.engine->clock_ns += 5 * SECOND;
    from(piece_of(1, 16, 3, 0xbb), 1, 7000);
    from(piece_of(1, 16, 0, 0xbb), 1, 7000);
    recv_rig_poll(&rig);
    for (size_t i = 0; i < sizeof order; i++)
        from(piece_of(1, 16, order[i], 0xbb), 1, 7000);
    recv_rig_run(&rig);
    cr_expect_eq(take_run(), 0xbb);
    EXPECT_BUCKETS("delivered 16, evicted 1");
}

static void open_blocking(void)
{
    rig.config.on_full = SPEAD_ON_FULL_BLOCK;
    rig.config.hand_over_heaps = 1;
    rig.config.held_heaps = 0;
    rig.config.substream_count = 2; /* so that one sender ends no heap of the other */
    recv_rig_open(&rig);
    from(piece(1, 0), 2, 7000);
    recv_rig_poll(&rig);
    for (uint64_t counter = 2; counter <= 60; counter += 2)
        whole_heap(counter, 1, 7000);
}

/* Lets time pass since the last poll, and polls. */
static void poll_later(uint64_t ns)
{
    rig.stream->polled_ns -= ns;
    recv_rig_poll(&rig);
}

/* The consumer takes no heap for a long time, and the packets of the second sender wait behind those of the first. */
Test(hostile_senders, a_pause_of_the_stream_is_no_silence_of_a_sender)
{
    open_blocking();
    for (unsigned number = 1; number < 4; number++)
        from(piece(1, number), 2, 7000);
    recv_rig_poll(&rig);
    for (unsigned i = 0; i < 40; i++)
        poll_later(SECOND);
    cr_expect(rig.stream->burst_is_out);
    while (take_run() == 1)
        recv_rig_poll(&rig);
    cr_expect_eq(rig.stats.counters.sender_restarts, 0u);
    EXPECT_BUCKETS("delivered 124");
}

/* The consumer is slow, so the stream waits for it before each poll. Meanwhile the second sender is silent. */
Test(hostile_senders, a_silence_is_noticed_although_the_consumer_is_slow)
{
    rig.engine->poll_max = 4;
    open_blocking();
    for (unsigned i = 0; i < 30; i++) {
        struct spead_heap *heap;

        poll_later(SECOND / 5);
        heap = recv_rig_take(&rig);
        spead_heap_unref(heap);
    }
    for (unsigned number = 1; number < 4; number++)
        from(piece_of(1, 4, number, 2), 2, 7000);
    while (recv_rig_run(&rig) == 0 && take_run() == 1)
        ;
    cr_expect_eq(rig.stats.counters.sender_restarts, 1u);
    EXPECT_BUCKETS("delivered 120, live 3, evicted 1");
}
