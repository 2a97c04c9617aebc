/* See recv_end.h. */
#include "recv_end.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool_signal.h"

void recv_end_note(struct recv_end *end, enum recv_end_cause cause)
{
    if (end->cause != RECV_END_UNKNOWN)
        return;
    end->cause = cause;
    end->signal = cause == RECV_END_SIGNAL ? tool_signal_first() : 0;
}

/* Returns the cause if it lies in the stream; RECV_END_UNKNOWN if the stream was told to stop. */
static enum recv_end_cause cause_of(const struct spead_recv_end *stream)
{
    switch (stream->cause) {
    case SPEAD_END_STOP_ITEMS:
        return RECV_END_STOP_HEAP;
    case SPEAD_END_SOURCE:
        return RECV_END_SOURCE;
    case SPEAD_END_FAILED:
        return RECV_END_ERROR;
    case SPEAD_END_NONE:
    case SPEAD_END_STOP_CALL:
    case SPEAD_END_NO_READER:
        break;
    }
    return RECV_END_UNKNOWN;
}

struct recv_end recv_end_settle(const struct recv_end *own, const struct spead_recv_end *stream,
                                bool failed, const struct spead_recv_tool_options *options)
{
    struct recv_end end = {.cause = cause_of(stream)};

    /* Heaps that come after those of --heaps are released, so nothing that the stream meets later ends the reception. */
    if (own->cause == RECV_END_HEAPS)
        return *own;
    if (end.cause == RECV_END_STOP_HEAP && stream->has_stop) {
        if (stream->stop_sender.known)
            spead_sender_format(&stream->stop_sender, end.sender);
        if (stream->stop_source < options->shared.endpoint_count)
            end.endpoint = options->shared.endpoints[stream->stop_source];
    }
    if (end.cause == RECV_END_UNKNOWN)
        end = *own;
    if (end.cause == RECV_END_UNKNOWN && failed)
        end.cause = RECV_END_ERROR;
    if (end.cause == RECV_END_UNKNOWN && stream->cause == SPEAD_END_NO_READER)
        end.cause = RECV_END_NO_READER;
    return end;
}

static const char *signal_name(int number)
{
    const char *name = sigabbrev_np(number);

    return name ? name : "?";
}

/* Writes "by a stop heap of 127.0.0.1:7000 at 127.0.0.1:7148", as far as sender and endpoint are known. */
static void write_stop_heap(const struct recv_end *end, char text[RECV_END_TEXT_MAX])
{
    snprintf(text, RECV_END_TEXT_MAX, "by a stop heap%s%s%s%s", end->sender[0] ? " of " : "",
             end->sender, end->endpoint ? " at " : "", end->endpoint ? end->endpoint : "");
}

char *recv_end_text(const struct recv_end *end, const struct spead_recv_tool_options *options,
                    char text[RECV_END_TEXT_MAX])
{
    static const char *const plain[] = {
        [RECV_END_UNKNOWN] = "without a known cause",
        [RECV_END_ERROR] = "by an error",
        [RECV_END_SOURCE] = "because its source ended",
        [RECV_END_NO_READER] = "because nobody took the heaps",
    };

    switch (end->cause) {
    case RECV_END_SIGNAL:
        snprintf(text, RECV_END_TEXT_MAX, "by SIG%s", signal_name(end->signal));
        break;
    case RECV_END_SECONDS:
        snprintf(text, RECV_END_TEXT_MAX, "by --seconds %g", options->shared.seconds);
        break;
    case RECV_END_HEAPS:
        snprintf(text, RECV_END_TEXT_MAX, "by --heaps %" PRIu64, options->shared.heaps);
        break;
    case RECV_END_STOP_HEAP:
        write_stop_heap(end, text);
        break;
    default:
        snprintf(text, RECV_END_TEXT_MAX, "%s", plain[end->cause]);
    }
    return text;
}

/* Adds what belongs to the cause: the signal, or the sender and the endpoint of the stop heap. Returns 0 or -1. */
static int add_details(json_t *object, const struct recv_end *end)
{
    char name[32];

    if (end->cause == RECV_END_SIGNAL) {
        snprintf(name, sizeof name, "SIG%s", signal_name(end->signal));
        return json_object_set_new(object, "signal", json_string(name));
    }
    if (end->cause != RECV_END_STOP_HEAP)
        return 0;
    if (end->sender[0] && json_object_set_new(object, "sender", json_string(end->sender)) < 0)
        return -1;
    return end->endpoint ? json_object_set_new(object, "endpoint", json_string(end->endpoint)) : 0;
}

json_t *recv_end_json(const struct recv_end *end, const struct spead_recv_tool_options *options)
{
    static const char *const words[] = {
        [RECV_END_UNKNOWN] = "unknown", [RECV_END_SIGNAL] = "signal",
        [RECV_END_SECONDS] = "seconds", [RECV_END_HEAPS] = "heaps",
        [RECV_END_ERROR] = "error",     [RECV_END_STOP_HEAP] = "stop-heap",
        [RECV_END_SOURCE] = "source",   [RECV_END_NO_READER] = "no-reader",
    };
    char text[RECV_END_TEXT_MAX];
    json_t *object = json_pack("{s:s, s:s}", "cause", words[end->cause], "text",
                               recv_end_text(end, options, text));

    if (object && add_details(object, end) < 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}
