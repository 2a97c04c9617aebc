/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a send sink. Only the four files of the sink include this header: send_sink.c (create, start, finish,
 * destroy), send_sink_step.c (steps and completions), send_sink_fail.c (failures) and send_describe.c (describes the
 * heap of a message).
 *
 * The sink stores each message in a slot. The array `ring` contains the slots in the order in which the stream has
 * accepted their heaps. The heaps complete in the same order. Three positions divide the ring:
 *
 *     reaped ......... completed ....... head .......
 *       heap has ended,      heap is in     slot is
 *       node must reap it    flight         free
 *
 * Two slots are not in the ring. `current_slot` has the message that is being submitted. `retry_slot` has a message
 * whose heap the network has refused. This message stays there until the failure policy of the node has skipped,
 * diverted or retried it. To move a message, the sink exchanges the pointers of two slots, so the message itself stays
 * where it is in memory.
 *
 * The node fails on a message only after all heaps in flight have completed. Until then the failure is in
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

enum { SPEADI_SINK_BATCH = 16 }; /* the largest number of messages that one step receives */

struct speadi_sink_slot {
    struct spead_message message;
    struct spead_send_heap *heap;
    struct spead_send_options options;
    uint8_t time[8]; /* the data of the item whose identifier is config.time_id */
    /* The owner thread of the stream writes this field before it increments `completed`. 0 means that the owner thread
     * has released the message. Any other value means that the network has refused the heap with this error, and that
     * the slot still holds the message. */
    int error;
    /* True if the slot holds a message. But the sink does not update this field in the slots of the ring from `reaped`
     * to `head`. */
    bool holds;
    bool described; /* true if `heap` and `options` in this slot already describe the message */
};

struct spead_send_sink {
    struct spead_send_sink_config config;
    struct spead_port input, error_port;
    struct speadi_watcher watcher;
    struct speadi_sink_slot *slots, **ring;
    uint64_t mask;
    uint32_t slot_count, in_flight_max;

    /* The thread of the node writes these fields. After the node has finished, on_progress() writes them with the lock
     * of the watcher held. */
    alignas(SPEADI_CACHE_LINE) struct speadi_sink_slot *current_slot, *retry_slot;
    /* If the last step failed on a message, this is the slot of that message: current_slot or retry_slot. It is NULL if
     * the failure concerned no message. */
    struct speadi_sink_slot *failed_slot;
    /* the error with which the node will fail later; its `code` is 0 if there is none */
    struct spead_err pending_error;
    /* The slot of the message on which the node will fail later. It is NULL if pending_error concerns no message. */
    struct speadi_sink_slot *pending_slot;
    /* messages that were received and have no slot yet */
    struct spead_message inbox[SPEADI_SINK_BATCH];
    uint32_t inbox_at, inbox_count;
    uint64_t head, reaped; /* positions in the ring: see the top of this file */
    /* the number of heaps that the stream must finish before the node is done */
    uint64_t flush_target;
    bool ended;    /* true when the input has ended */
    bool flushing; /* true when flush_target is valid */
    struct spead_send_runner *runner;
    /* NULL before the node has started and after it has finished (detach_node()). */
    struct spead_node *_Atomic node;
    /* True from the time when the node has finished until its last heap has completed. */
    _Atomic bool detached;
    _Atomic uint64_t wake_at; /* the value of `completed` at which the node is woken */
    _Atomic uint64_t in, failed, skipped, waits;

    /* The owner thread of the stream writes these fields. `completed` is a position in the ring: see the top of this
     * file. */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t completed;
    _Atomic uint64_t sent, dropped_local;
    /* True after a heap was not sent. Then on_progress() wakes the node although `completed` is still less than
     * wake_at. */
    bool wake_at_once;
    /* 0 while the stream works, -ECANCELED after it was stopped, or the -errno with which it failed. */
    _Atomic int broken;

    /* Both the owner thread of the stream and the thread of the node write this counter. */
    _Atomic uint64_t abandoned;
    /* How many users the sink has. The caller of create() counts as one user until destroy(). A node that has started
     * counts as another user, until the stream no longer calls the sink. */
    _Atomic unsigned references;
};

/* Increments a counter. Only one thread at a time writes this counter, so the increment needs no atomic
 * read-modify-write. */
static inline void speadi_sink_count(_Atomic uint64_t *counter)
{
    /* SINK3 release: the message was counted in `in` before. The load is relaxed, because no other thread writes the
     * counter. */
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_release);
}

/* Releases the message that a slot holds. */
static inline void speadi_sink_release_slot(struct speadi_sink_slot *slot)
{
    slot->holds = slot->described = false;
    spead_message_unref(&slot->message);
}

/* Makes the owner thread of the stream wake the node when sink->completed has reached `completed`. The caller must read
 * sink->completed after this call, because it can have reached that value just before the call. */
static inline void speadi_sink_wake_when(struct spead_send_sink *sink, uint64_t completed)
{
    /* relaxed: the watch() below publishes `wake_at` (PROGRESS1) */
    atomic_store_explicit(&sink->wake_at, completed, memory_order_relaxed);
    speadi_send_progress_watch(sink->config.stream);
}

/* ---- send_describe.c ---- */

/* Describes the heap of slot->message: fills slot->heap and slot->options. Returns 0 when the heap is described, and 1
 * when the sink must skip the message. A negative value has the same meaning as in spead_send_describe_fn. */
int speadi_sink_describe(const struct spead_send_sink *sink, struct speadi_sink_slot *slot);

/* Returns the sentence for a negative value that speadi_sink_describe() has returned. */
const char *speadi_sink_error_text(const struct spead_send_sink *sink, int code);

/* ---- send_sink_step.c ---- */

int speadi_sink_step(void *state, struct spead_node *self);

/* Returns true when the stream has finished every heap up to flush_target. */
bool speadi_sink_is_flushed(const struct spead_send_sink *sink);

/* ---- send_sink_fail.c: the step returns what these functions return ---- */

/* Makes the node fail with this error on the message in the slot. If `slot` is NULL, the failure concerns no message.
 * The node fails only when all submitted heaps have completed. Until then this function returns SPEAD_STEP_WAITING, and
 * later steps call speadi_sink_fail_pending(). */
int speadi_sink_fail_later(struct spead_send_sink *sink, struct spead_node *self,
                           struct speadi_sink_slot *slot, int error, const char *what,
                           const char *why);

/* Makes the node fail with pending_error, if no heap is in flight. If heaps are in flight, it returns
 * SPEAD_STEP_WAITING. */
int speadi_sink_fail_pending(struct spead_send_sink *sink, struct spead_node *self);

/* Makes the node fail because the stream has failed or was stopped. */
int speadi_sink_fail_stream(struct spead_send_sink *sink, struct spead_node *self);

/* The operation `surrender` of the node. When the last step failed on a message, this function gives that message to
 * the failure policy in *failed and returns 0. Otherwise it returns -ENOENT. */
int speadi_sink_surrender(void *state, struct spead_message *failed);

#endif
