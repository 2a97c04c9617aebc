/* The timers of a worker. They form a tree, and the earliest timer is its root. The timers are embedded in tasks, so no
 * function allocates. Only one thread uses a set of timers. */
#ifndef SPEADI_TIMERS_H
#define SPEADI_TIMERS_H

#include <stdint.h>

struct speadi_timer {
    uint64_t time_ns;           /* CLOCK_MONOTONIC; 0: not set */
    struct speadi_timer *child; /* the first of its children */
    struct speadi_timer *next;  /* the timer after it in the list of its parent's children */
    /* The timer before it in that list. For the first child: the parent. */
    struct speadi_timer *previous;
};

struct speadi_timers {
    struct speadi_timer *first; /* the earliest; NULL: none */
};

/* Sets a timer that is not set. time_ns must not be 0. */
void speadi_timers_add(struct speadi_timers *timers, struct speadi_timer *timer, uint64_t time_ns);
/* Takes a timer out again. Does nothing if the timer is not set. */
void speadi_timers_remove(struct speadi_timers *timers, struct speadi_timer *timer);

#endif
