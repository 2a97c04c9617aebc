/* Goal: a stream limits the memory of its heaps by what its user says, or else by what the host leaves free, and its
 * plan says where the number comes from.
 * Method: a made-up /proc says how much memory is free. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/free_memory.h>

#include "recv_expect.h"

#define MIB ((uint64_t)1 << 20)

static struct recv_rig rig;
static char root[] = "/tmp/speadline-host-XXXXXX";
static struct spead_recv_plan plan;

static void make_host(void)
{
    recv_rig_init(&rig);
    cr_assert_not_null(mkdtemp(root));
    speadi_free_memory_root = root;
}

static void remove_host(void)
{
    char command[64];

    recv_rig_close(&rig);
    snprintf(command, sizeof command, "rm -r %s", root);
    cr_assert_eq(system(command), 0);
}

static void set_free(uint64_t mib)
{
    char command[160];

    snprintf(command, sizeof command,
             "mkdir -p %s/proc && echo 'MemAvailable: %llu kB' >%s/proc/meminfo", root,
             (unsigned long long)mib << 10, root);
    cr_assert_eq(system(command), 0);
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
    cr_expect_gt(recv_rig_packets(&rig, SPEAD_RECV_NO_MEMORY), 0u);
    for (uint16_t endpoint = 1; endpoint < 4; endpoint++) {
        for (uint64_t at = 0; at < 2 * MIB; at += 8192)
            recv_rig_data(&rig, 1000, 2 * MIB, at, 8192)->source = endpoint;
        recv_rig_run(&rig);
        expect_heap(&rig, 1000, true);
    }
    cr_expect_leq(rig.stats.counters.memory_high_water_bytes, 16 * MIB);
}

Test(recv_memory, nothing_is_kept_where_all_heaps_find_memory)
{
    set_free(64 << 10);
    use_defaults(4);
    open_and_plan();
    cr_expect_eq(plan.endpoint_share_bytes, 0u);
    cr_expect_null(strstr(plan.memory_reason, "keeps"));
}
