/* SPDX-License-Identifier: Apache-2.0 */
/* Predicts where the next payload belongs, and keeps the list of reservations. */
#include "placement.h"

#include "spans.h"

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

/* Returns the offset at which the next range to reserve should begin. The function counts from the last packet, not
 * from the last reservation. After a loss, packets land in ranges before their own places. Because the function counts
 * from the last packet, the next ranges fit again. */
static uint64_t expected_offset(const struct speadi_prediction *prediction, unsigned ahead)
{
    return prediction->next_offset +
           ((uint64_t)prediction->outstanding + ahead) * prediction->payload_bytes;
}

unsigned speadi_placement_predict(const struct speadi_placement *placement, uint16_t source,
                                  struct speadi_live_heap *live, unsigned ahead,
                                  struct speadi_rx_range ranges[SPEADI_RX_RESERVE_MAX])
{
    const struct speadi_prediction *prediction = &placement->prediction[source];
    const uint32_t payload_bytes = prediction->payload_bytes, head_bytes = prediction->head_bytes;
    const uint64_t length = live->heap.length, ask_bytes_max = placement->ask_bytes_max;
    uint64_t free_numbers = placement->outstanding_max - speadi_placement_outstanding(placement);
    uint64_t offset = expected_offset(prediction, ahead), asked = 0;
    uint8_t *data = live->heap.region->data;
    uint64_t region_offset = live->heap.region->offset;
    uint64_t charged = live->heap.region->charged_bytes;
    bool untouched = is_untouched(live, offset);
    unsigned count = 0;

    if (head_bytes == 0 || payload_bytes == 0 || !live->heap.has_length)
        return 0;
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

void speadi_placement_accept(struct speadi_placement *placement, uint16_t source,
                             struct speadi_live_heap *live, const struct speadi_rx_range *ranges,
                             unsigned count)
{
    struct speadi_prediction *prediction = &placement->prediction[source];
    uint64_t region_offset = live->heap.region->offset, number = placement->accepted;
    uint32_t head_bytes = prediction->head_bytes;

    for (unsigned i = 0; i < count; i++) {
        struct speadi_reservation *reservation =
            &placement->reservation[number++ % SPEADI_RX_RESERVE_MAX];

        reservation->live = live;
        reservation->offset = ranges[i].offset - region_offset;
        reservation->bytes = ranges[i].bytes;
        reservation->head_bytes = head_bytes;
        reservation->source = source;
    }
    placement->accepted = number;
    if (count > 0) {
        const struct speadi_rx_range *last = &ranges[count - 1];
        uint64_t end = last->offset - live->heap.region->offset + last->bytes;

        placement->targets += live->reservations == 0;
        speadi_live_heap_reserve(live, count, end);
    }
    prediction->outstanding += count;
}

bool speadi_placement_is_own_place(const struct speadi_placement *placement, uint64_t place,
                                   uint32_t sender, const struct speadi_packet *packet)
{
    const struct speadi_reservation *reservation = speadi_placement_reservation(placement, place);

    return place != SPEADI_RX_UNPLACED && reservation->live &&
           reservation->live->heap.counter == packet->heap_counter &&
           reservation->live->sender == sender && reservation->offset == packet->payload_offset &&
           reservation->bytes >= packet->payload_bytes &&
           reservation->head_bytes == packet->header_bytes;
}

/* Returns true if nothing may be written to the range of reservation number i yet. */
static bool is_blocked(const struct speadi_placement *placement, struct speadi_burst_state burst,
                       uint64_t i)
{
    return i >= burst.ended ||
           (burst.checked && placement->holder[i % SPEADI_RX_RESERVE_MAX] > burst.next);
}

bool speadi_placement_is_reserved(const struct speadi_placement *placement,
                                  struct speadi_burst_state burst,
                                  const struct speadi_live_heap *live, uint64_t start, uint64_t end)
{
    for (uint64_t i = placement->ended; i < placement->accepted; i++) {
        const struct speadi_reservation *reservation = speadi_placement_reservation(placement, i);

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
    uint64_t first = UINT64_MAX;

    for (uint64_t i = placement->ended; i < placement->accepted; i++) {
        const struct speadi_reservation *reservation = speadi_placement_reservation(placement, i);

        if (reservation->live == live && reservation->offset + reservation->bytes > start &&
            reservation->offset < first && is_blocked(placement, burst, i))
            first = reservation->offset;
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

    reservation->aside = NULL;
    for (uint64_t i = number + 1; i < placement->accepted; i++)
        if (speadi_placement_reservation(placement, i)->aside == aside)
            return;
    speadi_pool_put_aside(aside);
    placement->targets--;
}

void speadi_placement_end(struct speadi_placement *placement, uint64_t ended)
{
    for (uint64_t i = placement->ended; i < ended; i++) {
        const struct speadi_reservation *reservation = speadi_placement_reservation(placement, i);

        placement->prediction[reservation->source].outstanding--;
        if (reservation->live) {
            if (speadi_live_heap_unreserve(reservation->live))
                placement->targets--;
        } else if (reservation->aside) {
            release_aside(placement, i);
        }
    }
    placement->ended = ended;
}

/* Takes all outstanding reservations from the heap. After that, the reservations belong to the block `aside`, unless
 * `aside` is NULL. */
static void take_reservations(struct speadi_placement *placement, struct speadi_live_heap *live,
                              struct speadi_block *aside)
{
    for (uint64_t i = placement->ended; live->reservations > 0 && i < placement->accepted; i++) {
        struct speadi_reservation *reservation = &placement->reservation[i % SPEADI_RX_RESERVE_MAX];

        if (reservation->live == live) {
            reservation->live = NULL;
            reservation->aside = aside;
            (void)speadi_live_heap_unreserve(live);
        }
    }
}

void speadi_placement_forget(struct speadi_placement *placement, struct speadi_live_heap *live)
{
    placement->targets -= live->reservations > 0;
    take_reservations(placement, live, NULL);
}

void speadi_placement_move(struct speadi_placement *placement, struct speadi_live_heap *live,
                           struct speadi_block *aside)
{
    take_reservations(placement, live, aside);
}
