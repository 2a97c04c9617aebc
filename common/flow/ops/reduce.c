/* SPDX-License-Identifier: Apache-2.0 */
/* reduce: makes one message out of all messages. */
#include <errno.h>

#include "fold.h"
#include "op.h"

struct reduce {
    struct speadi_op op;
    struct speadi_fold fold;
};

static int take(struct speadi_op *op, struct spead_message *message, struct spead_message *made)
{
    int ret = speadi_fold_add(&((struct reduce *)op)->fold, message);

    (void)made;
    if (ret < 0)
        return ret;
    speadi_op_unref(message);
    return 0;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    return speadi_op_each(op, self, SPEADI_OP_FOLDED, take);
}

/* After a failure upstream there is no result, because it would be the result of a part of the messages. */
static int end(struct speadi_op *op, struct spead_node *self, int code)
{
    struct speadi_fold *fold = &((struct reduce *)op)->fold;
    int ret;

    (void)self;
    if (code != -ESHUTDOWN || !fold->is_open)
        return 0;
    speadi_op_begin_made(op, &op->out[op->kept], &fold->first);
    ret = fold->of.result(fold->arg, fold->state, &op->out[op->kept]);
    op->kept += ret == 0;
    return ret < 0 ? ret : 0;
}

static int open(struct speadi_op *op)
{
    return speadi_fold_open(&((struct reduce *)op)->fold);
}

static void close(struct speadi_op *op)
{
    speadi_fold_close(&((struct reduce *)op)->fold);
}

void spead_pipeline_reduce(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                           const struct spead_fold *fold, void *arg)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "reduce", SPEADI_OP_NODE},
                                               .makes = true,
                                               .work = work,
                                               .end = end,
                                               .open = open,
                                               .close = close};
    struct spead_stage own;
    struct reduce *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, arg);

    if (!op)
        return;
    op->fold = (struct speadi_fold){.of = *fold, .arg = arg};
    op->op.more_bytes += fold->bytes;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
