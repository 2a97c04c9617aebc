/* SPDX-License-Identifier: Apache-2.0 */
/* Predicts which ranges the next packets will fill, and keeps the reservations that the engine has accepted.
 *
 * The prediction is: the next packets of a source continue the live heap of its last packet, and they are as large as
 * packets in the middle of a heap. An engine that posts receives ahead may have more of them posted than the heap has
 * packets left. For such an engine the prediction goes on behind the end of the heap: the next heaps are *expected* to
 * have the same length, to be cut into packets alike, and to have counters that go on in the same step. An expected heap
 * has no region yet: its receives are posted into a block that was set aside. When the heap opens, its region exchanges
 * its memory with this block.
 *
 * Reservations have the numbers that the engine gives them. If the engine has several queues, the order of packets is
 * known only in each queue, and all packets of a sender come through one queue. So the prediction is made for each
 * *inlet*: one source as one queue sees it. It goes on with the heap of the last packet that came through this queue, and
 * its reservations are those of this queue. At a time, only receives of one queue are posted into a heap. Only the owner
 * thread calls these functions. */
#ifndef SPEADI_PLACEMENT_H
#define SPEADI_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "live_heap.h"
#include "placement_policy.h"
#include "rx_engine.h"

/* One receive from the kernel returns at most this many bytes. */
#define SPEADI_PLACEMENT_ASK_BYTES 65536u

/* One call of reserve() asks for at most this many ranges. */
#define SPEADI_PLACEMENT_BATCH 256u

/* At most this many heaps are expected at a time. */
#define SPEADI_EXPECTED_MAX 64u

/* A source and a queue make an inlet. */
#define SPEADI_INLETS_MAX SPEADI_RX_SOURCES_MAX

_Static_assert(SPEADI_INLETS_MAX >= SPEADI_RX_QUEUES_MAX, "each queue is an inlet");

struct speadi_reservation {
    /* The heap into which the receive is posted. NULL if that heap has left the core, if its memory was exchanged, or if
     * the heap is only expected: then the range lies in the block `aside`. If both are NULL, the receive has
     * completed. */
    struct speadi_live_heap *live;
    struct speadi_block *aside; /* NULL in each reservation that is not outstanding */
    uint64_t offset;            /* offset of the range in the heap */
    uint32_t bytes;
    uint32_t head_bytes;
    uint16_t inlet;
};

/* What the prediction knows about the packets of an inlet. */
struct speadi_prediction {
    uint64_t counter;     /* heap counter of the last packet */
    uint32_t sender;      /* id of the sender of the last packet */
    uint64_t next_offset; /* where the payload of the last packet ended */
    /* header bytes of a packet in the middle of a heap; 0 before such a packet came */
    uint32_t head_bytes;
    uint32_t payload_bytes; /* payload bytes of a packet in the middle of a heap */
    uint32_t outstanding;   /* number of reservations for this inlet that have not ended */
    /* What is known of the heap of the last packet, and so expected of the next heaps. */
    uint64_t heap_length; /* 0 if the heap has no declared length */
    /* difference of the counters of two heaps, one after the other; 0 if it is not known */
    uint64_t step;
    /* header and payload bytes of the first packet of a heap */
    uint32_t first_head_bytes, first_bytes;
    uint32_t size_class; /* of the region of the heap that opened last */
    bool expects;        /* payload of the heap that opened last may be placed */
};

/* A heap that has not begun, and into whose future memory receives are posted. */
struct speadi_expected_heap {
    struct speadi_block *block; /* was set aside */
    uint64_t counter, length;
    uint32_t sender;
    uint16_t queue; /* of the receives */
    uint64_t reserved_end;
    uint64_t first_place, end_place; /* as in struct speadi_live_heap */
    bool places_sorted;
};

/* Where a packet belongs that comes after others: how many heaps after the heap of the last packet, and where in it. */
struct speadi_position {
    uint64_t heaps, offset;
};

struct speadi_placement {
    /* Reservation number r is at r % SPEADI_RX_RESERVE_MAX. */
    struct speadi_reservation reservation[SPEADI_RX_RESERVE_MAX];
    /* For each reservation, 1 + the index of the packet of the burst whose payload lies in the range of the
     * reservation. 0 if there is no such packet, or if the range is not the packet's own place. Valid only after
     * speadi_placement_forget_holders() in this burst. */
    uint16_t holder[SPEADI_RX_RESERVE_MAX];
    /* For each queue: the number that its next reservation will have, and the number of its first reservation that has
     * not ended. If there is one queue, these are the numbers of reservations that the engine has accepted, and of those
     * that have ended, since the beginning of the stream. */
    uint64_t accepted[SPEADI_RX_QUEUES_MAX], ended[SPEADI_RX_QUEUES_MAX];
    /* The number of queues is 1 << queues_log. Two reservations of a queue, one after the other, have numbers that
     * differ by this. */
    unsigned queues_log;
    /* For each size class, the number of regions into which receives are posted: regions of heaps, regions that were
     * exchanged, and blocks of expected heaps. Without the blocks that the pool has lent this is at most targets_max, the
     * number of regions of the class that are set aside. So there is one for a heap that must exchange its memory. */
    uint32_t targets[SPEADI_POOL_CLASSES_MAX], targets_max[SPEADI_POOL_CLASSES_MAX];
    uint32_t outstanding_max; /* of each queue */
    /* The engine posts receives ahead into memory that is charged from the start, so heaps can be expected. */
    bool expects;
    uint32_t expected_count;
    struct speadi_expected_heap expected[SPEADI_EXPECTED_MAX];
    /* One call of reserve() asks for at most this many bytes, heads and ranges together. */
    uint64_t ask_bytes_max;
    bool enabled;
    struct speadi_placement_policy policy;
    /* For each inlet; see speadi_placement_inlet(). An engine with several queues places for one source only. */
    struct speadi_prediction prediction[SPEADI_INLETS_MAX];
};

/* Says through how many queues packets come: a power of two. Without this call there is one. No reservation may have
 * been accepted yet. */
void speadi_placement_set_queues(struct speadi_placement *placement, uint32_t queues);

/* Returns the inlet of this source and this queue. */
static inline uint16_t speadi_placement_inlet(const struct speadi_placement *placement,
                                              uint16_t source, uint16_t queue)
{
    return (uint16_t)((uint32_t)source << placement->queues_log | queue);
}

static inline uint16_t speadi_placement_source(const struct speadi_placement *placement,
                                               uint16_t inlet)
{
    return (uint16_t)(inlet >> placement->queues_log);
}

/* Returns the number by which two reservations of a queue, one after the other, differ. It is the number of queues. */
static inline uint64_t speadi_placement_step(const struct speadi_placement *placement)
{
    return UINT64_C(1) << placement->queues_log;
}

/* Returns the queue of an inlet, or of a reservation. */
static inline uint16_t speadi_placement_queue(const struct speadi_placement *placement,
                                              uint64_t number)
{
    return (uint16_t)(number & (speadi_placement_step(placement) - 1));
}

/* Learns from the first packet that was accepted of a heap. speadi_placement_learn() calls it. */
void speadi_placement_learn_heap(struct speadi_placement *placement,
                                 struct speadi_prediction *prediction, uint32_t sender,
                                 const struct speadi_packet *packet);

/* Learns from a packet that was accepted. The next packets of the inlet are expected behind this packet. */
static inline void speadi_placement_learn(struct speadi_placement *placement, uint16_t inlet,
                                          uint32_t sender, const struct speadi_packet *packet)
{
    struct speadi_prediction *prediction = &placement->prediction[inlet];
    bool same_heap = packet->heap_counter == prediction->counter && sender == prediction->sender;

    if (packet->payload_offset != (same_heap ? prediction->next_offset : 0))
        placement->policy.breaks++;
    if (!same_heap)
        speadi_placement_learn_heap(placement, prediction, sender, packet);
    prediction->counter = packet->heap_counter;
    prediction->sender = sender;
    prediction->next_offset = packet->payload_offset + packet->payload_bytes;
    if (packet->payload_offset != 0 && packet->has_heap_length &&
        prediction->next_offset != packet->heap_length) {
        prediction->head_bytes = packet->header_bytes;
        prediction->payload_bytes = (uint32_t)packet->payload_bytes;
    }
}

/* Learns from `count` accepted packets of one length. Each of them began where the packet before it ended. `last` is
 * the last of them. */
static inline void speadi_placement_learn_series(struct speadi_placement *placement, uint16_t inlet,
                                                 uint32_t sender, const struct speadi_packet *last,
                                                 unsigned count)
{
    struct speadi_prediction *prediction = &placement->prediction[inlet];

    /* If the first packet came as predicted, all of them did. Else speadi_placement_learn() counts one break: one
     * packet that did not continue the packet before it. */
    if (prediction->counter == last->heap_counter && prediction->sender == sender &&
        prediction->next_offset + (count - 1) * last->payload_bytes == last->payload_offset)
        prediction->next_offset = last->payload_offset;
    speadi_placement_learn(placement, inlet, sender, last);
}

/* Returns where the packet belongs that comes `count` packets after the next one. A packet of the heap of the last
 * packet has heaps = 0; so has any packet while packets carry no payload. Behind the end of a heap without a
 * declared length, or while the step of the counters is not known, the result has heaps = UINT64_MAX. */
struct speadi_position speadi_placement_position(const struct speadi_prediction *prediction,
                                                 uint64_t count);

/* Predicts ranges of the heap `live` for the next packets of the inlet. Returns the number of ranges, at most
 * SPEADI_PLACEMENT_BATCH. No byte of a range is received or reserved already, and no range goes past the declared
 * length. The memory of the ranges is charged. If the pool refuses the memory of a range, the prediction ends before
 * this range. `ahead` is the number of packets that have no reservation and come before the predicted ones. */
unsigned speadi_placement_predict(const struct speadi_placement *placement, uint16_t inlet,
                                  struct speadi_live_heap *live, unsigned ahead,
                                  struct speadi_rx_range ranges[SPEADI_PLACEMENT_BATCH]);

/* Says that the engine accepted the first `count` of the ranges that were predicted for `live`. */
void speadi_placement_accept(struct speadi_placement *placement, uint16_t inlet,
                             struct speadi_live_heap *live, const struct speadi_rx_range *ranges,
                             unsigned count);

/* ---- expected_heaps.c: heaps that have not begun --------------------------------------------- */

/* Returns the expected heap `heaps` heaps after the heap of the last packet of the inlet. If there is none yet, makes
 * one, with a block that the pool has set aside, or that it lends. Returns NULL if none can be made, and also if receives
 * of another queue are posted into the heap. */
struct speadi_expected_heap *speadi_placement_expect(struct speadi_placement *placement,
                                                     struct speadi_pool *pool, uint16_t inlet,
                                                     uint64_t heaps);

/* Predicts ranges of an expected heap, from this offset on. Returns their number; *head_bytes is the number of header
 * bytes of their packets. */
unsigned speadi_placement_predict_expected(const struct speadi_placement *placement, uint16_t inlet,
                                           const struct speadi_expected_heap *heap, uint64_t offset,
                                           struct speadi_rx_range ranges[SPEADI_PLACEMENT_BATCH],
                                           uint32_t *head_bytes);

/* Says that the engine accepted the first `count` of the ranges that were predicted for the heap. If no receive is
 * posted into the heap then, it is not expected any more. */
void speadi_placement_accept_expected(struct speadi_placement *placement, uint16_t inlet,
                                      struct speadi_expected_heap *heap, uint32_t head_bytes,
                                      const struct speadi_rx_range *ranges, unsigned count);

/* Says that the sender's heap with the counter of this packet opens in this region. If the heap was expected, and just
 * so, exchanges the memory of the region with that of the expected heap, and returns the expected heap: the caller must
 * then open the heap and call speadi_placement_bind(). Otherwise returns NULL, and the heap is not expected any more. */
struct speadi_expected_heap *speadi_placement_meet(struct speadi_placement *placement,
                                                   uint32_t sender,
                                                   const struct speadi_packet *packet,
                                                   struct speadi_block *region);

/* Gives the reservations of the expected heap to the heap that has opened. *heap is not valid any more then. */
void speadi_placement_bind(struct speadi_placement *placement, struct speadi_expected_heap *heap,
                           struct speadi_live_heap *live);

/* Says that no receive is posted into the block any more, so no heap is expected in it. */
void speadi_placement_unexpect(struct speadi_placement *placement,
                               const struct speadi_block *block);

/* Returns the expected heap whose block this is, or NULL. */
const struct speadi_expected_heap *speadi_placement_expected_in(
    const struct speadi_placement *placement, const struct speadi_block *block);

/* ---- Reservations ----------------------------------------------------------------------------- */

/* Tells whether the payload of this sender's packet lies in its own place, that is, reservation `place` predicted
 * exactly this packet. The packet may be of a heap that is expected. */
bool speadi_placement_is_own_place(const struct speadi_placement *placement, uint64_t place,
                                   uint32_t sender, const struct speadi_packet *packet);

/* How far the current burst is processed. */
struct speadi_burst_state {
    const uint64_t *ended; /* burst.reservations_ended */
    unsigned next;         /* burst_next: the first packet of the burst that is not processed yet */
    bool checked;          /* places_checked: `holder` is valid */
};

/* Tells whether the core must not write to [start, end) of the heap `live` yet: a receive may still write there, or the
 * payload of a packet of the burst that is not processed yet lies there. */
bool speadi_placement_is_reserved(const struct speadi_placement *placement,
                                  struct speadi_burst_state burst,
                                  const struct speadi_live_heap *live, uint64_t start,
                                  uint64_t end);

/* Looks for reserved ranges of the heap that end behind `start` (see speadi_placement_is_reserved()). Returns the
 * lowest offset at which one of them begins, or UINT64_MAX if there is none. The result is less than `start` if `start`
 * lies inside such a range. */
uint64_t speadi_placement_first_reserved(const struct speadi_placement *placement,
                                         struct speadi_burst_state burst,
                                         const struct speadi_live_heap *live, uint64_t start);

/* Says that in each queue the reservations with a number below `ended` have ended; `ended` has a number for each queue.
 * Blocks that were set aside go back to their pool when the last receive into them has ended. */
void speadi_placement_end(struct speadi_placement *placement, const uint64_t *ended);

/* Says that the heap leaves and that no receive will write to its memory any more. */
void speadi_placement_forget(struct speadi_placement *placement, struct speadi_live_heap *live);

/* Says that the memory of the heap, into which receives are posted, is the memory of the block `aside` now. */
void speadi_placement_move(struct speadi_placement *placement, struct speadi_live_heap *live,
                           struct speadi_block *aside);

/* Tells whether receives may be posted into one more region of the class, so that each such region finds one that is set
 * aside with which it can exchange its memory. */
static inline bool speadi_placement_has_target(const struct speadi_placement *placement,
                                               const struct speadi_pool *pool, uint32_t class)
{
    return placement->targets[class] <
           placement->targets_max[class] + speadi_pool_lent_blocks(pool, class);
}

/* Tells whether receives of this queue may be posted into this heap. */
static inline bool speadi_placement_may_target(const struct speadi_placement *placement,
                                               const struct speadi_live_heap *live, uint16_t queue)
{
    const struct speadi_block *region = live->heap.region;

    if (live->reservations > 0)
        return live->queue == queue;
    return speadi_placement_has_target(placement, region->pool, region->size_class);
}

/* Returns the reservation of this number, which must be outstanding. */
static inline const struct speadi_reservation *speadi_placement_reservation(
    const struct speadi_placement *placement, uint64_t place)
{
    return &placement->reservation[place % SPEADI_RX_RESERVE_MAX];
}

/* Returns the place of the next reservation of the same queue. */
static inline struct speadi_reservation *speadi_placement_next(
    struct speadi_placement *placement, struct speadi_reservation *reservation)
{
    reservation += speadi_placement_step(placement);
    return reservation >= placement->reservation + SPEADI_RX_RESERVE_MAX
               ? reservation - SPEADI_RX_RESERVE_MAX
               : reservation;
}

/* Must be called once for a burst before speadi_placement_note_holder(). */
static inline void speadi_placement_forget_holders(struct speadi_placement *placement)
{
    memset(placement->holder, 0, sizeof placement->holder);
}

/* Says that the payload of packet i of the burst lies in the range of this reservation, and that the range is its own
 * place. */
static inline void speadi_placement_note_holder(struct speadi_placement *placement, uint64_t place,
                                                unsigned i)
{
    placement->holder[place % SPEADI_RX_RESERVE_MAX] = (uint16_t)(i + 1);
}

/* Returns how many reservations of this queue are outstanding. */
static inline uint64_t speadi_placement_outstanding(const struct speadi_placement *placement,
                                                    uint16_t queue)
{
    return (placement->accepted[queue] - placement->ended[queue]) >> placement->queues_log;
}

/* Tells whether any reservation is outstanding. */
static inline bool speadi_placement_has_outstanding(const struct speadi_placement *placement)
{
    uint64_t differences = 0;

    for (unsigned i = 0; i < 1u << placement->queues_log; i++)
        differences |= placement->accepted[i] ^ placement->ended[i];
    return differences != 0;
}

#endif
