/* SPDX-License-Identifier: Apache-2.0 */
/* Guesses how many packets the next receive from a source will return. The engine then gives so many reserved ranges to
 * one receive. */
#ifndef SPEADI_TRAIN_GUESS_H
#define SPEADI_TRAIN_GUESS_H

#include <stdint.h>

#define SPEADI_TRAIN_WINDOW 16u

/* The guess is the length of the longest recent train. A longer train raises the guess immediately. The guess falls
 * only after a window of shorter trains, so that the short last train of a heap does not change it. A zeroed struct has
 * no guess yet. */
struct speadi_train_guess {
    uint32_t packets; /* the guess, or 0 if there is none yet */
    uint32_t longest; /* packets in the longest train of this window */
    uint32_t seen;    /* number of receives in this window */
};

static inline void speadi_train_guess_learn(struct speadi_train_guess *guess, uint32_t packets)
{
    if (packets > guess->longest)
        guess->longest = packets;
    if (packets > guess->packets)
        guess->packets = packets;
    if (++guess->seen < SPEADI_TRAIN_WINDOW)
        return;
    guess->packets = guess->longest;
    guess->longest = 0;
    guess->seen = 0;
}

#endif
