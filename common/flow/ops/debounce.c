/* SPDX-License-Identifier: Apache-2.0 */
/* debounce: sends the newest message when no other one has come for some time. */
#include <errno.h>

#include <speadi/clock.h>

#include "op.h"

struct debounce {
    struct speadi_op op;
    uint64_t quiet_ns, due_ns;
    struct spead_message newest;
    bool holds;
};

static void send_newest(struct debounce *debounce)
{
    speadi_op_emit(&debounce->op, &debounce->newest);
    debounce->holds = false;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    struct debounce *debounce = (struct debounce *)op;
    uint64_t now_ns = speadi_op_now(op, self);

    /* The time is over before the messages of this step came. */
    if (debounce->holds && now_ns >= debounce->due_ns)
        send_newest(debounce);
    for (; op->next < op->count; op->next++) {
        if (debounce->holds)
            speadi_op_drop(op, &debounce->newest, SPEADI_OP_LEFT_OUT);
        debounce->newest = op->in[op->next];
        debounce->holds = true;
        debounce->due_ns = speadi_clock_after(now_ns, debounce->quiet_ns);
    }
    if (debounce->holds)
        speadi_op_wait_until(op, self, debounce->due_ns);
    return 0;
}

static int end(struct speadi_op *op, struct spead_node *self, int code)
{
    (void)self;
    (void)code;
    if (((struct debounce *)op)->holds && !speadi_op_has_room(op))
        return 1;
    if (((struct debounce *)op)->holds)
        send_newest((struct debounce *)op);
    return 0;
}

static void close(struct speadi_op *op)
{
    struct debounce *debounce = (struct debounce *)op;

    if (debounce->holds)
        speadi_op_drop(op, &debounce->newest, SPEADI_OP_RELEASED);
    debounce->holds = false;
}

void spead_pipeline_debounce(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                             uint64_t quiet_ns)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "debounce", SPEADI_OP_NODE},
                                               .one_to_one = true,
                                               .work = work,
                                               .end = end,
                                               .close = close};
    struct spead_stage own;
    struct debounce *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, NULL);

    if (!op)
        return;
    op->quiet_ns = quiet_ns;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
