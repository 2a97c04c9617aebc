/* SPDX-License-Identifier: Apache-2.0 */
/* The functions by which a send sink sees how many heaps of its stream have completed. The sink uses only these
 * functions and the functions of speadline/send.h, so it does not depend on the inner parts of a stream. The same holds
 * for send slots.
 *
 * The sink contains a watcher and attaches it to the stream. When the sink wants one call of on_progress() after the
 * next completions, it calls speadi_send_progress_watch(). */
#ifndef SPEADI_SEND_PROGRESS_H
#define SPEADI_SEND_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/send.h>

#include "progress.h"

struct speadi_send_facts {
    uint32_t destination_count, heaps_max; /* set when the stream was created */
    uint64_t accepted;                     /* heaps accepted so far */
    uint64_t finished;                     /* heaps whose completion function has returned so far */
    /* true if the stream was stopped and refuses every new heap */
    bool stopped;
    bool started; /* true if a thread owns the stream */
};

/* Fills *facts. Any thread may call it. If another thread changes a fact during the call, *facts gets either the old or
 * the new value of that fact. */
void speadi_send_progress_read(const struct spead_send_stream *stream,
                               struct speadi_send_facts *facts);

/* Attaches a watcher to the stream. The stream calls on_progress() of the watcher until on_progress() returns false.
 * Returns 0, or -EBUSY when another watcher is attached. Any thread may call it. */
int speadi_send_progress_attach(struct spead_send_stream *stream, struct speadi_watcher *watcher);

/* Requests one call of on_progress() by the owner thread of the stream, after the next completions. The caller must
 * look after this call which heaps have completed, because some can have completed just before it. Any thread may call
 * it. */
void speadi_send_progress_watch(struct spead_send_stream *stream);

/* Calls on_progress() now, on the calling thread. If another thread is inside on_progress() at this time, this function
 * first waits until that call has returned. */
void speadi_send_progress_call(struct spead_send_stream *stream);

/* Returns true if the calling thread is the owner thread of the stream. */
bool speadi_send_progress_is_owner(const struct spead_send_stream *stream);

/* Returns 0, or the -errno with which the stream has failed. Only the completion of a heap may call it, because it must
 * run on the owner thread of the stream. */
int speadi_send_progress_failure(const struct spead_send_stream *stream);

#endif
