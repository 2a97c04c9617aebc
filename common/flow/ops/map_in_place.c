/* SPDX-License-Identifier: Apache-2.0 */
/* map_in_place: changes each message where it lies. */
#include "op.h"

struct map_in_place {
    struct speadi_op op;
    int (*change)(void *arg, struct spead_message *message);
};

static int take(struct speadi_op *op, struct spead_message *message, struct spead_message *made)
{
    int ret = ((const struct map_in_place *)op)->change(op->arg, message);

    if (ret < 0)
        return ret;
    if (op->gives != op->takes)
        message->type = (uint16_t)op->gives;
    *made = *message;
    return 1;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    return speadi_op_each(op, self, SPEADI_OP_LEFT_OUT, take);
}

void spead_pipeline_map_in_place(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                                 int (*change)(void *arg, struct spead_message *message), void *arg)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "map_in_place", SPEADI_OP_NODE},
                                               .one_to_one = true,
                                               .makes = true,
                                               .work = work};
    struct spead_stage own;
    struct map_in_place *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, arg);

    if (!op)
        return;
    op->change = change;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
