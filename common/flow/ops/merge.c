/* SPDX-License-Identifier: Apache-2.0 */
/* merge: sends the messages of several inputs to one output, in an order that the program chooses. */
#include <errno.h>

#include <speadi/err.h>
#include <speadi/numbers.h>

#include "op.h"

struct merge {
    struct speadi_op op;
    enum spead_merge_order order;
    uint32_t turn;      /* fair: the input that comes first in this step */
    uint32_t ended;     /* how many inputs have ended */
    uint64_t has_ended; /* bit k: input k has ended */
    /* By sequence: the next message of each input; bit k of `has_head` says that input k has one. */
    uint64_t has_head;
    struct spead_message heads[];
};

/* Receives up to `max` messages of an input into *messages. Returns how many came. */
static uint32_t receive(struct merge *merge, struct spead_node *self, uint32_t input,
                        struct spead_message *messages, uint32_t max)
{
    int ret = -EAGAIN;

    if (!(merge->has_ended & 1ull << input))
        ret = spead_node_receive(self, input, messages, max);
    if (ret > 0) {
        speadi_counter_add(&merge->op.received, (uint64_t)ret);
        return (uint32_t)ret;
    }
    if (ret != -EAGAIN) {
        merge->has_ended |= 1ull << input;
        merge->ended++;
    }
    return 0;
}

/* Gives each input the same share of the room, beginning with another one each time. */
static void merge_fair(struct merge *merge, struct spead_node *self)
{
    struct speadi_op *op = &merge->op;
    uint32_t room = op->out_max - op->kept, share = room / op->inputs;

    for (uint32_t i = 0; i < op->inputs && speadi_op_has_room(op); i++) {
        uint32_t input = (merge->turn + i) % op->inputs;
        uint32_t max = speadi_min_u32(speadi_max_u32(share, 1), op->out_max - op->kept);

        op->kept += receive(merge, self, input, &op->out[op->kept], max);
    }
    merge->turn = (merge->turn + 1) % op->inputs;
}

/* Takes from an input only if the inputs before it have nothing. */
static void merge_by_priority(struct merge *merge, struct spead_node *self)
{
    struct speadi_op *op = &merge->op;

    for (uint32_t i = 0; i < op->inputs && speadi_op_has_room(op); i++)
        op->kept += receive(merge, self, i, &op->out[op->kept], op->out_max - op->kept);
}

/* Returns the input whose message has the lowest sequence, or -1 if an input that has not ended has no message. */
static int lowest(struct merge *merge, struct spead_node *self)
{
    int found = -1;

    for (uint32_t i = 0; i < merge->op.inputs; i++) {
        uint64_t bit = 1ull << i;

        if (!(merge->has_head & bit) && receive(merge, self, i, &merge->heads[i], 1) == 1)
            merge->has_head |= bit;
        if (!(merge->has_head & bit) && !(merge->has_ended & bit))
            return -1;
        if (merge->has_head & bit &&
            (found < 0 || merge->heads[i].sequence < merge->heads[found].sequence))
            found = (int)i;
    }
    return found;
}

static void merge_by_sequence(struct merge *merge, struct spead_node *self)
{
    struct speadi_op *op = &merge->op;

    while (speadi_op_has_room(op)) {
        int input = lowest(merge, self);

        if (input < 0)
            return;
        speadi_op_emit(op, &merge->heads[input]);
        merge->has_head &= ~(1ull << input);
    }
}

static int step(void *state, struct spead_node *self)
{
    struct merge *merge = state;
    struct speadi_op *op = &merge->op;
    int ret = speadi_op_begin_out(op, self);
    bool is_full, is_empty;

    if (ret < 0)
        return speadi_op_outcome(ret);
    if (merge->order == SPEAD_MERGE_FAIR)
        merge_fair(merge, self);
    else if (merge->order == SPEAD_MERGE_PRIORITY)
        merge_by_priority(merge, self);
    else
        merge_by_sequence(merge, self);
    is_full = !speadi_op_has_room(op);
    is_empty = op->kept == 0;
    ret = speadi_op_end_out(op, self);
    if (ret < 0)
        return speadi_op_outcome(ret);
    if (merge->ended == op->inputs && merge->has_head == 0 && !is_full)
        return SPEAD_STEP_DONE;
    return is_full || !is_empty ? SPEAD_STEP_AGAIN : SPEAD_STEP_WAITING;
}

static void close(struct speadi_op *op)
{
    struct merge *merge = (struct merge *)op;

    for (uint32_t i = 0; i < op->inputs; i++)
        if (merge->has_head & 1ull << i)
            speadi_op_drop(op, &merge->heads[i], SPEADI_OP_RELEASED);
    merge->has_head = 0;
}

static int check(uint32_t inputs, enum spead_merge_order order, struct spead_err *err)
{
    if (inputs < 2 || inputs > SPEADI_OP_PORTS_MAX)
        return speadi_err_range(err, "inputs", inputs, 2, SPEADI_OP_PORTS_MAX);
    if (order > SPEAD_MERGE_SEQUENCE)
        return speadi_err_range(err, "order", (unsigned)order, 0, SPEAD_MERGE_SEQUENCE);
    return 0;
}

void spead_pipeline_merge(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                          uint32_t inputs, enum spead_merge_order order)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "merge",
                                                        .start = speadi_op_start,
                                                        .step = step,
                                                        .finish = speadi_op_finish,
                                                        .destroy = speadi_op_destroy},
                                               .one_to_one = true,
                                               .close = close};
    struct spead_stage own;
    size_t bytes = sizeof(struct merge) +
                   (order == SPEAD_MERGE_SEQUENCE && inputs <= SPEADI_OP_PORTS_MAX ? inputs : 0) *
                       sizeof(struct spead_message);
    struct merge *op = speadi_op_new(pipeline, &own, stage, &kind, bytes, NULL);

    if (!op)
        return;
    if (check(inputs, order, speadi_op_err(pipeline)) < 0) {
        speadi_op_destroy(op);
        return;
    }
    op->order = order;
    op->op.inputs = inputs;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
