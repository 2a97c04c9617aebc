/* SPDX-License-Identifier: Apache-2.0 */
/* Decides how much memory the heaps of a stream may use, and says in words where the number comes from. */
#ifndef SPEADI_MEMORY_LIMIT_H
#define SPEADI_MEMORY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/recv.h>

#include <speadi/free_memory.h>

/* The limit is never less than this if the user has not given one: a stream must work on a full host too. */
#define SPEADI_MEMORY_LIMIT_LEAST ((uint64_t)16 << 20)

struct speadi_memory_limit {
    uint64_t bytes; /* 0: no limit */
    bool by_host;   /* the user has given no limit, and the host or a cgroup has one */
    /* what was free when the user's limit was read; SPEADI_FREE_UNKNOWN if there is no limit of the user */
    struct speadi_free_memory free_then;
    /* where `bytes` comes from, such as "half of 5.8 GiB that the cgroup leaves free" */
    char text[160];
};

/* Finds the limit for a stream with this configuration. It is memory_bytes_max if the user has given that. Otherwise it
 * is half of what the host and the cgroups leave free now. The user's heap_arena has no such limit. Control plane. */
struct speadi_memory_limit speadi_memory_limit_find(const struct spead_recv_stream_config *config);

#endif
