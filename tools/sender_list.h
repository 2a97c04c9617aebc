/* SPDX-License-Identifier: Apache-2.0 */
/* The senders that spead-recv hears: a copy of the list of the stream, its lines in the summary, and its JSON. */
#ifndef SPEADLINE_TOOLS_SENDER_LIST_H
#define SPEADLINE_TOOLS_SENDER_LIST_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include <speadline/recv.h>

#define SENDER_LIST_LINES 16u /* the summary has at most this many lines of senders */

struct sender_list {
    struct spead_recv_sender *sender; /* array [room]; the first `count` are used */
    uint32_t count, room;
    struct spead_recv_sender forgotten; /* the sums of the senders that have lost their place */
};

/* Copies the list of the stream. When out of memory, the list keeps what it had. */
void sender_list_read(struct sender_list *list, struct spead_recv_stream *stream);
void sender_list_release(struct sender_list *list);

/* Prints a line for each sender of which something is missing, those first that lost most, if more than one sender was
 * heard; and a line for those that found no line. `endpoints` are the endpoints of the stream as text. */
void sender_list_print(FILE *to, const struct sender_list *list, const char *const *endpoints);

/* Returns an array with all senders of the list, or NULL when out of memory. */
json_t *sender_list_json(const struct sender_list *list, const char *const *endpoints);

/* Returns an object with the sums of the forgotten senders, or NULL when out of memory. */
json_t *sender_list_forgotten_json(const struct sender_list *list);

#endif
