/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the fast path takes a packet as the next packet of its heap only if every bit of its header is as expected. The
 * results of the fast path are those of the slow path (recv_packet.c).
 * Method: a stream reads the same packets twice. In the first run the packets come directly one after another. In the
 * second run a packet of another heap comes before each packet, so that no packet can take the fast path. In each pair
 * of runs one bit of one header is wrong; the test tries every bit. Heaps, ledgers and predictions of both runs must be
 * equal. */
#include <criterion/criterion.h>

#include <string.h>

#include "recv_rig.h"

#define BYTES        64u
#define PACKETS      8u
#define HEADER_BYTES 40u
#define COUNTER      0x33u
/* The heap counter of the other heap. It differs from COUNTER in many bits. So one wrong bit never makes the two
 * counters equal. */
#define OTHER 0xa55a00u

static struct recv_rig rig;

struct outcome {
    uint64_t bucket[SPEAD_RECV_BUCKET_COUNT], bytes;
    uint64_t heaps, received, packets, missing, payload;
};

static void push(uint64_t counter, unsigned number, unsigned bit, bool wrong)
{
    uint8_t payload[BYTES];

    for (unsigned i = 0; i < BYTES; i++)
        payload[i] = test_packet_byte(counter, number * BYTES + i);
    test_packet_specials(&rig.packet, 40, counter, PACKETS * BYTES, number * BYTES, BYTES);
    test_packet_payload(&rig.packet, payload, BYTES);
    if (wrong)
        rig.packet.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    recv_rig_push(&rig);
}

static void open_rig(bool out_of_order)
{
    recv_rig_init(&rig);
    rig.config.heap_bytes_max = 1u << 20;
    rig.config.live_heaps_max = 8;
    rig.config.deliver_incomplete = true;
    rig.config.allow_out_of_order = out_of_order;
    rig.config.receive_path = SPEAD_PATH_BOUNCE;
    recv_rig_open(&rig);
}

static struct outcome close_rig(void)
{
    struct outcome outcome = {0};
    struct spead_heap *heap;

    recv_rig_run(&rig);
    recv_rig_stop(&rig);
    while ((heap = recv_rig_take(&rig)) != NULL) {
        if (spead_heap_counter(heap) == COUNTER) {
            outcome.received += spead_heap_received(heap);
            outcome.packets += spead_heap_packets(heap);
            for (uint64_t i = 0; i < spead_heap_length(heap); i++)
                outcome.payload = outcome.payload * 31 + spead_heap_payload(heap)[i];
        }
        outcome.heaps++;
        spead_heap_unref(heap);
    }
    for (unsigned i = 0; i < SPEAD_RECV_BUCKET_COUNT; i++) {
        outcome.bucket[i] = rig.stats.total.bucket[i].packets;
        outcome.bytes += rig.stats.total.bucket[i].bytes;
    }
    outcome.missing = rig.stats.counters.missing_packets;
    recv_rig_close(&rig);
    return outcome;
}

static struct outcome in_a_row(unsigned bit, bool out_of_order)
{
    open_rig(out_of_order);
    for (unsigned i = 0; i < PACKETS; i++)
        push(COUNTER, i, bit, i == 4);
    return close_rig();
}

/* Before each packet, the stream reads a packet of another heap; that other heap becomes complete. The function
 * subtracts the packets of the other heap from the outcome. */
static struct outcome one_by_one(unsigned bit, bool out_of_order)
{
    struct outcome outcome;

    open_rig(out_of_order);
    for (unsigned i = 0; i < PACKETS; i++) {
        push(OTHER, i, 0, false);
        push(COUNTER, i, bit, i == 4);
    }
    outcome = close_rig();
    outcome.bucket[SPEAD_RECV_DELIVERED] -= PACKETS;
    outcome.bytes -= PACKETS * (HEADER_BYTES + BYTES);
    outcome.heaps--;
    return outcome;
}

Test(recv_fast_path, one_wrong_bit_of_a_header_has_the_same_result_in_a_row)
{
    for (unsigned bit = 0; bit < 8 * HEADER_BYTES; bit++)
        for (unsigned mode = 0; mode < 2; mode++) {
            struct outcome row = in_a_row(bit, mode), alone = one_by_one(bit, mode);

            cr_assert_arr_eq(row.bucket, alone.bucket, sizeof row.bucket, "bit %u", bit);
            cr_assert_eq(row.bytes, alone.bytes, "bit %u", bit);
            cr_assert_eq(row.heaps, alone.heaps, "bit %u", bit);
            cr_assert_eq(row.received, alone.received, "bit %u", bit);
            cr_assert_eq(row.packets, alone.packets, "bit %u", bit);
            cr_assert_eq(row.missing, alone.missing, "bit %u", bit);
            cr_assert_eq(row.payload, alone.payload, "bit %u", bit);
        }
}

Test(recv_fast_path, a_run_is_taken_whole_and_counted_as_any)
{
    struct outcome outcome;

    open_rig(false);
    for (unsigned i = 0; i < PACKETS; i++)
        push(COUNTER, i, 0, false);
    outcome = close_rig();
    cr_expect_eq(outcome.bucket[SPEAD_RECV_DELIVERED], PACKETS);
    cr_expect_eq(outcome.bytes, PACKETS * (HEADER_BYTES + BYTES));
    cr_expect_eq(outcome.packets, PACKETS);
    cr_expect_eq(outcome.received, PACKETS * BYTES);
    cr_expect_eq(rig.stats.counters.bounced, PACKETS);
}

Test(recv_fast_path, takes_all_but_the_packet_that_opens_and_the_one_that_completes)
{
    open_rig(false);
    rig.engine->poll_max = 1;
    for (unsigned i = 0; i < PACKETS; i++)
        push(COUNTER, i, 0, false);
    for (unsigned i = 0; i < PACKETS; i++) {
        struct speadi_rx_burst *burst = &rig.stream->burst;

        cr_assert_gt(rig.stream->ops->poll(rig.stream->engine, burst), 0);
        rig.stream->burst_next = 0;
        rig.stream->burst_is_out = true;
        rig.stream->gate = SPEADI_GATE_OPEN;
        cr_expect_eq(speadi_recv_fast_path(rig.stream), i > 0 && i < PACKETS - 1, "packet %u", i);
        if (i == 0 || i == PACKETS - 1)
            cr_assert(speadi_recv_process_packet(rig.stream, &burst->packet[0]));
        speadi_recv_end_burst(rig.stream);
    }
    recv_rig_close(&rig);
}
