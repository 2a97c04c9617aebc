/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a stream limits the memory of its heaps by what its user says, or else by what the host leaves free, and its
 * plan says where the number comes from.
 * Method: a made-up /proc says how much memory is free. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recv_expect.h"
#include "small_host.h"

#define MIB ((uint64_t)1 << 20)

static struct recv_rig rig;
static struct spead_recv_plan plan;

static void make_host(void)
{
    recv_rig_init(&rig);
    test_host_make();
}

static void remove_host(void)
{
    recv_rig_close(&rig);
    test_host_remove();
}

static void set_free(uint64_t mib)
{
    test_host_set_free(mib << 10);
}

static void open_and_plan(void)
{
    recv_rig_open(&rig);
    plan = (struct spead_recv_plan)SPEAD_RECV_PLAN_INIT;
    spead_recv_stream_plan(rig.stream, &plan);
}

static void use_defaults(uint32_t endpoints)
{
    rig.config.heap_bytes_max = SPEAD_RECV_HEAP_BYTES_DEFAULT;
    rig.sources = endpoints;
}

static void expect_said(const char *text)
{
    cr_expect_not_null(strstr(plan.memory_reason, text), "\"%s\"", plan.memory_reason);
}

TestSuite(recv_memory, .init = make_host, .fini = remove_host);

Test(recv_memory, sixty_four_endpoints_start_with_defaults_on_a_host_of_4_gib)
{
    set_free(3500);
    use_defaults(64);
    open_and_plan();
    cr_expect_eq(plan.memory_bytes, 1750 * MIB);
    cr_expect_eq(plan.live_regions, 64u * 4);
    cr_expect_gt(plan.memory_need_bytes, 16384 * MIB);
    expect_said("half of 3.4 GiB that the host leaves free; these heaps could need 16.");
}

Test(recv_memory, the_parts_of_the_plan_add_up_to_its_bound)
{
    set_free(64 << 10);
    use_defaults(3);
    rig.config.substream_count = 2;
    open_and_plan();
    cr_expect_eq(plan.live_regions, 4u * 2 * 3);
    cr_expect_eq(plan.hand_over_regions, SPEAD_RECV_HAND_OVER_SIZES);
    cr_expect_eq(plan.held_regions, SPEAD_RECV_HELD_HEAPS_DEFAULT);
    cr_expect_gt(plan.moved_regions, 0u);
    cr_expect_eq(plan.region_count, plan.live_regions + plan.hand_over_regions + plan.held_regions +
                                        plan.moved_regions);
    cr_expect_eq(plan.memory_bytes, plan.region_count * plan.region_bytes);
    cr_expect_eq(plan.memory_need_bytes, plan.memory_bytes);
    expect_said("all that these heaps can need; the limit is half of 64.0 GiB that the host");
}

Test(recv_memory, a_limit_of_the_user_counts_instead)
{
    set_free(100);
    rig.config.memory_bytes_max = 3 * MIB;
    open_and_plan();
    cr_expect_eq(plan.memory_bytes, 3 * MIB);
    expect_said("as configured; these heaps could need ");
}

Test(recv_memory, a_limit_above_the_need_changes_nothing)
{
    set_free(100);
    rig.config.memory_bytes_max = 1 << 30;
    open_and_plan();
    cr_expect_eq(plan.memory_bytes, plan.memory_need_bytes);
    cr_expect_lt(plan.memory_bytes, 1u << 30);
}

static char logged[1024];

static void keep_log(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg;
    if (level == SPEAD_LOG_WARNING)
        snprintf(logged, sizeof logged, "%s", line);
}

Test(recv_memory, a_limit_of_the_user_above_what_is_free_is_a_warning)
{
    set_free(100);
    rig.config.log.fn = keep_log;
    rig.config.memory_bytes_max = 4096 * MIB;
    use_defaults(1);
    open_and_plan();
    cr_expect_gt(plan.memory_bytes, 100 * MIB);
    cr_expect_not_null(strstr(logged, "and the host has only 100 MiB free"), "\"%s\"", logged);
}

Test(recv_memory, a_limit_of_the_user_that_fits_is_no_warning)
{
    set_free(100);
    rig.config.log.fn = keep_log;
    rig.config.memory_bytes_max = 100 * MIB;
    use_defaults(1);
    open_and_plan();
    cr_expect_str_empty(logged);
}

Test(recv_memory, a_stream_starts_on_a_full_host)
{
    set_free(1);
    use_defaults(1);
    open_and_plan();
    cr_expect_eq(plan.memory_bytes, 16 * MIB);
    expect_said("the least, 16.0 MiB, because the host leaves only 1.0 MiB free");
}

Test(recv_memory, a_host_that_says_nothing_sets_no_limit)
{
    use_defaults(1);
    open_and_plan();
    cr_expect_eq(plan.memory_bytes, plan.memory_need_bytes);
    expect_said("no limit, because the host does not say");
}

/* ---- Memory that a device knows -------------------------------------------------------------- */

enum { RECEIVES = 1024, HANDED_OVER = 4 };

/* Returns the memory that a stream needs to place payload if all its regions are large and two of them are set aside. */
static uint64_t least_for_placing(enum spead_receive_path path)
{
    struct recv_rig small;

    recv_rig_init(&small);
    small.ops = &script_nic_ops;
    small.config.receive_path = path;
    small.config.placed_window = 1;
    small.config.hand_over_heaps = HANDED_OVER;
    recv_rig_open(&small);
    plan = (struct spead_recv_plan)SPEAD_RECV_PLAN_INIT;
    spead_recv_stream_plan(small.stream, &plan);
    recv_rig_close(&small);
    return (plan.region_count - plan.moved_regions + 2) * plan.region_bytes;
}

static void keep_info(void *arg, enum spead_log_level level, const char *line)
{
    (void)arg;
    if (level == SPEAD_LOG_INFO && strstr(line, "have not begun"))
        snprintf(logged, sizeof logged, "%s", line);
}

static void open_with_many_receives(enum spead_receive_path path)
{
    rig.ops = &script_nic_ops;
    rig.facts.reserve_max = RECEIVES;
    rig.config.receive_path = path;
    rig.config.placed_window = RECEIVES;
    rig.config.hand_over_heaps = HANDED_OVER;
    rig.config.log.fn = keep_info;
    open_and_plan();
}

static void expect_places_without_expecting(const char *said)
{
    cr_expect(rig.stream->placement.enabled);
    cr_expect_eq(plan.moved_regions, 2u, "%llu", (unsigned long long)plan.moved_regions);
    cr_expect_not_null(strstr(logged, said), "\"%s\"", logged);
    cr_expect_not_null(strstr(logged, "placed_window"), "\"%s\"", logged);
    cr_expect_not_null(strstr(plan.engine_reason, "have not begun"), "\"%s\"", plan.engine_reason);
}

Test(recv_memory, with_enough_memory_regions_are_set_aside_for_heaps_that_have_not_begun)
{
    set_free(64 << 10);
    open_with_many_receives(SPEAD_PATH_PLACED);
    cr_expect_gt(plan.moved_regions, 2u);
    cr_expect_str_empty(logged);
}

Test(recv_memory, a_limit_without_room_for_heaps_that_have_not_begun_does_not_stop_placing)
{
    set_free(64 << 10);
    rig.config.memory_bytes_max = least_for_placing(SPEAD_PATH_PLACED);
    open_with_many_receives(SPEAD_PATH_PLACED);
    cr_expect_leq(plan.memory_bytes, rig.config.memory_bytes_max);
    expect_places_without_expecting("memory_bytes_max");
}

Test(recv_memory, nor_does_it_by_auto)
{
    set_free(64 << 10);
    rig.config.memory_bytes_max = least_for_placing(SPEAD_PATH_AUTO);
    open_with_many_receives(SPEAD_PATH_AUTO);
    expect_places_without_expecting("memory_bytes_max");
}

Test(recv_memory, nor_does_a_host_without_room_for_them)
{
    set_free(64 << 10);
    rig.config.memory_bytes_max = 1 << 30;
    (void)least_for_placing(SPEAD_PATH_PLACED);
    set_free(1 + (plan.memory_bytes >> 20));
    open_with_many_receives(SPEAD_PATH_PLACED);
    expect_places_without_expecting("the host has");
}

/* Endpoint 0 floods the stream with heaps of which only the last packet comes, so each is charged whole. */
static void flood(uint32_t heaps)
{
    for (uint64_t counter = 1; counter <= heaps; counter++)
        recv_rig_data(&rig, counter, 4 * MIB, 4 * MIB - 1024, 1024);
    recv_rig_run(&rig);
}

Test(recv_memory, a_flood_at_one_endpoint_leaves_the_others_their_share)
{
    set_free(16);
    rig.config.memory_bytes_max = 16 * MIB;
    rig.config.heap_bytes_max = 4 * MIB;
    rig.config.live_heaps_max = 64;
    rig.config.allow_out_of_order = true;
    rig.sources = 4;
    open_and_plan();
    cr_expect_eq(plan.endpoint_share_bytes, 2 * MIB);
    expect_said(
        "each of the 4 endpoints keeps 2.0 MiB of it for its own heaps, less than one heap");
    flood(60);
    cr_expect_gt(rig.stats.counters.heaps_evicted, 0u, "the flood needs more than it may have");
    for (uint16_t endpoint = 1; endpoint < 4; endpoint++) {
        for (uint64_t at = 0; at < 2 * MIB; at += 8192)
            recv_rig_data(&rig, 1000, 2 * MIB, at, 8192)->source = endpoint;
        recv_rig_run(&rig);
        expect_heap(&rig, 1000, true);
    }
    cr_expect_leq(rig.stats.counters.memory_high_water_bytes, 16 * MIB);
}

/* Opens a stream of two endpoints, which keep 4 of 16 MiB each. */
static void open_two(void)
{
    set_free(64 << 10);
    rig.config.memory_bytes_max = 16 * MIB;
    rig.config.heap_bytes_max = 6 * MIB;
    rig.config.held_heaps = 2;
    rig.config.allow_out_of_order = true;
    rig.config.on_full = SPEAD_ON_FULL_DROP_OLDEST;
    rig.sources = 2;
    open_and_plan();
    cr_assert_eq(plan.endpoint_share_bytes, 4 * MIB);
}

static void push_unsized(uint64_t counter, uint64_t offset, size_t bytes)
{
    static const uint8_t payload[8000];

    test_packet_begin(&rig.packet, 40);
    test_packet_immediate(&rig.packet, SPEAD_ID_HEAP_COUNTER, counter);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_OFFSET, offset);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_LENGTH, bytes);
    test_packet_payload(&rig.packet, payload, bytes);
    recv_rig_push(&rig);
}

Test(recv_memory,
     heaps_without_a_length_count_for_their_endpoint_when_they_have_moved_to_small_regions)
{
    struct spead_heap *held[200];
    uint32_t count = 0;

    rig.config.unsized_in_sequence = true;
    open_two();
    for (uint64_t counter = 1; counter <= 200; counter++) {
        for (uint64_t at = 0; at < 120000; at += 8000)
            push_unsized(counter, at, 8000);
        recv_rig_run(&rig);
        while (count < 200 && (held[count] = recv_rig_take(&rig)) != NULL)
            count++;
    }
    for (uint64_t at = 0; at < 2 * MIB; at += 8192)
        recv_rig_data(&rig, 1000, 2 * MIB, at, 8192)->source = 1;
    recv_rig_run(&rig);
    expect_heap(&rig, 1000, true);
    while (count > 0)
        spead_heap_unref(held[--count]);
}

Test(recv_memory, many_small_heaps_at_one_endpoint_leave_memory_for_a_small_heap_of_another)
{
    struct spead_heap *heap;
    bool has_come = false;

    open_two();
    for (uint64_t counter = 1; counter <= 3000; counter++) {
        for (uint64_t at = 0; at < 15000; at += 7500)
            recv_rig_data(&rig, counter, 15000, at, 7500);
        recv_rig_run(&rig);
    }
    cr_expect_gt(rig.stats.counters.heaps_shed, 0u, "the oldest heaps that wait go first");
    recv_rig_data(&rig, 1000, 100, 0, 100)->source = 1;
    recv_rig_run(&rig);
    while ((heap = recv_rig_take(&rig)) != NULL) {
        has_come |= spead_heap_source(heap) == 1;
        spead_heap_unref(heap);
    }
    cr_expect(has_come);
    cr_expect_eq(recv_rig_packets(&rig, SPEAD_RECV_NO_MEMORY), 0u, "%s", recv_rig_buckets(&rig));
}

Test(recv_memory, the_plan_says_when_the_memory_is_too_small_for_shares)
{
    set_free(64 << 10);
    rig.config.memory_bytes_max = MIB / 4;
    rig.config.heap_bytes_max = MIB;
    rig.sources = 64;
    open_and_plan();
    cr_expect_eq(plan.endpoint_share_bytes, 0u);
    expect_said("; no endpoint keeps a share, because it would be less than one page");
}

Test(recv_memory, the_plan_says_when_a_share_is_less_than_one_packet)
{
    set_free(64 << 10);
    rig.config.memory_bytes_max = MIB / 2;
    rig.config.heap_bytes_max = MIB;
    rig.sources = 64;
    open_and_plan();
    cr_expect_eq(plan.endpoint_share_bytes, 4096u);
    expect_said("keeps 4.0 KiB of it for its own heaps, less than one packet of the largest size");
}

Test(recv_memory, nothing_is_kept_where_all_heaps_find_memory)
{
    set_free(64 << 10);
    use_defaults(4);
    open_and_plan();
    cr_expect_eq(plan.endpoint_share_bytes, 0u);
    cr_expect_null(strstr(plan.memory_reason, "keeps"));
}
