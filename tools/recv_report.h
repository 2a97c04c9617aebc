/* What spead-recv says: its plan at the start, a summary at the end. */
#ifndef SPEADLINE_TOOLS_RECV_REPORT_H
#define SPEADLINE_TOOLS_RECV_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include <speadline/recv.h>

#include "heap_writer.h"
#include "spead_recv_options.h"
#include "tool_report.h"

struct recv_source {
    const char *name; /* the stream's */
    struct spead_recv_ledger ledger;
};

struct recv_report {
    const struct spead_recv_tool_options *options;
    struct tool_totals totals;
    struct spead_recv_stats stats;
    struct spead_recv_plan plan;
    struct recv_source source[TOOL_ENDPOINTS_MAX]; /* stats.source_count of them */
    struct heap_writer_totals written;
    uint64_t heaps_past_limit; /* taken after the --heaps that were asked for, and let go */
    double stream_cpu_s;       /* of the stream's thread */
};

/* What was decided, before the first packet. */
void recv_report_plan(FILE *to, const struct spead_recv_tool_options *options,
                      const struct spead_recv_plan *plan);

/* Reads the stream's counters and plan into the report. */
void recv_report_read(struct recv_report *report, const struct spead_recv_stream *stream);

/* True when nothing was lost, refused or left over: what --strict asks. */
bool recv_report_is_clean(const struct recv_report *report);

/* The human summary: the ledger adding up, each loss with its place and what helps. */
void recv_report_summary(FILE *to, const struct recv_report *report);

/* The JSON object, keys as the manual page lists them. NULL: out of memory. */
json_t *recv_report_json(const struct recv_report *report);

#endif
