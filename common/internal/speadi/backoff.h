/* How long to wait before trying again: doubled with each try, up to an hour. */
#ifndef SPEADI_BACKOFF_H
#define SPEADI_BACKOFF_H

#include <stdint.h>

#define SPEADI_BACKOFF_MAX_NS 3600000000000u

/* first_ns <= SPEADI_BACKOFF_MAX_NS; tries: how many there were since the first failure. */
static inline uint64_t speadi_backoff_ns(uint64_t first_ns, uint32_t tries)
{
    while (tries-- > 0 && first_ns > 0 && first_ns < SPEADI_BACKOFF_MAX_NS)
        first_ns *= 2;
    return first_ns < SPEADI_BACKOFF_MAX_NS ? first_ns : SPEADI_BACKOFF_MAX_NS;
}

#endif
