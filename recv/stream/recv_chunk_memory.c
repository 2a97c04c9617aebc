/* SPDX-License-Identifier: Apache-2.0 */
/* Chunk streams: makes the window of chunks, their memory, and the pool of heaps that write into it. */
#include <errno.h>
#include <stdlib.h>

#include <speadi/err.h>
#include <speadi/free_memory.h>
#include <speadi/numbers.h>
#include <speadi/page_size.h>

#include "chunk_config.h"
#include "recv_config.h"
#include "recv_stream.h"

/* Receives are posted into at most this many heaps at a time. */
#define TARGETS_MAX 16u

/* A heap has at most this many gaps: one behind each range, and each range of refused packets splits one. */
static size_t gaps_of_heap_max(const struct spead_recv_stream *stream)
{
    return (size_t)stream->layout.ranges_max + 2 * (size_t)stream->layout.refused_max + 4;
}

int speadi_recv_make_chunks(struct spead_recv_stream *stream, struct spead_err *err)
{
    struct spead_chunk_config config;
    int ret = speadi_chunk_config_read(&config, stream->config.chunks, err);

    if (ret < 0)
        return ret;
    stream->chunks = calloc(1, sizeof *stream->chunks);
    if (!stream->chunks ||
        speadi_chunk_window_init(stream->chunks, &config, stream->source_count,
                                 stream->config.message_stream, gaps_of_heap_max(stream)) < 0)
        return speadi_err_set(err, -ENOMEM, "no memory for the window of chunks");
    stream->chunks->message_type = (uint16_t)spead_chunk_message_type();
    stream->chunks->port =
        (struct spead_port){.name = "chunks", .type = stream->chunks->message_type};
    if (!config.arena)
        return 0;
    stream->chunks->config.arena = &stream->chunks->arena;
    return speadi_region_arena_read(&stream->chunks->arena, config.arena, err);
}

/* Refuses chunks that need more memory than the stream may use. All of it is in use from the start. */
static int check_limit(const struct spead_recv_stream *stream, uint64_t bytes,
                       struct spead_err *err)
{
    const struct spead_chunk_config *c = &stream->chunks->config;
    char need[SPEADI_BYTES_TEXT_MAX];

    if (c->arena && c->arena->bytes < bytes)
        return speadi_err_field(err, -EINVAL, "chunks.arena",
                                ": %u chunks of %llu bytes, each in whole pages, need %llu bytes, "
                                "not %zu",
                                c->chunk_count, (unsigned long long)c->chunk_bytes,
                                (unsigned long long)bytes, c->arena->bytes);
    if (c->arena || stream->chunks->buffers || stream->limit.bytes == 0 ||
        bytes <= stream->limit.bytes)
        return 0;
    return speadi_err_field(err, -ENOMEM, "chunks.chunk_count",
                            " %u: these chunks take %s, and the limit is %s: make fewer or smaller "
                            "chunks, or raise memory_bytes_max",
                            c->chunk_count, speadi_bytes_text(need, bytes), stream->limit.text);
}

/* The blocks of the pool of heaps have tables, and an address that no heap ever uses. */
static int make_heap_pool(struct spead_recv_stream *stream, uint32_t count, struct spead_err *err)
{
    const struct speadi_pool_config pool = {
        .block_count = count, .block_bytes = 1, .meta_bytes = stream->layout.meta_bytes};
    int ret = speadi_pool_create(&stream->pool, &pool, err);

    if (ret == 0 && speadi_chunk_window_make_slots(stream->chunks, count) < 0)
        ret = speadi_err_set(err, -ENOMEM, "no memory for %u live heaps", count);
    return ret;
}

int speadi_recv_make_chunk_pools(struct spead_recv_stream *stream, struct spead_err *err)
{
    struct speadi_chunk_window *window = stream->chunks;
    const struct spead_chunk_config *c = &window->config;
    const uint64_t live = speadi_recv_config_live_blocks(&stream->config);
    const uint64_t each = speadi_round_up(c->chunk_bytes, speadi_pages_size());
    const uint64_t heaps = live + TARGETS_MAX + 1;
    const struct speadi_pool_config pool = {
        .block_count = c->chunk_count,
        .block_bytes = window->buffers ? 1 : c->chunk_bytes,
        .meta_bytes = window->layout.meta_bytes,
        .pinned = !c->arena,
        .arena = c->arena,
    };
    int ret = check_limit(stream, c->chunk_count * each, err);

    if (ret < 0)
        return ret;
    if (heaps > SPEADI_POOL_BLOCKS_MAX)
        return speadi_err_range(err, "live_heaps_max", stream->config.live_heaps_max, 1,
                                SPEADI_POOL_BLOCKS_MAX - TARGETS_MAX - 1);
    stream->regions = (struct speadi_region_plan){
        .class_count = 1,
        .block_bytes = {c->chunk_bytes},
        .ring = {c->chunk_count - c->window},
        .blocks = {c->chunk_count},
        .aside = {stream->aside_count > 0 ? TARGETS_MAX : 0},
        .live = c->window,
        .memory_bytes = c->chunk_count * each,
    };
    ret = make_heap_pool(stream, (uint32_t)heaps, err);
    return ret == 0 ? speadi_pool_create(&window->pool, &pool, err) : ret;
}

void speadi_recv_drop_chunk_pools(struct spead_recv_stream *stream)
{
    speadi_pool_unref(stream->chunks->pool);
    stream->chunks->pool = NULL;
    free(stream->chunks->slots);
    stream->chunks->slots = NULL;
}

void speadi_recv_warm_chunks(struct spead_recv_stream *stream)
{
    struct speadi_chunk_window *window = stream->chunks;
    struct speadi_block *taken = NULL, *block;

    stream->tally.totals->chunks_free_least = window->config.chunk_count;
    if (window->config.arena || window->buffers || stream->config.plan_only)
        return;
    while ((block = speadi_pool_take(window->pool)) != NULL) {
        /* if populating fails, the chunk stays as it was */
        (void)speadi_block_populate(block, block->bytes);
        block->annex = NULL;
        block->next = taken;
        taken = block;
    }
    while (taken) {
        block = taken;
        taken = block->next;
        speadi_block_release(block);
    }
}
