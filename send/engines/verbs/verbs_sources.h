/* Memory from which payload is sent without a copy. The engine registers this memory with the device once. For each
 * piece of a packet, it looks up the memory that the piece lies in. */
#ifndef SPEADI_VERBS_SOURCES_H
#define SPEADI_VERBS_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/send.h>

#include <speadi/verbs_device.h>

struct speadi_verbs_source {
    uintptr_t first; /* address that heaps use for its first byte */
    size_t bytes;
    bool is_readable; /* the CPU can read it */
    struct speadi_verbs_memory memory;
};

struct speadi_verbs_sources {
    struct speadi_verbs_device *device; /* borrowed; NULL: nothing is registered */
    struct speadi_verbs_source *source; /* sorted by address */
    uint32_t count;
    uint32_t latest; /* index of the source that was found last; mostly the next one too */
};

/* Registers `count` pieces of memory. Returns 0, or -errno with a sentence: -EINVAL (a piece is empty, or two overlap),
 * -ENOMEM, or the error of a verb. The caller calls release() after a failure too. */
int speadi_verbs_sources_init(struct speadi_verbs_sources *sources,
                              struct speadi_verbs_device *device,
                              const struct spead_send_memory *memory, uint32_t count,
                              struct spead_err *err);

/* Ends all registrations. Does nothing if the struct is zeroed. */
void speadi_verbs_sources_release(struct speadi_verbs_sources *sources);

/* Searches all sources. Only speadi_verbs_sources_find() calls it. */
const struct speadi_verbs_source *speadi_verbs_sources_search(struct speadi_verbs_sources *sources,
                                                              uintptr_t first, size_t bytes);

static inline bool speadi_verbs_source_has(const struct speadi_verbs_source *source,
                                           uintptr_t first, size_t bytes)
{
    return first - source->first < source->bytes &&
           bytes <= source->bytes - (first - source->first);
}

/* Returns the source that contains all of the `bytes` bytes at data, or NULL. */
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

#endif
