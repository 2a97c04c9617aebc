/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the live heaps in their slots. */
#include "heap_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int speadi_heap_table_init(struct speadi_heap_table *table, uint32_t ring_count,
                           uint32_t slots_each)
{
    *table = (struct speadi_heap_table){.ring_count = ring_count, .slots_each = slots_each};
    table->slot = calloc((size_t)ring_count * slots_each, sizeof *table->slot);
    table->head = calloc(ring_count, sizeof *table->head);
    if (!table->slot || !table->head ||
        speadi_counter_map_init(&table->map, ring_count * slots_each) < 0) {
        speadi_heap_table_release(table);
        return -ENOMEM;
    }
    return 0;
}

void speadi_heap_table_release(struct speadi_heap_table *table)
{
    free(table->slot);
    free(table->head);
    speadi_counter_map_release(&table->map);
    *table = (struct speadi_heap_table){0};
}

void speadi_heap_table_insert(struct speadi_heap_table *table, struct speadi_live_heap *live,
                              uint32_t slot)
{
    assert(!table->slot[slot]);
    table->slot[slot] = live;
    live->slot = slot;
    live->number = table->inserted++;
    speadi_counter_map_insert(&table->map, live->sender, live->heap.counter, slot);
    live->older = table->newest;
    live->newer = NULL;
    if (table->newest)
        table->newest->newer = live;
    else
        table->oldest = live;
    table->newest = live;
    *speadi_heap_table_last(table, live->sender) = live;
    table->count++;
}

void speadi_heap_table_remove(struct speadi_heap_table *table, struct speadi_live_heap *live)
{
    struct speadi_live_heap **last = speadi_heap_table_last(table, live->sender);

    table->slot[live->slot] = NULL;
    speadi_counter_map_remove(&table->map, live->slot);
    if (live->older)
        live->older->newer = live->newer;
    else
        table->oldest = live->newer;
    if (live->newer)
        live->newer->older = live->older;
    else
        table->newest = live->older;
    if (*last == live)
        *last = NULL;
    table->count--;
}
