/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers how the last heaps of each sender ended.
 *
 * Each substream of each endpoint remembers its last heaps, so that a late packet does not open its heap again. If the
 * heap of a packet is not remembered, the packet opens a new heap. If the heap is remembered, the packet is a duplicate
 * (the heap was complete) or late (the heap was incomplete). If the packet contradicts what is remembered of the heap,
 * or comes too late after the heap, the sender has used the counter for another heap.
 *
 * Counters are only compared for equality, never by order: a sender that restarts and counts from 1 again must be
 * received. For the same reason a heap is forgotten after one second, at a start or stop item of its sender, and when
 * the sender has finished half as many further heaps as its flavour has counters.
 *
 * Networks double packets, also those that carry a start or stop item. Therefore a heap that carried one is still known
 * for a short time after its sender was forgotten (speadi_finished_is_copy()). Only the owner thread calls these
 * functions. */
#ifndef SPEADI_FINISHED_H
#define SPEADI_FINISHED_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/heap_view.h>
#include <speadi/packet.h>

#include "counter_map.h"
#include "heap_key.h"
#include "late_gaps.h"
#include "sender_table.h"

#define SPEADI_FINISHED_FORGET_NS 1000000000u
#define SPEADI_FINISHED_ITEMS     4u /* immediate items that are remembered of each heap */

struct speadi_finished_heap {
    uint64_t counter;
    uint32_t sender;
    uint32_t epoch; /* finished_epoch of the sender when the heap ended */
    uint64_t nth;   /* the heap was the nth one of its sender that ended */
    /* The time when the heap ended, by the clock by which heaps age: now() of the engine, or the reading clock of the
     * stream if the engine has no now(). */
    uint64_t time_ns;
    struct speadi_kept_gaps gaps;         /* which of its packets count as missing */
    uint64_t length;                      /* the declared length; valid if has_length */
    uint64_t item[SPEADI_FINISHED_ITEMS]; /* pointers of the first immediate items of the heap */
    uint8_t item_count;
    uint8_t heap_address_bits;
    uint8_t controls; /* SPEADI_CONTROL_BIT() of the start and stop items that the heap carried */
    bool has_length;
    bool complete;
    bool is_control; /* a control heap in one packet; a heap of data may have the same counter */
    bool used;       /* false if this entry is free */
    /* The bucket of the packets that still come for this heap (enum spead_recv_bucket), if it has nothing to do with
     * what came of it: a heap that lies before the start point of the stream, that has no place in a chunk, or whose chunk
     * has left. 0 for all other heaps. */
    uint8_t refused_as;
    bool refused_again; /* a packet has come for a heap that began before its chunk left */
};

struct speadi_finished {
    struct speadi_finished_heap *heap; /* array [ring_count][per_ring] */
    /* array [ring_count]: for each ring, the number of the entry that the next heap will use */
    uint32_t *next;
    uint32_t ring_count, per_ring;
    struct speadi_counter_map map; /* maps a sender and a heap counter to an index into `heap` */
};

/* Makes room for the last per_ring heaps of each ring. Returns 0 or -ENOMEM. */
int speadi_finished_init(struct speadi_finished *finished, uint32_t ring_count, uint32_t per_ring);
void speadi_finished_release(struct speadi_finished *finished);

/* Remembers a heap that has ended now. If its ring is full, the new entry replaces the oldest one. Returns the entry.
 * The caller sets `complete` of the entry and calls speadi_finished_describe(). Packets of the heap count as missing
 * only if the caller sets `gaps` of the entry. */
struct speadi_finished_heap *speadi_finished_add(struct speadi_finished *finished,
                                                 const struct speadi_heap_key *key,
                                                 struct speadi_sender *sender, uint64_t now_ns);

/* Remembers a control heap that came in this packet. */
void speadi_finished_add_control(struct speadi_finished *finished,
                                 const struct speadi_heap_key *key, struct speadi_sender *sender,
                                 const struct speadi_packet *packet, uint64_t now_ns);

/* Stores the first immediate items of the heap: a part of speadi_finished_describe(). */
void speadi_finished_describe_items(struct speadi_finished_heap *entry,
                                    const struct spead_heap *heap);

/* Stores the length and the first immediate items of the heap, whose items must be sorted. */
static inline void speadi_finished_describe(struct speadi_finished_heap *entry,
                                            const struct spead_heap *heap)
{
    entry->heap_address_bits = heap->heap_address_bits;
    entry->has_length = heap->has_length;
    entry->length = heap->length;
    if (heap->item_count > 0)
        speadi_finished_describe_items(entry, heap);
}

/* Returns the entry of a heap of this sender, or NULL if the heap is not remembered. The entry is valid until the next
 * speadi_finished_add(). */
struct speadi_finished_heap *speadi_finished_find(const struct speadi_finished *finished,
                                                  const struct speadi_sender *sender,
                                                  uint64_t counter, uint64_t now_ns);

/* Returns the last heap of this sender and counter that ended, also if it is forgotten, or NULL. The entry is valid until
 * the next speadi_finished_add(). */
struct speadi_finished_heap *speadi_finished_last(const struct speadi_finished *finished,
                                                  const struct speadi_sender *sender,
                                                  uint64_t counter);

/* Tells whether the heap is of this run of its sender and is forgotten only because a stop item came after it. */
bool speadi_finished_is_behind_stop(const struct speadi_finished_heap *heap,
                                    const struct speadi_sender *sender);

/* Tells whether the packet is of the heap of this entry, which carried a start or stop item and ended at most within_ns
 * before the packet came: then the items of the packet are copies, and mean nothing new. came_ns is the earliest time
 * at which the packet can have come. The entry may be forgotten. */
bool speadi_finished_is_copy(const struct speadi_finished_heap *entry,
                             const struct speadi_packet *packet, uint64_t came_ns,
                             uint64_t within_ns);

/* Tells whether the packet cannot be a packet of the remembered heap: its flavour, its heap length or the value of one
 * of its immediate items differs. */
bool speadi_finished_contradicts(const struct speadi_finished_heap *entry,
                                 const struct speadi_packet *packet);

/* Forgets all heaps of the sender. The core calls this when a start or stop item or a long silence says that the sender
 * starts or ends. */
static inline void speadi_finished_forget(struct speadi_sender *sender)
{
    sender->finished_epoch++;
}

static inline uint64_t speadi_finished_bytes(const struct speadi_finished *finished)
{
    return (uint64_t)finished->ring_count *
               (finished->per_ring * sizeof *finished->heap + sizeof *finished->next) +
           speadi_counter_map_bytes(&finished->map);
}

#endif
