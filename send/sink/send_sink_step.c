/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a send sink, and the completion of its heaps. */
#include "send_sink.h"

#include <errno.h>
#include <string.h>

/* A message is not ready as long as a device works on it. After this time the sink calls the function `describe` for
 * such a message again. */
enum { NOT_READY_NS = 50000 };

/* ---- Completions, on the owner thread of the stream ----------------------------------------- */

/* Releases the message of the slot, because its heap has completed. There is one exception: when the network has
 * refused the heap for another reason than a full queue, the message stays in the slot for the failure policy. */
static void release_or_keep(struct spead_send_sink *sink, struct speadi_sink_slot *slot, int error)
{
    slot->error = 0;
    if (error == 0) {
        spead_message_unref(&slot->message);
        speadi_sink_count(&sink->sent);
    } else if (error == -ENOBUFS) {
        /* The node does not fail. A switch can drop packets too, and then no node fails. */
        spead_message_unref(&slot->message);
        speadi_sink_count(&sink->dropped_local);
    } else if (error == -ECANCELED) {
        spead_message_unref(&slot->message);
        /* SINK3 release: the message was counted in `in` before */
        atomic_fetch_add_explicit(&sink->abandoned, 1, memory_order_release);
    } else {
        slot->error = error;
    }
}

/* The completion function of each heap of the sink. */
static void done(void *arg, const struct spead_send_result *result)
{
    struct spead_send_sink *sink = arg;
    int failure = speadi_send_progress_failure(sink->config.stream);
    uint64_t completed = atomic_load_explicit(&sink->completed, memory_order_relaxed);
    /* The slot of this heap is already in the ring, because submit() puts it there before it submits the heap. */
    struct speadi_sink_slot *slot = sink->ring[completed & sink->mask];

    if (sink->config.done)
        sink->config.done(sink->config.done_arg, &slot->message, result);
    release_or_keep(sink, slot, result->error);
    if (failure != 0 || result->error == -ECANCELED)
        /* relaxed: the store of `completed` below publishes `broken` (SINK1) */
        atomic_store_explicit(&sink->broken, failure != 0 ? failure : -ECANCELED,
                              memory_order_relaxed);
    /* SINK1 release: after this store the thread of the node may use the slot again. */
    atomic_store_explicit(&sink->completed, completed + 1, memory_order_release);
    if (result->error != 0) { /* wakes the node, even if the node waits for input */
        sink->wake_at_once = true;
        speadi_send_progress_watch(sink->config.stream);
    }
}

/* ---- The phases of a step ------------------------------------------------------------------- *
 * A phase returns SPEAD_STEP_AGAIN if the step must continue with the next phase. Otherwise it returns the result of
 * the step. */

static void swap(struct speadi_sink_slot **a, struct speadi_sink_slot **b)
{
    struct speadi_sink_slot *was = *a;

    *a = *b;
    *b = was;
}

/* Reaps the slots of completed heaps. It stops at a heap that the network has refused, and the node fails on the
 * message of that heap. */
static int reap(struct spead_send_sink *sink, struct spead_node *self)
{
    /* SINK1 acquire: the owner thread of the stream has finished with these slots. */
    uint64_t completed = atomic_load_explicit(&sink->completed, memory_order_acquire);

    /* relaxed: the load of `completed` above orders this load (SINK1) */
    if (atomic_load_explicit(&sink->broken, memory_order_relaxed) != 0)
        return speadi_sink_fail_stream(sink, self);
    for (; sink->reaped != completed; sink->reaped++) {
        struct speadi_sink_slot **at = &sink->ring[sink->reaped & sink->mask];

        (*at)->holds = (*at)->error != 0;
        if (!(*at)->holds) {
            (*at)->described = false;
            continue;
        }
        swap(at, &sink->retry_slot);
        sink->reaped++;
        return speadi_sink_fail_later(sink, self, sink->retry_slot, sink->retry_slot->error,
                                      "its heap was refused", strerror(-sink->retry_slot->error));
    }
    return SPEAD_STEP_AGAIN;
}

/* Waits until half of the heaps in flight have completed. Until then the stream has enough heaps to send, so the node
 * need not wake at every completion. */
static int wait_for_slots(struct spead_send_sink *sink)
{
    const uint64_t enough = sink->reaped + (sink->in_flight_max + 1) / 2;

    speadi_sink_count(&sink->waits);
    speadi_sink_wake_when(sink, enough);
    /* The node reads `completed` after it has called watch() (PROGRESS1), because heaps can have completed just before
     * that call. SINK1 acquire: the owner thread of the stream has finished with the slots of these heaps. */
    return atomic_load_explicit(&sink->completed, memory_order_acquire) >= enough
               ? SPEAD_STEP_AGAIN
               : SPEAD_STEP_WAITING;
}

/* Submits the heap of the slot. Returns 0 or -errno. -EAGAIN means that heaps of other producers fill the stream. The
 * node is then woken after the next completion. */
static int try_submit(struct spead_send_sink *sink, const struct speadi_sink_slot *slot)
{
    struct spead_send_stream *stream = sink->config.stream;
    int ret = spead_send_stream_submit(stream, slot->heap, &slot->options);

    if (ret != -EAGAIN)
        return ret;
    speadi_sink_count(&sink->waits);
    speadi_sink_wake_when(sink, 0);
    return spead_send_stream_submit(stream, slot->heap, &slot->options);
}

/* Submits the heap of the slot *from. It puts the slot into the ring first, because the heap can complete before
 * spead_send_stream_submit() returns. The ring always has a free slot for this, because the node receives at most as
 * many messages as the ring has free slots. This is true for the message in retry_slot too, because that message has
 * left its slot of the ring earlier. */
static int submit(struct spead_send_sink *sink, struct spead_node *self,
                  struct speadi_sink_slot **from)
{
    struct speadi_sink_slot **at = &sink->ring[sink->head & sink->mask];
    int ret;

    swap(at, from);
    ret = try_submit(sink, *at);
    if (ret == 0) {
        sink->head++;
        /* a heap that is retried after the end of the input makes flush_target invalid */
        sink->flushing = false;
        return SPEAD_STEP_AGAIN;
    }
    swap(at, from);
    if (ret == -EAGAIN)
        return SPEAD_STEP_WAITING;
    if (ret == -ESHUTDOWN)
        return speadi_sink_fail_later(sink, self, NULL, ret, "the send stream was stopped",
                                      "not all messages were sent");
    return speadi_sink_fail_later(sink, self, *from, ret, "the send stream refuses its heap",
                                  strerror(-ret));
}

static int describe(struct spead_send_sink *sink, struct spead_node *self,
                    struct speadi_sink_slot *slot)
{
    int ret = speadi_sink_describe(sink, slot);

    if (ret == -EAGAIN) {
        spead_node_wait_until(self, spead_node_now_ns(self) + NOT_READY_NS);
        return SPEAD_STEP_WAITING;
    }
    if (ret < 0)
        return speadi_sink_fail_later(sink, self, slot, ret, "cannot be sent",
                                      speadi_sink_error_text(sink, ret));
    if (ret > 0) {
        speadi_sink_release_slot(slot);
        speadi_sink_count(&sink->skipped);
        return SPEAD_STEP_AGAIN;
    }
    slot->options.done = done;
    slot->options.done_arg = sink;
    slot->described = true;
    return SPEAD_STEP_AGAIN;
}

static int send_one(struct spead_send_sink *sink, struct spead_node *self,
                    struct speadi_sink_slot **slot)
{
    int ret = SPEAD_STEP_AGAIN;

    if ((*slot)->holds && !(*slot)->described)
        ret = describe(sink, self, *slot);
    if (ret == SPEAD_STEP_AGAIN && (*slot)->described)
        ret = submit(sink, self, slot);
    return ret;
}

static int send_inbox(struct spead_send_sink *sink, struct spead_node *self)
{
    int ret = send_one(sink, self, &sink->current_slot);

    while (ret == SPEAD_STEP_AGAIN && sink->inbox_at != sink->inbox_count) {
        sink->current_slot->message = sink->inbox[sink->inbox_at++];
        sink->current_slot->holds = true;
        ret = send_one(sink, self, &sink->current_slot);
    }
    return ret;
}

/* Receives messages, but only as many as can be in flight. All other messages stay in the channel, so that the policy
 * of the channel applies to them. */
static int receive(struct spead_send_sink *sink, struct spead_node *self)
{
    uint64_t room = sink->in_flight_max - (sink->head - sink->reaped);
    int ret;

    if (room == 0)
        return wait_for_slots(sink);
    ret = spead_node_receive(self, 0, sink->inbox,
                             room < SPEADI_SINK_BATCH ? (uint32_t)room : SPEADI_SINK_BATCH);
    if (ret == -EAGAIN)
        return SPEAD_STEP_WAITING;
    sink->ended = ret < 0;
    sink->inbox_at = 0;
    sink->inbox_count = ret < 0 ? 0 : (uint32_t)ret;
    /* relaxed: the sink later counts each of these messages as sent, failed, skipped or abandoned. Because of SINK3, a
     * thread that sees that later count also sees this change of `in`. */
    atomic_fetch_add_explicit(&sink->in, sink->inbox_count, memory_order_relaxed);
    return SPEAD_STEP_AGAIN;
}

bool speadi_sink_is_flushed(const struct spead_send_sink *sink)
{
    struct speadi_send_facts facts;

    if (!sink->flushing)
        return false;
    speadi_send_progress_read(sink->config.stream, &facts);
    return facts.finished >= sink->flush_target;
}

/* Waits until the stream has finished all heaps. A heap is finished when its completion function has returned and the
 * statistics of the stream show the heap, as in spead_send_stream_flush(). */
static int flush(struct spead_send_sink *sink)
{
    struct speadi_send_facts facts;

    if (!sink->flushing) {
        speadi_send_progress_read(sink->config.stream, &facts);
        sink->flush_target = facts.accepted;
        sink->flushing = true;
    }
    speadi_sink_wake_when(sink, sink->head);
    if (!speadi_sink_is_flushed(sink))
        return SPEAD_STEP_WAITING;
    /* SINK1 acquire: the owner thread of the stream has finished with the slots of these heaps. It is possible that the
     * network has refused a heap that is not yet reaped. The node must still fail on the message of that heap. */
    return atomic_load_explicit(&sink->completed, memory_order_acquire) != sink->reaped
               ? SPEAD_STEP_AGAIN
               : SPEAD_STEP_DONE;
}

int speadi_sink_step(void *state, struct spead_node *self)
{
    struct spead_send_sink *sink = state;
    int ret;

    sink->failed_slot = NULL;
    if (sink->pending_error.code != 0)
        return speadi_sink_fail_pending(sink, self);
    /* send the message in retry_slot, which the failure policy has decided to retry */
    ret = send_one(sink, self, &sink->retry_slot);
    if (ret == SPEAD_STEP_AGAIN)
        ret = reap(sink, self);
    if (ret == SPEAD_STEP_AGAIN && sink->inbox_at == sink->inbox_count &&
        !sink->current_slot->holds && !sink->ended)
        ret = receive(sink, self);
    if (ret == SPEAD_STEP_AGAIN)
        ret = send_inbox(sink, self);
    if (ret == SPEAD_STEP_AGAIN && sink->ended)
        ret = flush(sink);
    return ret;
}
