/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the gaps of ended heaps in a ring. See late_gaps.h. */
#include "late_gaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int speadi_late_gaps_init(struct speadi_late_gaps *late)
{
    late->taken = 0;
    late->range = calloc(SPEADI_LATE_GAPS_RANGES, sizeof *late->range);
    return late->range ? 0 : -ENOMEM;
}

void speadi_late_gaps_release(struct speadi_late_gaps *late)
{
    free(late->range);
    *late = (struct speadi_late_gaps){0};
}

/* Takes `count` ranges that lie side by side in the array. Returns the position of the first one. */
static uint64_t take(struct speadi_late_gaps *late, uint32_t count)
{
    uint32_t at = (uint32_t)(late->taken % SPEADI_LATE_GAPS_RANGES);
    uint64_t position;

    if (at + count > SPEADI_LATE_GAPS_RANGES) /* begin again at the front of the array */
        late->taken += SPEADI_LATE_GAPS_RANGES - at;
    position = late->taken;
    late->taken += count;
    return position;
}

static struct speadi_span *ranges_of(const struct speadi_late_gaps *late,
                                     const struct speadi_kept_gaps *kept)
{
    return &late->range[kept->position % SPEADI_LATE_GAPS_RANGES];
}

struct speadi_kept_gaps speadi_late_gaps_keep(struct speadi_late_gaps *late,
                                              const struct spead_heap *heap,
                                              const struct speadi_heap_missing *missing)
{
    struct speadi_kept_gaps kept = {
        .packets = missing->packets,
        .least = missing->least,
        .length = heap->length,
        .packet_payload_bytes = heap->packet_payload_bytes,
        .packet_payload_max = heap->packet_payload_max,
        .estimated = heap->packets_estimated,
    };

    if (missing->ranges == 0)
        return kept;
    kept.count =
        missing->ranges < SPEADI_LATE_GAPS_EACH ? (uint32_t)missing->ranges : SPEADI_LATE_GAPS_EACH;
    kept.room = kept.count + SPEADI_LATE_GAPS_SPLITS;
    kept.position = take(late, kept.room);
    kept.count = (uint32_t)speadi_heap_missing_ranges(heap, ranges_of(late, &kept), kept.count);
    return kept;
}

/* Returns the index of the first gap that ends behind `start`. */
static uint32_t find(const struct speadi_span *gap, uint32_t count, uint64_t start)
{
    uint32_t low = 0, high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (gap[middle].end > start)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Replaces gap number `at` by the two ranges that are left of it. Either may be empty. Returns false if there is no
 * room for both. */
static bool replace(struct speadi_span *gap, struct speadi_kept_gaps *kept, uint32_t at,
                    struct speadi_span left, struct speadi_span right)
{
    bool has_left = left.start < left.end, has_right = right.start < right.end;

    if (has_left && has_right) {
        if (kept->count == kept->room)
            return false;
        memmove(&gap[at + 1], &gap[at], (kept->count - at) * sizeof *gap);
        kept->count++;
        gap[at] = left;
        gap[at + 1] = right;
    } else if (has_left || has_right) {
        gap[at] = has_left ? left : right;
    } else {
        memmove(&gap[at], &gap[at + 1], (kept->count - at - 1) * sizeof *gap);
        kept->count--;
    }
    return true;
}

/* Returns `number` after one part of it has changed from `before` to `after`. The result is at most one less than
 * `number`, because only one packet came. */
static uint64_t changed(uint64_t number, uint64_t before, uint64_t after)
{
    if (after < before)
        return number > 0 ? number - 1 : 0;
    return number + (after - before);
}

/* Returns true if a lost packet of the heap can have had this range, which lies in the gap. Each end of a gap is an end
 * of a packet. Between the end and the packet lie whole packets, and perhaps a shorter one at the end of the heap. */
static bool fits(const struct speadi_kept_gaps *kept, const struct speadi_span *gap, uint64_t start,
                 uint64_t end)
{
    uint64_t packet = kept->packet_payload_bytes;
    bool begins = gap->start == 0, ends = gap->end == kept->length, left, right;

    if (kept->estimated || packet == 0)
        return true;
    left = (start - gap->start) % packet == 0;
    right = (gap->end - end) % packet == 0;
    if (end - start == packet)
        return left || right || (begins && ends);
    return end - start < packet &&
           ((start == 0 && (right || ends)) || (end == kept->length && (left || begins)));
}

/* Returns how many packets fill the range. Each of them has at most `packet` bytes of payload. */
static uint64_t packets_in(const struct speadi_span *range, uint64_t packet)
{
    return speadi_packets_of(range->end - range->start, packet);
}

bool speadi_late_gaps_fill(struct speadi_late_gaps *late, struct speadi_kept_gaps *kept,
                           uint64_t start, uint64_t end)
{
    struct speadi_span *gap = ranges_of(late, kept), whole, left, right;
    uint64_t packet = kept->packet_payload_bytes, most = kept->packet_payload_max;
    uint32_t at;

    if (kept->count == 0 || late->taken - kept->position > SPEADI_LATE_GAPS_RANGES)
        return false;
    at = find(gap, kept->count, start);
    if (at == kept->count || start < gap[at].start || end > gap[at].end)
        return false;
    whole = gap[at];
    if (!fits(kept, &whole, start, end))
        return false;
    left = (struct speadi_span){whole.start, start};
    right = (struct speadi_span){end, whole.end};
    if (!replace(gap, kept, at, left, right))
        return false;
    kept->packets = changed(kept->packets, packets_in(&whole, packet),
                            packets_in(&left, packet) + packets_in(&right, packet));
    kept->least = changed(kept->least, packets_in(&whole, most),
                          packets_in(&left, most) + packets_in(&right, most));
    if (!kept->estimated || kept->least > kept->packets)
        kept->least = kept->packets;
    return true;
}
