/* SPDX-License-Identifier: Apache-2.0 */
/* scan: makes a message out of each message and all messages before it. */
#include "fold.h"
#include "op.h"

struct scan {
    struct speadi_op op;
    struct speadi_fold fold;
    bool added; /* in[next] was added, and result() has failed on it */
};

static int take(struct speadi_op *op, struct spead_message *message, struct spead_message *made)
{
    struct scan *scan = (struct scan *)op;
    int ret = scan->added ? 0 : speadi_fold_add(&scan->fold, message);

    if (ret < 0)
        return ret;
    speadi_op_begin_made(op, made, message);
    ret = scan->fold.of.result(op->arg, scan->fold.state, made);
    scan->added = ret < 0;
    if (ret < 0)
        return ret;
    spead_message_move_ticket(made, message);
    speadi_op_unref(message);
    return 1;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    return speadi_op_each(op, self, SPEADI_OP_FOLDED, take);
}

static int surrender(void *state, struct spead_message *failed)
{
    ((struct scan *)state)->added = false;
    return speadi_op_surrender(state, failed);
}

static int open(struct speadi_op *op)
{
    return speadi_fold_open(&((struct scan *)op)->fold);
}

static void close(struct speadi_op *op)
{
    speadi_fold_close(&((struct scan *)op)->fold);
}

void spead_pipeline_scan(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                         const struct spead_fold *fold, void *arg)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "scan",
                                                        .start = speadi_op_start,
                                                        .step = speadi_op_step,
                                                        .surrender = surrender,
                                                        .finish = speadi_op_finish,
                                                        .destroy = speadi_op_destroy},
                                               .one_to_one = true,
                                               .makes = true,
                                               .work = work,
                                               .open = open,
                                               .close = close};
    struct spead_stage own;
    struct scan *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, arg);

    if (!op)
        return;
    op->fold = (struct speadi_fold){.of = *fold, .arg = arg};
    op->op.more_bytes += fold->bytes;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
