/* SPDX-License-Identifier: Apache-2.0 */
/* Heaps that are expected: receives are posted into them before their first packet has come. See placement.h. */
#include "placement.h"

static struct speadi_expected_heap *find(struct speadi_placement *placement, uint32_t sender,
                                         uint64_t counter)
{
    for (uint32_t i = 0; i < placement->expected_count; i++)
        if (placement->expected[i].counter == counter && placement->expected[i].sender == sender)
            return &placement->expected[i];
    return NULL;
}

static void forget(struct speadi_placement *placement, struct speadi_expected_heap *heap)
{
    *heap = placement->expected[--placement->expected_count];
}

static struct speadi_expected_heap *make(struct speadi_placement *placement,
                                         struct speadi_pool *pool, uint16_t inlet, uint64_t counter)
{
    const struct speadi_prediction *prediction = &placement->prediction[inlet];
    const uint16_t queue = speadi_placement_queue(placement, inlet);
    uint32_t class = prediction->size_class;
    struct speadi_expected_heap *heap;
    struct speadi_block *block = NULL;

    if (placement->expected_count == SPEADI_EXPECTED_MAX)
        return NULL;
    if (speadi_placement_has_target(placement, pool, class))
        block = speadi_pool_take_aside_of(pool, class, prediction->heap_length);
    if (!block)
        block = speadi_pool_lend(pool, class);
    if (!block)
        return NULL;
    if (prediction->heap_length > block->bytes) {
        speadi_pool_put_aside(block);
        return NULL;
    }
    heap = &placement->expected[placement->expected_count++];
    *heap = (struct speadi_expected_heap){.block = block,
                                          .counter = counter,
                                          .length = prediction->heap_length,
                                          .sender = prediction->sender,
                                          .queue = queue,
                                          .first_place = placement->accepted[queue],
                                          .end_place = placement->accepted[queue],
                                          .places_sorted = true};
    return heap;
}

struct speadi_expected_heap *speadi_placement_expect(struct speadi_placement *placement,
                                                     struct speadi_pool *pool, uint16_t inlet,
                                                     uint64_t heaps)
{
    const struct speadi_prediction *prediction = &placement->prediction[inlet];
    uint64_t counter = prediction->counter + heaps * prediction->step;
    struct speadi_expected_heap *heap = find(placement, prediction->sender, counter);

    if (heap)
        return heap->queue == speadi_placement_queue(placement, inlet) ? heap : NULL;
    return make(placement, pool, inlet, counter);
}

/* Stores ranges of so many bytes, one behind the other, from `offset` of the block on. Returns the end of the array. */
static struct speadi_rx_range *store_ranges(struct speadi_rx_range *to,
                                            const struct speadi_block *block, uint64_t offset,
                                            uint32_t bytes, uint64_t count)
{
    const uint64_t step = block->data ? bytes : 0;
    uintptr_t data = (uintptr_t)block->data + (block->data ? offset : 0);

    offset += block->offset;
    for (struct speadi_rx_range *const end = to + count; to < end; to++) {
        to->data = (uint8_t *)data;
        to->offset = offset;
        to->bytes = bytes;
        data += step;
        offset += bytes;
    }
    return to;
}

unsigned speadi_placement_predict_expected(const struct speadi_placement *placement, uint16_t inlet,
                                           const struct speadi_expected_heap *heap, uint64_t offset,
                                           struct speadi_rx_range ranges[SPEADI_PLACEMENT_BATCH],
                                           uint32_t *head_bytes)
{
    const struct speadi_prediction *prediction = &placement->prediction[inlet];
    uint64_t most =
        placement->outstanding_max - speadi_placement_outstanding(placement, heap->queue);
    uint64_t bytes = prediction->payload_bytes, left;
    struct speadi_rx_range *end;
    uint64_t count;

    if (offset < heap->reserved_end || offset >= heap->length)
        return 0;
    left = heap->length - offset;
    if (most > SPEADI_PLACEMENT_BATCH)
        most = SPEADI_PLACEMENT_BATCH;
    *head_bytes = prediction->head_bytes;
    if (offset == 0) { /* the first packet has other sizes than those that follow */
        *head_bytes = prediction->first_head_bytes;
        bytes = prediction->first_bytes;
        most = most > 0;
    }
    count = bytes <= left && bytes > 0 ? left / bytes : 0;
    count = count < most ? count : most;
    end = store_ranges(ranges, heap->block, offset, (uint32_t)bytes, count);
    left -= count * bytes;
    if (count < most && left > 0) /* the last packet of the heap */
        end = store_ranges(end, heap->block, offset + count * bytes, (uint32_t)left, 1);
    return (unsigned)(end - ranges);
}

void speadi_placement_accept_expected(struct speadi_placement *placement, uint16_t inlet,
                                      struct speadi_expected_heap *heap, uint32_t head_bytes,
                                      const struct speadi_rx_range *ranges, unsigned count)
{
    const uint64_t block_offset = heap->block->offset;
    uint64_t number = placement->accepted[heap->queue];
    struct speadi_block *const block = heap->block;
    struct speadi_reservation *to;

    if (heap->first_place == heap->end_place) {
        if (count == 0) {
            speadi_pool_put_aside(heap->block);
            forget(placement, heap);
            return;
        }
        placement->targets[heap->block->size_class]++;
        heap->first_place = heap->end_place = number;
    }
    if (count == 0)
        return;
    if (heap->end_place != number)
        heap->places_sorted = false;
    to = &placement->reservation[number % SPEADI_RX_RESERVE_MAX];
    for (const struct speadi_rx_range *range = ranges; range < ranges + count; range++) {
        to->live = NULL;
        to->aside = block;
        to->offset = range->offset - block_offset;
        to->bytes = range->bytes;
        to->head_bytes = head_bytes;
        to->inlet = inlet;
        to = speadi_placement_next(placement, to);
    }
    number += (uint64_t)count << placement->queues_log;
    placement->accepted[heap->queue] = heap->end_place = number;
    placement->prediction[inlet].outstanding += count;
    heap->reserved_end = ranges[count - 1].offset - heap->block->offset + ranges[count - 1].bytes;
}

struct speadi_expected_heap *speadi_placement_meet(struct speadi_placement *placement,
                                                   uint32_t sender,
                                                   const struct speadi_packet *packet,
                                                   struct speadi_block *region)
{
    struct speadi_expected_heap *heap = find(placement, sender, packet->heap_counter);

    if (!heap)
        return NULL;
    if (!packet->has_heap_length || packet->heap_length != heap->length ||
        region->size_class != heap->block->size_class) {
        forget(placement, heap); /* the block comes back when its receives have ended */
        return NULL;
    }
    speadi_block_swap_memory(region, heap->block);
    return heap;
}

void speadi_placement_bind(struct speadi_placement *placement, struct speadi_expected_heap *heap,
                           struct speadi_live_heap *live)
{
    const uint64_t ended = placement->ended[heap->queue], step = speadi_placement_step(placement);
    uint64_t i = heap->first_place > ended ? heap->first_place : ended;
    struct speadi_reservation *reservation = &placement->reservation[i % SPEADI_RX_RESERVE_MAX];
    const uint64_t end = heap->end_place;
    const struct speadi_block *const block = heap->block;
    uint32_t count = 0;

    for (; i < end; i += step, reservation = speadi_placement_next(placement, reservation)) {
        if (reservation->aside != block)
            continue;
        reservation->live = live;
        reservation->aside = NULL;
        count++;
    }
    live->reservations += count;
    live->queue = heap->queue;
    live->reserved_end = heap->reserved_end;
    live->first_place = heap->first_place;
    live->end_place = heap->end_place;
    live->places_sorted = heap->places_sorted;
    speadi_pool_put_aside(heap->block);
    forget(placement, heap);
}

void speadi_placement_unexpect(struct speadi_placement *placement, const struct speadi_block *block)
{
    for (uint32_t i = 0; i < placement->expected_count; i++)
        if (placement->expected[i].block == block) {
            forget(placement, &placement->expected[i]);
            return;
        }
}

const struct speadi_expected_heap *speadi_placement_expected_in(
    const struct speadi_placement *placement, const struct speadi_block *block)
{
    for (uint32_t i = 0; block && i < placement->expected_count; i++)
        if (placement->expected[i].block == block)
            return &placement->expected[i];
    return NULL;
}
