/* SPDX-License-Identifier: Apache-2.0 */
/* route: sends each message to one of several outputs. */
#include <errno.h>
#include <stdlib.h>

#include <speadi/err.h>

#include "op.h"

struct route {
    struct speadi_op op;
    int (*choose)(void *arg, const struct spead_message *message);
    uint16_t *choices; /* the outputs that were chosen for in[next] to in[chosen - 1] */
    uint32_t chosen;
    int failed;      /* the error with which choose() has failed on in[chosen], or 0 */
    uint64_t closed; /* bit k: nobody reads output k any more */
    uint64_t all;    /* a bit for each output */
};

/* Chooses an output for each message that has none yet. Stops at the first failure. */
static void choose_all(struct route *route)
{
    struct speadi_op *op = &route->op;

    for (; route->chosen < op->count && route->failed == 0; route->chosen++) {
        const struct spead_message *message = &op->in[route->chosen];
        int choice =
            route->choose ? route->choose(op->arg, message) : (int)(message->key % op->outputs);

        if (choice >= (int)op->outputs)
            choice = -ERANGE;
        if (choice < 0 && choice != SPEAD_ROUTE_NONE) {
            route->failed = choice;
            return;
        }
        route->choices[route->chosen] =
            choice == SPEAD_ROUTE_NONE ? SPEADI_OP_PORTS_MAX : (uint16_t)choice;
    }
}

/* Releases `count` messages from in[next] on, which have this fate. */
static void drop(struct speadi_op *op, uint32_t count, enum speadi_op_fate fate)
{
    for (; count > 0; count--)
        speadi_op_drop(op, &op->in[op->next++], fate);
}

/* Sends messages from in[next] on that go to one output. Returns 0 or -EAGAIN. */
static int send_run(struct route *route, struct spead_node *self)
{
    struct speadi_op *op = &route->op;
    uint32_t choice = route->choices[op->next], run = 1;
    int ret;

    while (op->next + run < route->chosen && route->choices[op->next + run] == choice)
        run++;
    if (choice == SPEADI_OP_PORTS_MAX || route->closed & 1ull << choice) {
        drop(op, run, choice == SPEADI_OP_PORTS_MAX ? SPEADI_OP_LEFT_OUT : SPEADI_OP_SHED);
        return 0;
    }
    ret = spead_node_send(self, choice, &op->in[op->next], run);
    if (ret == -EAGAIN)
        return ret;
    if (ret < 0) {
        route->closed |= 1ull << choice;
        return 0;
    }
    op->next += (uint32_t)ret;
    speadi_op_count_sent(op, (uint64_t)ret);
    speadi_op_count(op, SPEADI_OP_PASSED, (uint64_t)ret);
    return 0;
}

static int work(struct speadi_op *op, struct spead_node *self)
{
    struct route *route = (struct route *)op;
    int ret = 0;

    choose_all(route);
    while (op->next < route->chosen && ret == 0 && route->closed != route->all)
        ret = send_run(route, self);
    if (route->closed == route->all)
        return -EPIPE;
    if (ret == 0 && route->failed < 0) {
        ret = speadi_op_fail(op, route->failed);
        route->failed = 0;
    }
    if (op->next == op->count)
        route->chosen = 0; /* for the next batch */
    return ret;
}

static int surrender(void *state, struct spead_message *failed)
{
    struct route *route = state;
    int ret = speadi_op_surrender(state, failed);

    route->chosen = route->op.next < route->op.count ? route->op.next : 0;
    return ret;
}

static int open(struct speadi_op *op)
{
    struct route *route = (struct route *)op;

    route->choices = malloc(op->batch * sizeof *route->choices);
    return route->choices ? 0 : -ENOMEM;
}

static void close(struct speadi_op *op)
{
    free(((struct route *)op)->choices);
    ((struct route *)op)->choices = NULL;
}

void spead_pipeline_route(struct spead_pipeline *pipeline, const struct spead_stage *stage,
                          const char *const *outputs, uint32_t output_count,
                          int (*choose)(void *arg, const struct spead_message *message), void *arg)
{
    static const struct speadi_op_kind kind = {.node = {.kind = "route",
                                                        .start = speadi_op_start,
                                                        .step = speadi_op_step,
                                                        .surrender = surrender,
                                                        .finish = speadi_op_finish,
                                                        .destroy = speadi_op_destroy},
                                               .work = work,
                                               .open = open,
                                               .close = close};
    struct spead_stage own;
    struct route *op = speadi_op_new(pipeline, &own, stage, &kind, sizeof *op, arg);

    if (!op)
        return;
    if (output_count < 2 || output_count > SPEADI_OP_PORTS_MAX - 1) {
        speadi_err_range(speadi_op_err(pipeline), "output_count", output_count, 2,
                         SPEADI_OP_PORTS_MAX - 1);
        speadi_op_destroy(op);
        return;
    }
    op->choose = choose;
    op->op.outputs = output_count;
    op->all = (1ull << output_count) - 1;
    op->op.more_bytes += op->op.batch * sizeof *op->choices;
    speadi_op_add(pipeline, &own, &op->op, outputs);
}
