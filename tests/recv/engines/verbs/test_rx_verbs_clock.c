/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the times of packets are UTC unless the user asks for the clock of the NIC, whatever that clock shows. A clock
 * that is in change at the moment is no failure of a queue.
 * Method: the verbs double has a counter that is no time, and a clock of the day that can be TAI, can drift, and can have
 * the real-time format of mlx5. */
#include <criterion/criterion.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <speadi/clock.h>

#include "control.h"
#include "rx_verbs.h"
#include "verbs_double.h"
#include "verbs_rx_usual.h"

#define SECOND_NS UINT64_C(1000000000)
#define TAI_NS    (37 * SECOND_NS)
/* Above this, a time is taken for wrong. */
#define SLACK_NS UINT64_C(1000000)

TestSuite(rx_verbs_clock, .init = test_use_verbs_double, .fini = tear_down, .timeout = 60);

static void open_clock(const char *script, enum spead_verbs_clock clock)
{
    cr_assert_eq(vdouble_script(script), 0, "%s", script);
    verbs_rx_open(&rig, &(struct verbs_rx_options){.verbs.clock = clock});
}

/* Receives a packet, whose time must be now plus `ahead_ns`. */
static void expect_time(enum spead_clock clock, uint64_t ahead_ns)
{
    uint64_t before = speadi_clock_utc_ns() + ahead_ns, time;

    send_one(0, 1);
    time = take_one()->time_ns;
    cr_expect_eq(rig.burst.clock, clock);
    cr_expect_geq(time, before - SLACK_NS, "%lld ns too early", (long long)(before - time));
    cr_expect_leq(time, speadi_clock_utc_ns() + ahead_ns + SLACK_NS, "%lld ns too late",
                  (long long)(time - before));
    verbs_rx_rig_give_back(&rig);
}

static void expect_come(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        assert_comes(0, i);
}

/* ---- UTC ----------------------------------------------------------------------------------- */

Test(rx_verbs_clock, times_are_utc_by_the_counter_whatever_the_clock_of_the_nic_shows)
{
    open_clock("wallclock_offset_s=37 wallclock_drift_ppm=50", SPEAD_VERBS_CLOCK_AUTO);
    expect_time(SPEAD_CLOCK_UTC, 0);
    cr_expect_gt(vdouble_calls("query_rt_values"), 0);
    cr_expect_gt(rig.burst.clock_error_ns, 0);
    cr_expect_neq(rig.burst.clock_error_ns, UINT64_MAX);
}

/* The double stamps a frame by CLOCK_REALTIME, so the time must be that stamp, up to the error that the engine states. */
Test(rx_verbs_clock, the_counter_is_converted_within_the_error_that_the_engine_states)
{
    open_clock("", SPEAD_VERBS_CLOCK_AUTO);
    for (uint32_t i = 0; i < 50; i++) {
        uint64_t before = speadi_clock_utc_ns(), time;

        send_one(0, i);
        time = take_one()->time_ns;
        cr_expect_geq(time + rig.burst.clock_error_ns, before);
        cr_expect_leq(time, speadi_clock_utc_ns() + rig.burst.clock_error_ns);
        verbs_rx_rig_give_back(&rig);
        usleep(10000); /* so that the clocks are compared anew meanwhile */
    }
    cr_expect_gt(vdouble_calls("query_rt_values"), 4);
}

Test(rx_verbs_clock, the_error_is_unknown_once_the_counter_cannot_be_read)
{
    open_clock("", SPEAD_VERBS_CLOCK_AUTO);
    expect_time(SPEAD_CLOCK_UTC, 0);
    vdouble_script("query_rt_values@%1=EIO");
    usleep(200000); /* after a tenth of a second the engine reads the counter again */
    expect_time(SPEAD_CLOCK_UTC, 0);
    cr_expect_eq(rig.burst.clock_error_ns, UINT64_MAX);
}

Test(rx_verbs_clock, times_are_utc_by_the_counter_in_a_multi_packet_queue_too)
{
    cr_assert_eq(vdouble_script("wallclock_offset_s=37"), 0);
    verbs_rx_open(
        &rig, &(struct verbs_rx_options){.path = SPEAD_PATH_BOUNCE, .verbs.mprq = SPEAD_MPRQ_ON});
    expect_time(SPEAD_CLOCK_UTC, 0);
    cr_expect_gt(vdouble_calls("query_rt_values"), 0);
}

Test(rx_verbs_clock, times_are_utc_by_the_host_where_the_nic_stamps_in_the_real_time_format)
{
    open_clock("real_time=1 wallclock_offset_s=37", SPEAD_VERBS_CLOCK_AUTO);
    expect_time(SPEAD_CLOCK_UTC, 0);
}

Test(rx_verbs_clock, times_are_utc_by_the_host_where_the_nic_does_not_stamp)
{
    open_clock("wallclock=0 timestamps=0", SPEAD_VERBS_CLOCK_AUTO);
    expect_time(SPEAD_CLOCK_UTC, 0);
}

Test(rx_verbs_clock, the_user_may_ask_for_the_clock_of_the_host)
{
    open_clock("", SPEAD_VERBS_CLOCK_SYSTEM);
    expect_time(SPEAD_CLOCK_UTC, 0);
    cr_expect_eq(vdouble_calls("query_rt_values"), 0);
}

/* ---- The clock of the NIC ------------------------------------------------------------------ */

Test(rx_verbs_clock, the_user_may_ask_for_the_clock_of_the_nic)
{
    open_clock("wallclock_offset_s=37", SPEAD_VERBS_CLOCK_NIC);
    expect_time(SPEAD_CLOCK_HARDWARE, TAI_NS);
}

Test(rx_verbs_clock, the_real_time_format_is_converted)
{
    static const char *const scripts[] = {"real_time=1 wallclock_offset_s=37",
                                          "real_time=1 wallclock_offset_s=37 clock_page=0"};

    for (unsigned i = 0; i < 2; i++) {
        open_clock(scripts[i], SPEAD_VERBS_CLOCK_NIC);
        expect_time(SPEAD_CLOCK_HARDWARE, TAI_NS);
        expect_come(20);
        cr_expect_eq(counters().rebuilds, 0, "%s", scripts[i]);
        tear_down();
    }
}

Test(rx_verbs_clock, a_nic_that_does_not_give_its_clock_is_refused_by_name)
{
    static const char *const scripts[] = {"wallclock=0", "clock_page=0"};

    for (unsigned i = 0; i < 2; i++) {
        vdouble_reset();
        cr_assert_eq(vdouble_script(scripts[i]), 0);
        verbs_rx_prepare(&rig, &(struct verbs_rx_options){.verbs.clock = SPEAD_VERBS_CLOCK_NIC});
        cr_expect_eq(verbs_rx_rig_open_engine(&rig), -ENOTSUP, "%s", scripts[i]);
        cr_expect_str_eq(rig.err.field, "verbs.clock");
        cr_expect(strstr(rig.err.text, "use auto"), "%s", rig.err.text);
        tear_down();
    }
}

/* ---- A clock in change --------------------------------------------------------------------- */

Test(rx_verbs_clock, a_clock_that_is_in_change_is_asked_again)
{
    static const struct verbs_rx_options kinds[] = {
        {.verbs.clock = SPEAD_VERBS_CLOCK_NIC},
        {.verbs.clock = SPEAD_VERBS_CLOCK_NIC, .verbs.queues = 4},
        {.verbs.clock = SPEAD_VERBS_CLOCK_NIC,
         .path = SPEAD_PATH_BOUNCE,
         .verbs.mprq = SPEAD_MPRQ_ON},
    };

    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        cr_assert_eq(vdouble_script("clock_busy=2"), 0);
        verbs_rx_open(&rig, &kinds[i]);
        expect_come(100);
        cr_expect_eq(counters().rebuilds, 0, "kind %u", i);
        tear_down();
    }
}

Test(rx_verbs_clock, a_clock_that_is_long_in_change_costs_no_packet_and_no_sleep)
{
    open_clock("", SPEAD_VERBS_CLOCK_NIC);
    expect_come(1);
    vdouble_script("clock_busy=1");
    send_one(0, 7);
    for (unsigned i = 0; i < 200; i++) {
        cr_assert_eq(rig.ops->poll(rig.engine, &rig.burst), 0);
        /* If the engine slept, this wait would not end: the event of the packet may have been read. */
        rig.ops->wait(rig.engine, UINT64_MAX);
    }
    vdouble_script("clock_busy=0");
    cr_expect(rx_rig_packet_is(take_one(), sent, sizeof sent));
    verbs_rx_rig_give_back(&rig);
    cr_expect_eq(counters().rebuilds, 0);
}

/* The queue fails while its frames wait. They are kept, although the clock is in change when the engine reads them: the
 * first reading of the clock was for the first packet, and each second reading fails. */
Test(rx_verbs_clock, frames_of_a_failed_queue_are_kept_while_the_clock_is_in_change)
{
    enum { COUNT = 20 };
    const struct speadi_verbs_engine *engine;

    cr_assert_eq(vdouble_script("clock_busy=2 qp.fatal@22"), 0);
    verbs_rx_open(&rig, &(struct verbs_rx_options){
                            .verbs = {.clock = SPEAD_VERBS_CLOCK_NIC, .comp_vector = -1}});
    engine = rig.engine;
    expect_come(1);
    for (uint32_t i = 0; i <= COUNT; i++)
        send_one(0, i);
    for (int i = 0; i < 5000 && !engine->failed; i++) {
        rig.ops->wait(rig.engine, UINT64_MAX);
        usleep(1000);
    }
    cr_assert(engine->failed);
    for (uint32_t next = 0; next < COUNT;) {
        int got = verbs_rx_rig_poll(&rig);

        cr_assert_gt(got, 0, "%u packets came", next);
        for (int i = 0; i < got && next < COUNT; i++, next++) {
            rx_rig_fill(sent, sizeof sent, next);
            cr_assert(rx_rig_packet_is(&rig.burst.packet[i], sent, sizeof sent), "%u", next);
        }
        verbs_rx_rig_give_back(&rig);
    }
    cr_expect_eq(counters().rebuilds, 1);
}

Test(rx_verbs_clock, a_clock_that_goes_away_is_replaced_by_utc_once)
{
    open_clock("wallclock_offset_s=37", SPEAD_VERBS_CLOCK_NIC);
    expect_time(SPEAD_CLOCK_HARDWARE, TAI_NS);
    vdouble_script("clock_page=0");
    send_one(0, 5); /* the packet at which the engine notices it; it may be lost */
    for (int i = 0; i < 5000 && counters().rebuilds == 0; i++) {
        if (rig.ops->poll(rig.engine, &rig.burst) > 0)
            verbs_rx_rig_give_back(&rig);
        rig.ops->wait(rig.engine, speadi_clock_mono_ns() + SLACK_NS);
    }
    expect_time(SPEAD_CLOCK_UTC, 0);
    expect_come(20);
    cr_expect_eq(counters().rebuilds, 1);
}
