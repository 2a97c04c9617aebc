/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribing to a fan-out: makes the channel between the fan-out and the subscriber. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include <speadi/err.h>
#include <speadi/struct_size.h>

#include "fan_out.h"

static int read_config(struct spead_subscription *own, const struct spead_subscription *from,
                       struct spead_err *err)
{
    static const struct spead_subscription defaults = SPEAD_SUBSCRIPTION_INIT;
    static const struct speadi_struct_kind kind = {
        .what = "subscription",
        .init = "SPEAD_SUBSCRIPTION_INIT",
        .defaults = &defaults,
        .size = sizeof defaults,
        .size_min = offsetof(struct spead_subscription, wants),
    };
    int ret = speadi_struct_read(own, from, &kind, err);

    if (ret == 0 && own->on_full == SPEAD_ON_FULL_BLOCK)
        ret = speadi_err_field(err, -EINVAL, "on_full",
                               " block: a subscriber must not stop the others; join an output of "
                               "the fan-out to get every message");
    return ret;
}

static int open_ends(struct speadi_subscriber *subscriber, struct spead_receiver **receiver,
                     const struct spead_subscription *config, const char *node, int type,
                     struct spead_err *err)
{
    struct spead_channel_config edge = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_channel *channel;
    int ret;

    edge.name = config->name;
    edge.capacity = config->capacity;
    edge.on_full = config->on_full;
    edge.sample_n = config->sample_n;
    edge.form = SPEAD_CHANNEL_SPMC; /* drop-oldest needs it */
    ret = spead_channel_create(&channel, &edge, err);
    if (ret < 0)
        return ret;
    ret = spead_sender_open(&subscriber->sender, channel, node, type, err);
    if (ret == 0) {
        ret = spead_receiver_open(receiver, channel, config->name, type, err);
        if (ret < 0)
            spead_sender_close(subscriber->sender, 0);
    }
    spead_channel_unref(channel);
    return ret;
}

int spead_fan_out_subscribe(struct spead_node *node, const struct spead_subscription *subscription,
                            struct spead_receiver **receiver, struct spead_err *err)
{
    struct spead_subscription config;
    struct speadi_subscribers *subscribers;
    struct speadi_subscriber *subscriber;
    int type, ret = read_config(&config, subscription, err);

    if (ret < 0)
        return ret;
    subscribers = speadi_fan_out_subscribers(node, &type);
    if (!subscribers)
        return speadi_err_set(err, -EINVAL, "node \"%s\" is no fan-out", spead_node_name(node));
    subscriber = calloc(1, sizeof *subscriber);
    if (!subscriber)
        return speadi_err_set(err, -ENOMEM, "cannot subscribe to node \"%s\": out of memory",
                              spead_node_name(node));
    subscriber->wants = config.wants;
    subscriber->arg = config.arg;
    ret = open_ends(subscriber, receiver, &config, spead_node_name(node), type, err);
    if (ret == 0 && speadi_subscribers_enter(subscribers, subscriber))
        return 0;
    if (ret == 0) {
        spead_receiver_close(*receiver);
        spead_sender_close(subscriber->sender, 0);
        ret = speadi_err_set(err, -ESHUTDOWN, "node \"%s\" has ended", spead_node_name(node));
    }
    free(subscriber);
    return ret;
}
