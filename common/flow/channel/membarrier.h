/* SPDX-License-Identifier: Apache-2.0 */
/* The heavy half of an asymmetric barrier. A thread that is about to sleep makes every other running thread of the
 * process execute a full memory barrier. So the threads that do not sleep need no barrier instruction of their own. */
#ifndef SPEADI_MEMBARRIER_H
#define SPEADI_MEMBARRIER_H

#include <stdbool.h>

/* Returns true if this process can use membarrier(2). The first call asks the kernel. Any thread may call it. */
bool speadi_membarrier_is_available(void);

/* Executes the barrier. Call it only after speadi_membarrier_is_available() has returned true. If the system call fails
 * nevertheless, this function aborts the process. Any thread may call it. */
void speadi_membarrier_heavy(void);

#endif
