/* Predicts which ranges the next packets will fill, and keeps the reservations that the engine has accepted.
 *
 * The prediction: the next packets of a source continue the live heap of its last packet, and they have the sizes of
 * packets in the middle of its heaps. The prediction does not go beyond this heap. For the next heap the counter, the
 * sizes and the memory would have to be guessed; with heaps for which placing pays, this would help one receive in
 * hundreds. Reservations have the numbers that the engine gives them, and end in this order. Owner thread. */
#ifndef SPEADI_PLACEMENT_H
#define SPEADI_PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "live_heap.h"
#include "placement_policy.h"
#include "rx_engine.h"

/* From this payload of a packet on, it costs less to let the kernel place it than to copy it (docs/engines.md). */
#define SPEADI_PLACEMENT_AUTO_BYTES 4096u

/* One receive from the kernel returns at most this many bytes. */
#define SPEADI_PLACEMENT_ASK_BYTES 65536u

struct speadi_reservation {
    struct speadi_live_heap *live; /* NULL: the heap was complete and has left */
    uint64_t offset;               /* in the heap */
    uint32_t bytes;
    uint32_t head_bytes;
    uint16_t source;
};

/* What is known of the packets of a source. */
struct speadi_prediction {
    uint64_t counter;       /* of the heap of its last packet */
    uint64_t next_offset;   /* where the payload of its last packet ended */
    uint32_t head_bytes;    /* of a packet in the middle of a heap; 0: none seen yet */
    uint32_t payload_bytes; /* of a packet in the middle of a heap */
    uint32_t outstanding;   /* reservations for this source */
};

struct speadi_placement {
    /* Reservation number r is at r % SPEADI_RX_RESERVE_MAX. */
    struct speadi_reservation reservation[SPEADI_RX_RESERVE_MAX];
    uint64_t accepted, ended; /* how many since the stream began */
    uint32_t outstanding_max;
    uint64_t ask_bytes_max; /* heads and ranges of one call of reserve() */
    bool enabled;
    struct speadi_placement_policy policy;
    struct speadi_prediction prediction[SPEADI_RX_SOURCES_MAX];
};

/* Learns from a packet that was accepted. The next packets of the source are expected behind it. */
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

/* Learns from `count` accepted packets of one length, each of which continued the one before it. `last` is the last
 * one. */
static inline void speadi_placement_learn_series(struct speadi_placement *placement,
                                                 uint16_t source, const struct speadi_packet *last,
                                                 unsigned count)
{
    struct speadi_prediction *prediction = &placement->prediction[source];

    /* If the first packet came as predicted, so did all of them. Else speadi_placement_learn() counts one break. */
    if (prediction->counter == last->heap_counter &&
        prediction->next_offset + (count - 1) * last->payload_bytes == last->payload_offset)
        prediction->next_offset = last->payload_offset;
    speadi_placement_learn(placement, source, last);
}

/* Predicts ranges of the heap `live` for the next packets of the source. Returns how many, at most
 * SPEADI_RX_RESERVE_MAX. No range is received or reserved already, or goes past the declared length. The memory of
 * the ranges is charged; the prediction ends before a range whose memory the pool refuses. `ahead` is the number of
 * packets that come before, besides those that have reservations. */
unsigned speadi_placement_predict(const struct speadi_placement *placement, uint16_t source,
                                  struct speadi_live_heap *live, unsigned ahead,
                                  struct speadi_rx_range ranges[SPEADI_RX_RESERVE_MAX]);

/* Says that the engine accepted the first `count` of the ranges that were predicted for `live`. */
void speadi_placement_accept(struct speadi_placement *placement, uint16_t source,
                             struct speadi_live_heap *live, const struct speadi_rx_range *ranges,
                             unsigned count);

/* Tells whether the payload of the packet lies in its own place: `place` was reserved for just this packet. */
bool speadi_placement_is_own_place(const struct speadi_placement *placement, uint64_t place,
                                   const struct speadi_packet *packet);

/* Tells whether a reservation with a number of at least `ended` covers a byte of [start, end) of the heap `live`. */
bool speadi_placement_is_reserved(const struct speadi_placement *placement, uint64_t ended,
                                  const struct speadi_live_heap *live, uint64_t start,
                                  uint64_t end);

/* Of the reservations of `live` with a number of at least `ended`, looks at those that end after `start`. Returns the
 * lowest offset at which one of them begins, or UINT64_MAX if there is none. */
uint64_t speadi_placement_first_reserved(const struct speadi_placement *placement, uint64_t ended,
                                         const struct speadi_live_heap *live, uint64_t start);

/* Says that all reservations with a number below `ended` have ended. */
void speadi_placement_end(struct speadi_placement *placement, uint64_t ended);

/* Says that a complete heap leaves. All its bytes have been received, so reservations in it need no longer be kept. */
void speadi_placement_forget(struct speadi_placement *placement, struct speadi_live_heap *live);

/* Returns the reservation of this number, which must be outstanding. */
static inline const struct speadi_reservation *speadi_placement_reservation(
    const struct speadi_placement *placement, uint64_t place)
{
    return &placement->reservation[place % SPEADI_RX_RESERVE_MAX];
}

/* Returns how many reservations are outstanding. */
static inline uint64_t speadi_placement_outstanding(const struct speadi_placement *placement)
{
    return placement->accepted - placement->ended;
}

#endif
