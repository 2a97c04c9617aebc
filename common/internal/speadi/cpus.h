/* SPDX-License-Identifier: Apache-2.0 */
/* Pins threads to CPUs, and says why a CPU cannot be had.
 *
 * The present affinity mask does not tell which CPUs a thread may use: it lacks the CPUs that the kernel was told to
 * isolate (isolcpus), and those that a parent process has left out. The kernel accepts them all the same. So these
 * functions try, and report what the kernel answers. */
#ifndef SPEADI_CPUS_H
#define SPEADI_CPUS_H

#include <speadline/error.h>

/* Pins the calling thread to this CPU. Returns 0, or -errno with a sentence that does not name the CPU: -EINVAL (there is
 * no such CPU, or it is offline, or the cpuset excludes it), or -EPERM (a seccomp profile forbids it). */
int speadi_cpu_pin(int cpu, struct spead_err *err);

/* Does what speadi_cpu_pin() does, but the thread may run afterwards where it could run before. */
int speadi_cpu_try(int cpu, struct spead_err *err);

/* Says in *err why the kernel has refused a CPU to the calling thread, or to a thread that it wanted to start. `number` is
 * the errno of the refusal. Returns -number. For a moment the calling thread may run on every CPU that it may have. */
int speadi_cpu_refused(int number, struct spead_err *err);

#endif
