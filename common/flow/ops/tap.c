/* SPDX-License-Identifier: Apache-2.0 */
/* tap: shows each message to a function, and lets it through. */
#include "op.h"

struct tap {
    struct speadi_op op;
    int (*look)(void *arg, const struct spead_message *message);
};

static int take(struct speadi_op *op, struct spead_message *message, struct spead_message *made)
{
    int ret = ((const struct tap *)op)->look(op->arg, message);

    if (ret < 0)
        return ret;
    *made = *message;
    return 1;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    return speadi_op_each(op, self, SPEADI_OP_LEFT_OUT, take);
}

void spead_pipeline_tap(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                        int (*look)(void *arg, const struct spead_message *message), void *arg)
{
    static const struct speadi_op_kind kind = {
        .node = {.kind = "tap", SPEADI_OP_NODE}, .one_to_one = true, .work = work};
    struct spead_stage own;
    struct tap *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, arg);

    if (!op)
        return;
    op->look = look;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
