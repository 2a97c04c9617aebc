/* Nodes: steps of processing. When a node cannot go on, the library suspends the node, not the thread.
 *
 * A node is a step function with its state. A step does a bounded amount of work and returns; it never blocks (unless
 * the node is declared as blocking). Where an input is empty or an output is full, the step returns
 * SPEAD_STEP_WAITING, and the library calls it again once that has changed. So 10,000 suspended nodes need no thread.
 *
 * Threads: One thread at a time steps a node, and that thread sees everything that the steps before it have done.
 * Functions that take `self` may be called by that thread only, inside start(), step() and finish(), unless their
 * contract says otherwise.
 *
 * State: It belongs to the node; the library never looks into it. */
#ifndef SPEADLINE_NODE_H
#define SPEADLINE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/message.h>
#include <speadline/throttle.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_node; /* opaque: a node in its graph */

/* What a step returns. A negative errno means that the step failed. */
enum spead_step {
    /* The step can do nothing more until something changes that it asked for: a port that answered -EAGAIN, an input
     * that was given to spead_node_wait_input(), a throttle that had no ticket, or the time that was given to
     * spead_node_wait_until(). A call of spead_node_wake() ends the wait too. */
    SPEAD_STEP_WAITING = 0,
    SPEAD_STEP_AGAIN = 1, /* there is more to do: step again, after the turns of the other nodes */
    SPEAD_STEP_DONE = 2,  /* the node has finished: its outputs end, its inputs take no more */
};

struct spead_node_ops {
    const char *kind; /* such as "map" or "tcp-sink"; plans and reports show it */

    /* Opens what the node needs. Called once, on the thread that calls spead_graph_start(), or spead_graph_next() for
     * the first time; it may block. Returns 0, or -errno with a sentence in *err. NULL: the node has nothing to
     * open. */
    int (*start)(void *state, struct spead_node *self, struct spead_err *err);

    /* Does a bounded amount of work: a batch of messages, not all that are there. Returns enum spead_step or -errno.
     * When the inputs have ended and the node holds no message any more, it returns SPEAD_STEP_DONE. */
    int (*step)(void *state, struct spead_node *self);

    /* Called when the node has failed on a message that it still holds. Gives this message, with its reference, to the
     * caller; see enum spead_on_error. Returns 0, or -errno if there is no such message. NULL: the node does not know
     * on which message it failed, so that only the policies FAIL and RETRY are allowed. */
    int (*surrender)(void *state, struct spead_message *failed);

    /* Releases all messages that the node holds, and closes what start() opened. Called once after the last step,
     * also after a failure and a cancel, if start() succeeded. NULL: nothing to do. */
    void (*finish)(void *state);

    /* Frees the state. Called when the graph is destroyed. NULL: the program frees the state itself. */
    void (*destroy)(void *state);

    /* Makes the step under way, or the next one, return soon. A blocking node needs it if its steps may sleep long.
     * Called when the graph is asked to stop, is cancelled or fails. Any thread may call it, also before the first step
     * and more than once, until the graph has ended (so perhaps after finish()). It never blocks. NULL: the steps of
     * the node return soon by themselves. */
    void (*interrupt)(void *state);
};

/* What the graph does after a step has failed. The node counts each outcome in its stats; no failure is lost. */
enum spead_on_error {
    /* The graph fails: sources stop, messages that were sent before the failure are delivered in order, and the nodes
     * downstream get the error from their inputs. */
    SPEAD_ON_ERROR_FAIL = 0,
    /* The node is stepped again, at most `retries` times for one message. There is a back-off before each retry; it
     * doubles each time, up to an hour. After the last retry `after_retries` decides. */
    SPEAD_ON_ERROR_RETRY = 1,
    SPEAD_ON_ERROR_SKIP = 2, /* the failed message is released; the node is stepped again */
    SPEAD_ON_ERROR_LOG = 3,  /* as SKIP, with a line in the log, at most one a second */
    /* The failed message gets the flag SPEAD_MESSAGE_FAILED and goes to the output port called "error". While that
     * port is full, the node waits, or the channel sheds a message, as the policy of the channel says. */
    SPEAD_ON_ERROR_DIVERT = 4,
};

struct spead_port {
    const char *name; /* unique among the inputs of the node, or among its outputs */
    int type;         /* from spead_message_type_register(), or SPEAD_CHANNEL_ANY_TYPE */
};

struct spead_node_config {
    uint32_t struct_size;                      /* set by _INIT */
    const char *name;                          /* unique in the graph; copied */
    const struct spead_node_ops *ops;          /* borrowed for the life of the graph */
    void *state;                               /* passed to the functions in ops */
    const struct spead_port *inputs, *outputs; /* copied */
    uint32_t input_count, output_count;
    bool blocking; /* a step may block (file, database, TCP): the node gets a thread of its own */
    int cpu; /* where the node's own thread, or the worker that steps it, is pinned; -1: any */
    enum spead_on_error on_error;
    enum spead_on_error after_retries;
    uint32_t retries;
    uint64_t backoff_ns; /* before the first retry */
    /* For the plan: how much memory start() takes at most; 0: an amount that does not matter. */
    uint64_t memory_bytes;
};
/* clang-format off */
#define SPEAD_NODE_CONFIG_INIT { .struct_size = sizeof(struct spead_node_config), .cpu = -1 }
/* clang-format on */

/* ---- Inside a step ------------------------------------------------------------------------- */

/* Do what spead_receiver_try_receive() and spead_sender_try_send() do, on the port with this index. If the port answers
 * -EAGAIN, or a send accepts fewer messages than it was given, the node waits for that port when the step returns
 * SPEAD_STEP_WAITING. An output that is joined to nothing accepts every message, releases it and counts it. An output
 * whose receiving ends have all closed answers -EPIPE: a node with nothing else to do then returns SPEAD_STEP_DONE, and
 * in this way a stop travels upstream.
 *
 * If a node upstream failed, the input answers the error of that node in place of -ESHUTDOWN. A step treats this error
 * as any other end of stream: it finishes what the node still holds, then returns SPEAD_STEP_DONE. The library then
 * ends the outputs with that error. A step may also return the code with which a port has just answered; this counts as
 * SPEAD_STEP_DONE, not as a failure. */
int spead_node_receive(struct spead_node *self, uint32_t input, struct spead_message *messages,
                       uint32_t max);
int spead_node_send(struct spead_node *self, uint32_t output, const struct spead_message *messages,
                    uint32_t count);

/* Makes the node wait for this input as if the input had answered -EAGAIN. It is for a step that received fewer
 * messages than it asked for, and returns SPEAD_STEP_WAITING without another try. */
void spead_node_wait_input(struct spead_node *self, uint32_t input);

/* Takes a ticket, as spead_throttle_try_take() does. When this call returns -EAGAIN, it has also queued the node at the
 * throttle. The node is stepped again once it has the ticket, and then the next call returns 0. A node waits for one
 * ticket at a time: the call returns -EINVAL while the node is queued at another throttle. A ticket that comes after
 * the node has finished is given back. */
int spead_node_take_ticket(struct spead_node *self, struct spead_throttle *throttle);

/* Makes the library step the node again at time_ns (CLOCK_MONOTONIC) at the latest, if this step returns
 * SPEAD_STEP_WAITING. The time holds for this one wait only. */
void spead_node_wait_until(struct spead_node *self, uint64_t time_ns);

/* Says which message the node works on, so that the report of a failure can give its stream and sequence. Without this
 * call, the report gives those of the first message of the last receive. */
void spead_node_working_on(struct spead_node *self, const struct spead_message *message);

/* Says in words why the step is about to fail. The report of the failure gives this text as its cause; without this
 * call it gives the text of the errno. A text longer than SPEAD_ERR_TEXT_MAX is cut. */
__attribute__((format(printf, 2, 3))) void spead_node_explain(struct spead_node *self,
                                                              const char *format, ...);

/* Returns true once the graph was asked to stop. A source then sends what it has begun, and returns
 * SPEAD_STEP_DONE. */
bool spead_node_is_stopping(const struct spead_node *self);

/* Returns the time (CLOCK_MONOTONIC) at which the step began. The function does not read the clock, so it costs little.
 * The time is exact enough to compute how old data are. */
uint64_t spead_node_now_ns(const struct spead_node *self);

/* ---- From any thread ------------------------------------------------------------------------ */

/* Makes a waiting node be stepped again. A node that is being stepped is stepped once more after that. It is meant
 * for completions: of I/O, of device events, of heaps that were sent. Any thread may call it, but no signal handler.
 * It never blocks. It must not be called after the node has finished: the finish() of the node must see to it that no
 * thread calls it any more. */
void spead_node_wake(struct spead_node *node);

const char *spead_node_name(const struct spead_node *node);

#ifdef __cplusplus
}
#endif
#endif
