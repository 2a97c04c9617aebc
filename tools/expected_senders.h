/* SPDX-License-Identifier: Apache-2.0 */
/* The option --expect-senders of spead-recv: how many senders are expected, or which. */
#ifndef SPEADLINE_TOOLS_EXPECTED_SENDERS_H
#define SPEADLINE_TOOLS_EXPECTED_SENDERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <speadline/error.h>

#include "sender_list.h"

/* The log names the missing senders this long after the first packet. */
#define EXPECTED_SENDERS_AFTER_NS 5000000000u
#define EXPECTED_SENDERS_NAMED    6u /* a line names at most this many senders */

struct expected_sender {
    struct spead_sender_address address; /* port 0: any port of the host */
    unsigned line;                       /* its line in the file */
    bool heard;
};

struct expected_senders {
    uint32_t count; /* 0: the option was not given */
    /* array [count], in the order of the addresses; NULL if only a number was given */
    struct expected_sender *sender;
    uint32_t heard;      /* how many of the expected senders were heard so far */
    uint64_t unexpected; /* how many senders of the list are not expected */
    bool said;           /* the log has said who is missing */
};

/* Reads the value of the option: a number, or the path of a file. The file has a HOST or HOST:PORT in each line; "#"
 * begins a comment. A name of a host is resolved, which may block. `senders_max` is the value of --senders, and `key`
 * that of --sender-key. Returns 0 or -errno with a sentence that names the line. The caller releases *expected. */
int expected_senders_load(struct expected_senders *expected, const char *value,
                          uint32_t senders_max, enum spead_sender_key key, struct spead_err *err);
void expected_senders_release(struct expected_senders *expected);

/* Notes which of the expected senders are in the list. A sender that was heard once stays so. */
void expected_senders_look(struct expected_senders *expected, const struct sender_list *list);

/* Returns the number of the expected senders that were not heard. */
uint32_t expected_senders_missing(const struct expected_senders *expected);

/* Says in the log, once, who is missing and who is not expected, if now_ns (CLOCK_MONOTONIC) is late enough. */
void expected_senders_say(struct expected_senders *expected, const struct sender_list *list,
                          uint64_t now_ns, const struct spead_log *log);

/* Prints the lines of the summary. */
void expected_senders_print(FILE *to, const struct expected_senders *expected,
                            const struct sender_list *list);

/* Returns an object with the numbers and all names, null if the option was not given, or NULL when out of memory. */
json_t *expected_senders_json(const struct expected_senders *expected,
                              const struct sender_list *list);

#endif
