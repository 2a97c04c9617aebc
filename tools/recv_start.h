/* SPDX-License-Identifier: Apache-2.0 */
/* From where on spead-recv takes heaps: the option --start-at, and what the program says about it. */
#ifndef SPEADLINE_TOOLS_RECV_START_H
#define SPEADLINE_TOOLS_RECV_START_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include <speadline/recv.h>

#include "option_types.h"

/* Stores a struct spead_recv_start_point. The user types "heap:N", "item:ID=VALUE" or "time:UTC"; behind a counter or a
 * value "%STEP" may stand, and "item:ID%STEP" needs no value. */
extern const struct tool_type tool_start_at;

#define RECV_START_TEXT_MAX 160

/* Prints the line of the plan, if there is a start point. */
void recv_start_print_plan(FILE *to, const struct spead_recv_start_point *point);

/* Writes "waiting for heap 1000: 12 heaps discarded". Returns `text`, or NULL if the stream does not wait for a start
 * point. */
const char *recv_start_waiting(const struct spead_recv_start_point *point,
                               const struct spead_recv_counters *counters,
                               char text[RECV_START_TEXT_MAX]);

/* Prints since which heap the stream is in sync, or that it never was, if there is a start point. `begin` begins the
 * line. */
void recv_start_print(FILE *to, const char *begin, const struct spead_recv_start_point *point,
                      const struct spead_recv_counters *counters);

/* Returns the object of the key "start", or null if there is no start point. Returns NULL when out of memory. */
json_t *recv_start_json(const struct spead_recv_start_point *point,
                        const struct spead_recv_stats *stats);

#endif
