/* Times at which something is to happen: a pairing heap of embedded entries, so that nothing allocates.
 * One thread's. */
#ifndef SPEADI_TIMERS_H
#define SPEADI_TIMERS_H

#include <stdint.h>

struct speadi_timer {
    uint64_t time_ns;                  /* 0: not set */
    struct speadi_timer *child, *next; /* its children are a list */
    struct speadi_timer *previous;     /* in that list; of its first: the parent */
};

struct speadi_timers {
    struct speadi_timer *first; /* the earliest; NULL: none */
};

void speadi_timers_add(struct speadi_timers *timers, struct speadi_timer *timer, uint64_t time_ns);
void speadi_timers_remove(struct speadi_timers *timers, struct speadi_timer *timer); /* if set */

#endif
