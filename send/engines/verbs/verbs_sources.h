/* Memory that payload is sent from in place: registered with a device once, looked up for every piece. */
#ifndef SPEADI_VERBS_SOURCES_H
#define SPEADI_VERBS_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/send.h>

#include <speadi/verbs_device.h>

struct speadi_verbs_source {
    uintptr_t first; /* how heaps name its first byte */
    size_t bytes;
    bool is_readable; /* by the CPU */
    struct speadi_verbs_memory memory;
};

struct speadi_verbs_sources {
    struct speadi_verbs_device *device; /* borrowed; NULL: nothing is registered */
    struct speadi_verbs_source *source; /* by address */
    uint32_t count;
    uint32_t latest; /* where the last piece was found: the next one mostly is there too */
};

/* Registers count pieces of memory. Returns 0, -EINVAL (empty or overlapping) or a verb's -errno, with a
 * sentence; what it registered before is release()d by the caller all the same. */
int speadi_verbs_sources_init(struct speadi_verbs_sources *sources,
                              struct speadi_verbs_device *device,
                              const struct spead_send_memory *memory, uint32_t count,
                              struct spead_err *err);
void speadi_verbs_sources_release(struct speadi_verbs_sources *sources); /* safe when zeroed */

/* Searches all of it; use speadi_verbs_sources_find(). */
const struct speadi_verbs_source *speadi_verbs_sources_search(struct speadi_verbs_sources *sources,
                                                              uintptr_t first, size_t bytes);

static inline bool speadi_verbs_source_has(const struct speadi_verbs_source *source,
                                           uintptr_t first, size_t bytes)
{
    return first - source->first < source->bytes &&
           bytes <= source->bytes - (first - source->first);
}

/* The registered memory that all of the bytes at data lie in, or NULL. */
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
