/* SPDX-License-Identifier: Apache-2.0 */
/* Measures how many messages pass in a second from a source through a map and a filter to a sink, all on one worker. */
#include "flow_bench.h"

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "bench_graph.h"
#include "limits/limit.h"

#define STEP_MAX 64u /* messages that one step moves; the same for every batch size */

struct stage {
    const struct chain_run *run;
    uint64_t count; /* in the source: messages made; in the sink: messages received */
    uint64_t sum;   /* in the sink: the sum of the keys */
    uint32_t held;  /* how many messages the array messages[] holds */
    uint32_t done;  /* how many of the held messages were sent */
    struct spead_message messages[STEP_MAX];
};

/* Sends the messages that the stage holds. Returns 1 if all of them were sent. Otherwise returns the value that the
 * step function must return. */
static int send_held(struct stage *stage, struct spead_node *self)
{
    while (stage->done < stage->held) {
        int ret =
            spead_node_send(self, 0, stage->messages + stage->done, stage->held - stage->done);

        if (ret == -EAGAIN)
            return SPEAD_STEP_WAITING;
        if (ret < 0)
            return ret;
        stage->done += (uint32_t)ret;
    }
    stage->held = stage->done = 0;
    return 1;
}

static int source_step(void *state, struct spead_node *self)
{
    struct stage *stage = state;

    for (uint32_t moved = 0; moved < STEP_MAX; moved += stage->run->batch) {
        int ret;

        for (; stage->held < stage->run->batch && stage->count < stage->run->messages;
             stage->held++) {
            struct spead_message *message = &stage->messages[stage->held];

            message->sequence = stage->count++;
            message->key = message->sequence;
        }
        if (stage->held == 0)
            return SPEAD_STEP_DONE;
        ret = send_held(stage, self);
        if (ret != 1)
            return ret;
    }
    return SPEAD_STEP_AGAIN;
}

static uint32_t map(struct stage *stage, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        stage->messages[i].key *= 3;
    return count;
}

/* Removes every message whose sequence number is 15 modulo 16. Returns how many messages are left in the batch. */
static uint32_t filter(struct stage *stage, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (stage->messages[i].sequence % 16 == 15)
            continue;
        if (kept != i)
            stage->messages[kept] = stage->messages[i];
        kept++;
    }
    return kept;
}

static inline int work_step(void *state, struct spead_node *self,
                            uint32_t (*work)(struct stage *, uint32_t))
{
    struct stage *stage = state;

    for (uint32_t moved = 0; moved < STEP_MAX; moved += stage->run->batch) {
        int ret = send_held(stage, self);

        if (ret != 1)
            return ret;
        ret = spead_node_receive(self, 0, stage->messages, stage->run->batch);
        if (ret == -EAGAIN)
            return SPEAD_STEP_WAITING;
        if (ret < 0)
            return ret;
        stage->held = work(stage, (uint32_t)ret);
    }
    return send_held(stage, self) == 1 ? SPEAD_STEP_AGAIN : SPEAD_STEP_WAITING;
}

static int map_step(void *state, struct spead_node *self)
{
    return work_step(state, self, map);
}

static int filter_step(void *state, struct spead_node *self)
{
    return work_step(state, self, filter);
}

static int sink_step(void *state, struct spead_node *self)
{
    struct stage *stage = state;

    for (uint32_t moved = 0; moved < STEP_MAX; moved += stage->run->batch) {
        int ret = spead_node_receive(self, 0, stage->messages, stage->run->batch);

        if (ret == -EAGAIN)
            return SPEAD_STEP_WAITING;
        if (ret < 0)
            return ret;
        for (int i = 0; i < ret; i++)
            stage->sum += stage->messages[i].key;
        stage->count += (uint64_t)ret;
    }
    return SPEAD_STEP_AGAIN;
}

static void check(const struct stage *sink, uint64_t messages)
{
    uint64_t count = 0, sum = 0;

    for (uint64_t i = 0; i < messages; i++)
        if (i % 16 != 15) {
            count++;
            sum += 3 * i;
        }
    if (sink->count != count || sink->sum != sum)
        errx(1, "the chain lost messages");
}

static double process_s(void)
{
    struct limit_cpu cpu = limit_cpu();

    return cpu.user_s + cpu.system_s;
}

struct chain_rate chain_run(const struct chain_run *run)
{
    static const struct spead_node_ops ops[] = {{.kind = "source", .step = source_step},
                                                {.kind = "map", .step = map_step},
                                                {.kind = "filter", .step = filter_step},
                                                {.kind = "sink", .step = sink_step}};
    struct stage stages[4];
    struct spead_graph *graph = bench_graph("chain");
    struct spead_executor *executor = bench_executor(1, &run->cpu);
    struct spead_node *before = NULL;
    double start_s, cpu_s;

    memset(stages, 0, sizeof stages);
    for (unsigned i = 0; i < 4; i++) {
        struct spead_node *node;

        stages[i].run = run;
        node = bench_add(graph, ops[i].kind, &ops[i], &stages[i], i > 0, i < 3);
        if (before)
            bench_join(graph, before, node, run->capacity);
        before = node;
    }
    start_s = limit_now_s();
    cpu_s = process_s();
    bench_run(graph, executor);
    cpu_s = process_s() - cpu_s;
    start_s = limit_now_s() - start_s;
    check(&stages[3], run->messages);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    return (struct chain_rate){.wall = (double)run->messages / start_s * 1e-6,
                               .cpu = (double)run->messages / cpu_s * 1e-6};
}
