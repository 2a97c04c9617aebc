/* Spare buffers: whole copies of packets that cannot be used where they lie.
 *
 * A packet is copied here when its payload landed in another's place, or is split where the header is
 * not. Copies live until the burst is done; *parked* ones wait longer, in order, for the place they
 * belong to. Bounded: none left is counted by the caller. Owner thread. */
#ifndef SPEADLINE_RECV_SPARE_H
#define SPEADLINE_RECV_SPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "rx_engine.h"

#define SPEADI_SPARES_MAX 64u
#define SPEADI_SPARE_NONE UINT32_MAX

struct speadi_spare {
    uint8_t *memory; /* [count][stride] */
    uint32_t count, stride;
    uint64_t used;                      /* bits */
    uint64_t kept;                      /* bits: parked, a part of used */
    uint32_t parked[SPEADI_SPARES_MAX]; /* in order of arrival */
    uint32_t parked_count;
    struct speadi_rx_packet packet[SPEADI_SPARES_MAX]; /* how the copy looks as a packet */
};

/* count <= SPEADI_SPARES_MAX buffers of at least bytes bytes each. Returns 0 or -ENOMEM. */
int speadi_spare_init(struct speadi_spare *spare, uint32_t count, uint32_t bytes);
void speadi_spare_release(struct speadi_spare *spare);

/* Copies a packet; returns the index of its copy, spare->packet[index], or SPEADI_SPARE_NONE. */
uint32_t speadi_spare_copy(struct speadi_spare *spare, const struct speadi_rx_packet *packet);

/* Parks a packet behind those parked before, copying it unless it is a copy already. False: no room. */
bool speadi_spare_park(struct speadi_spare *spare, const struct speadi_rx_packet *packet);

/* The burst is done: copies that are not parked are free again. */
void speadi_spare_end_burst(struct speadi_spare *spare);

static inline uint64_t speadi_spare_bytes(const struct speadi_spare *spare)
{
    return (uint64_t)spare->count * spare->stride;
}

#endif
