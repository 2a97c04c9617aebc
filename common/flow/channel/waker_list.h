/* SPDX-License-Identifier: Apache-2.0 */
/* A list of wakers in the order in which they were appended. The caller must hold the lock that protects the list. */
#ifndef SPEADI_WAKER_LIST_H
#define SPEADI_WAKER_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <speadline/channel.h>

struct speadi_waker_list {
    struct spead_waker *first, *last;
};

static inline bool speadi_waker_list_has(const struct speadi_waker_list *queue,
                                         const struct spead_waker *waker)
{
    return waker->previous || queue->first == waker;
}

static inline void speadi_waker_list_append(struct speadi_waker_list *queue,
                                            struct spead_waker *waker)
{
    waker->next = NULL;
    waker->previous = queue->last;
    if (queue->last)
        queue->last->next = waker;
    else
        queue->first = waker;
    queue->last = waker;
}

static inline void speadi_waker_list_remove(struct speadi_waker_list *queue,
                                            struct spead_waker *waker)
{
    if (waker->previous)
        waker->previous->next = waker->next;
    else
        queue->first = waker->next;
    if (waker->next)
        waker->next->previous = waker->previous;
    else
        queue->last = waker->previous;
    waker->next = waker->previous = NULL;
}

#endif
