/* What both tools print: a progress line a second, a summary, one JSON object.
 *
 * Everything for people goes to stderr. The JSON object is the only thing on stdout. */
#ifndef SPEADLINE_TOOLS_TOOL_REPORT_H
#define SPEADLINE_TOOLS_TOOL_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <speadline/stats.h>

#define TOOL_SCHEMA "speadline-1" /* changes when a key changes its meaning or goes */

/* First thing of a program. A standard stream that is closed stays unusable, instead of handing its number
 * to a socket or a file that would then get our output; and a reader of our output that goes away costs
 * the output, not the program (no SIGPIPE). */
void tool_streams_prepare(void);

/* ---- Progress ------------------------------------------------------------------------------ */

struct tool_progress {
    bool shown;                         /* stderr is a terminal, and nobody asked for quiet */
    uint64_t start_ns, last_ns, due_ns; /* CLOCK_MONOTONIC; due_ns: when the next line is due */
    uint64_t last_bytes, last_heaps;
};

void tool_progress_start(struct tool_progress *progress, bool quiet);

/* Rewrites the line once due_ns has passed: "12 s  8.00 Gb/s  238 heaps/s  <rest>", where the rates are
 * those since the last line and bytes and heaps are totals. A total of 0 heaps and 0 bytes prints
 * waiting instead of the rates, unless that is NULL. */
void tool_progress_update(struct tool_progress *progress, uint64_t now_ns, uint64_t bytes,
                          uint64_t heaps, const char *waiting, const char *rest);

/* Leaves the line standing and goes to the next. */
void tool_progress_end(struct tool_progress *progress);

/* ---- Totals -------------------------------------------------------------------------------- */

struct tool_cpu {
    double user_s, sys_s;
};

struct tool_cpu tool_cpu_now(void);
struct tool_cpu tool_cpu_since(struct tool_cpu start);

struct tool_totals {
    const char *tool;
    const char *engine, *engine_reason;
    uint64_t payload_bytes, wire_bytes;
    uint64_t heaps, incomplete_heaps, packets;
    uint64_t first_packet_ns, last_packet_ns; /* 0: none */
    uint64_t placed, bounced, repaired;
    uint64_t verify_bad_bytes;
    struct tool_cpu cpu;
};

double tool_totals_seconds(const struct tool_totals *totals); /* first to last packet */
double tool_totals_gbps(const struct tool_totals *totals);    /* payload; 0 when no time passed */

/* Bytes that a packet to or from this endpoint has on the wire beside its SPEAD bytes: UDP and IP
 * headers, Ethernet header, FCS, preamble and gap. 66, or 86 for IPv6. */
unsigned tool_wire_overhead(const char *endpoint, bool receive);

/* ---- Words for people ---------------------------------------------------------------------- */

#define TOOL_TEXT_MAX 32
char *tool_text_memory(char text[TOOL_TEXT_MAX], uint64_t bytes);  /* "8 MiB": powers of 1024 */
char *tool_text_payload(char text[TOOL_TEXT_MAX], uint64_t bytes); /* "998.2 MB": powers of 1000 */

/* "238 heaps, 998.2 MB in 1.000 s: 7.99 Gb/s" and lines for engine and CPU time. */
void tool_report_headline(FILE *to, const struct tool_totals *totals, const char *heaps_word);

/* "total 12 = sent 10 + failed 2": buckets that are not zero, by the names that name() gives. */
void tool_report_sum(FILE *to, uint64_t total, const struct spead_count *bucket, unsigned count,
                     const char *(*name)(unsigned bucket), const char *total_word);

/* What befell the device of engine verbs; nothing when nothing did. */
void tool_report_device(FILE *to, uint64_t rebuilds, uint64_t link_downs);

/* ---- JSON ---------------------------------------------------------------------------------- */

/* The keys that both tools have. NULL: out of memory. */
json_t *tool_report_object(const struct tool_totals *totals);

/* {"packets": n, "bytes": n} */
json_t *tool_report_count(struct spead_count count);

/* Every bucket by name. */
json_t *tool_report_buckets(const struct spead_count *bucket, unsigned count,
                            const char *(*name)(unsigned bucket));

/* json_object_set_new with an unsigned number. Returns 0 or -1. */
int tool_report_set(json_t *object, const char *key, uint64_t value);

/* Prints the object (which is given up) as one line on stdout. Returns TOOL_DONE, or TOOL_FAILED
 * with a line on stderr. NULL: it could not be made. */
int tool_report_print(json_t *object);

#endif
