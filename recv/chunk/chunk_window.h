/* SPDX-License-Identifier: Apache-2.0 */
/* The chunks of a stream: those that are open, those that have left the window and wait for posted receives, and those
 * that are free. The rest is with the consumer.
 *
 * Open are the ids [first, end), at most `window` of them. The open chunk with an id may lack memory: then no heap of it
 * is accepted until a chunk is free. Only the owner thread calls these functions, except init and release. */
#ifndef SPEADI_CHUNK_WINDOW_H
#define SPEADI_CHUNK_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/message.h>
#include <speadline/node.h>
#include <speadline/recv_chunk.h>

#include "chunk.h"

/* What a block of the pool of heaps was before its memory became a part of a chunk, and whose part it is. */
struct speadi_chunk_slot {
    struct spead_chunk *chunk; /* NULL: the block has its own memory */
    struct speadi_chunk_range range;
    uint8_t *data;
    uint64_t offset;
    size_t bytes, charged_bytes;
    bool claimed;
};

/* What the place function has answered about a heap. */
struct speadi_chunk_answer {
    int64_t id;
    struct speadi_chunk_range range;
    /* The heap that the answer is for, if the stream will ask again because it has paused. */
    bool kept;
    uint32_t sender;
    uint64_t counter;
};

struct speadi_chunk_window {
    /* of the user; its pointers to borrowed memory are NULL after create() */
    struct spead_chunk_config config;
    struct speadi_chunk_layout layout;
    struct speadi_pool *pool;
    struct spead_region_arena arena; /* copy of that of the user, if there is one */
    uint8_t **buffers;               /* copy of those of the user, or NULL */
    uint64_t items[SPEAD_CHUNK_ITEMS_MAX];
    char **counter_names;
    uint64_t counters[SPEAD_CHUNK_COUNTERS_MAX];
    /* The same, for other threads. relaxed: no other data depends on them. */
    _Atomic uint64_t published[SPEAD_CHUNK_COUNTERS_MAX];

    struct spead_chunk *
        *open; /* array [window]: the chunk with an id is at id % window; NULL: it has no memory */
    uint64_t first, end;
    bool begun;             /* a chunk was opened */
    bool starving;          /* the stream pauses because a heap needs a chunk and none is free */
    bool is_short;          /* a heap has needed a chunk, and none has been free since */
    uint64_t short_ns;      /* until this time the shortage is counted */
    uint64_t told_short_ns; /* what the node of the stream has told its graph of the shortage */
    /* chunks that have left the window, in order of their ids, and are not in the outlet yet */
    struct spead_chunk *oldest_left, *newest_left;
    uint32_t left_count;

    struct speadi_chunk_slot *slots; /* array, by the index of the block of a heap */
    uint32_t slot_count;
    struct speadi_chunk_answer answer;
    uint8_t *extra;            /* what the place function has written of the heap in `answer` */
    struct spead_gap *scratch; /* for the gaps of one heap */
    size_t scratch_max;
    uint16_t message_type;
    struct spead_port port;             /* of the stream as a node */
    bool said_no_chunk, said_bad_place; /* the log has a line about it */
    bool said_taken;
};

/* Copies what the window needs of a configuration that speadi_chunk_config_read() has filled. Returns 0 or -ENOMEM;
 * speadi_chunk_window_release() must be called in both cases. Control plane. */
int speadi_chunk_window_init(struct speadi_chunk_window *window,
                             const struct spead_chunk_config *config, uint32_t source_count,
                             uint32_t stream, size_t gaps_of_heap_max);

/* Makes the room for what is known of each block of the pool of heaps. Returns 0 or -ENOMEM. Control plane. */
int speadi_chunk_window_make_slots(struct speadi_chunk_window *window, uint32_t count);

/* Releases the chunks that the consumer has not got, and all that the window has allocated. Chunks that the consumer
 * holds keep the pool alive. Control plane. */
void speadi_chunk_window_release(struct speadi_chunk_window *window);

/* Returns the bytes that the window has allocated besides its pool. */
uint64_t speadi_chunk_window_bytes(const struct speadi_chunk_window *window);

static inline struct spead_chunk **speadi_chunk_window_at(struct speadi_chunk_window *window,
                                                          uint64_t id)
{
    return &window->open[id % window->config.window];
}

/* Gives memory to the open chunk with this id, if it has none and if a chunk is free. Returns the chunk, or NULL. */
struct spead_chunk *speadi_chunk_window_supply(struct speadi_chunk_window *window, uint64_t id);

/* Opens the id `end`, for which the window must have room. */
void speadi_chunk_window_open_next(struct speadi_chunk_window *window);

/* Takes the chunk with the id `first` out of the window, and puts it behind the chunks that have left. Returns it, or
 * NULL if it never got memory. */
struct spead_chunk *speadi_chunk_window_close_first(struct speadi_chunk_window *window);

/* Removes and returns the oldest chunk that has left, if no heap writes into it any more. */
struct spead_chunk *speadi_chunk_window_next_left(struct speadi_chunk_window *window);

/* Returns how many chunks are free. */
static inline uint32_t speadi_chunk_window_free(const struct speadi_chunk_window *window)
{
    return window->config.chunk_count - speadi_pool_out_blocks(window->pool);
}

/* Lets the memory of a block of the pool of heaps be a part of a chunk, and gives it its own memory back. */
void speadi_chunk_window_aim(struct speadi_chunk_window *window, struct speadi_block *block,
                             struct spead_chunk *chunk, const struct speadi_chunk_range *range);
void speadi_chunk_window_unaim(struct speadi_chunk_window *window, struct speadi_block *block);

#endif
