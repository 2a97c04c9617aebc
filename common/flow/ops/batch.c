/* SPDX-License-Identifier: Apache-2.0 */
/* batch: puts messages together into one message of type "batch". */
#include "batch.h"

#include <errno.h>

#include <speadi/clock.h>
#include <speadi/err.h>

#include "op.h"

struct batch {
    struct speadi_op op;
    struct spead_limits limits;
    uint32_t batches;
    struct speadi_batch_pool *pool;
    struct speadi_batch *filling; /* the batch that is being filled, or NULL */
    uint64_t bytes, due_ns;       /* of `filling` */
};

static void emit(struct batch *batch)
{
    struct speadi_op *op = &batch->op;
    struct spead_message *made = &op->out[op->kept++];

    speadi_op_begin_made(op, made, &batch->filling->messages[0]);
    made->reference = (uint64_t)(uintptr_t)batch->filling;
    made->length = batch->bytes;
    batch->filling = NULL;
}

static bool is_complete(const struct batch *batch)
{
    return batch->filling->its.count == batch->limits.messages ||
           (batch->limits.bytes > 0 && batch->bytes >= batch->limits.bytes);
}

/* Returns true if the message makes the batch larger than its bytes allow. One message alone is always allowed. */
static bool is_too_much(const struct batch *batch, const struct spead_message *message)
{
    return batch->filling && batch->limits.bytes > 0 &&
           message->length > batch->limits.bytes - batch->bytes;
}

/* Adds in[next]. Returns false if there is no batch to fill. */
static bool add(struct batch *batch, struct spead_node *self, uint64_t now_ns)
{
    struct speadi_op *op = &batch->op;
    struct spead_message *message = &op->in[op->next];

    if (is_too_much(batch, message)) {
        emit(batch);
        return true;
    }
    if (!batch->filling) {
        batch->filling = speadi_batch_take(batch->pool, self);
        if (!batch->filling)
            return false;
        batch->bytes = 0;
        batch->due_ns = speadi_clock_after(now_ns, batch->limits.age_ns);
    }
    batch->filling->messages[batch->filling->its.count++] = *message;
    batch->bytes += message->length;
    speadi_op_count(op, SPEADI_OP_FOLDED, 1);
    op->next++;
    if (is_complete(batch))
        emit(batch);
    return true;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    struct batch *batch = (struct batch *)op;
    uint64_t now_ns = batch->limits.age_ns > 0 ? speadi_op_now(op, self) : 0;

    /* The time is over before the messages of this step came. */
    if (batch->filling && batch->limits.age_ns > 0 && now_ns >= batch->due_ns)
        emit(batch);
    while (op->next < op->count && speadi_op_has_room(op))
        if (!add(batch, self, now_ns))
            return -EAGAIN;
    if (batch->filling && batch->limits.age_ns > 0)
        speadi_op_wait_until(op, self, batch->due_ns);
    return 0;
}

static int end(struct speadi_op *op, struct spead_node *self, int code)
{
    struct batch *batch = (struct batch *)op;

    (void)self;
    (void)code;
    if (batch->filling && !speadi_op_has_room(op))
        return 1;
    if (batch->filling)
        emit(batch);
    return 0;
}

static int open(struct speadi_op *op)
{
    struct batch *batch = (struct batch *)op;

    batch->pool = speadi_batch_pool_open(batch->batches, (uint32_t)batch->limits.messages);
    return batch->pool ? 0 : -ENOMEM;
}

/* The messages of a batch that is not full yet count as folded, although nobody gets them: the graph has ended. */
static void close(struct speadi_op *op)
{
    struct batch *batch = (struct batch *)op;

    if (batch->filling)
        speadi_batch_unref(batch->filling);
    batch->filling = NULL;
    speadi_batch_pool_close(batch->pool);
    batch->pool = NULL;
}

static int check(struct spead_limits limits, uint32_t batches, struct spead_err *err)
{
    if (limits.messages < 1 || limits.messages > SPEAD_BATCH_MESSAGES_MAX)
        return speadi_err_range(err, "messages", limits.messages, 1, SPEAD_BATCH_MESSAGES_MAX);
    if (batches < 1 || batches > SPEAD_BATCHES_MAX)
        return speadi_err_range(err, "batches", batches, 1, SPEAD_BATCHES_MAX);
    return spead_message_type_register(&speadi_batch_type, err) < 0 ? -EINVAL : 0;
}

void spead_pipeline_batch(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                          struct spead_limits limits, uint32_t batches)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "batch", SPEADI_OP_NODE},
                                               .makes = true,
                                               .work = work,
                                               .end = end,
                                               .open = open,
                                               .close = close};
    struct spead_stage own;
    struct batch *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, NULL);

    if (!op)
        return;
    if (check(limits, batches, speadi_op_err(pipeline)) < 0) {
        speadi_op_destroy(op);
        return;
    }
    own.gives = speadi_batch_type.name;
    op->limits = limits;
    op->batches = batches;
    op->op.more_bytes += speadi_batch_pool_bytes(batches, (uint32_t)limits.messages);
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
