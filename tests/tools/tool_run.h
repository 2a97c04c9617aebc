/* The tools as a user runs them: started, waited for, their JSON objects read back. */
#ifndef TESTS_TOOLS_TOOL_RUN_H
#define TESTS_TOOLS_TOOL_RUN_H

#include <jansson.h>

#include "program.h"

/* A network of the test's own, or the test is skipped. */
void tool_enter(void);

/* The only line on a program's standard output. */
json_t *object_of(const struct program *program);
json_int_t number(const json_t *object, const char *key);
json_int_t bucket(const json_t *object, const char *name); /* packets of the ledger */

/* That buckets add up to total, in a ledger or in one source of it. */
void expect_sum(const json_t *ledger, const char *total);

/* Waits for its end. */
void expect_status(struct program *program, int expected);

struct run {
    struct program recv, send;
    json_t *received, *sent;
};

/* Returns once it listens. */
void start_receiver(struct run *run, const char *line);

/* Runs both to their ends, checks exit statuses and that both ledgers add up. */
void finish(struct run *run, int recv_status, int send_status);
void run_both(struct run *run, const char *recv_line, int recv_status, const char *send_line);
void release(struct run *run);

/* Returns once a counter of UDP in this network (Udp: in /proc/net/snmp) is not 0. */
void await_udp(const char *counter);

/* Returns once the program has taken the signal, so that another one counts apart from it. */
void interrupt(const struct program *program);

#endif
