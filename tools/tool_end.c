/* SPDX-License-Identifier: Apache-2.0 */
/* See tool_end.h. */
#include "tool_end.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool_signal.h"

void tool_end_note(struct tool_end *end, enum tool_end_cause cause)
{
    if (end->cause != TOOL_END_UNKNOWN)
        return;
    end->cause = cause;
    end->signal = cause == TOOL_END_SIGNAL ? tool_signal_first() : 0;
}

static const char *signal_name(int number)
{
    const char *name = sigabbrev_np(number);

    return name ? name : "?";
}

/* Writes "by a stop heap of 127.0.0.1:7000 at 127.0.0.1:7148", as far as sender and endpoint are known. */
static void write_stop_heap(const struct tool_end *end, char text[TOOL_END_TEXT_MAX])
{
    snprintf(text, TOOL_END_TEXT_MAX, "by a stop heap%s%s%s%s", end->sender[0] ? " of " : "",
             end->sender, end->endpoint ? " at " : "", end->endpoint ? end->endpoint : "");
}

char *tool_end_text(const struct tool_end *end, const struct tool_shared *shared,
                    char text[TOOL_END_TEXT_MAX])
{
    static const char *const plain[] = {
        [TOOL_END_UNKNOWN] = "without a known cause",
        [TOOL_END_ERROR] = "by an error",
        [TOOL_END_SOURCE] = "because its source ended",
        [TOOL_END_NO_READER] = "because nobody took the heaps",
    };

    switch (end->cause) {
    case TOOL_END_SIGNAL:
        snprintf(text, TOOL_END_TEXT_MAX, "by SIG%s", signal_name(end->signal));
        break;
    case TOOL_END_SECONDS:
        snprintf(text, TOOL_END_TEXT_MAX, "by --seconds %g", shared->seconds);
        break;
    case TOOL_END_HEAPS:
        snprintf(text, TOOL_END_TEXT_MAX, "by --heaps %" PRIu64, shared->heaps);
        break;
    case TOOL_END_STOP_HEAP:
        write_stop_heap(end, text);
        break;
    default:
        snprintf(text, TOOL_END_TEXT_MAX, "%s", plain[end->cause]);
    }
    return text;
}

/* Adds what belongs to the cause: the signal, or the sender and the endpoint of the stop heap. Returns 0 or -1. */
static int add_details(json_t *object, const struct tool_end *end)
{
    char name[32];

    if (end->cause == TOOL_END_SIGNAL) {
        snprintf(name, sizeof name, "SIG%s", signal_name(end->signal));
        return json_object_set_new(object, "signal", json_string(name));
    }
    if (end->cause != TOOL_END_STOP_HEAP)
        return 0;
    if (end->sender[0] && json_object_set_new(object, "sender", json_string(end->sender)) < 0)
        return -1;
    return end->endpoint ? json_object_set_new(object, "endpoint", json_string(end->endpoint)) : 0;
}

json_t *tool_end_json(const struct tool_end *end, const struct tool_shared *shared)
{
    static const char *const words[] = {
        [TOOL_END_UNKNOWN] = "unknown", [TOOL_END_SIGNAL] = "signal",
        [TOOL_END_SECONDS] = "seconds", [TOOL_END_HEAPS] = "heaps",
        [TOOL_END_ERROR] = "error",     [TOOL_END_STOP_HEAP] = "stop-heap",
        [TOOL_END_SOURCE] = "source",   [TOOL_END_NO_READER] = "no-reader",
    };
    char text[TOOL_END_TEXT_MAX];
    json_t *object = json_pack("{s:s, s:s}", "cause", words[end->cause], "text",
                               tool_end_text(end, shared, text));

    if (object && add_details(object, end) < 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}
