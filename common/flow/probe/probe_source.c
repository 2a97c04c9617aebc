/* SPDX-License-Identifier: Apache-2.0 */
/* The probe source: a test decides which messages it sends, how fast, and how it ends. */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/struct_size.h>

#include "probe_parts.h"

struct spead_probe_source {
    struct spead_probe_source_config config;
    uint64_t sent, due_ns;
    struct spead_port output;
    /* The source makes its messages here if config.messages is NULL. */
    struct spead_message made[SPEADI_PROBE_BATCH_MAX];
};

static int read_config(struct spead_probe_source_config *config,
                       const struct spead_probe_source_config *from, struct spead_err *err)
{
    static const struct spead_probe_source_config defaults = SPEAD_PROBE_SOURCE_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "probe source",
        .init = "SPEAD_PROBE_SOURCE_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_probe_source_config, streams),
    };

    return speadi_struct_read(config, from, &kind, err);
}

static int check(const struct spead_probe_source_config *config, struct spead_err *err)
{
    if (config->batch < 1 || config->batch > SPEADI_PROBE_BATCH_MAX)
        return speadi_err_range(err, "batch", config->batch, 1, SPEADI_PROBE_BATCH_MAX);
    if (config->streams < 1)
        return speadi_err_range(err, "streams", config->streams, 1, UINT64_MAX);
    if (config->error > 0)
        return speadi_err_range_real(err, "error", config->error, -HUGE_VAL, 0);
    return 0;
}

int spead_probe_source_create(struct spead_probe_source **out,
                              const struct spead_probe_source_config *config, struct spead_err *err)
{
    struct spead_probe_source_config own;
    struct spead_probe_source *source;
    int ret = read_config(&own, config, err);

    if (ret == 0)
        ret = check(&own, err);
    if (ret < 0)
        return ret;
    source = calloc(1, sizeof *source);
    if (!source)
        return speadi_err_set(err, -ENOMEM, "no memory for a probe source");
    source->config = own;
    source->output = (struct spead_port){.name = "out", .type = own.type};
    *out = source;
    return 0;
}

void spead_probe_source_destroy(struct spead_probe_source *source)
{
    free(source);
}

uint64_t spead_probe_source_sent(const struct spead_probe_source *source)
{
    return source->sent;
}

/* Returns how many messages the source sends from its start to its end. */
static uint64_t total(const struct spead_probe_source *source)
{
    const struct spead_probe_source_config *config = &source->config;

    return config->error && config->error_at < config->count ? config->error_at : config->count;
}

static void make_messages(struct spead_probe_source *source, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t number = source->sent + i;

        source->made[i] = (struct spead_message){
            .sequence = number / source->config.streams,
            .stream = (uint32_t)(number % source->config.streams),
            .key = number,
            .time_ns = speadi_clock_mono_ns(),
        };
    }
}

int speadi_probe_source_next(struct spead_probe_source *source,
                             const struct spead_message **messages)
{
    uint64_t count = total(source) - source->sent;

    if (count == 0)
        return source->config.error;
    if (count > source->config.batch)
        count = source->config.batch;
    if (source->config.messages) {
        *messages = source->config.messages + source->sent;
    } else {
        make_messages(source, count);
        *messages = source->made;
    }
    return (int)count;
}

void speadi_probe_source_advance(struct spead_probe_source *source, uint32_t count)
{
    source->sent += count;
    if (source->config.pause_ns)
        source->due_ns = speadi_clock_mono_ns() + source->config.pause_ns;
}

uint64_t speadi_probe_source_due_ns(const struct spead_probe_source *source)
{
    return source->due_ns;
}

/* Returns what the step of the source must return after a send that returned `sent`. */
static int step_outcome(struct spead_probe_source *source, int sent)
{
    if (sent == -EAGAIN)
        return SPEAD_STEP_WAITING;
    if (sent == -EPIPE)
        return SPEAD_STEP_DONE;
    if (sent < 0)
        return sent;
    speadi_probe_source_advance(source, (uint32_t)sent);
    return SPEAD_STEP_AGAIN;
}

int spead_probe_source_step(struct spead_probe_source *source, struct spead_sender *sender)
{
    struct timespec due = speadi_clock_timespec(source->due_ns);
    const struct spead_message *messages;
    int ret = speadi_probe_source_next(source, &messages);

    if (ret <= 0)
        return ret < 0 ? ret : SPEAD_STEP_DONE;
    while (source->due_ns && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
        ;
    return step_outcome(source, spead_sender_try_send(sender, messages, (uint32_t)ret));
}

/* ---- As a node ------------------------------------------------------------------------------ */

static int step(void *state, struct spead_node *self)
{
    struct spead_probe_source *source = state;
    const struct spead_message *messages;
    int ret = speadi_probe_source_next(source, &messages);

    if (ret <= 0)
        return ret < 0 ? ret : SPEAD_STEP_DONE;
    if (spead_node_is_stopping(self))
        return SPEAD_STEP_DONE;
    if (source->due_ns > spead_node_now_ns(self)) {
        spead_node_wait_until(self, source->due_ns);
        return SPEAD_STEP_WAITING;
    }
    return step_outcome(source, spead_node_send(self, 0, messages, (uint32_t)ret));
}

void spead_probe_source_fill_node(struct spead_probe_source *source, const char *name,
                                  struct spead_node_config *out)
{
    static const struct spead_node_ops ops = {.kind = "probe-source", .step = step};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    config.name = name;
    config.ops = &ops;
    config.state = source;
    config.outputs = &source->output;
    config.output_count = 1;
    (void)speadi_struct_write(out, &config, sizeof config);
}
