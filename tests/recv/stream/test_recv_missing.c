/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: a stream counts the packets that are missing, each one once, and tells apart what never came, what came and was
 * refused, and what came late. A heap without a declared length is complete only if it has ended.
 * Method: a scripted engine lends exactly the packets that a test names. The last test compares the count with a model
 * that only knows which packets were sent and which ones came. */
#include <stdlib.h>

#include "recv_expect.h"

static struct recv_rig rig;

static void open_rig(void)
{
    recv_rig_init(&rig);
    rig.config.allow_out_of_order = true;
    rig.config.deliver_incomplete = true;
    rig.config.hand_over_heaps = 64;
    rig.config.receive_path = SPEAD_PATH_BOUNCE;
    rig.ops = &script_clock_ops; /* no heap is forgotten because of time */
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_missing, .init = open_rig, .fini = close_rig);

static void expect_missing(uint64_t packets, uint64_t least, uint64_t estimated)
{
    const struct spead_recv_counters *counters = &rig.stats.counters;

    cr_expect_eq(counters->missing_packets, packets, "%lu missing", counters->missing_packets);
    cr_expect_eq(counters->missing_packets_least, least, "at least %lu",
                 counters->missing_packets_least);
    cr_expect_eq(counters->missing_packets_estimated, estimated, "%lu estimated",
                 counters->missing_packets_estimated);
}

static void expect_gap(const struct spead_gap *gap, uint64_t offset, uint64_t bytes,
                       enum spead_gap_cause cause)
{
    cr_expect_eq(gap->offset, offset, "offset %lu", gap->offset);
    cr_expect_eq(gap->bytes, bytes, "%lu bytes", gap->bytes);
    cr_expect_eq(gap->cause, cause, "cause %u", gap->cause);
}

/* ---- How many ------------------------------------------------------------------------------- */

Test(recv_missing, a_short_last_packet_does_not_count_for_the_lost_one)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 8008, 0, 8000);
    recv_rig_data(&rig, 1, 8008, 8000, 8);
    recv_rig_data(&rig, 2, 8008, 8000, 8);
    recv_rig_stop(&rig);
    expect_missing(1, 1, 0);
}

Test(recv_missing, before_any_complete_heap_the_size_is_an_estimate)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 80000, 8000, 8000);
    recv_rig_stop(&rig);
    /* a packet has at most 9200 bytes, 32 of them are the header */
    expect_missing(9, 1 + 7, 9);
}

Test(recv_missing, the_middle_packets_of_the_heap_show_their_size)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 1010, 100, 100);
    recv_rig_data(&rig, 1, 1010, 300, 100);
    recv_rig_data(&rig, 1, 1010, 1000, 10);
    recv_rig_stop(&rig);
    expect_missing(8, 8, 0);
}

Test(recv_missing, where_sizes_vary_the_number_is_an_estimate_with_a_lower_bound)
{
    static const uint64_t end[] = {0, 100, 200, 300, 700, 1000, 1100, 1200};

    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 2; counter++)
        for (unsigned i = 0; i < 7; i++)
            if (counter == 1 || (i != 3 && i != 5))
                recv_rig_data(&rig, counter, 1200, end[i], end[i + 1] - end[i]);
    recv_rig_stop(&rig);
    expect_missing(4 + 1, 2,
                   5); /* most packets have 100 bytes; packets of 400 and of 100 bytes are lost */
}

Test(recv_missing, heaps_of_other_lengths_do_not_change_the_size)
{
    recv_rig_open(&rig);
    for (uint64_t offset = 0; offset < 1000; offset += 250)
        recv_rig_data(&rig, 1, 1000, offset, 250);
    for (uint64_t offset = 0; offset < 900; offset += 30)
        recv_rig_data(&rig, 2, 900, offset, 30);
    recv_rig_data(&rig, 3, 1000, 0, 250);
    recv_rig_stop(&rig);
    expect_missing(3, 3, 0);
}

/* ---- Late ----------------------------------------------------------------------------------- */

static void evict(uint64_t counter)
{
    for (unsigned i = 0; i < 4; i++)
        recv_rig_data(&rig, counter + i, 8, 0, 8);
    recv_rig_run(&rig);
}

Test(recv_missing, a_late_copy_hides_no_loss)
{
    recv_rig_open(&rig);
    for (uint64_t offset = 0; offset < 800; offset += 100)
        if (offset != 300)
            recv_rig_data(&rig, 1, 800, offset, 100);
    evict(2);
    expect_missing(1, 1, 0);
    recv_rig_data(&rig, 1, 800, 0, 100);
    recv_rig_run(&rig);
    expect_missing(1, 1, 0);
    EXPECT_BUCKETS(&rig, "delivered 11, late 1");
}

Test(recv_missing, a_late_packet_fills_its_gap_once)
{
    recv_rig_open(&rig);
    for (uint64_t offset = 0; offset < 1000; offset += 100)
        if (offset < 300 || offset >= 800)
            recv_rig_data(&rig, 1, 1000, offset, 100);
    evict(2);
    expect_missing(5, 5, 0);
    for (unsigned i = 0; i < 5; i++)
        recv_rig_data(&rig, 1, 1000, 500, 100);
    recv_rig_run(&rig);
    expect_missing(4, 4, 0);
    recv_rig_data(&rig, 1, 1000, 400, 100);
    recv_rig_data(&rig, 1, 1000, 300, 100);
    recv_rig_run(&rig);
    expect_missing(2, 2, 0);
    recv_rig_data(&rig, 1, 1000, 700, 100);
    recv_rig_data(&rig, 1, 1000, 600, 100);
    recv_rig_data(&rig, 1, 1000, 600, 100);
    recv_rig_run(&rig);
    expect_missing(0, 0, 0);
}

Test(recv_missing, forged_late_packets_take_no_loss_back_and_true_ones_still_do)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 4000, 0, 100);
    recv_rig_data(&rig, 1, 4000, 100, 100);
    recv_rig_data(&rig, 1, 4000, 200, 100);
    evict(2);
    expect_missing(37, 37, 0);
    for (uint64_t offset = 301; offset < 4000; offset++) /* many small packets fill the gap */
        recv_rig_data(&rig, 1, 4000, offset, 1);
    for (uint64_t offset = 0; offset < 3000; offset += 100) /* large ones cover much of it */
        recv_rig_data(&rig, 1, 4000, offset, 1000);
    recv_rig_run(&rig);
    expect_missing(37, 37, 0);
    for (uint64_t offset = 300; offset < 4000; offset += 100)
        recv_rig_data(&rig, 1, 4000, offset, 100);
    recv_rig_run(&rig);
    expect_missing(0, 0, 0);
}

/* ---- In order ------------------------------------------------------------------------------- */

Test(recv_missing, in_order_a_gap_is_split_into_what_was_lost_and_what_was_refused)
{
    struct spead_heap *heap;
    struct spead_gap gap[3];

    rig.config.allow_out_of_order = false;
    recv_rig_open(&rig);
    for (uint64_t offset = 0; offset < 1000; offset += 100)
        if (offset != 300)
            recv_rig_data(&rig, 1, 1000, offset, 100);
    recv_rig_stop(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_assert_eq(spead_heap_gaps(heap, gap, 3), 2u);
    expect_gap(&gap[0], 300, 100, SPEAD_GAP_UNSEEN);
    expect_gap(&gap[1], 400, 600, SPEAD_GAP_REFUSED);
    cr_expect_eq(gap[1].packets, 6u);
    cr_expect(recv_rig_heap_is_right(heap));
    spead_heap_unref(heap);
    EXPECT_BUCKETS(&rig, "delivered 3, out-of-order 6");
    expect_missing(1, 1, 0);
    cr_expect_eq(rig.stats.counters.packets_reordered, 0u);
}

Test(recv_missing, in_order_a_heap_whose_first_packet_was_lost_is_incomplete)
{
    struct spead_heap *heap;
    struct spead_gap gap[3];

    rig.config.allow_out_of_order = false;
    recv_rig_open(&rig);
    for (uint64_t offset = 100; offset < 1000; offset += 100)
        recv_rig_data(&rig, 1, 1000, offset, 100);
    recv_rig_stop(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect_eq(spead_heap_counter(heap), 1u);
    cr_expect_eq(spead_heap_length(heap), 1000u);
    cr_expect_eq(spead_heap_received(heap), 0u);
    cr_expect_eq(spead_heap_packets(heap), 0u);
    cr_expect_eq(spead_heap_first_ns(heap), 1001u);
    cr_expect_eq(spead_heap_last_ns(heap), 1009u);
    cr_assert_eq(spead_heap_gaps(heap, gap, 3), 2u);
    expect_gap(&gap[0], 0, 100, SPEAD_GAP_UNSEEN);
    expect_gap(&gap[1], 100, 900, SPEAD_GAP_REFUSED);
    cr_expect(recv_rig_heap_is_right(heap));
    spead_heap_unref(heap);
    EXPECT_BUCKETS(&rig, "out-of-order 9");
    expect_missing(1, 1, 0);
    cr_expect_eq(rig.stats.counters.heaps_flushed, 1u);
    cr_expect_eq(rig.stats.counters.heaps_incomplete, 1u);
    cr_expect_eq(rig.stats.counters.missing_heaps, 0u);
}

Test(recv_missing, in_order_a_first_packet_that_comes_second_is_taken)
{
    rig.config.allow_out_of_order = false;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 300, 100, 100);
    recv_rig_data(&rig, 1, 300, 0, 100);
    recv_rig_data(&rig, 1, 300, 100, 100);
    recv_rig_data(&rig, 1, 300, 200, 100);
    recv_rig_run(&rig);
    expect_heap(&rig, 1, true);
    EXPECT_BUCKETS(&rig, "delivered 3, out-of-order 1");
    cr_expect_eq(rig.stats.counters.packets_reordered, 1u);
    expect_missing(0, 0, 0);
}

Test(recv_missing, in_order_reordering_is_told_from_loss)
{
    rig.config.allow_out_of_order = false;
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, 500, 0, 100);
    recv_rig_data(&rig, 1, 500, 300, 100);
    recv_rig_data(&rig, 1, 500, 300, 100); /* a copy is no reordering */
    recv_rig_data(&rig, 1, 500, 200, 100);
    recv_rig_data(&rig, 1, 500, 100, 100);
    recv_rig_data(&rig, 1, 500, 400, 100);
    recv_rig_stop(&rig);
    EXPECT_BUCKETS(&rig, "delivered 2, out-of-order 4");
    cr_expect_eq(rig.stats.counters.packets_reordered, 2u);
    expect_missing(0, 0, 0);
}

Test(recv_missing, refused_packets_in_more_ranges_than_are_kept_are_named_together)
{
    struct spead_heap *heap;
    struct spead_gap gap[200];
    size_t count;

    rig.config.allow_out_of_order = false;
    recv_rig_open(&rig);
    for (uint64_t i = 0; i < 200; i++)
        if (i % 2 == 0)
            recv_rig_data(&rig, 1, 20000, i * 100, 100);
    recv_rig_stop(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    count = spead_heap_gaps(heap, gap, 200);
    cr_assert_eq(count, 2 * SPEADI_REFUSED_RANGES + 1);
    expect_gap(&gap[count - 2], 12800, 100, SPEAD_GAP_REFUSED);
    expect_gap(&gap[count - 1], 12900, 7100, SPEAD_GAP_PARTLY_REFUSED);
    spead_heap_unref(heap);
    expect_missing(100, 100, 0);
}

/* ---- Heaps without a declared length -------------------------------------------------------- */

static void push_unsized(uint64_t counter, uint64_t offset, uint64_t bytes)
{
    test_packet_begin(&rig.packet, 40);
    test_packet_immediate(&rig.packet, SPEAD_ID_HEAP_COUNTER, counter);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_OFFSET, offset);
    test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_LENGTH, bytes);
    for (uint64_t i = 0; i < bytes; i++)
        test_packet_payload(&rig.packet, &(uint8_t){test_packet_byte(counter, offset + i)}, 1);
    recv_rig_push(&rig);
}

Test(recv_missing, an_unsized_heap_that_eviction_cuts_is_evicted_and_its_rest_is_late)
{
    struct spead_heap *heap;

    recv_rig_open(&rig);
    push_unsized(1, 0, 32);
    push_unsized(1, 32, 32);
    evict(2);
    push_unsized(1, 64, 32);
    push_unsized(1, 96, 32);
    recv_rig_stop(&rig);
    for (uint64_t counter = 2; counter <= 4; counter++)
        expect_heap(&rig, counter, true);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect_eq(spead_heap_counter(heap), 1u);
    cr_expect_not(spead_heap_is_complete(heap));
    cr_expect_eq(spead_heap_gaps(heap, NULL, 0), 0u);
    spead_heap_unref(heap);
    expect_heap(&rig, 5, true);
    EXPECT_BUCKETS(&rig, "delivered 6, late 2");
    cr_expect_eq(rig.stats.counters.heaps_evicted, 1u);
    cr_expect_eq(rig.stats.counters.heaps_unsized_cut, 1u);
    expect_missing(0, 0, 0);
}

Test(recv_missing, unsized_heaps_are_complete_at_the_end_of_the_stream)
{
    recv_rig_open(&rig);
    push_unsized(1, 0, 32);
    push_unsized(2, 0, 32);
    push_unsized(2, 32, 32);
    recv_rig_stop(&rig);
    expect_heap(&rig, 1, true);
    expect_heap(&rig, 2, true);
    cr_expect_eq(rig.stats.counters.heaps_unsized_cut, 0u);
}

Test(recv_missing, unsized_heaps_in_sequence_are_complete_when_a_newer_heap_takes_their_place)
{
    rig.config.unsized_in_sequence = true;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter <= 20; counter++)
        push_unsized(counter, 0, 32);
    push_unsized(21, 0, 32);
    push_unsized(21, 64, 32); /* a packet of heap 21 is lost */
    recv_rig_stop(&rig);
    for (uint64_t counter = 1; counter <= 20; counter++)
        expect_heap(&rig, counter, true);
    expect_heap(&rig, 21, false);
    cr_expect_eq(rig.stats.counters.heaps_complete, 20u);
    cr_expect_eq(rig.stats.counters.heaps_evicted, 0u);
}

/* ---- Beside a model ------------------------------------------------------------------------- */

enum { HEAPS = 120, PACKETS_MAX = 40, SENT_MAX = HEAPS * PACKETS_MAX };

/* A kind of heap: its length, the payload of its first packet, and the payload of the packets that follow. */
struct kind {
    uint64_t length, first, bytes;
};

struct sent {
    uint64_t counter, length, offset, bytes;
    unsigned place; /* packets arrive in the order of this number */
};

static int by_place(const void *a, const void *b)
{
    const struct sent *x = a, *y = b;

    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return x->counter != y->counter ? (x->counter < y->counter ? -1 : 1)
                                    : (x->offset < y->offset ? -1 : x->offset > y->offset);
}

/* Acts as the network: loses, copies and displaces packets of one heap. Adds the packets that arrive to `arrives`.
 * Returns how many packets of the heap never arrive. If no packet arrives, returns 0, because then the whole heap is
 * missing. */
static unsigned carry(uint64_t counter, const struct kind *kind, unsigned loss,
                      struct sent *arrives, unsigned *count)
{
    unsigned lost = 0, arrived = 0, start = (unsigned)counter * PACKETS_MAX, number = 0;

    for (uint64_t offset = 0, bytes; offset < kind->length; offset += bytes, number++) {
        bytes = offset == 0 ? kind->first : kind->bytes;
        if (bytes > kind->length - offset)
            bytes = kind->length - offset;
        if ((unsigned)rand() % 100 < loss) {
            lost++;
            continue;
        }
        arrived++;
        for (unsigned copy = 0; copy < 1 + ((unsigned)rand() % 20 == 0); copy++)
            arrives[(*count)++] = (struct sent){
                .counter = counter,
                .length = kind->length,
                .offset = offset,
                .bytes = bytes,
                .place = start + number + (rand() % 8 == 0 ? (unsigned)rand() % 200 : 0)};
    }
    return arrived > 0 ? lost : 0;
}

/* First, one heap of each kind comes without loss. From these heaps the stream learns how the sender cuts each kind. */
static unsigned send_all(const struct kind *kinds, unsigned kind_count)
{
    static struct sent arrives[2 * SENT_MAX];
    unsigned count = 0, missing = 0;

    for (unsigned i = 0; i < kind_count; i++) {
        uint64_t offset = 0, bytes = kinds[i].first;

        for (; offset < kinds[i].length; offset += bytes, bytes = kinds[i].bytes) {
            if (bytes > kinds[i].length - offset)
                bytes = kinds[i].length - offset;
            recv_rig_data(&rig, i, kinds[i].length, offset, bytes);
        }
    }
    for (uint64_t counter = kind_count; counter < HEAPS; counter++)
        missing += carry(counter, &kinds[rand() % (int)kind_count], 15, arrives, &count);
    qsort(arrives, count, sizeof *arrives, by_place);
    for (unsigned i = 0; i < count; i++)
        recv_rig_data(&rig, arrives[i].counter, arrives[i].length, arrives[i].offset,
                      arrives[i].bytes);
    return missing;
}

Test(recv_missing, missing_is_what_was_sent_and_never_came)
{
    for (unsigned seed = 1; seed <= 60; seed++) {
        struct kind kinds[3];
        unsigned missing;

        srand(seed);
        if (seed > 1) {
            recv_rig_close(&rig);
            open_rig();
        }
        rig.config.allow_out_of_order = seed % 2;
        rig.config.live_heaps_max = 1 + seed % 3;
        rig.config.finished_heaps_max = 32;
        recv_rig_open(&rig);
        for (unsigned i = 0; i < 3; i++) {
            kinds[i].bytes = 20 + (uint64_t)rand() % 80;
            kinds[i].first = rand() % 2 ? kinds[i].bytes : 1 + (uint64_t)rand() % kinds[i].bytes;
            kinds[i].length = kinds[i].first + 1 + (uint64_t)rand() % (30 * kinds[i].bytes);
        }
        missing = send_all(kinds, 3);
        recv_rig_run(&rig);
        recv_rig_stop(&rig);
        cr_expect_eq(rig.stats.counters.missing_packets, missing, "seed %u: %lu said, %u missing",
                     seed, rig.stats.counters.missing_packets, missing);
        cr_expect_leq(rig.stats.counters.missing_packets_least, missing, "seed %u", seed);
    }
}
