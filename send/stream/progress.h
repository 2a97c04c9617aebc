/* Threads that wait for a stream's heaps to complete: a futex that costs nothing while no thread waits; and one
 * watcher, which is called back instead.
 *
 * Waiter:   begin(), look at the condition, wait(), look again, ..., end().
 * Watcher:  attach(); then watch(), look at the condition, and on_progress() is called once after the next change.
 * Notifier: change the condition, then notify(); on the owner's thread call_watcher(), if notify() says so. */
#ifndef SPEADI_PROGRESS_H
#define SPEADI_PROGRESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct speadi_watcher {
    /* Called under a lock, so it must be short. False: the watcher wants no more, and is detached. */
    bool (*on_progress)(struct speadi_watcher *watcher);
};

struct speadi_progress {
    _Atomic uint32_t waiters; /* top bit: the watcher wants to be called */
    _Atomic uint32_t epoch;
    pthread_mutex_t lock; /* of what follows */
    struct speadi_watcher *watcher;
};

void speadi_progress_init(struct speadi_progress *progress);
void speadi_progress_release(struct speadi_progress *progress);

/* Announces the waiter. Look at the condition after it. */
void speadi_progress_begin(struct speadi_progress *progress);
void speadi_progress_end(struct speadi_progress *progress);

/* Read before the condition is looked at; what wait() then takes. */
uint32_t speadi_progress_epoch(struct speadi_progress *progress);

/* Sleeps until a notify() after that epoch, or deadline_ns (CLOCK_MONOTONIC; 0: no limit). Returns 0,
 * also spuriously, or -ETIMEDOUT. */
int speadi_progress_wait(struct speadi_progress *progress, uint32_t epoch, uint64_t deadline_ns);

/* Any thread and signal handlers (errno is kept). True: the watcher wants to be called. */
bool speadi_progress_notify(struct speadi_progress *progress);

/* ---- The watcher ---- */

/* Returns 0, or -EBUSY: there is one. */
int speadi_progress_attach(struct speadi_progress *progress, struct speadi_watcher *watcher);

/* Asks to be called. Look at the condition after it. Any thread. */
void speadi_progress_watch(struct speadi_progress *progress);

/* Calls the watcher, if there is one, whether or not it asked. Once this returns, no on_progress() that began before
 * on another thread still runs. */
void speadi_progress_call_watcher(struct speadi_progress *progress);

#endif
