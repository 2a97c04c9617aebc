/* SPDX-License-Identifier: Apache-2.0 */
/* A histogram of times from 1 ns to 8.6 s. There are four buckets between a power of two and the next power of two. */
#include <speadi/latency.h>

#include <stdlib.h>

enum { SUB_BITS = 2, SUBS = 1 << SUB_BITS };

struct speadi_latency_log *speadi_latency_create(size_t slots)
{
    return calloc(1, sizeof(struct speadi_latency_log) + slots * sizeof(uint64_t));
}

static unsigned bucket_of(uint64_t ns)
{
    unsigned octave, bucket;

    if (ns < SUBS)
        return (unsigned)ns;
    octave = 63u - (unsigned)__builtin_clzll(ns);
    bucket = (octave - SUB_BITS + 1) * SUBS + (unsigned)(ns >> (octave - SUB_BITS) & (SUBS - 1));
    return bucket < SPEAD_LATENCY_BUCKETS ? bucket : SPEAD_LATENCY_BUCKETS - 1;
}

uint64_t spead_latency_bound_ns(unsigned bucket)
{
    uint64_t next = bucket + 1; /* the bucket ends where the next bucket begins */

    if (next >= SPEAD_LATENCY_BUCKETS)
        return UINT64_MAX;
    if (next < SUBS)
        return next;
    return (SUBS + next % SUBS) << (next / SUBS - 1);
}

void speadi_latency_leave(struct speadi_latency_log *log, size_t slot, uint64_t now_ns)
{
    uint64_t entered = log->entered_ns[slot], ns = now_ns > entered ? now_ns - entered : 0;
    uint64_t max = atomic_load_explicit(&log->max_ns, memory_order_relaxed);

    /* relaxed: these are counts that are only reported. */
    atomic_fetch_add_explicit(&log->count[bucket_of(ns)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&log->sum_ns, ns, memory_order_relaxed);
    while (ns > max && !atomic_compare_exchange_weak_explicit(
                           &log->max_ns, &max, ns, memory_order_relaxed, memory_order_relaxed))
        ;
}

void speadi_latency_read(const struct speadi_latency_log *log, struct spead_latency *latency)
{
    /* relaxed: these are counts that are only reported. */
    *latency = (struct spead_latency){
        .sum_ns = atomic_load_explicit(&log->sum_ns, memory_order_relaxed),
        .max_ns = atomic_load_explicit(&log->max_ns, memory_order_relaxed),
    };
    for (unsigned i = 0; i < SPEAD_LATENCY_BUCKETS; i++) {
        latency->count[i] = atomic_load_explicit(&log->count[i], memory_order_relaxed);
        latency->total += latency->count[i];
    }
}

uint64_t spead_latency_quantile_ns(const struct spead_latency *latency, double share)
{
    double wanted = share * (double)latency->total;
    uint64_t below = 0;

    if (latency->total == 0)
        return 0;
    for (unsigned i = 0; i < SPEAD_LATENCY_BUCKETS; i++) {
        uint64_t bound = spead_latency_bound_ns(i);

        below += latency->count[i];
        if (below > 0 && (double)below >= wanted)
            return bound < latency->max_ns ? bound : latency->max_ns;
    }
    return latency->max_ns;
}
