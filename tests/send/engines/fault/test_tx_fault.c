/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: only the specified faults happen, and in each run the same faults. Each packet either arrives as the dice
 * decided, or reap() reports that the decorator has dropped it.
 * Method: numbered packets go through the fault decorator. They travel over a memory link, and in some tests over the
 * network engines. The test compares the packets that arrive with the results of reap(). */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/clock.h>

#include "engine_names.h"
#include "scripted_tx.h"
#include "tx_harness.h"

#define PACKETS      2000u
#define PACKET_BYTES 200u

static struct tx_harness h;
static struct tx_packets *packets;

/* The packets that have arrived, in order. */
static struct arrival {
    unsigned number;
    unsigned bytes;
    bool intact;
} arrival[2 * PACKETS];
static unsigned arrivals;

static bool set_up(const char *engine, const char *fault)
{
    if (!tx_harness_open(&h, &(struct tx_harness_config){.engine = engine, .fault = fault}))
        return false;
    packets = tx_packets_make(PACKETS);
    for (unsigned i = 0; i < PACKETS; i++)
        tx_packets_add(packets, PACKET_BYTES, 0);
    return true;
}

static void tear_down(void)
{
    tx_harness_close(&h);
    tx_packets_free(packets);
}

TestSuite(tx_fault, .timeout = 60);

static void receive_all(void)
{
    static uint8_t got[65536];
    int bytes;

    arrivals = 0;
    while ((bytes = tx_harness_receive(&h, 0, got, sizeof got)) >= 0) {
        struct arrival *it = &arrival[arrivals++];

        it->bytes = (unsigned)bytes;
        it->number = bytes >= 4 ? got[0] | (unsigned)got[1] << 8 : UINT32_MAX;
        it->intact = it->bytes == PACKET_BYTES && it->number < PACKETS &&
                     memcmp(got, packets->bytes[it->number], PACKET_BYTES) == 0;
    }
}

/* Sends all packets, waits until the decorator has sent its copies, and receives the packets that arrive. */
static void run(const char *fault)
{
    cr_assert(set_up("mem", fault));
    tx_harness_send(&h, packets);
    h.ops->quiesce(h.state);
    receive_all();
}

static unsigned injected(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < PACKETS; i++) {
        cr_assert(h.error[i] == 0 || h.error[i] == SPEADI_TX_INJECTED, "packet %u: %d", i,
                  h.error[i]);
        count += h.error[i] != 0;
    }
    return count;
}

Test(tx_fault, without_a_fault_nothing_changes)
{
    run("seed=5");
    cr_assert_eq(arrivals, PACKETS);
    for (unsigned i = 0; i < PACKETS; i++)
        cr_assert(arrival[i].number == i && arrival[i].intact, "place %u", i);
    cr_expect_eq(injected(), 0);
    tear_down();
}

Test(tx_fault, exactly_the_packets_reaped_as_injected_are_missing)
{
    unsigned next = 0;

    run("loss=0.05,burst=3");
    cr_expect(injected() > 50 && injected() < 800, "%u lost", injected());
    for (unsigned i = 0; i < PACKETS; i++)
        if (h.error[i] == 0)
            cr_assert_eq(arrival[next++].number, i, "packet %u", i);
    cr_expect_eq(arrivals, next);
    tear_down();
}

Test(tx_fault, duplicates_come_right_behind_their_originals)
{
    unsigned twice = 0;

    run("dup=0.1");
    for (unsigned i = 0, expected = 0; i < arrivals; i++, expected++) {
        cr_assert(arrival[i].number == expected && arrival[i].intact, "place %u", i);
        if (i + 1 < arrivals && arrival[i + 1].number == expected)
            i++, twice++;
    }
    cr_expect_eq(arrivals, PACKETS + twice);
    cr_expect(twice > 100 && twice < 400, "%u twice", twice);
    cr_expect_eq(h.reaped, PACKETS, "a duplicate is not reaped");
    tear_down();
}

Test(tx_fault, reordered_packets_all_come_and_within_the_window)
{
    static bool seen[PACKETS];
    unsigned displaced = 0, highest = 0;

    run("reorder=8,reorder-chance=0.2");
    cr_assert_eq(arrivals, PACKETS);
    for (unsigned i = 0; i < arrivals; i++) {
        cr_assert(arrival[i].intact && !seen[arrival[i].number], "place %u", i);
        seen[arrival[i].number] = true;
        if (arrival[i].number > highest)
            highest = arrival[i].number;
        /* At most 8 packets overtake a late packet. So when the late packet arrives, the highest number that has
         * arrived is at most 8 higher than its own number. */
        cr_assert_leq(highest - arrival[i].number, 8, "packet %u came when %u had",
                      arrival[i].number, highest);
        displaced += arrival[i].number != i;
    }
    cr_expect_gt(displaced, 200);
    tear_down();
}

Test(tx_fault, packets_are_cut_short_and_their_bits_flip)
{
    unsigned shorter = 0, flipped = 0;

    run("truncate=0.1,flip=0.1");
    cr_assert_eq(arrivals, PACKETS);
    for (unsigned i = 0; i < PACKETS; i++) {
        shorter += arrival[i].bytes < PACKET_BYTES;
        flipped += arrival[i].bytes == PACKET_BYTES && !arrival[i].intact;
        cr_assert_leq(arrival[i].bytes, PACKET_BYTES);
    }
    cr_expect(shorter > 100 && shorter < 400, "%u cut", shorter);
    cr_expect(flipped > 100 && flipped < 400, "%u with a flipped bit", flipped);
    /* The decorator changes copies. The packets of the core must be unchanged. */
    for (unsigned i = 0; i < PACKETS; i++)
        for (unsigned k = 4; k < PACKET_BYTES; k++)
            cr_assert_eq(packets->bytes[i][k], (uint8_t)(i * 31 + k * 7));
    tear_down();
}

Test(tx_fault, the_same_seed_gives_the_same_faults_and_another_gives_others)
{
    static struct arrival first[2 * PACKETS];
    static const char mixed[] = "loss=0.02,dup=0.05,reorder=5,truncate=0.02,flip=0.02,seed=7";
    unsigned count;

    run(mixed);
    memcpy(first, arrival, sizeof first);
    count = arrivals;
    tear_down();
    run(mixed);
    cr_expect_eq(arrivals, count);
    cr_expect_eq(memcmp(first, arrival, count * sizeof *first), 0);
    tear_down();
    run("loss=0.02,dup=0.05,reorder=5,truncate=0.02,flip=0.02,seed=8");
    cr_expect_neq(memcmp(first, arrival, count * sizeof *first), 0);
    tear_down();
}

Test(tx_fault, how_the_core_cuts_its_calls_changes_no_fault)
{
    static struct arrival first[2 * PACKETS];
    static const char mixed[] = "loss=0.02,dup=0.05,truncate=0.02,seed=7";
    unsigned count, taken = 0;

    run(mixed);
    memcpy(first, arrival, sizeof first);
    count = arrivals;
    tear_down();
    cr_assert(set_up("mem", mixed));
    while (taken < PACKETS) {
        unsigned some = taken % 13 + 1 < PACKETS - taken ? taken % 13 + 1 : PACKETS - taken;
        int ret = h.ops->send(h.state, packets->packet + taken, some);

        cr_assert_geq(ret, 0);
        taken += (unsigned)ret;
        tx_harness_reap(&h);
    }
    h.ops->quiesce(h.state);
    receive_all();
    cr_expect_eq(arrivals, count);
    cr_expect_eq(memcmp(first, arrival, count * sizeof *first), 0);
    tear_down();
}

Test(tx_fault, what_is_held_leaves_when_the_source_falls_silent)
{
    uint64_t deadline = speadi_clock_mono_ns() + 10000000000u;
    uint8_t got[PACKET_BYTES];

    cr_assert(set_up("mem", "reorder=1000,reorder-chance=1"));
    packets->count = 1; /* There is only one packet, so no other packet can overtake it. */
    tx_harness_send(&h, packets);
    cr_expect_eq(h.error[0], 0);
    while (tx_harness_receive(&h, 0, got, sizeof got) < 0) {
        cr_assert_lt(speadi_clock_mono_ns(), deadline, "it never came");
        h.ops->wait(h.state, deadline, false);
        tx_harness_reap(&h);
    }
    packets->count = PACKETS;
    tear_down();
}

/* Sends one packet. After that it calls only wait(), until the copy of the packet has arrived. The core does the same:
 * it calls reap() only when it waits for results, and a copy has no result. */
static void expect_last_by_waiting(const char *fault)
{
    uint64_t deadline = speadi_clock_mono_ns() + 5000000000u;
    uint8_t got[PACKET_BYTES];
    unsigned waits = 0;

    cr_assert(set_up("mem", fault));
    packets->count = 1;
    tx_harness_send(&h, packets);
    cr_assert_eq(h.reaped, 1);
    while (tx_harness_receive(&h, 0, got, sizeof got) < 0) {
        cr_assert_lt(speadi_clock_mono_ns(), deadline, "%s: it never came", fault);
        cr_assert_lt(waits++, 100, "%s: waiting spins", fault);
        h.ops->wait(h.state, deadline, false);
    }
    packets->count = PACKETS;
    tear_down();
}

Test(tx_fault, what_is_held_leaves_while_the_core_only_waits)
{
    expect_last_by_waiting("delay=30ms");
    expect_last_by_waiting("reorder=1000,reorder-chance=1");
}

Test(tx_fault, a_delayed_packet_does_not_come_early)
{
    uint64_t sent_ns, deadline;
    uint8_t got[PACKET_BYTES];

    cr_assert(set_up("mem", "delay=30ms"));
    packets->count = 3;
    sent_ns = speadi_clock_mono_ns();
    deadline = sent_ns + 10000000000u;
    tx_harness_send(&h, packets);
    for (unsigned i = 0; i < 3; i++) {
        while (tx_harness_receive(&h, 0, got, sizeof got) < 0) {
            cr_assert_lt(speadi_clock_mono_ns(), deadline, "it never came");
            h.ops->wait(h.state, deadline, false);
            tx_harness_reap(&h);
        }
        cr_expect_geq(speadi_clock_mono_ns() - sent_ns, 30000000u);
        cr_expect_eq(got[0], i);
    }
    packets->count = PACKETS;
    tear_down();
}

Test(tx_fault, a_stall_takes_nothing_until_it_ends)
{
    uint64_t before_ns, after_ns;
    int ret;

    /* This stall lasts 40 ms of every 41 ms. So packets pass only in the remaining 1 ms. */
    cr_assert(set_up("mem", "stall=40ms/41ms"));
    before_ns = speadi_clock_mono_ns();
    cr_assert_eq(h.ops->send(h.state, packets->packet, 1), 1);
    after_ns = speadi_clock_mono_ns();
    while (speadi_clock_mono_ns() < after_ns + 1000000)
        continue;
    ret = h.ops->send(h.state, packets->packet + 1, 1);
    if (speadi_clock_mono_ns() >= before_ns + 41000000)
        cr_skip_test("this machine slept through the stall");
    cr_assert_eq(ret, 0);
    tx_harness_reap(&h);
    while (h.ops->send(h.state, packets->packet + 1, 1) == 0)
        h.ops->wait(h.state, UINT64_MAX, true);
    cr_expect_geq(speadi_clock_mono_ns(), before_ns + 41000000);
    tear_down();
}

Test(tx_fault, a_full_link_holds_everything_back_and_loses_nothing)
{
    unsigned taken = 0, got = 0;
    uint8_t bytes[PACKET_BYTES];

    cr_assert(tx_harness_open(&h, &(struct tx_harness_config){.engine = "mem",
                                                              .link_packets = 4,
                                                              .fault = "dup=0.3,reorder=4"}));
    packets = tx_packets_make(PACKETS);
    for (unsigned i = 0; i < PACKETS; i++)
        tx_packets_add(packets, PACKET_BYTES, 0);
    while (taken < PACKETS) {
        /* The test offers either 2 packets or all packets that are left. So a call can offer fewer packets than the
         * call before it. */
        unsigned offer = taken % 3 && taken + 2 < PACKETS ? 2 : PACKETS - taken;
        int ret = h.ops->send(h.state, packets->packet + taken, offer);

        cr_assert(ret >= 0 && (unsigned)ret <= offer, "%d taken of %u", ret, offer);
        taken += (unsigned)ret;
        tx_harness_reap(&h);
        while (tx_harness_receive(&h, 0, bytes, sizeof bytes) >= 0)
            got++;
    }
    /* The decorator sends its copies in these calls. */
    for (int i = 0; i < 1000; i++) {
        h.ops->wait(h.state, speadi_clock_mono_ns() + 100000, false);
        tx_harness_reap(&h);
        while (tx_harness_receive(&h, 0, bytes, sizeof bytes) >= 0)
            got++;
    }
    cr_expect_eq(h.reaped, PACKETS);
    cr_expect(got > PACKETS + PACKETS / 5 && got < 2 * PACKETS, "%u came", got);
    tear_down();
}

/* The decorator can have at most 1024 copies. When it has 1024 copies, the core must wait for room. When the decorator
 * has then sent copies, wait() must return. This is true although the inner engine has had room all the time. */
Test(tx_fault, a_core_that_waits_for_room_is_told_when_copies_have_left)
{
    uint64_t deadline;
    unsigned taken = 0;
    int ret;

    cr_assert(set_up("mem", "delay=1ms"));
    while ((ret = h.ops->send(h.state, packets->packet + taken, PACKETS - taken)) > 0)
        taken += (unsigned)ret;
    cr_assert_eq(ret, 0);
    cr_assert_lt(taken, PACKETS, "there was room for all, the test shows nothing");
    deadline = speadi_clock_mono_ns() + 2000000;
    while (speadi_clock_mono_ns() < deadline)
        continue;
    tx_harness_reap(&h); /* The decorator sends the delayed copies in this call. */
    deadline = speadi_clock_mono_ns() + 5000000000u;
    h.ops->wait(h.state, deadline, true);
    cr_expect_lt(speadi_clock_mono_ns(), deadline, "nobody told of the room");
    cr_expect_gt(h.ops->send(h.state, packets->packet + taken, PACKETS - taken), 0);
    tear_down();
}

/* Some engines, such as verbs, report results later. The wait() of such an engine ends for new results only if for_room
 * is true. */
Test(tx_fault, a_core_that_waits_for_results_has_the_inner_engine_wait_for_them)
{
    struct scripted_tx *tx = scripted_tx_create();
    const struct speadi_tx_engine_ops *ops;
    struct spead_err err = {0};
    void *state;

    packets = tx_packets_make(1);
    tx_packets_add(packets, PACKET_BYTES, 0);
    tx->hold = true;
    ops = scripted_tx_engine(tx, &state);
    cr_assert_eq(speadi_tx_engine_wrap_fault(&ops, &state, "seed=1", &err), 0, "%s", err.text);
    cr_assert_eq(ops->send(state, packets->packet, 1), 1);
    ops->wait(state, speadi_clock_mono_ns(), true);
    cr_expect(tx->last_for_room, "the packet's result is awaited");
    ops->wait(state, speadi_clock_mono_ns(), false);
    cr_expect_not(tx->last_for_room, "nobody awaits it");
    tx->hold = false;
    /* A packet can be reaped, so wait() returns immediately. */
    ops->wait(state, UINT64_MAX, true);
    ops->close(state);
    free(state);
    scripted_tx_destroy(tx);
    tx_packets_free(packets);
}

Test(tx_fault, a_bad_word_is_named_and_the_engine_stays_as_it_was)
{
    const struct speadi_tx_engine_ops *ops;
    struct spead_err err = {0};
    void *state;

    cr_assert(set_up("mem", NULL));
    ops = h.ops;
    state = h.state;
    cr_expect_eq(speadi_tx_engine_wrap_fault(&h.ops, &h.state, "los=0.1", &err), -EINVAL);
    cr_expect(strstr(err.text, "los"), "\"%s\"", err.text);
    cr_expect(h.ops == ops && h.state == state);
    tear_down();
}

/* ---- The same over the network engines ----------------------------------------------------- */

ParameterizedTestParameters(tx_fault, the_network_engines_carry_the_same_faults)
{
    static char engines[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH];
    unsigned count = test_engines(TEST_SENDS, TEST_KERNEL, engines);

    return cr_make_param_array(char[TEST_ENGINE_LENGTH], engines, count);
}

ParameterizedTest(char (*engine)[TEST_ENGINE_LENGTH], tx_fault,
                  the_network_engines_carry_the_same_faults)
{
    static struct arrival first[2 * PACKETS];
    static const char mixed[] = "loss=0.02,dup=0.05,reorder=5,truncate=0.02,flip=0.02,seed=7";
    unsigned count, lost;

    run(mixed);
    memcpy(first, arrival, sizeof first);
    count = arrivals;
    lost = injected();
    tear_down();
    if (!set_up(*engine, mixed))
        cr_skip_test("engine %s cannot run here", *engine);
    tx_harness_send(&h, packets);
    h.ops->quiesce(h.state);
    receive_all();
    cr_expect_eq(injected(), lost, "%s", *engine);
    cr_expect_eq(arrivals, count, "%s: %u arrived, %u by mem", *engine, arrivals, count);
    cr_expect_eq(memcmp(first, arrival, count * sizeof *first), 0, "%s", *engine);
    tear_down();
}
