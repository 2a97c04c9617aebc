/* SPDX-License-Identifier: Apache-2.0 */
/* Makes deadlines from durations, and refuses durations in their place. */
#include <speadi/deadline.h>

#include <errno.h>
#include <inttypes.h>

#include <speadi/clock.h>
#include <speadi/err.h>

uint64_t speadi_deadline_least_ns;

__attribute__((constructor)) static void note_start(void)
{
    speadi_deadline_least_ns = speadi_clock_mono_ns();
}

bool speadi_deadline_clock_goes_on(void)
{
    return speadi_clock_mono_ns() >= speadi_deadline_least_ns;
}

int speadi_deadline_check(uint64_t deadline_ns, struct spead_err *err)
{
    if (!speadi_deadline_is_duration(deadline_ns))
        return 0;
    return speadi_err_set(err, -EINVAL,
                          "deadline %" PRIu64 " ns: this is a duration, or a time before this "
                          "process began; make it with spead_deadline_after_ns()",
                          deadline_ns);
}

uint64_t spead_deadline_after_ns(uint64_t ns)
{
    return speadi_clock_after(speadi_clock_mono_ns(), ns);
}

uint64_t spead_deadline_after_ms(uint64_t ms)
{
    return spead_deadline_after_ns(ms < UINT64_MAX / 1000000 ? ms * 1000000 : UINT64_MAX);
}
