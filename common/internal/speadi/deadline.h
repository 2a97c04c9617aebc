/* SPDX-License-Identifier: Apache-2.0 */
/* Tells durations that a caller has given in the place of a deadline. */
#ifndef SPEADI_DEADLINE_H
#define SPEADI_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/deadline.h>
#include <speadline/error.h>

/* The time of CLOCK_MONOTONIC at which the process loaded the library. It does not change after that. */
extern uint64_t speadi_deadline_least_ns;

/* Returns true if the clock has not been set back since the library was loaded. */
bool speadi_deadline_clock_goes_on(void);

/* Returns true if deadline_ns cannot be a deadline, because it is before the library was loaded. A process can enter a
 * time namespace whose clock is behind; then the function returns false. */
static inline bool speadi_deadline_is_duration(uint64_t deadline_ns)
{
    return deadline_ns > SPEAD_DEADLINE_NOW && deadline_ns < speadi_deadline_least_ns &&
           speadi_deadline_clock_goes_on();
}

/* Returns 0, or -EINVAL with a sentence if deadline_ns is a duration. */
int speadi_deadline_check(uint64_t deadline_ns, struct spead_err *err);

#endif
