/* SPDX-License-Identifier: Apache-2.0 */
#include "step_nodes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void step_give_up(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
    abort();
}

uint64_t step_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t step_mix(uint64_t seed, uint64_t value)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + value + 1;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint32_t batch_of(uint32_t batch)
{
    return batch ? batch : 16;
}

static struct spead_node *add(struct spead_graph *graph, const struct spead_node_config *config)
{
    struct spead_node *node = NULL;
    struct spead_err err = {0};

    if (spead_graph_add(graph, config, &node, &err) < 0)
        step_give_up(__FILE__, __LINE__, err.text);
    return node;
}

/* ---- Source --------------------------------------------------------------------------------- */

static int source_step(void *state, struct spead_node *self)
{
    struct step_source *source = state;

    for (uint32_t i = 0; i < batch_of(source->batch); i++) {
        struct spead_message message = {.stream = source->stream, .sequence = source->sent};
        int ret;

        if (source->sent == source->count ||
            (spead_node_is_stopping(self) && !source->ignores_stop))
            return SPEAD_STEP_DONE;
        if (source->error != 0 && source->sent == source->error_at) {
            spead_node_working_on(self, &message);
            return source->error;
        }
        message.key = step_mix(source->stream, source->sent);
        ret = spead_node_send(self, 0, &message, 1);
        if (ret == -EAGAIN)
            return SPEAD_STEP_WAITING;
        if (ret < 0)
            return ret;
        source->sent++;
    }
    return SPEAD_STEP_AGAIN;
}

struct spead_node *step_source_add(struct spead_graph *graph, struct step_source *source,
                                   const char *name)
{
    static const struct spead_node_ops ops = {.kind = "step-source", .step = source_step};
    static const struct spead_port out = {"out", SPEAD_TYPE_PLAIN};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    config.name = name;
    config.ops = &ops;
    config.state = source;
    config.outputs = &out;
    config.output_count = 1;
    return add(graph, &config);
}

/* ---- Relay ---------------------------------------------------------------------------------- */

static int relay_start(void *state, struct spead_node *self, struct spead_err *err)
{
    (void)self;
    (void)err;
    ((struct step_relay *)state)->starts++;
    return 0;
}

/* Makes sure that the relay holds a message: if it holds none, receives one. Returns 1 if the relay then holds a
 * message. Otherwise returns the result of the receive. */
static int take(struct step_relay *relay, struct spead_node *self)
{
    int ret;

    if (relay->holds)
        return 1;
    ret = spead_node_receive(self, 0, &relay->held, 1);
    if (ret == 1) {
        relay->received++;
        relay->holds = true;
        relay->worked = false;
    }
    return ret;
}

static int take_ticket(struct step_relay *relay, struct spead_node *self)
{
    int ret = spead_node_take_ticket_for(self, relay->throttle, &relay->held);

    return ret == 0 ? 1 : ret;
}

static int work(struct step_relay *relay)
{
    int ret;

    if (relay->worked || !relay->work)
        return 1;
    relay->works++;
    ret = relay->work(relay, &relay->held);
    if (ret == 0) {
        relay->left_out++;
        relay->holds = false;
        spead_message_unref(&relay->held);
    }
    relay->worked = ret > 0;
    return ret;
}

static int pass_on(struct step_relay *relay, struct spead_node *self)
{
    int ret = spead_node_send(self, 0, &relay->held, 1);

    if (ret == 1) {
        relay->passed++;
        relay->holds = false;
    }
    return ret;
}

static int relay_step(void *state, struct spead_node *self)
{
    struct step_relay *relay = state;

    relay->random = step_mix(relay->random, 1);
    if (relay->stall_one_in != 0 && relay->random % relay->stall_one_in == 0)
        return SPEAD_STEP_AGAIN;
    for (uint32_t i = 0; i < batch_of(relay->batch); i++) {
        int ret = take(relay, self);

        if (ret > 0 && relay->throttle)
            ret = take_ticket(relay, self);
        if (ret > 0)
            ret = work(relay);
        if (ret > 0)
            ret = pass_on(relay, self);
        if (ret == -EAGAIN)
            return SPEAD_STEP_WAITING;
        if (ret < 0)
            return ret;
    }
    return SPEAD_STEP_AGAIN;
}

static int relay_surrender(void *state, struct spead_message *failed)
{
    struct step_relay *relay = state;

    if (!relay->holds)
        return -ENOENT;
    *failed = relay->held;
    relay->holds = false;
    relay->surrendered++;
    return 0;
}

static void relay_finish(void *state)
{
    struct step_relay *relay = state;

    relay->finishes++;
    if (relay->holds) {
        relay->holds = false;
        relay->left_out++;
        spead_message_unref(&relay->held);
    }
}

struct spead_node *step_relay_add(struct spead_graph *graph, struct step_relay *relay,
                                  const char *name)
{
    static const struct spead_node_ops ops = {.kind = "step-relay",
                                              .start = relay_start,
                                              .step = relay_step,
                                              .surrender = relay_surrender,
                                              .finish = relay_finish};
    static const struct spead_port in = {"in", SPEAD_TYPE_PLAIN};
    static const struct spead_port outs[] = {{"out", SPEAD_TYPE_PLAIN},
                                             {"error", SPEAD_TYPE_PLAIN}};
    struct spead_node_config config = relay->config;
    bool diverts =
        config.on_error == SPEAD_ON_ERROR_DIVERT || config.after_retries == SPEAD_ON_ERROR_DIVERT;

    if (config.struct_size == 0)
        config.cpu = -1;
    config.struct_size = sizeof config;
    config.name = name;
    config.ops = &ops;
    config.state = relay;
    config.inputs = &in;
    config.input_count = 1;
    config.outputs = outs;
    config.output_count = diverts ? 2 : 1;
    return add(graph, &config);
}

/* ---- Sink ----------------------------------------------------------------------------------- */

static int sink_step(void *state, struct spead_node *self)
{
    struct step_sink *sink = state;

    for (uint32_t i = 0; i < batch_of(sink->batch); i++) {
        struct spead_message message;
        int ret;

        if (sink->closed && *sink->closed)
            return SPEAD_STEP_WAITING;
        if (sink->stop_after != 0 && sink->received == sink->stop_after)
            return SPEAD_STEP_DONE;
        ret = spead_node_receive(self, 0, &message, 1);
        if (ret == -EAGAIN)
            return SPEAD_STEP_WAITING;
        if (ret < 0) {
            sink->end = ret;
            return ret;
        }
        if (sink->received < sink->record_max)
            sink->record[sink->received] = message;
        sink->received++;
        spead_message_unref(&message);
    }
    return SPEAD_STEP_AGAIN;
}

struct spead_node *step_sink_add(struct spead_graph *graph, struct step_sink *sink,
                                 const char *name)
{
    static const struct spead_node_ops ops = {.kind = "step-sink", .step = sink_step};
    static const struct spead_port in = {"in", SPEAD_TYPE_PLAIN};
    struct spead_node_config config = SPEAD_NODE_CONFIG_INIT;

    if (sink->record_max == 0)
        sink->record_max = 4096;
    sink->record = calloc(sink->record_max, sizeof *sink->record);
    STEP_CHECK(sink->record);
    config.name = name;
    config.ops = &ops;
    config.state = sink;
    config.inputs = &in;
    config.input_count = 1;
    return add(graph, &config);
}

void step_sink_release(struct step_sink *sink)
{
    free(sink->record);
    sink->record = NULL;
}

/* ---- Graphs and executors ------------------------------------------------------------------- */

struct spead_graph *step_graph(const char *name)
{
    struct spead_graph_config config = SPEAD_GRAPH_CONFIG_INIT;
    struct spead_graph *graph = NULL;

    config.name = name;
    STEP_CHECK(spead_graph_create(&graph, &config, NULL) == 0);
    return graph;
}

struct spead_executor *step_executor(uint32_t workers)
{
    struct spead_executor_config config = SPEAD_EXECUTOR_CONFIG_INIT;
    struct spead_executor *executor = NULL;

    config.workers = workers;
    STEP_CHECK(spead_executor_create(&executor, &config, NULL) == 0);
    return executor;
}

void step_join(struct spead_graph *graph, struct spead_node *from, struct spead_node *to,
               uint32_t capacity)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct spead_err err = {0};

    config.capacity = capacity;
    if (spead_graph_join(graph, (struct spead_graph_end){from, "out"},
                         (struct spead_graph_end){to, "in"}, &config, &err) < 0)
        step_give_up(__FILE__, __LINE__, err.text);
}
