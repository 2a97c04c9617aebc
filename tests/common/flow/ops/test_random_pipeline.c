/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: any pipeline of operators gives what plain loops give, loses and repeats no message, and counts each one once,
 * whatever its channels, workers and end are.
 * Method: a seed decides on the operators, their channels and the end of the graph. A loop does the same work on an
 * array. SPEAD_SEEDS says how many seeds are tried, and SPEAD_SEED is the first one. A failure prints its seed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/executor.h>
#include <speadline/operators.h>

#include "step_nodes.h"

#define STAGES_MAX 6u
#define EACH       200u
#define MADE_MAX   20000u

enum kind {
    MAP,
    IN_PLACE,
    FILTER,
    FILTER_MAP,
    TAP,
    FLAT_MAP,
    BUFFER,
    SCAN,
    ONCE,
    RATE,
    SPLIT,
    KINDS
};

struct item {
    uint64_t key, sequence;
};

struct plan {
    uint64_t seed;
    unsigned stages;
    enum kind kinds[STAGES_MAX];
    uint64_t salts[STAGES_MAX];
    enum { TO_ITS_END, STOPPED, CANCELLED, FAILED } end;
};

static struct run {
    struct plan plan;
    struct spead_graph *graph;
    uint64_t made;
    struct item arrived[MADE_MAX];
    _Atomic uint32_t arrived_count;
} run_state;

#define HOLDS(condition)                                     \
    cr_assert(condition, "seed %llu (set SPEAD_SEED to it)", \
              (unsigned long long)run_state.plan.seed)

static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random = step_mix(*random, 1);
    return *random % below;
}

/* ---- The arithmetic of the operators and of the loops ----------------------------------------- */

static uint64_t changed(const uint64_t *salt, uint64_t key)
{
    return step_mix(*salt, key);
}

static bool wanted(const uint64_t *salt, uint64_t key)
{
    return step_mix(*salt + 1, key) % 4 != 0;
}

static uint64_t parts(const uint64_t *salt, uint64_t key)
{
    return step_mix(*salt + 2, key) % 3;
}

static int map(void *salt, const struct spead_message *message, struct spead_message *made)
{
    made->key = changed(salt, message->key);
    return 0;
}

static int change(void *salt, struct spead_message *message)
{
    message->key = changed(salt, message->key);
    return 0;
}

static int keep(void *salt, const struct spead_message *message)
{
    return wanted(salt, message->key);
}

static int keep_and_map(void *salt, const struct spead_message *message, struct spead_message *made)
{
    made->key = changed(salt, message->key);
    return wanted(salt, message->key);
}

static int look(void *salt, const struct spead_message *message)
{
    (void)salt;
    (void)message;
    return 0;
}

static int part(void *salt, const struct spead_message *message, uint64_t at,
                struct spead_message *made)
{
    made->key = changed(salt, message->key + at);
    return at < parts(salt, message->key);
}

static int add(void *salt, void *sum, const struct spead_message *message)
{
    (void)salt;
    *(uint64_t *)sum += message->key;
    return 0;
}

static int sum_of(void *salt, const void *sum, struct spead_message *made)
{
    (void)salt;
    made->key = *(const uint64_t *)sum;
    return 0;
}

static int way(void *salt, const struct spead_message *message)
{
    return (int)parts(salt, message->key);
}

/* ---- The loops ------------------------------------------------------------------------------- */

static struct item loop_in[MADE_MAX], loop_out[MADE_MAX];

static void put(uint32_t *count, struct item item)
{
    HOLDS(*count < MADE_MAX);
    loop_out[(*count)++] = item;
}

/* What a route of three ways and a merge by sequence make of the array. */
static uint32_t split_and_merge(const uint64_t *salt, uint32_t count)
{
    uint32_t at[3] = {0, 0, 0}, made = 0;

    for (;;) {
        int found = -1;

        for (unsigned w = 0; w < 3; w++) {
            while (at[w] < count && parts(salt, loop_in[at[w]].key) != w)
                at[w]++;
            if (at[w] < count &&
                (found < 0 || loop_in[at[w]].sequence < loop_in[at[found]].sequence))
                found = (int)w;
        }
        if (found < 0)
            return made;
        put(&made, loop_in[at[found]++]);
    }
}

static uint32_t loop(enum kind kind, const uint64_t *salt, uint32_t count)
{
    uint64_t sum = 0, last = UINT64_MAX;
    uint32_t made = 0;

    if (kind == SPLIT)
        return split_and_merge(salt, count);
    for (uint32_t i = 0; i < count; i++) {
        struct item in = loop_in[i], new = {changed(salt, in.key), in.sequence};

        if (kind == MAP || kind == IN_PLACE)
            put(&made, new);
        else if (kind == FILTER_MAP && wanted(salt, in.key))
            put(&made, new);
        else if ((kind == FILTER && wanted(salt, in.key)) || kind == TAP || kind == BUFFER ||
                 kind == RATE || (kind == ONCE && in.sequence != last))
            put(&made, in);
        else if (kind == SCAN)
            put(&made, (struct item){sum += in.key, in.sequence});
        for (uint64_t p = 0; kind == FLAT_MAP && p < parts(salt, in.key); p++)
            put(&made, (struct item){changed(salt, in.key + p), in.sequence});
        last = in.sequence;
    }
    return made;
}

/* Leaves in loop_in[] what must arrive after `count` messages of the source. Returns how many they are. */
static uint32_t reference(const struct plan *plan, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        loop_in[i] = (struct item){step_mix(plan->seed, i), i};
    for (unsigned i = 0; i < plan->stages; i++) {
        count = loop(plan->kinds[i], &plan->salts[i], count);
        memcpy(loop_in, loop_out, count * sizeof *loop_in);
    }
    return count;
}

/* ---- The pipeline ---------------------------------------------------------------------------- */

static int make(void *arg, struct spead_message *message)
{
    struct run *run = arg;

    if (run->plan.end == FAILED && message->sequence == EACH / 2)
        return -EXDEV;
    if (message->sequence == EACH)
        return 0;
    message->key = step_mix(run->plan.seed, message->sequence);
    run->made++;
    return 1;
}

static int record(void *arg, const struct spead_message *message)
{
    struct run *run = arg;
    uint32_t count = atomic_load(&run->arrived_count);

    STEP_CHECK(count < MADE_MAX);
    run->arrived[count] = (struct item){message->key, message->sequence};
    atomic_store(&run->arrived_count, count + 1);
    return 0;
}

static struct spead_stage random_stage(const char *name, uint64_t *random)
{
    struct spead_stage stage = SPEAD_STAGE_INIT;

    stage.name = name;
    stage.capacity = 1 + (uint32_t)draw(random, draw(random, 2) ? 3 : 100);
    stage.lanes = draw(random, 4) == 0 ? 2 : 1;
    stage.batch = draw(random, 2) ? 1 + (uint32_t)draw(random, 40) : 0;
    stage.blocking = draw(random, 8) == 0;
    return stage;
}

/* Adds a route of three ways, which a merge by sequence puts together again. One of the ways has a tap. The channels of
 * the ways are large: the merge waits for the way that is empty, so the route must not wait for one that is full. */
static void add_split(struct spead_pipeline *p, struct spead_stage *stage, void *salt,
                      uint64_t *random)
{
    char split[40], tap[40];
    struct spead_stage own;

    snprintf(split, sizeof split, "%s-split", stage->name);
    snprintf(tap, sizeof tap, "%s-tap", stage->name);
    own = random_stage(split, random);
    spead_pipeline_route(p, &own, NULL, 3, way, salt);
    stage->capacity = MADE_MAX;
    spead_pipeline_from(p, split, "out0");
    spead_pipeline_merge(p, stage, 3, SPEAD_MERGE_SEQUENCE);
    spead_pipeline_from(p, split, "out1");
    own = random_stage(tap, random);
    own.capacity = MADE_MAX;
    spead_pipeline_tap(p, &own, look, salt);
    own = random_stage(NULL, random);
    own.capacity = MADE_MAX;
    spead_pipeline_into(p, &own, stage->name, "in1");
    spead_pipeline_from(p, split, "out2");
    spead_pipeline_into(p, &own, stage->name, "in2");
    spead_pipeline_from(p, stage->name, NULL);
}

static void add_stage(struct spead_pipeline *p, enum kind kind, void *salt, const char *name,
                      uint64_t *random)
{
    static const struct spead_fold sum = {.bytes = 8, .add = add, .result = sum_of};
    struct spead_stage stage = random_stage(name, random);
    struct spead_limits limits = {.messages = 1 + draw(random, 20)};

    switch (kind) {
    case MAP:
        spead_pipeline_map(p, &stage, map, salt);
        break;
    case IN_PLACE:
        spead_pipeline_map_in_place(p, &stage, change, salt);
        break;
    case FILTER:
        spead_pipeline_filter(p, &stage, keep, salt);
        break;
    case FILTER_MAP:
        spead_pipeline_filter_map(p, &stage, keep_and_map, salt);
        break;
    case TAP:
        spead_pipeline_tap(p, &stage, look, salt);
        break;
    case FLAT_MAP:
        spead_pipeline_flat_map(p, &stage, part, salt);
        break;
    case BUFFER:
        spead_pipeline_buffer(p, &stage, limits, SPEAD_ON_FULL_BLOCK);
        break;
    case SCAN:
        spead_pipeline_scan(p, &stage, &sum, salt);
        break;
    case ONCE:
        spead_pipeline_deduplicate(p, &stage, 1 + (uint32_t)draw(random, 30));
        break;
    case RATE:
        spead_pipeline_rate(p, &stage, &(struct spead_rate){.per_second = 1u << 30, .burst = 100});
        break;
    default:
        add_split(p, &stage, salt, random);
        break;
    }
}

static struct plan make_plan(uint64_t seed)
{
    struct plan plan = {.seed = seed};
    uint64_t random = seed;
    unsigned growing = 0;

    plan.stages = 1 + (unsigned)draw(&random, STAGES_MAX);
    plan.end = draw(&random, 3) ? TO_ITS_END : 1 + (unsigned)draw(&random, 3);
    for (unsigned i = 0; i < plan.stages; i++) {
        plan.kinds[i] = (enum kind)draw(&random, KINDS);
        growing += plan.kinds[i] == FLAT_MAP;
        if (growing > 2)
            plan.kinds[i] = TAP;
        plan.salts[i] = draw(&random, UINT64_MAX);
    }
    return plan;
}

static void build(struct run *run, uint64_t *random)
{
    struct spead_pipeline *p = spead_pipeline_create("random");
    struct spead_stage stage = random_stage("source", random);
    struct spead_err err = {0};
    char name[16];

    spead_pipeline_source(p, &stage, make, run);
    for (unsigned i = 0; i < run->plan.stages; i++) {
        snprintf(name, sizeof name, "stage%u", i);
        add_stage(p, run->plan.kinds[i], &run->plan.salts[i], name, random);
    }
    stage = random_stage("sink", random);
    spead_pipeline_each(p, &stage, record, run);
    cr_assert_eq(spead_pipeline_finish(p, &run->graph, &err), 0, "seed %llu: %s",
                 (unsigned long long)run->plan.seed, err.text);
}

/* ---- What must hold -------------------------------------------------------------------------- */

static void check_fates(struct run *run, int outcome)
{
    struct spead_operator_stats stats = SPEAD_OPERATOR_STATS_INIT;
    char name[16];

    for (unsigned i = 0; i < run->plan.stages; i++) {
        snprintf(name, sizeof name, "stage%u", i);
        HOLDS(spead_operator_stats(spead_graph_find(run->graph, name), &stats) == 0);
        HOLDS(stats.held == 0);
        HOLDS(stats.received == stats.passed + stats.folded + stats.left_out + stats.duplicate +
                                    stats.shed + stats.failed + stats.released);
        if (outcome == 0 && run->plan.end == TO_ITS_END)
            HOLDS(stats.released == 0 && stats.shed == 0 && stats.failed == 0);
    }
}

static void check(struct run *run, int outcome)
{
    uint32_t arrived = atomic_load(&run->arrived_count);
    uint32_t expected = reference(&run->plan, (uint32_t)run->made);

    HOLDS(outcome == 0 || (run->plan.end == FAILED && outcome == -EXDEV) ||
          (run->plan.end == CANCELLED && outcome == -ECANCELED));
    HOLDS(arrived <= expected);
    if (run->plan.end != CANCELLED)
        HOLDS(arrived == expected);
    for (uint32_t i = 0; i < arrived; i++)
        HOLDS(run->arrived[i].key == loop_in[i].key &&
              run->arrived[i].sequence == loop_in[i].sequence);
}

static void run_seed(uint64_t seed)
{
    uint64_t random = step_mix(seed, 99);
    struct run *run = &run_state;
    struct spead_executor *executor;
    struct spead_err err = {0};
    int outcome;

    memset(run, 0, sizeof *run);
    run->plan = make_plan(seed);
    build(run, &random);
    executor = step_executor(1 + (uint32_t)draw(&random, 3));
    HOLDS(spead_graph_start(run->graph, executor, &err) == 0);
    if (run->plan.end == STOPPED)
        spead_graph_stop(run->graph);
    if (run->plan.end == CANCELLED)
        spead_graph_cancel(run->graph);
    outcome = spead_graph_wait(run->graph, SPEAD_DEADLINE_NEVER, &err);
    check(run, outcome);
    check_fates(run, outcome);
    spead_graph_destroy(run->graph);
    spead_executor_destroy(executor);
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value ? strtoull(value, NULL, 10) : otherwise;
}

Test(random_pipeline, results_are_those_of_loops_and_everything_is_counted, .timeout = 240)
{
    uint64_t first = setting("SPEAD_SEED", 1), count = setting("SPEAD_SEEDS", 200);

    for (uint64_t seed = first; seed < first + count; seed++)
        run_seed(seed);
}
