/* SPDX-License-Identifier: Apache-2.0 */
/* What the host says about the port of a stream: where it is, and what its device has dropped. */
#include "recv_stream.h"

#include <stdio.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/port_place.h>
#include <speadi/sentence.h>
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

/* Returns true if the text `name`, which is not "", is none of the first `count` names. */
static bool is_new(const char *name, const char (*names)[IF_NAMESIZE], uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return false;
    return name[0] != '\0';
}

/* Calls look() for each port to which an interface of the stream leads. */
static void each_port(struct spead_recv_stream *stream,
                      void (*look)(struct spead_recv_stream *stream,
                                   const struct speadi_port_place *place))
{
    char ports[SPEADI_RX_SOURCES_MAX][IF_NAMESIZE];
    struct speadi_port_place place;
    uint32_t count = 0;

    for (uint32_t i = 0; i < stream->source_count; i++) {
        const char *interface = stream->facts.interface[i];

        if (!is_new(interface, (const char(*)[IF_NAMESIZE])stream->facts.interface, i))
            continue;
        speadi_port_place_read(&place, interface);
        if (!is_new(place.port, (const char(*)[IF_NAMESIZE])ports, count))
            continue;
        memcpy(ports[count++], place.port, IF_NAMESIZE);
        look(stream, &place);
    }
}

static void describe_port(struct spead_recv_stream *stream, const struct speadi_port_place *place)
{
    char *const text = stream->port_place, part[SPEADI_PORT_TEXT_MAX];

    speadi_port_node_text(part, place);
    if (part[0] != '\0')
        speadi_sentence_add(text, sizeof stream->port_place, "%s%s", text[0] ? "; " : "", part);
    if (!speadi_port_memory_advice(part, place))
        return;
    speadi_sentence_add(text, sizeof stream->port_place, "%s%s", text[0] ? "; " : "", part);
    speadi_log_line(&stream->config.log, SPEAD_LOG_INFO, "%s", part);
}

void speadi_recv_look_at_port(struct spead_recv_stream *stream)
{
    stream->out_of_buffer_start = read_out_of_buffer(stream);
    each_port(stream, describe_port);
}

static void check_port(struct spead_recv_stream *stream, const struct speadi_port_place *place)
{
    char text[SPEADI_PORT_TEXT_MAX];

    if (speadi_port_thread_advice(text, place))
        speadi_log_line(&stream->config.log, SPEAD_LOG_WARNING, "%s", text);
    if (speadi_port_interrupt_advice(text, place))
        speadi_log_line(&stream->config.log, SPEAD_LOG_INFO, "%s", text);
}

void speadi_recv_check_place(struct spead_recv_stream *stream)
{
    each_port(stream, check_port);
}

void speadi_recv_read_port(const struct spead_recv_stream *stream,
                           struct spead_recv_counters *counters)
{
    int64_t now = stream->out_of_buffer_start < 0 ? -1 : read_out_of_buffer(stream);

    counters->port_counted = now >= 0;
    counters->port_out_of_buffer =
        now > stream->out_of_buffer_start ? (uint64_t)(now - stream->out_of_buffer_start) : 0;
}
