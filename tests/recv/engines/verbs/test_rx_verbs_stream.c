/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: heaps arrive whole through a stream with the verbs engine, placed and bounced, with loss and without. Each
 * packet is counted in one bucket of the ledger. When a queue fails, packets are lost but the stream goes on.
 * Method: an ordinary send stream on the far host sends. The double makes the faults. The test checks every byte of
 * every heap. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <speadline/recv.h>
#include <speadline/send.h>
#include <speadline/verbs.h>

#include <speadi/clock.h>

#include "control.h"
#include "netns.h"
#include "offloads.h"
#include "verbs_double.h"

enum { HEAP = 2 << 20, HEAPS = 6, ID = 0x1234 };

static const struct spead_flavour flavour = SPEAD_FLAVOUR_64_40;

static struct test_netns_pair hosts;
static struct spead_err err;
static struct spead_recv_stream *receiver;
static struct spead_recv_runner *receiving;
static struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
static uint8_t content[HEAPS][HEAP];
static const char *const group[] = {"239.1.2.3:7148"};

static void set_up(void)
{
    const char *reason;

    test_use_verbs_double();
    if (!test_netns_pair(&hosts, 9000, &reason))
        cr_skip_test("%s", reason);
    test_netns_move(hosts.far);
    cr_assert(test_offloads_off(TEST_FAR_INTERFACE));
    test_netns_move(hosts.near);
    for (unsigned h = 0; h < HEAPS; h++)
        for (unsigned i = 0; i < HEAP; i++)
            content[h][i] = (uint8_t)(i * 31 + (i >> 8) * 7 + h * 101);
}

static void tear_down(void)
{
    struct vdouble_counters c;

    spead_recv_stream_destroy(receiver);
    vdouble_counters(&c);
    cr_assert_eq(c.contexts + c.pds + c.mrs + c.channels + c.cqs + c.qps + c.flows + c.wqs, 0);
}

TestSuite(rx_verbs_stream, .init = set_up, .fini = tear_down, .timeout = 120);

static enum spead_verbs_mprq mprq = SPEAD_MPRQ_OFF;
static bool in_order;
/* The rate is so low that the one thread of the verbs double can take every packet. */
static double rate_bytes_per_s = 30e6;
static uint64_t heap_bytes_max = 4u << 20;
static uint32_t hand_over_heaps = HEAPS, placed_window = 64; /* most tests send few packets */

static void start_receiver(enum spead_receive_path path)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    struct spead_recv_verbs_config verbs = SPEAD_RECV_VERBS_CONFIG_INIT;

    config.endpoints = group;
    config.endpoint_count = 1;
    config.engine = "verbs";
    config.interface = TEST_NEAR_INTERFACE;
    config.receive_path = path;
    verbs.mprq = mprq;
    config.engine_options = &verbs.options;
    config.heap_bytes_max = heap_bytes_max;
    config.allow_out_of_order = !in_order;
    config.deliver_incomplete = true;
    config.hand_over_heaps = hand_over_heaps;
    config.placed_window = placed_window;
    cr_assert_eq(spead_recv_stream_create(&receiver, &config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_recv_runner_start(&receiving, receiver, -1, &err), 0, "%s", err.text);
}

/* The number of packets that may be on their way to the receiver when the sender sends more; 0 means any number. The
 * thread of the double or of the receiver may not run for a while, and then more packets would find no receive. */
static uint64_t ahead_max = 16;
/* A burst of the sender has this many packets. */
#define BURST 8u
/* The packets in a queue that fails do not come. After this time without a packet the sender waits for none of them. */
#define LOST_NS 1000000000u

/* Returns how many of the packets that were sent have come, or have been lost in the device. */
static uint64_t packets_come(void)
{
    struct spead_recv_stats now = SPEAD_RECV_STATS_INIT;
    struct vdouble_counters device;

    vdouble_counters(&device);
    spead_recv_stream_stats(receiver, &now);
    return now.total.seen.packets + device.rx_faulted + device.rx_out_of_buffer +
           device.rx_oversized;
}

/* Waits until at most ahead_max of the packets are on their way. */
static void await_receiver(uint64_t sent)
{
    static uint64_t lost;
    uint64_t come = packets_come(), before = come, deadline = speadi_clock_mono_ns() + LOST_NS;

    while (ahead_max > 0 && sent > come + lost + ahead_max) {
        usleep(100);
        come = packets_come();
        if (come != before)
            deadline = speadi_clock_mono_ns() + LOST_NS;
        else if (speadi_clock_mono_ns() > deadline)
            lost = sent > come ? sent - come : 0;
        before = come;
    }
}

/* Submits a heap and polls until it is sent. */
static void send_heap(struct spead_send_stream *stream, struct spead_send_heap *heap)
{
    struct spead_send_stats s = SPEAD_SEND_STATS_INIT;
    int ret;

    cr_assert_eq(spead_send_stream_submit(stream, heap, NULL), 0);
    do {
        ret = spead_send_stream_poll(stream);
        spead_send_stream_stats(stream, &s);
        await_receiver(s.bucket[SPEAD_SEND_SENT].packets);
        if (ret == 0 && s.heaps_pending > 0)
            spead_send_stream_wait(stream, 0);
    } while (ret >= 0 && s.heaps_pending > 0);
}

/* Sends `count` heaps of `bytes` bytes and then the stop item from the far host. The heaps have the contents
 * content[0], content[1], ..., and then again content[0]. */
static void send_heaps(unsigned count, size_t bytes)
{
    struct spead_send_stream_config config = SPEAD_SEND_STREAM_CONFIG_INIT;
    struct spead_send_stream *stream;
    struct spead_send_heap *heap;

    test_netns_move(hosts.far);
    config.endpoints = group;
    config.endpoint_count = 1;
    config.engine = "socket";
    config.interface = TEST_FAR_INTERFACE;
    config.packet_bytes_max = 8972;
    config.rate_bytes_per_s = rate_bytes_per_s;
    config.burst_bytes = BURST * 8972;
    cr_assert_eq(spead_send_stream_create(&stream, &config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_send_stream_start(stream, &err), 0);
    cr_assert_eq(spead_send_heap_create(&heap, flavour), 0);
    for (unsigned h = 0; h <= count; h++) {
        spead_send_heap_reset(heap, flavour);
        if (h < count)
            cr_assert_geq(spead_send_heap_add_item(heap, ID, content[h % HEAPS], bytes, false), 0);
        else
            cr_assert_geq(spead_send_heap_add_control(heap, SPEAD_CONTROL_STOP), 0);
        send_heap(stream, heap);
    }
    spead_send_heap_destroy(heap);
    spead_send_stream_destroy(stream);
    test_netns_move(hosts.near);
}

static void check_heap(struct spead_heap *heap)
{
    uint64_t number = (spead_heap_counter(heap) - 1) % HEAPS;
    const uint8_t *payload = spead_heap_payload(heap);
    struct spead_gap gaps[64];
    size_t count = spead_heap_gaps(heap, gaps, 64), gap = 0;

    cr_assert_leq(count, 64);
    for (uint64_t i = 0; i < spead_heap_length(heap) && i < HEAP; i++) {
        while (gap < count && i >= gaps[gap].offset + gaps[gap].bytes)
            gap++;
        if (gap < count && i >= gaps[gap].offset)
            cr_assert_eq(payload[i], 0, "heap %lu byte %lu", number, i);
        else
            cr_assert_eq(payload[i], content[number][i], "heap %lu byte %lu", number, i);
    }
}

/* Sends `count` heaps, then takes every heap that has come. Returns how many heaps were complete. */
static unsigned run_heaps(enum spead_receive_path path, unsigned count, size_t bytes)
{
    struct spead_heap *heap;
    uint64_t sum = 0;
    unsigned complete = 0;

    start_receiver(path);
    send_heaps(count, bytes);
    while (spead_recv_stream_take(receiver, &heap, speadi_clock_mono_ns() + 10000000000u) == 0) {
        complete += spead_heap_is_complete(heap);
        check_heap(heap);
        spead_heap_unref(heap);
    }
    /* If the stop item was lost, only this call ends the stream. */
    spead_recv_stream_stop(receiver);
    cr_assert_eq(spead_recv_runner_join(receiving, NULL), 0);
    spead_recv_stream_stats(receiver, &stats);
    for (unsigned i = 0; i < stats.bucket_count; i++)
        sum += stats.total.bucket[i].packets;
    cr_assert_eq(sum, stats.total.seen.packets);
    return complete;
}

static unsigned run(enum spead_receive_path path)
{
    return run_heaps(path, HEAPS, HEAP);
}

Test(rx_verbs_stream, heaps_bounced_come_whole)
{
    cr_assert_eq(run(SPEAD_PATH_BOUNCE), HEAPS);
    cr_assert_eq(stats.counters.placed, 0);
}

Test(rx_verbs_stream, heaps_through_a_multi_packet_queue_come_whole)
{
    mprq = SPEAD_MPRQ_ON;
    cr_assert_eq(run(SPEAD_PATH_BOUNCE), HEAPS);
}

Test(rx_verbs_stream, heaps_placed_come_whole_and_most_payload_is_placed)
{
    cr_assert_eq(run(SPEAD_PATH_PLACED), HEAPS);
    cr_assert_gt(stats.counters.placed, stats.total.seen.packets / 4,
                 "placed %lu bounced %lu repaired %lu", stats.counters.placed,
                 stats.counters.bounced, stats.counters.repaired);
}

Test(rx_verbs_stream, with_loss_every_byte_that_came_is_in_its_place)
{
    vdouble_script("rx.drop@%100");
    run(SPEAD_PATH_PLACED);
    cr_assert_gt(stats.counters.missing_packets, 0);
    cr_assert_gt(stats.counters.placed, 0);
}

Test(rx_verbs_stream, with_packets_swapped_every_heap_is_whole)
{
    vdouble_script("rx.swap@%40");
    cr_assert_eq(run(SPEAD_PATH_PLACED), HEAPS);
    cr_assert_gt(stats.counters.repaired, 0);
}

Test(rx_verbs_stream, a_queue_that_fails_costs_packets_and_is_counted)
{
    vdouble_script("qp.fatal@100 rx.status@200=GENERAL_ERR");
    run(SPEAD_PATH_PLACED);
    cr_assert_geq(stats.counters.engine_rebuilds, 2);
    cr_assert_gt(stats.counters.heaps_complete, HEAPS / 2);
}

/* Many packets wait in the failed queue. They are lent after the engine has found that there will be no other queue. */
static void assert_ends_after_its_packets(const char *script, enum spead_receive_path path)
{
    struct spead_heap *heap;
    uint64_t sum = 0;

    vdouble_script(script);
    placed_window = SPEAD_RECV_PLACED_WINDOW_DEFAULT;
    ahead_max = 0;
    start_receiver(path);
    send_heaps(HEAPS, HEAP);
    while (spead_recv_stream_take(receiver, &heap, speadi_clock_mono_ns() + 10000000000u) == 0) {
        check_heap(heap);
        spead_heap_unref(heap);
    }
    cr_assert_eq(spead_recv_runner_join(receiving, NULL), -EIO);
    spead_recv_stream_stats(receiver, &stats);
    for (unsigned i = 0; i < stats.bucket_count; i++)
        sum += stats.total.bucket[i].packets;
    cr_expect_eq(sum, stats.total.seen.packets);
    cr_expect_geq(stats.total.seen.packets, 600u);
}

Test(rx_verbs_stream, a_queue_that_cannot_be_made_anew_ends_the_stream_after_its_packets)
{
    assert_ends_after_its_packets("delay_us=20000 qp.fatal@700 create_cq_ex@2=EIO",
                                  SPEAD_PATH_PLACED);
}

Test(rx_verbs_stream, so_does_one_whose_payload_is_bounced)
{
    assert_ends_after_its_packets("delay_us=20000 qp.fatal@700 create_cq_ex@2=EIO",
                                  SPEAD_PATH_BOUNCE);
}

Test(rx_verbs_stream, so_does_one_of_many_packets_an_entry)
{
    mprq = SPEAD_MPRQ_ON;
    assert_ends_after_its_packets("delay_us=20000 qp.fatal@700 create_cq_ex@2=EIO",
                                  SPEAD_PATH_BOUNCE);
}

/* ---- Losses on a device that takes its time ---------------------------------------------------- */

/* Each verb that changes the device takes 2 ms. The packets come at half of the rate at which none is lost otherwise. */
static void assert_loses_only_what_is_dropped(const char *script, enum spead_receive_path path)
{
    struct vdouble_counters device;
    uint64_t lost;

    rate_bytes_per_s = 15e6;
    vdouble_script("verb_us=2000");
    vdouble_script(script);
    run(path);
    vdouble_counters(&device);
    lost = stats.counters.missing_packets + stats.total.bucket[SPEAD_RECV_OUT_OF_ORDER].packets;
    cr_expect_gt(device.rx_faulted, 0u);
    cr_expect_eq(device.rx_out_of_buffer, 0u);
    cr_expect_eq(device.rx_delivered, stats.total.seen.packets);
    cr_expect_eq(stats.counters.engine_rebuilds, 0u);
    if (!in_order) /* the stop item may be among the dropped packets */
        cr_expect_geq(device.rx_faulted, lost);
}

#define LOSSES(name, path)                                                      \
    Test(rx_verbs_stream, only_one_dropped_packet_in_a_thousand_is_lost_##name) \
    {                                                                           \
        assert_loses_only_what_is_dropped("rx.drop@%1000", path);               \
    }                                                                           \
    Test(rx_verbs_stream, only_one_dropped_packet_in_a_hundred_is_lost_##name)  \
    {                                                                           \
        assert_loses_only_what_is_dropped("rx.drop@%100", path);                \
    }

LOSSES(placed, SPEAD_PATH_PLACED)
LOSSES(by_auto, SPEAD_PATH_AUTO)
LOSSES(bounced, SPEAD_PATH_BOUNCE)

Test(rx_verbs_stream, only_dropped_packets_are_lost_where_packets_come_in_order)
{
    in_order = true;
    assert_loses_only_what_is_dropped("rx.drop@%100", SPEAD_PATH_PLACED);
}

Test(rx_verbs_stream, only_dropped_packets_are_lost_through_a_multi_packet_queue)
{
    mprq = SPEAD_MPRQ_ON;
    assert_loses_only_what_is_dropped("rx.drop@%100", SPEAD_PATH_BOUNCE);
}

/* ---- A consumer that takes no heap until all heaps are sent ---------------------------------- */

/* The source has room for more than twice the packets that the test sends. */
static void assert_pauses(enum spead_receive_path path)
{
    enum { MANY = 300 };
    unsigned whole;

    hand_over_heaps = 4;
    placed_window = SPEAD_RECV_PLACED_WINDOW_DEFAULT;
    ahead_max = 0;
    whole = run_heaps(path, MANY, 1000);
    cr_assert_eq(whole, MANY);
    cr_expect_gt(whole, hand_over_heaps);
    cr_expect_eq(stats.counters.heaps_shed, 0);
    cr_expect_gt(stats.counters.paused_ns, 0);
    cr_expect_gt(stats.counters.packets_after_pause, whole / 2);
}

Test(rx_verbs_stream, a_stalled_consumer_makes_it_pause_and_loses_nothing)
{
    assert_pauses(SPEAD_PATH_BOUNCE);
}

Test(rx_verbs_stream, a_stalled_consumer_makes_it_pause_on_a_multi_packet_queue_too)
{
    mprq = SPEAD_MPRQ_ON;
    assert_pauses(SPEAD_PATH_BOUNCE);
}

Test(rx_verbs_stream, a_stalled_consumer_makes_it_pause_where_payload_is_placed_too)
{
    assert_pauses(SPEAD_PATH_PLACED);
}

/* ---- Receives that are posted ahead ------------------------------------------------------------ */

/* At least 1024 receives are posted, more than a heap has packets. */
Test(rx_verbs_stream, auto_places_heaps_that_have_fewer_packets_than_receives_are_posted)
{
    enum { MANY = 20 };
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    hand_over_heaps = MANY;
    placed_window = SPEAD_RECV_PLACED_WINDOW_DEFAULT;
    ahead_max = 500;
    cr_assert_eq(run_heaps(SPEAD_PATH_AUTO, MANY, HEAP), MANY);
    spead_recv_stream_plan(receiver, &plan);
    cr_expect_geq(plan.posted_receives, 1024u);
    cr_expect_not_null(strstr(plan.engine_reason, "1024 receives (the least number"), "%s",
                       plan.engine_reason);
    /* The packets of the first two heaps and of the receives that were posted then are bounced. */
    cr_expect_gt(stats.counters.placed, stats.total.seen.packets / 2);
    cr_expect_lt(stats.counters.repaired, stats.total.seen.packets / 20);
}

/* The receives reach into more heaps than regions are set aside, so free regions are lent. */
Test(rx_verbs_stream, heaps_that_are_much_shorter_than_their_regions_are_placed_too)
{
    enum { MANY = 120, SHORT = 300 << 10 };

    hand_over_heaps = MANY;
    heap_bytes_max = 1u << 20;
    placed_window = SPEAD_RECV_PLACED_WINDOW_DEFAULT;
    cr_assert_eq(run_heaps(SPEAD_PATH_PLACED, MANY, SHORT), MANY);
    cr_expect_gt(stats.counters.placed, stats.total.seen.packets * 2 / 3,
                 "placed %lu bounced %lu repaired %lu", stats.counters.placed,
                 stats.counters.bounced, stats.counters.repaired);
}

Test(rx_verbs_stream, a_burst_that_is_longer_than_a_heap_finds_receives)
{
    enum { MANY = 12 };
    struct vdouble_counters device;

    hand_over_heaps = MANY;
    placed_window = SPEAD_RECV_PLACED_WINDOW_DEFAULT;
    ahead_max = 700;
    vdouble_script("burst=600");
    cr_assert_eq(run_heaps(SPEAD_PATH_PLACED, MANY, HEAP), MANY);
    vdouble_counters(&device);
    cr_expect_eq(device.rx_out_of_buffer, 0u);
    cr_expect_eq(stats.counters.missing_packets, 0u);
}
