/* What a send sink is made of. Private to its four files: send_sink.c (its life), send_sink_step.c (its steps
 * and completions), send_sink_fail.c (how it fails) and send_describe.c (what messages become).
 *
 * A message travels in a slot. `ring` holds the slots in order of acceptance, which is the order of
 * completion too:
 *
 *     reaped ..... completed ..... head .....
 *       ended, for    in flight      free
 *       the node
 *
 * Two slots are outside of it: `current_slot`, whose message is being submitted, and `retry_slot`, whose heap the
 * network has refused and whose message is there until the node's policy has skipped, diverted or tried it again.
 * They change places with a slot of the ring, so that a message is never moved.
 *
 * The node fails on a message only when all heaps in flight have completed: until then the failure is the
 * `pending_error`. */
#ifndef SPEADI_SEND_SINK_H
#define SPEADI_SEND_SINK_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/send_node.h>

#include <speadi/cache_line.h>

#include "send_progress.h"

enum { SPEADI_SINK_BATCH = 16 }; /* messages taken in a step */

struct speadi_sink_slot {
    struct spead_message message;
    struct spead_send_heap *heap;
    struct spead_send_options options;
    uint8_t time[8]; /* an item of the heap */
    int error; /* written by the stream's thread, before `completed`: why its heap was not sent, and the message
                  is still held; 0: it is not */
    bool holds, described;
};

struct spead_send_sink {
    struct spead_send_sink_config config;
    struct spead_port input, error_port;
    struct speadi_watcher watcher;
    struct speadi_sink_slot *slots, **ring;
    uint64_t mask;
    uint32_t slot_count, in_flight_max;

    /* Written by the node's thread; after the node has finished, by on_progress() under the watcher's lock. */
    alignas(SPEADI_CACHE_LINE) struct speadi_sink_slot *current_slot, *retry_slot;
    /* Of the two: what the last step failed on; NULL: on none. */
    struct speadi_sink_slot *failed_slot;
    struct spead_err pending_error;        /* the node will fail with this; code 0: with nothing */
    struct speadi_sink_slot *pending_slot; /* on this one of the two; NULL: on no message */
    struct spead_message inbox[SPEADI_SINK_BATCH];
    uint32_t inbox_at, inbox_count;
    uint64_t head, reaped;
    uint64_t flush_target; /* what the stream must have finished before the end */
    bool ended, flushing;
    struct spead_send_runner *runner;
    struct spead_node *_Atomic node; /* NULL: has finished, or not started; see detach_node() */
    _Atomic bool detached;           /* has finished, perhaps with heaps in flight */
    _Atomic uint64_t wake_at;        /* how many must have completed for the node to go on */
    _Atomic uint64_t in, failed, skipped, waits;

    /* Written by the stream's thread. */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t completed;
    _Atomic uint64_t sent;
    bool wake_at_once;  /* a heap was not sent: the node is woken whatever wake_at says */
    _Atomic int broken; /* the stream has failed with this, or was stopped */

    _Atomic uint64_t abandoned; /* written by both threads */
    /* Of the caller, and of a node that has started, until the stream calls it no more. */
    _Atomic unsigned references;
};

/* One thread at a time writes, so this is no read-modify-write. */
static inline void speadi_sink_count(_Atomic uint64_t *counter)
{
    /* SINK3 release: the message was counted in `in` before. relaxed: no other thread writes. */
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_release);
}

/* Releases the message that a slot holds. */
static inline void speadi_sink_release_slot(struct speadi_sink_slot *slot)
{
    slot->holds = slot->described = false;
    spead_message_unref(&slot->message);
}

/* The node is stepped when this many heaps have completed. Look at `completed` after this call: they may have
 * completed before it. */
static inline void speadi_sink_wake_when(struct spead_send_sink *sink, uint64_t completed)
{
    /* relaxed: published by watch() (PROGRESS1) */
    atomic_store_explicit(&sink->wake_at, completed, memory_order_relaxed);
    speadi_send_progress_watch(sink->config.stream);
}

/* ---- send_describe.c ---- */

/* Describes slot->message in slot->heap and slot->options. Returns 0, 1: to be skipped, or as
 * spead_send_describe_fn. */
int speadi_sink_describe(const struct spead_send_sink *sink, struct speadi_sink_slot *slot);

/* The sentence for what it answered. */
const char *speadi_sink_error_text(const struct spead_send_sink *sink, int code);

/* ---- send_sink_step.c ---- */

int speadi_sink_step(void *state, struct spead_node *self);

/* Everything that was submitted has finished. */
bool speadi_sink_is_flushed(const struct spead_send_sink *sink);

/* ---- send_sink_fail.c: each returns what the step returns ---- */

/* The node fails with error on a slot's message, or, NULL, on none; but what was submitted before leaves first: until
 * then this returns WAITING, and the next step calls speadi_sink_fail_pending(). */
int speadi_sink_fail_later(struct spead_send_sink *sink, struct spead_node *self,
                           struct speadi_sink_slot *slot, int error, const char *what,
                           const char *why);

/* There is a pending_error: fails with it, or WAITING while heaps are in flight. */
int speadi_sink_fail_pending(struct spead_send_sink *sink, struct spead_node *self);

/* The stream is broken: nothing more will leave. */
int speadi_sink_fail_stream(struct spead_send_sink *sink, struct spead_node *self);

/* The operation `surrender` of the node: its policy takes the message that the last step failed on. */
int speadi_sink_surrender(void *state, struct spead_message *failed);

#endif
