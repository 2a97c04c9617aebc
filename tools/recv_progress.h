/* SPDX-License-Identifier: Apache-2.0 */
/* The option --progress of spead-recv: a line of JSON at an interval, also where no terminal is. */
#ifndef SPEADLINE_TOOLS_RECV_PROGRESS_H
#define SPEADLINE_TOOLS_RECV_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>

#include "recv_graph.h"
#include "spead_recv_options.h"

struct recv_progress {
    int fd; /* -1: no progress is written */
    bool owned;
    struct tool_pump *pump;
    uint64_t interval_ns, start_ns, last_ns, due_ns; /* CLOCK_MONOTONIC */
    uint64_t last_heaps, last_bytes;
    uint64_t dropped; /* lines that found no room, because nobody takes them */
};

/* Opens the file, or takes standard output or standard error. Returns 0 or -errno with a sentence. */
int recv_progress_open(struct recv_progress *progress,
                       const struct spead_recv_tool_options *options, struct spead_err *err);

/* Starts the intervals. */
void recv_progress_start(struct recv_progress *progress);

/* Writes a line if one is due; `last` makes it due. Never waits for the file. */
void recv_progress_update(struct recv_progress *progress, const struct recv_graph *graph,
                          uint64_t now_ns, bool last);

/* Gives the lines a second to come out, and closes the file. */
void recv_progress_close(struct recv_progress *progress);

#endif
