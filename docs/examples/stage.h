/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a node from a function. For each message that comes in, the function lets one message or none
 * go out. */
#include <errno.h>
#include <stdbool.h>

#include <speadline/node.h>

struct stage {
    /* Returns 1 to pass the message on, 0 to leave it out, or -errno when it has failed. */
    int (*work)(struct spead_message *message);
    struct spead_port in, out[2];
    struct spead_message held; /* the message after work(), which the next node has not taken yet */
    bool holds;
};

/* Gives the library the message on which the last step failed. */
static int stage_surrender(void *state, struct spead_message *message)
{
    struct stage *stage = state;

    if (!stage->holds)
        return -ENOENT;
    *message = stage->held;
    stage->holds = false;
    return 0;
}

/* Releases the message that the node still holds. The library calls this function also when the graph
 * has failed. */
static void stage_finish(void *state)
{
    struct spead_message left;

    if (stage_surrender(state, &left) == 0)
        spead_message_unref(&left);
}

static int stage_take(struct stage *stage, struct spead_node *self)
{
    int ret = spead_node_receive(self, 0, &stage->held, 1);

    if (ret < 0)
        return ret;
    stage->holds = true;
    ret = stage->work(&stage->held);
    if (ret == 0)
        stage_finish(stage);
    return ret;
}

static int stage_step(void *state, struct spead_node *self)
{
    struct stage *stage = state;

    /* at most 64 messages, because other nodes wait for their turn */
    for (int i = 0; i < 64; i++) {
        int ret = stage->holds ? 1 : stage_take(stage, self);

        if (ret > 0)
            ret = spead_node_send(self, 0, &stage->held, 1);
        if (ret > 0)
            stage->holds = false;
        if (ret == -EAGAIN)
            /* the node is stepped again when the input or the output has changed */
            return SPEAD_STEP_WAITING;
        if (ret < 0)
            /* the input or output has ended, or work() failed; the library knows which */
            return ret;
    }
    return SPEAD_STEP_AGAIN;
}

/* Returns the configuration for spead_graph_add(). A message may leave with another type than it came
 * with. With SPEAD_ON_ERROR_DIVERT, a message on which work() failed goes to the output "error". There
 * it has the type with which it came. */
static struct spead_node_config stage_node(struct stage *stage, const char *name, int in_type,
                                           int out_type, enum spead_on_error on_error)
{
    static const struct spead_node_ops ops = {
        .kind = "stage", .step = stage_step, .surrender = stage_surrender, .finish = stage_finish};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    stage->in = (struct spead_port){"in", in_type};
    stage->out[0] = (struct spead_port){"out", out_type};
    stage->out[1] = (struct spead_port){"error", in_type};
    config.name = name;
    config.ops = &ops;
    config.state = stage;
    config.inputs = &stage->in;
    config.input_count = 1;
    config.outputs = stage->out;
    config.output_count = on_error == SPEAD_ON_ERROR_DIVERT ? 2 : 1;
    config.on_error = on_error;
    return config;
}
