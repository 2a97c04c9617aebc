/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: placed heaps are right even if packets are lost, and the counters say how the payload got to its place.
 * Method: a seeded dice loses 0.1 % or 1 % of several thousand packets, over every engine. The test then repeats this
 * with heaps in memory that the CPU must not touch. The engines socket and uring can only bounce payload into this
 * memory. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <string.h>

#include "engine_names.h"
#include "loop_run.h"
#include "netns.h"

#define PACKET     8972u
#define HEAP_BYTES (1u << 20)
#define HEAPS      40u

struct loss_case {
    char engine[TEST_ENGINE_LENGTH];
    double loss;
    /* If true, packets are lost between the engine and the core, after the engine has placed them. If false, they are
     * lost between the sender and the engine. */
    bool on_receive;
};

static struct criterion_test_params every_loss(void)
{
    static struct loss_case cases[4 * TEST_ENGINES_MAX];
    char engines[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    size_t count = test_engines(TEST_BOTH_ENDS, TEST_MEM | TEST_KERNEL, engines), n = 0;

    for (size_t e = 0; e < count; e++)
        for (unsigned k = 0; k < 4; k++) {
            memcpy(cases[n].engine, engines[e], TEST_ENGINE_LENGTH);
            cases[n].loss = k & 1 ? 0.01 : 0.001;
            cases[n++].on_receive = k & 2;
        }
    return cr_make_param_array(struct loss_case, cases, n);
}

static void run(const struct loss_case *f, struct loop_case *c, struct loop_result *r)
{
    const char *reason;
    char fault[64];

    if (test_engine_kind(f->engine) != TEST_MEM && !test_netns_enter(&reason))
        cr_skip_test("%s", reason);
    snprintf(fault, sizeof fault, "loss=%g,seed=5", f->loss);
    *c = (struct loop_case){.tx_engine = f->engine,
                            .rx_engine = f->engine,
                            .host = "127.0.0.1",
                            .packet_bytes = PACKET,
                            .heap_bytes = HEAP_BYTES,
                            .heaps = HEAPS,
                            .tx_fault = f->on_receive ? NULL : fault,
                            .rx_fault = f->on_receive ? fault : NULL,
                            .path = c->path,
                            .allow_out_of_order = true,
                            .deliver_incomplete = true,
                            .rx_packet_bytes_max = PACKET,
                            .hand_over_heaps = 16,
                            .memory = c->memory};
    cr_assert(loop_run(c, r), "%s at %g: %s", f->engine, f->loss, r->error);
    cr_expect_eq(r->wrong_bytes, 0u, "%s at %g", f->engine, f->loss);
    cr_expect_eq(r->dirty_hole_bytes, 0u, "%s at %g", f->engine, f->loss);
    cr_expect_eq(r->complete + r->incomplete, HEAPS, "%s at %g", f->engine, f->loss);
    cr_expect_gt(r->incomplete, 0u, "nothing was lost, the test shows nothing");
    cr_expect(loop_ledger_adds_up(&r->received));
}

/* Returns the number of accepted packets. Each of them was placed, bounced or repaired. */
static uint64_t accepted(const struct spead_recv_stats *stats)
{
    return stats->total.bucket[SPEAD_RECV_DELIVERED].packets;
}

ParameterizedTestParameters(placed_loss, every_placed_heap_is_right_at)
{
    return every_loss();
}

ParameterizedTest(struct loss_case *f, placed_loss, every_placed_heap_is_right_at, .timeout = 60)
{
    struct loop_case c = {.path = SPEAD_PATH_PLACED};
    struct loop_result r;
    const struct spead_recv_stats *stats = &r.received;

    run(f, &c, &r);
    /* Engine mem reads most of a heap in one burst. Before this burst the heap does not exist, so the core cannot
     * reserve a place in it. */
    cr_expect_gt(
        stats->counters.placed, test_engine_kind(f->engine) == TEST_MEM ? 0 : accepted(stats) / 2,
        "%s at %g: %llu placed", f->engine, f->loss, (unsigned long long)stats->counters.placed);
    cr_expect_eq(stats->counters.placed + stats->counters.bounced + stats->counters.repaired,
                 accepted(stats));
    cr_expect_lt(stats->counters.repaired, accepted(stats) / 3, "%s at %g: %llu repaired",
                 f->engine, f->loss, (unsigned long long)stats->counters.repaired);
    if (f->loss > 0.005 && test_engine_kind(f->engine) != TEST_MEM)
        cr_expect_gt(stats->counters.repaired, 0u, "%s at %g", f->engine, f->loss);
}

ParameterizedTestParameters(placed_loss, heaps_out_of_reach_are_bounced_right_at)
{
    return every_loss();
}

ParameterizedTest(struct loss_case *f, placed_loss, heaps_out_of_reach_are_bounced_right_at,
                  .timeout = 60)
{
    struct apart_memory memory;
    struct loop_case c = {.path = SPEAD_PATH_AUTO, .memory = &memory};
    struct loop_result r;

    apart_memory_open(&memory, 32 * (size_t)HEAP_BYTES);
    run(f, &c, &r);
    cr_expect_eq(r.received.counters.bounced, accepted(&r.received), "%s", f->engine);
    cr_expect_geq(memory.flushes, HEAPS);
    cr_expect_eq(memory.ended, 1);
    apart_memory_close(&memory);
}

Test(placed_loss, kernel_engines_refuse_to_place_out_of_reach)
{
    char engines[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    size_t count = test_engines(TEST_BOTH_ENDS, TEST_MEM | TEST_KERNEL, engines);

    for (size_t i = 0; i < count; i++) {
        struct apart_memory memory;
        struct loop_case c = {.tx_engine = engines[i],
                              .rx_engine = engines[i],
                              .host = "127.0.0.1",
                              .packet_bytes = PACKET,
                              .heap_bytes = 4096,
                              .heaps = 1,
                              .path = SPEAD_PATH_PLACED,
                              .hand_over_heaps = 4,
                              .memory = &memory};
        struct loop_result r;

        apart_memory_open(&memory, 64 * 4096);
        cr_expect_not(loop_run(&c, &r), "%s", engines[i]);
        cr_expect_not_null(strstr(r.error, "the CPU cannot touch"), "%s: %s", engines[i], r.error);
        apart_memory_close(&memory);
    }
}
