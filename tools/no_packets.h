/* Says why perhaps no packet has come: where the program listened, and what the host has counted since the start. Each
 * finding is one sentence, which also says what helps. */
#ifndef SPEADLINE_TOOLS_NO_PACKETS_H
#define SPEADLINE_TOOLS_NO_PACKETS_H

#include <jansson.h>
#include <stdio.h>

#include <speadline/stats.h>

#include "host_counters.h"
#include "spead_recv_options.h"

/* Returns the findings as an array of {"finding": word, "text": sentence}; the first ones say where the program
 * listened. `start` has the counters of the host before the stream was made. Call it while the sockets of the stream
 * are open. Returns NULL when out of memory; the caller releases the array. */
json_t *no_packets_find(const struct spead_recv_tool_options *options,
                        const struct spead_recv_counters *counters,
                        const struct host_counters *start);

/* Prints one line for each finding. findings may be NULL. */
void no_packets_print(FILE *to, const json_t *findings);

#endif
