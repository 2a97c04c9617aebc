/* Keeps the live heaps in their slots. */
#include "heap_table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int speadi_heap_table_init(struct speadi_heap_table *table, uint32_t substream_count,
                           uint32_t slots_each)
{
    *table =
        (struct speadi_heap_table){.substream_count = substream_count, .slots_each = slots_each};
    table->slot = calloc((size_t)substream_count * slots_each, sizeof *table->slot);
    table->head = calloc(substream_count, sizeof *table->head);
    if (!table->slot || !table->head ||
        speadi_counter_map_init(&table->map, substream_count * slots_each) < 0) {
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

static uint32_t next_slot(const struct speadi_heap_table *table, uint64_t counter)
{
    uint32_t substream = speadi_heap_table_substream(table, counter);

    return substream * table->slots_each + table->head[substream];
}

struct speadi_live_heap *speadi_heap_table_occupant(const struct speadi_heap_table *table,
                                                    uint64_t counter)
{
    return table->slot[next_slot(table, counter)];
}

uint32_t speadi_heap_table_claim_slot(struct speadi_heap_table *table, uint64_t counter)
{
    uint32_t slot = next_slot(table, counter);
    uint32_t *head = &table->head[speadi_heap_table_substream(table, counter)];

    assert(!table->slot[slot]);
    if (++*head == table->slots_each)
        *head = 0;
    return slot;
}

void speadi_heap_table_insert(struct speadi_heap_table *table, struct speadi_live_heap *live,
                              uint32_t slot)
{
    table->slot[slot] = live;
    live->slot = slot;
    speadi_counter_map_insert(&table->map, live->heap.counter, slot);
    live->older = table->newest;
    live->newer = NULL;
    if (table->newest)
        table->newest->newer = live;
    else
        table->oldest = live;
    table->newest = live;
    table->last = live;
    table->count++;
}

void speadi_heap_table_remove(struct speadi_heap_table *table, struct speadi_live_heap *live)
{
    table->slot[live->slot] = NULL;
    speadi_counter_map_remove(&table->map, live->heap.counter);
    if (live->older)
        live->older->newer = live->newer;
    else
        table->oldest = live->newer;
    if (live->newer)
        live->newer->older = live->older;
    else
        table->newest = live->older;
    if (table->last == live)
        table->last = NULL;
    table->count--;
}
