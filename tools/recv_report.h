/* SPDX-License-Identifier: Apache-2.0 */
/* What spead-recv prints: its plan at the start, and a summary or a JSON object at the end. */
#ifndef SPEADLINE_TOOLS_RECV_REPORT_H
#define SPEADLINE_TOOLS_RECV_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include <speadline/recv.h>

#include "expected_senders.h"
#include "recv_end.h"
#include "recv_graph.h"
#include "recv_silence.h"
#include "sender_list.h"
#include "spead_recv_options.h"
#include "tool_report.h"

struct recv_source {
    const char *name; /* owned by the stream */
    struct spead_recv_ledger ledger;
};

struct recv_report {
    const struct spead_recv_tool_options *options;
    struct tool_totals totals;
    struct spead_recv_stats stats;
    struct spead_recv_plan plan;
    /* the first stats.source_count entries are used */
    struct recv_source source[TOOL_ENDPOINTS_MAX];
    struct spead_recording_writer_stats written;
    /* heaps that came after the N heaps of --heaps; they were released */
    uint64_t heaps_past_limit;
    uint64_t spead2_heaps;            /* heaps that follow the pattern of spead2_send --verify */
    struct recv_silence silence;      /* senders that fell silent without a stop heap */
    struct sender_list senders;       /* the caller releases it */
    struct expected_senders expected; /* as of the last look; the caller releases it */
    struct tool_end end;              /* what ended the reception */
    double stream_cpu_s;              /* CPU time of the thread of the stream, in seconds */
    bool running;                     /* true if the summary says what was done so far */
    bool cancelled; /* true if a second signal told the program to end immediately */
    /* The verdict of the graph, as text and as JSON. */
    char flow_text[RECV_GRAPH_TEXT_MAX], flow_json[RECV_GRAPH_TEXT_MAX];
    /* Possible reasons why no packet has come (no_packets.h). NULL if packets have come. */
    json_t *no_packets;
    /* The snapshot of the stream as an object. NULL when out of memory. The caller releases it. */
    json_t *statistics;
};

/* Prints the plan of the stream with one write: interfaces, engine, memory and socket buffer. */
void recv_report_plan(FILE *to, const struct spead_recv_tool_options *options,
                      const struct spead_recv_stream *stream);

/* Returns the plans of the stream and of the graph as one JSON object. `graph` is the plan of the graph as JSON text.
 * Returns NULL when out of memory. */
json_t *recv_report_plan_json(const struct spead_recv_tool_options *options,
                              const struct spead_recv_stream *stream, const char *graph);

/* Reads counters, plan and verdict into the report. Call it when the graph has ended, or when the writer hangs in a
 * write. */
void recv_report_read(struct recv_report *report, const struct recv_graph *graph);

/* Returns the number of heaps that the check has taken and that are not in the file of --output. Without --output it
 * returns 0. */
uint64_t recv_report_unwritten(const struct recv_report *report);

/* Returns true when no packet was lost or refused, no heap was left incomplete, and no expected sender is missing. The
 * option --strict asks for this. */
bool recv_report_is_clean(const struct recv_report *report);

/* Prints the summary for people: the sum of the ledger, and for each kind of loss a line that says where it happened
 * and what helps. */
void recv_report_summary(FILE *to, const struct recv_report *report);

/* Returns the JSON object of --json; the manual page lists its keys. Returns NULL when out of memory. */
json_t *recv_report_json(const struct recv_report *report);

#endif
