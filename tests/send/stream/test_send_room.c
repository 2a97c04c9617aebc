/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a send stream works correctly when its engine has no room, refuses packets or fails.
 *
 * Method: a stream on a scripted engine (support/send_rig.h). The test polls the stream. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/clock.h>

#include "send_rig.h"

/* ---- Room ----------------------------------------------------------------------------------- */

Test(send_room, what_found_no_room_goes_later_and_in_order)
{
    struct send_rig rig;

    send_rig_open(&rig, 4);
    rig.tx->room = 3;
    for (int i = 0; i < 4; i++)
        send_rig_submit(&rig);
    cr_expect_eq(spead_send_stream_poll(rig.stream), 3);
    cr_expect_eq(spead_send_stream_poll(rig.stream), 0);
    spead_send_stream_wait(rig.stream, speadi_clock_mono_ns() + 1000000);
    cr_expect(rig.tx->last_for_room);
    for (unsigned moved = 3; moved < 4 * SEND_RIG_PACKETS; moved++) {
        rig.tx->room = 1;
        cr_assert_eq(spead_send_stream_poll(rig.stream), 1);
        cr_expect_eq(send_rig_packets(&rig, SPEAD_SEND_SENT), moved + 1);
    }
    for (unsigned i = 0; i < 4 * SEND_RIG_PACKETS; i++) {
        cr_expect_eq(scripted_tx_value(rig.tx, i, 0), 1 + i / SEND_RIG_PACKETS);
        cr_expect_eq(scripted_tx_value(rig.tx, i, 2),
                     i % SEND_RIG_PACKETS == 0 ? 0 : i % SEND_RIG_PACKETS * 1432u - 8);
    }
    cr_expect_eq(rig.log.count, 4);
    send_rig_close(&rig);
}

/* The heap has more packets than all batches together can hold. The engine reports results late, so the stream must use
 * each batch more than once. */
Test(send_room, large_heap_comes_out_whole_through_few_batches)
{
    enum { LARGE = 6 << 20 };
    struct send_rig rig;
    uint8_t *large = malloc(LARGE);
    struct spead_send_heap *heap = send_rig_heap(0);
    uint64_t at = 0;

    for (size_t i = 0; i < LARGE; i++)
        large[i] = (uint8_t)(i * 7 + i / 255);
    cr_assert_eq(spead_send_heap_add_item(heap, 0x1000, large, LARGE, false), 0);
    send_rig_open(&rig, 4);
    rig.tx->hold = true;
    cr_expect_eq(spead_send_stream_submit(rig.stream, heap, &rig.options), 0);
    while (spead_send_stream_poll(rig.stream) > 0)
        ;
    cr_expect_lt(rig.tx->taken * 1472, LARGE, "the batches are bounded");
    spead_send_stream_wait(rig.stream, speadi_clock_mono_ns() + 1000000);
    cr_expect(rig.tx->last_for_room, "it waits for the engine");
    while (rig.log.count == 0) {
        rig.tx->let_go = 501;
        spead_send_stream_poll(rig.stream);
        send_rig_stats(&rig);
    }
    for (size_t i = 0; i < rig.tx->packet_count; i++) {
        uint64_t bytes = scripted_tx_value(rig.tx, i, 3);

        cr_assert_eq(scripted_tx_value(rig.tx, i, 2), at);
        cr_assert(memcmp(scripted_tx_packet(rig.tx, i) + rig.tx->packet[i].bytes - bytes,
                         large + at, bytes) == 0,
                  "payload differs in packet %zu", i);
        at += bytes;
    }
    cr_expect_eq(at, LARGE);
    spead_send_heap_destroy(heap);
    free(large);
    send_rig_close(&rig);
}

/* ---- Errors --------------------------------------------------------------------------------- */

/* The same case as TestStream.send_error in spead2. The heap completes with the first error, and the stream still tries
 * to send its later packets. */
Test(send_room, refused_packet_fails_its_heap_and_no_other)
{
    struct send_rig rig;
    struct spead_send_stats stats;

    send_rig_open(&rig, 4);
    rig.tx->refuse[0].packet = SEND_RIG_PACKETS + 2;
    rig.tx->refuse[0].error = -EMSGSIZE;
    rig.tx->refuse[1].packet = SEND_RIG_PACKETS + 4;
    rig.tx->refuse[1].error = -EPERM;
    for (int i = 0; i < 3; i++)
        send_rig_submit(&rig);
    cr_expect_eq(spead_send_stream_poll(rig.stream), 3 * SEND_RIG_PACKETS);
    cr_assert_eq(rig.log.count, 3);
    cr_expect_eq(rig.log.result[0].error, 0);
    cr_expect_eq(rig.log.result[1].error, -EMSGSIZE);
    cr_expect_eq(rig.log.result[1].bytes, SEND_RIG_SPEAD_BYTES - 2 * 1472);
    cr_expect_eq(rig.log.result[2].error, 0);
    stats = send_rig_stats(&rig);
    cr_expect_eq(stats.counters.heaps_sent, 2);
    cr_expect_eq(stats.counters.heaps_failed, 1);
    cr_expect_eq(stats.bucket[SPEAD_SEND_FAILED].packets, 1);
    cr_expect_eq(stats.bucket[SPEAD_SEND_FAILED].bytes, 1472);
    cr_expect_eq(stats.bucket[SPEAD_SEND_UNREACHABLE].packets, 1);
    cr_expect_eq(stats.failed_errno[0].error, EMSGSIZE);
    cr_expect_eq(stats.failed_errno[1].error, EPERM);
    cr_expect_eq(stats.failed_errno[1].packets, 1);
    cr_expect_eq(stats.failed_errno[2].error, 0);
    cr_expect_eq(stats.counters.payload_bytes, 2 * SEND_RIG_HEAP_BYTES);
    send_rig_close(&rig);
}

Test(send_room, injected_loss_is_counted_and_is_no_error)
{
    struct send_rig rig;

    send_rig_open(&rig, 4);
    rig.tx->refuse[0].packet = 1;
    rig.tx->refuse[0].error = SPEADI_TX_INJECTED;
    send_rig_submit(&rig);
    spead_send_stream_poll(rig.stream);
    cr_expect_eq(rig.log.result[0].error, 0);
    cr_expect_eq(rig.log.result[0].bytes, SEND_RIG_SPEAD_BYTES - 1472);
    cr_expect_eq(send_rig_packets(&rig, SPEAD_SEND_INJECTED), 1);
    cr_expect_eq(send_rig_packets(&rig, SPEAD_SEND_FAILED), 0);
    send_rig_close(&rig);
}

Test(send_room, broken_transport_ends_the_stream_with_its_error)
{
    struct send_rig rig;
    struct spead_send_stats stats;

    send_rig_open(&rig, 4);
    rig.tx->room = 10;
    rig.tx->hold = true;
    for (int i = 0; i < 3; i++)
        send_rig_submit(&rig);
    cr_expect_eq(spead_send_stream_poll(rig.stream), 10);
    rig.tx->let_go = 8;
    rig.tx->broken = -ENETDOWN;
    cr_expect_eq(spead_send_stream_poll(rig.stream), -ENETDOWN);
    cr_expect_eq(spead_send_stream_poll(rig.stream), -ENETDOWN, "it stays ended");
    cr_assert_eq(rig.log.count, 3);
    cr_expect_eq(rig.log.result[0].error, 0);
    cr_expect_eq(rig.log.result[2].error, -ENETDOWN);
    cr_expect_eq(send_rig_submit(&rig), -ESHUTDOWN);
    stats = send_rig_stats(&rig);
    cr_expect_eq(stats.bucket[SPEAD_SEND_SENT].packets, 8);
    cr_expect_eq(stats.bucket[SPEAD_SEND_PENDING].packets, 0);
    cr_expect_eq(stats.failed_errno[0].error, ENETDOWN);
    send_rig_close(&rig);
}

/* ---- Trains --------------------------------------------------------------------------------- */

/* A train has at most 61 packets of 1072 bytes. The three heaps after such a train would make a short train. So this
 * poll() does not send them, and the next poll() sends them together with newer heaps. */
Test(send_room, few_small_heaps_behind_a_whole_train_go_with_the_next)
{
    struct send_rig rig;

    send_rig_open(&rig, 64);
    spead_send_heap_destroy(rig.heap);
    rig.heap = send_rig_heap(1024);
    for (int i = 0; i < 64; i++)
        cr_assert_eq(send_rig_submit(&rig), 0);
    cr_expect_eq(spead_send_stream_poll(rig.stream), 61);
    for (int i = 0; i < 61; i++)
        cr_assert_eq(send_rig_submit(&rig), 0);
    cr_expect_eq(spead_send_stream_poll(rig.stream), 61, "the three and 58 of the new ones");
    cr_expect_eq(spead_send_stream_poll(rig.stream), 3, "nothing came behind them: they go");
    cr_expect_eq(spead_send_stream_poll(rig.stream), 0);
    cr_expect_eq(send_rig_packets(&rig, SPEAD_SEND_SENT), 125);
    send_rig_close(&rig);
}
