/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints at which no packet was heard, and senders that fell silent without a stop heap. */
#ifndef SPEADLINE_TOOLS_RECV_SILENCE_H
#define SPEADLINE_TOOLS_RECV_SILENCE_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include <speadline/recv.h>

#define RECV_SILENT_MAX 16u /* the report names at most this many senders */

struct recv_silence {
    struct spead_recv_sender sender[RECV_SILENT_MAX];
    uint64_t sender_count; /* all silent senders, also those that are not in the array */
};

/* Finds the senders that have sent no stop heap and nothing else in the last silence_ns before the end. The stream must
 * have ended. */
void recv_silence_read(struct recv_silence *silence, const struct spead_recv_stream *stream,
                       uint64_t silence_ns);

/* Prints a line for each silent sender, and one for those that the array does not hold. `endpoints` are the endpoints
 * of the stream as text. */
void recv_silence_print(FILE *to, const struct recv_silence *silence, const char *const *endpoints);

/* Returns an array with the senders, or NULL when out of memory. */
json_t *recv_silence_json(const struct recv_silence *silence, const char *const *endpoints);

#endif
