/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: where a script says so, the double is as slow as hardware: verbs block their caller, flushed receives complete
 * late, and frames come faster than the program can run.
 * Method: as in test_double_faults.c. A verb lasts at least as long as the script says; no test has an upper limit. */
#include "verbs_rig.h"

#include <time.h>

static struct rig rig;

static void begin(unsigned slots)
{
    rig_open(&rig, 2, (struct rig_options){0});
    rig_ready(&rig.near);
    rig_ready(&rig.far);
    for (unsigned i = 0; i < slots; i++)
        cr_assert_eq(rig_post(&rig.near, i), 0);
    rig_steer(&rig.near);
}

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static void send_numbers(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        cr_assert_eq(rig_send(&rig.far, i, 64), IBV_WC_SUCCESS);
}

Test(verbs_slow, verbs_that_change_the_device_block_their_caller)
{
    uint64_t before;

    begin(1);
    cr_assert_eq(vdouble_script("verb_us=30000"), 0);
    before = now_us();
    cr_assert_eq(ibv_destroy_flow(rig.near.flow), 0);
    rig_steer(&rig.near);
    cr_assert_eq(rig_move_qp(rig.near.qp, IBV_QPS_ERR), 0);
    cr_expect_geq(now_us() - before, 90000u);
    vdouble_reset();
    rig_close(&rig);
}

/* The frame comes while the program is in the verb: the verb lasts as long as the frame needs. */
Test(verbs_slow, frames_go_on_arriving_while_a_verb_blocks)
{
    struct ibv_cq *other;
    uint64_t calls = 0;

    begin(2);
    send_numbers(3);
    vdouble_script("verb_us=1000");
    while (rig_counters().rx_delivered + rig_counters().rx_out_of_buffer < 3 && calls++ < 5000) {
        other = ibv_create_cq(rig.near.context, 1, NULL, NULL, 0);
        cr_assert_eq(ibv_destroy_cq(other), 0);
    }
    cr_expect_eq(rig_counters().rx_delivered, 2);
    cr_expect_eq(rig_counters().rx_out_of_buffer, 1);
    rig_close(&rig);
}

Test(verbs_slow, flushed_receives_complete_later)
{
    uint64_t before;

    begin(2);
    vdouble_script("flush_us=100000");
    before = now_us();
    cr_assert_eq(rig_move_qp(rig.near.qp, IBV_QPS_ERR), 0);
    for (unsigned i = 0; i < 2; i++)
        cr_expect_eq(rig_completion(rig.near.recv_cq).status, IBV_WC_WR_FLUSH_ERR);
    cr_expect_geq(now_us() - before, 100000u);
    rig_close(&rig);
}

Test(verbs_slow, a_burst_comes_at_once_and_what_is_not_posted_is_dropped)
{
    begin(3);
    vdouble_script("burst=5");
    send_numbers(5);
    rig_wait_frames(5);
    cr_expect_eq(rig_counters().rx_delivered, 3);
    cr_expect_eq(vdouble_out_of_buffer(rig.near.qp->qp_num), 2);
    cr_expect_eq(vdouble_out_of_buffer(rig.far.qp->qp_num), 0);
    for (uint32_t i = 0; i < 3; i++) {
        struct ibv_wc wc = rig_completion(rig.near.recv_cq);

        cr_expect_eq(rig_number(rig_slot(&rig.near, (unsigned)wc.wr_id)), i);
    }
    rig_close(&rig);
}

Test(verbs_slow, the_rest_of_a_burst_comes_when_the_network_is_silent)
{
    begin(8);
    vdouble_script("burst=4");
    send_numbers(6);
    rig_wait_frames(6);
    cr_expect_eq(rig_counters().rx_delivered, 6);
    rig_close(&rig);
}

Test(verbs_slow, frames_that_are_withheld_at_the_end_leave_nothing_behind)
{
    begin(8);
    vdouble_script("burst=100");
    send_numbers(6);
    rig_close(&rig);
}
