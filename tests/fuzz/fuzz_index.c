/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: no line of an index makes the reader of lines crash, read beyond the line, or allocate more than the line is
 * worth. Method: the bytes are a line; what it gives is read. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "index_entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Uses what the entry points to, so that a sanitizer sees it. */
static uint64_t sum_of(const struct spead_recording_heap *heap)
{
    uint64_t sum = heap->counter + heap->offset + heap->bytes;

    for (size_t i = 0; i < heap->gap_count; i++)
        sum += heap->gaps[i].offset + heap->gaps[i].bytes;
    for (size_t i = 0; i < heap->item_count; i++)
        sum += heap->items[i].id + heap->items[i].value + heap->items[i].bytes;
    sum += heap->endpoint ? strlen(heap->endpoint) : 0;
    return sum + (heap->sender ? strlen(heap->sender) : 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct speadi_index_entry entry;
    char *line =
        malloc(bytes + 1); /* exactly as long as the line, so that a read beyond it is found */

    memcpy(line, data, bytes);
    line = realloc(line, bytes > 0 ? bytes : 1);
    if (speadi_index_entry_read(&entry, line, bytes) == 0) {
        volatile uint64_t sum = sum_of(&entry.heap); /* volatile: the reads are not left out */

        (void)sum;
        if (entry.heap.gap_count > bytes || entry.heap.item_count > bytes)
            abort();
    }
    free(line);
    return 0;
}
