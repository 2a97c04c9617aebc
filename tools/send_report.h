/* SPDX-License-Identifier: Apache-2.0 */
/* What spead-send prints at its end. */
#ifndef SPEADLINE_TOOLS_SEND_REPORT_H
#define SPEADLINE_TOOLS_SEND_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include <speadline/send.h>

#include "tool_end.h"
#include "tool_report.h"

struct send_report {
    const struct tool_shared *shared; /* the options */
    struct tool_end end;              /* what ended the sending */
    bool running;                     /* true if the summary is one of what was done so far */
    struct tool_totals totals;
    struct spead_send_stats stats;
    struct spead_send_plan plan;
    /* The device was asked to keep this rate, in Gb/s. 0 means that the device does not pace. */
    double device_gbps;
    bool device_wire; /* true if device_gbps counts wire bytes, false if it counts SPEAD bytes */
};

/* Prints the summary for people. */
void send_report_summary(FILE *to, const struct send_report *report);

/* Returns the JSON object of --json; the manual page lists its keys. Returns NULL when out of memory. */
json_t *send_report_json(const struct send_report *report);

#endif
