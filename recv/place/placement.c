/* SPDX-License-Identifier: Apache-2.0 */
/* Predicts where the next payload belongs, and keeps the list of reservations. */
#include "placement.h"

#include "spans.h"

void speadi_placement_set_queues(struct speadi_placement *placement, uint32_t queues)
{
    placement->queues_log = (unsigned)__builtin_ctz(queues);
    for (unsigned i = 0; i < queues; i++)
        placement->accepted[i] = placement->ended[i] = i;
}

static bool is_received(const struct spead_heap *heap, uint64_t start, uint64_t end)
{
    uint32_t at;

    return speadi_spans_check(heap->spans, heap->span_count, start, end, &at) != SPEADI_SPANS_FREE;
}

/* Returns true if the heap is untouched from this offset to its end: nothing there was received or reserved. This is
 * the usual case, when packets come in order and none is lost. */
static bool is_untouched(const struct speadi_live_heap *live, uint64_t offset)
{
    const struct spead_heap *heap = &live->heap;

    return offset >= live->reserved_end &&
           (heap->span_count == 0 || offset >= heap->spans[heap->span_count - 1].end);
}

static bool is_received_or_reserved(const struct speadi_placement *placement,
                                    const struct speadi_live_heap *live, uint64_t start,
                                    uint64_t end)
{
    const struct speadi_burst_state none = {.ended = placement->ended};

    return is_received(&live->heap, start, end) ||
           speadi_placement_is_reserved(placement, none, live, start, end);
}

void speadi_placement_learn_heap(struct speadi_placement *placement,
                                 struct speadi_prediction *prediction, uint32_t sender,
                                 const struct speadi_packet *packet)
{
    uint64_t length = packet->has_heap_length ? packet->heap_length : 0;
    uint64_t step = packet->heap_counter - prediction->counter;
    bool first = packet->payload_offset == 0;

    if (sender != prediction->sender)
        step = 0;
    /* A packet of an older heap has come late: it says nothing about the next heap. */
    if (step >> 63)
        return;
    /* Receives that were posted ahead are misplaced also if a heap is not as long as the heap before it. */
    if (first && prediction->expects && prediction->step != 0 &&
        (step != prediction->step || length != prediction->heap_length ||
         packet->payload_bytes != prediction->first_bytes))
        placement->policy.breaks++;
    prediction->step = step;
    prediction->heap_length = length;
    if (!first)
        return;
    prediction->first_head_bytes = packet->header_bytes;
    prediction->first_bytes = (uint32_t)packet->payload_bytes;
}

/* Returns how many packets carry so many bytes. */
static uint64_t packets_for(const struct speadi_prediction *prediction, uint64_t bytes)
{
    return (bytes + prediction->payload_bytes - 1) / prediction->payload_bytes;
}

/* The function counts from the last packet, not from the last reservation. After a loss, packets land in ranges before
 * their own places. Because the function counts from the last packet, the next ranges fit again. */
struct speadi_position speadi_placement_position(const struct speadi_prediction *prediction,
                                                 uint64_t count)
{
    const uint64_t length = prediction->heap_length, first = prediction->first_bytes;
    uint64_t offset = prediction->next_offset + count * prediction->payload_bytes, left, packets;

    if (length == 0 || prediction->payload_bytes == 0 || offset < length)
        return (struct speadi_position){.offset = offset};
    if (prediction->step == 0 || first == 0 || first >= length)
        return (struct speadi_position){.heaps = UINT64_MAX};
    left = packets_for(prediction, length - prediction->next_offset);
    packets = 1 + packets_for(prediction, length - first);
    count -= left;
    offset = count % packets;
    return (struct speadi_position){
        .heaps = 1 + count / packets,
        .offset = offset == 0 ? 0 : first + (offset - 1) * prediction->payload_bytes};
}

unsigned speadi_placement_predict(const struct speadi_placement *placement, uint16_t inlet,
                                  struct speadi_live_heap *live, unsigned ahead,
                                  struct speadi_rx_range ranges[SPEADI_PLACEMENT_BATCH])
{
    const struct speadi_prediction *prediction = &placement->prediction[inlet];
    const uint32_t payload_bytes = prediction->payload_bytes, head_bytes = prediction->head_bytes;
    const uint64_t length = live->heap.length, ask_bytes_max = placement->ask_bytes_max;
    const uint16_t queue = speadi_placement_queue(placement, inlet);
    uint64_t free_numbers =
        placement->outstanding_max - speadi_placement_outstanding(placement, queue);
    uint64_t offset, asked = 0;
    uint8_t *data = live->heap.region->data;
    uint64_t region_offset = live->heap.region->offset;
    uint64_t charged = live->heap.region->charged_bytes;
    bool untouched;
    unsigned count = 0;

    if (head_bytes == 0 || payload_bytes == 0 || !live->heap.has_length)
        return 0;
    offset = prediction->next_offset +
             ((uint64_t)prediction->outstanding + ahead) * prediction->payload_bytes;
    untouched = is_untouched(live, offset);
    if (free_numbers > SPEADI_PLACEMENT_BATCH)
        free_numbers = SPEADI_PLACEMENT_BATCH;
    while (offset < length && count < free_numbers) {
        uint64_t left = length - offset;
        uint32_t bytes = left < payload_bytes ? (uint32_t)left : payload_bytes;

        asked += head_bytes + bytes;
        if (asked > ask_bytes_max && count > 0)
            break;
        if (!untouched && is_received_or_reserved(placement, live, offset, offset + bytes))
            break;
        if (offset + bytes > charged) {
            if (speadi_block_charge(live->heap.region, offset + bytes) < 0)
                break;
            charged = live->heap.region->charged_bytes;
        }
        ranges[count++] = (struct speadi_rx_range){
            .data = data ? data + offset : NULL,
            .offset = region_offset + offset,
            .bytes = bytes,
        };
        offset += bytes;
    }
    return count;
}

void speadi_placement_accept(struct speadi_placement *placement, uint16_t inlet,
                             struct speadi_live_heap *live, const struct speadi_rx_range *ranges,
                             unsigned count)
{
    struct speadi_prediction *prediction = &placement->prediction[inlet];
    const uint16_t queue = speadi_placement_queue(placement, inlet);
    const uint64_t step = speadi_placement_step(placement);
    uint64_t region_offset = live->heap.region->offset, number = placement->accepted[queue];
    uint32_t head_bytes = prediction->head_bytes;

    if (count == 0)
        return;
    if (live->reservations == 0) {
        placement->targets[live->heap.region->size_class]++;
        live->queue = queue;
        live->first_place = number;
        live->places_sorted = true;
    } else if (live->end_place != number || ranges->offset - region_offset < live->reserved_end) {
        live->places_sorted = false;
    }
    for (unsigned i = 0; i < count; i++) {
        struct speadi_reservation *reservation =
            &placement->reservation[number % SPEADI_RX_RESERVE_MAX];

        reservation->live = live;
        reservation->offset = ranges[i].offset - region_offset;
        reservation->bytes = ranges[i].bytes;
        reservation->head_bytes = head_bytes;
        reservation->inlet = inlet;
        number += step;
    }
    placement->accepted[queue] = live->end_place = number;
    prediction->outstanding += count;
    speadi_live_heap_reserve(live, count,
                             ranges[count - 1].offset - region_offset + ranges[count - 1].bytes);
}

/* Tells whether the packet is of the heap into which the receive was posted. */
static bool is_of_heap(const struct speadi_placement *placement,
                       const struct speadi_reservation *reservation, uint32_t sender,
                       const struct speadi_packet *packet)
{
    const struct speadi_live_heap *live = reservation->live;
    const struct speadi_expected_heap *expected;

    if (live)
        return live->heap.counter == packet->heap_counter && live->sender == sender;
    expected = speadi_placement_expected_in(placement, reservation->aside);
    return expected && expected->counter == packet->heap_counter && expected->sender == sender &&
           packet->has_heap_length && packet->heap_length == expected->length;
}

bool speadi_placement_is_own_place(const struct speadi_placement *placement, uint64_t place,
                                   uint32_t sender, const struct speadi_packet *packet)
{
    const struct speadi_reservation *reservation = speadi_placement_reservation(placement, place);

    return place != SPEADI_RX_UNPLACED && reservation->offset == packet->payload_offset &&
           reservation->bytes >= packet->payload_bytes &&
           reservation->head_bytes == packet->header_bytes &&
           is_of_heap(placement, reservation, sender, packet);
}

/* Returns true if nothing may be written to the range of reservation number i yet. */
static bool is_blocked(const struct speadi_placement *placement, struct speadi_burst_state burst,
                       uint64_t i)
{
    return i >= burst.ended[speadi_placement_queue(placement, i)] ||
           (burst.checked && placement->holder[i % SPEADI_RX_RESERVE_MAX] > burst.next);
}

/* Returns the number of the first reservation to look at for reservations of the heap that end behind `start`. If the
 * places of the heap are sorted, this is the first such reservation. */
static uint64_t look_from(const struct speadi_placement *placement,
                          const struct speadi_live_heap *live, uint64_t start)
{
    const uint64_t ended = placement->ended[live->queue];
    const unsigned log = placement->queues_log;
    uint64_t low = live->first_place > ended ? live->first_place : ended;
    uint64_t high = live->end_place;

    while (live->places_sorted && low < high) {
        uint64_t middle = low + ((high - low) >> (log + 1) << log);
        const struct speadi_reservation *reservation =
            speadi_placement_reservation(placement, middle);

        if (reservation->offset + reservation->bytes > start)
            high = middle;
        else
            low = middle + speadi_placement_step(placement);
    }
    return low;
}

bool speadi_placement_is_reserved(const struct speadi_placement *placement,
                                  struct speadi_burst_state burst,
                                  const struct speadi_live_heap *live, uint64_t start, uint64_t end)
{
    const uint64_t step = speadi_placement_step(placement);

    if (live->reservations == 0)
        return false;
    for (uint64_t i = look_from(placement, live, start); i < live->end_place; i += step) {
        const struct speadi_reservation *reservation = speadi_placement_reservation(placement, i);

        if (live->places_sorted && reservation->offset >= end)
            return false;
        if (reservation->live == live && reservation->offset < end &&
            start < reservation->offset + reservation->bytes && is_blocked(placement, burst, i))
            return true;
    }
    return false;
}

uint64_t speadi_placement_first_reserved(const struct speadi_placement *placement,
                                         struct speadi_burst_state burst,
                                         const struct speadi_live_heap *live, uint64_t start)
{
    const uint64_t step = speadi_placement_step(placement);
    uint64_t first = UINT64_MAX;

    if (live->reservations == 0)
        return first;
    for (uint64_t i = look_from(placement, live, start); i < live->end_place; i += step) {
        const struct speadi_reservation *reservation = speadi_placement_reservation(placement, i);

        if (reservation->live == live && reservation->offset + reservation->bytes > start &&
            reservation->offset < first && is_blocked(placement, burst, i))
            first = reservation->offset;
        if (live->places_sorted && first != UINT64_MAX)
            break;
    }
    return first;
}

/* Gives the block of this reservation back to its pool, if no later reservation lies in the block. */
static __attribute__((noinline)) void release_aside(struct speadi_placement *placement,
                                                    uint64_t number)
{
    struct speadi_reservation *reservation =
        &placement->reservation[number % SPEADI_RX_RESERVE_MAX];
    struct speadi_block *aside = reservation->aside;
    const uint64_t step = speadi_placement_step(placement);
    const uint64_t end = placement->accepted[speadi_placement_queue(placement, number)];

    reservation->aside = NULL;
    for (uint64_t i = number + step; i < end; i += step)
        if (speadi_placement_reservation(placement, i)->aside == aside)
            return;
    if (placement->expected_count > 0)
        speadi_placement_unexpect(placement, aside);
    placement->targets[aside->size_class]--;
    speadi_pool_put_aside(aside);
}

/* Returns how many reservations of a queue, from `first` on and before `end`, follow one another that are of the same
 * heap and the same inlet. */
static uint64_t run_length(const struct speadi_placement *placement, uint64_t first, uint64_t end)
{
    const struct speadi_reservation *reservation = speadi_placement_reservation(placement, first);
    const struct speadi_live_heap *const live = reservation->live;
    const uint16_t inlet = reservation->inlet;
    const uint64_t step = speadi_placement_step(placement);
    /* The run ends at the end of the array at the latest. So the loop needs no remainder. */
    const uint64_t until_wrap = SPEADI_RX_RESERVE_MAX - first % SPEADI_RX_RESERVE_MAX;
    const uint64_t most = end - first < until_wrap ? end - first : until_wrap;
    const struct speadi_reservation *at = reservation + step, *const behind = reservation + most;

    while (at < behind && at->live == live && at->inlet == inlet)
        at += step;
    return (uint64_t)(at - reservation) >> placement->queues_log;
}

/* Ends the reservations of a queue with a number below `ended`. */
static void end_of_queue(struct speadi_placement *placement, uint16_t queue, uint64_t ended)
{
    const unsigned log = placement->queues_log;
    uint64_t count;

    for (uint64_t i = placement->ended[queue]; i < ended; i += count << log) {
        const struct speadi_reservation *reservation = speadi_placement_reservation(placement, i);
        struct speadi_live_heap *live = reservation->live;

        count = live ? run_length(placement, i, ended) : 1;
        placement->prediction[reservation->inlet].outstanding -= (uint32_t)count;
        if (live) {
            if (speadi_live_heap_unreserve(live, (uint32_t)count))
                placement->targets[live->heap.region->size_class]--;
        } else if (reservation->aside) {
            release_aside(placement, i);
        }
    }
    placement->ended[queue] = ended;
}

void speadi_placement_end(struct speadi_placement *placement, const uint64_t *ended)
{
    for (uint16_t queue = 0; queue < 1u << placement->queues_log; queue++)
        end_of_queue(placement, queue, ended[queue]);
}

/* Takes all outstanding reservations from the heap. After that, the reservations belong to the block `aside`, unless
 * `aside` is NULL. */
static void take_reservations(struct speadi_placement *placement, struct speadi_live_heap *live,
                              struct speadi_block *aside)
{
    const uint64_t ended = placement->ended[live->queue], step = speadi_placement_step(placement);
    uint64_t begin = live->first_place > ended ? live->first_place : ended;

    for (uint64_t i = begin; live->reservations > 0 && i < live->end_place; i += step) {
        struct speadi_reservation *reservation = &placement->reservation[i % SPEADI_RX_RESERVE_MAX];

        if (reservation->live == live) {
            reservation->live = NULL;
            reservation->aside = aside;
            (void)speadi_live_heap_unreserve(live, 1);
        }
    }
}

void speadi_placement_forget(struct speadi_placement *placement, struct speadi_live_heap *live)
{
    placement->targets[live->heap.region->size_class] -= live->reservations > 0;
    take_reservations(placement, live, NULL);
}

void speadi_placement_move(struct speadi_placement *placement, struct speadi_live_heap *live,
                           struct speadi_block *aside)
{
    take_reservations(placement, live, aside);
}
