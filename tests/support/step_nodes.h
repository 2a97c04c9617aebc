/* Small nodes for tests of graphs: a source that numbers, a relay that works, a sink that remembers. */
#ifndef STEP_NODES_H
#define STEP_NODES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadline/graph.h>

/* ---- Source (output "out"): plain messages numbered from 0 ---------------------------------- */

struct step_source {
    uint64_t count; /* UINT64_MAX: until it is told to stop */
    uint32_t stream;
    uint32_t batch; /* messages a step; 0: 16 */
    bool ignores_stop;
    int error; /* what it fails with at message error_at; 0: never */
    uint64_t error_at;
    uint64_t sent; /* result */
};
struct spead_node *step_source_add(struct spead_graph *graph, struct step_source *source,
                                   const char *name);

/* ---- Relay (input "in", outputs "out" and, if it diverts, "error") -------------------------- */

struct step_relay {
    /* 1: pass it on, 0: leave it out, negative: fail; NULL: pass all on. */
    int (*work)(struct step_relay *relay, struct spead_message *message);
    void *arg;
    uint32_t batch;                  /* messages a step; 0: 16 */
    uint32_t stall_one_in;           /* about one step of so many does nothing; 0: never */
    struct spead_node_config config; /* policies, blocking, cpu; names and ops are filled in */

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
    uint64_t stop_after;  /* answers DONE then; 0: takes all */
    uint32_t batch;       /* 0: 16 */
    _Atomic bool *closed; /* takes nothing while this is true; NULL: always open */
    uint32_t record_max;

    struct spead_message *record; /* calloc()ed; free with step_sink_release() */
    _Atomic uint64_t received;
    int end; /* what its input ended with; 0: it did not */
};
struct spead_node *step_sink_add(struct spead_graph *graph, struct step_sink *sink,
                                 const char *name);
void step_sink_release(struct step_sink *sink);

/* ---- Around --------------------------------------------------------------------------------- */

struct spead_graph *step_graph(const char *name); /* asserts */
struct spead_executor *step_executor(uint32_t workers);

/* Joins the only ports (a relay's "out") by a channel of this capacity that blocks. */
void step_join(struct spead_graph *graph, struct spead_node *from, struct spead_node *to,
               uint32_t capacity);

uint64_t step_now_ns(void);
uint64_t step_mix(uint64_t seed, uint64_t value); /* a fair hash */

/* Prints and ends the program: for what cannot go on, also in programs without a test framework. */
#define STEP_CHECK(condition)                             \
    do {                                                  \
        if (!(condition))                                 \
            step_give_up(__FILE__, __LINE__, #condition); \
    } while (0)
__attribute__((noreturn)) void step_give_up(const char *file, int line, const char *what);

#endif
