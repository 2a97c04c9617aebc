/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses how payload is copied into heaps: by memcpy(), whose stores go through the cache, or by streaming stores, which
 * bypass it.
 *
 * A heap is written by one thread and read by another one soon after. While the heaps in use fit into the cache, both
 * are faster with ordinary stores. If they are much larger, a heap leaves the cache before it is read: then ordinary stores
 * only cost reads of lines that are overwritten, and push out lines that somebody needs (adr/0044). */
#include <errno.h>
#include <stdio.h>

#include <speadi/cache_share.h>
#include <speadi/err.h>
#include <speadi/free_memory.h>
#include <speadi/streaming_copy.h>

#include "recv_stream.h"

/* Streaming begins to gain when the heaps in use have this many times the share of the cache (adr/0044). */
#define FOOTPRINT_SHARES 2u

#define SAY(...) snprintf(copying->reason, sizeof copying->reason, __VA_ARGS__)

static void choose_by_cache(struct speadi_recv_copying *copying,
                            const struct speadi_copy_variant *variant)
{
    const struct speadi_cache_share share = speadi_cache_share();
    char limit[SPEADI_BYTES_TEXT_MAX], cache[SPEADI_BYTES_TEXT_MAX];

    if (share.bytes == 0) {
        SAY("cached: the kernel does not say how large the caches are");
        return;
    }
    copying->streaming = variant->copy;
    copying->footprint_min = FOOTPRINT_SHARES * share.bytes + 1;
    copying->heap_bytes_min = SPEADI_RECV_STREAMING_HEAP_BYTES;
    SAY("cached, and streaming (%s) into heaps of 64 KiB or more while the heaps in use have more "
        "than %s, twice what counts of the cache: %u CPU%s use an L%u cache of %s%s",
        variant->name, speadi_bytes_text(limit, FOOTPRINT_SHARES * share.bytes), share.cpus,
        share.cpus == 1 ? "" : "s", share.level, speadi_bytes_text(cache, share.cache_bytes),
        share.bytes < share.cache_bytes ? ", of which 16 MiB for each CPU count" : "");
}

void speadi_recv_choose_copy_of(const struct spead_recv_stream *stream,
                                struct speadi_live_heap *live, uint64_t heap_bytes)
{
    const struct speadi_recv_copying *copying = &stream->copying;

    if (speadi_pool_out_blocks(stream->pool) * heap_bytes >= copying->footprint_min)
        live->copy = copying->streaming;
}

int speadi_recv_choose_copy(struct spead_recv_stream *stream, struct spead_err *err)
{
    struct speadi_recv_copying *copying = &stream->copying;
    const struct speadi_copy_variant *variant = speadi_copy_variant_of_cpu();

    *copying = (struct speadi_recv_copying){.streaming = NULL, .heap_bytes_min = UINT64_MAX};
    if (stream->config.copy == SPEAD_COPY_STREAMING && !variant)
        return speadi_err_field(err, -ENOTSUP, "copy",
                                ": this CPU has no streaming copy; use auto or cached");
    if (stream->config.copy == SPEAD_COPY_STREAMING) {
        copying->streaming = variant->copy;
        copying->heap_bytes_min = 0;
        SAY("streaming (%s), as asked for", variant->name);
    } else if (stream->config.copy == SPEAD_COPY_CACHED)
        SAY("cached, as asked for");
    else if (!variant)
        SAY("cached: this CPU has no streaming copy");
    else
        choose_by_cache(copying, variant);
    return 0;
}
