/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the engine says how full its source is although nobody polls, and the frames that it has counted arrive whole,
 * in order, and once.
 * Method: the far host sends packets with numbered content while the test calls fill() only. Then the test polls. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <speadi/clock.h>

#include "control.h"
#include "rx_rig.h"
#include "rx_verbs.h"
#include "verbs_double.h"
#include "verbs_rx_expect.h"

enum { PAYLOAD = 1000, ENTRY_LOG = 15, ENTRIES = 16 };

static struct verbs_rx_rig rig;
static uint8_t sent[PAYLOAD];

static const struct verbs_rx_options slots = {.path = SPEAD_PATH_BOUNCE,
                                              .verbs = {.mprq = SPEAD_MPRQ_OFF}};
static const struct verbs_rx_options striding = {
    .buffer_bytes = ENTRIES << ENTRY_LOG,
    .path = SPEAD_PATH_BOUNCE,
    .verbs = {.mprq = SPEAD_MPRQ_ON, .mprq_stride_log = 6, .mprq_entry_log = ENTRY_LOG}};

static void tear_down(void)
{
    verbs_rx_close(&rig);
}

TestSuite(rx_verbs_fill, .init = test_use_verbs_double, .fini = tear_down, .timeout = 60);

static void send_packets(uint32_t first, uint32_t count)
{
    for (uint32_t seed = first; seed < first + count; seed++) {
        rx_rig_fill(sent, sizeof sent, seed);
        cr_assert(verbs_rx_rig_send(&rig, 0, sent, sizeof sent), "%s", strerror(errno));
    }
}

static double fill(void)
{
    return rig.ops->fill(rig.engine);
}

/* Waits until the device has received `count` packets in all, or has dropped one. Calls fill() all the time. */
static void await(uint64_t count)
{
    struct vdouble_counters now;

    do {
        fill();
        vdouble_counters(&now);
    } while (now.rx_delivered < count && now.rx_out_of_buffer == 0 && usleep(1000) == 0);
    cr_assert_eq(now.rx_out_of_buffer, 0, "the device had no receive for a packet");
}

static void assert_come(uint32_t first, uint32_t count)
{
    for (uint32_t seed = first; seed < first + count;) {
        int got = verbs_rx_rig_poll(&rig);

        cr_assert_gt(got, 0, "packet %u did not come", seed);
        for (int i = 0; i < got; i++, seed++) {
            rx_rig_fill(sent, sizeof sent, seed);
            cr_assert(rx_rig_packet_is(&rig.burst.packet[i], sent, sizeof sent), "packet %u", seed);
        }
        verbs_rx_rig_give_back(&rig);
    }
}

/* Fills the source to three quarters again and again. `all` packets fill it. */
static void fill_and_empty(uint32_t all)
{
    uint32_t some = all / 4, first = 0;

    cr_expect_eq(fill(), 0);
    for (unsigned round = 0; round < 20; round++, first += 3 * some) {
        send_packets(first, some);
        await(first + some);
        cr_expect(fill() > 0.15 && fill() < 0.35, "a quarter: %g", fill());
        send_packets(first + some, 2 * some);
        await(first + 3 * some);
        cr_expect(fill() > 0.65 && fill() < 0.85, "three quarters: %g", fill());
        assert_come(first, 3 * some);
    }
}

Test(rx_verbs_fill, is_the_part_of_the_receives_that_are_used_up)
{
    verbs_rx_open(&rig, &slots);
    fill_and_empty(((const struct speadi_verbs_engine *)rig.engine)->depth);
}

Test(rx_verbs_fill, is_the_part_of_the_strides_of_a_multi_packet_queue_that_are_used_up)
{
    verbs_rx_open(&rig, &striding);
    /* a frame of 1042 bytes takes 17 strides of 64 bytes */
    fill_and_empty((ENTRIES << ENTRY_LOG) / (17 * 64));
}

/* While payload is placed, only placed_window receives are posted. */
Test(rx_verbs_fill, all_receives_are_posted_when_the_core_asks_instead_of_reading)
{
    verbs_rx_open(&rig, &slots);
    ((struct speadi_verbs_engine *)rig.engine)->queue[0].placing = true;
    send_packets(0, 10);
    assert_come(0, 10);
    fill_and_empty(((const struct speadi_verbs_engine *)rig.engine)->depth);
}

Test(rx_verbs_fill, more_packets_than_the_receives_hold_lose_only_those_that_the_device_drops)
{
    struct vdouble_counters now;

    verbs_rx_open(&rig, &striding);
    send_packets(0, 600);
    do {
        fill();
        vdouble_counters(&now);
    } while (now.rx_delivered + now.rx_out_of_buffer < 600 && usleep(1000) == 0);
    cr_expect_gt(now.rx_out_of_buffer, 0);
    cr_expect_gt(fill(), 0.95);
    assert_come(0, (uint32_t)now.rx_delivered);
}

Test(rx_verbs_fill, a_queue_that_has_failed_counts_as_full_and_is_made_anew)
{
    const struct speadi_verbs_engine *engine;
    uint32_t next = 10;

    verbs_rx_open(&rig, &slots);
    engine = rig.engine;
    send_packets(0, 10);
    await(10);
    cr_assert_eq(vdouble_qp_fatal(engine->set.qp->qp_num), 0);
    rig.ops->wait(rig.engine, 0); /* returns at once, because frames are kept */
    assert_come(0, 10);
    while (engine->rebuilds == 0) {
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + 1000000);
        cr_assert_geq(rig.ops->poll(rig.engine, &rig.burst), 0);
        verbs_rx_rig_give_back(&rig);
    }
    send_packets(next, 1);
    assert_come(next, 1);
}
