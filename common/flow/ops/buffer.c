/* SPDX-License-Identifier: Apache-2.0 */
/* buffer: holds messages until the output takes them, up to a number of messages and of bytes. */
#include <errno.h>
#include <stdlib.h>

#include <speadi/err.h>

#include "op.h"

struct buffer {
    struct speadi_op op;
    struct spead_limits limits;
    enum spead_on_full on_full;
    struct spead_message *held; /* a ring of limits.messages messages */
    uint64_t first, count, bytes;
};

static struct spead_message *place(const struct buffer *buffer, uint64_t i)
{
    return &buffer->held[(buffer->first + i) % buffer->limits.messages];
}

static void pop(struct buffer *buffer)
{
    buffer->bytes -= place(buffer, 0)->length;
    buffer->first = (buffer->first + 1) % buffer->limits.messages;
    buffer->count--;
}

/* A message that is larger than all bytes together fits into an empty buffer. */
static bool fits(const struct buffer *buffer, const struct spead_message *message)
{
    if (buffer->count == 0)
        return true;
    if (buffer->count == buffer->limits.messages)
        return false;
    return buffer->limits.bytes == 0 || (buffer->bytes <= buffer->limits.bytes &&
                                         message->length <= buffer->limits.bytes - buffer->bytes);
}

/* Takes in[next] into the buffer, or sheds a message as the policy says. Returns false if the message must wait. */
static bool take(struct buffer *buffer)
{
    struct speadi_op *op = &buffer->op;
    const struct spead_message *message = &op->in[op->next];

    while (!fits(buffer, message)) {
        if (buffer->on_full == SPEAD_ON_FULL_BLOCK)
            return false;
        if (buffer->on_full == SPEAD_ON_FULL_DROP_NEWEST) {
            speadi_op_drop(op, message, SPEADI_OP_SHED);
            op->next++;
            return true;
        }
        speadi_op_drop(op, place(buffer, 0), SPEADI_OP_SHED);
        pop(buffer);
    }
    *place(buffer, buffer->count++) = *message;
    buffer->bytes += message->length;
    op->next++;
    return true;
}

/* Sends what the output takes. Returns 0, or -EAGAIN if the output is full, or its error. */
static int give(struct buffer *buffer, struct spead_node *self)
{
    struct speadi_op *op = &buffer->op;
    int ret = 0;

    while (buffer->count > 0 || op->sent < op->kept) {
        ret = speadi_op_begin_out(op, self);
        if (ret < 0)
            return ret;
        for (; buffer->count > 0 && speadi_op_has_room(op); pop(buffer))
            speadi_op_emit(op, place(buffer, 0));
        ret = speadi_op_end_out(op, self);
        if (ret < 0)
            return ret;
    }
    return ret;
}

/* Takes one batch. Returns 0 if there can be more, or -EAGAIN if the buffer waits for the input or has no room, or the
 * code with which the input has ended. */
static int take_batch(struct buffer *buffer, struct spead_node *self)
{
    struct speadi_op *op = &buffer->op;
    bool took = true;
    int ret = speadi_op_take_in(op, self);

    while (op->next < op->count && took)
        took = take(buffer);
    speadi_op_advance(op, self);
    return took ? ret : -EAGAIN;
}

static int step(void *state, struct spead_node *self)
{
    struct buffer *buffer = state;
    int in = take_batch(buffer, self), out = give(buffer, self);

    if (out < 0 && out != -EAGAIN)
        return out;
    if (in == 0 || (in == -EAGAIN && buffer->op.next < buffer->op.count && out == 0))
        return SPEAD_STEP_AGAIN;
    if (in == -EAGAIN || out == -EAGAIN)
        return SPEAD_STEP_WAITING;
    return SPEAD_STEP_DONE;
}

static int open(struct speadi_op *op)
{
    struct buffer *buffer = (struct buffer *)op;

    buffer->held = malloc(buffer->limits.messages * sizeof *buffer->held);
    return buffer->held ? 0 : -ENOMEM;
}

static void close(struct speadi_op *op)
{
    struct buffer *buffer = (struct buffer *)op;

    for (; buffer->count > 0; pop(buffer))
        speadi_op_drop(op, place(buffer, 0), SPEADI_OP_RELEASED);
    free(buffer->held);
    buffer->held = NULL;
}

static int check(struct spead_limits limits, enum spead_on_full on_full, struct spead_err *err)
{
    if (limits.messages < 1 || limits.messages > SPEAD_CHANNEL_CAPACITY_MAX)
        return speadi_err_range(err, "messages", limits.messages, 1, SPEAD_CHANNEL_CAPACITY_MAX);
    if (limits.age_ns != 0)
        return speadi_err_range(err, "age_ns", limits.age_ns, 0, 0);
    if (on_full > SPEAD_ON_FULL_DROP_OLDEST)
        return speadi_err_range(err, "on_full", (unsigned)on_full, 0, SPEAD_ON_FULL_DROP_OLDEST);
    return 0;
}

void spead_pipeline_buffer(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                           struct spead_limits limits, enum spead_on_full on_full)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "buffer",
                                                        .start = speadi_op_start,
                                                        .step = step,
                                                        .finish = speadi_op_finish,
                                                        .destroy = speadi_op_destroy},
                                               .one_to_one = true,
                                               .open = open,
                                               .close = close};
    struct spead_stage own;
    struct buffer *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, NULL);

    if (!op)
        return;
    if (check(limits, on_full, speadi_op_err(pipeline)) < 0) {
        speadi_op_destroy(op);
        return;
    }
    op->limits = limits;
    op->on_full = on_full;
    op->op.more_bytes += limits.messages * sizeof *op->held;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
