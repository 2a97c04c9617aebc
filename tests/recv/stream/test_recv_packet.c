/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: each check that a receive stream makes on packets has a test, in which the packet is counted in the right
 * bucket. Method: one good and one bad packet go through a stream with a scripted engine; the ledger names the
 * buckets. */
#include <criterion/criterion.h>

#include <string.h>

#include "recv_rig.h"

static struct recv_rig rig;

static void open_rig(void)
{
    recv_rig_init(&rig);
    rig.config.allow_out_of_order = true;
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_packet, .init = open_rig, .fini = close_rig);

#define EXPECT_BUCKETS(text) cr_expect_str_eq(recv_rig_buckets(&rig), text)

/* Lends the bad packet that is in rig.packet, and then a good heap. The bad packet must not disturb the good heap. */
static void expect_refusal(const char *buckets)
{
    recv_rig_open(&rig);
    recv_rig_push(&rig);
    recv_rig_data(&rig, 99, 8, 0, 8);
    recv_rig_run(&rig);
    EXPECT_BUCKETS(buckets);
}

static void begin_good(void)
{
    test_packet_data(&rig.packet, 40, 1, 64, 0, NULL, 64);
}

/* ---- What the engine refuses --------------------------------------------------------------- */

Test(recv_packet, refused_frame_is_counted_under_its_reason_and_not_read)
{
    struct script_packet *packet;

    recv_rig_open(&rig);
    begin_good();
    packet = recv_rig_push(&rig);
    packet->flags = SPEADI_RX_REFUSED;
    packet->bucket = SPEAD_RECV_MALFORMED_CHECKSUM;
    recv_rig_data(&rig, 99, 8, 0, 8);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 1, malformed-checksum 1");
}

/* ---- What the decoder refuses -------------------------------------------------------------- */

Test(recv_packet, datagram_of_no_bytes)
{
    rig.packet.length = 0;
    expect_refusal("delivered 1, malformed-empty 1");
}

Test(recv_packet, shorter_than_8_bytes)
{
    begin_good();
    rig.packet.length = 7;
    expect_refusal("delivered 1, malformed-short 1");
}

Test(recv_packet, magic_wrong)
{
    begin_good();
    rig.packet.bytes[0] = 0x54;
    expect_refusal("delivered 1, malformed-magic 1");
}

Test(recv_packet, version_wrong)
{
    begin_good();
    rig.packet.bytes[1] = 3;
    expect_refusal("delivered 1, malformed-version 1");
}

Test(recv_packet, widths_do_not_add_to_8)
{
    begin_good();
    rig.packet.bytes[2] = 4;
    expect_refusal("delivered 1, malformed-widths 1");
}

Test(recv_packet, pointers_exceed_packet)
{
    begin_good();
    test_packet_set_count(&rig.packet, 65535);
    expect_refusal("delivered 1, malformed-pointers 1");
}

Test(recv_packet, counter_missing)
{
    test_packet_begin(&rig.packet, 40);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_OFFSET, 0);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_LENGTH, 0);
    expect_refusal("delivered 1, malformed-no-counter 1");
}

Test(recv_packet, offset_missing)
{
    test_packet_begin(&rig.packet, 40);
    test_packet_immediate(&rig.packet, SPEAD_ID_HEAP_COUNTER, 1);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_LENGTH, 0);
    expect_refusal("delivered 1, malformed-no-offset 1");
}

Test(recv_packet, payload_length_missing)
{
    test_packet_begin(&rig.packet, 40);
    test_packet_immediate(&rig.packet, SPEAD_ID_HEAP_COUNTER, 1);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_OFFSET, 0);
    expect_refusal("delivered 1, malformed-no-length 1");
}

Test(recv_packet, payload_exceeds_packet)
{
    begin_good();
    rig.packet.length--;
    expect_refusal("delivered 1, malformed-payload 1");
}

Test(recv_packet, offset_and_length_exceed_the_heap)
{
    test_packet_data(&rig.packet, 40, 1, 64, 1, NULL, 64);
    expect_refusal("delivered 1, malformed-beyond-heap 1");
}

Test(recv_packet, datagram_longer_than_the_packet_in_it)
{
    begin_good();
    test_packet_payload(&rig.packet, "x", 1);
    expect_refusal("delivered 1, malformed-size-mismatch 1");
}

/* ---- What only the stream can refuse ------------------------------------------------------- */

Test(recv_packet, datagram_above_the_largest_packet)
{
    begin_good();
    rig.config.packet_bytes_max = (uint32_t)rig.packet.length - 1;
    expect_refusal("delivered 1, truncated 1");
}

Test(recv_packet, a_truncated_train_counts_all_its_packets)
{
    struct script_packet *packet;

    recv_rig_open(&rig);
    begin_good();
    packet = recv_rig_push(&rig);
    packet->flags = SPEADI_RX_TRUNCATED;
    packet->segments = 45;
    recv_rig_run(&rig);
    EXPECT_BUCKETS("truncated 45");
}

Test(recv_packet, no_heap_length_and_unsized_disallowed)
{
    rig.config.allow_unsized_heaps = false;
    test_packet_begin(&rig.packet, 40);
    test_packet_immediate(&rig.packet, SPEAD_ID_HEAP_COUNTER, 1);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_OFFSET, 0);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_LENGTH, 0);
    expect_refusal("delivered 1, malformed-unsized 1");
}

Test(recv_packet, in_order_and_new_heap_not_at_offset_0)
{
    rig.config.allow_out_of_order = false;
    test_packet_data(&rig.packet, 40, 1, 64, 32, NULL, 32);
    expect_refusal("delivered 1, out-of-order 1");
}

Test(recv_packet, in_order_and_gap)
{
    rig.config.allow_out_of_order = false;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 96, 0, 32);
    recv_rig_data(&rig, 1, 96, 64, 32);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("live 1, out-of-order 1");
}

Test(recv_packet, in_order_an_overlap_ends_the_heap)
{
    rig.config.allow_out_of_order = false;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 96, 0, 32);
    recv_rig_data(&rig, 1, 96, 0, 32);
    recv_rig_data(&rig, 1, 96, 16, 32);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("duplicate 1, overlap 1, evicted 1");
    cr_expect_eq(rig.stats.counters.heaps_contradicted, 1u);
}

Test(recv_packet, a_heap_length_that_differs_from_earlier_ends_the_heap)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 96, 0, 32);
    recv_rig_data(&rig, 1, 95, 32, 32);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("evicted 1, malformed-heap-length 1");
}

Test(recv_packet, a_flavour_that_differs_from_the_heaps_ends_the_heap)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 96, 0, 32);
    test_packet_data(&rig.packet, 48, 1, 96, 32, NULL, 32);
    recv_rig_push(&rig);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("evicted 1, foreign-flavour 1");
}

Test(recv_packet, an_exact_duplicate_is_discarded_and_an_overlap_ends_the_heap)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 96, 32, 32);
    recv_rig_data(&rig, 1, 96, 32, 32);
    recv_rig_data(&rig, 1, 96, 16, 32);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("duplicate 1, overlap 1, evicted 1");
}

/* The same case as test_bad_offset in the tests of spead2. */
Test(recv_packet, address_beyond_the_heaps_end_never_completes_it)
{
    test_packet_specials(&rig.packet, 40, 1, 64, 0, 64);
    test_packet_addressed(&rig.packet, 0x1000, 65);
    test_packet_payload(&rig.packet, (uint8_t[64]){0}, 64);
    expect_refusal("delivered 1, live 1");
    recv_rig_stop(&rig);
    EXPECT_BUCKETS("delivered 1, flushed 1");
}

Test(recv_packet, heaps_above_the_size_cap_are_refused_by_name)
{
    rig.config.heap_bytes_max = 4096;
    test_packet_data(&rig.packet, 40, 1, 4097, 0, NULL, 64);
    expect_refusal("delivered 1, over-cap-heap-size 1");
}

Test(recv_packet, too_many_pointers_are_refused_by_name)
{
    rig.config.pointers_max = 4;
    test_packet_specials(&rig.packet, 40, 1, 8, 0, 8);
    for (uint64_t id = 0; id < 5; id++)
        test_packet_immediate(&rig.packet, 0x1000 + id, 0);
    test_packet_payload(&rig.packet, "12345678", 8);
    expect_refusal("delivered 1, over-cap-pointers 1");
    cr_expect_eq(rig.stats.counters.heaps_live, 0u);
}

Test(recv_packet, a_packet_dropped_on_purpose_is_not_read)
{
    recv_rig_open(&rig);
    begin_good();
    recv_rig_push(&rig)->flags = SPEADI_RX_INJECTED_DROP;
    recv_rig_run(&rig);
    EXPECT_BUCKETS("injected 1");
}

Test(recv_packet, before_an_explicit_start_packets_only_count)
{
    rig.config.explicit_start = true;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 8, 0, 8);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("start-up 1");
    spead_recv_stream_arm(rig.stream);
    recv_rig_data(&rig, 2, 8, 0, 8);
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 1, start-up 1");
}

Test(recv_packet, a_packet_split_anywhere_is_the_same_packet)
{
    recv_rig_open(&rig);
    for (uint32_t split = 1; split < 40 + 64; split++)
        recv_rig_data(&rig, split, 64, 0, 64)->split = split;
    rig.engine->poll_max = 1;
    for (uint32_t split = 1; split < 40 + 64; split++) {
        struct spead_heap *heap;

        recv_rig_poll(&rig);
        heap = recv_rig_take(&rig);
        cr_assert_not_null(heap, "split after %u bytes", split);
        cr_expect(recv_rig_heap_is_right(heap));
        spead_heap_unref(heap);
    }
    EXPECT_BUCKETS("delivered 103");
}

Test(recv_packet, each_source_has_its_own_ledger)
{
    struct spead_recv_ledger ledger;
    const char *name;

    rig.sources = 3;
    rig.config.joint = true;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 64, 0, 32)->source = 0;
    recv_rig_data(&rig, 1, 64, 32, 32)->source = 2;
    recv_rig_data(&rig, 1, 64, 32, 32)->source = 2;
    recv_rig_run(&rig);
    EXPECT_BUCKETS("delivered 2, duplicate 1");
    cr_assert_eq(spead_recv_stream_source_stats(rig.stream, 2, &ledger, &name), 0);
    cr_expect_eq(ledger.seen.packets, 2u);
    cr_expect_eq(ledger.bucket[SPEAD_RECV_DELIVERED].packets, 1u);
    cr_expect_eq(ledger.bucket[SPEAD_RECV_DUPLICATE].packets, 1u);
    cr_expect_str_eq(name, "scripted");
    cr_assert_eq(spead_recv_stream_source_stats(rig.stream, 1, &ledger, NULL), 0);
    cr_expect_eq(ledger.seen.packets, 0u);
    cr_expect_lt(spead_recv_stream_source_stats(rig.stream, 3, &ledger, NULL), 0);
}
