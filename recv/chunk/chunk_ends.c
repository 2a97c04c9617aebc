/* SPDX-License-Identifier: Apache-2.0 */
/* Takes over what the consumer needs of a heap that has ended: which entries are present, what is missing and why. */
#include "chunk.h"

/* ---- Gaps ---------------------------------------------------------------------------------- */

/* Returns how many gaps this heap may have, at least one, so that each heap that may still end finds room for one. */
static size_t room_for_gaps(const struct spead_chunk *chunk)
{
    return chunk->layout.gaps_max - chunk->gap_count - (chunk->layout.present_count - chunk->ended);
}

static struct spead_chunk_gap gap_of(const struct spead_gap *gap, uint64_t offset, uint32_t index)
{
    return (struct spead_chunk_gap){
        .offset = offset + gap->offset,
        .bytes = gap->bytes,
        .heap_index = index,
        .packets = gap->packets,
        .cause = gap->cause,
    };
}

/* Describes the gaps from number `first` on as one. `last` is the last one of the heap. */
static struct spead_chunk_gap merged(const struct spead_gap *first, const struct spead_gap *last,
                                     uint64_t offset, uint32_t index)
{
    struct spead_chunk_gap one = gap_of(first, offset, index);

    one.bytes = last->offset + last->bytes - first->offset;
    while (first++ < last)
        one.packets += first->packets;
    one.merged = true;
    return one;
}

static void keep_gaps(struct spead_chunk *chunk, uint32_t index, const struct spead_heap *heap,
                      struct spead_gap *scratch, size_t scratch_max)
{
    const uint64_t offset = chunk->entry[index].offset;
    size_t room = room_for_gaps(chunk), count = spead_heap_gaps(heap, scratch, scratch_max);

    if (count > scratch_max)
        count = scratch_max;
    for (size_t i = 0; i < count && i < room; i++)
        chunk->gaps[chunk->gap_count++] =
            i + 1 == room && i + 1 < count ? merged(&scratch[i], &scratch[count - 1], offset, index)
                                           : gap_of(&scratch[i], offset, index);
}

/* ---- Presence ------------------------------------------------------------------------------ */

static void mark(struct spead_chunk *chunk, uint64_t from, uint64_t end)
{
    for (uint64_t i = from; i < end; i++) {
        chunk->present_set += !chunk->present[i];
        chunk->present[i] = 1;
    }
}

/* Marks the packets of the heap all of whose bytes have arrived. */
static void mark_packets(struct spead_chunk *chunk, uint32_t index, const struct spead_heap *heap)
{
    const uint64_t packet = chunk->layout.packet_bytes;

    if (heap->length == 0)
        mark(chunk, index, (uint64_t)index + heap->complete);
    for (uint32_t i = 0; i < heap->span_count; i++) {
        const struct speadi_span *span = &heap->spans[i];
        uint64_t from = (span->start + packet - 1) / packet, end = span->end / packet;

        if (span->end == heap->length) /* the last packet may be shorter */
            end = (span->end + packet - 1) / packet;
        mark(chunk, index + from, index + end);
    }
}

/* ---- The end of a heap --------------------------------------------------------------------- */

static void note_times(struct spead_chunk *chunk, const struct spead_heap *heap)
{
    bool first = chunk->heaps_complete + chunk->heaps_incomplete == 0;

    if (first || heap->first_ns < chunk->first_ns)
        chunk->first_ns = heap->first_ns;
    if (first || heap->last_ns > chunk->last_ns)
        chunk->last_ns = heap->last_ns;
    if (heap->clock_error_ns > chunk->clock_error_ns)
        chunk->clock_error_ns = heap->clock_error_ns;
    chunk->clock = heap->clock;
}

void speadi_chunk_heap_ended(struct spead_chunk *chunk, uint32_t index,
                             const struct spead_heap *heap, struct spead_gap *scratch,
                             size_t scratch_max)
{
    struct speadi_chunk_entry *entry = &chunk->entry[index];

    entry->state = heap->complete ? SPEADI_CHUNK_COMPLETE : SPEADI_CHUNK_INCOMPLETE;
    entry->received = heap->received;
    if (chunk->layout.packet_bytes > 0)
        mark_packets(chunk, index, heap);
    else if (heap->complete)
        mark(chunk, index, (uint64_t)index + 1);
    note_times(chunk, heap);
    if (heap->complete)
        chunk->heaps_complete++;
    else
        chunk->heaps_incomplete++;
    chunk->ended++;
    if (!heap->complete)
        keep_gaps(chunk, index, heap, scratch, scratch_max);
    chunk->received += heap->received;
    chunk->packets += heap->packets;
    chunk->writers--;
}

void speadi_chunk_heap_dropped(struct spead_chunk *chunk, uint32_t index)
{
    uint32_t covered = index + 1;

    chunk->claimed_bytes -= chunk->entry[index].bytes;
    while (covered < chunk->layout.present_count &&
           chunk->entry[covered].state == SPEADI_CHUNK_COVERED &&
           chunk->entry[covered].counter == index)
        chunk->entry[covered++] = (struct speadi_chunk_entry){0};
    chunk->entry[index] = (struct speadi_chunk_entry){0};
    chunk->writers--;
}
