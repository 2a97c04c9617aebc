/* SPDX-License-Identifier: Apache-2.0 */
/* The waker of a thread that sleeps on a futex, or that polls an eventfd in an event loop. */
#include "thread_waker.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <speadi/clock.h>

/* Values of thread_waker->state. */
enum {
    ARMED,    /* wake() was not called */
    CALLING,  /* wake() was called, and is about to signal the descriptor or has signalled it */
    SLEEPING, /* wake() has not ended, and the owner sleeps on the futex or is about to sleep */
    CALLED,   /* wake() was called, and uses only the address of the futex from now on */
};

/* Signals the descriptor before the store of CALLED, because the owner can close the descriptor after that store. The
 * signal can wake the owner before the store, and the owner can have a higher priority than this thread. The owner then
 * finds CALLING, and sleeps until the store. */
static void signal_descriptor(struct speadi_thread_waker *thread_waker)
{
    uint32_t armed = ARMED;

    /* relaxed: the signal makes this store visible. If the exchange fails, the owner does not poll the descriptor but
     * sleeps on the futex. */
    atomic_compare_exchange_strong_explicit(&thread_waker->state, &armed, CALLING,
                                            memory_order_relaxed, memory_order_relaxed);
    speadi_wake_fd_signal(&thread_waker->fd);
}

static void wake_thread(struct spead_waker *waker)
{
    struct speadi_thread_waker *thread_waker =
        (struct speadi_thread_waker *)(void *)((char *)waker -
                                               offsetof(struct speadi_thread_waker, waker));

    if (thread_waker->fd.fd >= 0)
        signal_descriptor(thread_waker);
    /* WAKER1 release: as soon as the owner sees CALLED, it is allowed to free the thread waker. So the system call
     * below uses only the address of the futex. At that time there can already be another futex at this address. The
     * thread that waits for the other futex then wakes without a reason, which every user of a futex must expect. */
    if (atomic_exchange_explicit(&thread_waker->state, CALLED, memory_order_acq_rel) == SLEEPING)
        syscall(SYS_futex, &thread_waker->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void speadi_thread_waker_init(struct speadi_thread_waker *thread_waker)
{
    *thread_waker = (struct speadi_thread_waker){.waker.wake = wake_thread, .fd.fd = -1};
    atomic_init(&thread_waker->state, CALLED);
}

void speadi_thread_waker_release(struct speadi_thread_waker *thread_waker)
{
    speadi_wake_fd_close(&thread_waker->fd);
}

void speadi_thread_waker_arm(struct speadi_thread_waker *thread_waker)
{
    /* relaxed: the owner announces the waker after this store. The announcement orders this store before any call of
     * wake(). */
    atomic_store_explicit(&thread_waker->state, ARMED, memory_order_relaxed);
}

bool speadi_thread_waker_was_called(const struct speadi_thread_waker *thread_waker)
{
    /* WAKER1 acquire: the thread that called wake() does not touch the thread waker any more. */
    return atomic_load_explicit(&thread_waker->state, memory_order_acquire) == CALLED;
}

bool speadi_thread_waker_is_being_called(const struct speadi_thread_waker *thread_waker)
{
    /* relaxed: if the owner has seen the signal of the descriptor, it sees CALLING or CALLED. */
    return atomic_load_explicit(&thread_waker->state, memory_order_relaxed) == CALLING;
}

/* Sets the state SLEEPING, unless wake() has ended. */
static void prepare_sleep(struct speadi_thread_waker *thread_waker)
{
    /* relaxed: as soon as an exchange finds the state CALLED or SLEEPING, the loop of the caller looks at it again. */
    uint32_t state = atomic_load_explicit(&thread_waker->state, memory_order_relaxed);

    while ((state == ARMED || state == CALLING) &&
           !atomic_compare_exchange_weak_explicit(&thread_waker->state, &state, SLEEPING,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

bool speadi_thread_waker_wait(struct speadi_thread_waker *thread_waker, uint64_t deadline_ns)
{
    struct timespec until = speadi_clock_timespec(deadline_ns);

    prepare_sleep(thread_waker);
    while (!speadi_thread_waker_was_called(thread_waker)) {
        /* FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC. */
        if (syscall(SYS_futex, &thread_waker->state, FUTEX_WAIT_BITSET_PRIVATE, SLEEPING,
                    deadline_ns ? &until : NULL, NULL, FUTEX_BITSET_MATCH_ANY) < 0 &&
            errno == ETIMEDOUT)
            break;
    }
    return speadi_thread_waker_was_called(thread_waker);
}
