/* SPDX-License-Identifier: Apache-2.0 */
/* The automatic heap counters of a stream. */
#include "heap_counters.h"

#include <errno.h>
#include <string.h>

void speadi_heap_counters_init(struct speadi_heap_counters *counters, uint64_t first, uint64_t step)
{
    *counters =
        (struct speadi_heap_counters){.next = first, .step = step, .changed_at = UINT64_MAX};
    pthread_mutex_init(&counters->lock, NULL);
}

void speadi_heap_counters_release(struct speadi_heap_counters *counters)
{
    pthread_mutex_destroy(&counters->lock);
}

/* The caller holds the lock. COUNTER1 release: the owner thread sees the oldest change when it sees its position. */
static void show_oldest(struct speadi_heap_counters *counters)
{
    atomic_store_explicit(&counters->changed_at,
                          counters->count ? counters->change[0].position : UINT64_MAX,
                          memory_order_release);
}

int speadi_heap_counters_change(struct speadi_heap_counters *counters,
                                const struct speadi_heap_queue *queue, uint64_t next, uint64_t step)
{
    struct speadi_counter_change change = {.next = next, .step = step};
    int ret = 0;

    pthread_mutex_lock(&counters->lock);
    change.position = speadi_heap_queue_accepted(queue);
    if (counters->count && counters->change[counters->count - 1].position == change.position)
        counters->count--; /* no heap has come after that change, so this one replaces it */
    if (counters->count == SPEADI_COUNTER_CHANGES_MAX)
        ret = -EAGAIN;
    else
        counters->change[counters->count++] = change;
    show_oldest(counters);
    pthread_mutex_unlock(&counters->lock);
    return ret;
}

void speadi_heap_counters_apply(struct speadi_heap_counters *counters, uint64_t position)
{
    unsigned applied = 0;

    pthread_mutex_lock(&counters->lock);
    for (; applied < counters->count && counters->change[applied].position <= position; applied++) {
        counters->next = counters->change[applied].next;
        counters->step = counters->change[applied].step;
    }
    counters->count -= applied;
    memmove(counters->change, counters->change + applied,
            counters->count * sizeof *counters->change);
    show_oldest(counters);
    pthread_mutex_unlock(&counters->lock);
}
