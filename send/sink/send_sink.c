/* SPDX-License-Identifier: Apache-2.0 */
/* Creates, starts, finishes and destroys a send sink. */
#include "send_sink.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/numbers.h>
#include <speadi/struct_size.h>

/* ---- Create and destroy --------------------------------------------------------------------- */

static int read_config(struct spead_send_sink_config *config,
                       const struct spead_send_sink_config *from, struct spead_err *err)
{
    static const struct spead_send_sink_config defaults = SPEAD_SEND_SINK_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "send sink",
        .init = "SPEAD_SEND_SINK_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_send_sink_config, type),
    };

    return speadi_struct_read(config, from, &kind, err);
}

static bool is_item_id(uint64_t id, struct spead_flavour flavour)
{
    return id > SPEAD_ID_PAYLOAD_LENGTH && id <= spead_flavour_id_max(flavour);
}

static int check_region_items(const struct spead_send_sink_config *config, struct spead_err *err)
{
    const struct {
        const char *field;
        uint64_t id;
        bool is_optional; /* true if an id of 0 means that there is no such item */
    } items[] = {
        {"data_id", config->data_id, false},
        {"sequence_id", config->sequence_id, true},
        {"time_id", config->time_id, true},
    };

    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        int ret;

        if (is_item_id(items[i].id, config->flavour) || (items[i].is_optional && items[i].id == 0))
            continue;
        ret = speadi_err_range(err, items[i].field, items[i].id, SPEAD_ID_PAYLOAD_LENGTH + 1,
                               spead_flavour_id_max(config->flavour));
        return speadi_err_add(err, ret, " in SPEAD-64-%u", config->flavour.heap_address_bits);
    }
    return 0;
}

static int check_config(const struct spead_send_sink_config *config, struct spead_err *err)
{
    struct speadi_send_facts facts;

    if (!config->stream)
        return speadi_err_field(err, -EINVAL, "stream", ": a send sink needs one");
    if (config->incomplete != SPEAD_SEND_INCOMPLETE_FAIL &&
        config->incomplete != SPEAD_SEND_INCOMPLETE_SKIP)
        return speadi_err_field(err, -EINVAL, "incomplete", " %d: must be fail (%d) or skip (%d)",
                                (int)config->incomplete, SPEAD_SEND_INCOMPLETE_FAIL,
                                SPEAD_SEND_INCOMPLETE_SKIP);
    if (!spead_flavour_is_valid(config->flavour))
        return speadi_err_add(
            err, speadi_err_range(err, "flavour", config->flavour.heap_address_bits, 8, 56),
            " in steps of 8");
    speadi_send_progress_read(config->stream, &facts);
    if (config->destination >= facts.destination_count)
        return speadi_err_range(err, "destination", config->destination, 0,
                                facts.destination_count - 1);
    if (config->describe || config->type == SPEAD_TYPE_HEAP)
        return 0;
    if (config->type != SPEAD_TYPE_REGION)
        return speadi_err_field(err, -EINVAL, "describe",
                                ": messages that are neither heaps nor regions need this function");
    return check_region_items(config, err);
}

static int make_slots(struct spead_send_sink *sink)
{
    uint64_t capacity = speadi_power_of_two_from(sink->in_flight_max);

    sink->mask = capacity - 1;
    /* two slots more than the ring has, for current_slot and retry_slot */
    sink->slot_count = (uint32_t)capacity + 2;
    sink->ring = calloc(capacity, sizeof(struct speadi_sink_slot *));
    sink->slots = calloc(sink->slot_count, sizeof *sink->slots);
    if (!sink->ring || !sink->slots)
        return -ENOMEM;
    for (uint32_t i = 0; i < sink->slot_count; i++) {
        int ret = spead_send_heap_create(&sink->slots[i].heap, sink->config.flavour);

        if (ret < 0)
            return ret;
        if (i < capacity)
            sink->ring[i] = &sink->slots[i];
    }
    sink->current_slot = &sink->slots[capacity];
    sink->retry_slot = &sink->slots[capacity + 1];
    return 0;
}

static void free_sink(struct spead_send_sink *sink)
{
    for (uint32_t i = 0; sink->slots && i < sink->slot_count; i++)
        spead_send_heap_destroy(sink->slots[i].heap);
    free(sink->slots);
    free(sink->ring);
    free(sink);
}

/* Ends one use of the sink (see spead_send_sink.references). When no use is left, it frees the sink. SINK4 release,
 * acquire: everything that other threads did with the sink happens before the sink is freed. */
static void unref(struct spead_send_sink *sink)
{
    if (atomic_fetch_sub_explicit(&sink->references, 1, memory_order_acq_rel) == 1)
        free_sink(sink);
}

static bool on_progress(struct speadi_watcher *watcher);

int spead_send_sink_create(struct spead_send_sink **out,
                           const struct spead_send_sink_config *config, struct spead_err *err)
{
    struct spead_send_sink_config own;
    struct speadi_send_facts facts;
    struct spead_send_sink *sink;
    int ret = read_config(&own, config, err);

    if (ret == 0)
        ret = check_config(&own, err);
    if (ret < 0)
        return ret;
    sink = aligned_alloc(alignof(struct spead_send_sink), sizeof *sink);
    if (!sink)
        return speadi_err_set(err, -ENOMEM, "no memory for a send sink");
    memset(sink, 0, sizeof *sink);
    sink->config = own;
    speadi_send_progress_read(own.stream, &facts);
    sink->in_flight_max = facts.heaps_max;
    sink->watcher.on_progress = on_progress;
    /* relaxed: no other thread knows the sink yet */
    atomic_store_explicit(&sink->references, 1, memory_order_relaxed);
    sink->input = (struct spead_port){.name = "heaps", .type = own.type};
    sink->error_port = (struct spead_port){.name = "error", .type = own.type};
    if (make_slots(sink) < 0) {
        free_sink(sink);
        return speadi_err_set(err, -ENOMEM, "no memory for a send sink of %u heaps in flight",
                              facts.heaps_max);
    }
    *out = sink;
    return 0;
}

void spead_send_sink_destroy(struct spead_send_sink *sink)
{
    if (sink)
        /* if the stream can still call the sink, the sink is freed later */
        unref(sink);
}

/* ---- Completions of the stream -------------------------------------------------------------- */

/* Reaps the slots of completed heaps after the node has finished. The calling thread must hold the lock of the watcher,
 * so only one thread at a time runs this function. Returns false when no heap is in flight any more. */
static bool reap_after_finish(struct spead_send_sink *sink)
{
    /* SINK1 acquire: the owner thread of the stream has finished with these slots. */
    uint64_t completed = atomic_load_explicit(&sink->completed, memory_order_acquire);

    for (; sink->reaped != completed; sink->reaped++) {
        struct speadi_sink_slot *slot = sink->ring[sink->reaped & sink->mask];

        if (slot->error != 0) {
            speadi_sink_release_slot(slot);
            /* SINK3 release: the message was counted in `in` before */
            atomic_fetch_add_explicit(&sink->failed, 1, memory_order_release);
        }
        /* clear the slot, because the caller may use the sink in another graph */
        slot->holds = slot->described = false;
    }
    if (completed == sink->head) {
        /* relaxed: the lock of the watcher orders this store, because the next start() holds that lock too */
        atomic_store_explicit(&sink->detached, false, memory_order_relaxed);
        unref(sink);
        return false;
    }
    speadi_send_progress_watch(sink->config.stream);
    return true;
}

/* This function is called when heaps have completed. The owner thread of the stream calls it. In detach_node() the
 * thread of the node calls it too. */
static bool on_progress(struct speadi_watcher *watcher)
{
    struct spead_send_sink *sink =
        (struct spead_send_sink *)(void *)((char *)watcher -
                                           offsetof(struct spead_send_sink, watcher));
    /* relaxed: detach_node() sets `node` to NULL and then waits for the lock that this thread holds now. start() says
     * why a node that starts at this moment does no harm. */
    struct spead_node *node = atomic_load_explicit(&sink->node, memory_order_relaxed);

    /* SINK2 acquire: if `detached` is true, the thread of the node has stopped writing the fields of the sink. */
    if (atomic_load_explicit(&sink->detached, memory_order_acquire))
        return reap_after_finish(sink);
    /* relaxed: only this thread writes `completed`. The thread of the node stores wake_at before it calls watch(), and
     * PROGRESS1 makes that store visible here. */
    if (!sink->wake_at_once && atomic_load_explicit(&sink->completed, memory_order_relaxed) <
                                   atomic_load_explicit(&sink->wake_at, memory_order_relaxed)) {
        /* too few heaps have completed: on_progress() must be called again later */
        speadi_send_progress_watch(sink->config.stream);
        return true;
    }
    sink->wake_at_once = false;
    if (node)
        spead_node_wake(node);
    return true;
}

/* Detaches the sink from its node. After this function the sink no longer wakes the node. Another thread can be in
 * on_progress() at this moment and can have read `node` just before. That thread holds the lock, and
 * speadi_send_progress_call() waits for the lock.
 *
 * speadi_send_progress_call() detaches the watcher if no heap is in flight. If heaps are in flight, the watcher is
 * detached when the last of them has completed. After that another sink can feed the stream. */
static void detach_node(struct spead_send_sink *sink)
{
    /* relaxed: the lock in speadi_send_progress_call() below orders this store */
    atomic_store_explicit(&sink->node, NULL, memory_order_relaxed);
    /* SINK2 release: on_progress() then sees the fields that this thread has written */
    atomic_store_explicit(&sink->detached, true, memory_order_release);
    speadi_send_progress_call(sink->config.stream);
}

/* ---- As a node ------------------------------------------------------------------------------ */

static int run_stream(struct spead_send_sink *sink, struct spead_err *err)
{
    struct spead_send_stream *stream = sink->config.stream;
    struct speadi_send_facts facts;

    speadi_send_progress_read(stream, &facts);
    if (facts.stopped)
        return speadi_err_set(err, -ESHUTDOWN, "its send stream has already been stopped");
    if (!sink->config.own_thread)
        return 0;
    if (facts.started)
        return speadi_err_set(err, -EBUSY,
                              "its send stream has a thread already: say own_thread = false");
    return spead_send_runner_start(&sink->runner, stream, sink->config.cpu, err);
}

static int start(void *state, struct spead_node *self, struct spead_err *err)
{
    struct spead_send_sink *sink = state;
    int ret;

    if (speadi_send_progress_attach(sink->config.stream, &sink->watcher) < 0)
        return speadi_err_set(err, -EBUSY, "another sink feeds its send stream");
    /* relaxed: the caller still holds a reference to the sink */
    atomic_fetch_add_explicit(&sink->references, 1, memory_order_relaxed);
    /* relaxed: a thread in on_progress() can still read the old value. In this case on_progress() was not called for a
     * heap of this node, so the old value does no harm. */
    atomic_store_explicit(&sink->node, self, memory_order_relaxed);
    sink->ended = sink->flushing = false;
    sink->pending_error.code = 0;
    ret = run_stream(sink, err);
    if (ret < 0)
        detach_node(sink);
    return ret;
}

static void stop_stream(struct spead_send_sink *sink)
{
    spead_send_stream_stop(sink->config.stream);
    if (!speadi_sink_is_flushed(sink))
        /* this second stop() abandons the heaps that are not sent */
        spead_send_stream_stop(sink->config.stream);
    /* The result of join() is ignored. If the stream has failed, a step has already reported this failure, or no step
     * can report it any more. */
    spead_send_runner_join(sink->runner, NULL);
    sink->runner = NULL;
}

static void abandon(struct spead_send_sink *sink, const struct spead_message *message)
{
    spead_message_unref(message);
    /* SINK3 release: the message was counted in `in` before */
    atomic_fetch_add_explicit(&sink->abandoned, 1, memory_order_release);
}

static void finish(void *state)
{
    struct spead_send_sink *sink = state;

    if (sink->runner)
        stop_stream(sink);
    if (sink->retry_slot->holds) {
        speadi_sink_release_slot(sink->retry_slot);
        /* SINK3 release: the message was counted in `in` before */
        atomic_fetch_add_explicit(&sink->failed, 1, memory_order_release);
    }
    if (sink->current_slot->holds) {
        bool failed = sink->failed_slot == sink->current_slot;

        speadi_sink_release_slot(sink->current_slot);
        /* SINK3 release: the message was counted in `in` before */
        atomic_fetch_add_explicit(failed ? &sink->failed : &sink->abandoned, 1,
                                  memory_order_release);
    }
    while (sink->inbox_at != sink->inbox_count)
        abandon(sink, &sink->inbox[sink->inbox_at++]);
    detach_node(sink);
}

void spead_send_sink_fill_node(struct spead_send_sink *sink, const char *name,
                               struct spead_node_config *out)
{
    static const struct spead_node_ops ops = {.kind = "send-sink",
                                              .start = start,
                                              .step = speadi_sink_step,
                                              .surrender = speadi_sink_surrender,
                                              .finish = finish};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    config.name = name;
    config.ops = &ops;
    config.state = sink;
    config.inputs = &sink->input;
    config.input_count = 1;
    config.outputs = &sink->error_port;
    config.output_count = 1;
    (void)speadi_struct_write(out, &config, sizeof config);
}

/* ---- Accounts ------------------------------------------------------------------------------- */

void spead_send_sink_stats(const struct spead_send_sink *sink, struct spead_send_sink_stats *stats)
{
    /* SINK3 acquire: each message in these counters was counted in `in` before, and this function reads `in` last. So
     * `pending` is never negative. The load of `waits` is relaxed, because no other data depends on it. The load of
     * `in` is relaxed, because the acquire loads come before it. */
    struct spead_send_sink_stats now = {
        .sent = atomic_load_explicit(&sink->sent, memory_order_acquire),
        .failed = atomic_load_explicit(&sink->failed, memory_order_acquire),
        .abandoned = atomic_load_explicit(&sink->abandoned, memory_order_acquire),
        .skipped = atomic_load_explicit(&sink->skipped, memory_order_acquire),
        .waits = atomic_load_explicit(&sink->waits, memory_order_relaxed),
        .dropped_local = atomic_load_explicit(&sink->dropped_local, memory_order_acquire),
    };

    now.in = atomic_load_explicit(&sink->in, memory_order_relaxed);
    now.pending = now.in - now.sent - now.failed - now.abandoned - now.skipped - now.dropped_local;
    (void)speadi_struct_write(stats, &now, sizeof now);
}
