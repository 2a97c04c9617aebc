/* SPDX-License-Identifier: Apache-2.0 */
/* The gaps of a heap and their causes. */
#include <speadi/heap_view.h>

/* The state of a walk over the gaps of a heap. The gaps are the ranges between the spans; a span is a range that was
 * received. If packets came for a part of a gap and were refused, the walk splits the gap into parts. Each part has one
 * cause. */
struct gap_walk {
    const struct spead_heap *heap;
    uint32_t next_span;
    uint32_t next_refused;
    uint64_t at, end; /* the rest of the current gap, not yet split into parts */
    /* the current part */
    uint64_t offset, bytes;
    enum spead_gap_cause cause;
};

static struct gap_walk walk_gaps(const struct spead_heap *heap)
{
    return (struct gap_walk){
        .heap = heap,
        /* A complete heap has no gap. Perhaps it no longer has its spans, so the walk does not read them. */
        .next_span = heap->complete ? heap->span_count + 1 : 0,
    };
}

/* Goes to the next gap. Returns false when there is no further gap. */
static bool next_gap(struct gap_walk *walk)
{
    const struct spead_heap *heap = walk->heap;

    while (walk->next_span <= heap->span_count) {
        uint32_t span = walk->next_span++;

        walk->at = span == 0 ? 0 : heap->spans[span - 1].end;
        walk->end = span == heap->span_count ? heap->length : heap->spans[span].start;
        if (walk->at < walk->end)
            return true;
    }
    return false;
}

/* Returns the cause of a range that lies in no span of `refused`. */
static enum spead_gap_cause cause_of_rest(const struct spead_heap *heap, uint64_t start,
                                          uint64_t end)
{
    if (heap->refused_unplaced > 0 && start < heap->refused_within.end &&
        end > heap->refused_within.start)
        return SPEAD_GAP_PARTLY_REFUSED;
    if (heap->local_drops)
        return SPEAD_GAP_LOCAL_DROPS;
    return heap->checksum_drops ? SPEAD_GAP_CHECKSUM : SPEAD_GAP_UNSEEN;
}

/* Goes to the next part of a gap. Returns false when there is no further part. */
static bool next_part(struct gap_walk *walk)
{
    const struct spead_heap *heap = walk->heap;
    const struct speadi_span *refused;
    uint64_t end;

    if (walk->at == walk->end && !next_gap(walk))
        return false;
    while (walk->next_refused < heap->refused_count &&
           heap->refused[walk->next_refused].end <= walk->at)
        walk->next_refused++;
    refused = walk->next_refused < heap->refused_count ? &heap->refused[walk->next_refused] : NULL;
    if (refused && refused->start <= walk->at) {
        end = refused->end < walk->end ? refused->end : walk->end;
        walk->cause = SPEAD_GAP_REFUSED;
    } else {
        end = refused && refused->start < walk->end ? refused->start : walk->end;
        walk->cause = cause_of_rest(heap, walk->at, end);
    }
    walk->offset = walk->at;
    walk->bytes = end - walk->at;
    walk->at = end;
    return true;
}

/* Goes to the next part that never came. */
static bool next_missing(struct gap_walk *walk)
{
    while (next_part(walk))
        if (walk->cause != SPEAD_GAP_REFUSED)
            return true;
    return false;
}

static uint32_t packets_in(const struct gap_walk *walk)
{
    uint64_t packet = walk->heap->packet_payload_bytes;
    uint64_t packets = packet == 0 ? 0 : speadi_packets_of(walk->bytes, packet);

    return packets > UINT32_MAX ? UINT32_MAX : (uint32_t)packets;
}

size_t spead_heap_gaps(const struct spead_heap *heap, struct spead_gap *gaps, size_t max)
{
    struct gap_walk walk = walk_gaps(heap);
    size_t count = 0;

    for (; next_part(&walk); count++)
        if (count < max)
            gaps[count] = (struct spead_gap){
                .offset = walk.offset,
                .bytes = walk.bytes,
                .packets = packets_in(&walk),
                .cause = walk.cause,
            };
    return count;
}

static uint64_t less(uint64_t from, uint64_t what)
{
    return from > what ? from - what : 0;
}

struct speadi_heap_missing speadi_heap_missing(const struct spead_heap *heap)
{
    struct speadi_heap_missing missing = {0};
    struct gap_walk walk = walk_gaps(heap);

    while (next_missing(&walk)) {
        missing.ranges++;
        missing.packets += speadi_packets_of(walk.bytes, heap->packet_payload_bytes);
        missing.least += speadi_packets_of(walk.bytes, heap->packet_payload_max);
    }
    missing.packets = less(missing.packets, heap->refused_unplaced);
    missing.least = less(missing.least, heap->refused_unplaced);
    if (!heap->packets_estimated || missing.least > missing.packets)
        missing.least = missing.packets;
    return missing;
}

size_t speadi_heap_missing_ranges(const struct spead_heap *heap, struct speadi_span *ranges,
                                  size_t max)
{
    struct gap_walk walk = walk_gaps(heap);
    size_t count = 0;

    while (count < max && next_missing(&walk))
        ranges[count++] =
            (struct speadi_span){.start = walk.offset, .end = walk.offset + walk.bytes};
    return count;
}
