/* Threads that wait for a stream's heaps to complete. */
#include "progress.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <speadi/clock.h>

/* P1: begin() and notify() are both read-modify-writes of `waiters`, so one of them reads what the other
 * wrote. If notify() came first, begin() acquires the changed condition; else notify() sees the waiter. */
void speadi_progress_begin(struct speadi_progress *progress)
{
    atomic_fetch_add_explicit(&progress->waiters, 1, memory_order_acq_rel); /* P1 */
}

void speadi_progress_end(struct speadi_progress *progress)
{
    /* Relaxed: a notify() that still counts this waiter costs one needless wake-up. */
    atomic_fetch_sub_explicit(&progress->waiters, 1, memory_order_relaxed);
}

uint32_t speadi_progress_epoch(struct speadi_progress *progress)
{
    return atomic_load_explicit(&progress->epoch, memory_order_acquire); /* P2 */
}

int speadi_progress_wait(struct speadi_progress *progress, uint32_t epoch, uint64_t deadline_ns)
{
    const struct timespec until = speadi_clock_timespec(deadline_ns);
    long ret = syscall(SYS_futex, &progress->epoch, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, epoch,
                       deadline_ns == 0 ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);

    return ret < 0 && errno == ETIMEDOUT ? -ETIMEDOUT : 0;
}

void speadi_progress_notify(struct speadi_progress *progress)
{
    int saved = errno;

    if (atomic_fetch_add_explicit(&progress->waiters, 0, memory_order_acq_rel) == 0) /* P1 */
        return;
    /* P2: release pairs with epoch(): who reads the new epoch sees the condition changed. */
    atomic_fetch_add_explicit(&progress->epoch, 1, memory_order_release);
    syscall(SYS_futex, &progress->epoch, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0);
    errno = saved;
}
