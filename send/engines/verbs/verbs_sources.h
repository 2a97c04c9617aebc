/* SPDX-License-Identifier: Apache-2.0 */
/* The memory from which payload is sent without a copy. Each piece of such memory is a *source*. The engine registers
 * it with the device once. For each piece of a packet, the engine looks for the source that contains this piece. */
#ifndef SPEADI_VERBS_SOURCES_H
#define SPEADI_VERBS_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/send.h>

#include <speadi/verbs_device.h>

struct speadi_verbs_source {
    uintptr_t first; /* the address of the first byte; iovecs of packets use this address */
    size_t bytes;
    bool is_readable; /* true if the CPU can read this memory */
    struct speadi_verbs_memory memory;
};

struct speadi_verbs_sources {
    struct speadi_verbs_device *device; /* borrowed; NULL before init() */
    struct speadi_verbs_source *source; /* sorted by address */
    uint32_t count;
    /* Index of the source that was found last. The next search mostly finds the same source. */
    uint32_t latest;
    bool any_of_device; /* true if the CPU cannot read one of the sources */
};

/* Registers `count` pieces of memory. Returns 0, or -errno with a sentence: -EINVAL (a piece is empty, or two pieces
 * overlap), -ENOMEM, or the error of a verb. The caller must call release() after a failure too. */
int speadi_verbs_sources_init(struct speadi_verbs_sources *sources,
                              struct speadi_verbs_device *device,
                              const struct spead_send_memory *memory, uint32_t count,
                              struct spead_err *err);

/* Ends all registrations. Does nothing if *sources is zeroed. */
void speadi_verbs_sources_release(struct speadi_verbs_sources *sources);

/* Searches all sources for the one that contains the `bytes` bytes at the address `first`. Returns NULL if there is
 * none. Only speadi_verbs_sources_find() calls it. */
const struct speadi_verbs_source *speadi_verbs_sources_search(struct speadi_verbs_sources *sources,
                                                              uintptr_t first, size_t bytes);

static inline bool speadi_verbs_source_has(const struct speadi_verbs_source *source,
                                           uintptr_t first, size_t bytes)
{
    return first - source->first < source->bytes &&
           bytes <= source->bytes - (first - source->first);
}

/* Returns the source that contains all of the `bytes` bytes at `data`. Returns NULL if there is none. */
static inline const struct speadi_verbs_source *speadi_verbs_sources_find(
    struct speadi_verbs_sources *sources, const void *data, size_t bytes)
{
    const uintptr_t first = (uintptr_t)data;

    if (sources->count == 0)
        return NULL;
    if (speadi_verbs_source_has(&sources->source[sources->latest], first, bytes))
        return &sources->source[sources->latest];
    return speadi_verbs_sources_search(sources, first, bytes);
}

/* Returns true if the CPU can read all of the `bytes` bytes at `data`: none of them lies in the memory of a device. */
bool speadi_verbs_sources_are_readable(const struct speadi_verbs_sources *sources, const void *data,
                                       size_t bytes);

#endif
