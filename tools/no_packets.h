/* SPDX-License-Identifier: Apache-2.0 */
/* Says why perhaps no packet has come: where the program listened, and what the host has counted since the start. Each
 * finding is one sentence. Commands that help, or that show more, stand beside it. */
#ifndef SPEADLINE_TOOLS_NO_PACKETS_H
#define SPEADLINE_TOOLS_NO_PACKETS_H

#include <jansson.h>
#include <stdio.h>

#include <speadline/stats.h>

#include "host_counters.h"
#include "spead_recv_options.h"

/* Returns the findings as an array of {"finding": word, "text": sentence, "commands": [...], "commands_to_keep":
 * [...], "commands_to_look": [...], "where": word, "note": sentence}; the first ones say where the program listened.
 * `start` has the counters of the host before the stream was made. Call it while the sockets of the stream are open.
 * Returns NULL when out of memory; the caller releases the array. */
json_t *no_packets_find(const struct spead_recv_tool_options *options,
                        const struct spead_recv_counters *counters,
                        const struct host_counters *start);

/* Prints each finding with its commands, each on a line of its own. findings may be NULL. */
void no_packets_print(FILE *to, const json_t *findings);

#endif
