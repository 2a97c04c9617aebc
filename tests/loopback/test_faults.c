/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever happens to packets, the ledger is exact, every byte of a heap that is handed over is right, and no
 * hole shows bytes of another heap.
 * Method: fault decorators at the sender and at the receiver make faults of each kind, and of all kinds together; a
 * seeded dice decides. The test runs over every engine, with placed and with bounced payload. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "engine_names.h"
#include "loop_run.h"
#include "netns.h"

struct fault_case {
    char engine[TEST_ENGINE_LENGTH];
    char fault[96];
    enum spead_receive_path path;
    bool on_receive;
    uint32_t packet_bytes;
};

static const char *const faults[] = {
    "loss=0.02,seed=11",
    "loss=0.004,burst=7,seed=12",
    "dup=0.05,seed=13",
    "reorder=8,seed=14",
    "truncate=0.02,seed=15",
    "delay=200us,seed=16",
    "stall=1ms/5ms,seed=17",
    "loss=0.01,burst=3,dup=0.02,reorder=8,truncate=0.01,delay=100us,seed=18",
};

ParameterizedTestParameters(faults, ledger_is_exact_and_no_byte_is_wrong_under)
{
    static struct fault_case cases[TEST_ENGINES_MAX * 8 * 4];
    char engines[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    size_t count = test_engines(TEST_BOTH_ENDS, TEST_MEM | TEST_KERNEL, engines), n = 0;

    for (size_t e = 0; e < count; e++)
        for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++)
            for (unsigned k = 0; k < 4; k++) {
                struct fault_case *c = &cases[n++];
                memcpy(c->engine, engines[e], TEST_ENGINE_LENGTH);
                snprintf(c->fault, sizeof c->fault, "%s", faults[f]);
                c->path = k & 1 ? SPEAD_PATH_PLACED : SPEAD_PATH_BOUNCE;
                c->on_receive = k & 2;
                c->packet_bytes = (e + f + k) % 2 ? 8972 : 1472;
            }
    return cr_make_param_array(struct fault_case, cases, n);
}

static struct loop_case case_of(const struct fault_case *f)
{
    return (struct loop_case){.tx_engine = f->engine,
                              .rx_engine = f->engine,
                              .host = "127.0.0.1",
                              .packet_bytes = f->packet_bytes,
                              .heap_bytes = 400000,
                              .heaps = 12,
                              .tx_fault = f->on_receive ? NULL : f->fault,
                              .rx_fault = f->on_receive ? f->fault : NULL,
                              .path = f->path,
                              .allow_out_of_order = true,
                              .deliver_incomplete = true,
                              .live_heaps = 8};
}

static void enter_network_for(const char *engine)
{
    const char *reason;

    if (test_engine_kind(engine) != TEST_MEM && !test_netns_enter(&reason))
        cr_skip_test("%s", reason);
}

ParameterizedTest(struct fault_case *f, faults, ledger_is_exact_and_no_byte_is_wrong_under,
                  .timeout = 60)
{
    struct loop_case c = case_of(f);
    struct loop_result r;
    char where[200];

    enter_network_for(f->engine);
    snprintf(where, sizeof where, "%s, --fault '%s' on %s, packets of %u, %s path", f->engine,
             f->fault, f->on_receive ? "receive" : "send", f->packet_bytes,
             f->path == SPEAD_PATH_PLACED ? "placed" : "bounce");
    cr_assert(loop_run(&c, &r), "%s: %s", where, r.error);
    cr_expect(loop_ledger_adds_up(&r.received), "%s: seen is not the sum of buckets", where);
    cr_expect_eq(r.torn_snapshots, 0u, "%s: torn snapshots", where);
    cr_expect(loop_send_ledger_adds_up(&r.sent), "%s: send ledger", where);
    cr_expect_eq(r.wrong_bytes, 0u, "%s: %llu wrong bytes", where,
                 (unsigned long long)r.wrong_bytes);
    cr_expect_eq(r.dirty_hole_bytes, 0u, "%s: %llu bytes of holes are not zero", where,
                 (unsigned long long)r.dirty_hole_bytes);
    cr_expect_eq(r.repeated_heaps, 0u, "%s: a heap came twice", where);
    cr_expect_eq(r.received.counters.heaps_live + r.received.counters.heaps_leaving, 0u,
                 "%s: heaps left", where);
    cr_expect_eq(r.received.total.bucket[SPEAD_RECV_LIVE].packets, 0u, "%s: live packets", where);
    cr_expect_eq(r.complete + r.incomplete, c.heaps, "%s: %u complete + %u incomplete of %u", where,
                 r.complete, r.incomplete, c.heaps);
}

/* The receiver must report exactly the lost packets as missing. */
ParameterizedTestParameters(faults, sent_minus_seen_is_missing)
{
    static struct fault_case cases[2 * TEST_ENGINES_MAX];
    char engines[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    size_t count = 2 * test_engines(TEST_BOTH_ENDS, TEST_MEM | TEST_KERNEL, engines);

    for (size_t i = 0; i < count; i++) {
        memcpy(cases[i].engine, engines[i / 2], TEST_ENGINE_LENGTH);
        snprintf(cases[i].fault, sizeof cases[i].fault, "loss=0.02,burst=2,seed=%zu", 21 + i);
        cases[i].path = i % 2 ? SPEAD_PATH_PLACED : SPEAD_PATH_BOUNCE;
        cases[i].packet_bytes = 1472;
    }
    return cr_make_param_array(struct fault_case, cases, count);
}

ParameterizedTest(struct fault_case *f, faults, sent_minus_seen_is_missing, .timeout = 60)
{
    struct loop_case c = case_of(f);
    struct loop_result r;

    enter_network_for(f->engine);
    cr_assert(loop_run(&c, &r), "%s", r.error);
    uint64_t lost = r.sent.bucket[SPEAD_SEND_INJECTED].packets;
    cr_assert_gt(lost, 10u, "%s %s: nothing was lost, the test shows nothing", f->engine, f->fault);
    cr_expect_eq(r.sent.submitted.packets - r.received.total.seen.packets, lost, "%s", f->engine);
    cr_expect_eq(r.received.counters.missing_packets, lost, "%s: %llu missing, %llu lost",
                 f->engine, (unsigned long long)r.received.counters.missing_packets,
                 (unsigned long long)lost);
    cr_expect_eq(r.received.counters.missing_heaps, 0u, "%s", f->engine);
}

/* SPEAD does not detect inverted bits; on a real network the checksum of UDP does. So the receiver can accept packets
 * with wrong bytes. Even then the ledger must be exact, holes must be zero, and memory must stay within its bound. */
ParameterizedTestParameters(faults, flipped_bits_are_counted_and_bounded)
{
    static struct fault_case cases[2 * TEST_ENGINES_MAX];
    char engines[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    size_t count = 2 * test_engines(TEST_BOTH_ENDS, TEST_MEM | TEST_KERNEL, engines);

    for (size_t i = 0; i < count; i++) {
        memcpy(cases[i].engine, engines[i / 2], TEST_ENGINE_LENGTH);
        snprintf(cases[i].fault, sizeof cases[i].fault, "flip=0.05,seed=%zu", 31 + i);
        cases[i].path = i % 2 ? SPEAD_PATH_PLACED : SPEAD_PATH_BOUNCE;
        cases[i].packet_bytes = 200;
        cases[i].on_receive = i % 2;
    }
    return cr_make_param_array(struct fault_case, cases, count);
}

ParameterizedTest(struct fault_case *f, faults, flipped_bits_are_counted_and_bounded, .timeout = 60)
{
    struct loop_case c = case_of(f);
    struct loop_result r;

    enter_network_for(f->engine);
    c.heap_bytes = 20000;
    cr_assert(loop_run(&c, &r), "%s", r.error);
    cr_expect(loop_ledger_adds_up(&r.received), "%s: seen is not the sum of buckets", f->engine);
    cr_expect_eq(r.torn_snapshots, 0u, "%s: torn snapshots", f->engine);
    cr_expect_eq(r.dirty_hole_bytes, 0u, "%s: %llu bytes of holes are not zero", f->engine,
                 (unsigned long long)r.dirty_hole_bytes);
    cr_expect_leq(r.received.counters.memory_high_water_bytes, 200u << 20, "%s", f->engine);
}
