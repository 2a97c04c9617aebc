/* SPDX-License-Identifier: Apache-2.0 */
/* How much of the last cache in front of the memory a program may count on. Reads files of the kernel: control plane.
 * Any thread. */
#ifndef SPEADI_CACHE_SHARE_H
#define SPEADI_CACHE_SHARE_H

#include <stdint.h>

/* No CPU has more of its last cache for each of its cores. A virtual machine that shows more shows the cache of its whole
 * host, which other machines use too. */
#define SPEADI_CACHE_CPU_BYTES (UINT64_C(16) << 20)

struct speadi_cache_share {
    /* cache_bytes, but at most SPEADI_CACHE_CPU_BYTES for each CPU; 0 if the kernel does not describe the caches */
    uint64_t bytes;
    uint64_t cache_bytes; /* size of the last cache */
    unsigned level;       /* its level, as in "L3" */
    unsigned cpus;        /* how many CPUs use it */
};

/* Looks at the caches of CPU 0. */
struct speadi_cache_share speadi_cache_share(void);

#endif
