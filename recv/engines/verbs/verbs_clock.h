/* A device's counter, read as UTC: a straight line through the latest reading of both clocks. */
#ifndef SPEADI_VERBS_CLOCK_H
#define SPEADI_VERBS_CLOCK_H

#include <stdint.h>

#include <speadi/verbs_device.h>

struct speadi_verbs_clock {
    struct ibv_context *context;
    uint64_t mask, khz;
    uint64_t base_ticks, base_ns; /* read together */
    uint64_t renew_ticks;         /* read again after so many: the clocks drift apart */
};

/* The device has a counter that can be read. */
void speadi_verbs_clock_init(struct speadi_verbs_clock *clock,
                             const struct speadi_verbs_device *device);

/* Ticks of the last few minutes, or a little ahead of the base. Reads both clocks anew ten times a second. */
uint64_t speadi_verbs_clock_ns(struct speadi_verbs_clock *clock, uint64_t ticks);

#endif
