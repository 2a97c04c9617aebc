/* Lets threads wait until heaps of a stream have completed. It uses a futex, and makes no system call while no thread
 * waits. One watcher can be attached. A watcher does not wait; instead, its function on_progress() is called.
 *
 * A thread that waits calls begin(). Then it looks at its condition and calls wait(), again and again until the
 * condition is true. At last it calls end(). A watcher is attached once with attach(). After each watch() its
 * on_progress() is called once, at the next change. Whoever calls watch() looks at the condition after the call. A
 * thread that changes the condition calls notify() after the change. When notify() returns true, the owner thread calls
 * call_watcher(). */
#ifndef SPEADI_PROGRESS_H
#define SPEADI_PROGRESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct speadi_watcher {
    /* This function is called with the lock held, so it must be short. When it returns false, the watcher is
     * detached. */
    bool (*on_progress)(struct speadi_watcher *watcher);
};

struct speadi_progress {
    /* number of threads between begin() and end(); top bit: call the watcher */
    _Atomic uint32_t waiters;
    _Atomic uint32_t epoch; /* notify() increments it */
    pthread_mutex_t lock;   /* protects `watcher` and is held while on_progress() runs */
    struct speadi_watcher *watcher;
};

void speadi_progress_init(struct speadi_progress *progress);
void speadi_progress_release(struct speadi_progress *progress);

/* begin() tells notify() that this thread waits, and end() that it no longer does. The thread must look at its
 * condition after begin(). */
void speadi_progress_begin(struct speadi_progress *progress);
void speadi_progress_end(struct speadi_progress *progress);

/* Returns the value for the next wait(). The thread must read it before it looks at its condition. */
uint32_t speadi_progress_epoch(struct speadi_progress *progress);

/* Sleeps until a notify() that comes after the epoch was read, or until deadline_ns (CLOCK_MONOTONIC; 0: no limit).
 * Returns 0 or -ETIMEDOUT. It may also return 0 without a notify(). */
int speadi_progress_wait(struct speadi_progress *progress, uint32_t epoch, uint64_t deadline_ns);

/* Wakes all threads that wait. Any thread and signal handlers may call it; it preserves errno. Returns true when
 * watch() was called and the watcher still waits for its call. */
bool speadi_progress_notify(struct speadi_progress *progress);

/* ---- The watcher ---- */

/* Attaches a watcher. Returns 0, or -EBUSY when another watcher is attached. */
int speadi_progress_attach(struct speadi_progress *progress, struct speadi_watcher *watcher);

/* Requests one call of on_progress() after the next change. After speadi_progress_watch() has
 * returned, the caller must check what it waits for; else it can miss a change. Any thread may call this function. */
void speadi_progress_watch(struct speadi_progress *progress);

/* Calls on_progress() if a watcher is attached, even if nobody has called watch(). If another thread is inside
 * on_progress() at this time, this function waits until that call has returned. */
void speadi_progress_call_watcher(struct speadi_progress *progress);

#endif
