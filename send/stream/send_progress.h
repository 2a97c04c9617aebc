/* Tells the send sink how far its stream has come. The sink uses only these functions and those of speadline/send.h, so
 * that it does not depend on the parts of a stream.
 *
 * The sink contains a watcher and attaches it to the stream. It calls speadi_send_progress_watch() when it wants to be
 * called after the next completions. */
#ifndef SPEADI_SEND_PROGRESS_H
#define SPEADI_SEND_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/send.h>

#include "progress.h"

struct speadi_send_facts {
    uint32_t destination_count, heaps_max; /* set when the stream was created */
    uint64_t accepted;                     /* heaps accepted so far */
    uint64_t finished;                     /* heaps whose completion has returned so far */
    bool stopped;                          /* the stream refuses every heap from now on */
    bool started;                          /* a thread owns the stream */
};

/* Any thread. Each fact that other threads change is as it was at some moment during the call. */
void speadi_send_progress_read(const struct spead_send_stream *stream,
                               struct speadi_send_facts *facts);

/* The stream keeps and calls the watcher until on_progress() returns false. Returns 0, or -EBUSY when another watcher
 * is attached. Any thread. */
int speadi_send_progress_attach(struct spead_send_stream *stream, struct speadi_watcher *watcher);

/* Requests one call of on_progress() by the owner thread of the stream, after the next completions. The caller must
 * look after this call at what has completed, because heaps may have completed just before it. Any thread. */
void speadi_send_progress_watch(struct spead_send_stream *stream);

/* Calls on_progress() now, on the calling thread. Any on_progress() that another thread had begun before has returned
 * when it is called. */
void speadi_send_progress_call(struct spead_send_stream *stream);

/* Returns 0, or the -errno with which the stream has failed. Only the completion of a heap may call it, because it must
 * run on the owner thread of the stream. */
int speadi_send_progress_failure(const struct spead_send_stream *stream);

#endif
