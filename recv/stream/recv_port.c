/* SPDX-License-Identifier: Apache-2.0 */
/* What the host says about the port of a stream: where it is, and what its device has dropped. */
#include "recv_stream.h"

#include <stdio.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/port_place.h>
#include <speadi/sys_file.h>

/* Returns the counter of the device, or -1 if there is none. */
static int64_t read_out_of_buffer(const struct spead_recv_stream *stream)
{
    int64_t frames = -1;

    if (stream->facts.out_of_buffer[0] == '\0' ||
        !speadi_sys_number(&frames, "%s", stream->facts.out_of_buffer))
        return -1;
    return frames;
}

/* Returns the name of the first interface that an endpoint is bound to, or "". */
static const char *interface_of(const struct spead_recv_stream *stream)
{
    for (uint32_t i = 0; i < stream->source_count; i++)
        if (stream->facts.interface[i][0] != '\0')
            return stream->facts.interface[i];
    return "";
}

void speadi_recv_look_at_port(struct spead_recv_stream *stream)
{
    char *text = stream->port_place, part[SPEADI_PORT_TEXT_MAX];
    struct speadi_port_place place;

    stream->out_of_buffer_start = read_out_of_buffer(stream);
    speadi_port_place_read(&place, interface_of(stream));
    snprintf(text, sizeof stream->port_place, "%s", speadi_port_node_text(part, &place));
    if (!speadi_port_memory_advice(part, &place))
        return;
    snprintf(text + strlen(text), sizeof stream->port_place - strlen(text), "; %s", part);
    speadi_log_line(&stream->config.log, SPEAD_LOG_INFO, "%s", part);
}

void speadi_recv_check_place(const struct spead_recv_stream *stream)
{
    struct speadi_port_place place;
    char text[SPEADI_PORT_TEXT_MAX];

    speadi_port_place_read(&place, interface_of(stream));
    if (speadi_port_thread_advice(text, &place))
        speadi_log_line(&stream->config.log, SPEAD_LOG_WARNING, "%s", text);
    if (speadi_port_interrupt_advice(text, &place))
        speadi_log_line(&stream->config.log, SPEAD_LOG_INFO, "%s", text);
}

void speadi_recv_read_port(const struct spead_recv_stream *stream,
                           struct spead_recv_counters *counters)
{
    int64_t now = stream->out_of_buffer_start < 0 ? -1 : read_out_of_buffer(stream);

    counters->port_counted = now >= 0;
    counters->port_out_of_buffer =
        now > stream->out_of_buffer_start ? (uint64_t)(now - stream->out_of_buffer_start) : 0;
}
