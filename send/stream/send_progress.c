/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of a send stream that its sink uses. */
#include "send_progress.h"

#include "send_stream.h"

void speadi_send_progress_read(const struct spead_send_stream *stream,
                               struct speadi_send_facts *facts)
{
    *facts = (struct speadi_send_facts){
        .destination_count = stream->transport.destination_count,
        .heaps_max = stream->queue.heaps_max,
        .accepted = speadi_heap_queue_accepted(&stream->queue),
        .finished = speadi_heap_queue_finished(&stream->queue),
        .stopped = speadi_heap_queue_is_closed(&stream->queue),
        /* relaxed: if a thread becomes the owner at this moment, both true and false are correct here */
        .started = atomic_load_explicit(&stream->owner, memory_order_relaxed) != 0,
    };
}

int speadi_send_progress_attach(struct spead_send_stream *stream, struct speadi_watcher *watcher)
{
    return speadi_progress_attach(&stream->progress, watcher);
}

void speadi_send_progress_watch(struct spead_send_stream *stream)
{
    speadi_progress_watch(&stream->progress);
}

void speadi_send_progress_call(struct spead_send_stream *stream)
{
    speadi_progress_call_watcher(&stream->progress);
}

bool speadi_send_progress_is_owner(const struct spead_send_stream *stream)
{
    return speadi_send_stream_is_owner(stream);
}

int speadi_send_progress_failure(const struct spead_send_stream *stream)
{
    return stream->failure;
}
