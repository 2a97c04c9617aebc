/* A waker for a thread that sleeps (futex) or polls (eventfd).
 *
 * One owner arms it, announces its waker somewhere, and waits; whoever wakes it rings. A thread_waker that was armed
 * and whose waker could not be taken back must have rung before it may go: speadi_thread_waker_wait() with no
 * deadline is short then. */
#ifndef SPEADI_THREAD_WAKER_H
#define SPEADI_THREAD_WAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadi/wake_fd.h>
#include <speadline/channel.h>

struct speadi_thread_waker {
    struct spead_waker waker;
    _Atomic uint32_t state;   /* enum in thread_waker.c; also the futex */
    bool armed;               /* the owner's: announced, and not known to have rung */
    struct speadi_wake_fd fd; /* fd.fd -1: none */
};

void speadi_thread_waker_init(struct speadi_thread_waker *thread_waker);
void speadi_thread_waker_release(struct speadi_thread_waker *thread_waker);

void speadi_thread_waker_arm(
    struct speadi_thread_waker *thread_waker); /* silent from now on, until it rings */
bool speadi_thread_waker_was_called(const struct speadi_thread_waker *thread_waker);

/* Sleeps until it rings or deadline_ns (CLOCK_MONOTONIC; 0: no limit). Returns has_rung. */
bool speadi_thread_waker_wait(struct speadi_thread_waker *thread_waker, uint64_t deadline_ns);

#endif
