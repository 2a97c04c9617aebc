/* SPDX-License-Identifier: Apache-2.0 */
/* See memory_limit.h. */
#include "memory_limit.h"

#include <stdio.h>

#include <speadi/free_memory.h>

static struct speadi_memory_limit half_of_free(void)
{
    const struct speadi_free_memory free_now = speadi_free_memory_read();
    const char *limiter = speadi_free_memory_limiter_name(free_now.limiter);
    struct speadi_memory_limit limit = {.bytes = free_now.bytes / 2, .by_host = true};
    char free_text[SPEADI_BYTES_TEXT_MAX], least[SPEADI_BYTES_TEXT_MAX];

    speadi_bytes_text(free_text, free_now.bytes);
    if (free_now.limiter == SPEADI_FREE_UNKNOWN)
        return (struct speadi_memory_limit){
            .text = "no limit, because the host does not say how much memory is free"};
    if (limit.bytes >= SPEADI_MEMORY_LIMIT_LEAST) {
        snprintf(limit.text, sizeof limit.text, "half of %s that %s leaves free", free_text,
                 limiter);
        return limit;
    }
    limit.bytes = SPEADI_MEMORY_LIMIT_LEAST;
    snprintf(limit.text, sizeof limit.text, "the least, %s, because %s leaves only %s free",
             speadi_bytes_text(least, limit.bytes), limiter, free_text);
    return limit;
}

struct speadi_memory_limit speadi_memory_limit_find(const struct spead_recv_stream_config *config)
{
    if (config->memory_bytes_max > 0)
        return (struct speadi_memory_limit){.bytes = config->memory_bytes_max,
                                            .free_then = speadi_free_memory_read(),
                                            .text = "as configured"};
    if (config->heap_arena)
        return (struct speadi_memory_limit){.text = "the memory that the user has made"};
    return half_of_free();
}
