/* SPDX-License-Identifier: Apache-2.0 */
/* Converts the counter of a device to UTC. The functions read the counter and the clock of UTC at the same moment. They
 * compute other times from this pair of readings and the frequency of the counter. */
#ifndef SPEADI_VERBS_CLOCK_H
#define SPEADI_VERBS_CLOCK_H

#include <stdint.h>

#include <speadi/verbs_device.h>

struct speadi_verbs_clock {
    struct ibv_context *context; /* NULL if the conversion is not prepared */
    uint64_t mask, khz;
    uint64_t base_ticks, base_ns; /* the counter and UTC, read at the same moment */
    uint64_t renew_ticks;         /* after so many ticks both clocks are read again */
    uint64_t scale;               /* the length of a tick in ns, times 2^32 */
    /* A converted time is at most so far from UTC. It has two parts: how long the latest reading of both clocks took, and
     * by how much the reading before it would have been wrong now. UINT64_MAX if the device does not let its counter be
     * read any more. */
    uint64_t error_ns;
};

/* Prepares the conversion. The caller must not call it for a device that has no readable counter. */
void speadi_verbs_clock_init(struct speadi_verbs_clock *clock,
                             const struct speadi_verbs_device *device);

/* Does what speadi_verbs_clock_ns() does, for a time that lies before the latest reading, or long after it. */
uint64_t speadi_verbs_clock_far_ns(struct speadi_verbs_clock *clock, uint64_t ticks);

/* Returns the UTC time in ns at which the counter had the value `ticks`. That time may lie before or after the latest
 * reading of both clocks, by less than half the range of the counter. If that time lies more than a tenth of a second
 * after the reading, the function reads both clocks again. */
static inline uint64_t speadi_verbs_clock_ns(struct speadi_verbs_clock *clock, uint64_t ticks)
{
    uint64_t since = ticks - clock->base_ticks;

    /* If the counter has begun again at 0, `since` is very large. */
    if (__builtin_expect(since > clock->renew_ticks, 0))
        return speadi_verbs_clock_far_ns(clock, ticks);
    return clock->base_ns + (since * clock->scale >> 32);
}

/* Returns the time in ns of a stamp in the real-time format of mlx5: the upper half has the seconds. */
static inline uint64_t speadi_verbs_real_time_ns(uint64_t stamp)
{
    return (stamp >> 32) * 1000000000u + (uint32_t)stamp;
}

#endif
