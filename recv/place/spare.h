/* Spare buffers: whole copies of packets that cannot be used where they lie.
 *
 * A packet is copied here when its payload landed in another's place, or is split where the header is
 * not. Copies live until the burst is done; *parked* ones wait longer, in order, for the place they
 * belong to. Bounded: none left is counted by the caller. Owner thread. */
#ifndef SPEADI_SPARE_H
#define SPEADI_SPARE_H

#include <stdbool.h>
#include <stdint.h>

#include <speadi/cache_line.h>
#include <speadi/numbers.h>

#include "rx_engine.h"

#define SPEADI_SPARES_MAX (2 * SPEADI_RX_RESERVE_MAX)
#define SPEADI_SPARE_NONE UINT32_MAX

struct speadi_spare {
    uint8_t *memory; /* [count][stride] */
    uint32_t count, stride;
    uint8_t free[SPEADI_SPARES_MAX], copied[SPEADI_SPARES_MAX]; /* since the burst began */
    uint32_t free_count, copied_count;
    uint8_t parked[SPEADI_SPARES_MAX]; /* in order of arrival */
    uint32_t parked_count;
    bool is_parked[SPEADI_SPARES_MAX];
    struct speadi_rx_packet packet[SPEADI_SPARES_MAX]; /* how the copy looks as a packet */
};

/* Copies that were parked, in order. */
struct speadi_parked {
    uint8_t index[SPEADI_SPARES_MAX];
    uint32_t count;
};

static inline uint32_t speadi_spare_stride(uint32_t bytes)
{
    return (uint32_t)speadi_round_up(bytes, SPEADI_CACHE_LINE);
}

/* count <= SPEADI_SPARES_MAX buffers of at least bytes bytes each. Returns 0 or -ENOMEM. */
int speadi_spare_init(struct speadi_spare *spare, uint32_t count, uint32_t bytes);
void speadi_spare_release(struct speadi_spare *spare);

/* Copies a packet; returns the index of its copy, spare->packet[index], or SPEADI_SPARE_NONE. A body that the
 * CPU cannot touch is not copied: it is the caller's to bring behind the head of the copy, or, when there is no
 * tail, to move elsewhere: the copy has body_bytes and no body then. */
uint32_t speadi_spare_copy(struct speadi_spare *spare, const struct speadi_rx_packet *packet);

/* All of the packet is behind its copy's head now. */
void speadi_spare_made_linear(struct speadi_spare *spare, uint32_t index);

/* Parks a copy behind those parked before. */
void speadi_spare_park(struct speadi_spare *spare, uint32_t index);

/* Parked copies are copies of this burst again. */
void speadi_spare_unpark(struct speadi_spare *spare, struct speadi_parked *parked);

/* The burst is done: copies that are not parked are free again. */
void speadi_spare_end_burst(struct speadi_spare *spare);

/* The index of a packet that is a copy, or SPEADI_SPARE_NONE. */
static inline uint32_t speadi_spare_index(const struct speadi_spare *spare,
                                          const struct speadi_rx_packet *packet)
{
    return packet >= spare->packet && packet < spare->packet + SPEADI_SPARES_MAX
               ? (uint32_t)(packet - spare->packet)
               : SPEADI_SPARE_NONE;
}

static inline uint8_t *speadi_spare_buffer(const struct speadi_spare *spare, uint32_t index)
{
    return spare->memory + (size_t)index * spare->stride;
}

static inline uint64_t speadi_spare_bytes(const struct speadi_spare *spare)
{
    return (uint64_t)spare->count * spare->stride;
}

#endif
