/* A receive stream from packets to heaps.
 * Method: a scripted engine lends exactly the packets that a test names; what counts is what a user sees:
 * heaps, their bytes, and the ledger. Each poll checks that seen equals the sum of the buckets. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>

#include "recv_rig.h"

static struct recv_rig rig;

static void open_rig(void)
{
    recv_rig_init(&rig);
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_stream, .init = open_rig, .fini = close_rig);

#define EXPECT_BUCKETS(text) cr_expect_str_eq(recv_rig_buckets(&rig), text)

static void expect_heap(uint64_t counter, bool complete)
{
    struct spead_heap *heap = recv_rig_take(&rig);

    cr_assert_not_null(heap, "heap %llu was not handed over", (unsigned long long)counter);
    cr_expect_eq(spead_heap_counter(heap), counter);
    cr_expect_eq(spead_heap_is_complete(heap), complete);
    cr_expect(recv_rig_heap_is_right(heap));
    spead_heap_unref(heap);
}

static void expect_no_heap(void)
{
    struct spead_heap *heap = recv_rig_take(&rig);

    cr_expect_null(heap);
    spead_heap_unref(heap);
}

Test(recv_stream, a_heap_of_one_packet_is_handed_over_whole)
{
    struct spead_heap *heap;

    recv_rig_open(&rig);
    recv_rig_data(&rig, 7, 64, 0, 64);
    recv_rig_run(&rig);
    heap = recv_rig_take(&rig);
    cr_assert_not_null(heap);
    cr_expect_eq(spead_heap_counter(heap), 7);
    cr_expect_eq(spead_heap_length(heap), 64);
    cr_expect_eq(spead_heap_packets(heap), 1);
    cr_expect_eq(spead_heap_first_ns(heap), 1001);
    cr_expect(spead_heap_is_complete(heap));
    cr_expect(recv_rig_heap_is_right(heap));
    spead_heap_unref(heap);
    expect_no_heap();
    EXPECT_BUCKETS("delivered 1");
    cr_expect_eq(rig.stats.payload_bytes, 64);
}

Test(recv_stream, a_heap_of_many_packets_is_assembled)
{
    recv_rig_open(&rig);
    for (uint64_t offset = 0; offset < 100000; offset += 1000)
        recv_rig_data(&rig, 1, 100000, offset, 1000);
    recv_rig_run(&rig);
    expect_heap(1, true);
    EXPECT_BUCKETS("delivered 100");
}
