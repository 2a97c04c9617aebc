/* SPDX-License-Identifier: Apache-2.0 */
/* Chunk streams: what becomes of heaps that have ended, and of chunks that have left the window. */
#include <speadi/clock.h>
#include <speadi/numbers.h>

#include "recv_stream.h"

/* While no chunk is free, the owner thread looks again after this time. The consumer does not wake it. */
#define LOOK_AGAIN_NS 100000u

/* ---- Chunks -------------------------------------------------------------------------------- */

/* Gives the missing bytes their value, and makes all bytes visible to the device of the memory. */
static int finish_chunk(struct spead_recv_stream *stream, struct spead_chunk *chunk)
{
    const struct spead_chunk_config *config = &stream->chunks->config;
    int ret = chunk->failed ? -1 : 0;

    if (ret == 0 && !config->keep_unwritten)
        ret = speadi_chunk_fill_unclaimed(chunk, &stream->memory, config->fill_byte);
    if (ret == 0 && stream->memory.ops)
        ret = speadi_heap_memory_flush(&stream->memory, chunk->offset, chunk->layout.chunk_bytes);
    return ret;
}

static void drop_chunk(struct spead_recv_stream *stream, struct spead_chunk *chunk)
{
    stream->tally.totals->heaps_region_error += chunk->heaps_complete + chunk->heaps_incomplete;
    speadi_recv_move_chunk(stream, chunk, SPEAD_RECV_LIVE, SPEAD_RECV_REGION_ERROR);
    speadi_block_release(chunk->block);
}

void speadi_recv_chunks_left(struct spead_recv_stream *stream)
{
    struct spead_chunk *chunk;

    while ((chunk = speadi_chunk_window_next_left(stream->chunks)) != NULL) {
        struct spead_message message = {
            .reference = (uintptr_t)chunk,
            .length = chunk->layout.chunk_bytes,
            .time_ns = chunk->first_ns,
            .key = (uint64_t)chunk->id,
            .type = stream->chunks->message_type,
            .flags = speadi_chunk_is_whole(chunk) ? 0 : SPEAD_MESSAGE_INCOMPLETE,
        };

        if (finish_chunk(stream, chunk) < 0)
            drop_chunk(stream, chunk);
        else
            speadi_outlet_add_message(&stream->outlet, &message);
    }
}

/* The oldest chunks leave if all their heaps are present. */
static void close_full(struct spead_recv_stream *stream)
{
    struct speadi_chunk_window *window = stream->chunks;
    const struct spead_chunk *chunk;

    while (window->first < window->end &&
           (chunk = *speadi_chunk_window_at(window, window->first)) != NULL &&
           speadi_chunk_is_whole(chunk) && chunk->writers == 0)
        (void)speadi_chunk_window_close_first(window);
    speadi_recv_chunks_left(stream);
}

/* ---- Heaps --------------------------------------------------------------------------------- */

void speadi_recv_release_region(struct spead_recv_stream *stream, struct speadi_block *region)
{
    if (__builtin_expect(stream->chunks != NULL, 0) && stream->chunks->slots[region->index].chunk)
        speadi_chunk_window_unaim(stream->chunks, region);
    speadi_block_release(region);
}

/* Takes a heap out of its chunk: nothing of it may stay there. */
static void drop_heap(struct spead_recv_stream *stream, const struct speadi_live_heap *live,
                      enum spead_recv_bucket bucket)
{
    const struct spead_chunk_config *config = &stream->chunks->config;
    const struct speadi_chunk_slot *slot = &stream->chunks->slots[live->heap.region->index];
    uint64_t from = slot->range.offset;

    if (!config->keep_unwritten &&
        speadi_chunk_fill(slot->chunk, &stream->memory, from, from + slot->range.bytes,
                          config->fill_byte) < 0)
        slot->chunk->failed = true;
    speadi_chunk_heap_dropped(slot->chunk, (uint32_t)slot->range.index);
    speadi_recv_move_heap(stream, live, SPEAD_RECV_LIVE, bucket);
}

static int fill_holes(struct spead_recv_stream *stream, const struct speadi_live_heap *live,
                      const struct speadi_chunk_slot *slot)
{
    const struct spead_chunk_config *config = &stream->chunks->config;

    if (live->heap.complete || config->keep_unwritten)
        return 0;
    return speadi_chunk_fill_holes(slot->chunk, &stream->memory, slot->range.offset, &live->heap,
                                   config->fill_byte);
}

static void keep_heap(struct spead_recv_stream *stream, const struct speadi_live_heap *live,
                      const struct speadi_chunk_slot *slot)
{
    struct speadi_chunk_window *window = stream->chunks;
    struct spead_count *counts = &slot->chunk->count[live->first_source];

    speadi_chunk_heap_ended(slot->chunk, (uint32_t)slot->range.index, &live->heap, window->scratch,
                            window->scratch_max);
    for (uint32_t i = 0; i < stream->layout.source_count; i++)
        speadi_ledger_add(&counts[i], live->count[i].packets, live->count[i].bytes);
}

void speadi_recv_leave_to_chunk(struct spead_recv_stream *stream, struct speadi_live_heap *live)
{
    const struct speadi_chunk_slot *slot = &stream->chunks->slots[live->heap.region->index];

    if (speadi_live_heap_is_control(live)) {
        drop_heap(stream, live, SPEAD_RECV_CONTROL);
    } else if (live->memory_failed || fill_holes(stream, live, slot) < 0) {
        stream->tally.totals->heaps_region_error++;
        drop_heap(stream, live, SPEAD_RECV_REGION_ERROR);
    } else {
        keep_heap(stream, live, slot);
    }
    speadi_recv_release_region(stream, live->heap.region);
    close_full(stream);
}

/* ---- Without a free chunk ------------------------------------------------------------------ */

bool speadi_recv_starves(struct spead_recv_stream *stream)
{
    struct speadi_chunk_window *window = stream->chunks;

    if (window->starving &&
        (speadi_chunk_window_free(window) > 0 || !speadi_recv_waits_for_room(stream)))
        window->starving = false;
    return window->starving;
}

void speadi_recv_wait_for_chunk(struct spead_recv_stream *stream, uint64_t deadline_ns)
{
    uint64_t again = speadi_clock_mono_ns() + LOOK_AGAIN_NS;

    speadi_wake_fd_wait(&stream->outlet.stop_wake, NULL, 0, 0, speadi_min_u64(again, deadline_ns));
}

static void count_shortage(struct spead_recv_stream *stream)
{
    struct speadi_chunk_window *window = stream->chunks;

    if (!window->is_short)
        return;
    stream->tally.totals->chunk_shortage_ns += stream->now_ns - window->short_ns;
    window->short_ns = stream->now_ns;
    window->is_short = speadi_chunk_window_free(window) == 0;
}

void speadi_recv_publish_chunks(struct spead_recv_stream *stream)
{
    struct speadi_chunk_window *window = stream->chunks;
    struct spead_recv_counters *totals = stream->tally.totals;

    count_shortage(stream);
    totals->chunks_free = speadi_chunk_window_free(window);
    totals->chunks_free_least = speadi_min_u64(totals->chunks_free_least, totals->chunks_free);
    totals->chunks_open = window->left_count;
    for (uint64_t id = window->first; id < window->end; id++)
        totals->chunks_open += *speadi_chunk_window_at(window, id) != NULL;
    for (uint32_t i = 0; i < window->config.counter_count; i++)
        /* relaxed: no other data depends on these counters */
        atomic_store_explicit(&window->published[i], window->counters[i], memory_order_relaxed);
}
