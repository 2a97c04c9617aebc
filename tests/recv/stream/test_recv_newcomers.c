/* SPDX-License-Identifier: Apache-2.0 */
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
    rig.config.hand_over_heaps = 64;
    rig.ops = &script_clock_ops;
    rig.engine->clock_ns = SECOND;
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_newcomers, .init = make_rig, .fini = close_rig);

/* Queues a packet from 192.0.2.`host`: the first ('a') or the second ('b') half of a heap of two packets, or a heap of
 * one packet ('w'). */
static void push(uint64_t counter, char part, uint8_t host)
{
    uint64_t length = part == 'w' ? 16 : 32;

    recv_rig_data(&rig, counter, length, part == 'b' ? 16 : 0, 16)->from =
        speadi_rx_from_v4(0, (const uint8_t[]){192, 0, 2, host}, 7000);
}

/* Lends the packets of a text such as "2a1 1a9 2b1": part a of heap 2 from host 1, part a of heap 1 from host 9, ... */
static void lend(const char *packets)
{
    for (; packets[0] != '\0'; packets += packets[3] == ' ' ? 4 : 3)
        push((uint64_t)(packets[0] - '0'), packets[1], (uint8_t)(packets[2] - '0'));
    recv_rig_run(&rig);
}

/* Opens a stream with `slots` slots. Sender 1 proves itself by a whole heap of two packets. Then the packets of the
 * text `packets` come. Returns the buckets. */
static const char *after_a_sender_that_works(uint32_t slots, const char *packets)
{
    rig.config.live_heaps_max = slots;
    recv_rig_open(&rig);
    lend("1a1 1b1");
    lend(packets);
    return recv_rig_buckets(&rig);
}

Test(recv_newcomers, while_nobody_has_proven_itself_all_are_alike)
{
    rig.config.live_heaps_max = 1;
    recv_rig_open(&rig);
    lend("1a1 1a2");
    cr_expect_str_eq(recv_rig_buckets(&rig), "live 1, evicted 1");
}

Test(recv_newcomers, a_newcomer_does_not_end_the_newest_heap_of_a_sender_that_works)
{
    cr_expect_str_eq(after_a_sender_that_works(1, "2a1 1a9 2b1"),
                     "delivered 4, over-cap-newcomers 1");
}

Test(recv_newcomers, a_whole_heap_of_one_packet_needs_no_slot)
{
    cr_expect_str_eq(after_a_sender_that_works(1, "2a1 1w9 2b1"), "delivered 5");
}

Test(recv_newcomers, a_newcomer_takes_a_free_slot)
{
    cr_expect_str_eq(after_a_sender_that_works(2, "2a1 1a9 2b1 1b9"), "delivered 6");
}

Test(recv_newcomers, a_newcomer_ends_the_heap_of_another_newcomer)
{
    cr_expect_str_eq(after_a_sender_that_works(2, "2a1 1a8 1a9 2b1"),
                     "delivered 4, live 1, evicted 1");
}

Test(recv_newcomers, a_newcomer_ends_a_heap_whose_sender_has_begun_a_newer_one)
{
    cr_expect_str_eq(after_a_sender_that_works(2, "2a1 3a1 1a9 3b1"),
                     "delivered 4, live 1, evicted 1");
}

Test(recv_newcomers, a_newcomer_ends_the_heap_of_a_sender_that_is_silent)
{
    after_a_sender_that_works(1, "2a1");
    rig.engine->clock_ns += 3 * SECOND;
    lend("1a9 1b9");
    cr_expect_str_eq(recv_rig_buckets(&rig), "delivered 4, evicted 1");
}

Test(recv_newcomers, two_heaps_of_one_packet_prove_a_sender)
{
    cr_expect_str_eq(after_a_sender_that_works(1, "1w9 2w9 2a1 3a9 3b9"), "delivered 6, evicted 1");
}
