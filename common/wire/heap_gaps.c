/* The gaps of a heap and their causes. */
#include <speadi/heap_view.h>

/* The state of a walk over the gaps of a heap. The gaps are the ranges between the spans; a span is a range that was
 * received. */
struct gap_walk {
    const struct spead_heap *heap;
    uint32_t next_span;
    /* The current gap: where it begins, its length, and how many packets are missing in it. `packets` is 0 if that
     * number is unknown. */
    uint64_t offset, bytes, packets;
    /* How many refused packets the walk has not yet given to a gap (see cause_of()). */
    uint64_t refused_left;
};

static struct gap_walk walk_gaps(const struct spead_heap *heap)
{
    return (struct gap_walk){
        .heap = heap,
        /* A complete heap has no gap. Perhaps it does not have its spans any more, so the walk must not read them. */
        .next_span = heap->complete ? heap->span_count + 1 : 0,
        .refused_left = heap->refused_packets,
    };
}

/* Goes to the next gap. Returns false when there is no further gap. */
static bool next_gap(struct gap_walk *walk)
{
    const struct spead_heap *heap = walk->heap;

    while (walk->next_span <= heap->span_count) {
        uint32_t span = walk->next_span++;
        uint64_t start = span == 0 ? 0 : heap->spans[span - 1].end;
        uint64_t end = span == heap->span_count ? heap->length : heap->spans[span].start;
        uint64_t packet = heap->packet_payload_bytes;

        if (start < end) {
            walk->offset = start;
            walk->bytes = end - start;
            walk->packets = packet == 0 ? 0 : walk->bytes / packet + (walk->bytes % packet != 0);
            return true;
        }
    }
    return false;
}

/* Returns the cause of the current gap. The heap knows how many packets were refused, but not which packets. So the
 * function assigns the refused packets to the gaps, in the order of the gaps. If the number of refused packets that are
 * left is enough for all missing packets of this gap, the cause is SPEAD_GAP_REFUSED. The function then subtracts the
 * missing packets from refused_left. */
static enum spead_gap_cause cause_of(struct gap_walk *walk)
{
    uint64_t needed = walk->packets == 0 ? 1 : walk->packets;

    if (needed <= walk->refused_left) {
        walk->refused_left -= needed;
        return SPEAD_GAP_REFUSED;
    }
    if (walk->heap->local_drops)
        return SPEAD_GAP_LOCAL_DROPS;
    return walk->heap->checksum_drops ? SPEAD_GAP_CHECKSUM : SPEAD_GAP_UNSEEN;
}

size_t spead_heap_gaps(const struct spead_heap *heap, struct spead_gap *gaps, size_t max)
{
    struct gap_walk walk = walk_gaps(heap);
    size_t count = 0;

    while (next_gap(&walk)) {
        if (count < max)
            gaps[count] = (struct spead_gap){
                .offset = walk.offset,
                .bytes = walk.bytes,
                .packets = walk.packets > UINT32_MAX ? UINT32_MAX : (uint32_t)walk.packets,
                .cause = cause_of(&walk),
            };
        count++;
    }
    return count;
}

uint64_t speadi_heap_missing_packets(const struct spead_heap *heap)
{
    struct gap_walk walk = walk_gaps(heap);
    uint64_t packets = 0;

    while (next_gap(&walk))
        packets += walk.packets;
    return packets > heap->refused_packets ? packets - heap->refused_packets : 0;
}
