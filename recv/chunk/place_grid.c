/* SPDX-License-Identifier: Apache-2.0 */
/* The place function for chunks of rows and columns. */
#include <speadline/recv_chunk_place.h>

#include <errno.h>

#include <speadi/err.h>
#include <speadi/struct_size.h>

SPEADI_STRUCT_INIT(spead_chunk_grid, SPEAD_CHUNK_GRID_INIT)

/* The bounds of chunk_bytes and present_count (recv_chunk.h). */
#define CHUNK_BYTES_MAX   (1ull << 40)
#define PRESENT_COUNT_MAX (1u << 24)

/* What the counters count. */
enum { NO_ITEMS, WRONG_LENGTH, NO_ROW, NO_COLUMN, COUNTERS };

static const char *const names[COUNTERS] = {"heaps without time or id", "heaps of another length",
                                            "heaps with a time between the rows or too early",
                                            "heaps of an unknown id"};

static void count(const struct spead_chunk_packet *packet, uint32_t what)
{
    if (what < packet->counter_count)
        packet->counters[what]++;
}

/* Returns the column of the id, or `columns` if no column has it. */
static uint64_t column_of(const struct spead_chunk_grid *grid, uint64_t id)
{
    uint64_t column = 0;

    if (!grid->ids) /* an id before the first one becomes a very large number */
        return id - grid->id_first < grid->columns ? id - grid->id_first : grid->columns;
    while (column < grid->columns && grid->ids[column] != id)
        column++;
    return column;
}

void spead_chunk_place_grid(void *state, const struct spead_chunk_packet *packet,
                            struct spead_chunk_place *place)
{
    const struct spead_chunk_grid *grid = state;
    uint64_t time, row, column = 0;

    if (packet->item_count < 1 || packet->items[0] < 0 ||
        (grid->columns > 1 && (packet->item_count < 2 || packet->items[1] < 0))) {
        count(packet, NO_ITEMS);
        return;
    }
    if (packet->heap_length != grid->heap_bytes) {
        count(packet, WRONG_LENGTH);
        return;
    }
    time = (uint64_t)packet->items[0];
    if (time < grid->time_first || (time - grid->time_first) % grid->time_step != 0) {
        count(packet, NO_ROW);
        return;
    }
    if (grid->columns > 1)
        column = column_of(grid, (uint64_t)packet->items[1]);
    if (column == grid->columns) {
        count(packet, NO_COLUMN);
        return;
    }
    row = (time - grid->time_first) / grid->time_step;
    /* No product wraps: a grid that was checked has at most 2^24 heaps and 2^40 bytes. */
    place->chunk_id = (int64_t)(row / grid->rows_per_chunk);
    place->heap_index = row % grid->rows_per_chunk * grid->columns + column;
    place->heap_offset = place->heap_index * grid->heap_bytes;
}

static int check(const struct spead_chunk_grid *grid, struct spead_err *err)
{
    uint64_t heaps = (uint64_t)grid->rows_per_chunk * grid->columns;

    if (grid->rows_per_chunk == 0 || grid->rows_per_chunk > PRESENT_COUNT_MAX)
        return speadi_err_range(err, "grid.rows_per_chunk", grid->rows_per_chunk, 1,
                                PRESENT_COUNT_MAX);
    if (grid->columns == 0 || heaps > PRESENT_COUNT_MAX)
        return speadi_err_range(err, "grid.columns", grid->columns, 1,
                                PRESENT_COUNT_MAX / grid->rows_per_chunk);
    if (grid->heap_bytes == 0 || grid->heap_bytes > CHUNK_BYTES_MAX / heaps)
        return speadi_err_range(err, "grid.heap_bytes", grid->heap_bytes, 1,
                                CHUNK_BYTES_MAX / heaps);
    if (grid->time_step == 0)
        return speadi_err_range(err, "grid.time_step", 0, 1, UINT64_MAX);
    if (grid->time_item == 0)
        return speadi_err_field(err, -EINVAL, "grid.time_item", ": heaps need a time stamp");
    if (grid->columns > 1 && grid->id_item == 0)
        return speadi_err_field(err, -EINVAL, "grid.id_item",
                                ": heaps of more than one column need an id");
    return 0;
}

int spead_chunk_grid_fill(struct spead_chunk_grid *grid, struct spead_chunk_config *chunks,
                          struct spead_err *err)
{
    static const struct spead_chunk_grid defaults = SPEAD_CHUNK_GRID_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "grid of chunks",
        .init = "SPEAD_CHUNK_GRID_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_chunk_grid, reserved_2),
    };
    struct spead_chunk_grid full;
    int ret = speadi_struct_read(&full, grid, &kind, err);

    if (ret == 0)
        ret = check(&full, err);
    if (ret < 0)
        return ret;
    grid->items[0] = grid->time_item;
    grid->items[1] = grid->id_item;
    chunks->place = spead_chunk_place_grid;
    chunks->place_state = grid;
    chunks->items = grid->items;
    chunks->item_count = grid->columns > 1 ? 2 : 1;
    chunks->present_count = grid->rows_per_chunk * grid->columns;
    chunks->chunk_bytes = (uint64_t)chunks->present_count * grid->heap_bytes;
    chunks->counter_names = names;
    chunks->counter_count = COUNTERS;
    return 0;
}
