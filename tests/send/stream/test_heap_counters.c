/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a program changes the sequence of heap counters at any time, and each heap has the counter of the sequence that
 * held when it was submitted.
 *
 * Method: a stream on a scripted engine (support/send_rig.h). tests/stress/race_send_orders.c uses several threads. */
#include <criterion/criterion.h>

#include <errno.h>

#include <heap_counters.h>

#include "send_rig.h"

static void expect_counters(const struct send_rig *rig, const uint64_t *want, unsigned count)
{
    cr_assert_eq(rig->log.count, count);
    for (unsigned i = 0; i < count; i++) {
        cr_expect_eq(rig->log.result[i].counter, want[i], "heap %u has %zu", i,
                     (size_t)rig->log.result[i].counter);
        cr_expect_eq(scripted_tx_value(rig->tx, i * SEND_RIG_PACKETS, 0), want[i]);
    }
}

Test(heap_counters, a_change_holds_from_the_next_heap_on)
{
    struct send_rig rig;

    send_rig_open(&rig, 8);
    send_rig_submit(&rig);
    send_rig_submit(&rig);
    cr_expect_eq(spead_send_stream_set_counters(rig.stream, 100, 10), 0);
    send_rig_submit(&rig);
    send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    expect_counters(&rig, (uint64_t[]){1, 2, 100, 110, 120}, 5);
    send_rig_close(&rig);
}

Test(heap_counters, the_last_of_several_changes_before_a_heap_holds)
{
    struct send_rig rig;

    send_rig_open(&rig, 8);
    for (uint64_t i = 0; i < 50; i++)
        cr_expect_eq(spead_send_stream_set_counters(rig.stream, i, 1), 0);
    send_rig_submit(&rig);
    cr_expect_eq(spead_send_stream_set_counters(rig.stream, 7, 0), -EINVAL);
    cr_expect_eq(spead_send_stream_set_counters(rig.stream, 7, UINT64_MAX), 0, "step -1");
    send_rig_submit(&rig);
    send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    expect_counters(&rig, (uint64_t[]){49, 7, 6}, 3);
    send_rig_close(&rig);
}

Test(heap_counters, explicit_counters_do_not_use_up_a_change)
{
    struct send_rig rig;
    struct spead_send_options chosen;

    send_rig_open(&rig, 8);
    chosen = rig.options;
    chosen.explicit_counter = true;
    chosen.counter = 5;
    cr_expect_eq(spead_send_stream_set_counters(rig.stream, (1ull << 40) - 1, 2), 0);
    spead_send_stream_submit(rig.stream, rig.heap, &chosen);
    send_rig_submit(&rig);
    send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    expect_counters(&rig, (uint64_t[]){5, (1ull << 40) - 1, 1}, 3);
    send_rig_close(&rig);
}

Test(heap_counters, a_change_holds_for_a_group_whose_first_heap_has_an_explicit_counter)
{
    struct send_rig rig;
    struct spead_send_group_heap group[3] = {{0}};

    send_rig_open(&rig, 8);
    for (unsigned i = 0; i < 3; i++)
        group[i] = (struct spead_send_group_heap){rig.heap, rig.options};
    group[0].options.explicit_counter = true;
    group[0].options.counter = 5;
    send_rig_submit(&rig);
    cr_expect_eq(spead_send_stream_set_counters(rig.stream, 100, 1), 0);
    cr_assert_eq(spead_send_stream_submit_group(rig.stream, group, 3, SPEAD_SEND_GROUP_SERIAL), 0);
    send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    expect_counters(&rig, (uint64_t[]){1, 5, 100, 101, 102}, 5);
    send_rig_close(&rig);
}

Test(heap_counters, a_change_does_not_wait_behind_heaps_with_explicit_counters)
{
    struct send_rig rig;
    struct spead_send_options chosen;

    send_rig_open(&rig, 8);
    chosen = rig.options;
    chosen.explicit_counter = true;
    for (uint64_t i = 0; i < 20; i++) {
        cr_expect_eq(spead_send_stream_set_counters(rig.stream, 100 * i, 1), 0, "change %zu",
                     (size_t)i);
        spead_send_stream_submit(rig.stream, rig.heap, &chosen);
        spead_send_stream_poll(rig.stream);
    }
    rig.log.count = 0;
    send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    cr_assert_eq(rig.log.count, 1);
    cr_expect_eq(rig.log.result[0].counter, 1900);
    send_rig_close(&rig);
}

Test(heap_counters, more_changes_than_can_wait_are_refused)
{
    struct send_rig rig;

    send_rig_open(&rig, 16);
    for (uint64_t i = 0; i < 8; i++) {
        cr_expect_eq(spead_send_stream_set_counters(rig.stream, 100 * (i + 1), 1), 0);
        send_rig_submit(&rig);
    }
    cr_expect_eq(spead_send_stream_set_counters(rig.stream, 5000, 1), -EAGAIN);
    send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(spead_send_stream_set_counters(rig.stream, 5000, 1), 0);
    send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    expect_counters(&rig, (uint64_t[]){100, 200, 300, 400, 500, 600, 700, 800, 801, 5000}, 10);
    send_rig_close(&rig);
}

Test(heap_counters, a_group_has_one_sequence)
{
    struct send_rig rig;
    struct spead_send_group_heap group[3] = {{0}};

    send_rig_open(&rig, 8);
    for (unsigned i = 0; i < 3; i++)
        group[i] = (struct spead_send_group_heap){rig.heap, rig.options};
    send_rig_submit(&rig);
    cr_assert_eq(spead_send_stream_submit_group(rig.stream, group, 3, SPEAD_SEND_GROUP_SERIAL), 0);
    cr_expect_eq(spead_send_stream_set_counters(rig.stream, 40, 1), 0);
    cr_assert_eq(spead_send_stream_submit_group(rig.stream, group, 3, SPEAD_SEND_GROUP_SERIAL), 0);
    spead_send_stream_poll(rig.stream);
    expect_counters(&rig, (uint64_t[]){1, 2, 3, 4, 40, 41, 42}, 7);
    send_rig_close(&rig);
}

Test(heap_counters, start_and_stop_heaps_continue_the_sequence)
{
    struct send_rig rig;
    struct spead_send_heap *start = NULL, *stop = NULL;

    send_rig_open(&rig, 8);
    cr_expect_eq(
        spead_send_heap_create_control(&start, (struct spead_flavour){41}, SPEAD_CONTROL_START),
        -EINVAL);
    cr_expect_null(start);
    cr_assert_eq(spead_send_heap_create_control(&start, (struct spead_flavour)SPEAD_FLAVOUR_64_40,
                                                SPEAD_CONTROL_START),
                 0);
    cr_assert_eq(spead_send_heap_create_control(&stop, (struct spead_flavour)SPEAD_FLAVOUR_64_40,
                                                SPEAD_CONTROL_STOP),
                 0);
    spead_send_stream_submit(rig.stream, start, &rig.options);
    send_rig_submit(&rig);
    for (uint32_t i = 0; i < 3; i++) {
        rig.options.destination = i;
        spead_send_stream_submit(rig.stream, stop, &rig.options);
    }
    spead_send_stream_poll(rig.stream);
    cr_assert_eq(rig.log.count, 5);
    for (unsigned i = 0; i < 5; i++)
        cr_expect_eq(rig.log.result[i].counter, i + 1);
    cr_expect_eq(scripted_tx_value(rig.tx, 0, 4), SPEAD_CONTROL_START);
    cr_expect_eq(scripted_tx_value(rig.tx, 1 + SEND_RIG_PACKETS, 4), SPEAD_CONTROL_STOP);
    send_rig_close(&rig);
    spead_send_heap_destroy(start);
    spead_send_heap_destroy(stop);
}

/* The owner thread has admitted the first heap of a group when the change comes. A stream cannot be stopped there, so
 * the test asks the counters themselves. */
Test(heap_counters, no_change_comes_between_two_heaps_of_a_group)
{
    struct speadi_heap_counters counters;
    struct speadi_heap_queue queue;
    uint64_t first;

    cr_assert_eq(speadi_heap_queue_init(&queue, 4), 0);
    speadi_heap_counters_init(&counters, 1, 1);
    cr_assert_eq(speadi_heap_queue_claim(&queue, 1, &first), 0);
    speadi_heap_queue_publish(&queue, first, true);
    cr_assert_eq(speadi_heap_counters_change(&counters, &queue, 100, 1), 0);
    for (uint64_t position = 0; position < 3; position++) {
        speadi_heap_counters_reach(&counters, position, position > 0);
        cr_expect_eq(speadi_heap_counters_take(&counters), position + 1);
    }
    speadi_heap_counters_reach(&counters, 3, false);
    cr_expect_eq(speadi_heap_counters_take(&counters), 100);
    speadi_heap_counters_release(&counters);
    speadi_heap_queue_release(&queue);
}
