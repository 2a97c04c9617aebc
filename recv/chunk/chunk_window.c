/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the chunks of a stream. See chunk_window.h. */
#include "chunk_window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/numbers.h>

/* ---- Making and unmaking ------------------------------------------------------------------- */

static int copy_names(struct speadi_chunk_window *window)
{
    const struct spead_chunk_config *c = &window->config;

    if (!c->counter_names || c->counter_count == 0)
        return 0;
    window->counter_names = calloc(c->counter_count, sizeof *window->counter_names);
    if (!window->counter_names)
        return -ENOMEM;
    for (uint32_t i = 0; i < c->counter_count; i++) {
        window->counter_names[i] = strdup(c->counter_names[i] ? c->counter_names[i] : "");
        if (!window->counter_names[i])
            return -ENOMEM;
    }
    return 0;
}

static int copy_buffers(struct speadi_chunk_window *window)
{
    const struct spead_chunk_config *c = &window->config;

    if (!c->buffers)
        return 0;
    window->buffers = calloc(c->chunk_count, sizeof *window->buffers);
    if (!window->buffers)
        return -ENOMEM;
    for (uint32_t i = 0; i < c->chunk_count; i++)
        window->buffers[i] = c->buffers[i];
    return 0;
}

int speadi_chunk_window_init(struct speadi_chunk_window *window,
                             const struct spead_chunk_config *config, uint32_t source_count,
                             uint32_t stream, size_t gaps_of_heap_max)
{
    *window = (struct speadi_chunk_window){.config = *config};
    window->layout = (struct speadi_chunk_layout){
        .chunk_bytes = config->chunk_bytes,
        .present_count = config->present_count,
        .extra_bytes = config->extra_bytes,
        .packet_bytes = config->packet_presence_bytes,
        .gaps_max = config->gaps_max,
        .source_count = source_count,
        .stream = stream,
    };
    speadi_chunk_layout_init(&window->layout);
    if (config->item_count > 0)
        memcpy(window->items, config->items, config->item_count * sizeof *window->items);
    window->scratch_max = gaps_of_heap_max;
    window->open = calloc(config->window, sizeof(struct spead_chunk *));
    window->extra = calloc(1, config->extra_bytes + 1);
    window->scratch = calloc(gaps_of_heap_max, sizeof *window->scratch);
    if (!window->open || !window->extra || !window->scratch || copy_names(window) < 0 ||
        copy_buffers(window) < 0)
        return -ENOMEM;
    window->config.items = window->items;
    window->config.buffers = NULL;
    window->config.counter_names = NULL;
    return 0;
}

int speadi_chunk_window_make_slots(struct speadi_chunk_window *window, uint32_t count)
{
    window->slot_count = count;
    window->slots = calloc(count, sizeof *window->slots);
    return window->slots ? 0 : -ENOMEM;
}

static void release_chunks(struct speadi_chunk_window *window)
{
    for (; window->first < window->end; window->first++) {
        struct spead_chunk *chunk = *speadi_chunk_window_at(window, window->first);

        if (chunk)
            speadi_block_release(chunk->block);
    }
    for (struct spead_chunk *chunk = window->oldest_left, *next; chunk; chunk = next) {
        next = chunk->next;
        speadi_block_release(chunk->block);
    }
}

void speadi_chunk_window_release(struct speadi_chunk_window *window)
{
    if (window->open)
        release_chunks(window);
    for (uint32_t i = 0; window->counter_names && i < window->config.counter_count; i++)
        free(window->counter_names[i]);
    free(window->counter_names);
    free(window->buffers);
    free(window->open);
    free(window->extra);
    free(window->scratch);
    free(window->slots);
    speadi_pool_unref(window->pool);
    *window = (struct speadi_chunk_window){0};
}

uint64_t speadi_chunk_window_bytes(const struct speadi_chunk_window *window)
{
    return sizeof *window + window->config.window * sizeof *window->open +
           window->config.extra_bytes + window->scratch_max * sizeof *window->scratch +
           window->slot_count * sizeof *window->slots;
}

/* ---- Opening and closing ------------------------------------------------------------------- */

struct spead_chunk *speadi_chunk_window_supply(struct speadi_chunk_window *window, uint64_t id)
{
    struct spead_chunk **at = speadi_chunk_window_at(window, id);
    struct speadi_block *block;

    if (*at)
        return *at;
    block = speadi_pool_take(window->pool);
    if (block)
        *at = speadi_chunk_open(block, &window->layout,
                                window->buffers ? window->buffers[block->index] : block->data, id);
    return *at;
}

void speadi_chunk_window_open_next(struct speadi_chunk_window *window)
{
    uint64_t id = window->end++;

    *speadi_chunk_window_at(window, id) = NULL;
    (void)speadi_chunk_window_supply(window, id);
}

struct spead_chunk *speadi_chunk_window_close_first(struct speadi_chunk_window *window)
{
    struct spead_chunk *chunk = *speadi_chunk_window_at(window, window->first++);

    if (!chunk)
        return NULL;
    chunk->closed = true;
    chunk->next = NULL;
    if (window->newest_left)
        window->newest_left->next = chunk;
    else
        window->oldest_left = chunk;
    window->newest_left = chunk;
    window->left_count++;
    return chunk;
}

struct spead_chunk *speadi_chunk_window_next_left(struct speadi_chunk_window *window)
{
    struct spead_chunk *chunk = window->oldest_left;

    if (!chunk || chunk->writers > 0)
        return NULL;
    window->oldest_left = chunk->next;
    if (!chunk->next)
        window->newest_left = NULL;
    window->left_count--;
    return chunk;
}

/* ---- Memory of heaps ----------------------------------------------------------------------- */

void speadi_chunk_window_aim(struct speadi_chunk_window *window, struct speadi_block *block,
                             struct spead_chunk *chunk, const struct speadi_chunk_range *range)
{
    struct speadi_chunk_slot *slot = &window->slots[block->index];

    *slot = (struct speadi_chunk_slot){
        .chunk = chunk,
        .range = *range,
        .data = block->data,
        .offset = block->offset,
        .bytes = block->bytes,
        .charged_bytes = block->charged_bytes,
    };
    block->data = chunk->data ? chunk->data + range->offset : NULL;
    block->offset = chunk->offset + range->offset;
    block->bytes = block->charged_bytes = range->bytes;
}

void speadi_chunk_window_unaim(struct speadi_chunk_window *window, struct speadi_block *block)
{
    struct speadi_chunk_slot *slot = &window->slots[block->index];

    block->data = slot->data;
    block->offset = slot->offset;
    block->bytes = slot->bytes;
    block->charged_bytes = slot->charged_bytes;
    slot->chunk = NULL;
}
