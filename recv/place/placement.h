/* Where the next payloads will probably go, and which places are promised to the engine.
 *
 * Prediction: a source's next packets continue the live heap of its last one, with the sizes that
 * packets in the middle of its heaps have. It stays inside one heap: over the boundary counter, sizes
 * and memory would have to be guessed, for one receive in hundreds with heaps worth placing.
 * Reservations are numbered as the engine counts them, and end in that order. Owner thread. */
#ifndef SPEADI_PLACEMENT_H
#define SPEADI_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "live_heap.h"
#include "placement_policy.h"
#include "rx_engine.h"

/* From this payload a packet on, the kernel's scattering costs less than our copy (docs/engines.md). */
#define SPEADI_PLACEMENT_AUTO_BYTES 4096u

/* One receive of the kernel's returns at most this much. */
#define SPEADI_PLACEMENT_ASK_BYTES 65536u

struct speadi_reservation {
    struct speadi_live_heap *live; /* NULL: the heap is complete and gone */
    uint64_t offset;
    uint32_t bytes;
    uint32_t head_bytes;
    uint16_t source;
};

/* What a source's packets look like. */
struct speadi_prediction {
    uint64_t counter;     /* of the heap of its last packet ... */
    uint64_t next_offset; /* ... and where that packet ended */
    uint32_t head_bytes;  /* of packets in the middle of a heap; 0: none seen yet */
    uint32_t payload_bytes;
    uint32_t outstanding; /* reservations */
};

struct speadi_placement {
    struct speadi_reservation reservation[SPEADI_RX_RESERVE_MAX]; /* number % MAX */
    uint64_t accepted, ended;
    uint32_t outstanding_max;
    uint64_t ask_bytes_max; /* of one call of reserve() */
    bool enabled;
    struct speadi_placement_policy policy;
    struct speadi_prediction prediction[SPEADI_RX_SOURCES_MAX];
};

/* A packet was accepted: the source's next ones are expected behind it. */
static inline void speadi_placement_learn(struct speadi_placement *placement, uint16_t source,
                                          const struct speadi_packet *packet)
{
    struct speadi_prediction *prediction = &placement->prediction[source];

    if (packet->payload_offset !=
        (packet->heap_counter == prediction->counter ? prediction->next_offset : 0))
        placement->policy.breaks++;
    prediction->counter = packet->heap_counter;
    prediction->next_offset = packet->payload_offset + packet->payload_bytes;
    if (packet->payload_offset != 0 && packet->has_heap_length &&
        prediction->next_offset != packet->heap_length) {
        prediction->head_bytes = packet->header_bytes;
        prediction->payload_bytes = (uint32_t)packet->payload_bytes;
    }
}

/* So many packets of one length were accepted, each of which followed the one before it: this is the last. */
static inline void speadi_placement_learn_series(struct speadi_placement *placement,
                                                 uint16_t source, const struct speadi_packet *last,
                                                 unsigned count)
{
    struct speadi_prediction *prediction = &placement->prediction[source];

    /* Only the first of them may be a surprise. */
    if (prediction->counter == last->heap_counter &&
        prediction->next_offset + (count - 1) * last->payload_bytes == last->payload_offset)
        prediction->next_offset = last->payload_offset;
    speadi_placement_learn(placement, source, last);
}

/* Ranges of live for the source's next packets, at most SPEADI_RX_RESERVE_MAX; returns how many. Never
 * one that is received, reserved, or past the declared length. Memory is charged: what cannot be had is
 * not asked for. ahead: packets that come before, besides those with reservations. */
unsigned speadi_placement_predict(const struct speadi_placement *placement, uint16_t source,
                                  struct speadi_live_heap *live, unsigned ahead,
                                  struct speadi_rx_range ranges[SPEADI_RX_RESERVE_MAX]);

/* The engine took the first count of the ranges predicted for live. */
void speadi_placement_accept(struct speadi_placement *placement, uint16_t source,
                             struct speadi_live_heap *live, const struct speadi_rx_range *ranges,
                             unsigned count);

/* The packet lies where it belongs: in the range that was reserved for just this packet. */
bool speadi_placement_is_own_place(const struct speadi_placement *placement, uint64_t place,
                                   const struct speadi_packet *packet);

/* A reservation from number ended on covers a byte of [start, end) of live. */
bool speadi_placement_is_reserved(const struct speadi_placement *placement, uint64_t ended,
                                  const struct speadi_live_heap *live, uint64_t start,
                                  uint64_t end);

/* Where the first of those begins that ends after start; UINT64_MAX: there is none. */
uint64_t speadi_placement_first_reserved(const struct speadi_placement *placement, uint64_t ended,
                                         const struct speadi_live_heap *live, uint64_t start);

/* All reservations below ended are over. */
void speadi_placement_end(struct speadi_placement *placement, uint64_t ended);

/* A complete heap goes: what is still reserved in it has been received. */
void speadi_placement_forget(struct speadi_placement *placement, struct speadi_live_heap *live);

static inline const struct speadi_reservation *speadi_placement_reservation(
    const struct speadi_placement *placement, uint64_t place)
{
    return &placement->reservation[place % SPEADI_RX_RESERVE_MAX];
}

static inline uint64_t speadi_placement_outstanding(const struct speadi_placement *placement)
{
    return placement->accepted - placement->ended;
}

#endif
