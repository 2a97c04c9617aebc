/* What the fault decorator has given to its inner engine and not yet reaped from it: runs of the core's packets and
 * own copies, oldest first. */
#ifndef SPEADI_FAULT_UNDER_WAY_H
#define SPEADI_FAULT_UNDER_WAY_H

#include <stdbool.h>
#include <stdint.h>

#define SPEADI_FAULT_RUNS_MAX 2048u
#define SPEADI_FAULT_OWN_COPY 0u /* a run of the core's packets has at least one */

struct speadi_fault_run {
    uint32_t packets; /* SPEADI_FAULT_OWN_COPY: one copy, of this number */
    uint16_t copy;
};

struct speadi_fault_under_way {
    struct speadi_fault_run run[SPEADI_FAULT_RUNS_MAX]; /* a ring */
    unsigned first, count;
};

static inline bool speadi_fault_under_way_has_room(const struct speadi_fault_under_way *under_way)
{
    return under_way->count < SPEADI_FAULT_RUNS_MAX;
}

static inline void speadi_fault_under_way_put(struct speadi_fault_under_way *under_way,
                                              uint32_t packets, uint16_t copy)
{
    unsigned last = (under_way->first + under_way->count++) % SPEADI_FAULT_RUNS_MAX;

    under_way->run[last] = (struct speadi_fault_run){packets, copy};
}

/* The oldest: there is one. */
static inline const struct speadi_fault_run *speadi_fault_under_way_first(
    const struct speadi_fault_under_way *under_way)
{
    return &under_way->run[under_way->first];
}

/* Takes so many packets off the oldest run, which has them; 1 for a copy. */
static inline void speadi_fault_under_way_drop(struct speadi_fault_under_way *under_way,
                                               uint32_t packets)
{
    struct speadi_fault_run *run = &under_way->run[under_way->first];

    if (run->packets != SPEADI_FAULT_OWN_COPY)
        run->packets -= packets;
    if (run->packets == 0) {
        under_way->first = (under_way->first + 1) % SPEADI_FAULT_RUNS_MAX;
        under_way->count--;
    }
}

#endif
