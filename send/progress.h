/* Threads that wait for a stream's heaps to complete: a futex that costs nothing while nobody waits.
 *
 * Waiter: begin(), look at the condition, wait(), look again, ..., end().
 * Notifier: change the condition, then notify(). */
#ifndef SPEADLINE_SEND_PROGRESS_H
#define SPEADLINE_SEND_PROGRESS_H

#include <stdatomic.h>
#include <stdint.h>

struct speadi_progress { /* zero-initialised */
    _Atomic uint32_t waiters;
    _Atomic uint32_t epoch;
};

/* Announces the waiter. Look at the condition after it. */
void speadi_progress_begin(struct speadi_progress *progress);
void speadi_progress_end(struct speadi_progress *progress);

/* Read before the condition is looked at; what wait() then takes. */
uint32_t speadi_progress_epoch(struct speadi_progress *progress);

/* Sleeps until a notify() after that epoch, or deadline_ns (CLOCK_MONOTONIC; 0: no limit). Returns 0,
 * also spuriously, or -ETIMEDOUT. */
int speadi_progress_wait(struct speadi_progress *progress, uint32_t epoch, uint64_t deadline_ns);

/* Any thread and signal handlers (errno is kept). */
void speadi_progress_notify(struct speadi_progress *progress);

#endif
