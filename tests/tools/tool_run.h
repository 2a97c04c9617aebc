/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the tools as a user does: starts them, waits for them and reads their JSON objects. If an expectation of a
 * function is not met, the function fails the test. */
#ifndef TESTS_TOOLS_TOOL_RUN_H
#define TESTS_TOOLS_TOOL_RUN_H

#include <jansson.h>

#include "program.h"

/* Puts the test into a new network namespace. Skips the test if that is not possible. */
void tool_enter(void);

/* The standard output of the program must be one line with one JSON object. Returns this object. The caller must
 * release it. */
json_t *object_of(const struct program *program);
json_int_t number(const json_t *object, const char *key);
/* Returns a number that is written as a string of decimal digits, as heap counters and times are. */
uint64_t digits(const json_t *object, const char *key);
/* Returns the number of packets in a bucket of the ledger. */
json_int_t bucket(const json_t *object, const char *name);

/* `ledger` is a ledger or one of its sources. Expects that its buckets add up to the number under the key `total`. */
void expect_sum(const json_t *ledger, const char *total);

/* Expects what the object of spead-recv says about its end: the cause, and how the text begins. */
void expect_end(const json_t *object, const char *cause, const char *text);

/* Waits until the program has ended, and expects its exit status. */
void expect_status(struct program *program, int expected);

struct run {
    struct program recv, send;
    json_t *received, *sent;
};

/* Starts spead-recv. Returns when the program listens. */
void start_receiver(struct run *run, const char *line);

/* finish() waits until both programs have ended. Then it checks their exit statuses, and that the buckets of both
 * ledgers add up. run_both() starts both programs and then does what finish() does; spead-send must end with status
 * 0. */
void finish(struct run *run, int recv_status, int send_status);
void run_both(struct run *run, const char *recv_line, int recv_status, const char *send_line);
void release(struct run *run);

/* Waits until a UDP counter of this network namespace (Udp: in /proc/net/snmp) is not 0, or is at least `count`. */
void await_udp(const char *counter);
void await_udp_count(const char *counter, long long count);

/* Waits until the receivers have read, or lost, every datagram that has been sent in this network namespace. */
void await_all_read(void);

/* Waits until the program has installed its handler for the signal. */
void await_handler(const struct program *program, int number);

/* Waits until the program, which does not run with --quiet, receives, or until it has submitted its first heaps. It
 * asks the program for a report so far. */
void await_run(struct program *program);

/* Returns true if sh can parse the text, and if it is neither empty nor shortened. */
bool is_shell_command(const char *text);

void tool_sleep_ms(unsigned ms);

/* Sends SIGINT and waits until the program has taken it. So the program sees the next SIGINT as a second signal. */
void interrupt(const struct program *program);

#endif
