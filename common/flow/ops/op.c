/* SPDX-License-Identifier: Apache-2.0 */
/* The part that all operators have in common: see op.h. */
#include "op.h"

#include <errno.h>
#include <stdlib.h>

#include <speadi/err.h>
#include <speadi/node_internal.h>
#include <speadi/numbers.h>
#include <speadi/struct_size.h>

/* ---- A step --------------------------------------------------------------------------------- */

uint64_t speadi_op_now(struct speadi_op *op, const struct spead_node *self)
{
    uint64_t clock_ns;

    if (!op->clock)
        return spead_node_now_ns(self);
    clock_ns = op->clock->now_ns(op->clock->arg);
    if (clock_ns > op->clock_ns)
        op->now_ns += clock_ns - op->clock_ns;
    op->clock_ns = clock_ns;
    return op->now_ns;
}

void speadi_op_wait_until(const struct speadi_op *op, struct spead_node *self, uint64_t time_ns)
{
    if (!op->clock)
        (void)spead_node_wait_until(self, time_ns);
}

static void count_sent(struct speadi_op *op, uint32_t count)
{
    speadi_counter_add(&op->out_count, count);
    if (op->kind->one_to_one)
        speadi_op_count(op, SPEADI_OP_PASSED, count);
}

/* Sends what lies in own_out. Returns 0 if everything is sent, or what the output has answered. */
static int send_own(struct speadi_op *op, struct spead_node *self)
{
    while (op->sent < op->kept) {
        int ret = spead_node_send(self, 0, &op->out[op->sent], op->kept - op->sent);

        if (ret < 0)
            return ret;
        count_sent(op, (uint32_t)ret);
        op->sent += (uint32_t)ret;
        if (op->sent < op->kept)
            return -EAGAIN;
    }
    op->sent = op->kept = 0;
    return 0;
}

int speadi_op_begin_out(struct speadi_op *op, struct spead_node *self)
{
    int ret;

    if (op->outputs != 1)
        return 0;
    if (!op->reserves)
        return send_own(op, self);
    ret = speadi_node_reserve(self, 0, &op->out, op->batch);
    op->out_max = ret < 0 ? 0 : (uint32_t)ret;
    return ret < 0 ? ret : 0;
}

int speadi_op_end_out(struct speadi_op *op, struct spead_node *self)
{
    if (!op->reserves)
        return send_own(op, self);
    if (op->kept > 0) {
        speadi_node_commit(self, 0, op->kept);
        count_sent(op, op->kept);
        op->kept = 0;
    }
    return 0;
}

/* Takes the messages that are worked on out of the channel. */
void speadi_op_advance(struct speadi_op *op, struct spead_node *self)
{
    uint32_t count = op->next - op->advanced;

    if (count == 0)
        return;
    op->advanced = op->next;
    if (!op->peeks)
        return;
    speadi_node_advance(self, 0, count);
    speadi_counter_add(&op->received, count);
}

int speadi_op_take_in(struct speadi_op *op, struct spead_node *self)
{
    int ret;

    if (op->next < op->count)
        return 0;
    if (op->end)
        return op->end;
    op->next = op->count = op->advanced = 0;
    ret = op->peeks ? speadi_node_peek(self, 0, &op->in, op->batch)
                    : spead_node_receive(self, 0, op->in, op->batch);
    if (ret < 0) {
        op->end = ret == -EAGAIN ? 0 : ret;
        return ret;
    }
    op->count = (uint32_t)ret;
    if (!op->peeks)
        speadi_counter_add(&op->received, (uint64_t)ret);
    return 0;
}

/* Fails on in[next], after everything before it was sent. */
static int report(struct speadi_op *op, struct spead_node *self)
{
    int error = op->error;

    op->error = 0;
    if (op->next < op->count)
        spead_node_working_on(self, &op->in[op->next]);
    return error;
}

/* The input has ended, and everything that came is worked on. */
static int end_step(struct speadi_op *op, struct spead_node *self)
{
    int ret = op->ended || !op->kind->end ? 0 : op->kind->end(op, self, op->end), out;

    if (ret < 0)
        op->error = ret;
    op->ended = ret == 0;
    out = speadi_op_end_out(op, self);
    if (out < 0)
        return speadi_op_outcome(out);
    if (op->error)
        return report(op, self);
    return ret > 0 ? SPEAD_STEP_AGAIN : SPEAD_STEP_DONE;
}

/* Works on what lies in a row. Returns SPEAD_STEP_AGAIN if there can be more, or what the step returns. */
static int work_once(struct speadi_op *op, struct spead_node *self)
{
    int stop, in, out = speadi_op_begin_out(op, self);

    if (out < 0)
        return speadi_op_outcome(out);
    if (op->error)
        return report(op, self);
    in = speadi_op_take_in(op, self);
    stop = op->kind->work(op, self);
    if (op->end && op->next == op->count && stop == 0)
        return end_step(op, self);
    out = speadi_op_end_out(op, self);
    speadi_op_advance(op, self);
    if (out < 0)
        return speadi_op_outcome(out);
    if (op->error)
        return report(op, self);
    if (stop < 0)
        return speadi_op_outcome(stop);
    return in == -EAGAIN ? SPEAD_STEP_WAITING : SPEAD_STEP_AGAIN;
}

int speadi_op_step(void *state, struct spead_node *self)
{
    struct speadi_op *op = state;
    uint64_t before = speadi_counter_read(&op->received);
    int ret;

    /* A batch can lie in two parts, at the end and at the beginning of the ring. */
    do
        ret = work_once(op, self);
    while (ret == SPEAD_STEP_AGAIN && !op->end &&
           speadi_counter_read(&op->received) - before < op->batch &&
           speadi_counter_read(&op->received) != before);
    return ret;
}

int speadi_op_surrender(void *state, struct spead_message *failed)
{
    struct speadi_op *op = state;

    if (op->next >= op->count)
        return -ENOENT;
    *failed = op->in[op->next++];
    speadi_op_advance(op, op->self);
    speadi_op_count(op, SPEADI_OP_FAILED, 1);
    return 0;
}

/* ---- Start and end -------------------------------------------------------------------------- */

/* Takes buffers for the ends that cannot lend their messages. */
static bool take_buffers(struct speadi_op *op)
{
    op->peeks = op->inputs == 1 && speadi_node_can_peek(op->self, 0);
    op->reserves = op->outputs == 1 && speadi_node_can_reserve(op->self, 0);
    if (op->inputs == 1 && !op->peeks)
        op->in = op->own_in = malloc(op->batch * sizeof *op->own_in);
    if (op->outputs == 1 && !op->reserves)
        op->out = op->own_out = malloc(op->batch * sizeof *op->own_out);
    op->out_max = op->outputs == 0 ? UINT32_MAX : op->own_out ? op->batch : 0;
    return (op->peeks || op->inputs != 1 || op->own_in) &&
           (op->reserves || op->outputs != 1 || op->own_out);
}

int speadi_op_start(void *state, struct spead_node *self, struct spead_err *err)
{
    struct speadi_op *op = state;

    op->self = self;
    if (op->clock)
        op->clock_ns = op->clock->now_ns(op->clock->arg);
    if (take_buffers(op) && (!op->kind->open || op->kind->open(op) == 0))
        return 0;
    speadi_op_finish(op);
    return speadi_err_set(err, -ENOMEM, "cannot start node \"%s\": out of memory",
                          spead_node_name(self));
}

void speadi_op_finish(void *state)
{
    struct speadi_op *op = state;

    if (op->kind->close)
        op->kind->close(op);
    for (; op->own_in && op->next < op->count; op->next++)
        speadi_op_drop(op, &op->in[op->next], SPEADI_OP_RELEASED);
    for (; op->own_out && op->sent < op->kept; op->sent++) {
        spead_message_unref(&op->out[op->sent]);
        if (op->kind->one_to_one)
            speadi_op_count(op, SPEADI_OP_RELEASED, 1);
    }
    op->next = op->count = op->sent = op->kept = 0;
    free(op->own_in);
    free(op->own_out);
    op->own_in = op->own_out = NULL;
}

void speadi_op_destroy(void *state)
{
    struct speadi_op *op = state;

    spead_throttle_unref(op->throttle);
    free(op);
}

/* ---- Accounts ------------------------------------------------------------------------------- */

int spead_operator_stats(const struct spead_node *node, struct spead_operator_stats *stats)
{
    struct spead_operator_stats now = {0};
    const struct speadi_op *op;
    uint64_t fates[SPEADI_OP_FATES], sum = 0;

    if (speadi_node_ops(node)->finish != speadi_op_finish)
        return -EINVAL;
    op = speadi_node_state(node);
    /* The fates are read first, so that `held` is not negative while the node runs. */
    for (unsigned i = 0; i < SPEADI_OP_FATES; i++)
        sum += fates[i] = speadi_counter_read(&op->fates[i]);
    now.received = speadi_max_u64(speadi_counter_read(&op->received), sum);
    now.passed = fates[SPEADI_OP_PASSED];
    now.folded = fates[SPEADI_OP_FOLDED];
    now.left_out = fates[SPEADI_OP_LEFT_OUT];
    now.duplicate = fates[SPEADI_OP_DUPLICATE];
    now.shed = fates[SPEADI_OP_SHED];
    now.failed = fates[SPEADI_OP_FAILED];
    now.released = fates[SPEADI_OP_RELEASED];
    now.held = now.received - sum;
    now.sent = speadi_counter_read(&op->out_count);
    return speadi_struct_write(stats, &now, sizeof now);
}
