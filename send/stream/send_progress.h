/* How far a send stream has come, for the sink that feeds it. Beside the public calls of speadline/send.h, these are
 * the only ones that a sink makes: what a stream is made of is no business of the sink.
 *
 * A sink embeds a watcher, attaches it, and asks to be called once when heaps have completed. */
#ifndef SPEADI_SEND_PROGRESS_H
#define SPEADI_SEND_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/send.h>

#include "progress.h"

struct speadi_send_facts {
    uint32_t destination_count, heaps_max; /* as the stream was made */
    uint64_t accepted, finished; /* heaps so far; finished: the callbacks have returned too */
    bool stopped;                /* no heap is accepted any more */
    bool started;                /* a thread owns the stream */
};

/* Any thread. What other threads change is as it was at some moment of the call. */
void speadi_send_progress_read(const struct spead_send_stream *stream,
                               struct speadi_send_facts *facts);

/* The watcher is the stream's until its on_progress() returns false. Returns 0, or -EBUSY: there is another. Any
 * thread. */
int speadi_send_progress_attach(struct spead_send_stream *stream, struct speadi_watcher *watcher);

/* on_progress() is called once after heaps have completed next, on the stream's thread. Look at what has completed
 * after this call: heaps may have completed before it. Any thread. */
void speadi_send_progress_watch(struct spead_send_stream *stream);

/* Calls on_progress() now, on this thread. Any call that began before on another thread has returned by then. */
void speadi_send_progress_call(struct spead_send_stream *stream);

/* 0, or the -errno that the stream has failed with. Only in a heap's done(): on the stream's thread. */
int speadi_send_progress_failure(const struct spead_send_stream *stream);

#endif
