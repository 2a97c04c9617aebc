/* SPDX-License-Identifier: Apache-2.0 */
/* The table of numbers, one for the whole process. */
#include "ticket_number.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t numbering = PTHREAD_MUTEX_INITIALIZER; /* held to change `throttles` */
/* throttles[i] is the throttle with the number i, or NULL. throttles[0] is not used. */
static _Atomic(struct spead_throttle *) throttles[SPEAD_THROTTLES_ATTACHED_MAX + 1];

/* Gives the throttle a number. Returns the number, or -ENOSPC. The caller must hold the lock. */
static int give_number(struct spead_throttle *throttle)
{
    for (int i = 1; i <= SPEAD_THROTTLES_ATTACHED_MAX; i++) {
        /* relaxed: the lock orders all changes. */
        if (atomic_load_explicit(&throttles[i], memory_order_relaxed))
            continue;
        atomic_store_explicit(&throttles[i], throttle, memory_order_relaxed);
        return i;
    }
    return -ENOSPC;
}

int speadi_ticket_number_of(struct speadi_ticket_number *number, struct spead_throttle *throttle)
{
    /* relaxed, in the whole function: the lock orders all changes of `number` and `throttles`. A thread that reads 0
     * takes the lock and looks again. */
    int ret = (int)atomic_load_explicit(&number->number, memory_order_relaxed);

    if (ret != 0)
        return ret;
    pthread_mutex_lock(&numbering);
    ret = (int)atomic_load_explicit(&number->number, memory_order_relaxed);
    if (ret == 0)
        ret = give_number(throttle);
    if (ret > 0)
        atomic_store_explicit(&number->number, (uint32_t)ret, memory_order_relaxed);
    pthread_mutex_unlock(&numbering);
    return ret;
}

void speadi_ticket_number_release(struct speadi_ticket_number *number)
{
    /* relaxed, here and below: only the thread that frees the throttle still uses its number. */
    uint32_t last = atomic_load_explicit(&number->number, memory_order_relaxed);

    if (last == 0)
        return;
    pthread_mutex_lock(&numbering);
    atomic_store_explicit(&throttles[last], NULL, memory_order_relaxed);
    pthread_mutex_unlock(&numbering);
}

struct spead_throttle *speadi_ticket_number_find(uint32_t number)
{
    /* relaxed: the thread that attached the ticket has seen the entry, and the channel that brought the message gives
     * the order. */
    return atomic_load_explicit(&throttles[number], memory_order_relaxed);
}
