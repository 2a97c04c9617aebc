/* Counters of one writer that any thread may read. */
#ifndef SPEADI_COUNT_H
#define SPEADI_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

/* relaxed throughout: a count orders nothing. An add is a load and a store, because one thread writes. */
static inline void speadi_counter_add(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

static inline uint64_t speadi_counter_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed); /* relaxed: as above */
}

#endif
