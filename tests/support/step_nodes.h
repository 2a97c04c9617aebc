/* SPDX-License-Identifier: Apache-2.0 */
/* Small nodes for tests of graphs: a source that numbers its messages, a relay that works on them, and a sink that
 * records them. */
#ifndef STEP_NODES_H
#define STEP_NODES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/graph.h>

/* ---- Source (output "out"): plain messages numbered from 0 ---------------------------------- */

struct step_source {
    /* The number of messages to send. UINT64_MAX means that the source sends until the graph is stopped. */
    uint64_t count;
    uint32_t stream;
    uint32_t batch; /* number of messages in one step; 0 means 16 */
    bool ignores_stop;
    /* The errno with which the step fails at the message with the index error_at. 0 means that the step does not
     * fail. */
    int error;
    uint64_t error_at;
    uint64_t sent; /* result: the number of messages that were sent */
};
struct spead_node *step_source_add(struct spead_graph *graph, struct step_source *source,
                                   const char *name);

/* ---- Relay (input "in", output "out"; if it diverts, also output "error") ------------------- */

struct step_relay {
    /* The relay calls this function once for each message. If the function returns 1, the relay passes the message on.
     * If it returns 0, the relay leaves the message out. If it returns a negative number, the step fails. NULL means
     * that the relay passes all messages on. */
    int (*work)(struct step_relay *relay, struct spead_message *message);
    void *arg;
    uint32_t batch; /* number of messages in one step; 0 means 16 */
    /* On average, one of stall_one_in steps does nothing. 0 means that every step works. */
    uint32_t stall_one_in;
    /* The relay takes a ticket for each message before it works on it; NULL means that it takes none. */
    struct spead_throttle *throttle;
    /* The test sets the policies, `blocking` and `cpu`. step_relay_add() sets the other fields. */
    struct spead_node_config config;

    uint64_t received, passed, left_out, surrendered; /* results: how many messages of each kind */
    unsigned starts, finishes;
    _Atomic uint64_t works;

    struct spead_message held;
    bool holds, worked;
    uint64_t random;
};
struct spead_node *step_relay_add(struct spead_graph *graph, struct step_relay *relay,
                                  const char *name);

/* ---- Sink (input "in") ---------------------------------------------------------------------- */

struct step_sink {
    uint64_t stop_after; /* the number of messages after which the sink ends; 0 means never */
    uint32_t batch;      /* 0 means 16 */
    /* When *closed is true, the sink takes no message. NULL means that it always takes messages. */
    _Atomic bool *closed;
    uint32_t record_max; /* how many messages the sink records; 0 means 4096 */

    /* The recorded messages. step_sink_release() frees them. */
    struct spead_message *record;
    _Atomic uint64_t received;
    /* The code with which the input of the sink has ended. 0 means that it has not ended. */
    int end;
};
struct spead_node *step_sink_add(struct spead_graph *graph, struct step_sink *sink,
                                 const char *name);
void step_sink_release(struct step_sink *sink);

/* ---- Graphs and executors ------------------------------------------------------------------- */

/* These functions make a graph and an executor. On failure they end the program. */
struct spead_graph *step_graph(const char *name);
struct spead_executor *step_executor(uint32_t workers);

/* Joins the output "out" of one node to the input "in" of another node. The channel has this capacity and the policy
 * "block". */
void step_join(struct spead_graph *graph, struct spead_node *from, struct spead_node *to,
               uint32_t capacity);

uint64_t step_now_ns(void);
/* Returns a hash of the two numbers. Tests use it as a random number. */
uint64_t step_mix(uint64_t seed, uint64_t value);

/* If the condition is false, prints the condition and ends the program. This also works in a program without a test
 * framework. */
#define STEP_CHECK(condition)                             \
    do {                                                  \
        if (!(condition))                                 \
            step_give_up(__FILE__, __LINE__, #condition); \
    } while (0)
__attribute__((noreturn)) void step_give_up(const char *file, int line, const char *what);

#endif
