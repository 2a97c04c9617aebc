/* SPDX-License-Identifier: Apache-2.0 */
/* flat_map: makes any number of messages out of each message. */
#include <errno.h>

#include "op.h"

struct flat_map {
    struct speadi_op op;
    int (*next)(void *arg, const struct spead_message *message, uint64_t at,
                struct spead_message *made);
    uint64_t at; /* how many messages were made out of in[next] */
};

/* Makes messages out of in[next] until out[] is full. Returns 1 if there are no more of them. */
static int expand(struct flat_map *flat_map, struct spead_message *message)
{
    struct speadi_op *op = &flat_map->op;

    while (speadi_op_has_room(op)) {
        struct spead_message *made = &op->out[op->kept];
        int ret;

        speadi_op_begin_made(op, made, message);
        ret = flat_map->next(op->arg, message, flat_map->at, made);
        if (ret < 0)
            return ret;
        if (ret == 0)
            return 1;
        op->kept++;
        flat_map->at++;
    }
    return 0;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    struct flat_map *flat_map = (struct flat_map *)op;

    while (op->next < op->count && speadi_op_has_room(op)) {
        struct spead_message *message = &op->in[op->next];
        int ret = speadi_op_ticket(op, self, message);
        uint8_t ticket;

        if (ret < 0)
            return ret;
        ticket = speadi_op_hide_ticket(message);
        ret = expand(flat_map, message);
        speadi_op_show_ticket(message, ticket);
        if (ret < 0)
            return speadi_op_fail(op, ret);
        if (ret == 0)
            return 0;
        speadi_op_drop(op, message, SPEADI_OP_PASSED);
        flat_map->at = 0;
        op->next++;
    }
    return 0;
}

/* The policy of the node takes the message, so the next message begins anew. */
static int surrender(void *state, struct spead_message *failed)
{
    ((struct flat_map *)state)->at = 0;
    return speadi_op_surrender(state, failed);
}

void spead_pipeline_flat_map(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                             int (*next)(void *arg, const struct spead_message *message,
                                         uint64_t at, struct spead_message *made),
                             void *arg)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "flat_map",
                                                        .start = speadi_op_start,
                                                        .step = speadi_op_step,
                                                        .surrender = surrender,
                                                        .finish = speadi_op_finish,
                                                        .destroy = speadi_op_destroy},
                                               .makes = true,
                                               .work = work};
    struct spead_stage own;
    struct flat_map *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, arg);

    if (!op)
        return;
    op->next = next;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
