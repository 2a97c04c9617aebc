/* SPDX-License-Identifier: Apache-2.0 */
/* A mix is a number of consecutive heaps of the heap queue whose packets do not leave one heap after another: the heaps
 * of a ROUND_ROBIN group, or heaps that are mixed for longer trains.
 * Several heaps of a mix are cut at a time, and several are partly done at a time. So each of them needs a place for what
 * the stream otherwise keeps only for one heap: how far it has been cut, and which of its packets are done.
 *
 * The order of the packets of a mix follows from the numbers of packets of its heaps. A *walk* goes through this order.
 * Each mix is walked twice: first by the code that cuts packets, and later by the code that reaps them. So a packet need
 * not say to which heap it belongs.
 *
 * Only the owner thread of the stream calls these functions. */
#ifndef SPEADI_HEAP_MIX_H
#define SPEADI_HEAP_MIX_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/stats.h>

#include "heap_queue.h"
#include "packetiser.h"

/* What has become of the packets of a heap that are done so far. */
struct speadi_heap_done {
    uint64_t packets, bytes;
    uint64_t bytes_sent;
    int error;                     /* the first error of these packets; 0 if there was no error */
    enum spead_send_bucket bucket; /* the bucket of that error */
};

enum speadi_mix_order {
    SPEADI_MIX_ROUND_ROBIN, /* one packet of each heap that is not finished, in turn */
    /* All packets but the last of the first heap, then of the second, and so on; then the last packets in the same order.
     * Every heap must have at least two packets. All but the last packets have the same size. */
    SPEADI_MIX_LAST_PACKETS_LAST,
};

enum speadi_mix_walker { SPEADI_MIX_CUTS, SPEADI_MIX_REAPS, SPEADI_MIX_WALKERS };

/* What a heap of a mix has of its own. */
struct speadi_mixed_heap {
    struct speadi_packetiser_mark mark;
    struct speadi_heap_done done;
    /* For each walk: how many packets of the heap it has passed, and the index of the next heap that it has not
     * finished. The indices count from the first heap of the mix. */
    uint64_t passed[SPEADI_MIX_WALKERS];
    uint32_t next[SPEADI_MIX_WALKERS];
};

/* One such struct for each slot of the heap queue. */
struct speadi_mixed_heaps {
    struct speadi_mixed_heap *heap;
    size_t bytes;
    uint64_t mask;
};

struct speadi_mix_walk {
    enum speadi_mix_walker walker;
    enum speadi_mix_order order;
    bool in_last_packets; /* LAST_PACKETS_LAST: true if the walk has passed all other packets */
    uint32_t count;       /* the heaps of the mix */
    uint64_t first;       /* the queue position of the first heap of the mix */
    uint32_t unfinished;  /* heaps that the walk has not finished; 0 if no walk is under way */
    uint32_t at,
        before; /* index of the heap whose packets come next, and of the one before it in the circle */
};

/* The packets that come next in a walk, and their heap. */
struct speadi_mix_run {
    uint64_t position; /* of the heap in the queue */
    struct speadi_heap_entry *entry;
    struct speadi_mixed_heap *mixed;
    uint64_t packets; /* at least one; the packets of no other heap come between them */
};

/* Allocates memory for the heaps of *queue. Returns 0 or -ENOMEM. */
int speadi_mixed_heaps_init(struct speadi_mixed_heaps *heaps,
                            const struct speadi_heap_queue *queue);
void speadi_mixed_heaps_release(struct speadi_mixed_heaps *heaps);

static inline struct speadi_mixed_heap *speadi_mixed_heap_at(const struct speadi_mixed_heaps *heaps,
                                                             uint64_t position)
{
    return &heaps->heap[position & heaps->mask];
}

/* Prepares a heap of a mix for its two walks: no packet of it has been cut. */
void speadi_mixed_heap_prepare(struct speadi_mixed_heap *heap);

static inline bool speadi_mix_is_under_way(const struct speadi_mix_walk *walk)
{
    return walk->unfinished != 0;
}

/* Begins a walk through the mix whose first heap has the position `first` and the entry *entry. All heaps of the mix must
 * have been prepared. */
void speadi_mix_begin(struct speadi_mix_walk *walk, const struct speadi_mixed_heaps *heaps,
                      uint64_t first, const struct speadi_heap_entry *entry);

/* Returns what comes next in a walk that is under way. */
struct speadi_mix_run speadi_mix_next(const struct speadi_mix_walk *walk,
                                      const struct speadi_mixed_heaps *heaps,
                                      const struct speadi_heap_queue *queue);

/* Passes the first `packets` packets of *run, which is what speadi_mix_next() has returned. */
void speadi_mix_pass(struct speadi_mix_walk *walk, const struct speadi_mixed_heaps *heaps,
                     const struct speadi_mix_run *run, uint64_t packets);

#endif
