/* SPDX-License-Identifier: Apache-2.0 */
/* Imitates a host whose wall clock is set while a program runs. A test preloads this library into a program. The first
 * four times that the program reads CLOCK_REALTIME it gets the true time. Later it gets a time that is one hour ahead.
 * All other clocks show the true time. */
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *time)
{
    static atomic_int calls;
    long ret = syscall(SYS_clock_gettime, (long)id, time);

    if (ret == 0 && id == CLOCK_REALTIME && atomic_fetch_add(&calls, 1) >= 4)
        time->tv_sec += 3600;
    return (int)ret;
}
