/* SPDX-License-Identifier: Apache-2.0 */
/* Host events: events that the program itself completes. */
#include <speadline/event.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include <speadi/err.h>

struct spead_host_event {
    _Atomic uint32_t references;
    /* 0 if the event is not done, 1 if it is done, -errno if it has failed. The value changes only once, under
     * `lock`. */
    _Atomic int result;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

static struct spead_host_event *event_of(uint64_t event)
{
    return (struct spead_host_event *)(uintptr_t)event;
}

int spead_host_event_create(struct spead_host_event **out, struct spead_err *err)
{
    struct spead_host_event *event = calloc(1, sizeof *event);

    if (!event)
        return speadi_err_set(err, -ENOMEM, "no memory for an event");
    atomic_init(&event->references, 1);
    pthread_mutex_init(&event->lock, NULL);
    pthread_cond_init(&event->changed, NULL);
    *out = event;
    return 0;
}

uint64_t spead_host_event_share(struct spead_host_event *event)
{
    /* relaxed: the caller holds a reference, so the event stays */
    atomic_fetch_add_explicit(&event->references, 1, memory_order_relaxed);
    return (uint64_t)(uintptr_t)event;
}

void spead_host_event_complete(struct spead_host_event *event, int error)
{
    /* This function holds a reference of its own. Without it, a thread that sees the result could give back the last
     * reference at a time when this thread still holds the lock. */
    spead_host_event_share(event);
    pthread_mutex_lock(&event->lock);
    /* relaxed: the result changes only under the lock */
    if (atomic_load_explicit(&event->result, memory_order_relaxed) == 0) {
        /* EVENT1 release: a thread that sees the result also sees what was done before the completion. */
        atomic_store_explicit(&event->result, error < 0 ? error : 1, memory_order_release);
        pthread_cond_broadcast(&event->changed);
    }
    pthread_mutex_unlock(&event->lock);
    spead_host_event_unref(event);
}

void spead_host_event_unref(struct spead_host_event *event)
{
    /* EVENT2 release, acquire: the thread that frees the event comes after the last use by every other thread. */
    if (!event || atomic_fetch_sub_explicit(&event->references, 1, memory_order_acq_rel) > 1)
        return;
    pthread_cond_destroy(&event->changed);
    pthread_mutex_destroy(&event->lock);
    free(event);
}

static int query(void *arg, uint64_t event)
{
    (void)arg;
    /* EVENT1 acquire: this thread sees what was done before the completion. */
    return atomic_load_explicit(&event_of(event)->result, memory_order_acquire);
}

static void wait_for(void *arg, uint64_t number)
{
    struct spead_host_event *event = event_of(number);

    (void)arg;
    pthread_mutex_lock(&event->lock);
    /* relaxed: the result changes only under the lock */
    while (atomic_load_explicit(&event->result, memory_order_relaxed) == 0)
        pthread_cond_wait(&event->changed, &event->lock);
    pthread_mutex_unlock(&event->lock);
}

static void ref(void *arg, uint64_t event)
{
    (void)arg;
    spead_host_event_share(event_of(event));
}

static void unref(void *arg, uint64_t event)
{
    (void)arg;
    spead_host_event_unref(event_of(event));
}

const struct spead_event_ops spead_host_event_ops = {
    .name = "host", .query = query, .wait = wait_for, .ref = ref, .unref = unref};
