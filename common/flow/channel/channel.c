/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a channel: it is created from a checked config, it changes its state, and the last unref frees it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>
#include <speadi/err.h>
#include <speadi/numbers.h>
#include <speadi/struct_size.h>

#include "channel_parts.h"

/* ---- Config -------------------------------------------------------------------------------- */

static bool has_many_receivers(enum spead_channel_form form)
{
    return form == SPEAD_CHANNEL_SPMC || form == SPEAD_CHANNEL_MPMC;
}

static bool has_many_senders(enum spead_channel_form form)
{
    return form == SPEAD_CHANNEL_MPSC || form == SPEAD_CHANNEL_MPMC;
}

static const char *name_of(const struct spead_channel_config *config)
{
    return config->name ? config->name : "channel";
}

static int refuse_value(const struct spead_channel_config *config, const char *field,
                        uint64_t value, uint64_t min, uint64_t max, struct spead_err *err)
{
    return speadi_err_add(err, speadi_err_range(err, field, value, min, max), " (channel \"%s\")",
                          name_of(config));
}

int speadi_channel_config_read(struct spead_channel_config *config,
                               const struct spead_channel_config *from, struct spead_err *err)
{
    static const struct spead_channel_config defaults = SPEAD_CHANNEL_CONFIG_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "channel",
        .init = "SPEAD_CHANNEL_CONFIG_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_channel_config, form),
    };

    return speadi_struct_read(config, from, &kind, err);
}

static int check_numbers(const struct spead_channel_config *config, struct spead_err *err)
{
    if (config->capacity < 1 || config->capacity > SPEAD_CHANNEL_CAPACITY_MAX)
        return refuse_value(config, "capacity", config->capacity, 1, SPEAD_CHANNEL_CAPACITY_MAX,
                            err);
    if (config->lanes < 1 || config->lanes > SPEAD_CHANNEL_LANES_MAX)
        return refuse_value(config, "lanes", config->lanes, 1, SPEAD_CHANNEL_LANES_MAX, err);
    if ((unsigned)config->form > SPEAD_CHANNEL_MPMC)
        return refuse_value(config, "form", (unsigned)config->form, 0, SPEAD_CHANNEL_MPMC, err);
    if ((unsigned)config->on_full > SPEAD_ON_FULL_SAMPLE)
        return refuse_value(config, "on_full", (unsigned)config->on_full, 0, SPEAD_ON_FULL_SAMPLE,
                            err);
    if (config->on_full == SPEAD_ON_FULL_SAMPLE && config->sample_n < 1)
        return refuse_value(config, "sample_n", config->sample_n, 1, UINT64_MAX, err);
    return 0;
}

static int check_config(const struct spead_channel_config *config, struct spead_err *err)
{
    int ret = check_numbers(config, err);

    if (ret < 0 || has_many_receivers(config->form))
        return ret;
    if (config->on_full == SPEAD_ON_FULL_DROP_OLDEST)
        return speadi_err_set(
            err, -EINVAL,
            "channel \"%s\": with policy drop-oldest a sending end takes messages out "
            "of the channel: this needs form spmc or mpmc",
            name_of(config));
    if (config->lanes > 1)
        return speadi_err_set(err, -EINVAL,
                              "channel \"%s\": with lanes a sending end takes messages out of the "
                              "channel: this needs form spmc or mpmc",
                              name_of(config));
    return 0;
}

/* ---- Making and unmaking ------------------------------------------------------------------- */

static size_t bytes_of(const struct spead_channel_config *config)
{
    uint64_t slots = speadi_power_of_two_from(config->capacity);
    size_t bytes = sizeof(struct spead_channel);

    if (config->form == SPEAD_CHANNEL_SPSC)
        bytes += slots * sizeof(struct spead_message);
    else
        bytes += speadi_shared_ring_bytes(config->capacity, config->lanes);
    bytes += (has_many_senders(config->form) + has_many_receivers(config->form)) *
             sizeof(struct speadi_wait_queue_many);
    if (config->latency)
        bytes += sizeof(struct speadi_latency_log) + config->lanes * slots * sizeof(uint64_t);
    return bytes;
}

size_t spead_channel_bytes(const struct spead_channel_config *config)
{
    struct spead_channel_config own;

    return speadi_channel_config_read(&own, config, NULL) < 0 ? 0 : bytes_of(&own);
}

size_t spead_channel_end_bytes(void)
{
    return sizeof(struct spead_sender) > sizeof(struct spead_receiver)
               ? sizeof(struct spead_sender)
               : sizeof(struct spead_receiver);
}

static void init(struct spead_channel *channel, const struct spead_channel_config *config)
{
    memset(channel, 0, sizeof *channel);
    channel->capacity = config->capacity;
    channel->sync = config->form == SPEAD_CHANNEL_SPSC && speadi_membarrier_is_available()
                        ? SPEADI_SYNC_BARRIER
                        : SPEADI_SYNC_FENCED;
    channel->policy = config->on_full;
    channel->form = config->form;
    channel->sample_n = config->sample_n;
    channel->lanes = config->lanes;
    channel->on_shed = config->on_shed;
    channel->on_shed_arg = config->on_shed_arg;
    channel->type = SPEAD_CHANNEL_ANY_TYPE;
    pthread_mutex_init(&channel->control, NULL);
    atomic_init(&channel->references, 1);
}

static bool fill(struct spead_channel *channel, const struct spead_channel_config *config)
{
    uint64_t slots = speadi_power_of_two_from(config->capacity);

    channel->name = strdup(name_of(config));
    if (!channel->name ||
        !speadi_wait_queue_init(&channel->waiting_senders, has_many_senders(config->form)) ||
        !speadi_wait_queue_init(&channel->waiting_receivers, has_many_receivers(config->form)))
        return false;
    if (config->form != SPEAD_CHANNEL_SPSC) {
        channel->shared =
            speadi_shared_ring_create(config->capacity, config->lanes, config->latency);
        return channel->shared;
    }
    channel->mask = slots - 1;
    channel->slots = speadi_alloc_lines(slots * sizeof *channel->slots);
    if (config->latency)
        channel->latency = speadi_latency_create(slots);
    return channel->slots && (!config->latency || channel->latency);
}

static void destroy(struct spead_channel *channel)
{
    speadi_wait_queue_release(&channel->waiting_senders);
    speadi_wait_queue_release(&channel->waiting_receivers);
    pthread_mutex_destroy(&channel->control);
    speadi_shared_ring_destroy(channel->shared);
    free(channel->slots);
    free(channel->latency);
    free(channel->type_from);
    free(channel->name);
    free(channel);
}

static int create(struct spead_channel **out, const struct spead_channel_config *config,
                  struct spead_err *err)
{
    struct spead_channel *channel;
    int ret = check_config(config, err);

    if (ret < 0)
        return ret;
    channel = aligned_alloc(alignof(struct spead_channel), sizeof *channel);
    if (channel) {
        init(channel, config);
        if (fill(channel, config)) {
            *out = channel;
            return 0;
        }
        destroy(channel);
    }
    return speadi_err_set(err, -ENOMEM,
                          "channel \"%s\": no memory for %u messages: lower its capacity",
                          name_of(config), config->capacity);
}

int spead_channel_create(struct spead_channel **out, const struct spead_channel_config *config,
                         struct spead_err *err)
{
    struct spead_channel_config own;
    int ret = speadi_channel_config_read(&own, config, err);

    return ret < 0 ? ret : create(out, &own, err);
}

struct spead_channel *spead_channel_ref(struct spead_channel *channel)
{
    /* relaxed: the reference of the caller keeps the channel alive. */
    atomic_fetch_add_explicit(&channel->references, 1, memory_order_relaxed);
    return channel;
}

void spead_channel_unref(struct spead_channel *channel)
{
    /* CHANNEL2 release, acquire: the thread that frees the channel sees the last use of every end. */
    if (!channel || atomic_fetch_sub_explicit(&channel->references, 1, memory_order_acq_rel) > 1)
        return;
    speadi_channel_drain(channel);
    destroy(channel);
}

const char *spead_channel_name(const struct spead_channel *channel)
{
    return channel->name;
}

void *speadi_channel_shed_arg(const struct spead_channel *channel, uint32_t *capacity)
{
    *capacity = channel->capacity;
    return channel->on_shed_arg;
}

enum spead_on_full speadi_channel_policy_of(const struct spead_channel *channel)
{
    return channel->policy;
}

void speadi_channel_set_sync(struct spead_channel *channel, enum speadi_channel_sync sync)
{
    if (channel->shared || (sync == SPEADI_SYNC_BARRIER && !speadi_membarrier_is_available()))
        return;
    channel->sync = sync;
}

/* ---- Ends ---------------------------------------------------------------------------------- */

static void tell_senders(struct spead_channel *channel)
{
    pthread_mutex_lock(&channel->control);
    for (struct speadi_end *end = channel->senders; end; end = end->next)
        if (end->stopped)
            end->stopped(end->stopped_arg);
    pthread_mutex_unlock(&channel->control);
}

void speadi_channel_set_state(struct spead_channel *channel, uint32_t bits)
{
    if (bits & SPEADI_ENDED) {
        pthread_mutex_lock(&channel->control);
        /* relaxed: the change of the state below gives the order (CHANNEL1). */
        atomic_store_explicit(&channel->end, channel->error ? channel->error : -ESHUTDOWN,
                              memory_order_relaxed);
        pthread_mutex_unlock(&channel->control);
    }
    /* WAIT2 store: ends of both sides can be waiting for this change. CHANNEL1 release: a receiving end that sees ENDED
     * also sees every message that was sent. CHANNEL4 store: when the last receiving end sets STOPPED here, the last
     * sending end can be closing at the same time. It looks for STOPPED. */
    atomic_fetch_or(&channel->state, bits);
    speadi_wait_queue_wake_all(&channel->waiting_receivers); /* WAIT1 */
    speadi_wait_queue_wake_all(&channel->waiting_senders);
    if (bits & (SPEADI_STOPPED | SPEADI_CANCELLED))
        tell_senders(channel);
}

void spead_channel_cancel(struct spead_channel *channel)
{
    /* This function holds a reference of its own, because a thread that it wakes can give back the last other
     * reference. */
    spead_channel_ref(channel);
    speadi_channel_set_state(channel, SPEADI_CANCELLED);
    spead_channel_unref(channel);
}
