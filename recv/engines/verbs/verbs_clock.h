/* SPDX-License-Identifier: Apache-2.0 */
/* Converts the counter of a device to UTC. The functions read the counter and the clock of UTC at the same moment. They
 * compute other times from this pair of readings and the frequency of the counter. */
#ifndef SPEADI_VERBS_CLOCK_H
#define SPEADI_VERBS_CLOCK_H

#include <stdint.h>

#include <speadi/verbs_device.h>

struct speadi_verbs_clock {
    struct ibv_context *context;
    uint64_t mask, khz;
    uint64_t base_ticks, base_ns; /* the counter and UTC, read at the same moment */
    uint64_t renew_ticks; /* After so many ticks both clocks are read again, because they drift. */
};

/* Prepares the conversion. The caller must not call it for a device that has no readable counter. */
void speadi_verbs_clock_init(struct speadi_verbs_clock *clock,
                             const struct speadi_verbs_device *device);

/* Returns the UTC time in ns at which the counter had the value `ticks`. That time may lie before or after the latest
 * reading of both clocks, by less than half the range of the counter. If that time lies more than a tenth of a second
 * after the reading, the function reads both clocks again. */
uint64_t speadi_verbs_clock_ns(struct speadi_verbs_clock *clock, uint64_t ticks);

#endif
