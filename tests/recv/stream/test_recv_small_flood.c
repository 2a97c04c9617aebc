/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: very many small heaps of forged senders take no heap from a sender that works, however little memory there is,
 * as long as the consumer takes what the stream hands over. Method: bursts of a scripted engine hold many small heaps
 * around the packets of one sender; the consumer takes all heaps after each poll. */
#include <criterion/criterion.h>

#include "recv_rig.h"

#define SECOND  1000000000ull
#define KIB     ((uint64_t)1 << 10)
#define WORKERS 40u /* heaps of the sender that works */

static struct recv_rig rig;
static unsigned whole; /* heaps of the sender that works, as far as they came complete */

static void make_rig(void)
{
    recv_rig_init(&rig);
    rig.config.allow_out_of_order = true;
    rig.config.heap_bytes_max = 8 * KIB;
    rig.config.live_heaps_max = 2;
    rig.ops = &script_clock_ops;
    rig.engine->clock_ns = SECOND;
    rig.engine->fill = 0; /* the source has room, so the stream may pause */
    whole = 0;
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_small_flood, .init = make_rig, .fini = close_rig);

static void push_from(uint16_t endpoint, uint8_t host, uint16_t port)
{
    struct script_packet *packet = recv_rig_push(&rig);

    packet->source = endpoint;
    packet->from = speadi_rx_from_v4(endpoint, (const uint8_t[]){192, 0, 2, host}, port);
}

/* Queues whole heaps of 64 bytes, each of another forged sender. */
static void push_flood(unsigned heaps)
{
    static uint16_t port;

    for (unsigned i = 0; i < heaps; i++) {
        test_packet_data(&rig.packet, 40, port, 64, 0, NULL, 64);
        push_from(0, 2, ++port);
    }
}

static void take_all(void)
{
    struct spead_heap *heap;

    while ((heap = recv_rig_take(&rig)) != NULL) {
        whole += heap->sender.address[15] == 1 && spead_heap_is_complete(heap);
        spead_heap_unref(heap);
    }
}

/* Polls and takes until the stream has read all packets. */
static void read_all(void)
{
    for (unsigned polls = 0; polls < 100000; polls++) {
        recv_rig_poll(&rig);
        take_all();
        if (rig.engine->next == rig.engine->count && !rig.stream->burst_is_out &&
            rig.stream->outlet.pending_count == 0)
            return;
    }
    cr_assert_fail("the stream reads no more: %s", recv_rig_buckets(&rig));
}

/* Sends heaps of two packets at the last endpoint. Many small heaps come to the first endpoint before each packet. */
static void expect_no_loss(uint64_t bytes)
{
    uint16_t endpoint = (uint16_t)(rig.sources - 1);

    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= WORKERS; counter++)
        for (uint64_t at = 0; at < bytes; at += bytes / 2) {
            if (counter > 2)
                push_flood(12);
            test_packet_data(&rig.packet, 40, counter, bytes, at, NULL, bytes / 2);
            push_from(endpoint, 1, 7000);
        }
    read_all();
    cr_expect_eq(whole, WORKERS, "%u heaps: %s", whole, recv_rig_buckets(&rig));
}

Test(recv_small_flood, costs_no_heap_where_the_stream_pauses)
{
    rig.config.memory_bytes_max = 28 * KIB;
    expect_no_loss(6 * KIB);
}

Test(recv_small_flood, costs_no_heap_where_the_stream_blocks)
{
    rig.config.memory_bytes_max = 28 * KIB;
    rig.config.on_full = SPEAD_ON_FULL_BLOCK;
    expect_no_loss(6 * KIB);
}

Test(recv_small_flood, costs_no_heap_of_another_endpoint)
{
    rig.config.memory_bytes_max = 72 * KIB;
    rig.sources = 4;
    expect_no_loss(6 * KIB);
}

/* One slab of small regions is 64 KiB, as much as all heaps of this stream together. */
Test(recv_small_flood, costs_no_heap_where_all_heaps_need_less_than_a_slab)
{
    rig.config.hand_over_heaps = 2;
    rig.config.held_heaps = 1;
    expect_no_loss(3 * KIB);
}

Test(recv_small_flood, does_not_hide_a_stop_heap)
{
    rig.config.memory_bytes_max = 28 * KIB;
    expect_no_loss(6 * KIB);
    push_flood(100);
    test_packet_specials(&rig.packet, 40, WORKERS + 1, 1, 0, 1);
    test_packet_immediate(&rig.packet, SPEAD_ID_STREAM_CONTROL, SPEAD_CONTROL_STOP);
    test_packet_addressed(&rig.packet, SPEAD_ID_NULL, 0);
    test_packet_payload(&rig.packet, "", 1);
    push_from(0, 1, 7000);
    push_flood(100);
    read_all();
    cr_expect_eq(rig.stream->stop_items, 1u);
}
