/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the memory of large heaps is there before their packets come, without page faults in the owner thread. A heap
 * with a forged length gets only as much memory as its received bytes justify.
 * Method: a scripted stream. The tests poll until the thread that populates has nothing to do. They ask the kernel
 * which bytes are resident (mincore), and how many page faults this thread has had (getrusage). Huge pages are off. */
#include <criterion/criterion.h>

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "recv_expect.h"
#include "resident.h"

#define MIB          ((uint64_t)1 << 20)
#define HEAP_BYTES   (8 * MIB)
#define PACKET_BYTES 8192u

static struct recv_rig rig;

static void set_up(void)
{
    cr_assert_eq(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
    recv_rig_init(&rig);
    rig.config.heap_bytes_max = 4 * HEAP_BYTES;
    rig.config.receive_path = SPEAD_PATH_BOUNCE;
}

static void tear_down(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_populate, .init = set_up, .fini = tear_down);

/* Polls until the populator is idle and has got no more work. */
static void settle(void)
{
    do {
        sched_yield();
        recv_rig_poll(&rig);
    } while (rig.stream->populating);
}

/* Sends a part of a heap. Returns how many page faults this thread has had meanwhile. */
static long receive(uint64_t counter, uint64_t from, uint64_t end)
{
    struct rusage before, after;
    long faults = 0;

    for (; from < end; from += PACKET_BYTES) {
        recv_rig_data(&rig, counter, HEAP_BYTES, from, PACKET_BYTES);
        getrusage(RUSAGE_THREAD, &before);
        recv_rig_poll(&rig);
        getrusage(RUSAGE_THREAD, &after);
        faults += after.ru_minflt - before.ru_minflt;
    }
    return faults;
}

static const struct speadi_block *newest_region(void)
{
    return rig.stream->table.newest->heap.region;
}

Test(recv_populate, the_first_heap_is_populated_while_it_comes)
{
    recv_rig_open(&rig);
    receive(1, 0, HEAP_BYTES / 8);
    settle();
    cr_expect_geq(test_resident(newest_region()), HEAP_BYTES);
}

Test(recv_populate, the_next_heaps_have_their_memory_before_their_first_packet)
{
    recv_rig_open(&rig);
    receive(1, 0, HEAP_BYTES);
    settle();
    for (uint64_t counter = 2; counter < 2 + SPEAD_RECV_LIVE_HEAPS_DEFAULT; counter++) {
        receive(counter, 0, PACKET_BYTES);
        cr_expect_geq(test_resident(newest_region()), HEAP_BYTES, "heap %d", (int)counter);
    }
}

/* Counts the page faults of the owner thread in the second heap, which comes before the first one has ended. So the
 * second heap needs a region that was never used. AddressSanitizer adds page faults, because it keeps one byte for
 * every eight bytes of memory. */
static long faults_of_second_heap(void)
{
    receive(1, 0, HEAP_BYTES - PACKET_BYTES);
    settle();
    return receive(2, 0, HEAP_BYTES);
}

Test(recv_populate, the_owner_thread_has_no_page_faults_in_the_second_heap)
{
    long faults;

    recv_rig_open(&rig);
    faults = faults_of_second_heap();
    cr_expect_lt(faults, (long)(HEAP_BYTES / 4096 / 4), "%ld page faults", faults);
}

Test(recv_populate, off_means_that_the_owner_thread_has_the_page_faults)
{
    rig.config.populate = SPEAD_POPULATE_OFF;
    recv_rig_open(&rig);
    cr_expect_geq(faults_of_second_heap(), (long)(HEAP_BYTES / 4096 / 2));
    cr_expect_not(rig.stream->populates);
}

Test(recv_populate, a_forged_length_gets_little_memory)
{
    recv_rig_open(&rig);
    receive(1, 0, PACKET_BYTES);
    settle();
    cr_expect_leq(test_resident(newest_region()), 16 * PACKET_BYTES);
    cr_expect_leq(rig.stats.counters.memory_bytes, 16 * PACKET_BYTES);
}

Test(recv_populate, short_heaps_are_left_alone)
{
    recv_rig_open(&rig);
    recv_rig_data(&rig, 1, MIB, 0, PACKET_BYTES);
    recv_rig_poll(&rig);
    cr_expect_not(rig.stream->populate_due);
}

Test(recv_populate, a_heap_without_a_length_is_populated_up_to_the_longest_heap_so_far)
{
    static const uint8_t payload[PACKET_BYTES];

    recv_rig_open(&rig);
    for (uint64_t at = 0; at < MIB; at += PACKET_BYTES) {
        test_packet_begin(&rig.packet, 40);
        test_packet_immediate(&rig.packet, SPEAD_ID_HEAP_COUNTER, 1);
        test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_OFFSET, at);
        test_packet_immediate(&rig.packet, SPEAD_ID_PAYLOAD_LENGTH, PACKET_BYTES);
        test_packet_payload(&rig.packet, payload, PACKET_BYTES);
        recv_rig_push(&rig);
        recv_rig_poll(&rig);
    }
    settle();
    cr_expect_leq(newest_region()->charged_bytes, 2 * MIB, "no heap was complete so far");
}

Test(recv_populate, memory_stays_within_the_limit)
{
    rig.config.memory_bytes_max = 3 * HEAP_BYTES;
    recv_rig_open(&rig);
    for (uint64_t counter = 1; counter < 8; counter++) {
        receive(counter, 0, HEAP_BYTES);
        settle();
        expect_heap(&rig, counter, true);
    }
    cr_expect_leq(rig.stats.counters.memory_high_water_bytes, 3 * HEAP_BYTES);
}

Test(recv_populate, the_plan_says_who_populates)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    recv_rig_open(&rig);
    spead_recv_stream_plan(rig.stream, &plan);
    cr_expect_not_null(strstr(plan.populate_reason, "ahead, by a thread of its own"));
}

Test(recv_populate, a_stream_of_small_heaps_needs_no_thread)
{
    struct spead_recv_plan plan = SPEAD_RECV_PLAN_INIT;

    rig.config.heap_bytes_max = MIB;
    recv_rig_open(&rig);
    spead_recv_stream_plan(rig.stream, &plan);
    cr_expect_not_null(strstr(plan.populate_reason, "not needed"));
}
