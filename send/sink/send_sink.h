/* The parts of a send sink. Only the four files of the sink include this header: send_sink.c (create, start, finish,
 * destroy), send_sink_step.c (steps and completions), send_sink_fail.c (failures) and send_describe.c (describes the
 * heap of a message).
 *
 * The sink keeps each message in a slot. `ring` holds the slots in the order in which the stream has accepted their
 * heaps. The heaps complete in the same order. Three positions divide the ring:
 *
 *     reaped ......... completed ....... head .......
 *       heap has ended,      heap is in     slot is
 *       node must reap it    flight         free
 *
 * Two slots are not in the ring. `current_slot` holds the message that is being submitted. `retry_slot` holds a message
 * whose heap the network has refused. This message stays there until the failure policy of the node has skipped,
 * diverted or retried it. To move a message, the sink exchanges the pointers of two slots, so the message itself stays
 * where it is in memory.
 *
 * The node fails on a message only when all heaps in flight have completed. Until then the failure is kept in
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

enum { SPEADI_SINK_BATCH = 16 }; /* a step receives at most this many messages */

struct speadi_sink_slot {
    struct spead_message message;
    struct spead_send_heap *heap;
    struct spead_send_options options;
    uint8_t time[8]; /* data of the item time_id */
    /* The owner thread of the stream writes this field before it increments `completed`. 0: it has released the
     * message. Not 0: the network has refused the heap with this error, and the slot still holds the message. */
    int error;
    bool holds;     /* the slot holds a message; not up to date in slots from `reaped` to `head` */
    bool described; /* `heap` and `options` describe the message */
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
    /* The last step failed on the message in this slot, which is current_slot or retry_slot. NULL: the failure
     * concerned no message. */
    struct speadi_sink_slot *failed_slot;
    struct spead_err pending_error; /* the node will fail with this error; code 0: none */
    /* it will fail on the message in this slot; NULL: on no message */
    struct speadi_sink_slot *pending_slot;
    struct spead_message inbox[SPEADI_SINK_BATCH]; /* messages received and not yet in a slot */
    uint32_t inbox_at, inbox_count;
    uint64_t head, reaped; /* positions in the ring, see the top of this file */
    uint64_t flush_target; /* the node is done when the stream has finished this many heaps */
    bool ended;            /* the input has ended */
    bool flushing;         /* flush_target is set */
    struct spead_send_runner *runner;
    /* NULL: the node has not started or has finished; see detach_node() */
    struct spead_node *_Atomic node;
    _Atomic bool detached;    /* the node has finished; heaps may still be in flight */
    _Atomic uint64_t wake_at; /* the node is woken when this many heaps have completed */
    _Atomic uint64_t in, failed, skipped, waits;

    /* The owner thread of the stream writes these fields. */
    /* position in the ring, see the top of this file */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t completed;
    _Atomic uint64_t sent;
    bool wake_at_once;  /* a heap was not sent: the node is woken whatever wake_at is */
    _Atomic int broken; /* -errno with which the stream failed; -ECANCELED: stopped; 0: it works */

    /* the owner thread of the stream and the thread of the node write it */
    _Atomic uint64_t abandoned;
    /* The caller holds one reference. A node that has started holds another reference, until the stream no longer calls
     * the sink. */
    _Atomic unsigned references;
};

/* Increments a counter that only one thread at a time writes, so that no read-modify-write is needed. */
static inline void speadi_sink_count(_Atomic uint64_t *counter)
{
    /* SINK3 release: the message was counted in `in` before. The load is relaxed: no other thread writes the
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

/* Makes the owner thread of the stream wake the node when `completed` has reached this value. The caller must look at
 * `completed` after this call, because the heaps may have completed just before it. */
static inline void speadi_sink_wake_when(struct spead_send_sink *sink, uint64_t completed)
{
    /* relaxed: the watch() below publishes it (PROGRESS1) */
    atomic_store_explicit(&sink->wake_at, completed, memory_order_relaxed);
    speadi_send_progress_watch(sink->config.stream);
}

/* ---- send_describe.c ---- */

/* Describes slot->message in slot->heap and slot->options. Returns 0 when the heap is described, and 1 when the message
 * must be skipped. Otherwise it returns a negative value with the same meaning as in spead_send_describe_fn. */
int speadi_sink_describe(const struct spead_send_sink *sink, struct speadi_sink_slot *slot);

/* Returns the sentence for a negative value that speadi_sink_describe() has returned. */
const char *speadi_sink_error_text(const struct spead_send_sink *sink, int code);

/* ---- send_sink_step.c ---- */

int speadi_sink_step(void *state, struct spead_node *self);

/* Returns true when the stream has finished every heap up to flush_target. */
bool speadi_sink_is_flushed(const struct spead_send_sink *sink);

/* ---- send_sink_fail.c: the step returns what these functions return ---- */

/* Makes the node fail with this error on the message in the slot. If slot is NULL, the failure concerns no message. The
 * node fails only when all submitted heaps have completed. Until then this function returns SPEAD_STEP_WAITING, and the
 * next step calls speadi_sink_fail_pending(). */
int speadi_sink_fail_later(struct spead_send_sink *sink, struct spead_node *self,
                           struct speadi_sink_slot *slot, int error, const char *what,
                           const char *why);

/* Makes the node fail with pending_error. While heaps are in flight, it returns SPEAD_STEP_WAITING instead. */
int speadi_sink_fail_pending(struct spead_send_sink *sink, struct spead_node *self);

/* Makes the node fail because the stream has failed or was stopped. */
int speadi_sink_fail_stream(struct spead_send_sink *sink, struct spead_node *self);

/* The operation `surrender` of the node. When the last step failed on a message, it gives that message to the failure
 * policy. */
int speadi_sink_surrender(void *state, struct spead_message *failed);

#endif
