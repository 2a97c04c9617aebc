/* What spead-send says at its end. */
#ifndef SPEADLINE_TOOLS_SEND_REPORT_H
#define SPEADLINE_TOOLS_SEND_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include <speadline/send.h>

#include "tool_report.h"

struct send_report {
    struct tool_totals totals;
    struct spead_send_stats stats;
    struct spead_send_plan plan;
    double device_gbps; /* the rate that the device was asked to keep; 0: it was not asked */
    bool device_wire;   /* ... of wire bytes, not of SPEAD bytes */
};

/* The human summary. */
void send_report_summary(FILE *to, const struct send_report *report);

/* The JSON object, keys as the manual page lists them. NULL: out of memory. */
json_t *send_report_json(const struct send_report *report);

#endif
