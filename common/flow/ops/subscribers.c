/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribers: channels that join a fan-out while it runs, and leave when their receiving end closes. */
#include "fan_out.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include <speadi/err.h>
#include <speadi/struct_size.h>

struct speadi_subscriber {
    struct speadi_subscriber *next;
    struct spead_sender *sender;
    int (*wants)(void *arg, const struct spead_message *message);
    void *arg;
};

void speadi_subscribers_init(struct speadi_subscribers *subscribers)
{
    pthread_mutex_init(&subscribers->lock, NULL);
}

static void free_list(struct speadi_subscriber *list, int error)
{
    while (list) {
        struct speadi_subscriber *next = list->next;

        spead_sender_close(list->sender, error);
        free(list);
        list = next;
    }
}

void speadi_subscribers_release(struct speadi_subscribers *subscribers)
{
    speadi_subscribers_close(subscribers, 0);
    pthread_mutex_destroy(&subscribers->lock);
}

void speadi_subscribers_close(struct speadi_subscribers *subscribers, int error)
{
    struct speadi_subscriber *incoming;

    pthread_mutex_lock(&subscribers->lock);
    incoming = subscribers->incoming;
    subscribers->incoming = NULL;
    subscribers->closed = true;
    pthread_mutex_unlock(&subscribers->lock);
    free_list(incoming, error);
    free_list(subscribers->list, error);
    subscribers->list = NULL;
}

static void take_incoming(struct speadi_subscribers *subscribers)
{
    struct speadi_subscriber *last;

    pthread_mutex_lock(&subscribers->lock);
    last = subscribers->incoming;
    while (last && last->next)
        last = last->next;
    if (last) {
        last->next = subscribers->list;
        subscribers->list = subscribers->incoming;
    }
    subscribers->incoming = NULL;
    /* relaxed: it is only a hint; the lock orders the list. */
    atomic_store_explicit(&subscribers->has_incoming, false, memory_order_relaxed);
    pthread_mutex_unlock(&subscribers->lock);
}

/* Returns false if the subscriber has left. */
static bool give_one(struct speadi_subscriber *subscriber, const struct spead_message *message)
{
    int ret;

    if (subscriber->wants && subscriber->wants(subscriber->arg, message) <= 0)
        return true;
    spead_message_ref(message);
    ret = spead_sender_try_send(subscriber->sender, message, 1);
    if (ret == 1)
        return true;
    spead_message_unref(message);
    return false;
}

void speadi_subscribers_give(struct speadi_subscribers *subscribers,
                             const struct spead_message *message)
{
    struct speadi_subscriber **link = &subscribers->list;

    /* relaxed: a subscriber that is not seen yet is seen with a later message. */
    if (atomic_load_explicit(&subscribers->has_incoming, memory_order_relaxed))
        take_incoming(subscribers);
    while (*link) {
        struct speadi_subscriber *subscriber = *link;

        if (give_one(subscriber, message)) {
            link = &subscriber->next;
            continue;
        }
        *link = subscriber->next;
        subscriber->next = NULL;
        free_list(subscriber, 0);
    }
}

/* ---- Subscribing ---------------------------------------------------------------------------- */

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

static bool enter(struct speadi_subscribers *subscribers, struct speadi_subscriber *subscriber)
{
    bool entered;

    pthread_mutex_lock(&subscribers->lock);
    entered = !subscribers->closed;
    if (entered) {
        subscriber->next = subscribers->incoming;
        subscribers->incoming = subscriber;
        /* relaxed: it is only a hint; the lock orders the list. */
        atomic_store_explicit(&subscribers->has_incoming, true, memory_order_relaxed);
    }
    pthread_mutex_unlock(&subscribers->lock);
    return entered;
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
    if (ret == 0 && enter(subscribers, subscriber))
        return 0;
    if (ret == 0) {
        spead_receiver_close(*receiver);
        spead_sender_close(subscriber->sender, 0);
        ret = speadi_err_set(err, -ESHUTDOWN, "node \"%s\" has ended", spead_node_name(node));
    }
    free(subscriber);
    return ret;
}
