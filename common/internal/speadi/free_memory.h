/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory the host and the cgroups of this process leave free, and texts about it. Any thread may call these
 * functions; they read files. */
#ifndef SPEADI_FREE_MEMORY_H
#define SPEADI_FREE_MEMORY_H

#include <stdint.h>

enum speadi_free_memory_limiter {
    SPEADI_FREE_UNKNOWN, /* neither the host nor a cgroup says anything */
    SPEADI_FREE_ON_HOST,
    SPEADI_FREE_IN_CGROUP,
};

struct speadi_free_memory {
    uint64_t bytes;                          /* UINT64_MAX if unknown */
    enum speadi_free_memory_limiter limiter; /* which of the two leaves less */
};

/* The folder in which proc and the mount points of the cgroups lie: "" on a real host. A test sets it to a folder that
 * it has made, before it makes streams. */
extern const char *speadi_free_memory_root;

/* Reads how much memory is free. For the host it is MemAvailable. For a cgroup and each cgroup above it, it is the
 * limit (memory.max or memory.high, or memory.limit_in_bytes of cgroup version 1) minus the memory in use. Pages of
 * files that were not used lately count as free, because the kernel gives them up first. */
struct speadi_free_memory speadi_free_memory_read(void);

/* Returns "the cgroup" or "the host". */
const char *speadi_free_memory_limiter_name(enum speadi_free_memory_limiter limiter);

#define SPEADI_BYTES_TEXT_MAX 32

/* Writes a number of bytes for a person, such as "5.8 GiB". Returns `text`. */
char *speadi_bytes_text(char text[SPEADI_BYTES_TEXT_MAX], uint64_t bytes);

#endif
