/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: in whatever order a sender sends the packets of several heaps, every heap arrives whole, over every engine.
 * Method: a sender and a receiver in one thread, joined by the engine (support/loop_run.h). test_conformance_verbs.c
 * does the same over engine verbs. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "each_engine.h"
#include "loop_check.h"
#include "netns.h"

static bool is_reachable(const char *engine, const char **reason)
{
    return test_engine_kind(engine) == TEST_MEM || test_netns_enter(reason);
}

ParameterizedTestParameters(send_orders, groups_of_both_orders_arrive_whole)
{
    return test_each_engine(TEST_BOTH_ENDS, TEST_MEM | TEST_KERNEL);
}

ParameterizedTest(char (*engine)[TEST_ENGINE_LENGTH], send_orders,
                  groups_of_both_orders_arrive_whole, .timeout = 120)
{
    static const uint32_t packets[] = {88, 1472, 8972};
    static const uint64_t heaps[] = {0, 1, 10007, 300000};
    const char *reason;

    if (!is_reachable(*engine, &reason))
        cr_skip_test("%s", reason);
    for (unsigned i = 0; i < 3 * 4 * 2; i++) {
        const struct loop_case c = {.tx_engine = *engine,
                                    .rx_engine = *engine,
                                    .host = "127.0.0.1",
                                    .packet_bytes = packets[i % 3],
                                    .heap_bytes = heaps[i / 3 % 4],
                                    .heaps = 6,
                                    .group = i % 2 == 0 ? 3 : 2,
                                    .group_order = (enum spead_send_group_order)(i / 12)};
        char where[100];

        snprintf(where, sizeof where, "%s, order %d, groups of %u, packets of %u, heaps of %llu",
                 *engine, c.group_order, c.group, c.packet_bytes, (unsigned long long)c.heap_bytes);
        cr_expect(loop_conforms(&c, false, where));
    }
}

ParameterizedTestParameters(send_orders, heaps_in_slots_arrive_whole)
{
    return test_each_engine(TEST_BOTH_ENDS, TEST_MEM | TEST_KERNEL);
}

ParameterizedTest(char (*engine)[TEST_ENGINE_LENGTH], send_orders, heaps_in_slots_arrive_whole,
                  .timeout = 120)
{
    static const uint64_t heaps[] = {0, 1, 10007, 300000};
    const char *reason;

    if (!is_reachable(*engine, &reason))
        cr_skip_test("%s", reason);
    for (unsigned i = 0; i < 4; i++) {
        const struct loop_case c = {.tx_engine = *engine,
                                    .rx_engine = *engine,
                                    .host = "127.0.0.1",
                                    .packet_bytes = 1472,
                                    .heap_bytes = heaps[i],
                                    .heaps = 11,
                                    .slots = true};

        cr_expect(loop_conforms(&c, false, *engine));
    }
}

ParameterizedTestParameters(send_orders, heaps_with_a_fixed_payload_arrive_whole)
{
    return test_each_engine(TEST_BOTH_ENDS, TEST_MEM | TEST_KERNEL);
}

ParameterizedTest(char (*engine)[TEST_ENGINE_LENGTH], send_orders,
                  heaps_with_a_fixed_payload_arrive_whole, .timeout = 120)
{
    static const uint64_t heaps[] = {0, 1, 10007, 300000};
    const char *reason;

    if (!is_reachable(*engine, &reason))
        cr_skip_test("%s", reason);
    for (unsigned i = 0; i < 8; i++) {
        const struct loop_case c = {.tx_engine = *engine,
                                    .rx_engine = *engine,
                                    .host = "127.0.0.1",
                                    .packet_bytes = 1472,
                                    .heap_bytes = heaps[i % 4],
                                    .heaps = 3,
                                    .items = i < 4 ? 1 : 20,
                                    .packet_payload_bytes = i < 4 ? 1424 : 1024};

        cr_expect(loop_conforms(&c, false, *engine));
    }
}

TEST_FOR_EACH_ENGINE(send_orders, mixed_heaps_arrive_whole, TEST_BOTH_ENDS)
{
    const char *reason;

    if (!test_netns_enter(&reason))
        cr_skip_test("%s", reason);
    for (unsigned i = 0; i < 6; i++) {
        const struct loop_case c = {.tx_engine = *engine,
                                    .rx_engine = *engine,
                                    .host = "127.0.0.1",
                                    .packet_bytes = i % 2 == 0 ? 1472 : 200,
                                    .heap_bytes = i < 2   ? 10007
                                                  : i < 4 ? 1500
                                                          : 60000,
                                    .heaps = 8,
                                    .group = 4,
                                    .mix_heaps = 4};

        cr_expect(loop_conforms(&c, false, *engine));
    }
}
