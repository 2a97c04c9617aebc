/* SPDX-License-Identifier: Apache-2.0 */
/* Converts the counter of a device to UTC. See verbs_clock.h. */
#include "verbs_clock.h"

#include <speadi/clock.h>

#define RENEW_PER_S 10u

/* How many times the clocks are read in a row. The reading that took the shortest time counts. */
#define READINGS 3u

/* Before there are two readings to compare: a counter and a clock that is being set right differ by less than a
 * thousandth, so they differ by at most so much until the next reading. */
#define FIRST_DRIFT_NS 100000u

struct reading {
    uint64_t ticks, utc_ns;
    uint64_t error_ns; /* utc_ns is at most so far from the time at which the counter was read */
};

static bool read_once(const struct speadi_verbs_clock *clock, struct reading *reading)
{
    struct ibv_values_ex now = {.comp_mask = IBV_VALUES_MASK_RAW_CLOCK};
    uint64_t before = speadi_clock_utc_ns(), after;

    if (ibv_query_rt_values_ex(clock->context, &now) != 0)
        return false;
    after = speadi_clock_utc_ns();
    /* raw_clock is not a time: its tv_nsec holds the whole counter, and its tv_sec is not used. */
    *reading = (struct reading){
        .ticks = (uint64_t)now.raw_clock.tv_nsec & clock->mask,
        .utc_ns = before + (after - before) / 2,
        .error_ns = after >= before ? (after - before + 1) / 2 : UINT64_MAX,
    };
    return true;
}

static bool read_best(const struct speadi_verbs_clock *clock, struct reading *best)
{
    struct reading reading;

    best->error_ns = UINT64_MAX;
    for (unsigned i = 0; i < READINGS; i++)
        if (read_once(clock, &reading) && reading.error_ns < best->error_ns)
            *best = reading;
    return best->error_ns != UINT64_MAX;
}

static uint64_t scaled(const struct speadi_verbs_clock *clock, uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * 1000000u / clock->khz);
}

/* Returns by how much the earlier reading is wrong now. */
static uint64_t drift(const struct speadi_verbs_clock *clock, const struct reading *now)
{
    uint64_t ticks = (now->ticks - clock->base_ticks) & clock->mask;
    uint64_t expected = clock->base_ns + scaled(clock, ticks);

    if (clock->base_ns == 0)
        return FIRST_DRIFT_NS;
    return expected > now->utc_ns ? expected - now->utc_ns : now->utc_ns - expected;
}

static void read_clocks(struct speadi_verbs_clock *clock)
{
    struct reading now;

    if (!read_best(clock, &now)) {
        clock->error_ns =
            UINT64_MAX; /* the old reading is still usable, but nobody knows how exact it is */
        return;
    }
    clock->error_ns = now.error_ns + drift(clock, &now) + 1;
    clock->base_ticks = now.ticks;
    clock->base_ns = now.utc_ns;
}

void speadi_verbs_clock_init(struct speadi_verbs_clock *clock,
                             const struct speadi_verbs_device *device)
{
    *clock = (struct speadi_verbs_clock){
        .context = device->context,
        .mask = device->report.timestamp_mask,
        .khz = device->report.clock_khz,
        .renew_ticks = device->report.clock_khz * 1000 / RENEW_PER_S,
        .scale = ((uint64_t)1000000u << 32) / device->report.clock_khz,
    };
    read_clocks(clock);
}

uint64_t speadi_verbs_clock_far_ns(struct speadi_verbs_clock *clock, uint64_t ticks)
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
