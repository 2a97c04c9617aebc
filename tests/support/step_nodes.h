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
    uint64_t count; /* messages to send; UINT64_MAX: until the graph is stopped */
    uint32_t stream;
    uint32_t batch; /* messages in one step; 0: 16 */
    bool ignores_stop;
    int error; /* the errno to fail with at message error_at; 0: never */
    uint64_t error_at;
    uint64_t sent; /* result: messages sent */
};
struct spead_node *step_source_add(struct spead_graph *graph, struct step_source *source,
                                   const char *name);

/* ---- Relay (input "in", output "out"; if it diverts, also output "error") ------------------- */

struct step_relay {
    /* Called once for each message. If it returns 1, the relay passes the message on. If it returns 0, the relay
     * leaves the message out. If it returns a negative number, the step fails. NULL: the relay passes all messages
     * on. */
    int (*work)(struct step_relay *relay, struct spead_message *message);
    void *arg;
    uint32_t batch;        /* messages in one step; 0: 16 */
    uint32_t stall_one_in; /* about one of this many steps does nothing; 0: no such step */
    struct spead_node_config config; /* policies, blocking, cpu; step_relay_add() sets the rest */

    uint64_t received, passed, left_out, surrendered; /* results */
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
    uint64_t stop_after;  /* ends after this many messages; 0: takes all */
    uint32_t batch;       /* 0: 16 */
    _Atomic bool *closed; /* the sink takes nothing while it is true; NULL: it always takes */
    uint32_t record_max;  /* messages to record; 0: 4096 */

    struct spead_message *record; /* allocated; step_sink_release() frees it */
    _Atomic uint64_t received;
    int end; /* the code with which its input has ended; 0: it has not ended */
};
struct spead_node *step_sink_add(struct spead_graph *graph, struct step_sink *sink,
                                 const char *name);
void step_sink_release(struct step_sink *sink);

/* ---- Graphs and executors ------------------------------------------------------------------- */

/* These functions make a graph and an executor. On failure they end the program. */
struct spead_graph *step_graph(const char *name);
struct spead_executor *step_executor(uint32_t workers);

/* Joins the output "out" of one node to the input "in" of another, by a channel of this capacity with policy
 * block. */
void step_join(struct spead_graph *graph, struct spead_node *from, struct spead_node *to,
               uint32_t capacity);

uint64_t step_now_ns(void);
uint64_t step_mix(uint64_t seed, uint64_t value); /* a hash, used as a random number */

/* If the condition is false, prints the condition and ends the program. It also works in programs without a test
 * framework. */
#define STEP_CHECK(condition)                             \
    do {                                                  \
        if (!(condition))                                 \
            step_give_up(__FILE__, __LINE__, #condition); \
    } while (0)
__attribute__((noreturn)) void step_give_up(const char *file, int line, const char *what);

#endif
