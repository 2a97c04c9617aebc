/* Remembers heaps that have ended. See finished.h. */
#include "finished.h"

#include <errno.h>
#include <stdlib.h>

int speadi_finished_init(struct speadi_finished *finished, uint32_t substream_count,
                         uint32_t per_substream)
{
    *finished = (struct speadi_finished){.substream_count = substream_count,
                                         .per_substream = per_substream};
    finished->heap = calloc((size_t)substream_count * per_substream, sizeof *finished->heap);
    finished->next = calloc(substream_count, sizeof *finished->next);
    if (!finished->heap || !finished->next ||
        speadi_counter_map_init(&finished->map, substream_count * per_substream) < 0) {
        speadi_finished_release(finished);
        return -ENOMEM;
    }
    return 0;
}

void speadi_finished_release(struct speadi_finished *finished)
{
    free(finished->heap);
    free(finished->next);
    speadi_counter_map_release(&finished->map);
    *finished = (struct speadi_finished){0};
}

static void forget_one(struct speadi_finished *finished, struct speadi_finished_heap *heap)
{
    speadi_counter_map_remove(&finished->map, heap->counter);
    heap->used = false;
    finished->count--;
}

void speadi_finished_add(struct speadi_finished *finished, uint64_t counter, bool complete,
                         uint64_t missing, uint64_t now_ns)
{
    uint32_t substream = (uint32_t)(counter % finished->substream_count);
    uint32_t index = substream * finished->per_substream + finished->next[substream];
    uint32_t before = speadi_counter_map_find(&finished->map, counter);
    struct speadi_finished_heap *heap = &finished->heap[index];

    if (before != SPEADI_COUNTER_NONE) /* an earlier heap had the same counter */
        forget_one(finished, &finished->heap[before]);
    if (heap->used)
        forget_one(finished, heap);
    *heap = (struct speadi_finished_heap){.counter = counter,
                                          .time_ns = now_ns,
                                          .missing = missing,
                                          .complete = complete,
                                          .used = true};
    speadi_counter_map_insert(&finished->map, counter, index);
    finished->count++;
    if (++finished->next[substream] == finished->per_substream)
        finished->next[substream] = 0;
}

struct speadi_finished_heap *speadi_finished_find(const struct speadi_finished *finished,
                                                  uint64_t counter, uint64_t now_ns)
{
    uint32_t index = speadi_counter_map_find(&finished->map, counter);

    if (index == SPEADI_COUNTER_NONE ||
        now_ns - finished->heap[index].time_ns > SPEADI_FINISHED_FORGET_NS)
        return NULL;
    return &finished->heap[index];
}

void speadi_finished_forget(struct speadi_finished *finished)
{
    size_t count = (size_t)finished->substream_count * finished->per_substream;

    /* Anyone can send control items at a high rate. So this function must be cheap when there is nothing to forget. */
    if (finished->count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        finished->heap[i].used = false;
    speadi_counter_map_clear(&finished->map);
    finished->count = 0;
}
