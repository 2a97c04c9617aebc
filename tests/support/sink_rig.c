/* SPDX-License-Identifier: Apache-2.0 */
#include "sink_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/bytes.h>

#include "step_nodes.h"

static struct sink_object *object_of(const struct spead_message *message)
{
    return (struct sink_object *)(uintptr_t)message->reference;
}

static void ref(const struct spead_message *message)
{
    atomic_fetch_add(&object_of(message)->references, 1);
}

static void unref(const struct spead_message *message)
{
    STEP_CHECK(atomic_fetch_sub(&object_of(message)->references, 1) > 0);
}

int sink_rig_type(void)
{
    static const struct spead_message_type type = {
        .name = "test.sink-object", .ref = ref, .unref = unref};

    return spead_message_type_register(&type, NULL);
}

static int describe(void *arg, const struct spead_message *message, struct spead_send_heap *heap,
                    struct spead_send_options *options)
{
    struct sink_rig *rig = arg;
    struct sink_object *object = object_of(message);

    (void)options;
    if (rig->describe_error != 0 && object->number == rig->describe_error_at &&
        rig->describe_error_times > 0) {
        rig->describe_error_times--;
        return rig->describe_error;
    }
    return spead_send_heap_add_item(heap, 0x1000, object->bytes, sizeof object->bytes, false);
}

static void done(void *arg, const struct spead_message *message,
                 const struct spead_send_result *result)
{
    struct sink_rig *rig = arg;

    (void)result;
    STEP_CHECK(atomic_load(&object_of(message)->references) > 0);
    atomic_fetch_add(&rig->done, 1);
}

void sink_rig_init(struct sink_rig *rig, uint32_t messages, uint32_t heaps_max)
{
    *rig = (struct sink_rig){.stream_config = SPEAD_SEND_STREAM_CONFIG_INIT,
                             .sink_config = SPEAD_SEND_SINK_CONFIG_INIT,
                             .source_config = SPEAD_PROBE_SOURCE_CONFIG_INIT,
                             .node_config = SPEAD_NODE_CONFIG_INIT,
                             .describe_error_times = 1,
                             .edge_capacity = 32,
                             .count = messages};
    rig->stream_config.heaps_max = heaps_max;
    rig->sink_config.type = sink_rig_type();
    rig->sink_config.describe = describe;
    rig->sink_config.describe_arg = rig;
    rig->sink_config.done = done;
    rig->sink_config.done_arg = rig;
    rig->tx = scripted_tx_create();
    rig->objects = calloc(messages + 1, sizeof *rig->objects);
    rig->messages = calloc(messages + 1, sizeof *rig->messages);
    STEP_CHECK(rig->objects && rig->messages);
    for (uint32_t i = 0; i < messages; i++) {
        atomic_store(&rig->objects[i].references, 1);
        rig->objects[i].number = i;
        speadi_store_be64(rig->objects[i].bytes, i);
        rig->messages[i] = (struct spead_message){.reference = (uintptr_t)&rig->objects[i],
                                                  .sequence = i,
                                                  .stream = 7,
                                                  .type = (uint16_t)sink_rig_type()};
    }
    rig->source_config.messages = rig->messages;
    rig->source_config.count = messages;
    rig->source_config.type = sink_rig_type();
}

void sink_rig_open(struct sink_rig *rig)
{
    rig->stream = scripted_tx_stream(rig->tx, &rig->stream_config);
    rig->sink_config.stream = rig->stream;
    STEP_CHECK(spead_send_sink_create(&rig->sink, &rig->sink_config, &rig->err) == 0);
    STEP_CHECK(spead_probe_source_create(&rig->source, &rig->source_config, &rig->err) == 0);
}

static void collect(struct sink_rig *rig)
{
    struct spead_probe_sink_config config = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct spead_node_config node_config;
    struct spead_node *node;

    STEP_CHECK(spead_probe_sink_create(&rig->diverted, &config, &rig->err) == 0);
    node_config = spead_probe_sink_node(rig->diverted, "diverted");
    STEP_CHECK(spead_graph_add(rig->graph, &node_config, &node, &rig->err) == 0);
    STEP_CHECK(spead_graph_join(rig->graph, (struct spead_graph_end){rig->to, "error"},
                                (struct spead_graph_end){node, "in"}, NULL, &rig->err) == 0);
}

static void add_sink(struct sink_rig *rig)
{
    struct spead_node_config sink = spead_send_sink_node(rig->sink, "sink");

    sink.on_error = rig->node_config.on_error;
    sink.after_retries = rig->node_config.after_retries;
    sink.retries = rig->node_config.retries;
    sink.backoff_ns = rig->node_config.backoff_ns;
    rig->graph = step_graph("sink");
    STEP_CHECK(spead_graph_add(rig->graph, &sink, &rig->to, &rig->err) == 0);
    if (rig->collects)
        collect(rig);
}

void sink_rig_build(struct sink_rig *rig)
{
    struct spead_node_config source = spead_probe_source_node(rig->source, "source");
    struct spead_channel_config edge = SPEAD_CHANNEL_CONFIG_INIT;

    edge.capacity = rig->edge_capacity;
    add_sink(rig);
    STEP_CHECK(spead_graph_add(rig->graph, &source, &rig->from, &rig->err) == 0);
    STEP_CHECK(spead_graph_join(rig->graph, (struct spead_graph_end){rig->from, "out"},
                                (struct spead_graph_end){rig->to, "heaps"}, &edge, &rig->err) == 0);
}

void sink_rig_build_on(struct sink_rig *rig, struct spead_channel *input)
{
    add_sink(rig);
    STEP_CHECK(spead_graph_join_input(rig->graph, input, (struct spead_graph_end){rig->to, "heaps"},
                                      &rig->err) == 0);
}

void sink_rig_start(struct sink_rig *rig)
{
    if (!rig->sink)
        sink_rig_open(rig);
    sink_rig_build(rig);
    rig->executor = step_executor(1);
    if (spead_graph_start(rig->graph, rig->executor, &rig->err) < 0)
        step_give_up(__FILE__, __LINE__, rig->err.text);
}

uint64_t sink_rig_sent_number(const struct sink_rig *rig, size_t n)
{
    size_t bytes = rig->tx->packet[n].bytes;

    return speadi_load_be64(scripted_tx_packet(rig->tx, n) + bytes - SINK_RIG_HEAP_BYTES);
}

struct spead_send_sink_stats sink_rig_stats(const struct sink_rig *rig)
{
    struct spead_send_sink_stats stats = SPEAD_SEND_SINK_STATS_INIT;

    spead_send_sink_stats(rig->sink, &stats);
    STEP_CHECK(stats.in == stats.sent + stats.failed + stats.abandoned + stats.skipped +
                               stats.pending + stats.dropped_local);
    STEP_CHECK(stats.pending <= rig->count);
    return stats;
}

unsigned sink_rig_close(struct sink_rig *rig)
{
    uint64_t emitted = spead_probe_source_sent(rig->source);
    unsigned left = 0;

    spead_graph_destroy(rig->graph);
    spead_executor_destroy(rig->executor);
    spead_send_stream_destroy(rig->stream);
    spead_send_sink_destroy(rig->sink);
    spead_probe_source_destroy(rig->source);
    spead_probe_sink_destroy(rig->diverted);
    scripted_tx_destroy(rig->tx);
    for (uint64_t i = 0; i < rig->count; i++)
        if (atomic_load(&rig->objects[i].references) != 0)
            left++;
    free(rig->objects);
    free(rig->messages);
    /* Each message that the source has not sent still has a reference. The result does not count these messages. */
    return left - (unsigned)(rig->count - emitted);
}
