/* SPDX-License-Identifier: Apache-2.0 */
/* A latency log measures how long messages stay inside a channel. For each slot of the channel it keeps the time at
 * which the message in the slot entered. It also keeps a histogram. A channel has a log only on request. */
#ifndef SPEADI_LATENCY_H
#define SPEADI_LATENCY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/channel.h>

struct speadi_latency_log {
    _Atomic uint64_t count[SPEAD_LATENCY_BUCKETS];
    _Atomic uint64_t sum_ns, max_ns;
    /* For each slot: the time at which its message entered. These times need no atomics of their own. The atomics by
     * which a thread passes the slot to the other side also order the accesses to this time. */
    uint64_t entered_ns[];
};

/* Makes a log for a channel of `slots` slots. Returns NULL when there is not enough memory. The caller must free the
 * log with free(). */
struct speadi_latency_log *speadi_latency_create(size_t slots);

static inline void speadi_latency_enter(struct speadi_latency_log *log, size_t slot,
                                        uint64_t now_ns)
{
    log->entered_ns[slot] = now_ns;
}

/* Counts how long the message in the slot has stayed. The caller must call this function before it gives the slot
 * back. */
void speadi_latency_leave(struct speadi_latency_log *log, size_t slot, uint64_t now_ns);

void speadi_latency_read(const struct speadi_latency_log *log, struct spead_latency *latency);

#endif
