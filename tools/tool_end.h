/* SPDX-License-Identifier: Apache-2.0 */
/* What ended a program: the summary and the JSON object say it. */
#ifndef SPEADLINE_TOOLS_TOOL_END_H
#define SPEADLINE_TOOLS_TOOL_END_H

#include <jansson.h>

#include <speadline/sender_address.h>

#include "shared_options.h"

enum tool_end_cause {
    TOOL_END_UNKNOWN, /* nothing has ended the program yet */
    TOOL_END_SIGNAL,
    TOOL_END_SECONDS, /* the time of --seconds has passed */
    TOOL_END_HEAPS,   /* the heaps of --heaps have come or are sent */
    TOOL_END_ERROR,
    /* only spead-recv */
    TOOL_END_STOP_HEAP,
    TOOL_END_SOURCE,    /* the source of the packets has ended */
    TOOL_END_NO_READER, /* nobody took the heaps */
};

#define TOOL_END_TEXT_MAX 256

struct tool_end {
    enum tool_end_cause cause;
    int signal; /* with TOOL_END_SIGNAL: the number of the first signal */
    /* With TOOL_END_STOP_HEAP: the endpoint to which the last stop heap came, and its sender as ADDRESS:PORT. The
     * endpoint is NULL and the text of the sender is empty if they are not known. */
    const char *endpoint;
    char sender[SPEAD_SENDER_ADDRESS_TEXT_MAX];
};

/* Notes a cause that the program sees itself, unless one was noted before: the first cause counts. */
void tool_end_note(struct tool_end *end, enum tool_end_cause cause);

/* Writes "by SIGINT" or "by a stop heap at 127.0.0.1:7148". Returns text. */
char *tool_end_text(const struct tool_end *end, const struct tool_shared *shared,
                    char text[TOOL_END_TEXT_MAX]);

/* Returns the value of the key "ended_by", or NULL when out of memory. */
json_t *tool_end_json(const struct tool_end *end, const struct tool_shared *shared);

#endif
