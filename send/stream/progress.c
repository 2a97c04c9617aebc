/* SPDX-License-Identifier: Apache-2.0 */
/* Lets threads wait until heaps of a stream have completed. */
#include "progress.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <speadi/clock.h>

#define WATCHED (1u << 31)

void speadi_progress_init(struct speadi_progress *progress)
{
    *progress = (struct speadi_progress){0};
    pthread_mutex_init(&progress->lock, NULL);
}

void speadi_progress_release(struct speadi_progress *progress)
{
    pthread_mutex_destroy(&progress->lock);
}

/* PROGRESS1 release, acquire: begin(), watch() and notify() all do a read-modify-write of `waiters`. So the later of
 * two such calls reads what the earlier call wrote. If notify() came first, the thread that calls begin() or watch()
 * sees the changed condition. If begin() or watch() came first, notify() sees that a thread waits or that it must call
 * the watcher. */
void speadi_progress_begin(struct speadi_progress *progress)
{
    atomic_fetch_add_explicit(&progress->waiters, 1, memory_order_acq_rel);
}

void speadi_progress_end(struct speadi_progress *progress)
{
    /* Relaxed: if notify() still counts this thread as waiting, its only effect is one unnecessary system call. */
    atomic_fetch_sub_explicit(&progress->waiters, 1, memory_order_relaxed);
}

uint32_t speadi_progress_epoch(struct speadi_progress *progress)
{
    /* PROGRESS2 acquire: this thread sees the changed condition if it reads the new epoch */
    return atomic_load_explicit(&progress->epoch, memory_order_acquire);
}

int speadi_progress_wait(struct speadi_progress *progress, uint32_t epoch, uint64_t deadline_ns)
{
    const struct timespec until = speadi_clock_timespec(deadline_ns);
    long ret = syscall(SYS_futex, &progress->epoch, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, epoch,
                       deadline_ns == 0 ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);

    return ret < 0 && errno == ETIMEDOUT ? -ETIMEDOUT : 0;
}

bool speadi_progress_notify(struct speadi_progress *progress)
{
    /* PROGRESS1 release, acquire: see speadi_progress_begin() above. */
    uint32_t waiters = atomic_fetch_add_explicit(&progress->waiters, 0, memory_order_acq_rel);
    int saved = errno;

    if (waiters == 0)
        return false;
    if (waiters != WATCHED) {
        /* PROGRESS2 release: a thread that reads the new epoch also sees the changed condition. */
        atomic_fetch_add_explicit(&progress->epoch, 1, memory_order_release);
        syscall(SYS_futex, &progress->epoch, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL,
                0);
        errno = saved;
    }
    return (waiters & WATCHED) != 0;
}

/* ---- The watcher --------------------------------------------------------------------------- */

int speadi_progress_attach(struct speadi_progress *progress, struct speadi_watcher *watcher)
{
    int ret = 0;

    pthread_mutex_lock(&progress->lock);
    if (!progress->watcher)
        progress->watcher = watcher;
    else
        ret = -EBUSY;
    pthread_mutex_unlock(&progress->lock);
    return ret;
}

void speadi_progress_watch(struct speadi_progress *progress)
{
    /* PROGRESS1 release, acquire: see speadi_progress_begin() above. */
    atomic_fetch_or_explicit(&progress->waiters, WATCHED, memory_order_acq_rel);
}

void speadi_progress_call_watcher(struct speadi_progress *progress)
{
    pthread_mutex_lock(&progress->lock);
    /* This function clears the bit before it calls on_progress(), so that on_progress() can call watch() again.
     * PROGRESS1 release, acquire: on_progress() sees what the thread that called watch() wrote before. */
    atomic_fetch_and_explicit(&progress->waiters, ~WATCHED, memory_order_acq_rel);
    if (progress->watcher && !progress->watcher->on_progress(progress->watcher))
        progress->watcher = NULL;
    pthread_mutex_unlock(&progress->lock);
}
