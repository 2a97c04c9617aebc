/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: in a graph, the probe source and the probe sink do the same as at the ends of a channel.
 * Method: the graph has a source and a sink, and runs on one worker. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include <speadline/probe.h>

#include "step_nodes.h"

struct run {
    struct spead_probe_source *source;
    struct spead_probe_sink *sink;
    struct spead_probe_record record;
    struct spead_failure failure;
    int result;
};

static struct run run(const struct spead_probe_source_config *source,
                      const struct spead_probe_sink_config *sink)
{
    struct spead_executor *executor = step_executor(1);
    struct spead_graph *graph = step_graph("probe");
    struct spead_node_config config;
    struct spead_node *from, *to;
    struct run run = {.record = SPEAD_PROBE_RECORD_INIT, .failure = SPEAD_FAILURE_INIT};

    cr_assert_eq(spead_probe_source_create(&run.source, source, NULL), 0);
    cr_assert_eq(spead_probe_sink_create(&run.sink, sink, NULL), 0);
    config = spead_probe_source_node(run.source, "from");
    cr_assert_eq(spead_graph_add(graph, &config, &from, NULL), 0);
    config = spead_probe_sink_node(run.sink, "to");
    cr_assert_eq(spead_graph_add(graph, &config, &to, NULL), 0);
    step_join(graph, from, to, 5);
    cr_assert_eq(spead_graph_start(graph, executor, NULL), 0);
    run.result = spead_graph_wait(graph, 0, NULL);
    spead_graph_failure(graph, &run.failure);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    spead_probe_sink_record(run.sink, &run.record);
    return run;
}

static void release(struct run *run)
{
    spead_probe_source_destroy(run->source);
    spead_probe_sink_destroy(run->sink);
}

Test(probe_nodes, move_all_messages_at_the_pace_they_were_given)
{
    struct spead_probe_source_config source = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_probe_sink_config sink = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct run done;

    source.count = 200;
    source.streams = 2;
    source.batch = 10;
    source.pause_ns = 100000;
    sink.pause_ns = 50000;
    done = run(&source, &sink);
    cr_expect_eq(done.result, 0);
    cr_expect_eq(done.record.received, 200);
    cr_expect_eq(done.record.out_of_order + done.record.skipped, 0);
    cr_expect_eq(done.record.end, -ESHUTDOWN);
    cr_expect_geq(done.record.arrivals[199].arrived_ns - done.record.arrivals[0].arrived_ns,
                  19 * source.pause_ns);
    release(&done);
}

Test(probe_nodes, fail_the_graph_where_they_were_told_to)
{
    struct spead_probe_source_config source = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_probe_sink_config sink = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct run done;

    source.count = 100;
    source.error = -EIO;
    source.error_at = 30;
    done = run(&source, &sink);
    cr_expect_eq(done.result, -EIO);
    cr_expect_eq(done.record.received, 30);
    cr_expect_eq(done.record.end, -EIO);
    cr_expect_not_null(strstr(done.failure.path, "from"), "%s", done.failure.path);
    release(&done);

    source.error = 0;
    sink.error = -ENOSPC;
    sink.error_at = 42;
    sink.batch = 1;
    done = run(&source, &sink);
    cr_expect_eq(done.result, -ENOSPC);
    cr_expect_eq(done.record.received, 43);
    cr_expect_eq(done.failure.sequence, 42);
    release(&done);
}

Test(probe_nodes, stop_the_graph_from_below)
{
    struct spead_probe_source_config source = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_probe_sink_config sink = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct run done;

    source.count = UINT64_MAX;
    sink.stop_after = 77;
    done = run(&source, &sink);
    cr_expect_eq(done.result, 0);
    cr_expect_eq(done.record.received, 77);
    release(&done);
}
