/* SPDX-License-Identifier: Apache-2.0 */
/* See sync_seam.h. */
#include "sync_seam.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

volatile int sync_seam_fail_from, sync_seam_hold;
static atomic_int calls;

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

int fdatasync(int fd)
{
    int call = atomic_fetch_add(&calls, 1) + 1;

    while (sync_seam_hold)
        nap();
    if (sync_seam_fail_from > 0 && call >= sync_seam_fail_from) {
        errno = EIO;
        return -1;
    }
    return fsync(fd);
}

int sync_seam_calls(void)
{
    return atomic_load(&calls);
}

void sync_seam_await(int count)
{
    while (sync_seam_calls() < count)
        nap();
}
