/* SPDX-License-Identifier: Apache-2.0 */
/* Ready-made place functions for chunk streams (speadline/recv_chunk.h).
 *
 * spead_chunk_place_grid() is for the common layout: a chunk is an array of rows and columns of heaps of one size. The row
 * follows from a time stamp that rises by the same step from heap to heap of a sender; the column follows from an id of
 * the sender, such as the number of an antenna.
 *
 *     rows    = (time - time_first) / time_step
 *     chunk   = rows / rows_per_chunk       row    = rows % rows_per_chunk
 *     index   = row * columns + column      offset = index * heap_bytes
 *
 * For example, 64 rows of 16 antennas, with heaps of 8192 bytes that carry a time stamp and the number of the antenna:
 *
 *     struct spead_chunk_grid grid = SPEAD_CHUNK_GRID_INIT;
 *     struct spead_chunk_config chunks = SPEAD_CHUNK_CONFIG_INIT;
 *     grid.rows_per_chunk = 64;
 *     grid.columns = 16;
 *     grid.heap_bytes = 8192;
 *     grid.time_item = 0x1600;
 *     grid.time_step = 4096;
 *     grid.id_item = 0x4101;
 *     ret = spead_chunk_grid_fill(&grid, &chunks, &err);
 *     config.chunks = &chunks; */
#ifndef SPEADLINE_RECV_CHUNK_PLACE_H
#define SPEADLINE_RECV_CHUNK_PLACE_H

#include <stdint.h>

#include <speadline/error.h>
#include <speadline/recv_chunk.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The layout of a chunk of rows and columns. Start from SPEAD_CHUNK_GRID_INIT. The stream borrows the struct as long as it
 * exists; nobody may change it meanwhile. */
struct spead_chunk_grid {
    uint32_t struct_size;    /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t rows_per_chunk; /* at least 1; default 1 */
    uint32_t columns;        /* at least 1; default 1: then heaps need no id */
    uint32_t reserved;
    uint64_t heap_bytes; /* the length of each heap; a heap with another length is rejected */
    uint64_t time_step;  /* the difference of the time stamps of two rows; at least 1, default 1 */
    /* the time stamp of row 0 of chunk 0; heaps with earlier ones are rejected */
    uint64_t time_first;
    uint64_t id_first;  /* the id of column 0; the columns after it have the ids after it */
    uint64_t time_item; /* the identifier of the item with the time stamp; must be immediate */
    uint64_t id_item; /* the identifier of the item with the id; not used if there is one column */
    /* The ids of the columns, if they do not follow one another: an array of `columns` ids. NULL (default): column c has
     * the id id_first + c. The function looks through the array for each heap. */
    const uint64_t *ids;
    uint64_t items[2]; /* only the library uses it */
    uint64_t reserved_2;
};
/* clang-format off */
#define SPEAD_CHUNK_GRID_INIT { .struct_size = sizeof(struct spead_chunk_grid), .rows_per_chunk = 1, .columns = 1, \
    .time_step = 1 }
/* clang-format on */
/* Does what SPEAD_CHUNK_GRID_INIT does; `size` is sizeof *grid. Any thread. See docs/abi.md. */
void spead_chunk_grid_init(struct spead_chunk_grid *grid, size_t size);

/* The place function; `grid` is a struct spead_chunk_grid that spead_chunk_grid_fill() has checked. It rejects a heap
 * without the items, whose time stamp is before time_first or between two rows, whose id has no column, or that has
 * another length than heap_bytes. So heaps of descriptors are rejected. It needs the items time_item and id_item as
 * items[0] and items[1]. If the stream has counters (counter_count), the function counts the heaps that it rejects: the
 * first counter has those without the items, the second one those with another length, the third one those whose time
 * stamp has no row, and the fourth one those whose id has no column. */
void spead_chunk_place_grid(void *grid, const struct spead_chunk_packet *packet,
                            struct spead_chunk_place *place);

/* Checks the grid, and sets place, place_state, items, item_count, chunk_bytes, present_count and the counters of *chunks
 * for it. *chunks borrows the grid. Returns 0, or -EINVAL with a sentence that names the field of the grid; *chunks is
 * unchanged then. err may be NULL. Any thread. */
int spead_chunk_grid_fill(struct spead_chunk_grid *grid, struct spead_chunk_config *chunks,
                          struct spead_err *err);

#ifdef __cplusplus
}
#endif
#endif
