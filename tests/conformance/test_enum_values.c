/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a value of an enum that a part of the library does not have or does not support is refused, by the name of the
 * field. No value of another enum is silently taken for another policy.
 * Method: a table has a row for each field of a configuration that is an enum. tests/package/test_enums.sh compares the
 * numbers of words that are alike. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include <speadline/graph.h>
#include <speadline/record.h>
#include <speadline/recv.h>
#include <speadline/send.h>
#include <speadline/send_node.h>

#include "must.h"

static struct spead_mem_link *link_of_streams;
static char name_of_data[] = "/nowhere/of-enum-values";

static int open_channel(const struct spead_channel_config *config, struct spead_err *err)
{
    struct spead_channel *channel;
    int ret = spead_channel_create(&channel, config, err);

    if (ret == 0)
        spead_channel_unref(channel);
    return ret;
}

static int channel_form(int value, struct spead_err *err)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;

    config.form = (enum spead_channel_form)value;
    return open_channel(&config, err);
}

static int channel_on_full(int value, struct spead_err *err)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;

    config.form = SPEAD_CHANNEL_MPMC;
    config.sample_n = 1;
    config.on_full = (enum spead_on_full)value;
    return open_channel(&config, err);
}

static int receive(struct spead_recv_stream_config config, struct spead_err *err)
{
    struct spead_recv_stream *stream;
    int ret;

    config.links = &link_of_streams;
    config.link_count = 1;
    config.heap_bytes_max = 4096;
    ret = spead_recv_stream_create(&stream, &config, err);
    if (ret == 0)
        spead_recv_stream_destroy(stream);
    return ret;
}

#define RECEIVE(member, type)                                                   \
    static int recv_##member(int value, struct spead_err *err)                  \
    {                                                                           \
        struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT; \
                                                                                \
        config.member = (type)value;                                            \
        return receive(config, err);                                            \
    }
RECEIVE(on_full, enum spead_on_full)
RECEIVE(receive_path, enum spead_receive_path)
RECEIVE(sender_key, enum spead_sender_key)
RECEIVE(populate, enum spead_populate)
RECEIVE(copy, enum spead_copy)

static int recv_start_kind(int value, struct spead_err *err)
{
    struct spead_recv_start_point point = SPEAD_RECV_START_POINT_INIT;
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    point.kind = (enum spead_start_point_kind)value;
    config.start_point = &point;
    return receive(config, err);
}

static int recv_custom_mode(int value, struct spead_err *err)
{
    struct spead_custom_counter counter = {.name = "a"};
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    counter.mode = (enum spead_statistic_mode)value;
    config.custom_counters = &counter;
    config.custom_counter_count = 1;
    return receive(config, err);
}

static int recv_arena_kind(int value, struct spead_err *err)
{
    static char memory[8192];
    struct spead_region_arena arena = SPEAD_REGION_ARENA_INIT;
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    arena.data = memory;
    arena.bytes = sizeof memory;
    arena.kind = (enum spead_region_kind)value;
    config.heap_arena = &arena;
    return receive(config, err);
}

static struct spead_send_stream *send_by(int rate_of, struct spead_err *err)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stream *stream;

    config.links = &link_of_streams;
    config.link_count = 1;
    config.rate_of = (enum spead_rate_of)rate_of;
    return spead_send_stream_create(&stream, &config, err) == 0 ? stream : NULL;
}

static int send_rate_of(int value, struct spead_err *err)
{
    struct spead_send_stream *stream = send_by(value, err);

    spead_send_stream_destroy(stream);
    return stream ? 0 : err->code;
}

static int send_send_path(int value, struct spead_err *err)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stream *stream = NULL;
    int ret;

    config.links = &link_of_streams;
    config.link_count = 1;
    config.send_path = (enum spead_send_path)value;
    ret = spead_send_stream_create(&stream, &config, err);
    spead_send_stream_destroy(stream);
    return ret;
}

static int sink_incomplete(int value, struct spead_err *err)
{
    struct spead_send_stream *stream = send_by(SPEAD_RATE_SPEAD, err);
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_send_sink *sink = NULL;
    int ret;

    config.stream = stream;
    config.incomplete = (enum spead_send_incomplete)value;
    ret = spead_send_sink_create(&sink, &config, err);
    spead_send_sink_destroy(sink);
    spead_send_stream_destroy(stream);
    return ret;
}

static int step(void *state, struct spead_node *self)
{
    (void)state;
    (void)self;
    return SPEAD_STEP_DONE;
}

static int add_node(struct spead_node_config config, struct spead_err *err)
{
    static const struct spead_node_ops ops = {.kind = "test", .step = step};
    struct spead_graph_config graph_config = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_graph *graph;
    int ret;

    MUST(spead_graph_create(&graph, &graph_config, NULL) == 0, "no graph");
    config.name = "node";
    config.ops = &ops;
    ret = spead_graph_add(graph, &config, NULL, err);
    spead_graph_destroy(graph);
    return ret;
}

static int node_on_error(int value, struct spead_err *err)
{
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    config.on_error = (enum spead_on_error)value;
    return add_node(config, err);
}

static int node_after_retries(int value, struct spead_err *err)
{
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    config.on_error = SPEAD_ON_ERROR_RETRY;
    config.retries = 1;
    config.after_retries = (enum spead_on_error)value;
    return add_node(config, err);
}

static int record(struct spead_recording_writer_config config, struct spead_err *err)
{
    struct spead_recording_writer *writer;

    config.path = name_of_data;
    MUST(spead_recording_writer_create(&writer, &config, err) < 0, "there is a folder /nowhere");
    return err->code;
}

static int writer_format(int value, struct spead_err *err)
{
    struct spead_recording_writer_config config = SPEAD_RECORDING_WRITER_CONFIG_INIT;

    config.format = (enum spead_recording_format)value;
    return record(config, err);
}

static int writer_sync(int value, struct spead_err *err)
{
    struct spead_recording_writer_config config = SPEAD_RECORDING_WRITER_CONFIG_INIT;

    config.sync = (enum spead_recording_sync)value;
    return record(config, err);
}

static const struct {
    const char *what, *field;
    int (*set)(int value, struct spead_err *err);
    int wrong;
} rows[] = {
    {"channel", "form", channel_form, SPEAD_CHANNEL_MPMC + 1},
    {"channel", "on_full", channel_on_full, SPEAD_ON_FULL_SAMPLE + 1},
    {"receive stream", "on_full", recv_on_full, SPEAD_ON_FULL_SAMPLE},
    {"receive stream", "on_full", recv_on_full, SPEAD_ON_FULL_SAMPLE + 1},
    {"receive stream", "receive_path", recv_receive_path, SPEAD_PATH_BOUNCE + 1},
    {"receive stream", "sender_key", recv_sender_key, SPEAD_SENDER_KEY_NONE + 1},
    {"receive stream", "populate", recv_populate, SPEAD_POPULATE_OFF + 1},
    {"receive stream", "start_point.kind", recv_start_kind, SPEAD_START_POINT_TIME + 1},
    {"receive stream", "custom_counters", recv_custom_mode, SPEAD_STATISTIC_MINIMUM + 1},
    {"receive stream", "copy", recv_copy, SPEAD_COPY_STREAMING + 1},
    {"arena", "kind", recv_arena_kind, SPEAD_REGION_DMA_BUF + 1},
    {"send stream", "rate_of", send_rate_of, SPEAD_RATE_WIRE + 1},
    {"send stream", "send_path", send_send_path, SPEAD_SEND_PATH_REFERENCE + 1},
    {"send sink", "incomplete", sink_incomplete, SPEAD_ON_ERROR_RETRY},
    {"send sink", "incomplete", sink_incomplete, SPEAD_SEND_INCOMPLETE_SKIP + 1},
    {"node", "on_error", node_on_error, SPEAD_ON_ERROR_DIVERT + 1},
    {"node", "after_retries", node_after_retries, SPEAD_ON_ERROR_RETRY},
    {"node", "after_retries", node_after_retries, SPEAD_ON_ERROR_DIVERT + 1},
    {"recording", "format", writer_format, SPEAD_RECORDING_FRAMED + 1},
    {"recording", "sync", writer_sync, SPEAD_RECORDING_SYNC_NEVER + 1},
};

static void set_up(void)
{
    MUST(spead_mem_link_create(&link_of_streams, 16, 2000, NULL) == 0, "no link");
}

static void tear_down(void)
{
    spead_mem_link_unref(link_of_streams);
}

TestSuite(enum_values, .init = set_up, .fini = tear_down);

Test(enum_values, that_are_not_supported_are_refused_by_the_name_of_the_field)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spead_err err = {0};

        cr_expect_eq(rows[i].set(rows[i].wrong, &err), -EINVAL, "%s.%s = %d", rows[i].what,
                     rows[i].field, rows[i].wrong);
        cr_expect(err.field && strcmp(err.field, rows[i].field) == 0, "%s.%s = %d: %s",
                  rows[i].what, rows[i].field, rows[i].wrong, err.text);
    }
}

Test(enum_values, of_what_happens_when_it_is_full_mean_the_same_in_a_channel_and_in_a_stream)
{
    static const int supported[] = {SPEAD_ON_FULL_BLOCK, SPEAD_ON_FULL_DROP_NEWEST,
                                    SPEAD_ON_FULL_DROP_OLDEST};
    struct spead_err err = {0};

    for (size_t i = 0; i < sizeof supported / sizeof *supported; i++) {
        cr_expect_eq(channel_on_full(supported[i], &err), 0, "%s", err.text);
        cr_expect_eq(recv_on_full(supported[i], &err), 0, "%s", err.text);
    }
}
