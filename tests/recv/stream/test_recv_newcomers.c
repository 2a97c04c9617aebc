/* Goal: a sender that nobody knows yet (a newcomer) takes no slot from a sender that works, and the limits of this rule
 * are those that docs/promises.md names. Method: as in test_recv_senders.c. */
#include <criterion/criterion.h>

#include "recv_rig.h"

#define SECOND 1000000000ull

static struct recv_rig rig;

static void make_rig(void)
{
    recv_rig_init(&rig);
    rig.config.allow_out_of_order = true;
    rig.config.ring_heaps = 64;
    rig.ops = &script_clock_ops;
    rig.engine->clock_ns = SECOND;
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_newcomers, .init = make_rig, .fini = close_rig);

#define EXPECT_BUCKETS(text) cr_expect_str_eq(recv_rig_buckets(&rig), text)

/* Queues one packet of a heap of two packets, which comes from 192.0.2.`host`. */
static void half(uint64_t counter, unsigned number, uint8_t host)
{
    recv_rig_data(&rig, counter, 32, 16 * number, 16)->from =
        speadi_rx_from_v4(0, (const uint8_t[]){192, 0, 2, host}, 7000);
}

/* Queues a heap of one packet. */
static void whole(uint64_t counter, uint8_t host)
{
    recv_rig_data(&rig, counter, 16, 0, 16)->from =
        speadi_rx_from_v4(0, (const uint8_t[]){192, 0, 2, host}, 7000);
}

/* Opens a stream with so many slots. Sender 1 proves itself by a whole heap of two packets. */
static void open_with_a_sender_that_works(uint32_t slots)
{
    rig.config.live_heaps_max = slots;
    recv_rig_open(&rig);
    half(1, 0, 1);
    half(1, 1, 1);
    recv_rig_run(&rig);
}

Test(recv_newcomers, while_nobody_has_proven_itself_all_are_alike)
{
    rig.config.live_heaps_max = 1;
    recv_rig_open(&rig);
    half(1, 0, 1);
    half(1, 0, 2);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("live 1, evicted 1");
}

Test(recv_newcomers, a_newcomer_does_not_end_the_newest_heap_of_a_sender_that_works)
{
    open_with_a_sender_that_works(1);
    half(2, 0, 1);
    half(1, 0, 9);
    half(2, 1, 1);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 4, over-cap-newcomers 1");
}

Test(recv_newcomers, a_whole_heap_of_one_packet_needs_no_slot)
{
    open_with_a_sender_that_works(1);
    half(2, 0, 1);
    whole(1, 9);
    half(2, 1, 1);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 5");
}

Test(recv_newcomers, a_newcomer_takes_a_free_slot)
{
    open_with_a_sender_that_works(2);
    half(2, 0, 1);
    half(1, 0, 9);
    half(2, 1, 1);
    half(1, 1, 9);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 6");
}

Test(recv_newcomers, a_newcomer_ends_the_heap_of_another_newcomer)
{
    open_with_a_sender_that_works(2);
    half(2, 0, 1);
    half(1, 0, 8);
    half(1, 0, 9);
    half(2, 1, 1);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 4, live 1, evicted 1");
}

Test(recv_newcomers, a_newcomer_ends_a_heap_whose_sender_has_begun_a_newer_one)
{
    open_with_a_sender_that_works(2);
    half(2, 0, 1);
    half(3, 0, 1);
    half(1, 0, 9);
    half(3, 1, 1);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 4, live 1, evicted 1");
}

Test(recv_newcomers, a_newcomer_ends_the_heap_of_a_sender_that_is_silent)
{
    open_with_a_sender_that_works(1);
    half(2, 0, 1);
    recv_rig_run(&rig);
    rig.engine->clock_ns += 3 * SECOND;
    half(1, 0, 9);
    half(1, 1, 9);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 4, evicted 1");
}

Test(recv_newcomers, two_heaps_of_one_packet_prove_a_sender)
{
    open_with_a_sender_that_works(1);
    whole(1, 9);
    whole(2, 9);
    half(2, 0, 1);
    half(3, 0, 9);
    half(3, 1, 9);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 6, evicted 1");
}
