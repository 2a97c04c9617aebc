/* SPDX-License-Identifier: Apache-2.0 */
/* Compares operators with a loop. The chain is source, map, filter, reduce on one worker; the loop calls the same four
 * functions through the same pointers. Both take turns, and the bench prints medians as JSON. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include <speadline/operators.h>

#include "bench_graph.h"
#include "limits/limit.h"

#define RUNS_MAX 99

struct options {
    uint64_t messages;
    uint32_t capacity;
    unsigned runs;
};

/* ---- The functions --------------------------------------------------------------------------- */

struct supply {
    uint64_t messages, made;
};

static int make(void *arg, struct spead_message *message)
{
    struct supply *supply = arg;

    message->key = supply->made;
    return supply->made++ < supply->messages;
}

static int triple(void *arg, const struct spead_message *message, struct spead_message *made)
{
    (void)arg;
    made->key = message->key * 3;
    return 0;
}

static int keep(void *arg, const struct spead_message *message)
{
    (void)arg;
    return message->sequence % 16 != 15;
}

static int add(void *arg, void *sum, const struct spead_message *message)
{
    (void)arg;
    *(uint64_t *)sum += message->key;
    return 0;
}

static int total(void *arg, const void *sum, struct spead_message *made)
{
    (void)arg;
    made->key = *(const uint64_t *)sum;
    return 0;
}

/* The compiler does not see what these pointers point to, so it cannot put the functions into the loop. */
static struct {
    int (*volatile make)(void *arg, struct spead_message *message);
    int (*volatile map)(void *arg, const struct spead_message *message, struct spead_message *made);
    int (*volatile keep)(void *arg, const struct spead_message *message);
    int (*volatile add)(void *arg, void *sum, const struct spead_message *message);
} functions = {make, triple, keep, add};

static void check(uint64_t sum, uint64_t messages)
{
    uint64_t expected = 0;

    for (uint64_t i = 0; i < messages; i++)
        expected += i % 16 != 15 ? 3 * i : 0;
    if (sum != expected)
        errx(1, "the sum is wrong");
}

static double process_s(void)
{
    struct limit_cpu cpu = limit_cpu();

    return cpu.user_s + cpu.system_s;
}

/* ---- The loop and the chain ------------------------------------------------------------------ */

static uint64_t bare_loop(struct supply *supply)
{
    int (*make_one)(void *, struct spead_message *) = functions.make;
    int (*map_one)(void *, const struct spead_message *, struct spead_message *) = functions.map;
    int (*keep_one)(void *, const struct spead_message *) = functions.keep;
    int (*add_one)(void *, void *, const struct spead_message *) = functions.add;
    uint64_t sum = 0;

    for (uint64_t sequence = 0;; sequence++) {
        struct spead_message message = {.sequence = sequence}, made = {0};

        if (make_one(supply, &message) != 1)
            return sum;
        spead_message_inherit(&made, &message);
        if (map_one(NULL, &message, &made) < 0)
            errx(1, "map failed");
        if (keep_one(NULL, &made) == 1 && add_one(NULL, &sum, &made) < 0)
            errx(1, "add failed");
    }
}

static int use(void *arg, const struct spead_message *message)
{
    *(uint64_t *)arg = message->key;
    return 0;
}

static double run_loop(const struct options *o)
{
    struct supply supply = {.messages = o->messages};
    double start_s = process_s();
    uint64_t sum = bare_loop(&supply);
    double took_s = process_s() - start_s;

    check(sum, o->messages);
    return took_s;
}

static double run_chain(const struct options *o)
{
    static const struct spead_fold fold = {.bytes = 8, .add = add, .result = total};
    struct supply supply = {.messages = o->messages};
    struct spead_pipeline *p = spead_pipeline_create("chain");
    struct spead_executor *executor = bench_executor(1, NULL);
    struct spead_graph *graph;
    struct spead_err error;
    double start_s, took_s;
    uint64_t sum = 0;

    spead_pipeline_set_capacity(p, o->capacity);
    spead_pipeline_source(p, SPEAD_STAGE("source"), make, &supply);
    spead_pipeline_map(p, SPEAD_STAGE("map"), triple, NULL);
    spead_pipeline_filter(p, SPEAD_STAGE("filter"), keep, NULL);
    spead_pipeline_reduce(p, SPEAD_STAGE("reduce"), &fold, NULL);
    spead_pipeline_each(p, SPEAD_STAGE("sum"), use, &sum);
    if (spead_pipeline_finish(p, &graph, &error) < 0)
        errx(1, "%s", error.text);
    start_s = process_s();
    bench_run(graph, executor);
    took_s = process_s() - start_s;
    check(sum, o->messages);
    spead_graph_destroy(graph);
    spead_executor_destroy(executor);
    return took_s;
}

/* ---- Options --------------------------------------------------------------------------------- */

static int parse(int key, char *text, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case 'c':
        o->capacity = (uint32_t)limit_number(state, "--capacity", text, 1, 1u << 24);
        return 0;
    case 'n':
        o->messages = limit_number(state, "--messages", text, 1, UINT64_C(1) << 40);
        return 0;
    case 'r':
        o->runs = (unsigned)limit_number(state, "--runs", text, 1, RUNS_MAX);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option arguments[] = {
        {"capacity", 'c', "COUNT", 0, "capacity of each channel (default 256)", 0},
        {"messages", 'n', "COUNT", 0, "messages in one run (default 10 million)", 0},
        {"runs", 'r', "COUNT", 0, "runs of the loop and of the chain, in turn (default 9)", 0},
        {0}};
    static const struct argp program = {
        arguments, parse, NULL, "Compare source, map, filter, reduce on one worker with a loop.",
        NULL,      NULL,  NULL};
    struct options o = {.messages = 10000000, .capacity = 256, .runs = 9};
    double loop[RUNS_MAX], chain[RUNS_MAX], ratio[RUNS_MAX];

    argp_err_exit_status = 2;
    argp_parse(&program, argc, argv, 0, NULL, &o);
    for (unsigned i = 0; i < o.runs; i++) {
        loop[i] = run_loop(&o);
        chain[i] = run_chain(&o);
        ratio[i] = loop[i] / chain[i];
    }
    printf("{\"program\": \"bench-flow-ops\", \"capacity\": %u, \"messages\": %llu, \"runs\": %u,\n"
           "  \"loop_ns\": %.2f, \"chain_ns\": %.2f, \"ratio\": %.2f}\n",
           o.capacity, (unsigned long long)o.messages, o.runs,
           limit_median(loop, o.runs) / (double)o.messages * 1e9,
           limit_median(chain, o.runs) / (double)o.messages * 1e9, limit_median(ratio, o.runs));
    return 0;
}
