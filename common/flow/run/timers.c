/* SPDX-License-Identifier: Apache-2.0 */
/* The timers form a tree that is called a pairing heap. The addition of a timer takes one comparison. The removal of
 * the first timer takes about log(n) comparisons. */
#include "timers.h"

#include <stddef.h>

/* Joins two trees into one, and returns its root. The root with the later time becomes the first child of the root with
 * the earlier time. */
static struct speadi_timer *meld(struct speadi_timer *a, struct speadi_timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->time_ns < a->time_ns) {
        struct speadi_timer *earlier = b;

        b = a;
        a = earlier;
    }
    b->next = a->child;
    b->previous = a;
    if (a->child)
        a->child->previous = b;
    a->child = b;
    return a;
}

/* Joins all trees of a list into one tree, and returns its root. There are two passes. The first pass joins the trees
 * two by two into pairs. The second pass joins the pairs, beginning with the last pair. With only one pass, the root
 * could get a long list of children, and later calls would be slow. */
static struct speadi_timer *meld_list(struct speadi_timer *list)
{
    struct speadi_timer *pairs = NULL, *heap = NULL;

    while (list) {
        struct speadi_timer *a = list, *b = list->next;

        list = b ? b->next : NULL;
        a->next = a->previous = NULL;
        if (b)
            b->next = b->previous = NULL;
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct speadi_timer *pair = pairs;

        pairs = pairs->next;
        pair->next = NULL;
        heap = meld(heap, pair);
    }
    return heap;
}

void speadi_timers_add(struct speadi_timers *timers, struct speadi_timer *timer, uint64_t time_ns)
{
    *timer = (struct speadi_timer){.time_ns = time_ns};
    timers->first = meld(timers->first, timer);
}

/* Takes a timer out of the list of its parent's children. The timer must have a parent, so it must not be
 * timers->first. */
static void cut(struct speadi_timer *timer)
{
    if (timer->previous->child == timer)
        timer->previous->child = timer->next;
    else
        timer->previous->next = timer->next;
    if (timer->next)
        timer->next->previous = timer->previous;
}

void speadi_timers_remove(struct speadi_timers *timers, struct speadi_timer *timer)
{
    if (timer->time_ns == 0)
        return;
    timer->time_ns = 0;
    if (timer == timers->first) {
        timers->first = meld_list(timer->child);
        return;
    }
    cut(timer);
    timers->first = meld(timers->first, meld_list(timer->child));
}
