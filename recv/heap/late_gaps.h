/* SPDX-License-Identifier: Apache-2.0 */
/* The gaps of the heaps that ended incomplete. When a packet of such a heap comes late, it no longer counts as missing
 * if two things hold: its whole range lies in a gap, and the sender could have cut the heap so. Then the gap becomes
 * smaller. So a copy of a packet that arrived before, in time or late, changes nothing. A forged packet at most takes
 * the place of one lost packet.
 *
 * All heaps share one ring of ranges. A new heap overwrites the ranges of the oldest heap. Late packets of a heap that
 * was overwritten stay counted as missing. Only the owner thread calls these functions. */
#ifndef SPEADI_LATE_GAPS_H
#define SPEADI_LATE_GAPS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/heap_view.h>

#define SPEADI_LATE_GAPS_RANGES 4096u
#define SPEADI_LATE_GAPS_EACH   1024u /* ranges that are kept of one heap */
/* A late packet in the middle of a gap divides the gap into two gaps. A heap has room for this many divisions. After
 * that such packets stay counted as missing. */
#define SPEADI_LATE_GAPS_SPLITS 16u

/* The gaps of one heap, and how many of its packets count as missing. If `count` is 0, no late packet changes
 * anything, and the fields behind `packets` have no meaning. */
struct speadi_kept_gaps {
    /* Number of ranges that the ring had taken before the first one of the heap. */
    uint64_t position;
    uint32_t count;          /* number of gaps */
    uint32_t room;           /* number of ranges that the heap has in the ring */
    uint64_t packets, least; /* see struct speadi_heap_missing */
    uint64_t length;         /* of the heap */
    uint64_t packet_payload_bytes, packet_payload_max;
    bool estimated;
};

struct speadi_late_gaps {
    struct speadi_span *range; /* array [SPEADI_LATE_GAPS_RANGES] */
    uint64_t taken;            /* number of ranges that heaps have taken so far */
};

/* Makes an empty ring. Returns 0 or -ENOMEM. */
int speadi_late_gaps_init(struct speadi_late_gaps *late);
void speadi_late_gaps_release(struct speadi_late_gaps *late);

/* Keeps the gaps of a heap that has ended incomplete, and what is missing in them. */
struct speadi_kept_gaps speadi_late_gaps_keep(struct speadi_late_gaps *late,
                                              const struct spead_heap *heap,
                                              const struct speadi_heap_missing *missing);

/* Says that a packet with the range [start, end) has come late. If it fits into a gap, takes the range out of the gap,
 * makes `packets` and `least` smaller by one at most, and returns true. If the sizes of the packets are known
 * (`estimated` is false), a packet fits where a lost packet can have been: the packet has this size, and only whole
 * packets fit between it and one end of the gap. The first and the last packet of a heap may be shorter. */
bool speadi_late_gaps_fill(struct speadi_late_gaps *late, struct speadi_kept_gaps *kept,
                           uint64_t start, uint64_t end);

static inline uint64_t speadi_late_gaps_bytes(void)
{
    return SPEADI_LATE_GAPS_RANGES * sizeof(struct speadi_span);
}

#endif
