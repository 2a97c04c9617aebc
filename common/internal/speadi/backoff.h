/* SPDX-License-Identifier: Apache-2.0 */
/* Back-off: the time before the next try. It doubles with each try, up to one hour. */
#ifndef SPEADI_BACKOFF_H
#define SPEADI_BACKOFF_H

#include <stdint.h>

#define SPEADI_BACKOFF_MAX_NS 3600000000000u

/* Returns how long to wait before the next try. first_ns is the first wait, at most SPEADI_BACKOFF_MAX_NS. `tries` is
 * the number of tries that have followed the first failure. */
static inline uint64_t speadi_backoff_ns(uint64_t first_ns, uint32_t tries)
{
    while (tries-- > 0 && first_ns > 0 && first_ns < SPEADI_BACKOFF_MAX_NS)
        first_ns *= 2;
    return first_ns < SPEADI_BACKOFF_MAX_NS ? first_ns : SPEADI_BACKOFF_MAX_NS;
}

#endif
