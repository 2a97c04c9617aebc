/* Nodes: steps of processing that are suspended in place of their thread.
 *
 * A node is a step function with its state. A step runs to completion and returns; it never blocks (unless
 * the node is declared so). Where an input is empty or an output full it returns
 * SPEAD_STEP_WAITING, and is stepped again once that has changed: 10,000 suspended nodes need no thread.
 *
 * Threads: one thread at a time steps a node, and sees all that the step before did. Calls that take `self`
 *          are for that thread, inside start(), step() and finish(), unless they say otherwise.
 * State:   the node's own; the library never looks into it. */
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

/* What a step answers; a negative errno means that it failed. */
enum spead_step {
    /* Nothing more to do until one of the things that it found wanting changes: a port that answered -EAGAIN, an
     * input given to spead_node_wait_input(), a throttle without tickets, the time given to
     * spead_node_wait_until(); or until spead_node_wake(). */
    SPEAD_STEP_WAITING = 0,
    SPEAD_STEP_AGAIN = 1, /* did some work, has more: step again, after others had their turn */
    SPEAD_STEP_DONE = 2,  /* finished: its outputs end in order, its inputs take no more */
};

struct spead_node_ops {
    const char *kind; /* "map", "tcp-sink": for plans and reports */

    /* Control plane, once, when the graph starts: opens what the node needs; may block. Answers 0 or -errno
     * with a sentence. NULL: nothing to open. */
    int (*start)(void *state, struct spead_node *self, struct spead_err *err);

    /* Bounded work: a batch of messages, not all there are. Returns enum spead_step or -errno. Once its
     * inputs have ended and nothing is held any more, it answers DONE. */
    int (*step)(void *state, struct spead_node *self);

    /* The node's failed message, which it still holds, passes to the caller with its reference; see enum
     * spead_on_error. NULL: the node cannot tell, and only FAIL and RETRY are allowed. */
    int (*surrender)(void *state, struct spead_message *failed); /* 0, or -errno: there is none */

    /* Once, after the last step, if start() succeeded; also after failure and cancel: releases all
     * messages held, closes what start() opened. NULL: nothing to do. */
    void (*finish)(void *state);

    /* With the graph. NULL: the state is the caller's. */
    void (*destroy)(void *state);

    /* For a blocking node that may sleep long: makes the step under way, or the next one, return soon. Called when
     * the graph is asked to stop, is cancelled or fails; on any thread, also before the first step and more than
     * once, until the graph has ended (so maybe after finish()). Never blocks. NULL: its steps return soon by themselves. */
    void (*interrupt)(void *state);
};

/* What a failed step does to the graph. Each outcome is counted; nothing is swallowed. */
enum spead_on_error {
    /* The graph fails: sources stop, what went before is delivered in order, receivers downstream see the error. */
    SPEAD_ON_ERROR_FAIL = 0,
    /* Step again, up to `retries` times for one message with back-off in between (doubled each time, to at most an
     * hour); then as `after_retries` says. */
    SPEAD_ON_ERROR_RETRY = 1,
    SPEAD_ON_ERROR_SKIP = 2, /* the failed message is released; step again */
    SPEAD_ON_ERROR_LOG = 3,  /* skip, and a line to the log, at most one a second */
    /* The failed message, flagged SPEAD_MESSAGE_FAILED, goes to the output port called "error"; where that is full
     * it is shed there by its policy. */
    SPEAD_ON_ERROR_DIVERT = 4,
};

struct spead_port {
    const char *name; /* unique among a node's inputs, and among its outputs */
    int type;         /* of spead_message_type_register(), or SPEAD_CHANNEL_ANY_TYPE */
};

struct spead_node_config {
    uint32_t struct_size;             /* set by _INIT */
    const char *name;                 /* unique in the graph; copied */
    const struct spead_node_ops *ops; /* borrowed for the life of the graph */
    void *state;
    const struct spead_port *inputs, *outputs; /* copied */
    uint32_t input_count, output_count;
    bool blocking; /* its step may block (file, database, TCP): it gets a thread of its own */
    int cpu;       /* of that thread, or of the worker that steps it; -1: any */
    enum spead_on_error on_error;
    enum spead_on_error after_retries;
    uint32_t retries;
    uint64_t backoff_ns;   /* before the first retry */
    uint64_t memory_bytes; /* what start() takes at most, for the plan; 0: nothing worth telling */
};
/* clang-format off */
#define SPEAD_NODE_CONFIG_INIT { .struct_size = sizeof(struct spead_node_config), .cpu = -1 }
/* clang-format on */

/* ---- Inside a step ------------------------------------------------------------------------- */

/* As spead_receiver_try_receive() and spead_sender_try_send() on a port, by its index. -EAGAIN, and a
 * send that took less than all, make the port one of those that the node waits for. An output that is joined to
 * nothing takes and releases everything (counted). -EPIPE from an output that nobody reads any more: a
 * node with nothing else to do answers DONE, so that the stop travels upstream.
 *
 * An input that ended with an error of a node upstream answers that error in place of -ESHUTDOWN. It is
 * an end like the other: finish what is held, answer DONE; the outputs then end with that error by
 * themselves. A step that returns the code by which a port has just told of its end has
 * not failed: this is DONE too. */
int spead_node_receive(struct spead_node *self, uint32_t input, struct spead_message *messages,
                       uint32_t max);
int spead_node_send(struct spead_node *self, uint32_t output, const struct spead_message *messages,
                    uint32_t count);

/* The node waits for this input as if it had answered -EAGAIN: for a step that got less than it asked for, and answers
 * WAITING without another try. */
void spead_node_wait_input(struct spead_node *self, uint32_t input);

/* As spead_throttle_try_take(), but -EAGAIN queues the node: it is stepped once the ticket is there, and
 * the next call answers 0. Never more than one ticket is waited for: -EINVAL while queued at another throttle. A
 * ticket that comes when the node has finished is given back. */
int spead_node_take_ticket(struct spead_node *self, struct spead_throttle *throttle);

/* A WAITING node is stepped at this time (CLOCK_MONOTONIC) at the latest. For one wait. */
void spead_node_wait_until(struct spead_node *self, uint64_t time_ns);

/* Names the message that the node works on, so that a failure can say its stream and sequence. Without a call
 * it is the first message of the last receive. */
void spead_node_working_on(struct spead_node *self, const struct spead_message *message);

/* Says in words why the step is about to fail: the cause in the failure's report. Without a call it is the
 * text of the errno. Cut at SPEAD_ERR_TEXT_MAX. */
__attribute__((format(printf, 2, 3))) void spead_node_explain(struct spead_node *self,
                                                              const char *format, ...);

/* True once the graph was asked to stop: a source emits what it has begun, then answers DONE. */
bool spead_node_is_stopping(const struct spead_node *self);

/* The clock that the step began at (CLOCK_MONOTONIC): cheap, and good enough for ages. */
uint64_t spead_node_now_ns(const struct spead_node *self);

/* ---- From anywhere ------------------------------------------------------------------------- */

/* Steps a WAITING node again; one that is running is stepped once more after that. Any thread, never
 * blocks; not for signal handlers. For completions: I/O, device events, heaps sent. The node must not have
 * finished: whoever calls it is stopped by the node's finish(). */
void spead_node_wake(struct spead_node *node);

const char *spead_node_name(const struct spead_node *node);

#ifdef __cplusplus
}
#endif
#endif
