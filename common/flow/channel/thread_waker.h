/* SPDX-License-Identifier: Apache-2.0 */
/* A waker for a thread that sleeps (futex) or that polls a descriptor (eventfd).
 *
 * One thread owns a thread waker. The owner arms the thread waker, announces its field `waker` at a channel or a
 * throttle, and waits. A thread of the other side calls waker.wake() at most once. An owner that no longer wants to
 * wait retracts the announcement. If this fails, another thread has called wake() or is calling it. The owner must then
 * call speadi_thread_waker_wait() without a deadline before it frees the thread waker. That call returns as soon as
 * wake() has ended. */
#ifndef SPEADI_THREAD_WAKER_H
#define SPEADI_THREAD_WAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadi/wake_fd.h>
#include <speadline/channel.h>

struct speadi_thread_waker {
    struct spead_waker waker;
    /* One of ARMED, CALLING, SLEEPING and CALLED (see thread_waker.c). This field is also the word of the futex. */
    _Atomic uint32_t state;
    bool armed;               /* true if `waker` is announced; only the owner uses this field */
    struct speadi_wake_fd fd; /* fd.fd is -1 if there is no descriptor */
};

void speadi_thread_waker_init(struct speadi_thread_waker *thread_waker);
void speadi_thread_waker_release(struct speadi_thread_waker *thread_waker);

/* Prepares the thread waker for a call of wake(). Until that call, speadi_thread_waker_was_called() returns false. The
 * owner must call this function before it announces the waker. */
void speadi_thread_waker_arm(struct speadi_thread_waker *thread_waker);

/* Returns true if wake() was called after the last speadi_thread_waker_arm() and has ended its use of the thread
 * waker. */
bool speadi_thread_waker_was_called(const struct speadi_thread_waker *thread_waker);

/* Returns true if wake() was called and still uses the thread waker. It has perhaps signalled the descriptor already.
 * The owner then calls speadi_thread_waker_wait() without a deadline. */
bool speadi_thread_waker_is_being_called(const struct speadi_thread_waker *thread_waker);

/* Sleeps until wake() is called or until deadline_ns (CLOCK_MONOTONIC; 0 means no deadline). Returns what
 * speadi_thread_waker_was_called() returns at that moment. */
bool speadi_thread_waker_wait(struct speadi_thread_waker *thread_waker, uint64_t deadline_ns);

#endif
