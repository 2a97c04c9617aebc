/* SPDX-License-Identifier: Apache-2.0 */
/* source: a function makes the messages. */
#include <errno.h>

#include "op.h"

struct source {
    struct speadi_op op;
    int (*make)(void *arg, struct spead_message *message);
    uint64_t sequence;
    bool ended; /* make() has returned 0, or the graph was stopped */
};

static int make_batch(struct source *source, struct spead_node *self)
{
    struct speadi_op *op = &source->op;
    uint64_t now_ns = speadi_op_now(op, self);

    while (!source->ended && speadi_op_has_room(op)) {
        struct spead_message *made = &op->out[op->kept];
        int ret;

        *made =
            (struct spead_message){.sequence = source->sequence,
                                   .time_ns = now_ns,
                                   .type = op->gives < 0 ? SPEAD_TYPE_PLAIN : (uint16_t)op->gives};
        ret = source->make(op->arg, made);
        if (ret < 0)
            return ret;
        source->ended = ret == 0;
        source->sequence += ret > 0;
        op->kept += ret > 0;
    }
    return 0;
}

/* A failure is reported after everything before it was sent. */
static int step(void *state, struct spead_node *self)
{
    struct source *source = state;
    struct speadi_op *op = &source->op;
    int ret = speadi_op_begin_out(op, self);

    if (ret == 0 && !op->error) {
        source->ended |= spead_node_is_stopping(self);
        op->error = make_batch(source, self);
        ret = speadi_op_end_out(op, self);
    }
    if (ret < 0)
        return ret == -EAGAIN ? SPEAD_STEP_WAITING : ret;
    if (op->error) {
        ret = op->error;
        op->error = 0;
        return ret;
    }
    return source->ended ? SPEAD_STEP_DONE : SPEAD_STEP_AGAIN;
}

void spead_pipeline_source(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                           int (*make)(void *arg, struct spead_message *message), void *arg)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "source",
                                                        .start = speadi_op_start,
                                                        .step = step,
                                                        .finish = speadi_op_finish,
                                                        .destroy = speadi_op_destroy},
                                               .makes = true};
    struct spead_stage own;
    struct source *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, arg);

    if (!op)
        return;
    op->make = make;
    op->op.inputs = 0;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
