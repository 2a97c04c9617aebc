/* SPDX-License-Identifier: Apache-2.0 */
/* fan_out: sends a copy of each message to each output that wants it. */
#include "fan_out.h"

#include <errno.h>

#include <speadi/err.h>
#include <speadi/node_internal.h>

#include "op.h"

struct fan_out {
    struct speadi_op op;
    int (*wants)(void *arg, uint32_t output, const struct spead_message *message);
    struct speadi_subscribers subscribers;
    uint32_t shown; /* the subscribers have got in[next] to in[shown - 1] */
    uint32_t live;  /* how many outputs are still read */
    struct way {
        uint32_t at; /* the output has got all messages before in[at] */
        bool closed;
    } ways[];
};

/* Gives messages to one output until it is full. Returns the index of the first message that it has not got. */
static uint32_t give(struct fan_out *fan_out, struct spead_node *self, uint32_t output)
{
    struct speadi_op *op = &fan_out->op;
    struct way *way = &fan_out->ways[output];

    for (; way->at < op->count && !way->closed; way->at++) {
        const struct spead_message *message = &op->in[way->at];
        int ret;

        if (fan_out->wants && fan_out->wants(op->arg, output, message) <= 0)
            continue;
        spead_message_ref(message);
        ret = spead_node_send(self, output, message, 1);
        if (ret == 1) {
            speadi_op_count_sent(op, 1);
            continue;
        }
        spead_message_unref(message);
        if (ret == -EAGAIN)
            break;
        way->closed = true;
        fan_out->live--;
    }
    return way->closed ? op->count : way->at;
}

/* The slowest output decides which messages are done. */
static int work(struct speadi_op *op, struct spead_node *self)
{
    struct fan_out *fan_out = (struct fan_out *)op;
    uint32_t done = op->count;

    for (; fan_out->shown < op->count; fan_out->shown++)
        speadi_subscribers_give(&fan_out->subscribers, &op->in[fan_out->shown]);
    for (uint32_t i = 0; i < op->outputs; i++) {
        uint32_t at = give(fan_out, self, i);

        done = at < done ? at : done;
    }
    while (op->next < done)
        speadi_op_drop(op, &op->in[op->next++], SPEADI_OP_PASSED);
    if (fan_out->live == 0 && op->outputs > 0)
        return -EPIPE;
    if (op->next < op->count)
        return -EAGAIN;
    fan_out->shown = 0; /* for the next batch */
    for (uint32_t i = 0; i < op->outputs; i++)
        fan_out->ways[i].at = 0;
    return 0;
}

static void close(struct speadi_op *op)
{
    int error = op->end == -ESHUTDOWN ? 0 : op->end ? op->end : -ECANCELED;

    speadi_subscribers_close(&((struct fan_out *)op)->subscribers, error);
}

static void destroy(void *state)
{
    speadi_subscribers_release(&((struct fan_out *)state)->subscribers);
    speadi_op_destroy(state);
}

struct speadi_subscribers *speadi_fan_out_subscribers(const struct spead_node *node, int *type)
{
    struct fan_out *fan_out = speadi_node_state(node);

    if (speadi_node_ops(node)->destroy != destroy)
        return NULL;
    *type = fan_out->op.gives;
    return &fan_out->subscribers;
}

void spead_pipeline_fan_out(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                            const char *const *outputs, uint32_t output_count,
                            int (*wants)(void *arg, uint32_t output,
                                         const struct spead_message *message),
                            void *arg)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "fan_out",
                                                        .start = speadi_op_start,
                                                        .step = speadi_op_step,
                                                        .finish = speadi_op_finish,
                                                        .destroy = destroy},
                                               .work = work,
                                               .close = close};
    struct spead_stage own;
    size_t bytes = sizeof(struct fan_out) +
                   (output_count < SPEADI_OP_PORTS_MAX ? output_count : 0) * sizeof(struct way);
    struct fan_out *op = speadi_op_new(pipeline, &own, stage, &kind, bytes, arg);

    if (!op)
        return;
    speadi_subscribers_init(&op->subscribers);
    if (output_count >= SPEADI_OP_PORTS_MAX) {
        speadi_err_range(speadi_op_err(pipeline), "output_count", output_count, 0,
                         SPEADI_OP_PORTS_MAX - 1);
        destroy(op);
        return;
    }
    op->wants = wants;
    op->op.outputs = op->live = output_count;
    speadi_op_add(pipeline, &own, &op->op, outputs);
}
