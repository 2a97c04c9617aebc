/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks of the device: a counter that starts anywhere, and a clock of the day, which the kernel or the firmware
 * keeps. Both are made from CLOCK_REALTIME, which the kernel stamps frames with. */
#include "double.h"

#include <errno.h>

#define SECOND_NS 1000000000u

/* The counter was 0 at this time. Because this is no time of interest, a test notices a program that takes the counter
 * for a time. */
#define COUNTER_EPOCH_NS UINT64_C(1700000000000000000)

/* The clock of the day is right at this time, except for the whole seconds of wallclock_offset_s. */
#define DRIFT_EPOCH_NS UINT64_C(1700000000000000000)

uint64_t vd_counter(uint64_t utc_ns)
{
    return (utc_ns - COUNTER_EPOCH_NS) & VD_CLOCK_MASK;
}

static uint64_t clock_of_the_day(uint64_t utc_ns)
{
    uint64_t drift = (utc_ns - DRIFT_EPOCH_NS) / 1000000u * VD_SETTING(wallclock_drift_ppm);

    return utc_ns + drift + VD_SETTING(wallclock_offset_s) * SECOND_NS;
}

uint64_t vd_raw_stamp(uint64_t utc_ns)
{
    uint64_t time = clock_of_the_day(utc_ns);

    return VD_SETTING(real_time) ? time / SECOND_NS << 32 | time % SECOND_NS : vd_counter(utc_ns);
}

uint64_t vd_wallclock(uint64_t utc_ns)
{
    return VD_SETTING(real_time) ? vd_raw_stamp(utc_ns) : clock_of_the_day(utc_ns);
}

int vd_clock_page(struct vd_cq *cq)
{
    uint64_t every = VD_SETTING(clock_busy);

    if (!(cq->wc_flags & IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK))
        return 0;
    if (!VD_SETTING(clock_page))
        return vd_refuse(EINVAL, "start_poll: the kernel has no page with the clock");
    if (every && ++cq->clock_reads % every == 0)
        return EBUSY;
    return 0;
}
