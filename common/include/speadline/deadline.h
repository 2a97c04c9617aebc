/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines: until when a call may wait.
 *
 * Every function that can wait takes a deadline, not a duration. A deadline is a time of CLOCK_MONOTONIC in
 * nanoseconds, so one deadline can limit several calls together. spead_deadline_after_ns() and
 * spead_deadline_after_ms() make a deadline from a duration:
 *
 *     ret = spead_recv_stream_take(stream, &heap, spead_deadline_after_ms(500));
 *
 * A duration in the place of a deadline would be a time shortly after the boot of the machine, so the call would not
 * wait at all. Therefore each function with a deadline returns -EINVAL if the deadline is before the moment at which
 * this process loaded the library; only SPEAD_DEADLINE_NEVER and SPEAD_DEADLINE_NOW are accepted. Two mistakes remain
 * unseen. If the process began soon after boot, a duration that is longer than the uptime at that moment is taken for a
 * deadline. A time of CLOCK_REALTIME is taken for a deadline that is decades away, so the call waits as if without a
 * limit. */
#ifndef SPEADLINE_DEADLINE_H
#define SPEADLINE_DEADLINE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPEAD_DEADLINE_NEVER UINT64_C(0) /* the call waits without a limit */
#define SPEAD_DEADLINE_NOW   UINT64_C(1) /* the deadline has passed: the call does not wait */

/* The two functions return the deadline that comes after this duration, counted from now. A sum that does not fit is
 * the largest number, which is 584 years after boot. Any thread; the functions never block. */
uint64_t spead_deadline_after_ns(uint64_t ns);
uint64_t spead_deadline_after_ms(uint64_t ms);

#ifdef __cplusplus
}
#endif
#endif
