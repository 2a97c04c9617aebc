/* SPDX-License-Identifier: Apache-2.0 */
/* Counters that one thread writes and any thread may read. */
#ifndef SPEADI_COUNT_H
#define SPEADI_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

/* relaxed everywhere: no thread concludes from the value of a counter that other data is ready. A load and a store are
 * enough for an addition, because only one thread writes the counter. */
static inline void speadi_counter_add(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

static inline uint64_t speadi_counter_read(const _Atomic uint64_t *counter)
{
    /* relaxed: as in speadi_counter_add() */
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
