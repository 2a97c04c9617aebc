/* Threads of our own: named, optionally pinned, with signals blocked (they belong to the program's
 * threads), and a runner that gives a stream one. */
#ifndef SPEADI_THREAD_H
#define SPEADI_THREAD_H

#include <stdint.h>

#include <speadline/error.h>

struct speadi_runner; /* opaque */

/* Starts a thread called name (at most 15 characters), pinned to cpu unless cpu < 0, that calls
 * body(arg, &err) once. begin(arg) failures are body's to return: the runner waits until body calls
 * speadi_runner_ready() or returns, so that a failed start is reported here.
 * Returns 0, -EINVAL (no such cpu) or what body returned before it was ready. */
int speadi_runner_start(struct speadi_runner **out, const char *name, int cpu,
                        int (*body)(void *arg, struct speadi_runner *self, struct spead_err *err),
                        void *arg, struct spead_err *err);

/* Called by body once its set-up has succeeded. */
void speadi_runner_ready(struct speadi_runner *self);

/* Waits for the end, frees the runner; returns body's result. cpu_ns (nullable) gets the thread's
 * CPU time (CLOCK_THREAD_CPUTIME_ID). */
int speadi_runner_join(struct speadi_runner *runner, uint64_t *cpu_ns);

#endif
