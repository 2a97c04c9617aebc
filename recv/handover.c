/* Owns the ring between a receive stream and its consumer. */
#include "handover.h"

#include <errno.h>
#include <stdlib.h>

#include <speadi/clock.h>

static int init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);

    if (error != 0)
        return -error;
    error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (error == 0)
        error = pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return -error;
}

int speadi_handover_init(struct speadi_handover *handover, uint32_t capacity)
{
    int ret;

    *handover = (struct speadi_handover){.capacity = capacity, .ready_bell.fd = -1};
    handover->slot = calloc(capacity, sizeof *handover->slot);
    if (handover->slot == NULL)
        return -ENOMEM;
    ret = speadi_wakeup_open(&handover->room_bell);
    if (ret < 0)
        goto err_free_slots;
    ret = -pthread_mutex_init(&handover->lock, NULL);
    if (ret < 0)
        goto err_close_bell;
    ret = init_condition(&handover->ready);
    if (ret < 0)
        goto err_destroy_lock;
    return 0;

err_destroy_lock:
    pthread_mutex_destroy(&handover->lock);
err_close_bell:
    speadi_wakeup_close(&handover->room_bell);
err_free_slots:
    free(handover->slot);
    handover->slot = NULL; /* a stream half made asks it what there is to release */
    return ret;
}

static struct spead_heap *pop(struct speadi_handover *handover)
{
    struct spead_heap *heap = handover->slot[handover->first];

    if (++handover->first == handover->capacity)
        handover->first = 0;
    handover->count--;
    return heap;
}

void speadi_handover_release(struct speadi_handover *handover)
{
    while (handover->count > 0)
        spead_heap_unref(pop(handover));
    speadi_wakeup_close(&handover->ready_bell);
    speadi_wakeup_close(&handover->room_bell);
    pthread_cond_destroy(&handover->ready);
    pthread_mutex_destroy(&handover->lock);
    free(handover->slot);
}

/* ---- The owner's side ---------------------------------------------------------------------- */

uint32_t speadi_handover_room(struct speadi_handover *handover)
{
    uint32_t room;

    pthread_mutex_lock(&handover->lock);
    room = handover->capacity - handover->count;
    pthread_mutex_unlock(&handover->lock);
    return room;
}

static void tell_consumer(struct speadi_handover *handover)
{
    if (handover->consumer_waits)
        pthread_cond_signal(&handover->ready);
    if (handover->ready_bell.fd >= 0)
        speadi_wakeup_ring(&handover->ready_bell);
}

static void push(struct speadi_handover *handover, struct spead_heap *heap)
{
    uint32_t end = handover->first + handover->count;

    handover->slot[end < handover->capacity ? end : end - handover->capacity] = heap;
    handover->count++;
}

uint32_t speadi_handover_push(struct speadi_handover *handover, struct spead_heap *const *heaps,
                              uint32_t count, bool drop_oldest, struct spead_heap **shed)
{
    uint32_t shed_count = 0;

    if (count == 0)
        return 0;
    pthread_mutex_lock(&handover->lock);
    for (uint32_t i = 0; i < count; i++) {
        if (handover->count == handover->capacity) {
            shed[shed_count++] = drop_oldest ? pop(handover) : heaps[i];
            if (!drop_oldest)
                continue;
        }
        push(handover, heaps[i]);
    }
    if (handover->count > handover->high_water)
        handover->high_water = handover->count;
    tell_consumer(handover);
    pthread_mutex_unlock(&handover->lock);
    return shed_count;
}

void speadi_handover_end(struct speadi_handover *handover)
{
    pthread_mutex_lock(&handover->lock);
    handover->ended = true;
    tell_consumer(handover);
    pthread_mutex_unlock(&handover->lock);
}

void speadi_handover_wait_room(struct speadi_handover *handover, uint64_t deadline_ns)
{
    bool full;

    pthread_mutex_lock(&handover->lock);
    full = handover->count == handover->capacity;
    handover->owner_waits = full;
    pthread_mutex_unlock(&handover->lock);
    if (full)
        speadi_wakeup_wait(&handover->room_bell, NULL, 0, 0, deadline_ns);
}

/* ---- The consumer's side ------------------------------------------------------------------- */

static int wait_ready(struct speadi_handover *handover, uint64_t deadline_ns)
{
    struct timespec deadline = speadi_clock_timespec(deadline_ns);
    int error = 0;

    handover->consumer_waits = true;
    while (handover->count == 0 && !handover->ended && error == 0)
        error = deadline_ns == 0
                    ? pthread_cond_wait(&handover->ready, &handover->lock)
                    : pthread_cond_timedwait(&handover->ready, &handover->lock, &deadline);
    handover->consumer_waits = false;
    return handover->count == 0 && !handover->ended ? -error : 0;
}

static int pop_many(struct speadi_handover *handover, struct spead_heap **heaps, uint32_t max)
{
    uint32_t taken = 0;

    while (taken < max && handover->count > 0)
        heaps[taken++] = pop(handover);
    if (handover->count == 0 && !handover->ended && handover->ready_bell.fd >= 0)
        speadi_wakeup_clear(&handover->ready_bell);
    if (taken > 0 && handover->owner_waits) {
        handover->owner_waits = false;
        speadi_wakeup_ring(&handover->room_bell);
    }
    return (int)taken;
}

int speadi_handover_take(struct speadi_handover *handover, struct spead_heap **heaps, uint32_t max,
                         bool wait, uint64_t deadline_ns)
{
    int ret = 0;

    pthread_mutex_lock(&handover->lock);
    if (wait)
        ret = wait_ready(handover, deadline_ns);
    if (ret == 0) {
        ret = pop_many(handover, heaps, max);
        if (ret == 0)
            ret = handover->ended ? -ESHUTDOWN : -EAGAIN;
    }
    pthread_mutex_unlock(&handover->lock);
    return ret;
}

int speadi_handover_fd(struct speadi_handover *handover)
{
    int ret = 0;

    pthread_mutex_lock(&handover->lock);
    if (handover->ready_bell.fd < 0) {
        ret = speadi_wakeup_open(&handover->ready_bell);
        if (ret == 0 && (handover->count > 0 || handover->ended))
            speadi_wakeup_ring(&handover->ready_bell);
    }
    if (ret == 0)
        ret = handover->ready_bell.fd;
    pthread_mutex_unlock(&handover->lock);
    return ret;
}
