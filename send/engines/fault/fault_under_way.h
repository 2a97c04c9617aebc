/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of the packets that the fault decorator has given to its inner engine, and that the inner engine has not yet
 * reported as done. The queue consists of runs, oldest first. A run is either several consecutive packets of the core,
 * or one copy that the decorator has made. */
#ifndef SPEADI_FAULT_UNDER_WAY_H
#define SPEADI_FAULT_UNDER_WAY_H

#include <stdbool.h>
#include <stdint.h>

#define SPEADI_FAULT_RUNS_MAX 2048u
/* If speadi_fault_run.packets has this value, the run is a copy. It is 0, because a run of packets of the core always
 * has at least one packet. */
#define SPEADI_FAULT_OWN_COPY 0u

struct speadi_fault_run {
    uint32_t packets; /* number of packets of the core; SPEADI_FAULT_OWN_COPY for a copy */
    uint16_t copy;    /* the index of the copy; used only if the run is a copy */
};

struct speadi_fault_under_way {
    /* a ring: run[first] is the oldest run */
    struct speadi_fault_run run[SPEADI_FAULT_RUNS_MAX];
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

/* Returns the oldest run. There must be one. */
static inline const struct speadi_fault_run *speadi_fault_under_way_first(
    const struct speadi_fault_under_way *under_way)
{
    return &under_way->run[under_way->first];
}

/* Removes `packets` packets from the oldest run. The run must have at least as many packets. If the run is a copy,
 * `packets` must be 1. */
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
