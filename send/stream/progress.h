/* SPDX-License-Identifier: Apache-2.0 */
/* Lets threads wait until heaps of a stream have completed. It uses a futex, and makes no system call if no thread
 * waits. In addition, one watcher can be attached. A watcher does not wait: instead, its function on_progress() is
 * called.
 *
 * How a thread waits: it calls begin(). Then it looks at its condition and calls wait(), again and again until the
 * condition is true. At last it calls end().
 *
 * How a watcher is used: it is attached once with attach(). After each call of watch(), its on_progress() is called
 * once, at the next change. The thread that calls watch() must look at its condition after that call.
 *
 * A thread that changes a condition calls notify() after the change. When notify() returns true, the owner thread must
 * call speadi_progress_call_watcher(). */
#ifndef SPEADI_PROGRESS_H
#define SPEADI_PROGRESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct speadi_watcher {
    /* The stream calls this function with `lock` held, so the function must be short. If it returns false, the watcher
     * is detached. */
    bool (*on_progress)(struct speadi_watcher *watcher);
};

struct speadi_progress {
    /* The number of threads that have called begin() and not yet end(). The top bit is set from a call of watch() until
     * on_progress() is called. */
    _Atomic uint32_t waiters;
    _Atomic uint32_t epoch; /* notify() increments it */
    pthread_mutex_t lock;   /* protects `watcher` and is held while on_progress() runs */
    struct speadi_watcher *watcher;
};

void speadi_progress_init(struct speadi_progress *progress);
void speadi_progress_release(struct speadi_progress *progress);

/* begin() tells notify() that the calling thread waits. After begin() the thread must look at its condition. end()
 * tells notify() that the thread does not wait any more. */
void speadi_progress_begin(struct speadi_progress *progress);
void speadi_progress_end(struct speadi_progress *progress);

/* Returns the value that the thread must pass to its next wait(). The thread must call this function before it looks at
 * its condition. */
uint32_t speadi_progress_epoch(struct speadi_progress *progress);

/* Sleeps until a thread calls notify(), or until deadline_ns (CLOCK_MONOTONIC; 0 means no limit). A notify() that came
 * after `epoch` was read ends the sleep immediately. Returns 0 or -ETIMEDOUT. It can also return 0 without a
 * notify(). */
int speadi_progress_wait(struct speadi_progress *progress, uint32_t epoch, uint64_t deadline_ns);

/* Wakes all threads that wait. Any thread and signal handlers may call it; it preserves errno. Returns true when
 * watch() was called and on_progress() has not been called after that. */
bool speadi_progress_notify(struct speadi_progress *progress);

/* ---- The watcher ---- */

/* Attaches a watcher. Returns 0, or -EBUSY when another watcher is attached. */
int speadi_progress_attach(struct speadi_progress *progress, struct speadi_watcher *watcher);

/* Requests one call of on_progress() after the next change. The caller must look at its condition after this call; else
 * it can miss a change. Any thread may call this function. */
void speadi_progress_watch(struct speadi_progress *progress);

/* Calls on_progress() if a watcher is attached, even if nobody has called watch(). If another thread is inside
 * on_progress() at this time, this function waits until that call has returned. */
void speadi_progress_call_watcher(struct speadi_progress *progress);

#endif
