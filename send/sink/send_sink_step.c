/* The steps of a send sink, and how its heaps complete. */
#include "send_sink.h"

#include <errno.h>
#include <string.h>

#include "send_stream.h"

/* How long a message that is not ready (its device still works on it) is left alone. */
enum { NOT_READY_NS = 50000 };

void speadi_sink_count(_Atomic uint64_t *counter)
{
    /* SINK3 release: the message was counted in `in` before. relaxed: our own count. */
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_release);
}

void speadi_sink_drop(struct speadi_sink_slot *slot)
{
    slot->holds = slot->described = false;
    spead_message_unref(&slot->message);
}

/* ---- Completion, on the stream's thread ----------------------------------------------------- */

/* The message of a heap that was refused stays, for the policy; the others are done with. */
static void settle(struct spead_send_sink *sink, struct speadi_sink_slot *slot, int error)
{
    slot->error = 0;
    if (error == 0) {
        spead_message_unref(&slot->message);
        speadi_sink_count(&sink->sent);
    } else if (error == -ECANCELED) {
        spead_message_unref(&slot->message);
        atomic_fetch_add_explicit(&sink->abandoned, 1, memory_order_release); /* SINK3 release */
    } else {
        slot->error = error;
    }
}

static void done(void *arg, const struct spead_send_result *result)
{
    struct spead_send_sink *sink = arg;
    struct spead_send_stream *stream = sink->config.stream;
    uint64_t completed = atomic_load_explicit(&sink->completed, memory_order_relaxed); /* our own */
    /* The entry was put there before the heap was submitted. */
    struct speadi_sink_slot *slot = sink->ring[completed & sink->mask];

    if (sink->config.done != NULL)
        sink->config.done(sink->config.done_arg, &slot->message, result);
    settle(sink, slot, result->error);
    if (stream->failure != 0 || result->error == -ECANCELED)
        /* relaxed: published with `completed` (SINK1) */
        atomic_store_explicit(&sink->broken, stream->failure ? stream->failure : -ECANCELED,
                              memory_order_relaxed);
    /* SINK1 release: the node may use the slot again. */
    atomic_store_explicit(&sink->completed, completed + 1, memory_order_release);
    if (result->error != 0) { /* also a node that waits for input */
        sink->alarmed = true;
        speadi_progress_watch(&stream->progress);
    }
}

/* ---- The phases of a step ------------------------------------------------------------------- *
 * Each answers SPEAD_STEP_AGAIN when the next may follow, else as a step. */

static void swap(struct speadi_sink_slot **a, struct speadi_sink_slot **b)
{
    struct speadi_sink_slot *was = *a;

    *a = *b;
    *b = was;
}

/* Takes back what has ended, up to a heap that was refused: that one is failed on. */
static int reap(struct spead_send_sink *sink, struct spead_node *self)
{
    /* SINK1 acquire: the stream is done with these slots. */
    uint64_t completed = atomic_load_explicit(&sink->completed, memory_order_acquire);

    /* relaxed: SINK1 orders it */
    if (atomic_load_explicit(&sink->broken, memory_order_relaxed) != 0)
        return speadi_sink_fail_stream(sink, self);
    for (; sink->reaped != completed; sink->reaped++) {
        struct speadi_sink_slot **at = &sink->ring[sink->reaped & sink->mask];

        (*at)->holds = (*at)->error != 0;
        if (!(*at)->holds) {
            (*at)->described = false;
            continue;
        }
        swap(at, &sink->refused);
        sink->reaped++;
        return speadi_sink_accuse(sink, self, sink->refused, sink->refused->error,
                                  "its heap was refused", strerror(-sink->refused->error));
    }
    return SPEAD_STEP_AGAIN;
}

void speadi_sink_wake_when(struct spead_send_sink *sink, uint64_t completed)
{
    /* relaxed: published by watch() (PROGRESS1) */
    atomic_store_explicit(&sink->wake_at, completed, memory_order_relaxed);
    speadi_progress_watch(&sink->config.stream->progress);
}

/* Woken for half of the slots, not for each: the stream has the other half to go on with. */
static int wait_for_slots(struct spead_send_sink *sink)
{
    const uint64_t enough = sink->reaped + (sink->in_flight_max + 1) / 2;

    speadi_sink_count(&sink->waits);
    speadi_sink_wake_when(sink, enough);
    /* After PROGRESS1: they may have come before. SINK1 acquire: as in reap(). */
    return atomic_load_explicit(&sink->completed, memory_order_acquire) >= enough
               ? SPEAD_STEP_AGAIN
               : SPEAD_STEP_WAITING;
}

/* 0, -EAGAIN: full of other producers' heaps, and the node will be stepped; or -errno. */
static int submit(struct spead_send_sink *sink, const struct speadi_sink_slot *slot)
{
    struct spead_send_stream *stream = sink->config.stream;
    int ret = spead_send_stream_submit(stream, slot->heap, &slot->options);

    if (ret != -EAGAIN)
        return ret;
    speadi_sink_count(&sink->waits);
    speadi_sink_wake_when(sink, 0);
    return spead_send_stream_submit(stream, slot->heap, &slot->options);
}

/* Into the ring first: the heap may have completed before submit() returns. There is room: no more than
 * in_flight_max are taken in, and what is outside of the ring has left it. */
static int launch(struct spead_send_sink *sink, struct spead_node *self,
                  struct speadi_sink_slot **from)
{
    struct speadi_sink_slot **at = &sink->ring[sink->head & sink->mask];
    int ret;

    swap(at, from);
    ret = submit(sink, *at);
    if (ret == 0) {
        sink->head++;
        sink->flushing = false; /* one that was tried again after the end of the input */
        return SPEAD_STEP_AGAIN;
    }
    swap(at, from);
    if (ret == -EAGAIN)
        return SPEAD_STEP_WAITING;
    if (ret == -ESHUTDOWN)
        return speadi_sink_accuse(sink, self, NULL, ret, "the send stream was stopped",
                                  "messages still came");
    return speadi_sink_accuse(sink, self, *from, ret, "the send stream does not take it",
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
        return speadi_sink_accuse(sink, self, slot, ret, "cannot be sent",
                                  speadi_sink_why(sink, ret));
    if (ret > 0) {
        speadi_sink_drop(slot);
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
        ret = launch(sink, self, slot);
    return ret;
}

static int send_inbox(struct spead_send_sink *sink, struct spead_node *self)
{
    int ret = send_one(sink, self, &sink->hand);

    while (ret == SPEAD_STEP_AGAIN && sink->inbox_at != sink->inbox_count) {
        sink->hand->message = sink->inbox[sink->inbox_at++];
        sink->hand->holds = true;
        ret = send_one(sink, self, &sink->hand);
    }
    return ret;
}

/* No more than can be in flight: what cannot is the channel's to keep, by its policy. */
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
    /* relaxed: seen by a thread that sees what became of them (SINK3) */
    atomic_fetch_add_explicit(&sink->in, sink->inbox_count, memory_order_relaxed);
    return SPEAD_STEP_AGAIN;
}

bool speadi_sink_is_flushed(const struct spead_send_sink *sink)
{
    return sink->flushing &&
           speadi_heap_queue_finished(&sink->config.stream->queue) >= sink->flush_target;
}

/* Until callbacks and statistics of the last heap are through as well, as in spead_send_stream_flush(). */
static int flush(struct spead_send_sink *sink)
{
    struct spead_send_stream *stream = sink->config.stream;

    if (!sink->flushing)
        sink->flush_target = speadi_heap_queue_accepted(&stream->queue);
    sink->flushing = true;
    speadi_sink_wake_when(sink, sink->head);
    if (!speadi_sink_is_flushed(sink))
        return SPEAD_STEP_WAITING;
    /* SINK1 acquire: as in reap(). One that was refused at the very end has yet to be failed on. */
    return atomic_load_explicit(&sink->completed, memory_order_acquire) != sink->reaped
               ? SPEAD_STEP_AGAIN
               : SPEAD_STEP_DONE;
}

int speadi_sink_step(void *state, struct spead_node *self)
{
    struct spead_send_sink *sink = state;
    int ret;

    sink->blamed = NULL;
    if (sink->verdict.code != 0)
        return speadi_sink_convict(sink, self);
    ret = send_one(sink, self, &sink->refused); /* it is to be tried again */
    if (ret == SPEAD_STEP_AGAIN)
        ret = reap(sink, self);
    if (ret == SPEAD_STEP_AGAIN && sink->inbox_at == sink->inbox_count && !sink->hand->holds &&
        !sink->ended)
        ret = receive(sink, self);
    if (ret == SPEAD_STEP_AGAIN)
        ret = send_inbox(sink, self);
    if (ret == SPEAD_STEP_AGAIN && sink->ended)
        ret = flush(sink);
    return ret;
}
