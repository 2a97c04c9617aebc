/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a send sink sends every message of its channel once, and in order. It releases a message only when the heap of
 * the message has completed.
 *
 * Method: the graph has a probe source and the sink (support/sink_rig.h). The stream has a scripted engine. The objects
 * of the messages count references. */
#include <criterion/criterion.h>

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "relay_rig.h"
#include "sink_rig.h"

static void expect_all_sent_in_order(const struct sink_rig *rig)
{
    cr_assert_eq(rig->tx->packet_count, rig->count, "%zu packets", rig->tx->packet_count);
    for (size_t i = 0; i < rig->count; i++)
        cr_assert_eq(sink_rig_sent_number(rig, i), i);
}

static void run_with(uint32_t heaps_max, uint32_t edge_capacity)
{
    struct spead_send_sink_stats stats;
    struct sink_rig rig;

    sink_rig_init(&rig, 1000, heaps_max);
    rig.edge_capacity = edge_capacity;
    sink_rig_start(&rig);
    cr_assert_eq(spead_graph_wait(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
    stats = sink_rig_stats(&rig);
    cr_expect_eq(stats.in, 1000);
    cr_expect_eq(stats.sent, 1000);
    cr_expect_eq(rig.done, 1000);
    expect_all_sent_in_order(&rig);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

Test(send_sink, sends_all_in_order_with_one_heap_in_flight)
{
    run_with(1, 1);
    run_with(1, 32);
}

Test(send_sink, sends_all_in_order_with_any_number_in_flight)
{
    run_with(2, 32);
    run_with(5, 3);
    run_with(64, 1);
    run_with(64, 100);
}

static void wait_for_in(const struct sink_rig *rig, uint64_t in)
{
    while (sink_rig_stats(rig).in < in)
        sched_yield();
}

/* Another thread runs the graph, and this thread polls the stream. */
Test(send_sink, holds_messages_until_their_heaps_have_left_and_no_more_than_can_be_in_flight)
{
    struct sink_rig rig;

    sink_rig_init(&rig, 10, 3);
    rig.sink_config.own_thread = false;
    rig.tx->hold = true;
    sink_rig_start(&rig);
    /* The sink has perhaps received messages that it has not submitted yet. So the test polls until the packets of all
     * three messages are sent. */
    while (rig.tx->packet_count < 3)
        spead_send_stream_poll(rig.stream);
    cr_expect_eq(sink_rig_stats(&rig).pending, 3);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(rig.objects[i].references, 1, "in flight");
    rig.tx->let_go = 1;
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(rig.objects[0].references, 0, "sent");
    cr_expect_eq(rig.objects[1].references, 1);
    rig.tx->let_go = 1;
    spead_send_stream_poll(rig.stream);
    wait_for_in(&rig, 5); /* half of the slots are free now, so the node continues */
    cr_expect_eq(sink_rig_stats(&rig).pending, 3);
    rig.tx->hold = false;
    while (rig.done < 10)
        spead_send_stream_poll(rig.stream);
    cr_assert_eq(spead_graph_wait(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
    cr_expect_eq(sink_rig_stats(&rig).sent, 10);
    expect_all_sent_in_order(&rig);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

Test(send_sink, goes_on_when_another_producer_has_had_all_places)
{
    struct spead_send_heap *other;
    struct sink_rig rig;

    sink_rig_init(&rig, 5, 2);
    rig.sink_config.own_thread = false;
    sink_rig_open(&rig);
    cr_assert_eq(spead_send_heap_create(&other, (struct spead_flavour)SPEAD_FLAVOUR_64_40), 0);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(spead_send_stream_submit(rig.stream, other, NULL), 0);
    sink_rig_start(&rig);
    while (sink_rig_stats(&rig).waits == 0)
        sched_yield();
    cr_expect_eq(sink_rig_stats(&rig).sent, 0);
    while (rig.done < 5)
        spead_send_stream_poll(rig.stream);
    cr_assert_eq(spead_graph_wait(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
    cr_expect_eq(rig.tx->packet_count, 7);
    cr_expect_eq(sink_rig_close(&rig), 0);
    spead_send_heap_destroy(other);
}

/* The source repeats its messages without an end, so only the drain can end it. */
Test(send_sink, drains_what_the_source_has_emitted)
{
    struct spead_send_sink_stats stats;
    struct sink_rig rig;
    uint64_t emitted;

    sink_rig_init(&rig, 4000, 4);
    rig.source_config.pause_ns = 1000;
    rig.source_config.batch = 1;
    sink_rig_start(&rig);
    wait_for_in(&rig, 10);
    cr_assert_eq(spead_graph_drain(rig.graph, 0, &rig.err), 0, "%s", rig.err.text);
    emitted = spead_probe_source_sent(rig.source);
    stats = sink_rig_stats(&rig);
    cr_expect_eq(stats.sent, emitted);
    cr_expect_eq(stats.pending, 0);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

Test(send_sink, works_in_a_graph_that_is_pulled_and_whose_only_result_is_the_end)
{
    struct spead_message message;
    struct sink_rig rig;

    sink_rig_init(&rig, 300, 2);
    sink_rig_open(&rig);
    sink_rig_build(&rig);
    cr_expect_eq(
        spead_graph_next(rig.graph, (struct spead_graph_end){rig.to, "error"}, &message, &rig.err),
        -ESHUTDOWN, "%s", rig.err.text);
    cr_expect_eq(sink_rig_stats(&rig).sent, 300);
    expect_all_sent_in_order(&rig);
    cr_expect_eq(sink_rig_close(&rig), 0);
}

/* ---- What it asks for ----------------------------------------------------------------------- */

static void expect_refusal(const struct spead_send_sink_config *config, const char *word)
{
    struct spead_send_sink *sink = NULL;
    struct spead_err err = {0};

    cr_expect_eq(spead_send_sink_create(&sink, config, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, word), "\"%s\" does not say %s", err.text, word);
    cr_expect_null(sink);
}

Test(send_sink, bad_configs_are_refused_by_the_name_of_the_field)
{
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct relay_hop hop;

    relay_hop_open(&hop);
    expect_refusal(&config, "stream");
    config.stream = hop.send;
    config.destination = 1;
    expect_refusal(&config, "destination");
    config.destination = 0;
    config.flavour.heap_address_bits = 41;
    expect_refusal(&config, "flavour");
    config.flavour.heap_address_bits = 40;
    config.type = SPEAD_TYPE_PLAIN;
    expect_refusal(&config, "describe");
    config.type = SPEAD_TYPE_REGION;
    config.data_id = 2;
    expect_refusal(&config, "data_id");
    config.data_id = 0x1000;
    config.time_id = 1u << 23;
    expect_refusal(&config, "time_id");
    config.time_id = 0;
    config.sequence_id = 3;
    expect_refusal(&config, "sequence_id");
    config.struct_size = 4;
    expect_refusal(&config, "struct_size");
    relay_hop_close(&hop);
}
