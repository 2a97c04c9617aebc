/* SPDX-License-Identifier: Apache-2.0 */
/* rate: lets through so many messages or bytes a second.
 *
 * Each message takes a time, its cost. `due_ns` is the sum of the costs: the time when the credit is whole again. A
 * message may go if the credit lacks at most the burst. So a message that is larger than the burst goes as well, as soon
 * as the credit is whole, and the next message waits longer. */
#include <errno.h>

#include <speadi/clock.h>
#include <speadi/err.h>

#include "op.h"

struct rate {
    struct speadi_op op;
    struct spead_rate of;
    uint64_t due_ns, burst_ns;
    uint64_t rest; /* what the costs until now have lacked, in ns times per_second */
    bool begun;    /* due_ns is valid */
};

/* Adds the cost of this many units to due_ns. The rest of each division is kept, so that the mean rate is exact. */
static void charge(struct rate *rate, uint64_t units)
{
    unsigned __int128 cost = (unsigned __int128)units * 1000000000u + rate->rest;
    unsigned __int128 ns = cost / rate->of.per_second;

    rate->rest = (uint64_t)(cost % rate->of.per_second);
    rate->due_ns = speadi_clock_after(rate->due_ns, ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns);
}

static bool may_go(struct rate *rate, uint64_t now_ns)
{
    if (!rate->begun || rate->due_ns <= now_ns) {
        rate->begun = true;
        rate->due_ns = now_ns;
        rate->rest = 0;
    }
    return rate->due_ns - now_ns <= rate->burst_ns;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    struct rate *rate = (struct rate *)op;
    uint64_t now_ns = speadi_op_now(op, self);

    for (; op->next < op->count && speadi_op_has_room(op); op->next++) {
        struct spead_message *message = &op->in[op->next];
        int ret;

        if (!may_go(rate, now_ns)) {
            speadi_op_wait_until(op, self, rate->due_ns - rate->burst_ns);
            return -EAGAIN;
        }
        ret = speadi_op_ticket(op, self, message);
        if (ret < 0)
            return ret;
        charge(rate, rate->of.unit == SPEAD_RATE_LENGTHS ? message->length : 1);
        speadi_op_emit(op, message);
    }
    return 0;
}

static int check(const struct spead_rate *rate, struct spead_err *err)
{
    if (rate->per_second < 1)
        return speadi_err_range(err, "per_second", rate->per_second, 1, UINT64_MAX);
    if (rate->unit > SPEAD_RATE_LENGTHS)
        return speadi_err_range(err, "unit", (unsigned)rate->unit, 0, SPEAD_RATE_LENGTHS);
    return 0;
}

void spead_pipeline_rate(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                         const struct spead_rate *rate)
{
    static const struct speadi_op_kind kind = {
        .node = {.kind = "rate", SPEADI_OP_NODE}, .one_to_one = true, .work = work};
    struct spead_stage own;
    struct rate *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, NULL);
    unsigned __int128 burst_ns;

    if (!op)
        return;
    if (check(rate, speadi_op_err(pipeline)) < 0) {
        speadi_op_destroy(op);
        return;
    }
    op->of = *rate;
    burst_ns = (unsigned __int128)rate->burst * 1000000000u / rate->per_second;
    op->burst_ns = burst_ns > UINT64_MAX ? UINT64_MAX : (uint64_t)burst_ns;
    speadi_op_add(pipeline, &own, &op->op, NULL);
}
