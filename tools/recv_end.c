/* SPDX-License-Identifier: Apache-2.0 */
/* See recv_end.h. */
#include "recv_end.h"

/* Returns the cause if the stream itself has ended the reception. Returns TOOL_END_UNKNOWN if the stream was told to
 * stop or had no reader. */
static enum tool_end_cause cause_of(const struct spead_recv_end *stream)
{
    switch (stream->cause) {
    case SPEAD_END_STOP_ITEMS:
        return TOOL_END_STOP_HEAP;
    case SPEAD_END_SOURCE:
        return TOOL_END_SOURCE;
    case SPEAD_END_FAILED:
        return TOOL_END_ERROR;
    case SPEAD_END_NONE:
    case SPEAD_END_STOP_CALL:
    case SPEAD_END_NO_READER:
        break;
    }
    return TOOL_END_UNKNOWN;
}

struct tool_end recv_end_settle(const struct tool_end *own, const struct spead_recv_end *stream,
                                bool failed, const struct spead_recv_tool_options *options)
{
    struct tool_end end = {.cause = cause_of(stream)};

    /* After as many heaps as --heaps says, the program releases all further heaps. So the later end of the stream is not
     * the cause. */
    if (own->cause == TOOL_END_HEAPS)
        return *own;
    if (end.cause == TOOL_END_STOP_HEAP && stream->has_stop) {
        if (stream->stop_sender.known)
            spead_sender_address_format(&stream->stop_sender, end.sender);
        if (stream->stop_source < options->shared.endpoint_count)
            end.endpoint = options->shared.endpoints[stream->stop_source];
    }
    if (end.cause == TOOL_END_UNKNOWN)
        end = *own;
    if (end.cause == TOOL_END_UNKNOWN && failed)
        end.cause = TOOL_END_ERROR;
    if (end.cause == TOOL_END_UNKNOWN && stream->cause == SPEAD_END_NO_READER)
        end.cause = TOOL_END_NO_READER;
    return end;
}
