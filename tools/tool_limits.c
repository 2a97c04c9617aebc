/* SPDX-License-Identifier: Apache-2.0 */
/* See tool_limits.h. */
#include "tool_limits.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "tool_exit.h"

/* The kernel compares the stack of the main thread with the soft limit whenever the stack grows. So a change has an
 * effect at once. */
static void raise_stack(void)
{
    struct rlimit limit;
    rlim_t before;

    if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur >= TOOL_STACK_BYTES)
        return;
    before = limit.rlim_cur;
    limit.rlim_cur = TOOL_STACK_BYTES;
    if (limit.rlim_max < TOOL_STACK_BYTES)
        limit.rlim_max = TOOL_STACK_BYTES; /* CAP_SYS_RESOURCE permits this */
    if (setrlimit(RLIMIT_STACK, &limit) < 0)
        exit(tool_failed("the stack may have only %llu KiB, and this program needs %u KiB: raise "
                         "the limit with `ulimit -s 8192`, or LimitSTACK= of the unit",
                         (unsigned long long)before / 1024, TOOL_STACK_BYTES >> 10));
}

void tool_limits_prepare(void)
{
    signal(SIGXFSZ, SIG_IGN);
    raise_stack();
}
