/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a group of heaps is accepted as a whole or not at all. Its packets leave in the order that was asked for, and
 * each heap of it gets its own result.
 *
 * Method: a stream on a scripted engine (support/send_rig.h). The test polls the stream. */
#include <criterion/criterion.h>

#include <errno.h>

#include "send_rig.h"

enum { GROUP = 3, PACKET = 88 };

/* With packets of 88 bytes the first packet of a heap carries 40 bytes, and each later packet 48 bytes. */
static const size_t bytes_of[GROUP] = {130, 40, 90};
static const unsigned packets_of[GROUP] = {3, 1, 3};

struct group_rig {
    struct send_rig rig;
    struct spead_send_heap *heap[GROUP];
    struct spead_send_group_heap group[GROUP];
};

static void open_group(struct group_rig *g, uint32_t heaps_max)
{
    send_rig_open(&g->rig, heaps_max);
    spead_send_stream_destroy(g->rig.stream);
    g->rig.config.packet_bytes_max = PACKET;
    g->rig.stream = scripted_tx_stream_to(g->rig.tx, &g->rig.config, 3, 0);
    for (unsigned i = 0; i < GROUP; i++) {
        g->heap[i] = send_rig_heap(bytes_of[i]);
        g->group[i] = (struct spead_send_group_heap){g->heap[i], g->rig.options};
    }
}

static void close_group(struct group_rig *g)
{
    send_rig_close(&g->rig);
    for (unsigned i = 0; i < GROUP; i++)
        spead_send_heap_destroy(g->heap[i]);
}

static int submit(struct group_rig *g, enum spead_send_group_order order)
{
    return spead_send_stream_submit_group(g->rig.stream, g->group, GROUP, order);
}

/* Compares the heap counters and payload offsets of the packets with pairs of numbers, which -1 ends. */
static void expect_packets(const struct scripted_tx *tx, const int *want)
{
    size_t n = 0;

    for (; *want >= 0; want += 2, n++) {
        cr_assert_lt(n, tx->packet_count);
        cr_expect_eq(scripted_tx_value(tx, n, 0), (uint64_t)want[0], "packet %zu is of heap %zu", n,
                     (size_t)scripted_tx_value(tx, n, 0));
        cr_expect_eq(scripted_tx_value(tx, n, 2), (uint64_t)want[1], "packet %zu has offset %zu", n,
                     (size_t)scripted_tx_value(tx, n, 2));
    }
    cr_expect_eq(n, tx->packet_count);
}

/* ---- Order ---------------------------------------------------------------------------------- */

/* The same case as TestStream.serial in spead2. */
Test(send_groups, heaps_of_a_serial_group_leave_one_after_another)
{
    struct group_rig g;

    open_group(&g, 4);
    cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_SERIAL), 0);
    cr_expect_eq(spead_send_stream_poll(g.rig.stream), 7);
    expect_packets(g.rig.tx, (int[]){1, 0, 1, 40, 1, 88, 2, 0, 3, 0, 3, 40, 3, 88, -1});
    cr_expect_eq(g.rig.log.count, GROUP);
    close_group(&g);
}

/* The same case as TestStream.round_robin in spead2. */
Test(send_groups, heaps_of_a_round_robin_group_send_a_packet_each_in_turn)
{
    struct group_rig g;

    open_group(&g, 4);
    cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_ROUND_ROBIN), 0);
    cr_expect_eq(spead_send_stream_poll(g.rig.stream), 7);
    expect_packets(g.rig.tx, (int[]){1, 0, 2, 0, 3, 0, 1, 40, 3, 40, 1, 88, 3, 88, -1});
    cr_assert_eq(g.rig.log.count, GROUP);
    for (unsigned i = 0; i < GROUP; i++) {
        cr_expect_eq(g.rig.log.result[i].counter, i + 1, "heaps complete in their order");
        cr_expect_eq(g.rig.log.result[i].bytes, bytes_of[i] + 8 + 40 * packets_of[i]);
    }
    close_group(&g);
}

Test(send_groups, the_last_heap_of_a_round_robin_group_sends_its_rest)
{
    struct group_rig g;
    struct spead_send_heap *one = send_rig_heap(8), *many = send_rig_heap(400);

    open_group(&g, 4);
    g.group[0].heap = one;
    g.group[1].heap = many;
    cr_assert_eq(
        spead_send_stream_submit_group(g.rig.stream, g.group, 2, SPEAD_SEND_GROUP_ROUND_ROBIN), 0);
    cr_expect_eq(spead_send_stream_poll(g.rig.stream), 10);
    expect_packets(g.rig.tx, (int[]){1,   0, 2,   0, 2,   40, 2,   88, 2,   136, 2,
                                     184, 2, 232, 2, 280, 2,  328, 2,  376, -1});
    cr_expect_eq(g.rig.log.count, 2);
    close_group(&g);
    spead_send_heap_destroy(one);
    spead_send_heap_destroy(many);
}

Test(send_groups, what_stands_before_and_after_a_group_is_not_mixed_with_it)
{
    struct group_rig g;

    open_group(&g, 8);
    spead_send_stream_submit(g.rig.stream, g.heap[1], &g.rig.options);
    cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_ROUND_ROBIN), 0);
    spead_send_stream_submit(g.rig.stream, g.heap[1], &g.rig.options);
    cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_ROUND_ROBIN), 0);
    while (spead_send_stream_poll(g.rig.stream) > 0)
        ;
    expect_packets(g.rig.tx, (int[]){1, 0, 2, 0, 3, 0, 4, 0, 2,  40, 4,  40, 2,  88, 4,  88, 5,
                                     0, 6, 0, 7, 0, 8, 0, 6, 40, 8,  40, 6,  88, 8,  88, -1});
    cr_expect_eq(g.rig.log.count, 8);
    close_group(&g);
}

/* The engine takes one packet at a time, and later reports one packet at a time. The ring of heaps goes round several
 * times, so that groups lie across its end. */
Test(send_groups, the_order_does_not_depend_on_how_much_the_engine_takes)
{
    static const int once[] = {1, 0, 2, 0, 3, 0, 1, 40, 3, 40, 1, 88, 3, 88};
    struct group_rig g;

    open_group(&g, 5);
    g.rig.tx->at_once = 1;
    for (unsigned round = 0; round < 9; round++) {
        cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_ROUND_ROBIN), 0);
        g.rig.tx->hold = true;
        g.rig.tx->let_go = 0;
        for (unsigned i = 0; i < 20; i++)
            spead_send_stream_poll(g.rig.stream);
        for (unsigned i = 0; i < 7; i++) {
            cr_expect_eq(scripted_tx_value(g.rig.tx, round * 7 + i, 0),
                         (uint64_t)once[2 * i] + 3 * round);
            cr_expect_eq(scripted_tx_value(g.rig.tx, round * 7 + i, 2), (uint64_t)once[2 * i + 1]);
        }
        for (unsigned i = 0; i < 7; i++) {
            cr_expect_eq(g.rig.log.count, round * GROUP + (i == 6 ? 2 : 0));
            g.rig.tx->let_go++;
            spead_send_stream_poll(g.rig.stream);
        }
        cr_expect_eq(g.rig.log.count, (round + 1) * GROUP);
    }
    cr_expect_eq(send_rig_packets(&g.rig, SPEAD_SEND_PENDING), 0);
    close_group(&g);
}

Test(send_groups, one_batch_after_another_carries_a_long_group)
{
    struct group_rig g;
    struct spead_send_heap *heap = send_rig_heap(SEND_RIG_HEAP_BYTES);
    const unsigned packets = (SEND_RIG_HEAP_BYTES + 8 + 47) / 48;
    uint64_t offset[2][2] = {{0}};

    open_group(&g, 8);
    for (unsigned i = 0; i < GROUP; i++)
        g.group[i].heap = heap;
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_ROUND_ROBIN), 0);
    while (spead_send_stream_poll(g.rig.stream) > 0)
        ;
    cr_expect_eq(g.rig.tx->packet_count, 6 * packets);
    cr_expect_gt(g.rig.tx->sends, 1);
    for (unsigned n = 0; n < g.rig.tx->packet_count; n++) {
        unsigned group = n / (3 * packets);

        cr_expect_eq(scripted_tx_value(g.rig.tx, n, 0), group * 3 + n % 3 + 1);
        if (n % 3 == 0) {
            cr_expect_eq(scripted_tx_value(g.rig.tx, n, 2), offset[group][0]);
            offset[group][0] += scripted_tx_value(g.rig.tx, n, 3);
        }
    }
    cr_expect_eq(offset[0][0], SEND_RIG_HEAP_BYTES);
    cr_expect_eq(g.rig.log.count, 6);
    close_group(&g);
    spead_send_heap_destroy(heap);
}

/* ---- Each heap for itself ------------------------------------------------------------------- */

Test(send_groups, each_heap_has_its_own_counter_and_destination)
{
    struct group_rig g;

    open_group(&g, 4);
    g.group[0].options.destination = 2;
    g.group[1].options.explicit_counter = true;
    g.group[1].options.counter = 77;
    g.group[2].options.destination = 1;
    cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_ROUND_ROBIN), 0);
    spead_send_stream_poll(g.rig.stream);
    expect_packets(g.rig.tx, (int[]){1, 0, 77, 0, 2, 0, 1, 40, 2, 40, 1, 88, 2, 88, -1});
    cr_expect_eq(g.rig.tx->packet[0].destination, 2);
    cr_expect_eq(g.rig.tx->packet[1].destination, 0);
    cr_expect_eq(g.rig.tx->packet[2].destination, 1);
    cr_assert_eq(g.rig.log.count, GROUP);
    cr_expect_eq(g.rig.log.result[1].counter, 77);
    cr_expect_eq(g.rig.log.result[2].counter, 2);
    close_group(&g);
}

Test(send_groups, only_the_heap_of_a_refused_packet_has_its_error)
{
    struct group_rig g;

    open_group(&g, 4);
    g.rig.tx->refuse[0].packet = 3; /* the second packet of the first heap */
    g.rig.tx->refuse[0].error = -EMSGSIZE;
    cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_ROUND_ROBIN), 0);
    spead_send_stream_poll(g.rig.stream);
    cr_assert_eq(g.rig.log.count, GROUP);
    cr_expect_eq(g.rig.log.result[0].error, -EMSGSIZE);
    cr_expect_eq(g.rig.log.result[0].bytes, bytes_of[0] + 8 + 40 * 3 - PACKET);
    cr_expect_eq(g.rig.log.result[1].error, 0);
    cr_expect_eq(g.rig.log.result[2].error, 0);
    cr_expect_eq(send_rig_stats(&g.rig).counters.heaps_failed, 1);
    cr_expect_eq(send_rig_stats(&g.rig).counters.heaps_sent, 2);
    close_group(&g);
}

/* Two stops abandon a group in the middle. The heap of one packet has been sent by then. */
Test(send_groups, a_group_that_is_abandoned_completes_each_heap_once)
{
    struct group_rig g;

    open_group(&g, 4);
    cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_ROUND_ROBIN), 0);
    g.rig.tx->room = 4;
    spead_send_stream_poll(g.rig.stream);
    cr_expect_eq(g.rig.log.count, 0, "the oldest heap is not done");
    spead_send_stream_stop(g.rig.stream);
    spead_send_stream_stop(g.rig.stream);
    cr_expect_eq(spead_send_stream_poll(g.rig.stream), -ESHUTDOWN);
    cr_assert_eq(g.rig.log.count, GROUP);
    cr_expect_eq(g.rig.log.result[0].error, -ECANCELED);
    cr_expect_eq(g.rig.log.result[1].error, 0);
    cr_expect_eq(g.rig.log.result[2].error, -ECANCELED);
    cr_expect_eq(send_rig_stats(&g.rig).counters.heaps_abandoned, 2);
    cr_expect_eq(send_rig_packets(&g.rig, SPEAD_SEND_SENT), 4);
    close_group(&g);
}

Test(send_groups, a_group_that_waits_in_the_queue_is_abandoned_whole)
{
    struct group_rig g;

    open_group(&g, 4);
    cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_ROUND_ROBIN), 0);
    spead_send_stream_destroy(g.rig.stream);
    cr_assert_eq(g.rig.log.count, GROUP);
    for (unsigned i = 0; i < GROUP; i++)
        cr_expect_eq(g.rig.log.result[i].error, -ECANCELED);
    g.rig.stream = scripted_tx_stream(g.rig.tx, &g.rig.config);
    close_group(&g);
}

/* A completion may submit the next group while the present one is not done. */
struct again {
    struct group_rig *g;
    unsigned left;
};

static void submit_again(void *arg, const struct spead_send_result *result)
{
    struct again *again = arg;

    cr_expect_eq(result->error, 0);
    if (again->left == 0)
        return;
    again->left--;
    cr_expect_eq(spead_send_stream_submit_group(again->g->rig.stream, again->g->group, 1,
                                                SPEAD_SEND_GROUP_ROUND_ROBIN),
                 0);
}

Test(send_groups, a_completion_may_submit_into_the_slots_of_its_group)
{
    struct group_rig g;
    struct again again = {.g = &g, .left = 30};

    open_group(&g, GROUP);
    for (unsigned i = 0; i < GROUP; i++) {
        g.group[i].options.done = submit_again;
        g.group[i].options.done_arg = &again;
    }
    cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_ROUND_ROBIN), 0);
    g.rig.tx->at_once = 2;
    for (unsigned i = 0; i < 200; i++)
        spead_send_stream_poll(g.rig.stream);
    cr_expect_eq(again.left, 0);
    cr_expect_eq(send_rig_stats(&g.rig).counters.heaps_sent, 33);
    close_group(&g);
}

/* A batch has 1024 packets, so the group below needs two. Its first heap completes with the first batch, and another heap
 * gets the place of that heap in the queue while the group is still being cut. */
Test(send_groups, a_heap_that_follows_a_group_may_get_the_place_of_its_first_heap)
{
    struct send_rig rig;
    struct spead_send_heap *small = send_rig_heap(9);
    struct spead_send_group_heap group[GROUP];
    uint64_t offset[GROUP + 3] = {0};

    send_rig_open(&rig, 4);
    spead_send_stream_destroy(rig.stream);
    rig.config.packet_bytes_max = 56;
    rig.stream = scripted_tx_stream_to(rig.tx, &rig.config, 3, 0);
    for (unsigned i = 0; i < GROUP; i++)
        group[i] = (struct spead_send_group_heap){i == 0 ? small : rig.heap, rig.options};
    cr_assert_eq(
        spead_send_stream_submit_group(rig.stream, group, GROUP, SPEAD_SEND_GROUP_ROUND_ROBIN), 0);
    spead_send_stream_poll(rig.stream);
    cr_assert_eq(rig.log.count, 1);
    for (unsigned i = 0; i < 2; i++)
        cr_assert_eq(spead_send_stream_submit(rig.stream, small, &rig.options), 0);
    for (unsigned i = 0; i < 10; i++)
        spead_send_stream_poll(rig.stream);
    cr_assert_eq(rig.log.count, GROUP + 2);
    for (size_t n = 0; n < rig.tx->packet_count; n++) {
        const uint64_t heap = scripted_tx_value(rig.tx, n, 0);

        cr_assert(heap >= 1 && heap <= GROUP + 2);
        cr_assert_eq(scripted_tx_value(rig.tx, n, 2), offset[heap], "packet %zu", n);
        offset[heap] += scripted_tx_value(rig.tx, n, 3);
    }
    for (unsigned i = 1; i <= GROUP + 2; i++)
        cr_expect_eq(offset[i], i == 2 || i == 3 ? SEND_RIG_HEAP_BYTES : 9, "heap %u", i);
    send_rig_close(&rig);
    spead_send_heap_destroy(small);
}

/* ---- All or nothing ------------------------------------------------------------------------- */

Test(send_groups, a_group_that_does_not_fit_leaves_nothing)
{
    struct group_rig g;

    open_group(&g, 5);
    cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_SERIAL), 0);
    cr_expect_eq(submit(&g, SPEAD_SEND_GROUP_SERIAL), -EAGAIN, "two places are left");
    cr_expect_eq(send_rig_stats(&g.rig).heaps_refused, GROUP);
    spead_send_stream_poll(g.rig.stream);
    cr_expect_eq(send_rig_stats(&g.rig).counters.heaps_submitted, GROUP);
    cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_SERIAL), 0);
    spead_send_stream_poll(g.rig.stream);
    cr_assert_eq(g.rig.log.count, 2 * GROUP);
    cr_expect_eq(g.rig.log.result[GROUP].counter, GROUP + 1, "the counters go on");
    close_group(&g);
}

/* The same cases as TestStream.send_heaps_empty and TestStream.send_heaps_unwind in spead2. */
Test(send_groups, one_bad_heap_refuses_the_whole_group)
{
    struct group_rig g;

    open_group(&g, 4);
    cr_expect_eq(spead_send_stream_submit_group(g.rig.stream, g.group, 0, SPEAD_SEND_GROUP_SERIAL),
                 -EINVAL, "empty");
    cr_expect_eq(spead_send_stream_submit_group(g.rig.stream, NULL, 1, SPEAD_SEND_GROUP_SERIAL),
                 -EINVAL, "no heaps");
    cr_expect_eq(spead_send_stream_submit_group(g.rig.stream, g.group, 5, SPEAD_SEND_GROUP_SERIAL),
                 -EINVAL, "it never fits");
    cr_expect_eq(submit(&g, (enum spead_send_group_order)2), -EINVAL, "an unknown order");
    g.group[2].options.explicit_counter = true;
    g.group[2].options.counter = 1ull << 40;
    cr_expect_eq(submit(&g, SPEAD_SEND_GROUP_SERIAL), -EINVAL, "a counter of 41 bits");
    g.group[2].options = g.rig.options;
    g.group[2].heap = NULL;
    cr_expect_eq(submit(&g, SPEAD_SEND_GROUP_ROUND_ROBIN), -EINVAL, "no heap");
    cr_expect_eq(spead_send_stream_poll(g.rig.stream), 0);
    cr_expect_eq(send_rig_stats(&g.rig).counters.heaps_submitted, 0);
    cr_expect_eq(send_rig_stats(&g.rig).heaps_refused, 0);
    cr_expect_eq(send_rig_submit(&g.rig), 0);
    while (spead_send_stream_poll(g.rig.stream) > 0)
        ;
    cr_expect_eq(g.rig.log.result[0].counter, 1, "no counter was used");
    close_group(&g);
}

Test(send_groups, a_stopped_stream_refuses_groups)
{
    struct group_rig g;

    open_group(&g, 4);
    spead_send_stream_stop(g.rig.stream);
    cr_expect_eq(submit(&g, SPEAD_SEND_GROUP_SERIAL), -ESHUTDOWN);
    cr_expect_eq(spead_send_stream_poll(g.rig.stream), -ESHUTDOWN);
    close_group(&g);
}

Test(send_groups, a_group_waits_for_as_many_places_as_it_needs, .timeout = 60)
{
    struct group_rig g;
    struct spead_send_runner *runner;

    open_group(&g, 4);
    cr_expect_eq(spead_send_stream_submit_group_wait(g.rig.stream, g.group, GROUP,
                                                     SPEAD_SEND_GROUP_SERIAL, 5000000000u),
                 -EINVAL, "a duration");
    cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_SERIAL), 0);
    cr_expect_eq(spead_send_stream_submit_group_wait(g.rig.stream, g.group, GROUP,
                                                     SPEAD_SEND_GROUP_SERIAL, SPEAD_DEADLINE_NOW),
                 -ETIMEDOUT);
    cr_assert_eq(spead_send_runner_start(&runner, g.rig.stream, -1, NULL), 0);
    for (unsigned i = 0; i < 30; i++)
        cr_assert_eq(spead_send_stream_submit_group_wait(g.rig.stream, g.group, GROUP,
                                                         SPEAD_SEND_GROUP_ROUND_ROBIN,
                                                         SPEAD_DEADLINE_NEVER),
                     0);
    cr_expect_eq(spead_send_stream_flush(g.rig.stream, SPEAD_DEADLINE_NEVER), 0);
    spead_send_stream_stop(g.rig.stream);
    cr_expect_eq(spead_send_runner_join(runner, NULL), 0);
    cr_expect_eq(g.rig.log.count, 31 * GROUP);
    close_group(&g);
}

Test(send_groups, the_owner_thread_never_waits_for_itself)
{
    struct group_rig g;

    open_group(&g, 4);
    spead_send_stream_start(g.rig.stream, NULL);
    cr_assert_eq(submit(&g, SPEAD_SEND_GROUP_SERIAL), 0);
    cr_expect_eq(spead_send_stream_submit_group_wait(g.rig.stream, g.group, GROUP,
                                                     SPEAD_SEND_GROUP_SERIAL, SPEAD_DEADLINE_NEVER),
                 -EDEADLK);
    close_group(&g);
}
