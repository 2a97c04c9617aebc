/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and times, in ns. */
#ifndef SPEADI_CLOCK_H
#define SPEADI_CLOCK_H

#include <limits.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t speadi_clock_read(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Reads CLOCK_MONOTONIC, the clock for deadlines and ages. */
static inline uint64_t speadi_clock_mono_ns(void)
{
    return speadi_clock_read(CLOCK_MONOTONIC);
}

/* Reads CLOCK_MONOTONIC as it was at the last tick of the kernel, at most 10 ms ago. It costs less than the exact time, and
 * is for what need not be exact. */
static inline uint64_t speadi_clock_mono_coarse_ns(void)
{
    return speadi_clock_read(CLOCK_MONOTONIC_COARSE);
}

/* Reads CLOCK_REALTIME, the clock for time stamps that people read. */
static inline uint64_t speadi_clock_utc_ns(void)
{
    return speadi_clock_read(CLOCK_REALTIME);
}

/* Returns start_ns + ns, or UINT64_MAX ("no limit") when the sum does not fit. */
static inline uint64_t speadi_clock_after(uint64_t start_ns, uint64_t ns)
{
    return ns < UINT64_MAX - start_ns ? start_ns + ns : UINT64_MAX;
}

static inline struct timespec speadi_clock_timespec(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u),
                             .tv_nsec = (long)(ns % 1000000000u)};
}

/* Returns the smallest number of whole milliseconds that last at least `ns`. It is for a system call that takes an int
 * of milliseconds, so the function returns at most INT_MAX. */
static inline int speadi_clock_ms_up(uint64_t ns)
{
    uint64_t ms = ns / 1000000u + (ns % 1000000u != 0);

    return ms < INT_MAX ? (int)ms : INT_MAX;
}

#endif
