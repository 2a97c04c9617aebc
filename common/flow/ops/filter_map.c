/* SPDX-License-Identifier: Apache-2.0 */
/* filter_map: makes a new message out of each message, or none. */
#include "op.h"

struct filter_map {
    struct speadi_op op;
    int (*map)(void *arg, const struct spead_message *message, struct spead_message *made);
};

static int take(struct speadi_op *op, struct spead_message *message, struct spead_message *made)
{
    const struct filter_map *filter_map = (const struct filter_map *)op;
    uint8_t ticket;
    int ret;

    speadi_op_begin_made(op, made, message);
    ticket = speadi_op_hide_ticket(message);
    ret = filter_map->map(op->arg, message, made);
    if (ret <= 0)
        speadi_op_show_ticket(message, ticket);
    if (ret < 0)
        return ret;
    if (ret == 0) {
        speadi_op_unref(message);
        return 0;
    }
    speadi_op_show_ticket(made, ticket);
    speadi_op_unref(message);
    return 1;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    return speadi_op_each(op, self, SPEADI_OP_LEFT_OUT, take);
}

void spead_pipeline_filter_map(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                               int (*map)(void *arg, const struct spead_message *message,
                                          struct spead_message *made),
                               void *arg)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "filter_map", SPEADI_OP_NODE},
                                               .one_to_one = true,
                                               .makes = true,
                                               .work = work};
    struct spead_stage own;
    struct filter_map *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, arg);

    if (!op)
        return;
    op->map = map;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
