/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the ready-made place function puts each heap into its row and column, and rejects every heap that has none.
 * Method: the function is called with packets that the test makes up; one test runs it in a stream. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include <speadline/recv_chunk_place.h>

#include "chunk_rig.h"

#define TIME 0x1600u
#define ID   0x4101u

static struct spead_chunk_grid grid;
static struct spead_chunk_config chunks;
static uint64_t counters[4];

static void set_up(void)
{
    grid = (struct spead_chunk_grid)SPEAD_CHUNK_GRID_INIT;
    grid.rows_per_chunk = 4;
    grid.columns = 3;
    grid.heap_bytes = 64;
    grid.time_step = 100;
    grid.time_first = 1000;
    grid.id_first = 7;
    grid.time_item = TIME;
    grid.id_item = ID;
    chunks = (struct spead_chunk_config)SPEAD_CHUNK_CONFIG_INIT;
    memset(counters, 0, sizeof counters);
    cr_assert_eq(spead_chunk_grid_fill(&grid, &chunks, NULL), 0);
}

TestSuite(place_grid, .init = set_up);

static struct spead_chunk_place ask(int64_t time, int64_t id, uint64_t bytes)
{
    const int64_t items[] = {time, id};
    const struct spead_chunk_packet packet = {
        .items = items,
        .item_count = 2,
        .heap_length = bytes,
        .counters = counters,
        .counter_count = 4,
    };
    struct spead_chunk_place place = {.chunk_id = -1};

    spead_chunk_place_grid(&grid, &packet, &place);
    return place;
}

static void expect(int64_t time, int64_t id, int64_t chunk, uint64_t index)
{
    struct spead_chunk_place place = ask(time, id, 64);

    cr_expect_eq(place.chunk_id, chunk);
    cr_expect_eq(place.heap_index, index);
    cr_expect_eq(place.heap_offset, index * 64);
}

Test(place_grid, a_heap_goes_to_its_row_and_column)
{
    expect(1000, 7, 0, 0);
    expect(1000, 9, 0, 2);
    expect(1300, 8, 0, 10);
    expect(1400, 7, 1, 0);
    expect(1000 + 4 * 100 * 1000000, 9, 1000000, 2);
}

Test(place_grid, a_heap_without_a_place_is_rejected_and_counted)
{
    cr_expect_eq(ask(-1, 7, 64).chunk_id, -1);
    cr_expect_eq(ask(1000, -1, 64).chunk_id, -1);
    cr_expect_eq(counters[0], 2);
    cr_expect_eq(ask(1000, 7, 63).chunk_id, -1);
    cr_expect_eq(counters[1], 1);
    cr_expect_eq(ask(900, 7, 64).chunk_id, -1);
    cr_expect_eq(ask(1001, 7, 64).chunk_id, -1);
    cr_expect_eq(counters[2], 2);
    cr_expect_eq(ask(1000, 6, 64).chunk_id, -1);
    cr_expect_eq(ask(1000, 10, 64).chunk_id, -1);
    cr_expect_eq(ask(1000, INT64_MAX, 64).chunk_id, -1);
    cr_expect_eq(counters[3], 3);
}

Test(place_grid, ids_may_have_any_order)
{
    static const uint64_t ids[] = {30, 10, 20};

    grid.ids = ids;
    expect(1000, 10, 0, 1);
    expect(1000, 30, 0, 0);
    cr_expect_eq(ask(1000, 11, 64).chunk_id, -1);
}

Test(place_grid, the_largest_time_has_a_place)
{
    grid.time_first = 0;
    grid.time_step = 1;
    cr_expect_eq(ask(INT64_MAX, 7, 64).chunk_id, INT64_MAX / 4);
}

Test(place_grid, one_column_needs_no_id)
{
    grid.columns = 1;
    cr_expect_eq(spead_chunk_grid_fill(&grid, &chunks, NULL), 0);
    cr_expect_eq(chunks.item_count, 1);
    expect(1200, -1, 0, 2);
}

static void expect_refused(const char *field)
{
    struct spead_err err = {0};

    cr_expect_eq(spead_chunk_grid_fill(&grid, &chunks, &err), -EINVAL);
    cr_expect_eq(strncmp(err.text, field, strlen(field)), 0, "%s", err.text);
}

Test(place_grid, a_grid_that_cannot_be_is_refused_by_the_name_of_its_field)
{
    const struct spead_chunk_grid good = grid;

    grid.rows_per_chunk = 0;
    expect_refused("grid.rows_per_chunk");
    grid = good;
    grid.columns = 1u << 23;
    expect_refused("grid.columns");
    grid = good;
    grid.heap_bytes = 1ull << 40;
    expect_refused("grid.heap_bytes");
    grid = good;
    grid.time_step = 0;
    expect_refused("grid.time_step");
    grid = good;
    grid.time_item = 0;
    expect_refused("grid.time_item");
    grid = good;
    grid.id_item = 0;
    expect_refused("grid.id_item");
}

Test(place_grid, fills_chunks_of_a_stream)
{
    struct chunk_rig rig;
    struct spead_chunk *chunk;
    uint64_t counted[4];

    chunk_rig_init(&rig);
    rig.recv.config.chunks = &chunks;
    chunk_rig_open(&rig);
    for (uint64_t row = 0; row < 4; row++)
        for (uint64_t id = 7; id < 10; id++) {
            uint8_t payload[64];

            memset(payload, (int)(row * 16 + id), sizeof payload);
            test_packet_specials(&rig.recv.packet, 40, row * 3 + id, 64, 0, 64);
            test_packet_immediate(&rig.recv.packet, ID, id);
            test_packet_immediate(&rig.recv.packet, TIME, 1000 + row * 100);
            test_packet_payload(&rig.recv.packet, payload, sizeof payload);
            recv_rig_push(&rig.recv);
        }
    chunk_rig_heap(&rig, 99, 0); /* it has a time stamp that is too early, and no id */
    recv_rig_run(&rig.recv);
    chunk = chunk_rig_take(&rig);
    cr_assert_not_null(chunk);
    cr_expect_eq(spead_chunk_missing_count(chunk), 0);
    for (unsigned row = 0; row < 4; row++)
        for (unsigned column = 0; column < 3; column++)
            cr_expect_eq(spead_chunk_data(chunk)[(row * 3 + column) * 64 + 63],
                         row * 16 + column + 7);
    spead_chunk_unref(chunk);
    cr_expect_eq(spead_recv_stream_place_counters(rig.recv.stream, counted, 4), 4);
    cr_expect_eq(counted[0], 1);
    cr_expect_not_null(spead_recv_stream_place_counter_name(rig.recv.stream, 3));
    chunk_rig_close(&rig);
}
