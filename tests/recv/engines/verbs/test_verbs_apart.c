/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a NIC places payload into memory that the CPU must not touch. Every heap that is handed over is right, even
 * when packets are lost.
 * Method: a stream uses the verbs double. The heap memory is a memfd that is registered as a dma-buf. The program maps
 * this memory PROT_NONE, so an access by the core would end the test. A socket on the far host sends, and leaves out
 * packets that a seeded dice chooses. The first packet of a heap has a longer header than the others. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/clock.h>

#include "apart_memory.h"
#include "control.h"
#include "recv_rig.h"
#include "verbs_double.h"
#include "verbs_rx_rig.h"

enum { BYTES = 2048, PACKETS = 256, HEAP_BYTES = BYTES * PACKETS, HEAPS = 16, BATCH = 16 };

static struct verbs_rx_rig rig;
static struct apart_memory apart;
static struct spead_recv_stream *stream;
static struct spead_recv_stats stats;
static struct test_packet packet;
static uint64_t sent, dropped;
static unsigned complete, incomplete;

static void set_up(void)
{
    test_use_verbs_double();
    if (!verbs_rx_rig_prepare(&rig, &(struct verbs_rx_options){.mtu = 9000}))
        cr_skip_test("%s %s", rig.reason, rig.err.text);
    apart_memory_open(&apart, 16u << 20);
}

static void tear_down(void)
{
    struct vdouble_counters c;

    spead_recv_stream_destroy(stream);
    vdouble_counters(&c);
    cr_assert_eq(c.contexts + c.pds + c.mrs + c.channels + c.cqs + c.qps + c.flows, 0);
    cr_assert_eq(apart.ended, stream != NULL);
    apart_memory_close(&apart);
    verbs_rx_rig_close(&rig);
}

TestSuite(verbs_apart, .init = set_up, .fini = tear_down, .timeout = 120);

static struct spead_recv_stream_config usual(void)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;
    static const char *const endpoint = "239.1.2.3:7148";

    config.endpoints = &endpoint;
    config.endpoint_count = 1;
    config.engine = "verbs";
    config.interface = TEST_NEAR_INTERFACE;
    config.heap_arena = &apart.arena;
    config.heap_bytes_max = HEAP_BYTES;
    config.packet_bytes_max = 8192;
    config.receive_path = SPEAD_PATH_PLACED;
    config.placed_window = 64; /* the tests send few packets */
    config.allow_out_of_order = true;
    config.deliver_incomplete = true;
    config.hand_over_heaps = 8;
    return config;
}

static void open_stream(const struct spead_recv_stream_config *config)
{
    struct spead_err err;

    cr_assert_eq(spead_recv_stream_create(&stream, config, &err), 0, "%s", err.text);
    cr_assert_eq(spead_recv_stream_start(stream, &err), 0, "%s", err.text);
}

static void take_heaps(void)
{
    struct spead_heap *heap;

    while (spead_recv_stream_try_take(stream, &heap) == 0) {
        cr_assert_null(spead_heap_payload(heap));
        cr_assert(recv_rig_payload_is_right(heap, apart_memory_payload(&apart, heap)));
        *(spead_heap_is_complete(heap) ? &complete : &incomplete) += 1;
        spead_heap_unref(heap);
    }
}

/* Polls until the stream has seen all packets that were sent. */
static void read_all(void)
{
    uint64_t deadline = speadi_clock_mono_ns() + 10000000000u;

    stats = (struct spead_recv_stats)SPEAD_RECV_STATS_INIT;
    do {
        if (spead_recv_stream_poll(stream) == 0)
            spead_recv_stream_wait(stream, deadline);
        take_heaps();
        spead_recv_stream_stats(stream, &stats);
        cr_assert_lt(speadi_clock_mono_ns(), deadline, "%lu of %lu packets came",
                     stats.total.seen.packets, sent);
    } while (stats.total.seen.packets < sent);
}

static void send_packet(uint64_t counter, unsigned number)
{
    uint8_t payload[BYTES];

    for (unsigned i = 0; i < BYTES; i++)
        payload[i] = test_packet_byte(counter, (uint64_t)number * BYTES + i);
    test_packet_specials(&packet, 40, counter, HEAP_BYTES, (uint64_t)number * BYTES, BYTES);
    for (unsigned i = 0; number == 0 && i < 4; i++)
        test_packet_immediate(&packet, 0x1000 + i, i);
    test_packet_payload(&packet, payload, BYTES);
    cr_assert(verbs_rx_rig_send(&rig, 0, packet.bytes, packet.length), "%s", strerror(errno));
    if (++sent % BATCH == 0)
        read_all();
}

/* Sends heaps. On average the function leaves out one of `odds` packets; 0 means that it sends all packets. The last
 * heap is always sent whole. */
static void run(unsigned heaps, unsigned odds)
{
    for (uint64_t counter = 1; counter <= heaps; counter++)
        for (unsigned i = 0; i < PACKETS; i++)
            if (odds != 0 && counter < heaps && rand() % (int)odds == 0)
                dropped++;
            else
                send_packet(counter, i);
    read_all();
    spead_recv_stream_stop(stream);
    while (spead_recv_stream_poll(stream) >= 0)
        take_heaps();
    take_heaps();
    spead_recv_stream_stats(stream, &stats);
    cr_expect_eq(complete + incomplete, heaps);
    cr_expect_eq(stats.counters.missing_packets, dropped);
    cr_expect_eq(stats.total.bucket[SPEAD_RECV_DELIVERED].packets, sent);
    cr_expect_eq(stats.counters.placed + stats.counters.bounced + stats.counters.repaired, sent);
    cr_expect_eq(apart.flushes, heaps);
    cr_log_info("%lu sent, %lu left out: %lu placed, %lu bounced, %lu repaired, %lu while off",
                (unsigned long)sent, (unsigned long)dropped, (unsigned long)stats.counters.placed,
                (unsigned long)stats.counters.bounced, (unsigned long)stats.counters.repaired,
                (unsigned long)stats.counters.placement_off_packets);
}

Test(verbs_apart, heaps_are_placed_and_never_touched)
{
    struct spead_recv_stream_config config = usual();

    open_stream(&config);
    run(HEAPS, 0);
    cr_expect_eq(complete, HEAPS);
    cr_expect_gt(stats.counters.placed, sent / 2);
    cr_expect_eq(stats.counters.repaired, 0u);
}

Test(verbs_apart, bounced_heaps_come_in_by_its_operations)
{
    struct spead_recv_stream_config config = usual();

    config.receive_path = SPEAD_PATH_BOUNCE;
    open_stream(&config);
    run(HEAPS, 300);
    cr_expect_eq(stats.counters.bounced, sent);
}

Test(verbs_apart, at_one_loss_in_a_thousand_every_heap_is_right)
{
    struct spead_recv_stream_config config = usual();

    srand(3);
    open_stream(&config);
    run(HEAPS, 1000);
    cr_expect_gt(dropped, 0u);
    cr_expect_gt(stats.counters.placed, sent / 2);
    cr_expect_gt(stats.counters.repaired, 0u);
    cr_expect_lt(stats.counters.repaired, sent / 8);
    cr_expect_eq(stats.counters.placement_stops, 0u);
}

Test(verbs_apart, at_one_loss_in_a_hundred_every_heap_is_right)
{
    struct spead_recv_stream_config config = usual();

    srand(4);
    open_stream(&config);
    run(HEAPS, 100);
    cr_expect_gt(stats.counters.placed, sent / 5);
    cr_expect_gt(stats.counters.repaired, sent / 20);
}

/* The test does not send the last packet of any heap. So the range of this packet is still reserved when the next heap
 * begins. The first packet of the next heap lands in this range. Its header is longer than expected. */
Test(verbs_apart, a_longer_header_among_payload_is_read_back)
{
    struct spead_recv_stream_config config = usual();

    open_stream(&config);
    for (uint64_t counter = 1; counter <= 4; counter++)
        for (unsigned i = 0; i < PACKETS - 1; i++)
            send_packet(counter, i);
    read_all();
    spead_recv_stream_stop(stream);
    while (spead_recv_stream_poll(stream) >= 0)
        ;
    take_heaps();
    spead_recv_stream_stats(stream, &stats);
    cr_expect_eq(incomplete, 4u);
    cr_expect_eq(apart.copies_out, 3u);
    cr_expect_eq(stats.total.bucket[SPEAD_RECV_DELIVERED].packets, sent);
}

Test(verbs_apart, above_the_bound_placement_goes_off_and_every_heap_is_right)
{
    struct spead_recv_stream_config config = usual();

    srand(5);
    config.placed_loss_max = 0.01;
    open_stream(&config);
    run(3 * HEAPS, 50);
    cr_expect_eq(stats.counters.placement_stops, 1u);
    cr_expect_gt(stats.counters.placement_off_packets, sent / 10);
}

Test(verbs_apart, memory_that_cannot_be_registered_is_refused_or_bounced)
{
    struct spead_recv_stream_config config = usual();
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;
    struct spead_err err;

    vdouble_script("reg_dmabuf_mr@%1=EOPNOTSUPP");
    cr_expect_lt(spead_recv_stream_create(&stream, &config, &err), 0);
    cr_expect_not_null(strstr(err.text, "reg_dmabuf_mr"), "%s", err.text);
    config.receive_path = SPEAD_PATH_AUTO;
    open_stream(&config);
    spead_recv_stream_plan(stream, &plan);
    cr_expect_not_null(strstr(plan.engine_reason, "bounced, not placed"), "%s", plan.engine_reason);
    run(2, 0);
    cr_expect_eq(stats.counters.bounced, sent);
}
