/* SPDX-License-Identifier: Apache-2.0 */
/* timeout: notices that no message has come for some time. */
#include <errno.h>

#include <speadi/clock.h>

#include "op.h"

struct timeout {
    struct speadi_op op;
    int (*make)(void *arg, struct spead_message *made);
    uint64_t silence_ns, due_ns;
    struct spead_message last; /* identity of the last message; it owns nothing */
    bool begun;
};

static int speak(struct timeout *timeout, struct spead_node *self)
{
    struct speadi_op *op = &timeout->op;
    int ret;

    if (!timeout->make) {
        spead_node_explain(self, "no message has come for %llu ns",
                           (unsigned long long)timeout->silence_ns);
        return -ETIMEDOUT;
    }
    speadi_op_begin_made(op, &op->out[op->kept], &timeout->last);
    ret = timeout->make(op->arg, &op->out[op->kept]);
    op->kept += ret == 0;
    return ret;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    struct timeout *timeout = (struct timeout *)op;
    uint64_t now_ns = speadi_op_now(op, self);

    if (!timeout->begun || op->next < op->count) {
        timeout->begun = true;
        timeout->due_ns = speadi_clock_after(now_ns, timeout->silence_ns);
    }
    while (op->next < op->count && speadi_op_has_room(op)) {
        timeout->last = op->in[op->next];
        speadi_op_emit(op, &op->in[op->next++]);
        speadi_op_count(op, SPEADI_OP_PASSED, 1);
    }
    if (op->end)
        return 0;
    if (now_ns >= timeout->due_ns && speadi_op_has_room(op)) {
        int ret = speak(timeout, self);

        if (ret < 0)
            return speadi_op_fail(op, ret);
        timeout->due_ns = speadi_clock_after(now_ns, timeout->silence_ns);
    }
    speadi_op_wait_until(op, self, timeout->due_ns);
    return 0;
}

void spead_pipeline_timeout(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                            uint64_t silence_ns, int (*make)(void *arg, struct spead_message *made),
                            void *arg)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "timeout", SPEADI_OP_NODE},
                                               .work = work};
    struct spead_stage own;
    struct timeout *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, arg);

    if (!op)
        return;
    op->silence_ns = silence_ns;
    op->make = make;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
