/* SPDX-License-Identifier: Apache-2.0 */
/* The subscribers of a fan-out, which come and go while it runs. */
#ifndef SPEADI_FAN_OUT_H
#define SPEADI_FAN_OUT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <speadline/operators.h>

struct speadi_subscriber {
    struct speadi_subscriber *next;
    struct spead_sender *sender;
    int (*wants)(void *arg, const struct spead_message *message);
    void *arg;
};

struct speadi_subscribers {
    struct speadi_subscriber *list; /* only the thread that steps the node uses it */
    /* True if `incoming` is not empty: a hint, so that a step need not take the lock. */
    _Atomic bool has_incoming;
    pthread_mutex_t lock; /* protects the fields below */
    struct speadi_subscriber *incoming;
    bool closed; /* the node has ended */
};

void speadi_subscribers_init(struct speadi_subscribers *subscribers);
void speadi_subscribers_release(struct speadi_subscribers *subscribers);

/* The thread that steps the node calls these two functions. The first one gives a copy of the message to each subscriber
 * that wants it. The second one ends the streams of all subscribers with `error` (0: in order), and refuses later
 * ones. */
void speadi_subscribers_give(struct speadi_subscribers *subscribers,
                             const struct spead_message *message);
void speadi_subscribers_close(struct speadi_subscribers *subscribers, int error);

/* Adds a subscriber, which then belongs to the list. Returns false if the node has ended. Any thread. */
bool speadi_subscribers_enter(struct speadi_subscribers *subscribers,
                              struct speadi_subscriber *subscriber);

/* Returns the subscribers of a node, or NULL if the node is no fan-out. Sets *type to the type of its
 * messages. Any thread. */
struct speadi_subscribers *speadi_fan_out_subscribers(const struct spead_node *node, int *type);

#endif
