/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the configuration of chunks. See chunk_config.h. */
#include "chunk_config.h"

#include <errno.h>

#include <speadi/err.h>
#include <speadi/pool.h>
#include <speadi/struct_size.h>

#include "heap_memory.h"

#define CHUNK_BYTES_MAX   (1ull << 40)
#define PRESENT_COUNT_MAX (1u << 24)
#define WINDOW_MAX        1024u
#define CHUNK_COUNT_MAX   65536u
#define EXTRA_BYTES_MAX   4096u
#define GAPS_MORE         1024u /* default of gaps_max, beyond one gap for each heap */
#define CHUNKS_MORE       4u    /* default of chunk_count, beyond the open ones */

struct range_check {
    const char *field;
    uint64_t value, least, most;
};

static int check_ranges(const struct spead_chunk_config *c, struct spead_err *err)
{
    const struct range_check checks[] = {
        {"chunks.chunk_bytes", c->chunk_bytes, 1, CHUNK_BYTES_MAX},
        {"chunks.present_count", c->present_count, 1, PRESENT_COUNT_MAX},
        {"chunks.window", c->window, 1, WINDOW_MAX},
        {"chunks.chunk_count", c->chunk_count, c->window + 1, CHUNK_COUNT_MAX},
        {"chunks.item_count", c->item_count, 0, SPEAD_CHUNK_ITEMS_MAX},
        {"chunks.extra_bytes", c->extra_bytes, 0, EXTRA_BYTES_MAX},
        {"chunks.gaps_max", c->gaps_max, c->present_count, 2 * PRESENT_COUNT_MAX},
        {"chunks.counter_count", c->counter_count, 0, SPEAD_CHUNK_COUNTERS_MAX},
    };

    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (checks[i].value < checks[i].least || checks[i].value > checks[i].most)
            return speadi_err_range(err, checks[i].field, checks[i].value, checks[i].least,
                                    checks[i].most);
    return 0;
}

static int check_memory(const struct spead_chunk_config *c, struct spead_err *err)
{
    struct spead_region_arena arena;
    int ret;

    if (c->arena && c->buffers)
        return speadi_err_field(err, -EINVAL, "chunks.buffers",
                                ": chunks lie either in an arena or in buffers: leave one of them "
                                "out");
    for (uint32_t i = 0; c->buffers && i < c->chunk_count; i++)
        if (!c->buffers[i])
            return speadi_err_field(err, -EINVAL, "chunks.buffers", ": number %u is NULL", i);
    if (!c->arena)
        return 0;
    ret = speadi_region_arena_read(&arena, c->arena, err);
    return ret == 0 ? speadi_heap_memory_check(&arena, err) : ret;
}

static void set_defaults(struct spead_chunk_config *c)
{
    if (c->chunk_count == 0 && c->window <= WINDOW_MAX)
        c->chunk_count = c->window + CHUNKS_MORE;
    if (c->gaps_max == 0 && c->present_count <= PRESENT_COUNT_MAX)
        c->gaps_max = c->present_count + GAPS_MORE;
}

int speadi_chunk_config_read(struct spead_chunk_config *config,
                             const struct spead_chunk_config *from, struct spead_err *err)
{
    static const struct spead_chunk_config defaults = SPEAD_CHUNK_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "chunks",
        .init = "SPEAD_CHUNK_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_chunk_config, items),
    };

    if (speadi_struct_read(config, from, &kind, err) < 0)
        return -EINVAL;
    set_defaults(config);
    if (check_ranges(config, err) < 0)
        return -EINVAL;
    if (!config->place)
        return speadi_err_field(err, -EINVAL, "chunks.place",
                                ": a chunk stream needs a place function");
    if (speadi_err_array(err, "chunks.items", config->items, config->item_count) < 0)
        return -EINVAL;
    return check_memory(config, err);
}
