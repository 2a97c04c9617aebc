/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a program finds every statistic of a stream by its name and by its index, compares snapshots, and counts what
 * it wants to count itself.
 *
 * Method: a stream on a scripted engine (support/recv_rig.h) with three custom counters. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/snapshot.h>

#include "recv_rig.h"

enum { HEAPS_SEEN, LARGEST, NEWEST };

static const struct spead_custom_counter custom[] = {
    {"app.heaps", SPEAD_STATISTIC_SUM, 0},
    {"app.largest", SPEAD_STATISTIC_MAXIMUM, 0},
    {"app.newest", SPEAD_STATISTIC_LAST, 0},
};

static struct recv_rig rig;

static void open_rig(void)
{
    recv_rig_init(&rig);
    rig.config.custom_counters = custom;
    rig.config.custom_counter_count = 3;
    recv_rig_open(&rig);
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_snapshot, .init = open_rig, .fini = close_rig, .timeout = 20);

static struct spead_snapshot *take(void)
{
    struct spead_snapshot *snapshot = NULL;

    cr_assert_eq(spead_recv_stream_snapshot(rig.stream, &snapshot), 0);
    return snapshot;
}

static uint64_t value_of(const struct spead_snapshot *snapshot, const char *name)
{
    struct spead_err err = {0};
    uint64_t value = UINT64_MAX;

    cr_expect_eq(spead_snapshot_value(snapshot, name, &value, &err), 0, "%s", err.text);
    return value;
}

/* Receives whole heaps of 64 bytes, one packet each, and lets nobody wait for them. */
static void receive(uint64_t first, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        recv_rig_data(&rig, first + i, 64, 0, 64);
    recv_rig_run(&rig);
    for (uint64_t i = 0; i < count; i++)
        spead_heap_unref(recv_rig_take(&rig));
}

Test(recv_snapshot, every_statistic_is_found_by_its_name_and_by_its_index)
{
    struct spead_snapshot *snapshot;
    struct spead_statistic statistic;

    receive(1, 3);
    snapshot = take();
    cr_expect_gt(spead_snapshot_count(snapshot), 100u);
    for (uint32_t i = 0; i < spead_snapshot_count(snapshot); i++) {
        cr_assert_eq(spead_snapshot_at(snapshot, i, &statistic), 0);
        cr_assert_not_null(statistic.name, "statistic %u has no name", i);
        cr_expect_eq(spead_snapshot_find(snapshot, statistic.name), (int)i, "%s", statistic.name);
        cr_expect_eq(value_of(snapshot, statistic.name), statistic.value);
    }
    cr_expect_eq(value_of(snapshot, "heaps_complete"), 3u);
    cr_expect_eq(value_of(snapshot, "seen.packets"), 3u);
    cr_expect_eq(value_of(snapshot, "delivered.packets"), 3u);
    spead_snapshot_destroy(snapshot);
}

Test(recv_snapshot, a_statistic_that_is_missing_is_refused_with_its_name)
{
    struct spead_snapshot *snapshot = take();
    struct spead_statistic statistic = {.value = 77};
    struct spead_err err = {0};
    uint64_t value = 77;

    cr_expect_eq(spead_snapshot_find(snapshot, "heaps_compleat"), -ENOENT);
    cr_expect_eq(spead_snapshot_value(snapshot, "heaps_compleat", &value, &err), -ENOENT);
    cr_expect_not_null(strstr(err.text, "\"heaps_compleat\""), "%s", err.text);
    cr_expect_eq(value, 77u);
    cr_expect_eq(spead_snapshot_at(snapshot, spead_snapshot_count(snapshot), &statistic), -ERANGE);
    cr_expect_eq(statistic.value, 77u, "nothing was written");
    spead_snapshot_destroy(snapshot);
}

Test(recv_snapshot, custom_counters_are_counted_by_their_modes)
{
    static const uint64_t values[] = {5, 9, 2};
    struct spead_snapshot *snapshot;

    for (int i = 0; i < 3; i++)
        for (uint32_t counter = HEAPS_SEEN; counter <= NEWEST; counter++)
            spead_recv_stream_count(rig.stream, counter, values[i]);
    spead_recv_stream_count(rig.stream, 3, 1000); /* there is no such counter */
    recv_rig_run(&rig);
    snapshot = take();
    cr_expect_eq(value_of(snapshot, "app.heaps"), 16u);
    cr_expect_eq(value_of(snapshot, "app.largest"), 9u);
    cr_expect_eq(value_of(snapshot, "app.newest"), 2u);
    spead_snapshot_destroy(snapshot);
}

/* A reader must not see a custom counter of one poll beside the ledger of another one. */
Test(recv_snapshot, a_custom_counter_is_seen_together_with_the_packets_of_its_poll)
{
    struct spead_snapshot *snapshot;

    recv_rig_data(&rig, 1, 64, 0, 64);
    spead_recv_stream_count(rig.stream, HEAPS_SEEN, 1);
    snapshot = take();
    cr_expect_eq(value_of(snapshot, "app.heaps"), 0u);
    cr_expect_eq(value_of(snapshot, "seen.packets"), 0u);
    spead_snapshot_destroy(snapshot);
    recv_rig_poll(&rig);
    snapshot = take();
    cr_expect_eq(value_of(snapshot, "app.heaps"), 1u);
    cr_expect_eq(value_of(snapshot, "seen.packets"), 1u);
    spead_snapshot_destroy(snapshot);
}

Test(recv_snapshot, a_snapshot_outlives_its_stream)
{
    struct spead_snapshot *snapshot, *copy;

    receive(1, 2);
    snapshot = take();
    recv_rig_close(&rig);
    cr_assert_eq(spead_snapshot_copy(&copy, snapshot), 0);
    spead_snapshot_destroy(snapshot);
    cr_expect_eq(value_of(copy, "heaps_complete"), 2u);
    cr_expect_eq(value_of(copy, "app.heaps"), 0u);
    spead_snapshot_destroy(copy);
    recv_rig_init(&rig);
    recv_rig_open(&rig);
}

Test(recv_snapshot, a_difference_holds_what_happened_between_two_snapshots)
{
    struct spead_snapshot *before, *after;

    receive(1, 2);
    spead_recv_stream_count(rig.stream, LARGEST, 50);
    before = take();
    receive(3, 5);
    after = take();
    cr_assert_eq(spead_snapshot_subtract(after, before, NULL), 0);
    cr_expect_eq(value_of(after, "heaps_complete"), 5u);
    cr_expect_eq(value_of(after, "delivered.packets"), 5u);
    cr_expect_eq(value_of(after, "app.largest"), 50u, "a maximum is the one of the later snapshot");
    spead_snapshot_destroy(before);
    spead_snapshot_destroy(after);
}

/* Returns a snapshot of a stream of another program part, with these custom counters, that has received `heaps` heaps. */
static struct spead_snapshot *take_of_other(const struct spead_custom_counter *counters,
                                            uint32_t count, uint64_t heaps)
{
    struct recv_rig own = rig;
    struct spead_snapshot *snapshot;

    recv_rig_init(&rig);
    rig.config.custom_counters = counters;
    rig.config.custom_counter_count = count;
    recv_rig_open(&rig);
    receive(1, heaps);
    snapshot = take();
    recv_rig_close(&rig);
    rig = own;
    return snapshot;
}

Test(recv_snapshot, two_streams_have_a_sum)
{
    struct spead_snapshot *sum, *other = take_of_other(custom, 3, 4);

    receive(1, 3);
    spead_recv_stream_count(rig.stream, HEAPS_SEEN, 3);
    recv_rig_run(&rig);
    sum = take();
    cr_assert_eq(spead_snapshot_add(sum, other, NULL), 0);
    cr_expect_eq(value_of(sum, "heaps_complete"), 7u);
    cr_expect_eq(value_of(sum, "seen.packets"), 7u);
    cr_expect_eq(value_of(sum, "app.heaps"), 3u);
    spead_snapshot_destroy(sum);
    spead_snapshot_destroy(other);
}

Test(recv_snapshot, streams_with_other_custom_counters_have_no_sum)
{
    struct spead_snapshot *own = take(), *other = take_of_other(custom, 2, 1);
    struct spead_err err = {0};

    cr_expect_eq(spead_snapshot_add(own, other, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "only one has \"app.newest\""), "%s", err.text);
    spead_snapshot_destroy(own);
    spead_snapshot_destroy(other);
}

/* What spead2 counts under other names. */
Test(recv_snapshot, bursts_and_heaps_of_one_packet_are_counted)
{
    struct spead_snapshot *snapshot;

    rig.engine->poll_max = 3;
    receive(1, 7);
    recv_rig_data(&rig, 8, 128, 0, 64);
    recv_rig_data(&rig, 8, 128, 64, 64);
    recv_rig_run(&rig);
    spead_heap_unref(recv_rig_take(&rig));
    snapshot = take();
    cr_expect_eq(value_of(snapshot, "bursts"), 4u);
    cr_expect_eq(value_of(snapshot, "burst_packets_max"), 3u);
    cr_expect_eq(value_of(snapshot, "heaps_single_packet"), 7u);
    cr_expect_eq(value_of(snapshot, "heaps_complete"), 8u);
    spead_snapshot_destroy(snapshot);
}

Test(recv_snapshot, a_heap_that_finds_no_free_region_is_counted)
{
    struct spead_heap *held[64];
    unsigned count = 0;

    recv_rig_close(&rig);
    recv_rig_init(&rig);
    rig.config.heap_bytes_max = 64;
    rig.config.hand_over_heaps = rig.config.held_heaps = 1;
    recv_rig_open(&rig);
    do
        recv_rig_data(&rig, 1 + count, 64, 0, 64);
    while (recv_rig_run(&rig) == 0 && count < 63 && (held[count] = recv_rig_take(&rig)) && ++count);
    cr_expect_gt(rig.stats.counters.heaps_no_memory, 0u, "%u heaps are held", count);
    cr_expect_geq(rig.stats.counters.region_misses, rig.stats.counters.heaps_no_memory);
    while (count > 0)
        spead_heap_unref(held[--count]);
}

static struct spead_err refusal;

/* Returns what create() says about these counters. */
static int create_with(const struct spead_custom_counter *counters, uint32_t count)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    const char *endpoint = "127.0.0.1:7148";
    struct spead_recv_stream *stream;

    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.custom_counters = counters;
    config.custom_counter_count = count;
    refusal = (struct spead_err){0};
    return spead_recv_stream_create(&stream, &config, &refusal);
}

static void expect_refused(const struct spead_custom_counter *counters, uint32_t count,
                           const char *words)
{
    cr_expect_eq(create_with(counters, count), -EINVAL);
    cr_expect_not_null(strstr(refusal.text, words), "%s", refusal.text);
    cr_expect_not_null(strstr(refusal.text, "custom_counter"), "%s", refusal.text);
}

Test(recv_snapshot, two_custom_counters_of_one_name_are_refused)
{
    static const struct spead_custom_counter twice[] = {{"a", SPEAD_STATISTIC_SUM, 0},
                                                        {"b", SPEAD_STATISTIC_SUM, 0},
                                                        {"a", SPEAD_STATISTIC_LAST, 0}};

    expect_refused(twice, 3, "counters 0 and 2 have the same name \"a\"");
}

Test(recv_snapshot, a_custom_counter_with_a_name_of_the_library_is_refused)
{
    static const struct spead_custom_counter counter = {"heaps_complete", SPEAD_STATISTIC_SUM, 0};
    static const struct spead_custom_counter water = {"hand_over_high_water", SPEAD_STATISTIC_SUM,
                                                      0};
    static const struct spead_custom_counter ledger = {"late.packets", SPEAD_STATISTIC_SUM, 0};

    expect_refused(&counter, 1, "\"heaps_complete\"");
    expect_refused(&water, 1, "\"hand_over_high_water\"");
    expect_refused(&ledger, 1, "\"late.packets\"");
}

Test(recv_snapshot, a_custom_counter_with_a_wrong_name_or_mode_is_refused)
{
    static const struct spead_custom_counter empty = {"", SPEAD_STATISTIC_SUM, 0};
    static const struct spead_custom_counter none = {NULL, SPEAD_STATISTIC_SUM, 0};
    static const struct spead_custom_counter quoted = {"a\"b", SPEAD_STATISTIC_SUM, 0};
    static const struct spead_custom_counter mode = {"a", (enum spead_statistic_mode)5, 0};

    expect_refused(&empty, 1, "1 to 63 letters");
    expect_refused(&none, 1, "1 to 63 letters");
    expect_refused(&quoted, 1, "1 to 63 letters");
    expect_refused(&mode, 1, "must be 0 to 4");
    expect_refused(&mode, SPEAD_CUSTOM_COUNTERS_MAX + 1, "0 to 256");
    expect_refused(NULL, 1, "custom_counters");
}
