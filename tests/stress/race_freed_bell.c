/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a thread that was woken through an object may free this object at once, even if the waking thread is still
 * inside its call. The objects are a throttle, a channel, a memory link and an event.
 * Method: in each round one thread waits, and another thread gives, cancels, closes or completes. The waiting thread
 * then gives back the last reference. ThreadSanitizer knows the function that unlocks a mutex. So it reports even an
 * access of the C library to freed memory. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include <speadline/channel.h>
#include <speadline/event.h>
#include <speadline/mem_link.h>
#include <speadline/throttle.h>

#include <speadi/mem_wire.h>

#include "must.h"

#define ROUNDS 400u

static void *ring_give(void *throttle)
{
    spead_throttle_give(throttle);
    return NULL;
}

static void *ring_cancel(void *throttle)
{
    spead_throttle_cancel(throttle);
    return NULL;
}

static void *ring_channel(void *channel)
{
    spead_channel_cancel(channel);
    return NULL;
}

static void *ring_link(void *link)
{
    spead_mem_link_close(link);
    return NULL;
}

static void *ring_event(void *event)
{
    spead_host_event_complete(event, 0);
    return NULL;
}

static pthread_t ring(void *(*ringer)(void *), void *arg)
{
    pthread_t thread;

    MUST(pthread_create(&thread, NULL, ringer, arg) == 0, "no thread");
    return thread;
}

static pthread_t free_throttle(void *(*ringer)(void *))
{
    struct spead_throttle *throttle;
    pthread_t thread;

    MUST(spead_throttle_create(&throttle, 1, NULL) == 0, "no throttle");
    MUST(spead_throttle_take(throttle, 0) == 0, "no ticket");
    thread = ring(ringer, throttle);
    if (ringer == ring_cancel)
        MUST(spead_throttle_take(throttle, 0) < 0, "a ticket that nobody has given");
    else
        MUST(spead_throttle_take(throttle, 0) == 0, "no ticket after give()");
    spead_throttle_unref(throttle);
    return thread;
}

static pthread_t free_channel(enum spead_channel_form form)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_receiver *receiver;
    struct spead_channel *channel;
    struct spead_message message;
    pthread_t thread;

    config.form = form;
    MUST(spead_channel_create(&channel, &config, NULL) == 0, "no channel");
    MUST(spead_receiver_open(&receiver, channel, "r", SPEAD_CHANNEL_ANY_TYPE, NULL) == 0, "no end");
    thread = ring(ring_channel, channel);
    MUST(spead_receiver_receive(receiver, &message, 1, 0) < 0, "a message that nobody has sent");
    spead_receiver_close(receiver);
    spead_channel_unref(channel);
    return thread;
}

static pthread_t free_link(void)
{
    struct spead_mem_link *link;
    pthread_t thread;

    MUST(spead_mem_link_create(&link, 1, 64, NULL) == 0, "no link");
    thread = ring(ring_link, link);
    while (!speadi_mem_wire_ended(link))
        ;
    spead_mem_link_unref(link);
    return thread;
}

static pthread_t free_event(void)
{
    struct spead_host_event *event;
    pthread_t thread;

    MUST(spead_host_event_create(&event, NULL) == 0, "no event");
    thread = ring(ring_event, event);
    while (spead_host_event_ops.query(NULL, (uintptr_t)event) == 0)
        ;
    spead_host_event_unref(event);
    return thread;
}

int main(void)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        pthread_join(free_throttle(ring_give), NULL);
        pthread_join(free_throttle(ring_cancel), NULL);
        pthread_join(free_channel(SPEAD_CHANNEL_SPSC), NULL);
        pthread_join(free_channel(SPEAD_CHANNEL_MPMC), NULL);
        pthread_join(free_link(), NULL);
        pthread_join(free_event(), NULL);
    }
    return 0;
}
