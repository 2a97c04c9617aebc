/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the node "check" counts heaps, verifies them, releases them or passes them on, and ends the stream at its
 * limit. Method: made heaps go through a graph of a probe source, the check and, if the check has an output, a probe
 * sink. The stream that the check stops never receives a packet. */
#include <criterion/criterion.h>
#include <errno.h>

#include <speadline/graph.h>
#include <speadline/probe.h>

#include "heap_check.h"
#include "made_heap.h"

#define HEAP_BYTES 5000u
#define HEAPS      40u

struct rig {
    struct speadi_pool *pool;
    struct spead_message message[HEAPS];
    struct spead_mem_link *link;
    struct heap_check_config config;
    struct spead_probe_sink_config sink_config;
    struct spead_probe_record record; /* what the sink has recorded */
    struct heap_check_totals totals;
    int stream_end; /* the result of the first poll of the stream after the run */
};

static const struct speadi_span part = {0, 2000};

/* Makes a rig in which every fourth heap is incomplete. */
static void make_rig(struct rig *rig)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    *rig = (struct rig){.config = {.batch = 7}};
    rig->sink_config = (struct spead_probe_sink_config)SPEAD_PROBE_SINK_CONFIG_INIT;
    rig->pool = made_heap_pool(HEAPS, HEAP_BYTES);
    for (uint32_t i = 0; i < HEAPS; i++) {
        struct spead_heap *heap = made_heap(rig->pool, i, HEAP_BYTES, &part, i % 4 == 3);

        rig->message[i] = (struct spead_message){
            .reference = (uint64_t)(uintptr_t)heap, .type = SPEAD_TYPE_HEAP, .sequence = i};
    }
    cr_assert_eq(spead_mem_link_create(&rig->link, 1, 100, NULL), 0);
    config.links = &rig->link;
    config.link_count = 1;
    config.heap_bytes_max = 4096;
    cr_assert_eq(spead_recv_stream_create(&rig->config.stream, &config, NULL), 0);
}

static struct spead_node *add(struct spead_graph *graph, struct spead_node_config config)
{
    struct spead_node *node;

    cr_assert_eq(spead_graph_add(graph, &config, &node, NULL), 0);
    return node;
}

static void join(struct spead_graph *graph, struct spead_node *from, struct spead_node *to)
{
    cr_assert_eq(spead_graph_join(graph, (struct spead_graph_end){from, NULL},
                                  (struct spead_graph_end){to, NULL}, NULL, NULL),
                 0);
}

/* Frees the rig. Asserts that every heap is back in the pool. */
static void release(struct rig *rig)
{
    struct speadi_block *region[HEAPS];

    for (unsigned i = 0; i < HEAPS; i++) {
        region[i] = speadi_pool_take(rig->pool);
        cr_assert_not_null(region[i], "heap %u is still held", i);
    }
    for (unsigned i = 0; i < HEAPS; i++)
        speadi_block_release(region[i]);
    speadi_pool_unref(rig->pool);
    spead_recv_stream_destroy(rig->config.stream);
    spead_mem_link_unref(rig->link);
}

/* Sends all heaps through the check. Returns the result of the graph. */
static int run(struct rig *rig)
{
    struct spead_graph_config config = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_executor_config executor_config = SPEAD_EXECUTOR_CONFIG_INIT;
    struct spead_probe_source_config source_config = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_probe_source *source;
    struct spead_probe_sink *sink;
    struct heap_check *check;
    struct spead_graph *graph;
    struct spead_executor *executor;
    struct spead_node *node;
    int ret;

    source_config.messages = rig->message;
    source_config.count = HEAPS;
    source_config.type = SPEAD_TYPE_HEAP;
    cr_assert_eq(spead_graph_create(&graph, &config, NULL), 0);
    cr_assert_eq(spead_executor_create(&executor, &executor_config, NULL), 0);
    cr_assert_eq(spead_probe_source_create(&source, &source_config, NULL), 0);
    cr_assert_eq(spead_probe_sink_create(&sink, &rig->sink_config, NULL), 0);
    cr_assert_eq(heap_check_create(&check, &rig->config, NULL), 0);
    node = add(graph, heap_check_node(check, "check"));
    join(graph, add(graph, spead_probe_source_node(source, "source")), node);
    if (rig->config.passes_on)
        join(graph, node, add(graph, spead_probe_sink_node(sink, "sink")));
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    ret = spead_graph_wait(graph, 0, NULL);
    rig->record = (struct spead_probe_record)SPEAD_PROBE_RECORD_INIT;
    spead_probe_sink_record(sink, &rig->record);
    rig->totals = heap_check_totals(check);
    for (uint64_t i = spead_probe_source_sent(source); i < HEAPS; i++)
        spead_message_unref(&rig->message[i]);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    spead_probe_source_destroy(source);
    spead_probe_sink_destroy(sink);
    heap_check_destroy(check);
    /* If the check has stopped the stream, poll() returns -ESHUTDOWN. Otherwise it returns 0, because the link is
     * empty. */
    cr_assert_eq(spead_recv_stream_start(rig->config.stream, NULL), 0);
    rig->stream_end = spead_recv_stream_poll(rig->config.stream);
    return ret;
}

Test(heap_check, counts_what_came_and_lets_it_go)
{
    struct rig rig;

    make_rig(&rig);
    cr_assert_eq(run(&rig), 0);
    cr_expect_eq(rig.totals.heaps, 30);
    cr_expect_eq(rig.totals.incomplete_heaps, 10);
    cr_expect_eq(rig.totals.payload_bytes, 30 * HEAP_BYTES + 10 * 2000);
    cr_expect_eq(rig.totals.past_limit, 0);
    cr_expect_eq(rig.stream_end, 0, "the stream goes on");
    release(&rig);
}

Test(heap_check, passes_everything_on_in_order)
{
    struct rig rig;

    make_rig(&rig);
    rig.config.passes_on = true;
    rig.sink_config.batch = 3;
    cr_assert_eq(run(&rig), 0);
    cr_expect_eq(rig.record.received, HEAPS);
    cr_expect_eq(rig.record.out_of_order + rig.record.skipped, 0);
    cr_expect_eq(rig.totals.heaps, 30);
    release(&rig);
}

Test(heap_check, finds_bytes_that_do_not_follow_the_rule)
{
    struct rig rig;

    make_rig(&rig);
    rig.config.verify = true;
    ((uint8_t *)(uintptr_t)spead_heap_payload(
        (const struct spead_heap *)(uintptr_t)rig.message[5].reference))[17] ^= 1;
    cr_assert_eq(run(&rig), 0);
    cr_expect_eq(rig.totals.bad_bytes, 1);
    release(&rig);
}

Test(heap_check, has_enough_at_the_limit_and_ends_the_stream)
{
    struct rig rig;

    make_rig(&rig);
    rig.config.passes_on = true;
    rig.config.heaps_max = 9;
    cr_assert_eq(run(&rig), 0);
    cr_expect_eq(rig.totals.heaps, 9, "complete ones");
    cr_expect_eq(rig.totals.incomplete_heaps, 2, "those that came among them");
    cr_expect_eq(rig.record.received, 11);
    cr_expect_eq(rig.totals.past_limit, HEAPS - 11);
    cr_expect_eq(rig.stream_end, -ESHUTDOWN);
    release(&rig);
}

/* The sink fails, as the heap writer does on a full disk. The check must still take heaps and release them, so that the
 * stream can end. */
Test(heap_check, goes_on_taking_when_nobody_takes_from_it)
{
    struct rig rig;

    make_rig(&rig);
    rig.config.passes_on = true;
    rig.sink_config.error = -ENOSPC;
    rig.sink_config.error_at = 4;
    rig.sink_config.batch = 1;
    cr_assert_eq(run(&rig), -ENOSPC);
    cr_expect_eq(rig.record.received, 5);
    cr_expect_geq(rig.totals.heaps + rig.totals.incomplete_heaps, 5);
    cr_expect_eq(rig.stream_end, -ESHUTDOWN);
    release(&rig);
}
