/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says about another thread of this process. */
#ifndef THREAD_STATE_H
#define THREAD_STATE_H

#include <sys/types.h>

pid_t thread_id(void); /* of the calling thread */

/* Waits until the thread sleeps in the kernel at each of several consecutive looks. A thread that yields again and
 * again is runnable, so for such a thread the function never returns. */
void thread_wait_until_asleep(pid_t thread);

#endif
