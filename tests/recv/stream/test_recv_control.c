/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: start and stop heaps have their effect even if data heaps have the same heap counters. This happens often:
 * spead2 itself numbers its stop heaps 1, 2, ..., and its caller may give the same numbers to data heaps.
 * Method: a scripted engine lends the packets; the ledger says in which bucket each packet is. */
#include <criterion/criterion.h>

#include <errno.h>

#include "recv_rig.h"

static struct recv_rig rig;

static void open_rig(void)
{
    recv_rig_init(&rig);
    recv_rig_open(&rig);
}

static void close_rig(void)
{
    recv_rig_close(&rig);
}

TestSuite(recv_control, .init = open_rig, .fini = close_rig);

Test(recv_control, a_stop_heap_is_heard_under_the_counter_of_a_complete_heap)
{
    recv_rig_data(&rig, 1, 64, 0, 64);
    recv_rig_control(&rig, 1, SPEAD_CONTROL_STOP);
    recv_rig_data(&rig, 2, 64, 0, 64);
    recv_rig_run(&rig);
    cr_expect_str_eq(recv_rig_buckets(&rig), "delivered 1, control 1, after-stop 1");
}

Test(recv_control, a_start_heap_under_an_old_counter_makes_way_for_the_heaps_after_it)
{
    recv_rig_data(&rig, 1, 64, 0, 64);
    recv_rig_data(&rig, 2, 64, 0, 64);
    recv_rig_control(&rig, 1, SPEAD_CONTROL_START);
    recv_rig_data(&rig, 2, 64, 0, 64);
    recv_rig_run(&rig);
    cr_expect_str_eq(recv_rig_buckets(&rig), "delivered 3, control 1");
}

Test(recv_control, reissued_descriptors_under_an_old_counter_are_named)
{
    recv_rig_data(&rig, 1, 64, 0, 64);
    recv_rig_control(&rig, 1, SPEAD_CONTROL_DESCRIPTORS_REISSUED);
    recv_rig_run(&rig);
    cr_expect_str_eq(recv_rig_buckets(&rig), "delivered 1, repeated-counter 1");
}

/* spead2 gives its start heap the counter 1, even if its caller has numbered the data heaps in another way. */
Test(recv_control, data_counters_after_a_start_heap_need_not_go_on_from_it)
{
    recv_rig_control(&rig, 1, SPEAD_CONTROL_START);
    recv_rig_data(&rig, 1000, 64, 0, 64);
    recv_rig_data(&rig, 1002, 64, 0, 64);
    recv_rig_run(&rig);
    cr_expect_eq(rig.stats.counters.missing_heaps, 1u, "1001 alone, not %llu",
                 (unsigned long long)rig.stats.counters.missing_heaps);
}
