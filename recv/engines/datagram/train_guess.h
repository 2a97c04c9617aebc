/* How many packets the next message of a source will probably hold: how far to predict into it. */
#ifndef SPEADI_TRAIN_GUESS_H
#define SPEADI_TRAIN_GUESS_H

#include <stdint.h>

#define SPEADI_TRAIN_WINDOW 16u

/* The longest train of late: raised at once, lowered after a window of shorter ones, so that the short
 * last train of a heap changes nothing. Zeroed: no guess yet. */
struct speadi_train_guess {
    uint32_t packets;
    uint32_t longest; /* in this window */
    uint32_t seen;    /* messages in this window */
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
