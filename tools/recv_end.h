/* What ended the reception: the summary and the JSON object of spead-recv say it. */
#ifndef SPEADLINE_TOOLS_RECV_END_H
#define SPEADLINE_TOOLS_RECV_END_H

#include <jansson.h>

#include "spead_recv_options.h"

enum recv_end_cause {
    RECV_END_UNKNOWN, /* nothing has ended the reception yet */
    RECV_END_SIGNAL,
    RECV_END_SECONDS, /* the time of --seconds has passed */
    RECV_END_HEAPS,   /* the heaps of --heaps have come */
    RECV_END_ERROR,
    RECV_END_STOP_HEAP,
    RECV_END_SOURCE,    /* the source of the packets has ended */
    RECV_END_NO_READER, /* nobody took the heaps */
};

#define RECV_END_TEXT_MAX 256

struct recv_end {
    enum recv_end_cause cause;
    int signal; /* with RECV_END_SIGNAL: the number of the first signal */
    /* With RECV_END_STOP_HEAP: the endpoint to which the last stop heap came, and its sender as ADDRESS:PORT. The
     * endpoint is NULL and the text of the sender is empty if they are not known. */
    const char *endpoint;
    char sender[SPEAD_SENDER_TEXT_MAX];
};

/* Notes a cause that the program sees itself, unless one was noted before: the first cause counts. */
void recv_end_note(struct recv_end *end, enum recv_end_cause cause);

/* Settles the cause when the reception has ended. `own` is what recv_end_note() has noted. `stream` says why the stream
 * has ended: if it was told to stop, the own cause counts, or a failure. `failed` is true if the graph or the disk has
 * failed. */
struct recv_end recv_end_settle(const struct recv_end *own, const struct spead_recv_end *stream,
                                bool failed, const struct spead_recv_tool_options *options);

/* Writes "by SIGINT" or "by a stop heap at 127.0.0.1:7148". Returns text. */
char *recv_end_text(const struct recv_end *end, const struct spead_recv_tool_options *options,
                    char text[RECV_END_TEXT_MAX]);

/* Returns the value of the key "ended_by", or NULL when out of memory. */
json_t *recv_end_json(const struct recv_end *end, const struct spead_recv_tool_options *options);

#endif
