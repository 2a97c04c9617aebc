/* SPDX-License-Identifier: Apache-2.0 */
/* One chunk: which heaps lie where in it, what is missing, and what came of each.
 *
 * A chunk lies in the meta memory of its block. Behind the struct lie its arrays; speadi_chunk_layout_init() computes
 * where. While the chunk is open, or waits for heaps that still write into it, only the owner thread of the stream uses
 * it. After the hand-over it never changes, except `references`.
 *
 * A place in a chunk belongs to the first heap that claims it. A heap is *regular* if it begins at its index times the
 * stride and does not reach into the next entry: such heaps cannot overlap one another. The ranges of all other heaps
 * are kept in the sorted array `odd`. */
#ifndef SPEADI_CHUNK_H
#define SPEADI_CHUNK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/recv_chunk.h>

#include <speadi/heap_view.h>
#include <speadi/pool.h>

#include "heap_memory.h"

/* Where the arrays of a chunk lie in its meta memory, and what all chunks of a stream have in common. */
struct speadi_chunk_layout {
    uint64_t chunk_bytes;
    uint64_t stride; /* a regular heap begins at its index times the stride; may be 0 */
    uint32_t present_count, extra_bytes, packet_bytes, gaps_max, source_count;
    uint32_t stream; /* message_stream */
    size_t extra_at, heaps_at, gaps_at, odd_at, count_at, present_at;
    size_t meta_bytes;
};

enum speadi_chunk_entry_state {
    SPEADI_CHUNK_ABSENT,
    SPEADI_CHUNK_COMPLETE,
    SPEADI_CHUNK_INCOMPLETE,
    SPEADI_CHUNK_WRITING, /* its heap still waits for packets or for posted receives */
    SPEADI_CHUNK_COVERED, /* the heap of an entry before it has packets here; `counter` is the number of that entry */
};

struct speadi_chunk_entry {
    uint64_t offset, bytes, received;
    uint64_t counter;
    uint16_t source;
    uint8_t state; /* enum speadi_chunk_entry_state */
    bool regular;
};

struct spead_chunk {
    atomic_uint references;
    int64_t id;
    struct speadi_chunk_layout layout;
    struct speadi_block *block;
    uint8_t *data;   /* NULL if the CPU cannot touch it */
    uint64_t offset; /* of the chunk in the memory of all chunks */
    uint8_t *present;
    uint8_t *extra;
    struct speadi_chunk_entry *entry; /* array [present_count] */
    struct spead_chunk_gap *gaps;     /* array [gaps_max] */
    struct speadi_span *odd;          /* array [present_count] */
    struct spead_count *count;        /* array [source_count]: packets of its ended heaps */
    uint32_t present_set;             /* entries of `present` that are 1 */
    uint32_t gap_count, odd_count;
    uint32_t ended;                            /* heaps that have ended */
    uint32_t heaps_complete, heaps_incomplete; /* those of them that are in the chunk */
    uint32_t writers;                          /* heaps that have claimed a place and not ended */
    uint64_t claimed_bytes;                    /* bytes of the places that heaps have claimed */
    uint64_t received, packets;
    uint64_t first_ns, last_ns, clock_error_ns; /* first_ns is 0 before the first heap has ended */
    uint64_t opened_ns; /* when the first heap claimed a place; see has_opened */
    bool has_opened;
    bool closed;              /* it has left the window */
    bool failed;              /* an operation on its memory failed */
    uint8_t clock;            /* enum spead_clock */
    struct spead_chunk *next; /* in the list of chunks that have left the window */
};

/* Computes the offsets from the other fields. */
void speadi_chunk_layout_init(struct speadi_chunk_layout *layout);

/* Makes an empty chunk in a block of the pool of chunks. `data` is its memory, or NULL. */
struct spead_chunk *speadi_chunk_open(struct speadi_block *block,
                                      const struct speadi_chunk_layout *layout, uint8_t *data,
                                      uint64_t id);

/* Tells whether all entries of `present` are set. */
static inline bool speadi_chunk_is_whole(const struct spead_chunk *chunk)
{
    return chunk->present_set == chunk->layout.present_count;
}

/* Makes the chunk ready for the consumer. It has one reference then, and the core must not write to it any more. */
static inline void speadi_chunk_share(struct spead_chunk *chunk)
{
    /* Relaxed is enough: the channel hands the chunk over with release and acquire. */
    atomic_store_explicit(&chunk->references, 1, memory_order_relaxed);
}

/* ---- chunk_places.c: places --------------------------------------------------------------------- */

/* A place for a heap of `bytes` bytes. */
struct speadi_chunk_range {
    uint64_t index, offset, bytes;
};

/* Tells whether the place is inside of the bounds of a chunk. No value of the range is trusted. */
bool speadi_chunk_has_place(const struct speadi_chunk_layout *layout,
                            const struct speadi_chunk_range *range);

/* Tells whether no heap has an entry or a byte of this place, which must be inside of the bounds. */
bool speadi_chunk_is_free(const struct spead_chunk *chunk, const struct speadi_chunk_range *range);

/* Gives the place, which must be free, to a heap. The chunk has one more writer. */
void speadi_chunk_claim(struct spead_chunk *chunk, const struct speadi_chunk_range *range,
                        uint64_t counter, uint32_t source);

/* ---- chunk_ends.c: heaps that end --------------------------------------------------------------- */

/* Takes over what the consumer needs of an ended heap. Its claim has the entry `index`. `scratch` has room for
 * scratch_max gaps, at least as many as a heap can have. The chunk has one writer less. */
void speadi_chunk_heap_ended(struct spead_chunk *chunk, uint32_t index,
                             const struct spead_heap *heap, struct spead_gap *scratch,
                             size_t scratch_max);

/* Says that nothing of the heap is in the chunk after all. The chunk has one writer less. */
void speadi_chunk_heap_dropped(struct spead_chunk *chunk, uint32_t index);

/* ---- chunk_fill.c: bytes that are missing ------------------------------------------------------ */

/* Sets the bytes [from, end) of the chunk to this value. Returns 0, or the -errno of an operation on memory that the CPU
 * cannot touch. */
int speadi_chunk_fill(struct spead_chunk *chunk, struct speadi_heap_memory *memory, uint64_t from,
                      uint64_t end, uint8_t byte);

/* Sets the bytes of an incomplete heap, which lies at this offset, that have not arrived. */
int speadi_chunk_fill_holes(struct spead_chunk *chunk, struct speadi_heap_memory *memory,
                            uint64_t offset, const struct spead_heap *heap, uint8_t byte);

/* Sets the bytes that no heap has claimed. The chunk must have no writers. */
int speadi_chunk_fill_unclaimed(struct spead_chunk *chunk, struct speadi_heap_memory *memory,
                                uint8_t byte);

#endif
