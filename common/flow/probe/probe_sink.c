/* SPDX-License-Identifier: Apache-2.0 */
/* The probe sink: it records which messages came, in which order and when. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/struct_size.h>

#include "probe_parts.h"

enum { STREAMS_WATCHED = 1024 };

struct spead_probe_sink {
    struct spead_probe_sink_config config;
    struct spead_probe_record record;
    struct spead_probe_arrival *arrivals;
    /* next[i] is the sequence number that is expected next in stream i. A message with a lower sequence number is out
     * of order. */
    uint64_t next[STREAMS_WATCHED];
    uint64_t due_ns;
    struct spead_port input;
};

static int read_config(struct spead_probe_sink_config *config,
                       const struct spead_probe_sink_config *from, struct spead_err *err)
{
    static const struct spead_probe_sink_config defaults = SPEAD_PROBE_SINK_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "probe sink",
        .init = "SPEAD_PROBE_SINK_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_probe_sink_config, pause_ns),
    };

    return speadi_struct_read(config, from, &kind, err);
}

static int check(const struct spead_probe_sink_config *config, struct spead_err *err)
{
    if (config->batch < 1 || config->batch > SPEADI_PROBE_BATCH_MAX)
        return speadi_err_range(err, "batch", config->batch, 1, SPEADI_PROBE_BATCH_MAX);
    if (config->error > 0)
        return speadi_err_range_real(err, "error", config->error, -HUGE_VAL, 0);
    return 0;
}

int spead_probe_sink_create(struct spead_probe_sink **out,
                            const struct spead_probe_sink_config *config, struct spead_err *err)
{
    struct spead_probe_sink_config own;
    struct spead_probe_sink *sink;
    int ret = read_config(&own, config, err);

    if (ret == 0)
        ret = check(&own, err);
    if (ret < 0)
        return ret;
    sink = calloc(1, sizeof *sink);
    if (sink)
        sink->arrivals = calloc((size_t)own.record_max + 1, sizeof *sink->arrivals);
    if (!sink || !sink->arrivals) {
        free(sink);
        return speadi_err_set(err, -ENOMEM, "no memory for a probe sink of %u messages",
                              own.record_max);
    }
    sink->config = own;
    sink->input = (struct spead_port){.name = "in", .type = own.type};
    sink->record.arrivals = sink->arrivals;
    *out = sink;
    return 0;
}

void spead_probe_sink_destroy(struct spead_probe_sink *sink)
{
    if (!sink)
        return;
    free(sink->arrivals);
    free(sink);
}

void spead_probe_sink_record(const struct spead_probe_sink *sink, struct spead_probe_record *record)
{
    (void)speadi_struct_write(record, &sink->record, sizeof sink->record);
}

/* ---- Recording ----------------------------------------------------------------------------- */

static void check_order(struct spead_probe_sink *sink, const struct spead_message *message)
{
    uint64_t *next;

    if (message->stream >= STREAMS_WATCHED)
        return;
    next = &sink->next[message->stream];
    if (message->sequence < *next) {
        sink->record.out_of_order++;
        return;
    }
    sink->record.skipped += message->sequence - *next;
    *next = message->sequence + 1;
}

static void record_one(struct spead_probe_sink *sink, const struct spead_message *message,
                       uint64_t now_ns)
{
    struct spead_probe_record *record = &sink->record;

    if (record->recorded < sink->config.record_max)
        sink->arrivals[record->recorded++] = (struct spead_probe_arrival){
            .message = *message, .arrived_ns = now_ns, .batch = record->batches};
    record->received++;
    check_order(sink, message);
}

uint32_t speadi_probe_sink_wants(const struct spead_probe_sink *sink)
{
    uint64_t left = sink->config.stop_after - sink->record.received;

    if (sink->config.stop_after == 0 || left > sink->config.batch)
        return sink->config.batch;
    return (uint32_t)left;
}

int speadi_probe_sink_take(struct spead_probe_sink *sink, const struct spead_message *messages,
                           uint32_t count)
{
    uint64_t now_ns = speadi_clock_mono_ns();
    bool failed = false;

    for (uint32_t i = 0; i < count; i++) {
        failed |= sink->config.error && sink->record.received == sink->config.error_at;
        record_one(sink, &messages[i], now_ns);
        spead_message_unref(&messages[i]);
    }
    sink->record.batches++;
    if (sink->config.pause_ns)
        sink->due_ns = now_ns + sink->config.pause_ns;
    return failed ? sink->config.error : 0;
}

void speadi_probe_sink_ended(struct spead_probe_sink *sink, int reason)
{
    sink->record.end = reason;
}

uint64_t speadi_probe_sink_due_ns(const struct spead_probe_sink *sink)
{
    return sink->due_ns;
}

int spead_probe_sink_step(struct spead_probe_sink *sink, struct spead_receiver *receiver)
{
    struct spead_message messages[SPEADI_PROBE_BATCH_MAX];
    struct timespec due = speadi_clock_timespec(sink->due_ns);
    uint32_t wants = speadi_probe_sink_wants(sink);
    int ret;

    if (wants == 0)
        return SPEAD_STEP_DONE;
    while (sink->due_ns && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
        ;
    ret = spead_receiver_try_receive(receiver, messages, wants);
    if (ret == -EAGAIN)
        return SPEAD_STEP_WAITING;
    if (ret < 0) {
        speadi_probe_sink_ended(sink, ret);
        return ret == -ESHUTDOWN ? SPEAD_STEP_DONE : ret;
    }
    ret = speadi_probe_sink_take(sink, messages, (uint32_t)ret);
    return ret < 0 ? ret : SPEAD_STEP_AGAIN;
}

/* ---- As a node ------------------------------------------------------------------------------ */

static int step(void *state, struct spead_node *self)
{
    struct spead_message messages[SPEADI_PROBE_BATCH_MAX];
    struct spead_probe_sink *sink = state;
    uint32_t wants = speadi_probe_sink_wants(sink);
    int ret;

    if (wants == 0)
        return SPEAD_STEP_DONE;
    if (sink->due_ns > spead_node_now_ns(self)) {
        spead_node_wait_until(self, sink->due_ns);
        return SPEAD_STEP_WAITING;
    }
    ret = spead_node_receive(self, 0, messages, wants);
    if (ret == -EAGAIN)
        return SPEAD_STEP_WAITING;
    if (ret < 0) {
        speadi_probe_sink_ended(sink, ret);
        return SPEAD_STEP_DONE;
    }
    ret = speadi_probe_sink_take(sink, messages, (uint32_t)ret);
    return ret < 0 ? ret : SPEAD_STEP_AGAIN;
}

void spead_probe_sink_fill_node(struct spead_probe_sink *sink, const char *name,
                                struct spead_node_config *out)
{
    static const struct spead_node_ops ops = {.kind = "probe-sink", .step = step};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    config.name = name;
    config.ops = &ops;
    config.state = sink;
    config.inputs = &sink->input;
    config.input_count = 1;
    (void)speadi_struct_write(out, &config, sizeof config);
}
