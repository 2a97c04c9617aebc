/* How long messages stay inside a channel: a time for each slot, and a histogram. A channel measures this only on
 * request. */
#ifndef SPEADI_LATENCY_H
#define SPEADI_LATENCY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/channel.h>

struct speadi_latency_log {
    _Atomic uint64_t count[SPEAD_LATENCY_BUCKETS];
    _Atomic uint64_t sum_ns, max_ns;
    /* For each slot: the time at which its message entered. The atomics that pass the slot to the other side order the
     * accesses to this time too. */
    uint64_t entered_ns[];
};

struct speadi_latency_log *speadi_latency_create(
    size_t slots); /* NULL: no memory; the caller frees it with free() */

static inline void speadi_latency_enter(struct speadi_latency_log *log, size_t slot,
                                        uint64_t now_ns)
{
    log->entered_ns[slot] = now_ns;
}

/* Counts how long the message in the slot has stayed. The caller must call it before it gives the slot back. */
void speadi_latency_leave(struct speadi_latency_log *log, size_t slot, uint64_t now_ns);

void speadi_latency_read(const struct speadi_latency_log *log, struct spead_latency *latency);

#endif
