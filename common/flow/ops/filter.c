/* SPDX-License-Identifier: Apache-2.0 */
/* filter: lets messages through, or releases them. */
#include "op.h"

struct filter {
    struct speadi_op op;
    int (*keep)(void *arg, const struct spead_message *message);
};

static int take(struct speadi_op *op, struct spead_message *message, struct spead_message *made)
{
    int ret = ((const struct filter *)op)->keep(op->arg, message);

    if (ret > 0)
        *made = *message;
    else if (ret == 0)
        speadi_op_unref(message);
    return ret;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    return speadi_op_each(op, self, SPEADI_OP_LEFT_OUT, take);
}

void spead_pipeline_filter(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                           int (*keep)(void *arg, const struct spead_message *message), void *arg)
{
    static const struct speadi_op_kind kind = {
        .node = {.kind = "filter", SPEADI_OP_NODE}, .one_to_one = true, .work = work};
    struct spead_stage own;
    struct filter *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, arg);

    if (!op)
        return;
    op->keep = keep;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
