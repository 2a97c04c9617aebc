/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the library reads structs of programs that were compiled with an older or a newer Speadline. It follows one
 * rule for all structs (docs/adr/0017).
 * Method: the test has a table of every public struct that the library reads. It passes each struct as a program of
 * another version would do. The memory has exactly the size that the struct states, so that a sanitizer finds any read
 * beyond it. tests/package/test_structs.sh compares the table with the public headers, so that no struct is
 * forgotten. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/descriptor.h>
#include <speadline/executor.h>
#include <speadline/graph.h>
#include <speadline/item_group.h>
#include <speadline/operators.h>
#include <speadline/probe.h>
#include <speadline/record.h>
#include <speadline/recv.h>
#include <speadline/recv_chunk.h>
#include <speadline/recv_chunk_place.h>
#include <speadline/send.h>
#include <speadline/send_items.h>
#include <speadline/send_node.h>
#include <speadline/send_slots.h>

#include "callers_rows.h"
#include "must.h"

/* Objects that some of the structs refer to. */
static struct spead_mem_link *link_of_streams;
static struct spead_send_stream *sender;
static struct spead_graph *graph;
static unsigned node_number;

static int step(void *state, struct spead_node *self)
{
    (void)state;
    (void)self;
    return SPEAD_STEP_DONE;
}

/* ---- Fields without a default ------------------------------------------------------------ */

static void fill_node(void *config)
{
    static const struct spead_node_ops ops = {.kind = "test", .step = step};
    static char name[16];

    snprintf(name, sizeof name, "node-%u", node_number++);
    ((struct spead_node_config *)config)->name = name;
    ((struct spead_node_config *)config)->ops = &ops;
}

static void fill_arena(void *config)
{
    static char memory[2][4096];
    struct spead_region_arena *arena = config;

    arena->data = memory;
    arena->bytes = sizeof memory;
}

static void fill_pool(void *config)
{
    ((struct spead_region_pool_config *)config)->region_count = 2;
    ((struct spead_region_pool_config *)config)->region_bytes = 4096;
}

static void fill_receiver(void *config)
{
    struct spead_recv_stream_config *stream = config;

    stream->links = &link_of_streams;
    stream->link_count = 1;
    stream->heap_bytes_max = 4096;
}

static void fill_sender(void *config)
{
    ((struct spead_send_stream_config *)config)->links = &link_of_streams;
    ((struct spead_send_stream_config *)config)->link_count = 1;
}

static void fill_sender_sink(void *config)
{
    ((struct spead_send_sink_config *)config)->stream = sender;
}

/* ---- Functions that read a struct -------------------------------------------------------- */

static int make_channel(const void *config, struct spead_err *err)
{
    struct spead_channel *made;
    int ret = spead_channel_create(&made, config, err);

    cr_expect_eq(spead_channel_bytes(config) > 0, ret == 0);
    if (ret == 0)
        spead_channel_unref(made);
    return ret;
}

static int join_channel(const void *config, struct spead_err *err)
{
    struct spead_port port = {.name = "it", .type = SPEAD_TYPE_PLAIN};
    struct spead_node_config from = SPEAD_NODE_CONFIG_INIT, to = SPEAD_NODE_CONFIG_INIT;
    struct spead_node *ends[2];

    fill_node(&from);
    from.outputs = &port;
    from.output_count = 1;
    MUST(spead_graph_add(graph, &from, &ends[0], err) == 0, "no node: %s", err->text);
    fill_node(&to);
    to.inputs = &port;
    to.input_count = 1;
    MUST(spead_graph_add(graph, &to, &ends[1], err) == 0, "no node: %s", err->text);
    return spead_graph_join(graph, (struct spead_graph_end){ends[0], "it"},
                            (struct spead_graph_end){ends[1], "it"}, config, err);
}

static int make_executor(const void *config, struct spead_err *err)
{
    struct spead_executor *made;
    int ret = spead_executor_create(&made, config, err);

    if (ret == 0)
        spead_executor_destroy(made);
    return ret;
}

static int make_graph(const void *config, struct spead_err *err)
{
    struct spead_graph *made;
    int ret = spead_graph_create(&made, config, err);

    if (ret == 0)
        spead_graph_destroy(made);
    return ret;
}

static int make_node(const void *config, struct spead_err *err)
{
    return spead_graph_add(graph, config, NULL, err);
}

static int make_test_source(const void *config, struct spead_err *err)
{
    struct spead_probe_source *made;
    int ret = spead_probe_source_create(&made, config, err);

    if (ret == 0)
        spead_probe_source_destroy(made);
    return ret;
}

static int make_test_sink(const void *config, struct spead_err *err)
{
    struct spead_probe_sink *made;
    int ret = spead_probe_sink_create(&made, config, err);

    if (ret == 0)
        spead_probe_sink_destroy(made);
    return ret;
}

static int make_message(void *arg, struct spead_message *message)
{
    (void)arg;
    (void)message;
    return 0;
}

static void fill_stage(void *stage)
{
    ((struct spead_stage *)stage)->name = "source";
}

static int make_stage(const void *stage, struct spead_err *err)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("test");
    struct spead_graph *made;
    int ret;

    spead_pipeline_source(pipeline, stage, make_message, NULL);
    ret = spead_pipeline_finish(pipeline, &made, err);
    if (ret == 0)
        spead_graph_destroy(made);
    return ret;
}

static int subscribe(const void *subscription, struct spead_err *err)
{
    struct spead_pipeline *pipeline = spead_pipeline_create("test");
    struct spead_receiver *receiver;
    struct spead_graph *made;
    int ret;

    spead_pipeline_source(pipeline, SPEAD_STAGE("source"), make_message, NULL);
    spead_pipeline_fan_out(pipeline, SPEAD_STAGE("copies"), NULL, 0, NULL, NULL);
    MUST(spead_pipeline_finish(pipeline, &made, NULL) == 0, "no fan-out");
    ret = spead_fan_out_subscribe(spead_graph_find(made, "copies"), subscription, &receiver, err);
    if (ret == 0)
        spead_receiver_close(receiver);
    spead_graph_destroy(made);
    return ret;
}

static int make_pool(const void *config, struct spead_err *err)
{
    struct spead_region_pool *made;
    int ret = spead_region_pool_create(&made, config, err);

    if (ret == 0)
        spead_region_pool_unref(made);
    return ret;
}

static int make_pool_of_arena(const void *arena, struct spead_err *err)
{
    struct spead_region_pool_config config = SPEAD_REGION_POOL_CONFIG_INIT;

    fill_pool(&config);
    config.arena = arena;
    return make_pool(&config, err);
}

static int make_receiver(const void *config, struct spead_err *err)
{
    struct spead_recv_stream *made;
    int ret = spead_recv_stream_create(&made, config, err);

    if (ret == 0)
        spead_recv_stream_destroy(made);
    return ret;
}

static int make_receiver_of_arena(const void *arena, struct spead_err *err)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    fill_receiver(&config);
    /* The size of a region is rounded up to a whole page, so two regions fill the arena. */
    config.heap_bytes_max = 128;
    config.live_heaps_max = config.hand_over_heaps = 1;
    config.held_heaps = 0;
    config.heap_arena = arena;
    return make_receiver(&config, err);
}

static void place_nowhere(void *state, const struct spead_chunk_packet *packet,
                          struct spead_chunk_place *place)
{
    (void)state;
    (void)packet;
    (void)place;
}

static void fill_chunks(void *config)
{
    struct spead_chunk_config *chunks = config;

    chunks->chunk_bytes = 4096;
    chunks->present_count = 1;
    chunks->place = place_nowhere;
}

static int make_receiver_of_start(const void *point, struct spead_err *err)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    fill_receiver(&config);
    config.start_point = point;
    return make_receiver(&config, err);
}

static int make_receiver_of_chunks(const void *chunks, struct spead_err *err)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    fill_receiver(&config);
    config.chunks = chunks;
    return make_receiver(&config, err);
}

static void fill_grid(void *config)
{
    struct spead_chunk_grid *grid = config;

    grid->heap_bytes = 64;
    grid->time_item = 0x1600;
}

/* The library keeps two identifiers in the grid. */
static int make_grid(const void *config, struct spead_err *err)
{
    struct spead_chunk_config chunks = SPEAD_CHUNK_CONFIG_INIT;

    return spead_chunk_grid_fill((struct spead_chunk_grid *)(uintptr_t)config, &chunks, err);
}

static int make_sender(const void *config, struct spead_err *err)
{
    struct spead_send_stream *made;
    int ret = spead_send_stream_create(&made, config, err);

    if (ret == 0)
        spead_send_stream_destroy(made);
    return ret;
}

static int make_sender_sink(const void *config, struct spead_err *err)
{
    struct spead_send_sink *made;
    int ret = spead_send_sink_create(&made, config, err);

    if (ret == 0)
        spead_send_sink_destroy(made);
    return ret;
}

static int make_slots(const void *config, struct spead_err *err)
{
    struct spead_send_slots *made;
    int ret = spead_send_slots_create(&made, config, err);

    if (ret == 0)
        spead_send_slots_destroy(made);
    return ret;
}

static void fill_recording(void *config)
{
    ((struct spead_recording_writer_config *)config)->path = "/dev/null";
    ((struct spead_recording_writer_config *)config)->format = SPEAD_RECORDING_RAW;
}

static int make_recording(const void *config, struct spead_err *err)
{
    struct spead_recording_writer *made;
    int ret = spead_recording_writer_create(&made, config, err);

    if (ret == 0)
        spead_recording_writer_destroy(made);
    return ret;
}

static void fill_descriptor(void *config)
{
    ((struct spead_descriptor_config *)config)->id = 0x1000;
    ((struct spead_descriptor_config *)config)->format = "u16";
}

static int make_descriptor(const void *config, struct spead_err *err)
{
    struct spead_descriptor *made;
    int ret = spead_descriptor_create(&made, config, err);

    if (ret == 0)
        spead_descriptor_unref(made);
    return ret;
}

static int make_item_group(const void *config, struct spead_err *err)
{
    struct spead_item_group *made;
    int ret = spead_item_group_create(&made, config, err);

    if (ret == 0)
        spead_item_group_destroy(made);
    return ret;
}

static int make_send_items(const void *config, struct spead_err *err)
{
    struct spead_send_items *made;
    int ret = spead_send_items_create(&made, config, err);

    if (ret == 0)
        spead_send_items_destroy(made);
    return ret;
}

/* ---- The table --------------------------------------------------------------------------- */

struct read_row {
    struct caller_struct its;
    const void *init; /* the struct with the values that its _INIT macro sets */
    /* Fills in the fields that have no default. NULL if every field has a default. */
    void (*fill)(void *own);
    int (*use)(const void *own, struct spead_err *err);
};

static const struct read_row read_table[] = {
    {STRUCT(spead_channel_config, on_shed_arg),
     &(struct spead_channel_config)SPEAD_CHANNEL_CONFIG_INIT, NULL, make_channel},
    {STRUCT(spead_channel_config, on_shed_arg),
     &(struct spead_channel_config)SPEAD_CHANNEL_CONFIG_INIT, NULL, join_channel},
    {STRUCT(spead_descriptor_config, dtype),
     &(struct spead_descriptor_config)SPEAD_DESCRIPTOR_CONFIG_INIT, fill_descriptor,
     make_descriptor},
    {STRUCT(spead_executor_config, name), &(struct spead_executor_config)SPEAD_EXECUTOR_CONFIG_INIT,
     NULL, make_executor},
    {STRUCT(spead_send_items_config, reserved),
     &(struct spead_send_items_config)SPEAD_SEND_ITEMS_CONFIG_INIT, NULL, make_send_items},
    {STRUCT(spead_item_group_config, reserved),
     &(struct spead_item_group_config)SPEAD_ITEM_GROUP_CONFIG_INIT, NULL, make_item_group},
    {STRUCT(spead_graph_config, log), &(struct spead_graph_config)SPEAD_GRAPH_CONFIG_INIT, NULL,
     make_graph},
    {STRUCT(spead_node_config, memory_bytes), &(struct spead_node_config)SPEAD_NODE_CONFIG_INIT,
     fill_node, make_node},
    {STRUCT(spead_stage, clock), &(struct spead_stage)SPEAD_STAGE_INIT, fill_stage, make_stage},
    {STRUCT(spead_subscription, arg), &(struct spead_subscription)SPEAD_SUBSCRIPTION_INIT, NULL,
     subscribe},
    {STRUCT(spead_probe_source_config, error_at),
     &(struct spead_probe_source_config)SPEAD_PROBE_SOURCE_CONFIG_INIT, NULL, make_test_source},
    {STRUCT(spead_probe_sink_config, error_at),
     &(struct spead_probe_sink_config)SPEAD_PROBE_SINK_CONFIG_INIT, NULL, make_test_sink},
    {STRUCT(spead_region_arena, arg), &(struct spead_region_arena)SPEAD_REGION_ARENA_INIT,
     fill_arena, make_pool_of_arena},
    {STRUCT(spead_region_arena, arg), &(struct spead_region_arena)SPEAD_REGION_ARENA_INIT,
     fill_arena, make_receiver_of_arena},
    {STRUCT(spead_region_pool_config, event_ops),
     &(struct spead_region_pool_config)SPEAD_REGION_POOL_CONFIG_INIT, fill_pool, make_pool},
    {STRUCT(spead_recv_start_point, reserved),
     &(struct spead_recv_start_point)SPEAD_RECV_START_POINT_INIT, NULL, make_receiver_of_start},
    {STRUCT(spead_recv_stream_config, reserved_2),
     &(struct spead_recv_stream_config)SPEAD_RECV_STREAM_CONFIG_INIT, fill_receiver, make_receiver},
    {STRUCT(spead_chunk_config, reserved_2), &(struct spead_chunk_config)SPEAD_CHUNK_CONFIG_INIT,
     fill_chunks, make_receiver_of_chunks},
    {STRUCT(spead_chunk_grid, reserved_2), &(struct spead_chunk_grid)SPEAD_CHUNK_GRID_INIT,
     fill_grid, make_grid},
    {STRUCT(spead_recording_writer_config, log),
     &(struct spead_recording_writer_config)SPEAD_RECORDING_WRITER_CONFIG_INIT, fill_recording,
     make_recording},
    {STRUCT(spead_send_stream_config, reserved_end),
     &(struct spead_send_stream_config)SPEAD_SEND_STREAM_CONFIG_INIT, fill_sender, make_sender},
    {STRUCT(spead_send_sink_config, cpu),
     &(struct spead_send_sink_config)SPEAD_SEND_SINK_CONFIG_INIT, fill_sender_sink,
     make_sender_sink},
    {STRUCT(spead_send_slots_config, reserved),
     &(struct spead_send_slots_config)SPEAD_SEND_SLOTS_CONFIG_INIT, NULL, make_slots},
};

static void set_up(void)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_graph_config graph_config = SPEAD_GRAPH_CONFIG_INIT;

    MUST(spead_mem_link_create(&link_of_streams, 16, 2000, NULL) == 0, "no link");
    fill_sender(&config);
    MUST(spead_send_stream_create(&sender, &config, NULL) == 0, "no sender");
    MUST(spead_graph_create(&graph, &graph_config, NULL) == 0, "no graph");
}

static void tear_down(void)
{
    spead_graph_destroy(graph);
    spead_send_stream_destroy(sender);
    spead_mem_link_unref(link_of_streams);
}

TestSuite(callers_read, .init = set_up, .fini = tear_down);

#define EACH_ROW                                               \
    const struct read_row *row = read_table;                   \
    row < read_table + sizeof read_table / sizeof *read_table; \
    row++

/* Passes a valid struct to row->use. The memory has `size` bytes, and the field struct_size says `struct_size`. If the
 * memory is longer than the struct of the library, the bytes behind the struct are zero, except that the last byte is
 * `last`. Returns what row->use returned. */
static int use(const struct read_row *row, size_t size, size_t struct_size, unsigned char last,
               struct spead_err *err)
{
    uint32_t said = (uint32_t)struct_size;
    unsigned char *full = calloc(1, row->its.size), *own = calloc(1, size);
    int ret;

    memcpy(full, row->init, row->its.size);
    if (row->fill)
        row->fill(full);
    memcpy(own, full, size < row->its.size ? size : row->its.size);
    memcpy(own, &said, sizeof said);
    if (size > row->its.size)
        own[size - 1] = last;
    *err = (struct spead_err){0};
    ret = row->use(own, err);
    free(own);
    free(full);
    return ret;
}

static void expect_refused(const struct read_row *row, size_t size, size_t struct_size,
                           unsigned char last)
{
    struct spead_err err;

    cr_expect_eq(use(row, size, struct_size, last, &err), -EINVAL, "%s of %zu bytes", row->its.name,
                 struct_size);
    cr_expect_not_null(strstr(err.text, "struct_size"), "%s: \"%s\"", row->its.name, err.text);
}

/* No struct may end in padding. A later version of the library can put a field there, and an older program can have
 * left any bytes there. */
Test(callers_read, no_struct_ends_in_padding)
{
    for (EACH_ROW)
        cr_expect_eq(row->its.end, row->its.size, "%s", row->its.name);
}

Test(callers_read, every_init_says_its_size)
{
    for (EACH_ROW)
        cr_expect_eq(*(const uint32_t *)row->init, row->its.size, "%s", row->its.name);
}

Test(callers_read, an_older_struct_is_read)
{
    struct spead_err err;

    for (EACH_ROW) {
        cr_expect_eq(use(row, row->its.size, row->its.size, 0, &err), 0, "%s: %s", row->its.name,
                     err.text);
        cr_expect_eq(use(row, row->its.shorter, row->its.shorter, 0, &err), 0, "%s: %s",
                     row->its.name, err.text);
    }
}

Test(callers_read, a_newer_struct_is_read_where_the_rest_is_zero)
{
    struct spead_err err;

    for (EACH_ROW)
        cr_expect_eq(use(row, row->its.size + NEWER_BYTES, row->its.size + NEWER_BYTES, 0, &err), 0,
                     "%s: %s", row->its.name, err.text);
}

Test(callers_read, a_newer_struct_that_sets_an_unknown_field_is_refused)
{
    for (EACH_ROW)
        expect_refused(row, row->its.size + NEWER_BYTES, row->its.size + NEWER_BYTES, 1);
}

Test(callers_read, a_struct_without_its_size_is_refused)
{
    for (EACH_ROW) {
        expect_refused(row, row->its.size, 0, 0);
        expect_refused(row, row->its.size, sizeof(uint32_t), 0);
        expect_refused(row, row->its.size, UINT32_MAX, 0);
    }
}
