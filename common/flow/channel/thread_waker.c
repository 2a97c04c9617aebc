/* The thread_waker that ends one wait of a thread or an event loop. */
#include "thread_waker.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <speadi/clock.h>

enum { SILENT, SLEEPING, RUNG };

static void ring(struct spead_waker *waker)
{
    struct speadi_thread_waker *thread_waker =
        (struct speadi_thread_waker *)(void *)((char *)waker -
                                               offsetof(struct speadi_thread_waker, waker));

    /* Before the store: from then on the owner may close the descriptor. */
    if (thread_waker->fd.fd >= 0)
        speadi_wake_fd_signal(&thread_waker->fd);
    /* WAKER1 release: the owner, which sees RUNG, may free the thread_waker. So only its address is used
     * below, and a wake at an address that means something else by now is one that futexes allow for. */
    if (atomic_exchange_explicit(&thread_waker->state, RUNG, memory_order_acq_rel) == SLEEPING)
        syscall(SYS_futex, &thread_waker->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void speadi_thread_waker_init(struct speadi_thread_waker *thread_waker)
{
    *thread_waker = (struct speadi_thread_waker){.waker.wake = ring, .fd.fd = -1};
    atomic_init(&thread_waker->state, RUNG);
}

void speadi_thread_waker_release(struct speadi_thread_waker *thread_waker)
{
    speadi_wake_fd_close(&thread_waker->fd);
}

void speadi_thread_waker_arm(struct speadi_thread_waker *thread_waker)
{
    /* relaxed: the announcement that follows is what orders it before a ring */
    atomic_store_explicit(&thread_waker->state, SILENT, memory_order_relaxed);
}

bool speadi_thread_waker_was_called(const struct speadi_thread_waker *thread_waker)
{
    /* WAKER1 acquire: the ringing thread touches the thread_waker no more. */
    return atomic_load_explicit(&thread_waker->state, memory_order_acquire) == RUNG;
}

bool speadi_thread_waker_wait(struct speadi_thread_waker *thread_waker, uint64_t deadline_ns)
{
    uint32_t silent = SILENT;
    struct timespec until = speadi_clock_timespec(deadline_ns);

    /* relaxed: on failure it has rung, which has_rung() looks at again */
    atomic_compare_exchange_strong_explicit(&thread_waker->state, &silent, SLEEPING,
                                            memory_order_relaxed, memory_order_relaxed);
    while (!speadi_thread_waker_was_called(thread_waker)) {
        /* FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC. */
        if (syscall(SYS_futex, &thread_waker->state, FUTEX_WAIT_BITSET_PRIVATE, SLEEPING,
                    deadline_ns ? &until : NULL, NULL, FUTEX_BITSET_MATCH_ANY) < 0 &&
            errno == ETIMEDOUT)
            break;
    }
    return speadi_thread_waker_was_called(thread_waker);
}
