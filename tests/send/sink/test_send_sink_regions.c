/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: for each region the sink sends one heap, as soon as the region is ready. When that heap has completed, the sink
 * releases the region.
 *
 * Method: the graph has a probe source and the sink. The regions come from a pool on host memory. The sink sends over a
 * memory link, which has a receive stream at its end. */
#include <criterion/criterion.h>

#include <errno.h>

#include <speadi/bytes.h>
#include <speadline/region.h>

#include "relay_rig.h"

static struct spead_region_pool *make_pool(void)
{
    struct spead_region_pool_config config = SPEAD_REGION_POOL_CONFIG_INIT;
    struct spead_region_pool *pool;

    config.region_count = 2;
    config.region_bytes = 4096;
    config.event_ops = &spead_host_event_ops;
    cr_assert_eq(spead_region_pool_create(&pool, &config, NULL), 0);
    return pool;
}

static struct spead_message message_in(struct spead_region_pool *pool, uint64_t event)
{
    struct spead_region *region = spead_region_take(pool, 4096);
    uint8_t *data = spead_region_data(region);

    for (size_t i = 0; i < 4096; i++)
        data[i] = (uint8_t)(i * 7);
    return (struct spead_message){.reference = (uintptr_t)region,
                                  .offset = 100,
                                  .length = 1000,
                                  .sequence = (1ull << 40) + 5,
                                  .time_ns = 1700000000123456789u,
                                  .event = event,
                                  .type = SPEAD_TYPE_REGION};
}

Test(send_sink_regions, regions_become_heaps_with_their_bytes_sequence_and_time)
{
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_send_sink_stats stats = SPEAD_SEND_SINK_STATS_INIT;
    struct spead_region_pool_stats pool_stats = SPEAD_REGION_POOL_STATS_INIT;
    struct spead_region_pool *pool = make_pool();
    struct spead_message message = message_in(pool, 0);
    struct spead_err err = {0};
    struct spead_heap *heap;
    struct spead_item item;
    struct relay_hop hop;

    relay_hop_open(&hop);
    config.stream = hop.send;
    config.type = SPEAD_TYPE_REGION;
    config.sequence_id = 0x1600;
    config.time_id = 0x1601;
    cr_assert_eq(relay_messages(&config, &message, 1, SPEAD_ON_ERROR_FAIL, &stats, &err), 0, "%s",
                 err.text);
    heap = relay_hop_take(&hop);
    cr_assert_eq(spead_heap_find_item(heap, 0x1000, &item), 0);
    cr_assert_eq(item.bytes, 1000);
    for (size_t i = 0; i < 1000; i++)
        cr_assert_eq(item.data[i], (uint8_t)((100 + i) * 7));
    cr_assert_eq(spead_heap_find_item(heap, 0x1600, &item), 0);
    cr_expect_eq(item.value, 5, "modulo 2^40");
    cr_assert_eq(spead_heap_find_item(heap, 0x1601, &item), 0);
    cr_expect_eq(speadi_load_be64(item.data), 1700000000123456789u);
    spead_heap_unref(heap);
    spead_region_pool_stats(pool, &pool_stats);
    cr_expect_eq(pool_stats.out, 0, "released");
    spead_region_pool_unref(pool);
    relay_hop_close(&hop);
}

Test(send_sink_regions, a_region_outside_of_its_bounds_fails_and_is_released)
{
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_send_sink_stats stats = SPEAD_SEND_SINK_STATS_INIT;
    struct spead_region_pool_stats pool_stats = SPEAD_REGION_POOL_STATS_INIT;
    struct spead_region_pool *pool = make_pool();
    struct spead_message message = message_in(pool, 0);
    struct spead_err err = {0};
    struct relay_hop hop;

    relay_hop_open(&hop);
    config.stream = hop.send;
    config.type = SPEAD_TYPE_REGION;
    message.offset = 4000;
    message.length = UINT64_MAX - 10;
    cr_expect_eq(relay_messages(&config, &message, 1, SPEAD_ON_ERROR_FAIL, &stats, &err), -ERANGE);
    cr_expect_eq(stats.failed, 1);
    spead_region_pool_stats(pool, &pool_stats);
    cr_expect_eq(pool_stats.out, 0, "released");
    spead_region_pool_unref(pool);
    relay_hop_close(&hop);
}

static int await_region(void *arg, const struct spead_message *message,
                        struct spead_send_heap *heap, struct spead_send_options *options)
{
    (void)options;
    if (spead_region_query((struct spead_region *)(uintptr_t)message->reference, message->event) ==
        0) {
        /* The test acts as the device and completes the event here. So the next call of this function finds that the
         * event is done. */
        spead_host_event_complete(arg, 0);
        return -EAGAIN;
    }
    return spead_send_heap_add_immediate(heap, 0x1600, 77);
}

Test(send_sink_regions, what_is_not_ready_yet_is_asked_for_again)
{
    struct spead_send_sink_config config = SPEAD_SEND_SINK_CONFIG_INIT;
    struct spead_send_sink_stats stats = SPEAD_SEND_SINK_STATS_INIT;
    struct spead_region_pool *pool = make_pool();
    struct spead_host_event *event;
    struct spead_message message;
    struct spead_err err = {0};
    struct relay_hop hop;

    relay_hop_open(&hop);
    cr_assert_eq(spead_host_event_create(&event, NULL), 0);
    message = message_in(pool, spead_host_event_share(event));
    config.stream = hop.send;
    config.type = SPEAD_TYPE_REGION;
    config.describe = await_region;
    config.describe_arg = event;
    cr_assert_eq(relay_messages(&config, &message, 1, SPEAD_ON_ERROR_FAIL, &stats, &err), 0, "%s",
                 err.text);
    cr_expect_eq(stats.sent, 1);
    spead_heap_unref(relay_hop_take(&hop));
    spead_host_event_unref(event);
    spead_region_pool_unref(pool);
    relay_hop_close(&hop);
}
