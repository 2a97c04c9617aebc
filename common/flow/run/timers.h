/* SPDX-License-Identifier: Apache-2.0 */
/* The timers of a worker. They form a tree, and the earliest timer is its root. The timers are embedded in tasks, so no
 * function allocates. Only one thread uses a set of timers. */
#ifndef SPEADI_TIMERS_H
#define SPEADI_TIMERS_H

#include <stdint.h>

struct speadi_timer {
    uint64_t time_ns;           /* when the timer is due (CLOCK_MONOTONIC); 0 if it is not set */
    struct speadi_timer *child; /* the first child of this timer */
    struct speadi_timer *next;  /* the next timer in the list of the parent's children */
    /* The previous timer in the list of the parent's children. In the first child of the list, this is the parent. */
    struct speadi_timer *previous;
};

struct speadi_timers {
    struct speadi_timer *first; /* the timer that is due first; NULL if no timer is set */
};

/* Sets a timer to the time `time_ns`, which must not be 0. The timer must not be set already. */
void speadi_timers_add(struct speadi_timers *timers, struct speadi_timer *timer, uint64_t time_ns);
/* Takes a timer out of the set. Does nothing if the timer is not set. */
void speadi_timers_remove(struct speadi_timers *timers, struct speadi_timer *timer);

#endif
