/* SPDX-License-Identifier: Apache-2.0 */
/* What both tools print: a progress line every second, a summary, one JSON object.
 *
 * Text for people goes to stderr. The JSON object is the only thing on stdout; if stdout is for heaps, it goes to
 * stderr too. */
#ifndef SPEADLINE_TOOLS_TOOL_REPORT_H
#define SPEADLINE_TOOLS_TOOL_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <speadline/stats.h>

/* The value of the key "schema" in the JSON object. It changes when a key changes its meaning or is removed. */
#define TOOL_SCHEMA "speadline-2"

/* Prepares the standard streams. A program must call this function first. If standard input, output or error is closed,
 * the function opens /dev/null under its descriptor number. Otherwise a socket or a file would get that number, and our
 * output would go into it. The function also makes the process ignore SIGPIPE: if nobody reads our output any more, the
 * output is lost, but the program goes on. */
void tool_streams_prepare(void);

/* ---- Progress ------------------------------------------------------------------------------ */

struct tool_progress {
    bool shown; /* true if stderr is a terminal and --quiet was not given */
    /* The times when the progress started, when the last line was printed and when the next line is due
     * (CLOCK_MONOTONIC). */
    uint64_t start_ns, last_ns, due_ns;
    uint64_t last_bytes, last_heaps; /* the totals when the last line was printed */
};

void tool_progress_start(struct tool_progress *progress, bool quiet);

/* If due_ns has passed, overwrites the line on the terminal: "12 s 8.00 Gb/s 238 heaps/s <rest>". `bytes` and `heaps`
 * are totals. The rates in the line are for the time from the previous line to this one. As long as both totals are 0,
 * the line has the text `waiting` instead of the rates, if `waiting` is not NULL. */
void tool_progress_update(struct tool_progress *progress, uint64_t now_ns, uint64_t bytes,
                          uint64_t heaps, const char *waiting, const char *rest);

/* Prints a newline behind the progress line, if a progress line was printed. */
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
    /* true if engine_reason was printed already, so that the summary has only the name of the engine */
    bool reason_told;
    uint64_t payload_bytes, wire_bytes;
    uint64_t heaps, incomplete_heaps, packets;
    /* When the first and the last packet came or left (CLOCK_MONOTONIC). 0 means that there was no packet. */
    uint64_t first_packet_ns, last_packet_ns;
    uint64_t placed, bounced, repaired;
    uint64_t verify_bad_bytes;
    struct tool_cpu cpu;
};

/* Returns the seconds from the first packet to the last packet, or 0 if there was no packet. */
double tool_totals_seconds(const struct tool_totals *totals);
/* Returns the rate of the payload during these seconds in Gb/s, or 0 if the seconds are 0. */
double tool_totals_gbps(const struct tool_totals *totals);

/* Returns how many bytes a packet to or from this endpoint takes on the wire in addition to its SPEAD bytes. These are
 * the UDP and IP headers, the Ethernet header, FCS, preamble and gap: 66 bytes, or 86 for IPv6. */
unsigned tool_wire_overhead(const char *endpoint, bool receive);

/* ---- Words for people ---------------------------------------------------------------------- */

#define TOOL_TEXT_MAX 32
/* Both functions write `bytes` with a unit into `text` and return `text`. tool_text_memory() uses units that are powers
 * of 1024 ("8 MiB"), and tool_text_payload() units that are powers of 1000 ("998.2 MB"). */
char *tool_text_memory(char text[TOOL_TEXT_MAX], uint64_t bytes);
char *tool_text_payload(char text[TOOL_TEXT_MAX], uint64_t bytes);

/* Prints the line "spead-recv: 238 heaps complete, 998.2 MB of payload in 1.000 s: 7.99 Gb/s". `heaps_word` is the text
 * behind the number of heaps, here "heaps complete". This line is all that --quiet prints at the end. */
void tool_report_total(FILE *to, const struct tool_totals *totals, const char *heaps_word);

/* Prints the line of tool_report_total(), then a line about the engine and a line about CPU time. */
void tool_report_headline(FILE *to, const struct tool_totals *totals, const char *heaps_word);

/* Prints a line such as "12 submitted = 10 sent + 2 failed". The line begins with `total` and `total_word`. Then it has
 * each bucket that is not zero; name() returns the name of a bucket. */
void tool_report_sum(FILE *to, uint64_t total, const struct spead_count *bucket, unsigned count,
                     const char *(*name)(unsigned bucket), const char *total_word);

/* Prints how often the queue of the device failed, how long it took to make it anew (0: not known), and how often the
 * link went down. Prints nothing when both numbers are 0. */
void tool_report_device(FILE *to, uint64_t rebuilds, uint64_t rebuild_ns, uint64_t link_downs);

/* ---- JSON ---------------------------------------------------------------------------------- */

/* Returns a JSON object with the keys that both tools have, or NULL when out of memory. */
json_t *tool_report_object(const struct tool_totals *totals);

/* Returns {"packets": n, "bytes": n}, or NULL when out of memory. */
json_t *tool_report_count(struct spead_count count);

/* Returns a JSON object with one key for each bucket: the key is the name of the bucket, and the value is its count.
 * Returns NULL when out of memory. */
json_t *tool_report_buckets(const struct spead_count *bucket, unsigned count,
                            const char *(*name)(unsigned bucket));

/* Sets a key of the object to an unsigned number. Returns 0, or -1 when out of memory. */
int tool_report_set(json_t *object, const char *key, uint64_t value);

/* Does the same if the number is known, and else sets the key to null. */
int tool_report_set_known(json_t *object, const char *key, bool known, uint64_t value);

/* Sets a key to a string of the decimal digits of `value`. Heap counters and times of the day have this form, because they
 * can be above 2^53 and programs that read JSON numbers as doubles would round them. Returns 0, or -1 when out of
 * memory. */
int tool_report_set_digits(json_t *object, const char *key, uint64_t value);

/* Prints the object as one line on stdout and releases the object. `object` is NULL if there was no memory to make it.
 * Returns TOOL_DONE. After a failure it prints a line on stderr and returns TOOL_FAILED. tool_report_print_to() prints
 * on `to`, which is stdout or stderr. */
int tool_report_print(json_t *object);
int tool_report_print_to(FILE *to, json_t *object);

#endif
