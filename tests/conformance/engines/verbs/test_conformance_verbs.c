/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the promises that test_conformance.c checks also hold when the sender, the receiver or both bypass the kernel.
 * Method: the test makes the same checks between two hosts in network namespaces. The verbs double is the device of
 * both hosts. The test runs all pairs of modes, and with SPEADLINE_FULL=1 every combination (label slow). */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/verbs.h>

#include "control.h"
#include "engine_names.h"
#include "loop_check.h"
#include "netns.h"
#include "offloads.h"
#include "pairwise.h"
#include "verbs_double.h"

#define MTU 9000u

/* The part of a loop_case that the single cases share. */
#define OVER_VERBS(cable)                                                              \
    .tx_engine = "verbs", .rx_engine = "verbs", .pair = (cable), .host = TEST_NEAR_V4, \
    .packet_bytes = 1472, .heap_bytes = 10007

enum axis { ENGINES, PACKET, HEAP, ARRIVAL, HOST, PATH, AXES };

static struct {
    char tx[TEST_ENGINE_LENGTH], rx[TEST_ENGINE_LENGTH];
    enum spead_verbs_mprq mprq;
} engines[PAIRWISE_VALUES_MAX]; /* list_engines() fills this array */
static const uint32_t packets[] = {56, 64, 200, 1472, 8952, 8972};
static const uint64_t heaps[] = {0, 1, 10007, 400u << 10};
static const struct {
    const char *name, *fault;
} arrivals[] = {{"in order", NULL},
                {"shuffled", "reorder=16,seed=3"},
                {"in order with duplicates", "dup=0.1,seed=4"},
                {"shuffled with duplicates", "reorder=16,dup=0.1,seed=5"}};
static const char *const hosts[] = {TEST_NEAR_V4, "[" TEST_NEAR_V6 "]", "239.255.7.1",
                                    "[ff15::7148]"};
static const char *const paths[] = {"auto", "placed", "bounce"};

static struct pairwise table = {.axes = AXES, .values = {0, 6, 4, 4, 4, 3}};

static void add_pair(const char *tx, const char *rx, enum spead_verbs_mprq mprq)
{
    unsigned n = table.values[ENGINES];

    cr_assert_lt(n, (unsigned)PAIRWISE_VALUES_MAX);
    snprintf(engines[n].tx, sizeof engines[n].tx, "%s", tx);
    snprintf(engines[n].rx, sizeof engines[n].rx, "%s", rx);
    engines[n].mprq = mprq;
    table.values[ENGINES]++;
}

/* Fills `engines` with pairs of engines: verbs with verbs, and verbs with each engine that uses the kernel. If verbs
 * receives, the pair is tested with both kinds of receive queue. */
static void list_engines(void)
{
    char names[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    unsigned count = test_engines(TEST_SENDS, TEST_KERNEL, names);

    table.values[ENGINES] = 0;
    add_pair("verbs", "verbs", SPEAD_MPRQ_OFF);
    add_pair("verbs", "verbs", SPEAD_MPRQ_ON);
    for (unsigned i = 0; i < count; i++) {
        add_pair(names[i], "verbs", SPEAD_MPRQ_OFF);
        add_pair(names[i], "verbs", SPEAD_MPRQ_ON);
    }
    count = test_engines(TEST_RECEIVES, TEST_KERNEL, names);
    for (unsigned i = 0; i < count; i++)
        add_pair("verbs", names[i], SPEAD_MPRQ_OFF);
}

/* Returns true if a row of the table is possible. With an MTU of 9000, an IPv4 packet carries up to 8972 bytes; the
 * IPv6 header is 20 bytes longer. An entry of a multi-packet queue is one piece of memory, so the engine cannot
 * place payload in it. */
static bool allowed(const unsigned *row)
{
    bool v6 = row[HOST] == 1 || row[HOST] == 3;

    if (engines[row[ENGINES]].mprq == SPEAD_MPRQ_ON && row[PATH] == SPEAD_PATH_PLACED)
        return false;
    return !(v6 && packets[row[PACKET]] > 8952);
}

/* Returns how many heaps to send. The number is smaller if the packets are small and the heap is large, because the
 * heap then has many packets. */
static unsigned heap_count(uint32_t packet, uint64_t heap)
{
    return heap > 100000 ? (packet < 1000 ? 1 : 6) : 12;
}

static bool conforms(const struct test_netns_pair *pair, const unsigned *row)
{
    bool ordered = row[ARRIVAL] == 0 || row[ARRIVAL] == 2, duplicated = row[ARRIVAL] >= 2;
    const struct loop_case c = {.tx_engine = engines[row[ENGINES]].tx,
                                .rx_engine = engines[row[ENGINES]].rx,
                                .mprq = engines[row[ENGINES]].mprq,
                                .pair = pair,
                                .host = hosts[row[HOST]],
                                .packet_bytes = packets[row[PACKET]],
                                .heap_bytes = heaps[row[HEAP]],
                                .heaps = heap_count(packets[row[PACKET]], heaps[row[HEAP]]),
                                .tx_fault = arrivals[row[ARRIVAL]].fault,
                                .allow_out_of_order = !ordered,
                                .path = (enum spead_receive_path)row[PATH],
                                .live_heaps = 32};
    char where[200];

    snprintf(where, sizeof where, "%s to %s%s, packets of %u, heaps of %llu, %s, to %s, %s path",
             c.tx_engine, c.rx_engine, c.mprq == SPEAD_MPRQ_ON ? "-mprq" : "", c.packet_bytes,
             (unsigned long long)c.heap_bytes, arrivals[row[ARRIVAL]].name, c.host,
             paths[row[PATH]]);
    return loop_conforms(&c, duplicated, where) &&
           (c.mprq != SPEAD_MPRQ_ON || vdouble_calls("mlx5dv_create_wq") > 0);
}

static void lay_cable(struct test_netns_pair *pair)
{
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_pair(pair, MTU, &reason))
        cr_skip_test("%s", reason);
    test_netns_move(pair->far);
    if (!test_offloads_off(TEST_FAR_INTERFACE))
        cr_skip_test("offloads of a veth cannot be switched off");
}

static struct pairwise *all_pairs(void)
{
    list_engines();
    pairwise_make(&table, allowed);
    return &table;
}

ParameterizedTestParameters(conformance_verbs, every_pair_of_modes_delivers_all_heaps)
{
    all_pairs();
    return cr_make_param_array(unsigned[PAIRWISE_AXES_MAX], table.row, table.rows);
}

ParameterizedTest(unsigned (*row)[PAIRWISE_AXES_MAX], conformance_verbs,
                  every_pair_of_modes_delivers_all_heaps, .timeout = 120)
{
    struct test_netns_pair pair;

    list_engines();
    lay_cable(&pair);
    cr_assert(conforms(&pair, *row));
}

/* If the table lost a pair, the other tests would check less, and nobody would notice. So this test checks the
 * table. */
Test(conformance_verbs, the_table_holds_every_allowed_pair_of_engines_and_sizes)
{
    const struct pairwise *p = all_pairs();

    cr_assert_lt(p->rows, (unsigned)PAIRWISE_ROWS_MAX);
    for (unsigned e = 0; e < table.values[ENGINES]; e++)
        for (unsigned k = 0; k < table.values[PACKET]; k++)
            cr_expect(pairwise_meets(p, ENGINES, e, PACKET, k),
                      "engines %u never meet packet size %u", e, packets[k]);
}

Test(conformance_verbs, every_combination_of_modes_conforms, .timeout = 3600)
{
    unsigned row[PAIRWISE_AXES_MAX] = {0}, failed = 0, ran = 0;
    struct test_netns_pair pair;

    if (!getenv("SPEADLINE_FULL"))
        cr_skip_test("the full product runs with SPEADLINE_FULL=1 (ctest -L slow)");
    lay_cable(&pair);
    list_engines();
    do {
        if (!allowed(row))
            continue;
        ran++;
        failed += !conforms(&pair, row);
    } while (pairwise_next_combination(&table, row));
    cr_assert_eq(failed, 0u, "%u of %u combinations failed", failed, ran);
}

Test(conformance_verbs, groups_of_both_orders_arrive_whole, .timeout = 120)
{
    struct test_netns_pair pair;

    lay_cable(&pair);
    for (unsigned i = 0; i < 2; i++) {
        const struct loop_case c = {OVER_VERBS(&pair), .heaps = 6, .group = 3,
                                    .group_order = (enum spead_send_group_order)i};

        cr_expect(loop_conforms(&c, false, i == 0 ? "serial" : "round robin"));
    }
}

/* The memory of the slots is registered with the device, so no payload is copied. */
Test(conformance_verbs, heaps_in_slots_arrive_whole_without_a_copy, .timeout = 120)
{
    struct test_netns_pair pair;
    const struct loop_case c = {OVER_VERBS(&pair), .heaps = 11, .slots = true};
    struct loop_result result;

    lay_cable(&pair);
    cr_expect(loop_conforms(&c, false, "slots"));
    cr_assert(loop_run(&c, &result), "%s", result.error);
    cr_expect_eq(result.sent.counters.copied_bytes, 0);
}

Test(conformance_verbs, heaps_with_a_fixed_payload_arrive_whole, .timeout = 120)
{
    struct test_netns_pair pair;
    const struct loop_case c = {OVER_VERBS(&pair), .heaps = 3, .items = 20,
                                .packet_payload_bytes = 1024};

    lay_cable(&pair);
    cr_expect(loop_conforms(&c, false, "fixed payload"));
}

/* The burst of a sender on a cable is short (loop_run.c), so the packets of a mix go in several bursts. */
Test(conformance_verbs, mixed_heaps_arrive_whole_if_the_device_cuts_packets, .timeout = 120)
{
    struct test_netns_pair pair;
    struct loop_case c = {OVER_VERBS(&pair), .heaps = 8, .group = 4, .mix_heaps = 4,
                          .hardware_tso = true};
    struct loop_result result;

    lay_cable(&pair);
    cr_expect(loop_conforms(&c, false, "mixed"));
    c.hardware_tso = false;
    cr_expect_not(loop_run(&c, &result));
    cr_expect_not_null(strstr(result.error, "mix_heaps: engine verbs builds no trains"), "%s",
                       result.error);
}
