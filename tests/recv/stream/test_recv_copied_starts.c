/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a network that doubles packets changes nothing, also where the packets carry a start or stop item. Method: a
 * scripted engine with a clock lends the packets and their copies; the tests look at the heaps and at the ledger. */
#include <criterion/criterion.h>

#include "recv_rig.h"

#define SECOND    1000000000u
#define REPEAT_NS 10000000u /* the default of repeat_ns */

static struct recv_rig rig;

static void make_rig(void)
{
    recv_rig_init(&rig);
    rig.config.allow_out_of_order = true;
    rig.config.deliver_incomplete = true;
    rig.ops = &script_clock_ops;
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_copied_starts, .init = make_rig, .fini = close_rig);

static void open_rig(void)
{
    recv_rig_open(&rig);
    rig.engine->clock_ns = SECOND;
}

/* Queues 64 bytes of a heap of data, with an item of the user. With a start or stop item the packet also carries that
 * one; NO_ITEM leaves it out. */
#define NO_ITEM UINT64_MAX
static void data(uint64_t counter, uint64_t length, uint64_t offset, uint64_t item)
{
    uint8_t payload[64] = {(uint8_t)counter};

    test_packet_specials(&rig.packet, 40, counter, length, offset, sizeof payload);
    test_packet_immediate(&rig.packet, 0x1600, 5);
    if (item != NO_ITEM)
        test_packet_immediate(&rig.packet, SPEAD_ID_STREAM_CONTROL, item);
    test_packet_payload(&rig.packet, payload, sizeof payload);
    recv_rig_push(&rig);
}

/* Takes all heaps and expects that there are `complete` complete ones and no others. */
static void expect_heaps(unsigned complete)
{
    struct spead_heap *heap;
    unsigned taken = 0;

    recv_rig_run(&rig);
    while ((heap = recv_rig_take(&rig)) != NULL) {
        cr_expect(spead_heap_is_complete(heap), "heap %u is incomplete",
                  (unsigned)spead_heap_counter(heap));
        spead_heap_unref(heap);
        taken++;
    }
    cr_expect_eq(taken, complete, "%u heaps were taken, not %u", taken, complete);
    cr_expect_eq(rig.stats.counters.missing_packets, 0u);
}

#define EXPECT_BUCKETS(text) cr_expect_str_eq(recv_rig_buckets(&rig), text)

/* ---- One heap ------------------------------------------------------------------------------ */

Test(recv_copied_starts, a_heap_with_a_start_item_is_delivered_once)
{
    open_rig();
    for (unsigned i = 0; i < 200; i++)
        data(1, 64, 0, SPEAD_CONTROL_START);
    expect_heaps(1);
    EXPECT_BUCKETS("delivered 1, duplicate 199");
    cr_expect_eq(rig.stats.counters.sender_restarts, 1u);
}

Test(recv_copied_starts, a_heap_with_a_stop_item_is_delivered_once)
{
    rig.config.stop_count = 2; /* the stream goes on */
    open_rig();
    data(1, 64, 0, SPEAD_CONTROL_STOP);
    data(1, 64, 0, SPEAD_CONTROL_STOP);
    expect_heaps(1);
    EXPECT_BUCKETS("delivered 1, duplicate 1");
}

Test(recv_copied_starts, a_stop_item_that_is_ignored_is_a_copy_too)
{
    rig.config.ignore_stop_item = true;
    open_rig();
    data(1, 64, 0, SPEAD_CONTROL_STOP);
    data(1, 64, 0, SPEAD_CONTROL_STOP);
    expect_heaps(1);
    EXPECT_BUCKETS("delivered 1, duplicate 1");
}

/* The start item is in the first packet only, so the copy of the second packet looks like any packet of data. */
Test(recv_copied_starts, a_heap_of_two_packets_with_a_start_item_is_delivered_once)
{
    open_rig();
    for (unsigned copy = 0; copy < 2; copy++) {
        data(1, 128, 0, SPEAD_CONTROL_START);
        data(1, 128, 64, NO_ITEM);
    }
    expect_heaps(1);
    EXPECT_BUCKETS("delivered 2, duplicate 2");
}

Test(recv_copied_starts, one_copied_packet_opens_no_heap)
{
    open_rig();
    data(1, 128, 0, SPEAD_CONTROL_START);
    data(1, 128, 64, SPEAD_CONTROL_START);
    data(1, 128, 64, SPEAD_CONTROL_START);
    for (uint64_t counter = 2; counter < 10; counter++)
        data(counter, 64, 0, NO_ITEM);
    expect_heaps(9);
    EXPECT_BUCKETS("delivered 10, duplicate 1");
}

/* ---- Around live heaps --------------------------------------------------------------------- */

Test(recv_copied_starts, copies_of_two_start_heaps_cut_no_heap)
{
    open_rig();
    data(1, 64, 0, SPEAD_CONTROL_START);
    data(2, 64, 0, SPEAD_CONTROL_START);
    data(3, 128, 0, NO_ITEM);
    data(1, 64, 0, SPEAD_CONTROL_START);
    data(2, 64, 0, SPEAD_CONTROL_START);
    data(3, 128, 64, NO_ITEM);
    expect_heaps(3);
    EXPECT_BUCKETS("delivered 4, duplicate 2");
    cr_expect_eq(rig.stats.counters.sender_restarts, 2u);
}

Test(recv_copied_starts, copies_of_two_start_heaps_without_data_cut_no_heap)
{
    open_rig();
    recv_rig_control(&rig, 1, SPEAD_CONTROL_START);
    recv_rig_control(&rig, 2, SPEAD_CONTROL_START);
    data(3, 128, 0, NO_ITEM);
    recv_rig_control(&rig, 1, SPEAD_CONTROL_START);
    recv_rig_control(&rig, 2, SPEAD_CONTROL_START);
    data(3, 128, 64, NO_ITEM);
    expect_heaps(1);
    EXPECT_BUCKETS("delivered 2, control 4");
}

/* A sender stops and starts anew, and the copy of its stop heap comes after the start heap. */
Test(recv_copied_starts, a_copy_of_a_stop_heap_does_not_stop_the_next_run)
{
    rig.config.stop_count = 2;
    open_rig();
    data(1, 64, 0, NO_ITEM);
    recv_rig_control(&rig, 2, SPEAD_CONTROL_STOP);
    recv_rig_control(&rig, 3, SPEAD_CONTROL_START);
    recv_rig_control(&rig, 2, SPEAD_CONTROL_STOP);
    data(4, 64, 0, NO_ITEM);
    expect_heaps(2);
    EXPECT_BUCKETS("delivered 2, control 3");
}

/* The forgotten heaps would be delivered again. */
Test(recv_copied_starts, a_copy_of_an_ignored_stop_heap_forgets_no_heap)
{
    rig.config.ignore_stop_item = true;
    open_rig();
    recv_rig_control(&rig, 1, SPEAD_CONTROL_STOP);
    data(2, 64, 0, NO_ITEM);
    recv_rig_control(&rig, 1, SPEAD_CONTROL_STOP);
    data(2, 64, 0, NO_ITEM);
    expect_heaps(1);
    EXPECT_BUCKETS("delivered 1, control 2, duplicate 1");
}

/* ---- Behind a stop heap --------------------------------------------------------------------- */

Test(recv_copied_starts, a_copy_that_a_stop_heap_overtook_is_a_duplicate)
{
    rig.config.stop_count = 2;
    open_rig();
    data(1, 64, 0, NO_ITEM);
    recv_rig_control(&rig, 2, SPEAD_CONTROL_STOP);
    data(1, 64, 0, NO_ITEM);
    expect_heaps(1);
    EXPECT_BUCKETS("delivered 1, control 1, duplicate 1");
    rig.engine->clock_ns += REPEAT_NS + 1;
    recv_rig_poll(&rig); /* finds the source empty */
    data(1, 64, 0, NO_ITEM);
    expect_heaps(0);
    EXPECT_BUCKETS("delivered 1, control 1, duplicate 1, after-stop 1");
}

Test(recv_copied_starts, a_packet_that_a_stop_heap_overtook_completes_its_heap)
{
    rig.config.stop_count = 2;
    open_rig();
    data(1, 128, 0, NO_ITEM);
    recv_rig_control(&rig, 2, SPEAD_CONTROL_STOP);
    data(1, 128, 64, NO_ITEM);
    data(3, 64, 0, NO_ITEM);
    expect_heaps(1);
    EXPECT_BUCKETS("delivered 2, control 1, after-stop 1");
}

/* The copy waits in the source, because the stream does not read for a while. */
Test(recv_copied_starts, a_copy_that_waited_in_the_source_cuts_no_heap)
{
    rig.engine->poll_max = 2;
    open_rig();
    recv_rig_control(&rig, 1, SPEAD_CONTROL_START);
    data(2, 128, 0, NO_ITEM);
    recv_rig_control(&rig, 1, SPEAD_CONTROL_START);
    data(2, 128, 64, NO_ITEM);
    recv_rig_poll(&rig);
    rig.engine->clock_ns += 20 * REPEAT_NS;
    expect_heaps(1);
    EXPECT_BUCKETS("delivered 2, control 2");
    cr_expect_eq(rig.stats.counters.sender_restarts, 1u);
}

/* ---- What is no copy ------------------------------------------------------------------------ */

Test(recv_copied_starts, a_start_heap_that_comes_again_later_is_a_new_heap)
{
    open_rig();
    data(1, 64, 0, SPEAD_CONTROL_START);
    recv_rig_run(&rig);
    rig.engine->clock_ns += REPEAT_NS + 1;
    recv_rig_poll(&rig); /* finds the source empty */
    data(1, 64, 0, SPEAD_CONTROL_START);
    expect_heaps(2);
    EXPECT_BUCKETS("delivered 2");
    cr_expect_eq(rig.stats.counters.sender_restarts, 2u);
}

Test(recv_copied_starts, a_start_heap_of_another_length_is_a_new_heap)
{
    open_rig();
    data(1, 128, 0, SPEAD_CONTROL_START);
    data(1, 128, 64, NO_ITEM);
    data(1, 64, 0, SPEAD_CONTROL_START);
    expect_heaps(2);
    EXPECT_BUCKETS("delivered 3");
    cr_expect_eq(rig.stats.counters.sender_restarts, 2u);
}

Test(recv_copied_starts, a_stop_heap_with_the_counter_of_the_start_heap_stops)
{
    rig.config.stop_count = 2;
    open_rig();
    recv_rig_control(&rig, 1, SPEAD_CONTROL_START);
    recv_rig_control(&rig, 1, SPEAD_CONTROL_STOP);
    data(2, 64, 0, NO_ITEM);
    expect_heaps(0);
    EXPECT_BUCKETS("control 2, after-stop 1");
}

Test(recv_copied_starts, data_with_the_counter_of_a_start_heap_is_received)
{
    open_rig();
    recv_rig_control(&rig, 1, SPEAD_CONTROL_START);
    data(1, 64, 0, NO_ITEM);
    expect_heaps(1);
    EXPECT_BUCKETS("delivered 1, control 1");
}

/* ---- A start item under the counter of a live heap ------------------------------------------- */

/* The sender dies in heap 1 and starts anew at once with heap 1, which has the same length and packets. */
Test(recv_copied_starts, a_start_item_in_a_range_that_came_without_it_begins_a_run)
{
    rig.config.deliver_incomplete = false;
    open_rig();
    data(1, 128, 0, NO_ITEM);
    data(1, 128, 0, SPEAD_CONTROL_START);
    data(1, 128, 64, NO_ITEM);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 2, evicted 1");
    cr_expect_eq(rig.stats.counters.sender_restarts, 1u);
}

/* The first packet of the run before was lost. */
Test(recv_copied_starts, a_start_item_before_bytes_that_came_ends_their_heap)
{
    rig.config.deliver_incomplete = false;
    open_rig();
    data(1, 128, 64, NO_ITEM);
    data(1, 128, 0, SPEAD_CONTROL_START);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("live 1, evicted 1");
    data(1, 128, 64, NO_ITEM);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 2, evicted 1");
}

/* The item pointers of a heap can fill its first packet, so that the start item comes in the second one. */
Test(recv_copied_starts, a_heap_whose_start_item_comes_in_its_second_packet_goes_on)
{
    open_rig();
    data(1, 128, 0, NO_ITEM);
    data(1, 128, 64, SPEAD_CONTROL_START);
    expect_heaps(1);
    EXPECT_BUCKETS("delivered 2");
    cr_expect_eq(rig.stats.counters.sender_restarts, 1u);
}

/* ---- Refused packets ------------------------------------------------------------------------- */

/* Without out-of-order packets, the stream refuses a packet whose predecessor was lost. Its items count. */
Test(recv_copied_starts, a_start_item_in_a_refused_packet_begins_a_run)
{
    rig.config.allow_out_of_order = false;
    rig.config.deliver_incomplete = false;
    open_rig();
    data(3, 128, 0, NO_ITEM);
    data(4, 128, 64, SPEAD_CONTROL_START);
    data(3, 128, 64, NO_ITEM);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("out-of-order 2, evicted 1");
    cr_expect_eq(rig.stats.counters.sender_restarts, 1u);
}

Test(recv_copied_starts, a_stop_item_in_a_refused_packet_stops)
{
    rig.config.allow_out_of_order = false;
    rig.config.stop_count = 2;
    open_rig();
    data(4, 128, 64, SPEAD_CONTROL_STOP);
    data(5, 64, 0, NO_ITEM);
    recv_rig_run(&rig);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_AFTER_STOP), 1u);
}
