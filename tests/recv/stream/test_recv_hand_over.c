/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a receive stream hands over its heaps to a consumer that is slow, keeps many heaps, or takes many heaps in one
 * call.
 * Method: a scripted engine lends exactly the packets that a test names. The tests look at what a user sees: heaps,
 * their bytes, and the ledger. Each poll checks that `seen` equals the sum of the buckets. */
#include <errno.h>

#include "recv_expect.h"
#include "slow_taking.h"

static struct recv_rig rig;

static void open_rig(void)
{
    recv_rig_init(&rig);
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_hand_over, .init = open_rig, .fini = close_rig);

static void push_heaps(uint64_t count)
{
    for (uint64_t counter = 1; counter <= count; counter++)
        recv_rig_data(&rig, counter, 8, 0, 8);
}

Test(recv_hand_over, a_full_ring_sheds_the_newest)
{
    rig.config.hand_over_heaps = 4;
    recv_rig_open(&rig);
    push_heaps(10);
    recv_rig_run(&rig);
    for (uint64_t counter = 1; counter <= 4; counter++)
        expect_heap(&rig, counter, true);
    expect_no_heap(&rig);
    EXPECT_BUCKETS(&rig, "delivered 4, shed 6");
    cr_expect_eq(rig.stats.counters.heaps_complete, 4u);
    cr_expect_eq(rig.stats.counters.heaps_shed, 6u);
    cr_expect_eq(rig.stats.counters.payload_bytes, 32u);
    cr_expect_eq(rig.stats.hand_over_high_water, 4u);
}

Test(recv_hand_over, a_full_ring_sheds_the_oldest_when_told)
{
    rig.config.on_full = SPEAD_ON_FULL_DROP_OLDEST;
    rig.config.hand_over_heaps = 4;
    recv_rig_open(&rig);
    push_heaps(10);
    recv_rig_run(&rig);
    for (uint64_t counter = 7; counter <= 10; counter++)
        expect_heap(&rig, counter, true);
    expect_no_heap(&rig);
    EXPECT_BUCKETS(&rig, "delivered 4, shed 6");
    cr_expect_eq(rig.stats.counters.payload_bytes, 32u);
}

/* A consumer that has taken all four heaps, and has not given back their places yet. */
static struct spead_message taken[4];

static void take_and_keep_the_places(void)
{
    cr_assert_eq(slow_taking_begin(rig.stream->outlet.channel, taken, 4), 4u);
}

static void give_back_the_places(void *stream, const struct spead_message *message,
                                 enum spead_shed_cause cause)
{
    speadi_recv_on_shed(stream, message, cause);
    if (taken[0].reference == 0)
        return;
    for (unsigned i = 0; i < 4; i++)
        spead_message_unref(&taken[i]);
    taken[0].reference = 0;
    slow_taking_end(rig.stream->outlet.channel, 4);
}

Test(recv_hand_over,
     the_heaps_of_a_burst_are_not_all_shed_if_the_consumer_has_just_taken_the_oldest)
{
    rig.config.on_full = SPEAD_ON_FULL_DROP_OLDEST;
    rig.config.hand_over_heaps = 4;
    recv_rig_open(&rig);
    slow_taking_on_shed(rig.stream->outlet.channel, give_back_the_places);
    push_heaps(4);
    recv_rig_run(&rig);
    take_and_keep_the_places();
    for (uint64_t counter = 5; counter <= 8; counter++)
        recv_rig_data(&rig, counter, 8, 0, 8);
    recv_rig_run(&rig);
    for (uint64_t counter = 6; counter <= 8; counter++)
        expect_heap(&rig, counter, true);
    expect_no_heap(&rig);
    EXPECT_BUCKETS(&rig, "delivered 7, shed 1");
}

Test(recv_hand_over, block_stops_reading_and_loses_nothing)
{
    rig.config.hand_over_heaps = 4;
    rig.config.on_full = SPEAD_ON_FULL_BLOCK;
    recv_rig_open(&rig);
    push_heaps(1000);
    for (uint64_t counter = 1; counter <= 1000; counter++) {
        recv_rig_run(&rig);
        cr_assert_leq(rig.stats.total.seen.packets, counter + 20);
        expect_heap(&rig, counter, true);
    }
    expect_no_heap(&rig);
    EXPECT_BUCKETS(&rig, "delivered 1000");
}

Test(recv_hand_over, block_with_incomplete_heaps_loses_nothing)
{
    rig.config.on_full = SPEAD_ON_FULL_BLOCK;
    rig.config.deliver_incomplete = true;
    rig.config.live_heaps_max = 2;
    rig.config.hand_over_heaps = 1;
    rig.config.held_heaps = 0;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 100; counter++)
        recv_rig_data(&rig, counter, 64, 0, 8);
    for (uint64_t counter = 1; counter <= 98; counter++) {
        recv_rig_run(&rig);
        expect_heap(&rig, counter, false);
    }
    recv_rig_run(&rig);
    EXPECT_BUCKETS(&rig, "delivered 98, live 2");
    cr_expect_eq(rig.stats.counters.heaps_evicted, 98u);
}

Test(recv_hand_over, a_consumer_that_holds_too_much_is_told_by_name)
{
    struct spead_heap *heap[10];
    unsigned held = 0;

    rig.config.receive_path = SPEAD_PATH_BOUNCE;
    rig.config.live_heaps_max = 1;
    rig.config.hand_over_heaps = 2;
    rig.config.held_heaps = 1;
    recv_rig_open(&rig);
    push_heaps(10);
    rig.engine->poll_max = 1;
    for (int i = 0; i < 10; i++) {
        recv_rig_poll(&rig);
        heap[held] = recv_rig_take(&rig);
        held += heap[held] != NULL;
    }
    cr_expect_eq(held, 4u, "live + ring + held");
    EXPECT_BUCKETS(&rig, "delivered 4, no-memory 6");
    cr_expect_eq(rig.stats.counters.heaps_no_memory, 6u);
    while (held > 0)
        spead_heap_unref(heap[--held]);
}

Test(recv_hand_over, take_many_takes_all_that_wait)
{
    struct spead_heap *heap[8];

    recv_rig_open(&rig);
    push_heaps(3);
    recv_rig_run(&rig);
    cr_assert_eq(spead_recv_stream_take_many(rig.stream, heap, 8, 0), 3);
    for (unsigned i = 0; i < 3; i++) {
        cr_expect_eq(spead_heap_counter(heap[i]), i + 1u);
        spead_heap_unref(heap[i]);
    }
    cr_expect_eq(spead_recv_stream_take(rig.stream, heap, 1), -ETIMEDOUT);
}

Test(recv_hand_over, heaps_outlive_their_stream)
{
    struct spead_heap *heap;

    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 5000, 0, 5000);
    recv_rig_run(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    recv_rig_close(&rig);
    cr_expect(recv_rig_heap_is_right(heap));
    spead_heap_unref(heap);
}
