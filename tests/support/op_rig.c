/* SPDX-License-Identifier: Apache-2.0 */
#include "op_rig.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <speadline/executor.h>
#include <speadline/probe.h>

#include "step_nodes.h"

struct op_fault op_fault;

/* ---- Counted objects ------------------------------------------------------------------------ */

static _Atomic int references[OP_RIG_MAX + 1]; /* of object i; object 0 is not used */

static void ref(const struct spead_message *message)
{
    STEP_CHECK(atomic_fetch_add(&references[message->reference], 1) > 0);
}

static void unref(const struct spead_message *message)
{
    STEP_CHECK(atomic_fetch_sub(&references[message->reference], 1) > 0);
}

static void register_type(void)
{
    static const struct spead_message_type counted = {
        .name = "counted", .ref = ref, .unref = unref};

    STEP_CHECK(spead_message_type_register(&counted, NULL) >= 0);
}

static void check_objects(void)
{
    for (unsigned i = 1; i <= OP_RIG_MAX; i++)
        STEP_CHECK(atomic_load(&references[i]) == 0);
}

int op_fate(const struct spead_message *message)
{
    if (message->key != op_fault.key || op_fault.times == 0)
        return 0;
    if (op_fault.times != UINT32_MAX)
        op_fault.times--;
    return -EIO;
}

/* ---- One run -------------------------------------------------------------------------------- */

static uint64_t key_of(const struct op_run *run, uint32_t number)
{
    return run->make_key ? run->make_key(number) : number;
}

static int make(void *arg, struct spead_message *message)
{
    struct op_run *run = arg;
    uint32_t number = run->made;

    if (run->end == OP_SOURCE_FAILS && number == run->count / 2)
        return -EXDEV;
    if (number == run->count)
        return 0;
    run->made++;
    message->key = key_of(run, number);
    message->length = 1;
    if (run->make_sequence)
        message->sequence = run->make_sequence(number);
    message->reference = number + 1;
    STEP_CHECK(atomic_exchange(&references[number + 1], 1) == 0);
    return 1;
}

static struct spead_stage stage_of(const struct op_run *run, const char *name)
{
    struct spead_stage stage = SPEAD_STAGE_INIT;

    if (strcmp(name, "op") == 0)
        stage = run->stage;
    stage.struct_size = sizeof stage;
    stage.name = name;
    stage.capacity = run->capacity;
    stage.lanes = run->lanes;
    stage.batch = run->batch;
    return stage;
}

static void pull(struct op_run *run, struct spead_graph *graph)
{
    struct spead_graph_end end = {spead_graph_find(graph, "op"), "out"};
    struct spead_message message;
    struct spead_err err = {0};

    while ((run->outcome = spead_graph_next(graph, end, &message, &err)) == 0) {
        STEP_CHECK(run->received < OP_RIG_MAX);
        run->keys[run->received] = message.key;
        run->sequences[run->received++] = message.sequence;
        spead_message_unref(&message);
    }
    if (run->outcome == -ESHUTDOWN)
        run->outcome = 0;
}

static void run_on_executor(struct op_run *run, struct spead_graph *graph)
{
    struct spead_executor *executor = step_executor(run->workers ? run->workers : 1);
    struct spead_err err = {0};

    if (spead_graph_start(graph, executor, &err) < 0)
        step_give_up(__FILE__, __LINE__, err.text);
    if (run->end == OP_STOPPED)
        spead_graph_stop(graph);
    if (run->end == OP_CANCELLED)
        spead_graph_cancel(graph);
    run->outcome = spead_graph_wait(graph, step_now_ns() + 60000000000u, &err);
    STEP_CHECK(spead_graph_has_ended(graph));
    spead_operator_stats_init(&run->stats, sizeof run->stats);
    STEP_CHECK(spead_operator_stats(spead_graph_find(graph, "op"), &run->stats) == 0);
    spead_executor_destroy(executor);
}

static void read_sink(struct op_run *run, struct spead_probe_sink *sink)
{
    struct spead_probe_record record = SPEAD_PROBE_RECORD_INIT;

    spead_probe_sink_record(sink, &record);
    STEP_CHECK(record.received <= OP_RIG_MAX);
    run->received = (uint32_t)record.received;
    for (uint32_t i = 0; i < run->received; i++) {
        run->keys[i] = record.arrivals[i].message.key;
        run->sequences[i] = record.arrivals[i].message.sequence;
    }
}

static struct spead_probe_sink *make_sink(uint32_t stop_after)
{
    struct spead_probe_sink_config config = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct spead_probe_sink *sink;

    config.record_max = OP_RIG_MAX;
    config.stop_after = stop_after;
    STEP_CHECK(spead_probe_sink_create(&sink, &config, NULL) == 0);
    return sink;
}

static struct spead_graph *build(struct op_run *run, struct spead_probe_sink *sink,
                                 struct spead_probe_sink *bin)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("rig");
    struct spead_stage stage = stage_of(run, "source");
    struct spead_graph *graph;
    struct spead_err err = {0};

    stage.gives = "counted";
    spead_pipeline_source(pipeline, &stage, make, run);
    stage = stage_of(run, "op");
    run->add(pipeline, &stage);
    if (run->stage.on_error == SPEAD_ON_ERROR_DIVERT) {
        spead_pipeline_from(pipeline, "op", "error");
        spead_pipeline_node(pipeline, NULL, spead_probe_sink_node(bin, "bin"));
        spead_pipeline_from(pipeline, "op", "out");
    }
    stage = stage_of(run, "sink");
    if (!run->pulled)
        spead_pipeline_node(pipeline, &stage, spead_probe_sink_node(sink, "sink"));
    if (spead_pipeline_finish(pipeline, &graph, &err) < 0)
        step_give_up(__FILE__, __LINE__, err.text);
    return graph;
}

static void check_fates(const struct op_run *run)
{
    const struct spead_operator_stats *stats = &run->stats;

    STEP_CHECK(stats->received == stats->passed + stats->folded + stats->left_out +
                                      stats->duplicate + stats->shed + stats->failed +
                                      stats->released + stats->held);
    STEP_CHECK(stats->held == 0); /* the graph has ended */
    STEP_CHECK(stats->sent >= run->received);
    if (run->end == OP_TO_ITS_END && run->outcome == 0) {
        STEP_CHECK(stats->received == run->count);
        STEP_CHECK(stats->sent == run->received);
        STEP_CHECK(stats->released == 0);
    }
}

void op_run(struct op_run *run)
{
    struct spead_probe_record record = SPEAD_PROBE_RECORD_INIT;
    struct spead_probe_sink *sink = make_sink(run->end == OP_SINK_STOPS ? OP_RIG_STOP_AFTER : 0);
    struct spead_probe_sink *bin = make_sink(0);
    struct spead_graph *graph;

    STEP_CHECK(run->count <= OP_RIG_MAX);
    register_type();
    run->received = run->made = 0;
    graph = build(run, sink, bin);
    if (run->pulled) {
        pull(run, graph);
    } else {
        run_on_executor(run, graph);
        read_sink(run, sink);
        check_fates(run);
    }
    spead_graph_destroy(graph);
    check_objects();
    spead_probe_sink_record(bin, &record);
    run->diverted = (uint32_t)record.received;
    spead_probe_sink_destroy(sink);
    spead_probe_sink_destroy(bin);
}

/* ---- All circumstances ---------------------------------------------------------------------- */

static void compare(const struct op_run *run)
{
    static uint64_t in[OP_RIG_MAX], out[OP_RIG_MAX];
    uint32_t count = run->end == OP_SOURCE_FAILS ? run->count / 2 : run->count, expected;

    for (uint32_t i = 0; i < count; i++)
        in[i] = key_of(run, i);
    expected = run->loop(in, count, run->end != OP_SOURCE_FAILS, out);
    for (uint32_t i = 0; i < run->received && (run->end != OP_STOPPED); i++)
        STEP_CHECK(i < expected && run->keys[i] == out[i]);
    if (run->end == OP_SINK_STOPS)
        STEP_CHECK(run->received == (expected < OP_RIG_STOP_AFTER ? expected : OP_RIG_STOP_AFTER));
    /* After a failure no node waits for a ticket. */
    if (run->end == OP_TO_ITS_END || (run->end == OP_SOURCE_FAILS && !run->stage.throttle))
        STEP_CHECK(run->received == expected);
    STEP_CHECK(run->outcome == 0 || (run->end == OP_SOURCE_FAILS && run->outcome == -EXDEV) ||
               (run->end == OP_CANCELLED && run->outcome == -ECANCELED));
}

static void run_ends(struct op_run run)
{
    for (unsigned end = 0; end < OP_ENDS; end++) {
        run.end = (enum op_end)end;
        if (run.pulled && end != OP_TO_ITS_END && end != OP_SOURCE_FAILS)
            continue;
        op_run(&run);
        compare(&run);
    }
}

void op_run_all(struct op_run run)
{
    static const uint32_t counts[] = {0, 1, 2, 777}, capacities[] = {1, 3, 64};

    for (unsigned i = 0; i < 4; i++)
        for (unsigned j = 0; j < 3; j++)
            for (uint32_t variant = 0; variant < 4; variant++) {
                run.count = counts[i];
                run.capacity = capacities[j];
                run.lanes =
                    variant == 1 ? 2 : 1; /* two lanes: the ends cannot lend their messages */
                run.pulled = variant == 2;
                run.workers = variant == 3 ? 3 : 1;
                run.batch = variant == 1 ? 5 : 0;
                run_ends(run);
            }
}
