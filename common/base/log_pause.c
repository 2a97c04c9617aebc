/* SPDX-License-Identifier: Apache-2.0 */
/* See log_pause.h. */
#include <speadi/log_pause.h>

#include <inttypes.h>
#include <stdio.h>

bool speadi_log_pause_ends(struct speadi_log_pause *pause, uint64_t now_ns,
                           char rest[SPEADI_LOG_PAUSE_TEXT_MAX])
{
    return speadi_log_pause_ends_after(pause, now_ns, SPEADI_LOG_PAUSE_NS, rest);
}

bool speadi_log_pause_ends_after(struct speadi_log_pause *pause, uint64_t now_ns, uint64_t pause_ns,
                                 char rest[SPEADI_LOG_PAUSE_TEXT_MAX])
{
    if (now_ns < pause->quiet_ns) {
        pause->unsaid++;
        return false;
    }
    rest[0] = '\0';
    if (pause->unsaid > 0)
        snprintf(rest, SPEADI_LOG_PAUSE_TEXT_MAX, " (%" PRIu64 " more like this were left out)",
                 pause->unsaid);
    *pause = (struct speadi_log_pause){.quiet_ns = now_ns + pause_ns};
    return true;
}
