/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps one cause from filling the log: a line that can come again and again is said at most once a second, and then it
 * tells how many such lines were left out. One thread uses a struct speadi_log_pause at a time. */
#ifndef SPEADI_LOG_PAUSE_H
#define SPEADI_LOG_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

#define SPEADI_LOG_PAUSE_NS       1000000000u
#define SPEADI_LOG_PAUSE_TEXT_MAX 64

/* All zero: no line was said yet. */
struct speadi_log_pause {
    uint64_t quiet_ns; /* no line is said before this time */
    uint64_t unsaid;   /* lines that were left out since the last one */
};

/* Tells whether the line may be said at now_ns, which must be of one clock in all calls. If it may, writes
 * " (N more like this were left out)" to `rest`, or "" if none was. */
bool speadi_log_pause_ends(struct speadi_log_pause *pause, uint64_t now_ns,
                           char rest[SPEADI_LOG_PAUSE_TEXT_MAX]);

/* Does what speadi_log_pause_ends() does, with another pause than a second. */
bool speadi_log_pause_ends_after(struct speadi_log_pause *pause, uint64_t now_ns, uint64_t pause_ns,
                                 char rest[SPEADI_LOG_PAUSE_TEXT_MAX]);

#endif
