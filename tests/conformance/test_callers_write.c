/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the library writes structs of programs that were compiled with an older or a newer Speadline. It follows one
 * rule for all structs (docs/adr/0017).
 * Method: the test has a table of every public struct that the library writes. The library writes each struct into
 * memory that has exactly the size that the struct states. See also test_callers_read.c. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <speadline/descriptor.h>
#include <speadline/executor.h>
#include <speadline/graph.h>
#include <speadline/item_group.h>
#include <speadline/operators.h>
#include <speadline/probe.h>
#include <speadline/record.h>
#include <speadline/recv.h>
#include <speadline/recv_chunk.h>
#include <speadline/send.h>
#include <speadline/send_node.h>

#include "callers_rows.h"
#include "must.h"
#include "packet_builder.h"

enum { PATTERN = 0xa5 };

static struct spead_mem_link *link_of_streams;
static struct spead_channel *channel;
static struct spead_executor *executor;
static struct spead_graph *graph;
static struct spead_node *node;
static struct spead_graph *operator_graph;
static struct spead_node *operator_node;
static struct spead_probe_source *test_source;
static struct spead_probe_sink *test_sink;
static struct spead_region_pool *pool;
static struct spead_region *region;
static struct spead_descriptor *descriptor;
static struct spead_item_group *item_group;
static struct spead_throttle *throttle;
static struct spead_recv_stream *receiver;
static struct spead_send_stream *sender;
static struct spead_send_sink *sender_sink;
static struct spead_heap *heap;
static struct spead_chunk *chunk;
static struct spead_recording_writer *recording;
static char recording_path[] = "/tmp/speadline-callers-XXXXXX", recording_index[64];

/* ---- Functions that write a struct ------------------------------------------------------- */

static void write_channel_stats(void *to)
{
    spead_channel_stats(channel, to);
}

static void write_latency(void *to)
{
    (void)spead_channel_latency(channel, to);
}

static void write_executor_stats(void *to)
{
    spead_executor_stats(executor, to);
}

static void write_failure(void *to)
{
    spead_graph_failure(graph, to);
}

static void write_node_stats(void *to)
{
    spead_node_stats(node, to);
}

static void write_operator_stats(void *to)
{
    (void)spead_operator_stats(operator_node, to);
}

static void write_test_source_node(void *to)
{
    spead_probe_source_fill_node(test_source, "source", to);
}

static void write_test_sink_node(void *to)
{
    spead_probe_sink_fill_node(test_sink, "sink", to);
}

static void write_receiver_node(void *to)
{
    spead_recv_stream_fill_node(receiver, "receiver", to);
}

static void write_sender_sink_node(void *to)
{
    spead_send_sink_fill_node(sender_sink, "sender", to);
}

static void write_receiver_edge(void *to)
{
    spead_recv_stream_fill_edge(receiver, to);
}

static void write_test_record(void *to)
{
    spead_probe_sink_record(test_sink, to);
}

static void write_recv_engine_info(void *to)
{
    spead_recv_engine_info(0, to);
}

static void write_send_engine_info(void *to)
{
    spead_send_engine_info(0, to);
}

static void write_region_info(void *to)
{
    spead_region_info(region, to);
}

static void write_heap_info(void *to)
{
    spead_heap_region_info(heap, to);
}

static void write_pool_stats(void *to)
{
    spead_region_pool_stats(pool, to);
}

static void write_throttle_stats(void *to)
{
    spead_throttle_stats(throttle, to);
}

static void write_recv_stats(void *to)
{
    spead_recv_stream_stats(receiver, to);
}

static void write_recv_end(void *to)
{
    spead_recv_stream_end(receiver, to);
}

static void write_recv_sender(void *to)
{
    (void)spead_recv_stream_sender(receiver, 0, to);
}

static void write_recv_senders(void *to)
{
    (void)spead_recv_stream_senders(receiver, to, 1, NULL);
}

static void write_forgotten_senders(void *to)
{
    (void)spead_recv_stream_senders(receiver, NULL, 0, to);
}

static void write_recv_plan(void *to)
{
    spead_recv_stream_plan(receiver, to);
}

static void write_send_stats(void *to)
{
    spead_send_stream_stats(sender, to);
}

static void write_send_plan(void *to)
{
    spead_send_stream_plan(sender, to);
}

static void write_send_sink_stats(void *to)
{
    spead_send_sink_stats(sender_sink, to);
}

struct write_row {
    struct caller_struct its;
    void (*write)(void *to);
};

static void write_recording_stats(void *to)
{
    spead_recording_writer_stats(recording, to);
}

/* Opens the recording anew for each call, because its index has one line. The reader refuses a struct without its size.
 */
static void write_recording_heap(void *to)
{
    struct spead_recording_reader *reader;
    uint32_t size;
    int ret;

    MUST(spead_recording_reader_open(&reader, recording_path, NULL) == 0, "no recording");
    memcpy(&size, to, sizeof size);
    ret = spead_recording_reader_next(reader, to, NULL);
    MUST(ret == (size == 0 ? -EINVAL : 1), "no line");
    spead_recording_reader_close(reader);
}

static void write_recording_info(void *to)
{
    (void)spead_recording_inspect(recording_path, to, NULL);
}

static void write_chunk_heap(void *to)
{
    (void)spead_chunk_heap(chunk, 0, to);
}

static void write_field(void *to)
{
    (void)spead_descriptor_field(descriptor, 0, to);
}

static void write_item_group_stats(void *to)
{
    spead_item_group_stats(item_group, to);
}

static const struct write_row write_table[] = {
    {STRUCT(spead_channel_stats, type), write_channel_stats},
    {STRUCT(spead_latency, max_ns), write_latency},
    {STRUCT(spead_executor_stats, runnable), write_executor_stats},
    {STRUCT(spead_failure, cause), write_failure},
    {STRUCT(spead_node_stats, waited_ns), write_node_stats},
    {STRUCT(spead_operator_stats, sent), write_operator_stats},
    {STRUCT(spead_node_config, memory_bytes), write_test_source_node},
    {STRUCT(spead_node_config, memory_bytes), write_test_sink_node},
    {STRUCT(spead_node_config, memory_bytes), write_receiver_node},
    {STRUCT(spead_node_config, memory_bytes), write_sender_sink_node},
    {STRUCT(spead_channel_config, on_shed_arg), write_receiver_edge},
    {STRUCT(spead_probe_record, end), write_test_record},
    {STRUCT(spead_field, unit), write_field},
    {STRUCT(spead_item_group_stats, memory_bytes), write_item_group_stats},
    {STRUCT(spead_engine_info, reserved), write_recv_engine_info},
    {STRUCT(spead_engine_info, reserved), write_send_engine_info},
    {STRUCT(spead_region_info, bytes), write_region_info},
    {STRUCT(spead_region_info, bytes), write_heap_info},
    {STRUCT(spead_region_pool_stats, memory_bytes_max), write_pool_stats},
    {STRUCT(spead_throttle_stats, taken), write_throttle_stats},
    {STRUCT(spead_recv_stats, counters), write_recv_stats},
    {STRUCT(spead_recv_plan, copy_reason), write_recv_plan},
    {STRUCT(spead_recv_end, stop_counter), write_recv_end},
    {STRUCT(spead_recv_sender, last_packet_mono_ns), write_recv_sender},
    {STRUCT(spead_recv_sender, last_packet_mono_ns), write_recv_senders},
    {STRUCT(spead_recv_sender, last_packet_mono_ns), write_forgotten_senders},
    {STRUCT(spead_chunk_heap, reserved), write_chunk_heap},
    {STRUCT(spead_recording_writer_stats, recovered_index_bytes), write_recording_stats},
    {STRUCT(spead_recording_heap, clock_error_ns), write_recording_heap},
    {STRUCT(spead_recording_info, clock_error_ns), write_recording_info},
    {STRUCT(spead_send_stats, counters), write_send_stats},
    {STRUCT(spead_send_plan, queue_bytes), write_send_plan},
    {STRUCT(spead_send_sink_stats, dropped_local), write_send_sink_stats},
};

/* ---- The objects that the structs describe ----------------------------------------------- */

static void send_one_heap(void)
{
    struct spead_send_heap *sent;

    MUST(spead_send_heap_create(&sent, (struct spead_flavour)SPEAD_FLAVOUR_64_40) == 0, "no heap");
    MUST(spead_send_heap_add_item(sent, 0x1000, "payload", 7, false) >= 0, "no item");
    MUST(spead_send_stream_submit(sender, sent, NULL) == 0, "not submitted");
    while (spead_send_stream_poll(sender) > 0)
        ;
    while (spead_recv_stream_poll(receiver) > 0)
        ;
    MUST(spead_recv_stream_try_take(receiver, &heap) == 0, "no heap came");
    spead_send_heap_destroy(sent);
}

static void place_first(void *state, const struct spead_chunk_packet *packet,
                        struct spead_chunk_place *place)
{
    (void)state;
    (void)packet;
    place->chunk_id = 0;
}

/* Receives a chunk of one heap. */
static void make_chunk(void)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_chunk_config chunks = SPEAD_CHUNK_CONFIG_INIT;
    struct spead_recv_stream *stream;
    struct spead_mem_link *link;
    struct test_packet packet;

    MUST(spead_mem_link_create(&link, 16, 2000, NULL) == 0, "no link");
    config.links = &link;
    config.link_count = 1;
    config.chunks = &chunks;
    chunks.chunk_bytes = 8;
    chunks.present_count = 1;
    chunks.place = place_first;
    MUST(spead_recv_stream_create(&stream, &config, NULL) == 0, "no chunk stream");
    test_packet_data(&packet, 40, 1, 8, 0, NULL, 8);
    MUST(spead_mem_link_push(link, packet.bytes, packet.length) == 0, "the link is full");
    MUST(spead_recv_stream_start(stream, NULL) == 0, "not started");
    while (spead_recv_stream_poll(stream) > 0)
        ;
    MUST(spead_recv_stream_try_take_chunk(stream, &chunk) == 0, "no chunk came");
    spead_recv_stream_destroy(stream);
    spead_mem_link_unref(link);
}

static void make_streams(void)
{
    struct spead_recv_stream_config recv_config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_send_stream_config send_config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_sink_config sink_config = SPEAD_SEND_SINK_CONFIG_INIT;

    MUST(spead_mem_link_create(&link_of_streams, 16, 2000, NULL) == 0, "no link");
    recv_config.links = send_config.links = &link_of_streams;
    recv_config.link_count = send_config.link_count = 1;
    recv_config.heap_bytes_max = 4096;
    MUST(spead_recv_stream_create(&receiver, &recv_config, NULL) == 0, "no receiver");
    MUST(spead_send_stream_create(&sender, &send_config, NULL) == 0, "no sender");
    sink_config.stream = sender;
    MUST(spead_send_sink_create(&sender_sink, &sink_config, NULL) == 0, "no sink");
    MUST(spead_recv_stream_start(receiver, NULL) == 0, "not started");
    MUST(spead_send_stream_start(sender, NULL) == 0, "not started");
    send_one_heap();
    make_chunk();
}

/* A recording of one heap without payload. */
static void make_recording(void)
{
    struct spead_recording_writer_config config = SPEAD_RECORDING_WRITER_CONFIG_INIT;
    FILE *index;

    close(mkstemp(recording_path));
    snprintf(recording_index, sizeof recording_index, "%s.jsonl", recording_path);
    index = fopen(recording_index, "we");
    fputs("{\"counter\":1,\"offset\":0,\"bytes\":0}\n", index);
    fclose(index);
    config.path = recording_path;
    MUST(spead_recording_writer_create(&recording, &config, NULL) == 0, "no recording");
}

static int make_message(void *arg, struct spead_message *message)
{
    (void)arg;
    (void)message;
    return 0;
}

static void make_operator(void)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("operators");

    spead_pipeline_source(pipeline, SPEAD_STAGE("source"), make_message, NULL);
    MUST(spead_pipeline_finish(pipeline, &operator_graph, NULL) == 0, "no operator");
    operator_node = spead_graph_find(operator_graph, "source");
}

static void set_up(void)
{
    struct spead_channel_config channel_config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_executor_config executor_config = SPEAD_EXECUTOR_CONFIG_INIT;
    struct spead_graph_config graph_config = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_node_config node_config;
    struct spead_region_pool_config pool_config = SPEAD_REGION_POOL_CONFIG_INIT;
    struct spead_probe_source_config source_config = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    struct spead_probe_sink_config sink_config = SPEAD_PROBE_SINK_CONFIG_INIT;
    struct spead_descriptor_config descriptor_config = SPEAD_DESCRIPTOR_CONFIG_INIT;

    channel_config.latency = true;
    MUST(spead_channel_create(&channel, &channel_config, NULL) == 0, "no channel");
    MUST(spead_executor_create(&executor, &executor_config, NULL) == 0, "no executor");
    MUST(spead_graph_create(&graph, &graph_config, NULL) == 0, "no graph");
    pool_config.region_count = 1;
    pool_config.region_bytes = 4096;
    MUST(spead_region_pool_create(&pool, &pool_config, NULL) == 0, "no pool");
    region = spead_region_take(pool, 1);
    MUST(spead_throttle_create(&throttle, 1, NULL) == 0, "no throttle");
    MUST(spead_probe_source_create(&test_source, &source_config, NULL) == 0, "no test source");
    MUST(spead_probe_sink_create(&test_sink, &sink_config, NULL) == 0, "no test sink");
    node_config = spead_probe_sink_node(test_sink, "sink");
    MUST(spead_graph_add(graph, &node_config, &node, NULL) == 0, "no node");
    descriptor_config.id = 0x1000;
    descriptor_config.dtype = "<M8[ns]";
    MUST(spead_descriptor_create(&descriptor, &descriptor_config, NULL) == 0, "no descriptor");
    MUST(spead_item_group_create(&item_group, NULL, NULL) == 0, "no item group");
    MUST(spead_item_group_add(item_group, descriptor, NULL) == 0, "no item");
    make_operator();
    make_streams();
    make_recording();
}

static void tear_down(void)
{
    spead_graph_destroy(operator_graph);
    spead_item_group_destroy(item_group);
    spead_descriptor_unref(descriptor);
    spead_heap_unref(heap);
    spead_chunk_unref(chunk);
    spead_send_sink_destroy(sender_sink);
    spead_send_stream_destroy(sender);
    spead_recv_stream_destroy(receiver);
    spead_mem_link_unref(link_of_streams);
    spead_probe_sink_destroy(test_sink);
    spead_probe_source_destroy(test_source);
    spead_throttle_unref(throttle);
    spead_region_unref(region);
    spead_region_pool_unref(pool);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    spead_channel_unref(channel);
    spead_recording_writer_destroy(recording);
    unlink(recording_path);
    unlink(recording_index);
}

TestSuite(callers_write, .init = set_up, .fini = tear_down);

#define EACH_ROW                                                  \
    const struct write_row *row = write_table;                    \
    row < write_table + sizeof write_table / sizeof *write_table; \
    row++

/* Fills `size` bytes with the pattern, sets the field struct_size in them to `struct_size`, and lets the function of
 * the row write them. Returns this memory; the caller must free it. */
static unsigned char *write_into(const struct write_row *row, size_t size, size_t struct_size)
{
    uint32_t said = (uint32_t)struct_size;
    unsigned char *to = malloc(size);

    memset(to, PATTERN, size);
    memcpy(to, &said, sizeof said);
    row->write(to);
    cr_expect_eq(memcmp(to, &said, sizeof said), 0, "%s: struct_size was changed", row->its.name);
    return to;
}

static size_t count(const unsigned char *bytes, size_t from, size_t to, unsigned char value)
{
    size_t found = 0;

    for (size_t i = from; i < to; i++)
        found += bytes[i] == value;
    return found;
}

/* Bytes that still have the pattern were not written. But a written pointer can contain such a byte by chance. So the
 * function allows a few bytes with the pattern. */
static bool was_written(const unsigned char *bytes, size_t from, size_t to)
{
    return count(bytes, from, to, PATTERN) <= (to - from) / 4;
}

Test(callers_write, no_struct_ends_in_padding)
{
    for (EACH_ROW)
        cr_expect_eq(row->its.end, row->its.size, "%s", row->its.name);
}

Test(callers_write, an_older_struct_is_written_as_far_as_it_goes)
{
    for (EACH_ROW) {
        unsigned char *to = write_into(row, row->its.shorter, row->its.shorter);

        cr_expect(was_written(to, sizeof(uint32_t), row->its.shorter), "%s", row->its.name);
        free(to);
        to = write_into(row, row->its.size, row->its.shorter);
        cr_expect_eq(count(to, row->its.shorter, row->its.size, PATTERN),
                     row->its.size - row->its.shorter, "%s", row->its.name);
        free(to);
    }
}

Test(callers_write, the_rest_of_a_newer_struct_is_zero)
{
    for (EACH_ROW) {
        size_t newer = row->its.size + NEWER_BYTES;
        unsigned char *to = write_into(row, newer + NEWER_BYTES, newer);

        cr_expect(was_written(to, sizeof(uint32_t), row->its.size), "%s", row->its.name);
        cr_expect_eq(count(to, row->its.size, newer, 0), (size_t)NEWER_BYTES, "%s", row->its.name);
        cr_expect_eq(count(to, newer, newer + NEWER_BYTES, PATTERN), (size_t)NEWER_BYTES, "%s",
                     row->its.name);
        free(to);
    }
}

Test(callers_write, a_struct_without_its_size_is_left_alone)
{
    for (EACH_ROW) {
        unsigned char *to = write_into(row, row->its.size, 0);

        cr_expect_eq(count(to, sizeof(uint32_t), row->its.size, PATTERN),
                     row->its.size - sizeof(uint32_t), "%s", row->its.name);
        free(to);
    }
}

Test(callers_write, a_latency_without_its_size_is_refused)
{
    struct spead_latency latency = {0};

    cr_expect_eq(spead_channel_latency(channel, &latency), -EINVAL);
}
