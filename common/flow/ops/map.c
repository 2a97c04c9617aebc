/* SPDX-License-Identifier: Apache-2.0 */
/* map: makes a new message out of each message. The new message takes the place of the old one in the batch. */
#include "op.h"

struct map {
    struct speadi_op op;
    int (*map)(void *arg, const struct spead_message *message, struct spead_message *made);
};

static int take(struct speadi_op *op, struct spead_message *message, struct spead_message *made)
{
    const struct map *map = (const struct map *)op;
    uint8_t ticket;
    int ret;

    speadi_op_begin_made(op, made, message);
    ticket = speadi_op_hide_ticket(message);
    ret = map->map(op->arg, message, made);
    if (ret < 0) {
        speadi_op_show_ticket(message, ticket);
        return ret;
    }
    speadi_op_show_ticket(made, ticket);
    speadi_op_unref(message);
    return 1;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    return speadi_op_each(op, self, SPEADI_OP_LEFT_OUT, take);
}

void spead_pipeline_map(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                        int (*map)(void *arg, const struct spead_message *message,
                                   struct spead_message *made),
                        void *arg)
{
    static const struct speadi_op_kind kind = {
        .node = {.kind = "map", SPEADI_OP_NODE}, .one_to_one = true, .makes = true, .work = work};
    struct spead_stage own;
    struct map *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, arg);

    if (!op)
        return;
    op->map = map;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
