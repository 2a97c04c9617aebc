/* SPDX-License-Identifier: Apache-2.0 */
/* each: a sink that calls a function for each message. */
#include "op.h"

struct each {
    struct speadi_op op;
    int (*use)(void *arg, const struct spead_message *message);
};

static int take(struct speadi_op *op, struct spead_message *message, struct spead_message *made)
{
    int ret = ((const struct each *)op)->use(op->arg, message);

    (void)made; /* there is no output */
    if (ret < 0)
        return ret;
    speadi_op_unref(message);
    return 0;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    return speadi_op_each(op, self, SPEADI_OP_PASSED, take);
}

void spead_pipeline_each(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                         int (*use)(void *arg, const struct spead_message *message), void *arg)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "each", SPEADI_OP_NODE},
                                               .work = work};
    struct spead_stage own;
    struct each *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, arg);

    if (!op)
        return;
    op->use = use;
    op->op.outputs = 0;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
