/* SPDX-License-Identifier: Apache-2.0 */
/* What spead-send --plan prints: what would be sent, how fast, and how much memory it would take. */
#ifndef SPEADLINE_TOOLS_SEND_PLAN_H
#define SPEADLINE_TOOLS_SEND_PLAN_H

#include <jansson.h>
#include <stdio.h>

#include <speadi/free_memory.h>

#include "spead_send_options.h"

struct send_plan {
    const struct spead_send_tool_options *options;
    struct spead_send_plan stream;      /* what the stream has decided */
    uint64_t heap_memory_bytes;         /* the payloads of all heaps in flight */
    struct speadi_free_memory free_now; /* when heap_memory_bytes was compared with it */
    /* what a packet takes on the wire in addition, the mean of all endpoints */
    double overhead_bytes;
};

/* Prints the plan for people. */
void send_plan_print(FILE *to, const struct send_plan *plan);

/* Returns the plan as a JSON object; the manual page lists its keys. Returns NULL when out of memory. */
json_t *send_plan_json(const struct send_plan *plan);

#endif
