/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: for every public struct with an _INIT macro there is a function that sets the same values (docs/abi.md), also for
 * programs that were compiled with another version of the library.
 * Method: a table has a row for each such struct. tests/package/test_structs.sh compares it with the public headers. A
 * string is compared by its text, because the library has a copy of its own. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/channel.h>
#include <speadline/descriptor.h>
#include <speadline/engine.h>
#include <speadline/executor.h>
#include <speadline/graph.h>
#include <speadline/item_group.h>
#include <speadline/node.h>
#include <speadline/operators.h>
#include <speadline/probe.h>
#include <speadline/record.h>
#include <speadline/recv.h>
#include <speadline/recv_chunk.h>
#include <speadline/recv_chunk_place.h>
#include <speadline/region.h>
#include <speadline/send.h>
#include <speadline/send_items.h>
#include <speadline/send_node.h>
#include <speadline/send_slots.h>
#include <speadline/stats.h>
#include <speadline/throttle.h>
#include <speadline/verbs.h>

/* For each struct: a function of one type that calls its _init function, and what its macro sets. Static storage has no
 * bytes between the fields that the macro has not set. */
#define STRUCTS                                                            \
    ROW(spead_channel_config, SPEAD_CHANNEL_CONFIG_INIT)                   \
    ROW(spead_channel_stats, SPEAD_CHANNEL_STATS_INIT)                     \
    ROW(spead_latency, SPEAD_LATENCY_INIT)                                 \
    ROW(spead_engine_info, SPEAD_ENGINE_INFO_INIT)                         \
    ROW(spead_executor_config, SPEAD_EXECUTOR_CONFIG_INIT)                 \
    ROW(spead_executor_stats, SPEAD_EXECUTOR_STATS_INIT)                   \
    ROW(spead_graph_config, SPEAD_GRAPH_CONFIG_INIT)                       \
    ROW(spead_failure, SPEAD_FAILURE_INIT)                                 \
    ROW(spead_node_stats, SPEAD_NODE_STATS_INIT)                           \
    ROW(spead_node_config, SPEAD_NODE_CONFIG_INIT)                         \
    ROW(spead_probe_source_config, SPEAD_PROBE_SOURCE_CONFIG_INIT)         \
    ROW(spead_operator_stats, SPEAD_OPERATOR_STATS_INIT)                   \
    ROW(spead_stage, SPEAD_STAGE_INIT)                                     \
    ROW(spead_subscription, SPEAD_SUBSCRIPTION_INIT)                       \
    ROW(spead_probe_sink_config, SPEAD_PROBE_SINK_CONFIG_INIT)             \
    ROW(spead_probe_record, SPEAD_PROBE_RECORD_INIT)                       \
    ROW(spead_region_info, SPEAD_REGION_INFO_INIT)                         \
    ROW(spead_region_arena, SPEAD_REGION_ARENA_INIT)                       \
    ROW(spead_region_pool_config, SPEAD_REGION_POOL_CONFIG_INIT)           \
    ROW(spead_region_pool_stats, SPEAD_REGION_POOL_STATS_INIT)             \
    ROW(spead_recv_stats, SPEAD_RECV_STATS_INIT)                           \
    ROW(spead_send_stats, SPEAD_SEND_STATS_INIT)                           \
    ROW(spead_throttle_stats, SPEAD_THROTTLE_STATS_INIT)                   \
    ROW(spead_recv_verbs_config, SPEAD_RECV_VERBS_CONFIG_INIT)             \
    ROW(spead_send_verbs_config, SPEAD_SEND_VERBS_CONFIG_INIT)             \
    ROW(spead_field, SPEAD_FIELD_INIT)                                     \
    ROW(spead_descriptor_config, SPEAD_DESCRIPTOR_CONFIG_INIT)             \
    ROW(spead_item_group_config, SPEAD_ITEM_GROUP_CONFIG_INIT)             \
    ROW(spead_send_items_config, SPEAD_SEND_ITEMS_CONFIG_INIT)             \
    ROW(spead_item_group_stats, SPEAD_ITEM_GROUP_STATS_INIT)               \
    ROW(spead_recording_writer_config, SPEAD_RECORDING_WRITER_CONFIG_INIT) \
    ROW(spead_recording_writer_stats, SPEAD_RECORDING_WRITER_STATS_INIT)   \
    ROW(spead_recording_heap, SPEAD_RECORDING_HEAP_INIT)                   \
    ROW(spead_recording_info, SPEAD_RECORDING_INFO_INIT)                   \
    ROW(spead_recv_stream_config, SPEAD_RECV_STREAM_CONFIG_INIT)           \
    ROW(spead_recv_plan, SPEAD_RECV_PLAN_INIT)                             \
    ROW(spead_recv_start_point, SPEAD_RECV_START_POINT_INIT)               \
    ROW(spead_recv_end, SPEAD_RECV_END_INIT)                               \
    ROW(spead_recv_sender, SPEAD_RECV_SENDER_INIT)                         \
    ROW(spead_chunk_config, SPEAD_CHUNK_CONFIG_INIT)                       \
    ROW(spead_chunk_grid, SPEAD_CHUNK_GRID_INIT)                           \
    ROW(spead_chunk_heap, SPEAD_CHUNK_HEAP_INIT)                           \
    ROW(spead_send_stream_config, SPEAD_SEND_STREAM_CONFIG_INIT)           \
    ROW(spead_send_plan, SPEAD_SEND_PLAN_INIT)                             \
    ROW(spead_send_sink_config, SPEAD_SEND_SINK_CONFIG_INIT)               \
    ROW(spead_send_slots_config, SPEAD_SEND_SLOTS_CONFIG_INIT)             \
    ROW(spead_send_sink_stats, SPEAD_SEND_SINK_STATS_INIT)

#define ROW(name, init)                            \
    static void call_##name(void *to, size_t size) \
    {                                              \
        name##_init(to, size);                     \
    }                                              \
    static const struct name macro_of_##name = init;
STRUCTS
#undef ROW

#define ROW(name, init) {#name, call_##name, &macro_of_##name, sizeof(struct name)},
static const struct {
    const char *name;
    void (*call)(void *to, size_t size);
    const void *macro;
    size_t size;
} rows[] = {STRUCTS};
#undef ROW

/* The structs in which the macro sets a string. */
static const struct {
    const char *name;
    size_t offset;
} strings[] = {
    {"spead_recv_stream_config", offsetof(struct spead_recv_stream_config, engine)},
    {"spead_send_stream_config", offsetof(struct spead_send_stream_config, engine)},
    {"spead_recv_verbs_config", offsetof(struct spead_recv_verbs_config, options.engine)},
    {"spead_send_verbs_config", offsetof(struct spead_send_verbs_config, options.engine)},
    {"spead_subscription", offsetof(struct spead_subscription, name)},
};

#define EACH_ROW                    \
    size_t i = 0;                   \
    i < sizeof rows / sizeof *rows; \
    i++
#define NEWER 24 /* how many bytes a newer program knows more, and an older one less */

/* Returns memory of exactly `size` bytes, so that a sanitizer finds any write behind it. */
static unsigned char *full_of_dirt(size_t size)
{
    return memset(malloc(size), 0xa5, size);
}

static uint32_t size_in(const unsigned char *structure)
{
    uint32_t size;

    memcpy(&size, structure, sizeof size);
    return size;
}

/* Compares the bytes behind struct_size, up to `size`, with those of the macro. */
static void expect_same(size_t i, const unsigned char *own, size_t size)
{
    unsigned char *macro = malloc(rows[i].size);

    memcpy(macro, rows[i].macro, rows[i].size);
    for (size_t s = 0; s < sizeof strings / sizeof *strings; s++)
        if (strcmp(strings[s].name, rows[i].name) == 0 &&
            strings[s].offset + sizeof(char *) <= size) {
            const char *mine, *its;

            memcpy(&mine, macro + strings[s].offset, sizeof mine);
            memcpy(&its, own + strings[s].offset, sizeof its);
            cr_expect_str_eq(its, mine, "%s", rows[i].name);
            memcpy(macro + strings[s].offset, &its, sizeof its);
        }
    cr_expect(memcmp(own + 4, macro + 4, size - 4) == 0, "%s", rows[i].name);
    cr_expect_eq(size_in(own), size, "%s", rows[i].name);
    free(macro);
}

Test(struct_inits, set_what_the_macro_sets)
{
    for (EACH_ROW) {
        unsigned char *own = full_of_dirt(rows[i].size);

        rows[i].call(own, rows[i].size);
        expect_same(i, own, rows[i].size);
        free(own);
    }
}

Test(struct_inits, write_as_many_bytes_as_an_older_program_knows)
{
    for (EACH_ROW) {
        const size_t size = rows[i].size > NEWER + 8 ? rows[i].size - NEWER : 8;
        unsigned char *own = full_of_dirt(size);

        rows[i].call(own, size);
        expect_same(i, own, size);
        free(own);
    }
}

Test(struct_inits, set_to_zero_what_a_newer_program_knows_more)
{
    for (EACH_ROW) {
        const unsigned char zero[NEWER] = {0};
        const size_t size = rows[i].size + NEWER;
        unsigned char *own = full_of_dirt(size);

        rows[i].call(own, size);
        cr_expect_eq(size_in(own), size, "%s", rows[i].name);
        cr_expect(memcmp(own + rows[i].size, zero, NEWER) == 0, "%s", rows[i].name);
        free(own);
    }
}

Test(struct_inits, write_nothing_if_the_size_cannot_be_right)
{
    static unsigned char own[8192], before[8192];
    static const size_t sizes[] = {0, 3, 4097, 8192};

    memset(own, 0xa5, sizeof own);
    memset(before, 0xa5, sizeof before);
    for (EACH_ROW)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            rows[i].call(own, sizes[s]);
            cr_expect(memcmp(own, before, sizeof own) == 0, "%s", rows[i].name);
        }
}

Test(struct_inits, set_options_that_have_no_size_to_zero)
{
    static const struct spead_send_options macro = SPEAD_SEND_OPTIONS_INIT;
    struct spead_send_options own;

    memset(&own, 0xa5, sizeof own);
    spead_send_options_init(&own, sizeof own);
    cr_expect(memcmp(&own, &macro, sizeof own) == 0);
}
