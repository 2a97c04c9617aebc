/* SPDX-License-Identifier: Apache-2.0 */
/* A graph on an executor: readings > calibrate > bright > kept. Saturated readings go to the node
 * "refused". */
#include <inttypes.h>

#include <speadline/probe.h>

#include "build.h"
#include "stage.h"

static int calibrate(struct spead_message *message)
{
    message->offset = message->key % 100 * 2 + 1;
    return message->key % 100 == 99 ? -ERANGE : 1; /* -ERANGE: the reading is saturated */
}

static int is_bright(struct spead_message *message)
{
    return message->offset > 150;
}

static void print_outcome(const struct spead_probe_sink *kept,
                          const struct spead_probe_sink *refused, struct spead_channel *last_edge)
{
    struct spead_probe_record kept_record = SPEAD_PROBE_RECORD_INIT;
    struct spead_probe_record refused_record = SPEAD_PROBE_RECORD_INIT;
    struct spead_latency latency = SPEAD_LATENCY_INIT;
    char text[4096];

    spead_probe_sink_record(kept, &kept_record);
    spead_probe_sink_record(refused, &refused_record);
    printf("%" PRIu64 " kept, %" PRIu64 " refused\n", kept_record.received,
           refused_record.received);
    must(spead_channel_latency(last_edge, &latency));
    printf("of %" PRIu64 " in the last channel half waited less than %" PRIu64 " us\n",
           latency.total, spead_latency_quantile_ns(&latency, 0.5) / 1000);
    must(spead_graph_verdict(graph, SPEAD_REPORT_TEXT, text, sizeof text));
    printf("%s", text);
}

int main(void)
{
    struct spead_graph_config config = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_executor_config executor_config = SPEAD_EXECUTOR_CONFIG_INIT;
    struct spead_probe_source_config source_config = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_probe_sink_config sink_config = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct stage calibrating = {.work = calibrate}, choosing = {.work = is_bright};
    struct spead_probe_source *source;
    struct spead_probe_sink *kept, *refused;
    struct spead_executor *executor;
    char plan[4096];

    config.name = "photometer";
    config.metrics = true;      /* keeps a histogram of waiting times for each edge */
    source_config.count = 1000; /* keys 0 to 999 */
    must(spead_graph_create(&graph, &config, &err));
    must(spead_probe_source_create(&source, &source_config, &err));
    must(spead_probe_sink_create(&refused, &sink_config, &err));
    sink_config.batch = 8;
    sink_config.pause_ns = 2000000; /* 2 ms, like a slow disk */
    must(spead_probe_sink_create(&kept, &sink_config, &err));

    struct spead_node *readings = add(spead_probe_source_node(source, "readings"));
    struct spead_node *calibrated = add(stage_node(&calibrating, "calibrate", SPEAD_TYPE_PLAIN,
                                                   SPEAD_TYPE_PLAIN, SPEAD_ON_ERROR_DIVERT));
    struct spead_node *bright = add(
        stage_node(&choosing, "bright", SPEAD_TYPE_PLAIN, SPEAD_TYPE_PLAIN, SPEAD_ON_ERROR_FAIL));
    join(readings, NULL, calibrated, 8);
    join(calibrated, "out", bright, 8);
    join(calibrated, "error", add(spead_probe_sink_node(refused, "refused")), 8);
    join(bright, NULL, add(spead_probe_sink_node(kept, "kept")), 8);
    must(spead_graph_plan(graph, SPEAD_REPORT_TEXT, plan, sizeof plan, &err));
    puts(plan);

    must(spead_executor_create(&executor, &executor_config, &err));
    must(spead_graph_start(graph, executor, &err));
    must(spead_graph_wait(graph, SPEAD_DEADLINE_NEVER, &err));
    print_outcome(kept, refused,
                  spead_graph_channel(graph, (struct spead_graph_end){bright, NULL}));
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    spead_probe_source_destroy(source);
    spead_probe_sink_destroy(kept);
    spead_probe_sink_destroy(refused);
    return 0;
}
