/* SPDX-License-Identifier: Apache-2.0 */
/* Copies that bypass the cache of the CPU. An ordinary store to memory that is not in the cache first reads the line from
 * memory, and pushes another line out of the cache. A streaming store does neither, but whoever reads the copy later
 * reads it from memory. So a streaming copy pays only where the copy would have left the cache before it is read.
 *
 * A variant is the same function, written for one kind of CPU. The whole cache lines inside the piece are written by
 * streaming stores, and the parts of lines at its ends by ordinary ones: no byte outside of the piece is written or
 * read; a line behind it may be prefetched. A piece that is too short for this is copied by memcpy(). The pieces must not overlap. Any thread may call these
 * functions at any time.
 *
 * Streaming stores are weakly ordered: before another thread or a device may read the copy, the thread that made it must
 * call speadi_streaming_fence(). */
#ifndef SPEADI_STREAMING_COPY_H
#define SPEADI_STREAMING_COPY_H

#include <stdbool.h>
#include <stddef.h>

/* Has the type of memcpy(), which is such a function too. */
typedef void *speadi_copy_fn(void *restrict to, const void *restrict from, size_t bytes);

struct speadi_copy_variant {
    const char *name;
    /* Returns true if the CPU of this machine has the instructions of the variant. */
    bool (*is_here)(void);
    speadi_copy_fn *copy;
};

/* Returns the variant of this index, or NULL behind the last one. */
const struct speadi_copy_variant *speadi_copy_variant(unsigned index);

/* Returns the first variant whose instructions the CPU of this machine has, or NULL if there is none. */
const struct speadi_copy_variant *speadi_copy_variant_of_cpu(void);

/* Returns when all streaming stores of this thread are ordered before its later stores. */
void speadi_streaming_fence(void);

#if defined(__x86_64__)
extern const struct speadi_copy_variant speadi_copy_avx2;
#elif defined(__aarch64__)
extern const struct speadi_copy_variant speadi_copy_neon;
#endif

#endif
