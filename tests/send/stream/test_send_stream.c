/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a send stream accepts heaps up to its bound and completes them in order. At any time the buckets of its ledger
 * add up.
 *
 * Method: a stream on a scripted engine (support/send_rig.h). The test polls the stream. */
#include <criterion/criterion.h>

#include <errno.h>

#include "send_rig.h"

/* ---- Acceptance ----------------------------------------------------------------------------- */

/* The same case as TestStream.overflow in spead2. */
Test(send_stream, exactly_heaps_max_heaps_are_accepted)
{
    struct send_rig rig;

    send_rig_open(&rig, 5); /* heaps_max is 5, which is not a power of two */
    for (int i = 0; i < 5; i++)
        cr_expect_eq(send_rig_submit(&rig), 0);
    cr_expect_eq(send_rig_submit(&rig), -EAGAIN);
    cr_expect_eq(send_rig_submit(&rig), -EAGAIN);
    cr_expect_eq(spead_send_stream_poll(rig.stream), 5 * SEND_RIG_PACKETS);
    cr_expect_eq(rig.log.count, 5);
    cr_expect_eq(send_rig_stats(&rig).heaps_refused, 2);
    cr_expect_eq(send_rig_stats(&rig).counters.heaps_submitted, 5);
    cr_expect_eq(send_rig_submit(&rig), 0, "slots are free again");
    send_rig_close(&rig);
}

Test(send_stream, bad_requests_are_refused_and_change_nothing)
{
    struct send_rig rig;
    struct spead_send_options options;
    struct spead_send_heap *wide;

    send_rig_open(&rig, 4);
    options = rig.options;
    options.destination = 3;
    cr_expect_eq(spead_send_stream_submit(rig.stream, rig.heap, &options), -EINVAL);
    /* The same case as TestStream.invalid_cnt in spead2. */
    options = rig.options;
    options.explicit_counter = true;
    options.counter = 1ull << 40;
    cr_expect_eq(spead_send_stream_submit(rig.stream, rig.heap, &options), -EINVAL);
    cr_expect_eq(spead_send_stream_submit(rig.stream, NULL, NULL), -EINVAL);
    wide = send_rig_heap(8);
    for (unsigned i = 0; i < 200; i++)
        spead_send_heap_add_immediate(wide, 0x2000, i);
    spead_send_heap_repeat_pointers(wide, true);
    cr_expect_eq(spead_send_stream_submit(rig.stream, wide, NULL), -EINVAL);
    cr_expect_eq(spead_send_stream_poll(rig.stream), 0);
    cr_expect_eq(send_rig_stats(&rig).counters.heaps_submitted, 0);
    cr_expect_eq(send_rig_submit(&rig), 0);
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(rig.log.result[0].counter, 1, "automatic numbering was advanced");
    spead_send_heap_destroy(wide);
    send_rig_close(&rig);
}

/* The same case as TestStream.send_explicit_cnt in spead2. */
Test(send_stream, explicit_counters_leave_automatic_ones_alone)
{
    static const uint64_t want[] = {(1ull << 40) - 1, 0x1234, 1, 4};
    struct send_rig rig;
    struct spead_send_options chosen;

    send_rig_open(&rig, 4);
    spead_send_stream_destroy(rig.stream);
    /* This is the largest 40-bit counter, so the next automatic counter wraps. */
    rig.config.heap_counter_first = (1ull << 40) - 1;
    rig.config.heap_counter_step = 2;
    rig.stream = scripted_tx_stream(rig.tx, &rig.config);
    chosen = rig.options;
    chosen.explicit_counter = true;
    send_rig_submit(&rig);
    chosen.counter = 0x1234;
    spead_send_stream_submit(rig.stream, rig.heap, &chosen);
    send_rig_submit(&rig);
    chosen.counter = 4;
    spead_send_stream_submit(rig.stream, rig.heap, &chosen);
    spead_send_stream_poll(rig.stream);
    cr_assert_eq(rig.log.count, 4);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_eq(rig.log.result[i].counter, want[i]);
        cr_expect_eq(scripted_tx_value(rig.tx, i * SEND_RIG_PACKETS, 0), want[i]);
    }
    send_rig_close(&rig);
}

Test(send_stream, heaps_go_to_the_destination_asked_for)
{
    struct send_rig rig;

    send_rig_open(&rig, 4);
    for (uint32_t i = 0; i < 3; i++) {
        rig.options.destination = 2 - i;
        cr_expect_eq(send_rig_submit(&rig), 0);
    }
    spead_send_stream_poll(rig.stream);
    for (unsigned i = 0; i < 3 * SEND_RIG_PACKETS; i++)
        cr_expect_eq(rig.tx->packet[i].destination, 2 - i / SEND_RIG_PACKETS);
    send_rig_close(&rig);
}

/* ---- Completion ----------------------------------------------------------------------------- */

/* The same case as unittest_send_completion in spead2. An empty heap has 49 bytes. */
Test(send_stream, completion_reports_bytes_with_headers)
{
    struct send_rig rig;
    struct spead_send_heap *empty = send_rig_heap(0);

    send_rig_open(&rig, 4);
    cr_expect_eq(spead_send_stream_submit(rig.stream, empty, &rig.options), 0);
    cr_expect_eq(send_rig_submit(&rig), 0);
    cr_expect_eq(spead_send_stream_poll(rig.stream), 1 + SEND_RIG_PACKETS);
    cr_assert_eq(rig.log.count, 2);
    cr_expect_eq(rig.log.result[0].bytes, 49);
    cr_expect_eq(rig.log.result[0].error, 0);
    cr_expect_eq(rig.log.result[1].bytes, SEND_RIG_SPEAD_BYTES);
    cr_expect_eq(send_rig_stats(&rig).counters.payload_bytes, SEND_RIG_HEAP_BYTES);
    cr_expect_eq(send_rig_stats(&rig).bucket[SPEAD_SEND_SENT].bytes, SEND_RIG_SPEAD_BYTES + 49);
    cr_expect_neq(send_rig_stats(&rig).counters.first_packet_ns, 0);
    cr_expect_neq(send_rig_stats(&rig).counters.first_packet_mono_ns, 0);
    cr_expect_geq(send_rig_stats(&rig).counters.last_packet_mono_ns,
                  send_rig_stats(&rig).counters.first_packet_mono_ns);
    spead_send_heap_destroy(empty);
    send_rig_close(&rig);
}

Test(send_stream, heap_completes_when_its_last_packet_is_done)
{
    struct send_rig rig;

    send_rig_open(&rig, 4);
    rig.tx->hold = true;
    for (int i = 0; i < 3; i++)
        send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(send_rig_packets(&rig, SPEAD_SEND_PENDING), 3 * SEND_RIG_PACKETS);
    rig.tx->let_go = SEND_RIG_PACKETS - 1;
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(rig.log.count, 0);
    cr_expect_eq(send_rig_packets(&rig, SPEAD_SEND_SENT), SEND_RIG_PACKETS - 1);
    rig.tx->let_go = 2;
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(rig.log.count, 1);
    rig.tx->let_go = 2 * SEND_RIG_PACKETS - 1;
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(rig.log.count, 3);
    for (unsigned i = 0; i < 3; i++)
        cr_expect_eq(rig.log.result[i].counter, i + 1, "completed out of order");
    cr_expect_eq(send_rig_stats(&rig).heaps_pending, 0);
    send_rig_close(&rig);
}

struct again {
    struct send_rig *rig;
    unsigned left;
    int refused;
};

static void submit_again(void *arg, const struct spead_send_result *result)
{
    struct again *again = arg;
    struct spead_send_options options = {.done = submit_again, .done_arg = again};

    cr_expect_eq(result->error, 0);
    if (again->left == 0)
        return;
    again->left--;
    if (spead_send_stream_submit(again->rig->stream, again->rig->heap, &options) != 0)
        again->refused++;
}

Test(send_stream, callback_may_submit_into_the_slot_it_frees)
{
    struct send_rig rig;
    struct again again = {.rig = &rig, .left = 100};
    struct spead_send_options options = {.done = submit_again, .done_arg = &again};
    int moved = 0, n;

    send_rig_open(&rig, 1);
    spead_send_stream_start(rig.stream, NULL);
    cr_assert_eq(spead_send_stream_submit(rig.stream, rig.heap, &options), 0);
    while ((n = spead_send_stream_poll(rig.stream)) > 0)
        moved += n;
    cr_expect_eq(moved, 101 * SEND_RIG_PACKETS);
    cr_expect_eq(again.refused, 0);
    send_rig_close(&rig);
}

/* ---- Callers -------------------------------------------------------------------------------- */

Test(send_stream, caller_with_older_structs_gets_what_fits)
{
    struct send_rig rig;
    struct spead_send_stats stats = {.struct_size =
                                         offsetof(struct spead_send_stats, counters.heaps_sent)};
    struct spead_send_plan plan = SPEAD_SEND_PLAN_INIT;

    send_rig_open(&rig, 4);
    send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    stats.counters.heaps_sent = 12345;
    spead_send_stream_stats(rig.stream, &stats);
    cr_expect_eq(stats.counters.heaps_submitted, 1);
    cr_expect_eq(stats.counters.heaps_sent, 12345, "written past the caller's struct");
    cr_expect_eq(stats.struct_size, offsetof(struct spead_send_stats, counters.heaps_sent));
    spead_send_stream_plan(rig.stream, &plan);
    cr_expect_str_eq(plan.engine, "scripted");
    cr_expect_gt(plan.memory_bytes, 100000);
    send_rig_close(&rig);
}
