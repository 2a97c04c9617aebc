/* SPDX-License-Identifier: Apache-2.0 */
/* Subscribers: channels that join a fan-out while it runs, and leave when their receiving end closes. */
#include "fan_out.h"

#include <stdlib.h>

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

bool speadi_subscribers_enter(struct speadi_subscribers *subscribers,
                              struct speadi_subscriber *subscriber)
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
