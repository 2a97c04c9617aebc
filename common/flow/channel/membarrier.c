/* membarrier(2), private and expedited: 0.2 us alone, some 2 us with other threads running. */
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
    /* Once registered it fails only where a filter of system calls was put up meanwhile. Going on would
     * lose a wake-up one day, far from its cause. */
    if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) < 0) {
        perror("speadline: membarrier(2) worked at first and was then forbidden");
        abort();
    }
}
