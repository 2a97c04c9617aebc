/* The bell that ends one wait of a thread or an event loop. */
#include "bell.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <speadi/clock.h>

enum { SILENT, SLEEPING, RUNG };

static void ring(struct spead_waker *waker)
{
    struct speadi_bell *bell =
        (struct speadi_bell *)(void *)((char *)waker - offsetof(struct speadi_bell, waker));

    /* Before the store: from then on the owner may close the descriptor. */
    if (bell->fd.fd >= 0)
        speadi_wakeup_ring(&bell->fd);
    /* WAKER1 release: the owner, which sees RUNG, may free the bell. So only its address is used
     * below, and a wake at an address that means something else by now is one that futexes allow for. */
    if (atomic_exchange_explicit(&bell->state, RUNG, memory_order_acq_rel) == SLEEPING)
        syscall(SYS_futex, &bell->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void speadi_bell_init(struct speadi_bell *bell)
{
    *bell = (struct speadi_bell){.waker.wake = ring, .fd.fd = -1};
    atomic_init(&bell->state, RUNG);
}

void speadi_bell_release(struct speadi_bell *bell)
{
    speadi_wakeup_close(&bell->fd);
}

void speadi_bell_arm(struct speadi_bell *bell)
{
    /* relaxed: the announcement that follows is what orders it before a ring */
    atomic_store_explicit(&bell->state, SILENT, memory_order_relaxed);
}

bool speadi_bell_has_rung(const struct speadi_bell *bell)
{
    /* WAKER1 acquire: the ringing thread touches the bell no more. */
    return atomic_load_explicit(&bell->state, memory_order_acquire) == RUNG;
}

bool speadi_bell_wait(struct speadi_bell *bell, uint64_t deadline_ns)
{
    uint32_t silent = SILENT;
    struct timespec until = speadi_clock_timespec(deadline_ns);

    /* relaxed: on failure it has rung, which has_rung() looks at again */
    atomic_compare_exchange_strong_explicit(&bell->state, &silent, SLEEPING, memory_order_relaxed,
                                            memory_order_relaxed);
    while (!speadi_bell_has_rung(bell)) {
        /* FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC. */
        if (syscall(SYS_futex, &bell->state, FUTEX_WAIT_BITSET_PRIVATE, SLEEPING,
                    deadline_ns ? &until : NULL, NULL, FUTEX_BITSET_MATCH_ANY) < 0 &&
            errno == ETIMEDOUT)
            break;
    }
    return speadi_bell_has_rung(bell);
}
