/* What spead-recv says: its plan at the start, a summary at the end. */
#ifndef SPEADLINE_TOOLS_RECV_REPORT_H
#define SPEADLINE_TOOLS_RECV_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include <speadline/recv.h>

#include "recv_graph.h"
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
    bool cancelled;            /* it was told to end at once */
    char flow_text[RECV_GRAPH_TEXT_MAX]; /* the graph's verdict */
    char flow_json[RECV_GRAPH_TEXT_MAX];
};

/* What was decided, before the first packet. */
void recv_report_plan(FILE *to, const struct spead_recv_tool_options *options,
                      const struct spead_recv_plan *plan);

/* The same with the graph's plan (JSON), for --plan. NULL: out of memory. */
json_t *recv_report_plan_json(const struct spead_recv_tool_options *options,
                              const struct spead_recv_plan *plan, const char *graph);

/* Reads counters, plan and verdict into the report. The graph has ended, or its writer hangs. */
void recv_report_read(struct recv_report *report, const struct recv_graph *graph);

/* Heaps that were taken for --output and are not in the file. */
uint64_t recv_report_unwritten(const struct recv_report *report);

/* True when nothing was lost, refused or left over: what --strict asks. */
bool recv_report_is_clean(const struct recv_report *report);

/* The human summary: the ledger adding up, each loss with its place and what helps. */
void recv_report_summary(FILE *to, const struct recv_report *report);

/* The JSON object, keys as the manual page lists them. NULL: out of memory. */
json_t *recv_report_json(const struct recv_report *report);

#endif
