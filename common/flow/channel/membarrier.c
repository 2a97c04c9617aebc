/* SPDX-License-Identifier: Apache-2.0 */
/* The barrier is the system call membarrier(2) with its command "private expedited". A call takes 0.2 us if no other
 * thread of the process runs, and about 2 us if other threads run. */
#include "membarrier.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool available;

static long membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0);
}

static void ask(void)
{
    long commands = membarrier(MEMBARRIER_CMD_QUERY);

    available = commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) &&
                membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
}

bool speadi_membarrier_is_available(void)
{
    pthread_once(&once, ask);
    return available;
}

void speadi_membarrier_heavy(void)
{
    /* The process has registered for this call. So the call can fail only if the process has installed a filter of
     * system calls after the registration. Without the barrier, a wake-up would be lost at some time, and nobody would
     * find the cause. So the process ends here. */
    if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) < 0) {
        perror(
            "speadline: the process could use membarrier(2) at first, and then the call was forbidden");
        abort();
    }
}
