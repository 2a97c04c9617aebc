/* Numbers of reservations: accepted 0, 1, 2, ..., finished in any order, ended in order. */
#ifndef SPEADI_RESERVATIONS_H
#define SPEADI_RESERVATIONS_H

#include <stdint.h>

#include "rx_engine.h"

struct speadi_reservations {
    uint64_t accepted, ended;
    uint64_t finished; /* bit r % 64: number r is finished, and an earlier one is not */
};

_Static_assert(SPEADI_RX_RESERVE_MAX == 64, "one bit each");

static inline unsigned speadi_reservations_room(const struct speadi_reservations *r)
{
    return SPEADI_RX_RESERVE_MAX - (unsigned)(r->accepted - r->ended);
}

static inline void speadi_reservations_finish(struct speadi_reservations *r, uint64_t number)
{
    r->finished |= 1ull << number % SPEADI_RX_RESERVE_MAX;
    while (r->finished >> r->ended % SPEADI_RX_RESERVE_MAX & 1) {
        r->finished &= ~(1ull << r->ended % SPEADI_RX_RESERVE_MAX);
        r->ended++;
    }
}

static inline void speadi_reservations_finish_all(struct speadi_reservations *r)
{
    r->ended = r->accepted;
    r->finished = 0;
}

#endif
