/* SPDX-License-Identifier: Apache-2.0 */
/* Counts reservations. They are accepted with the numbers 0, 1, 2, ... The engine may finish them in any order, but
 * they end in the order of their numbers. */
#ifndef SPEADI_RESERVATIONS_H
#define SPEADI_RESERVATIONS_H

#include <stdint.h>

#include "rx_engine.h"

struct speadi_reservations {
    uint64_t accepted, ended; /* number of reservations accepted, and of those that ended */
    /* Bit r % 64 is set when reservation r is finished, but has not ended because an earlier reservation is not
     * finished. */
    uint64_t finished;
};

_Static_assert(SPEADI_RX_RESERVE_USUAL == 64, "finished has one bit for each reservation");

/* Returns how many more reservations can be accepted now. */
static inline unsigned speadi_reservations_room(const struct speadi_reservations *r)
{
    return SPEADI_RX_RESERVE_USUAL - (unsigned)(r->accepted - r->ended);
}

/* Finishes one reservation. Then ends finished reservations in the order of their numbers, up to the first reservation
 * that is not finished. */
static inline void speadi_reservations_finish(struct speadi_reservations *r, uint64_t number)
{
    r->finished |= 1ull << number % SPEADI_RX_RESERVE_USUAL;
    while (r->finished >> r->ended % SPEADI_RX_RESERVE_USUAL & 1) {
        r->finished &= ~(1ull << r->ended % SPEADI_RX_RESERVE_USUAL);
        r->ended++;
    }
}

/* Ends all reservations that were accepted. */
static inline void speadi_reservations_finish_all(struct speadi_reservations *r)
{
    r->ended = r->accepted;
    r->finished = 0;
}

#endif
