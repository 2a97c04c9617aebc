/* SPDX-License-Identifier: Apache-2.0 */
/* Runners: threads that the library starts. The thread of a runner has a name, can be pinned to a CPU, and blocks
 * signals, because only the threads of the program should handle signals. */
#ifndef SPEADI_THREAD_H
#define SPEADI_THREAD_H

#include <stdint.h>

#include <speadline/error.h>

struct speadi_runner; /* opaque */

/* Starts a thread with the name `name` (at most 15 characters). The thread calls body(arg, runner, &err) once. If cpu
 * is 0 or more, the thread is pinned to this CPU.
 * The call blocks until body() has called speadi_runner_ready() or has returned. So the call can report a failed start:
 * body() first does its set-up, and returns -errno when the set-up fails. Returns 0, -EINVAL (there is no such CPU),
 * another -errno (the thread could not start), or the -errno that body() returned before it called
 * speadi_runner_ready(). */
int speadi_runner_start(struct speadi_runner **out, const char *name, int cpu,
                        int (*body)(void *arg, struct speadi_runner *self, struct spead_err *err),
                        void *arg, struct spead_err *err);

/* Reports that the set-up has succeeded. body() calls this function. */
void speadi_runner_ready(struct speadi_runner *self);

/* Waits until body() has returned, frees the runner and returns the result of body(). Sets *cpu_ns to the CPU time of
 * the thread (CLOCK_THREAD_CPUTIME_ID). cpu_ns may be NULL. */
int speadi_runner_join(struct speadi_runner *runner, uint64_t *cpu_ns);

#endif
