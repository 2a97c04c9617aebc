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
                      uint64_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        speadi_mixed_heap_at(heaps, first + i)->next[walk->walker] = i + 1 < count ? i + 1 : 0;
    walk->first = first;
    walk->unfinished = count;
    walk->at = 0;
    walk->before = count - 1;
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

    if (walk->unfinished == 1)
        run.packets = run.entry->shape.packets - run.mixed->passed[walk->walker];
    return run;
}

void speadi_mix_pass(struct speadi_mix_walk *walk, const struct speadi_mixed_heaps *heaps,
                     const struct speadi_mix_run *run, uint64_t packets)
{
    const uint32_t next = run->mixed->next[walk->walker];

    if (packets == 0)
        return;
    run->mixed->passed[walk->walker] += packets;
    if (run->mixed->passed[walk->walker] == run->entry->shape.packets) {
        speadi_mixed_heap_at(heaps, walk->first + walk->before)->next[walk->walker] = next;
        walk->unfinished--;
    } else {
        walk->before = walk->at;
    }
    walk->at = next;
}
