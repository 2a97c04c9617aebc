/* SPDX-License-Identifier: Apache-2.0 */
/* Says in the log when a sender that sent steadily falls silent, and when it comes back.
 *
 * A sender sends steadily when three of its heaps have ended and no stop heap has come from it. It has fallen silent
 * when nothing has come from it for the longest of three times: one second, ten times the mean time between its heaps,
 * and twice the longest silence from which it has come back. The last one is for senders that pause again and again. */
#ifndef SPEADLINE_TOOLS_SENDER_WATCH_H
#define SPEADLINE_TOOLS_SENDER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>

#include "sender_list.h"

#define SENDER_WATCH_EVERY_NS 250000000u
#define SENDER_WATCH_LINES    4u /* lines of each kind in one look; one more line counts the others */

/* What the watch remembers of the sender with the same index in the list. */
struct watched_sender {
    /* When the sender was heard first. Another sender at this index has another time. */
    uint64_t first_ns;
    uint64_t last_ns;    /* when it was last heard, as of the look before */
    uint64_t longest_ns; /* the longest silence from which it has come back */
    bool silent;         /* the log has said that it is silent */
};

struct sender_watch {
    struct watched_sender *watched; /* array [room] */
    uint32_t room;
    uint64_t due_ns;
};

/* Looks at the list, which was read at now_ns (CLOCK_MONOTONIC). `endpoints` are the endpoints of the stream as text. */
void sender_watch_look(struct sender_watch *watch, const struct sender_list *list,
                       const char *const *endpoints, uint64_t now_ns, const struct spead_log *log);
void sender_watch_release(struct sender_watch *watch);

#endif
