/* Runs the tools as a user does: starts them, waits for them and reads their JSON objects. A function whose expectation
 * is not met fails the test. */
#ifndef TESTS_TOOLS_TOOL_RUN_H
#define TESTS_TOOLS_TOOL_RUN_H

#include <jansson.h>

#include "program.h"

/* Enters a network namespace of the test, or skips the test. */
void tool_enter(void);

/* Returns the JSON object that is the only line on the standard output of the program. The caller releases it. */
json_t *object_of(const struct program *program);
json_int_t number(const json_t *object, const char *key);
json_int_t bucket(const json_t *object, const char *name); /* packets of a bucket of the ledger */

/* Expects that the buckets of a ledger, or of one of its sources, add up to the key total. */
void expect_sum(const json_t *ledger, const char *total);

/* Waits until the program has ended, and expects its exit status. */
void expect_status(struct program *program, int expected);

struct run {
    struct program recv, send;
    json_t *received, *sent;
};

/* Starts spead-recv and returns when it listens. */
void start_receiver(struct run *run, const char *line);

/* finish() waits until both programs have ended. Then it checks their exit statuses, and that both ledgers add up.
 * run_both() starts both programs and then does the same; spead-send must end with status 0. */
void finish(struct run *run, int recv_status, int send_status);
void run_both(struct run *run, const char *recv_line, int recv_status, const char *send_line);
void release(struct run *run);

/* Returns when a UDP counter of this network namespace (Udp: in /proc/net/snmp) is not 0. */
void await_udp(const char *counter);

/* Sends SIGINT and returns when the program has taken it, so that the next signal counts as a second one. */
void interrupt(const struct program *program);

#endif
