/* A waker for a thread that sleeps (futex) or that polls a descriptor (eventfd).
 *
 * One thread owns a thread waker. It arms the thread waker, announces the field `waker` at a channel or a throttle, and
 * waits. A thread of the other side calls waker.wake() once. If the owner cannot retract the announcement, that call
 * has happened or is under way. Then the owner must call speadi_thread_waker_wait() without a deadline before it frees
 * the thread waker; this wait takes only as long as wake() does. */
#ifndef SPEADI_THREAD_WAKER_H
#define SPEADI_THREAD_WAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadi/wake_fd.h>
#include <speadline/channel.h>

struct speadi_thread_waker {
    struct spead_waker waker;
    _Atomic uint32_t state;   /* enum in thread_waker.c; it is also the futex */
    bool armed;               /* only the owner uses it: `waker` is announced */
    struct speadi_wake_fd fd; /* fd.fd is -1 if there is no descriptor */
};

void speadi_thread_waker_init(struct speadi_thread_waker *thread_waker);
void speadi_thread_waker_release(struct speadi_thread_waker *thread_waker);

/* Prepares the thread waker for a call of wake(): until that call, was_called() returns false. The owner calls this
 * function before it announces the waker. */
void speadi_thread_waker_arm(struct speadi_thread_waker *thread_waker);

/* Returns true if wake() was called since the last arm(), and that call does not touch the thread waker any more. */
bool speadi_thread_waker_was_called(const struct speadi_thread_waker *thread_waker);

/* Sleeps until wake() is called or until deadline_ns (CLOCK_MONOTONIC; 0: no limit). Returns true if wake()
 * was called, as speadi_thread_waker_was_called() does. */
bool speadi_thread_waker_wait(struct speadi_thread_waker *thread_waker, uint64_t deadline_ns);

#endif
