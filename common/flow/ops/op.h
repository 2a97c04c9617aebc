/* SPDX-License-Identifier: Apache-2.0 */
/* The part that all operators have in common. An operator takes a batch, works on it, and sends what comes out. Where
 * the channels allow it, the batch is read and the results are written where they lie in the channels; elsewhere the
 * operator has buffers of its own, and holds there what the output did not take. This part also treats the end of the
 * input, failures, a stop from downstream, tickets and the clock, so that an operator says only what is its own.
 *
 * Ownership: a message belongs to the operator from its receive until it is sent, released or surrendered.
 * Accounts:  each message that was received has one fate (enum speadi_op_fate), or is held. */
#ifndef SPEADI_OP_H
#define SPEADI_OP_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadi/count.h>
#include <speadline/operators.h>

/* The order is that of the fields in struct spead_operator_stats. */
enum speadi_op_fate {
    SPEADI_OP_PASSED,    /* went on, itself or as the message that was made out of it */
    SPEADI_OP_FOLDED,    /* became part of a result */
    SPEADI_OP_LEFT_OUT,  /* the function did not want it */
    SPEADI_OP_DUPLICATE, /* came before */
    SPEADI_OP_SHED,      /* there was no room for it */
    SPEADI_OP_FAILED,    /* the function failed on it, and the policy of the node took it */
    SPEADI_OP_RELEASED,  /* was held when the node ended */
    SPEADI_OP_FATES
};

struct speadi_op;

/* What a kind of operator does. */
struct speadi_op_kind {
    /* The functions of the node. `kind` is the name of the operator; the other fields are mostly SPEADI_OP_NODE. */
    struct spead_node_ops node;
    /* Each message that goes out stands for one that came in, which counts as passed when it is sent. */
    bool one_to_one;
    bool makes; /* what goes out may have another type than what comes in */

    /* Works on in[next] to in[count - 1] and puts results into out[], while there is room (speadi_op_has_room()). Called
     * in each step, also if nothing came. Returns 0, or -EAGAIN if it cannot go on now and has asked for what it waits
     * for, or the answer of a throttle or of speadi_op_fail(). speadi_op_each() is the usual loop. */
    int (*work)(struct speadi_op *op, struct spead_node *self);
    /* Called when the input has ended and all messages are worked on; `code` is -ESHUTDOWN, or the error of a node
     * upstream. Puts results that are left into out[]. Returns 1 if it must be called again for more of them, 0 if there
     * is nothing more, or -errno. NULL: nothing is left. */
    int (*end)(struct speadi_op *op, struct spead_node *self, int code);
    /* Takes memory for the run, and releases messages and memory at its end. NULL: there is none. close() is also
     * called if open() has failed. */
    int (*open)(struct speadi_op *op);
    void (*close)(struct speadi_op *op);
};

struct speadi_op {
    const struct speadi_op_kind *kind;
    void *arg; /* first argument of the functions of the program */
    struct spead_node *self;

    /* The messages in[next] to in[count - 1] have come and are not yet worked on. If `peeks`, they lie in the channel of
     * the input, and in[advanced] to in[next - 1] do too; otherwise they lie in `own_in`. */
    struct spead_message *in;
    uint32_t next, count, advanced;
    /* The messages out[sent] to out[kept - 1] go out; there is room for out_max. If `reserves`, they lie in the channel
     * of the output, and each step sends them all; otherwise they lie in `own_out`. */
    struct spead_message *out;
    uint32_t sent, kept, out_max;
    bool peeks, reserves;

    int error;  /* the error of work(), until everything in out[] is sent */
    int end;    /* the code with which the input has ended, or 0 */
    bool ended; /* end() has returned 0 */
    int gives;  /* the type of what goes out */
    int takes;  /* the type of what comes in */
    uint32_t batch, inputs, outputs;
    struct spead_message *own_in, *own_out; /* `batch` messages each, or NULL */

    struct spead_throttle *throttle;       /* or NULL */
    const struct spead_stage_clock *clock; /* or NULL */
    uint64_t clock_ns, now_ns; /* what *clock said last, and the time that has passed by it */

    uint64_t more_bytes; /* what open() takes, and the size of the operator, for the plan */

    /* Only the thread that steps the node writes these counters. */
    _Atomic uint64_t received, out_count, fates[SPEADI_OP_FATES];
};

/* The parts of a step, for an operator that has a step of its own. speadi_op_begin_out() makes room in out[] for results
 * of this step, and speadi_op_end_out() sends them. Both return 0, or what the output has answered; after -EAGAIN there
 * is no room. speadi_op_take_in() takes the next batch if the one before is worked on; it returns 0, or what the input
 * has answered. */
int speadi_op_begin_out(struct speadi_op *op, struct spead_node *self);
int speadi_op_end_out(struct speadi_op *op, struct spead_node *self);
int speadi_op_take_in(struct speadi_op *op, struct spead_node *self);
/* Takes the messages before in[next] out of the channel. Called at the end of a step. */
void speadi_op_advance(struct speadi_op *op, struct spead_node *self);
/* Counts messages that were sent on another way than in out[]. */
static inline void speadi_op_count_sent(struct speadi_op *op, uint64_t count)
{
    speadi_counter_add(&op->out_count, count);
}
/* Returns what a step must return that has got `code` from a port or a throttle. */
static inline int speadi_op_outcome(int code)
{
    return code == -EAGAIN ? SPEAD_STEP_WAITING : code;
}

int speadi_op_start(void *state, struct spead_node *self, struct spead_err *err);
int speadi_op_step(void *state, struct spead_node *self);
int speadi_op_surrender(void *state, struct spead_message *failed);
void speadi_op_finish(void *state);
void speadi_op_destroy(void *state);

/* The fields of struct spead_node_ops, besides `kind`, for an operator whose function can fail on a message. */
#define SPEADI_OP_NODE                                                                  \
    .start = speadi_op_start, .step = speadi_op_step, .surrender = speadi_op_surrender, \
    .finish = speadi_op_finish, .destroy = speadi_op_destroy

/* ---- Building ------------------------------------------------------------------------------- */

/* Makes an operator of `bytes` bytes, whose first field is a struct speadi_op. Its other fields are zero. Returns NULL,
 * and lets the pipeline keep the error, if the stage is not valid or if there was an error before. *own becomes the
 * stage. */
void *speadi_op_new(struct spead_pipeline *pipeline, struct spead_stage *own,
                    const struct spead_stage *stage, const struct speadi_op_kind *kind,
                    size_t bytes, void *arg);

/* Returns the error of the pipeline, which speadi_op_new() has seen to be empty. An operator that refuses an argument
 * writes it, and then calls speadi_op_destroy(). */
struct spead_err *speadi_op_err(struct spead_pipeline *pipeline);

/* Adds the operator to the graph and joins its first input. It has op->inputs inputs ("in", or "in0", "in1" ...) and
 * op->outputs outputs ("out", or names[], or "out0", "out1" ...; names may be NULL). */
#define SPEADI_OP_PORTS_MAX 64u
void speadi_op_add(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                   struct speadi_op *op, const char *const *names);

/* ---- In a step ------------------------------------------------------------------------------ */

static inline void speadi_op_count(struct speadi_op *op, enum speadi_op_fate fate, uint64_t more)
{
    speadi_counter_add(&op->fates[fate], more);
}

/* Releases a message that has this fate. */
static inline void speadi_op_drop(struct speadi_op *op, const struct spead_message *message,
                                  enum speadi_op_fate fate)
{
    speadi_op_count(op, fate, 1);
    spead_message_unref(message);
}

/* Returns the time by the clock of the operator. It never goes back. */
uint64_t speadi_op_now(struct speadi_op *op, const struct spead_node *self);
/* Makes the library step the node at this time of that clock, if it is the clock of the library. */
void speadi_op_wait_until(const struct speadi_op *op, struct spead_node *self, uint64_t time_ns);

/* Takes the ticket for a message that the operator is about to work on. Returns 0, or what spead_node_take_ticket_for()
 * has answered. */
static inline int speadi_op_ticket(struct speadi_op *op, struct spead_node *self,
                                   struct spead_message *message)
{
    return op->throttle ? spead_node_take_ticket_for(self, op->throttle, message) : 0;
}

/* Returns true if out[] has room for one more message. An operator without outputs always has room. */
static inline bool speadi_op_has_room(const struct speadi_op *op)
{
    return op->kept < op->out_max;
}

/* Begins the message that a function of the program makes out of `from`. */
static inline void speadi_op_begin_made(const struct speadi_op *op, struct spead_message *made,
                                        const struct spead_message *from)
{
    *made = (struct spead_message){
        .type = op->gives == SPEAD_CHANNEL_ANY_TYPE ? from->type : (uint16_t)op->gives};
    spead_message_inherit(made, from);
}

/* Puts a message into out[], which must have room. */
static inline void speadi_op_emit(struct speadi_op *op, const struct spead_message *message)
{
    op->out[op->kept++] = *message;
}

/* Returns `error`. The operator sends what is in out[], and then the step fails with this error on in[next]. */
static inline int speadi_op_fail(struct speadi_op *op, int error)
{
    op->error = error;
    return error;
}

/* A function that makes a message out of *message may take a reference with spead_message_ref(), for the message that it
 * makes. The ticket is hidden meanwhile, because otherwise that call would take a ticket too, and nobody would give it
 * back. Returns the bits for speadi_op_show_ticket(). */
static inline uint8_t speadi_op_hide_ticket(struct spead_message *message)
{
    uint8_t ticket = message->flags & SPEAD_MESSAGE_TICKET;

    message->flags = (uint8_t)(message->flags & ~SPEAD_MESSAGE_TICKET);
    return ticket;
}
static inline void speadi_op_show_ticket(struct spead_message *message, uint8_t ticket)
{
    message->flags |= ticket;
}

/* Releases a message. Most messages without an object need no call. */
static inline void speadi_op_unref(const struct spead_message *message)
{
    if (message->type != SPEAD_TYPE_PLAIN || message->flags & SPEAD_MESSAGE_TICKET)
        spead_message_unref(message);
}

/* The usual loop. take() works on one message. It returns 1 if it has put a message into *made, 0 if there is none, or
 * the error with which it failed. After 0 and 1 the message is gone. After 0 it has the fate `gone`. */
static inline __attribute__((always_inline)) int speadi_op_each(
    struct speadi_op *op, struct spead_node *self, enum speadi_op_fate gone,
    int (*take)(struct speadi_op *op, struct spead_message *message, struct spead_message *made))
{
    /* Locals, because the compiler must assume that a function of the program changes *op. */
    struct spead_message *in = op->in, *out = op->out;
    const uint32_t count = op->count, out_max = op->out_max;
    uint32_t next = op->next, kept = op->kept, gone_count = 0;
    const bool has_throttle = op->throttle;
    int ret = 0;

    for (; next < count && kept < out_max; next++) {
        if (has_throttle && (ret = speadi_op_ticket(op, self, &in[next])) < 0)
            break;
        ret = take(op, &in[next], &out[kept]);
        if (ret < 0) {
            op->error = ret;
            break;
        }
        kept += ret > 0;
        gone_count += ret == 0;
    }
    op->next = next;
    op->kept = kept;
    if (gone_count > 0)
        speadi_op_count(op, gone, gone_count);
    return ret < 0 ? ret : 0;
}

#endif
