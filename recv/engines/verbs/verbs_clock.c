/* SPDX-License-Identifier: Apache-2.0 */
/* Converts the counter of a device to UTC. See verbs_clock.h. */
#include "verbs_clock.h"

#include <speadi/clock.h>

#define RENEW_PER_S 10u

static void read_clocks(struct speadi_verbs_clock *clock)
{
    struct ibv_values_ex now = {.comp_mask = IBV_VALUES_MASK_RAW_CLOCK};
    uint64_t before = speadi_clock_utc_ns(), after;

    if (ibv_query_rt_values_ex(clock->context, &now) != 0)
        return; /* the old readings are still usable, but less exact */
    after = speadi_clock_utc_ns();
    /* raw_clock is not a time: its tv_nsec holds the whole counter, and its tv_sec is not used. */
    clock->base_ticks = (uint64_t)now.raw_clock.tv_nsec & clock->mask;
    clock->base_ns = before + (after - before) / 2;
}

void speadi_verbs_clock_init(struct speadi_verbs_clock *clock,
                             const struct speadi_verbs_device *device)
{
    *clock = (struct speadi_verbs_clock){
        .context = device->context,
        .mask = device->report.timestamp_mask,
        .khz = device->report.clock_khz,
        .renew_ticks = device->report.clock_khz * 1000 / RENEW_PER_S,
    };
    read_clocks(clock);
}

static uint64_t scaled(const struct speadi_verbs_clock *clock, uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * 1000000u / clock->khz);
}

uint64_t speadi_verbs_clock_ns(struct speadi_verbs_clock *clock, uint64_t ticks)
{
    uint64_t since = (ticks - clock->base_ticks) & clock->mask;

    if (since > clock->mask / 2) /* the ticks are older than the reading of the clocks */
        return clock->base_ns - scaled(clock, (clock->base_ticks - ticks) & clock->mask);
    if (since > clock->renew_ticks) {
        read_clocks(clock);
        since = (ticks - clock->base_ticks) & clock->mask;
        if (since > clock->mask / 2)
            return clock->base_ns - scaled(clock, (clock->base_ticks - ticks) & clock->mask);
    }
    return clock->base_ns + scaled(clock, since);
}
