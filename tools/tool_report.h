/* What both tools print: a progress line every second, a summary, one JSON object.
 *
 * Text for people goes to stderr. The JSON object is the only thing on stdout. */
#ifndef SPEADLINE_TOOLS_TOOL_REPORT_H
#define SPEADLINE_TOOLS_TOOL_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <speadline/stats.h>

/* The value of the key "schema". It changes when a key changes its meaning or is removed. */
#define TOOL_SCHEMA "speadline-1"

/* Prepares the standard streams. A program calls it first. If standard input, output or error is closed, /dev/null
 * takes its descriptor number. Otherwise a socket or a file would get that number, and our output would go into it.
 * SIGPIPE is ignored: when the reader of our output goes away, the output is lost, but the program goes on. */
void tool_streams_prepare(void);

/* ---- Progress ------------------------------------------------------------------------------ */

struct tool_progress {
    bool shown; /* stderr is a terminal, and --quiet was not given */
    /* Times of the start, of the last line and of the next line (CLOCK_MONOTONIC). */
    uint64_t start_ns, last_ns, due_ns;
    uint64_t last_bytes, last_heaps; /* totals at the last line */
};

void tool_progress_start(struct tool_progress *progress, bool quiet);

/* If due_ns has passed, overwrites the line on the terminal: "12 s 8.00 Gb/s 238 heaps/s <rest>". bytes and heaps are
 * totals; the rates are computed since the last line. While both totals are 0 the line has the text `waiting` instead
 * of the rates, unless `waiting` is NULL. */
void tool_progress_update(struct tool_progress *progress, uint64_t now_ns, uint64_t bytes,
                          uint64_t heaps, const char *waiting, const char *rest);

/* Ends the progress line with a newline, if one was printed. */
void tool_progress_end(struct tool_progress *progress);

/* ---- Totals -------------------------------------------------------------------------------- */

/* CPU time that this process has used, in seconds. */
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
    uint64_t first_packet_ns, last_packet_ns; /* 0: no packet */
    uint64_t placed, bounced, repaired;
    uint64_t verify_bad_bytes;
    struct tool_cpu cpu;
};

/* Returns the seconds from the first to the last packet; 0 without packets. */
double tool_totals_seconds(const struct tool_totals *totals);
/* Returns the rate of the payload during these seconds, in Gb/s; 0 when no time has passed. */
double tool_totals_gbps(const struct tool_totals *totals);

/* Returns how many bytes a packet to or from this endpoint takes on the wire besides its SPEAD bytes: UDP and IP
 * headers, Ethernet header, FCS, preamble and gap. The result is 66, or 86 for IPv6. */
unsigned tool_wire_overhead(const char *endpoint, bool receive);

/* ---- Words for people ---------------------------------------------------------------------- */

#define TOOL_TEXT_MAX 32
char *tool_text_memory(char text[TOOL_TEXT_MAX], uint64_t bytes);  /* "8 MiB": powers of 1024 */
char *tool_text_payload(char text[TOOL_TEXT_MAX], uint64_t bytes); /* "998.2 MB": powers of 1000 */

/* Prints "spead-recv: 238 heaps complete, 998.2 MB of payload in 1.000 s: 7.99 Gb/s", then a line for the engine and a
 * line for CPU time. heaps_word is the text behind the number of heaps: "heaps complete". */
void tool_report_headline(FILE *to, const struct tool_totals *totals, const char *heaps_word);

/* Prints "12 submitted = 10 sent + 2 failed": the total with total_word, and each bucket that is not zero with the name
 * that name() gives it. */
void tool_report_sum(FILE *to, uint64_t total, const struct spead_count *bucket, unsigned count,
                     const char *(*name)(unsigned bucket), const char *total_word);

/* Prints how often the queue of the device failed and how often its link went down. Prints nothing when both are 0. */
void tool_report_device(FILE *to, uint64_t rebuilds, uint64_t link_downs);

/* ---- JSON ---------------------------------------------------------------------------------- */

/* Returns a JSON object with the keys that both tools have, or NULL when out of memory. */
json_t *tool_report_object(const struct tool_totals *totals);

/* Returns {"packets": n, "bytes": n}, or NULL when out of memory. */
json_t *tool_report_count(struct spead_count count);

/* Returns an object with a count for each bucket, under the name of the bucket, or NULL when out of memory. */
json_t *tool_report_buckets(const struct spead_count *bucket, unsigned count,
                            const char *(*name)(unsigned bucket));

/* Sets a key to an unsigned number. Returns 0 or -1, as json_object_set_new(). */
int tool_report_set(json_t *object, const char *key, uint64_t value);

/* Prints the object as one line on stdout and releases it. object may be NULL, which means that there was no memory to
 * make it. Returns TOOL_DONE, or TOOL_FAILED with a line on stderr. */
int tool_report_print(json_t *object);

#endif
