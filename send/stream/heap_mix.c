/* SPDX-License-Identifier: Apache-2.0 */
/* Heaps whose packets leave by turns. */
#include "heap_mix.h"

#include <errno.h>
#include <stdlib.h>

int speadi_mixed_heaps_init(struct speadi_mixed_heaps *heaps, const struct speadi_heap_queue *queue)
{
    *heaps = (struct speadi_mixed_heaps){.mask = queue->mask,
                                         .bytes = (size_t)(queue->mask + 1) * sizeof *heaps->heap};
    heaps->heap = calloc(1, heaps->bytes);
    return heaps->heap ? 0 : -ENOMEM;
}

void speadi_mixed_heaps_release(struct speadi_mixed_heaps *heaps)
{
    free(heaps->heap);
    heaps->heap = NULL;
}

void speadi_mixed_heap_prepare(struct speadi_mixed_heap *heap)
{
    *heap = (struct speadi_mixed_heap){0};
}

void speadi_mix_begin(struct speadi_mix_walk *walk, const struct speadi_mixed_heaps *heaps,
                      uint64_t first, const struct speadi_heap_entry *entry)
{
    const uint32_t count = speadi_heap_entry_mix_count(entry);

    *walk = (struct speadi_mix_walk){.walker = walk->walker,
                                     .order = (enum speadi_mix_order)entry->mix_order,
                                     .first = first,
                                     .count = count,
                                     .unfinished = count,
                                     .before = count - 1};
    for (uint32_t i = 0; i < count; i++)
        speadi_mixed_heap_at(heaps, first + i)->next[walk->walker] = i + 1 < count ? i + 1 : 0;
}

struct speadi_mix_run speadi_mix_next(const struct speadi_mix_walk *walk,
                                      const struct speadi_mixed_heaps *heaps,
                                      const struct speadi_heap_queue *queue)
{
    const uint64_t position = walk->first + walk->at;
    struct speadi_mix_run run = {.position = position,
                                 .entry = speadi_heap_queue_at(queue, position),
                                 .mixed = speadi_mixed_heap_at(heaps, position),
                                 .packets = 1};
    const uint64_t rest = speadi_heap_entry_packets(run.entry) - run.mixed->passed[walk->walker];

    if (walk->order == SPEADI_MIX_LAST_PACKETS_LAST)
        run.packets = walk->in_last_packets ? 1 : rest - 1;
    else if (walk->unfinished == 1)
        run.packets = rest;
    return run;
}

/* Goes on behind packets of the heap at walk->at, of which `rest` packets are left. */
static void go_round(struct speadi_mix_walk *walk, const struct speadi_mixed_heaps *heaps,
                     const struct speadi_mix_run *run, uint64_t rest)
{
    const uint32_t next = run->mixed->next[walk->walker];

    if (rest == 0) {
        speadi_mixed_heap_at(heaps, walk->first + walk->before)->next[walk->walker] = next;
        walk->unfinished--;
    } else {
        walk->before = walk->at;
    }
    walk->at = next;
}

/* The same for SPEADI_MIX_LAST_PACKETS_LAST. */
static void go_along(struct speadi_mix_walk *walk, uint64_t rest)
{
    if (!walk->in_last_packets && rest > 1)
        return;
    walk->unfinished -= walk->in_last_packets;
    if (++walk->at == walk->count) {
        walk->at = 0;
        walk->in_last_packets = true;
    }
}

void speadi_mix_pass(struct speadi_mix_walk *walk, const struct speadi_mixed_heaps *heaps,
                     const struct speadi_mix_run *run, uint64_t packets)
{
    uint64_t rest;

    if (packets == 0)
        return;
    run->mixed->passed[walk->walker] += packets;
    rest = speadi_heap_entry_packets(run->entry) - run->mixed->passed[walk->walker];
    if (walk->order == SPEADI_MIX_LAST_PACKETS_LAST)
        go_along(walk, rest);
    else
        go_round(walk, heaps, run, rest);
}
