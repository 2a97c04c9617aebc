/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes: steps of processing. When a node cannot go on, the library suspends the node, not the thread.
 *
 * A node is a step function with its state. One call of the step function (a step) does a limited amount of work and
 * returns. It never blocks, except in a node that is declared as blocking. When an input is empty or an output is full,
 * the step returns SPEAD_STEP_WAITING, and the library calls it again when that has changed. So 10,000 suspended nodes
 * need no thread.
 *
 * Threads: One thread at a time steps a node, and that thread sees everything that the earlier steps have done. Only
 * that thread may call the functions that take `self`, and only inside start(), step() and finish(). If another rule
 * holds for a function, the comment of that function says so.
 *
 * State: The state belongs to the node; the library never reads or writes it. */
#ifndef SPEADLINE_NODE_H
#define SPEADLINE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/deadline.h>
#include <speadline/error.h>
#include <speadline/message.h>
#include <speadline/throttle.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_node; /* opaque: a node in its graph */

/* What a step returns. Instead of one of these values it may return a negative errno, which means that the step
 * failed. */
enum spead_step {
    /* The step can do nothing more now. The node waits for what the step has asked for: a port that answered -EAGAIN,
     * an input that was given to spead_node_wait_input(), a throttle that had no ticket, or the time that was given to
     * spead_node_wait_until(). A call of spead_node_wake() ends the wait too. */
    SPEAD_STEP_WAITING = 0,
    /* there is more to do: call the step again after other nodes had a turn */
    SPEAD_STEP_AGAIN = 1,
    SPEAD_STEP_DONE = 2, /* the node has finished: its outputs end, its inputs close */
};

/* The functions of a kind of node. `state` is the state that the configuration of the node names. */
struct spead_node_ops {
    const char *kind; /* kind of node, such as "map"; for plans and reports */

    /* Opens what the node needs. spead_graph_start(), or else the first spead_graph_next(), calls this function once,
     * on the thread of its caller. start() may block. Returns 0, or -errno with a sentence in *err. NULL: the node has
     * nothing to open. */
    int (*start)(void *state, struct spead_node *self, struct spead_err *err);

    /* Does a limited amount of work: one batch of messages, even when more messages are there. Returns a value of enum
     * spead_step, or -errno. When all inputs have ended and the node holds no message any more, it must return
     * SPEAD_STEP_DONE. */
    int (*step)(void *state, struct spead_node *self);

    /* Called when a step has failed on a message that the node still holds. The function gives this message, with its
     * reference, to the library, which handles the message as enum spead_on_error says. Returns 0, or -errno if there
     * is no such message. NULL: the node cannot say on which message it failed; then only the policies FAIL and RETRY
     * are allowed. */
    int (*surrender)(void *state, struct spead_message *failed);

    /* Releases all messages that the node holds, and closes what start() opened. Called once after the last step, if
     * start() has succeeded; also called after a failure or a cancel. NULL: the node has nothing to release or
     * close. */
    void (*finish)(void *state);

    /* Frees the state. Called when the graph is destroyed. NULL: the program itself frees the state. */
    void (*destroy)(void *state);

    /* Makes the current step return soon. If no step runs now, it makes the next step return soon. A blocking node
     * needs this function if its steps can sleep long. The library calls it when the graph is asked to stop, is
     * cancelled or fails. Any thread may call it, more than once, before the first step and also after finish(), until
     * the graph has ended. It must never block. NULL: the steps of the node return soon by themselves. */
    void (*interrupt)(void *state);
};

/* What the graph does after a step has failed. The stats of the node count, for each of these values, how often the
 * node applied it. */
enum spead_on_error {
    /* The graph fails. Sources stop, messages that were sent before the failure are delivered in order, and the nodes
     * downstream get the error from their inputs. */
    SPEAD_ON_ERROR_FAIL = 0,
    /* The node is stepped again, at most `retries` times for one message. Before each retry there is a pause, the
     * back-off. The pause doubles each time, up to one hour. After the last retry, `after_retries` decides. */
    SPEAD_ON_ERROR_RETRY = 1,
    SPEAD_ON_ERROR_SKIP = 2, /* the failed message is released; the node goes on */
    /* As SKIP. The library also writes a line to the log, at most one line a second. */
    SPEAD_ON_ERROR_LOG = 3,
    /* The failed message gets the flag SPEAD_MESSAGE_FAILED and goes to the output port called "error". When that port
     * is full, the policy of its channel decides: the node waits, or the channel sheds a message. */
    SPEAD_ON_ERROR_DIVERT = 4,
};

/* An input or an output of a node. */
struct spead_port {
    /* The name of the port. No two inputs of a node may have the same name, and no two outputs. */
    const char *name;
    /* The type of the messages that pass the port: an id from spead_message_type_register(), or
     * SPEAD_CHANNEL_ANY_TYPE. */
    int type;
};

/* The configuration of a node. Start from SPEAD_NODE_CONFIG_INIT. The library copies the names and the arrays of
 * ports. */
struct spead_node_config {
    uint32_t struct_size;             /* size of this struct in bytes; its _INIT macro sets it */
    const char *name;                 /* name of the node, unique in its graph */
    const struct spead_node_ops *ops; /* borrowed until the graph is destroyed */
    void *state;                      /* first argument of the functions in ops */
    const struct spead_port *inputs, *outputs; /* the inputs and the outputs; default: none */
    uint32_t input_count, output_count;
    /* True: a step can block (file, database, TCP), so the node gets a thread of its own. Default false. */
    bool blocking;
    /* The CPU to which the thread that steps the node is pinned. A blocking node has a thread of its own; any other
     * node goes to the worker of this CPU. Default -1: any CPU. */
    int cpu;
    enum spead_on_error on_error;      /* what happens after a failed step; default FAIL */
    enum spead_on_error after_retries; /* what happens after the last retry; default FAIL */
    uint32_t retries;    /* only for RETRY: the largest number of retries; default 0 */
    uint64_t backoff_ns; /* only for RETRY: pause before the first retry; default 0 */
    /* How much memory start() takes at most, in bytes; the plan of the graph shows it. 0 (default): an amount too small
     * to matter. */
    uint64_t memory_bytes;
};
/* clang-format off */
#define SPEAD_NODE_CONFIG_INIT { .struct_size = sizeof(struct spead_node_config), .cpu = -1 }
/* clang-format on */
/* Does what SPEAD_NODE_CONFIG_INIT does; `size` is sizeof *config. Any thread. See docs/abi.md. */
void spead_node_config_init(struct spead_node_config *config, size_t size);

/* ---- Inside a step ------------------------------------------------------------------------- */

/* The two functions receive and send messages on the port with this index, as spead_receiver_try_receive() and
 * spead_sender_try_send() do. If a port answers -EAGAIN and the step returns SPEAD_STEP_WAITING, the node waits for
 * that port. The node also waits for an output that has accepted fewer messages than it was given. An output that is
 * joined to nothing accepts every message, releases it and counts it. When all receiving ends of an output have closed,
 * the output answers -EPIPE. A node with nothing else to do then returns SPEAD_STEP_DONE, and in this way a stop
 * travels upstream.
 *
 * If a node upstream has failed, the input answers the error of that node in place of -ESHUTDOWN. A step must treat
 * this error as any other end of stream: it finishes what the node still holds, then returns SPEAD_STEP_DONE. The
 * library then ends the outputs with that error. A step may also return the error code that a port has just answered;
 * this has the effect of SPEAD_STEP_DONE and is not a failure. */
int spead_node_receive(struct spead_node *self, uint32_t input, struct spead_message *messages,
                       uint32_t max);
int spead_node_send(struct spead_node *self, uint32_t output, const struct spead_message *messages,
                    uint32_t count);

/* Makes the node wait for this input as if the input had answered -EAGAIN. A step calls this function when it has
 * received fewer messages than it asked for. The step then need not receive again before it returns
 * SPEAD_STEP_WAITING. */
void spead_node_wait_input(struct spead_node *self, uint32_t input);

/* Takes a ticket, as spead_throttle_try_take() does. If no ticket is free, the call returns -EAGAIN and queues the node
 * at the throttle. The library steps the node again when the node has got the ticket, and then the next call returns 0.
 * A node waits for one ticket at a time: if the node is queued at another throttle, the call returns -EINVAL. If the
 * ticket comes after the node has finished, the library gives it back.
 *
 * If it is useless to wait for a ticket, the node does not wait. The call then returns one of the errors below. If the
 * step returns this error, it has the effect of SPEAD_STEP_DONE: -ECANCELED (the graph has failed, or the throttle was
 * cancelled), -EPIPE (all receiving ends of all joined outputs have closed) or -ESHUTDOWN (the node is a source, and
 * the graph was asked to stop).
 *
 * The ticket belongs to no message, so the consumer must give it back (spead_throttle_give()). If the library itself
 * releases the message for which the node took the ticket, nobody gives the ticket back, and it is lost. This happens
 * in an edge that sheds, or at a node that fails. With spead_node_take_ticket_for() no ticket is lost. */
int spead_node_take_ticket(struct spead_node *self, struct spead_throttle *throttle);

/* Takes a ticket as spead_node_take_ticket() does, for a message that the node holds. The ticket then belongs to the
 * message: it comes back when the message ends, whoever releases it (see spead_throttle_attach()). If the message has a
 * ticket of this throttle already, the call returns 0 and takes none. So a step that begins anew with a message that it
 * still holds simply calls the function again. It also returns -EEXIST (the message has a ticket of another throttle)
 * or -ENOSPC, as spead_throttle_attach() does. */
int spead_node_take_ticket_for(struct spead_node *self, struct spead_throttle *throttle,
                               struct spead_message *message);

/* Makes the library step the node again at deadline_ns at the latest; this is a deadline (deadline.h). It holds only
 * when this step returns SPEAD_STEP_WAITING, and only for that one wait. Returns 0, or -EINVAL when deadline_ns is a
 * duration; then the library steps the node again at once, as after every deadline that has passed. */
int spead_node_wait_until(struct spead_node *self, uint64_t deadline_ns);

/* Says that this step did nothing but wait for something outside of the graph, for example for packets. `what` names it
 * in the verdict of the graph: "packets". The pointer must stay valid as long as the node. The time of the step then
 * counts in waited_ns of the statistics. A source that waits outside the graph does not limit the graph, so the verdict
 * does not say that it does. */
void spead_node_waited_for(struct spead_node *self, const char *what);

/* Says which message the node works on. If the step fails, the report names the stream and the sequence of this
 * message. Without this call, the report names the first message of the last receive. */
void spead_node_working_on(struct spead_node *self, const struct spead_message *message);

/* Says in words why the step is about to fail. The report of the failure gives this text as its cause. Without this
 * call the report gives the text of the errno. A text of SPEAD_ERR_TEXT_MAX characters or more is cut. */
__attribute__((format(printf, 2, 3))) void spead_node_explain(struct spead_node *self,
                                                              const char *format, ...);

/* Returns true after the graph was asked to stop. A source must then send what it has begun, and return
 * SPEAD_STEP_DONE. */
bool spead_node_is_stopping(const struct spead_node *self);

/* Returns the time of CLOCK_MONOTONIC at which the step began, in nanoseconds. The function does not read the clock, so
 * it costs little. The time is exact enough to compute how old data are. */
uint64_t spead_node_now_ns(const struct spead_node *self);

/* ---- From any thread ------------------------------------------------------------------------ */

/* Makes the library step a waiting node again. If the node is just being stepped, it is stepped once more afterwards.
 * The function is for completions: of I/O, of device events, of heaps that were sent. Any thread may call it, but no
 * signal handler. It never blocks. No thread may call it after the node has finished; the finish() of the node must
 * make sure of that. */
void spead_node_wake(struct spead_node *node);

/* Returns the name of the node, which lives as long as the graph. */
const char *spead_node_name(const struct spead_node *node);

#ifdef __cplusplus
}
#endif
#endif
