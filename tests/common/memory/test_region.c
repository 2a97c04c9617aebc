/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a region comes back to its pool when no thread and no device uses it any more, and never earlier.
 * Method: the tests use small pools. A "device" is an event that the test completes. */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <speadline/message.h>
#include <speadline/region.h>

static struct spead_region_pool *make_pool(uint32_t regions)
{
    struct spead_region_pool_config config = SPEAD_REGION_POOL_CONFIG_INIT;
    struct spead_region_pool *pool;
    struct spead_err err = {0};

    config.region_count = regions;
    config.region_bytes = 10000;
    config.event_ops = &spead_host_event_ops;
    cr_assert_eq(spead_region_pool_create(&pool, &config, &err), 0, "%s", err.text);
    return pool;
}

static struct spead_region_pool_stats stats_of(const struct spead_region_pool *pool)
{
    struct spead_region_pool_stats stats = SPEAD_REGION_POOL_STATS_INIT;

    spead_region_pool_stats(pool, &stats);
    return stats;
}

static struct spead_host_event *make_event(void)
{
    struct spead_host_event *event;

    cr_assert_eq(spead_host_event_create(&event, NULL), 0);
    return event;
}

Test(region, is_taken_once_and_back_after_its_last_reference)
{
    struct spead_region_pool *pool = make_pool(1);
    struct spead_region *region = spead_region_take(pool, 10000);

    cr_assert_not_null(region);
    cr_expect_null(spead_region_take(pool, 1));
    spead_region_ref(region);
    spead_region_unref(region);
    cr_expect_null(spead_region_take(pool, 1));
    spead_region_unref(region);
    region = spead_region_take(pool, 1);
    cr_expect_not_null(region);
    cr_expect_eq(stats_of(pool).refused, 2);
    cr_expect_eq(stats_of(pool).takes, 2);
    cr_expect_eq(stats_of(pool).out, 1);
    spead_region_unref(region);
    spead_region_pool_unref(pool);
}

Test(region, holds_what_was_written_and_outlives_its_pools_owner)
{
    struct spead_region_pool *pool = make_pool(2);
    struct spead_region *region = spead_region_take(pool, 10000);
    struct spead_region_info info = SPEAD_REGION_INFO_INIT;

    spead_region_info(region, &info);
    cr_expect_eq(info.kind, SPEAD_REGION_HOST);
    cr_expect_eq(info.fd, -1);
    cr_expect_eq(spead_region_bytes(region), 10000);
    cr_expect_eq(spead_region_copy_in(region, 9990, "0123456789", 10), 0);
    spead_region_pool_unref(pool);
    cr_expect_eq(memcmp((char *)spead_region_data(region) + 9990, "0123456789", 10), 0);
    spead_region_unref(region);
}

Test(region, asked_for_more_than_it_has_is_refused)
{
    struct spead_region_pool *pool = make_pool(1);
    struct spead_region *region;
    uint64_t offset;

    cr_expect_null(spead_region_take(pool, 10001));
    region = spead_region_take(pool, 10000);
    cr_expect_eq(spead_region_copy_in(region, 9999, "ab", 2), -ERANGE);
    cr_expect_eq(spead_region_copy_in(region, SIZE_MAX, "ab", 2), -ERANGE);
    cr_expect_eq(spead_region_copy_within(region, 0, 9999, 2), -ERANGE);
    cr_expect_eq(spead_region_export(region, &offset), -ENOTSUP);
    cr_expect_eq(spead_region_flush(region), 0);
    spead_region_unref(region);
    spead_region_pool_unref(pool);
}

Test(region, copies_within_itself_where_the_ranges_overlap)
{
    struct spead_region_pool *pool = make_pool(1);
    struct spead_region *region = spead_region_take(pool, 100);

    spead_region_copy_in(region, 0, "abcdef", 6);
    cr_expect_eq(spead_region_copy_within(region, 2, 0, 6), 0);
    cr_expect_eq(memcmp(spead_region_data(region), "ababcdef", 8), 0);
    spead_region_unref(region);
    spead_region_pool_unref(pool);
}

/* ---- Events -------------------------------------------------------------------------------- */

Test(region, released_with_an_event_is_parked_until_it_is_done)
{
    struct spead_region_pool *pool = make_pool(1);
    struct spead_host_event *event = make_event();

    spead_region_release(spead_region_take(pool, 1), spead_host_event_share(event));
    cr_expect_null(spead_region_take(pool, 1));
    cr_expect_eq(stats_of(pool).parked, 1);
    cr_expect_eq(spead_region_pool_reap(pool), 0);
    spead_host_event_complete(event, 0);
    cr_expect_eq(spead_region_pool_reap(pool), 1);
    cr_expect_eq(stats_of(pool).parked, 0);
    cr_expect_eq(stats_of(pool).out, 0);
    spead_host_event_unref(event);
    spead_region_pool_unref(pool);
}

Test(region, is_given_out_again_by_the_take_that_finds_its_event_done)
{
    struct spead_region_pool *pool = make_pool(1);
    struct spead_host_event *event = make_event();
    struct spead_region *region = spead_region_take(pool, 1);

    spead_region_release(region, spead_host_event_share(event));
    spead_host_event_complete(event, 0);
    cr_expect_eq(spead_region_take(pool, 1), region);
    spead_region_unref(region);
    spead_host_event_unref(event);
    spead_region_pool_unref(pool);
}

Test(region, with_an_event_that_is_done_already_comes_back_at_once)
{
    struct spead_region_pool *pool = make_pool(1);
    struct spead_host_event *event = make_event();

    spead_host_event_complete(event, 0);
    spead_region_release(spead_region_take(pool, 1), spead_host_event_share(event));
    cr_expect_eq(stats_of(pool).out, 0);
    spead_host_event_unref(event);
    spead_region_pool_unref(pool);
}

Test(region, waits_for_the_events_of_all_who_released_it)
{
    struct spead_region_pool *pool = make_pool(1);
    struct spead_host_event *events[3] = {make_event(), make_event(), make_event()};
    struct spead_region *region = spead_region_take(pool, 1);

    spead_region_ref(region);
    spead_region_ref(region);
    for (int i = 0; i < 3; i++)
        spead_region_release(region, spead_host_event_share(events[i]));
    for (int i = 2; i >= 0; i--) {
        cr_expect_eq(spead_region_pool_reap(pool), 0, "event %d is not done", i);
        spead_host_event_complete(events[i], 0);
    }
    cr_expect_eq(spead_region_pool_reap(pool), 1);
    for (int i = 0; i < 3; i++)
        spead_host_event_unref(events[i]);
    spead_region_pool_unref(pool);
}

Test(region, parked_behind_an_unfinished_one_comes_back_when_nothing_else_is_free)
{
    struct spead_region_pool *pool = make_pool(2);
    struct spead_host_event *slow = make_event(), *fast = make_event();
    struct spead_region *first = spead_region_take(pool, 1), *second = spead_region_take(pool, 1);

    spead_region_release(first, spead_host_event_share(slow));
    spead_region_release(second, spead_host_event_share(fast));
    spead_host_event_complete(fast, 0);
    cr_expect_eq(spead_region_take(pool, 1), second);
    spead_region_unref(second);
    spead_host_event_complete(slow, 0);
    spead_host_event_unref(slow);
    spead_host_event_unref(fast);
    spead_region_pool_unref(pool);
}

Test(region, whose_device_failed_is_never_given_out_again)
{
    struct spead_region_pool *pool = make_pool(1);
    struct spead_host_event *event = make_event();

    spead_region_release(spead_region_take(pool, 1), spead_host_event_share(event));
    spead_host_event_complete(event, -EIO);
    cr_expect_eq(spead_region_pool_reap(pool), 0);
    cr_expect_null(spead_region_take(pool, 1));
    cr_expect_eq(stats_of(pool).lost, 1);
    cr_expect_eq(stats_of(pool).parked, 0);
    spead_host_event_unref(event);
    spead_region_pool_unref(pool);
}

static void *complete(void *event)
{
    spead_host_event_complete(event, 0);
    return NULL;
}

Test(region, released_with_too_many_events_waits_for_one_and_says_so)
{
    struct spead_region_pool *pool = make_pool(1);
    struct spead_host_event *never = make_event(), *soon = make_event();
    struct spead_region *region = spead_region_take(pool, 1);
    pthread_t thread;

    for (int i = 0; i < SPEAD_REGION_EVENTS_MAX; i++)
        spead_region_release(spead_region_ref(region), spead_host_event_share(never));
    pthread_create(&thread, NULL, complete, soon);
    spead_region_release(region, spead_host_event_share(soon));
    pthread_join(thread, NULL);
    cr_expect_leq(stats_of(pool).event_waits, 1);
    cr_expect_eq(stats_of(pool).parked, 1);
    spead_host_event_complete(never, 0);
    cr_expect_eq(spead_region_pool_reap(pool), 1);
    spead_host_event_unref(never);
    spead_host_event_unref(soon);
    spead_region_pool_unref(pool);
}

/* Several stages read a region, one after the other. Each stage releases the region with an event. Each event is done
 * before the next stage releases. So the region never has to store more than one unfinished event. */
Test(region, released_often_keeps_only_events_that_are_unfinished)
{
    struct spead_region_pool *pool = make_pool(1);
    struct spead_host_event *last = make_event();
    struct spead_region *region = spead_region_take(pool, 1);

    for (int i = 0; i < 5 * SPEAD_REGION_EVENTS_MAX; i++) {
        struct spead_host_event *event = make_event();

        spead_region_release(spead_region_ref(region), spead_host_event_share(event));
        spead_host_event_complete(event, 0);
        spead_host_event_unref(event);
    }
    spead_region_release(region, spead_host_event_share(last));
    cr_expect_eq(stats_of(pool).event_waits, 0);
    cr_expect_eq(spead_region_pool_reap(pool), 0, "the last one is not done");
    spead_host_event_complete(last, 0);
    cr_expect_eq(spead_region_pool_reap(pool), 1);
    spead_host_event_unref(last);
    spead_region_pool_unref(pool);
}

Test(region, whose_ninth_event_failed_is_never_given_out_again)
{
    struct spead_region_pool *pool = make_pool(1);
    struct spead_host_event *good = make_event(), *bad = make_event();
    struct spead_region *region = spead_region_take(pool, 1);

    for (int i = 0; i < SPEAD_REGION_EVENTS_MAX; i++)
        spead_region_release(spead_region_ref(region), spead_host_event_share(good));
    spead_host_event_complete(bad, -EIO);
    spead_host_event_complete(good, 0);
    spead_region_release(region, spead_host_event_share(bad));
    cr_expect_eq(spead_region_pool_reap(pool), 0);
    cr_expect_eq(stats_of(pool).lost, 1);
    spead_host_event_unref(good);
    spead_host_event_unref(bad);
    spead_region_pool_unref(pool);
}

Test(region, parked_when_its_pool_ends_is_waited_for)
{
    struct spead_region_pool *pool = make_pool(2);
    struct spead_host_event *event = make_event();
    struct spead_region *late = spead_region_take(pool, 1);
    pthread_t thread;

    spead_region_release(spead_region_take(pool, 1), spead_host_event_share(event));
    pthread_create(&thread, NULL, complete, event);
    spead_region_pool_unref(pool);
    pthread_join(thread, NULL);
    /* Nothing else refers to the pool now, so this call frees the pool. */
    spead_region_release(late, spead_host_event_share(event));
    spead_host_event_unref(event);
}

/* ---- Messages ------------------------------------------------------------------------------ */

Test(region, of_a_message_nobody_read_is_parked_with_the_messages_event)
{
    struct spead_region_pool *pool = make_pool(1);
    struct spead_host_event *event = make_event();
    struct spead_message message = {.type = SPEAD_TYPE_REGION};

    message.reference = (uint64_t)(uintptr_t)spead_region_take(pool, 1);
    message.event = spead_host_event_share(event);
    /* From now on there are two copies of the message. The second copy has its own reference to the event. */
    spead_message_ref(&message);
    spead_message_unref(&message);
    cr_expect_eq(stats_of(pool).parked, 0);
    spead_message_unref(&message);
    cr_expect_eq(stats_of(pool).parked, 1);
    spead_host_event_complete(event, 0);
    cr_expect_eq(spead_region_pool_reap(pool), 1);
    spead_host_event_unref(event);
    spead_region_pool_unref(pool);
}

/* ---- Memory of other kinds ------------------------------------------------------------------ */

struct device {
    char memory[3 * 4096];
    int copies, flushes, ended;
};

static int device_copy_in(void *arg, const struct spead_region_info *to, size_t offset,
                          const void *from, size_t bytes)
{
    struct device *device = arg;

    memcpy(device->memory + (to->device_address - 0x10000) + offset, from, bytes);
    device->copies++;
    return 0;
}

static int device_flush(void *arg, const struct spead_region_info *region)
{
    (void)region;
    ((struct device *)arg)->flushes++;
    return 0;
}

static void device_ended(void *arg)
{
    ((struct device *)arg)->ended++;
}

Test(region, of_a_device_is_reached_through_the_devices_operations_only)
{
    struct device device = {0};
    const struct spead_region_ops ops = {
        .name = "test", .copy_in = device_copy_in, .flush = device_flush, .arg = &device};
    const struct spead_region_arena arena = {.struct_size = sizeof arena,
                                             .kind = SPEAD_REGION_DMA_BUF,
                                             .device_address = 0x10000,
                                             .bytes = sizeof device.memory,
                                             .fd = 77,
                                             .ops = &ops,
                                             .ended = device_ended,
                                             .arg = &device};
    struct spead_region_pool_config config = SPEAD_REGION_POOL_CONFIG_INIT;
    struct spead_region_pool *pool;
    struct spead_region *regions[3];
    uint64_t offset;

    config.region_count = 3;
    config.region_bytes = 4096;
    config.arena = &arena;
    cr_assert_eq(spead_region_pool_create(&pool, &config, NULL), 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_not_null(regions[i] = spead_region_take(pool, 4096));
        cr_expect_null(spead_region_data(regions[i]));
        cr_expect_eq(spead_region_copy_in(regions[i], 1, "x", 1), 0);
        cr_expect_eq(spead_region_flush(regions[i]), 0);
        cr_expect_eq(spead_region_export(regions[i], &offset), 77);
        cr_expect_eq(device.memory[offset + 1], 'x');
        cr_expect_eq(spead_region_copy_within(regions[i], 0, 1, 1), -ENOTSUP);
    }
    cr_expect_eq(device.copies, 3);
    cr_expect_eq(device.flushes, 3);
    spead_region_pool_unref(pool);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(device.ended, 0);
        spead_region_unref(regions[i]);
    }
    cr_expect_eq(device.ended, 1);
}

Test(region, pools_that_cannot_be_are_refused_by_name)
{
    struct spead_region_arena arena = SPEAD_REGION_ARENA_INIT;
    struct spead_region_pool_config config = SPEAD_REGION_POOL_CONFIG_INIT;
    const struct spead_region_ops ops = {.name = "test"};
    struct spead_region_pool *pool;
    struct spead_err err;

    cr_expect_eq(spead_region_pool_create(&pool, &config, &err), -EINVAL);
    config.region_count = 2;
    config.region_bytes = 4096;
    config.arena = &arena;
    arena.kind = SPEAD_REGION_DEVICE;
    arena.bytes = 4096;
    cr_expect_eq(spead_region_pool_create(&pool, &config, &err), -EINVAL);
    cr_expect(strstr(err.text, "ops") != NULL, "%s", err.text);
    arena.ops = &ops;
    cr_expect_eq(spead_region_pool_create(&pool, &config, &err), -EINVAL);
    cr_expect(strstr(err.text, "device_address") != NULL, "%s", err.text);
    arena.device_address = 4096;
    cr_expect_eq(spead_region_pool_create(&pool, &config, &err), -EINVAL);
    cr_expect(strstr(err.text, "8192") != NULL, "%s", err.text);
}
