/* SPDX-License-Identifier: Apache-2.0 */
/* Chunk streams: what the consumer and other threads ask of them. */
#include <errno.h>

#include <speadi/deadline.h>

#include "recv_stream.h"

/* The outlet hands over references of messages. Here they are chunks. */
static int take(struct spead_recv_stream *stream, struct spead_chunk **chunk, bool wait,
                uint64_t deadline_ns)
{
    struct spead_heap *reference;
    int ret;

    if (!stream->chunks)
        return -EINVAL;
    ret = speadi_outlet_take(&stream->outlet, &reference, 1, wait, deadline_ns);
    if (ret < 0)
        return ret;
    *chunk = (struct spead_chunk *)(void *)reference;
    return 0;
}

int spead_recv_stream_take_chunk(struct spead_recv_stream *stream, struct spead_chunk **chunk,
                                 uint64_t deadline_ns)
{
    if (speadi_deadline_is_duration(deadline_ns))
        return -EINVAL;
    return take(stream, chunk, true, deadline_ns);
}

int spead_recv_stream_try_take_chunk(struct spead_recv_stream *stream, struct spead_chunk **chunk)
{
    return take(stream, chunk, false, 0);
}

uint32_t spead_recv_stream_place_counters(const struct spead_recv_stream *stream, uint64_t *values,
                                          uint32_t max)
{
    const struct speadi_chunk_window *window = stream->chunks;
    uint32_t count = window ? window->config.counter_count : 0;

    for (uint32_t i = 0; i < count && i < max; i++)
        /* relaxed: no other data depends on these counters */
        values[i] = atomic_load_explicit(&window->published[i], memory_order_relaxed);
    return count;
}

const char *spead_recv_stream_place_counter_name(const struct spead_recv_stream *stream,
                                                 uint32_t index)
{
    const struct speadi_chunk_window *window = stream->chunks;

    if (!window || !window->counter_names || index >= window->config.counter_count)
        return NULL;
    return window->counter_names[index];
}
