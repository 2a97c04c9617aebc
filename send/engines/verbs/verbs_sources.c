/* SPDX-License-Identifier: Apache-2.0 */
/* Registers the memory from which payload is sent, and finds the memory that contains a piece of a packet. */
#include "verbs_sources.h"

#include <errno.h>
#include <stdlib.h>

#include <speadi/err.h>

static int by_address(const void *a, const void *b)
{
    const struct spead_send_memory *const *left = a, *const *right = b;
    const uintptr_t first = (uintptr_t)(*left)->data, second = (uintptr_t)(*right)->data;

    return (first > second) - (first < second);
}

static int check_order(const struct spead_send_memory *const *sorted, uint32_t count,
                       struct spead_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        const uintptr_t first = (uintptr_t)sorted[i]->data;

        if (sorted[i]->bytes == 0 || first + sorted[i]->bytes < first)
            return speadi_err_field(err, -EINVAL, "memory",
                                    " to send from: %zu bytes at %p are no piece of memory",
                                    sorted[i]->bytes, sorted[i]->data);
        if (i > 0 && first - (uintptr_t)sorted[i - 1]->data < sorted[i - 1]->bytes)
            return speadi_err_field(err, -EINVAL, "memory",
                                    " to send from: the pieces at %p and %p overlap",
                                    sorted[i - 1]->data, sorted[i]->data);
    }
    return 0;
}

static int register_one(struct speadi_verbs_sources *sources,
                        const struct spead_send_memory *memory, struct spead_err *err)
{
    struct speadi_verbs_source *source = &sources->source[sources->count];
    const struct speadi_verbs_span span = {
        .data = (void *)(uintptr_t)memory->data, /* the device only reads it */
        .bytes = memory->bytes,
        .fd = memory->is_dma_buf ? memory->fd : -1,
        .fd_offset = memory->fd_offset,
        .iova = (uintptr_t)memory->data,
    };
    int ret = speadi_verbs_register(sources->device, &source->memory, &span, err);

    if (ret < 0)
        return ret;
    source->first = (uintptr_t)memory->data;
    source->bytes = memory->bytes;
    source->is_readable = !memory->is_dma_buf;
    sources->any_of_device |= memory->is_dma_buf;
    sources->count++;
    return 0;
}

int speadi_verbs_sources_init(struct speadi_verbs_sources *sources,
                              struct speadi_verbs_device *device,
                              const struct spead_send_memory *memory, uint32_t count,
                              struct spead_err *err)
{
    const struct spead_send_memory **sorted;
    int ret;

    *sources = (struct speadi_verbs_sources){.device = device};
    if (count == 0)
        return 0;
    sources->source = calloc(count, sizeof *sources->source);
    sorted = calloc(count, sizeof *sorted);
    if (!sources->source || !sorted) {
        free(sorted);
        return speadi_err_set(err, -ENOMEM, "no memory for %u pieces of memory to send from",
                              count);
    }
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = &memory[i];
    qsort(sorted, count, sizeof(const struct spead_send_memory *), by_address);
    ret = check_order(sorted, count, err);
    for (uint32_t i = 0; i < count && ret == 0; i++)
        ret = register_one(sources, sorted[i], err);
    free(sorted);
    return ret;
}

void speadi_verbs_sources_release(struct speadi_verbs_sources *sources)
{
    for (uint32_t i = 0; i < sources->count; i++)
        speadi_verbs_deregister(sources->device, &sources->source[i].memory);
    free(sources->source);
    *sources = (struct speadi_verbs_sources){0};
}

const struct speadi_verbs_source *speadi_verbs_sources_search(struct speadi_verbs_sources *sources,
                                                              uintptr_t first, size_t bytes)
{
    /* The loop finds the last source that begins at or before the address `first`. */
    uint32_t low = 0, high = sources->count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (sources->source[middle].first <= first)
            low = middle;
        else
            high = middle;
    }
    if (!speadi_verbs_source_has(&sources->source[low], first, bytes))
        return NULL;
    sources->latest = low;
    return &sources->source[low];
}

bool speadi_verbs_sources_are_readable(const struct speadi_verbs_sources *sources, const void *data,
                                       size_t bytes)
{
    const uintptr_t first = (uintptr_t)data;

    for (uint32_t i = 0; i < sources->count && sources->any_of_device; i++) {
        const struct speadi_verbs_source *source = &sources->source[i];

        if (!source->is_readable && first < source->first + source->bytes &&
            source->first < first + bytes)
            return false;
    }
    return true;
}
